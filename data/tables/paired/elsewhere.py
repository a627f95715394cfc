"""Splits and patients that a file of their own says, beside the table of cases: splits.csv, test.txt, a second sheet.

They are not joined: which file holds, and whether it is whole, is the owner's to say. But cases that it holds out must not be
trained on without a word, nor one patient's images be taken for several patients'. A file has to do with the cases where it
names them, each in one row.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from data.preparation import DataError
from data.shown import one_line
from data.tables.cells.splits import (
    is_a_list,
    may_say_a_split,
    names_a_list,
    says_a_cut,
    split_by_cell,
    split_by_words,
    split_of,
    splits_together,
)
from data.tables.folders import SPEAKS_OF_CASES, STRUCTURED
from data.tables.headings import Table, bare_ids, fitting, found_columns, normalised, places_of, with_column
from data.tables.paired.loose_lists import SMALL_NUMBER, by_columns, loose_list
from data.tables.paired.patients import identity
from data.tables.sexes import YES_NO, bare
from data.tables.sheets import TABLE_SUFFIXES, Sheet, bytes_of, is_excel, read_excel, read_text
from data.tables.unused import splits_named, unused_columns

SPEAKS_OF_PATIENTS = re.compile(r"patient|subject", re.IGNORECASE)
ALONE = 0.5  # of a list's entries
SHARED = 0.5  # of a list's names or of the cases, from which on it is a list of these
LEAST = 2  # cases in a list
LEAST_DOUBTED = 3  # cases of a list whose name says more than a split
A_PART = 0.95  # of the cases, from which on it lists all of them
PROSE = (".md", ".html", ".htm", ".xml", ".rst", ".tex", ".rtf")  # reports, in which ids may stand for other reasons
MORE, CASES_FOR_MORE = 3, 500  # so many more, one for so many cases
MOST_IN_GROUPS = 6  # images of a group that is a patient's, where there are fewer groups than images in each


@dataclass(frozen=True)
class List:
    """What one file, or a sheet of it, says of the cases: by the key of an id."""

    called: str
    splits: Mapping[str, str]
    patients: Mapping[str, str]
    keys: Sequence[str] = ()  # of all cases that it names
    doubtful: bool = False  # whether it names hardly anything else, and its name may mean a split


def refuse_elsewhere(
    folder: Path, paths: Sequence[Path], tables: Sequence[Table], cases: pd.DataFrame, asked: Mapping[str, str]
) -> list[str]:
    """Worries where a file may say it and nobody can be sure.

    `cases` has id, split and `told`: whether its owner said the split, by a column or a folder. `paths` are all tables and lists.
    """
    ids = [*dict.fromkeys(id for table in tables for id in table.cases["id"])]
    key_of = dict(zip(ids, bare_ids(ids), strict=True))
    free = cases[~cases["told"] & cases["split"].isin(["", "train"])]
    free_splits = len(free) == len(cases)
    split_of_key = {key_of[id]: split for id, split in zip(free["id"], free["split"], strict=True)}
    id_of_key = {key: id for id, key in key_of.items() if key}
    worries: dict[Path, str] = {}
    with_patients = any((table.cases["patient"] != "").any() for table in tables)
    for path in paths:
        for found in lists_in(folder, path, tables, id_of_key.keys(), asked):
            held = [key for key, split in found.splits.items() if split != "train" and key in split_of_key]
            unlisted = [key for key, split in split_of_key.items() if not split and key not in found.splits]
            if held or (found.splits and unlisted):
                first = next(iter(held or found.splits))
                if path.suffix.lower() in PROSE:
                    worries[path] = (
                        f"{found.called} may say which cases are in which split ({id_of_key[first]} is {found.splits[first]}), and "
                        f"{said_not(tables[0])}: if so, {with_column(tables[0], 'split')} that says this; if not, take the file out of the folder"
                    )
                    continue
                raise DataError(
                    f"{found.called} says which cases are in which split ({id_of_key[first]} is {found.splits[first]}), and "
                    f"{said_not(tables[0])}: {with_column(tables[0], 'split')} that says this; if the file means something else, "
                    "take it out of the folder"
                )
            if not with_patients and 1 < len({*map(identity, found.patients.values())}) < len(found.patients):
                first = next(iter(found.patients))
                raise DataError(
                    f"{found.called} says whose the images are ({id_of_key[first]} is of {one_line(found.patients[first])}), and "
                    f"{said_not(tables[0])}: {with_column(tables[0], 'patient_id')} that says this, or patients would be in training and "
                    "test; if the file means something else, take it out of the folder"
                )
            doubtful = found.doubtful and LEAST_DOUBTED <= len(found.keys) < A_PART * len(ids)
            if free_splits and doubtful and not (found.splits or found.patients):
                first = next(iter(found.keys))
                worries[path] = (
                    f"{found.called} lists {len(found.keys):,} of {len(ids):,} cases ({id_of_key[first]}, ...), and its name may mean a split: if these "
                    f"are held out, {with_column(tables[0], 'split')} that says this; if not, take the file out of the folder"
                )
    return [*worries.values()]


def said_not(table: Table) -> str:
    return "no table does" if table.of_headers else f"{table.path} does not"


def lists_in(
    folder: Path, path: Path, tables: Sequence[Table], keys: Collection[str], asked: Mapping[str, str]
) -> Iterator[List]:
    """Of each sheet that is not itself read as a table of cases."""
    read = {table.path: set(table.columns) for table in tables}
    listing = any(lists_a_split(column.heading) for table in tables if table.path == path for column in table.unused)
    if path in read and not listing and not is_excel(path, bytes_of(path)):
        return  # text is one sheet
    of_file = split_of(folder, path.with_suffix("")) if is_a_list(path.stem) else ""
    for sheet in sheets_of(path, keys, asked):
        if read.get(path) == set(found_columns(sheet.headings, asked)):
            yield from lists_beside(path, sheet, keys)
            continue
        by_name = of_file
        if path in read:  # of which it is another sheet
            # Beside other columns it may be a second reading of these cases.
            mere = is_a_list(sheet.name) and (len(sheet.headings) == 1 or not unused_columns(sheet, asked))
            by_name = split_by_words(sheet.name) if mere else ""
        a_list = bool(by_name) or bool(SPEAKS_OF_CASES.search(f"{path.name} {sheet.name}"))
        at, named = ids_in(sheet, keys, asked, a_list, bool(by_name) or path.suffix.lower() == ".txt")
        hinted = may_say_a_split(f"{path.name} {sheet.name}") or a_list
        if not named or (
            not hinted and path.suffix in STRUCTURED and all(SMALL_NUMBER.fullmatch(key) for key, _ in named)
        ):
            continue
        called = f"{path}, sheet {one_line(sheet.name)}," if path in read else str(path)
        splits, patients = splits_in(sheet, asked), patients_in(sheet, at, asked)
        yield List(
            called,
            {key: split for key, place in named if (split := cell(splits, place) if splits else by_name)},
            {key: patient for key, place in named if identity(patient := cell(patients, place))},
            [key for key, _ in named],
            hinted and len(named) >= ALONE * len(sheet.rows) and names_cases(sheet, asked),
        )


def lists_beside(path: Path, sheet: Sheet, keys: Collection[str]) -> Iterator[List]:
    """Of a table of cases itself: columns that list ids under the name of a split, whatever row they stand in."""
    for at, heading in enumerate(sheet.headings):
        texts = [text for _, cells in sheet.rows if (text := cells[at].strip())]
        split = lists_a_split(heading) if len(texts) < len(sheet.rows) else ""  # a number in each row is of that row
        if split and (named := keys_in(texts, keys, names_a_list(heading))):
            yield List(f"{path}, column {one_line(heading)},", {key: split for key, _ in named}, {}, [])


def names_cases(sheet: Sheet, asked: Mapping[str, str]) -> bool:
    """Whether its numbers surely are ids: under such a heading, or alone. Steps and sizes are in the range of RSNA's ids."""
    return "id" in places_of(sheet.headings, asked) or len(sheet.headings) == 1


