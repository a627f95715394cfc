"""What differs between films, hands and scanners, at random, on the device: as Keras layers that are off at inference.

On a GPU, XLA compiles the training step, so all is made of operations that XLA has. Keras' own layers that turn, zoom and shift
use one that it lacks, and that has no bfloat16 kernel on a GPU either. Blur, sharpness and resampling are separable filters, thus
for each image a matrix on its rows and on its columns: two products, which cost a hundredth of a network, take another filter for
every image, and have one shape whatever is drawn. Each layer of films leaves half of the images alone, so that films as they are
stay what is mostly seen. Images are float32 (batch, px, px, 1), black 0, white 1.

A saved network holds none of these layers: `models/training/batch_norm.py` leaves an identity in their place.
"""

import math
from itertools import product
from typing import Any

from models.backend import keras, tf

from models.training.settings import Training

Tensor = Any  # TensorFlow's
SPARED = 0.5  # of the images, by each layer that changes a film
LANCZOS_LOBES = 3


class Varied(keras.layers.Layer):  # type: ignore[misc] # Keras ships no types
    """A random change of each image; `most` is how far it goes. Computed in float32 whatever the network is."""

    spared = SPARED

    def __init__(self, most: float, **how: Any) -> None:
        super().__init__(dtype="float32", **how)
        self.most, self.generator = most, keras.random.SeedGenerator(0)

    def call(self, images: Tensor, training: bool | None = None) -> Tensor:
        if not training:
            return images
        spared = self.uniform(images) < self.spared
        return tf.where(spared, images, tf.clip_by_value(self.changed(images), 0.0, 1.0))

    def changed(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def uniform(self, images: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
        """A number for each image, (batch, 1, 1, 1)."""
        return self.drawn((tf.shape(images)[0], 1, 1, 1), low, high)

    def drawn(self, shape: Any, low: float = 0.0, high: float = 1.0) -> Tensor:
        return tf.random.stateless_uniform(shape, tf.cast(self.generator.next(), tf.int32), low, high)


class Pose(Varied):
    """How the hand lies: every image is moved. Beyond the film it is black, as radiographs end."""

    spared = 0.0

    def changed(self, images: Tensor) -> Tensor:
        side = images.shape[1]
        place = tf.range(side, dtype=tf.float32) - (side - 1) / 2
        return sampled(images, *self.sources(images, place[:, None], place[None, :]))

    def sources(self, images: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        """Where the pixel of a row and column comes from, all in pixels from the image's centre: (batch, side, side)."""
        raise NotImplementedError


class Rotate(Pose):
    """By up to `most` radians either way."""

    def sources(self, images: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        turn = self.uniform(images, -self.most, self.most)[..., 0]
        across, along = tf.sin(turn), tf.cos(turn)
        return along * row + across * column, along * column - across * row


class Zoom(Pose):
    """So that up to `most` of the side more or less is seen."""

    def sources(self, images: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        seen = 1 + self.uniform(images, -self.most, self.most)[..., 0]
        return seen * row, seen * column


class Translate(Pose):
    """By up to `most` of the side, up or down and to either side."""

    def sources(self, images: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        down, right = (images.shape[1] * self.uniform(images, -self.most, self.most)[..., 0] for _ in range(2))
        return row - down, column - right


def sampled(images: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Images (batch, px, px, 1) at these places, in pixels from the centre, that broadcast to (batch, px, px): bilinear, and black outside."""
    side = images.shape[1]
    batch, centre = tf.shape(images)[0], (side - 1) / 2
    shape = (batch, side, side)
    row, column = tf.broadcast_to(row + centre, shape), tf.broadcast_to(column + centre, shape)
    greys, found = tf.reshape(images, (batch, side * side)), tf.zeros(shape)
    for down, right in product((0.0, 1.0), repeat=2):
        above, left = tf.floor(row) + down, tf.floor(column) + right
        share = (1 - tf.abs(row - above)) * (1 - tf.abs(column - left))
        inside = (above >= 0) & (above < side) & (left >= 0) & (left < side)
        place = tf.clip_by_value(above, 0, side - 1) * side + tf.clip_by_value(left, 0, side - 1)
        grey = tf.gather(greys, tf.reshape(tf.cast(place, tf.int32), (batch, side * side)), batch_dims=1)
        found += tf.where(inside, share, 0.0) * tf.reshape(grey, shape)
    return found[..., None]


class Blur(Varied):
    """Gaussian, of a standard deviation up to `most` pixels."""

    def changed(self, images: Tensor) -> Tensor:
        return filtered(images, gaussian(images.shape[1], self.uniform(images, 0.05, self.most)))


class Sharpness(Varied):
    """Unsharp masking: what a blur of one pixel takes away is added up to `most` times."""

    def changed(self, images: Tensor) -> Tensor:
        smooth = filtered(images, gaussian(images.shape[1], tf.ones_like(self.uniform(images))))
        return images + self.uniform(images, 0.0, self.most) * (images - smooth)


class Resampling(Varied):
    """Shrunk by up to `most` of the side and enlarged again, each by nearest neighbour, triangle, cubic or Lanczos filters."""

    def changed(self, images: Tensor) -> Tensor:
        side = images.shape[1]
        pixels = tf.round(side * (1 - self.uniform(images, 0.0, self.most)))
        down = resampler(side, side, side / pixels, *self.kinds(images))
        up = resampler(side, side, pixels / side, *self.kinds(images), last=pixels - 1)
        return filtered(images, tf.matmul(up, down))

    def kinds(self, images: Tensor) -> list[Tensor]:
        """Of each image, which of the four filters is its own: 1 or 0."""
        kind = tf.floor(self.uniform(images, 0.0, 4.0))[..., 0]
        return [tf.cast(kind == number, tf.float32) for number in range(4)]


class Gamma(Varied):
    """Greys to a power between 1 / `most` and `most`."""

    def changed(self, images: Tensor) -> Tensor:
        reach = math.log(self.most)
        return tf.pow(tf.maximum(images, 1e-6), tf.exp(self.uniform(images, -reach, reach)))


class Contrast(Varied):
    """The distance to the image's mean is changed by up to `most` of it, and the mean by up to `most` of the range."""

    def changed(self, images: Tensor) -> Tensor:
        mean = tf.reduce_mean(images, (1, 2), keepdims=True)
        slope = 1 + self.uniform(images, -self.most, self.most)
        return mean + slope * (images - mean) + self.uniform(images, -self.most, self.most)


class Noise(Varied):
    """Normal, of a standard deviation up to `most` of the range."""

    def changed(self, images: Tensor) -> Tensor:
        seed = tf.cast(self.generator.next(), tf.int32)
        return images + self.uniform(images, 0.0, self.most) * tf.random.stateless_normal(tf.shape(images), seed)


class ErasedBorder(Varied):
    """On each side a strip of up to `most` of it is painted in one grey, as collimators, cassettes and padding do."""

    def changed(self, images: Tensor) -> Tensor:
        side = images.shape[1]
        widths = [self.uniform(images, 0.0, self.most * side) for _ in range(4)]
        place = tf.range(side, dtype=tf.float32)
        row, column = place[:, None, None], place[None, :, None]
        inside = (row >= widths[0]) & (row < side - widths[1]) & (column >= widths[2]) & (column < side - widths[3])
        grey = tf.round(self.uniform(images)) * self.uniform(images)  # black as often as any other
        return tf.where(inside, images, grey)


def filtered(images: Tensor, matrix: Tensor) -> Tensor:
    """Rows and columns of (batch, px, px, 1) by a matrix of each image, (batch, px, px)."""
    return tf.matmul(tf.matmul(matrix, images[..., 0]), matrix, transpose_b=True)[..., None]


def gaussian(side: int, deviation: Tensor) -> Tensor:
    """(batch, side, side) of deviations in pixels, (batch, 1, 1, 1); at the edges what is there counts alone."""
    place = tf.range(side, dtype=tf.float32)
    return normalized(tf.exp(-0.5 * ((place[:, None] - place) / deviation[..., 0]) ** 2))


def resampler(side: int, to: int, step: Tensor, *kinds: Tensor, last: Tensor | None = None) -> Tensor:
    """From `side` pixels to `to`, each `step` of the former wide: (batch, to, side), row by row what a new pixel is made of.

    `step` is (batch, 1, 1, 1), `kinds` the shares of the four filters, (batch, 1, 1) each. Filters widen where they shrink,
    as Pillow's do; nearest neighbour takes one pixel. With `last` the pixels beyond it, (batch, 1, 1, 1), do not exist.
    """
    width = step[..., 0]
    end = side - 1.0 if last is None else last[..., 0]
    source = tf.range(side, dtype=tf.float32)
    centre = tf.clip_by_value((tf.range(to, dtype=tf.float32)[:, None] + 0.5) * width - 0.5, 0.0, end)
    there = tf.cast(source <= end, tf.float32)
    far = tf.abs((source - centre) / tf.maximum(width, 1.0))
    nearest = tf.cast(source == tf.floor(centre + 0.5), tf.float32)
    weights = [nearest, triangle(far), cubic(far), lanczos(far)]
    return sum(kind * normalized(there * weight) for kind, weight in zip(kinds, weights, strict=True))


def triangle(far: Tensor) -> Tensor:
    return tf.maximum(1 - far, 0.0)


def cubic(far: Tensor) -> Tensor:
    """Keys', with a = -0.5, as Pillow has it."""
    near, wide = (1.5 * far - 2.5) * far**2 + 1, ((-0.5 * far + 2.5) * far - 4) * far + 2
    return tf.where(far < 1, near, tf.where(far < 2, wide, 0.0))


def lanczos(far: Tensor) -> Tensor:
    return tf.where(far < LANCZOS_LOBES, sinc(far) * sinc(far / LANCZOS_LOBES), 0.0)


def sinc(x: Tensor) -> Tensor:
    turned = tf.maximum(math.pi * x, 1e-6)
    return tf.sin(turned) / turned


def normalized(weights: Tensor) -> Tensor:
    return weights / tf.reduce_sum(weights, -1, keepdims=True)


# By the field of the settings that says how far each goes, in the order in which a film comes about.
FILMS: dict[str, type[Varied]] = {
    "resampling": Resampling,
    "blur_px": Blur,
    "sharpness": Sharpness,
    "gamma": Gamma,
    "contrast": Contrast,
    "noise": Noise,
    "erased_border": ErasedBorder,
}


def augmentation(training: Training) -> list[keras.Layer]:
    """Random layers on the device; Keras switches them off at inference."""
    return [*poses(training), *films(training)]


def poses(training: Training) -> list[keras.Layer]:
    """How the hand lies."""
    chosen = []
    flips = {(True, True): "horizontal_and_vertical", (True, False): "horizontal", (False, True): "vertical"}
    if mode := flips.get((training.flip_horizontal, training.flip_vertical)):
        chosen.append(keras.layers.RandomFlip(mode, name="flip", dtype="float32"))
    moves = {
        "rotate": (Rotate, math.radians(training.rotation_degrees)),
        "zoom": (Zoom, training.zoom),
        "translate": (Translate, training.translation),
    }
    return [*chosen, *(move(most, name=name) for name, (move, most) in moves.items() if most)]


def films(training: Training) -> list[keras.Layer]:
    """How it was exposed and stored."""
    asked = {name: getattr(training, name) for name in FILMS}
    return [FILMS[name](most, name=name) for name, most in asked.items() if most]
