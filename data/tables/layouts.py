"""A folder of radiographs, in whatever layout it came: RSNA's own, Kaggle's, or a renamed one. Found, not configured.

Tables are known by their headings (`headings.py`), a table's split by its own `split` column, its file's name, its
folders' names, or RSNA's headings, in this order; where none of them tells it, by the folders of the images. An image
belongs to the row whose id is its name (`paired/names.py`), in a folder of the same split or of none; held-out cases
may also have theirs among the training images. Sexes that no table has, and ages where that was asked for, are taken
from DICOM files.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from data.cases import SPLITS
from data.counted import counted
from data.preparation import DataError, Preparation
from data.problems import Problem
from data.shown import one_line
from data.tables.cells.splits import is_a_list, is_a_splits_table, speaks_of_a_cut, split_by_words, split_of
from data.tables.dicom_cases import HEADER_AGE, is_header_age
from data.tables.folders import Files, files_below, is_named_as_images, some, stem_of, what_to_do
from data.tables.headings import (
    AS_WRITTEN,
    WHAT,
    Table,
    apart,
    apart_by_folders,
    is_a_log,
    known_headings,
    lacking,
    normalised,
    with_column,
    without_a_word,
    without_ending,
)
from data.tables.paired.elsewhere import refuse_elsewhere
from data.tables.paired.header_ids import is_readable_dicom
from data.tables.paired.joined import joined
from data.tables.paired.names import said_of_folders
from data.tables.paired.split_folders import SPLITS_OF_A_CUT, ByFolder, by_folders, splits_of_folders
from data.tables.refusals import (
    refuse_ids_in_two_splits,
    refuse_losses,
    refuse_lost_ages,
    refuse_lost_splits,
    refuse_no_training,
    refuse_official_test,
    refuse_splits_in_ids,
    refuse_splits_without_images,
    refuse_unfound,
    refuse_unreached,
    refuse_years,
    refuse_years_in_a_split,
)
from data.tables.rows import read_table
from data.tables.sheets import Empty

FAULTS_SAID = 3
COLUMNS_SAID = 6  # of one table
AS_FOUND = Preparation()


@dataclass(frozen=True)
class Found:
    """What a folder holds. `cases` has id, age_months, male, split and patient ('' where the source gives none), and path."""

    cases: pd.DataFrame
    problems: tuple[Problem, ...]
    said: tuple[str, ...]  # what was found and what is missing, a sentence each
    by_folder: frozenset[str] = frozenset()  # ids of the cases whose split is that of their image's folder
    worries: tuple[str, ...] = ()  # what makes results wrong or claims too large, a sentence each


def read_folder(folder: Path, settings: Preparation = AS_FOUND, to_train: bool = True) -> Found:
    """Every labelled case of the folder that has an image. Unless they are `to_train` on, splits need not be told apart.

    Raises DataError where there is no table of cases, several for one split, an id in two splits, no image at all for a
    split, official test cases among the others, labels that look like years, too many cases lost, or no usable case.
    """
    files = files_below(folder)
    refuse_unreached(folder, files)
    tables, said = read_tables(folder, files, settings)
    tables = one_per_split(folder, tables)
    if to_train:
        tables = [without_a_word(folder, table, tables) for table in tables]
    refuse_unfound(tables, settings.columns)
    if not is_header_age(settings.age_column):
        refuse_lost_ages(tables)
    labelled = [table for table in tables if table.has_ages or is_header_age(settings.age_column)]
    if not labelled:
        raise DataError(
            f"{tables[0].path} has no bone ages, and {folder} has no other table: add the table with the bone ages, or name "
            f"their column with --age-column"
        )
    if to_train:
        refuse_lost_splits(labelled)
    refuse_years(folder, labelled, settings)
    together = apart(labelled)
    labelled = apart_by_folders(folder, together, files.images)
    refuse_ids_in_two_splits(labelled)
    cases, problems, paired = joined(folder, labelled, files.images)
    of_tables = [table.said for table in labelled if table.said]
    of_folders = said_of_folders(folder, problems, files.images)
    if cases.empty:
        first = f"; the first: {problems[0].path}, {problems[0].reason}" if problems else ""
        passed = "".join(f"; {sentence}" for sentence in (*of_tables, *files.said, *of_folders))
        of_names = problems and all(problem.kind == "missing" for problem in problems)
        if of_names and not (files.lost_said or of_folders):  # which tell it better
            passed += "; if the images' names are in another column, say --id-column"
        raise DataError(f"{folder} has {counted(len(problems), 'case')} and none can be used{first}{passed}")
    refuse_splits_unreadable(folder, files, tables, cases)
    placed = by_folders(folder, files.images, cases, with_column(labelled[0], "split")) if to_train else ByFolder(cases)
    cases, worries = placed.cases, list(placed.worries)
    refuse_years_in_a_split(folder, labelled, cases, settings)
    if to_train:
        refuse_no_training(labelled)
        refuse_splits_in_ids(cases, with_column(labelled[0], "split"))
        refuse_splits_without_images(folder, labelled, cases)
        refuse_official_test(folder, cases)
        said_by = cases.assign(told=cases["told"] | cases["id"].isin(placed.ids))
        lists = [*files.tables, *files.texts, *files.lists]
        worries += refuse_elsewhere(folder, lists, labelled, said_by, settings.columns)
    of_files = files.said if any(problem.kind == "missing" for problem in problems) else files.lost_said
    of_both = [*of_tables, *of_files, *of_folders]
    refuse_losses(str(folder), problems, cases["split"], settings, of_both, each_split=to_train)
    if any(now is not before for now, before in zip(labelled, together, strict=True)):
        paired.append(
            f"the splits count their images alike, so the ids have the split before them, as {cases['id'].iloc[0]}"
        )
    if is_header_age(settings.age_column):
        of = "the table" if all(table.has_ages for table in labelled) else "the DICOM headers"
        paired.append(f"LABELS ARE AGES SINCE BIRTH, from {of}, as --age-column asks: they are not bone ages")
    of_columns = [words for table in tables for words in columns_said(folder, table, settings.columns)]
    of_cases = [sentence(folder, table, table.has_ages or is_header_age(settings.age_column)) for table in tables]
    sentences = (*of_cases, *of_columns, *said, *paired, *placed.said, *files.said)
    cases = cases[["id", "age_months", "male", "split", "patient", "path"]]
    return Found(cases, tuple(problems), sentences, placed.ids, tuple(worries))


# Tables


def read_tables(folder: Path, files: Files, settings: Preparation) -> tuple[list[Table], list[str]]:
    """The folder's tables of cases, placed in their splits, and a sentence for each file that is passed over."""
    asked, unit = settings.columns, settings.age_unit
    tables: list[Table] = []
    others: list[Path] = []
    faults: dict[Path, DataError] = {}
    texts: list[Path] = []
    for path in files.tables:
        try:
            table = read_table(path, asked, unit)
        except DataError as error:
            faults[path] = error
            continue
        if table and (table.has_sexes or files.with_dicom):
            tables.append(replace(table, split=split_of(folder, path.with_suffix("")) or table.split))
        else:
            others.append(path)
    for path in files.texts:
        table = table_in_text(path, asked, unit)
        split = split_of(folder, path.with_suffix(""))
        if table and table.has_sexes and split not in {table.split for table in tables}:
            tables.append(replace(table, split=split))
        else:
            texts.append(path)
    if any(table.has_ages for table in tables):  # a list of sexes without ages, that names no split, is none of labels
        others += [table.path for table in tables if not table.has_ages and not table.split]
        tables = [table for table in tables if table.has_ages or table.split]
    if not tables:
        return [table_of_headers(folder, files, settings, faults, others)], []
    if any(table.has_ages and table.has_sexes and table.split in ("", "train") for table in tables):
        # Beside a table that says all of its cases, a list that names no split and says less is none of labels.
        others += [table.path for table in tables if not table.has_sexes and not table.split]
        tables = [table for table in tables if table.has_sexes or table.split]
    refuse_splits_unread(folder, faults, {table.split for table in tables})
    refuse_splits_passed_over(folder, others, {table.split for table in tables}, asked)
    said = [table.said for table in tables if table.said]
    said += [f"passed over: {fault}" for fault in list(faults.values())[:FAULTS_SAID]]
    if len(faults) > FAULTS_SAID:
        said.append(f"passed over: {counted(len(faults) - FAULTS_SAID, 'more table')} that cannot be read")
    if others or texts:
        said.append(f"passed over, as no table of cases: {some(folder, [*others, *texts])}")
    return tables, said


