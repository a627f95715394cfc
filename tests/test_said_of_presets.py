"""Numbers that pages and help say of presets and commands are those of the program."""

import re
from pathlib import Path

import pytest

from search.commands.general.presets import first_sentence
from search.commands.options import OPTIONS
from search.commands.parser import parser
from studies.order import EVERY
from studies.presets import PRESETS, demo
from studies.study import in_months

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_the_commands_has_the_demos_own_margin() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"the demo's margin of ([^,]*),", page) == [f"{in_months(demo().equivalence_months)}"]


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_preset_is_for_names_no_hours(name: str) -> None:
    """They are the machine's, and `plan` says them."""
    assert not re.search(r"hours?\b", first_sentence(name)) or "hours on one GPU" in PRESETS[name].__doc__  # type: ignore[operator]
    assert "two hours" not in (PRESETS[name].__doc__ or "")


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_preset_is_for_is_one_sentence_on_one_line(name: str) -> None:
    said = first_sentence(name)
    assert 20 < len(said) < 120
    assert "\n" not in said
    assert not said.endswith(".")


def test_help_and_page_say_alike_how_long_recorded_trainings_take() -> None:
    subparsers = next(action for action in parser()._actions if action.dest == "==SUPPRESS==" or action.choices)
    assert subparsers.choices
    compare = dict(subparsers.choices)["compare"]  # type: ignore[call-overload]
    replay = next(action for action in compare._actions if action.dest == "replay")
    assert "takes minutes" in replay.help
    assert "in minutes" in (DOCS / "comparing.md").read_text(encoding="utf-8")


def test_help_says_of_dropped_groups_by_which_rule() -> None:
    assert "--margin-months" in OPTIONS["drop_useless"]
    assert "whatever the verdict" in OPTIONS["drop_useless"]


@pytest.mark.parametrize("name", EVERY)
def test_every_study_asks_a_question(name: str) -> None:
    first, *_ = EVERY[name].QUESTION.split()
    assert first in ("which", "how", "at", "from"), f"{name} asks no open question: begin with which, how, at or from"
