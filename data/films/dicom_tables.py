"""A DICOM look-up table: values to entries (PS3.3 C.7.6.3.1.5, C.11.1.1, C.11.2.1.1).

Not pydicom's: that counts places in a table with the numbers of its entries, so that a table of 4096 entries of 8 bits
begins again after 256, and it reads the palette of a big-endian file in the machine's order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    first: int  # the value that the first entry is for
    entries: np.ndarray  # float64 (count,)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """float64: the first entry for all values below it too, the last for all above."""
        places = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return np.asarray(self.entries[places])


def table_of(item: Any, descriptor: str, data: str, little_endian: bool) -> Table:
    """Of these two elements. Raises ValueError where one is missing or says another number of entries than there are."""
    if missing := [name for name in (descriptor, data) if name not in item]:
        raise ValueError(f"a look-up table lacks {' and '.join(missing)}")
    count, first, _ = (int(value) for value in item[descriptor].value)
    return Table(first, entries_of(item[data].value, count or 65536, little_endian))


def entries_of(data: Any, count: int, little_endian: bool) -> np.ndarray:
    """float64 (count,), of numbers, or of bytes: words that hold one entry each, or two of 8 bits."""
    if not isinstance(data, bytes):
        entries = np.atleast_1d(np.asarray(data))
        surplus = len(entries) - count
    else:
        words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2")
        entries = words if len(data) >= 2 * count else words.astype("<u2").view(np.uint8)
        surplus = len(data) - count * (2 if len(data) >= 2 * count else 1)
    if surplus not in (0, 1):  # one byte makes an odd length even
        raise ValueError(f"a look-up table says {count} entries and has {len(entries)}")
    return entries[:count].astype(np.float64)
