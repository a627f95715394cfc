"""Ablation: which block groups does the network need?

The baseline, then each block group lowered one step at a time, down to 0 (a step is one repeat, or what the family
says of its long groups), everything else unchanged and every trial trained in full (nothing is pruned: a comparison
needs both ends). With MIN_SEEDS seeds or more each variant gets a verdict (`studies/statistics/verdicts.py`), and a
group is a key group where lowering it is found to matter. With fewer, or where no verdict says so, those are whose
estimate is above the margin and those that failed when lowered, else the dearest (`studies/statistics/keys.py`): an
estimate decides, and is called one. It is what the surrogate of all trainings expects (by the paper's strategy the change that was seen), and stands in the
sentence with its spread. By the paper's strategy depth repeats the key groups alone; by default it tries all groups.

The baseline has more seeds than a variant (`Preset.reference_seeds`), as it is part of every comparison. With
`resolve`, variants whose verdict is open get more seeds, by the racing rule of `studies/statistics/verdicts.py`.

With `drop_useless`, the next studies start without what costs nothing beyond the margin: each group that is not
repeated is lowered as far as that holds of it alone. Whether all of it can be missed at once shows in the width study,
where the freed parameters are spent, and which restores the reference if that was no gain.

`epochs_to_baseline` is the paper's convergence speed: the first epoch whose training MAE is at most that of the
baseline's last.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from data.counted import counted
from data.written import millions
from models.architecture import Architecture, family_named
from studies.caps import options, over, said
from studies.findings import Compared, Evidence, Findings
from studies.knowledge import belief
from studies.preset import MIN_SEEDS, StudyError
from studies.statistics.keys import Evident, keys_of, reason
from studies.statistics.pruning import warmup
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, at, points, row

if TYPE_CHECKING:
    from studies.statistics.verdicts import Spread


@dataclass(frozen=True, kw_only=True)
class AblationFindings(Findings):
    CAPTION = "Each group lowered, beside the baseline"

    key_groups: tuple[str, ...] = ()  # that depth repeats, where it does not try all
    key_by: Literal["verdict", "estimate"] | None = (
        None  # what calls them so; None: an older version, which did not say
    )
    estimates: Mapping[str, Evidence] | None = field(
        default=None, metadata={"of each": Evidence}
    )  # of the dearest step of each group
    seed_sd_months: float | None = None  # by which seeds of one network differ, as far as the study knows
    seed_sd_freedom: float | None = None
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

    @property
    def spread(self) -> "Spread | None":
        """Of seeds, as the next studies know it."""
        from studies.statistics.verdicts import Spread  # brings SciPy

        if self.seed_sd_months is None or self.seed_sd_freedom is None:
            return None
        return Spread(self.seed_sd_months, self.seed_sd_freedom)

    @classmethod
    def assumed(cls, network: Architecture, dearest_groups: tuple[str, ...]) -> Self:
        return cls(key_groups=dearest_groups)


NAME = "ablation"
COMMAND = "ablate"
QUESTION = "which block groups does the network need"
RULE = (
    "A group is a key group if a verdict says that lowering it matters. Without such a verdict none is called so: in their place stand the groups "
    "that cost more than {margin} by estimate, and those that could not be trained when lowered, which is no evidence that they are needed; "
    "without any of these the dearest group. By the paper's strategy, or with a second objective, depth repeats these groups alone; "
    "otherwise it tries all groups."
)
EXAMPLE = "boneage-search ablate --data ~/rsna --epochs 30"
NEEDS = ""
SEEDED = True
RESOLVES = True
COMPARES = True
FINDINGS = AblationFindings
BASELINE = "baseline"
ATTENTION = "se_ratio"  # is taken away like a block group, but is none that depth could repeat
FIRST_LOOK = MIN_SEEDS


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return given.preset.max_params


def space(given: Given) -> Space:
    reference = given.preset.reference
    family = family_named(reference.family)
    lowered = [
        f"{group}={lower}"
        for group, count in reference.blocks._asdict().items()
        for lower in family.lowered(group, count)
    ]
    without = [f"{ATTENTION}=0"] if reference.se_ratio else []
    return {"variant": (BASELINE, *lowered, *without)}


def groups_of(given: Given) -> tuple[str, ...]:
    """The block groups of the reference's family, in network order."""
    return family_named(given.preset.reference.family).groups


def architecture(given: Given, point: Point) -> Architecture:
    reference = given.preset.reference
    if point["variant"] == BASELINE:
        return reference
    return lowered_to(reference, [str(point["variant"])])


