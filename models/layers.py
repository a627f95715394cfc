"""The layers of which every family is a table, and the one walk over them: `cost.py` counts, `network.py` builds, `cells.py` places.

A layer is a convolution, a pooling, an activation, a squeeze-and-excitation, branches whose outputs are concatenated over
channels, or branches whose outputs are added. Filter counts are those of the family's stock network; only `scaled` applies β.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol, TypeVar

Activation = Literal["relu", "silu", "none"]


@dataclass(frozen=True)
class Share:
    """As many filters as this share of the channels that arrive, rounded down, but never none."""

    of_input: float


@dataclass(frozen=True)
class OfSum:
    """As many filters as the enclosing `Sum` has channels, so that what it adds fits."""


class Conv(NamedTuple):  # a width never met makes a hundred new ones, which a dataclass does five times as slowly
    """A convolution with its BatchNorm and activation: `after` it (the default), both `before` it, or none.

    `kind`: "depthwise" convolves each channel by itself and keeps their number; "separable" is that and a 1×1 convolution.
    """

    filters: "int | Share | OfSum"
    height: int = 1
    width: int = 1
    stride: int = 1
    same: bool = True  # zero padding that keeps the size; otherwise none ("valid"), or `pad` on each side
    pad: int = 0
    kind: Literal["full", "depthwise", "separable"] = "full"
    norm: Literal["after", "before", "none"] = "after"
    activation: Activation = "relu"
    bias: bool = False


@dataclass(frozen=True)
class Pool:
    """A pooling of `kernel` × `kernel`."""

    average: bool = False
    stride: int = 1
    same: bool = True
    pad: int = 0
    kernel: int = 3


@dataclass(frozen=True)
class Act:
    """An activation by itself; `norm` puts a BatchNorm before it."""

    activation: Activation = "relu"
    norm: bool = False


@dataclass(frozen=True)
class Excite:
    """Squeeze-and-excitation (Hu et al. 2018): each channel times a number from 0 to 1 that all channels' means decide."""

    filters: int | Share  # of the squeeze; at least one


@dataclass(frozen=True)
class Branches:
    """Branches that all read the same input and are concatenated over channels. An empty branch is the input itself."""

    branches: tuple["Layers", ...]


@dataclass(frozen=True)
class Sum:
    """Branches that all read the same input and are added, the last of them times `scale`; then an activation."""

    branches: tuple["Layers", ...]
    scale: float = 1.0
    activation: Activation = "none"


Layer = Conv | Pool | Act | Excite | Branches | Sum
Layers = tuple[Layer, ...]


def scaled(layers: Layers, beta: float, multiple: int) -> Layers:
    """The width rule, here and nowhere else: int(filters · β), which reproduces the parameter counts of the paper's Table 1, or
    the nearest multiple, but never none. Shares follow what arrives."""

    def channels(filters: "int | Share | OfSum") -> "int | Share | OfSum":
        if not isinstance(filters, int):
            return filters
        return int(filters * beta) if multiple == 1 else max(round(filters * beta / multiple), 1) * multiple

    def one(layer: Layer) -> Layer:
        match layer:
            case Conv():
                return layer._replace(filters=channels(layer.filters))
            case Excite(filters=int() as filters):
                return Excite(max(int(filters * beta), 1))
            case Branches() | Sum():
                return replace(layer, branches=tuple(scaled(branch, beta, multiple) for branch in layer.branches))
            case _:
                return layer

    return tuple(one(layer) for layer in layers)


Map = TypeVar("Map")  # what flows through the network: a shape when counting, a Keras tensor when building


class Interpreter(Protocol[Map]):
    """What one walk does with each kind of layer. `filters` are numbers by then."""

    def channels(self, x: Map) -> int: ...

    def conv(self, x: Map, layer: Conv, filters: int) -> Map: ...

    def pool(self, x: Map, layer: Pool) -> Map: ...

    def act(self, x: Map, layer: Act) -> Map: ...

    def excite(self, x: Map, filters: int) -> Map: ...

    def concatenate(self, xs: Sequence[Map]) -> Map: ...

    def add(self, xs: Sequence[Map], layer: Sum) -> Map: ...


def walk(layers: Layers, x: Map, interpreter: Interpreter[Map], of_sum: int = 0) -> Map:
    """Send `x` through `layers` as the interpreter understands them; `of_sum` are the channels of the enclosing Sum's input."""
    for layer in layers:
        match layer:
            case Conv():
                x = interpreter.conv(x, layer, number(layer.filters, x, interpreter, of_sum))
            case Pool():
                x = interpreter.pool(x, layer)
            case Act():
                x = interpreter.act(x, layer)
            case Excite():
                x = interpreter.excite(x, number(layer.filters, x, interpreter, of_sum))
            case Branches():
                x = interpreter.concatenate([walk(branch, x, interpreter, of_sum) for branch in layer.branches])
            case Sum():
                inside = interpreter.channels(x)
                x = interpreter.add([walk(branch, x, interpreter, inside) for branch in layer.branches], layer)
    return x


def number(filters: "int | Share | OfSum", x: Map, interpreter: Interpreter[Map], of_sum: int) -> int:
    match filters:
        case Share():
            return max(int(interpreter.channels(x) * filters.of_input), 1)
        case OfSum():
            return of_sum
        case _:
            return filters


def size(length: int, kernel: int, stride: int, same: bool, pad: int) -> int:
    """Pixels along one axis after a convolution or pooling; below 1 where the image is too small for it."""
    return -(-length // stride) if same else (length + 2 * pad - kernel) // stride + 1