def table_among(texts: Sequence[Path], settings: Preparation) -> Table | None:
    """The first of cases under an ending that is none of a table's: labels.txt, labels.csv.txt."""
    tables = (table_in_text(path, settings.columns, settings.age_unit) for path in texts)
    return next((table for table in tables if table and table.has_ages), None)


def refuse_splits_unread(folder: Path, faults: Mapping[Path, DataError], there: set[str]) -> None:
    """A cut of the training cases must not stand in for an official test set whose table cannot be read.

    An empty file is one by a name that says nothing else: a log is empty before the first epoch, too.
    """
    there = there | {"train"} if "" in there else there
    for path, fault in faults.items():
        split = split_of(folder, path.with_suffix(""))
        may_be = not isinstance(fault, Empty) or is_a_splits_table(path.stem, split)
        if split and split not in there and may_be:
            raise DataError(f"{fault}; {by_name(split)}")


def table_in_text(path: Path, asked: Mapping[str, str], unit: str) -> Table | None:
    """A .txt may be a table or anything else."""
    try:
        return read_table(path, asked, unit)
    except DataError:
        return None


def by_name(split: str) -> str:
    return f"by its name it is the {split} table: correct it, or remove it"


def refuse_splits_passed_over(folder: Path, others: list[Path], there: set[str], asked: Mapping[str, str]) -> None:
    """A cut of the training cases must not stand in for an official test set whose table is not known as one.

    Of tables that are named by their folder alone, or by a split and something else, two known headings tell those of cases from other lists.
    """
    there = there | {"train"} if "" in there else there
    for path in others:
        split = split_by_words(path.stem) or split_of(folder, path.parent)
        near = is_a_splits_table(path.stem) or len(known_headings(path, asked)) > 1
        if split and near and split not in there and not is_a_log(path):
            raise DataError(f"{lacking(path, asked)}; {by_name(split)}")


