"""What a DICOM file's header says of its case, where no table does: for labels, and of the examination."""

import math
import re
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from data.films import dicom
from data.preparation import DataError
from data.tables.ages import UNITS

HEADER_AGE = "PatientAge"  # as --age-column: the age since birth, of DICOM headers
AGE = re.compile(r"(\d{3})([DWMY])")
OLDEST_MONTHS = 120 * 12.0  # an older patient has a date in place of a birth date that is not known
ROUNDED_MONTHS = 0.1  # months and years are of unequal lengths
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
    """Says nothing of a file that is damaged or may not be read, which has no image either and is left out for that."""
    try:
        sex, age, *ids = dicom.texts(path, "PatientSex", "PatientAge", *ID_ELEMENTS)
    except (DataError, OSError):
        return Header(None, math.nan, ())
    age_months = stated_age(age)
    return Header(dicom.SEXES.get(sex.upper()), round(age_months, 4), tuple(filter(None, ids)))


def stated_age(age: str) -> float:
    """Months, by PatientAge as 012Y; NaN where it is written otherwise or not at all."""
    said = AGE.fullmatch(age)
    months = int(said[1]) * AGE_UNITS[said[2]] if said else math.nan
    return months if months <= OLDEST_MONTHS else math.nan


class Study(NamedTuple):
    """The examination that a radiograph belongs to; texts are '' where the file does not say them."""

    patient_id: str = ""
    study_date: str = ""  # YYYY-MM-DD
    accession_number: str = ""
    body_part: str = ""
    male: bool | None = None
    age_months: float = math.nan  # since birth, when the radiograph was taken: no bone age; NaN where it is not said
    age_note: str = ""  # where the file says two ages, or one that nobody has


def study(path: Path) -> Study:
    """Raises DataError where the file is not DICOM.

    The age is the time from PatientBirthDate to StudyDate; PatientAge where one of them is not said, or the two contradict one
    another: who takes the names out of a file writes another date of birth, and leaves the age.
    """
    sex, age, born, taken, patient, accession, part = dicom.texts(
        path,
        *(
            "PatientSex",
            "PatientAge",
            "PatientBirthDate",
            "StudyDate",
            "PatientID",
            "AccessionNumber",
            "BodyPartExamined",
        ),
    )
    birth, day = day_of(born), day_of(taken)
    between = (day - birth).days * AGE_UNITS["D"] if birth and day and birth <= day else math.nan
    months, note = believed(between, age)
    when = day.isoformat() if day else ""
    return Study(patient, when, accession, part.upper(), dicom.SEXES.get(sex.upper()), round(months, 2), note)


def believed(between: float, age: str) -> tuple[float, str]:
    """Of the time from birth and PatientAge, which says whole days, weeks, months or years; and what is wrong with the two."""
    stated = stated_age(age)
    if between > OLDEST_MONTHS:
        taken = f"PatientAge, {age}, is taken" if not math.isnan(stated) else "no age is taken"
        return stated, f"by its PatientBirthDate the patient was {between / 12:.0f} years old: {taken}"
    if math.isnan(stated) or math.isnan(between):
        return (between if math.isnan(stated) else stated), ""
    if abs(between - stated) > AGE_UNITS[age[-1]] + ROUNDED_MONTHS:
        return stated, f"its PatientBirthDate says {between:.0f} months at the study, PatientAge {age}, which is taken"
    return between, ""


def day_of(text: str) -> date | None:
    """A DICOM date, YYYYMMDD, or with dots as before 1993."""
    try:
        return datetime.strptime(text.replace(".", ""), "%Y%m%d").date()
    except ValueError:
        return None
