"""A run: the folder that holds everything of one search, and the settings its studies share.

run.json       the run's id, preset, the fields set on the command line or by a budget and what was wanted of those, data, whether it is
               deterministic; its first reference, where a baseline has decided
settings.json  every field of the preset with its value in this run; written, never read
prepared/      the prepared store, unless the data are one already
studies.db     the Optuna studies
trials/        a folder per trial: job.json, log.txt, predictions.npy, maps.npz, pictures
models/        a folder per network trained in full (trained.py)
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.named_source import absolute, expanded
from data.shown import shown
from models.architecture import Architecture
from models.families.inception_v3 import INCEPTION_V3
from models.training.settings import FILMS_OFF
from search.output.files import write_text
from search.storage.identity import ID
from search.storage.settings import (
    BEGUN_WITH,
    DETERMINISTIC,
    EDITION_KEPT,
    FILMS,
    WANTED,
    begun_preset,
    change_settings,
    derive,
    edition_of,
    field_names,
    flat,
    from_json,
    read_settings,
    remembered,
)
from search.storage.settings import TRIALS as TRIALS
from search.storage.sqlite import own_url
from studies.around.baseline import gone_on
from studies.preset import Preset, StudyError
from studies.presets import PRESETS

if TYPE_CHECKING:
    from data.store.disk import Store

IN_FULL = "settings.json"  # in the run's folder
PREPARED, MODELS = "prepared", "models"  # in the run's folder
REFUSED = ("ablate_winner", False)  # as an override: else a budget may add the ablation of the winner


@dataclass(frozen=True)
class Run:
    folder: Path
    preset: Preset
    overrides: dict[str, Any]  # fields of the preset set on the command line or by a budget, by name
    data: str  # folder, phantom:N or prepared store; empty where none was named yet
    storage: str  # SQLAlchemy URL
    wanted: dict[str, Any] = field(default_factory=dict)  # of the fields that a budget has set: what they were to be
    deterministic: bool = False  # whether its trainings have the same numbers every time

    @property
    def wish(self) -> Preset:
        """What was asked for, whatever a budget made of it."""
        return replace(self.preset, **self.wanted)


def open_run(
    folder: Path,
    preset_name: str | None,
    overrides: dict[str, Any],
    data: str | None,
    storage: str | None,
    budgeted: bool = False,
    deterministic: bool | None = None,
) -> Run:
    """The run in `folder` with what this command adds to its settings; nothing is written yet.

    Without a preset of its own the command continues the run's, and without a word on that it is as deterministic. One that has a budget,
    as an earlier one had, says nothing new where it says again what was wanted. Raises StudyError for another preset than the run's.
    """
    if "\0" in str(folder):
        raise StudyError(f"--run-dir names a folder; got {str(folder)!r}")
    folder = expanded(str(folder))
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
    if budgeted:
        wanted = recorded.get(WANTED, {})
        overrides = {
            name: value
            for name, value in overrides.items()
            if name not in wanted or value != wanted[name] or (name, value) == REFUSED
        }
    merged = before_strategies(recorded) | kept_of(from_json(recorded.get("overrides", {})), overrides) | overrides
    preset = derive(begun_preset(name, recorded), varied_films(recorded) | merged)
    if begun_with := recorded.get(BEGUN_WITH):
        preset = replace(preset, begun_with=Architecture.from_dict(begun_with))
    # As the family has them, whatever way they were written: settings are compared, and remembered.
    reference = preset.reference
    in_full = {"blocks": reference.blocks, "group_betas": reference.group_betas, "depth_start": preset.depth_start}
    merged |= {name: value for name, value in in_full.items() if name in merged}
    return Run(
        folder,
        preset,
        merged,
        absolute(data) if data else recorded.get("data") or PRESETS[name]().data,
        storage or recorded.get("storage") or own_url(folder),
        wanted_still(recorded, preset, overrides),
        recorded.get(DETERMINISTIC, False) if deterministic is None else deterministic,
    )


def wanted_still(recorded: dict[str, Any], preset: Preset, overrides: dict[str, Any]) -> dict[str, Any]:
    """What earlier commands asked for where a budget has set something else; what this command sets is what is wanted now.

    Raises StudyError where the two do not go together.
    """
    wanted = {name: value for name, value in recorded.get(WANTED, {}).items() if name not in overrides}
    replace(preset, **wanted)
    return wanted


def set_by_a_budget(run: Run, own: dict[str, Any]) -> Run:
    """The run with these fields of its preset, which nobody has asked for: what was asked for is kept beside them."""
    wish = run.wish
    preset = replace(run.preset, **own)
    overrides = run.overrides | {name: value for name, value in own.items() if value != getattr(run.preset, name)}
    if REFUSED in overrides.items() and REFUSED not in run.overrides.items() and not wish.ablate_winner:
        del overrides["ablate_winner"]  # the budget has taken back what it added itself, and nobody has refused it
    wanted = {name: getattr(wish, name) for name in {**run.wanted, **own}}
    return replace(
        run,
        preset=preset,
        overrides=overrides,
        wanted={name: value for name, value in wanted.items() if value != getattr(preset, name)},
    )


def kept_of(recorded: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """What was set before and still means something: counts of one family's blocks are none of another's."""
    family = recorded.get("family", INCEPTION_V3.name)
    if overrides.get("family", family) == family:
        return recorded
    return {name: value for name, value in recorded.items() if name not in ("blocks", "depth_start", "group_betas")}


def before_strategies(recorded: dict[str, Any]) -> dict[str, Any]:
    """A run that an earlier version began goes on by the only strategy that there was."""
    return {"strategy": "paper"} if recorded.get("preset") and "strategy" not in recorded else {}


def varied_films(recorded: dict[str, Any]) -> dict[str, Any]:
    """A run's films go on to be varied as they were when it began; before there was a choice they were not."""
    return {**FILMS_OFF, **recorded.get(FILMS, {})} if recorded.get("preset") else {}


