"""One table of cases, CSV or Excel, under any of the headings in circulation.

Three naming schemes of RSNA's tables are found in the wild, and people rename columns; so a table is known by its
headings, never by its file's name. A row that cannot be used becomes a Problem, and the others are kept.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS, SPLITS
from data.films import dicom
from data.preparation import DataError
from data.problems import Kind, Problem
from data.shown import one_line, shown
from data.tables.ages import UNITS, months_of
from data.tables.sheets import Sheet, read_sheet

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
OPTIONS = {"id": "--id-column", "age_months": "--age-column", "sex": "--sex-column"}  # that name a heading of one's own
SEX = {
    **{"m": True, "male": True, "boy": True, "männlich": True},
    **{"f": False, "female": False, "girl": False, "w": False, "weiblich": False},
}
# True and False, as spreadsheets of some languages write them.
TRUTH = {
    **dict.fromkeys(("true", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar"), True),
    **dict.fromkeys(("false", "falsch", "faux", "falso", "onwaar"), False),
}
# Clear under "male" or "female" only: under "sex" either may be meant.
YES_NO = TRUTH | {"1": True, "1.0": True, "yes": True, "y": True, "0": False, "0.0": False, "no": False, "n": False}
SPLIT_WORDS = {
    "train": r"train|training",
    "validation": r"val|valid|validation",
    "test": r"test|testing|ground truth",
}


@dataclass(frozen=True)
class Table:
    """A table's usable rows: `cases` has id, age_months (NaN where the table has no ages), male, split and patient ('' unknown), row."""

    path: Path
    cases: pd.DataFrame
    problems: tuple[Problem, ...]
    has_ages: bool
    has_sexes: bool  # `male` is False throughout where it has none
    split: str  # of the table as a whole, by its headings: '' where they do not tell
    said: str = ""  # what had to be guessed


def read_table(path: Path, asked: Mapping[str, str] = {}, age_unit: str = "months") -> Table | None:
    """The table, or None where its headings are those of no table of cases: ids, and sexes or ages.

    Raises DataError where the file cannot be read, or has no rows.
    """
    sheet = read_sheet(path, partial(fitting, asked=asked))
    columns = found_columns(sheet.headings, asked)
    if "id" not in columns or len({"sex", "age_months"} & set(columns)) == 0:
        return None
    if not sheet.rows:
        raise DataError(f"{path} has no rows")
    return to_cases(path, sheet, columns, age_unit)


def fitting(headings: Sequence[str], asked: Mapping[str, str]) -> int:
    """How many of our columns these are headings of; 0 where they are those of no table of cases."""
    columns = found_columns(headings, asked)
    return len(columns) if "id" in columns and len(columns) > 1 else 0


def normalised(heading: str) -> str:
    return " ".join(heading.replace("_", " ").replace("\ufeff", "").lower().split())


def found_columns(headings: Sequence[str], asked: Mapping[str, str] = {}) -> dict[str, str]:
    """Our name of a column to the table's, normalised. Where a heading was named, no other will do."""
    there = [normalised(heading) for heading in headings]
    found = {}
    for ours, known in HEADINGS.items():
        names = (normalised(asked[ours]),) if ours in asked else known
        present = [name for name in names if name in there]
        if present:
            found[ours] = present[0]
    return found


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


def to_cases(path: Path, sheet: Sheet, columns: dict[str, str], age_unit: str) -> Table:
    there = [normalised(heading) for heading in sheet.headings]
    cells = {ours: [row[there.index(name)] for _, row in sheet.rows] for ours, name in columns.items()}
    blank = [""] * len(sheet.rows)
    ids = ids_of(cells["id"])
    texts = cells.get("age_months")
    ages = months_of(texts, age_unit) if texts else [np.nan] * len(ids)
    splits, patients = cells.get("split", blank), cells.get("patient", blank)
    youngest, oldest = (f"{months / UNITS[age_unit]:g}" for months in (MIN_AGE_MONTHS, MAX_AGE_MONTHS))
    kept: list[tuple[str, float, bool, str, str, int]] = []
    problems = []
    for index, (row, _) in enumerate(sheet.rows):
        male = sex_of(cells["sex"][index], columns["sex"]) if "sex" in columns else False
        known_split = split_by_words(splits[index])
        wrong: tuple[Kind, str] | None = (
            ("id", "the row has none")
            if not ids[index]
            else ("sex", f"{columns['sex']} is True or False, M or F; got {shown(cells['sex'][index])}")
            if male is None
            else ("age", f"bone age is in {age_unit}, {youngest} to {oldest}; got {shown(texts[index])}")
            if texts and not MIN_AGE_MONTHS <= ages[index] <= MAX_AGE_MONTHS  # a NaN is in no range
            else ("split", f"one of {', '.join(SPLITS)}; got {shown(splits[index])}")
            if splits[index].strip() and not known_split
            else None
        )
        if wrong:
            problems.append(Problem(ids[index], f"{path} row {row}", *wrong))
        else:
            kept.append((ids[index], ages[index], bool(male), known_split, patients[index].strip(), row))
    cases = pd.DataFrame(kept, columns=["id", "age_months", "male", "split", "patient", "row"])
    cases = cases.astype({"id": str, "age_months": float, "male": bool, "split": str, "patient": str, "row": int})
    repeated = list(repeated_rows(path, cases))
    cases = cases.drop(index=[index for index, _ in repeated]).reset_index(drop=True)
    problems += [problem for _, problem in repeated]
    has_ages, has_sexes = texts is not None, "sex" in columns
    return Table(path, cases, tuple(problems), has_ages, has_sexes, split_by_headings(columns), sheet.said)


def ids_of(texts: Sequence[str]) -> list[str]:
    """Ids as they are written. Of files' names the folder and the ending are no part, nor are letters that all share, as in
    b1377.png, b1378.png; where names of files repeat, their folders stay: p1/left.png and p2/left.png."""
    ids = [id_of(text) for text in texts]
    if any(ids) and all(without_ending(text) != text.strip() for text in texts if text.strip()):
        ids = without_prefix(ids)
    whole = ["/".join(re.split(r"[/\\]", without_ending(text))) for text in texts]
    meant = Counter(id for id, _ in set(zip(ids, whole, strict=True)))
    return [path if meant[id] > 1 else id for id, path in zip(ids, whole, strict=True)]


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


def repeated_rows(path: Path, cases: pd.DataFrame) -> Iterator[tuple[int, Problem]]:
    """Rows whose id occurs before. Where they contradict one another nobody knows which is right: all of them go."""
    for id, same in cases[cases["id"].duplicated(keep=False)].groupby("id", sort=False):
        agree = len(same.drop(columns="row").drop_duplicates()) == 1
        rows = ", ".join(map(str, same["row"]))
        for index, row in list(same["row"].items())[1 if agree else 0 :]:
            said = "say the same, the first is kept" if agree else "contradict one another, none is kept"
            yield int(str(index)), Problem(str(id), f"{path} row {row}", "repeated id", f"rows {rows} {said}")


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


def sex_of(text: str, heading: str) -> bool | None:
    """Whether male; None where the cell does not tell. Under "female", yes is a girl."""
    word, named = text.strip().lower(), heading.split()
    if "female" in named:
        return SEX.get(word, {yes: not male for yes, male in YES_NO.items()}.get(word))
    return (SEX | (YES_NO if "male" in named else TRUTH)).get(word)
