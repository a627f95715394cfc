"""Where cases come from: a folder of radiographs, or drawn hands. Both end as one table and a function to pixels."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from data import phantom
from data.cases import complete_splits, subset
from data.images import Decoded, decode, to_bytes
from data.layouts import read_folder
from data.preparation import DataError, Preparation
from data.problems import Problem
from data.ranges import shown, whole


@dataclass(frozen=True)
class Source:
    """`cases` has id, age_months, male, split, and path where the images are files."""

    cases: pd.DataFrame
    pixels_of: Callable[[int], Decoded]  # row to image; raises DataError where the file is no usable image
    synthetic: bool
    problems: tuple[Problem, ...] = ()  # cases that never came to an image
    said: tuple[str, ...] = ()  # what was found and what is missing, a sentence each


HANDS = whole(1, 1_000_000)  # drawn ones


def read_source(source: str, settings: Preparation, kept: Mapping[str, str] | None = None) -> Source:
    """Raises DataError where `source` is neither `phantom:N` nor a folder with usable cases.

    `kept` is the split of cases, by id, that an earlier preparation of the source has decided.
    """
    kind, _, count = source.partition(":")
    if kind == "phantom":
        if not count.isdecimal() or len(count) > len(str(HANDS.high)) or int(count) not in HANDS:
            raise DataError(f"phantom data are written phantom:N, as phantom:800, N {HANDS}; got {shown(source)}")
        return drawn(int(count), settings)
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise DataError(f"{source} is not a folder; give a folder of radiographs, a prepared store, or phantom:N")
    found = read_folder(folder, settings)
    cases, made = complete_splits(found.cases, settings.validation_fraction, settings.test_fraction, kept)
    cases = subset(cases, settings.images).reset_index(drop=True)
    paths = list(cases["path"])
    return Source(cases, lambda row: decode(paths[row], settings), False, found.problems, (*found.said, *made))


def drawn(count: int, settings: Preparation) -> Source:
    hands = phantom.phantom_cases(
        count, validation_fraction=settings.validation_fraction, test_fraction=settings.test_fraction
    )
    cases = subset(pd.DataFrame([asdict(hand) for hand in hands]), settings.images)
    chosen = [hands[row] for row in cases.index]
    size = settings.image_px

    def pixels_of(row: int) -> Decoded:
        return Decoded(to_bytes(phantom.draw(chosen[row], size), settings.stretch), size, size)

    return Source(cases.reset_index(drop=True), pixels_of, True)
