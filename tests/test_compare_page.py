"""The page of a comparison: each search looks the same wherever it is drawn, and like no other."""

from itertools import combinations
from typing import Any

import pytest

from search.compare.compare import Played
from search.compare.looks import LOOKS
from search.compare.page import curve_figure, scaling_figure
from search.compare.replay import Trace
from search.compare.rivals import RIVALS, STAGED

EVERY = [STAGED, *RIVALS]


def test_each_search_has_a_look() -> None:
    assert set(LOOKS) == set(EVERY)


@pytest.mark.parametrize("part", ["dash", "symbol"])
def test_lines_and_symbols_tell_all_searches_apart_without_colour(part: str) -> None:
    parts = [getattr(look, part) for look in LOOKS.values()]

    assert len({*parts}) == len(parts)


def test_searches_of_one_colour_are_few() -> None:
    colours = [look.colour for look in LOOKS.values()]

    assert max(map(colours.count, colours)) <= 2


def played(name: str) -> Played:
    return Played(name, 0, Trace(tuple(30.0 - epoch / 2 for epoch in range(20)), (), 400.0, None))


def scaling_of(names: list[str]) -> dict[int, list[dict[str, Any]]]:
    return {
        workers: [
            {"search": name, "simulated_seconds": 400.0 / workers + place, "validation_mae": 16.5}
            for place, name in enumerate(names)
        ]
        for workers in (1, 2, 8)
    }


def line(figure: Any, name: str) -> tuple[str, str]:
    [trace] = [trace for trace in figure.data if trace.name == name]
    return trace.line.color, trace.line.dash


@pytest.mark.parametrize("names", [EVERY, EVERY[::-1], EVERY[3:5] + EVERY[:1]], ids=["all", "backwards", "three"])
def test_a_search_looks_the_same_on_all_figures(names: list[str]) -> None:
    by_epochs, by_workers = curve_figure([played(name) for name in names]), scaling_figure(scaling_of(names))

    for name in names:
        assert line(by_epochs, name) == line(by_workers, name) == LOOKS[name][:2]
    for first, second in combinations(names, 2):
        assert line(by_epochs, first) != line(by_epochs, second)


def test_both_axes_of_the_workers_and_that_of_epochs_are_logarithmic_with_numbers_that_people_read() -> None:
    by_epochs, by_workers = curve_figure([played(STAGED)]), scaling_figure(scaling_of(EVERY))

    assert by_epochs.layout.xaxis.type == by_workers.layout.xaxis.type == by_workers.layout.yaxis.type == "log"
    assert list(by_epochs.layout.xaxis.ticktext) == ["1", "2", "5", "10", "20"]
    assert list(by_workers.layout.yaxis.ticktext) == ["50", "100", "200", "500"]
