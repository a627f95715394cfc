"""One table of cases, CSV or Excel, under any of the headings in circulation.

Three naming schemes of RSNA's tables are found in the wild, and people rename columns; so a table is known by its
headings, never by its file's name. A row that cannot be used becomes a Problem, and the others are kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from data import dicom
from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS, SPLITS
from data.preparation import DataError
from data.problems import Kind, Problem

TABLE_SUFFIXES = (".csv", ".xlsx")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", *dicom.SUFFIXES)

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
SEX = {"m": True, "f": False, "male": True, "female": False, "true": True, "false": False}
ZERO_ONE = {
    "1": True,
    "0": False,
    "1.0": True,
    "0.0": False,
}  # clear under "male" only: under "sex" either may be meant
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
    split: str  # of the table as a whole, by its headings: '' where they do not tell


def read_table(path: Path) -> Table | None:
    """The table, or None where its headings are those of no table of cases.

    Raises DataError where the file cannot be read, or has no rows.
    """
    rows = read_rows(path)
    columns = found_columns(rows)
    if not set(NEEDED) <= set(columns):
        return None
    if rows.empty:
        raise DataError(f"{path} has no rows")
    return to_cases(path, rows, columns)


def read_rows(path: Path) -> pd.DataFrame:
    """Every cell as text, headings normalised."""
    try:
        if path.suffix.lower() == ".xlsx":
            rows = pd.read_excel(path, dtype=str, keep_default_na=False)
        else:
            with path.open(encoding="utf-8-sig") as file:
                heading = file.readline()
            separator = max(",;\t", key=heading.count)
            rows = pd.read_csv(
                path, dtype=str, keep_default_na=False, skipinitialspace=True, sep=separator, encoding="utf-8-sig"
            )
    except (ValueError, OSError, KeyError, BadZipFile) as error:
        if isinstance(error, PermissionError):
            raise
        # pandas' parser errors are ValueErrors, so is a wrong encoding; the others are a damaged workbook's
        kind = "an Excel workbook" if path.suffix.lower() == ".xlsx" else "CSV in UTF-8"
        raise DataError(f"{path} cannot be read as {kind}: {error}; save it again as such") from None
    rows.columns = [normalised(str(name)) for name in rows.columns]
    return rows


def normalised(heading: str) -> str:
    return " ".join(heading.replace("_", " ").lower().split())


def found_columns(rows: pd.DataFrame) -> dict[str, str]:
    """Our name of a column to the table's."""
    found = {}
    for ours, theirs in HEADINGS.items():
        present = [name for name in theirs if name in rows.columns]
        if present:
            found[ours] = present[0]
    return found


def split_by_headings(columns: dict[str, str]) -> str:
    """RSNA's validation and test tables have headings of their own."""
    published = {
        ("image id", "male", "bone age (months)"): "validation",
        ("case id", "sex", "ground truth bone age (months)"): "test",
        ("case id", "sex", None): "test",
    }
    return published.get((columns["id"], columns["sex"], columns.get("age_months")), "")


def split_by_words(text: str) -> str:
    """The one split that a file's or folder's name speaks of; '' where it names none, or several."""
    words = re.sub(r"[^a-z]+", " ", text.lower())
    named = [split for split, word in SPLIT_WORDS.items() if re.search(rf"\b({word})\b", words)]
    return named[0] if len(named) == 1 else ""


def to_cases(path: Path, rows: pd.DataFrame, columns: dict[str, str]) -> Table:
    ids = without_prefix([id_of(text) for text in rows[columns["id"]]])
    ages = list(rows[columns["age_months"]]) if "age_months" in columns else None
    splits = list(rows[columns["split"]]) if "split" in columns else [""] * len(rows)
    patients = list(rows[columns["patient"]]) if "patient" in columns else [""] * len(rows)
    kept: list[tuple[str, float, bool, str, str, int]] = []
    problems = []
    for index, (id, sex, split) in enumerate(zip(ids, rows[columns["sex"]], splits, strict=True)):
        row = index + 2  # as a person counts: from 1, with the heading
        male = sex_of(sex, columns["sex"])
        age_months = age_of(ages[index]) if ages else np.nan
        known_split = split_by_words(split)
        wrong: tuple[Kind, str] | None = (
            ("id", "the row has none")
            if not id
            else ("sex", f"{columns['sex']} is True or False, M or F; got {sex!r}")
            if male is None
            else ("age", f"bone age is in months, {MIN_AGE_MONTHS} to {MAX_AGE_MONTHS}; got {ages[index]!r}")
            if ages and not MIN_AGE_MONTHS <= age_months <= MAX_AGE_MONTHS  # a NaN is in no range
            else ("split", f"one of {', '.join(SPLITS)}; got {split!r}")
            if split.strip() and not known_split
            else None
        )
        if wrong:
            problems.append(Problem(id, f"{path} row {row}", *wrong))
        else:
            kept.append((id, age_months, bool(male), known_split, patients[index].strip(), row))
    cases = pd.DataFrame(kept, columns=["id", "age_months", "male", "split", "patient", "row"])
    cases = cases.astype({"id": str, "age_months": float, "male": bool, "split": str, "patient": str, "row": int})
    repeated = list(repeated_rows(path, cases))
    cases = cases.drop(index=[index for index, _ in repeated]).reset_index(drop=True)
    problems += [problem for _, problem in repeated]
    return Table(path, cases, tuple(problems), ages is not None, split_by_headings(columns))


def repeated_rows(path: Path, cases: pd.DataFrame) -> Iterator[tuple[int, Problem]]:
    """Rows whose id occurs before. Where they contradict one another nobody knows which is right: all of them go."""
    for id, same in cases[cases["id"].duplicated(keep=False)].groupby("id", sort=False):
        agree = len(same.drop(columns="row").drop_duplicates()) == 1
        rows = ", ".join(map(str, same["row"]))
        for index, row in list(same["row"].items())[1 if agree else 0 :]:
            said = "say the same, the first is kept" if agree else "contradict one another, none is kept"
            yield int(str(index)), Problem(str(id), f"{path} row {row}", "repeated id", f"rows {rows} {said}")


def id_of(text: str) -> str:
    """The image's name without folder and ending; Excel's 4360.0 is 4360."""
    name = re.split(r"[/\\]", text.strip())[-1].strip()
    stem, dot, suffix = name.rpartition(".")
    if dot and (f".{suffix.lower()}" in IMAGE_SUFFIXES or (suffix == "0" and stem.isdecimal())):
        return stem
    return name


def without_prefix(ids: list[str]) -> list[str]:
    """Ids without the letters that all of them begin with, as in b1377, b1378; ids that differ otherwise stay."""
    matched = [re.fullmatch(r"([A-Za-z_\-]+)(\d+)", id) for id in ids if id]
    if matched and all(matched) and len({match[1] for match in matched if match}) == 1:
        return [re.sub(r"^[A-Za-z_\-]+", "", id) for id in ids]
    return ids


def age_of(text: str) -> float:
    """Months; NaN where the text is no number."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def sex_of(text: str, heading: str) -> bool | None:
    words = SEX | ZERO_ONE if heading == "male" else SEX
    return words.get(text.strip().lower())
