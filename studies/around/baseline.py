"""Baseline: from which family of networks should the search start?

Each family is trained as wide as the run's reference says (its own size), and again at the width at which it has as many
parameters as the reference, so that no family wins by being larger. All are compared with the reference, each with a verdict.
The decision is the family with the lowest mean validation MAE at the same size; of those within the margin of it, the one with
the fewest MACs. The other studies go on from that network. It is picked by seeds that they do not use, so that it is not compared
with what they try by its own lucky trainings.

It is beside the order of the studies: a run that names its family needs none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from data.written import gmacs, millions, months
from models.architecture import BETA, Architecture, ArchitectureError, TooNarrowError, changed
from models.cost import cost
from models.families import FAMILIES
from studies.findings import Compared, Findings
from studies.preset import Preset, StudyError
from studies.statistics.fresh import BEFORE_ALL, first_seed, of_seeds
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, at, complete_at, points, row


@dataclass(frozen=True, kw_only=True)
class BaselineFindings(Findings):
    CAPTION = "Each family, beside the run's reference"

    family: str | None = None
    params: int | None = None  # that all have at the same size, at most
    best_mae: float | None = None  # months
    comparisons: tuple[Compared, ...] = field(default=(), metadata={"of": Compared})

    @property
    def compared(self) -> tuple[Compared, ...]:
        return self.comparisons


NAME = "baseline"
COMMAND = "baseline"
QUESTION = "from which family of networks should the search start"
RULE = (
    "The family with the lowest mean validation MAE where all have as many parameters as the reference; of those within {margin} "
    "of it, the one with the fewest MACs."
)
EXAMPLE = "boneage-search baseline --families inception_v3,xception,densenet121 --seeds 3"
NEEDS = ""
SEEDED = True
RESOLVES = False
COMPARES = False
FINDINGS = BaselineFindings
SAME_SIZE = " same size"
STEP = 10_000  # of β: points are stored with four decimals


def asked(preset: Preset) -> bool:
    """Where families were named to compare, until that is decided."""
    return bool(preset.families) and preset.begun_with is None


def of_preset(preset: Preset) -> Preset:
    """As it was before this study decided: its own networks do not move with its decision."""
    return replace(preset, reference=preset.begun_with or preset.reference)


def gone_on(preset: Preset, network: Architecture) -> Preset:
    """As the other studies are given it, once this one has decided for that network."""
    depth_start = preset.depth_start if network.family == preset.reference.family else ()
    begun_with = preset.begun_with or preset.reference
    return replace(preset, reference=network, begun_with=begun_with, depth_start=depth_start)


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return given.preset.max_params


def space(given: Given) -> Space:
    """Each family at its own size and at the same size; once where these are one network."""
    families = given.preset.families or tuple(FAMILIES)
    if given.preset.training.weights and set(families) != {given.preset.reference.family}:
        raise StudyError("a file of --weights fits one family, and baseline compares several: leave --weights out")
    first: dict[Architecture, str] = {}
    for name in (name for family in families for name in (family, family + SAME_SIZE)):
        first.setdefault(network(given, name), name)
    return {"variant": tuple(first.values())}


def architecture(given: Given, point: Point) -> Architecture:
    return network(given, str(point["variant"]))


def network(given: Given, variant: str) -> Architecture:
    """Raises StudyError where the family cannot have it, or the width study could not go on from it."""
    family, preset = variant.removesuffix(SAME_SIZE), given.preset
    try:
        own = changed(preset.reference, {"family": family})
        if variant == family or family == preset.reference.family:
            found = own
        else:
            found = matched(own, same_params(given), preset.preparation.image_px)
        replace(preset, reference=found, depth_start=())
    except (ArchitectureError, StudyError) as error:
        raise StudyError(f"{family}: {error}; leave it out with --families") from None
    return found


def same_params(given: Given) -> int:
    """As many as the reference has, or as the cap allows."""
    return min(given.cost(given.preset.reference).params, max_params(given))


@lru_cache(maxsize=64)
def matched(own: Architecture, params: int, image_px: int) -> Architecture:
    """At the largest width with no more parameters than these; they rise with the width. Raises ArchitectureError where it has none."""

    def fits(place: int) -> bool:
        try:
            return cost(replace(own, beta=place / STEP), image_px).params <= params
        except TooNarrowError:
            return True

    low, high = math.ceil(BETA.low * STEP), int(BETA.high * STEP)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    found = replace(own, beta=low / STEP)
    if (least := cost(found, image_px).params) > params:
        raise ArchitectureError(f"at β {found.beta:g} it still has {least:,} parameters, more than {params:,}")
    return found


def prunable(given: Given, point: Point) -> bool:
    return False  # a comparison needs both ends


def reference_variant(given: Given) -> str:
    """What the others are compared with: the run's own family, or the first where that is not among them."""
    variants = [str(variant) for variant in space(given)["variant"]]
    own = given.preset.reference
    return next((variant for variant in variants if network(given, variant) == own), variants[0])


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    every, preset = list(points(space(given))), given.preset
    most = preset.reference_seeds(preset.seeds, len(every) - 1)
    start = reference_variant(given)
    wanted = [most if point["variant"] == start else preset.seeds for point in every]
    return Proposals(every, seeds=wanted, first_seed=first_seed(preset.seed, BEFORE_ALL, trials))


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    trials = of_seeds(trials, first_seed(given.preset.seed, BEFORE_ALL, trials))
    names = [str(variant) for variant in space(given)["variant"]]
    alike = {name: trial for name in names if is_alike(given, name) and (trial := at(trials, {"variant": name}))}
    trained = {name: trial for name, trial in alike.items() if trial.state == "complete"}
    if not trained:
        raise StudyError("no family could be trained; see the outcomes of the trials")
    best = min(trial.error for trial in trained.values())
    within = [name for name, trial in trained.items() if trial.error <= best + given.preset.margin_months]
    name = min(within, key=lambda name: (given.cost(network(given, name)).macs, name))
    decided, mae = network(given, name), trained[name].error
    cost_of_it = given.cost(decided)
    findings = BaselineFindings(
        family=decided.family,
        params=same_params(given),
        best_mae=mae,
        comparisons=comparisons(given, trials),
    )
    lowest = (
        ""
        if mae == best
        else f"; of the families within the margin of the lowest ({months(best)}) it has the fewest MACs"
    )
    summary = (
        f"{decided.family}, {decided.width}: {months(mae)} months with {millions(cost_of_it.params)} parameters, "
        f"{gmacs(cost_of_it.macs)} GMACs{lowest}"
    )
    return Decision(summary, decided, findings)


def may_decide(given: Given, point: Point) -> bool:
    return is_alike(given, str(point["variant"]))


def is_alike(given: Given, variant: str) -> bool:
    """Whether it is as large as the reference; a family whose own size that is has one variant in both roles."""
    return network(given, variant) == network(given, variant.removesuffix(SAME_SIZE) + SAME_SIZE)


def comparisons(given: Given, trials: Sequence[Trial]) -> tuple[Compared, ...]:
    from studies.statistics.pairs import compared  # brings SciPy

    start = reference_variant(given)
    reference = complete_at(trials, {"variant": start})
    names = [str(variant) for variant in space(given)["variant"] if variant != start]
    others = {
        f"{name} instead of {start}": trial for name in names if (trial := complete_at(trials, {"variant": name}))
    }
    if not others or reference is None:
        return ()
    return compared(given, others, reference, of=len(names))


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    trials = of_seeds(trials, first_seed(given.preset.seed, BEFORE_ALL, trials))
    finished = sorted((trial for trial in trials if trial.finished), key=lambda trial: trial.number)
    return [
        row(given, trial, found, variant=trial.point["variant"], beta=found.beta) | {"seeds": len(trial.by_seed)}
        for trial in finished
        for found in [architecture(given, trial.point)]
    ]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None
