"""What a run has done and decided, read from its storage; starts nothing and changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search.lease import is_held, lives_here, read_lease
from search.lock_holder import is_stopped
from search.output.typed import runs_here, typed
from search.storage.checked.rows import DIRECTIONS, Row, State, attributes, trials_in
from search.storage.identity import Identity, identity
from search.storage.settings import SETTINGS, StoredRun, read_settings, remembered
from search.storage.sqlite import (
    FILE,
    Rows,
    StorageError,
    has_trial_folders,
    own_url,
    reading_file,
    refuse_emptied,
    refuse_gone,
)
from search.storage.stored import decision_of, made_of, meaning, refuse_directions, settings_of, timing_of
from search.storage.told import is_anothers, params_of, why_left_out
from studies.around import confirmation
from studies.around.chain import Made, all_contradictions
from studies.order import EVERY, LAST, STUDIES, asked, comes, preset_of, study_name
from studies.preset import Preset, StudyError
from studies.study import Given, Point, to_point

CONTRADICTIONS = (
    "contradictions"  # in the last study's status, where there are any: which decisions of the run do not agree
)
NO_WAY_ON = "these decisions do not agree, so no study can continue from them: begin another run with --run-dir"
DAMAGED = "damaged"  # in a study's status, where there is one: the attribute that is left out of it
CONFIRMATION = confirmation.NAME  # in the last study's status: that of its confirmation, None where it has not begun
Statuses = Sequence[Mapping[str, Any]]


def storage_exists(run: StoredRun) -> bool:
    """Whether there is anything to read; opening a missing SQLite file would create it."""
    path = file_of(run)
    if path is None:
        return True
    refuse_emptied(path, run.folder)
    refuse_gone(path, run.folder)
    return path.exists() and path.stat().st_size > 0


def file_of(run: StoredRun) -> Path | None:
    """Of an SQLite database; None for a server's."""
    if run.storage == own_url(run.folder):
        return run.folder / FILE
    from search.storage.opening import sqlite_path  # brings SQLAlchemy and Optuna

    return sqlite_path(run.storage)


def has_begun(run: StoredRun) -> bool:
    """Whether the storage may hold studies of this run. What a database of several runs holds is none of a folder's that names no run yet."""
    return storage_exists(run) and (run.storage == own_url(run.folder) or bool(read_settings(run.folder)))


def has_trials(run: StoredRun) -> bool:
    """Whether a study of the run has one. Their folders say so too, where the studies are in a database that this command does not name."""
    if has_trial_folders(run.folder):
        return True
    if not has_begun(run):
        return False
    return is_among(run, "SELECT DISTINCT study_name FROM studies JOIN trials USING (study_id)")


def is_among(run: StoredRun, named: str) -> bool:
    """Whether a study of the run is one of those whose names this statement selects from its database."""
    with reading(run.storage, run.folder) as rows:
        names = {name for (name,) in rows(named)}
    own = identity(read_settings(run.folder), lambda: names)
    return any(called in names for name in EVERY for called in own.names(name))


def refuse_unusable(run: StoredRun) -> None:
    """For commands that search, before they prepare data. Raises StorageError where the database cannot be used; a new file is not made."""
    from search.storage.opening import open_storage, refuse_no_folder, sqlite_path

    if storage_exists(run):
        refuse_elsewhere(run)
        open_storage(run.storage)
    elif run.storage != own_url(run.folder) and (path := sqlite_path(run.storage)):
        refuse_no_folder(run.storage, path)


def refuse_elsewhere(run: StoredRun) -> None:
    """Of a run whose folder has trials, another database than it remembers, without its studies, or one that has lost all tables: a search
    would begin anew in it, and mix its trials with those that are there. One whose studies somebody has deleted is still the run's."""
    known = known_storage(run.folder)
    if not has_trial_folders(run.folder) or run.storage == known == own_url(run.folder):
        return
    if is_among(run, "SELECT study_name FROM studies"):
        return
    if remembered(run.storage, run.folder).get("storage", own_url(run.folder)) != known:
        raise elsewhere(run.storage, run.folder)


def known_storage(folder: Path) -> str:
    """Where the run in this folder had its studies last."""
    return str(read_settings(folder).get("storage") or own_url(folder))


def elsewhere(url: str, folder: Path) -> StorageError:
    from search.storage.patience import shown

    return StorageError(
        f"{shown(url)} has no study of the run in {folder}, although there were trials. Their studies were last in {shown(known_storage(folder))}: "
        "name that one, restore it if it was lost, copy its studies with `boneage-search storage copy`, or use another --run-dir"
    )


