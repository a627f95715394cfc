"""A procedural phantom of the left-hand radiograph: seeded pictures whose bones follow a latent maturity.

Conventions
    maturity, age   months of bone age; tables hold pairs (girls, boys)
    hand units      1 = from the wrist joint to the tip of the middle finger; x to the thumb, y to the fingertips,
                    origin at the wrist joint
    frame units     1 = the side of the picture; x right, y down, origin at its upper left corner
    orientation     left hand, back of the hand up: fingers up, thumb on the image RIGHT, radius right, ulna left
    picture         uint8, bone bright on a darker background

How it is made
    Every event age comes from `ossification.py`; each bone keeps its own clock, slow or fast against the maturity
    of the child, partly in common with its neighbours. A long bone is a profile along its axis (half width and
    density: epiphysis, growth plate, shaft); a carpal is an outline in polar form that grows from a disc to its adult
    shape. Pose, exposure, collimation, marker, blur and noise carry no age; a few pictures
    are mirrored. The same case is the same picture at
    every size, up to sampling and noise.

What is exaggerated
    Growth plates are drawn about twice as wide as in life (about one pixel at 96 px), epiphyses and the sesamoid a
    little thicker, carpals a little larger when they first appear: at 64-100 px true proportions would show nothing
    of puberty. Bone texture, ulnar variance, overlap of the carpals, disease and ethnicity are left out. Labels imitate
    the noise of human readings (single reading for train and validation, mean of six for test).

Results on the phantom say nothing about patients. It exists to try a pipeline whose answer is known.

The same numbers come out everywhere: PCG64 seeded from (seed, index), exactly rounded operations on the pixels (no
exp, no BLAS, no sums over many elements), a fixed order of draws.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.phantom.ossification import (
    ATLAS_PLATES_MONTHS,
    CASES_PER_YEAR,
    CENTRES,
    EPIPHYSES,
    GIRLS_AS_BOYS_MONTHS,
    HALF_WIDTH_DELAY_MONTHS,
    SCAR_FADE_MONTHS,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Point = tuple[float, float]

# --- cases ---------------------------------------------------------------------------------------------------------

AGE_LIMITS_MONTHS = (1.0, 228.0)
SINGLE_READING_SD_MONTHS = 5.3
TEST_READING_SD_MONTHS = 7.0
TEST_READINGS = 6
ATLAS_SHARE = 0.84

# --- clocks of the bones ---------------------------------------------------------------------------------------------

APPEARANCE_SD, WIDTH_SD, FUSION_SD = 0.11, 0.09, 0.05  # of the event's age
SHARED_CLOCK = 0.6  # a bone's clock = 0.6 of its group + 0.8 of its own, unit variance together
CLOCK_LIMIT = 2.5

# --- geometry, hand units --------------------------------------------------------------------------------------------

GROWTH_PLATE = 0.017
ADULT_JOINT, INFANT_JOINT = 0.005, 0.016  # unossified cartilage at each end of a bone
PROFILE_SAMPLES = 160
GROWTH_ZONE = 1.25  # radius of what is called the growth zone of a plate, in the half width of its grown epiphysis


class LongBone(NamedTuple):
    """Half widths at the growth plate, mid shaft and other end, and the thickness of the grown epiphysis."""

    length: float
    plate: float
    shaft: float
    end: float
    epiphysis: float
    bend: float  # how far the epiphysis curves around the end of the shaft, in its thickness


# In the order of EPIPHYSES. The growth plate is at the far end of radius, ulna and metacarpals 2-5, else at the base.
LONG_BONES = (
    LongBone(0.75, 0.076, 0.034, 0.036, 0.042, 0.10),
    LongBone(0.75, 0.043, 0.026, 0.028, 0.032, 0.15),
    LongBone(0.245, 0.041, 0.027, 0.038, 0.027, 0.10),
    LongBone(0.345, 0.040, 0.024, 0.040, 0.036, 0.45),
    LongBone(0.335, 0.040, 0.023, 0.036, 0.036, 0.45),
    LongBone(0.300, 0.036, 0.020, 0.032, 0.034, 0.45),
    LongBone(0.275, 0.035, 0.020, 0.034, 0.032, 0.45),
    LongBone(0.170, 0.038, 0.025, 0.032, 0.026, 0.15),
    LongBone(0.210, 0.038, 0.024, 0.031, 0.026, 0.15),
    LongBone(0.235, 0.040, 0.025, 0.033, 0.027, 0.15),
    LongBone(0.215, 0.037, 0.023, 0.030, 0.026, 0.15),
    LongBone(0.170, 0.033, 0.020, 0.026, 0.024, 0.15),
    LongBone(0.125, 0.033, 0.020, 0.027, 0.022, 0.15),
    LongBone(0.155, 0.034, 0.021, 0.028, 0.023, 0.15),
    LongBone(0.145, 0.032, 0.020, 0.026, 0.022, 0.15),
    LongBone(0.100, 0.028, 0.017, 0.023, 0.020, 0.15),
    LongBone(0.115, 0.033, 0.018, 0.021, 0.022, 0.10),
    LongBone(0.085, 0.027, 0.014, 0.018, 0.019, 0.10),
    LongBone(0.092, 0.028, 0.015, 0.019, 0.019, 0.10),
    LongBone(0.092, 0.027, 0.014, 0.018, 0.019, 0.10),
    LongBone(0.080, 0.024, 0.012, 0.016, 0.018, 0.10),
)
WRIST_ROWS, METACARPAL_ROWS = (0, 1), (2, 3, 4, 5, 6)
RAY_ROWS = ((2, 7, 16), (3, 8, 12, 17), (4, 9, 13, 18), (5, 10, 14, 19), (6, 11, 15, 20))  # thumb first


class Ray(NamedTuple):
    """A metacarpal with its finger: base, and angles from the hand's axis to the thumb side (degrees)."""

    base: Point
    metacarpal_deg: float
    finger_deg: float
    spread_deg: float  # added per unit of finger spread
    tissue: float  # half width of the finger


