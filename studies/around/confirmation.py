"""Confirmation: how good is the decided network with fresh seeds, which were not used to choose it?

Whatever a search picks, it picks for its luck as well, so the lowest MAE that it has seen is too good. After the last study the
decided network is trained again, with seeds that the search has never used; with a `confirm` above 1 so are the next best
networks of what the last two studies found. Nothing is chosen by these trainings, which keeps their mean unbiased: where
another network does better here, that is said and no more.

It is an Optuna study like the others, beside their order: no other study reads it, and `confirm` 0 leaves it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, stdev
from typing import Any

from data.counted import counted
from data.written import months, with_sd, yardstick
from models.architecture import Architecture
from studies import depth, refinement
from studies.findings import Findings, known, learned_nothing
from studies.preset import Preset, StudyError
from studies.statistics.fresh import fresh_seed, of_seeds
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, at, points, row

RANK = "rank"  # 1 is the decided network


@dataclass(frozen=True)
class Confirmed:
    """One network, trained with fresh seeds."""

    rank: int
    mae: float | None  # months, mean over the seeds that did not fail; None where all did
    sd: float | None  # months, between the seeds
    seeds: int  # that did not fail
    failed: int = 0  # seeds; an earlier version did not say

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Confirmed":
        return cls(**known(cls, values))


@dataclass(frozen=True, kw_only=True)
class ConfirmationFindings(Findings):
    CAPTION = "Networks trained with fresh seeds"

    found_mae: float | None = None  # months; what the search had seen of the decided network
    mae: float | None = None  # months, of the decided network with fresh seeds
    sd: float | None = None  # months, between those seeds; None of a single one
    seeds: int = 0  # that did not fail
    failed: int | None = None  # seeds; None where all could be trained
    low: float | None = None  # 95 % interval of the mean over seeds
    high: float | None = None
    constant_mae: float | None = None  # months, of always answering the training median
    learned_nothing: bool | None = None
    ranks: tuple[Confirmed, ...] = field(default=(), metadata={"of": Confirmed})


NAME = "confirmation"
COMMAND = refinement.COMMAND  # which ends with it
QUESTION = "how good is the decided network with fresh seeds"
RULE = "Nothing is decided here: the network is the one that refinement decided for."
EXAMPLE = "boneage-search refine --confirm-seeds 6"
NEEDS = refinement.NAME
SEEDED = True
RESOLVES = False
COMPARES = False
FINDINGS = ConfirmationFindings


def asked(preset: Preset) -> bool:
    return bool(preset.confirm)


def fresh(preset: Preset) -> Preset:
    """The same preset, with seeds that no study of the search uses, and without what counts the search's."""
    first = fresh_seed(preset.seed)
    return replace(preset, seed=first, seeds=preset.confirm_seeds, baseline_seeds=0, resolve=0)


def networks(given: Given) -> list[Architecture]:
    """The decided network, then the others that the last two studies had at their front, by MAE."""
    decided = given.decisions[refinement.NAME]
    seen = [
        (one.validation_mae, module.architecture(given, one.point))
        for module in (refinement, depth)
        for one in given.decisions[module.NAME].findings.front
    ]
    by_mae = [network for _, network in sorted(seen, key=lambda one: one[0])]
    return list(dict.fromkeys([decided.architecture, *by_mae]))


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return max(given.preset.max_params, refinement.max_params(given))


def space(given: Given) -> Space:
    return {RANK: tuple(range(1, len(networks(given)) + 1))}


def architecture(given: Given, point: Point) -> Architecture:
    return networks(given)[int(point[RANK]) - 1]


def prunable(given: Given, point: Point) -> bool:
    return False


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    return Proposals(list(points(space(given)))[: given.preset.confirm])


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    trials = of_seeds(trials, given.preset.seed)  # somebody may have enqueued others, which selected the network
    ranks = tuple(
        confirmed(rank, trial) for rank in range(1, len(networks(given)) + 1) if (trial := at(trials, {RANK: rank}))
    )
    winner = next((one for one in ranks if one.rank == 1), None)
    if winner is None or winner.mae is None:
        raise StudyError(
            f"the decided network could not be trained with {counted(given.preset.seeds, 'fresh seed')} (see the outcomes of the trials): a higher "
            "--confirm-seeds tries further ones, --confirm 0 leaves the confirmation out"
        )
    found = given.found(refinement.RefinementFindings).best_mae
    low, high = interval(winner)
    nothing = learned_nothing(winner.mae, given.constant_mae, max(given.preset.margin_months, high - winner.mae))
    findings = ConfirmationFindings(
        found_mae=found,
        mae=winner.mae,
        sd=winner.sd,
        seeds=winner.seeds,
        failed=winner.failed or None,
        low=low if winner.seeds > 1 else None,
        high=high if winner.seeds > 1 else None,
        constant_mae=given.constant_mae,
        learned_nothing=nothing or None,
        ranks=ranks,
    )
    return Decision(summary(findings), given.decisions[refinement.NAME].architecture, findings)


def confirmed(rank: int, trial: Trial) -> Confirmed:
    maes = [run.validation_mae for run in trial.by_seed if run.validation_mae is not None]
    failed = len(trial.by_seed) - len(maes)
    sd = stdev(maes) if len(maes) > 1 else None
    return Confirmed(rank, fmean(maes) if maes else None, sd, len(maes), failed)


def interval(one: Confirmed) -> tuple[float, float]:
    """Of the mean over seeds, by Student's t; the mean itself of a single seed."""
    assert one.mae is not None
    if one.sd is None:
        return one.mae, one.mae
    from studies.statistics.resampling import students  # brings SciPy, which takes a third of a second to import

    return students(one.mae, one.sd, one.seeds)


def summary(found: ConfirmationFindings) -> str:
    """the search found 11.70 (optimistic); with 3 fresh seeds 12.60 ± 0.40 months, ..."""
    before = "" if found.found_mae is None else f"the search found {months(found.found_mae)} (optimistic); "
    said = (
        f"{before}with {counted(found.seeds, 'fresh seed')} {with_sd(found.mae, found.sd)} months"
        f"{'' if found.sd is None else ' (mean ± SD)'}, always answering the median {yardstick(found.constant_mae)}"
    )
    if found.failed:
        said += f"; {found.failed} of {found.seeds + found.failed} fresh seeds failed, and those that are left may be the lucky ones"
    better = [one for one in found.ranks if one.rank > 1 and one.mae is not None and one.mae < (found.mae or 0.0)]
    if better:
        best = min(better, key=lambda one: one.mae or 0.0)
        said += f"; confirmed network {best.rank} has {months(best.mae)}, lower, but nothing is chosen by this figure"
    return said


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    return [
        row(given, trial, architecture(given, trial.point), **trial.point) | {"seeds": len(trial.by_seed)}
        for trial in sorted(of_seeds(trials, given.preset.seed), key=lambda trial: trial.number)
        if trial.finished
    ]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None