def refuse_missing(run: StoredRun) -> None:
    """For commands that only read. Raises StudyError where nothing was ever begun in the run's folder.

    A preset has to be put for NAME: the ordinary one takes a year where there is no GPU.
    """
    if not (run.folder / SETTINGS).exists() and not storage_exists(run):
        others = "".join(f", as {folder}" for folder in runs_here()[:1])
        raise StudyError(
            f"{run.folder} holds no run: begin one with `{typed('run', run.folder, '--preset', 'NAME')}`, or name another folder{others}"
        )


def status(run: StoredRun) -> list[dict[str, Any]]:
    """Per study (in their order; one beside it where the preset asks for it, or it has begun): name, state (not begun, begun or
    decided), trials by outcome, best value and point, decision."""
    wanted = [name for name in EVERY if comes(name) != LAST and asked(name, run.preset)]
    if not storage_exists(run):
        return [not_begun(name) for name in wanted]
    with reading(run.storage, run.folder) as rows:
        stored = {name: study_id for study_id, name in rows("SELECT study_id, study_name FROM studies")}
        own = identity(read_settings(run.folder), lambda: stored)
        made: dict[str, Made] = {}
        every = {name: study_status(name, own, stored, rows, run, made) for name in EVERY}
        if said := all_contradictions(made, run.preset):
            every[list(STUDIES)[-1]] |= {CONTRADICTIONS: said}
        confirmed = every[CONFIRMATION]
        every[list(STUDIES)[-1]] |= {CONFIRMATION: None if confirmed["state"] == "not begun" else confirmed}
        begun = {name: found for name, found in every.items() if comes(name) == LAST and found["state"] != "not begun"}
        every[list(STUDIES)[-1]] |= begun
        return [
            found
            for name, found in every.items()
            if comes(name) != LAST and (name in wanted or found["state"] != "not begun")
        ]


@contextmanager
def reading(url: str, folder: Path) -> Iterator[Rows]:
    """Reads the studies of the run in `folder` and changes nothing; raises StorageError where they cannot be read."""
    with reading_file(folder / FILE) if url == own_url(folder) else reading_any(url, folder) as rows:
        yield rows


@contextmanager
def reading_any(url: str, folder: Path) -> Iterator[Rows]:
    from search.storage.opening import in_a_sentence, open_storage, sqlite_path, tables_in

    if has_trial_folders(folder) and not sqlite_path(url):  # whose file is asked for before anything is read
        with in_a_sentence(url):
            tables = tables_in(url)
        if not tables:  # opening it would make them anew
            raise elsewhere(url, folder)
    storage = open_storage(url)
    try:
        yield storage.rows
    finally:
        storage.engine.dispose()  # `status --watch` reads every few seconds


def study_status(
    name: str, own: Identity, stored: Mapping[str, int], rows: Rows, run: StoredRun, made: dict[str, Made]
) -> dict[str, Any]:
    """What it was made from is added to `made`. Raises StudyError where a study of that name is not ours."""
    found = ((called, attributes(called, stored[called], rows)) for called in own.names(name) if called in stored)
    called, attrs = next(((called, attrs) for called, attrs in found if own.owns(attrs)), ("", {}))
    if not called:
        return not_begun(name)
    study_id = stored[called]
    trials = trials_in(called, study_id, rows)
    if "settings" not in attrs:
        if trials:
            raise foreign(name)
        return not_begun(name)
    settings = settings_of(called, attrs)
    refuse_directions(called, settings, [direction for (direction,) in rows(DIRECTIONS, study_id=study_id)])
    decision = decision_of(called, attrs, name)
    made[name] = made_of(called, attrs, name, bool(trials))
    start = Given(preset_of(name, run.preset), made[name].given, attrs.get("constant_mae", 0.0))
    means = meaning(EVERY[name], start)
    space = settings.get("space", {})
    ended = [trial for trial in trials if trial.state.is_finished()]
    ours = [trial for trial in ended if not why_left_out(trial, space, means)]
    running = [trial for trial in trials if trial.state is State.RUNNING]
    anothers = sum(map(is_anothers, running))
    unended = len(running) - anothers
    leader = led_by(run.folder, name)
    is_led = leader is not None
    best_value, best_params = best(ours)
    timing = timing_of(attrs)
    return {
        "name": name,
        "state": "decided" if decision else "begun",
        "trials": len(ours),
        "led_by": leader,
        "running": unended if is_led else 0,
        "interrupted": 0 if is_led else unended,  # the next leader resumes them
        "begun_by_others": anothers,  # which it ends as failed
        "failed": sum(trial.state is State.FAIL for trial in ours),
        "left_out": len(ended) - len(ours),
        "configurations": attrs.get("configurations"),
        "turned_away": attrs.get("turned_away", 0),
        "constant_mae": attrs.get("constant_mae"),
        "synthetic": attrs.get("synthetic"),
        "best_value": best_value,
        "best_params": best_params,
        "decision": decision,
        "timing": timing,
        **({DAMAGED: "timing"} if "timing" in attrs and timing is None else {}),
    }


