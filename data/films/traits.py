"""What the films of a set are like, apart from the hands: size, sharpness, contrast, exposed field, and how they were resampled.

A network reads smooth pictures as young ones, so films of another scanner, archive or resampler are answered wrongly without a
sign. `films_of` says what the training films were, and stays with the model; `outside` says where one film lies beyond them,
`departures` where many of a set do.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data.films.images import Decoded

PERCENTILES = {"low": 0.5, "usual_low": 5, "median": 50, "usual_high": 95, "high": 99.5}
FEW = 100  # a set of fewer has no such percentiles: its ends are used
SLACK = 0.1  # of the range from low to high, by which a film may lie beyond it
SIZE_RATIO = 1.25  # sizes are compared by their ratio
MANY, LEAST = (
    0.2,
    10,
)  # share of a set outside the usual, from which it differs, where it has so many: of the training films it is 0.05
READ_AT_ONCE = 4_000_000  # bytes of pixels


class Trait(NamedTuple):
    column: str
    name: str
    decimals: int
    below: str  # what it means to lie there
    above: str


SIZE = Trait("size_px", "longer side", 0, "fewer pixels", "more pixels")
TRAITS = (
    SIZE,
    Trait("sharpness", "sharpness", 0, "smoother, which a network may read as younger", "sharper or noisier"),
    Trait("levels", "contrast inside the exposed field", 0, "flatter", "harder"),
    Trait("field", "exposed share of the picture", 2, "more surround", "less surround"),
)
FILE = ["width_px", "height_px", "levels", "field"]  # what is known of the files
UNITS = {"size_px": " px", "levels": " of 255 grey levels"}
FILTERS = ("shrunk", "enlarged", "as they are")


def blocks(count: int, px: int) -> Iterator[slice]:
    """So many images of this side in parts that memory does not notice."""
    step = max(1, READ_AT_ONCE // px**2)
    return (slice(start, start + step) for start in range(0, count, step))


def sharpness(images: np.ndarray) -> np.ndarray:
    """Of uint8 (n, px, px): how much neighbours differ, against pixels two apart, in percent; whatever the contrast.

    25 is a smooth slope, 100 noise. RSNA's films have about 40 where they were shrunk by Lanczos, 60 by nearest neighbour.
    """
    found = np.empty(len(images))
    for rows in blocks(len(images), images.shape[-1]):
        block = np.asarray(images[rows]).astype(np.float32)
        near, far = (sum(np.square(apart(block, axis, lag)).mean(axis=(1, 2)) for axis in (1, 2)) for lag in (1, 2))
        found[rows] = 100 * np.divide(near, far, out=np.full(len(block), 1.0, np.float32), where=far > 0)
    return found


def apart(block: np.ndarray, axis: int, lag: int) -> np.ndarray:
    """Differences of pixels `lag` apart along an axis."""
    return np.asarray(block[:, lag:] - block[:, :-lag] if axis == 1 else block[:, :, lag:] - block[:, :, :-lag])


def traits_of(films: Sequence[Decoded]) -> pd.DataFrame:
    """Of files as read; a row each, the columns of TRAITS."""
    stacked = np.array([film.pixels for film in films], np.uint8)
    table = pd.DataFrame([(film.width_px, film.height_px, film.levels, film.field) for film in films], columns=FILE)
    return traits(stacked, table)


def traits(images: np.ndarray, files: pd.DataFrame) -> pd.DataFrame:
    """Of prepared images, uint8 (n, px, px), and what is known of their files, FILE; a row each, the columns of TRAITS."""
    sizes = files[["width_px", "height_px"]].max(axis=1).to_numpy(float)
    of_file = {name: files[name].to_numpy(float) for name in ("levels", "field")}
    return pd.DataFrame({"size_px": sizes, "sharpness": sharpness(images), **of_file})


def films_of(seen: pd.DataFrame, image_px: int) -> dict[str, Any]:
    """What model.json keeps of the training films: `seen` as `traits` has it. Traits that are not known are left out."""
    found: dict[str, Any] = {"n": len(seen), "image_px": image_px, "filter": filters(seen["size_px"], image_px)}
    for trait in TRAITS:
        values = seen[trait.column].dropna().to_numpy(float)
        if len(values):
            ends = np.percentile(values, list(PERCENTILES.values()) if len(values) >= FEW else (0, 0, 50, 100, 100))
            found[trait.column] = dict(zip(PERCENTILES, ends.round(3).tolist(), strict=True))
    return found


def filters(size_px: pd.Series, image_px: int) -> dict[str, float]:
    """Shares of files that preparing shrank (Lanczos), enlarged (bicubic), or left at their size."""
    shares = ((size_px > image_px).mean(), (size_px < image_px).mean(), (size_px == image_px).mean())
    return {name: round(float(share), 4) for name, share in zip(FILTERS, shares, strict=True)}


def outside(films: Mapping[str, Any] | None, seen: pd.DataFrame) -> list[tuple[str, ...]]:
    """For each row of `traits`: a sentence for each trait that lies beyond the training films; none for a model of before."""
    notes: list[list[str]] = [[] for _ in range(len(seen))]
    for trait in TRAITS:
        known = (films or {}).get(trait.column)
        if known is None:
            continue
        sides = beyond(trait, known, seen[trait.column].to_numpy(float), "low", "high")
        for place in np.flatnonzero(sides):
            value = seen[trait.column].iloc[place]
            meant = trait.below if sides[place] < 0 else trait.above
            notes[place].append(f"{trait.name} {shown(trait, value)}, training films {spanned(trait, known)}: {meant}")
    for place in np.flatnonzero(seen["size_px"].to_numpy(float) < (films or {}).get("image_px", 0)):
        notes[place].append(
            f"the file has fewer pixels than the {films['image_px'] if films else ''} px of the network's input"
        )
    return [tuple(sentences) for sentences in notes]


def departures(films: Mapping[str, Any] | None, seen: pd.DataFrame, called: str = "training films") -> list[str]:
    """A sentence for each trait in which more than MANY of a set lie beyond nine tenths of the films that are called so."""
    found = []
    for trait in TRAITS:
        known = (films or {}).get(trait.column)
        values = seen[trait.column].dropna().to_numpy(float)
        if known is None or len(values) < LEAST:
            continue
        sides = beyond(trait, known, values, "usual_low", "usual_high")
        for side, meant in ((-1, trait.below), (1, trait.above)):
            if (share := float((sides == side).mean())) > MANY:
                found.append(
                    f"{trait.name}: {share:.0%} of these films lie where only 5% of the {called} lie (median "
                    f"{shown(trait, float(np.median(values)))}, {called} {shown(trait, known['median'])}): {meant}"
                )
    return found


def beyond(trait: Trait, known: Mapping[str, float], values: np.ndarray, lowest: str, highest: str) -> np.ndarray:
    """-1, 0 or 1: below, within, above what the training films span; 0 where a value is not known."""
    low, high = known[lowest], known[highest]
    if trait is SIZE:
        low, high = low / SIZE_RATIO, high * SIZE_RATIO
    else:
        slack = SLACK * (high - low)
        low, high = low - slack, high + slack
    return np.asarray((values > high).astype(int) - (values < low).astype(int))


def shown(trait: Trait, value: float) -> str:
    return f"{value:.{trait.decimals}f}{UNITS.get(trait.column, '')}"


def spanned(trait: Trait, known: Mapping[str, float]) -> str:
    low, high = (f"{known[end]:.{trait.decimals}f}" for end in ("low", "high"))
    return low if low == high else f"{low} to {high}"
