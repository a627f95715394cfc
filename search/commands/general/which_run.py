"""Which run a command works on where nobody names one: the only one below `runs/`, or the one that was worked on last."""

import argparse
from pathlib import Path

from data.named_source import absolute
from data.shown import shown
from search.output.terminal import log
from search.output.typed import DEFAULT_RUN, RUNS, runs_here
from search.run import MODELS
from search.storage.settings import read_settings
from studies.preset import StudyError

SHOWN = 8  # runs that a line lists


def settle_run(arguments: argparse.Namespace) -> None:
    """Sets `run_dir` of a command that works on a run, and says which it is where nobody has named it.

    Raises StudyError where a run is to begin and its folder is another's.
    """
    if arguments.run_dir is not None:
        return
    model = getattr(arguments, "model", None)
    if model is not None and model.parent.name == MODELS:  # a run's own model says which run it is
        arguments.run_dir = model.parent.parent
        return
    data = getattr(arguments, "source", None) or getattr(arguments, "data", None)
    preset = getattr(arguments, "preset", None)
    begins = model is not None or not getattr(arguments, "only_reads", False)  # beside a model, a place for other data
    arguments.run_dir, sentence = found(preset, data, runs_here(), begins)
    if sentence and model is None:
        log(sentence)


def found(preset: str | None, data: str | None, runs: list[Path], begins: bool = True) -> tuple[Path, str]:
    """The run, and what to say of it; `runs` are those there are, the latest first. Preset and data are as the command names them.

    A command that names other ones than all runs have is about a new run; StudyError where it only reads.
    """
    if not runs:
        return DEFAULT_RUN, ""
    alike = [run for run in runs if is_of(run, preset, data)]
    if not alike and not begins:
        named = " and ".join(f"{what} {shown(value)}" for what, value in (("preset", preset), ("data", data)) if value)
        raise StudyError(
            f"no run below {RUNS}/ has {named}; there {'is' if len(runs) == 1 else 'are'} {listed(runs)}; choose a run with --run-dir"
        )
    if not alike:
        return new_run(preset, runs)
    chosen, *_ = alike
    if len(runs) == 1:
        return chosen, f"run: {chosen}, the only one below {RUNS}/"
    others = listed([run for run in runs if run != chosen])
    which = "the latest" if len(alike) == len(runs) else "the latest with these settings"
    return chosen, f"run: {chosen}, {which} of {len(runs)} below {RUNS}/; choose another with --run-dir: {others}"


def listed(runs: list[Path]) -> str:
    return ", ".join(map(str, runs[:SHOWN])) + (f" and {len(runs) - SHOWN} more" if len(runs) > SHOWN else "")


def is_of(run: Path, preset: str | None, data: str | None) -> bool:
    """Whether the run goes on with this preset and these data. One that cannot be read says so when it is opened."""
    try:
        recorded = read_settings(run)
    except StudyError:
        return True
    if preset not in (None, recorded.get("preset", preset)):
        return False
    known = recorded.get("data")
    return data is None or not known or absolute(data) == known or Path(absolute(data)).is_relative_to(run.resolve())


def new_run(preset: str | None, runs: list[Path]) -> tuple[Path, str]:
    place = RUNS / (preset or DEFAULT_RUN.name)
    if place in runs:
        raise StudyError(
            f"no run below {RUNS}/ has this preset and these data, and {place} is another run: name a new folder with --run-dir"
        )
    return place, f"run: {place}, a new one, since none below {RUNS}/ has this preset and these data"
