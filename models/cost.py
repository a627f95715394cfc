"""What an architecture costs, by arithmetic: microseconds and no TensorFlow.

"Parameters" are Keras' `count_params()`: the trainable ones plus BatchNorm's moving mean and variance. A multiply-
accumulate (MAC) is counted for convolutions and fully connected layers, one forward pass of one image.
"""

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

from data.ranges import whole
from data.shown import shown
from models.architecture import Architecture, ArchitectureError, family_named
from models.families.inception_v3 import INCEPTION_V3
from models.layers import Act, Activation, Conv, Pool, Sum, size, walk
from models.stages import Backbone, Part, backbone, groups, names

ANY_PX = 299  # a side that no network is too deep for: of keras.applications' InceptionV3


class Shape(NamedTuple):
    """One feature map."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True)
class GroupCost:
    """The share of one block group, reduction, the stem, or the head."""

    params: int
    trainable_params: int
    macs: int
    output: Shape  # after the last repeat


class Sizes(Protocol):
    """What caps measure of a network."""

    @property
    def params(self) -> int: ...

    @property
    def macs(self) -> int: ...

    @property
    def kept(self) -> int: ...


@dataclass(frozen=True)
class Cost:
    params: int
    trainable_params: int
    macs: int
    gap_channels: int
    kept: int  # values of one image's maps that training keeps from the forward pass for the backward pass
    groups: dict[str, GroupCost]  # in network order; an ablated group is absent


@dataclass
class Counter:
    """The counting walk: shapes in, shapes out, totals on the side.

    Of maps, the backward pass needs what a convolution, a BatchNorm or a pooling read, and what a rectifier put out; SiLU has to
    be given its input once more. So a map that is only normalised, added or rectified on its way to the next is not kept.
    """

    norm_scale: bool = False
    params: int = 0
    trainable_params: int = 0
    macs: int = 0
    kept: int = 0
    too_small: bool = field(default=False, init=False)

    def channels(self, x: Shape) -> int:
        return x.channels

    def conv(self, x: Shape, layer: Conv, filters: int) -> Shape:
        if layer.norm == "before":
            self.norm(x.channels)
            self.keep_activated(x, layer.activation)
        if layer.pad:
            self.keep(Shape(x.height + 2 * layer.pad, x.width + 2 * layer.pad, x.channels))
        out = Shape(
            self.size(x.height, layer.height, layer.stride, layer.same, layer.pad),
            self.size(x.width, layer.width, layer.stride, layer.same, layer.pad),
            filters,
        )
        places, window = out.height * out.width, layer.height * layer.width
        if layer.kind == "full":
            weights = window * x.channels * filters
        else:  # a window for each channel; the separable one mixes channels afterwards
            weights = window * x.channels
            if layer.kind == "separable":
                weights += x.channels * filters
                self.kept += places * x.channels
        self.weights(weights + (filters if layer.bias else 0))
        self.macs += weights * places
        if layer.norm == "before":
            return self.keep(out)
        if layer.norm == "after":
            self.norm(filters)
            self.keep(out)
        return self.keep_activated(out, layer.activation)

    def pool(self, x: Shape, layer: Pool) -> Shape:
        return self.keep(
            Shape(
                self.size(x.height, layer.kernel, layer.stride, layer.same, layer.pad),
                self.size(x.width, layer.kernel, layer.stride, layer.same, layer.pad),
                x.channels,
            )
        )

    def act(self, x: Shape, layer: Act) -> Shape:
        if layer.norm:
            self.norm(x.channels)
            return self.keep_activated(x, layer.activation)
        return self.keep(x) if layer.activation == "silu" else x  # what is rectified takes the place of what arrived

    def excite(self, x: Shape, filters: int) -> Shape:
        self.dense(x.channels, filters)
        self.dense(filters, x.channels)
        return self.keep(x)

    def concatenate(self, xs: Sequence[Shape]) -> Shape:
        return self.keep(xs[0]._replace(channels=sum(x.channels for x in xs)))

    def add(self, xs: Sequence[Shape], layer: Sum) -> Shape:
        """The sum is kept, and what was added is not, unless it is the input itself or a pooling's, which needs it."""
        freed = sum(bool(branch) and not isinstance(branch[-1], Pool) for branch in layer.branches)
        out = self.keep_activated(xs[0], layer.activation)
        self.kept -= freed * out.height * out.width * out.channels
        return out

    def keep(self, x: Shape) -> Shape:
        self.kept += x.height * x.width * x.channels
        return x

    def keep_activated(self, x: Shape, activation: Activation) -> Shape:
        if activation == "silu":
            self.keep(x)
        return self.keep(x)

    def norm(self, channels: int) -> None:
        """BatchNorm: the offset is trained, and the scale if there is one; moving mean and variance are not."""
        trained = 2 if self.norm_scale else 1
        self.trainable_params += trained * channels
        self.params += (trained + 2) * channels

    def weights(self, number: int) -> None:
        self.params += number
        self.trainable_params += number

    def dense(self, inputs: int, units: int) -> None:
        self.params += (inputs + 1) * units
        self.trainable_params += (inputs + 1) * units
        self.macs += inputs * units

    def size(self, length: int, kernel: int, stride: int, same: bool, pad: int) -> int:
        out = size(length, kernel, stride, same, pad)
        self.too_small |= out < 1
        return out


