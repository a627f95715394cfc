"""The wish to stop a search: Ctrl-C, or SIGTERM as a cluster sends before it takes a machine away.

Once: the running trials finish their epoch, leave a checkpoint, and the search ends. Twice: it ends now. The handler only
takes note, since it may run in the middle of anything; the leader looks at the note.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Wish:
    signal = 0  # the number of the first one; 0 while nobody wants to stop


class Stopped(KeyboardInterrupt):
    """The search has stopped as it was asked to; the same command continues it."""

    def __init__(self, wish: Wish) -> None:
        self.exit_code = 128 + wish.signal


@contextmanager
def heard() -> Iterator[Wish]:
    """In the main thread: signals become a wish, a second one KeyboardInterrupt, until the block ends."""
    wish = Wish()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if wish.signal:
            raise KeyboardInterrupt
        wish.signal = number

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
