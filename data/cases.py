"""What a case is, wherever it comes from, and which split it belongs to.

A table of cases is a DataFrame with the columns of `COLUMNS`: `id` (text), `age_months` (bone age, months), `male`
(bool), `split` (one of SPLITS). Cases are joined by id, never by position.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

COLUMNS = ["id", "age_months", "male", "split"]
SPLITS = ("train", "validation", "test")
MIN_AGE_MONTHS, MAX_AGE_MONTHS = 0, 300  # RSNA has 1 to 228; beyond 25 years it is not a bone age in months


def fraction(id: str, purpose: str) -> float:
    """A number in [0, 1) that depends on the id and the purpose alone: the same on every machine, whatever else is in the table."""
    digest = hashlib.blake2b(f"{purpose}:{id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def complete_splits(
    cases: pd.DataFrame, validation_fraction: float, test_fraction: float, kept: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Every case in a split, and a sentence for each split that had to be made.

    Splits that the source has are kept, and so is what an earlier preparation has decided (`kept`, id to split): cases that
    are added change no other's side. The rest of the training cases is walked in the order of sex, age and a hash of
    the id, and every so many-th is held out: so each split has its share of every sex and age, to within a case or two,
    and which of the cases of one age it gets is up to their ids alone.
    """
    there = set(cases["split"])
    fractions = {"test": test_fraction, "validation": validation_fraction}
    wanted = {name: share for name, share in fractions.items() if name not in there and share}
    of_train = cases["split"].isin(["", "train"])
    before = cases["id"].map(kept or {}).where(of_train)
    split = before.where(before.isin([*wanted, "train"]), cases["split"].replace("", "train"))
    place = pd.Series([fraction(id, "split") for id in cases["id"]], index=cases.index)
    order = cases.assign(place=place)[of_train & before.isna()].sort_values(["male", "age_months", "place"]).index
    left = 1.0
    for name, share in wanted.items():
        chosen = every(order, share / left)
        split[chosen] = name
        order = order.difference(chosen, sort=False)
        left -= share
    said = tuple(
        f"no {name} set: {share:.0%} of the training cases, alike in sex and age" for name, share in wanted.items()
    )
    return cases.assign(split=split), said


def every(order: pd.Index, share: float) -> pd.Index:
    """A share of the places, evenly spaced (systematic sampling)."""
    steps = np.floor((np.arange(len(order) + 1) + 0.5) * share)
    chosen: pd.Index = order[np.diff(steps) > 0]
    return chosen


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
