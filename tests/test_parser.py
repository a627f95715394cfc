"""A command loads its own module alone, and takes what it takes among all others."""

import argparse
import subprocess
import sys

import pytest

from search.commands.general.help import Parser
from search.commands.parser import MODULES, parser


def commands_of(top: argparse.ArgumentParser) -> dict[str, Parser]:
    [below] = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(below.choices)


ALL = commands_of(parser())


@pytest.mark.parametrize("name", ALL)
def test_a_command_by_itself_is_what_it_is_among_all(name: str) -> None:
    alone = commands_of(parser(name))

    assert alone[name].format_all_help() == ALL[name].format_all_help()
    assert alone[name].rare == ALL[name].rare


@pytest.mark.parametrize("names", MODULES.values(), ids=MODULES)
def test_a_module_has_the_commands_that_are_listed_of_it(names: tuple[str, ...]) -> None:
    for name in names:
        found = set(commands_of(parser(name)))
        assert set(names) <= found < set(ALL)
        assert not any(set(others) & found for others in MODULES.values() if others != names)


@pytest.mark.parametrize("word", ["--help", "-x", "", "coutn", "ablate", None])
def test_what_begins_with_no_listed_command_meets_all(word: str | None) -> None:
    assert list(commands_of(parser(word))) == list(ALL)


def test_count_loads_neither_the_search_nor_the_other_commands() -> None:
    """They take several times as long as its answer."""
    script = "import sys; from search.cli import main; main(['count', '--family', 'densenet121']); print(*sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, encoding="utf-8")
    loaded = told.stdout.splitlines()[-1].split()

    assert {"search.commands.count", "models.families.densenet121"} <= {*loaded}
    others = (
        "search.run",
        "search.planning.plan",
        "search.workers",
        "search.leader",
        "search.storage.status",
        "optuna",
    )
    heavy = ("numpy", "tensorflow", "keras", "pandas", "sqlalchemy")
    assert [name for name in loaded if name.startswith((*others, *heavy))] == []
