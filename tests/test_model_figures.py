"""The figures of a model's page show every point and line, on axes that can be read."""

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from search.trained.page import agreement, learning, scatter

AGES = st.lists(st.tuples(st.booleans(), st.floats(0, 228), st.floats(1, 228)), min_size=2, max_size=8)


def predictions(cases: list[tuple[bool, float, float]]) -> pd.DataFrame:
    found = pd.DataFrame(cases, columns=["male", "age_months", "predicted_months"])
    return found.assign(id=[f"{n}" for n in range(len(cases))])


def on_a_border(drawn: Any, axis: str) -> list[float]:
    """What lies at the upper end of the axis or beyond it, or at the lower end of one that does not begin at 0."""
    low, high = drawn.layout[f"{axis}axis"].range
    shown = [value for trace in drawn.data if trace.mode == "markers" for value in trace[axis]]
    shown += [line[f"{axis}0"] for line in drawn.layout.shapes]
    return [value for value in shown if value >= high or (value <= low and low != 0)]


@given(AGES)
@settings(deadline=None, max_examples=8)
def test_no_point_and_no_line_lies_on_the_border_of_a_figure(cases: list[tuple[bool, float, float]]) -> None:
    found = predictions(cases)
    error = found["predicted_months"] - found["age_months"]
    spread = 1.96 * error.std()
    measured = {"bias": error.mean(), "loa_low": error.mean() - spread, "loa_high": error.mean() + spread}

    assert on_a_border(scatter(found, "test"), "x") == on_a_border(scatter(found, "test"), "y") == []
    assert on_a_border(agreement(found, measured), "y") == []


def test_a_set_whose_spread_is_not_known_has_its_points_and_mean_alone() -> None:
    drawn = agreement(predictions([(True, 120.0, 130.0)]), {"bias": 10.0, "loa_low": None, "loa_high": None})

    assert [line.y0 for line in drawn.layout.shapes] == [10.0]
    assert on_a_border(drawn, "y") == []


@given(st.integers(1, 300))
@settings(deadline=None, max_examples=8)
def test_a_learning_curve_counts_whole_epochs(count: int) -> None:
    history = [{"epoch": n, "train_mae": 20.0, "validation_mae": 21.0} for n in range(1, count + 1)]

    axis = learning({"history": history, "constant_mae": 30.0, "best_epoch": 1}).layout.xaxis

    assert axis.tick0 == 1
    assert isinstance(axis.dtick, int)
    assert count / axis.dtick <= 10
