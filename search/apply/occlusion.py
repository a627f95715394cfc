"""A finer map than the network's last cells give: by how many months the prediction falls where a small window is blurred."""

from typing import Any

import numpy as np
from scipy import ndimage

from models.cells import Cells
from search.trained.predictor import months_of

WINDOW, STEP, BLUR = 0.12, 0.06, 0.06  # of the side


def places(image_px: int) -> tuple[Cells, int]:
    """Where the windows lie, and how wide they are."""
    window, step = max(round(WINDOW * image_px), 2), max(round(STEP * image_px), 1)
    return Cells((window - 1) / 2, step, (image_px - window) // step + 1), window


def occluded(network: Any, image: np.ndarray, male: bool) -> tuple[np.ndarray, float]:
    """Months (across, across), and the prediction; of one image, uint8 (px, px)."""
    where, window = places(len(image))
    blurred = ndimage.gaussian_filter(image.astype(np.float32), BLUR * len(image))
    soft = np.asarray(np.rint(blurred), np.uint8)
    shown = np.repeat(image[np.newaxis], where.across**2 + 1, axis=0)
    for place in range(where.across**2):
        row, column = (round(n * where.step_px) for n in divmod(place, where.across))
        here = place, slice(row, row + window), slice(column, column + window)
        shown[here] = soft[here[1:]]
    answers = months_of(network, shown, np.full(len(shown), male))
    return answers[-1] - answers[:-1].reshape(where.across, where.across), float(answers[-1])
