"""The kernels of a network by arithmetic, and which of its groups are as in its family's stock network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from models.architecture import Architecture, family_named
from models.layers import Act, Conv, Pool, Sum, walk
from models.stages import ATTENTION, stages

Shape = tuple[int, ...]


def stock(family: str) -> Architecture:
    return Architecture(family=family, blocks=family_named(family).blocks)


@dataclass
class Kernels:
    """The walk that collects the shapes of kernels; what flows through it is a number of channels."""

    shapes: list[Shape]

    def channels(self, x: int) -> int:
        return x

    def conv(self, x: int, layer: Conv, filters: int) -> int:
        window = layer.height, layer.width
        match layer.kind:
            case "full":
                self.shapes.append((*window, x, filters))
            case "separable":
                self.shapes += [(*window, x, 1), (1, 1, x, filters)]
            case "depthwise":
                self.shapes.append((*window, x, 1))
                return x
        return filters

    def pool(self, x: int, layer: Pool) -> int:
        return x

    def act(self, x: int, layer: Act) -> int:
        return x

    def excite(self, x: int, filters: int) -> int:
        self.shapes += [(1, 1, x, filters), (1, 1, filters, x)]
        return x

    def concatenate(self, xs: Sequence[int]) -> int:
        return sum(xs)

    def add(self, xs: Sequence[int], layer: Sum) -> int:
        return xs[0]


@cache
def kernels_of(architecture: Architecture, colours: int) -> tuple[Shape, ...]:
    return tuple(shape for _, some in kernels_by_stage(architecture, colours).values() for shape in some)


def kernels_by_stage(architecture: Architecture, colours: int) -> dict[str, tuple[str, tuple[Shape, ...]]]:
    """Of each stage, by its name: the group, and the shapes of its kernels."""
    found, x = {}, colours
    for stage in stages(architecture):
        kernels = Kernels([])
        x = walk(stage.layers, x, kernels)
        found[stage.name] = stage.group, tuple(kernels.shapes)
    return found


def unchanged(architecture: Architecture) -> frozenset[str]:
    """Groups of as many repeats as in the stock network, each with the kernels that it has there."""
    own, theirs = (of_groups(kernels_by_stage(each, 1)) for each in (architecture, stock(architecture.family)))
    return frozenset(group for group, kernels in own.items() if kernels == theirs.get(group))


@dataclass(frozen=True)
class Started:
    """Groups of a network that starts from its family's weights, in its order."""

    taken: tuple[str, ...]  # that start from the file
    fresh: tuple[str, ...]

    @property
    def sentence(self) -> str:
        if not self.taken:
            return "no part of this network matches the file of weights, so all of it starts fresh"
        words = (
            "differs from the file's network and starts"
            if len(self.fresh) == 1
            else "differ from the file's network and start"
        )
        fresh = f"; {', '.join(self.fresh)} {words} fresh" if self.fresh else ""
        return f"{', '.join(self.taken)} start from the file of weights{fresh}; the head starts fresh"


def started(architecture: Architecture) -> Started:
    """By arithmetic, before any network is built."""
    taken = unchanged(architecture)
    groups = tuple(dict.fromkeys(group for group, _ in kernels_by_stage(architecture, 1).values()))
    fresh = tuple(group for group in groups if group not in taken)
    attention = ("squeeze-and-excitation",) if architecture.se_ratio else ()
    return Started(tuple(group for group in groups if group in taken), (*fresh, *attention))


def of_groups(found: Mapping[str, tuple[str, tuple[Shape, ...]]]) -> dict[str, dict[str, tuple[Shape, ...]]]:
    groups: dict[str, dict[str, tuple[Shape, ...]]] = {}
    for name, (group, kernels) in found.items():
        if not name.endswith(ATTENTION):
            groups.setdefault(group, {})[name] = kernels
    return groups
