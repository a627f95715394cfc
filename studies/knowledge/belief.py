"""What a run knows of its networks after all of its trainings, and what follows: the next training, and the decision.

One surrogate for width, depth and refinement (`surrogate.py`), fitted to the trainings of all studies so far. It sees a network
as the numbers that the studies say (`dimensions.py`): none is known by name here. What is trained next is what one more
training is expected to gain most by (`acquisition.py`). Only this leans on the slopes that the studies say. The decision is by the
trainings alone: for the trained network with the lowest expected validation MAE, and not for the luckiest training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING, Any

from models.architecture import Architecture
from studies.caps import said
from studies.findings import Choice, Point
from studies.knowledge import dimensions
from studies.preset import StudyError
from studies.study import ALONE, Given, Proposals, Space, Study, Training, Trial, mostly_failed, seeds_of

if TYPE_CHECKING:  # they bring NumPy, which commands that only look at a run do without
    from studies.knowledge.surrogate import Array, Surrogate

SURROGATE = "surrogate"  # the strategy; the other is the paper's
MOST_POINTS = 3_000  # of a study's space: all of them are counted and compared
UNSEEN_MONTHS = 0.5  # what extrapolating a curve that ended early adds to its uncertainty
FAILED_MONTHS = 2.0  # how uncertain it is what a training that failed says
AGAIN = 3  # seeds of one network beyond those that all have, at most
# Discounts a month (`acquisition.py`): of the first search, for a good network to learn from, and of later ones.
EAGER, PATIENT = 4.0, 0.5


def searches(given: Given) -> bool:
    """Whether the surrogate proposes and decides. What two objectives trade off, depth and refinement search as the paper does."""
    return given.preset.strategy == SURROGATE


def searches_jointly(given: Given) -> bool:
    """Whether depth and refinement try all groups and widths by it: it knows no second objective."""
    return searches(given) and given.preset.objective == ALONE


@dataclass(frozen=True)
class Belief:
    """The surrogate and what it was fitted to."""

    trainings: tuple[Training, ...]  # finished, one for each network and seed
    values: tuple[float, ...]  # months
    surrogate: Surrogate
    image_px: int = 0  # the side of the run's images; 0 where all networks see them alike

    def expected(self, networks: Sequence[Architecture]) -> tuple[Array, Array]:
        return self.surrogate.mean_sd(seen(networks, self.image_px))

    @cached_property
    def complete(self) -> dict[Architecture, list[Trial]]:
        return by_network(training for training in self.trainings if training.run.state == "complete")


def by_network(trainings: Iterable[Training]) -> dict[Architecture, list[Trial]]:
    found: dict[Architecture, list[Trial]] = {}
    for training in trainings:
        found.setdefault(training.architecture, []).append(training.run)
    return found


def seen(networks: Sequence[Architecture], image_px: int = 0) -> Array:
    """As the surrogate sees them: (networks, features). One that sees its images as they are has a side of `image_px`."""
    import numpy as np

    sized = (at_side(network, image_px) if image_px and not network.input_px else network for network in networks)
    return np.array([dimensions.seen(network) for network in sized], float)


@lru_cache(maxsize=65536)
def at_side(network: Architecture, image_px: int) -> Architecture:
    return replace(network, input_px=image_px)


def side(given: Given) -> int:
    """Of the run's images, where its networks may see them at several."""
    return given.preset.preparation.image_px if given.preset.px_choices else 0


def known(module: Study, given: Given, trials: Sequence[Trial]) -> tuple[Training, ...]:
    """All finished trainings of the run so far, one for each network and seed: a copied result is the one it was copied from."""
    ended = [(trial.point, run) for trial in trials for run in trial.by_seed if run.finished]
    own = [Training(module.architecture(given, point), run) for point, run in ended]
    found: dict[tuple[Architecture, int], Training] = {}
    for training in (*given.trained, *own):
        place = (training.architecture, training.run.seed)
        if place not in found or found[place].run.state != "complete":
            found[place] = training
    return tuple(found.values())


