"""The data of a run, made when they are first needed."""

from typing import Any

from data.named_source import absolute, expanded
from data.preparation import DataError, request
from data.store.disk import Store, is_store, open_store, verify
from data.store.prepare import Progress, prepare, refuse_problems
from search.output.terminal import log
from search.output.typed import setting, typed
from search.run import MODELS, PREPARED, TRIALS, Run
from studies.preset import StudyError


def prepared(run: Run, progress: Progress, strict: bool = False) -> Store:
    """The run's data, prepared now unless they are already, and every image what it was when it was prepared.

    Raises DataError where no data were ever named, or the prepared ones were damaged since; with `strict` also where
    a case could not be used.
    """
    store = found_or_made(run, progress, strict)
    verify(store)
    return store


def found_or_made(run: Run, progress: Progress, strict: bool) -> Store:
    named = expanded(run.data)
    if run.data and is_store(named):
        store = open_store(named)
        if store.image_px != run.preset.preparation.image_px:
            raise DataError(
                f"{named} holds images of {store.image_px} px, the run needs {run.preset.preparation.image_px}; "
                f"prepare the data again, or set --image-px {store.image_px}"
            )
        return store
    if not run.data:
        raise DataError(f"no data: give --data FOLDER or phantom:N, or run `{typed('prepare', run.folder)} DATA` first")
    path = run.folder / PREPARED
    trained_on = (run.folder / TRIALS).exists()
    if is_store(path):
        there = open_store(path)
        now, then = (
            request(source, settings)
            for source, settings in (
                (absolute(run.data), run.preset.preparation),
                (there.info["source"], there.prepared_as),
            )
        )
        if there.films_fault and not gone(run.data):
            log(f"{there.films_fault}: the films are measured again")
        if trained_on and now != then:
            raise StudyError(f"{run.folder} has trials on data with {difference(then, now)}; use another --run-dir")
        if before := needed_by_models(run, there):
            log(
                f"the images of {path} are to be made anew ({difference(then, now)}): a model that was trained on them needs {before} to "
                "go on"
            )
        if now == then and gone(run.data):
            said = f"{run.data} is not there (moved, or not mounted?): the run continues with the data prepared from it, {path}"
            log(said)
            refuse_problems(there, strict)
            return there
    return prepare(run.data, run.preset.preparation, path, progress, strict, trained_on)


def needed_by_models(run: Run, there: Store) -> str:
    """How the images that are there were asked for, as far as the run has that otherwise now; '' where no model may need them."""
    now, before = run.preset.preparation.pixels, there.prepared_as.pixels
    has_models = any((run.folder / MODELS).glob("*/model.json"))
    return " ".join(setting(name, before[name]) for name in before if has_models and before[name] != now[name])


def gone(source: str) -> bool:
    """Whether a source of files is away: no such folder, or an empty one, as where nothing is mounted."""
    if source.startswith("phantom:"):
        return False
    try:
        return not any(expanded(source).iterdir())
    except PermissionError:  # it is there; preparing says what is wrong
        return False
    except OSError:
        return True


def difference(then: dict[str, Any], now: dict[str, Any]) -> str:
    """The first in which two requests differ."""
    name = next(name for name in then if then[name] != now[name])
    return f"{name} {then[name]}, now {now[name]}"
