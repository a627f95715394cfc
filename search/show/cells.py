"""How a column of numbers is written: with as many decimals in every row, and with the minus that the field writes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from data.written import fixed, months, signed, significant

MOST_DECIMALS = 4  # that a column is filled up to; a number that has more keeps them


OF_STUDIES: Mapping[str, Callable[[Any], str]] = {  # columns of the studies' own tables
    "validation_mae": months,
    "train_mae": months,
    "change": signed,
    "params_m": significant,
    "gmacs": significant,
}


def named(name: str, value: Any) -> Any:
    """A value of the column of that name, where its name says how it is written."""
    return OF_STUDIES[name](value) if name in OF_STUDIES and isinstance(value, float) else value


def columns(rows: Sequence[Mapping[str, Any]], most: int = 0) -> dict[str, list[Any]]:
    """The columns of all rows, with their values in the first `most` rows (0: all): the first holds names and stays, others are `aligned`."""
    names = list(dict.fromkeys(column for row in rows for column in row))
    values = {name: [named(name, row.get(name)) for row in (rows[:most] if most else rows)] for name in names}
    return {name: found if name == names[0] else aligned(found) for name, found in values.items()}


def aligned(values: Sequence[Any]) -> list[Any]:
    """The values of a column, the floats among them as text; whatever is no float stays."""
    written = {n: f"{value:g}" for n, value in enumerate(values) if isinstance(value, float)}
    plain = [text for text in written.values() if text.lstrip("-").replace(".", "").isdigit()]  # no inf, no 1e-05
    most = min(MOST_DECIMALS, max(map(decimals, plain), default=0))
    return [
        fixed(value, max(most, decimals(written[n]))) if n in written and written[n] in plain else written.get(n, value)
        for n, value in enumerate(values)
    ]


def decimals(text: str) -> int:
    return len(text.partition(".")[2])
