"""A run's `run.json`: its id, and what it was begun with, so that later commands need not repeat it."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Protocol

from data.preparation import Preparation
from data.ranges import is_text
from data.shown import shown
from models.architecture import Architecture, ArchitectureError, Counts, changed, family_named
from models.families.inception_v3 import INCEPTION_V3
from models.training.settings import FILMS_OFF, Training
from search.output.files import may_be_written, write_text
from search.storage.identity import ID, PLAIN, kept
from search.storage.sqlite import FILE, own_url, reading_file
from studies.preset import Preset, StudyError
from studies.presets import PRESETS
from studies.presets.earlier import EARLIER, EDITION

SETTINGS = "run.json"  # in the run's folder
TRIALS = "trials"  # in it: a folder per trial
BEGUN_WITH = "begun_with"  # in it: the reference before the baseline study decided
EDITION_KEPT = "edition"  # in run.json
WANTED = "wanted"  # in run.json: of the overrides that a budget has set, what was asked for, by name
FILMS = "films"  # in run.json: how training varies the films, fields of FILMS_OFF by name
DETERMINISTIC = "deterministic"  # in run.json, where it is so: its trainings have the same numbers every time
PARTS: dict[str, type] = {"preparation": Preparation, "training": Training, "reference": Architecture}


class StoredRun(Protocol):
    """A run as far as its storage needs it; `search.run.Run` is one."""

    @property
    def folder(self) -> Path: ...

    @property
    def preset(self) -> Preset: ...

    @property
    def storage(self) -> str:
        """SQLAlchemy URL."""


def field_names() -> list[str]:
    """Every field of a preset that can be set, by its own name: those of its parts and the plain ones."""
    return [field.name for part in PARTS.values() for field in fields(part)] + own_fields()


def own_fields() -> list[str]:
    """The plain ones: how a search goes, not what is trained in it, which every study's settings hold."""
    return [field.name for field in fields(Preset) if field.name not in {*PARTS, "name", "data", "begun_with"}]


def flat(preset: Preset) -> dict[str, Any]:
    """Every field that can be set, with its value."""
    parts = {
        field.name: getattr(getattr(preset, name), field.name) for name, part in PARTS.items() for field in fields(part)
    }
    return parts | {field.name: getattr(preset, field.name) for field in fields(Preset) if field.name not in PARTS}


def derive(preset: Preset, overrides: dict[str, Any]) -> Preset:
    """The preset with these fields set, wherever in it they are."""
    parts: dict[str, Any] = {}
    left = dict(overrides)
    for name, part in PARTS.items():
        own = {field.name: left.pop(field.name) for field in fields(part) if field.name in left}
        if own:
            before = getattr(preset, name)
            parts[name] = changed(before, own) if part is Architecture else replace(before, **own)
    reference: Architecture = parts.get("reference", preset.reference)
    if reference.family != preset.reference.family:
        left.setdefault("depth_start", ())  # the preset's are networks of its own family
    if isinstance(left.get("depth_start"), tuple):
        left["depth_start"] = tuple(start_of(reference, pair) for pair in left["depth_start"])
    # A cap asked for holds everywhere, unless the refinement's own was asked for too.
    if "max_params" in left:
        left.setdefault("refine_max_params", 0)
    return replace(preset, **parts, **left)


def start_of(reference: Architecture, pair: Any) -> Any:
    """One of depth's first points, with the blocks of the reference's family; what is none is left for the preset to refuse."""
    match pair:
        case (beta, Counts() as counts):
            return beta, changed(reference, {"blocks": counts}).blocks
        case _:
            return pair


