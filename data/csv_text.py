"""Our own CSV files as they were written: an id is text, byte for byte, whatever number or absence it looks like.

The one place that calls pandas' reader, which by itself takes NA, null, 007 and 1e5 for something else. Tables that people
bring are read by `sheets.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal

import pandas as pd

Kind = Literal["float", "int", "bool"]


def read_csv(file: Path | IO[str], kinds: Mapping[str, Kind] = {}) -> pd.DataFrame:
    """Every column as text but those of `kinds`; an empty cell of a float column is NaN.

    Raises ValueError where the file is no CSV in UTF-8, lacks a column of `kinds`, or holds something else in it.
    """
    table = pd.read_csv(file, dtype=str, keep_default_na=False, na_filter=False)
    for name, kind in kinds.items():
        if name not in table.columns:
            raise ValueError(f"there is no column {name}")
        table[name] = CASTS[kind](table[name])
    return table


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
