"""Counts as people read them."""

import pytest

from data.counted import counted


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("image",), "0 images"),
        (1, ("image",), "1 image"),
        (2, ("image",), "2 images"),
        (1_234, ("image",), "1,234 images"),
        (1, ("study", "studies"), "1 study"),
        (3, ("study", "studies"), "3 studies"),
        (1, ("of 5 cases is", "of 5 cases are"), "1 of 5 cases is"),
        (2, ("of 5 cases is", "of 5 cases are"), "2 of 5 cases are"),
        (1.0, ("month",), "1 month"),
        (0.5, ("month",), "0.5 months"),
    ],
)
def test_one_is_said_of_a_single_thing_alone(count: float, words: tuple[str, ...], said: str) -> None:
    assert counted(count, *words) == said
