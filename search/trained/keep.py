"""The folder of a trained model, `<run>/models/<name>/`, and what its model.json says.

job.json, log.txt, predictions.npy, test_predictions.npy, model.keras as a trial leaves them; looks.npz, for `left/looks.py`;
a CSV of predictions for each split; seen.csv, for `left/seen.py`; report.html; and model.json, written last: a folder that has one is whole.
"""

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data.cases import constant_mae, hundredths
from data.csv_text import write_csv
from data.films.traits import blocks, departures, films_of, traits
from data.foreign import foreign
from data.preparation import PIXELS, DataError
from data.store.disk import Examples, Store
from models.architecture import Architecture
from models.cost import cost
from models.training.settings import Training
from search.leader.kept import Kept, kept
from search.output.files import may_be_written, write_text, written
from search.storage.settings import read_settings
from search.trained.about import SEEN, signed
from search.trained.conformal import calibrate, coverage, intervals
from search.trained.folder import (
    ABOUT,
    ModelFolder,
    case_texts,
    digest_of_texts,
    models_of,
    newest,
    opened_before,
    store_with,
)
from search.trained.left.looks import LOOKS, learned_looks, taken_over
from search.trained.left.seen import films_of_store, leave_seen
from search.trained.made_of import KEPT_BY_SEARCH, TRAINED, data_of, weights_of
from search.trained.measures import as_ages, metrics
from search.workers.job import Job, fingerprint
from search.workers.left.best import KEPT_NOTE, MODEL, TEST, VALIDATION, load_predictions

PACKAGES = ("boneage-search", "tensorflow", "keras", "numpy")


def describe(
    job: Job,
    store: Store,
    origin: str,
    history: Sequence[dict[str, Any]],
    mirrored: dict[str, np.ndarray] | None = None,
    looks_of: ModelFolder | None = None,
) -> dict[str, Any]:
    """What model.json says of a trained job's folder; `history` has epoch, train_mae, validation_mae, seconds.

    `mirrored` are the predictions, by split, that are the mean of an image's and its mirror's.
    """
    counted = cost(job.architecture, job.image_px)
    settings = store.info["settings"]
    predicted = {"validation": as_ages(load_predictions(job.folder / VALIDATION))}
    if job.test:
        predicted["test"] = as_ages(load_predictions(job.folder / TEST))
    mirrored = mirrored and {split: as_ages(months) for split, months in mirrored.items()}
    conformal = calibrated(job, store, predicted)
    films = films_of(traits_in(store, "train"), store.image_px)
    test = store.split("test")
    cases = case_texts(test.ids, test.age_months, test.male)
    tested = digest_of_texts(cases) if job.test else None
    weights = {"weights": weights_of(job)} if job.weights_digest else {}
    return {
        "name": job.folder.name,
        "made": time.strftime("%Y-%m-%d %H:%M:%S"),
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "from": origin,
        "architecture": job.architecture.to_dict(),
        "training": job.training.to_dict(),
        "network": fingerprint(job),
        **weights,
        "preparation": {
            "image_px": store.image_px,
            "fit": "squash",
            "stretch": True,
        }
        | {name: value for name, value in settings.items() if name in PIXELS},
        "films": films,
        "test_films": departures(films, traits_in(store, "test")) if job.test else [],
        "data": data_of(store),
        "lineage": [{"how": TRAINED, **data_of(store), **weights}],
        "seed": job.seed,
        "best_epoch": min(history, key=lambda epoch: float(epoch["validation_mae"]))["epoch"],
        "history": list(history),
        "params": counted.params,
        "macs": counted.macs,
        "constant_mae": constant_mae(store.cases),
        "training_median_months": training_median(store),
        "validation": measured(store, "validation", predicted["validation"]),
        "test": measured(store, "test", predicted["test"]) if job.test else None,
        "test_flipped": measured(store, "test", mirrored["test"]) if mirrored and job.test else None,
        "test_of": tested,
        "tests_opened_before": opened_before(job.folder, tested, cases) if tested else 0,
        "conformal": conformal,
        "conformal_flipped": calibrated(job, store, mirrored) if mirrored else None,
        "looks": taken_over(looks_of, job.folder / LOOKS) if looks_of else learned_looks(store, job.folder / LOOKS),
        "seconds": round(sum(epoch["seconds"] for epoch in history), 1),
        "synthetic": store.synthetic,
    }


def traits_in(store: Store, split: str) -> pd.DataFrame:
    """What a split's films are like, as `data/films/traits.py` has it."""
    rows = store.split(split).rows
    parts = [rows[part] for part in blocks(len(rows), store.image_px)] or [rows]  # the images are on disk
    return pd.concat([traits(store.images[part], store.films.iloc[part]) for part in parts], ignore_index=True)


def measured(store: Store, split: str, predicted: np.ndarray) -> dict[str, Any]:
    examples = store.split(split)
    median = training_median(store)
    return metrics(predicted, examples.age_months.astype(float), examples.male, median, store.patients_in(split))