def lowered_to(reference: Architecture, variants: Sequence[str]) -> Architecture:
    counts = {name: int(count) for name, count in map(lowering, variants)}
    ratio = float(counts.pop(ATTENTION, reference.se_ratio))
    return replace(reference, blocks=reference.blocks._replace(**counts), se_ratio=ratio)


def lowering(variant: str) -> tuple[str, str]:
    group, _, count = variant.partition("=")
    return group, count


def prunable(given: Given, point: Point) -> bool:
    return False  # a comparison needs both ends


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    refuse_unfit(given, trials, max_params(given), "the reference, with which the ablation compares")
    return wanted(given, trials)


def refuse_unfit(given: Given, trials: Sequence[Trial], cap: int, baseline_is: str) -> None:
    """Before the others are trained for nothing. One that was trained under another cap is compared with all the same."""
    cost, tried = given.cost(given.preset.reference), any(trial.point["variant"] == BASELINE for trial in trials)
    if not tried and (unmet := over(given.caps(cap), cost)):
        has = " and ".join(f"{most.measure(cost):,}" for most in unmet)
        raise StudyError(
            f"{baseline_is}, does not fit {said(unmet)}: it has {has}; raise {options(unmet)}, or take a smaller reference by --beta or --blocks"
        )


def wanted(given: Given, trials: Sequence[Trial]) -> Proposals:
    every = list(points(space(given)))
    return Proposals(every, seeds=seeds_wanted(given, trials, [str(point["variant"]) for point in every]))


def seeds_wanted(given: Given, trials: Sequence[Trial], variants: Sequence[str]) -> list[int]:
    """The preset's number, and where verdicts are to be resolved, more for those that are open; more for the baseline anyway."""
    preset, others = given.preset, len(variants) - 1
    least = max(preset.seeds, FIRST_LOOK) if preset.resolve else preset.seeds
    counts = dict.fromkeys(variants, least) | {BASELINE: preset.reference_seeds(least, others)}
    reference, lowered = at(trials, {"variant": BASELINE}), lowered_trials(trials)
    if preset.resolve and reference is not None and reference.validation_mae is not None and len(lowered) == others:
        from studies.statistics.pairs import beside, raced  # brings SciPy

        compared = beside(given, lowered, reference)
        found = raced(given, compared)
        trained, alike = lowered | {BASELINE: reference}, {**compared.family, BASELINE: compared.reference}
        most = dict.fromkeys(lowered, preset.resolve) | {BASELINE: preset.reference_seeds(preset.resolve, others)}
        for name, seeds in (found.seeds | {BASELINE: found.reference}).items():
            # Seeds that were trained otherwise are compared with none: others take their places, as far as seeds go.
            instead = min(len(trained[name].by_seed) - len(alike[name].months), max(most[name] - seeds, 0))
            counts[name] = max(counts[name], seeds + instead)
    return [counts[name] for name in variants]


def lowered_trials(trials: Sequence[Trial]) -> dict[str, Trial]:
    """The finished variants by name."""
    named = {str(trial.point["variant"]): trial for trial in trials if trial.finished}
    return {name: trial for name, trial in named.items() if name != BASELINE}


def baseline(trials: Sequence[Trial]) -> Trial:
    trial = at(trials, {"variant": BASELINE})
    if trial is None or trial.validation_mae is None:
        reason = trial.exit_reason if trial else "not run"
        seeds = len(trial.by_seed) if trial else 0
        raise StudyError(
            f"the ablation's baseline has no result ({reason}); without it no block can be judged: --baseline-seeds above {seeds} "
            "tries further seeds"
        )
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
    return [lowest[group] for group in (*groups_of(given), ATTENTION) if group in lowest]


def costs_of(trials: Sequence[Trial]) -> dict[str, float]:
    """The most that lowering a group costs, in months."""
    reference = baseline(trials)
    costs: dict[str, float] = {}
    for name, trial in lowered_trials(trials).items():
        group, _ = lowering(name)
        costs[group] = max(change(trial, reference), costs.get(group, -math.inf))
    return costs


def estimates(given: Given, trials: Sequence[Trial], spread: "Spread | None") -> dict[str, Evidence]:
    """Of each group, what its dearest step costs: as the surrogate of all trainings expects it, or by the paper's strategy as it was seen."""
    found: dict[str, Evidence] = {}
    for name, one in (expected if belief.searches(given) else seen)(given, trials, spread).items():
        group, _ = lowering(name)
        if group not in found or found[group].effect_months < one.effect_months:
            found[group] = one
    return found


def seen(given: Given, trials: Sequence[Trial], spread: "Spread | None") -> dict[str, Evidence]:
    """Of each variant that could be trained, the change with the luck of seeds."""
    reference = baseline(trials)
    found = {}
    for name, trial in trained(trials).items():
        counts = [sum(run.validation_mae is not None for run in each.by_seed) for each in (trial, reference)]
        sd = None if spread is None else spread.sd_months * math.sqrt(sum(1 / count for count in counts))
        found[name] = Evidence(change(trial, reference), sd)
    return found


