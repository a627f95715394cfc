"""The cells of a table that somebody brings, CSV or Excel, as text: whatever separator, encoding or sheet it has.

A number that Excel keeps as 7.0 is "7", as Excel shows it; every other cell is its own text. Rows that are blank are no rows.
A file's bytes are read once: it may be a pipe.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.foreign import foreign
from data.preparation import DataError
from data.shown import one_line

EXCEL_SUFFIXES = (".xlsx", ".xlsm")
TABLE_SUFFIXES = (".csv", ".tsv", *EXCEL_SUFFIXES)
MAX_TABLE_BYTES = (
    100_000_000  # of text, inflated: RSNA's largest table has 0.3 million; beyond is a bomb or no table of cases
)
MAX_CELLS = 20_000_000  # of a workbook: RSNA's largest table has 0.04 million
MAX_CELLS_READ = 250_000_000  # with the blank ones at the ends of rows, which cost time alone
UNREADABLE = {True: "cannot be read as an Excel workbook", False: "cannot be read as CSV"}  # by whether it is Excel
ARCHIVE_MARK = b"PK\3\4"
SEPARATORS = ",;\t|"
NOTHING = re.compile(r"[\s,;|\u200b-\u200f\u2060\ufeff]*")  # a row of these alone is blank, whichever of them separates
HEADING_WITHIN = 10  # rows from the top, blank ones not counted: exports begin with a title or two
LOOKED_AT = 30  # lines from the top, for the separator
AT_ONCE = 1 << 20  # bytes of a file that is read
UNVALUED = "\0"  # a cell with a formula whose value nobody has calculated; no text has that letter
TEXT_FORMULA = re.compile(r'="([^"]*)"')  # as programs write 007 into a CSV, so that Excel leaves its zeros
FORMULA = re.compile(rb"<f[\s/>]")  # in a worksheet


class Empty(DataError):
    """A table without a single cell."""


Row = tuple[int, list[str]]  # its number as a person counts, from 1; its cells
Fits = Callable[[Sequence[str]], int]  # how well a row serves as the headings; 0 is not at all


@dataclass(frozen=True)
class Sheet:
    headings: tuple[str, ...]  # as they are written
    rows: tuple[Row, ...]  # below the headings, each as wide as they are
    said: str = ""  # what had to be guessed
    name: str = ""  # in its workbook
    hidden: bool = False
    longer: tuple[
        Row, ...
    ] = ()  # all cells of the rows that commas part into more than the headings, where the further are blank


def read_sheet(path: Path, fits: Fits) -> Sheet:
    """The sheet that `fits`, from its headings on; the first row is the headings where none fits.

    Raises DataError where the file cannot be read, is too large, has a row wider than its headings, or several sheets that fit.
    """
    data = bytes_of(path)
    excel = is_excel(path, data)
    sheets = list((read_excel if excel else read_text)(path, data, fits))
    if not sheets:
        raise Empty(f"{path} {UNREADABLE[excel]}: it is empty")
    fitting = [sheet for sheet in sheets if fits(sheet.headings)]
    return the_one(path, fitting, fits) if fitting else sheets[0]


def bytes_of(path: Path) -> bytes:
    """Of a pipe, which says no size, no more than the bound and a part."""
    parts: list[bytes] = []
    try:
        if (size := path.stat().st_size) > MAX_TABLE_BYTES:
            raise too_large(path, size)
        with path.open("rb") as file:
            while part := file.read(AT_ONCE):
                parts.append(part)
                if len(parts) * AT_ONCE > MAX_TABLE_BYTES + AT_ONCE:
                    raise too_large(path, sum(map(len, parts)))
    except PermissionError:
        raise DataError(f"this user may not read {path}; change its permissions") from None
    except FileNotFoundError:
        raise DataError(f"there is no table {path}") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; name a table") from None
    return b"".join(parts)


def is_excel(path: Path, data: bytes) -> bool:
    """By its ending, or because it is an archive: some rename a workbook to .csv and take it for converted."""
    return path.suffix.lower() in EXCEL_SUFFIXES or data.startswith(ARCHIVE_MARK)


def the_one(path: Path, fitting: Sequence[Sheet], fits: Fits) -> Sheet:
    """The one that fits best. Girls on one sheet and boys on the next are half of the cases each; a hidden sheet is an old one."""
    filled = [
        sheet for sheet in fitting if sheet.rows
    ] or fitting  # a form that nobody has filled in is no second table
    shown = [sheet for sheet in filled if not sheet.hidden] or list(filled)
    best = max(fits(sheet.headings) for sheet in shown)
    lesser = [sheet.name for sheet in shown if fits(sheet.headings) < best]
    shown = [sheet for sheet in shown if fits(sheet.headings) == best]
    others = [sheet for sheet in shown[1:] if (sheet.headings, sheet.rows) != (shown[0].headings, shown[0].rows)]
    if others:
        names = ", ".join(sheet.name for sheet in (shown[0], *others))
        raise DataError(
            f"{path} has {len(others) + 1} sheets of cases, {one_line(names)}: put all cases on one sheet, or save each sheet as "
            "its own CSV"
        )
    chosen = shown[0]
    passed = [sheet.name for sheet in fitting if sheet.hidden and sheet is not chosen]
    said = chosen.said
    if chosen.hidden:
        said = f"{path.name}: its table is on a hidden sheet, {one_line(chosen.name)}"
    elif passed:
        said = f"{path.name}: passed over the hidden sheet {one_line(', '.join(passed))}"
    elif lesser:
        said = f"{path.name}: passed over the sheet {one_line(', '.join(lesser))}, as {one_line(chosen.name)} has more of the needed columns"
    return replace(chosen, said=said)


def below_headings(
    path: Path, rows: Sequence[Row], fits: Fits, said: str = "", separator: str = "", excel: bool = False
) -> Iterator[Sheet]:
    """The sheet that these rows are; none where all of them are blank. No separator parts the cells of a workbook."""
    filled = [row for row in rows if not all(NOTHING.fullmatch(cell) for cell in row[1])]
    if not filled:
        return
    place = max(range(min(HEADING_WITHIN, len(filled))), key=lambda n: (fits(filled[n][1]), -n))
    headings = trimmed(filled[place][1])
    width, of_cases = len(headings), fits(headings) > 0
    as_written = len(filled[place][1])  # Excel ends all its rows alike, the headings' too: a,b,,
    longer = [row for row in filled[place + 1 :] if separator == "," and len(row[1]) > as_written]
    below = []
    for number, cells in filled[place + 1 :]:
        if of_cases and any(cell.strip() for cell in cells[width:]):
            raise DataError(
                f"{path} {UNREADABLE[excel]}: row {number} has {len(trimmed(cells))} cells under {width} headings; "
                "quote a cell that holds the separator, as a decimal comma"
            )
        below.append((number, [*cells[:width], *[""] * (width - len(cells))]))
    yield Sheet(tuple(headings), tuple(below), said, longer=tuple(longer))


def trimmed(cells: list[str]) -> list[str]:
    """Without the blank cells at the end."""
    width = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
    return cells[:width]


# CSV


def read_text(path: Path, data: bytes, fits: Fits) -> Iterator[Sheet]:
    text, said = decoded(data)
    lines = list(io.StringIO(text, newline=""))
    first = next((place for place, line in enumerate(lines) if line.strip()), 0)
    named = re.fullmatch(r"(?i)sep=(.)", lines[first].strip("\ufeff\r\n ")) if lines else None
    begin = first + 1 if named else 0  # Excel's own first line, sep=;
    with foreign(f"{path} {UNREADABLE[False]}"):
        separator = named[1] if named else separator_of(lines[: begin + LOOKED_AT], fits)
        # Strict: a quote that is never closed would swallow the rest of the table as one cell.
        rows = list(numbered(csv.reader(lines[begin:], delimiter=separator, skipinitialspace=True, strict=True), begin))
    yield from below_headings(path, rows, fits, f"{path.name} is {said}" if said else "", separator)


def separator_of(lines: Sequence[str], fits: Fits) -> str:
    """The one by which the headings are found best; of equals the one that makes most cells."""

    def found(separator: str) -> tuple[int, int]:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        return max(((fits(cells), len(cells)) for cells in rows), default=(0, 0))

    return max(SEPARATORS, key=found)


def numbered(reader: Any, begin: int) -> Iterator[Row]:
    """Rows with the number of the line they begin in."""
    number = begin + 1
    for cells in reader:
        yield number, [of_formula[1] if (of_formula := TEXT_FORMULA.fullmatch(cell)) else cell for cell in cells]
        number = begin + reader.line_num + 1


def decoded(data: bytes) -> tuple[str, str]:
    """The text, and a sentence where its encoding had to be guessed."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), ""
    if b"\0" in data[:4]:  # of UTF-16 every other byte of plain letters is one
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace"), ""
    data = data.replace(b"\0", b"")  # a lost machine leaves them at a file's end
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    if not data.decode("utf-8", errors="ignore").isascii():  # somebody has pasted into it: what is UTF-8 stays that
        return data.decode("utf-8", errors=AS_CP1252), "UTF-8 but for some bytes, read as Windows-1252"
    return data.decode("cp1252", errors="replace"), "not UTF-8, read as Windows-1252"


