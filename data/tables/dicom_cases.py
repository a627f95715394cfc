"""What a DICOM file's header says of its case, where no table does: for labels, and of the examination."""

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from data.counted import counted
from data.films import dicom
from data.preparation import DataError
from data.tables.ages import UNITS, months_of

HEADER_AGE = "PatientAge"  # as --age-column: the age since birth, of DICOM headers
AGE = re.compile(r"(\d{3})([DWMY])")
OLDEST_MONTHS = 120 * 12.0  # an older patient has a date in place of a birth date that is not known
ROUNDED_MONTHS = 0.1  # months and years are of unequal lengths
AGE_UNITS = {"D": UNITS["days"], "W": 7 * UNITS["days"], "M": 1.0, "Y": UNITS["years"]}
TO_A_YEAR = "its age since birth is known only to the year ({}): the middle of that year is used"
OF_AGE = ("PatientAge", "PatientBirthDate", "StudyDate")
ID_ELEMENTS = ("PatientID", "SOPInstanceUID", "AccessionNumber", "StudyInstanceUID")


def is_header_age(heading: str) -> bool:
    """Whether this is how somebody asks for the age since birth as the label."""
    return heading.replace(" ", "").casefold() == HEADER_AGE.casefold()


class Age(NamedTuple):
    """The time from birth to the examination, which is no bone age."""

    months: float = math.nan  # NaN where it is not said
    to_a_year: bool = False  # known no better: the middle of that year
    note: str = ""  # where it is known to a year, the file says two ages, or one that nobody has


class Header(NamedTuple):
    male: bool | None  # None where PatientSex is neither M nor F
    age: Age
    ids: tuple[str, ...]  # by any of which a table may name the case
    patient_id: str = ""  # which is one of them
    instance: str = ""  # the UID of this image alone, another of them
    imageless: bool = False  # a structured report, a PDF, a presentation state: a DICOM object that holds no pixels


def header(path: Path) -> Header:
    """Says nothing of a file that is damaged or may not be read, which has no image either and is left out for that."""
    try:
        sex, rows, *dates, patient, instance, accession, examination = dicom.texts(
            path, "PatientSex", "Rows", *OF_AGE, *ID_ELEMENTS
        )
    except (DataError, OSError):
        return Header(None, Age(), ())
    ids = filter(None, (patient, instance, accession, examination))
    return Header(dicom.SEXES.get(sex.upper()), age_at(*dates), tuple(ids), patient, instance, not rows)


class Study(NamedTuple):
    """The examination that a radiograph belongs to; texts are '' where the file does not say them."""

    patient_id: str = ""
    study_date: str = ""  # YYYY-MM-DD
    accession_number: str = ""
    body_part: str = ""
    male: bool | None = None
    age_months: float = math.nan  # since birth, when the radiograph was taken: no bone age; NaN where it is not said
    age_note: str = ""  # where it is known to a year, the file says two ages, or one that nobody has


def study(path: Path) -> Study:
    """Raises DataError where the file is not DICOM."""
    sex, stated, born, taken, patient, accession, part = dicom.texts(
        path, "PatientSex", *OF_AGE, "PatientID", "AccessionNumber", "BodyPartExamined"
    )
    age, day = age_at(stated, born, taken), day_of(taken)
    when = day.isoformat() if day else ""
    return Study(patient, when, accession, part.upper(), dicom.SEXES.get(sex.upper()), age.months, age.note)


def age_at(stated: str, born: str, taken: str) -> Age:
    """By PatientAge, PatientBirthDate and StudyDate, as a file has them: the time between the dates.

    Where one of them is not said, PatientAge; and where the two contradict one another: who takes the names out of a file writes
    another date of birth, and leaves the age. An age of 0 is what programs write that know none, so the dates go before it.
    """
    birth, day = day_of(born), day_of(taken)
    between = (day - birth).days * AGE_UNITS["D"] if birth and day else math.nan
    count, unit = parts_of(stated)
    apart = bool(unit) and abs(between - count * AGE_UNITS[unit]) > AGE_UNITS[unit] + ROUNDED_MONTHS
    is_said = bool(unit) and not (count == 0 and (unit == "Y" or 0 <= between <= OLDEST_MONTHS))
    wrong = ""
    if between < 0:
        wrong = "its PatientBirthDate is after its StudyDate"
    elif between > OLDEST_MONTHS:
        wrong = f"by its PatientBirthDate the patient was {between / 12:.0f} years old"
    elif apart and is_said:
        wrong = f"its PatientBirthDate says {counted(round(between), 'month')} at the study"
    if not wrong and not math.isnan(between):
        return Age(round(between, 2), False, f"its dates are used instead of its PatientAge, {stated}" if apart else "")
    if not is_said:
        return Age(math.nan, False, f"{wrong}: it gives no age" if wrong else "")
    in_years = unit == "Y"
    months = (count + (0.5 if in_years else 0)) * AGE_UNITS[unit]
    notes = (
        f"{wrong}: its PatientAge, {stated}, is used" if wrong else "",
        TO_A_YEAR.format(stated) if in_years else "",
    )
    return Age(round(months, 2), in_years, "; ".join(filter(None, notes)))


def ages_in_column(texts: Sequence[str], unit: str) -> list[Age]:
    """Ages since birth as a table has them: as headers do, 010Y, or numbers of the unit; whole numbers of years are years completed."""
    numbers = months_of(texts, unit)
    whole_years = unit == "years" and all(months % 12 == 0 for months in numbers if not math.isnan(months))
    return [
        age_at(text.strip(), "", "")
        if math.isnan(months)
        else age_at(f"{months / 12:03.0f}Y", "", "")
        if whole_years
        else Age(months)
        for text, months in zip(texts, numbers, strict=True)
    ]


def more_exactly(known: Age, by_file: Age) -> Age:
    """An age that a table has to a year only, by the image's dates, where these do not contradict it."""
    better = not by_file.to_a_year and abs(by_file.months - known.months) <= AGE_UNITS["Y"] / 2 + 1
    return by_file if better else known


def parts_of(stated: str) -> tuple[int, str]:
    """A number of whole days, weeks, months or years, by PatientAge as 012Y; no unit where it is written otherwise or not at all."""
    said = AGE.fullmatch(stated)
    if not said or int(said[1]) * AGE_UNITS[said[2]] > OLDEST_MONTHS:
        return -1, ""
    return int(said[1]), said[2]


def day_of(text: str) -> date | None:
    """A DICOM date, YYYYMMDD, or with dots as before 1993."""
    try:
        return datetime.strptime(text.replace(".", ""), "%Y%m%d").date()
    except ValueError:
        return None