def refuse_splits_unreadable(folder: Path, files: Files, tables: Sequence[Table], cases: pd.DataFrame) -> None:
    """The same of tables of other programs. Caches and annotations are called so, too: nothing is missing where the rows, or the folders
    of their images, have cases of that split."""
    of_tables = {table.split for table in tables}
    told = {*of_tables, *cases["split"]} - {""}
    of_folders = {split for of in splits_of_folders(folder, files.images, list(cases["path"])) for split in of}
    named = told or (of_folders if len(of_folders) >= SPLITS_OF_A_CUT else set())
    there = named | {"train"} if "" in of_tables else named
    for path in files.foreign_tables:
        stem = stem_of(path)
        if not named and path not in files.lists and speaks_of_a_cut(stem):
            raise DataError(
                f"{path} is not read: {what_to_do(path)}; by its name it says splits: correct it, or remove it"
            )
        split = split_by_words(stem) or ("" if "" in of_tables else split_of(folder, path.parent))
        says_it = is_a_splits_table(stem, split) or (split_by_words(stem) and is_a_list(stem))
        if split not in {"", *there} and says_it and not is_named_as_images(path):
            raise DataError(f"{path} is not read: {what_to_do(path)}; {by_name(split)}")


def table_of_headers(
    folder: Path, files: Files, settings: Preparation, faults: Mapping[Path, DataError], others: list[Path]
) -> Table:
    """The cases of DICOM files that have no table, if it was asked for; else an error that says what is missing."""
    if table := table_among(files.plain_texts, settings):
        raise DataError(
            f"{folder} has no table of cases (CSV or xlsx), but {table.path} is one: give it the ending .csv"
        )
    known = {path: len(known_headings(path, settings.columns)) for path in others}
    if others and (not faults or any(known.values())):
        raise DataError(lacking(max(others, key=lambda path: known[path]), settings.columns))
    if faults:
        raise next(iter(faults.values()))
    unread = "".join(f"; {path.name} is not read: {what_to_do(path)}" for path in files.foreign_tables[:FAULTS_SAID])
    wanted = f"{folder} has no table of cases (CSV or xlsx): expected RSNA's train.csv with id, boneage, male{unread}"
    paths = [path for path in files.images if is_readable_dicom(path)]
    if not paths or not is_header_age(settings.age_column):
        chronological = (
            f"; DICOM headers have {HEADER_AGE}, which is the age since birth and not the bone age: to train on it anyway, "
            f"say --age-column {HEADER_AGE}"
        )
        raise DataError(wanted + (chronological if paths else "") + "".join(f"; {said}" for said in files.said))
    names = Counter(without_ending(path.name) for path in paths)
    texts = [
        without_ending(path.name if names[without_ending(path.name)] == 1 else str(path.relative_to(folder)))
        for path in paths
    ]
    ids = [text.encode(errors="backslashreplace").decode() for text in texts]  # a file's name may be no text
    cases = pd.DataFrame(
        {"id": ids, "age_months": np.nan, "male": False, "split": "", "patient": "", "row": range(1, len(ids) + 1)}
    )
    cases = cases.assign(named=cases["id"], folder="")
    return Table(folder, cases, (), has_ages=False, has_sexes=False, split="", of_headers=True)


