"""Who runs a study: one leader at a time, on one machine or on several that share the run's folder.

The lease is a file with its owner's token, which is new with every leader, and what is known of the owner. A leader that
finds another's token has lost the study, however that came: it slept, and somebody took over. It stops before it writes
anything more (`Lease.check`; in the database `search/storage/fence.py` asks the same question).

Whether an owner is gone is seen in two ways. On one machine, whatever it is called at the time, a lock on the file tells:
the system takes it back with the process, however that ends. For an owner on another machine, where a shared file system
may not carry locks, the file is watched: one that goes on being refreshed has a living owner. Clocks are never compared.

Whoever takes the lease puts a new file in the old one's place, so that an owner from before refreshes a file that nobody reads.
"""

import errno
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TextIO

from studies.preset import StudyError

REFRESH_SECONDS = 10.0
# Of silence from another machine's owner, before it is taken for gone: a leader that waits for its database is silent
# for patience.PATIENCE_SECONDS.
WATCH_SECONDS = 150.0
SILENT_SECONDS = 900.0  # since which an owner on another machine is shown as gone; nothing is taken from it for that
LOOK_SECONDS = 5.0  # between two looks of a worker whether its leader has lost the lease, while it trains an epoch
STUDY = "study"  # the kind of work whose commands know --take-over
HELD = (errno.EACCES, errno.EAGAIN)  # what a lock says that another process has


@dataclass(frozen=True)
class Owner:
    host: str
    process: int
    started: str  # local time, for people
    refreshed: int = 0  # counts up
    token: str = ""  # empty, as all that follows, in leases of earlier versions
    machine: str = ""  # the id of its machine's boot
    born: int = 0  # when the process started, in clock ticks since that boot
    folder: str = ""  # of the lease
    after: tuple[str, ...] = ()  # tokens of owners before it that ended without a word, and may stand in the database


class Fenced(StudyError):
    """Another leader has taken over what this one was running."""


def taken_over(what: str, owner: Owner | None) -> Fenced:
    by = (
        f"has been taken over by {who(owner)}"
        if owner
        else "is no longer held by this process: its lease was taken over, or is gone"
    )
    return Fenced(
        f"the {what} {by}; this process stops here. Everything trained so far is kept for the process that continues"
    )


def who(owner: Owner) -> str:
    return f"process {owner.process} on {owner.host}, since {owner.started}"


class Lease:
    def __init__(self, file: TextIO, path: Path, owner: Owner, what: str) -> None:
        self.file, self.path, self.owner, self.what = file, path, owner, what
        self.written = time.monotonic()
        self.stands = False  # whether this owner is named in a database

    def check(self) -> None:
        """Raises Fenced where the lease is another's by now. To be called before every write outside the database."""
        found = read(self.path)
        if found is None or found.token != self.owner.token:
            raise taken_over(self.what, found)

    def refresh(self) -> None:
        """Called often; writes once in REFRESH_SECONDS. Raises Fenced as `check` does."""
        self.check()
        if time.monotonic() - self.written >= REFRESH_SECONDS:
            self.rewrite(replace(self.owner, refreshed=self.owner.refreshed + 1))

    def settle(self) -> None:
        """The database knows this owner, and none before it."""
        self.rewrite(replace(self.owner, after=()))

    def rewrite(self, owner: Owner) -> None:
        self.owner = owner
        write(self.file, owner)
        self.written = time.monotonic()


@contextmanager
def held(
    folder: Path, name: str, watch_seconds: float | None = None, kind: str = STUDY, take_over: bool = False
) -> Iterator[Lease]:
    """The lease on a study, or another kind of work; it is given back however the block ends.

    Raises StudyError where its owner is alive, or cannot be seen to be gone, naming it; with `take_over` it is taken from
    that one all the same.
    """
    path, what = folder / f"{name}.lease", f"{name} {kind} in {folder}"
    with locked(path) as (old, lock):
        before = read(path)
        seconds = WATCH_SECONDS if watch_seconds is None else watch_seconds
        if not take_over and not may_be_taken(path, before, lock, seconds):
            raise refused(what, before, kind)
        with locked(path.with_name(f"{path.name}.part")) as (file, ours):
            if ours is False:
                raise refused(what, read(path), kind)  # another takes it over at this moment
            owner = new_owner(folder, read(path))  # perhaps another took it over just now
            write(file, owner)
            os.replace(file.name, path)
            old.close()
            lease = Lease(file, path, owner, what)
            try:
                yield lease
            finally:
                with suppress(OSError):  # on network storage, of a file that another has replaced
                    write(file, gone(lease.owner) if lease.stands or lease.owner.after else None)


