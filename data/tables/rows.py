"""The rows of one table as cases: ids, ages, sexes, splits and patients, and a Problem for each row that cannot be used.

A row that cannot be used becomes a Problem, and the others are kept; which cells a row cannot do without is said by who
asks for the table.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS, SPLITS
from data.preparation import DataError
from data.problems import Kind, Problem
from data.shown import one_line, shown
from data.tables.ages import NUMBER, UNITS, months_of, unclear_marks
from data.tables.cells.splits import split_by_cell, split_of_path
from data.tables.cells.workbook import UNVALUED
from data.tables.dicom_cases import Age, ages_in_column, is_header_age
from data.tables.headings import (
    AS_WRITTEN,
    Table,
    fitting,
    found_columns,
    ids_of,
    normalised,
    places_of,
    split_by_headings,
)
from data.tables.paired.two_columns import in_one_column, refuse_ids_of_patients, refuse_two_patients
from data.tables.sexes import m_is_unclear, needs_a_sex, sexes_in
from data.tables.sheets import Sheet, read_sheet
from data.tables.unclear.blanks import refuse_heads, said_of_blanks
from data.tables.unclear.columns import (
    refuse_chronological,
    refuse_two_columns,
    refuse_unread_letters,
    refuse_without_heading,
    with_other_sexes,
)
from data.tables.unclear.lines import refuse_lines
from data.tables.unclear.units import refuse_parts, unit_of, years_and_months_said
from data.tables.unused import unused_columns

KINDS: dict[str, Kind] = {"sex": "sex", "age_months": "age", "split": "split"}  # of a problem with the column
MARKS = {",": "comma", ".": "point"}
TO_TRAIN = ("sex", "age_months", "split")  # what a row must say readably, where the table has the column
TO_ANSWER: tuple[str, ...] = ()  # any of it will do


def read_table(
    path: Path,
    asked: Mapping[str, str] = {},
    age_unit: str = "auto",
    needed: Collection[str] = TO_TRAIN,
    passed_over: Collection[str] = (),
) -> Table | None:
    """The table, or None where its headings are those of no table of cases: ids, and sexes or ages.

    A row without one of the columns that are `needed` is left out; of others a blank cell is unknown, and what cannot be
    read is a problem of a row that stays. Of columns that are `passed_over` nothing is read, nor doubted. Raises DataError
    where the file cannot be read, has no rows, has formulas that nobody has calculated, or may mean two things
    (`data/tables/unclear`).
    """
    sheet = read_sheet(path, partial(fitting, asked=asked))
    columns = found_columns(sheet.headings, asked)
    if "id" not in columns or len({"sex", "age_months"} & set(columns)) == 0:
        return None
    columns = {ours: name for ours, name in columns.items() if ours not in passed_over}
    if not sheet.rows:
        raise DataError(f"{path} has no rows")
    refuse_lines(path, sheet, columns)
    unit, of_heading = unit_of(path, columns.get("age_months", ""), age_unit)
    at = {ours: places for ours, places in places_of(sheet.headings, asked).items() if ours in columns}
    refuse_two_columns(path, sheet, with_other_sexes(sheet.headings, at, asked), unit)
    if needed:
        refuse_two_patients(path, sheet, asked)
        refuse_ids_of_patients(path, sheet, asked)
    first = {ours: places[0] for ours, places in at.items()}
    no_cases = rows_of_no_case(sheet, at)
    unused = unused_columns(sheet, asked, no_cases)
    if "age_months" in first:
        refuse_without_heading(path, sheet, first["age_months"])
        refuse_parts(path, sheet, first["age_months"], age_unit)
        if normalised(asked.get("age_months", "")) != columns["age_months"]:
            refuse_chronological(path, sheet, first["age_months"], unused)
    if "sex" in first:
        refuse_unread_letters(path, sheet, first["sex"])
    if needed:
        refuse_heads(path, sheet, first, no_cases)
    sheet = in_one_column(sheet, asked)
    sheet = replace(sheet, rows=tuple(row for row in sheet.rows if row[0] not in no_cases))
    table = to_cases(path, sheet, columns, unit, needed, no_cases)
    texts = [cells[first["age_months"]] for _, cells in sheet.rows] if "age_months" in first else []
    splits, patients = (
        [cells[first[ours]] for _, cells in sheet.rows] if ours in first else [] for ours in ("split", "patient")
    )
    words = (of_heading, years_and_months_said(path, texts, unit), said_of_blanks(path, splits, patients), table.said)
    said = "; ".join(filter(None, words))
    return replace(table, columns=columns, unused=unused, said=said)


def rows_of_no_case(sheet: Sheet, at: Mapping[str, Sequence[int]]) -> frozenset[int]:
    """With neither id nor age: a box that was ticked beforehand, a line below the table. `at` are the columns' places."""
    places = [*at.get("id", ()), *at.get("age_months", ())]
    return frozenset(row for row, cells in sheet.rows if not any(cells[place].strip() for place in places))


