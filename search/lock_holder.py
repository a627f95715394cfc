"""Finds the process that holds SQLite's lock for writing. It works on Linux, for processes that this user may look into."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from data.shown import one_line

LOCKS = Path("/proc/locks")
STOPPED = ("T", "t")  # the state of a process that Ctrl-Z or a debugger stopped; it keeps its locks
WAL_WRITER = 120  # the byte of the shared memory that a writer locks; others are locked by checkpoints and, for a moment, readers


def holder(database: Path, memory: Path) -> str:
    """In words; empty where no other process is found. `memory` is the file that SQLite has beside one with a write-ahead log."""
    found = sorted(told(database, memory), key=lambda each: not each[0])
    return found[0][1] if found else ""


def told(database: Path, memory: Path) -> Iterator[tuple[bool, str]]:
    """Whether a process that holds the lock is stopped, and what to say of it."""
    for process in writers(database, memory):
        with suppress(OSError, IndexError):
            name, state = name_and_state(process)
            said = f"process {process} ({one_line(name)})"
            stopped = state in STOPPED
            yield stopped, said + (f", which is stopped: `kill -CONT {process}` wakes it" if stopped else "")


def writers(database: Path, memory: Path) -> Iterator[int]:
    paths, lines = {}, []
    for file in (database, memory):
        with suppress(OSError):
            paths[str(file.stat().st_ino)] = str(file.resolve())
    with suppress(OSError):
        lines = LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    for line in lines:
        # 1: POSIX ADVISORY WRITE 4711 08:01:131073 120 120; one that waits for a lock has an arrow after the number.
        match line.split():
            case [_, "POSIX", _, "WRITE", process, place, first, last]:
                path = paths.get(place.rpartition(":")[2])
                if path is None or int(process) == os.getpid():
                    continue
                if path == str(memory.resolve()) and not int(first) <= WAL_WRITER <= end(last):
                    continue
                # An inode's number means something on one disk only, and disks have other numbers in a container.
                if has_open(int(process), path):
                    yield int(process)


def end(last: str) -> float:
    return float("inf") if last == "EOF" else int(last)


def has_open(process: int, path: str) -> bool:
    with suppress(OSError):
        return any(os.readlink(link) == path for link in Path(f"/proc/{process}/fd").iterdir())
    return False


def is_stopped(process: int) -> bool:
    with suppress(OSError, IndexError):
        return name_and_state(process)[1] in STOPPED
    return False


def name_and_state(process: int) -> tuple[str, str]:
    before, _, after = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    return before.partition("(")[2], after.split()[0]
