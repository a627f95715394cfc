"""`evaluate --recalibrate`: a model corrected by one part of a labelled set, with intervals of its own, reported on the other.

The correction is a line, months in, months out, and goes into the weights of the network's last layer, which is linear (of an
ensemble into every member's): so
whoever opens the new folder, to predict, explain or export, has the correction without knowing of it.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.films.traits import departures, films_of
from data.preparation import DataError
from data.shown import plain
from data.store.patients import each_own, numbered
from search.evaluate.evaluation import covered_by, measured, predictions
from search.evaluate.labelled import Labelled
from search.evaluate.parts import of_what, parted
from search.run import PREPARED
from search.trained.about import digest_of_file
from search.trained.conformal import calibrate, intervals
from search.trained.folder import (
    ABOUT,
    ModelFolder,
    case_texts,
    digest_of_texts,
    load_network,
    open_folder,
    opened_before,
)
from search.trained.keep import put_predictions, write_about
from search.trained.left.known import together
from search.trained.left.looks import LOOKS, taken_over
from search.trained.left.seen import films_of_cases, leave_seen
from search.trained.made_of import OF_SET, OF_TRAINING, RECALIBRATED, gone_on
from search.trained.measures import FITTED_FILMS, as_ages
from search.trained.page import write_page
from search.trained.train import safe
from search.workers.left.best import MODEL, TEST, VALIDATION, save_predictions
from studies.preset import StudyError

ALIKE = 1e-9  # share of the predictions' size, and of their spread: what rounding leaves where all, or all others, are equal
BEGUN = (MODEL, PREPARED, "job.json")  # with which a folder of ours begins that a stop has left without its model.json


@dataclass(frozen=True)
class Correction:
    """corrected = offset_months + slope · predicted."""

    offset_months: float
    slope: float
    kind: str  # none, offset, or offset and slope: what left the smallest error on patients left out in turn

    def of(self, predicted: np.ndarray) -> np.ndarray:
        return np.asarray(self.offset_months + self.slope * predicted)


@dataclass(frozen=True)
class Fitted:
    correction: Correction
    left_out: np.ndarray  # corrected predictions, each by the correction that the other patients' cases give


def fit(predicted: np.ndarray, age_months: np.ndarray, patients: np.ndarray | None = None) -> Fitted:
    """Of nothing, an offset, and an offset with a slope, the one with the smallest MAE when each patient is left out in turn.

    Least squares of the label on the prediction. `patients` has a number for each case; without it, each is a patient's own.
    """
    predicted, age_months = predicted.astype(float), age_months.astype(float)
    _, whose = np.unique(each_own(patients, len(predicted)), return_inverse=True)
    tried = [Fitted(Correction(0.0, 1.0, "none"), predicted)]
    if whose.max() > 0:  # else nothing is left to fit on
        x_mean, y_mean = float(predicted.mean()), float(age_months.mean())
        x, y = predicted - x_mean, age_months - y_mean

        def of_others(values: np.ndarray) -> np.ndarray:
            """For each case the sum over the other patients'."""
            return np.asarray(values.sum() - np.bincount(whose, weights=values)[whose])

        count = of_others(np.ones(len(x)))
        x_others, y_others = of_others(x) / count, of_others(y) / count
        offset = y_mean - x_mean
        tried.append(Fitted(Correction(offset, 1.0, "offset"), predicted + offset + y_others - x_others))
        squares, products = of_others(x * x) - count * x_others**2, of_others(x * y) - count * x_others * y_others
        varies = np.ptp(predicted) > ALIKE * np.abs(predicted).max()
        slope = float(x @ y) / float(x @ x) if varies else 0.0
        if slope > 0 and (squares > ALIKE * float(x @ x)).all():
            whole = Correction(y_mean - slope * x_mean, slope, "offset and slope")
            tried.append(Fitted(whole, y_mean + y_others + products / squares * (x - x_others)))
    return min(tried, key=lambda one: float(np.abs(age_months - one.left_out).mean()))


