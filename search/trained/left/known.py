"""Has a model been fitted or chosen on this film, or on its patient? Each film of a set with how it was recognised.

By its picture: the prepared pixels are those of a film that made the model, whatever the file is called. As a case: id and sex are
the same, and the age as far as the two tables write it, one in months, say, and the other in years with two decimals. By its
patient: the patient's number is one of the training's, or of a film of the set that was itself recognised.
An id alone may be another clinic's, and so may a patient's number: where these contradict the sex too often they count for nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.counted import counted
from data.preparation import AgeUnit
from data.store.patients import joining
from data.tables.ages import UNITS
from search.trained.folder import ModelFolder, ancestry, store_of
from search.trained.left.seen import LETTERS, NUMBER, STEP, bare, case_of, films_of_cases, films_of_store, read_seen
from search.trained.page import read_predictions

PICTURE, CASE, PATIENT = "picture", "case", "patient"  # how a film was recognised; '' where it was not
RECOGNISED = {PICTURE: "by the picture", CASE: "by id, sex and age", PATIENT: "by the patient alone"}
GONE = "The model's training data are gone, so it is not known whether it was trained on more of these hands."
MOST_CONTRADICTED = 0.2  # of the patients' numbers that two sets share; strangers' sexes differ in half of them
LEAST_FOR_UNIT = 5  # ages; fewer may be whole years by chance
EXACT_MONTHS = 5e-4  # what is lost where ages are calculated and written


@dataclass(frozen=True)
class Known:
    """`films` has the columns of `seen.csv`, and `step`, the months between two ages as their table writes them."""

    films: pd.DataFrame
    complete: bool  # whether these surely are all that made the model

    @property
    def without_picture(self) -> int:
        """How many of them only an id can tell, as the model is of an earlier version and its data are gone."""
        return int((self.films["checksum"] == "").sum())


def known_to(model: ModelFolder, run: Path) -> Known:
    """The films that made the model, and the models that it was made from, as far as their data or their own records are there.

    Raises DataError where such a record is damaged.
    """
    found: list[pd.DataFrame] = []
    models, complete = ancestry(model)
    for one in models:
        seen, store = read_seen(one), store_of(one, run)
        parts = [seen] if seen is not None else []
        if seen is None and one.about.get("recalibration"):
            parts.append(films_of_cases(read_predictions(one.path, "validation")))
        if store:
            parts.append(films_of_store(store))
        found += map(stepped, parts)
        complete = complete and bool(seen is not None or store)
    films = pd.concat([*found, films_of_cases(NOTHING).assign(step=0.0)], ignore_index=True)
    return Known(films.drop_duplicates(), complete)


FILM = "film"  # of a row of answers, beside its columns


class Film(NamedTuple):
    """One that was answered and has a label."""

    id: str
    age_months: float
    male: bool | None  # None: not known
    checksum: str  # of the prepared pixels
    patient: str  # a hash of the number in its header; '' unknown


def said_of_films(films: Sequence[Film], model: ModelFolder, run: Path) -> list[str]:
    """Which of them the model knows, in sentences; none where it knows none and that is sure. Raises DataError as `known_to`."""
    if not films:
        return []
    cases = pd.DataFrame(films)
    cases["patient"] = joining(cases["patient"])
    # Neither an id nor a patient's number is trusted without a sex that could contradict it.
    cases.loc[cases["male"].isna(), ["id", "patient"]] = ""
    known = known_to(model, run)
    by, _ = recognised(cases.assign(male=cases["male"].eq(True)), known)
    return [said for said in (said_of_known(by), "" if known.complete else GONE) if said]


def said_of_known(by: pd.Series) -> str:
    """How many of a set's images the model knows, and how they were recognised; '' where it knows none."""
    count, others = len(by), int((by == "").sum())
    them, their, they = ("it", "its patient", "it") if count - others == 1 else ("them", "their patients", "they")
    if others == count:
        return ""
    ways = [f"{of_way:,} {words}" for how, words in RECOGNISED.items() if (of_way := int((by == how).sum()))]
    told = (
        f"Only the other {counted(others, 'shows', 'show')} how good it is on new hands"
        if others
        else "So these figures do not show how good it is on new hands"
    )
    return (
        f"The model knows {count - others:,} of these {counted(count, 'image')} (recognised {', '.join(ways)}): it was trained on {them} or on "
        f"other images of {their}, or {they} chose its epoch or its correction. {told}."
    )


