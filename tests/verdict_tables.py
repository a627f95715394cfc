"""How often verdicts err, find what is there, and intervals hold the truth, over simulated families; the log's tables are its output.

`PYTHONPATH=. python tests/verdict_tables.py --studies 2000`; a tenth of that takes a minute and errs by two points.
"""

import argparse
import math
from collections.abc import Callable

import numpy as np
from simulated import EQUAL, LEFT, MIXED, NORMAL, RIGHT, family_of

from studies.statistics.verdicts import Verdict, judge

MARGIN = 1.0  # months
WORLDS = {
    "normal": (NORMAL, EQUAL),
    "normal, unequal spreads": (NORMAL, MIXED),
    "skewed to the right": (RIGHT, EQUAL),
    "skewed to the right, unequal spreads": (RIGHT, MIXED),
    "skewed to the left": (LEFT, EQUAL),
    "skewed to the left, unequal spreads": (LEFT, MIXED),
}
Family = dict[str, Verdict]


def share(
    studies: int, world: str, seeds: int, reference: int, effect: float, holds: Callable[[Family], bool]
) -> float:
    shape, sd = WORLDS[world]
    random = np.random.default_rng([seeds, reference, list(WORLDS).index(world)])
    families = (judge(*family_of(seeds, reference, random, shape, sd, effect), MARGIN) for _ in range(studies))
    return sum(holds(family) for family in families) / studies


def any_false(family: Family) -> bool:
    return any(found.verdict in ("matters", "better without") for found in family.values())


def found(family: Family) -> bool:
    return family["1"].verdict == "matters"


def held(family: Family) -> bool:
    """Whether the interval of the first variant, whose effect is none, holds it."""
    return family["1"].low <= 0 <= family["1"].high


def table(
    studies: int, caption: str, counts: range, times: int, effect: float, holds: Callable[[Family], bool]
) -> None:
    print(f"\n{caption}\n\n| seeds of a variant | {' | '.join(map(str, counts))} |\n|---|{'---|' * len(counts)}")
    for world in WORLDS:
        shares = (share(studies, world, seeds, times * seeds, effect, holds) for seeds in counts)
        print(f"| {world} | {' | '.join(f'{each:.3f}' for each in shares)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=200, help="families in each cell (default: 200)")
    studies = parser.parse_args().studies
    error = 100 * math.sqrt(0.05 * 0.95 / studies)
    print(
        f"{studies:,} families of nine variants in each cell; a share of 0.05 has a standard error of {error:.1f} points."
    )
    table(
        studies, "Families of equal architectures with a false verdict of a difference", range(1, 13), 3, 0.0, any_false
    )
    table(
        studies,
        "An effect of 1.0 months is found, three times as many seeds of the reference",
        range(3, 9),
        3,
        1.0,
        found,
    )
    table(studies, "An effect of 1.0 months is found, as many seeds of the reference", range(3, 9), 1, 1.0, found)
    table(studies, "95 % intervals that hold the truth", range(3, 17), 3, 0.0, held)


if __name__ == "__main__":
    main()