def to_cases(
    path: Path,
    sheet: Sheet,
    columns: dict[str, str],
    age_unit: str,
    needed: Collection[str],
    no_cases: Collection[int],
) -> Table:
    """`no_cases` are rows that the sheet no longer has, of which a sentence is said."""
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
    of_cell = {text: split_by_cell(text) for text in {*cells.get("split", blank)}}
    splits = [of_cell[text] for text in cells.get("split", blank)]
    patients = cells.get("patient", blank)
    why = sentences(cells, columns, age_unit)
    kept: list[tuple[str, float, bool | None, str, str, int, str, str]] = []
    problems = []
    for index, (row, _) in enumerate(sheet.rows):
        unread = {"sex": males[index] is None, "age_months": np.isnan(ages[index]), "split": not splits[index]}
        wrong = [ours for ours in TO_TRAIN if ours in columns and unread[ours]]
        filled = [ours for ours in wrong if cells[ours][index].strip()]
        lost = [ours for ours in wrong if ours in needed and (ours != "split" or ours in filled)]
        faults: list[tuple[Kind, str]] = [(KINDS[ours], why(ours, index)) for ours in lost[:1] or filled]
        if not ids[index]:
            faults = [("id", "the row has no id")]
        elif not lost:
            told = ids[index], ages[index], males[index], splits[index], patients[index].strip()
            kept.append((*told, row, names[index], split_of_path(cells["id"][index])))
        at = f"{path} row {row}"
        problems += [Problem(ids[index], at, kind, said, split=splits[index]) for kind, said in faults]
    cases = pd.DataFrame(kept, columns=["id", "age_months", "male", "split", "patient", *AS_WRITTEN])
    male = bool if "sex" in needed or "sex" not in columns else object
    cases = cases.astype(
        dict.fromkeys(("id", "split", "patient", "named", "folder"), str)
        | {"age_months": float, "male": male, "row": int}
    )
    again, contradicting = repeated_rows(path, cases, needed)
    cases = cases.drop(index=[*again, *contradicting])
    problems += contradicting.values()
    said = [
        sheet.said,
        rows_said(
            path,
            sorted(no_cases),
            "has neither id nor age and is not a case",
            "have neither id nor age and are not cases",
        ),
        rows_said(
            path,
            [*again.values()],
            "repeats another row and is left out",
            "repeat other rows and are left out",
        ),
    ]
    has_ages, has_sexes = "age_months" in columns, "sex" in columns
    split, words = split_by_headings(columns), "; ".join(filter(None, said))
    return Table(path, cases.reset_index(drop=True), tuple(problems), has_ages, has_sexes, split, words, to_a_year)


def rows_said(path: Path, rows: Sequence[int], one: str, several: str) -> str:
    if not rows:
        return ""
    return (
        f"{path.name} row {rows[0]} {one}"
        if len(rows) == 1
        else f"{len(rows):,} rows of {path.name} {several} (the first: row {rows[0]})"
    )


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
        "; under this heading, or beside H or V, M may mean a woman (mujer): write male and female"
        if m_is_unclear(cells.get("sex", ()), columns.get("sex", ""))
        else ""
    )

    def why(ours: str, index: int) -> str:
        text = cells[ours][index]
        more = beside if ours == "sex" else ""
        if ours == "sex" and needs_a_sex(text, columns["sex"]):
            return (
                f"{shown(text)} under the heading {one_line(columns['sex'])} does not say whether a boy or a girl is meant: "
                "write M and F, or rename the column male or female, whichever the cells say"
            )
        if ours == "age_months" and (mark := next((mark for mark in marks if mark in text), "")):
            more = (
                f", where the {MARKS[mark]} may separate thousands or be the decimal mark: write the number without it"
            )
        if ours == "age_months" and not more and any(map(str.isdecimal, text)) and not NUMBER.fullmatch(text.strip()):
            more = f": write the number of {age_unit} alone"  # of 7y 10m, 94 months, >94
        return expected[ours] + shown(text) + more

    return why


def repeated_rows(
    path: Path, cases: pd.DataFrame, needed: Collection[str]
) -> tuple[dict[int, int], dict[int, Problem]]:
    """Rows whose id occurs before, by their places: those that say the same, which are no loss, and those that contradict one another.

    Where they do, nobody knows which is right: all of them go.
    """
    compared = [name for name in cases if name not in AS_WRITTEN] if needed else ["age_months", "male"]
    again: dict[int, int] = {}
    contradicting: dict[int, Problem] = {}
    for id, same in cases[cases["id"].duplicated(keep=False)].groupby("id", sort=False):
        places = [(int(str(index)), int(row)) for index, row in same["row"].items()]
        splits = list(same["split"])
        if len(same[compared].drop_duplicates()) == 1:
            again |= dict(places[1:])
            continue
        said = f"rows {', '.join(map(str, same['row']))} contradict one another, so none of them is kept"
        for (index, row), split in zip(places, splits, strict=True):
            contradicting[index] = Problem(str(id), f"{path} row {row}", "repeated id", said, split=split)
    return again, contradicting
