"""One table of cases, CSV or Excel, under any of the headings in circulation.

Three naming schemes of RSNA's tables are found in the wild, and people rename columns; so a table is known by its
headings, never by its file's name. A row that cannot be used becomes a Problem, and the others are kept; which cells
a row cannot do without is said by who asks for the table.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS, SPLITS
from data.films import dicom
from data.preparation import DataError
from data.problems import Kind, Problem
from data.shown import one_line, shown
from data.tables.ages import UNITS, months_of, unclear_marks
from data.tables.dicom_cases import Age, ages_in_column, is_header_age
from data.tables.sexes import m_is_unclear, sexes_in
from data.tables.sheets import UNVALUED, Sheet, read_sheet

IMAGE_SUFFIXES = (*dicom.PICTURE_SUFFIXES, *dicom.SUFFIXES)

# Normalised headings: lower case, one space between words, no underscores. The first of each is RSNA's training table's.
HEADINGS = {
    "id": ("id", "image id", "case id", "fileid", "image", "file", "filename", "file name"),
    "age_months": ("boneage", "bone age (months)", "ground truth bone age (months)", "bone age", "age months"),
    "sex": ("male", "sex", "gender"),
    "split": ("split", "set", "subset"),
    "patient": (
        *("patient id", "patientid", "patient", "patient number"),
        *("subject id", "subjectid", "subject", "participant id", "participant", "person id"),
    ),
}
NEEDED = ("id", "sex")
# What stands beside a split's name in the name of its table.
OF_A_SET = re.compile(r"ages?|bone|boneage|cases?|data|dataset|ground|images?|labels?|official|rsna|sets?|table|truth")
PATH_BEGINS = re.compile(r"([A-Za-z]:|\.{0,2})[/\\]")  # C:\, /, ./, ../
KINDS: dict[str, Kind] = {"sex": "sex", "age_months": "age", "split": "split"}  # of a problem with the column
MARKS = {",": "comma", ".": "point"}
OPTIONS = {"id": "--id-column", "age_months": "--age-column", "sex": "--sex-column"}  # that name a heading of one's own
WHAT = {"id": "ids", "age_months": "bone ages", "sex": "sexes", "split": "splits"}
TO_TRAIN = ("sex", "age_months", "split")  # what a row must say readably, where the table has the column
TO_ANSWER: tuple[str, ...] = ()  # any of it will do
SPLIT_WORDS = {
    "train": r"train|training",
    "validation": r"val|valid|validation",
    "test": r"test|testing|ground truth",
}


@dataclass(frozen=True)
class Table:
    """A table's usable rows: `cases` has id, age_months (NaN where the table has no ages), male, split and patient ('' unknown),
    row, and `named`: the name that the case's image has by this table, with folders where the id has them."""

    path: Path
    cases: pd.DataFrame
    problems: tuple[Problem, ...]
    has_ages: bool
    has_sexes: bool  # `male` is False throughout where it has none; None where it need not be said and is not
    split: str  # of the table as a whole, by its headings: '' where they do not tell
    said: str = ""  # what had to be guessed
    to_a_year: frozenset[str] = frozenset()  # ids whose age is one since birth, of which the year alone is known


def read_table(
    path: Path, asked: Mapping[str, str] = {}, age_unit: str = "months", needed: Collection[str] = TO_TRAIN
) -> Table | None:
    """The table, or None where its headings are those of no table of cases: ids, and sexes or ages.

    A row without one of the columns that are `needed` is left out; of others a blank cell is unknown, and what cannot be
    read is a problem of a row that stays. Raises DataError where the file cannot be read, has no rows, has two columns for
    one thing that contradict one another, or formulas that nobody has calculated.
    """
    sheet = read_sheet(path, partial(fitting, asked=asked))
    columns = found_columns(sheet.headings, asked)
    if "id" not in columns or len({"sex", "age_months"} & set(columns)) == 0:
        return None
    if not sheet.rows:
        raise DataError(f"{path} has no rows")
    refuse_two_columns(path, sheet, asked, age_unit)
    return to_cases(path, sheet, columns, age_unit, needed)


def fitting(headings: Sequence[str], asked: Mapping[str, str]) -> int:
    """How many of our columns these are headings of; 0 where they are those of no table of cases."""
    columns = found_columns(headings, asked)
    return len(columns) if "id" in columns and len(columns) > 1 else 0


