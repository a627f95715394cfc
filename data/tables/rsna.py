"""What RSNA's published ids tell: its official test cases lie between its training cases, and nothing else marks them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

# Of the ids that are numbers, which somebody has added to RSNA's. A clinic that numbers its hands from 1000 to 9999 has 4 % outside.
MOST_FOREIGN = 0.025
LEAST_NUMBERS = 0.5  # of the ids; with fewer it is another clinic's data
RSNA_IDS, RSNA_TEST_IDS = (1377, 15612), (4360, 4559)  # training and validation; the official test set, in between


def official_test(ids: Iterable[str]) -> np.ndarray:
    """Which are RSNA's official test cases, bool (ids,); none where the ids are not RSNA's, but for a few."""
    numbers = pd.to_numeric(pd.Series(list(ids), dtype=str), errors="coerce")
    known = numbers.dropna()
    foreign = int((~known.between(*RSNA_IDS)).sum())
    if foreign > MOST_FOREIGN * len(known) or len(known) < LEAST_NUMBERS * len(numbers):
        return np.zeros(len(numbers), dtype=bool)
    return np.asarray(numbers.between(*RSNA_TEST_IDS), dtype=bool)
