"""InceptionV3 as data: the one table that the cost arithmetic (`cost.py`) and the Keras graph (`network.py`) both walk.

A layer is a convolution, a pooling, or branches side by side whose outputs are concatenated over channels. A stage is
a run of layers under a name. Filter counts are those of stock InceptionV3 (Szegedy et al. 2015, as Keras builds it);
only `scaled` applies the width β. Sizes in comments are those at 300 px with the stock stem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from models.architecture import Architecture


@dataclass(frozen=True)
class Conv:
    """Convolution without bias, then BatchNorm without scale, then ReLU."""

    filters: int
    height: int = 1
    width: int = 1
    stride: int = 1
    same: bool = True  # zero padding that keeps the size; otherwise none ("valid")


@dataclass(frozen=True)
class Pool:
    """A 3×3 pooling."""

    average: bool = False
    stride: int = 1
    same: bool = True


@dataclass(frozen=True)
class Branches:
    """Branches that all read the same input and are concatenated over channels."""

    branches: tuple["Layers", ...]


Layer = Conv | Pool | Branches
Layers = tuple[Layer, ...]


@dataclass(frozen=True)
class Stage:
    """`name` is unique in the network; `group` says whose cost it is (a block group, the stem, or a reduction)."""

    name: str
    group: str
    layers: Layers


STEM_POOL = Pool(stride=2, same=False)


def stem(pools: tuple[bool, bool]) -> Layers:
    first, second = ((STEM_POOL,) if present else () for present in pools)
    return (
        Conv(32, 3, 3, stride=2, same=False),  # 149
        Conv(32, 3, 3, same=False),  # 147
        Conv(64, 3, 3),  # 147
        *first,  # 73
        Conv(80, same=False),  # 73
        Conv(192, 3, 3, same=False),  # 71
        *second,  # 35
    )


def grid_35(pool_filters: int) -> Layers:
    """35×35×(224 + pool_filters)."""
    return (
        Branches(
            (
                (Conv(64),),
                (Conv(48), Conv(64, 5, 5)),
                (Conv(64), Conv(96, 3, 3), Conv(96, 3, 3)),
                (Pool(average=True), Conv(pool_filters)),
            )
        ),
    )


def grid_17(inner: int) -> Layers:
    """17×17×768, with the 7×7 convolutions factorised into 1×7 and 7×1."""
    return (
        Branches(
            (
                (Conv(192),),
                (Conv(inner), Conv(inner, 1, 7), Conv(192, 7, 1)),
                (Conv(inner), Conv(inner, 7, 1), Conv(inner, 1, 7), Conv(inner, 7, 1), Conv(192, 1, 7)),
                (Pool(average=True), Conv(192)),
            )
        ),
    )


SPREAD = Branches(((Conv(384, 1, 3),), (Conv(384, 3, 1),)))

GRID_8: Layers = (  # 8×8×2048
    Branches(
        (
            (Conv(320),),
            (Conv(384), SPREAD),
            (Conv(448), Conv(384, 3, 3), SPREAD),
            (Pool(average=True), Conv(192)),
        )
    ),
)

REDUCE_TO_17: Layers = (  # 17×17×(480 + input)
    Branches(
        (
            (Conv(384, 3, 3, stride=2, same=False),),
            (Conv(64), Conv(96, 3, 3), Conv(96, 3, 3, stride=2, same=False)),
            (Pool(stride=2, same=False),),
        )
    ),
)

REDUCE_TO_8: Layers = (  # 8×8×(512 + input)
    Branches(
        (
            (Conv(192), Conv(320, 3, 3, stride=2, same=False)),
            (Conv(192), Conv(192, 1, 7), Conv(192, 7, 1), Conv(192, 3, 3, stride=2, same=False)),
            (Pool(stride=2, same=False),),
        )
    ),
)

# The network from stem to GAP. A name among the architecture's block groups is repeated as often as it says, 0 times included.
BODY: tuple[tuple[str, Layers], ...] = (
    ("mixed0", grid_35(32)),
    ("mixed1", grid_35(64)),
    ("mixed3", REDUCE_TO_17),
    ("mixed4", grid_17(128)),
    ("mixed5", grid_17(160)),
    ("mixed7", grid_17(192)),
    ("mixed8", REDUCE_TO_8),
    ("mixed9", GRID_8),
)


def stages(architecture: Architecture) -> tuple[Stage, ...]:
    """The stages of this architecture in order, every filter count already multiplied by β."""
    counts, beta, multiple = architecture.blocks._asdict(), architecture.beta, architecture.channel_multiple
    found = [Stage("stem", "stem", scaled(stem(architecture.stem_pools), beta, multiple))]
    for group, layers in body(beta, multiple):
        if group in counts:
            found += [Stage(f"{group}_{number}", group, layers) for number in range(1, counts[group] + 1)]
        else:
            found.append(Stage(group, group, layers))
    return tuple(found)


@lru_cache(maxsize=64)
def body(beta: float, multiple: int) -> tuple[tuple[str, Layers], ...]:
    """BODY at this width; a search counts thousands of networks of a few widths."""
    return tuple((group, scaled(layers, beta, multiple)) for group, layers in BODY)


def scaled(layers: Layers, beta: float, multiple: int) -> Layers:
    """The width rule, here and nowhere else: int(filters · β), which reproduces the parameter counts of the paper's Table 1, or
    the nearest multiple, but never none."""

    def channels(filters: int) -> int:
        return int(filters * beta) if multiple == 1 else max(round(filters * beta / multiple), 1) * multiple

    def one(layer: Layer) -> Layer:
        match layer:
            case Conv():
                return Conv(channels(layer.filters), layer.height, layer.width, layer.stride, layer.same)
            case Branches():
                return Branches(tuple(scaled(branch, beta, multiple) for branch in layer.branches))
            case Pool():
                return layer

    return tuple(one(layer) for layer in layers)


Map = TypeVar("Map")  # what flows through the network: a shape when counting, a Keras tensor when building


class Interpreter(Protocol[Map]):
    """What one walk does with each kind of layer."""

    def conv(self, x: Map, layer: Conv) -> Map: ...

    def pool(self, x: Map, layer: Pool) -> Map: ...

    def concatenate(self, xs: Sequence[Map]) -> Map: ...


def walk(layers: Layers, x: Map, interpreter: Interpreter[Map]) -> Map:
    """Send `x` through `layers` as the interpreter understands them."""
    for layer in layers:
        match layer:
            case Conv():
                x = interpreter.conv(x, layer)
            case Pool():
                x = interpreter.pool(x, layer)
            case Branches():
                x = interpreter.concatenate([walk(branch, x, interpreter) for branch in layer.branches])
    return x
