"""Where cases come from: a folder of radiographs, or drawn hands. Both end as one table and a function to pixels."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from data.films import dicom
from data.films.body_parts import other_part
from data.films.images import Decoded, decode, decoded_drawing
from data.named_source import expanded, hands_to_draw, refuse_no_folder
from data.phantom import hand as phantom
from data.preparation import DataError, Preparation
from data.problems import Problem
from data.tables.layouts import read_folder


@dataclass(frozen=True)
class Source:
    """Every case of a source, as the source has it.

    `cases` has id, age_months, male, split and patient ('' where the source names none), and path where the images are files.
    """

    cases: pd.DataFrame
    pixels_of: Callable[[int], Decoded]  # row to image; raises DataError where the file is no usable image
    patient_of: Callable[[int], str]  # row to the patient's number that the image itself names, '' where it names none
    synthetic: bool
    problems: tuple[Problem, ...] = ()  # cases that never came to an image
    said: tuple[str, ...] = ()  # what was found, a sentence each
    sex_of: Callable[[int], str] = lambda row: (
        ""
    )  # row to the sex that the image itself names, M or F; '' where it names none
    part_of: Callable[[int], str] = lambda row: (
        ""
    )  # row to the part of the body that the image itself names where it is no hand
    by_folder: frozenset[str] | None = (
        frozenset()
    )  # ids of cases whose split their folder names; None: folders do not count
    worries: tuple[str, ...] = ()  # what was found that makes results wrong or claims too large, a sentence each

    @property
    def without_folders(self) -> pd.DataFrame:
        """The cases with the splits that their tables name, as versions of before had them."""
        return self.cases.assign(split=self.cases["split"].mask(self.cases["id"].isin(self.by_folder or ()), ""))


LATELY = 256  # headers that are remembered between two questions about one file


def read_source(source: str, settings: Preparation, to_train: bool = True) -> Source:
    """`to_train` as `read_folder` has it. Raises DataError where `source` is neither `phantom:N` nor a folder with usable cases."""
    if hands := hands_to_draw(source):
        return drawn(hands, settings)
    refuse_no_folder(source)
    found = read_folder(expanded(source), settings, to_train)
    cases = found.cases.reset_index(drop=True)
    paths = list(cases["path"])
    named = lru_cache(maxsize=LATELY)(of_header)
    return Source(
        cases,
        lambda row: decode(paths[row], settings),
        lambda row: named(paths[row])[0],
        False,
        found.problems,
        found.said,
        lambda row: named(paths[row])[1],
        lambda row: named(paths[row])[2],
        found.by_folder,
        found.worries,
    )


def of_header(path: Path) -> tuple[str, str, str]:
    """PatientID, PatientSex where it is M or F, and BodyPartExamined where it is no hand; '' where the file names none."""
    try:
        if not dicom.holds_dicom(path):
            return "", "", ""
        patient, sex, part = dicom.texts(path, "PatientID", "PatientSex", "BodyPartExamined")
    except (DataError, OSError):  # a damaged file, which has no image either
        return "", "", ""
    return patient, sex.upper() if sex.upper() in dicom.SEXES else "", other_part(part)


def drawn(count: int, settings: Preparation) -> Source:
    hands = phantom.phantom_cases(
        count, validation_fraction=settings.validation_fraction, test_fraction=settings.test_fraction
    )
    size = settings.image_px

    def pixels_of(row: int) -> Decoded:
        return decoded_drawing(phantom.draw(hands[row], size), settings)

    return Source(pd.DataFrame([asdict(hand) for hand in hands]).assign(patient=""), pixels_of, lambda row: "", True)
