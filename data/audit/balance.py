"""How alike two splits are: by tests whose p is corrected for all of them, and by effects that may be negligible.

Effects and values are of the films, as training and testing have them. Films of one patient are alike and stay in one split, so
tests take each patient once, by the mean over their films.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # its parts are imported at their first use: `scipy.stats` takes half a second

from data.audit.labels import chosen
from data.cases import SPLITS
from data.films.traits import TRAITS
from data.holm import holm
from data.store.patients import each_own

# Two splits are called imbalanced where the difference is significant over all comparisons and not negligible.
ALPHA = 0.05
NEGLIGIBLE_SHARE = 0.1  # difference of shares of boys: near a half Cohen's small effect, h = 0.2 (1988)
NEGLIGIBLE_DELTA = 0.147  # of Cliff's delta (Romano et al. 2006)
NEGLIGIBLE_RATIO = 0.8  # of variances, the smaller to the larger (Rubin 2001)
LEAST_COMPARED = 10  # patients on each side
DECIMALS = 6  # of a month, from which on two deviations differ


@dataclass(frozen=True)
class Comparison:
    """Two splits in one respect, one of RESPECTS."""

    first: str
    second: str
    what: str
    first_cases: int
    second_cases: int
    first_value: float  # share of boys, mean age or SD of age in months, mean of a trait of `data/films/traits.py`
    second_value: float
    effect: (
        float  # second share minus first; Cliff's delta, above 0 where the second is older; ratio of variances, 0 to 1
    )
    p: float
    holm_p: float  # corrected for all comparisons of this audit
    imbalanced: bool


class Measured(NamedTuple):
    first_value: float
    second_value: float
    effect: float
    matters: bool  # the effect is not negligible
    p: float


def shares(first: np.ndarray, second: np.ndarray) -> Measured:
    """Fisher's exact test of two shares."""
    values = float(first.mean()), float(second.mean())
    difference = values[1] - values[0]
    tested = scipy.stats.fisher_exact([[male.sum(), (~male).sum()] for male in (first, second)])
    return Measured(*values, difference, abs(difference) >= NEGLIGIBLE_SHARE, float(tested.pvalue))


def levels(first: np.ndarray, second: np.ndarray) -> Measured:
    """Mann-Whitney's test. Tests of whole distributions take means of readings for another population than atlas plates."""
    if np.ptp(np.concatenate([first, second])) == 0:
        return Measured(float(first.mean()), float(second.mean()), 0.0, False, 1.0)
    tested = scipy.stats.mannwhitneyu(second, first)
    delta = float(2 * tested.statistic / (len(first) * len(second)) - 1)
    return Measured(
        float(first.mean()), float(second.mean()), delta, abs(delta) >= NEGLIGIBLE_DELTA, float(tested.pvalue)
    )


def spreads(first: np.ndarray, second: np.ndarray) -> Measured:
    """Brown and Forsythe's test of two spreads: Levene's, around the medians."""
    values = float(first.std(ddof=1)), float(second.std(ddof=1))
    if max(values) == 0:
        return Measured(*values, 1.0, False, 1.0)
    ratio = (min(values) / max(values)) ** 2
    apart = [np.round(np.abs(ages - np.median(ages)), DECIMALS) for ages in (first, second)]
    # Of two ages, half and half, on each side: the test divides by the spread of these.
    if all(np.ptp(each) == 0 for each in apart):
        same = apart[0][0] == apart[1][0]
        return Measured(*values, ratio, not same and ratio <= NEGLIGIBLE_RATIO, 1.0 if same else 0.0)
    p = float(scipy.stats.levene(first, second, center="median").pvalue)
    return Measured(*values, ratio, ratio <= NEGLIGIBLE_RATIO, p)


Measure = Callable[[np.ndarray, np.ndarray], Measured]
RESPECTS: dict[str, tuple[Measure, str, bool | None]] = {  # measure, column, of which sex
    "sex": (shares, "male", None),
    "age": (levels, "age_months", None),
    "spread of age": (spreads, "age_months", None),
    "age of girls": (levels, "age_months", False),
    "age of boys": (levels, "age_months", True),
    **{trait.name: (levels, trait.column, None) for trait in TRAITS},
}


def by_patient(films: pd.DataFrame, column: str) -> np.ndarray:
    """The mean over each patient's films; of yes and no, what most of them say."""
    means = films[column].groupby(films["patient"], sort=False).mean().to_numpy()
    return means >= 0.5 if films[column].dtype == bool else means


def comparisons(cases: pd.DataFrame, patients: np.ndarray | None = None) -> list[Comparison]:
    """Every pair of splits in every one of RESPECTS that is known, and has LEAST_COMPARED patients on both sides.

    `patients` has a number for each case; without it, each is a patient's own.
    """
    cases = cases.assign(patient=each_own(patients, len(cases)))
    pairs, made = [], []
    for first, second in combinations(SPLITS, 2):
        for what, (measure, column, male) in RESPECTS.items():
            if column not in cases:
                continue
            films = [
                cases.loc[chosen(cases, split, male), ["patient", column]].dropna(subset=column)
                for split in (first, second)
            ]
            if min(side["patient"].nunique() for side in films) >= LEAST_COMPARED:
                ones, others = (side[column].to_numpy() for side in films)
                found = measure(ones, others)
                if any(side["patient"].duplicated().any() for side in films):
                    found = found._replace(p=measure(*(by_patient(side, column) for side in films)).p)
                pairs.append((first, second, what, len(ones), len(others)))
                made.append(found)
    corrected = holm([measured.p for measured in made])
    return [
        Comparison(
            *pair,
            measured.first_value,
            measured.second_value,
            measured.effect,
            measured.p,
            holm_p,
            imbalanced=measured.matters and holm_p < ALPHA,
        )
        for pair, measured, holm_p in zip(pairs, made, corrected, strict=True)
    ]
