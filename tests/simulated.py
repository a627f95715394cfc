"""Families of trainings whose truth is known: what verdicts are judged on."""

import math
from collections.abc import Sequence

import numpy as np

from studies.statistics.verdicts import Runs

BASE = 12.0  # months
NORMAL, RIGHT, LEFT = "normal", "skewed to the right", "skewed to the left"
EQUAL, MIXED = (0.4,) * 10, (0.4, 0.3, 0.5, 0.6, 0.3, 0.4, 0.5, 0.6, 0.3, 0.4)


def family_of(
    seeds: int,
    reference: int,
    random: np.random.Generator,
    shape: str = NORMAL,
    sd: Sequence[float] = EQUAL,
    effect: float = 0,
) -> tuple[Runs, dict[str, Runs]]:
    """Nine variants whose architectures are all equal, but the first by `effect`."""

    def drawn(count: int, spread: float, change: float = 0.0) -> Runs:
        noise = {
            NORMAL: lambda: random.normal(size=count),
            RIGHT: lambda: (random.gamma(2, size=count) - 2) / math.sqrt(2),
            LEFT: lambda: (2 - random.gamma(2, size=count)) / math.sqrt(2),
        }[shape]()
        return Runs(tuple((BASE + change + spread * noise).tolist()))

    variants = {str(place): drawn(seeds, spread, effect * (place == 1)) for place, spread in enumerate(sd[1:], 1)}
    return drawn(reference, sd[0]), variants
