"""Films made alike on the device, before the network sees them, in training and at inference.

Scanners, archives and resamplers leave the same hand sharper or smoother, brighter or darker, and a network that has seen one
kind reads another's ages wrong. Varying films (`augmentation.py`) teaches it to bear that; what is here takes the
difference away. Nothing is learned, no parameter added, and MACs do not count it. All is made of Keras' own operations, so that a
saved network needs no code of ours. Images are float32 (batch, px, px, 1), black 0, white 1.
"""

import math
from itertools import pairwise
from typing import Any

from models.backend import keras

import numpy as np

from models.architecture import Architecture

Tensor = Any  # Keras' symbolic one, or an array

FINE_PX = 1.0  # what a Gaussian of this standard deviation takes away is fine detail
# Standard deviations, each mixed with its sharper neighbour, the first with the film itself.
SOFTER_PX = (0.5, 0.8, 1.2, 1.8, 2.6)
BRIGHTER = 0.2  # share of the pixels above the grey that is set: on nearly every film they lie in the hand
LOOKED_AT_PX = 64  # of the side at least: every second, third, ... pixel of larger films tells as much
HALVINGS = 10  # of the range of greys, until that grey is known to a quarter of a step of 8 bits
DARKEST = 1e-3  # a grey that a power can be taken of, below the first step of 8 bits
WHITE = 1 - 0.5 / 255  # of 8 bits only the last step is above
POWERS = (0.2, 8.0)  # beyond them a film would become black or white
LEAST = 1e-4  # contrast below which nothing is divided by it


def alike(images: Tensor, architecture: Architecture) -> Tensor:
    """As the network is to see them; where it sees them as they are, the same tensor."""
    ops = keras.ops
    if not (architecture.even_detail or architecture.even_tone):
        return images
    made = ops.cast(images, "float32")
    if architecture.even_tone:
        made = even_tone(made, architecture.even_tone)
    if architecture.even_detail:  # after it: what share of the contrast is fine depends on the gamma
        made = even_detail(made, architecture.even_detail)
    return ops.cast(made, images.dtype)


def even_detail(images: Tensor, most: float) -> Tensor:
    """Each softened until its fine detail is about `most` of its contrast (both standard deviations); a smoother film stays as it is."""
    films = [images, *(softened(images, deviation) for deviation in SOFTER_PX)]
    made = images
    for (sharper, softer), (more, less) in zip(pairwise(films), pairwise(map(fine_detail, films)), strict=True):
        way = keras.ops.clip((more - most) / keras.ops.maximum(more - less, LEAST), 0.0, 1.0)
        made = made + way * (softer - sharper)
    return made


def fine_detail(images: Tensor) -> Tensor:
    """Share of each film's contrast, (batch, 1, 1, 1)."""
    return contrast(images - softened(images, FINE_PX)) / keras.ops.maximum(contrast(images), LEAST)


def contrast(images: Tensor) -> Tensor:
    return keras.ops.std(images, axis=(1, 2), keepdims=True)


def softened(images: Tensor, deviation: float) -> Tensor:
    """By a Gaussian, mirrored at the edges."""
    ops, reach = keras.ops, math.ceil(3 * deviation)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    wide = ops.pad(images, [[0, 0], [reach, reach], [reach, reach], [0, 0]], mode="symmetric")
    rows = ops.conv(wide, weights.reshape(-1, 1, 1, 1), padding="valid")
    return ops.conv(rows, weights.reshape(1, -1, 1, 1), padding="valid")


def even_tone(images: Tensor, grey: float) -> Tensor:
    """The greys of each to the power at which a fifth of its pixels is brighter than `grey`: so gammas of all films are one."""
    ops = keras.ops
    exponent = ops.clip(math.log(grey) / ops.log(brighter_fifth(images)), *POWERS)
    return ops.where(images > 0, ops.exp(ops.log(ops.maximum(images, DARKEST)) * exponent), 0.0)


def brighter_fifth(images: Tensor) -> Tensor:
    """The grey above which BRIGHTER of the pixels lie, (batch, 1, 1, 1).

    White frames and letters are left out. Black is not: which dark greys of 8 bits are black depends on the gamma, which is to be
    found. By halving, as no runtime that we export to needs sort for it.
    """
    ops, step = keras.ops, max(images.shape[1] // LOOKED_AT_PX, 1)
    some = images[:, ::step, ::step]
    counts = ops.cast(some < WHITE, "float32")
    wanted = (1 - BRIGHTER) * ops.sum(counts, axis=(1, 2), keepdims=True)
    low = ops.zeros_like(some[:, :1, :1])
    for halving in range(1, HALVINGS + 1):
        middle = low + 2.0**-halving
        darker = ops.sum(counts * ops.cast(some < middle, "float32"), axis=(1, 2), keepdims=True)
        low = ops.where(darker < wanted, middle, low)
    return low + 2.0 ** -(HALVINGS + 1)
