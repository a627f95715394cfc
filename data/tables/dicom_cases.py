"""What a DICOM file's header says of its case, where no table does."""

import re
from pathlib import Path
from typing import NamedTuple

from data.films import dicom
from data.preparation import DataError
from data.tables.ages import UNITS

HEADER_AGE = "PatientAge"  # as --age-column: the age since birth, of DICOM headers
AGE = re.compile(r"(\d{3})([DWMY])")
AGE_UNITS = {"D": UNITS["days"], "W": 7 * UNITS["days"], "M": 1.0, "Y": UNITS["years"]}
ID_ELEMENTS = ("PatientID", "SOPInstanceUID", "AccessionNumber", "StudyInstanceUID")


def is_header_age(heading: str) -> bool:
    """Whether this is how somebody asks for the age since birth as the label."""
    return heading.replace(" ", "").casefold() == HEADER_AGE.casefold()


class Header(NamedTuple):
    male: bool | None  # None where PatientSex is neither M nor F
    age_months: float  # since birth, by PatientAge: no bone age; NaN where it is not said
    ids: tuple[str, ...]  # by any of which a table may name the case


def header(path: Path) -> Header:
    """Says nothing of a damaged file, which has no image either and is left out for that."""
    try:
        sex, age, *ids = dicom.texts(path, "PatientSex", "PatientAge", *ID_ELEMENTS)
    except DataError:
        return Header(None, float("nan"), ())
    said = AGE.fullmatch(age)
    age_months = int(said[1]) * AGE_UNITS[said[2]] if said else float("nan")
    return Header(dicom.SEXES.get(sex.upper()), round(age_months, 4), tuple(filter(None, ids)))
