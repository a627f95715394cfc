"""Who runs a study: one leader at a time, on one machine or on several that share the run's folder.

The lease is a file with the leader's host, process and start, which it refreshes. On one machine a lock on the file tells
whether its owner lives: the system takes it back with the process, however that ends. For an owner on another machine,
where a shared file system may not carry locks, the file is watched: one that goes on being refreshed has a living owner.
Clocks are never compared.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

from studies.preset import StudyError

REFRESH_SECONDS = 10.0
# Of silence from another machine's owner, before it is taken for gone: a leader that waits for its database is silent
# for patience.PATIENCE_SECONDS.
WATCH_SECONDS = 150.0


@dataclass(frozen=True)
class Owner:
    host: str
    process: int
    started: str  # local time, for people
    refreshed: int = 0  # counts up


class Lease:
    def __init__(self, file: TextIO, owner: Owner) -> None:
        self.file, self.owner, self.written = file, owner, time.monotonic()
        write(file, owner)

    def refresh(self) -> None:
        """Called often; writes once in REFRESH_SECONDS."""
        if time.monotonic() - self.written >= REFRESH_SECONDS:
            self.owner = replace(self.owner, refreshed=self.owner.refreshed + 1)
            write(self.file, self.owner)
            self.written = time.monotonic()


@contextmanager
def held(folder: Path, name: str, watch_seconds: float = WATCH_SECONDS, kind: str = "study") -> Iterator[Lease]:
    """The lease on a study, or another kind of work. Raises StudyError where its owner is alive, naming it."""
    path = folder / f"{name}.lease"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise refused(folder, f"{name} {kind}", read(path)) from None
        before = read(path)
        if before and before.host != socket.gethostname() and goes_on(path, before, watch_seconds):
            raise refused(folder, f"{name} {kind}", before)
        owner = Owner(socket.gethostname(), os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S"))
        yield Lease(file, owner)
        write(file, None)


def refused(folder: Path, what: str, owner: Owner | None) -> StudyError:
    who = f"process {owner.process} on {owner.host}, since {owner.started}" if owner else "another process"
    return StudyError(f"the {what} in {folder} is being run by {who}; wait for it, stop it, or use another --run-dir")


def goes_on(path: Path, before: Owner, watch_seconds: float) -> bool:
    """Whether the file is refreshed while it is watched."""
    until = time.monotonic() + watch_seconds
    while time.monotonic() < until:
        if read(path) != before:
            return True
        time.sleep(min(1.0, watch_seconds / 10))
    return False


def read(path: Path) -> Owner | None:
    """None where nobody holds it; also where it is just being written."""
    try:
        return Owner(**json.loads(path.read_text()))
    except (OSError, TypeError, ValueError):
        return None


def write(file: TextIO, owner: Owner | None) -> None:
    file.seek(0)
    file.truncate()
    if owner:
        file.write(json.dumps(asdict(owner)) + "\n")
    file.flush()
