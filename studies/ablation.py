"""Ablation: which block groups does the network need?

The baseline, then each block group lowered one step at a time, down to 0, everything else unchanged and every trial
trained in full (nothing is pruned: a comparison needs both ends). A group is a key group where lowering it costs more
than the margin. `epochs_to_baseline` is the paper's convergence speed: the first epoch whose training MAE is at most
that of the baseline's last.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from models.architecture import GROUPS, Architecture
from studies.preset import StudyError
from studies.study import Decision, Given, Point, Proposals, Space, Trial, at, points, row

NEEDS = ""
BASELINE = "baseline"


def max_params(given: Given) -> int:
    return given.preset.max_params


def space(given: Given) -> Space:
    counts = given.preset.reference.blocks._asdict()
    lowered = [f"{group}={count}" for group in GROUPS for count in range(counts[group] - 1, -1, -1)]
    return {"variant": (BASELINE, *lowered)}


def architecture(given: Given, point: Point) -> Architecture:
    reference = given.preset.reference
    if point["variant"] == BASELINE:
        return reference
    group, _, count = str(point["variant"]).partition("=")
    return replace(reference, blocks=reference.blocks._replace(**{group: int(count)}))


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    return Proposals(list(points(space(given))))


def baseline(trials: Sequence[Trial]) -> Trial:
    trial = at(trials, {"variant": BASELINE})
    if trial is None or trial.validation_mae is None:
        reason = trial.exit_reason if trial else "not run"
        raise StudyError(f"the ablation's baseline has no result ({reason}); without it no block can be judged")
    return trial


def change(trial: Trial, reference: Trial) -> float:
    """Months of validation MAE that the variant costs; infinite where it could not be trained."""
    return trial.error - reference.error


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    reference = baseline(trials)
    costs = {}
    for group in GROUPS:
        variants = [trial for trial in trials if trial.finished and str(trial.point["variant"]).startswith(f"{group}=")]
        if variants:
            costs[group] = max(change(trial, reference) for trial in variants)
    margin = given.preset.margin_months
    keys = [group for group in GROUPS if costs.get(group, 0) > margin]
    if keys:
        summary = f"key groups: {', '.join(keys)} (lowering one costs more than {margin:g} months)"
    else:
        keys = [max(costs, key=lambda group: costs[group])]
        summary = f"no group costs more than {margin:g} months; {keys[0]} costs most and is taken as the key group"
    findings = {
        "key_groups": keys,
        "baseline_mae": reference.validation_mae,
        "cost_months": {group: round(months, 3) for group, months in costs.items() if months != float("inf")},
        "not_trainable_without": [group for group, months in costs.items() if months == float("inf")],
    }
    return Decision(summary, given.preset.reference, findings)


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    reference = at(trials, {"variant": BASELINE})
    rows = []
    for trial in sorted(filter(lambda trial: trial.finished, trials), key=lambda trial: trial.number):
        group, _, count = str(trial.point["variant"]).partition("=")
        known = reference is not None and reference.validation_mae is not None and trial.validation_mae is not None
        shared = row(given, trial, architecture(given, trial.point), group=group, count=int(count) if count else None)
        own = {
            "change": round(change(trial, reference), 2) if known and reference else None,
            "epochs_to_baseline": epochs_to(trial, reference.train_mae[-1]) if known and reference else None,
        }
        rows.append(shared | own)
    return rows


def epochs_to(trial: Trial, train_mae: float) -> int | None:
    return next((epoch for epoch, mae in enumerate(trial.train_mae, 1) if mae <= train_mae), None)
