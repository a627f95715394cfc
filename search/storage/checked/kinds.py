"""Of what kind the values are that are read again from a database, with the range that a training can bring them to.

Whoever reads asks here, so that no reader counts or prints what another refuses. The ranges are wide: outside them lies what no
training comes to.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from data.counted import counted
from data.ranges import Range
from data.ranges import whole as wholes
from data.shown import shown
from models.training.settings import EPOCHS

Kind = Callable[[Any], bool]
EXACT = 2**53  # up to which a double holds every whole number
FINITE = Range(-sys.float_info.max, sys.float_info.max)  # a whole number beyond it is none either
WHOLE = wholes(-EXACT, EXACT)
MAE = Range(0, 3.5e38)  # months, of networks that count in single precision
CONSTANT_MAE = Range(0, 300)  # months: ages go no further
SECONDS = Range(0, 1e10)  # three hundred years
SEEDS = wholes(0, 2**31 - 1)
# What a reader meets in a value of another kind than it takes, whoever has written it.
FOREIGN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def whole(value: Any) -> bool:
    return value in WHOLE


def number(value: Any) -> bool:
    return value in FINITE


def text(value: Any) -> bool:
    return isinstance(value, str)


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def within(allowed: Range) -> Kind:
    return lambda value: value in allowed


def inside(value: Any) -> bool:
    """A folder in the run's trials."""
    return text(value) and not value.startswith("/") and ".." not in value.split("/")


def listed(value: Any) -> bool:
    """MAEs, as `attributes.listed` writes them, or an earlier version."""
    try:
        return all(
            MAE.low <= float(part) <= MAE.high for part in value.replace(",", " ").split()
        )  # as `in`, ten times as fast
    except (AttributeError, ValueError):
        return False


OF_STUDIES: Mapping[str, Kind] = {
    "constant_mae": within(CONSTANT_MAE),
    "synthetic": flag,
    "configurations": text,
    "turned_away": within(wholes(0, EXACT)),
    "machines": text,
    "summary": text,
    "run": text,
    "run_folder": text,
    "settings": text,
    "decision": text,
    "decided_under": text,
    "timing": text,
}
TRIAL_KINDS: Mapping[str, Kind] = {
    "network": text,
    "best_epoch": within(wholes(1, EPOCHS)),
    "train_mae": within(MAE),
    "final_train_mae": within(MAE),
    "train_mae_by_epoch": listed,
    "seconds": within(SECONDS),
    "workers": within(wholes(0, 1_000_000)),
    "energy_joules": within(Range(0, 1e15)),
    "images_per_second": within(Range(0, 1e12)),
    "peak_memory_mb": within(Range(0, 1e12)),
    "conditions": text,
    "folder": inside,
    "exit_reason": text,
    "exit_detail": text,
    "copied_from": text,
    "pruned_after_epoch": within(wholes(0, EPOCHS)),
    "compared_with": within(wholes(0, EXACT)),
    "seed": within(SEEDS),
    "params": within(wholes(0, EXACT)),
    "macs": within(Range(0, EXACT)),
    "gmacs": within(Range(0, EXACT)),
}


def error_of_an_epoch(value: Any) -> bool:
    """Infinite where the epoch came to nothing."""
    return value == float("inf") or value in MAE


def misnumbered(numbers: Collection[Any]) -> str:
    """What is wrong with the numbers of all trials of a study, as a clause; empty where they count from 0 on. Optuna gives a new trial
    the count of those before it, so where one is gone, the next would get the number, and the folder, of another."""
    seen: set[Any] = set()
    for one in numbers:
        if one not in SEEDS:
            return f"one of its trials has the number {shown(one)}"
        if one in seen:
            return f"two of its trials have the number {one}"
        seen.add(one)
    if seen and max(seen) >= len(seen):
        return f"it has {counted(len(seen), 'trial')}, and one of them has the number {max(seen)}"
    return ""