def belief(trainings: Sequence[Training], image_px: int = 0, leaning: bool = False) -> Belief:
    """Raises StudyError where nothing has been trained to its end. `leaning` on the studies' slopes is for proposals alone."""
    import numpy as np

    from studies.knowledge.surrogate import fit

    values, noise = measured([training.run for training in trainings])
    points = seen([training.architecture for training in trainings], image_px)
    slopes = np.array(dimensions.slopes(trainings[0].architecture)) if leaning else None
    return Belief(tuple(trainings), tuple(values), fit(points, np.array(values), np.array(noise), slopes), image_px)


def measured(runs: Sequence[Trial]) -> tuple[list[float], list[float]]:
    """Of each training its validation MAE, and the standard deviation beyond its seed's, in months.

    One that was ended early counts with what others gained after that epoch; one that failed as the worst. What is far worse
    than the others is drawn nearer: how bad it is matters to no decision, and would to the surrogate.
    """
    complete = [run.error for run in runs if run.state == "complete"]
    if not complete:
        raise StudyError("no network could be trained; see the outcomes of the trials")
    curves = [list(accumulate(run.validation_mae_by_epoch, min)) for run in runs if run.state == "complete"]
    best, middle = min(complete), median(complete)
    highest = middle + 2 * (middle - best) + 1
    found = [judged(run, curves, max(complete)) for run in runs]
    return [min(value, highest) for value, _ in found], [noise for _, noise in found]


def judged(run: Trial, curves: Sequence[Sequence[float]], worst: float) -> tuple[float, float]:
    if run.state == "complete":
        return run.error, 0.0
    reached = len(run.validation_mae_by_epoch)
    gained = [curve[reached - 1] - curve[-1] for curve in curves if len(curve) >= reached]
    if run.state != "pruned" or not reached or not gained:
        return worst, FAILED_MONTHS
    return min(run.validation_mae_by_epoch) - fmean(gained), pstdev(gained) + UNSEEN_MONTHS


def proposals(
    module: Study, given: Given, trials: Sequence[Trial], start: Sequence[Point], most: int, lacking: int = 0
) -> Proposals:
    """The points to start with, and those of before; then, `most` in all, the surrogate's. Earlier studies' networks may be `lacking` seeds."""
    wanted = most * seeds_of(module, given)

    def search(feasible: Sequence[Point]) -> Sequence[tuple[Point, int]]:
        return following(module, given, trials, feasible, wanted, lacking)

    begun, count = [trial.point for trial in trials], paid(module, given, trials)
    # Of a study that has paid, an earlier version may have begun with other points.
    start = [point for point in start if count < wanted or point in begun]
    copied = sum(trial.under_way + sum(run.finished for run in trial.by_seed) for trial in trials) - count
    return Proposals(
        [*start, *(point for point in begun if point not in start)],
        search=search,
        at_most=max(wanted, count) + copied,
        search_left=lambda: left(module, given, trials, wanted, lacking),
    )


def left(module: Study, given: Given, trials: Sequence[Trial], wanted: int, lacking: int) -> int:
    """At most: the network that reaches `wanted` may go beyond it by all of its seeds but one, after that the decided one by those it lacks."""
    count, seeds = paid(module, given, trials), seeds_of(module, given)
    more = max(wanted + seeds - 1 + lacking - count, 0)
    if count < wanted:
        return more
    if any(trial.under_way for trial in trials):
        return more if lacking else 0
    trainings = known(module, given, trials)
    if not any(training.run.state == "complete" for training in trainings):
        return 0
    chosen, _ = choose(module, given, trials)
    lacks = seeds - trained_seeds(given, trainings, chosen)
    return more if 0 < lacks <= more and not own_point(module, given, trials, chosen) else 0


