"""`evaluate --fine-tune`: an existing model's training goes on with one part of a labelled set, and is reported on the other.

The part to train on is divided once more: some of it chooses the epoch and makes the intervals. The new model's folder has
the prepared data of all three as `prepared/`, so that the same command continues after a stop.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd

from data.cases import complete_splits
from data.store.disk import Store, is_store, open_store
from data.store.prepare import Progress as StoreProgress
from data.store.prepare import Request, make
from data.store.stamps import files
from data.store.unchanged import still_holds
from models.training.settings import Training
from search.evaluate.evaluation import covered_by, measured
from search.evaluate.labelled import Labelled
from search.evaluate.parts import of_what, parted, whose
from search.evaluate.recalibrate import free_beside, made_from
from search.leader.progress import Progress, Terms
from search.run import PREPARED
from search.trained.about import ABOUT, damaged, digest_of_file
from search.trained.folder import MEMBERS, ModelFolder, open_folder
from search.trained.left.finish import Origin
from search.trained.left.known import together
from search.trained.left.seen import films_of_store
from search.trained.made_of import FINE_TUNED, data_of, gone_on
from search.trained.train import carried_out
from search.workers.executor import Executor
from search.workers.job import Job
from studies.preset import StudyError

VALIDATION_SHARE = 0.25  # of the part to train on
SLOWER = 10  # the learning rate is the model's own, divided by this, unless one is given


def divided(labelled: Labelled, share: float) -> pd.DataFrame:
    """The cases that the model does not know, with their split: `test` is reported on."""
    fitted, reported = parted(labelled, share)
    inner, _ = complete_splits(fitted.assign(split="", patient=whose(fitted)), VALIDATION_SHARE, 0.0)
    return pd.concat([fitted.assign(split=inner["split"]), reported.assign(split="test")]).sort_index()


def store_of_parts(labelled: Labelled, cases: pd.DataFrame, place: Path, progress: StoreProgress) -> Store:
    """Prepared as the model's images are; what was prepared before is taken where it is of these very parts.

    Raises StudyError where it is of others: what has been trained there is, too.
    """
    # What was passed over in the folder is no part of it; the evaluation has said it. What cannot be used belongs to no part.
    read = replace(
        labelled.read,
        cases=labelled.read.cases.loc[cases.index].assign(split=cases["split"]),
        problems=tuple(replace(problem, split="") for problem in labelled.read.problems),
        said=(),
    )
    found = files(list(read.cases["id"]), list(read.cases["path"])) if "path" in read.cases else None
    if is_store(place):
        there = open_store(place)
        if still_holds(there, labelled.source, read, labelled.settings, found):
            return there
        raise StudyError(
            f"{place.parent} was begun with parts of {there.info['source']}, which are not the parts of {labelled.source} asked for now: "
            f"give the new model another --name, or remove {place.parent}"
        )
    rows = [int(row) for row in cases.index]
    make(
        Request(labelled.source, labelled.settings, read, rows, found),
        None,
        place,
        progress,
        strict=False,
        trained_on=False,
    )
    return open_store(place)


def training_of(model: ModelFolder, epochs: int, learning_rate: float | None) -> Training:
    known = {field.name for field in fields(Training)}
    own = {name: value for name, value in model.about["training"].items() if name in known}
    try:
        rate = learning_rate or own.get("learning_rate", Training.learning_rate) / SLOWER
        changed = {
            "epochs": epochs,
            "learning_rate": rate,
            "final_learning_rate": min(own.get("final_learning_rate", Training.final_learning_rate), rate),
            "warmup_epochs": 0.0,
            "schedule": "cosine",
        }
        return Training(**(own | changed))
    except (TypeError, ValueError) as error:  # of a model that somebody wrote by hand
        raise damaged(model.path / ABOUT, f"training: {error}") from None


def fine_tuned(
    labelled: Labelled,
    model: ModelFolder,
    constant_months: float,
    share: float,
    name: str,
    training: Training,
    make_executor: Callable[[], Executor],
    preparing: StoreProgress,
    progress: Progress,
    terms: Terms,
) -> ModelFolder:
    """The new model's folder, beside the old one. Raises StudyError where the set is too small, or the folder is taken."""
    if model.about["ensemble"]:
        one = model.path / MEMBERS / model.about["ensemble"]["members"][0]["name"]
        raise StudyError(
            f"{model.name} is an ensemble, and --fine-tune goes on with one network: name one of its members, as --model {one}"
        )
    cases = divided(labelled, share)
    path = free_beside(model, name or f"{model.name}-fine-tuned")
    path.mkdir(parents=True, exist_ok=True)
    store = store_of_parts(labelled, cases, path / PREPARED, preparing)
    reported, chosen_by = (cases[cases["id"].isin(store.split(split).ids)] for split in ("test", "validation"))
    job = Job(
        number=0,
        architecture=model.architecture,
        training=training,
        seed=int(model.about["seed"]),
        store=store.path,
        data=store.digest,
        image_px=store.image_px,
        folder=path,
        deterministic=terms.deterministic,
        test=True,
        keep=True,
        tells_steps=True,
        start=model.network.resolve(),
        start_digest=digest_of_file(model.network),
    )
    facts = {
        "made_from": made_from(model),
        **gone_on(model.about, FINE_TUNED, data_of(store) | {"source": of_what(labelled)}),
        "fine_tuning": {
            "source": labelled.source,
            "trained_on": len(store.split("train")),
            "reported_on": len(reported),
            "validation_mae_before": float((chosen_by["predicted_months"] - chosen_by["age_months"]).abs().mean()),
            "before": measured(reported, constant_months),
            "coverage_before": covered_by(reported, model),
        },
    }
    seen = together(labelled.known, films_of_store(store))
    origin = Origin(
        f"{model.name}, trained on with {labelled.source.rstrip('/').rpartition('/')[2]}", model, facts, seen
    )
    carried_out(job, store, origin, False, lambda: None, make_executor, progress, terms)
    return open_folder(path, whole=True)
