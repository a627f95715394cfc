"""What is refused of a folder before anything is decoded, because it would train without an error and give wrong results."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data.cases import SPLITS
from data.counted import counted
from data.preparation import DataError, Preparation
from data.problems import Problem
from data.shown import one_line
from data.tables.ages import UNITS, look_like_years, mostly_newborn, said_of_years
from data.tables.cells.splits import MAY_BE_A_TOWN, is_a_list, speaks_of_a_cut, split_by_words, split_of
from data.tables.dicom_cases import is_header_age
from data.tables.folders import Files
from data.tables.headings import Table, composed, normalised, without_named
from data.tables.rsna import RSNA_TEST_IDS, official_test
from data.tables.unclear.units import says_months

LEAST_CALLED = 2  # cases with a split's word in their ids
MOST_LOST = 0.2  # of the cases, before somebody has to say that it is meant


def refuse_unreached(folder: Path, files: Files) -> None:
    """A cut of the training cases must not stand in for a test set that is there by its name, and cannot be reached.

    What has an ending was a list, and is one of cases only where its name says nothing else: test.txt, not test_notes.txt.
    """
    lists = [at for at in files.gone if at.suffix]
    for paths, fault, what_to_do in (
        (files.unreadable, "this user may not read {}", "change its permissions"),
        (files.gone, "{} is a link to nothing", "mend the link, or remove it"),
        (files.upward, "{} is a link to a folder that the data lie in, and not followed", "remove the link"),
    ):
        for at in paths:
            if at in lists and not is_a_list(at.stem):
                continue
            split = split_of(folder, at)
            if split or (at in lists and speaks_of_a_cut(at.stem)):
                holds = f"holds {split} cases" if split else "says the splits"
                raise DataError(f"{fault.format(at)}, and its name says that it {holds}; {what_to_do}")


def refuse_years(folder: Path, tables: Sequence[Table], settings: Preparation) -> None:
    """Of each table, and of all together: one split may be written in another unit than the others. A heading may say months."""
    if settings.age_unit != "auto":  # months that are meant may be newborns'
        for table in tables if settings.age_unit != "months" else ():
            refuse_newborn(table.path, table.cases["age_months"].to_numpy(), settings.age_unit)
        return
    each = {
        str(table.path): table.cases["age_months"].to_numpy()
        for table in tables
        if not says_months(table.columns.get("age_months", ""))
    }
    for of, ages in [*each.items(), (str(folder), np.concatenate([[], *each.values()]))]:
        said = ages[~np.isnan(ages)]
        if look_like_years(said):
            raise DataError(f"the bone ages of {of} {said_of_years(said)}")


def refuse_years_in_a_split(folder: Path, tables: Sequence[Table], cases: pd.DataFrame, settings: Preparation) -> None:
    """The same of each split of the cases, by whatever it is told: one may come from another source."""
    if settings.age_unit != "auto" or all(says_months(table.columns.get("age_months", "")) for table in tables):
        return
    splits = list(cases["split"].unique())
    for split in splits if len(splits) > 1 else ():
        ages = cases.loc[cases["split"] == split, "age_months"].to_numpy()
        if look_like_years(ages):
            raise DataError(
                f"the bone ages of the {split or 'train'} cases of {folder} look like years, and those of the others like months: of "
                f"{counted(len(ages), 'label')} the median is {np.median(ages):g}; write all in months; if these are infants', say --age-unit months"
            )


def refuse_newborn(path: Path, ages: np.ndarray, unit: str) -> None:
    """A unit that was named and is not the table's."""
    said = ages[~np.isnan(ages)]
    if mostly_newborn(said):
        raise DataError(
            f"read with --age-unit {unit}, most bone ages of {path} are below a month: of {len(said):,} the median is "
            f"{np.median(said):.2g} months; name the unit that they are in; if they are newborns', write them in months"
        )


def refuse_unfound(tables: Sequence[Table], asked: Mapping[str, str]) -> None:
    """A heading that was named and that no table has."""
    for ours, heading in asked.items():
        if is_header_age(heading) or any(table.columns.get(ours) == normalised(heading) for table in tables):
            continue
        table = tables[0]
        headings = [*table.columns.values(), *(column.heading for column in table.unused)]
        raise DataError(without_named(table.path, ours, heading, headings))


def refuse_lost_ages(tables: Iterable[Table]) -> None:
    """A cut of the training cases must not stand in for a test set whose ages are there, under a heading that is not known."""
    for table in tables:
        ages = [column.heading for column in table.unused if column.may_be_ages]
        if ages and not table.has_ages:
            raise DataError(
                f"{table.path} has no known heading of bone ages, and may have them under {one_line(', '.join(ages))}: name it "
                "with --age-column, or rename the column boneage; if these are not bone ages, remove the column or the table"
            )


def refuse_lost_splits(tables: Iterable[Table]) -> None:
    """Test cases of a split that the table's owner made would be trained on, or lost and others be tested on in their place."""
    for table in tables:
        for problem in table.problems:
            if problem.kind == "split":
                raise DataError(
                    f"{problem.path} has a split that is not read: {problem.said}; write one of these, or remove the row; if the column is of "
                    "something else, rename it"
                )
        for column in table.unused if "split" not in table.columns else ():
            if column.splits != {"train"} and (others := sorted(column.splits - {table.split or "train"})):
                raise DataError(
                    f"{table.path} has a column {one_line(column.heading)} that may put cases into {' and '.join(others)}, and "
                    "its heading is not known: name it with --split-column if its cells are train, validation and test, or add "
                    "a column `split` with these words; if the column means something else, remove it"
                )


