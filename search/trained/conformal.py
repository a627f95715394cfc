"""Prediction intervals by split conformal prediction: as wide as the validation errors of alike cases say.

Cases are alike that have the same sex and whose PREDICTED ages are in the same band (Mondrian: Vovk 2005), since the label
of a new case is not known. Of n absolute errors the ⌈(n+1)·level⌉-th smallest is the half width; exchangeable new cases
then lie inside with at least that probability, whatever the errors' distribution. A group of fewer than LEAST takes the
half width of its sex, and one whose sex has too few that of all: such a group by itself has no guarantee.
Networks draw ages to the middle, so intervals around the predictions would miss the labels of the youngest and the oldest more often
than promised. They lie around a centre that does not: the line of prediction on label, fitted to the calibration cases and turned
round. The prediction stays what it is, as its error is smaller. `by_true_age` says what that leaves in each band of labels.
The promise is for cases that nothing was fitted to. The validation images have chosen the epoch and the two numbers of the line, and several
of one patient are no independent cases, so intervals hold a little less than they say; what the test images say of the coverage stands beside.
"""

from typing import Any

import numpy as np

from data.store.patients import each_own
from search.trained.measures import AGE_BANDS_MONTHS, as_ages, band_of, edges, effective

LEVEL = 0.9
LEAST = 30
LEAST_FOR_LINE, FLATTEST = (
    100,
    0.5,
)  # cases for a centre to be fitted; a flatter line belongs to a network that has learned little
CENTRE = "centre"
OWN = "sex and predicted age"  # a group that had cases enough of its own
SEXES = {"F": 0, "M": 1}


def calibrate(predicted: np.ndarray, age_months: np.ndarray, male: np.ndarray | None) -> dict[str, Any]:
    """Half widths in months by sex and band of predicted age; by band alone where `male` is None.

    A half width of None is without limit: so few errors cannot give one at this level.
    """
    line = centre_line(predicted, age_months)
    error = np.abs(centred(line, predicted) - age_months)
    bands = band_of(predicted)
    every = np.ones(len(error), bool)
    sexes = {None: every} if male is None else {sex: male == code for sex, code in SEXES.items()}
    groups = []
    for sex, of_sex in sexes.items():
        for band in range(len(AGE_BANDS_MONTHS)):
            own = of_sex & (bands == band)
            tried = {OWN: own, "sex": of_sex, "all": every}
            of, chosen = next((name, rows) for name, rows in tried.items() if rows.sum() >= LEAST or name == "all")
            groups.append(
                {"sex": sex, **edges(band), "n": int(own.sum()), "half_width": half_width(error[chosen]), "of": of}
            )
    return {"level": LEVEL, "calibrated_on": "validation", "n": len(error), CENTRE: line, "groups": groups}


def centre_line(predicted: np.ndarray, age_months: np.ndarray) -> dict[str, float] | None:
    """centre = offset_months + slope · predicted, whose error has no slope on the label; None where too few cases say."""
    labels = age_months.astype(float) - float(age_months.mean())
    if len(labels) < LEAST_FOR_LINE or not labels.any():
        return None
    drawn = float(labels @ predicted.astype(float)) / float(labels @ labels)  # below 1: to the middle
    if drawn < FLATTEST:
        return None
    slope = 1 / drawn
    return {"offset_months": float(age_months.mean()) - slope * float(predicted.mean()), "slope": slope}


def centred(line: dict[str, float] | None, predicted: np.ndarray) -> np.ndarray:
    """Where the intervals have their middle; the predictions themselves by models of before, and where there is no line."""
    months = predicted.astype(float)
    return months if line is None else line["offset_months"] + line["slope"] * months


def half_width(errors: np.ndarray, level: float = LEVEL) -> float | None:
    place = int(np.ceil((len(errors) + 1) * level))
    return float(np.sort(errors)[place - 1]) if place <= len(errors) else None


def intervals(
    conformal: dict[str, Any], predicted: np.ndarray, male: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end in months, around the predictions as `as_ages` has them; infinite where there is no limit."""
    predicted = as_ages(predicted)
    bands = band_of(predicted)
    reach = np.full(len(predicted), np.inf)
    for group in conformal["groups"]:
        if group["half_width"] is None:
            continue
        rows = bands == AGE_BANDS_MONTHS.index(group["from_months"])
        if group["sex"] is not None:
            assert male is not None, "these intervals are by sex"
            rows &= np.asarray(male) == SEXES[group["sex"]]
        reach[rows] = group["half_width"]
    middle = centred(conformal.get(CENTRE), predicted)
    # The prediction itself is always inside.
    return as_ages(np.minimum(middle - reach, predicted)), np.maximum(middle + reach, predicted)


def coverage(
    conformal: dict[str, Any],
    predicted: np.ndarray,
    age_months: np.ndarray,
    male: np.ndarray | None,
    patients: np.ndarray | None = None,
) -> dict[str, Any]:
    """The share of labels inside, in all and by band of label, with its 95 % binomial interval, and how wide the intervals are.

    `patients` has a number for each case; without it, each is a patient's own.
    """
    low, high = intervals(conformal, predicted, male)
    inside = (low <= age_months) & (age_months <= high)
    width = float(np.median(high - low))
    bands = band_of(age_months)
    patients = each_own(patients, len(inside))
    return share_of(inside, patients) | {
        "median_width": round(width, 2) if np.isfinite(width) else None,
        "by_true_age": [
            edges(band) | share_of(inside[bands == band], patients[bands == band])
            for band in range(len(AGE_BANDS_MONTHS))
            if (bands == band).any()
        ],
    }


def share_of(inside: np.ndarray, patients: np.ndarray) -> dict[str, Any]:
    """The interval of Clopper and Pearson (1934), for as many cases as tell as much if films of one patient tell no more than one."""
    from scipy.stats import beta

    share, count = float(inside.mean()), effective(patients)
    held = share * count
    low = float(beta.ppf(0.025, held, count - held + 1)) if share > 0 else 0.0
    high = float(beta.ppf(0.975, held + 1, count - held)) if share < 1 else 1.0
    return {"n": len(inside), "share": round(share, 4), "low": round(low, 4), "high": round(high, 4)}
