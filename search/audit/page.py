"""The page of an audit, with figures and pictures."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from data.audit.balance import ALPHA, NEGLIGIBLE_DELTA, NEGLIGIBLE_RATIO, NEGLIGIBLE_SHARE
from data.audit.findings import NAMES, year_ranges
from data.audit.images import LOW_CONTRAST_LEVELS, Range
from data.audit.labels import BIN_MONTHS, FEW_PER_YEAR
from data.audit.measures import RSNA_AGES_MONTHS, Audit
from data.cases import fraction
from data.counted import counted
from data.store.disk import Store
from data.written import fixed
from search.audit.figures import SIZE_STEP_PX, age_histograms, label_figure, size_figure
from search.audit.rows import audit_rows, balance_rows
from search.output.files import write_text
from search.output.notices import of_drawn_hands
from search.show.html import (
    Html,
    Picture,
    Section,
    digest_of_folder,
    figure,
    notices,
    page,
    pictures,
    refuse_others,
    section,
    subheading,
    table,
    text,
)

BANDS_YEARS = (0, 2, 5, 8, 11, 14, 17, 25)
EACH = 4  # pictures per band and sex
MOST_PAIRS, MOST_PROBLEMS, MOST_POOR = 24, 50, 16


def write_page(folder: Path, store: Store, found: Audit, own: Path | None = None) -> Path:
    """`own` is the run's folder, whose page is replaced. Raises DataError where another folder has a page of other data."""
    path, of = folder / "audit.html", digest_of_folder(store.path)
    if own is None or folder.resolve() != own.resolve():
        refuse_others([path], of)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, audit_page(store, found, of))
    return path


def audit_page(store: Store, audit: Audit, of: str = "") -> str:
    """The whole page. It holds images of the store, so it belongs beside it and nowhere else."""
    settings = store.info["settings"]
    prepared = "stretched" if settings.get("stretch") else "greys as in the file"
    made = "" if audit.synthetic else f", {settings['fit']}, {prepared}"
    sections = [
        findings_section(audit),
        cases_section(audit),
        balance_section(audit),
        labels_section(audit),
        images_section(store, audit),
        duplicates_section(store, audit),
        problems_section(store, audit),
        examples_section(store),
    ]
    subtitle = f"{counted(audit.cases, 'image')} of {audit.image_px} px{made}; from {store.info['source']}"
    return page("Audit of the prepared data", sections, subtitle, of_drawn_hands(cases=audit.synthetic), of=of)


def findings_section(audit: Audit) -> Section:
    heading = "What to worry about"
    if not audit.findings:
        return section(heading, text("Nothing was found."))
    return section(heading, notices((finding.level, finding.text) for finding in audit.findings))


def cases_section(audit: Audit) -> Section:
    return section(
        "Cases",
        table(audit_rows(audit), "Ages in months."),
        figure(
            age_histograms(audit),
            f"Bone age in bins of {BIN_MONTHS} months, as shares of the cases of a split and sex, so that splits of different "
            "size compare. The grey line repeats training.",
            460,
        ),
    )


def balance_section(audit: Audit) -> Section:
    heading = "Are the splits alike?"
    if not audit.comparisons:
        return section(heading, text("No two splits have enough cases to compare."))
    return section(
        heading,
        text(
            "First and second are shares of boys, mean ages, SDs of age in months, or means over the films. The effect is the difference of shares in "
            "points (Fisher's exact test), Cliff's δ of ages and films (how much likelier the second's is the higher; Mann-Whitney), or "
            "the ratio of variances (Brown-Forsythe). Tests take each patient once, by the mean over their films. A difference is called imbalanced if it is significant over all "
            f"{len(audit.comparisons)} comparisons (Holm, {ALPHA:g}) and not negligible: {100 * NEGLIGIBLE_SHARE:.0f} points, "
            f"a δ of {NEGLIGIBLE_DELTA:g}, a ratio of {NEGLIGIBLE_RATIO:g}."
        ),
        table(balance_rows(audit), "p values adjusted over all comparisons; the last column is the conclusion."),
    )


def labels_section(audit: Audit) -> Section:
    rare = [
        {"sex": sex, "years with few": year_ranges(years) if years else "none"}
        for sex, years in audit.rare_years.items()
    ]
    outside = audit.out_of_range_ids
    beyond = counted(len(outside), "label lies", "labels lie")
    return section(
        "Labels",
        figure(
            label_figure(audit),
            "Where labels lie. A single reading is usually a plate of the Greulich-Pyle atlas; a label that is no whole "
            "month is a mean of several readings. Of all whole months about 12% are plates.",
            80 + 34 * len(audit.groups),
        ),
        table(rare, f"Years of bone age of which training has fewer than {FEW_PER_YEAR} cases."),
        text(f"{beyond} outside {RSNA_AGES_MONTHS[0]} to {RSNA_AGES_MONTHS[1]} months, RSNA's range."),
    )


