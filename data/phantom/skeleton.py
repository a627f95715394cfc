"""The pose of a hand, and where every bone lies in it."""

import math
from typing import NamedTuple

import numpy as np

from data.phantom.maturity import Bones
from data.phantom.proportions import CARPALS, LONG_BONES, METACARPAL_ROWS, RAY_ROWS, RAYS, Point


class Pose(NamedTuple):
    rotation_deg: float
    forearm_deg: float
    spread: float
    scale: float  # frame units per hand unit
    centre: Point  # frame units
    kinks_deg: tuple[float, ...]  # per long bone
    slender: float  # of the bones
    flesh: float  # of the soft tissue


def drawn_pose(rng: np.random.Generator) -> Pose:
    u = rng.random(8)
    kinks = rng.standard_normal(len(LONG_BONES))
    return Pose(
        rotation_deg=between(u[0], -15, 15),
        forearm_deg=between(u[1], -7, 7),
        spread=between(u[2], 0.0, 1.5),
        scale=between(u[3], 0.55, 0.69),
        centre=(between(u[4], 0.46, 0.54), between(u[5], 0.48, 0.54)),
        kinks_deg=tuple(float(kink) * 1.5 for kink in kinks),
        slender=between(u[6], 0.92, 1.08),
        flesh=between(u[7], 0.9, 1.15),
    )


def between(unit: float, low: float, high: float) -> float:
    return low + (high - low) * float(unit)


class Axis(NamedTuple):
    """A line in the hand from `origin`, its direction an angle from the hand's axis to the thumb side."""

    origin: Point
    angle_deg: float
    length: float

    def at(self, along: float, across: float = 0.0) -> Point:
        """The point so far along the line, and to its right seen from the origin."""
        sin, cos = math.sin(math.radians(self.angle_deg)), math.cos(math.radians(self.angle_deg))
        return self.origin[0] + along * sin + across * cos, self.origin[1] + along * cos - across * sin

    def reversed(self) -> "Axis":
        return Axis(self.at(self.length), self.angle_deg + 180, self.length)


class Skeleton(NamedTuple):
    bones: tuple[Axis, ...]  # in the order of LONG_BONES, each from the end with the growth plate
    fingers: tuple[Axis, ...]
    metacarpals: tuple[Axis, ...]
    forearm: Axis
    carpals: tuple[Point, ...]


def posed_skeleton(bones: Bones, pose: Pose) -> Skeleton:
    # Fingers outgrow the wrist. The sum is kept at 1 hand unit, so that only proportions carry maturity.
    longest = sum(LONG_BONES[row].length for row in RAY_ROWS[2])
    ray_scale = 0.86 + 0.14 * bones.growth
    unit = (RAYS[2].base[1] + longest) / (RAYS[2].base[1] + longest * ray_scale)

    axes: dict[int, Axis] = {}
    fingers, metacarpals = [], []
    for ray, rows in zip(RAYS, RAY_ROWS, strict=True):
        start = (ray.base[0] * unit, ray.base[1] * unit)
        finger_deg = ray.finger_deg + pose.spread * ray.spread_deg
        for row in rows:
            angle = ray.metacarpal_deg if row in METACARPAL_ROWS else finger_deg
            bone = Axis(start, angle + pose.kinks_deg[row], LONG_BONES[row].length * ray_scale * unit)
            axes[row] = bone.reversed() if row in METACARPAL_ROWS[1:] else bone
            start = bone.at(bone.length)
            if row == rows[0]:
                metacarpals.append(bone)
                knuckle = start
        reach = math.dist(knuckle, start)
        angle_deg = math.degrees(math.atan2(start[0] - knuckle[0], start[1] - knuckle[1]))
        fingers.append(Axis(knuckle, angle_deg, reach + 0.02))

    forearm = Axis((-0.018, 0.12), 180 + pose.forearm_deg, 1.0)
    for row, across, below in ((0, -0.050, 0.125), (1, 0.062, 0.150)):
        axes[row] = Axis(forearm.at(below, across), forearm.angle_deg, LONG_BONES[row].length)

    carpals = [(carpal.centre[0] * unit, carpal.centre[1] * unit) for carpal in CARPALS[:-1]]
    carpals.append(metacarpals[0].at(metacarpals[0].length - 0.022, -0.032))  # sesamoid
    return Skeleton(
        tuple(axes[row] for row in range(len(LONG_BONES))), tuple(fingers), tuple(metacarpals), forearm, tuple(carpals)
    )
