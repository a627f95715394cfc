"""What a search ends with: its best trainings, and commands each of which is one and finds the run."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from golden_runs import laid_out

from search.commands.general.which_run import settle_run
from search.commands.parser import parser
from search.output.typed import HERE, PROGRAM, put_on_the_path
from search.report.closing import TOP, next_commands, next_lines, top_rows
from search.report.parts import Plots, Words
from search.report.read import Report, read
from search.report.rows import best_trials
from search.report.sections import curves
from search.run import open_run

WITHOUT = "/usr/bin:/bin"  # a PATH on which the environment's commands are not


def in_sh(lines: str) -> list[str]:
    """What a shell of that PATH prints, whose every line has to work."""
    environment = os.environ | {"PATH": WITHOUT}
    ran = subprocess.run(["sh", "-e"], input=lines, env=environment, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


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
    every = [one.trial.error for study in found.every for one in study.trials if one.trial.state == "complete"]
    assert shown == sorted(shown)
    assert shown[0] == min(every)
    assert 0 < len(shown) <= TOP
    assert all("Architecture(" not in row["network"] for row in rows)


@pytest.mark.parametrize("name", ["env", "it's my env", '$HOME;"x"'])
def test_a_shell_finds_the_command_by_the_line_that_puts_it_on_the_path(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, another = tmp_path / name / "bin", tmp_path / "another"
    for folder in (own, another):
        folder.mkdir(parents=True)
        (folder / PROGRAM).write_text(f"#!/bin/sh\necho {folder.name}\n")
        (folder / PROGRAM).chmod(0o755)

    for before in (WITHOUT, f"{another}:{WITHOUT}"):
        monkeypatch.setenv("PATH", before)
        assert in_sh(f"{put_on_the_path(own)}\n{PROGRAM}\n") == ["bin"]
    monkeypatch.setenv("PATH", f"{own}:{WITHOUT}")
    assert put_on_the_path(own) == ""
    assert put_on_the_path(tmp_path) == ""  # an environment without the command


@pytest.mark.skipif(not (HERE / PROGRAM).exists(), reason="the command is not installed in this environment")
def test_the_lines_after_a_search_work_when_pasted_where_the_command_is_not_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(laid_out(tmp_path / "a run"), None, {}, None, None)
    monkeypatch.setenv("PATH", WITHOUT)

    says_next, first, *lines = next_lines(run)
    asked = [line.replace("  # ", " --help  # ") for line in lines]  # which answers only what would run
    said = in_sh("\n".join([first, *asked]))
    usages = [line for line in said if line.startswith("usage: ")]
    assert says_next == "next:"
    assert [usage.split()[:3] for usage in usages] == [["usage:", *line.split()[:2]] for line, _ in next_commands(run)]
    monkeypatch.setenv("PATH", f"{HERE}:{WITHOUT}")
    assert next_lines(run)[1:] == lines


@pytest.mark.skipif(not (HERE / PROGRAM).exists(), reason="the command is not installed in this environment")
def test_what_status_says_next_works_when_pasted_where_the_command_is_not_on_the_path(tmp_path: Path) -> None:
    run = laid_out(tmp_path / "run")
    *_, first, then = in_sh(shlex.join([sys.executable, "-m", "boneage_search", "status", "--run-dir", str(run)]))

    lines = [line.partition(": ")[2] for line in (first, then)]
    assert then.startswith("next: ")
    assert in_sh(f"{lines[0]}\n{lines[1]} --help")[0].startswith("usage: boneage-search width ")


def with_trials(report: Report, *errors: float) -> Report:
    """With one more study, after all, whose trials have these errors."""
    study = report.studies[0]
    added = [
        replace(
            study.trials[0],
            attrs={},
            trial=replace(study.trials[0].trial, number=n, validation_mae=error, state="complete"),
        )
        for n, error in enumerate(errors)
    ]
    return replace(report, after=(replace(study, name="confirmation", trials=tuple(added)),))


def test_trainings_after_all_are_among_the_lowest(tmp_path: Path) -> None:
    found = read(open_run(laid_out(tmp_path / "golden"), None, {}, None, None))
    lowest = with_trials(found, 1.0, 99.0)

    assert [study.name for study, _ in best_trials(lowest, TOP)].count("confirmation") == 2
    assert best_trials(lowest, 1)[0][1].error == 1.0


@pytest.mark.parametrize("count", [1, 2])
def test_learning_curves_are_headed_in_grammar(count: int, tmp_path: Path) -> None:
    found = read(open_run(laid_out(tmp_path / "golden"), None, {}, None, None))
    known = next(study for study in found.studies if study.trials)
    fewer = replace(found, studies=(replace(known, trials=known.trials[:count]),))

    said, plots = curves(fewer)

    assert isinstance(said, Words)
    assert isinstance(plots, Plots)
    assert len(plots.plots) == count
    assert said.text.startswith("The training with" if count == 1 else "The 2 trainings with")
