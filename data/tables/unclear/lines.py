"""Lines of a table that are no rows as they stand there: headings again, numbers cut in two, rows inside a quoted cell."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.preparation import DataError
from data.shown import shown
from data.tables.ages import NUMBER
from data.tables.cells.splits import is_a_splits_table, split_by_words
from data.tables.headings import normalised
from data.tables.sexes import sex_of
from data.tables.sheets import Sheet

DECIMALS = re.compile(r"\d{1,2}")  # behind a decimal comma


def refuse_lines(path: Path, sheet: Sheet, columns: Mapping[str, str]) -> None:
    refuse_headings_again(path, sheet)
    if "split" not in columns:
        refuse_parts_of_splits(path, sheet)
    refuse_rows_in_quotes(path, sheet, columns)
    refuse_parted_numbers(path, sheet, columns)
    refuse_cut_decimals(path, sheet, columns)


def refuse_headings_again(path: Path, sheet: Sheet) -> None:
    if sheet.headings_again:
        raise DataError(
            f"{path} row {sheet.headings_again[0]} has the headings again, so two tables stand below one another, perhaps of two splits: "
            "save each as a file of its own, or make one table with a column `split`"
        )


def refuse_parts_of_splits(path: Path, sheet: Sheet) -> None:
    """A line between the rows that says "Test set" and nothing else: those below it are to be trained on by no one."""
    for number, cells in sheet.rows:
        filled = [cell for cell in cells if cell.strip()]
        if len({*filled}) == 1 and split_by_words(filled[0]) and is_a_splits_table(filled[0]):
            raise DataError(
                f"{path} row {number} says {shown(filled[0].strip())} and nothing else, as the title of the rows below it: add a column "
                "`split` in its place, or save each part as a file of its own"
            )


def refuse_rows_in_quotes(path: Path, sheet: Sheet, columns: Mapping[str, str]) -> None:
    for number, cells in sheet.within_quotes:
        if says_a_case(cells, sheet, columns):
            raise DataError(
                f"{path} line {number} looks like a row, and lies inside a cell that a quotation mark of a line before it opens: "
                "remove that mark, or close the cell in its own line"
            )


def refuse_parted_numbers(path: Path, sheet: Sheet, columns: Mapping[str, str]) -> None:
    """A comma that no quotes protect parts 3,5 into two cells, and pushes those behind it to the right.

    A row that has more cells than the headings and ends in blank ones may be that, or just end in commas. It is that only where
    putting two numbers together leaves a row that says an age and a sex.
    """
    there = [normalised(heading) for heading in sheet.headings]
    at = {ours: there.index(name) for ours, name in columns.items()}
    for number, cells in sheet.longer:
        for place in range(max(at.values()) + 1):
            parts = cells[place : place + 2]
            if place == at["id"] or not all(re.fullmatch(r"\s*[0-9]+\s*", part) for part in parts) or len(parts) < 2:
                continue
            joined = [*cells[:place], ",".join(map(str.strip, parts)), *cells[place + 2 :]]
            if says_a_case(joined, sheet, columns):
                raise DataError(
                    f"{path} row {number} has {len(cells)} cells under {len(there)} headings: {parts[0].strip()} and {parts[1].strip()} may "
                    f"be one number, {joined[place]}, or two; put numbers with a decimal comma in quotes, write a point instead, or "
                    "remove the commas at the row's end"
                )


def says_a_case(cells: Sequence[str], sheet: Sheet, columns: Mapping[str, str]) -> bool:
    """Whether an age and a sex stand at the places where the table has them."""
    there = [normalised(heading) for heading in sheet.headings]
    at = {ours: there.index(name) for ours, name in columns.items()}
    says_age = "age_months" not in at or bool(NUMBER.fullmatch(cells[at["age_months"]].strip()))
    return says_age and ("sex" not in at or sex_of(cells[at["sex"]], columns["sex"]) is not None)


def refuse_cut_decimals(path: Path, sheet: Sheet, columns: Mapping[str, str]) -> None:
    """10,5 without quotes is 10 and, in the next column, 5; where that one is the last, a row of whole years ends before it."""
    place = (
        [normalised(heading) for heading in sheet.headings].index(columns["age_months"])
        if "age_months" in columns
        else -1
    )
    if place < 0 or place + 1 >= len(sheet.headings):
        return
    filled = [(number, cells) for number, cells in sheet.rows if cells[place + 1].strip()]
    blank = {number for number, cells in sheet.rows if not cells[place + 1].strip()}
    if filled and blank & sheet.shorter and all(DECIMALS.fullmatch(cells[place + 1].strip()) for _, cells in filled):
        number, cells = filled[0]
        raise DataError(
            f"{path} row {number} has {cells[place].strip()} and {cells[place + 1].strip()}, which may be one number with a decimal "
            f"comma, and row {min(blank & sheet.shorter)} ends before the second: put numbers with a decimal comma in quotes, write a point "
            "instead, or end all rows with as many commas"
        )
