"""TensorFlow imported with its libraries' chatter left out.

They print to file descriptor 2 while they load, before any log level applies. A failing import raises, and is seen.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from data.foreign import foreign
from models.training.cards import set_up, visible_gpus


@contextmanager
def quietly() -> Iterator[None]:
    terminal, silence = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(silence)


def load_tensorflow() -> None:
    """For a process that is to use its devices: they are looked for, which says something too."""
    set_up()
    # TensorFlow would take all memory of every card at once, beside a search as well.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # That there is no GPU is only news where there is one.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if visible_gpus() else "3")
    with quietly(), foreign("TensorFlow cannot be imported; install the program again, `make install`"):
        from models.backend import tf

        tf.config.list_physical_devices("GPU")