def normalised(heading: str) -> str:
    return " ".join(heading.replace("_", " ").replace("\ufeff", "").lower().split())


def places_of(headings: Sequence[str], asked: Mapping[str, str] = {}) -> dict[str, list[int]]:
    """Our name of a column to its places in the table, the best known heading's first. Where a heading was named, no other will do."""
    there = [normalised(heading) for heading in headings]
    found = {}
    for ours, known in HEADINGS.items():
        names = (normalised(asked[ours]),) if ours in asked else known
        places = [place for name in names for place, heading in enumerate(there) if heading == name]
        if places:
            found[ours] = places
    return found


def found_columns(headings: Sequence[str], asked: Mapping[str, str] = {}) -> dict[str, str]:
    """Our name of a column to the table's, normalised."""
    return {ours: normalised(headings[places[0]]) for ours, places in places_of(headings, asked).items()}


# What two columns for one thing are compared by; None says nothing.
MEANINGS: dict[str, Callable[[list[str], str, str], list[Any]]] = {
    "id": lambda texts, heading, unit: bare_ids(texts),
    "age_months": lambda texts, heading, unit: [None if np.isnan(age) else age for age in months_of(texts, unit)],
    "sex": lambda texts, heading, unit: sexes_in(texts, heading),
    "split": lambda texts, heading, unit: [split_by_words(text) or None for text in texts],
}


def refuse_two_columns(path: Path, sheet: Sheet, asked: Mapping[str, str], age_unit: str) -> None:
    """Two raters' ages, or a number beside a file's name: which is meant is not for us to say."""
    for ours, places in places_of(sheet.headings, asked).items():
        if ours not in MEANINGS:
            continue
        columns = [[cells[place] for _, cells in sheet.rows] for place in places]
        meant = [
            MEANINGS[ours](texts, normalised(sheet.headings[place]), age_unit)
            for place, texts in zip(places, columns, strict=True)
        ]
        for other in range(1, len(places)):
            for at, (one, two) in enumerate(zip(meant[0], meant[other], strict=True)):
                if one is None or two is None or one == two:
                    continue
                names = [one_line(sheet.headings[places[n]]) for n in (0, other)]
                told_apart = normalised(names[0]) != normalised(names[1])
                raise DataError(
                    f"{path} has two columns of {WHAT[ours]} ({', '.join(names)}), and row {sheet.rows[at][0]} has "
                    f"{shown(columns[0][at])} and {shown(columns[other][at])}: "
                    + (f"say {OPTIONS[ours]}" if told_apart and ours in OPTIONS else "rename one of them, or remove it")
                )


def known_headings(path: Path, asked: Mapping[str, str]) -> dict[str, str]:
    """The columns of a table that lacks some."""
    return found_columns(read_sheet(path, partial(fitting, asked=asked)).headings, asked)


def lacking(path: Path, asked: Mapping[str, str]) -> str:
    """Which columns of a table of cases this file has no heading for, the known ones, and what to do."""
    headings = read_sheet(path, partial(fitting, asked=asked)).headings
    found = found_columns(headings, asked)
    missing = next((name for name in (*NEEDED, "age_months") if name not in found), NEEDED[0])
    there = one_line(", ".join(headings))
    if missing in asked:
        return f"{path} has no column {asked[missing]!r}, which {OPTIONS[missing]} names: it has {there}"
    known = ", ".join(HEADINGS[missing])
    return (
        f"{path} lacks the column {HEADINGS[missing][0]!r}: RSNA's table has id, boneage, male; this one has {there}; "
        f"known headings are {known}; {OPTIONS[missing]} names another"
    )


def split_of(folder: Path, path: Path) -> str:
    """The split that the last of the path's names below the folder speaks of, else the one before it; '' where none does."""
    names = reversed(path.relative_to(folder).parts)
    return next((split for name in names if (split := split_by_words(name))), "")


