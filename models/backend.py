"""Keras and TensorFlow, imported as this program needs them: every other file takes them from here.

Keras reads its settings while it is imported: variables KERAS_... of the shell, then `~/.keras/keras.json`. They may belong to
other programs on the machine: another backend, channels first, float64, or no JSON at all. TensorFlow imports Keras. So
nothing of the user's settings is left while these two are imported, and everything is afterwards as it was.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

BACKEND, FLOATX, EPSILON, DATA_FORMAT = "tensorflow", "float32", 1e-7, "channels_last"
NO_FOLDER = os.path.join(os.devnull, "keras")  # can hold no keras.json, and nobody can make it


@contextmanager
def own_settings() -> Iterator[None]:
    """While Keras is imported: what it reads of the environment is ours."""
    theirs = {name: os.environ.pop(name) for name in list(os.environ) if is_setting(name)}
    os.environ |= {"KERAS_BACKEND": BACKEND, "KERAS_HOME": NO_FOLDER}
    try:
        yield
    finally:
        del os.environ["KERAS_BACKEND"], os.environ["KERAS_HOME"]
        os.environ |= theirs


def is_setting(variable: str) -> bool:
    return variable.startswith("KERAS_") or variable == "TF_USE_LEGACY_KERAS"


with own_settings():
    import keras as keras

    if keras.config.backend() != BACKEND:  # somebody else has imported it in this process
        raise ImportError(
            f"this process has imported Keras with the backend {keras.config.backend()}, and the networks here need {BACKEND}: "
            f"import models.backend before keras, or set KERAS_BACKEND={BACKEND}"
        )
    import tensorflow as tf

# Whoever has imported Keras earlier in this process had the user's settings.
keras.config.set_floatx(FLOATX)
keras.config.set_epsilon(EPSILON)
keras.config.set_image_data_format(DATA_FORMAT)

__all__ = ["keras", "tf"]
