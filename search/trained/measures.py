"""How good predicted ages are, in the measures of the field: errors with intervals, shrinkage, limits of agreement, groups.

Errors are signed, predicted minus label, in months. Intervals are 95 % BCa bootstrap intervals over the patients, each with all of
their images: they say how sure the figure is for this trained network and this kind of image, not how it would be with another seed.
Where the test images contradict the validation images, `contradictions` says so, with the likely cause.
"""

from typing import Any

import numpy as np

from data.store.patients import each_own
from data.written import months, signed, yardstick

AGE_BANDS_MONTHS = (0, 60, 120, 180)  # where each begins; the last has no end
WITHIN_MONTHS = (6, 12, 24)
FEW = 8  # fewer patients have no interval
SURE = 3.0  # standard errors by which a bias differs beyond chance: one model in four hundred by chance
MATTERS_MONTHS = 2.0
FITTED_FILMS = "films it was recalibrated on"  # of a recalibrated model, those of its validation
OTHER_AGES = 1.2  # ratio of the constant's MAEs from which the splits hold other ages


def metrics(
    predicted: np.ndarray,
    age_months: np.ndarray,
    male: np.ndarray,
    constant_months: float,
    patients: np.ndarray | None = None,
) -> dict[str, Any]:
    """All measures as plain values; None where too few images define one. `constant_months` is the constant predictor's answer.

    `patients` has a number for each image; without it, each is a patient's own.
    `slope` and `intercept` are the line of signed error on label age: a negative slope is shrinkage towards the middle.
    `loa_low` and `loa_high` are Bland and Altman's limits of agreement, mean error -/+ 1.96 SD.
    """
    error = predicted.astype(float) - age_months
    size = np.abs(error)
    patients = each_own(patients, len(error))
    slope, intercept = line(age_months, error)
    low, high = interval(size, patients)
    spread = 1.96 * float(np.std(error, ddof=1)) if len(error) > 1 else None
    bias = float(np.mean(error))
    found = {
        "n": len(error),
        "patients": len(np.unique(patients)),
        "effective_n": effective(patients),
        "mae": float(size.mean()),
        "mae_low": low,
        "mae_high": high,
        "constant_mae": float(np.abs(age_months - constant_months).mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "median_ae": float(np.median(size)),
        "bias": bias,
        "slope": slope,
        "intercept": intercept,
        "loa_low": None if spread is None else bias - spread,
        "loa_high": None if spread is None else bias + spread,
        **{f"within_{months}": float(np.mean(size <= months)) for months in WITHIN_MONTHS},
    }
    bands = band_of(age_months)

    def of(chosen: np.ndarray) -> dict[str, Any]:
        return group(error[chosen], age_months[chosen], patients[chosen], constant_months)

    return found | {
        "by_sex": [
            {"sex": sex} | of(male == is_male) for sex, is_male in (("F", 0), ("M", 1)) if (male == is_male).any()
        ],
        "by_age": [edges(band) | of(bands == band) for band in range(len(AGE_BANDS_MONTHS)) if (bands == band).any()],
    }


def effective(patients: np.ndarray) -> float:
    """How many independent images tell as much, if films of one patient tell no more than one (Kish 1965)."""
    _, films = np.unique(patients, return_counts=True)
    return float(films.sum() ** 2 / (films**2).sum())


def group(error: np.ndarray, age_months: np.ndarray, patients: np.ndarray, constant_months: float) -> dict[str, Any]:
    low, high = interval(np.abs(error), patients)
    return {
        "n": len(error),
        "mae": float(np.abs(error).mean()),
        "low": low,
        "high": high,
        "bias": float(error.mean()),
        "constant_mae": float(np.abs(age_months - constant_months).mean()),
    }


def as_ages(predicted: np.ndarray) -> np.ndarray:
    """What a network answers, in months, as an age: none is below 0, nor a negative zero."""
    return np.asarray(np.maximum(predicted, 0) + 0)


def band_of(months: np.ndarray) -> np.ndarray:
    """The index of each age's band; what is below the first belongs to it."""
    return np.maximum(np.searchsorted(AGE_BANDS_MONTHS, months, side="right") - 1, 0)


def edges(band: int) -> dict[str, Any]:
    ends = (*AGE_BANDS_MONTHS[1:], None)
    return {"from_months": AGE_BANDS_MONTHS[band], "to_months": ends[band]}


def interval(values: np.ndarray, patients: np.ndarray | None = None) -> tuple[float | None, float | None]:
    """Of the mean; None for fewer than FEW patients. Without `patients` each value is a patient's own."""
    patients = each_own(patients, len(values))
    if len(np.unique(patients)) < FEW:
        return None, None
    from studies.statistics.resampling import interval as of_mean  # brings scipy

    return of_mean(tuple(float(value) for value in values), tuple(patients.tolist()))


def line(x: np.ndarray, y: np.ndarray) -> tuple[float | None, float | None]:
    """Slope and intercept of the least-squares line."""
    if len(x) < 2 or np.ptp(x) == 0:
        return None, None
    centred = x.astype(float) - x.mean(dtype=float)
    slope = float(centred @ y / (centred @ centred))
    return slope, float(y.mean() - slope * x.mean(dtype=float))


def contradictions(about: dict[str, Any]) -> list[str]:
    """A sentence for each figure that does not fit the validation's, with the cause; none where there is no test split."""
    found = [said for said in (coverage_words(about), bias_words(about), mae_words(about)) if said]
    return [f"{said} {cause_words(about)}" for said in found]


def coverage_words(about: dict[str, Any]) -> str:
    covered, level = about["conformal"].get("coverage"), about["conformal"]["level"]
    if not covered or covered["high"] >= level:
        return ""
    return f"The intervals hold {covered['share']:.1%} of the test labels (95% interval up to {covered['high']:.1%}); they should hold {level:.0%}."


def bias_words(about: dict[str, Any]) -> str:
    test, validation = about["test"], about["validation"]
    spreads = [spread(of) for of in (test, validation) if of]
    if len(spreads) < 2 or None in spreads:
        return ""
    error = sum(each for each in spreads if each is not None) ** 0.5
    apart = test["bias"] - validation["bias"]
    if abs(apart) <= max(SURE * error, MATTERS_MONTHS):
        return ""
    direction = "older" if apart > 0 else "younger"
    return (
        f"The test images are read {months(abs(apart))} months {direction} than the validation images (bias {signed(test['bias'])} against "
        f"{signed(validation['bias'])})."
    )


def spread(measured: dict[str, Any]) -> float | None:
    """The variance of a mean error, as if films of one patient told no more than one; None where so few images give none."""
    if measured.get("loa_high") is None or measured.get("loa_low") is None:
        return None
    return float(((measured["loa_high"] - measured["loa_low"]) / (2 * 1.96)) ** 2 / measured["effective_n"])


def mae_words(about: dict[str, Any]) -> str:
    test, validation = about["test"], about["validation"]
    if (
        not test
        or test["mae_low"] is None
        or validation["mae_high"] is None
        or test["mae_low"] <= validation["mae_high"]
    ):
        return ""
    return f"The test MAE is {months(test['mae'])} months, the validation MAE {months(validation['mae'])}, and their intervals do not overlap."


def cause_words(about: dict[str, Any]) -> str:
    unlike = about.get("test_films") or []
    if unlike:
        films = FITTED_FILMS if about.get("recalibration") else "training films"
        return f"Likely cause: the test films are of another kind than the {films} ({'; '.join(unlike)})."
    constants = [about[split]["constant_mae"] for split in ("validation", "test")]
    if max(constants) > OTHER_AGES * min(constants):
        return f"Likely cause: other ages (the constant's MAE is {yardstick(constants[0])} on validation, {yardstick(constants[1])} on test)."
    return (
        "The films are alike in size, sharpness and contrast: compare the sexes and patients of the two splits, and how their labels "
        "were read (`boneage-search audit`)."
    )
