"""What to worry about in a prepared store before anything is trained on it, in sentences.

The sentences say what a figure means and what to do. `worry` is what makes results wrong or claims too large; `note` is
what a reader of the results has to know.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from data.audit.balance import LEAST_COMPARED, Comparison
from data.audit.images import LOW_CONTRAST_LEVELS, WORRYING_SHARE, Twins
from data.audit.labels import FEW_PER_YEAR, SEXES, Group
from data.audit.measures import INFANT_MONTHS, RSNA_AGES_MONTHS, Audit, Finding, Level
from data.cases import MAX_AGE_MONTHS
from data.counted import counted
from data.films.traits import TRAITS, shown
from data.tables.ages import INFANTS_MOST, YEARS_MOST, look_like_years
from data.tables.rsna import RSNA_TEST_IDS, official_test

NAMES = {"train": "training", "validation": "validation", "test": "test"}
YEARS_MIXED = 0.1  # share of labels that may be years among months; of RSNA's 1 % are as low
FEW_OF_SEX = 0.05  # of the training images, of one sex: assumed
FEW_LABELS = 4  # different ones; RSNA has 150
YEARS_MAX_MONTHS = 25  # a set whose oldest label is below this holds infants alone, or years
QUANTISED = 0.5  # share of labels on atlas plates: 84 % of RSNA's single readings, about 12 % of all whole months
READING_SD_MONTHS = 7  # of one manual reading (Martin et al. 2022: 0.58 years)
OF_FILMS = {trait.name: trait for trait in TRAITS}
NAMED = 5  # ids in a sentence; the page and the JSON have all


def unit_findings(cases: pd.DataFrame, problems: pd.DataFrame, since_birth: bool) -> Iterator[Finding]:
    ages = cases["age_months"]
    if since_birth:
        yield Finding(
            "worry",
            "The labels are ages since birth, from DICOM headers: a network trained on them predicts no bone age, and its error "
            "is also the children's own deviation.",
        )
    low = ages <= YEARS_MOST
    if ages.max() < YEARS_MAX_MONTHS or look_like_years(ages.to_numpy()):
        yield Finding(
            "worry",
            f"{low.mean():.0%} of the bone ages are at most {YEARS_MOST} months (median {ages.median():g}): the labels look like years. "
            "If they are, repeat this with --age-unit years; if these are infants', they may be right.",
        )
    if low.mean() > YEARS_MIXED and ages.median() > INFANTS_MOST:
        yield Finding(
            "worry",
            f"{counted(int(low.sum()), 'label is', 'labels are')} at most {YEARS_MOST} months and half are above {ages.median():g}: if some were written in "
            f"years, convert those ({named(cases.loc[low, 'id'])}).",
        )
    refused = int((problems["kind"] == "age").sum())
    too_high = int((ages > MAX_AGE_MONTHS).sum())
    if refused + too_high > (len(cases) + len(problems)) / 4:
        yield Finding(
            "worry",
            f"{refused + too_high:,} of {counted(len(cases) + len(problems), 'label')} cannot be bone ages in months, "
            f"0 to {MAX_AGE_MONTHS}: if they are days, repeat this with --age-unit days.",
        )


def variety_findings(cases: pd.DataFrame) -> Iterator[Finding]:
    """What training has too little of to learn from."""
    train = cases[cases["split"] == "train"]
    for male, sex in enumerate(SEXES):
        share = float((train["male"] == bool(male)).mean()) if len(train) else 1.0
        if share < FEW_OF_SEX:
            amount = f"{share:.1%} {sex}" if share else f"no {sex}"
            yield Finding(
                "worry",
                f"The training images show {amount}: predictions for {sex} are guesses; claim nothing for them.",
            )
    labels = train["age_months"].nunique()
    if len(train) >= LEAST_COMPARED and labels < FEW_LABELS:
        yield Finding(
            "worry",
            f"The {len(train):,} training images have {counted(labels, 'different label')}: a network can learn "
            f"{'it' if labels == 1 else 'them'} without reading bones; check that the right column was read.",
        )


def leak_findings(cases: pd.DataFrame, problems: pd.DataFrame, pairs: list[Twins]) -> Iterator[Finding]:
    official = official_test(cases["id"]) & cases["split"].isin(["train", "validation"])
    if official.any():
        yield Finding(
            "worry",
            f"Leak risk: {counted(int(official.sum()), 'case outside the test split has an id', 'cases outside the test split have ids')} of RSNA's official test set "
            f"({RSNA_TEST_IDS[0]} to {RSNA_TEST_IDS[1]}; {named(cases.loc[official, 'id'])}): take them out before "
            "anything is reported on that test set.",
        )
    exact = problems[problems["kind"] == "duplicate"]
    across, contradicting = int(exact["across_splits"].sum()), int(exact["labels_differ"].sum())
    if len(exact):
        yield Finding(
            "worry" if contradicting else "note",
            f"{counted(len(exact), 'image')} equalled another pixel for pixel and {'was' if len(exact) == 1 else 'were'} left out"
            f"{f', {across:,} of them across splits' if across else ''}"
            f"{f'; {contradicting:,} had another age or sex than the image kept: find out which label is right' if contradicting else ''}.",
        )
    across, contradicting = sum(pair.across_splits for pair in pairs), sum(pair.labels_differ for pair in pairs)
    if pairs:
        what_to_do = (
            "look at them and remove one of each pair: no test image may also be a training image"
            if across
            else "look at them and find out which label is right"
            if contradicting
            else "look at them, and keep them in one split"
        )
        yield Finding(
            "worry" if across or contradicting else "note",
            f"{counted(len(pairs), 'pair of images is', 'pairs of images are')} nearly the same picture, {across:,} across splits and "
            f"{contradicting:,} with different age or sex ({named(f'{pair.first} and {pair.second}' for pair in pairs)}): "
            f"{what_to_do}.",
        )


def told_findings(worries: Sequence[str]) -> Iterator[Finding]:
    """What was found when the data were prepared, and cannot be seen in what is prepared."""
    for sentence in worries:
        yield Finding("worry", f"{sentence[0].upper()}{sentence[1:]}.")


def balance_findings(about: Audit) -> Iterator[Finding]:
    sexes = {(group.split, group.sex): group.cases for group in about.groups}
    girls, boys = (sexes.get(("test", sex), 0) for sex in SEXES)
    by_design = girls == boys > 0
    for (first, second), pair in groupby(about.comparisons, lambda comparison: (comparison.first, comparison.second)):
        every = {comparison.what: comparison for comparison in pair}
        sex = every["sex"]
        if second == "test" and by_design and first == "train" and abs(sex.effect) > 0.02:
            yield Finding(
                "note",
                f"The test split holds as many girls as boys ({girls:,} each), training is {sex.first_value:.0%} male: a "
                "choice, as in RSNA's official test set; report errors by sex.",
            )
        elif sex.imbalanced and not (second == "test" and by_design):
            yield Finding(
                "worry",
                f"{NAMES[first].capitalize()} is {sex.first_value:.0%} male, {NAMES[second]} {sex.second_value:.0%} "
                f"({p_text(sex.holm_p)}): errors differ by sex, so compare them by sex, or split at random.",
            )
        differing = [of for of in every.values() if of.what != "sex" and of.what not in OF_FILMS and of.imbalanced]
        if differing:
            yield Finding(
                "worry",
                f"{NAMES[first].capitalize()} and {NAMES[second]} differ in {' and in '.join(map(in_months, differing))}: report "
                "errors by age band, or split at random.",
            )
        films = [every[what] for what in OF_FILMS if what in every and every[what].imbalanced]
        if films:
            yield Finding(
                "worry",
                f"The films of {NAMES[first]} and {NAMES[second]} differ in {' and in '.join(map(of_films, films))}: they come from "
                "another scanner, archive or resampling, and a network may read that as another age; prepare both from files of one kind.",
            )


def of_films(comparison: Comparison) -> str:
    trait = OF_FILMS[comparison.what]
    first, second = (shown(trait, value) for value in (comparison.first_value, comparison.second_value))
    return f"{comparison.what} (means {first} and {second}, {p_text(comparison.holm_p)})"


def in_months(comparison: Comparison) -> str:
    values = "SDs" if comparison.what == "spread of age" else "means"
    return (
        f"{comparison.what} ({values} {comparison.first_value:.0f} and {comparison.second_value:.0f} months, "
        f"{p_text(comparison.holm_p)})"
    )


def label_findings(about: Audit) -> Iterator[Finding]:
    for split, on_plate, whole in plate_shares(about.groups):
        if split == "test" and whole < QUANTISED:
            yield Finding(
                "note",
                f"{1 - whole:.0%} of the test labels are fractions of months: they are means of several readings, and errors on "
                "them come out smaller than on training or validation labels.",
            )
        elif split == "test" and on_plate > QUANTISED:
            yield Finding(
                "worry",
                f"{on_plate:.0%} of the test labels are exactly an atlas plate: single readings, each uncertain by about "
                f"{READING_SD_MONTHS} months (SD); do not compare errors on them with those on RSNA's official test set, "
                "whose labels are means of six.",
            )
        elif split == "train" and on_plate > QUANTISED:
            yield Finding(
                "note",
                f"{on_plate:.0%} of the training labels are exactly a Greulich-Pyle plate: single readings, each uncertain "
                f"by about {READING_SD_MONTHS} months (SD), which no network can predict.",
            )


def plate_shares(of: list[Group]) -> Iterator[tuple[str, float, float]]:
    """Per split: its name, the share of labels exactly on a plate, and of whole months."""
    for split, both in groupby(of, lambda group: group.split):
        sexes = list(both)
        weights = [group.cases for group in sexes]
        yield (
            split,
            float(np.average([group.plate_share for group in sexes], weights=weights)),
            float(np.average([group.whole_share for group in sexes], weights=weights)),
        )


def age_findings(about: Audit) -> Iterator[Finding]:
    outside = about.out_of_range_ids
    if outside:
        yield Finding(
            "worry",
            f"{counted(len(outside), 'label')} outside {RSNA_AGES_MONTHS[0]} to {RSNA_AGES_MONTHS[1]} months, the range of "
            f"RSNA's ({named(outside)}): compare with the source.",
        )
    rare = [f"{sex} of {year_ranges(years)} years" for sex, years in about.rare_years.items() if years]
    if rare:
        yield Finding(
            "note",
            f"Training has fewer than {FEW_PER_YEAR} cases per year for {' and '.join(rare)} ({counted(about.infants, 'of all cases is', 'of all cases are')} "
            f"below {INFANT_MONTHS} months): claim no accuracy at these ages.",
        )


def picture_findings(about: Audit, stretched: bool) -> Iterator[Finding]:
    seen = about.pictures
    for share, what, remedy, mended in (
        (
            seen.low_contrast_share,
            f"hardly any contrast in the file (1st to 99th percentile inside the exposed field within {LOW_CONTRAST_LEVELS} grey levels)",
            "preparing spread them from black to white" if stretched else "prepare with --stretch",
            stretched,
        ),
        (
            seen.bright_border_share,
            "a bright edge, of a frame or a cassette",
            "--fit crop_pad cuts off those of a single grey; crop the others before you prepare them",
            False,
        ),
    ):
        if share:
            level: Level = "worry" if share >= WORRYING_SHARE and not about.synthetic and not mended else "note"
            yield Finding(
                level,
                f"{share:.1%} of the images have {what}: {'drawn so, as real ones are' if about.synthetic else remedy}.",
            )
    if seen.poor_ids:
        yield Finding(
            "worry",
            f"{counted(len(seen.poor_ids), 'image')} nearly empty or saturated ({named(seen.poor_ids)}): look at them and "
            "remove those that show no hand.",
        )
    if seen.upsampled:
        yield Finding(
            "worry" if seen.upsampled >= WORRYING_SHARE * about.cases else "note",
            f"{counted(seen.upsampled, 'file')} smaller than {about.image_px} px and enlarged: choose a smaller --image-px, or "
            "find the originals.",
        )


def film_findings(fault: str) -> Iterator[Finding]:
    if fault:
        yield Finding(
            "worry",
            f"{fault}: contrast and exposed field of the films are not known, so the audit does not compare films and splits by "
            "them; prepare the data again.",
        )


def problem_findings(about: Audit) -> Iterator[Finding]:
    total = sum(about.problems.values())
    if total:
        kinds = ", ".join(f"{number:,} {reason}" for reason, number in about.problems.items())
        share = total / (total + about.cases)
        of = f"of {total + about.cases:,}"
        yield Finding(
            "worry" if share >= WORRYING_SHARE else "note",
            f"{counted(total, f'case {of} was', f'cases {of} were')} left out at preparation ({kinds}): problems.csv "
            "in the store names them.",
        )


def named(ids: Any) -> str:
    """The first few."""
    every = list(ids)
    return ", ".join(every[:NAMED]) + (", ..." if len(every) > NAMED else "")


def p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def year_ranges(years: list[int]) -> str:
    """0, 1, 2, 19 as '0–2, 19'."""
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
