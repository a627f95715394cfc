"""Shapes on a layer of pixels: a profile along an axis, and an outline around a centre."""

import math
from typing import NamedTuple

import numpy as np

from data.phantom.maturity import Floats
from data.phantom.proportions import Point
from data.phantom.skeleton import Axis, Pose

PROFILE_SAMPLES = 160
OUTLINE_SAMPLES = 64
HAND_CENTRE = (0.03, 0.40)  # the point of the hand that sits at the pose's centre


class Canvas(NamedTuple):
    """A layer with the map from hand units to its pixels."""

    layer: Floats
    unit_px: float
    rotation: Point  # sine and cosine
    centre_px: Point

    def pixel(self, point: Point) -> Point:
        x, y = point[0] - HAND_CENTRE[0], point[1] - HAND_CENTRE[1]
        sin, cos = self.rotation
        return (
            self.centre_px[0] + self.unit_px * (x * cos + y * sin),
            self.centre_px[1] - self.unit_px * (y * cos - x * sin),
        )


def empty_canvas(pose: Pose, image_px: int) -> Canvas:
    """An empty layer in this pose."""
    rotation = math.radians(pose.rotation_deg)
    return Canvas(
        np.zeros((image_px, image_px), np.float32),
        pose.scale * image_px,
        (math.sin(rotation), math.cos(rotation)),
        (pose.centre[0] * image_px - 0.5, pose.centre[1] * image_px - 0.5),
    )


def stamp_profile(
    canvas: Canvas,
    axis: Axis,
    half_width: Floats,
    density: Floats,
    bend: float,
    shade: tuple[float, float],  # brightness on the axis, and what the rim adds to it
    combine: np.ufunc,
) -> None:
    """Draw a profile along an axis. With `bend`, cross-sections curve away from the origin towards the rim."""
    start, end = canvas.pixel(axis.at(0)), canvas.pixel(axis.at(axis.length))
    window = covered(canvas, start, end, float(half_width.max()) * canvas.unit_px + 1)
    if window is None:
        return
    columns, rows, patch = window
    per_px = 1 / (canvas.unit_px * canvas.unit_px * axis.length)  # direction over length, in hand units per pixel
    step_x, step_y = (end[0] - start[0]) * per_px, (end[1] - start[1]) * per_px
    x, y = columns - np.float32(start[0]), rows - np.float32(start[1])
    along = x * np.float32(step_x) + y * np.float32(step_y)
    across = np.abs(x * np.float32(step_y) - y * np.float32(step_x))
    widest = np.float32(half_width.max())
    if bend:
        along -= np.float32(bend / float(widest) ** 2) * np.minimum(across, widest) * across
    sample = (along * np.float32(PROFILE_SAMPLES / axis.length)).astype(np.intp)
    inside = half_width.take(sample, mode="clip")
    level = density.take(sample, mode="clip")
    level *= along >= 0
    level *= along < np.float32(axis.length)
    rim = across / np.maximum(inside, np.float32(1e-3))
    rim = np.minimum(rim * rim, 1)
    inside -= across
    level *= np.minimum(np.maximum(inside * np.float32(canvas.unit_px) + np.float32(0.5), 0), 1)
    level *= np.float32(shade[0]) + np.float32(shade[1]) * rim
    combine(patch, level, out=patch)


def stamp_outline(canvas: Canvas, place: Point, outline: Floats, shade: tuple[float, float], combine: np.ufunc) -> None:
    """Draw an outline given as radii around its centre."""
    centre = canvas.pixel(place)
    window = covered(canvas, centre, centre, float(outline.max()) * canvas.unit_px + 1)
    if window is None:
        return
    columns, rows, patch = window
    x, y = columns - np.float32(centre[0]), rows - np.float32(centre[1])
    sin, cos = np.float32(canvas.rotation[0]), np.float32(canvas.rotation[1])
    right, up = x * cos + y * sin, x * sin - y * cos
    # A diamond angle stands in for the true one: it needs exactly rounded operations only, and 45 degrees stay 45.
    size = np.abs(right) + np.abs(up) + np.float32(1e-6)
    quarter = up / size
    turn = np.where(right >= 0, quarter, 2 - quarter)  # -1 .. 3 quarters of a turn
    sample = (turn * np.float32(OUTLINE_SAMPLES / 4) + np.float32(OUTLINE_SAMPLES + 0.5)).astype(np.intp)
    radius = outline.take(sample, mode="wrap") * np.float32(canvas.unit_px)
    distance = np.sqrt(right * right + up * up)
    rim = np.minimum(distance / radius, 1)
    rim *= rim
    level = np.minimum(np.maximum(radius - distance + np.float32(0.5), 0), 1)
    level *= np.float32(shade[0]) + np.float32(shade[1]) * rim * rim
    combine(patch, level, out=patch)


def covered(canvas: Canvas, start: Point, end: Point, margin: float) -> tuple[Floats, Floats, Floats] | None:
    """Pixel columns and rows of the box around a line, and the part of the layer it covers; None outside the frame."""
    size = canvas.layer.shape[0]
    left = max(math.floor(min(start[0], end[0]) - margin), 0)
    right = min(math.ceil(max(start[0], end[0]) + margin) + 1, size)
    top = max(math.floor(min(start[1], end[1]) - margin), 0)
    bottom = min(math.ceil(max(start[1], end[1]) + margin) + 1, size)
    if left >= right or top >= bottom:
        return None
    columns = np.arange(left, right, dtype=np.float32)
    rows = np.arange(top, bottom, dtype=np.float32)[:, None]
    return columns, rows, canvas.layer[top:bottom, left:right]
