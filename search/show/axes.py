"""Logarithmic axes with ticks that a person reads: 1, 2, 5, 10, 20, and not 10^0.3."""

import math
from collections.abc import Sequence
from typing import Any

LEAST_SHOWN, MOST_SHOWN = 3, 10  # ticks: a phone has room for no more
DIGITS = ((1, 2, 5), (1,), tuple(range(1, 10)))  # the first that give so many are taken


def logarithmic(low: float, high: float) -> dict[str, Any]:
    """The settings of an axis that shows values from `low` to `high`, both above 0."""
    ticks = round_numbers(low, high)
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,.10g}" for tick in ticks]}


def round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from below `low` to above `high`; in a far range the powers alone, in a narrow one all digits,
    or equal steps."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    choices = [[float(f"{digit}e{power}") for power in powers for digit in digits] for digits in DIGITS]
    if low < high:
        choices += [multiples(step, low, high) for step in steps_within(high - low)]
    ticks = next((ticks for ticks in choices if LEAST_SHOWN <= shown(ticks, low, high) <= MOST_SHOWN), choices[0])
    first = max((n for n, tick in enumerate(ticks) if tick <= low), default=0)
    last = min((n for n, tick in enumerate(ticks) if tick >= high), default=len(ticks) - 1)
    return ticks[first : last + 1]


def shown(ticks: Sequence[float], low: float, high: float) -> int:
    return sum(low <= tick <= high for tick in ticks)


def steps_within(size: float) -> list[float]:
    """5, 2 and 1 times powers of ten, from the largest that is no larger."""
    power = math.floor(math.log10(size))
    return [float(f"{digit}e{exponent}") for exponent in (power, power - 1) for digit in (5, 2, 1)]


def multiples(step: float, low: float, high: float) -> list[float]:
    """Above 0, with one more at either end than division says, which rounds: 0.0005 · 120 is above 0.06."""
    around = range(max(math.floor(low / step) - 1, 1), math.ceil(high / step) + 2)
    return [float(f"{step * n:.10g}") for n in around]
