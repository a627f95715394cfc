"""The cells of an Excel workbook, as it shows them: what a merged range says holds for all of its cells."""

import io
import re
import warnings
import zipfile
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from data.foreign import foreign
from data.preparation import DataError
from data.tables.cells.bounds import MAX_CELLS, MAX_CELLS_READ, MAX_TABLE_BYTES, too_large

Row = tuple[int, list[str]]  # its number as a person counts, from 1; its cells
UNREADABLE = "cannot be read as an Excel workbook"
UNVALUED = "\0"  # a cell with a formula whose value nobody has calculated; no text has that letter
# In a worksheet's XML, whatever name the program gave to the namespace. The library's reader of large sheets knows neither.
FORMULA = re.compile(rb"<f[\s/>]")
MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?\bref=[\"']([A-Z0-9:$]+)[\"']")
HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\s(?=[^>]*?\bhidden=[\"'](?:1|true)[\"'])[^>]*?\br=[\"'](\d+)[\"']")
HIDDEN_COLUMN = re.compile(rb"<(?:\w+:)?col\s(?=[^>]*?\bhidden=[\"'](?:1|true)[\"'])[^>]*>")
ENDS = re.compile(rb"\b(min|max)=[\"'](\d+)[\"']")
ROW = re.compile(rb"<(?:\w+:)?row\s[^>]*?\br=[\"'](\d+)[\"']")
LAST_ROW = 1_048_576
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
STRICT = b"purl.oclc.org/ooxml"  # the namespace of Excel's "Strict Open XML", which the library does not know


@dataclass(frozen=True)
class Worksheet:
    """One of a workbook; its rows are without the blank cells at their ends."""

    name: str
    hidden: bool
    rows: tuple[Row, ...]
    hidden_rows: frozenset[int]
    hidden_columns: frozenset[int]  # from 0


def worksheets(path: Path, data: bytes) -> list[Worksheet]:
    """Raises DataError where the bytes are no workbook, or hold more than any table of cases does."""
    refuse_other_programs(path, data)
    refuse_bomb(path, data)
    with unremarked(), foreign(f"{path} {UNREADABLE}; save it again as such"):
        return list(cells_of(path, data))


@contextmanager
def unremarked() -> Iterator[None]:
    """Encloses the reading of a workbook. The library remarks upon styles, lists to choose from and other parts that it would lose in
    writing: the workbook stays as it is, and nobody could do anything about them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
        yield


def refuse_other_programs(path: Path, data: bytes) -> None:
    """Files that were merely given a workbook's ending."""
    if data.startswith(OLD_OFFICE):
        raise DataError(
            f"{path} {UNREADABLE}: it is protected by a password, or of Excel's old kind (.xls): open it in Excel and save it as a workbook "
            "(.xlsx) without a password, or as CSV"
        )
    if data and not data.startswith(b"PK") and b"\0" not in data[:1024]:
        raise DataError(
            f"{path} {UNREADABLE}: it is a text; give it the ending .csv, or save it as a workbook in Excel"
        )


def refuse_rows(path: Path, text: bytes) -> None:
    """Rows that stand in no order are lost by the library, and one beyond Excel's last keeps it busy for ever."""
    numbers = [int(found[1]) for found in ROW.finditer(text)]
    if any(number > LAST_ROW for number in numbers):
        raise DataError(
            f"{path} {UNREADABLE}: it has row {max(numbers)}, and Excel's last is {LAST_ROW}; save it again as such"
        )
    if any(after <= before for before, after in pairwise(numbers)):
        raise DataError(f"{path} {UNREADABLE}: its rows stand in no order; open it in Excel and save it again")


def refuse_bomb(path: Path, data: bytes) -> None:
    """By the sizes that the archive declares: no more than those is ever inflated."""
    with foreign(f"{path} {UNREADABLE}; save it again as such"), zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(member.file_size for member in archive.infolist())
        strict = (
            size <= MAX_TABLE_BYTES
            and "xl/workbook.xml" in archive.namelist()
            and STRICT in archive.read("xl/workbook.xml")
        )
    if size > MAX_TABLE_BYTES:
        raise too_large(path, size)
    if strict:
        raise DataError(
            f"{path} is a workbook of the kind Strict Open XML, which is not read: save it as an Excel workbook (.xlsx) or as CSV"
        )


def cells_of(path: Path, data: bytes) -> Iterator[Worksheet]:
    from openpyxl import load_workbook

    parts = zipfile.ZipFile(io.BytesIO(data))  # of bytes in memory: nothing is left open
    sheets = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets
    formulas = (
        load_workbook(io.BytesIO(data), read_only=True).worksheets if has_formulas(data) else [None] * len(sheets)
    )
    read = kept = 0
    for sheet, with_formulas in zip(sheets, formulas, strict=True):
        text = parts.read(sheet._worksheet_path)
        refuse_rows(path, text)
        sheet.reset_dimensions()  # programs other than Excel write wrong ones
        values = values_of(sheet, formula_cells(with_formulas)) if with_formulas else sheet.iter_rows(values_only=True)
        rows = []
        for number, row in enumerate(values, 1):
            cells = [cell_text(value) for value in row[: width_of(row)]]
            read, kept = read + len(row), kept + len(cells)
            if read > MAX_CELLS_READ or kept > MAX_CELLS:
                raise DataError(
                    f"{path} has {read:,} cells up to row {number} of {sheet.title!r}, which is {len(row):,} wide: no table of cases "
                    "is that large; remove what stands far right of the table"
                )
            if cells:
                rows.append((number, cells))
        merged = [range_of(found[1].decode()) for found in MERGED.finditer(text)]
        hidden = frozenset(int(found[1]) for found in HIDDEN_ROW.finditer(text))
        columns = hidden_columns(text, max((len(cells) for _, cells in rows), default=0))
        yield Worksheet(
            sheet.title, sheet.sheet_state != "visible", tuple(unmerged(path, rows, merged)), hidden, columns
        )


def hidden_columns(text: bytes, width: int) -> frozenset[int]:
    """As far as the sheet is filled."""
    ends = [{name: int(number) for name, number in ENDS.findall(found[0])} for found in HIDDEN_COLUMN.finditer(text)]
    spans = [range(end[b"min"] - 1, min(end[b"max"], width)) for end in ends if len(end) == 2]
    return frozenset(place for span in spans for place in span)


Range = tuple[int, int, int, int]  # first column and row, last column and row, from 1


def range_of(text: str) -> Range:
    from openpyxl.utils import range_boundaries

    return tuple(range_boundaries(text))


def unmerged(path: Path, rows: Sequence[Row], merged: Collection[Range]) -> list[Row]:
    """The rows, with the value of each merged range in all of its cells, as far as there are rows and columns of others.

    What stands alone in its row is a title or a note, and stays one cell.
    """
    widest = max((len(cells) for _, cells in rows), default=0)
    there = {number: list(cells) for number, cells in rows}
    numbers = sorted(there)
    covered = 0
    for left, top, right, bottom in merged:
        cells = there.get(top, [])
        value = cells[left - 1] if left <= len(cells) else ""
        if not value or (sum(map(bool, cells)) == 1 and top == bottom):
            continue
        for number in numbers[bisect_left(numbers, top) : bisect_right(numbers, bottom)]:
            row, last = there[number], min(right, widest)
            covered += max(last - min(left - 1, len(row)), 0)
            if covered > MAX_CELLS:
                raise DataError(f"{path} has more than {MAX_CELLS:,} merged cells: save it as CSV")
            row += [""] * (last - len(row))
            row[left - 1 : last] = [value] * (last - left + 1)
    return [(number, there[number]) for number in numbers]


def values_of(sheet: Any, formulas: Mapping[int, Set[int]]) -> Iterator[tuple[Any, ...]]:
    """Each row's values, with UNVALUED for those formulas that have none. One that was calculated to nothing is of the type of texts."""
    for number, row in enumerate(sheet.iter_rows(), 1):
        places = formulas.get(number, ())
        yield tuple(
            UNVALUED if cell.value is None and place in places and cell.data_type != "str" else cell.value
            for place, cell in enumerate(row)
        )


def has_formulas(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = (name for name in archive.namelist() if name.startswith("xl/worksheets/"))
        return any(FORMULA.search(archive.read(name)) for name in sheets)


def formula_cells(sheet: Any) -> dict[int, set[int]]:
    """The places of a sheet's formulas, by row."""
    sheet.reset_dimensions()
    found = {}
    for number, row in enumerate(sheet.iter_rows(), 1):
        if places := {place for place, cell in enumerate(row) if cell.data_type == "f"}:
            found[number] = places
    return found


def width_of(row: tuple[Any, ...]) -> int:
    """Up to the last cell that is not blank: with one in Excel's last column, blank or not, a row comes with 16,384."""
    return next((place for place in range(len(row), 0, -1) if not is_blank(row[place - 1])), 0)


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
