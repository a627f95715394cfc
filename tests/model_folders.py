"""A trained model's folder as the training leaves it, after a training of seconds."""

import json
from pathlib import Path

from data.store.disk import Store, split_counts
from models import saved
from models.architecture import Architecture
from models.cost import cost
from models.training.feed import feed
from models.training.fit import new_trainer
from models.training.settings import Training
from search.trained.folder import ModelFolder, open_folder


def train_model(folder: Path, store: Store, architecture: Architecture, training: Training) -> ModelFolder:
    """Trains on the store and leaves `model.keras` and `model.json` in `folder`."""
    examples, validation = store.split("train"), store.split("validation")
    trainer = new_trainer(architecture, training, examples, store.image_px, seed=0)
    fed = feed(examples)
    for epoch in range(1, training.epochs + 1):
        trainer.train_epoch(fed, 0, epoch)
    errors = trainer.predict(feed(validation)) - validation.age_months
    folder.mkdir(parents=True)
    saved.save(trainer.model, folder / "model.keras")
    counted, settings = cost(architecture, store.image_px), store.info["settings"]
    about = {
        "name": folder.name,
        "architecture": architecture.to_dict(),
        "preparation": {name: settings[name] for name in ("image_px", "fit", "stretch")},
        "data": {
            "source": store.info["source"],
            "digest": store.digest,
            "counts": split_counts(store.cases),
            "synthetic": store.synthetic,
        },
        "training": {"epochs": training.epochs},
        "seed": 0,
        "best_epoch": training.epochs,
        "params": counted.params,
        "macs": counted.macs,
        "constant_mae": 32.5,
        "validation": metrics(errors),
        "test": None,
        "versions": {"keras": "3"},
        "made": "2026-01-01T00:00:00+00:00",
        "synthetic": store.synthetic,
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1))
    return open_folder(folder)


def metrics(errors) -> dict[str, object]:  # type: ignore[no-untyped-def]
    size = abs(errors)
    return {
        "n": len(errors),
        "mae": float(size.mean()),
        "mae_low": float(size.mean()) - 1,
        "mae_high": float(size.mean()) + 1,
        "rmse": float((errors**2).mean() ** 0.5),
        "median_ae": float(sorted(size)[len(size) // 2]),
        "bias": float(errors.mean()),
        "within_6": float((size <= 6).mean()),
        "within_12": float((size <= 12).mean()),
        "within_24": float((size <= 24).mean()),
        "by_sex": [],
        "by_age": [],
    }