RAYS = (
    Ray((0.120, 0.116), 41.0, 28.0, 9.0, 0.062),
    Ray((0.064, 0.163), 10.0, 5.0, 7.5, 0.054),
    Ray((0.010, 0.165), 1.0, 0.5, 0.5, 0.055),
    Ray((-0.044, 0.160), -9.0, -4.0, -6.5, 0.051),
    Ray((-0.092, 0.146), -19.0, -9.0, -15.0, 0.045),
)


class Carpal(NamedTuple):
    """Place of a bone and its adult outline: radii every 45 degrees from the thumb side, counter-clockwise."""

    centre: Point
    radii: tuple[float, float, float, float, float, float, float, float]


# In the order of CENTRES; neighbours nearly touch when grown.
CARPALS = (
    Carpal((0.010, 0.106), (0.030, 0.040, 0.056, 0.040, 0.027, 0.036, 0.044, 0.036)),
    Carpal((-0.052, 0.110), (0.034, 0.042, 0.040, 0.042, 0.038, 0.026, 0.028, 0.042)),
    Carpal((-0.074, 0.058), (0.032, 0.026, 0.022, 0.030, 0.034, 0.030, 0.022, 0.030)),
    Carpal((-0.014, 0.036), (0.032, 0.030, 0.024, 0.034, 0.033, 0.034, 0.026, 0.032)),
    Carpal((0.100, 0.096), (0.030, 0.028, 0.034, 0.034, 0.028, 0.032, 0.029, 0.030)),
    Carpal((0.061, 0.124), (0.021, 0.027, 0.033, 0.026, 0.020, 0.023, 0.025, 0.024)),
    Carpal((0.056, 0.052), (0.034, 0.048, 0.034, 0.028, 0.036, 0.036, 0.026, 0.030)),
    Carpal((-0.082, 0.052), (0.019, 0.019, 0.022, 0.019, 0.019, 0.019, 0.022, 0.019)),
    Carpal((-0.052, 0.100), (0.014, 0.014, 0.012, 0.014, 0.014, 0.014, 0.012, 0.014)),
    Carpal((0.000, 0.000), (0.014, 0.015, 0.017, 0.015, 0.014, 0.015, 0.017, 0.015)),  # placed beside metacarpal 1
)
CARPAL_SCALE = 1.06
OVERLAID_ROWS = (7, 8, 9)  # lie over another bone: their shadow adds
OUTLINE_SAMPLES = 64

# --- brightness ------------------------------------------------------------------------------------------------------

TISSUE_LEVEL, BONE_LEVEL = 0.49, 0.60
OVERLAY_LEVEL = 0.30
HALF_THICKNESS = 0.35  # of overlapping soft tissue, where its shadow is half as dark as it can get
DENSEST = 1.25  # shadow at which the film is fully exposed
LOW_CONTRAST_SHARE = 0.10
FLIPPED_SHARE = 0.03


