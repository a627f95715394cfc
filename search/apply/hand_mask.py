"""Where the hand is in a radiograph: what is brighter than the ground, in one piece, a little widened."""

import numpy as np
from scipy import ndimage

SMOOTHED, WIDENED = 1 / 60, 1 / 40  # of the side
LEAST, MOST = 0.05, 0.9  # shares of the picture that a hand fills; another mask was not found but missed
BINS = 256


def hand_of(grey: np.ndarray) -> np.ndarray | None:
    """bool (side, side) of a prepared image, uint8; None where no hand can be told from the ground."""
    side = len(grey)
    smooth = ndimage.gaussian_filter(grey.astype(np.float32), side * SMOOTHED)
    bright = smooth > threshold(smooth)
    parts, count = ndimage.label(bright)
    if not count:
        return None
    largest = 1 + int(np.argmax(ndimage.sum_labels(bright, parts, range(1, count + 1))))
    mask = ndimage.binary_fill_holes(parts == largest)
    mask = ndimage.binary_dilation(mask, iterations=max(round(side * WIDENED), 1))
    return mask if LEAST <= mask.mean() <= MOST else None


def threshold(grey: np.ndarray) -> float:
    """Otsu's: where the two sides differ most."""
    counts, edges = np.histogram(grey, BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(middles[int(np.argmax(np.nan_to_num(between)))])
