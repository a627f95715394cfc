"""What a search ends with: its best trainings, and commands each of which is one and finds the run."""

import shlex
from pathlib import Path

import pytest
from golden_runs import laid_out

from search.commands.general.which_run import settle_run
from search.commands.parser import parser
from search.report.closing import TOP, next_commands, top_rows
from search.report.read import read
from search.run import open_run


@pytest.mark.parametrize("name", ["golden", "a run", "-x"])
def test_the_next_commands_are_commands_of_this_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    for place in (name, "main"):
        laid_out(Path("runs") / place)
    run = open_run(Path("runs") / name, None, {}, None, None)

    for line, _ in next_commands(run):
        program, *words = shlex.split(line)
        arguments = parser().parse_args(words)
        settle_run(arguments)
        assert program == "boneage-search"
        assert arguments.run_dir == run.folder


def test_the_best_trainings_are_the_lowest_errors_of_the_run(tmp_path: Path) -> None:
    found = read(open_run(laid_out(tmp_path / "golden"), None, {}, None, None))

    rows = top_rows(found)

    shown = [row["validation_mae"] for row in rows]
    every = [one.trial.error for study in found.studies for one in study.trials if one.trial.state == "complete"]
    assert shown == sorted(shown)
    assert shown[0] == round(min(every), 2)
    assert 0 < len(shown) <= TOP
    assert all("Architecture(" not in row["network"] for row in rows)