@dataclass(frozen=True)
class PhantomCase:
    id: str
    male: bool
    maturity_months: float  # the truth, which no reader sees
    age_months: float  # the label
    split: str  # "train", "validation" or "test"
    seed: int  # of the picture


def phantom_cases(
    count: int, seed: int = 0, validation_fraction: float = 0.15, test_fraction: float = 0.1
) -> tuple[PhantomCase, ...]:
    """The first `count` cases of a seed. A case depends on (seed, index) alone, so a shorter list is a prefix."""
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")
    if min(validation_fraction, test_fraction) < 0 or validation_fraction + test_fraction > 1:
        raise ValueError(
            "validation_fraction and test_fraction must not be negative and must not exceed 1 together, "
            f"got {validation_fraction} and {test_fraction}"
        )
    return tuple(_case(seed, index, validation_fraction, test_fraction) for index in range(count))


def _case(seed: int, index: int, validation_fraction: float, test_fraction: float) -> PhantomCase:
    rng = _generator(seed, index)
    picture_seed = int(rng.integers(2**63))
    draw_split, draw_sex_year, draw_in_year, draw_atlas = (float(value) for value in rng.random(4))
    readings = rng.standard_normal(TEST_READINGS)  # always all drawn: the split shifts no other number

    sex_year = int(np.searchsorted(_SEX_YEAR_CUMULATIVE, draw_sex_year * _SEX_YEAR_CUMULATIVE[-1], side="right"))
    sex, year = divmod(sex_year, len(CASES_PER_YEAR[0]))
    maturity = (year + draw_in_year) * 12.0
    if draw_split < test_fraction:
        split = "test"
        age = round(maturity + TEST_READING_SD_MONTHS * math.fsum(readings) / TEST_READINGS, 2)
    else:
        split = "validation" if draw_split < test_fraction + validation_fraction else "train"
        reading = maturity + SINGLE_READING_SD_MONTHS * float(readings[0])
        age = _nearest_plate(reading, sex) if draw_atlas < ATLAS_SHARE else float(round(reading))
    low, high = AGE_LIMITS_MONTHS
    return PhantomCase(f"phantom-{index:06d}", sex == 1, maturity, min(max(age, low), high), split, picture_seed)


def _nearest_plate(months: float, sex: int) -> float:
    return float(min(ATLAS_PLATES_MONTHS[sex], key=lambda plate: abs(plate - months)))