def recalibrated(
    labelled: Labelled, model: ModelFolder, constant_months: float, share: float, name: str
) -> ModelFolder:
    """The new model's folder, beside the old one. Raises StudyError where the set is too small, or the folder is taken."""
    fitted, reported = parted(labelled, share)
    path = free_beside(model, name or f"{model.name}-recalibrated")
    made = fit(fitted["network_months"].to_numpy(), fitted["age_months"].to_numpy(), numbered(fitted))
    by_sex = bool(model.architecture.sex_units)
    male = fitted["male"].to_numpy(np.float32) if by_sex else None
    conformal = calibrate(as_ages(made.left_out), fitted["age_months"].to_numpy(float), male)
    parts = {
        "validation": with_intervals(fitted, made.left_out, conformal, by_sex),
        "test": with_intervals(reported, made.correction.of(reported["network_months"].to_numpy()), conformal, by_sex),
    }
    validation = measured(parts["validation"], constant_months)
    cases = case_texts(reported["id"], reported["age_months"], reported["male"])
    tested = digest_of_texts(cases)
    about = model.about | {
        "name": path.name,
        "made": time.strftime("%Y-%m-%d %H:%M:%S"),
        "made_from": made_from(model),
        **gone_on(
            model.about,
            RECALIBRATED,
            {
                "source": of_what(labelled),
                "counts": {"validation": len(fitted), "test": len(reported)},
                "synthetic": labelled.read.synthetic,
            },
        ),
        **of_training(model.about),
        "from": f"{model.name}, recalibrated on {Path(labelled.source).name}",
        "validation": validation,
        "constant_mae": validation["constant_mae"],
        "test": measured(parts["test"], constant_months),
        "test_flipped": None,
        "test_films": departures(films_of(fitted, model.preparation.image_px), reported, FITTED_FILMS),
        "test_of": tested,
        "tests_opened_before": opened_before(path, tested, cases),
        "conformal": conformal | {"calibrated_on": "recalibration"},
        "conformal_flipped": None,
        "recalibration": asdict(made.correction)
        | {
            "source": labelled.source,
            "fitted_on": len(fitted),
            "reported_on": len(reported),
            "constant_of": OF_SET if labelled.training_median_months is None else OF_TRAINING,
            "before": measured(reported, constant_months),
            "coverage_before": covered_by(reported, model),
        },
    }
    corrected = ModelFolder(path, about)
    about["conformal"] |= {"coverage": covered_by(parts["test"], corrected)}
    path.mkdir(parents=True, exist_ok=True)
    save_corrected(model, made.correction, path / MODEL)
    taken_over(model, path / LOOKS)
    for part, file in (("validation", VALIDATION), ("test", TEST)):
        save_predictions(path / file, parts[part]["predicted_months"].to_numpy())
        put_predictions(path / f"predictions_{part}.csv", predictions(parts[part]))
    leave_seen(path, together(labelled.known, films_of_cases(fitted)))
    write_page(path, about)
    write_about(path, about)
    return open_folder(path, whole=True)


def of_training(about: dict[str, Any]) -> dict[str, Any]:
    """What the model's training had on its own validation cases, which are not the new model's: for its curve, and its further training."""
    found: dict[str, Any] = {"history_constant_mae": about.get("history_constant_mae", about["constant_mae"])}
    if (tuned := about.get("fine_tuning")) and not about.get("recalibration"):
        found["fine_tuning"] = tuned | {"validation_mae": about["validation"]["mae"]}
    return found


def made_from(model: ModelFolder) -> dict[str, str]:
    """In the new model's model.json. A folder's name may be another model's one day; the network tells which it was."""
    return {"name": model.path.resolve().name, "network": digest_of_file(model.network)}


def with_intervals(cases: pd.DataFrame, predicted: np.ndarray, conformal: dict[str, Any], by_sex: bool) -> pd.DataFrame:
    low, high = intervals(conformal, predicted, cases["male"].to_numpy(np.float32) if by_sex else None)
    return cases.assign(predicted_months=as_ages(predicted), low=low, high=high)


def save_corrected(model: ModelFolder, correction: Correction, path: Path) -> None:
    network = load_network(model)
    from models import saved  # after TensorFlow was loaded without its chatter
    from models.network import OUTPUT, members_of

    for member in members_of(network):  # a line of a mean is the mean of the lines
        last = member.get_layer(OUTPUT)
        kernel, bias = last.get_weights()
        last.set_weights([correction.slope * kernel, correction.offset_months + correction.slope * bias])
    saved.save(network, path)


def free_beside(model: ModelFolder, name: str) -> Path:
    here = model.path if model.path.name not in ("", "..") else model.path.resolve()  # `--model .`
    path = here.with_name(safe(name))
    if (path / ABOUT).exists() or path == here:
        raise StudyError(f"{path} holds a model already: give the new one another --name, or remove it")
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file: give the new model another --name")
    inside = [one.name for one in path.iterdir()] if path.exists() else []
    if inside and not any(name.startswith(BEGUN) for name in inside):
        raise DataError(
            f"{path} holds other files, as {plain(inside[0])}: give the new model another --name, or move them away"
        )
    return path
