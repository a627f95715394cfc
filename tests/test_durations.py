"""Times in words, whatever their length."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.output.time_words import duration

SECONDS = {"s": 1, "min": 60, "h": 3600}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (119.7, "2 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7199.9, "2 h 00 min"),
        (7800, "2 h 10 min"),
    ],
)
def test_a_time_is_rounded_before_it_is_divided(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def is_near(seconds: float) -> bool:
    """No part is sixty of the next, and all together are the time, to half of the last unit."""
    said = [(int(count), unit) for count, unit in re.findall(r"(\d+) (\w+)", duration(seconds))]
    small = all(count < 60 for count, unit in said if unit != "h")
    off = abs(seconds - sum(count * SECONDS[unit] for count, unit in said))
    return small and off <= SECONDS[said[-1][1]] / 2 + 1e-6


@pytest.mark.parametrize("part", [0.0, 0.3, 0.5, 0.7, 0.999])
def test_what_is_said_of_every_second_of_two_hours_is_the_time(part: float) -> None:
    assert [second for second in range(2 * 3600 + 120) if not is_near(second + part)] == []


@given(st.floats(0, 1e9))
def test_what_is_said_is_the_time(seconds: float) -> None:
    assert is_near(seconds)
