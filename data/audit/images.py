"""The pictures of a prepared store as an audit sees them: faults of exposure and size, and nearly equal ones."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from data.audit.copies import ALIKE, LEAST_AGREEMENT, agreement, frequencies, small, standing_out
from data.films.traits import blocks

LOW_CONTRAST_LEVELS = 64  # 1st to 99th percentile within so many grey levels: a tenth of RSNA's training images
# A bright edge: most of a strip along one side is brighter than half. A forearm crosses less of it.
EDGE_WIDTH, EDGE_GREY, EDGE_SHARE = 0.02, 127, 0.75
EMPTY_SHARE = 0.9  # of the pixels have one grey; at most 0.86 in RSNA
SATURATED_SHARE, SATURATED_GREY = 0.25, 250  # so many pixels are white; at most 0.2 in RSNA
WORRYING_SHARE = 0.05  # of images with such a fault

# Near duplicates: candidates agree coarsely and in what is left when their smooth part is taken away, or, shifted, turned or mirrored,
# in their spatial frequencies; `copies.py` judges them.
COARSE_PX, COARSE_AGREEMENT = 16, 0.96
DETAIL_PX, DETAIL_SMOOTHING_PX, DETAIL_AGREEMENT = 48, 2.0, 0.9

MOST_JUDGED = 4  # of the images of its own split, and of the others, for each image
COMPARED_AT_ONCE = 250  # images against all before them
DETAILS_AT_ONCE = 4000  # of those before them, in 32 bits


@dataclass(frozen=True)
class Range:
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Pictures:
    """Faults of the images as prepared (shares of all), and the sizes of their files in pixels."""

    low_contrast_share: float
    bright_border_share: float
    nearly_empty_share: float
    saturated_share: float
    width_px: Range
    height_px: Range
    aspect: Range  # width / height
    upsampled: int  # files whose longer side is below image_px
    sizes: list[tuple[int, int, int]]  # width, height, files; the most frequent first
    poor_ids: list[str]  # nearly empty or saturated


@dataclass(frozen=True)
class Twins:
    """Two images that are nearly the same picture."""

    first: str  # ids
    second: str
    agreement: float  # as `copies.agreement` has it
    across_splits: bool
    labels_differ: bool  # in age or sex


def looked_at(images: np.ndarray) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """One pass over the images: a row of facts for each, and what near duplicates are known by.

    The second and third are float32 (images, COARSE_PX²) and float16 (images, DETAIL_PX²), rows of norm 1.
    """
    count, px, _ = images.shape
    strip = max(1, round(EDGE_WIDTH * px))
    detail_px = min(DETAIL_PX, px)
    facts = []
    coarse = np.empty((count, COARSE_PX**2), np.float32)
    detail = np.empty((count, detail_px**2), np.float16)
    for rows in blocks(count, px):
        block = np.asarray(images[rows])
        greys = np.stack([np.bincount(image.ravel(), minlength=256) for image in block]) / px**2
        reached = greys.cumsum(axis=1)
        edges = (block[:, :strip], block[:, -strip:], block[:, :, :strip], block[:, :, -strip:])
        facts.append(
            pd.DataFrame(
                {
                    "levels": (reached >= 0.99).argmax(axis=1) - (reached >= 0.01).argmax(axis=1),
                    "bright_edge": np.max([(edge > EDGE_GREY).mean(axis=(1, 2)) for edge in edges], axis=0),
                    "commonest_grey": greys.max(axis=1),
                    "white": greys[:, SATURATED_GREY:].sum(axis=1),
                }
            )
        )
        coarse[rows] = unit(shrunk(block, COARSE_PX))
        fine = shrunk(block, detail_px)
        smooth = scipy.ndimage.gaussian_filter(fine, (0, DETAIL_SMOOTHING_PX, DETAIL_SMOOTHING_PX))
        detail[rows] = unit(fine - smooth)
    return pd.concat(facts, ignore_index=True), coarse, detail


def shrunk(block: np.ndarray, side: int) -> np.ndarray:
    """Means over `side` by `side` cells of (images, px, px), as float32; px is at least `side`."""
    edges = np.linspace(0, block.shape[1], side + 1).astype(int)
    across = np.add.reduceat(block, edges[:-1], axis=2, dtype=np.float32)
    sums = np.add.reduceat(across, edges[:-1], axis=1)
    return np.asarray(sums / np.outer(np.diff(edges), np.diff(edges)).astype(np.float32))


def unit(pictures: np.ndarray) -> np.ndarray:
    """Rows (images, pixels) of mean 0 and norm 1, so that a product is a correlation; 0 where a picture is one grey."""
    rows = pictures.reshape(len(pictures), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 1e-3))


def pictures(cases: pd.DataFrame, seen: pd.DataFrame, image_px: int) -> Pictures:
    width_px, height_px = cases["width_px"], cases["height_px"]
    empty = seen["commonest_grey"] > EMPTY_SHARE
    saturated = seen["white"] > SATURATED_SHARE
    sizes = Counter(zip(width_px.astype(int).tolist(), height_px.astype(int).tolist(), strict=True))
    return Pictures(
        float((seen["levels"] <= LOW_CONTRAST_LEVELS).mean()),
        float((seen["bright_edge"] >= EDGE_SHARE).mean()),
        float(empty.mean()),
        float(saturated.mean()),
        range_of(width_px),
        range_of(height_px),
        range_of(width_px / height_px),
        int((np.maximum(width_px, height_px) < image_px).sum()),
        [(width, height, files) for (width, height), files in sizes.most_common()],
        list(cases.loc[empty | saturated, "id"]),
    )


def range_of(values: pd.Series) -> Range:
    return Range(float(values.min()), float(values.median()), float(values.max()))


def twins(cases: pd.DataFrame, images: np.ndarray, coarse: np.ndarray, detail: np.ndarray) -> Iterator[Twins]:
    """Every image that is an earlier one again, beside one such: of another split if there is any, else the likeliest.

    So there are fewer pairs than images, however many are alike, and none across splits is missed.
    """
    id, split, age_months, male = (cases[name].to_numpy() for name in ("id", "split", "age_months", "male"))
    straight, mirrored = frequencies(images), frequencies(images[:, :, ::-1])
    mean, spread = straight.mean(axis=0), straight.std(axis=0) + 1e-3
    straight, mirrored = (standing_out(features, mean, spread) for features in (straight, mirrored))
    for start in range(0, len(coarse), COMPARED_AT_ONCE):
        rows = np.arange(start, min(start + COMPARED_AT_ONCE, len(coarse)))
        end = rows[-1] + 1
        before = np.arange(end) < rows[:, None]
        as_is, turned = agreements(coarse, detail, rows), straight[rows] @ straight[:end].T
        flipped = np.where(before, mirrored[rows] @ straight[:end].T, 0)
        likely = np.where(as_is >= DETAIL_AGREEMENT, 1 + as_is, np.where(before, np.maximum(turned, flipped), 0))
        likely[likely < ALIKE] = 0
        for at in np.flatnonzero(likely.any(axis=1)):
            b = int(rows[at])
            for a in judged(likely[at], split[:end] != split[b]):
                over = images[b][:, ::-1] if flipped[at, a] > max(turned[at, a], as_is[at, a]) else images[b]
                same = agreement(small(np.ascontiguousarray(over)), small(images[a]))
                if same >= LEAST_AGREEMENT:
                    apart = bool(split[a] != split[b])
                    differ = bool(age_months[a] != age_months[b] or male[a] != male[b])
                    yield Twins(str(id[a]), str(id[b]), same, apart, differ)
                    break


def judged(likely: np.ndarray, apart: np.ndarray) -> Iterator[int]:
    """Candidates, those of other splits before those of one's own, the likeliest first, the earliest of equal ones."""
    for some in (apart, ~apart):
        places = np.flatnonzero(some & (likely > 0))  # of thousands a few
        for a in places[np.argsort(-likely[places], kind="stable")][:MOST_JUDGED]:
            yield int(a)


def agreements(coarse: np.ndarray, detail: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of these images' detail with that of every image before them, float32 (rows, images); 0 where they differ coarsely."""
    end = rows[-1] + 1
    alike = coarse[rows] @ coarse[:end].T >= COARSE_AGREEMENT
    alike &= np.arange(end) < rows[:, None]
    found = np.zeros(alike.shape, np.float32)
    mine = np.flatnonzero(alike.any(axis=1))
    others = np.flatnonzero(alike.any(axis=0))
    ours = detail[rows[mine]].astype(np.float32)
    for some in (others[at : at + DETAILS_AT_ONCE] for at in range(0, len(others), DETAILS_AT_ONCE)):
        block = np.ix_(mine, some)
        found[block] = np.where(alike[block], ours @ detail[some].astype(np.float32).T, 0)
    return found
