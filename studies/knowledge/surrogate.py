"""A surrogate of validation MAE: what a few noisy trainings say of every network of a space, and how sure that is.

A Gaussian process with a linear part and a smooth one, around a plane: what is expected of the features before any training. How strong
each is, and how noisy a training, is not fitted but averaged over a grid, each combination weighted by how well it explains the
trainings times a prior: with twenty trainings a single fit would be too sure of itself.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Standard deviations in months, each with its prior: the logarithm is normal around the first, with the second.
LINEAR, LINEAR_PRIOR = (0.5, 1.0, 2.0), (1.0, 0.8)  # of a step of one in one feature
SMOOTH, SMOOTH_PRIOR = (0.3, 0.7, 1.4), (0.6, 0.6)  # of what is left
NOISE, NOISE_PRIOR = (
    (0.25, 0.5, 1.0, 2.0, 4.0),
    (0.5, 1.0),
)  # between the seeds of one network; short trainings differ by months
LENGTH = 1.5  # steps over which what is left changes
LEVEL = 5.0  # months; how far the mean of the trainings may be from that of the space
TINY = 1e-9


@dataclass(frozen=True)
class Part:
    """One combination of the grid, conditioned on the trainings."""

    linear: float
    smooth: float
    noise: float
    weight: float  # how probable it is after the trainings; those of all parts add up to one
    factor: Array  # (n, n), Cholesky's of the trainings' covariance, noise included
    solved: Array  # (n,), that covariance's inverse times the values beside the plane


@dataclass(frozen=True)
class Surrogate:
    """What is known after the trainings. Made by `fit`, extended by `believing`."""

    points: Array  # (n, features) of the trainings
    centre: Array  # (features,)
    level: float  # months
    slopes: Array  # (features,) before any training, each times a part's `linear`
    parts: tuple[Part, ...]

    def mean_sd(self, points: Array) -> tuple[Array, Array]:
        """Of points (m, features): the expected validation MAE and the standard deviation of that expectation, (m,) months each.

        The seeds' noise is no part of it: a single training lies farther away.
        """
        means, variances, weights = [], [], np.array([part.weight for part in self.parts])
        shared = covariances(self.points, points, self.centre)
        own, plane = diagonal(points, self.centre), (points - self.centre) @ self.slopes
        for part in self.parts:
            between = combined(part.linear, part.smooth, *shared)
            explained = np.linalg.solve(part.factor, between)
            means.append(self.level + part.linear * plane + between.T @ part.solved)
            variances.append(np.maximum(combined(part.linear, part.smooth, *own) - (explained**2).sum(0), TINY))
        mean = weights @ np.array(means)
        spread = weights @ (np.array(variances) + (np.array(means) - mean) ** 2)
        return mean, np.sqrt(spread)

    def beside(self, points: Array, reference: Array) -> tuple[Array, Array]:
        """By how much the expected MAE of points (m, features) is above that of the reference (features,), and the standard deviation of that.

        Surer than the two expectations apart: what is not known of both alike is not in it.
        """
        means, variances, weights = [], [], np.array([part.weight for part in self.parts])
        every = np.vstack([points, reference])
        shared, own = covariances(self.points, every, self.centre), covariances(every, every, self.centre)
        plane = (points - reference) @ self.slopes
        for part in self.parts:
            between = combined(part.linear, part.smooth, *shared)
            explained = np.linalg.solve(part.factor, between)
            left = combined(part.linear, part.smooth, *own) - explained.T @ explained
            mean = between.T @ part.solved
            means.append(part.linear * plane + mean[:-1] - mean[-1])
            variances.append(np.maximum(np.diag(left)[:-1] + left[-1, -1] - 2 * left[:-1, -1], TINY))
        mean = weights @ np.array(means)
        return mean, np.sqrt(weights @ (np.array(variances) + (np.array(means) - mean) ** 2))

    @property
    def noise(self) -> float:
        """Months, standard deviation between the seeds of one network."""
        return float(np.sqrt(sum(part.weight * part.noise**2 for part in self.parts)))

    def believing(self, points: Array) -> "Surrogate":
        """As if trainings at these points (k, features) had brought just what is expected of them: surer, no mean changed."""
        if not len(points):
            return self
        every = np.vstack([self.points, points])
        shared = covariances(every, every, self.centre)
        new = covariances(self.points, points, self.centre)
        parts = []
        for part in self.parts:
            # The noise of what was trained is in the factor; of what runs it is the part's own.
            known = part.factor @ part.factor.T
            whole = combined(part.linear, part.smooth, *shared)
            whole[: len(known), : len(known)] = known
            at = np.arange(len(known), len(every))
            whole[at, at] += part.noise**2
            expected = combined(part.linear, part.smooth, *new).T @ part.solved
            values = np.concatenate([known @ part.solved, expected])
            parts.append(conditioned(part.linear, part.smooth, part.noise, part.weight, whole, values))
        return Surrogate(every, self.centre, self.level, self.slopes, tuple(parts))


def fit(points: Array, values: Array, noise: Array | None = None, slopes: Array | None = None) -> Surrogate:
    """From trainings at points (n, features) with these validation MAEs (n,); `noise` is what each has beyond its seed's, months, (n,).
    `slopes` (features,) are what is expected of each feature before any training, in multiples of `Part.linear`; by default nothing is.

    A difference of one in a feature is to mean about as much as in any other. The order of the trainings does not matter.
    """
    points, values = np.asarray(points, float), np.asarray(values, float)
    if points.ndim != 2 or len(points) != len(values) or not len(values):
        raise ValueError(
            f"a surrogate needs a point for each value, and one at least; got {points.shape} and {values.shape}"
        )
    extra = np.zeros(len(values)) if noise is None else np.asarray(noise, float)
    level, centre = float(values.mean()), points.mean(0)
    rising = np.zeros(points.shape[1]) if slopes is None else np.asarray(slopes, float)
    plane = (points - centre) @ rising
    shared = covariances(points, points, centre)
    parts, evidence = [], []
    for linear, smooth, spread in product(LINEAR, SMOOTH, NOISE):
        covariance = combined(linear, smooth, *shared) + np.diag(spread**2 + extra**2)
        left = values - level - linear * plane
        part = conditioned(linear, smooth, spread, 1.0, covariance, left)
        parts.append(part)
        evidence.append(
            -0.5 * left @ part.solved
            - np.log(np.diag(part.factor)).sum()
            + prior(linear, LINEAR_PRIOR)
            + prior(smooth, SMOOTH_PRIOR)
            + prior(spread, NOISE_PRIOR)
        )
    weights = np.exp(np.array(evidence) - max(evidence))
    weights /= weights.sum()
    weighted = [
        Part(part.linear, part.smooth, part.noise, float(weight), part.factor, part.solved)
        for part, weight in zip(parts, weights, strict=True)
    ]
    return Surrogate(points, centre, level, rising, tuple(weighted))


def conditioned(linear: float, smooth: float, noise: float, weight: float, covariance: Array, values: Array) -> Part:
    factor = np.asarray(np.linalg.cholesky(covariance + TINY * np.eye(len(values))), np.float64)
    solved = np.linalg.solve(factor.T, np.linalg.solve(factor, values))
    return Part(linear, smooth, noise, weight, factor, np.asarray(solved, np.float64))


def covariances(one: Array, other: Array, centre: Array) -> tuple[Array, Array]:
    """Of points (n, f) and (m, f), each (n, m): linear and smooth."""
    apart = ((one[:, None] - other[None]) ** 2).sum(-1)
    return (one - centre) @ (other - centre).T, np.exp(-0.5 * apart / LENGTH**2)


def diagonal(points: Array, centre: Array) -> tuple[Array, Array]:
    """Of each point with itself, (n,)."""
    return ((points - centre) ** 2).sum(1), np.ones(len(points))


def combined(linear: float, smooth: float, straight: Array, near: Array) -> Array:
    return linear**2 * straight + smooth**2 * near + LEVEL**2


def prior(value: float, of: tuple[float, float]) -> float:
    around, spread = of
    return -0.5 * float(np.log(value / around) / spread) ** 2
