"""Standard streams that never bring a traceback: closed, in any encoding, their reader gone, on a full disk.

A character that the encoding lacks is written as an escape. A stream that was closed before the start leads nowhere from
then on, so that no file of ours takes its number. A command whose output can be written no longer ends as other programs
do: without a word where the reader has left, as `head` does, else with a sentence. Progress and errors that no disk takes
are dropped: a search is worth more than its log.
"""

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from typing import TextIO

STREAMS = {"stdout": 1, "stderr": 2}


class OutputLost(Exception):
    """A standard stream can be written no longer. No OSError: whoever handles a file's or a pipe's means another one."""

    def __init__(self, name: str, error: OSError) -> None:
        super().__init__(f"standard {'output' if name == 'stdout' else 'error'} cannot be written: {error.strerror}")
        self.reader_left = error.errno == errno.EPIPE
        self.exit_code = 128 + signal.SIGPIPE if self.reader_left else 2


class Output(io.RawIOBase):
    """One of this process' standard streams; after it was lost, whatever is written to it is dropped."""

    def __init__(self, name: str) -> None:
        self.name, self.descriptor, self.lost = name, STREAMS[name], False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def isatty(self) -> bool:
        return os.isatty(self.descriptor)

    def write(self, data: object) -> int:
        given = memoryview(data)  # type: ignore[arg-type]
        while not self.lost:
            try:
                return os.write(self.descriptor, given)
            except BlockingIOError:  # a terminal that another program has set so
                select([], [self.descriptor], [])
            except OSError as error:
                self.lost = True
                if self.name == "stdout" or error.errno == errno.EPIPE:
                    raise OutputLost(self.name, error) from error
        return given.nbytes


@contextmanager
def safe_streams() -> Iterator[None]:
    """Within it `sys.stdout` and `sys.stderr` raise OutputLost where they cannot be written, and are written to the end."""
    for descriptor in (0, *STREAMS.values()):
        open_where_closed(descriptor)
    before = {name: getattr(sys, name) for name in STREAMS}
    for name, stream in before.items():
        setattr(sys, name, rewrapped(name, stream))
    try:
        yield
    finally:
        written = [getattr(sys, name) for name in STREAMS]
        for name, stream in before.items():
            setattr(sys, name, stream)
        for stream in written:
            stream.flush()


def open_where_closed(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        os.set_inheritable(
            os.open(os.devnull, os.O_RDWR), True
        )  # takes the lowest number that is free, which is this one


def rewrapped(name: str, stream: TextIO | None) -> TextIO:
    """The stream with our faults; one that somebody has put there, as a test does, stays as it is."""
    if stream is not None and stream is not getattr(sys, f"__{name}__"):
        return stream
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Output(name)),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",
        line_buffering=stream is not None and (name == "stderr" or stream.line_buffering),
    )