def lists_a_split(heading: str) -> str:
    """The split whose ids a column may list by its heading: test ids; '' else."""
    return split_by_words(heading) if is_a_list(heading) else ""


def cell(column: Sequence[str], from_end: int) -> str:
    """'' where the column has no such row: the first name of a list is above its rows."""
    return column[from_end] if -from_end <= len(column) else ""


def sheets_of(path: Path, keys: Collection[str], asked: Mapping[str, str]) -> list[Sheet]:
    """None of a file that cannot be read; that is said elsewhere. A list without a heading has its first row as one, too."""
    fits = partial(fitting, asked=asked)
    ending, of_a_cut = path.suffix.lower(), says_a_cut(path.name)
    try:
        data = bytes_of(path)
        if ending == ".json":
            of_patients = bool(SPEAKS_OF_PATIENTS.search(path.name))
            return sheets_in(data, of_patients, of_a_cut) or loose_list(data, keys, of_a_cut)
        if ending not in {".txt", *TABLE_SUFFIXES}:
            return loose_list(data, keys, of_a_cut)
        sheets = list((read_excel if is_excel(path, data) else read_text)(path, data, fits))
    except DataError:
        sheets, data = [], b""
    small = may_say_a_split(path.name)
    stacked = [of for sheet in sheets if (of := by_columns(sheet, small))]
    below_titles = loose_list(data, keys, of_a_cut) if ending == ".txt" else []
    return [sheet for sheet in (*sheets, *stacked, *below_titles) if sheet.headings]


