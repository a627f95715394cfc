"""Which trials of a study count: those that this program began and ended itself.

Optuna's dashboard, and anybody's script, can tell the end of a trial, add trials and change attributes. What was not ended
here is no result of a training: no decision, figure or proposal comes from it, and readers are told what was left out.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from data.shown import shown
from search.storage.stored import Means, number, text, whole, why_another, why_outside
from studies.study import Space

BEGUN = "network"  # the attribute of a trial that was found fit for its study, and begun
UNFIT = "unfit"  # exit reason of one that was not
ASKED = "boneage_search:asked"  # a system attribute of a trial for which this program has asked the sampler


@dataclass(frozen=True)
class LeftOut:
    number: int
    why: str  # a clause, whose subject is the trial

    @property
    def sentence(self) -> str:
        return f"trial {self.number} {self.why}"


def inside(value: Any) -> bool:
    """A folder in the run's trials."""
    return text(value) and not value.startswith("/") and ".." not in value.split("/")


def listed(value: Any) -> bool:
    """Numbers, as `attributes.listed` writes them, or an earlier version."""
    try:
        return all(math.isfinite(float(part)) for part in value.replace(",", " ").split())
    except (AttributeError, ValueError):
        return False


# Of what kind the attributes are that are read again.
KINDS: Mapping[str, Callable[[Any], bool]] = {
    "network": text,
    "best_epoch": whole,
    "train_mae": number,
    "final_train_mae": number,
    "train_mae_by_epoch": listed,
    "seconds": number,
    "workers": whole,
    "energy_joules": number,
    "images_per_second": number,
    "peak_memory_mb": number,
    "conditions": text,
    "folder": inside,
    "exit_reason": text,
    "exit_detail": text,
    "copied_from": text,
    "pruned_after_epoch": whole,
    "compared_with": whole,
    "seed": whole,
    "params": whole,
    "macs": number,
    "gmacs": number,
}


def sound(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are of their kind, and those that nobody reads again."""
    return {name: value for name, value in attrs.items() if name not in KINDS or KINDS[name](value)}


def why_damaged(attrs: Mapping[str, Any]) -> str:
    """A clause, whose subject is the trial with these attributes; empty where all are of their kind."""
    damaged = next((name for name in KINDS if name in attrs and not KINDS[name](attrs[name])), "")
    return f"has a damaged attribute, {damaged}: {shown(attrs[damaged])}" if damaged else ""


def is_anothers(trial: FrozenTrial) -> bool:
    """Whether a running trial was begun by somebody else, as by `Study.ask`: ours were enqueued with a point, or say that we have asked."""
    return (
        BEGUN not in trial.user_attrs and "fixed_params" not in trial.system_attrs and ASKED not in trial.system_attrs
    )


def params_of(trial: FrozenTrial) -> dict[str, Any]:
    """What it runs with, and before it runs what it was enqueued with: its point, and its seed where its study has several."""
    fixed = trial.system_attrs.get("fixed_params")
    return {**(fixed if isinstance(fixed, dict) else {}), **trial.params}


def why_left_out(trial: FrozenTrial, space: Space, means: Means | None = None) -> str:
    """Empty for a trial that counts in the study with this space, whose points mean these networks now; an empty space is not looked at."""
    attrs = trial.user_attrs
    if damaged := why_damaged(attrs):
        return damaged
    if attrs.get("exit_reason") == UNFIT:
        return f"was not trained: it {attrs.get('exit_detail', 'does not belong to the study')}"
    if BEGUN not in attrs:
        return "was not begun by this search" if trial.state.is_finished() else "has not begun yet"
    ended = ENDS.get(trial.state)  # one that runs is described anew by its next leader
    outside = why_outside(params_of(trial), space) if space else ""
    return (
        outside
        or (ended(trial) if ended else "")
        or (why_another(attrs, params_of(trial), means) if ended and means else "")
    )


def complete(trial: FrozenTrial) -> str:
    maes = trial.intermediate_values.values()
    if trial.user_attrs.get("exit_reason") != "completed":
        return "was set to complete by somebody else"
    value = trial.values[0] if trial.values else math.nan
    if not maes or not math.isfinite(value) or value != min(maes):
        return f"has the value {value:g}, which is not the MAE of its best epoch: somebody else has set it"
    return ""


def pruned(trial: FrozenTrial) -> str:
    return "" if trial.user_attrs.get("exit_reason") == "pruned" else "was set to pruned by somebody else"


def failed(trial: FrozenTrial) -> str:
    ours = trial.user_attrs.get("exit_reason", "completed") not in ("completed", "pruned")
    return "" if ours else "was set to failed by somebody else"


ENDS = {TrialState.COMPLETE: complete, TrialState.PRUNED: pruned, TrialState.FAIL: failed}
