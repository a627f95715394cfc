"""Rivals that learn nothing on the way: they know the order of their networks in advance, and train each in full."""

from collections.abc import Iterator
from itertools import count, product

import numpy as np

from search.compare.curves import Curve
from search.compare.replay import Work
from search.compare.rivals.fresh import TRIES, Fresh
from studies import joint
from studies.preset import Preset
from studies.resolution import PX
from studies.study import Point, Space, Value

FACTORS = (1.2, 1.1)  # EfficientNet's of depth and width for one step of the coefficient (Tan and Le 2019)
RESOLUTION = 1.15  # and of the image's side, where the space has several; the largest of them is where it ends
LARGEST_COEFFICIENT, PER_UNIT = 24, 4  # 1.1 ** 24 is ten times as wide


class Enumerated:
    """One after the other of `points`, those that fit and are new, until there are none left."""

    def __init__(self, preset: Preset, seed: int) -> None:
        self.preset, self.epochs = preset, preset.training.epochs
        self.fresh = Fresh(preset)
        self.random = np.random.default_rng(seed)
        self.points = self.enumerate()
        self.numbers = count()

    def enumerate(self) -> Iterator[Point]:
        """Points of the joint space; over the cap and again is left out by who asks."""
        raise NotImplementedError

    def ask(self) -> Work | None:
        for point in self.points:
            if self.fresh.take(point):
                return Work(next(self.numbers), point, 0, self.epochs)
        return None

    def tell(self, work: Work, curve: Curve) -> Work | None:
        return None

    def decided(self) -> Point | None:
        return None

    def drawn(self, space: Space) -> Point:
        return {name: values[self.random.integers(len(values))] for name, values in space.items()}


class RandomFeasible(Enumerated):
    """Every network of the space that fits is equally likely to be next."""

    def enumerate(self) -> Iterator[Point]:
        while True:
            before = len(self.fresh.taken)
            for _ in range(TRIES):
                yield self.drawn(self.fresh.space)
                if len(self.fresh.taken) > before:
                    break
            else:
                return


class RandomWidest(Enumerated):
    """Blocks and head at random, and of those the widest that fits; once those are used up, the next narrower."""

    def enumerate(self) -> Iterator[Point]:
        widths = sorted((float(beta) for beta in self.fresh.space["beta"]), reverse=True)
        others = {name: values for name, values in self.fresh.space.items() if name != "beta"}
        for narrower in range(len(widths)):
            missed = 0
            while missed < TRIES:
                rest = self.drawn(others)
                fitting = [point for beta in widths if self.fresh.fits(point := {"beta": beta, **rest})]
                before = len(self.fresh.taken)
                yield from fitting[narrower : narrower + 1]
                missed = 0 if len(self.fresh.taken) > before else missed + 1


class GridSearch(Enumerated):
    """The smallest and largest value of everything, all combinations in a random order; then with the values between them,
    which halve the gaps, and so on: a grid has been searched at whatever budget it ends."""

    def enumerate(self) -> Iterator[Point]:
        space = self.fresh.space
        for level in count():
            grid = {name: coarse(values, level) for name, values in space.items()}
            corners = list(product(*(range(len(values)) for values in grid.values())))
            for place in self.random.permutation(len(corners)):
                yield {name: values[index] for (name, values), index in zip(grid.items(), corners[place], strict=True)}
            if grid == {name: tuple(values) for name, values in space.items()}:
                return


def coarse(values: tuple[Value, ...], level: int) -> tuple[Value, ...]:
    """2 of these values, 3, 5, 9, ..., the ends among them, as evenly spread as they can be."""
    if len(values) <= 2**level + 1:
        return tuple(values)
    return tuple(values[round(place)] for place in np.linspace(0, len(values) - 1, 2**level + 1))


class CompoundScaling(Enumerated):
    """EfficientNet's rule: from the reference, depth, width and resolution are raised together by one coefficient, to the largest that fits.

    Depth and width share what the coefficient stands for as EfficientNet has it; then, as its authors search for the shares,
    by other shares in a random order. It knows few networks, and ends with them.
    """

    def enumerate(self) -> Iterator[Point]:
        depth, width = FACTORS
        cost_of_a_step = depth * width**2
        shares = [float(share) for share in np.linspace(0, 1, 9)]
        self.random.shuffle(shares)
        own = float(np.log(depth) / np.log(cost_of_a_step))
        for share in [own, *shares]:
            factors = cost_of_a_step**share, cost_of_a_step ** ((1 - share) / 2)
            for step in range(LARGEST_COEFFICIENT * PER_UNIT, -1, -1):
                if point := self.scaled(factors, step / PER_UNIT):
                    yield point

    def scaled(self, factors: tuple[float, float], coefficient: float) -> Point | None:
        """None where the space has no such width or depth."""
        depth, width = (factor**coefficient for factor in factors)
        point = joint.point(self.preset, self.preset.reference)
        beta = float(point["beta"]) * width
        if beta > 1.05 * max(float(beta) for beta in self.fresh.space["beta"]):
            return None
        nearest = min(self.fresh.space["beta"], key=lambda grid: abs(float(grid) - beta))
        groups = self.preset.reference.blocks._fields
        raised = {group: int(point[group]) * depth for group in groups if group in point}
        if any(round(repeats) > max(map(int, self.fresh.space[group])) for group, repeats in raised.items()):
            return None
        counts = {
            group: min(self.fresh.space[group], key=lambda grid: (abs(int(grid) - round(repeats)), grid))
            for group, repeats in raised.items()
        }
        sides = self.fresh.space.get(PX, ())
        side = float(point.get(PX, 0)) * RESOLUTION**coefficient
        shrunk = {PX: min(sides, key=lambda grid: abs(float(grid) - side))} if sides else {}
        return point | {"beta": nearest} | counts | shrunk