def read_settings(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    if not path.exists() and not path.is_symlink():  # a link to a place that is not there is no new run
        return {}
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read ({error}); restore it, or use another --run-dir") from None
    if fault := fault_of(settings):
        raise StudyError(f"{path} cannot be used: {fault}; restore it, or use another --run-dir")
    return settings


def fault_of(settings: Any) -> str:
    """What is wrong with the contents of run.json, which may have been edited by hand; empty where nothing is."""
    if not isinstance(settings, dict):
        return "it holds no settings by name"
    for name in ("preset", "data", "storage", ID):
        if not is_text(settings.get(name, "")):
            return f"{name} is a text that may name a file; it has {shown(settings[name])}"
        if name in ("storage", ID) and not speakable(settings.get(name, "")):  # a file may have a name of any bytes
            return f"{name} holds letters that are no Unicode; it has {shown(settings[name])}"
    if not settings.get("preset") and not settings.get(ID):  # a run's id is there before its settings
        return "it names no preset"
    overrides, wanted = settings.get("overrides", {}), settings.get(WANTED, {})
    for what, named, known in (("overrides", overrides, field_names()), (WANTED, wanted, own_fields())):
        if not isinstance(named, dict):
            return f"{what} are fields by name; it has {shown(named)}"
        if unknown := [name for name in named if name not in known]:
            return f"{shown(', '.join(unknown))} is no field of a preset"
    edition = edition_of(settings)
    if type(edition) is not int or not 1 <= edition <= EDITION:
        return f"{EDITION_KEPT} is the edition of the presets' values, and this version knows 1 to {EDITION}; it has {shown(edition)}"
    if not isinstance(settings.get(DETERMINISTIC, False), bool):
        return f"{DETERMINISTIC} is true or false; it has {shown(settings[DETERMINISTIC])}"
    films = settings.get(FILMS, {})
    if not isinstance(films, dict) or not set(films) <= set(FILMS_OFF):
        return f"{FILMS} are fields by name, of {', '.join(FILMS_OFF)}; it has {shown(films)}"
    if settings.get("preset") in PRESETS:
        try:
            if BEGUN_WITH in settings:
                architecture_of(settings[BEGUN_WITH])
            replace(derive(begun_preset(settings["preset"], settings), films | from_json(overrides)), **wanted)
        except ValueError as error:  # of the preset's parts, each with its own sentence
            return str(error)
    return ""


def speakable(words: str) -> bool:
    """JSON may hold half of a pair, which is no letter in any database."""
    return words.encode(errors="ignore").decode() == words


def edition_of(settings: dict[str, Any]) -> Any:
    """Of the presets' values, which a run keeps as they were when it began; runs did not say which before there were two."""
    return settings.get(EDITION_KEPT, 1 if settings.get("preset") else EDITION)


def begun_preset(name: str, settings: dict[str, Any]) -> Preset:
    """The preset of that name with the values that it had when the run began."""
    return derive(PRESETS[name](), EARLIER.get((name, edition_of(settings)), {}))


def architecture_of(values: Any) -> Architecture:
    """Raises ArchitectureError for anything that is none."""
    try:
        return Architecture.from_dict(values)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ArchitectureError(f"{BEGUN_WITH} is an architecture ({error}); it has {shown(values)}") from None


def change_settings(run: StoredRun, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """What is known already may stand where nothing can be written; an id too is needed only where something is."""
    run.folder.mkdir(parents=True, exist_ok=True)
    with alone(run.folder):
        before = read_settings(run.folder)
        own = stored_names(run.folder) if ID not in before and run.storage == own_url(run.folder) else ()
        settings = kept(before, own) | json.loads(json.dumps(change(before)))
        only_read = bool(before) and not may_be_written(run.folder) and unnamed(settings) == unnamed(before)
        if settings != before and not only_read:
            write_settings(run.folder, settings)


def unnamed(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in (ID, PLAIN)}


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
    """JSON knows no tuples and no blocks of a family."""
    family = overrides.get("family", INCEPTION_V3.name)
    return {name: restored(family, name, value) for name, value in overrides.items()}


def restored(family: Any, name: str, value: Any) -> Any:
    """Of a value of another form nothing is restored; the preset refuses it."""
    if name == "blocks":
        return blocks_of(family, value)
    if name == "depth_start" and isinstance(value, list):
        return tuple(
            (pair[0], blocks_of(family, pair[1])) if isinstance(pair, list) and len(pair) == 2 else pair
            for pair in value
        )
    if name == "group_betas" and isinstance(value, list):
        return tuple(tuple(pair) if isinstance(pair, list) else pair for pair in value)
    return tuple(value) if isinstance(value, list) else value


def blocks_of(family: Any, value: Any) -> Any:
    """A list of counts, one for each of the family's groups in their order."""
    groups = family_named(family).groups
    if not isinstance(value, list) or len(value) != len(groups):
        return value
    return family_named(family).counts(dict(zip(groups, value, strict=True)))
