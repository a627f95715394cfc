"""How data are prepared, as one frozen value, and the error that all of `data/` raises. Imports nothing heavy."""

import errno
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from data.ranges import Range, check, whole

Fit = Literal["squash", "crop_pad"]
Shrink = Literal["lanczos", "nearest"]
AgeUnit = Literal["auto", "months", "years", "days"]  # auto: months, unless they look like years, which is refused


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the row where there is one, and what to do."""


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def no_space(folder: Path, error: OSError) -> str:
    return (
        f"no space is left for {folder} ({error.strerror}); free some and run the same command again: nothing is lost"
    )


PIXELS = ("image_px", "fit", "stretch", "stretch_field", "shrink")  # fields of a preparation
FRACTION = Range(0, 1, below=True)
RANGES = {
    "image_px": whole(32, 2048),
    "images": whole(0, 100_000_000),
    "validation_fraction": FRACTION,
    "test_fraction": FRACTION,
}


@dataclass(frozen=True)
class Preparation:
    """What decides a store's contents, besides the source."""

    image_px: int = 300
    fit: Fit = "crop_pad"
    stretch: bool = (
        True  # each image's 1st to 99th percentile becomes black to white: a tenth of RSNA has hardly any contrast
    )
    stretch_field: bool = False  # by the percentiles inside the exposed field alone, without surrounds and letters
    shrink: Shrink = "lanczos"  # nearest: as whoever made the training films as small as `image_px` did it
    images: int = 0  # how many of the source's cases, chosen by id; 0 is all
    validation_fraction: float = 0.15  # of a source that comes without splits
    test_fraction: float = 0.1
    age_unit: AgeUnit = "auto"
    id_column: str = ""  # headings of one's own; '' is any of those in circulation
    age_column: str = ""
    sex_column: str = ""
    patient_column: str = ""
    split_column: str = ""
    accept_losses: bool = False  # whether more than a fifth of the cases may be left out

    @property
    def pixels(self) -> dict[str, Any]:
        """What decides how a file becomes pixels, by field: of two preparations with equal ones the images are the same."""
        return {name: getattr(self, name) for name in PIXELS}

    def __post_init__(self) -> None:
        check(self, RANGES, DataError)
        if self.stretch_field and not self.stretch:
            raise DataError("--stretch-field needs stretching, and --no-stretch turns it off: leave out one of the two")
        if self.validation_fraction + self.test_fraction >= 1:
            raise DataError(
                "validation_fraction and test_fraction must leave something to train on; "
                f"got {self.validation_fraction:g} and {self.test_fraction:g}: lower --validation-fraction, or --test-fraction"
            )

    @property
    def recorded(self) -> dict[str, Any]:
        """What a store says of its making: of fields that older ones lack, those that were set; a permission is none."""
        of_contents = {field.name: field.default for field in fields(self) if field.name != "accept_losses"}
        first = ("image_px", "fit", "stretch", "images", "validation_fraction", "test_fraction")
        values = {name: getattr(self, name) for name in of_contents}
        return {name: value for name, value in values.items() if name in first or value != of_contents[name]}

    @property
    def columns(self) -> dict[str, str]:
        """Our name of a column to the heading that was named for it."""
        named = {
            "id": self.id_column,
            "age_months": self.age_column,
            "sex": self.sex_column,
            "patient": self.patient_column,
            "split": self.split_column,
        }
        return {ours: heading for ours, heading in named.items() if heading.strip()}


def request(source: str, settings: Preparation) -> dict[str, Any]:
    """What decides what is prepared: a permission does not, nor whether months are named that were taken for granted."""
    unit: AgeUnit = "months" if settings.age_unit == "auto" else settings.age_unit
    return {"source": source} | asdict(replace(settings, accept_losses=False, age_unit=unit))
