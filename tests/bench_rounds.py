"""How every part of `make bench` measures: in turns, so that a busy machine slows all alike, and by medians."""

import statistics
from collections.abc import Callable, Mapping

ROUNDS = 5


def medians(turns: Mapping[str, Callable[[], float]], rounds: int = ROUNDS, warm: int = 1) -> dict[str, float]:
    """What each of `turns` measures, the median of `rounds` in which each has its turn; `warm` more before them."""
    measured: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(-warm, rounds):
        for name, measure in turns.items():
            value = measure()
            if number >= 0:
                measured[name].append(value)
    return {name: statistics.median(values) for name, values in measured.items()}


def ratio_rows(what: str, peer: str, medians: Mapping[str, float], aim: str, unit: str = "s") -> None:
    """One line of a table for each of ours: its ratio to the peer first, below 1 where ours takes less."""
    for name, value in medians.items():
        if name != peer:
            ratio = value / medians[peer]
            print(
                f"| {ratio:.3g} | {aim} | {what}: {name} | {value:.4g} {unit} | {peer} | {medians[peer]:.4g} {unit} |",
                flush=True,
            )


HEADINGS = "| ratio | aim | ours | | peer | |\n|---|---|---|---|---|---|"
