"""The data of a run, made when they are first needed."""

from pathlib import Path

from data.preparation import DataError
from data.prepare import Progress, prepare
from data.store import Store, described, is_store, open_store, verify
from search.run import PREPARED, TRIALS, Run
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
    named = Path(run.data).expanduser()
    if run.data and is_store(named):
        store = open_store(named)
        if store.image_px != run.preset.preparation.image_px:
            raise DataError(
                f"{named} holds images of {store.image_px} px, the run needs {run.preset.preparation.image_px}; "
                f"prepare the data again, or set --image-px {store.image_px}"
            )
        return store
    if not run.data:
        raise DataError("no data: give --data FOLDER or phantom:N, or run `boneage-search prepare` first")
    path = run.folder / PREPARED
    if is_store(path) and (run.folder / TRIALS).exists():
        there = open_store(path).info
        for name, value in described(run.data, run.preset.preparation).items():
            if there[name] != value:
                raise StudyError(
                    f"{run.folder} has trials on data with {name} {there[name]}, now {value}; use another --run-dir"
                )
    run.folder.mkdir(parents=True, exist_ok=True)
    return prepare(run.data, run.preset.preparation, path, progress, strict)
