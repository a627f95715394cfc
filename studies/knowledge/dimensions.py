"""How the surrogate sees a network: as numbers that the studies' own modules say, each of what it decides about."""

from collections.abc import Callable

from models.architecture import Architecture

Features = Callable[[Architecture], tuple[float, ...]]
# By the modules that `studies/order.py` imports, in the order in which it does; each with its slope.
SAID: list[tuple[Features, float]] = []


def says(features: Features, slope: float = 0.0) -> Features:
    """Marks a study's function: a difference of one in each of its numbers is to mean about as much as in any other.

    A `slope` is what is expected of it before any training: that the validation MAE rises by so many times what a difference of one
    usually means, or falls where the slope is negative.
    """
    SAID.append((features, slope))
    return features


def seen(network: Architecture) -> list[float]:
    return [value for features, _ in SAID for value in features(network)]


def slopes(network: Architecture) -> list[float]:
    """Of each number that is seen of it."""
    return [slope for features, slope in SAID for _ in features(network)]