def expected(given: Given, trials: Sequence[Trial], spread: "Spread | None") -> dict[str, Evidence]:
    """The same by the surrogate: what other trainings say of a group and of the luck of seeds is in it, so that luck alone costs little."""
    module = sys.modules[__name__]
    variants = trained(trials)
    if not variants:
        return {}
    believed = belief.belief(belief.known(module, given, trials))
    networks = [architecture(given, trial.point) for trial in variants.values()]
    costs, sds = believed.surrogate.beside(belief.seen(networks), belief.seen([given.preset.reference])[0])
    return {name: Evidence(float(cost), float(sd)) for name, cost, sd in zip(variants, costs, sds, strict=True)}


def trained(trials: Sequence[Trial]) -> dict[str, Trial]:
    """The variants that have a result."""
    return {name: trial for name, trial in lowered_trials(trials).items() if math.isfinite(trial.error)}


def evident(given: Given, rows: Sequence[Compared], known: Mapping[str, Evidence]) -> Evident:
    """What the search has found of the block groups, whether it was decided now or is read again."""
    by_surrogate, jointly = belief.searches(given), belief.searches_jointly(given)
    return Evident(rows, known, given.preset.margin_months, by_surrogate, jointly)


def decide(given: Given, trials: Sequence[Trial], elsewhere: "Spread | None" = None) -> Decision:
    """`elsewhere` is the spread of seeds as other studies of the run have found it, where they come before."""
    from studies.statistics.pairs import beside, described, raced, spread  # brings SciPy

    reference, lowered, costs = baseline(trials), lowered_trials(trials), costs_of(trials)
    compared = beside(given, lowered, reference)
    verdicts = raced(given, compared, elsewhere).verdicts
    known = spread(compared, elsewhere)
    evidence = estimates(given, trials, known)
    rows = tuple(described(name, verdict, compared.left_out[name]) for name, verdict in verdicts.items())
    found = evident(given, rows, evidence)
    keys, by = keys_of(groups_of(given), found)
    without = dropped(given, trials, keys)
    chosen = lowered_to(given.preset.reference, without)
    summary = reason(keys, by, found)
    if without:
        freed = given.cost(given.preset.reference).params - given.cost(chosen).params
        summary += f"; the search goes on with {', '.join(without)}, which frees {millions(freed)} parameters"
    saved = epochs_saved(given, list(lowered.values())) if given.preset.resolve else 0
    if saved:
        most = max(len(trial.by_seed) for trial in lowered.values())
        summary += f"; saved {counted(saved, 'epoch')}, compared with {most} seeds for every variant"
    findings = AblationFindings(
        key_groups=keys,
        key_by=by,
        estimates=evidence,
        seed_sd_months=None if known is None else round(known.sd_months, 4),
        seed_sd_freedom=None if known is None else round(known.freedom, 2),
        baseline_mae=reference.validation_mae,
        cost_months={group: round(months, 3) for group, months in costs.items() if months != float("inf")},
        not_trainable_without=tuple(group for group, months in costs.items() if months == float("inf")),
        verdicts=rows,
        epochs_saved=saved,
        warmup_epochs=warmup([reference, *lowered.values()], given.preset.margin_months, given.preset.training.epochs),
        dropped=tuple(without),
    )
    return Decision(summary, chosen, findings)


def epochs_saved(given: Given, lowered: Sequence[Trial]) -> int:
    """By racing, against as many seeds for every variant as the one with most has."""
    counts = [len(trial.by_seed) for trial in lowered]
    return sum(max(counts) - count for count in counts) * given.preset.training.epochs if counts else 0


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    reference = at(trials, {"variant": BASELINE})
    rows = []
    for trial in sorted(filter(lambda trial: trial.finished, trials), key=lambda trial: trial.number):
        variant = str(trial.point["variant"])
        group, count = lowering(variant)
        known = reference is not None and reference.validation_mae is not None and trial.validation_mae is not None
        shared = row(given, trial, architecture(given, trial.point), group=group, count=int(count) if count else None)
        own = {
            "change": change(trial, reference) if known and reference else None,
            "epochs_to_baseline": epochs_to(trial, reference.train_mae[-1]) if known and reference else None,
            "seeds": len(trial.by_seed),
        }
        rows.append(shared | own)
    return rows


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None


def epochs_to(trial: Trial, train_mae: float) -> int | None:
    return next((epoch for epoch, mae in enumerate(trial.train_mae, 1) if mae <= train_mae), None)
