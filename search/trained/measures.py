"""How good predicted ages are, in the measures of the field: errors with intervals, shrinkage, limits of agreement, groups.

Errors are signed, predicted minus label, in months. Intervals are 95 % BCa bootstrap intervals over the images: they say
how sure the figure is for this trained network and this kind of image, not how it would be with another seed.
"""

from typing import Any

import numpy as np

AGE_BANDS_MONTHS = (0, 60, 120, 180)  # where each begins; the last has no end
WITHIN_MONTHS = (6, 12, 24)
FEW = 8  # fewer values have no interval


def metrics(predicted: np.ndarray, age_months: np.ndarray, male: np.ndarray, constant_months: float) -> dict[str, Any]:
    """All measures as plain values; None where too few images define one. `constant_months` is the constant predictor's answer.

    `slope` and `intercept` are the line of signed error on label age: a negative slope is shrinkage towards the middle.
    `loa_low` and `loa_high` are Bland and Altman's limits of agreement, mean error -/+ 1.96 SD.
    """
    error = predicted.astype(float) - age_months
    size = np.abs(error)
    slope, intercept = line(age_months, error)
    low, high = interval(size)
    spread = 1.96 * float(np.std(error, ddof=1)) if len(error) > 1 else None
    bias = float(np.mean(error))
    found = {
        "n": len(error),
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
    return rounded(found) | {
        "by_sex": [
            {"sex": sex} | group(error[male == is_male], age_months[male == is_male], constant_months)
            for sex, is_male in (("F", 0), ("M", 1))
            if (male == is_male).any()
        ],
        "by_age": [
            edges(band) | group(error[bands == band], age_months[bands == band], constant_months)
            for band in range(len(AGE_BANDS_MONTHS))
            if (bands == band).any()
        ],
    }


def group(error: np.ndarray, age_months: np.ndarray, constant_months: float) -> dict[str, Any]:
    low, high = interval(np.abs(error))
    return rounded(
        {
            "n": len(error),
            "mae": float(np.abs(error).mean()),
            "low": low,
            "high": high,
            "bias": float(error.mean()),
            "constant_mae": float(np.abs(age_months - constant_months).mean()),
        }
    )


def band_of(months: np.ndarray) -> np.ndarray:
    """The index of each age's band; what is below the first belongs to it."""
    return np.maximum(np.searchsorted(AGE_BANDS_MONTHS, months, side="right") - 1, 0)


def edges(band: int) -> dict[str, Any]:
    ends = (*AGE_BANDS_MONTHS[1:], None)
    return {"from_months": AGE_BANDS_MONTHS[band], "to_months": ends[band]}


def interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Of the mean; None for fewer than FEW values."""
    if len(values) < FEW:
        return None, None
    from studies.statistics.resampling import interval as of_mean  # brings scipy

    return of_mean(tuple(float(value) for value in values))


def line(x: np.ndarray, y: np.ndarray) -> tuple[float | None, float | None]:
    """Slope and intercept of the least-squares line."""
    if len(x) < 2 or np.ptp(x) == 0:
        return None, None
    centred = x.astype(float) - x.mean(dtype=float)
    slope = float(centred @ y / (centred @ centred))
    return slope, float(y.mean() - slope * x.mean(dtype=float))


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}
