"""A run: the folder that holds everything of one search, and the settings its studies share.

run.json       the run's id, preset, the fields set on the command line, data
prepared/      the prepared store, unless the data are one already
studies.db     the Optuna studies
trials/        a folder per trial: job.json, log.txt, predictions.npy, maps.npz, pictures
models/        a folder per network trained in full (trained.py)
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.preparation import Preparation, absolute
from data.shown import shown
from models.architecture import Architecture, Blocks
from models.training.settings import Training
from search.output.files import may_be_written, write_text
from search.storage import identity
from search.storage.sqlite import FILE, own_url, reading_file
from studies.preset import PRESETS, Preset, StudyError

if TYPE_CHECKING:
    from data.store.disk import Store

SETTINGS, PREPARED, TRIALS, MODELS = "run.json", "prepared", "trials", "models"  # in the run's folder
PARTS: dict[str, type] = {"preparation": Preparation, "training": Training, "reference": Architecture}


@dataclass(frozen=True)
class Run:
    folder: Path
    preset: Preset
    overrides: dict[str, Any]  # fields of the preset set on the command line, by name
    data: str  # folder, phantom:N or prepared store; empty where none was named yet
    storage: str  # SQLAlchemy URL


def field_names() -> list[str]:
    """Every field of a preset that can be set, by its own name: those of its parts and the plain ones."""
    parts = [field.name for part in PARTS.values() for field in fields(part)]
    plain = [field.name for field in fields(Preset) if field.name not in {*PARTS, "name", "data"}]
    return parts + plain


def derive(preset: Preset, overrides: dict[str, Any]) -> Preset:
    """The preset with these fields set, wherever in it they are."""
    changed: dict[str, Any] = {}
    left = dict(overrides)
    for name, part in PARTS.items():
        own = {field.name: left.pop(field.name) for field in fields(part) if field.name in left}
        if own:
            changed[name] = replace(getattr(preset, name), **own)
    # A cap asked for holds everywhere, unless the refinement's own was asked for too.
    if "max_params" in left:
        left.setdefault("refine_max_params", 0)
    return replace(preset, **changed, **left)


def open_run(
    folder: Path, preset_name: str | None, overrides: dict[str, Any], data: str | None, storage: str | None
) -> Run:
    """The run in `folder` with what this command adds to its settings; nothing is written yet.

    Without a preset of its own the command continues the run's. Raises StudyError for another preset than the run's.
    """
    if "\0" in str(folder):
        raise StudyError(f"--run-dir names a folder; got {str(folder)!r}")
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file, and a run is a folder: name another --run-dir")
    refuse_unspeakable(folder)
    recorded = read_settings(folder)
    name = preset_name or recorded.get("preset", "default")
    if name not in PRESETS:
        raise StudyError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    if name != recorded.get("preset", name):
        raise StudyError(
            f"{folder} was begun with preset {recorded['preset']}, now {name}: use another --run-dir, or leave --preset out"
        )
    merged = from_json(recorded.get("overrides", {})) | overrides
    return Run(
        folder,
        derive(PRESETS[name](), merged),
        merged,
        absolute(data) if data else recorded.get("data") or PRESETS[name]().data,
        storage or recorded.get("storage") or own_url(folder),
    )


def refuse_unspeakable(folder: Path) -> None:
    """Databases are named by URLs, and URLs are UTF-8."""
    try:
        str(folder.resolve()).encode()
    except UnicodeEncodeError:
        raise StudyError(f"the name of the run's folder is not UTF-8: {folder}; use another --run-dir") from None


def read_settings(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    if not path.exists():
        return {}
    try:
        settings: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read ({error}); restore it, or use another --run-dir") from None
    if fault := fault_of(settings):
        raise StudyError(f"{path} cannot be used: {fault}; restore it, or use another --run-dir")
    return settings


def fault_of(settings: Any) -> str:
    """What is wrong with the contents of run.json, which may have been edited by hand; empty where nothing is."""
    if not isinstance(settings, dict):
        return "it holds no settings by name"
    for name in ("preset", "data", "storage", identity.ID):
        if not isinstance(settings.get(name, ""), str):
            return f"{name} is a text; it has {shown(settings[name])}"
    if not settings.get("preset") and not settings.get(identity.ID):  # a run's id is there before its settings
        return "it names no preset"
    overrides = settings.get("overrides", {})
    if not isinstance(overrides, dict):
        return f"overrides are fields by name; it has {shown(overrides)}"
    if unknown := [name for name in overrides if name not in field_names()]:
        return f"{shown(', '.join(unknown))} is no field of a preset"
    if settings.get("preset") in PRESETS:
        try:
            derive(PRESETS[settings["preset"]](), from_json(overrides))
        except ValueError as error:  # of the preset's parts, each with its own sentence
            return str(error)
    return ""


def record(run: Run) -> None:
    """Remember the run's settings, so that later commands need not repeat them. Passwords are not remembered.

    Called once a command's settings are known to be acceptable, never for those that were refused.
    """
    settings = {"preset": run.preset.name, "overrides": run.overrides, "data": run.data}
    change_settings(run, lambda before: settings | remembered(run.storage, run.folder))


def identify(run: Run) -> None:
    """See to it that the run has an id; settings that were recorded stay as they are."""
    if identity.ID not in read_settings(run.folder):
        change_settings(run, lambda before: before)


def change_settings(run: Run, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """What is known already may stand where nothing can be written; an id too is needed only where something is."""
    run.folder.mkdir(parents=True, exist_ok=True)
    with alone(run.folder):
        before = read_settings(run.folder)
        own = stored_names(run.folder) if identity.ID not in before and run.storage == own_url(run.folder) else ()
        settings = identity.kept(before, own) | json.loads(json.dumps(change(before)))
        only_read = bool(before) and not may_be_written(run.folder) and unnamed(settings) == unnamed(before)
        if settings != before and not only_read:
            write_settings(run.folder, settings)


def unnamed(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in (identity.ID, identity.PLAIN)}


def remembered(storage: str, folder: Path) -> dict[str, str]:
    """How the settings say where the studies are; they say nothing of the folder's own database."""
    if storage == own_url(folder):
        return {}
    from search.storage.opening import without_password  # brings SQLAlchemy and Optuna

    return {"storage": without_password(storage)}


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    write_text(folder / SETTINGS, json.dumps(settings, indent=1) + "\n")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Two commands may begin in one folder at the same moment, and only one of them is to make the run's id."""
    place = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def stored_names(folder: Path) -> list[str]:
    """Of the studies in the folder's own database, as far as there is one."""
    if not (folder / FILE).exists() or not (folder / FILE).stat().st_size:
        return []
    with reading_file(folder / FILE) as rows:
        return [name for (name,) in rows("SELECT study_name FROM studies")]


def from_json(overrides: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples and no Blocks."""
    return {name: restored(name, value) for name, value in overrides.items()}


def restored(name: str, value: Any) -> Any:
    """Of a value of another form nothing is restored; the preset refuses it."""
    if name == "blocks":
        return blocks_of(value)
    if name == "depth_start" and isinstance(value, list):
        return tuple(
            (pair[0], blocks_of(pair[1])) if isinstance(pair, list) and len(pair) == 2 else pair for pair in value
        )
    return tuple(value) if isinstance(value, list) else value


def blocks_of(value: Any) -> Any:
    return Blocks(*value) if isinstance(value, list) and len(value) == len(Blocks._fields) else value


def guarded(run: Run, store: "Store") -> dict[str, Any]:
    """The settings that every trial of a study must share, flat: a study that has trials refuses others."""
    return {
        **asdict(run.preset.training),
        **{f"reference {name}": value for name, value in asdict(run.preset.reference).items()},
        "seed": run.preset.seed,
        "data": store.digest,
    }
