"""How data are prepared, as one frozen value, and the error that all of `data/` raises. Imports nothing heavy."""

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Fit = Literal["squash", "crop_pad"]


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the row where there is one, and what to do."""


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def no_space(folder: Path, error: OSError) -> str:
    return (
        f"no space is left for {folder} ({error.strerror}); free some and run the same command again: nothing is lost"
    )


@dataclass(frozen=True)
class Preparation:
    """What decides a store's contents, besides the source."""

    image_px: int = 300
    fit: Fit = "crop_pad"
    stretch: bool = (
        True  # each image's 1st to 99th percentile becomes black to white: a tenth of RSNA has hardly any contrast
    )
    images: int = 0  # how many of the source's cases, chosen by id; 0 is all
    validation_fraction: float = 0.15  # of a source that comes without splits
    test_fraction: float = 0.1

    def __post_init__(self) -> None:
        if not 32 <= self.image_px <= 2048:
            raise DataError(f"image_px must be between 32 and 2048, got {self.image_px}")
        if self.fit not in ("squash", "crop_pad"):
            raise DataError(f"fit must be squash or crop_pad, got {self.fit!r}")
        if self.images < 0:
            raise DataError(f"images is a number of cases, 0 for all; got {self.images}")
        if min(self.validation_fraction, self.test_fraction) < 0 or self.validation_fraction + self.test_fraction >= 1:
            raise DataError(
                "validation_fraction and test_fraction must be at least 0 and leave something to train on; "
                f"got {self.validation_fraction:g} and {self.test_fraction:g}"
            )


def absolute(source: str) -> str:
    """A folder or phantom:N so that it means the same from any folder."""
    return source if source.startswith("phantom:") else str(Path(source).expanduser().resolve())