def as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Of bytes that are no UTF-8."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


AS_CP1252 = "as-windows-1252"
codecs.register_error(AS_CP1252, as_cp1252)


# Excel


def read_excel(path: Path, data: bytes, fits: Fits) -> Iterator[Sheet]:
    refuse_bomb(path, data)
    with foreign(f"{path} {UNREADABLE[True]}; save it again as such"):
        sheets = list(cells_of(path, data))
    for name, hidden, rows in sheets:
        for sheet in below_headings(path, rows, fits, excel=True):
            yield replace(sheet, name=name, hidden=hidden)


def refuse_bomb(path: Path, data: bytes) -> None:
    """By the sizes that the archive declares: no more than those is ever inflated."""
    with foreign(f"{path} {UNREADABLE[True]}; save it again as such"), zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MAX_TABLE_BYTES:
        raise too_large(path, size)


def too_large(path: Path, size: int) -> DataError:
    return DataError(
        f"{path} holds {size:,} bytes of text, more than {MAX_TABLE_BYTES:,}: no table of cases is that large; "
        "leave the needed columns in it"
    )


def cells_of(path: Path, data: bytes) -> Iterator[tuple[str, bool, list[Row]]]:
    """Each worksheet's name, whether it is hidden, and its rows, without the blank cells at their ends."""
    from openpyxl import load_workbook

    sheets = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets
    formulas = (
        load_workbook(io.BytesIO(data), read_only=True).worksheets if has_formulas(data) else [None] * len(sheets)
    )
    read = kept = 0
    for sheet, with_formulas in zip(sheets, formulas, strict=True):
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
        yield sheet.title, sheet.sheet_state != "visible", rows


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
