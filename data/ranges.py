"""Which values a number may have: declared once, checked by the frozen values themselves and by the command line.

A frozen value names the range of each of its numbers in a table beside it and calls `check` first of all, so that what was
edited by hand in a file is checked as well as what was typed. All packages may import this file.
"""

import math
import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from data.shown import shown


@dataclass(frozen=True)
class Range:
    """Finite numbers from `low` to `high`; with `above` or `below` that end itself is left out."""

    low: float
    high: float
    above: bool = False
    below: bool = False
    integral: bool = False

    def __contains__(self, value: object) -> bool:
        if type(value) not in ((int,) if self.integral else (int, float)) and not self.of_another_kind(value):
            return False
        number = as_float(value)
        above = number > self.low if self.above else number >= self.low
        return above and (number < self.high if self.below else number <= self.high)

    def of_another_kind(self, value: object) -> bool:
        """Whether it is a number all the same, of NumPy say."""
        return isinstance(value, Integral if self.integral else Real) and not isinstance(value, bool)

    def __str__(self) -> str:
        low = f"above {written(self.low)}" if self.above else f"from {written(self.low)}"
        high = f"below {written(self.high)}" if self.below else f"to {written(self.high)}"
        join = " and " if self.above and self.below else " up " if self.above else " to " if self.below else " "
        return f"a {'whole ' if self.integral else ''}number {low}{join}{high}"


def as_float(value: Any) -> float:
    """The value as a float; infinite where it is an integer too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def written(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def whole(low: int, high: int) -> Range:
    """Whole numbers from `low` to `high`."""
    return Range(low, high, integral=True)


def check(value: object, ranges: Mapping[str, Range], error: type[ValueError]) -> None:
    """Raises `error` where a field of this dataclass is none of its kind, naming the field and what it takes.

    Numbers, and each number of a tuple, are of the field's range; of the others, yes-or-no fields are bools, choices one of
    their words, texts texts. A field of another type checks itself.
    """
    for name, kind in kinds(cast("Hashable", type(value))).items():
        given = getattr(value, name)
        if name in ranges:
            allowed = ranges[name]
            if kind in (int, float):
                if given not in allowed:
                    raise error(f"{name} must be {allowed}; got {shown(given)}")
            elif not isinstance(given, tuple) or not all(one in allowed for one in given):
                raise error(f"each of {name} must be {allowed}; got {shown(given)}")
        elif kind in (bool, str):
            if not (isinstance(given, bool) if kind is bool else is_text(given)):
                raise error(
                    f"{name} must be {'true or false' if kind is bool else 'a text that may name a file'}; got {shown(given)}"
                )
        elif get_origin(kind) is Literal and given not in get_args(kind):
            raise error(f"{name} must be one of {', '.join(get_args(kind))}; got {shown(given)}")


def is_text(value: object) -> bool:
    """Whether it is a text that may name a file: without NUL, and of characters that a file system can hold."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


@cache
def kinds(type_of: Any) -> dict[str, Any]:
    """The fields of a dataclass with their types."""
    hints = get_type_hints(type_of)
    return {field.name: hints[field.name] for field in fields(type_of)}