def to_cases(path: Path, sheet: Sheet, columns: dict[str, str], age_unit: str, needed: Collection[str]) -> Table:
    there = [normalised(heading) for heading in sheet.headings]
    cells = {ours: [row[there.index(name)] for _, row in sheet.rows] for ours, name in columns.items()}
    refuse_unvalued(path, sheet, cells)
    blank = [""] * len(sheet.rows)
    ids, names = ids_of(cells["id"])
    since_birth = ages_in_column(cells["age_months"], age_unit) if is_header_age(columns.get("age_months", "")) else []
    to_a_year = frozenset(id for id, age in zip(ids, since_birth, strict=False) if age.to_a_year)
    ages = ages_of(cells, age_unit, since_birth) if "age_months" in columns else [np.nan] * len(ids)
    males: list[bool | None] = (
        sexes_in(cells["sex"], columns["sex"]) if "sex" in columns else [False for _ in sheet.rows]
    )
    splits = [split_by_words(text) for text in cells.get("split", blank)]
    patients = cells.get("patient", blank)
    why = sentences(cells, columns, age_unit)
    kept: list[tuple[str, float, bool | None, str, str, int, str]] = []
    problems = []
    for index, (row, _) in enumerate(sheet.rows):
        unread = {"sex": males[index] is None, "age_months": np.isnan(ages[index]), "split": not splits[index]}
        wrong = [ours for ours in TO_TRAIN if ours in columns and unread[ours]]
        filled = [ours for ours in wrong if cells[ours][index].strip()]
        lost = [ours for ours in wrong if ours in needed and (ours != "split" or ours in filled)]
        faults: list[tuple[Kind, str]] = [(KINDS[ours], why(ours, index)) for ours in lost[:1] or filled]
        if not ids[index]:
            faults = [("id", "the row has none")]
        elif not lost:
            told = ids[index], ages[index], males[index], splits[index], patients[index].strip()
            kept.append((*told, row, names[index]))
        problems += [Problem(ids[index], f"{path} row {row}", kind, said) for kind, said in faults]
    cases = pd.DataFrame(kept, columns=["id", "age_months", "male", "split", "patient", "row", "named"])
    male = bool if "sex" in needed or "sex" not in columns else object
    cases = cases.astype(
        {"id": str, "age_months": float, "male": male, "split": str, "patient": str, "row": int, "named": str}
    )
    repeated = list(repeated_rows(path, cases, needed))
    cases = cases.drop(index=[index for index, _ in repeated]).reset_index(drop=True)
    problems += [problem for _, problem in repeated]
    has_ages, has_sexes = "age_months" in columns, "sex" in columns
    return Table(path, cases, tuple(problems), has_ages, has_sexes, split_by_headings(columns), sheet.said, to_a_year)


def refuse_unvalued(path: Path, sheet: Sheet, cells: Mapping[str, list[str]]) -> None:
    for texts in cells.values():
        if UNVALUED in texts:
            raise DataError(
                f"{path} row {sheet.rows[texts.index(UNVALUED)][0]} has a formula without a value: open the workbook in Excel "
                "and save it, or save it as CSV"
            )


def ages_of(cells: Mapping[str, list[str]], age_unit: str, since_birth: Sequence[Age]) -> list[float]:
    """In months; NaN where the cell does not say an age in range."""
    ages = [age.months for age in since_birth] or months_of(cells["age_months"], age_unit)
    return [age if MIN_AGE_MONTHS <= age <= MAX_AGE_MONTHS else np.nan for age in ages]  # a NaN is in no range


def sentences(cells: Mapping[str, list[str]], columns: Mapping[str, str], age_unit: str) -> Callable[[str, int], str]:
    """What is wrong with a cell, by our column and the row's place."""
    youngest, oldest = (f"{months / UNITS[age_unit]:g}" for months in (MIN_AGE_MONTHS, MAX_AGE_MONTHS))
    texts = cells.get("age_months", ())
    marks = unclear_marks(texts, age_unit)
    expected = {
        "sex": f"{columns.get('sex')} is True or False, M or F; got ",
        "age_months": f"bone age is in {age_unit}, {youngest} to {oldest}; got ",
        "split": f"one of {', '.join(SPLITS)}; got ",
    }
    beside = (
        "; beside H or V an M may be a woman (mujer): write male and female"
        if m_is_unclear(cells.get("sex", ()))
        else ""
    )

    def why(ours: str, index: int) -> str:
        text = cells[ours][index]
        more = beside if ours == "sex" else ""
        if ours == "age_months" and (mark := next((mark for mark in marks if mark in text), "")):
            more = f", where the {MARKS[mark]} may part thousands or be the decimal one: write it without"
        return expected[ours] + shown(text) + more

    return why