def led_by(folder: Path, name: str) -> dict[str, Any] | None:
    """The process that runs the study; None where none does. Of one that is just taking it over nothing is known yet."""
    if not is_held(folder, name):
        return None
    owner = read_lease(folder, name)
    if owner is None or not owner.process:
        return {"process": None, "host": None, "since": None, "stopped": False}
    stopped = lives_here(owner) and is_stopped(owner.process)
    return {"process": owner.process, "host": owner.host, "since": owner.started, "stopped": stopped}


def best(ours: Sequence[Row]) -> tuple[float | None, Point | None]:
    """The lowest MAE in months and its point; None where there is none."""
    complete = [(trial.by_objective[0], trial.number, trial) for trial in ours if trial.state is State.COMPLETE]
    if not complete:
        return None, None
    value, _, trial = min(complete, key=lambda one: one[:2])
    return value, to_point(params_of(trial))


def foreign(name: str) -> StudyError:
    return StudyError(
        f"the storage holds a study {study_name(name)!r} that is not ours; use another --storage or --run-dir"
    )


def not_begun(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "state": "not begun",
        "trials": 0,
        "best_value": None,
        "best_params": None,
        "decision": None,
        "timing": None,
    }


def all_asked(statuses: Statuses, preset: Preset) -> list[dict[str, Any]]:
    """Everything that a search with this preset has, in one list: those that come after all stand last, as studies of their own.

    In JSON they are inside the last study of the order, and only once they have begun.
    """
    last = [name for name in EVERY if comes(name) == LAST]
    begun = {name: status[name] for status in statuses for name in last if status.get(name)}
    begun |= {str(status["name"]): dict(status) for status in statuses if status["name"] in last}
    listed = [
        {key: value for key, value in status.items() if key not in last}
        for status in statuses
        if status["name"] not in last
    ]
    return [*listed, *(begun.get(name, not_begun(name)) for name in last if name in begun or asked(name, preset))]


def left_to_do(statuses: Statuses, preset: Preset) -> list[str]:
    """The studies that `run` would still begin or go on with, by name."""
    return [
        str(status["name"])
        for status in all_asked(statuses, preset)
        if status["state"] != "decided" and (comes(status["name"]) != LAST or asked(status["name"], preset))
    ]


def contradicted(statuses: Statuses) -> list[str]:
    """Where decisions do not agree with one another, as sentences without a full stop."""
    return [said for status in statuses for said in status.get(CONTRADICTIONS, ())]


def next_command(run: StoredRun, statuses: Statuses) -> str | None:
    """What goes on with the run, to be pasted into a shell; None where all is decided, or nothing can go on from what is."""
    if contradicted(statuses):
        return None
    left = left_to_do(statuses, run.preset)
    return typed(EVERY[left[0]].COMMAND, run.folder, *storage_option(run)) if left else None


def with_what_is_left(run: StoredRun, statuses: Statuses) -> list[dict[str, Any]]:
    """As `status --json` prints them: the last study's says of the whole search what the text says below its table.

    What comes after all and has not begun has no status there: it is named in `left_to_do`.
    """
    left = left_to_do(statuses, run.preset)
    *before, last = map(dict, statuses)
    whole = {
        "left_to_do": left,
        "next_command": next_command(run, statuses),
        "all_decided": not left and not contradicted(statuses),
    }
    return [*before, last | whole]


def storage_option(run: StoredRun) -> list[str]:
    """--storage, where the run does not remember it."""
    if run.storage == own_url(run.folder):
        return []
    from search.storage.opening import without_password  # brings SQLAlchemy and Optuna

    url = without_password(run.storage)
    return [] if read_settings(run.folder).get("storage") == url else ["--storage", url]
