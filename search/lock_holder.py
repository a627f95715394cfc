"""Which process holds a lock on a file, as SQLite takes it, where the system tells: Linux, a process that this user may look into."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from data.shown import one_line

LOCKS = Path("/proc/locks")
STOPPED = ("T", "t")  # the state of a process that Ctrl-Z or a debugger stopped; it keeps its locks


def holder(*files: Path) -> str:
    """In words, of a lock for writing on one of the files; empty where no other process has one."""
    for process in writers(files):
        with suppress(OSError, IndexError):
            name, state = name_and_state(process)
            told = f"process {process} ({one_line(name)})"
            return f"{told}, which is stopped: `kill -CONT {process}` wakes it" if state in STOPPED else told
    return ""


def writers(files: tuple[Path, ...]) -> Iterator[int]:
    paths, lines = {}, []
    for file in files:
        with suppress(OSError):
            paths[str(file.stat().st_ino)] = str(file.resolve())
    with suppress(OSError):
        lines = LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    for line in lines:
        # 1: POSIX ADVISORY WRITE 4711 08:01:131073 120 120; one that waits for a lock has an arrow after the number.
        match line.split():
            case [_, "POSIX", _, "WRITE", process, place, _, _]:
                path = paths.get(place.rpartition(":")[2])
                # An inode's number means something on one disk only, and disks have other numbers in a container.
                if path and int(process) != os.getpid() and has_open(int(process), path):
                    yield int(process)


def has_open(process: int, path: str) -> bool:
    with suppress(OSError):
        return any(os.readlink(link) == path for link in Path(f"/proc/{process}/fd").iterdir())
    return False


def name_and_state(process: int) -> tuple[str, str]:
    before, _, after = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    return before.partition("(")[2], after.split()[0]
