"""What all networks of a grid cost: those that begin alike are counted together until they part.

The parts and their arithmetic are those of `models/cost.py`. One network at a time, a grid of thousands takes fifty times as long.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

from models.architecture import Architecture
from models.cost import Shape, counted_head, through
from models.stages import Backbone, Part, backbone, repeatable
from studies.knowledge.belief import moved

WIDTH, HEAD, FREE = ("beta", "se_ratio"), ("fc_units", "sex_units"), ("dropout",)  # what is free costs nothing


class Totals(NamedTuple):
    """Of a whole network, in the units of `Cost`."""

    params: int
    macs: int
    kept: int


# Networks that are alike so far: their place in the grid, what arrives here, and their params, macs and kept up to here. No NamedTuple:
# thousands are made, and those take four times as long to make.
Walked = tuple[int, Shape, int, int, int]
Grid = tuple[tuple[str, tuple[Any, ...]], ...]  # axes in their order: block groups and fields, each with its values
Axes = Mapping[str, Sequence[tuple[int, Any]]]  # of each axis the values, each with what it adds to a network's place


def is_counted(base: Architecture, names: Iterable[str]) -> bool:
    """Whether `totals` knows all of these axes: block groups and some fields of an architecture."""
    return {*names} <= {*WIDTH, *HEAD, *FREE, *base.blocks._fields}


@lru_cache(maxsize=16)  # a plan asks for the same grids again and again
def totals(base: Architecture, grid: Grid, image_px: int) -> list[Totals]:
    """Of all networks that differ from `base` along these axes, in the order of `itertools.product`.

    Raises ArchitectureError where a value is out of range, or an image is too small for one of the networks.
    """
    axes = placed(base, grid)
    seen = base.seen_px(image_px)
    found = [Totals(0, 0, 0)] * prod(len(values) for _, values in grid)
    free = [sum(places) for places in product(*([place for place, _ in axes[name]] for name in FREE))]
    for (width, beta), (attention, se_ratio) in product(*(axes[name] for name in WIDTH)):
        shared = backbone(base)._replace(beta=beta, se_ratio=se_ratio)
        walked: list[Walked] = [(width + attention, Shape(seen, seen, 1), 0, 0, 0)]
        for group, repeated in repeatable(shared):
            walked = parted(walked, in_group(shared, group, repeated, axes.get(group, ((0, 1),)), seen))
        for place, _, *cost in parted(walked, in_head(axes)):
            one = Totals(*cost)
            for beside in free:
                found[place + beside] = one
    return found


def placed(base: Architecture, grid: Grid) -> Axes:
    """An axis that the grid has not has the base's value alone."""
    own = {name: getattr(base, name) for name in (*WIDTH, *HEAD, *FREE)} | base.blocks._asdict()
    axes: dict[str, Sequence[tuple[int, Any]]] = {name: ((0, value),) for name, value in own.items()}
    step = 1
    for name, values in reversed(grid):
        for value in values:
            moved(base, {name: value})  # which checks it; each value is checked by itself
        axes[name] = [(place * step, value) for place, value in enumerate(values)]
        step *= len(values)
    return axes


def parted(walked: Sequence[Walked], ways: Callable[[Shape], list[Walked]]) -> list[Walked]:
    """Each of these gone on in all ways that there are for what arrives."""
    known: dict[Shape, list[Walked]] = {}
    found: list[Walked] = []
    for place, x, params, macs, kept in walked:
        if x not in known:
            known[x] = ways(x)
        found += [(place + at, out, params + p, macs + m, kept + k) for at, out, p, m, k in known[x]]
    return found


def in_group(
    shared: Backbone,
    group: str,
    repeated: Callable[[int], tuple[Part, ...]],
    counts: Iterable[tuple[int, Any]],
    seen: int,
) -> Callable[[Shape], list[Walked]]:
    def ways(x: Shape) -> list[Walked]:
        found: list[Walked] = []
        for place, count in counts:
            if parts := repeated(count):
                one = through(shared, group, parts, x, seen)
                found.append((place, one.cost.output, one.cost.params, one.cost.macs, one.counter.kept))
            else:
                found.append((place, x, 0, 0, 0))
        return found

    return ways


def in_head(axes: Axes) -> Callable[[Shape], list[Walked]]:
    def ways(x: Shape) -> list[Walked]:
        found: list[Walked] = []
        for (layer, fc_units), (sex, sex_units) in product(*(axes[name] for name in HEAD)):
            head = counted_head(x.channels, sex_units, fc_units)
            found.append((layer + sex, x, head.params, head.macs, head.kept))
        return found

    return ways
