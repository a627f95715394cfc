"""`status --watch`: what a run is doing, shown again every few seconds until all is decided, or until Ctrl-C.

On a terminal it is a table that changes in place, elsewhere a line for whatever has changed.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from optuna.trial import TrialState
from rich.console import Group
from rich.live import Live
from rich.text import Text

from data.counted import counted as in_words
from data.shown import plain
from data.written import months
from search.output.terminal import say
from search.report import words as report_words
from search.run import Run, open_run
from search.show import tables
from search.show.console import console
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.records import counted, load, seen
from search.storage.settings import derive
from search.storage.status import Statuses, all_asked, next_command, refuse_missing, status, storage_exists
from studies.order import study_name

EVERY_SECONDS = 3.0


def watch(run: Run, every_seconds: float = EVERY_SECONDS) -> None:
    """Returns when all is decided, or at Ctrl-C. The run may begin while it is watched."""
    try:
        if sys.stdout.isatty():
            with Live(console=console()) as live:
                follow(
                    run,
                    every_seconds,
                    lambda statuses, running: live.update(shown(run, statuses, running), refresh=True),
                )
        else:
            before: list[str] = []
            follow(run, every_seconds, lambda statuses, running: say_new(before, [*lines(run, statuses), *running]))
    except KeyboardInterrupt:
        pass


def follow(run: Run, every_seconds: float, show: Callable[[Statuses, list[str]], None]) -> None:
    storage: PatientStorage | None = None
    while True:
        if storage is not None:
            refuse_missing(run)  # somebody has deleted it meanwhile
        recorded = open_run(run.folder, None, {}, None, None).overrides  # what a budget leaves out, for one
        run = replace(run, preset=derive(run.preset, recorded))
        if storage is None and storage_exists(run):
            storage = open_storage(run.storage)
        statuses = all_asked(status(run), run.preset)
        show(statuses, list(running_trials(run, storage, statuses)) if storage else [])
        if next_command(run, statuses) is None:
            return
        time.sleep(every_seconds)


def running_trials(run: Run, storage: PatientStorage, statuses: Statuses) -> Iterator[str]:
    for entry in statuses:
        study = load(storage, entry["name"], run.folder) if entry.get("running") else None
        for frozen in counted(study, (TrialState.RUNNING,)) if study else ():
            trial = seen(frozen)
            maes = trial.validation_mae_by_epoch
            so_far = f"epoch {len(maes)}, {months(maes[-1])} months" if maes else "no epoch yet"
            yield f"{study_name(entry['name'])} #{trial.number}: {report_words.what(trial)}: {so_far}"


def shown(run: Run, statuses: Statuses, running: list[str]) -> Group:
    """Decisions are cut while there is more to come: in full they push the trials that run off a screen of 24 lines."""
    table = tables.status_table(statuses, in_full=next_command(run, statuses) is None)
    return Group(table, *(Text(plain(line)) for line in (*running, *closing(run, statuses))))


def lines(run: Run, statuses: Statuses) -> Iterator[str]:
    for entry in statuses:
        if entry["state"] != "not begun":
            best = f", best {months(entry['best_value'])} months" if entry["best_value"] is not None else ""
            decided = f": {entry['decision']['summary']}" if entry["decision"] else ""
            yield f"{study_name(entry['name'])}: {entry['state']}, {in_words(entry['trials'], 'trial')}{best}{decided}"
    yield from closing(run, statuses)


def closing(run: Run, statuses: Statuses) -> list[str]:
    named = [entry | {"running": 0} for entry in map(dict, statuses)]  # each trial that runs has a line of its own
    return tables.status_lines(named, next_command(run, statuses))


def say_new(before: list[str], now: list[str]) -> None:
    """What was not so a moment ago. What has gone and is there again is new: a second crash is told like the first."""
    for line in now:
        if line not in before:
            say(line)
    before[:] = now