def following(
    module: Study, given: Given, trials: Sequence[Trial], feasible: Sequence[Point], most: int, lacking: int = 0
) -> Sequence[tuple[Point, int]]:
    """The next point, and with how many seeds in all; at the end the decided one, whose trainings are copied from before. Those that it
    lacks are trained as long as all are no more than a plan counts: after them another may be decided, which lacks some as well."""
    from studies.knowledge.acquisition import knowledge_gradient

    trainings = known(module, given, trials)
    networks = [module.architecture(given, point) for point in feasible]
    points = dict(zip(networks, feasible, strict=True))
    count, seeds = paid(module, given, trials), seeds_of(module, given)
    more = most + seeds - 1 + lacking - count
    if count >= most:
        return decided_again(module, given, trials, trainings, points, more)
    if not any(training.run.state == "complete" for training in trainings):
        return ()  # what a training that runs will bring, or nothing
    running = [network for trial in trials for network in [module.architecture(given, trial.point)] * trial.under_way]
    believed = belief(trainings, side(given), leaning=True)
    most_seeds = given.preset.seeds + AGAIN if module.SEEDED else 1
    most_seeds = min(most_seeds, given.most_seeds or most_seeds)
    asked, beside = (seen(some, believed.image_px) for some in (networks, running))
    discount = PATIENT if any(made.findings.choice for made in given.decisions.values()) else EAGER
    gains = knowledge_gradient(believed.surrogate, asked, beside, discount)
    trained = by_network(trainings)
    for place, network in enumerate(networks):
        runs = trained.get(network, [])
        enough = any(run.state == "failed" for run in runs) or len(runs) + running.count(network) >= most_seeds
        if enough or not same_head(given, network):
            gains[place] = -1.0
    best = int(gains.argmax())
    if gains[best] < 0:  # nothing is left to train
        return decided_again(module, given, trials, trainings, points, more)
    another = next_seed(module, given, trials, trainings, feasible[best]) + 1
    return [(feasible[best], max(another, seeds))]


def same_head(given: Given, network: Architecture) -> bool:
    """Whether it knows the sex if the reference does: a network without is trained for a comparison."""
    return bool(network.sex_units) == bool(given.preset.reference.sex_units)


def next_seed(module: Study, given: Given, trials: Sequence[Trial], trainings: Sequence[Training], point: Point) -> int:
    """How many seeds of this point are trained in full, or are this study's own already, without a gap."""
    own = next((trial for trial in trials if trial.point == point), None)
    count = trained_seeds(given, trainings, module.architecture(given, point))
    if own is not None:
        count = max(count, len([run for run in own.by_seed if run.finished]) + own.under_way)
    return count


def trained_seeds(given: Given, trainings: Sequence[Training], network: Architecture) -> int:
    """With how many seeds it is trained in full, without a gap."""
    done = {
        training.run.seed
        for training in trainings
        if training.architecture == network and training.run.state == "complete"
    }
    return next(count for count in range(len(done) + 1) if given.preset.seed + count not in done)


def paid(module: Study, given: Given, trials: Sequence[Trial]) -> int:
    """Trainings that the study has begun itself."""
    before = {
        (training.architecture, training.run.seed) for training in given.trained if training.run.state == "complete"
    }
    count = 0
    for trial in trials:
        network = module.architecture(given, trial.point)
        count += trial.under_way + sum(run.finished and (network, run.seed) not in before for run in trial.by_seed)
    return count


def decided_again(
    module: Study,
    given: Given,
    trials: Sequence[Trial],
    trainings: Sequence[Training],
    points: Mapping[Architecture, Point],
    more: int,
) -> Sequence[tuple[Point, int]]:
    if any(trial.under_way for trial in trials) or not any(training.run.state == "complete" for training in trainings):
        return ()
    chosen, _ = choose(module, given, trials)
    point, seeds = points.get(chosen), trained_seeds(given, trainings, chosen)
    own = any(module.architecture(given, trial.point) == chosen for trial in trials)
    if point is None or own or seeds_of(module, given) - seeds > more:
        return ()
    if (chosen, given.preset.seed) not in {(training.architecture, training.run.seed) for training in trainings}:
        seeds = 1  # trained with the seeds of another comparison alone
    return [(point, seeds if module.SEEDED else min(seeds, 1))]


