"""Where the cells of the network's last feature map lie in the image.

Convolutions and poolings without padding make the map smaller at its edges: at 300 px the stock network's 8×8 cells are centred
at pixels 37 to 261. Stretching the map over the whole image would misplace what it shows by up to half a cell.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.architecture import Architecture
from models.stages import Conv, Pool, stages, walk


class Cells(NamedTuple):
    """One axis; the image is square and treated alike along both."""

    first_px: float  # centre of the first cell, in pixels from the centre of the image's first
    step_px: int
    across: int  # how many


class Placing:
    """The walk: every layer moves the first centre inwards by half of what it cuts off."""

    def conv(self, x: Cells, layer: Conv) -> Cells:
        return placed(x, layer.height, layer.stride, layer.same)

    def pool(self, x: Cells, layer: Pool) -> Cells:
        return placed(x, 3, layer.stride, layer.same)

    def concatenate(self, xs: Sequence[Cells]) -> Cells:
        return xs[0]  # branches that did not agree could not be concatenated


def placed(x: Cells, kernel: int, stride: int, same: bool) -> Cells:
    if same:  # of stride 1 throughout `stages.py`
        return x
    return Cells(x.first_px + (kernel - 1) / 2 * x.step_px, x.step_px * stride, (x.across - kernel) // stride + 1)


def cells(architecture: Architecture, image_px: int) -> Cells:
    """Of the map that GAP averages."""
    x = Cells(0.0, 1, image_px)
    for stage in stages(architecture):
        x = walk(stage.layers, x, Placing())
    return x


def spread(months: np.ndarray, where: Cells, image_px: int, side_px: int) -> np.ndarray:
    """Maps (n, cells, cells) at every pixel of the image drawn `side_px` wide: float32 (n, side_px, side_px), months per cell.

    Between the centres of cells it is linear, beyond the outermost it stays as it is there.
    """
    pixels = (np.arange(side_px) + 0.5) * (image_px / side_px) - 0.5
    place = np.clip((pixels - where.first_px) / where.step_px, 0, where.across - 1)
    share = np.maximum(0, 1 - np.abs(place[:, np.newaxis] - np.arange(where.across)))
    return np.asarray(np.einsum("pi,nij,qj->npq", share, months, share), np.float32)
