"""Our own CSV files: an id is text, byte for byte, whatever number, absence or formula it looks like.

The one place that writes CSV, and that calls pandas' reader, which by itself takes NA, null, 007 and 1e5 for something
else. Tables that people bring are read by `data/tables/sheets.py`.

People open these files with a spreadsheet, which runs a cell that begins with =, +, - or @. Such a cell is written
with an apostrophe before it, so is one that such a spreadsheet would cut in two before a formula (`a;=1+1`), and so is
one with a character that is not simply shown (a control character, a byte that is no Unicode), which is then an
escape; `read_csv` takes both back. Numbers stay as they are, negative ones too.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import pandas as pd

from data.shown import escaped, plain

Kind = Literal["float", "int", "bool"]


GUARD = "'"
SEPARATOR = ";"  # of cells, to a spreadsheet in countries whose decimals have a comma
ESCAPES = {"\\": "\\\\", SEPARATOR: "\\x3b"}  # in a guarded cell, beside what is not simply shown
# What spreadsheets take for the beginning of a formula, in East Asia in the wide forms too.
FORMULA = tuple("=+-@＝＋－＠")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
ESCAPE = re.compile(r"\\(\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


def guarded(cell: Any) -> Any:
    """A cell as it is written; numbers and empty ones as they are."""
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    text = str(cell)
    if not any(map(is_formula, text.split(SEPARATOR))) and not looks_guarded(text) and plain(text) == text:
        return text
    return GUARD + "".join(ESCAPES.get(letter) or escaped(letter) for letter in text)


def is_formula(text: str) -> bool:
    return text.lstrip().startswith(FORMULA) and not NUMBER.fullmatch(text)


def looks_guarded(text: str) -> bool:
    return text.startswith(GUARD) and ("\\" in text or text.lstrip(GUARD).lstrip().startswith(FORMULA))


def unguarded(text: str) -> str:
    """What was written so."""
    if not looks_guarded(text):
        return text
    return ESCAPE.sub(lambda found: found[0].encode("ascii").decode("unicode_escape"), text.removeprefix(GUARD))


def write_csv(table: pd.DataFrame, file: Path | IO[str], float_format: str | None = None) -> None:
    texts = table.select_dtypes(exclude=["number", "bool"]).columns
    safe = table.assign(**{name: table[name].map(guarded) for name in texts})
    safe.to_csv(as_named(file), index=False, float_format=float_format, lineterminator="\n", encoding="utf-8")


def row_writer(file: IO[str], columns: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    """Writes the heading; what it returns writes a row."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(guarded, columns))
    return lambda row: writer.writerow([guarded(row.get(column)) for column in columns])


def read_csv(file: Path | IO[str], kinds: Mapping[str, Kind] = {}) -> pd.DataFrame:
    """Every column as text but those of `kinds`; an empty cell of a float column is NaN.

    Raises ValueError where the file is no CSV in UTF-8, lacks a column of `kinds`, or holds something else in it.
    """
    table = pd.read_csv(as_named(file), dtype=str, keep_default_na=False, na_filter=False)
    for name in table.columns.difference(list(kinds)):
        if table[name].str.startswith(GUARD).any():
            table[name] = table[name].map(unguarded)
    for name, kind in kinds.items():
        if name not in table.columns:
            raise ValueError(f"there is no column {name}")
        table[name] = CASTS[kind](table[name])
    return table


def as_named(file: Path | IO[str]) -> Path | IO[str]:
    """For pandas, which takes a folder called ~ for the home folder."""
    return file.absolute() if isinstance(file, Path) else file


def floats(cells: pd.Series) -> pd.Series:
    return cells.replace("", "nan").astype(float)


def integers(cells: pd.Series) -> pd.Series:
    return cells.astype(int)


def booleans(cells: pd.Series) -> pd.Series:
    other = sorted(set(cells) - {"True", "False"})
    if other:
        raise ValueError(f"{cells.name} is True or False, not {other[0]!r}")
    return cells == "True"


CASTS = {"float": floats, "int": integers, "bool": booleans}