def refuse_ids_in_two_splits(tables: Iterable[Table]) -> None:
    """RSNA's test ids lie inside the range of its training ids: a merged table may hold the same hand twice."""
    seen: dict[str, tuple[str, Path]] = {}
    for table in tables:
        own = [split or table.split for split in table.cases["split"]]
        for id, key, split in zip(table.cases["id"], composed(list(table.cases["id"])), own, strict=True):
            before, path = seen.setdefault(key, (split, table.path))
            if path != table.path:
                raise DataError(
                    f"the id {id} is in two splits, {before or 'one'} ({path}) and {split} ({table.path}): "
                    "remove it from one of them, or the network would be tested on an image that it was trained on"
                )


def refuse_no_training(tables: Sequence[Table]) -> None:
    """Tables of held-out cases alone."""
    own = {split for table in tables for split in table.cases["split"].replace("", table.split)}
    if own and own <= {"validation", "test"}:
        names = " and ".join(
            f"{table.path} ({table.split}, by its name, folder or headings)"
            if table.split
            else f"{table.path} (by its column of splits)"
            for table in tables
        )
        raise DataError(
            f"all cases are held out: {names}; add the training cases, or, if the word means something else, change the name of the table or its "
            "folder, or the column that says so"
        )


def refuse_splits_in_ids(cases: pd.DataFrame, add: str) -> None:
    """Ids as train_008 and test_000 say a split that no table says; `add` is how their owner can say it.

    One word in all of them says nothing, nor does a single id that is called otherwise.
    """
    if (cases["split"] != "").any():
        return
    words = cases["id"].str.replace(r"\d+", " ", regex=True)  # few different ones
    of_id = words.map({text: split_by_words(text) for text in words.unique()})
    counts = of_id[of_id != ""].value_counts()
    held_out = [split for split, count in counts.items() if split != "train" and LEAST_CALLED <= count < len(cases)]
    sites = (
        held_out == ["validation"]
        and "train" not in counts
        and set(words[of_id != ""].str.casefold().str.strip()) == {MAY_BE_A_TOWN}
    )
    if held_out and not sites:
        first = cases["id"][of_id == held_out[0]].iloc[0]
        by_split = ", ".join(f"{counts[split]:,} {split}" for split in SPLITS if split in counts)
        raise DataError(
            f"the ids of {counts.sum():,} of {len(cases):,} cases name a split ({by_split}; the first of {held_out[0]}: {first}), and no column "
            f"does: {add} that says this; if the words mean something else, say train for all, and a test set is cut out of these"
        )


def refuse_splits_without_images(folder: Path, tables: Iterable[Table], cases: pd.DataFrame) -> None:
    """A cut of the training cases must not stand in for an official test set whose images are away."""
    there = set(cases["split"])
    for table in tables:
        named = {split or table.split for split in table.cases["split"]} or {table.split}
        if missing := sorted(named - there - {""}):
            if table.cases.empty and table.problems:
                first = table.problems[0]
                raise DataError(
                    f"none of the {counted(len(table.problems), f'{missing[0]} case')} of {table.path} can be used; the first: {first.path}, {first.reason}"
                )
            raise DataError(
                f"{table.path} names {missing[0]} cases, and {folder} has no image of any of them: add their images, or remove "
                "them from the tables"
            )


def refuse_official_test(folder: Path, cases: pd.DataFrame) -> None:
    """RSNA's test cases among the others. A `split` column that names them something else is taken at its word."""
    leaked = cases[official_test(cases["id"]) & ~cases["told"] & cases["split"].isin(["", "train", "validation"])]
    if len(leaked):
        raise DataError(
            f"{folder} has {counted(len(leaked), 'case')} with ids of RSNA's official test set ({RSNA_TEST_IDS[0]} to "
            f"{RSNA_TEST_IDS[1]}, the first: {leaked['id'].iloc[0]}) among those to train on: remove them, or add a column "
            "`split` to the table that says test for them; if these ids are your own, let it say train"
        )


def refuse_losses(
    source: str,
    problems: Sequence[Problem],
    kept: pd.Series,
    settings: Preparation,
    said: Sequence[str] = (),
    each_split: bool = True,
) -> None:
    """More than MOST_LOST of the cases left out, of all or of a split that their owner gave, unless that was said to be meant.

    `kept` are the splits of the other cases.
    """
    refuse_lost(source, problems, len(kept), settings, said)
    for split in SPLITS if each_split else ():
        lost = [problem for problem in problems if problem.split == split]
        refuse_lost(source, lost, int((kept == split).sum()), settings, said, f"{split} ")


def refuse_lost(
    source: str, problems: Sequence[Problem], kept: int, settings: Preparation, said: Sequence[str], of: str = ""
) -> None:
    total = len(problems) + kept
    if settings.accept_losses or len(problems) <= MOST_LOST * total:
        return
    kinds = Counter(problem.kind for problem in problems).most_common()
    by_kind = ", ".join(f"{number:,} {kind}" for kind, number in kinds)
    others = " or ".join(name for name in UNITS if name != settings.age_unit.replace("auto", "months"))
    unit = f"; if the ages are in another unit, say --age-unit {others}" if kinds[0][0] == "age" else ""
    first = problems[0]
    raise DataError(
        f"{len(problems):,} of {counted(total, f'{of}case')} of {source} cannot be used ({by_kind}), more than a fifth; the first: "
        f"{first.path}, {first.reason}; correct them{unit}, or say --accept-losses if the other {counted(kept, 'is', 'are')} enough"
        + "".join(f"; {sentence}" for sentence in said)
    )
