"""What a case is, wherever it comes from, and which split it belongs to.

A table of cases is a DataFrame with the columns of `COLUMNS`: `id` (text), `age_months` (bone age, months), `male`
(bool), `split` (one of SPLITS). Cases are joined by id, never by position.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["id", "age_months", "male", "split"]
SPLITS = ("train", "validation", "test")
MIN_AGE_MONTHS, MAX_AGE_MONTHS = 0, 300  # RSNA has 1 to 228; beyond 25 years it is not a bone age in months


def hundredths(age_months: Any) -> Any:
    """Ages as tables of predictions and digests of cases write them: to 0.01 month, halves up. An age is the same kept in 32 bits as in 64."""
    slack = 0.005  # of a hundredth: more than 32 bits lose, less than the four decimals tell that ages are read to
    return np.floor(np.asarray(age_months, float) * 100 + 0.5 + slack) / 100


def fraction(id: str, purpose: str) -> float:
    """A number in [0, 1) that depends on the id and the purpose alone: the same on every machine, whatever else is in the table."""
    digest = hashlib.blake2b(f"{purpose}:{id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def complete_splits(
    cases: pd.DataFrame,
    validation_fraction: float,
    test_fraction: float,
    kept: Mapping[str, str] | None = None,
    of_patients: Mapping[str, str] | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Every case in a split, and a sentence for each split that had to be made.

    Splits that the source has are kept, and so is what an earlier preparation has decided (`kept`, id to split): cases that
    are added change no other's side, and follow their patient where that one has a side (`of_patients`). The rest of the
    training cases is walked in the order of sex, age and a hash of the id, and every so many-th is held out: so each
    split has its share of every sex and age, to within a case or two, and which of the cases of one age it gets is up to
    their ids alone. Where the column `patient` names one ('' unknown), all images of a patient are held out together.
    """
    fractions = {"test": test_fraction, "validation": validation_fraction}
    wanted = {name: share for name, share in fractions.items() if name not in set(cases["split"]) and share}
    of_train = cases["split"].isin(["", "train"])
    patient = cases["patient"] if "patient" in cases else pd.Series("", cases.index)
    before = looked_up(cases["id"], kept or {}).where(of_train)
    before = before.fillna(looked_up(patient, of_patients or {}).where(of_train))
    split = before.where(before.notna(), cases["split"].replace("", "train"))
    free = cases[of_train & before.isna()]
    unit = patient[free.index].where(patient[free.index] != "", free["id"])
    place = [fraction(name, "split") for name in unit]
    walked = free.assign(unit=unit, place=place).sort_values(["male", "age_months", "place", "id"])
    order = walked["unit"].drop_duplicates()
    left = 1.0
    for name, share in wanted.items():
        # Cases added to others begin anywhere: one that is added alone has the same chance to be held out as any.
        offset = fraction(order.iloc[0], name) / (share / left) if before.notna().any() and len(order) else 0.5
        chosen = every(len(order), share / left, offset)
        split[walked.index[walked["unit"].isin(order[chosen])]] = name
        order = order[~chosen]
        left -= share
    said = tuple(
        f"the data have no {name} split: {share:.0%} of the training cases, alike in sex and age, become one"
        for name, share in wanted.items()
    )
    return cases.assign(split=split), said


def looked_up(keys: pd.Series, values: Mapping[Any, str]) -> pd.Series:
    """The value of each key, missing where it has none. (`map` makes numbers of missing values.)"""
    return pd.Series([values.get(key) for key in keys], keys.index, dtype=object)


def every(count: int, share: float, offset: float) -> np.ndarray:
    """Which of `count` places are a share of them, evenly spaced (systematic sampling) from `offset` places on."""
    steps = np.floor((np.arange(count + 1) + offset) * share)
    return np.asarray(np.diff(steps) > 0)


def subset(cases: pd.DataFrame, count: int) -> pd.DataFrame:
    """`count` of the cases (0: all), chosen by id, in their order; a larger subset contains the smaller."""
    if count == 0 or count >= len(cases):
        return cases
    place = np.array([fraction(id, "subset") for id in cases["id"]])
    chosen: pd.DataFrame = cases[place <= np.sort(place)[count - 1]]
    return chosen


def spread_cases(cases: pd.DataFrame, count: int) -> pd.DataFrame:
    """Evenly spaced places in the order of age, of each sex; by sex, then by age."""
    chosen = []
    for male, share in ((False, count // 2), (True, count - count // 2)):
        ordered = cases[cases["male"].astype(bool) == male].sort_values(["age_months", "id"])
        share = min(share, len(ordered))
        places = ((np.arange(share) + 0.5) * len(ordered) / max(share, 1)).astype(int)
        chosen.append(ordered.iloc[places])
    return pd.concat(chosen)


def constant_mae(cases: pd.DataFrame) -> float:
    """Validation MAE in months of always answering the training median: what a network that learned nothing scores."""
    ages = {name: cases.loc[cases["split"] == name, "age_months"].to_numpy() for name in ("train", "validation")}
    return float(np.abs(ages["validation"] - np.median(ages["train"])).mean())
