"""A trained network as one `.keras` file: stock Keras layers alone, so that reading it runs nobody's code."""

import os
from pathlib import Path

from models.backend import keras

from models.training.batch_norm import stock


def save(model: keras.Model, path: Path) -> None:
    """Written beside and renamed when whole."""
    part = path.with_suffix(".part.keras")
    try:
        stock(model).save(part)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def load(path: Path) -> keras.Model:
    """The network, uncompiled. Keras' safe mode refuses a file that holds code."""
    return keras.saving.load_model(path, compile=False, safe_mode=True)
