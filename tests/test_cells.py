"""Columns of numbers, on a terminal and on pages."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.show import html, tables
from search.show.cells import MOST_DECIMALS, aligned


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([37.1, 32.41, 38.0], ["37.10", "32.41", "38.00"]),
        ([0, 1.1, -1.38], [0, "1.10", "−1.38"]),
        ([None, 0.5, "N/A"], [None, "0.5", "N/A"]),
        ([0.0000123, 16.17], ["1.23e-05", "16.17"]),
        ([0.000503, 16.17], ["0.000503", "16.1700"]),
        ([float("inf"), 2.5], ["inf", "2.5"]),
        ([-0.0, 0.25], ["0.00", "0.25"]),
        ([True, 3], [True, 3]),
        ([], []),
    ],
)
def test_a_column_has_as_many_decimals_in_every_row(values: list[Any], written: list[Any]) -> None:
    assert aligned(values) == written


@given(st.lists(st.floats(-1e5, 1e5).map(lambda value: round(value, 3)), max_size=6))
def test_no_number_loses_a_digit(values: list[float]) -> None:
    for value, written in zip(values, aligned(values), strict=True):
        assert float(written.replace("−", "-")) == pytest.approx(value, rel=1e-5)
        assert len(written.partition(".")[2]) <= MOST_DECIMALS or "e" in written


ROWS = [{"β": 0.1, "change": 1.1, "n": 3}, {"β": 0.14, "change": -0.25, "n": 4}]


def test_terminal_and_page_write_a_column_alike_and_leave_names_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show("a study", ROWS)

    shown = [re.findall(r"[\d.+−-]+", line) for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert shown == [["0.1", "+1.10", "3"], ["0.14", "−0.25", "4"]]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html.table(ROWS, "a study"))
    assert [cells[:3], cells[3:]] == shown


def test_status_says_every_mae_with_two_decimals(capsys: pytest.CaptureFixture[str]) -> None:
    known = {"state": "decided", "trials": 3, "decision": None}
    tables.show_status(
        [{"name": "refinement", "best_value": 37.6731} | known, {"name": "depth", "best_value": 32.4} | known], ""
    )

    assert re.findall(r"\d+\.\d+", capsys.readouterr().out) == ["37.67", "32.40"]
