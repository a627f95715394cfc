"""What an X-ray exposure makes of the shadow: film, collimator, marker, blur and noise."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.phantom.maturity import Floats
from data.phantom.proportions import Point
from data.phantom.skeleton import between

DENSEST = 1.25  # shadow at which the film is fully exposed
LOW_CONTRAST_SHARE = 0.10
FLIPPED_SHARE = 0.03


class Exposure(NamedTuple):
    flipped: bool
    air: float  # grey level behind the hand, 0 to 1
    span: float  # from air to bone
    curve: float  # film curve: 1 straight, below 1 bright, above 1 dark
    tilt: Point  # of the air level across the frame
    field: tuple[float, float, float, float]  # collimated field: tilt, half width, half height, level outside
    marker: tuple[float, float, float, float]  # the L: x, y, size, sine of its tilt
    blur: float  # frame units
    noise: float  # of the span


def drawn_exposure(rng: np.random.Generator) -> Exposure:
    u = [float(value) for value in rng.random(20)]
    low_contrast = u[0] < LOW_CONTRAST_SHARE
    air = between(u[1], 0.05, 0.42)
    collimated = u[9] < 0.6
    corner_x = 0.10 if u[13] < 0.5 else 0.86
    corner_y = 0.15 if u[14] < 0.5 else 0.85
    return Exposure(
        flipped=u[19] < FLIPPED_SHARE,
        air=air,
        span=between(u[2], 0.06, 0.14) if low_contrast else between(u[2], 0.28, 0.56),
        curve=2 ** between(u[3], -1.0, 1.0),
        tilt=(between(u[4], -0.06, 0.06), between(u[5], -0.06, 0.06)),
        field=(
            between(u[6], -0.12, 0.12),
            between(u[7], 0.40, 0.52) if collimated else 2.0,
            between(u[8], 0.47, 0.54) if collimated else 2.0,
            between(u[10], 0.0, 1.1),
        ),
        marker=(
            corner_x + between(u[11], -0.04, 0.04),
            corner_y + between(u[12], -0.05, 0.05),
            between(u[15], 0.04, 0.075),
            between(u[16], -0.3, 0.3),
        ),
        blur=between(u[17], 0.001, 0.0065),
        noise=between(u[18], 0.01, 0.045),
    )


def developed(shadow: Floats, exposure: Exposure, noise: Floats) -> NDArray[np.uint8]:
    """The picture: film curve, air, collimator, marker, blur, noise, grey levels."""
    image_px = shadow.shape[0]
    x = (np.arange(image_px, dtype=np.float32) + np.float32(0.5)) / np.float32(image_px) - np.float32(0.5)
    y = x[:, None]
    f = np.float32

    dense = np.minimum(shadow, f(DENSEST))
    dense = dense / (dense + f(exposure.curve) * (f(DENSEST) - dense))
    tilt = f(1) + (x * f(exposure.tilt[0]) + y * f(exposure.tilt[1])) * f(2)
    image = f(exposure.air) * tilt + f(exposure.span) * dense

    slope, half_width, half_height, outside = exposure.field
    if half_width < 1:
        inset = np.minimum(f(half_width) - np.abs(x + y * f(slope)), f(half_height) - np.abs(y - x * f(slope)))
        inside = np.minimum(np.maximum(inset * f(image_px) + f(0.5), 0), 1)
        image *= inside + (1 - inside) * f(outside)

    stamp_marker(image, exposure, x, y)
    image = blurred(image, exposure.blur * image_px)
    image += noise * f(exposure.noise * exposure.span)
    return (np.minimum(np.maximum(image, 0), 1) * f(255) + f(0.5)).astype(np.uint8)


def stamp_marker(image: Floats, exposure: Exposure, x: Floats, y: Floats) -> None:
    centre_x, centre_y, size, tilt = exposure.marker
    dx, dy = x - np.float32(centre_x - 0.5), y - np.float32(centre_y - 0.5)
    right, down = dx + dy * np.float32(tilt), dy - dx * np.float32(tilt)
    in_box = (right >= 0) & (right < np.float32(0.65 * size)) & (down >= np.float32(-size)) & (down < 0)
    stroke = (right < np.float32(0.2 * size)) | (down >= np.float32(-0.2 * size))
    image[in_box & stroke] = np.float32(min(exposure.air + 1.1 * exposure.span, 1.0))


def blurred(image: Floats, sd_px: float) -> Floats:
    """Two passes of [w, 1-2w, w] along each axis with the variance asked for: close to a Gaussian when small."""
    variance = np.float32(sd_px * sd_px)
    passes = max(1, math.ceil(float(variance) / 0.5))
    side = variance / np.float32(2 * passes)
    for _ in range(passes):
        for axis in (0, 1):
            image = smoothed(image, side, axis)
    return image


def smoothed(image: Floats, side: np.float32, axis: int) -> Floats:
    padded = np.concatenate([image.take([0], axis), image, image.take([-1], axis)], axis)
    before, after = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
    smooth: Floats = image * (1 - 2 * side) + (before + after) * side
    return smooth