def refuse_unspeakable(folder: Path) -> None:
    """Databases are named by URLs, and URLs are UTF-8."""
    try:
        str(folder.resolve()).encode()
    except UnicodeEncodeError:
        raise StudyError(f"the name of the run's folder is not UTF-8: {folder}; use another --run-dir") from None


def record(run: Run) -> None:
    """Remember the run's settings, so that later commands need not repeat them. Passwords are not remembered.

    Called by a leader, once a command's settings are known to be acceptable, never for those that were refused. All other commands
    call `record_beside`.
    """
    settings: dict[str, Any] = {
        "preset": run.preset.name,
        "strategy": run.preset.strategy,
        FILMS: {name: getattr(run.preset.training, name) for name in FILMS_OFF},
        "overrides": run.overrides,
        "data": run.data,
    }
    if run.wanted:
        settings[WANTED] = run.wanted
    if run.deterministic:
        settings[DETERMINISTIC] = True
    if run.preset.begun_with:
        settings[BEGUN_WITH] = run.preset.begun_with.to_dict()
    change_settings(
        run, lambda before: settings | {EDITION_KEPT: edition_of(before)} | remembered(run.storage, run.folder)
    )
    write_in_full(run)


def record_beside(run: Run) -> str:
    """The same for a command that is no study: its settings are remembered until the run has trials, which go by those that it has.

    From then on they hold for that command alone, as nobody has asked whether they go with the trials. What is not remembered, as a
    sentence; empty where nothing is set otherwise.
    """
    from search.storage.status import has_trials  # most commands read no database

    if not read_settings(run.folder).get("preset") or not has_trials(run):
        record(run)
        return ""
    other = differing(run, open_run(run.folder, None, {}, None, None))
    return (
        f"{run.folder} has trials and keeps its settings; for this command alone: {', '.join(other)}" if other else ""
    )


def differing(run: Run, recorded: Run) -> list[str]:
    """epochs 20 (the run has 9), and whatever else differs from what is recorded."""
    now, then = (settings_in_full(one.preset) | beside_the_preset(one) for one in (run, recorded))
    return [f"{name} {shown(now[name])} (the run has {shown(then[name])})" for name in now if now[name] != then[name]]


def beside_the_preset(run: Run) -> dict[str, Any]:
    """How a run is remembered beside its preset; where its studies are without a password."""
    named = {"data": run.data, DETERMINISTIC: run.deterministic, "storage": own_url(run.folder)}
    return named | remembered(run.storage, run.folder)


def write_in_full(run: Run) -> None:
    """Every field with its value, for people and scripts, as `presets --json` names them; no command reads it."""
    path = run.folder / IN_FULL
    told = json.dumps({"preset": run.preset.name, "data": run.data} | settings_in_full(run.preset), indent=1) + "\n"
    with suppress(OSError):  # a run that can only be read
        if not path.exists() or path.read_text(encoding="utf-8") != told:
            write_text(path, told)


def settings_in_full(preset: Preset) -> dict[str, Any]:
    """Every field that can be set, by name, as JSON holds it."""
    values = flat(preset)
    found: dict[str, Any] = json.loads(json.dumps({name: values[name] for name in field_names()}))
    return found


def going_on_from(run: Run, network: Architecture) -> Run:
    """The run, whose other studies start from the network of the family that the baseline study decided for."""
    own = {name: getattr(network, name) for name in ("family", "beta", "blocks", "group_betas", "stem_pools")}
    return replace(run, preset=gone_on(run.preset, network), overrides=run.overrides | own)


def gone_on_from(run: Run, network: Architecture) -> Run:
    """The same, and it is remembered."""
    after = going_on_from(run, network)
    record(after)
    return after


def identify(run: Run) -> None:
    """See to it that the run has an id; settings that were recorded stay as they are."""
    if ID not in read_settings(run.folder):
        change_settings(run, lambda before: before)


def guarded(run: Run, store: "Store", reference: Architecture) -> dict[str, Any]:
    """The settings that every trial of a study must share, flat: a study that has trials refuses others."""
    from models.pretrained.file import checked  # brings what reads zip files

    return alike(run, reference) | {
        "weights": checked(run.preset.training, reference.family),
        "data": store.digest,
    }


def alike(run: Run, reference: Architecture) -> dict[str, Any]:
    """The same before a file is read: without the data, and weights as they are named."""
    named = {f"reference {name}": value for name, value in asdict(reference).items()}
    return {**asdict(run.preset.training), **named, "seed": run.preset.seed, DETERMINISTIC: run.deterministic}