@lru_cache(maxsize=32768)  # the same networks are counted again whenever a study is asked what it wants
def cost(architecture: Architecture, image_px: int) -> Cost:
    """Cost at a square grey input of `image_px`. Raises ArchitectureError where the image is too small for the network."""
    body, costs, x = before_head(backbone(architecture), architecture.seen_px(image_px))
    head = counted_head(x.channels, architecture.sex_units, architecture.fc_units)
    total = copy(body)
    add(total, head)
    costs = costs | {"head": group_cost(head, Shape(1, 1, 1))}
    return Cost(total.params, total.trainable_params, total.macs, x.channels, total.kept, costs)


@lru_cache(maxsize=32768)
def params(architecture: Architecture) -> int:
    """As many at every side of the image, so they are counted at one that no network is too deep for."""
    sized = replace(architecture, input_px=0) if architecture.input_px else architecture
    return cost(sized, ANY_PX).params


def counted_head(features: int, sex_units: int, fc_units: int) -> Counter:
    """From as many channels as the pooling before it leaves."""
    head = Counter()
    if sex_units:
        head.dense(1, sex_units)
        features += sex_units
    if fc_units:
        head.dense(features, fc_units)
        features = fc_units
    head.dense(features, 1)
    return head


@lru_cache(maxsize=8192)
def before_head(shared: Backbone, seen_px: int) -> tuple[Counter, dict[str, GroupCost], Shape]:
    """Its totals, those of each group, and what it hands to the head's pooling."""
    x = Shape(seen_px, seen_px, 1)
    total = Counter(family_named(shared.family).norm_scale)
    costs: dict[str, GroupCost] = {}
    for group, parts in groups(shared):
        found = through(shared, group, parts, x, seen_px)
        add(total, found.counter)
        costs[group], x = found.cost, found.cost.output
    return total, costs, x


def through(shared: Backbone, group: str, parts: tuple[Part, ...], x: Shape, seen_px: int) -> "Counted":
    """Raises ArchitectureError where nothing is left of the image on the way."""
    found = counted(parts, x)
    if found.vanished is not None:
        known = " (75 px are enough for InceptionV3's stock stem)" if shared.family == INCEPTION_V3.name else ""
        name = names(shared, group, parts)[found.vanished]
        raise ArchitectureError(
            f"an image of {seen_px} px is too small: nothing of it is left after {name}; use larger images{known}"
        )
    return found


@dataclass(frozen=True)
class Counted:
    counter: Counter
    cost: GroupCost
    vanished: int | None = None  # the place of the part in which its map vanished, with which counting ended


@lru_cache(maxsize=16384)
def counted(parts: tuple[Part, ...], x: Shape) -> Counted:
    """Of a group that is entered by such a map. Networks that differ elsewhere count it once."""
    total = Counter(parts[0].norm_scale)
    for place, part in enumerate(parts):
        counter, x = counted_part(part, x)
        add(total, counter)
        if counter.too_small:
            return Counted(total, group_cost(total, x), place)
    return Counted(total, group_cost(total, x))


@lru_cache(maxsize=4096)
def counted_part(part: Part, x: Shape) -> tuple[Counter, Shape]:
    counter = Counter(part.norm_scale)
    return counter, walk(part.layers, x, counter)


def add(total: Counter, part: Counter) -> None:
    total.params += part.params
    total.trainable_params += part.trainable_params
    total.macs += part.macs
    total.kept += part.kept


def group_cost(counter: Counter, output: Shape) -> GroupCost:
    return GroupCost(counter.params, counter.trainable_params, counter.macs, output)


# Weights, gradients and Adam's two slots, in float32 whatever the precision.
COPIES_OF_PARAMS = 4


def training_bytes(counted: Sizes, batch: int, half_precision: bool = False) -> int:
    """An estimate of the device memory that training takes, by arithmetic; workspace of the libraries not included."""
    per_image = counted.kept * (2 if half_precision else 4)
    return counted.params * COPIES_OF_PARAMS * 4 + batch * per_image


# All of RSNA at 300 px is 1.1 GB. What is larger goes to the device batch by batch.
RESIDENT_BYTES = 2_000_000_000


def resident_bytes(image_px: int, *images: int) -> int:
    """What lies on the device all along beside a training: the images of each of these splits, a byte for each pixel, where they fit."""
    splits = [count * image_px**2 for count in images]
    return sum(size for size in splits if size <= RESIDENT_BYTES)


PARAMS = whole(1, 10**12)  # a cap; far beyond any network that fits a device
UNITS = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000}
PARAMS_FORMS = "70M, 1.5M, 800k, 7e7, 70000000 or 70,000,000 (k, M and G are thousands, millions and thousand millions)"
WRITTEN = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*(?:\.\d+)?)(?:e\+?(?P<power>\d{1,2})|\s*(?P<unit>[KMGT]))?",
    re.ASCII | re.IGNORECASE,
)


def parse_params(text: str) -> int:
    """A number of parameters, as `PARAMS_FORMS` says; a part of one is rounded."""
    if not WRITTEN.fullmatch(text.strip()) or text.strip()[-1:].upper() == "T":
        raise ArchitectureError(f"a number of parameters is written {PARAMS_FORMS}; got {shown(text)}")
    params = amount(text)
    if params not in PARAMS:
        raise ArchitectureError(f"a number of parameters is {PARAMS}; got {shown(text)}")
    return params


def amount(text: str, most: int | None = None) -> int:
    """A whole number with a unit, as 5G; a part of one is rounded. Raises ValueError for anything else."""
    match = WRITTEN.fullmatch(text.strip())
    if not match:
        raise ValueError(text)
    number = Decimal(match["number"].replace(",", "").replace("_", ""))
    found: int = round(number * 10 ** int(match["power"] or 0) * UNITS[(match["unit"] or "").upper()])
    if most is not None and (found > most or (number and not found)):  # 0.4 is not 0, which means that there is no cap
        raise ValueError(text)
    return found