@contextmanager
def locked(path: Path) -> Iterator[tuple[TextIO, bool | None]]:
    """The file, which is made if need be, and whether its lock was free and is ours now; None where there are no locks."""
    while True:
        with path.open("a+", encoding="utf-8") as file:
            lock = lock_on(file)
            if lock is False or is_at(path, file):
                yield file, lock
                return
        # Another file was put in its place meanwhile.


def lock_on(file: TextIO | int, kind: int = fcntl.LOCK_EX) -> bool | None:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in HELD else None
    return True


def is_at(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def may_be_taken(path: Path, before: Owner | None, lock: bool | None, watch_seconds: float) -> bool:
    """Whether nobody holds it, or its owner is seen to be gone."""
    if lock is False:
        return False
    if before is None or not before.process or (lock and was_here(before) and not lives_here(before)):
        return True
    return not goes_on(path, before, watch_seconds)


def is_held(folder: Path, name: str) -> bool:
    """Whether a leader runs it, as far as one look shows: for those who only read. Nothing is changed, and nobody waited for.

    An owner on another machine is believed as long as its file is young; the two clocks may differ by SILENT_SECONDS.
    """
    path = folder / f"{name}.lease"
    owner = read(path)
    if owner is not None and owner.process and not was_here(owner):
        return time.time() - path.stat().st_mtime < SILENT_SECONDS
    return (owner is not None and lives_here(owner)) or may_lock(path) is False


def read_lease(folder: Path, name: str) -> Owner | None:
    return read(folder / f"{name}.lease")


def may_lock(path: Path) -> bool | None:
    """Whether the lock on the file was to be had for a moment, whatever name this machine has in its container; False: a process has it;
    None: nobody can say, as on a disk that knows no locks."""
    try:
        with path.open(encoding="utf-8") as file:
            return lock_on(file, fcntl.LOCK_SH)
    except OSError as error:
        return False if error.errno in HELD else None


def has_ended_here(owner: Owner, file: str) -> bool:
    """Whether it ran on this machine, and neither its process nor its lock is left. That its lease is still where it was says that
    the lock is looked for in the right place."""
    path = Path(owner.folder) / file
    found = read(path)
    same = found is not None and found.token == owner.token
    return same and was_here(owner) and not lives_here(owner) and may_lock(path) is True


def was_here(owner: Owner) -> bool:
    """Whether it ran on this machine, since it was last started and under whatever name, so that its lock would be seen."""
    return owner.machine == machine() if owner.machine else owner.host == os.uname().nodename


def lives_here(owner: Owner) -> bool:
    return owner.born > 0 and owner.born == born(owner.process)


def machine() -> str:
    """The id of this machine's boot, which containers on it share; empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def born(process: int) -> int:
    """When a process of this machine started, in clock ticks since the boot; 0 where there is no such process."""
    try:
        return int(
            Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        )
    except (OSError, ValueError, IndexError):
        return 0


def new_owner(folder: Path, before: Owner | None) -> Owner:
    return Owner(
        os.uname().nodename,
        os.getpid(),
        time.strftime("%Y-%m-%d %H:%M:%S"),
        token=secrets.token_hex(8),
        machine=machine(),
        born=born(os.getpid()),
        folder=str(folder.resolve()),
        after=tuple(filter(None, (*before.after, before.token))) if before else (),
    )


def gone(owner: Owner) -> Owner:
    """What its lease says once it has ended and the database may still name it, or one before it: nobody holds the lease, and
    whoever takes it next may take the study there."""
    return replace(owner, process=0, born=0, token="", after=(*owner.after, owner.token))


def refused(what: str, owner: Owner | None, kind: str) -> StudyError:
    by = who(owner) if owner and owner.process else "another process"
    sleeps = "; if that process sleeps or is gone, add --take-over to continue without it" if kind == STUDY else ""
    return StudyError(f"the {what} is being run by {by}; wait for it, stop it, or use another --run-dir{sleeps}")


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
        return owner_of(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def owner_of(written: str | None) -> Owner | None:
    """From its JSON; None where that is of nobody."""
    try:
        values = json.loads(written or "")
        known = {field.name: values[field.name] for field in fields(Owner) if field.name in values}
        return Owner(**known | {"after": tuple(values.get("after", ()))})
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None


def write(file: TextIO, owner: Owner | None) -> None:
    file.seek(0)
    file.truncate()
    if owner:
        file.write(json.dumps(asdict(owner)) + "\n")
    file.flush()


def superseded(path: Path | None, token: str) -> bool:
    """Whether a worker's leader has lost its lease: another's token stands there. A file that cannot be read says nothing."""
    found = read(path) if path else None
    return found is not None and found.token != token
