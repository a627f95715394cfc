"""What a case is, wherever it comes from, and which split it belongs to.

A table of cases is a DataFrame with the columns of `COLUMNS`: `id` (text), `age_months` (bone age, months), `male`
(bool), `split` (one of SPLITS). Cases are joined by id, never by position.
"""

import hashlib

import numpy as np
import pandas as pd

COLUMNS = ["id", "age_months", "male", "split"]
SPLITS = ("train", "validation", "test")
MIN_AGE_MONTHS, MAX_AGE_MONTHS = 0, 300  # RSNA has 1 to 228; beyond 25 years it is not a bone age in months


def fraction(id: str, purpose: str) -> float:
    """A number in [0, 1) that depends on the id and the purpose alone: the same on every machine, whatever else is in the table."""
    digest = hashlib.blake2b(f"{purpose}:{id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def split_of(id: str, validation_fraction: float, test_fraction: float) -> str:
    """The split of a case that comes without one; it does not move when other cases are added."""
    place = fraction(id, "split")
    if place < test_fraction:
        return "test"
    return "validation" if place < test_fraction + validation_fraction else "train"


def complete_splits(
    cases: pd.DataFrame, validation_fraction: float, test_fraction: float
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Every case in a split, and a sentence for each split that had to be made.

    Splits that the source has are kept. One that it lacks is taken from its training cases, by id: so a case
    stays in its split whatever is added, and the share of every sex and age follows the whole.
    """
    there = set(cases["split"])
    fractions = {"validation": validation_fraction, "test": test_fraction}
    wanted = {name: share for name, share in fractions.items() if name not in there and share}
    of_train = cases["split"].isin(["", "train"])
    made = [
        split_of(id, wanted.get("validation", 0.0), wanted.get("test", 0.0)) if free else split
        for id, split, free in zip(cases["id"], cases["split"], of_train, strict=True)
    ]
    said = tuple(f"no {name} set: {share:.0%} of the training cases, chosen by id" for name, share in wanted.items())
    return cases.assign(split=made), said


def subset(cases: pd.DataFrame, count: int) -> pd.DataFrame:
    """`count` of the cases (0: all), chosen by id, in their order; a larger subset contains the smaller."""
    if count == 0 or count >= len(cases):
        return cases
    place = np.array([fraction(id, "subset") for id in cases["id"]])
    chosen: pd.DataFrame = cases[place <= np.sort(place)[count - 1]]
    return chosen


def constant_mae(cases: pd.DataFrame) -> float:
    """Validation MAE in months of always answering the training median: what a network that learned nothing scores."""
    ages = {name: cases.loc[cases["split"] == name, "age_months"].to_numpy() for name in ("train", "validation")}
    return float(np.abs(ages["validation"] - np.median(ages["train"])).mean())
