"""Ablation: which block groups does the network need?

The baseline, then each block group lowered one step at a time, down to 0, everything else unchanged and every trial
trained in full (nothing is pruned: a comparison needs both ends), with the same seeds as the baseline. Each variant gets
a verdict (`studies/statistics/verdicts.py`); a group is a key group where lowering it is found to matter, or costs more than the margin and
could not be tested. Where there is none, those that cost more than the margin unresolved are taken; else the costliest.
With `resolve`, variants whose verdict is open get more seeds, by the racing rule of `studies/statistics/verdicts.py`.
With `drop_useless`, the next studies start without what costs nothing beyond the margin: each group that is no key group is
lowered as far as that holds of it alone. Whether all of it can be missed at once shows in the width study, where the freed
parameters are spent, and which restores the reference if that was no gain.
`epochs_to_baseline` is the paper's convergence speed: the first epoch whose training MAE is at most that of the
baseline's last.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from models.architecture import GROUPS, Architecture
from studies.findings import Compared, Findings
from studies.preset import StudyError
from studies.pruning import warmup
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, at, in_months, points, row

if TYPE_CHECKING:
    from studies.statistics.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class AblationFindings(Findings):
    CAPTION = "Each group lowered, beside the baseline"

    key_groups: tuple[str, ...] = ()
    baseline_mae: float | None = None  # months
    cost_months: Mapping[str, float] = field(default_factory=dict)  # the most that lowering a group costs
    not_trainable_without: tuple[str, ...] = ()
    verdicts: tuple[Compared, ...] = field(default=(), metadata={"of": Compared})
    epochs_saved: int = 0  # by racing, against as many seeds for every variant
    warmup_epochs: int = 0  # before anything is pruned; 0: not measured, and nothing is
    dropped: tuple[str, ...] = ()  # variants that the next studies go on from together

    @property
    def compared(self) -> tuple[Compared, ...]:
        return self.verdicts

    @classmethod
    def assumed(cls, network: Architecture, dearest_groups: tuple[str, ...]) -> Self:
        return cls(key_groups=dearest_groups)


NAME = "ablation"
COMMAND = "ablate"
QUESTION = "which block groups does the network need"
RULE = (
    "A group is a key group where lowering it is found to matter, or costs more than {margin} and could not be tested. If "
    "there is none, the groups above the margin but unresolved are; failing those, the costliest."
)
EXAMPLE = "boneage-search ablate --data ~/rsna --epochs 30"
NEEDS = ""
SEEDED = True
RESOLVES = True
FINDINGS = AblationFindings
BASELINE = "baseline"
FIRST_LOOK = 6  # seeds; with fewer no verdict speaks of the architectures


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


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
    return lowered_to(reference, [str(point["variant"])])


def lowered_to(reference: Architecture, variants: Sequence[str]) -> Architecture:
    counts = {group: int(count) for group, count in map(lowering, variants)}
    return replace(reference, blocks=reference.blocks._replace(**counts))


def lowering(variant: str) -> tuple[str, str]:
    group, _, count = variant.partition("=")
    return group, count


def prunable(given: Given, point: Point) -> bool:
    return False  # a comparison needs both ends


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    every = list(points(space(given)))
    return Proposals(every, seeds=seeds_wanted(given, trials, [str(point["variant"]) for point in every]))


def seeds_wanted(given: Given, trials: Sequence[Trial], variants: Sequence[str]) -> list[int]:
    """The preset's number, and where verdicts are to be resolved, more for those that are open and for the baseline."""
    if not given.preset.resolve:
        return [given.preset.seeds] * len(variants)
    least = max(given.preset.seeds, FIRST_LOOK)
    reference, lowered = at(trials, {"variant": BASELINE}), lowered_trials(trials)
    if reference is None or reference.validation_mae is None or len(lowered) < len(variants) - 1:
        return [least] * len(variants)
    from studies.statistics.pairs import raced  # brings SciPy

    wanted = {name: max(seeds, least) for name, (_, seeds) in raced(given, lowered, reference).items()}
    return [wanted.get(name, max(wanted.values())) for name in variants]


def lowered_trials(trials: Sequence[Trial]) -> dict[str, Trial]:
    """The finished variants by name."""
    named = {str(trial.point["variant"]): trial for trial in trials if trial.finished}
    return {name: trial for name, trial in named.items() if name != BASELINE}


def baseline(trials: Sequence[Trial]) -> Trial:
    trial = at(trials, {"variant": BASELINE})
    if trial is None or trial.validation_mae is None:
        reason = trial.exit_reason if trial else "not run"
        raise StudyError(f"the ablation's baseline has no result ({reason}); without it no block can be judged")
    return trial


def change(trial: Trial, reference: Trial) -> float:
    """Months of validation MAE that the variant costs; infinite where it could not be trained."""
    return trial.error - reference.error


