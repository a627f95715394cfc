"""Which trials of a study count: those that this program began and ended itself.

Optuna's dashboard, and anybody's script, can tell the end of a trial, add trials and change attributes. What was not ended
here is no result of a training: no decision, figure or proposal comes from it, and readers are told what was left out.
Needs no Optuna, as `status` asks it, too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from data.shown import shown
from search.storage.checked.kinds import MAE, TRIAL_KINDS, error_of_an_epoch, whole
from search.storage.checked.trained import Means
from search.storage.stored import same, why_another, why_outside
from studies.study import SEED, Space

BEGUN = "network"  # the attribute of a trial that was found fit for its study, and begun
UNFIT = "unfit"  # exit reason of one that was not
ASKED = "boneage_search:asked"  # a system attribute of a trial for which this program has asked the sampler


class Stored(Protocol):
    """A trial, as Optuna or `checked/rows.py` has read it."""

    @property
    def number(self) -> int: ...

    @property
    def state(self) -> Any: ...

    @property
    def values(self) -> list[float] | None: ...

    @property
    def params(self) -> dict[str, Any]: ...

    @property
    def user_attrs(self) -> dict[str, Any]: ...

    @property
    def system_attrs(self) -> dict[str, Any]: ...

    @property
    def intermediate_values(self) -> dict[int, float]: ...

    @property
    def datetime_start(self) -> datetime | None: ...

    @property
    def datetime_complete(self) -> datetime | None: ...


@dataclass(frozen=True)
class LeftOut:
    number: int
    why: str  # a clause, whose subject is the trial

    @property
    def sentence(self) -> str:
        return f"trial {self.number} {self.why}"


def sound(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are of their kind, and those that nobody reads again."""
    return {name: value for name, value in attrs.items() if name not in TRIAL_KINDS or TRIAL_KINDS[name](value)}


def why_damaged(attrs: Mapping[str, Any]) -> str:
    """A clause, whose subject is the trial with these attributes; empty where all are of their kind."""
    damaged = next((name for name in TRIAL_KINDS if name in attrs and not TRIAL_KINDS[name](attrs[name])), "")
    return f"has a damaged attribute, {damaged}: {shown(attrs[damaged])}" if damaged else ""


def why_impossible(trial: Stored) -> str:
    """The same of its epochs, its seed and its times, each by what else is stored of it."""
    for epoch, error in trial.intermediate_values.items():
        if not whole(epoch) or not error_of_an_epoch(error):
            return f"has a damaged error of epoch {shown(epoch)}: {shown(error)}"
    fixed, params = fixed_params_of(trial), trial.params
    for name in fixed:
        if name in params and not same(params[name], fixed[name]):
            return f"was asked for with {name} {shown(fixed[name])}, and has {name} {shown(params[name])}"
    seed = params_of(trial).get(SEED)
    if seed is not None and "seed" in trial.user_attrs and not same(trial.user_attrs["seed"], seed):
        return f"has the seed {shown(seed)}, and is said to be trained with {trial.user_attrs['seed']}"
    times = [trial.datetime_start, *([trial.datetime_complete] if trial.state.is_finished() else [])]
    if trial.state.name != "WAITING" and None in times:
        return "has no time at which it began or ended"
    return ""


def is_anothers(trial: Stored) -> bool:
    """Whether a running trial was begun by somebody else, as by `Study.ask`: ours were enqueued with a point, or say that we have asked."""
    return (
        BEGUN not in trial.user_attrs and "fixed_params" not in trial.system_attrs and ASKED not in trial.system_attrs
    )


def fixed_params_of(trial: Stored) -> dict[str, Any]:
    fixed = trial.system_attrs.get("fixed_params")
    return fixed if isinstance(fixed, dict) else {}


def params_of(trial: Stored) -> dict[str, Any]:
    """What it runs with, and before it runs what it was enqueued with: its point, and its seed where its study has several."""
    return {**fixed_params_of(trial), **trial.params}


def why_left_out(trial: Stored, space: Space, means: Means | None = None) -> str:
    """Empty for a trial that counts in the study of this space, whose points mean these networks now; an empty one allows any point."""
    attrs = trial.user_attrs
    if damaged := why_damaged(attrs):
        return damaged
    if attrs.get("exit_reason") == UNFIT:
        return f"was not trained: it {attrs.get('exit_detail', 'does not belong to the study')}"
    if BEGUN not in attrs:
        return "was not begun by this search" if trial.state.is_finished() else "has not begun yet"
    if outside := why_outside(params_of(trial), space) if space else "":
        return outside
    if impossible := why_impossible(trial):
        return impossible
    ended = ENDS.get(trial.state.name)  # one that runs is described anew by its next leader
    if why := ended(trial) if ended else "":
        return why
    if ended is None or means is None:
        return ""
    params = params_of(trial)
    return why_another(attrs, params, means)


def complete(trial: Stored) -> str:
    maes = trial.intermediate_values
    if trial.user_attrs.get("exit_reason") != "completed":
        return "was set to complete by somebody else"
    value = trial.values[0] if trial.values else math.nan
    if value not in MAE:
        return f"has the value {shown(value)}, which is no MAE: somebody else has set it"
    if not maes or value != min(maes.values()):
        return f"has the value {value:g}, which is not the MAE of its best epoch: somebody else has set it"
    best = trial.user_attrs.get("best_epoch")
    if best is not None and maes.get(best) != value:
        return f"has the best epoch {best}, whose MAE is not its value: somebody else has set it"
    return ""


def pruned(trial: Stored) -> str:
    return "" if trial.user_attrs.get("exit_reason") == "pruned" else "was set to pruned by somebody else"


def failed(trial: Stored) -> str:
    if trial.values:
        return f"has failed and has the value {shown(trial.values[0])}: somebody else has set it"
    ours = trial.user_attrs.get("exit_reason", "completed") not in ("completed", "pruned")
    return "" if ours else "was set to failed by somebody else"


ENDS = {"COMPLETE": complete, "PRUNED": pruned, "FAIL": failed}