def choose(module: Study, given: Given, trials: Sequence[Trial]) -> tuple[Architecture, Choice]:
    """The trained network under the cap with the lowest expected validation MAE, in whichever study it was trained."""
    believed = belief(known(module, given, trials), side(given))
    cap = module.max_params(given)
    every = by_network(believed.trainings)
    networks = [
        network
        for network in believed.complete
        if same_head(given, network) and given.fits(network, cap) and not mostly_failed(every[network])
    ]
    if not networks:
        raise StudyError(f"no network under {said(given.caps(cap))} could be trained; see the outcomes of the trials")
    mean, sd = believed.expected(networks)
    best = min(range(len(networks)), key=lambda place: (mean[place], place))
    errors = {network: min(run.error for run in believed.complete[network]) for network in networks}
    lowest = min(range(len(networks)), key=lambda place: (errors[networks[place]], place))
    choice = Choice(
        expected=round(float(mean[best]), 3),
        sd=round(float(sd[best]), 3),
        seeds=len(believed.complete[networks[best]]),
        trainings=len(believed.trainings),
        noise=round(believed.surrogate.noise, 3),
        lowest=errors[networks[lowest]],
        lowest_network=worded(networks[lowest]),
        lowest_expected=round(float(mean[lowest]), 3),
        lowest_sd=round(float(sd[lowest]), 3),
        is_lowest=lowest == best,
        mean=fmean(run.error for run in believed.complete[networks[best]]),
    )
    return networks[best], choice


def own_point(module: Study, given: Given, trials: Sequence[Trial], network: Architecture) -> Point:
    """Of the study's trials, that of this network; empty where it was trained in another study alone."""
    own = (trial.point for trial in trials if trial.finished and module.architecture(given, trial.point) == network)
    return next(own, {})


def mean_mae(module: Study, given: Given, trials: Sequence[Trial], network: Architecture) -> float:
    """Over the network's trainings in the run, in months."""
    runs = by_network(known(module, given, trials))[network]
    return fmean(run.error for run in runs if run.state == "complete")


def worded(network: Architecture) -> str:
    blocks = ",".join(f"{group}={count}" for group, count in network.blocks._asdict().items() if count) or "no blocks"
    head = f", FC {network.fc_units}" if network.fc_units else ""
    dropout = f", dropout {network.dropout:g}" if network.dropout else ""
    return f"{network.width}, {blocks}{head}{dropout}"


def narrowed(space: Space, around: Mapping[str, Any], most: int) -> Space:
    """The space with at most so many points: of the longest range the value that is farthest from the known one is left out, again and again.
    Of two as far it is the lower one: what a network is without it, the width study has tried."""
    left = {name: list(values) for name, values in space.items()}
    while math.prod(len(values) for values in left.values()) > most:
        name = max(left, key=lambda name: (len(left[name]), name))
        values, at = left[name], left[name].index(around[name])
        values.pop(0 if at >= len(values) - 1 - at else -1)
    return {name: tuple(values) for name, values in left.items() if len(values) > 1 or name == "beta"}


def moved(base: Architecture, point: Point) -> Architecture:
    """The network that this point makes of another: what it names is changed, be it a field or the count of a group."""
    return moved_by(base, tuple(point), *point.values())


@lru_cache(
    maxsize=65536, typed=True
)  # a plan asks for the same networks again and again; 1 and 1.0 are equal and differ
def moved_by(base: Architecture, names: tuple[str, ...], *values: Any) -> Architecture:
    groups = base.blocks._fields
    counts: dict[str, int] = {}
    own: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if name in groups:
            counts[name] = int(value)
        else:
            own[name] = value
    return replace(base, blocks=base.blocks._replace(**counts), **own)
