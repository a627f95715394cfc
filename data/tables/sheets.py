"""The cells of a table that somebody brings, CSV or Excel, as text: whatever separator, encoding or sheet it has.

A number that Excel keeps as 7.0 is "7", as Excel shows it; every other cell is its own text. Rows that are blank are no rows.
A file's bytes are read once: it may be a pipe.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from data.counted import counted
from data.foreign import foreign, reading
from data.preparation import DataError
from data.shown import one_line
from data.tables.cells import workbook
from data.tables.cells.bounds import MAX_TABLE_BYTES, too_large
from data.tables.cells.workbook import OLD_OFFICE, Row, Worksheet, worksheets

EXCEL_SUFFIXES = (".xlsx", ".xlsm")
TABLE_SUFFIXES = (".csv", ".tsv", *EXCEL_SUFFIXES)
UNREADABLE = {True: workbook.UNREADABLE, False: "cannot be read as CSV"}  # by whether it is Excel
ARCHIVE_MARK = b"PK\3\4"
SEPARATORS = ",;\t|"
NOTHING = re.compile(
    r"[\s,;|\u200b-\u200f\u2060\ufeff]*"
)  # a line of these alone is blank, whichever of them separates
HEADING_WITHIN = 10  # rows from the top, blank ones not counted: exports begin with a title or two
LOOKED_AT = 30  # lines from the top, for the separator
AT_ONCE = 1 << 20  # bytes of a file that is read
TEXT_FORMULA = re.compile(r'="([^"]*)"')  # as programs write 007 into a CSV, so that Excel leaves its zeros


class Empty(DataError):
    """A table without a single cell."""


class Fit(NamedTuple):
    """How well a row serves as the headings of a table of cases; of two the greater is the better one."""

    needed: int  # how many columns that no case can do without, those that were named twice; 0 is not at all
    columns: int  # of all that are known
    of_ages: bool = False  # whether bone ages are among them


Fits = Callable[[Sequence[str]], Fit]
NO_FIT = Fit(0, 0)


@dataclass(frozen=True)
class Sheet:
    headings: tuple[str, ...]  # as they are written
    rows: tuple[Row, ...]  # below the headings, each as wide as they are
    said: str = ""  # what had to be guessed
    name: str = ""  # in its workbook
    hidden: bool = False
    # What may be no row as it stands there; of the last two, in text that commas part.
    headings_again: tuple[int, ...] = ()  # rows that are headings of cases themselves
    within_quotes: tuple[Row, ...] = ()  # lines inside a quoted cell, cut like rows, that are as wide as the headings
    longer: tuple[Row, ...] = ()  # all cells of the rows with more than the headings, where the further are blank
    shorter: frozenset[int] = frozenset()  # rows with fewer cells than the headings


def read_sheet(path: Path, fits: Fits) -> Sheet:
    """The sheet that `fits`, from its headings on; the first row is the headings where none fits.

    Raises DataError where the file cannot be read, is too large, has a row wider than its headings, or several sheets that fit.
    """
    data = bytes_of(path)
    excel = is_excel(path, data)
    sheets = list((read_excel if excel else read_text)(path, data, fits))
    if not sheets:
        raise Empty(f"{path} {UNREADABLE[excel]}: it is empty")
    fitting = [sheet for sheet in sheets if fits(sheet.headings).needed]
    if not fitting:
        return sheets[0]
    chosen = the_one(path, fitting, fits)
    others = [sheet.name for sheet in sheets if sheet not in fitting and sheet.rows and not sheet.hidden]
    passed = f"{path.name}: passed over, as no sheet of cases: {one_line(', '.join(others))}" if others else ""
    return replace(chosen, said="; ".join(filter(None, (chosen.said, passed))))


def bytes_of(path: Path) -> bytes:
    """Of a pipe, which says no size, no more than the bound and a part."""
    parts: list[bytes] = []
    with reading(path, f"{path} cannot be read"):
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
            link = f"{path} is a link to nothing" if path.is_symlink() else f"there is no table {path}"
            raise DataError(link) from None
        except IsADirectoryError:
            raise DataError(f"{path} is a folder; name a table") from None
    return b"".join(parts)


def is_excel(path: Path, data: bytes) -> bool:
    """By its ending, or by its first bytes: some rename a workbook, or an old one, to .csv and take it for converted."""
    return path.suffix.lower() in EXCEL_SUFFIXES or data.startswith((ARCHIVE_MARK, OLD_OFFICE))


def the_one(path: Path, fitting: Sequence[Sheet], fits: Fits) -> Sheet:
    """The one with the needed columns. Girls on one sheet and boys on the next are half of the cases each, whatever else one of
    them has; a hidden sheet is an old one."""
    filled = [
        sheet for sheet in fitting if sheet.rows
    ] or fitting  # a form that nobody has filled in is no second table
    shown = [sheet for sheet in filled if not sheet.hidden] or list(filled)
    best = max(fits(sheet.headings).needed for sheet in shown)
    lesser = [sheet.name for sheet in shown if fits(sheet.headings).needed < best]
    shown = [sheet for sheet in shown if fits(sheet.headings).needed == best]
    others = [sheet for sheet in shown[1:] if (sheet.headings, sheet.rows) != (shown[0].headings, shown[0].rows)]
    if others:
        names = ", ".join(sheet.name for sheet in (shown[0], *others))
        raise DataError(
            f"{path} has {len(others) + 1} sheets of cases, {one_line(names)}: put all cases on one sheet, or save each sheet as "
            "its own CSV"
        )
    chosen = shown[0]
    passed = [sheet.name for sheet in fitting if sheet.hidden and sheet is not chosen]
    said = ""
    if chosen.hidden:
        said = f"{path.name}: its table is on a hidden sheet, {one_line(chosen.name)}"
    elif passed:
        said = f"{path.name}: passed over the hidden sheet {one_line(', '.join(passed))}"
    elif lesser:
        said = f"{path.name}: passed over the sheet {one_line(', '.join(lesser))}, as {one_line(chosen.name)} has more of the needed columns"
    return replace(chosen, said="; ".join(filter(None, (said, chosen.said))))


def below_headings(
    path: Path,
    filled: Sequence[Row],
    fits: Fits,
    said: str = "",
    separator: str = "",
    excel: bool = False,
    within: Sequence[Row] = (),
) -> Iterator[Sheet]:
    """The sheet that these rows are, none of which is blank. No separator parts the cells of a workbook."""
    if not filled:
        return
    place = max(range(min(HEADING_WITHIN, len(filled))), key=lambda n: (fits(filled[n][1]), -n))
    headings = trimmed(filled[place][1])
    width, of_cases = len(headings), fits(headings).needed > 0
    as_written = len(filled[place][1])  # Excel ends all its rows alike, the headings' too: a,b,,
    parted = filled[place + 1 :] if separator == "," else []
    longer = tuple(row for row in parted if len(row[1]) > as_written)
    shorter = frozenset(number for number, cells in parted if len(cells) < width)
    below: list[Row] = []
    again = []
    for number, cells in filled[place + 1 :]:
        if of_cases and any(cell.strip() for cell in cells[width:]):
            one_more = all(len(trimmed(row)) == width + 1 for _, row in filled[place + 1 :])
            of_rows = (
                "; if the first cell is the row's name, as R writes it, say row.names=FALSE there" if one_more else ""
            )
            raise DataError(
                f"{path} {UNREADABLE[excel]}: row {number} has {counted(len(trimmed(cells)), 'cell')} under {counted(width, 'heading')}; "
                f"quote a cell that holds the separator, as a decimal comma{of_rows}"
            )
        row = [*cells[:width], *[""] * (width - len(cells))]
        if of_cases and not below and goes_on(row, headings, fits):
            continue
        below.append((number, row))
        if of_cases and (alike(row, headings) or are_headings(cells, fits)):
            again.append(number)
    like_rows = tuple(
        (number, [*cells[:width]])
        for number, cells in within
        if number > filled[place][0] and width <= len(cells) <= as_written
    )
    yield Sheet(
        tuple(headings),
        tuple(below),
        said,
        headings_again=tuple(again),
        within_quotes=like_rows,
        longer=longer,
        shorter=shorter,
    )


def are_headings(cells: Sequence[str], fits: Fits) -> bool:
    """Whether a row below the headings has others: with one of ages, or nothing else. A cell alone may say image, or male."""
    fit = fits(cells)
    return fit.of_ages or (fit.needed > 0 and fit.columns >= sum(bool(cell.strip()) for cell in cells))


def goes_on(cells: Sequence[str], headings: Sequence[str], fits: Fits) -> bool:
    """Whether the row below the headings is their second line, as under merged cells: what is known in it stands above it, too."""
    return are_headings(cells, fits) and all(
        alike([cell], [heading]) or fits(("id", cell)) == NO_FIT for cell, heading in zip(cells, headings, strict=True)
    )


def alike(one: Sequence[str], other: Sequence[str]) -> bool:
    return [cell.split() for cell in map(str.casefold, one)] == [cell.split() for cell in map(str.casefold, other)]


def column_of(sheet: Sheet, place: int, no_cases: Collection[int] = ()) -> list[tuple[int, str]]:
    """The cells of a column with the numbers of their rows; of rows that are `no_cases` those that are filled."""
    column = ((number, cells[place].strip()) for number, cells in sheet.rows)
    return [(number, text) for number, text in column if text or number not in no_cases]


def trimmed(cells: list[str]) -> list[str]:
    """Without the blank cells at the end."""
    width = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
    return cells[:width]


# CSV


def read_text(path: Path, data: bytes, fits: Fits) -> Iterator[Sheet]:
    text, said = decoded(data)
    # Marks of a file's beginning, within where files were joined, and of its end under DOS are no part of a cell.
    text = re.sub(r"\x1a\s*\Z", "", text.replace("\ufeff", ""))
    lines = list(io.StringIO(text, newline=""))
    first = next((place for place, line in enumerate(lines) if line.strip()), 0)
    named = re.fullmatch(r"(?i)sep=(.)", lines[first].strip("\r\n ")) if lines else None
    begin = first + 1 if named else 0  # Excel's own first line, sep=;
    with foreign(f"{path} {UNREADABLE[False]}"):
        separator = named[1] if named else separator_of(lines[: begin + LOOKED_AT], fits)
        # Strict: a quote that is never closed would swallow the rest of the table as one cell.
        rows = list(numbered(csv.reader(lines[begin:], delimiter=separator, skipinitialspace=True, strict=True), begin))
    within = within_quotes(lines, rows, separator)
    # By the line, as marks in quotes were meant.
    filled = [row for row in rows if any(map(str.strip, row[1])) and not NOTHING.fullmatch(lines[row[0] - 1])]
    yield from below_headings(path, filled, fits, f"{path.name} is {said}" if said else "", separator, within=within)


def within_quotes(lines: Sequence[str], rows: Sequence[Row], separator: str) -> list[Row]:
    """The lines that begin inside a cell, cut as if they were rows: a quote too many makes one cell of all rows up to the next."""
    begun = {number for number, _ in rows}
    first, last = min(begun, default=1), len(lines)
    inside = [number for number in range(first, last + 1) if number not in begun]
    cut = csv.reader((lines[number - 1].replace('"', "") for number in inside), delimiter=separator)
    return list(zip(inside, cut, strict=True)) if inside else []


def separator_of(lines: Sequence[str], fits: Fits) -> str:
    """The one by which the headings are found best; of equals the one that makes most cells."""

    def found(separator: str) -> tuple[Fit, int]:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        return max(((fits(cells), len(cells)) for cells in rows), default=(NO_FIT, 0))

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
    for sheet in worksheets(path, data):
        filled = [row for row in sheet.rows if not all(map(NOTHING.fullmatch, row[1]))]
        for found in below_headings(path, filled, fits, excel=True):
            yield replace(found, said=said_of_hidden(path, found, sheet), name=sheet.name, hidden=sheet.hidden)


def said_of_hidden(path: Path, found: Sheet, sheet: Worksheet) -> str:
    """A sentence where rows or columns that Excel does not show are read."""
    rows = [number for number, _ in found.rows if number in sheet.hidden_rows]
    columns = [name for place, name in enumerate(found.headings) if place in sheet.hidden_columns and name.strip()]
    said = []
    if rows:
        said.append(
            f"{path.name}: {counted(len(rows), 'hidden row is', 'hidden rows are')} read as the others (the first: row {rows[0]})"
        )
    if columns:
        said.append(f"{path.name}: hidden columns are read as the others: {one_line(', '.join(columns))}")
    return "; ".join(said)