def dropped(given: Given, trials: Sequence[Trial], keys: Sequence[str]) -> list[str]:
    """The variants that the next studies go on from together: of each group the lowest count that costs nothing beyond the margin."""
    if not given.preset.drop_useless:
        return []
    reference = baseline(trials)
    lowest: dict[str, str] = {}
    for name, trial in lowered_trials(trials).items():  # of a group, one count after the other downwards
        group, _ = lowering(name)
        if group not in keys and change(trial, reference) <= given.preset.margin_months:
            lowest[group] = name
    return [lowest[group] for group in GROUPS if group in lowest]


def costs_of(trials: Sequence[Trial]) -> dict[str, float]:
    """The most that lowering a group costs, in months."""
    reference = baseline(trials)
    costs: dict[str, float] = {}
    for name, trial in lowered_trials(trials).items():
        group, _ = lowering(name)
        costs[group] = max(change(trial, reference), costs.get(group, -math.inf))
    return costs


def key_groups(given: Given, trials: Sequence[Trial]) -> tuple[list[str], str]:
    """The groups to repeat, and why, as a sentence."""
    from studies.statistics.pairs import raced  # brings SciPy

    costs, margin = costs_of(trials), given.preset.margin_months
    verdicts = {name: verdict for name, (verdict, _) in raced(given, lowered_trials(trials), baseline(trials)).items()}

    def groups(*found: str) -> list[str]:
        those = {lowering(name)[0] for name, verdict in verdicts.items() if verdict.verdict in found}
        return [group for group in GROUPS if group in those]

    def costly(verdict: str) -> list[str]:
        return [group for group in groups(verdict) if costs[group] > margin]

    sure, untested, unresolved = groups("matters", "not trainable"), costly("not tested"), costly("not resolved")
    if sure or untested:
        keys = [group for group in GROUPS if group in {*sure, *untested}]
        why = (
            "lowering one makes it worse, " + scope(verdicts)
            if sure
            else f"costs more than {in_months(margin)}, untested"
        )
        return keys, f"key groups: {', '.join(keys)} ({why})"
    if unresolved:
        why = f"cost more than {in_months(margin)}, which these seeds do not resolve"
        return unresolved, f"key groups: {', '.join(unresolved)} ({why})"
    costliest = max(costs, key=lambda group: costs[group])
    return [
        costliest
    ], f"no group costs more than {in_months(margin)}; {costliest} costs most and is taken as the key group"


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    from studies.statistics.pairs import described, paired, raced  # brings SciPy

    reference, lowered, costs = baseline(trials), lowered_trials(trials), costs_of(trials)
    verdicts = {name: verdict for name, (verdict, _) in raced(given, lowered, reference).items()}
    keys, summary = key_groups(given, trials)
    without = dropped(given, trials, keys)
    chosen = lowered_to(given.preset.reference, without)
    if without:
        freed = given.cost(given.preset.reference).params - given.cost(chosen).params
        summary += f"; goes on with {', '.join(without)}, which frees {freed / 1e6:.2f}M parameters"
    runs = sum(len(trial.by_seed) for trial in [reference, *lowered.values()])
    longest = max(len(trial.by_seed) for trial in [reference, *lowered.values()])
    saved = (longest * (len(lowered) + 1) - runs) * given.preset.training.epochs
    if saved:
        summary += f"; {saved:,} epochs saved against {longest} seeds for every variant"
    findings = AblationFindings(
        key_groups=tuple(keys),
        baseline_mae=reference.validation_mae,
        cost_months={group: round(months, 3) for group, months in costs.items() if months != float("inf")},
        not_trainable_without=tuple(group for group, months in costs.items() if months == float("inf")),
        verdicts=tuple(
            described(name, verdicts[name], paired(given, trial, reference).left_out) for name, trial in lowered.items()
        ),
        epochs_saved=saved,
        warmup_epochs=warmup([reference, *lowered.values()], given.preset.margin_months, given.preset.training.epochs),
        dropped=tuple(without),
    )
    return Decision(summary, chosen, findings)


def scope(verdicts: Mapping[str, "Verdict"]) -> str:
    seeds = sorted({verdict.seeds for verdict in verdicts.values()})
    counted = f"{seeds[0]} to {seeds[-1]} seeds" if len(seeds) > 1 else f"{seeds[0]} seed{'s' * (seeds[0] != 1)}"
    scopes = {verdict.scope for verdict in verdicts.values()}
    return counted + ("; speaks of these trained models only" if scopes != {"architectures"} else "")


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    reference = at(trials, {"variant": BASELINE})
    rows = []
    for trial in sorted(filter(lambda trial: trial.finished, trials), key=lambda trial: trial.number):
        variant = str(trial.point["variant"])
        group, count = lowering(variant)
        known = reference is not None and reference.validation_mae is not None and trial.validation_mae is not None
        shared = row(given, trial, architecture(given, trial.point), group=group, count=int(count) if count else None)
        own = {
            "change": round(change(trial, reference), 2) if known and reference else None,
            "epochs_to_baseline": epochs_to(trial, reference.train_mae[-1]) if known and reference else None,
            "seeds": len(trial.by_seed),
        }
        rows.append(shared | own)
    return rows


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None


def epochs_to(trial: Trial, train_mae: float) -> int | None:
    return next((epoch for epoch, mae in enumerate(trial.train_mae, 1) if mae <= train_mae), None)
