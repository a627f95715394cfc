"""Resolution: at how many pixels should the network see its images?

The network that depth decided for is trained at each side of `px_choices`, and at its own; a first layer shrinks the images
of the one store. The decision is the resolution with the lowest mean validation MAE over its seeds; of those within the margin
of it, the one with the fewest MACs. Its own side is trained anew like the others, with seeds that have selected nothing: depth has
picked the network for the luck of its trainings too, and they would keep it at its side (`statistics/fresh.py`).

It is beside the order of the studies: a run without `px_choices` has none, and goes on at the resolution that it was given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log2
from typing import Any

from data.written import gmacs, months
from models.architecture import Architecture
from studies import ablation, depth
from studies.findings import Compared, Findings
from studies.knowledge.dimensions import says
from studies.preset import Preset, StudyError
from studies.statistics.fresh import RESOLUTION, estimates, first_seed, of_seeds
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, Value, complete_at, points, row


@dataclass(frozen=True, kw_only=True)
class ResolutionFindings(Findings):
    CAPTION = "Each resolution, beside the network's before"

    best_px: int | None = None
    best_mae: float | None = None  # months, of the decided one
    params: int | None = None
    macs: int | None = None
    comparisons: tuple[Compared, ...] = field(default=(), metadata={"of": Compared})

    @property
    def compared(self) -> tuple[Compared, ...]:
        return self.comparisons


NAME = "resolution"
COMMAND = "resolution"
QUESTION = "at how many pixels should the network see its images"
RULE = (
    "The resolution with the lowest mean validation MAE; of those within {margin} of it, the one with the fewest MACs."
)
EXAMPLE = "boneage-search resolution --px-choices 100,150 --seeds 3"
NEEDS = depth.NAME
SEEDED = True
RESOLVES = False
COMPARES = False
FINDINGS = ResolutionFindings
PX = "input_px"  # in points, as people say it: the whole image's side too


def asked(preset: Preset) -> bool:
    return bool(preset.px_choices)


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return given.preset.max_params


@says
def features(architecture: Architecture) -> tuple[float, ...]:
    """What the surrogate sees of a resolution: doublings, as of a width, since both cost four times the MACs."""
    return (log2(architecture.input_px) if architecture.input_px else 0.0,)


def start(given: Given) -> Architecture:
    return given.decisions[depth.NAME].architecture


def choices(preset: Preset, base: Architecture) -> tuple[int, ...]:
    """The sides in pixels, rising; the base's own is among them, and the reference's, to which later studies may go back."""
    own = {network.seen_px(preset.preparation.image_px) for network in (base, preset.reference)}
    return tuple(sorted(own.union(preset.px_choices)))


def at_px(base: Architecture, px: int, image_px: int) -> Architecture:
    """The network at this side; where it sees the images as they are, that is left to them, as in networks without a choice."""
    if px == base.seen_px(image_px):
        return base
    return replace(base, input_px=0 if px == image_px else px)


def moved(base: Architecture, point: Mapping[str, Value], image_px: int) -> Architecture:
    """The network at the side that this point names, if it names one."""
    return at_px(base, int(point[PX]), image_px) if PX in point else base


def space(given: Given) -> Space:
    """Raises StudyError where no resolution was named."""
    if not given.preset.px_choices:
        raise StudyError("resolution needs the sides to compare: name them with --px-choices, for example 100,150")
    return {PX: choices(given.preset, start(given))}


def architecture(given: Given, point: Point) -> Architecture:
    return moved(start(given), point, given.preset.preparation.image_px)


def prunable(given: Given, point: Point) -> bool:
    return False  # a comparison needs both ends


def reference_px(given: Given) -> int:
    """What the others are compared with: the resolution so far."""
    return start(given).seen_px(given.preset.preparation.image_px)


def fitting(given: Given) -> list[Point]:
    cap = max_params(given)
    return [point for point in points(space(given)) if given.fits(architecture(given, point), cap)]


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    every, preset = fitting(given), given.preset
    most = preset.reference_seeds(preset.seeds, max(len(every) - 1, 1))
    own = reference_px(given)
    wanted = [most if point[PX] == own else preset.seeds for point in every]
    return Proposals(every, seeds=wanted, first_seed=first_seed(preset.seed, RESOLUTION, trials))


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    trials = of_seeds(trials, first_seed(given.preset.seed, RESOLUTION, trials))
    trained = {int(point[PX]): trial for point in fitting(given) if (trial := complete_at(trials, point))}
    if not trained:
        raise StudyError("no resolution could be trained; see the outcomes of the trials")
    best = min(trial.error for trial in trained.values())
    within = [px for px, trial in trained.items() if trial.error <= best + given.preset.margin_months]
    px = min(within, key=lambda px: (given.cost(architecture(given, {PX: px})).macs, px))
    decided, mae = architecture(given, {PX: px}), trained[px].error
    cost = given.cost(decided)
    lowest = (
        "" if mae == best else f"; of the sides within the margin of the lowest ({months(best)}) it has the fewest MACs"
    )
    findings = ResolutionFindings(
        best_px=px, best_mae=mae, params=cost.params, macs=cost.macs, comparisons=comparisons(given, trials)
    )
    return Decision(f"{px} px: {months(mae)} months with {gmacs(cost.macs)} GMACs{lowest}", decided, findings)


def comparisons(given: Given, trials: Sequence[Trial]) -> tuple[Compared, ...]:
    from studies.statistics.pairs import compared  # brings SciPy

    own = reference_px(given)
    sides = [int(point[PX]) for point in fitting(given)]
    reference = complete_at(trials, {PX: own})
    others = {
        f"{px} px instead of {own}": trial
        for px in sides
        if px != own and (trial := complete_at(trials, {PX: px})) is not None
    }
    if not others or reference is None:
        return ()
    rows = compared(given, others, reference, of=len(sides) - 1, known=given.found(ablation.AblationFindings).spread)
    as_depth = first_seed(given.preset.seed, RESOLUTION, trials) == given.preset.seed  # begun by an earlier version
    return estimates(rows, "the reference") if as_depth else rows


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    trials = of_seeds(trials, first_seed(given.preset.seed, RESOLUTION, trials))
    finished = sorted((trial for trial in trials if trial.finished), key=lambda trial: int(trial.point[PX]))
    return [
        row(given, trial, architecture(given, trial.point), **trial.point) | {"seeds": len(trial.by_seed)}
        for trial in finished
    ]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep:
    found = decision.findings if decision else None
    trials = of_seeds(trials, first_seed(given.preset.seed, RESOLUTION, trials))
    px = found.best_px if isinstance(found, ResolutionFindings) else None
    return Sweep(PX, trials, marked={} if px is None else {"decided": float(px)})