def images_section(store: Store, audit: Audit) -> Section:
    seen = audit.pictures
    faults = {
        f"hardly any contrast: 1st to 99th percentile within {LOW_CONTRAST_LEVELS} grey levels": seen.low_contrast_share,
        "a bright edge: a frame, padding or a cassette": seen.bright_border_share,
        "nearly empty": seen.nearly_empty_share,
        "saturated": seen.saturated_share,
        f"file smaller than {audit.image_px} px, enlarged": seen.upsampled / audit.cases,
    }
    sizes = {"width, px": seen.width_px, "height, px": seen.height_px, "width / height": seen.aspect}
    parts: list[Html] = [
        table([{"images with": what, "share": f"{share:.1%}"} for what, share in faults.items()], "As prepared."),
        table(
            [{"of the files": what} | range_cells(values) for what, values in sizes.items()],
            "Of the files, before preparation.",
        ),
    ]
    if len(seen.sizes) > 1:
        caption = f"Sizes of the files, to {SIZE_STEP_PX} px; the area of a point is the number of files. The line is a square."
        parts.append(figure(size_figure(audit), caption, 440))
    if seen.poor_ids:
        rows = {str(id): row for row, id in enumerate(store.cases["id"])}
        shown = [Picture((store.images[rows[id]],), id) for id in seen.poor_ids[:MOST_POOR]]
        parts += [subheading(f"Nearly empty or saturated ({len(shown)} of {len(seen.poor_ids):,})"), pictures(shown)]
    return section("Images", *parts)


def range_cells(values: Range) -> dict[str, str]:
    named = {"least": values.low, "median": values.median, "most": values.high}
    return {name: fixed(value, 2) if value < 10 else f"{value:,.0f}" for name, value in named.items()}


def duplicates_section(store: Store, audit: Audit) -> Section:
    found = audit.twins
    exact = audit.problems.get("duplicate", 0)
    said = text(
        f"{counted(exact, 'equal image was', 'equal images were')} left out at preparation. "
        f"{counted(len(found), 'pair of those kept is', 'pairs of those kept are')} nearly the same picture. "
        f"Copies that were cropped, or shifted or turned by much more than 3% or 3 degrees, are not recognised. {patients_text(audit)}"
    )
    if not found:
        return section("Duplicates", said)
    rows = {str(id): row for row, id in enumerate(store.cases["id"])}
    worst = sorted(found, key=lambda pair: (-pair.across_splits, -pair.labels_differ, -pair.agreement))[:MOST_PAIRS]
    shown = [
        Picture(
            (store.images[rows[pair.first]], store.images[rows[pair.second]]),
            f"{described(store, rows[pair.first])}; {described(store, rows[pair.second])}; detail {fixed(pair.agreement, 2)}",
        )
        for pair in worst
    ]
    heading = subheading(f"{len(shown)} of {counted(len(found), 'pair')}, those across splits first")
    return section("Duplicates", said, heading, pictures(shown, across=4))


def patients_text(audit: Audit) -> str:
    seen = audit.patients
    if not seen.named_cases:
        return "The data name no patients, so two radiographs of one child are not recognised either."
    return (
        f"{counted(seen.count, 'patient is', 'patients are')} named for {seen.named_cases:,} of {counted(audit.cases, 'case')}; "
        f"{counted(len(seen.across_splits), 'of them has', 'of them have')} images in several splits."
    )


def described(store: Store, row: int) -> str:
    case = store.cases.iloc[row]
    return f"{case['id']} ({'boy' if case['male'] else 'girl'}, {case['age_months']:g} months, {NAMES[case['split']]})"


def problems_section(store: Store, audit: Audit) -> Section:
    heading = "Left out at preparation"
    if not audit.problems:
        return section(heading, text("Nothing."))
    return section(
        heading,
        table(
            [{"reason": reason, "cases": cases} for reason, cases in audit.problems.items()],
            "Cases left out, by reason.",
        ),
        subheading("Case by case"),
        table(
            [{"id": row.id, "reason": row.reason} for row in store.problems.itertuples()],
            "Each case that was left out.",
            most=MOST_PROBLEMS,
        ),
    )


def examples_section(store: Store) -> Section:
    parts = [text(f"{EACH} girls and {EACH} boys per age band, chosen by id, as prepared: what a network is shown.")]
    for low, high in pairwise(BANDS_YEARS):
        shown = list(examples(store, low, high))
        if shown:
            parts += [
                subheading(f"{low} to {high} years" if high < BANDS_YEARS[-1] else f"{low} years and more"),
                pictures(shown),
            ]
    return section("Examples", *parts)


def examples(store: Store, low_years: int, high_years: int) -> Iterator[Picture]:
    ages = store.cases["age_months"]
    for male, name in ((False, "girl"), (True, "boy")):
        chosen = store.cases[(ages >= 12 * low_years) & (ages < 12 * high_years) & (store.cases["male"] == male)]
        for row in sorted(chosen.index, key=lambda row: fraction(str(store.cases["id"][row]), "examples"))[:EACH]:
            yield Picture((store.images[row],), f"{name}, {ages[row]:g} months")
