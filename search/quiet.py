"""TensorFlow imported and its devices found, with its libraries' chatter left out.

They print to file descriptor 2 while they load, before any log level applies. A failing import raises, and is seen.
"""

import os


def load_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    terminal, silence = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(silence)
