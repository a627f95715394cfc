"""What to train next, by what its training is expected to be worth: the knowledge gradient, a pure function of what is believed."""

import math

import numpy as np

from studies.knowledge.surrogate import Array, Surrogate


def knowledge_gradient(surrogate: Surrogate, points: Array, running: Array, discount: float = 0.0) -> Array:
    """Of each of the points (m, features): by how many months one more training of it is expected to lower the best expectation, (m,).

    A point that was trained may be trained again with another seed: that too teaches something. `running` are the points
    (k, features) of trainings that have not ended, counted as bringing what is expected of them. With a `discount` d, a point that is
    expected x months behind the best counts exp(-d x) of it: what teaches much and is far behind can wait.
    """
    mean, sd = surrogate.believing(running).mean_sd(points)
    noise = surrogate.noise
    moved = sd**2 / np.sqrt(sd**2 + noise**2)  # how far the training is expected to move the point's own mean
    rival = np.full(len(mean), mean.min())
    if len(mean) > 1:
        rival[int(mean.argmin())] = np.partition(mean, 1)[1]
    behind = -np.abs(mean - rival) / moved
    gained = moved * (behind * below(behind) + density(behind))
    return np.asarray(gained * np.exp(-discount * (mean - mean.min())))


def density(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi))


def below(z: Array) -> Array:
    """The normal distribution function. SciPy's would do; it takes a third of a second to import."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])
