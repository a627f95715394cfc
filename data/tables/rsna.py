"""What RSNA's published ids tell: its official test cases lie between its training cases, and nothing else marks them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

MOST_FOREIGN = 0.05  # of the ids, which somebody has added to RSNA's; with more it is another clinic's data
RSNA_IDS, RSNA_TEST_IDS = (1377, 15612), (4360, 4559)  # training and validation; the official test set, in between


def official_test(ids: Iterable[str]) -> np.ndarray:
    """Which are RSNA's official test cases, bool (ids,); none where more than MOST_FOREIGN are outside RSNA's range."""
    numbers = pd.to_numeric(pd.Series(list(ids), dtype=str), errors="coerce")
    foreign = int((~numbers.between(*RSNA_IDS)).sum())
    if foreign > MOST_FOREIGN * len(numbers):
        return np.zeros(len(numbers), dtype=bool)
    return np.asarray(numbers.between(*RSNA_TEST_IDS), dtype=bool)