def stepped(films: pd.DataFrame) -> pd.DataFrame:
    """With what their table rounds ages to, where they do not say it themselves."""
    return films if STEP in films else films.assign(**{STEP: step_of(films["age_months"])})


def together(known: Known, own: pd.DataFrame) -> pd.DataFrame:
    """What a model made from another has seen: the other's films and its own. Its folder may be passed on alone."""
    return pd.concat([known.films, stepped(own)], ignore_index=True).drop_duplicates()


NOTHING = pd.DataFrame({"id": [], "age_months": np.empty(0), "male": np.empty(0, bool)})


def recognised(cases: pd.DataFrame, known: Known, unit: AgeUnit = "auto") -> tuple[pd.Series, int]:
    """How each film of a set was recognised, and how many patients' numbers the model knows, too, that are surely other patients'.

    `cases` has id, age_months, male, checksum, patient; `unit` is what was said of its table's ages.
    """
    films = known.films
    picture = cases["checksum"].isin(set(films["checksum"]) - {""})
    case = same_cases(cases, films, step_of(cases["age_months"], unit))
    patients, others = shared_patients(cases, films)
    patients |= set(cases.loc[picture | case, "patient"]) - {""}
    patient = cases["patient"].isin(patients)
    by = np.select([picture, case, patient], [PICTURE, CASE, PATIENT], "")
    return pd.Series(by, cases.index, dtype=object), others


def same_cases(cases: pd.DataFrame, films: pd.DataFrame, step: float) -> pd.Series:
    """Whether a film of the same id and sex has the same age, as exactly as the coarser of two tables may have rounded it."""
    asked = pd.DataFrame({"row": cases.index, "male": cases["male"].astype(bool)})
    asked["age"] = cases["age_months"].to_numpy(float)
    names = (
        cases["id"],
        bare(cases["id"]),
        LETTERS + cases["id"],
    )  # letters may be in the set's ids or in the training's
    asked = pd.concat([asked.assign(case=case_of(ids)) for ids in names]).drop_duplicates()
    lettered = films[films[NUMBER] != ""]
    named = pd.concat([films, lettered.assign(case=lettered[NUMBER])])
    pairs = asked.merge(named, on=["case", "male"])
    # Two tables that write ages alike have rounded one age to one number.
    apart = np.where(np.isclose(pairs["step"], step), 0.0, (pairs["step"] + step) / 2) + EXACT_MONTHS
    same = pairs.loc[(pairs["age"] - pairs["age_months"]).abs() <= apart, "row"]
    return pd.Series(cases.index.isin(set(same)), cases.index)


def shared_patients(cases: pd.DataFrame, films: pd.DataFrame) -> tuple[set[str], int]:
    """Patients of both, and how many numbers of both are of others: where the sexes contradict in many, all of them."""
    theirs, ours = sexes_of(films), sexes_of(cases)
    shared = theirs.keys() & ours.keys()
    contradicted = [patient for patient in shared if theirs[patient].isdisjoint(ours[patient])]
    if len(contradicted) > MOST_CONTRADICTED * len(shared):
        return set(), len(shared)
    return shared, 0


def sexes_of(cases: pd.DataFrame) -> Mapping[str, set[bool]]:
    """Of each patient; of more than one, where a table is wrong."""
    found: dict[str, set[bool]] = {}
    for patient, male in zip(cases["patient"], cases["male"], strict=True):
        if patient:
            found.setdefault(patient, set()).add(bool(male))
    return found


def step_of(age_months: pd.Series, unit: AgeUnit = "auto") -> float:
    """Months between two ages as a table writes them: the widest grid, of a unit and decimals, that all of them lie on."""
    ages = age_months.to_numpy(float)
    units = (unit,) if unit != "auto" else tuple(UNITS) if len(ages) >= LEAST_FOR_UNIT else ("months",)
    grids = sorted((UNITS[name] / 10**decimals for name in units for decimals in range(4)), reverse=True)
    return next((grid for grid in grids if on_grid(ages, grid)), 0.0)


def on_grid(ages: np.ndarray, step: float) -> bool:
    return bool((np.abs(ages - np.round(ages / step) * step) <= min(EXACT_MONTHS, step / 20)).all())
