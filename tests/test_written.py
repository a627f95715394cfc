"""Figures as people read them: one number of decimals, one minus, one rounding."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.written import (
    NONE,
    between,
    change_between,
    fixed,
    gmacs,
    millions,
    minuses,
    months,
    signed,
    significant,
    with_sd,
    yardstick,
)

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "data" / "written.py"
FIGURES = st.floats(-400, 400)


@given(FIGURES)
def test_a_figure_is_rounded_once_and_never_has_the_sign_of_nothing(value: float) -> None:
    written = months(value)

    assert float(written.replace("−", "-")) == round(value, 2)
    assert re.fullmatch(r"−?\d+\.\d\d", written)
    assert written != "−0.00"


@given(FIGURES)
def test_a_change_has_a_sign_unless_it_is_written_as_nothing(value: float) -> None:
    assert signed(value).lstrip("+") == months(value)
    assert (signed(value)[0] in "+−") == bool(round(value, 2))


@given(FIGURES, FIGURES)
def test_both_ends_of_a_changes_interval_are_written_as_changes(low: float, high: float) -> None:
    assert change_between(low, high).split(" to ") == [signed(low), signed(high)]
    assert between(low, high).split(" to ") == [months(low), months(high)]


def test_what_is_not_known_is_written_in_one_way() -> None:
    said = {months(None), signed(None), yardstick(None), between(None, 1.0), change_between(-1.0, None)}

    assert said == {NONE}
    assert with_sd(14.135, None) == months(14.135)


@pytest.mark.parametrize(
    ("count", "written"),
    [(47_832, "47.8k"), (999, "0.999k"), (21_804_353, "21.8M"), (1_234_000_000, "1230M"), (1_000_000, "1M")],
)
def test_parameters_have_three_digits_however_many_they_are(count: int, written: str) -> None:
    assert millions(count) == written


@given(st.floats(1e-3, 9e5))
def test_three_digits_are_no_power_of_ten(value: float) -> None:
    assert "e" not in significant(value)
    assert float(significant(value)) == pytest.approx(value, rel=5e-3)
    assert gmacs(value * 1e9) == significant(value)


def test_an_earlier_versions_hyphen_becomes_a_minus_before_a_number_alone() -> None:
    assert minuses("mixed7, -0.32 ± 0.37 (-1.2 to .5) -- see 2-width #-1 --px -x") == (
        "mixed7, −0.32 ± 0.37 (−1.2 to .5) -- see 2-width #-1 --px -x"
    )


HELD = {  # no figure of months for a page, a table or a sentence
    "data/written.py",
    "search/apply/explain_page.py",  # lines drawn into a picture, whose font has no minus
    "search/trained/folder.py",  # a text of which a digest is made
    "search/show/svg.py",  # places in a drawing
}


def formats(path: Path) -> list[str]:
    """What follows the colon in every f-string of the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.format_spec for node in ast.walk(tree) if isinstance(node, ast.FormattedValue) and node.format_spec]
    return [ast.unparse(spec) for spec in found]


SHOWN = [path for top in ("search", "studies") for path in sorted((ROOT / top).rglob("*.py"))]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_writes_months_or_a_sign_by_hand(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() in HELD:
        return
    by_hand = [spec for spec in formats(path) if "+" in spec or ".2f" in spec]

    assert by_hand == []
    assert 'replace("-", "−")' not in path.read_text(encoding="utf-8")


def test_nothing_is_written_with_as_many_places_as_are_asked_for() -> None:
    assert fixed(-0.004, 2) == "0.00"
    assert fixed(-0.004, 3) == "−0.004"
