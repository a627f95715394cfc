"""A procedural phantom of the left-hand radiograph: seeded pictures whose bones follow a latent maturity.

Conventions
    maturity, age   months of bone age; tables hold pairs (girls, boys)
    hand units      1 = from the wrist joint to the tip of the middle finger; x to the thumb, y to the fingertips,
                    origin at the wrist joint
    frame units     1 = the side of the picture; x right, y down, origin at its upper left corner
    orientation     left hand, back of the hand up: fingers up, thumb on the image RIGHT, radius right, ulna left
    picture         uint8, bone bright on a darker background

How it is made
    Every event age comes from `ossification.py`; in `maturity.py` each bone keeps its own clock, slow or fast against the maturity
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

from data.phantom.drawing import draw_carpals, draw_growth_zones, draw_long_bones, draw_tissue, shadow_of
from data.phantom.exposure import developed, drawn_exposure
from data.phantom.maturity import drawn_clocks, grown_bones
from data.phantom.ossification import ATLAS_PLATES_MONTHS, CASES_PER_YEAR
from data.phantom.raster import empty_canvas
from data.phantom.skeleton import drawn_pose, posed_skeleton

AGE_LIMITS_MONTHS = (1.0, 228.0)
SINGLE_READING_SD_MONTHS = 5.3
TEST_READING_SD_MONTHS = 7.0
TEST_READINGS = 6
ATLAS_SHARE = 0.84


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
    return tuple(drawn_case(seed, index, validation_fraction, test_fraction) for index in range(count))


def drawn_case(seed: int, index: int, validation_fraction: float, test_fraction: float) -> PhantomCase:
    rng = generator(seed, index)
    picture_seed = int(rng.integers(2**63))
    draw_split, draw_sex_year, draw_in_year, draw_atlas = (float(value) for value in rng.random(4))
    readings = rng.standard_normal(TEST_READINGS)  # always all drawn: the split shifts no other number

    sex_year = int(np.searchsorted(SEX_YEAR_CUMULATIVE, draw_sex_year * SEX_YEAR_CUMULATIVE[-1], side="right"))
    sex, year = divmod(sex_year, len(CASES_PER_YEAR[0]))
    maturity = (year + draw_in_year) * 12.0
    if draw_split < test_fraction:
        split = "test"
        age = round(maturity + TEST_READING_SD_MONTHS * math.fsum(readings) / TEST_READINGS, 2)
    else:
        split = "validation" if draw_split < test_fraction + validation_fraction else "train"
        reading = maturity + SINGLE_READING_SD_MONTHS * float(readings[0])
        age = nearest_plate(reading, sex) if draw_atlas < ATLAS_SHARE else float(round(reading))
    low, high = AGE_LIMITS_MONTHS
    return PhantomCase(f"phantom-{index:06d}", sex == 1, maturity, min(max(age, low), high), split, picture_seed)


def nearest_plate(months: float, sex: int) -> float:
    return float(min(ATLAS_PLATES_MONTHS[sex], key=lambda plate: abs(plate - months)))


def generator(*entropy: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def draw(case: PhantomCase, image_px: int) -> NDArray[np.uint8]:
    """The radiograph of a case: pose and exposure follow `case.seed` alone, the bones also sex and maturity."""
    if image_px < 16:
        raise ValueError(f"image_px must be at least 16, got {image_px}")
    rng = generator(case.seed)
    clocks = drawn_clocks(rng)
    pose = drawn_pose(rng)
    exposure = drawn_exposure(rng)
    noise = rng.standard_normal((image_px, image_px), dtype=np.float32)

    bones = grown_bones(case.maturity_months, int(case.male), clocks)
    shadow = shadow_of(posed_skeleton(bones, pose), bones, pose, image_px)
    if exposure.flipped:
        shadow = shadow[:, ::-1]
    return developed(shadow, exposure, noise)


class Anatomy(NamedTuple):
    """Where in a drawn picture what is: bool (image_px, image_px)."""

    hand: NDArray[np.bool_]  # flesh and bone
    bone: NDArray[np.bool_]  # what is ossified at this maturity
    growth: NDArray[
        np.bool_
    ]  # where maturity shows: around every growth plate, open or closed, and every carpal's place


def anatomy(case: PhantomCase, image_px: int) -> Anatomy:
    """The masks of the picture that `draw` makes of this case, at the same size."""
    rng = generator(case.seed)
    clocks, pose, exposure = drawn_clocks(rng), drawn_pose(rng), drawn_exposure(rng)
    bones = grown_bones(case.maturity_months, int(case.male), clocks)
    skeleton = posed_skeleton(bones, pose)
    tissue, bone, growth = (empty_canvas(pose, image_px) for _ in range(3))
    draw_tissue(tissue, skeleton, bones, pose)
    draw_long_bones(bone, skeleton, bones, pose)
    draw_carpals(bone, skeleton, bones)
    draw_growth_zones(growth, skeleton, pose)
    way = -1 if exposure.flipped else 1
    bony = bone.layer[:, ::way] > 0
    return Anatomy((tissue.layer[:, ::way] > 0) | bony, bony, growth.layer[:, ::way] > 0)


SEX_YEAR_CUMULATIVE = np.cumsum(np.concatenate(CASES_PER_YEAR))
