"""A labelled set, opened by an existing model: every case with its answer, and the reasons of those that have none."""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.counted import counted
from data.films.images import Decoded
from data.films.looks import shrunk
from data.films.traits import FILE, TRAITS, traits_of
from data.named_source import absolute, expanded
from data.preparation import DataError, Preparation
from data.problems import Problem, unusable
from data.store.disk import checksum, is_store, open_store
from data.store.patients import hashed, one_each
from data.store.prepare import Progress
from data.store.sources import Source, read_source
from data.tables.paired.patients import MOST_IMAGES
from search.trained.folder import ModelFolder, store_of
from search.trained.keep import training_median
from search.trained.left.known import Known, known_to, recognised
from search.trained.predictor import BATCH, Model, answers_of, months_of


@dataclass(frozen=True)
class Labelled:
    """`cases` has a row for each image that was read, under its number in the source: id, age_months, male, split, patient (a
    hash, '' unknown), checksum of the prepared pixels, network_months (as the network answers, before what is below 0 becomes 0), predicted_months, low, high (infinite where there is no limit), score
    of the hand check, the traits of `data/films/traits.py`, and `known_by`: how the model knows the film, as `known.py` has it, '' where it does not."""

    source: str
    read: Source
    cases: pd.DataFrame
    problems: tuple[Problem, ...]  # cases without an answer
    training_median_months: float | None  # of the model's training ages; None where it is not known
    known: Known  # the films that made the model
    numbers_of_others: int  # patients' numbers that the model knows, too, and that are surely other patients'
    settings: Preparation  # the model's, with what was said of the source's table

    @property
    def unseen(self) -> pd.DataFrame:
        """Those that neither made the model nor are of the patients that did."""
        return self.cases[self.cases["known_by"] == ""]


def opened(
    source: str, model: Model, folder: ModelFolder, run: Path, settings: Preparation, progress: Progress
) -> Labelled:
    """Every labelled image of `source`: a folder in any layout that `prepare` reads, a prepared store, or phantom:N.

    `settings` are the model's, with what was said of the source's table. Raises DataError where nothing of it can be used.
    """
    place = expanded(source)
    prepared = is_store(place)
    read = of_store(place, settings) if prepared else read_source(source, settings, to_train=False)
    rows = list(read.cases.index)
    parts: list[dict[str, Any]] = []
    problems = list(read.problems)
    for batch in batches(read, rows):
        whole = [(row, image) for row, image in batch if isinstance(image, Decoded)]
        problems += [left_out(read, row, image) for row, image in batch if isinstance(image, DataError)]
        parts += answered(read, whole, model)
        progress(len(parts) + len(problems) - len(read.problems), len(rows))
    if not parts:
        raise DataError(
            f"{source} has {counted(len(rows), 'labelled case')} and no image of {'it' if len(rows) == 1 else 'them'} can be read; the first: {problems[0].reason}"
        )
    found = pd.DataFrame(parts).set_index("row")
    cases = read.cases.loc[found.index, ["id", "age_months", "male", "split", "patient"]].join(found)
    known = known_to(folder, run)
    # A store has no numbers, only their hashes.
    of_table = cases["patient"] if prepared else cases["patient"].map(hashed)
    numbers = set(known.films["patient"]) - {""}
    patients = one_each(of_table, cases.pop("of_image"), numbers)
    cases["patient"] = of_one_known(patients, of_table, cases["male"], numbers)
    by, others = recognised(cases, known, settings.age_unit)
    cases = cases.assign(known_by=by)
    return Labelled(absolute(source), read, cases, tuple(problems), median_of(folder, run), known, others, settings)


def of_one_known(patients: pd.Series, of_table: pd.Series, male: pd.Series, known: Collection[str]) -> pd.Series:
    """The same patients; where the table names one alone, who would be nobody, it is a patient whom the model knows.

    Not if more images are of that number than one patient has, or they are of both sexes.
    """
    named = of_table[of_table != ""]
    one = named.nunique() == 1 and set(named) <= set(known) and male[named.index].nunique() == 1
    return of_table if one and len(named) <= MOST_IMAGES and not patients.any() else patients


def median_of(model: ModelFolder, run: Path) -> float | None:
    """Models of earlier versions do not say it; their data may."""
    if (said := model.about.get("training_median_months")) is not None:
        return float(said)
    store = store_of(model, run)
    return training_median(store) if store else None


def of_store(path: Path, settings: Preparation) -> Source:
    """A prepared store as a source. Raises DataError where its images were prepared otherwise than the model's."""
    store = open_store(path)
    there = store.prepared_as.pixels
    for name, asked in settings.pixels.items():
        if there[name] != asked:
            raise DataError(
                f"{path} was prepared with {name} {there[name]}, the model needs {asked}: name the folder of radiographs"
            )
    files = list(store.films[FILE].itertuples(index=False, name=None))
    return Source(
        store.cases.assign(patient=store.patients),
        lambda row: Decoded(np.array(store.images[row]), *files[row]),
        lambda row: "",
        store.synthetic,
        tuple(
            unusable(*problem)
            for problem in store.problems[["id", "path", "reason"]].itertuples(index=False, name=None)
        ),
        said=(f"{store.films_fault}: contrast and exposed field of its films are not known",)
        if store.films_fault
        else (),
        worries=tuple(store.worries),
    )


def batches(read: Source, rows: Sequence[int]) -> Iterator[list[tuple[int, Decoded | DataError]]]:
    def one(row: int) -> tuple[int, Decoded | DataError]:
        try:
            return row, read.pixels_of(row)
        except DataError as error:
            return row, error

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(rows), BATCH):
            yield list(pool.map(one, rows[start : start + BATCH]))


def answered(read: Source, whole: Sequence[tuple[int, Decoded]], model: Model) -> list[dict[str, Any]]:
    if not whole:
        return []
    images = np.stack([image.pixels for _, image in whole])
    male = read.cases.loc[[row for row, _ in whole], "male"].to_numpy(bool)
    months = months_of(model.network, images, male)
    answers, scores = answers_of(model, months, male), model.looks.score(shrunk(images))
    films = traits_of([image for _, image in whole])
    return [
        {
            "row": row,
            "checksum": checksum(image.pixels.tobytes()),
            "of_image": hashed(read.patient_of(row)),
            "part": read.part_of(row),
            "network_months": float(months[place]),
            "predicted_months": float(answers.months[place]),
            "low": float(answers.low[place]),
            "high": float(answers.high[place]),
            "score": float(scores[place]),
            **{trait.column: float(films[trait.column].iloc[place]) for trait in TRAITS},
        }
        for place, (row, image) in enumerate(whole)
    ]


def left_out(read: Source, row: int, error: DataError) -> Problem:
    case = read.cases.loc[row]
    return unusable(str(case["id"]), str(case.get("path", "")), str(error))