def training_median(store: Store) -> float:
    """What the constant predictor answers, months."""
    return float(np.median(store.split("train").age_months))


def calibrated(job: Job, store: Store, predicted: dict[str, np.ndarray]) -> dict[str, Any]:
    """Intervals by the validation images, and what they cover of the test images."""
    validation = store.split("validation")
    by_sex = bool(job.architecture.sex_units)
    made = calibrate(predicted["validation"], validation.age_months, validation.male if by_sex else None)
    if not job.test:
        return made | {"coverage": None}
    test = store.split("test")
    return made | {
        "coverage": coverage(
            made, predicted["test"], test.age_months, test.male if by_sex else None, store.patients_in("test")
        )
    }


def write_predictions(folder: Path, store: Store, about: dict[str, Any]) -> None:
    """predictions_<split>.csv: id, male, age_months, predicted_months, low, high."""
    for split, name in (("validation", VALIDATION), ("test", TEST)):
        if about[split] is None:
            continue
        examples = store.split(split)
        predicted = as_ages(load_predictions(folder / name)).astype(float)
        put_predictions(folder / f"predictions_{split}.csv", table(examples, predicted, about))


def put_predictions(path: Path, table: pd.DataFrame) -> None:
    with written(path) as part:
        write_csv(table.assign(age_months=hundredths(table["age_months"])), part, "%.2f")


def table(examples: Examples, predicted: np.ndarray, about: dict[str, Any]) -> pd.DataFrame:
    by_sex = bool(about["architecture"]["sex_units"])
    low, high = intervals(about["conformal"], predicted, examples.male if by_sex else None)
    return pd.DataFrame(
        {
            "id": examples.ids,
            "male": examples.male.astype(bool),
            "age_months": examples.age_months.astype(float),
            "predicted_months": predicted,
            "low": low,
            "high": np.where(np.isfinite(high), high, np.nan),
        }
    )


class Usable(NamedTuple):
    folder: Path  # of a whole model
    own: Path  # where its network is: the same, but where that cannot be written to


def usable(run: Path, named: Path | None) -> Usable:
    """The model named; else the run's newest; else the network that its search has kept, made ready for use.

    Raises DataError where there is none, or the data that a kept one was trained on are not there any more.
    """
    if named or models_of(run) or not (found := kept(run)):
        folder = named or newest(run)
        return Usable(folder, folder)
    best, own = found[0], found[0].folder
    if not (own / ABOUT).exists() and not may_be_written(own):
        best = replace(best, folder=Path(linked(own).name, *own.parts[-3:]))
    if not (best.folder / ABOUT).exists():
        write_about(best.folder, describe_kept(run, best))
    return Usable(best.folder, own)


@cache
def linked(folder: Path) -> "TemporaryDirectory[str]":
    """In which a trial's folder stands with links to what the search has left in it; it goes when this process ends."""
    made = TemporaryDirectory(prefix="boneage-search-")
    place = Path(made.name, *folder.parts[-3:])
    place.mkdir(parents=True)
    for name in (MODEL, VALIDATION, "job.json"):
        (place / name).symlink_to((folder / name).resolve())
    return made


def describe_kept(run: Path, one: Kept) -> dict[str, Any]:
    """What model.json says of a kept network: measured on the validation images alone."""
    store = store_with(one.data, (run,))
    if store is None:
        raise DataError(
            f"the data of the search in {run} are gone, and its kept network has to be measured on them once: put them "
            f"back, or name a model with --model"
        )
    path = one.folder / "job.json"
    with foreign(f"{path} is damaged: remove {one.folder / KEPT_NOTE}, and its network is not used"):
        job = json.loads(path.read_text(encoding="utf-8"))
        architecture = Architecture.from_dict(job["architecture"])
        training = Training(**job["training"], weights=weights_named(run) if job.get("weights") else "")
        made = Job(
            number=one.number,
            architecture=architecture,
            training=training,
            seed=job["seed"],
            store=store.path,
            data=one.data,
            image_px=one.image_px,
            folder=one.folder,
            deterministic=job["deterministic"],
            weights_digest=str(job.get("weights", "")),
        )
    leave_seen(one.folder, films_of_store(store))
    name = f"{one.folder.parent.name}-{one.folder.name}"
    return describe(made, store, f"{one.study} #{one.number}", one.history) | {"name": name, KEPT_BY_SEARCH: True}


def weights_named(run: Path) -> str:
    """The file of weights that the run's settings name; its digest tells which it was."""
    named = read_settings(run).get("overrides", {}).get("weights", "")
    return named if isinstance(named, str) else ""


def write_about(folder: Path, about: dict[str, Any]) -> None:
    """Last of all, with the digests of the others."""
    about = signed(about, folder, (MODEL, LOOKS, VALIDATION, TEST, SEEN))
    write_text(folder / ABOUT, json.dumps(about, indent=1) + "\n")
