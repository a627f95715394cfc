"""Which points of a study meet its caps. All of them are counted; a point is made when somebody asks for it."""

from collections.abc import Iterator, Mapping, ValuesView
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from search.planning.asking import key, macs
from search.planning.grid import is_counted, totals
from studies.study import Given, Point, Space, Study, feasible_points, points

Key = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Feasible(Mapping[Key, Point]):
    """By key, in the order of the space. There are thousands, and a plan looks at the dearest and the leanest few."""

    space: Space
    macs: Mapping[int, int]  # of the points' networks, by the points' places in the space

    @cached_property
    def places(self) -> dict[Any, int]:
        """What each value of each axis adds to a place."""
        found: dict[Any, int] = {}
        step = 1
        for name, values in reversed([*self.space.items()]):
            found |= {key({name: value})[0]: at * step for at, value in enumerate(values)}
            step *= len(values)
        return found

    def place(self, wanted: Key) -> int:
        """In the space; below 0 where it is none of its points."""
        known = len(wanted) == len(self.space) and all(axis in self.places for axis in wanted)
        return sum(self.places[axis] for axis in wanted) if known else -1

    def at(self, place: int) -> Point:
        values = {}
        for name, choices in reversed([*self.space.items()]):
            place, own = divmod(place, len(choices))
            values[name] = choices[own]
        return {name: values[name] for name in self.space}

    @cached_property
    def whole(self) -> dict[Key, Point]:
        """Made once, where all are asked for."""
        return {key(point): point for point in map(self.at, self.macs)}

    def values(self) -> ValuesView[Point]:
        return self.whole.values()

    def __getitem__(self, wanted: Key) -> Point:
        place = self.place(wanted)
        if place not in self.macs:
            raise KeyError(wanted)
        return self.at(place)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.whole)

    def __len__(self) -> int:
        return len(self.macs)

    def dearest_first(self) -> Iterator[Point]:
        """By the MACs of their networks; of equal ones the earlier first."""
        return map(self.at, sorted(self.macs, key=self.macs.__getitem__, reverse=True))

    def leanest_first(self) -> Iterator[Point]:
        return map(self.at, sorted(self.macs, key=self.macs.__getitem__))


def fitting(module: Study, given: Given) -> Feasible:
    """The study's points under its caps."""
    space = module.space(given)
    first = next(points(space), None)
    base = None if first is None else module.architecture(given, first)
    if base is None or not is_counted(base, space):
        kept = {key(point): macs(module.architecture(given, point), given) for point in feasible_points(module, given)}
        every = enumerate(map(key, points(space)))
        return Feasible(space, {place: kept[one] for place, one in every if one in kept})
    counted = totals(base, (*space.items(),), given.preset.preparation.image_px)
    met = given.caps(module.max_params(given))
    unmet = {one for cap in met for one in {*counted} if cap.is_over(one)}
    return Feasible(space, {place: one.macs for place, one in enumerate(counted) if one not in unmet})
