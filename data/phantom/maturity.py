"""What maturity does to the bones of a child, each by a clock of its own."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.phantom.ossification import (
    CENTRES,
    EPIPHYSES,
    GIRLS_AS_BOYS_MONTHS,
    HALF_WIDTH_DELAY_MONTHS,
    SCAR_FADE_MONTHS,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

APPEARANCE_SD, WIDTH_SD, FUSION_SD = 0.11, 0.09, 0.05  # of the event's age
SHARED_CLOCK = 0.6  # a bone's clock = 0.6 of its group + 0.8 of its own, unit variance together
CLOCK_LIMIT = 2.5

EPIPHYSIS_AGES = np.array(
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
EPIPHYSIS_SD = np.array([APPEARANCE_SD, WIDTH_SD, WIDTH_SD, FUSION_SD, FUSION_SD])
CENTRE_AGES = np.array([[[bone.appears[sex], bone.full_size[sex]] for bone in CENTRES] for sex in (0, 1)])
CENTRE_SD = np.array([APPEARANCE_SD, WIDTH_SD])
# Groups with a clock in common: forearm, metacarpals, phalanges, carpals.
GROUPS = np.array([0] * 2 + [1] * 5 + [2] * 14 + [3] * len(CENTRES))


class Bones(NamedTuple):
    """What maturity does to the skeleton: one number per epiphysis or centre, 0 to 1 unless noted."""

    width: Floats  # epiphysis over metaphysis; 0 before it appears, a little above 1 when it caps the shaft
    cap: Floats
    fusion: Floats
    scar: Floats
    size: Floats  # carpals and sesamoid, of adult size; 0 before they appear
    facets: Floats  # 0 round, 1 adult outline
    growth: float  # proportions, 0 newborn, 1 adult


def drawn_clocks(rng: np.random.Generator) -> Doubles:
    groups, own = rng.standard_normal(4), rng.standard_normal(len(GROUPS))
    mixed = SHARED_CLOCK * groups[GROUPS] + math.sqrt(1 - SHARED_CLOCK**2) * own
    limited: Doubles = np.clip(mixed, -CLOCK_LIMIT, CLOCK_LIMIT)
    return limited


def grown_bones(maturity_months: float, sex: int, clocks: Doubles) -> Bones:
    m = maturity_months
    plates, centres = clocks[: len(EPIPHYSES), None], clocks[len(EPIPHYSES) :, None]
    appears, half, full, fusing, fused = (EPIPHYSIS_AGES[sex] * (1 + plates * EPIPHYSIS_SD)).T
    width = 0.2 + 0.3 * ramp(m, appears, half) + 0.5 * ramp(m, half, full) + 0.06 * ramp(m, full, fusing)
    fusion = ramp(m, fusing, fused)
    scar = fusion * (1 - ramp(m, fused, fused + SCAR_FADE_MONTHS))

    centre_appears, centre_full = (CENTRE_AGES[sex] * (1 + centres * CENTRE_SD)).T
    grown = ramp(m, centre_appears, centre_full)
    size = np.sqrt(0.10 + 0.90 * grown)  # area grows evenly

    girls, boys = zip(*GIRLS_AS_BOYS_MONTHS, strict=True)
    as_boy_months = m if sex == 1 else float(np.interp(m, girls, boys))
    return Bones(
        width=(width * (m >= appears)).astype(np.float32),
        cap=ramp(m, full, fusing).astype(np.float32),
        fusion=fusion.astype(np.float32),
        scar=scar.astype(np.float32),
        size=(size * (m >= centre_appears)).astype(np.float32),
        facets=(grown * grown).astype(np.float32),
        growth=min(as_boy_months / 204.0, 1.0),
    )


def ramp(months: float, start: Doubles, end: Doubles) -> Doubles:
    """0 up to `start`, 1 from `end`, straight between."""
    ramp: Doubles = np.clip((months - start) / (end - start), 0, 1)
    return ramp
