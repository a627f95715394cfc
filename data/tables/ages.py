"""What a column of ages says: numbers in any notation and unit, as bone ages in months.

Labels in years that are taken for months train without an error and mean nothing, so labels that look like years are refused
until their unit is named.
"""

import re
from collections.abc import Sequence

import numpy as np

from data.cases import MAX_AGE_MONTHS
from data.counted import counted

UNITS = {"months": 1.0, "years": 12.0, "days": 12 / 365.25}  # in months
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")

# No bone age in years is above 21, and most in months are: 99.3 % of RSNA's. So a set of which most labels end there holds years,
# or infants in months. What the others are tells nothing: slips of the pen, months beside years, words for unknown.
# But infants are read on plates of the atlas, 3, 6, 9, 12, 15, 18. Who means months and is asked in vain, says so.
YEARS_MOST, INFANTS_MOST, PLATES_APART = 21, 42, 3
YEARS_SHARE = 0.5  # of the labels
BEYOND_LEAST, BEYOND_SHARE = 3, 0.05  # labels above all years that are no slips of the pen
UNKNOWN = (
    77,
    88,
    99,
)  # as some write an age that they do not know; no ages in years. Three digits and -1 are none in months either
YEARS_LEAST = 5  # labels; fewer tell nothing


def months_of(texts: Sequence[str], unit: str) -> list[float]:
    """Ages in months; NaN for what is no number, or may be one of two."""
    stripped = [text.strip() for text in texts]
    unclear = unclear_marks(texts, unit)
    return [
        float("nan")
        if not NUMBER.fullmatch(text) or any(mark in text for mark in unclear)
        else round(float(text.replace(",", ".")) * UNITS[unit], 4)
        for text in stripped
    ]


def unclear_marks(texts: Sequence[str], unit: str) -> tuple[str, ...]:
    """Comma or point, where nothing in the column tells whether it parts thousands: 3,650 alone may be 3.65 or 3650, and beside
    132,5 it is the former. A point is the usual decimal mark, so it is unclear only where the thousands would be ages:
    120.125 months are none of 120125, but 1.200 days may be 1200.
    """
    found = []
    for mark in ",.":
        marked = [text.strip() for text in texts if mark in text]
        alike = bool(marked) and all(THOUSANDS.fullmatch(text) for text in marked)
        most = MAX_AGE_MONTHS / UNITS[unit]
        if alike and (mark == "," or any(abs(float(text.replace(mark, ""))) <= most for text in marked)):
            found.append(mark)
    return tuple(found)


def mostly_newborn(ages: np.ndarray) -> bool:
    """Whether most labels are below a month, as where days or years were named and months are meant, or a mark was misread."""
    return bool(len(ages) >= YEARS_LEAST and np.median(ages) < 1)


def look_like_years(ages: np.ndarray) -> bool:
    """Whether labels that are taken for months are probably years, all of them or most."""
    known = ages[~np.isin(ages, UNKNOWN)]
    low = known[known <= YEARS_MOST]
    on_plates = (low % PLATES_APART == 0).all()
    return bool(
        len(low) >= YEARS_LEAST and len(low) > YEARS_SHARE * len(known) and not on_plates and not are_infants(known)
    )


def are_infants(ages: np.ndarray) -> bool:
    """Whether labels go on beyond all years and end with infants in months. Of mixed units, months are far above, or years of
    the same infants far below."""
    above = ages > YEARS_MOST
    beyond = above.sum() >= BEYOND_LEAST and above.mean() > BEYOND_SHARE
    return bool(beyond and ages.max() <= INFANTS_MOST and np.median(ages[~above]) > INFANTS_MOST / UNITS["years"])


def may_be_years(ages: np.ndarray) -> bool:
    """The same of labels that are too few to tell: all of them as low as years."""
    return bool(0 < len(ages) < YEARS_LEAST and (ages <= YEARS_MOST).all())


def said_of_few(ages: np.ndarray, unit: str) -> str:
    """A sentence where labels that nobody named a unit of may as well be years; '' else."""
    if unit != "auto" or not may_be_years(ages):
        return ""
    return f"the labels ({', '.join(f'{age:g}' for age in ages)}) are read as months: if they are years, say --age-unit years"


def said_of_years(ages: np.ndarray) -> str:
    """What is seen of such labels, and what to do."""
    above = int((ages > YEARS_MOST).sum())
    return (
        f"look like years: of {counted(len(ages), 'label')} the median is {np.median(ages):g}, and {counted(above, 'is', 'are')} above {YEARS_MOST}; "
        f"say --age-unit years to convert all, or --age-unit months if they are infants'"
        + ("; if both units occur, write all in one" if above else "")
    )