def sheets_in(data: bytes, of_patients: bool, of_a_cut: bool) -> list[Sheet]:
    """Of JSON: ids by split or patient, {"test": [31, 32]}, or the other way round, {"31": "test"}.

    Groups are patients only where the file's name says so, and not where few of them hold all: these are folds or sites.
    """
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return []
    if table := table_in(said):
        return [table]
    values = said.items() if isinstance(said, dict) else ()
    pairs = [(id, name) for name, ids in values if isinstance(ids, list) for id in ids]
    pairs = pairs or [(id, text) for id, text in values if isinstance(text, str)]
    rows = [[str(id), text] for id, text in pairs if isinstance(id, (str, int))]
    if any(splits_together({text for _, text in rows}, of_a_cut).values()):
        return [Sheet(("id", "split"), tuple(enumerate(rows, 1)))]
    groups = len({text for _, text in rows})
    each = len(rows) / max(groups, 1)
    few = each >= MOST_IN_GROUPS and groups < each
    return [Sheet(("id", "patient id"), tuple(enumerate(rows, 1)))] if rows and of_patients and not few else []


def table_in(said: Any) -> Sheet | None:
    """A table as pandas writes it into JSON, by columns or by rows; None where it is none."""
    if not isinstance(said, dict):
        return None
    columns, data = said.get("columns"), said.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        rows = [row for row in data if len(row) == len(columns)]
    else:
        values = [[*value.values()] if isinstance(value, dict) else value for value in said.values()]
        if len(values) < 2 or not all(isinstance(value, list) and len(value) == len(values[0]) for value in values):
            return None
        columns, rows = [*said], [*map(list, zip(*values, strict=True))]
    headings = tuple(map(str, columns))
    if "id" not in places_of(headings):
        return None
    return Sheet(headings, tuple((n, [*map(str, row)]) for n, row in enumerate(rows, 1)))


def ids_in(
    sheet: Sheet, keys: Collection[str], asked: Mapping[str, str], a_list: bool, bare_list: bool
) -> tuple[int, list[tuple[str, int]]]:
    """The column that names the cases, each once, and each key with its row from the end, -1 the last; nothing where there is none.
    Of a list without a heading the first is one, too.

    Small numbers may count anything, and the cases of a small set have such ids. They name cases where they name half of all;
    or fewer in `a_list` by its name, under a heading of ids; or in a `bare_list`, which needs no heading; or under a heading of
    ids beside splits, where they are no mere numbers of the rows."""
    known = places_of(sheet.headings, asked).get("id")
    for at in known or range(len(sheet.headings)):
        texts = [cells[at] for _, cells in sheet.rows]
        counted = counts(texts)
        if not known and len(sheet.headings) > 1 and counted:
            continue
        small = bare_list or bool(known and (a_list or (not counted and splits_in(sheet, asked))))
        whole = [sheet.headings[at], *texts]
        first = [next(iter(text.split()), "") for text in whole]  # img/31.png 120
        named = max((keys_in(column, keys, small) for column in (whole, whole[1:], first, first[1:])), key=len)
        if named:
            return at, named
    return 0, []


def keys_in(texts: Sequence[str], keys: Collection[str], small: bool) -> list[tuple[str, int]]:
    """Those of the cases with their places from the column's end, -1 the last; none where it is no list of the cases. Of `small`
    numbers a list may have few."""
    found = [(key, place - len(texts)) for place, key in enumerate(bare_ids(list(texts))) if key]
    named = [(key, place) for key, place in found if key in keys]
    once = len({key for key, _ in named}) == len(named)
    any_few = small or not all(SMALL_NUMBER.fullmatch(texts[place].strip()) for _, place in named)
    least = min(len(found), len(keys)) if any_few else len(keys)
    enough = LEAST + min(MORE, len(keys) // CASES_FOR_MORE)  # a number or two of thousands may count anything
    return named if once and len(named) >= max(min(enough, len(keys)), SHARED * least) else []


def counts(texts: Sequence[str]) -> bool:
    """Whether it is but a count of the rows."""
    return all(text.strip() == str(place) for place, text in enumerate(texts)) or all(
        text.strip() == str(place) for place, text in enumerate(texts, 1)
    )


def splits_in(sheet: Sheet, asked: Mapping[str, str]) -> list[str]:
    """Of each row, by the cells of a column that says it; [] where there is none."""
    known = places_of(sheet.headings, asked).get("split", [])
    for at, heading in enumerate(sheet.headings):
        texts = [cells[at] for _, cells in sheet.rows]
        words = bare(normalised(heading))
        if at in known or splits_named(words, texts):
            yes = split_by_words(words)
            return [split_by_cell(text) or (yes if YES_NO.get(bare(text)) else "") for text in texts]
    return []


def patients_in(sheet: Sheet, ids_at: int, asked: Mapping[str, str]) -> list[str]:
    speak = {column.heading for column in unused_columns(sheet, asked) if column.speaks_of_patients}
    known = places_of(sheet.headings, asked).get("patient", [])
    places = [*known, *(at for at, heading in enumerate(sheet.headings) if heading.strip() in speak)]
    at = next((place for place in places if place != ids_at), -1)
    return [cells[at].strip() for _, cells in sheet.rows] if at >= 0 else []
