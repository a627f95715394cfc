"""Which points of a study meet its caps. All of them are counted; a point is made when somebody asks for it."""

from collections.abc import Iterator, Mapping, ValuesView
from functools import cached_property
from typing import Any

from search.planning.asking import key, macs
from search.planning.grid import is_counted, totals
from studies.study import Given, Point, Space, Study, feasible_points, points

Key = tuple[Any, ...]


class Feasible(Mapping[Key, Point]):
    """By key, in the order of the space. There are thousands, and a plan looks at the dearest and the leanest few."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.macs: dict[int, int] = {}  # of the points' networks, by the points' places in the space
        self.places: dict[Any, int] = {}  # what each value of each axis adds to a place
        step = 1
        for name, values in reversed([*space.items()]):
            self.places |= {key({name: value})[0]: at * step for at, value in enumerate(values)}
            step *= len(values)

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
    found = Feasible(module.space(given))
    first = module.architecture(given, next(points(found.space)))
    if is_counted(first, found.space):
        every = totals(first, (*found.space.items(),), given.preset.preparation.image_px)
        met = given.caps(module.max_params(given))
        unmet = {one for cap in met for one in {*every} if cap.measure(one) > cap.most}
        found.macs |= {place: one.macs for place, one in enumerate(every) if one not in unmet}
    else:
        for point in feasible_points(module, given):
            found.macs[found.place(key(point))] = macs(module.architecture(given, point), given)
    return found
