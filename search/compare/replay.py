"""One search over learning curves: a rival asks for epochs, is told what they brought, and pays for each.

Time is simulated from the curves' seconds, so that a search with 256 workers can be played on one machine; the curves
are answered from outside (`yield`), so that many searches can be played at once while what they ask for is trained.
"""

import heapq
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Protocol

from search.compare.curves import Curve, Request
from studies.preset import StudyError
from studies.study import Point


@dataclass(frozen=True)
class Work:
    """Epochs after `after` up to `until` of a rival's trial; `nth` is which of its seeds, 0 where it has one."""

    trial: int
    point: Point
    after: int
    until: int
    nth: int = 0


class GaveUp(StudyError):
    """A search came to an end without a network, as trainings failed without which it cannot go on."""


class Rival(Protocol):
    """A search strategy. It never sees a test result, nor what it has not paid for."""

    def ask(self) -> Work | None:
        """Another trial's first epochs; None where nothing is to begin before something running has ended. May raise GaveUp."""

    def tell(self, work: Work, curve: Curve) -> Work | None:
        """All epochs of the trial so far; fewer than `until` where it failed. More epochs of it, or None: it has ended."""

    def decided(self) -> Point | None:
        """The network that the search hands on, once it has ended; None where that is the one of the best trial."""


@dataclass(frozen=True)
class Tried:
    """A trial as it ended."""

    number: int
    point: Point
    seed: int
    curve: Curve
    state: str  # complete, pruned or failed

    @property
    def best(self) -> float:
        return min(self.curve.validation_mae, default=float("inf"))


@dataclass(frozen=True)
class Trace:
    best_so_far: tuple[float, ...]  # months, validation MAE after each epoch spent, in the order of simulated time
    tried: tuple[Tried, ...]
    seconds: float  # simulated
    test_mae: float | None  # of the network that the search hands on, all epochs of a training
    handed_on: Point = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        return len(self.best_so_far)

    @property
    def winner(self) -> Tried:
        return min(self.tried, key=lambda tried: (tried.best, tried.number))


@dataclass(order=True)
class Running:
    finish: float
    order: int
    work: Work = field(compare=False)
    curve: Curve = field(compare=False)


def play(
    rival: Rival, epochs: int, seed_of: Callable[[Point, int], int], budget: int = 0, workers: int = 1
) -> Generator[Request, Curve, Trace]:
    """Until the rival is done, or has begun `budget` epochs (0: no limit). `epochs` are those of a whole training."""
    clock, spent, order = 0.0, 0, 0
    running: list[Running] = []
    tried: dict[int, Tried] = {}
    events: list[tuple[float, int, float]] = []  # simulated time, order, validation MAE

    def left() -> int:
        return budget - spent if budget else epochs

    def begin(work: Work) -> Generator[Request, Curve, None]:
        nonlocal spent, order
        work = replace(work, until=min(work.until, work.after + left()))
        seed = seed_of(work.point, work.nth)
        curve = yield Request(work.point, seed, work.until)
        new = len(curve.validation_mae) - work.after
        spent += new
        order += 1
        times = list(accumulate(curve.seconds[work.after :], initial=clock))
        events.extend(
            (time, order, mae) for time, mae in zip(times[1:], curve.validation_mae[work.after :], strict=True)
        )
        heapq.heappush(running, Running(times[-1], order, work, curve))
        ended = "failed" if curve.failed else "complete" if work.until == epochs else "pruned"
        tried[work.trial] = Tried(work.trial, work.point, seed, curve, ended)

    while True:
        while len(running) < workers and left() > 0 and (work := rival.ask()):
            yield from begin(work)
        if not running:
            break
        done = heapq.heappop(running)
        clock = done.finish
        more = rival.tell(done.work, done.curve)
        if more and left() > 0:
            yield from begin(more)
    best = tuple(accumulate((mae for _, _, mae in sorted(events)), min))
    trials = tuple(tried.values())
    winner = Trace(best, trials, clock, None).winner
    chosen = rival.decided()
    if chosen is None or chosen == winner.point:
        chosen, seed = winner.point, winner.seed
    else:
        seed = next((one.seed for one in trials if one.point == chosen), seed_of(chosen, 0))
    whole = yield Request(chosen, seed, epochs)
    return Trace(best, trials, clock, whole.test_mae, chosen)