def _generator(*entropy: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def draw(case: PhantomCase, image_px: int) -> NDArray[np.uint8]:
    """The radiograph of a case: pose and exposure follow `case.seed` alone, the bones also sex and maturity."""
    if image_px < 16:
        raise ValueError(f"image_px must be at least 16, got {image_px}")
    rng = _generator(case.seed)
    clocks = _clocks(rng)
    pose = _pose(rng)
    exposure = _exposure(rng)
    noise = rng.standard_normal((image_px, image_px), dtype=np.float32)

    bones = _bones(case.maturity_months, int(case.male), clocks)
    shadow = _shadow(_skeleton(bones, pose), bones, pose, image_px)
    if exposure.flipped:
        shadow = shadow[:, ::-1]
    return _develop(shadow, exposure, noise)


class Anatomy(NamedTuple):
    """Where in a drawn picture what is: bool (image_px, image_px)."""

    hand: NDArray[np.bool_]  # flesh and bone
    bone: NDArray[np.bool_]  # what is ossified at this maturity
    growth: NDArray[
        np.bool_
    ]  # where maturity shows: around every growth plate, open or closed, and every carpal's place


def anatomy(case: PhantomCase, image_px: int) -> Anatomy:
    """The masks of the picture that `draw` makes of this case, at the same size."""
    rng = _generator(case.seed)
    clocks, pose, exposure = _clocks(rng), _pose(rng), _exposure(rng)
    bones = _bones(case.maturity_months, int(case.male), clocks)
    skeleton = _skeleton(bones, pose)
    tissue, bone, growth = (_canvas(pose, image_px) for _ in range(3))
    _draw_tissue(tissue, skeleton, bones, pose)
    _draw_long_bones(bone, skeleton, bones, pose)
    _draw_carpals(bone, skeleton, bones)
    _draw_growth_zones(growth, skeleton, pose)
    way = -1 if exposure.flipped else 1
    bony = bone.layer[:, ::way] > 0
    return Anatomy((tissue.layer[:, ::way] > 0) | bony, bony, growth.layer[:, ::way] > 0)


# --- maturity --------------------------------------------------------------------------------------------------------

_SEX_YEAR_CUMULATIVE = np.cumsum(np.concatenate(CASES_PER_YEAR))
_EPIPHYSIS_AGES = np.array(
    [
        [
            [
                bone.appears[sex],
                bone.appears[sex] + HALF_WIDTH_DELAY_MONTHS[sex],
                bone.full_width[sex],
                bone.fusing[sex],
                bone.fused[sex],
            ]
            for bone in EPIPHYSES
        ]
        for sex in (0, 1)
    ]
)
_EPIPHYSIS_SD = np.array([APPEARANCE_SD, WIDTH_SD, WIDTH_SD, FUSION_SD, FUSION_SD])
_CENTRE_AGES = np.array([[[bone.appears[sex], bone.full_size[sex]] for bone in CENTRES] for sex in (0, 1)])
_CENTRE_SD = np.array([APPEARANCE_SD, WIDTH_SD])
# Groups with a clock in common: forearm, metacarpals, phalanges, carpals.
_GROUPS = np.array([0] * 2 + [1] * 5 + [2] * 14 + [3] * len(CENTRES))


class _Bones(NamedTuple):
    """What maturity does to the skeleton: one number per epiphysis or centre, 0 to 1 unless noted."""

    width: Floats  # epiphysis over metaphysis; 0 before it appears, a little above 1 when it caps the shaft
    cap: Floats
    fusion: Floats
    scar: Floats
    size: Floats  # carpals and sesamoid, of adult size; 0 before they appear
    facets: Floats  # 0 round, 1 adult outline
    growth: float  # proportions, 0 newborn, 1 adult


def _clocks(rng: np.random.Generator) -> Doubles:
    groups, own = rng.standard_normal(4), rng.standard_normal(len(_GROUPS))
    mixed = SHARED_CLOCK * groups[_GROUPS] + math.sqrt(1 - SHARED_CLOCK**2) * own
    limited: Doubles = np.clip(mixed, -CLOCK_LIMIT, CLOCK_LIMIT)
    return limited


def _bones(maturity_months: float, sex: int, clocks: Doubles) -> _Bones:
    m = maturity_months
    plates, centres = clocks[: len(EPIPHYSES), None], clocks[len(EPIPHYSES) :, None]
    appears, half, full, fusing, fused = (_EPIPHYSIS_AGES[sex] * (1 + plates * _EPIPHYSIS_SD)).T
    width = 0.2 + 0.3 * _ramp(m, appears, half) + 0.5 * _ramp(m, half, full) + 0.06 * _ramp(m, full, fusing)
    fusion = _ramp(m, fusing, fused)
    scar = fusion * (1 - _ramp(m, fused, fused + SCAR_FADE_MONTHS))

    centre_appears, centre_full = (_CENTRE_AGES[sex] * (1 + centres * _CENTRE_SD)).T
    grown = _ramp(m, centre_appears, centre_full)
    size = np.sqrt(0.10 + 0.90 * grown)  # area grows evenly

    girls, boys = zip(*GIRLS_AS_BOYS_MONTHS, strict=True)
    as_boy_months = m if sex == 1 else float(np.interp(m, girls, boys))
    return _Bones(
        width=(width * (m >= appears)).astype(np.float32),
        cap=_ramp(m, full, fusing).astype(np.float32),
        fusion=fusion.astype(np.float32),
        scar=scar.astype(np.float32),
        size=(size * (m >= centre_appears)).astype(np.float32),
        facets=(grown * grown).astype(np.float32),
        growth=min(as_boy_months / 204.0, 1.0),
    )


def _ramp(months: float, start: Doubles, end: Doubles) -> Doubles:
    """0 up to `start`, 1 from `end`, straight between."""
    ramp: Doubles = np.clip((months - start) / (end - start), 0, 1)
    return ramp


# --- pose ------------------------------------------------------------------------------------------------------------


class _Pose(NamedTuple):
    rotation_deg: float
    forearm_deg: float
    spread: float
    scale: float  # frame units per hand unit
    centre: Point  # frame units
    kinks_deg: tuple[float, ...]  # per long bone
    slender: float  # of the bones
    flesh: float  # of the soft tissue


_HAND_CENTRE = (0.03, 0.40)  # the point of the hand that sits at the pose's centre


def _pose(rng: np.random.Generator) -> _Pose:
    u = rng.random(8)
    kinks = rng.standard_normal(len(LONG_BONES))
    return _Pose(
        rotation_deg=_between(u[0], -15, 15),
        forearm_deg=_between(u[1], -7, 7),
        spread=_between(u[2], 0.0, 1.5),
        scale=_between(u[3], 0.55, 0.69),
        centre=(_between(u[4], 0.46, 0.54), _between(u[5], 0.48, 0.54)),
        kinks_deg=tuple(float(kink) * 1.5 for kink in kinks),
        slender=_between(u[6], 0.92, 1.08),
        flesh=_between(u[7], 0.9, 1.15),
    )


def _between(unit: float, low: float, high: float) -> float:
    return low + (high - low) * float(unit)


class _Axis(NamedTuple):
    """A line in the hand from `origin`, its direction an angle from the hand's axis to the thumb side."""

    origin: Point
    angle_deg: float
    length: float

    def at(self, along: float, across: float = 0.0) -> Point:
        """The point so far along the line, and to its right seen from the origin."""
        sin, cos = math.sin(math.radians(self.angle_deg)), math.cos(math.radians(self.angle_deg))
        return self.origin[0] + along * sin + across * cos, self.origin[1] + along * cos - across * sin

    def reversed(self) -> "_Axis":
        return _Axis(self.at(self.length), self.angle_deg + 180, self.length)


class _Skeleton(NamedTuple):
    bones: tuple[_Axis, ...]  # in the order of LONG_BONES, each from the end with the growth plate
    fingers: tuple[_Axis, ...]
    metacarpals: tuple[_Axis, ...]
    forearm: _Axis
    carpals: tuple[Point, ...]


def _skeleton(bones: _Bones, pose: _Pose) -> _Skeleton:
    # Fingers outgrow the wrist. The sum is kept at 1 hand unit, so that only proportions carry maturity.
    longest = sum(LONG_BONES[row].length for row in RAY_ROWS[2])
    ray_scale = 0.86 + 0.14 * bones.growth
    unit = (RAYS[2].base[1] + longest) / (RAYS[2].base[1] + longest * ray_scale)

    axes: dict[int, _Axis] = {}
    fingers, metacarpals = [], []
    for ray, rows in zip(RAYS, RAY_ROWS, strict=True):
        start = (ray.base[0] * unit, ray.base[1] * unit)
        finger_deg = ray.finger_deg + pose.spread * ray.spread_deg
        for row in rows:
            angle = ray.metacarpal_deg if row in METACARPAL_ROWS else finger_deg
            bone = _Axis(start, angle + pose.kinks_deg[row], LONG_BONES[row].length * ray_scale * unit)
            axes[row] = bone.reversed() if row in METACARPAL_ROWS[1:] else bone
            start = bone.at(bone.length)
            if row == rows[0]:
                metacarpals.append(bone)
                knuckle = start
        reach = math.dist(knuckle, start)
        angle_deg = math.degrees(math.atan2(start[0] - knuckle[0], start[1] - knuckle[1]))
        fingers.append(_Axis(knuckle, angle_deg, reach + 0.02))

    forearm = _Axis((-0.018, 0.12), 180 + pose.forearm_deg, 1.0)
    for row, across, below in ((0, -0.050, 0.125), (1, 0.062, 0.150)):
        axes[row] = _Axis(forearm.at(below, across), forearm.angle_deg, LONG_BONES[row].length)

    carpals = [(carpal.centre[0] * unit, carpal.centre[1] * unit) for carpal in CARPALS[:-1]]
    carpals.append(metacarpals[0].at(metacarpals[0].length - 0.022, -0.032))  # sesamoid
    return _Skeleton(
        tuple(axes[row] for row in range(len(LONG_BONES))), tuple(fingers), tuple(metacarpals), forearm, tuple(carpals)
    )


# --- drawing ---------------------------------------------------------------------------------------------------------


class _Canvas(NamedTuple):
    """A layer with the map from hand units to its pixels."""

    layer: Floats
    unit_px: float
    rotation: Point  # sine and cosine
    centre_px: Point

    def pixel(self, point: Point) -> Point:
        x, y = point[0] - _HAND_CENTRE[0], point[1] - _HAND_CENTRE[1]
        sin, cos = self.rotation
        return (
            self.centre_px[0] + self.unit_px * (x * cos + y * sin),
            self.centre_px[1] - self.unit_px * (y * cos - x * sin),
        )


def _canvas(pose: _Pose, image_px: int) -> _Canvas:
    """An empty layer in this pose."""
    rotation = math.radians(pose.rotation_deg)
    return _Canvas(
        np.zeros((image_px, image_px), np.float32),
        pose.scale * image_px,
        (math.sin(rotation), math.cos(rotation)),
        (pose.centre[0] * image_px - 0.5, pose.centre[1] * image_px - 0.5),
    )


def _shadow(skeleton: _Skeleton, bones: _Bones, pose: _Pose, image_px: int) -> Floats:
    """What the hand takes out of the beam: 0 for air, about 1 for bone under flesh."""
    tissue = _canvas(pose, image_px)
    _draw_tissue(tissue, skeleton, bones, pose)
    bone = _canvas(pose, image_px)
    _draw_long_bones(bone, skeleton, bones, pose)
    _draw_carpals(bone, skeleton, bones)
    thickness = tissue.layer
    shadow: Floats = np.float32(TISSUE_LEVEL) * (thickness / (thickness + np.float32(HALF_THICKNESS)))
    shadow += np.float32(BONE_LEVEL) * bone.layer
    return shadow


def _draw_tissue(canvas: _Canvas, skeleton: _Skeleton, bones: _Bones, pose: _Pose) -> None:
    flesh = pose.flesh * (1.10 - 0.10 * bones.growth)
    index, thumb = skeleton.metacarpals[1], skeleton.metacarpals[0]
    web_tip = tuple((a + b) / 2 for a, b in zip(index.at(0.20), thumb.at(0.20), strict=True))
    web = _Axis((0.05, 0.10), math.degrees(math.atan2(web_tip[0] - 0.05, web_tip[1] - 0.10)), 0.17)
    capsules = [
        *((finger, ray.tissue * 1.12, ray.tissue * 0.80) for finger, ray in zip(skeleton.fingers, RAYS, strict=True)),
        *((metacarpal, 0.085, 0.066) for metacarpal in skeleton.metacarpals),
        (web, 0.09, 0.075),
        (skeleton.forearm, 0.150, 0.175),
    ]
    for axis, start, end in capsules:
        start, end = start * flesh, end * flesh
        # The table runs over the capsule with its round ends.
        whole = axis.length + start + end
        s = _STEPS * np.float32(whole)
        half_width = np.float32(start) + np.float32(end - start) * (s / np.float32(whole))
        ends = np.maximum(np.maximum(1 - s / np.float32(start), 1 - (np.float32(whole) - s) / np.float32(end)), 0)
        half_width *= np.sqrt(np.maximum(1 - ends * ends, 0))
        moved = _Axis(axis.at(-start), axis.angle_deg, whole)
        _stamp_profile(canvas, moved, half_width, np.ones_like(s), 0.0, (1.0, -0.75), np.add)


_STEPS = (np.arange(PROFILE_SAMPLES, dtype=np.float32) + np.float32(0.5)) / np.float32(PROFILE_SAMPLES)
_SHAPES = np.array(LONG_BONES, dtype=np.float32)


def _draw_long_bones(canvas: _Canvas, skeleton: _Skeleton, bones: _Bones, pose: _Pose) -> None:
    half_width, density, epiphysis = _profiles(skeleton, bones, pose, canvas.unit_px)
    bends = _SHAPES[:, 5] * (0.3 + 0.7 * bones.cap) * epiphysis
    for row, axis in enumerate(skeleton.bones):
        _stamp_profile(canvas, axis, half_width[row], density[row], float(bends[row]), (0.70, 0.30), np.maximum)


def _profiles(skeleton: _Skeleton, bones: _Bones, pose: _Pose, unit_px: float) -> tuple[Floats, Floats, Floats]:
    """Half width and density along every long bone (rows), and the thickness of its epiphysis."""
    lengths = np.array([axis.length for axis in skeleton.bones], np.float32)[:, None]
    # Short bones in a small hand are stout.
    stout = np.float32(pose.slender * (1.08 - 0.08 * bones.growth))
    plate, shaft, end = (_SHAPES[:, column, None] * stout for column in (1, 2, 3))
    joint = np.float32(INFANT_JOINT + (ADULT_JOINT - INFANT_JOINT) * bones.growth)
    width, fusion, scar = bones.width[:, None], bones.fusion[:, None], bones.scar[:, None]

    s = _STEPS * lengths
    # Room for the grown epiphysis; a young one lies next to the growth plate.
    slot = _SHAPES[:, 4, None] * np.float32(0.7 + 0.3 * bones.growth)
    thickness = slot * np.minimum(0.45 + 0.55 * width, 1)
    plate_start = ADULT_JOINT + slot
    plate_end = plate_start + np.float32(GROWTH_PLATE)
    epiphysis_start = plate_start - thickness
    shaft_end = lengths - joint

    near = np.maximum(1 - (s - plate_end) / (0.40 * lengths), 0)
    far = np.maximum(1 - (shaft_end - s) / (0.32 * lengths), 0)
    metaphysis = shaft + (plate - shaft) * np.minimum(near * near, 1) + (end - shaft) * np.minimum(far * far, 1)
    head = np.maximum(1 - (shaft_end - s) / (0.7 * end), 0)
    metaphysis *= np.sqrt(np.maximum(1 - 0.8 * head * head, 0))

    across = np.minimum(np.abs((s - epiphysis_start) / (0.5 * thickness) - 1), 1)
    oval = plate * width * np.sqrt(1 - across * across * across)
    in_shaft = s >= plate_end - np.float32(0.5 * GROWTH_PLATE)
    # Closing plate: the epiphysis and the shaft meet at full width.
    bridge = plate * np.where(fusion > 0, np.float32(0.97), np.float32(0))
    half_width = np.where(in_shaft, metaphysis, np.where(s > plate_start, np.maximum(oval, bridge), oval))

    soft = np.float32(1 / unit_px)
    shaft_density = _box(s, plate_end, shaft_end, soft)
    epiphysis_density = _box(s, epiphysis_start, plate_start, soft) * (width > 0) * np.float32(0.95)
    gap = _box(s, plate_start, plate_end, soft)
    density = np.maximum(np.maximum(shaft_density, epiphysis_density), gap * fusion) + 0.35 * gap * scar
    return half_width.astype(np.float32), density.astype(np.float32), thickness[:, 0]


def _box(s: Floats, start: Floats, end: Floats, soft: np.float32) -> Floats:
    """1 between start and end, with edges one pixel soft."""
    box: Floats = np.clip((s - start) / soft + 0.5, 0, 1) * np.clip((end - s) / soft + 0.5, 0, 1)
    return box


def _stamp_profile(
    canvas: _Canvas,
    axis: _Axis,
    half_width: Floats,
    density: Floats,
    bend: float,
    shade: tuple[float, float],  # brightness on the axis, and what the rim adds to it
    combine: np.ufunc,
) -> None:
    """Draw a profile along an axis. With `bend`, cross-sections curve away from the origin towards the rim."""
    start, end = canvas.pixel(axis.at(0)), canvas.pixel(axis.at(axis.length))
    window = _window(canvas, start, end, float(half_width.max()) * canvas.unit_px + 1)
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


def _draw_carpals(canvas: _Canvas, skeleton: _Skeleton, bones: _Bones) -> None:
    for row, (place, adult) in enumerate(zip(skeleton.carpals, _OUTLINES, strict=True)):
        size, facets = float(bones.size[row]), float(bones.facets[row])
        if size == 0:
            continue
        disc = np.float32(_MEAN_RADII[row])
        outline = np.float32(size * CARPAL_SCALE) * (disc + np.float32(facets) * (adult - disc))
        if row in OVERLAID_ROWS:
            _stamp_outline(canvas, place, outline, (OVERLAY_LEVEL, 0.0), np.add)
        else:
            _stamp_outline(canvas, place, outline, (0.72, 0.26), np.maximum)


def _draw_growth_zones(canvas: _Canvas, skeleton: _Skeleton, pose: _Pose) -> None:
    """Discs: around each growth plate as wide as the grown epiphysis, and each carpal at its adult size."""
    plates = ADULT_JOINT + _SHAPES[:, 4] + np.float32(GROWTH_PLATE / 2)
    ring = np.ones(OUTLINE_SAMPLES, np.float32)
    for row, axis in enumerate(skeleton.bones):
        half_width = _SHAPES[row, 1] * np.float32(GROWTH_ZONE * pose.slender)
        _stamp_outline(canvas, axis.at(float(plates[row])), ring * half_width, (1.0, 0.0), np.maximum)
    for place, adult in zip(skeleton.carpals, _OUTLINES, strict=True):
        _stamp_outline(canvas, place, adult * np.float32(CARPAL_SCALE), (1.0, 0.0), np.maximum)


def _smooth_outline(radii: tuple[float, ...]) -> Floats:
    angles = np.arange(OUTLINE_SAMPLES) * (len(radii) / OUTLINE_SAMPLES)
    corner = angles.astype(np.intp)
    part = angles - corner
    part = part * part * (3 - 2 * part)
    ring = np.array([*radii, radii[0]])
    smooth: Floats = (ring[corner] * (1 - part) + ring[corner + 1] * part).astype(np.float32)
    return smooth


_OUTLINES = tuple(_smooth_outline(carpal.radii) for carpal in CARPALS)
_MEAN_RADII = tuple(sum(carpal.radii) / len(carpal.radii) for carpal in CARPALS)


def _stamp_outline(
    canvas: _Canvas, place: Point, outline: Floats, shade: tuple[float, float], combine: np.ufunc
) -> None:
    """Draw an outline given as radii around its centre."""
    centre = canvas.pixel(place)
    window = _window(canvas, centre, centre, float(outline.max()) * canvas.unit_px + 1)
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


def _window(canvas: _Canvas, start: Point, end: Point, margin: float) -> tuple[Floats, Floats, Floats] | None:
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


# --- exposure --------------------------------------------------------------------------------------------------------


class _Exposure(NamedTuple):
    flipped: bool
    air: float  # grey level behind the hand, 0 to 1
    span: float  # from air to bone
    curve: float  # film curve: 1 straight, below 1 bright, above 1 dark
    tilt: Point  # of the air level across the frame
    field: tuple[float, float, float, float]  # collimated field: tilt, half width, half height, level outside
    marker: tuple[float, float, float, float]  # the L: x, y, size, sine of its tilt
    blur: float  # frame units
    noise: float  # of the span


def _exposure(rng: np.random.Generator) -> _Exposure:
    u = [float(value) for value in rng.random(20)]
    low_contrast = u[0] < LOW_CONTRAST_SHARE
    air = _between(u[1], 0.05, 0.42)
    collimated = u[9] < 0.6
    corner_x = 0.10 if u[13] < 0.5 else 0.86
    corner_y = 0.15 if u[14] < 0.5 else 0.85
    return _Exposure(
        flipped=u[19] < FLIPPED_SHARE,
        air=air,
        span=_between(u[2], 0.06, 0.14) if low_contrast else _between(u[2], 0.28, 0.56),
        curve=2 ** _between(u[3], -1.0, 1.0),
        tilt=(_between(u[4], -0.06, 0.06), _between(u[5], -0.06, 0.06)),
        field=(
            _between(u[6], -0.12, 0.12),
            _between(u[7], 0.40, 0.52) if collimated else 2.0,
            _between(u[8], 0.47, 0.54) if collimated else 2.0,
            _between(u[10], 0.0, 1.1),
        ),
        marker=(
            corner_x + _between(u[11], -0.04, 0.04),
            corner_y + _between(u[12], -0.05, 0.05),
            _between(u[15], 0.04, 0.075),
            _between(u[16], -0.3, 0.3),
        ),
        blur=_between(u[17], 0.001, 0.0065),
        noise=_between(u[18], 0.01, 0.045),
    )


def _develop(shadow: Floats, exposure: _Exposure, noise: Floats) -> NDArray[np.uint8]:
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

    _stamp_marker(image, exposure, x, y)
    image = _blurred(image, exposure.blur * image_px)
    image += noise * f(exposure.noise * exposure.span)
    return (np.minimum(np.maximum(image, 0), 1) * f(255) + f(0.5)).astype(np.uint8)


def _stamp_marker(image: Floats, exposure: _Exposure, x: Floats, y: Floats) -> None:
    centre_x, centre_y, size, tilt = exposure.marker
    dx, dy = x - np.float32(centre_x - 0.5), y - np.float32(centre_y - 0.5)
    right, down = dx + dy * np.float32(tilt), dy - dx * np.float32(tilt)
    in_box = (right >= 0) & (right < np.float32(0.65 * size)) & (down >= np.float32(-size)) & (down < 0)
    stroke = (right < np.float32(0.2 * size)) | (down >= np.float32(-0.2 * size))
    image[in_box & stroke] = np.float32(min(exposure.air + 1.1 * exposure.span, 1.0))


def _blurred(image: Floats, sd_px: float) -> Floats:
    """Two passes of [w, 1-2w, w] along each axis with the variance asked for: close to a Gaussian when small."""
    variance = np.float32(sd_px * sd_px)
    passes = max(1, math.ceil(float(variance) / 0.5))
    side = variance / np.float32(2 * passes)
    for _ in range(passes):
        for axis in (0, 1):
            image = _smoothed(image, side, axis)
    return image


def _smoothed(image: Floats, side: np.float32, axis: int) -> Floats:
    padded = np.concatenate([image.take([0], axis), image, image.take([-1], axis)], axis)
    before, after = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
    smooth: Floats = image * (1 - 2 * side) + (before + after) * side
    return smooth