def one_per_split(folder: Path, tables: list[Table]) -> list[Table]:
    """At most one table per split: copies are dropped, and a table without ages or sexes where another has them."""
    chosen: list[Table] = []
    for split in ("", *SPLITS):
        same = [table for table in tables if table.split == split]
        same = [table for table in same if table.has_ages] or same
        same = [table for table in same if table.has_sexes] or same
        distinct = [table for n, table in enumerate(same) if not any(equal(table, other) for other in same[:n])]
        if len(distinct) > 1:
            names = " and ".join(str(table.path.relative_to(folder)) for table in distinct[:2])
            raise DataError(
                f"{folder} has {len(distinct)} {split or 'case'} tables, {names}: name the folder of one data set, or remove one"
            )
        chosen += distinct
    splits = {table.split for table in chosen}
    if "" in splits and len(splits) > 1:
        unnamed = next(table for table in chosen if not table.split)
        if "train" in splits:
            raise DataError(
                f"{folder} has {unnamed.path.relative_to(folder)} beside a training table: remove one of the two, or rename it if it holds "
                "held-out cases (test.csv or validation.csv)"
            )
        chosen[chosen.index(unnamed)] = replace(unnamed, split="train")
    return chosen


def equal(one: Table, other: Table) -> bool:
    return one.cases.drop(columns=[*AS_WRITTEN]).equals(other.cases.drop(columns=[*AS_WRITTEN]))


def sentence(folder: Path, table: Table, labelled: bool) -> str:
    count = len(table.cases) + len(table.problems)
    split = f"{table.split} cases" if table.split else "cases"
    ages = "" if labelled else ", without ages: left out"
    name = "DICOM files without a table" if table.of_headers else table.path.relative_to(folder)
    return f"{name}: {count:,} {split}{ages}"


def columns_said(folder: Path, table: Table, asked: Mapping[str, str]) -> Iterator[str]:
    """Where a heading that was named is not this table's, and what nothing is taken from."""
    name = table.path.relative_to(folder)
    for ours, heading in asked.items():
        if (found := table.columns.get(ours)) and found != normalised(heading):
            yield f"{name} has no column {heading!r}: its {WHAT[ours]} are read from {found!r}"
    unused = [column.heading for column in table.unused]
    if unused:
        more = f" and {len(unused) - COLUMNS_SAID} more" if len(unused) > COLUMNS_SAID else ""
        are = counted(len(unused), "column is", "columns are")
        yield f"{name}: {are} not used: {one_line(', '.join(unused[:COLUMNS_SAID]))}{more}"
    patients = [column.heading for column in table.unused if column.speaks_of_patients or column.groups_few]
    if patients and "patient" not in table.columns:
        yield (
            f"{name} HAS NO KNOWN HEADING OF PATIENTS: images of one patient may be in two splits; if {one_line(', '.join(patients))} "
            "says whose the images are, name it with --patient-column"
        )
