"""Where the cells of the network's last feature map lie in the image.

Convolutions and poolings without padding make the map smaller at its edges: at 300 px the stock network's 8×8 cells are centred
at pixels 37 to 261. Stretching the map over the whole image would misplace what it shows by up to half a cell.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.architecture import Architecture
from models.layers import Act, Conv, Pool, Sum, size, walk
from models.stages import stages


class Cells(NamedTuple):
    """One axis; the image is square and treated alike along both."""

    first_px: float  # centre of the first cell, in pixels from the centre of the image's first
    step_px: float
    across: int  # how many


class Placing:
    """The walk: every layer moves the first centre inwards by half of what it cuts off."""

    def channels(self, x: Cells) -> int:
        return 0  # places know no channels

    def conv(self, x: Cells, layer: Conv, filters: int) -> Cells:
        return placed(x, layer.height, layer.stride, layer.same, layer.pad)

    def pool(self, x: Cells, layer: Pool) -> Cells:
        return placed(x, layer.kernel, layer.stride, layer.same, layer.pad)

    def act(self, x: Cells, layer: Act) -> Cells:
        return x

    def excite(self, x: Cells, filters: int) -> Cells:
        return x

    def concatenate(self, xs: Sequence[Cells]) -> Cells:
        return in_the_middle(xs)

    def add(self, xs: Sequence[Cells], layer: Sum) -> Cells:
        return in_the_middle(xs)


def in_the_middle(xs: Sequence[Cells]) -> Cells:
    """Branches that end in a strided window of another size look at places that differ by up to half of it; of these the middle."""
    return xs[0]._replace(first_px=sum(x.first_px for x in xs) / len(xs))


def placed(x: Cells, kernel: int, stride: int, same: bool, pad: int) -> Cells:
    across = size(x.across, kernel, stride, same, pad)
    # With "same", as many zeros as the last window needs; where their number is odd, one more behind than before.
    before = max((across - 1) * stride + kernel - x.across, 0) // 2 if same else pad
    return Cells(x.first_px + ((kernel - 1) / 2 - before) * x.step_px, x.step_px * stride, across)


def cells(architecture: Architecture, image_px: int) -> Cells:
    """Of the map that GAP averages."""
    seen_px = architecture.seen_px(image_px)
    x = Cells(0.0, 1, seen_px)
    for stage in stages(architecture):
        x = walk(stage.layers, x, Placing())
    if seen_px == image_px:
        return x
    shrunk = image_px / seen_px  # a pixel of the smaller image is so many of the larger one
    return Cells((x.first_px + 0.5) * shrunk - 0.5, x.step_px * shrunk, x.across)


def spread(months: np.ndarray, where: Cells, image_px: int, side_px: int) -> np.ndarray:
    """Maps (n, cells, cells) at every pixel of the image drawn `side_px` wide: float32 (n, side_px, side_px), months per cell.

    Between the centres of cells it is linear, beyond the outermost it stays as it is there.
    """
    pixels = (np.arange(side_px) + 0.5) * (image_px / side_px) - 0.5
    place = np.clip((pixels - where.first_px) / where.step_px, 0, where.across - 1)
    share = np.maximum(0, 1 - np.abs(place[:, np.newaxis] - np.arange(where.across)))
    return np.asarray(np.einsum("pi,nij,qj->npq", share, months, share), np.float32)
