"""How a figure is written where a person reads it: months, changes, intervals, sizes. It is rounded here and nowhere before, so that
it is the same figure wherever it stands. In CSV and JSON numbers stay numbers, with a plain hyphen.

This file knows nobody; all packages may import it.
"""

import re

MINUS, NONE = "−", "–"
HYPHEN_FOR_MINUS = re.compile(r"(?<![^\s(])-(?=\.?\d)")  # before a number; not in an id, a date or an option


def fixed(value: float, places: int) -> str:
    """−0.37; what is rounded to nothing has no sign."""
    text = f"{value:.{places}f}"
    return text.lstrip("-") if not float(text) else text.replace("-", MINUS)


def signed(value: float | None, places: int = 2) -> str:
    """A change, or another difference: +0.45, −0.37, 0.00."""
    if value is None:
        return NONE
    text = fixed(value, places)
    return text if text.startswith(MINUS) or not float(text) else f"+{text}"


def months(value: float | None) -> str:
    """A MAE, or another number of months: 14.12."""
    return NONE if value is None else fixed(value, 2)


def yardstick(value: float | None) -> str:
    """The MAE of always answering the median, beside which others are read: 32.0."""
    return NONE if value is None else fixed(value, 1)


def with_sd(mean: float | None, sd: float | None) -> str:
    """14.12 ± 0.49; the mean alone where nothing is known of its spread."""
    return months(mean) if sd is None else f"{months(mean)} ± {months(sd)}"


def between(low: float | None, high: float | None) -> str:
    """An interval of months: 12.91 to 15.36."""
    return NONE if low is None or high is None else f"{months(low)} to {months(high)}"


def change_between(low: float | None, high: float | None) -> str:
    """That of a change, with a sign on both ends: −0.30 to +1.20."""
    return NONE if low is None or high is None else f"{signed(low)} to {signed(high)}"


def significant(value: float) -> str:
    """Three digits, or all before the point: 0.00126, 5.72, 1230."""
    return f"{float(f'{value:.3g}'):g}"


def gmacs(macs: float) -> str:
    return significant(macs / 1e9)


def millions(count: int) -> str:
    """21.8M, 85.6k."""
    return f"{significant(count / 1e6)}M" if count >= 1e6 else f"{significant(count / 1e3)}k"


def minuses(words: str) -> str:
    """Words from elsewhere, or of an earlier version, with the sign that the field writes before a number below zero."""
    return HYPHEN_FOR_MINUS.sub(MINUS, words)
