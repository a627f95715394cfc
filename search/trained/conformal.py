"""Prediction intervals by split conformal prediction: as wide as the validation errors of alike cases say.

Cases are alike that have the same sex and whose PREDICTED ages are in the same band (Mondrian: Vovk 2005), since the label
of a new case is not known. Of n absolute errors the ⌈(n+1)·level⌉-th smallest is the half width; exchangeable new cases
then lie inside with at least that probability, whatever the errors' distribution. A group of fewer than LEAST takes the
half width of its sex, and one whose sex has too few that of all: such a group by itself has no guarantee.
The validation images have also chosen the epoch, so they are not quite exchangeable with new ones; what the test images
say of the coverage stands beside.
"""

from typing import Any

import numpy as np

from search.trained.measures import AGE_BANDS_MONTHS, band_of, edges

LEVEL = 0.9
LEAST = 30
SEXES = {"F": 0, "M": 1}


def calibrate(predicted: np.ndarray, age_months: np.ndarray, male: np.ndarray | None) -> dict[str, Any]:
    """Half widths in months by sex and band of predicted age; by band alone where `male` is None.

    A half width of None is without limit: so few errors cannot give one at this level.
    """
    error = np.abs(predicted.astype(float) - age_months)
    bands = band_of(predicted)
    every = np.ones(len(error), bool)
    sexes = {None: every} if male is None else {sex: male == code for sex, code in SEXES.items()}
    groups = []
    for sex, of_sex in sexes.items():
        for band in range(len(AGE_BANDS_MONTHS)):
            own = of_sex & (bands == band)
            tried = {"sex and predicted age": own, "sex": of_sex, "all": every}
            of, chosen = next((name, rows) for name, rows in tried.items() if rows.sum() >= LEAST or name == "all")
            groups.append(
                {"sex": sex, **edges(band), "n": int(own.sum()), "half_width": half_width(error[chosen]), "of": of}
            )
    return {"level": LEVEL, "calibrated_on": "validation", "n": len(error), "groups": groups}


def half_width(errors: np.ndarray, level: float = LEVEL) -> float | None:
    place = int(np.ceil((len(errors) + 1) * level))
    return float(np.sort(errors)[place - 1]) if place <= len(errors) else None


def intervals(
    conformal: dict[str, Any], predicted: np.ndarray, male: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end in months, none below 0; infinite where there is no limit."""
    bands = band_of(predicted)
    reach = np.full(len(predicted), np.inf)
    for group in conformal["groups"]:
        if group["half_width"] is None:
            continue
        rows = bands == AGE_BANDS_MONTHS.index(group["from_months"])
        if group["sex"] is not None:
            assert male is not None, "these intervals are by sex"
            rows &= male == SEXES[group["sex"]]
        reach[rows] = group["half_width"]
    return np.maximum(predicted - reach, 0.0), predicted + reach


def coverage(
    conformal: dict[str, Any], predicted: np.ndarray, age_months: np.ndarray, male: np.ndarray | None
) -> dict[str, Any]:
    """The share of labels inside, with its exact 95 % binomial interval, and how wide the intervals are."""
    from scipy.stats import binomtest

    low, high = intervals(conformal, predicted, male)
    inside = (low <= age_months) & (age_months <= high)
    sure = binomtest(int(inside.sum()), len(inside)).proportion_ci()
    width = float(np.median(high - low))
    return {
        "n": len(inside),
        "share": round(float(inside.mean()), 4),
        "low": round(float(sure.low), 4),
        "high": round(float(sure.high), 4),
        "median_width": round(width, 2) if np.isfinite(width) else None,
    }
