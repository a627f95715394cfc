"""What RSNA's published ids tell: its official test cases lie between its training cases, and nothing else marks them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

RSNA_IDS, RSNA_TEST_IDS = (1377, 15612), (4360, 4559)  # training and validation; the official test set, in between


def official_test(ids: Iterable[str]) -> np.ndarray:
    """Which are RSNA's official test cases, bool (ids,); none where any id is outside RSNA's range, as of another clinic."""
    numbers = pd.to_numeric(pd.Series(list(ids), dtype=str), errors="coerce")
    official = numbers.between(*RSNA_TEST_IDS)
    if not numbers[~official].between(*RSNA_IDS).all():
        return np.zeros(len(numbers), dtype=bool)
    return np.asarray(official, dtype=bool)
