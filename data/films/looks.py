"""Does a picture look like the hand radiographs that a model was trained on? Learned from the model's own store.

A picture of SIDE pixels is described by its oriented gradients (Dalal and Triggs 2005) and its greys; random cosines of
that (Rahimi and Recht 2007) are regressed, by ridge, on +1 for radiographs, as they are and as `varied.py` has them, and
-1 for `impostors.py`. So it can tell what it was shown, and what resembles it: noise, text, drawings of other bones. Whether it tells a hand from a foot is not known: no foot was at hand. It cannot tell a left hand from a right
one, a healthy hand from a deformed one, or a good radiograph from one that is a little turned.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.films.impostors import SIDE, impostors
from data.films.varied import varied

CELLS, DIRECTIONS, GREYS = 8, 8, 16  # a grid of gradient histograms, a finer one of mean greys
FEATURES = CELLS**2 * (DIRECTIONS + 1) + GREYS**2
COSINES, SCALE, RIDGE = 2000, 0.03, 1e-3
PICTURES_EACH = 4  # of the learning, for each cosine: fewer pictures have fewer
LEARNED_FROM, LEARNED_SHARE = 3000, 0.75  # images at most, and of the training images at most this share
FRAMED_IMPOSTORS = 0.25  # share of what is no hand that is varied as hands are, so that a frame tells nothing
LEAST_IMPOSTORS = 120  # of each kind
# Shares of radiographs, held out of the learning, that are refused, and that are answered with a doubt.
REFUSED, DOUBTED = 0.005, 0.03
LEAST = 100  # radiographs, for a line below all of them to be worth drawing: one in a hundred is refused then


@dataclass(frozen=True)
class Looks:
    """A score for pictures, about 1 for a radiograph and -1 for what is none, and where to draw the line."""

    mean: np.ndarray  # float32 (features,)
    spread: np.ndarray  # float32 (features,)
    directions: np.ndarray  # float32 (features, cosines)
    phases: np.ndarray  # float32 (cosines,)
    weights: np.ndarray  # float64 (cosines + 1,)
    refuse_below: float  # minus infinity where there were too few images to draw the line
    doubt_below: float

    def score(self, small: np.ndarray) -> np.ndarray:
        """Of prepared images as `shrunk` leaves them, uint8 (n, SIDE, SIDE)."""
        return np.asarray(cosines(self, described(small)) @ self.weights)


def learn(train: np.ndarray, held_out: np.ndarray, seed: int = 0) -> Looks:
    """From prepared images as `shrunk` leaves them; the lines are drawn by radiographs that were not learned from.

    Those are `held_out` and what is left of `train`.
    """
    random = np.random.default_rng((seed, 1))
    order = random.permutation(len(train))
    most = min(LEARNED_FROM, math.ceil(LEARNED_SHARE * len(train)))
    hands, rest = train[order[:most]], train[order[most:]]
    good = described(np.concatenate([hands, varied(hands, random)]))
    strange = impostors(hands, max(len(hands) // 4, LEAST_IMPOSTORS), random)
    framed = random.random(len(strange)) < FRAMED_IMPOSTORS
    strange[framed] = varied(strange[framed], random)
    bad = described(strange)
    both = np.concatenate([good, bad])
    waves = min(COSINES, len(both) // PICTURES_EACH)
    found = Looks(
        mean=good.mean(0),
        spread=both.std(0) + 1e-6,
        directions=random.normal(0, SCALE, (both.shape[1], waves)).astype(np.float32),
        phases=random.uniform(0, 2 * np.pi, waves).astype(np.float32),
        weights=np.zeros(waves + 1),
        refuse_below=0.0,
        doubt_below=0.0,
    )
    wanted = np.concatenate([np.ones(len(good)), -np.ones(len(bad))])
    share = np.concatenate([np.full(len(good), 0.5 / len(good)), np.full(len(bad), 0.5 / len(bad))])
    seen = cosines(found, both)
    system = (seen * share[:, np.newaxis]).T @ seen + RIDGE * np.eye(seen.shape[1])
    weights = np.linalg.solve(system, seen.T @ (share * wanted))
    found = replace(found, weights=weights)
    checked = found.score(np.concatenate([held_out, rest]))
    return replace(found, refuse_below=line(checked, REFUSED), doubt_below=line(checked, DOUBTED))


def line(scores: np.ndarray, share: float) -> float:
    """What a new radiograph of this kind falls below with about this probability.

    The k-th smallest of n scores, with k = share · (n + 1) rounded down, and the smallest of LEAST or more; fewer know no
    such line.
    """
    place = max(int(share * (len(scores) + 1)), len(scores) >= LEAST)
    return float(np.sort(scores)[place - 1]) if place else float("-inf")


def cosines(looks: Looks, features: np.ndarray) -> np.ndarray:
    waves = np.cos((features - looks.mean) / looks.spread @ looks.directions + looks.phases)
    return np.concatenate([waves, np.ones((len(waves), 1))], axis=1)


def shrunk(images: Iterable[np.ndarray]) -> np.ndarray:
    """uint8 (n, SIDE, SIDE) of prepared images, uint8 (px, px) each."""
    small = [np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX)) for image in images]
    return np.array(small, np.uint8).reshape(-1, SIDE, SIDE)


def described(images: np.ndarray) -> np.ndarray:
    """float32 (n, features) of uint8 (n, SIDE, SIDE)."""
    grey = images.astype(np.float32)
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    steepness = np.hypot(right, down)
    direction = np.floor((np.arctan2(down, right) / (2 * np.pi) + 0.5) * DIRECTIONS).astype(int) % DIRECTIONS
    side = SIDE // CELLS
    histograms = np.stack(
        [
            np.where(direction == n, steepness, 0).reshape(-1, CELLS, side, CELLS, side).mean((2, 4))
            for n in range(DIRECTIONS)
        ],
        axis=-1,
    )
    shape = histograms / (np.linalg.norm(histograms, axis=-1, keepdims=True) + 8)
    strength = 0.3 * np.log1p(histograms.sum(-1))
    greys = grey.reshape(-1, GREYS, SIDE // GREYS, GREYS, SIDE // GREYS).mean((2, 4)) / 255
    return np.concatenate([part.reshape(len(images), -1) for part in (shape, strength, greys)], axis=1)


def save(looks: Looks, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **asdict(looks))


def load(path: Path) -> Looks:
    """Raises ValueError where the arrays do not belong together, or hold what is no number; and what NumPy raises."""
    with np.load(path, allow_pickle=False) as arrays:
        found: dict[str, Any] = {name: arrays[name] for name in arrays.files}
    looks = Looks(**(found | {name: float(found[name]) for name in ("refuse_below", "doubt_below")}))
    waves = looks.directions.shape[-1] if looks.directions.ndim else 0
    shapes = {
        "mean": (FEATURES,),
        "spread": (FEATURES,),
        "directions": (FEATURES, waves),
        "phases": (waves,),
        "weights": (waves + 1,),
    }
    for name, shape in shapes.items():
        array = getattr(looks, name)
        if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ValueError(
                f"{name} is {array.dtype} of shape {array.shape}, expected finite numbers of shape {shape}"
            )
    if not (looks.spread > 0).all():
        raise ValueError("spread is not above 0")
    if any(math.isnan(below) or below == math.inf for below in (looks.refuse_below, looks.doubt_below)):
        raise ValueError(f"refuse_below and doubt_below are {looks.refuse_below} and {looks.doubt_below}")
    return looks