def ids_of(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids as they are written, and their images' names. Of files' names the folder and the ending are no part of the id, nor are
    letters that all share, as in b1377.png, b1378.png; where names of files repeat, their folders stay: p1/left.png and
    p2/left.png. A text without an image's ending is a file's only where it begins like a path: 2019/12 and N/A are ids."""
    paths = ["/".join(re.split(r"[/\\]", without_ending(text))) for text in texts]
    ended = [without_ending(text) != text.strip() for text in texts]
    of_files = [
        with_ending or bool(PATH_BEGINS.match(text.strip())) for text, with_ending in zip(texts, ended, strict=True)
    ]
    names = [
        path.rpartition("/")[2].strip() if of_file else path for path, of_file in zip(paths, of_files, strict=True)
    ]
    ids = [name if of_file else text.strip() for name, of_file, text in zip(names, of_files, texts, strict=True)]
    if any(ids) and all(with_ending for with_ending, text in zip(ended, texts, strict=True) if text.strip()):
        ids = without_prefix(ids)
    meant = Counter(id for id, _ in set(zip(ids, paths, strict=True)))
    several = [meant[id] > 1 for id in ids]
    return (
        [path if more else id for id, path, more in zip(ids, paths, several, strict=True)],
        [path if more else name for name, path, more in zip(names, paths, several, strict=True)],
    )


def split_by_headings(columns: dict[str, str]) -> str:
    """RSNA's validation and test tables have headings of their own."""
    published = {
        ("image id", "male", "bone age (months)"): "validation",
        ("case id", "sex", "ground truth bone age (months)"): "test",
        ("case id", "sex", None): "test",
    }
    return published.get((columns["id"], columns.get("sex", ""), columns.get("age_months")), "")


def split_by_words(text: str) -> str:
    """The one split that a file's or folder's name speaks of; '' where it names none, or several."""
    words = re.sub(r"[^a-z]+", " ", text.lower())
    named = [split for split, word in SPLIT_WORDS.items() if re.search(rf"\b({word})\b", words)]
    return named[0] if len(named) == 1 else ""


def is_a_splits_table(stem: str) -> bool:
    """Whether a table's name says nothing but which split of a data set it holds: test, boneage_test_dataset; not test_results."""
    words = re.findall(r"[a-z]+", stem.lower())
    return bool(split_by_words(stem)) and all(OF_A_SET.fullmatch(word) or split_by_words(word) for word in words)


def repeated_rows(path: Path, cases: pd.DataFrame, needed: Collection[str]) -> Iterator[tuple[int, Problem]]:
    """Rows whose id occurs before. Where they contradict one another nobody knows which is right: all of them go."""
    compared = [name for name in cases if name not in ("row", "named")] if needed else ["age_months", "male"]
    for id, same in cases[cases["id"].duplicated(keep=False)].groupby("id", sort=False):
        agree = len(same[compared].drop_duplicates()) == 1
        rows = ", ".join(map(str, same["row"]))
        for index, row in list(same["row"].items())[1 if agree else 0 :]:
            said = "say the same, the first is kept" if agree else "contradict one another, none is kept"
            yield int(str(index)), Problem(str(id), f"{path} row {row}", "repeated id", f"rows {rows} {said}")


def bare_ids(texts: list[str]) -> list[str | None]:
    """As names of files are found by them: b1377.png is 1377 where all begin with b, and 007 is 7."""
    ids = without_prefix([id_of(text).casefold() for text in texts])
    return [(id.lstrip("0") or "0" if id.isdecimal() else id) or None for id in ids]


def id_of(text: str) -> str:
    """The text itself; of a file's name or path, the name without folder and ending."""
    return re.split(r"[/\\]", without_ending(text))[-1].strip()


def without_ending(text: str) -> str:
    """Without the ending of an image file. `.1` of 1.2.840.1 is none, nor is `.0` of 1.0."""
    stripped = text.strip()
    ending = next((suffix for suffix in IMAGE_SUFFIXES if stripped.lower().endswith(suffix)), "")
    return stripped[: len(stripped) - len(ending)]


def composed(names: Sequence[str]) -> list[str]:
    """é is one letter in one system's file names and two in another's."""
    return [unicodedata.normalize("NFC", name).strip() for name in names]


def without_prefix(ids: list[str]) -> list[str]:
    """Ids without the letters that all of them begin with, as in b1377, b1378; ids that differ otherwise stay."""
    matched = [re.fullmatch(r"([A-Za-z_\-]+)(\d+)", id) for id in ids if id]
    if matched and all(matched) and len({match[1] for match in matched if match}) == 1:
        return [re.sub(r"^[A-Za-z_\-]+", "", id) for id in ids]
    return ids
