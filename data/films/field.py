"""The exposed field of a radiograph: what the collimator, the cassette's edge and padding leave of the picture.

Outside lie black and white surrounds, one grey up to the picture's edge. With burnt-in white letters they fill the 1st and the
99th percentile of the greys, so that a hand which is stretched by those stays grey on grey.
"""

from typing import NamedTuple

import numpy as np
import scipy  # its parts are imported at their first use

PERCENTILES = (1, 99)
LOOKED_AT_PX = 256  # of the longer side: where a field ends is coarse
FLAT = 0.04  # a surround differs from black or white by at most this share of the picture's range
LEAST = 0.1  # of the picture: a smaller field was not found but missed
WHITEST, LETTERS = (
    0.02,
    0.05,
)  # greys this near to the highest are letters where they are at most such a share of the field


class Greys(NamedTuple):
    low: float  # between them lies what a film shows, in the file's own greys
    high: float
    field: float  # share of the picture that is exposed


def inside(grey: np.ndarray) -> Greys:
    """Of a picture (height, width), uint8 or uint16, that has more than one grey."""
    step = -(-max(grey.shape) // LOOKED_AT_PX)
    small = grey[::step, ::step].astype(np.float32)
    least, most = float(small.min()), float(small.max())
    exposed = ~(
        reaching_edge(small <= least + FLAT * (most - least)) | reaching_edge(small >= most - FLAT * (most - least))
    )
    share = float(exposed.mean())
    if share < LEAST:
        exposed, share = np.ones(small.shape, bool), 1.0
    greys = small[exposed]
    letters = greys >= most - WHITEST * (most - least)
    if letters.mean() <= LETTERS:
        greys = greys[~letters]
    low, high = np.percentile(greys, PERCENTILES) if len(greys) else (least, most)
    return Greys(float(low), float(high), share)


def reaching_edge(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask that hang together with the picture's edge."""
    parts, _ = scipy.ndimage.label(mask)
    edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return np.asarray(np.isin(parts, edge[edge > 0]))
