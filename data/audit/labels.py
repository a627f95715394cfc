"""The ages of a prepared store in numbers: by split and sex, and the years that training hardly has."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.cases import SPLITS
from data.phantom.ossification import ATLAS_PLATES_MONTHS

SEXES = ("girls", "boys")  # in the order of ATLAS_PLATES_MONTHS; `male` is the index
BIN_MONTHS, LAST_BIN_MONTHS = 12, 240
FEW_PER_YEAR = 30  # below, a network has hardly seen a year of age: assumed


@dataclass(frozen=True)
class Group:
    """The cases of one split and sex. Ages in months; shares of labels that are whole months, and exactly an atlas plate."""

    split: str
    sex: str
    cases: int
    age_min: float
    age_median: float
    age_mean: float
    age_sd: float  # 0 where there is one case
    whole_share: float
    plate_share: float
    histogram: list[int]  # cases per BIN_MONTHS from 0; what is beyond LAST_BIN_MONTHS is in the last


def groups(cases: pd.DataFrame) -> Iterator[Group]:
    edges = np.arange(0, LAST_BIN_MONTHS + BIN_MONTHS, BIN_MONTHS)
    for split in SPLITS:
        for male, sex in enumerate(SEXES):
            ages = ages_of(cases, split, bool(male))
            if len(ages):
                yield Group(
                    split,
                    sex,
                    len(ages),
                    float(ages.min()),
                    float(np.median(ages)),
                    float(ages.mean()),
                    float(ages.std(ddof=1)) if len(ages) > 1 else 0.0,
                    float((ages % 1 == 0).mean()),
                    float(np.isin(ages, ATLAS_PLATES_MONTHS[male]).mean()),
                    np.histogram(np.clip(ages, 0, LAST_BIN_MONTHS - 1), edges)[0].tolist(),
                )


def ages_of(cases: pd.DataFrame, split: str, male: bool) -> np.ndarray:
    return np.asarray(cases.loc[chosen(cases, split, male), "age_months"], float)


def chosen(cases: pd.DataFrame, split: str, male: bool | None) -> pd.Series:
    """Which rows are of a split, and of a sex where one is named."""
    of_split: pd.Series = cases["split"] == split
    return of_split if male is None else of_split & (cases["male"] == male)


def rare_years(cases: pd.DataFrame, male: int) -> list[int]:
    """Years between the youngest and the oldest of a sex of which training has fewer than FEW_PER_YEAR cases."""
    years = cases.loc[cases["male"] == bool(male), "age_months"] // 12
    if years.empty:
        return []
    trained = Counter((ages_of(cases, "train", bool(male)) // 12).astype(int).tolist())
    return [year for year in range(int(years.min()), int(years.max()) + 1) if trained[year] < FEW_PER_YEAR]
