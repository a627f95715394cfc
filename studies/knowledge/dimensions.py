"""How the surrogate sees a network: as numbers that the studies' own modules say, each of what it decides about."""

from collections.abc import Callable

from models.architecture import Architecture

Features = Callable[[Architecture], tuple[float, ...]]
SAID: list[Features] = []  # by the modules that `studies/order.py` imports, in the order in which it does


def says(features: Features) -> Features:
    """Marks a study's function: a difference of one in each of its numbers is to mean about as much as in any other."""
    SAID.append(features)
    return features


def seen(network: Architecture) -> list[float]:
    return [value for features in SAID for value in features(network)]
