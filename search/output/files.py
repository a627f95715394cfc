"""The one way in which a file of ours comes to be: written beside its place, synced, renamed when whole.

So a file that exists is whole or what it was before, whoever was killed when, and whatever the disk has said; and what could
not be finished is removed. Text is UTF-8 on every machine; a file name that is no Unicode is written escaped.
"""

import errno
import os
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from data.foreign import AWAY

# What the disk says, whatever file it is said of.
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE)
DAMAGED = (errno.EIO, errno.ESTALE)  # in reading, too
# What is wrong with a place; of a place that nobody named it may be a bug of ours.
OF_A_PLACE = (
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOENT,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENOTEMPTY,
)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
STALE_SECONDS = 3600  # of an unfinished file: whoever wrote it was killed
NAMED = 100  # bytes of a name after something else, so that every disk takes it and what is added to it
LONGEST = 200  # bytes of a name that the unfinished file takes over: a name has at most 255


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Where to write what is to be at `path` once the block has ended; nothing is left where it raises."""
    part = beside(path)
    for older in path.parent.glob(f"{escape(start_of(path))}.*.part"):
        if not older.name[len(start_of(path)) + 1 : -len(".part")].isdecimal():
            continue  # somebody's own
        with suppress(OSError):
            if time.time() - older.stat().st_mtime > STALE_SECONDS:
                older.unlink()
    try:
        yield part
        sync(part)
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(part)):
            error.filename = str(path)  # the name that a person knows; of a full disk there is none
        raise


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    with written(path) as part:
        part.write_bytes(content)


def beside(path: Path) -> Path:
    """Another one for every process."""
    return path.with_name(f"{start_of(path)}.{os.getpid()}.part")


def file_name(words: str) -> str:
    """Part of a file's name, in whatever script: letters and digits stay, what else there is becomes a dash; '' where nothing is left."""
    kept = re.sub(r"[^\w.+-]+", "-", unicodedata.normalize("NFC", words)).strip(".-")
    return kept.encode(errors="replace")[:NAMED].decode(errors="ignore")


def start_of(path: Path) -> str:
    return os.fsdecode(os.fsencode(path.name)[:LONGEST])


def may_be_written(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def sync(path: Path) -> None:
    """To the disk: only now a full one has said so."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def trouble(error: OSError, places: Iterable[Path], advice: str = "") -> str | None:
    """What the disk, or a place that the user named, does not allow, in a sentence; None where it may be a bug of ours.

    `advice` is what to do about a place that may not be written to.
    """
    if error.errno == errno.ENOENT and is_nowhere():
        return "the working directory is no longer there: change to another folder, and run the same command again"
    if error.errno in OF_THE_DISK and error.errno != errno.EROFS:
        where = f" at {error.filename}" if error.filename else ""
        done = "read or written" if error.errno in DAMAGED else "written to"
        return (
            f"the disk could not be {done}{where} ({error.strerror}): make room, or repair the disk, and run the same "
            "command again"
        )
    named = error.filename2 or error.filename
    # Of a connection, which has no file, it may be a bug of ours.
    if error.errno in AWAY and isinstance(named, str | bytes):
        return (
            f"{os.fsdecode(named)} can no longer be reached ({error.strerror}): its disk or share may be away; bring it back, and "
            "run the same command again"
        )
    if error.errno not in (*OF_A_PLACE, errno.EROFS) or not isinstance(named, str | bytes):
        return None
    path = Path(os.path.abspath(os.fsdecode(named)))
    if not any(related(path, Path(os.path.abspath(place))) for place in places):
        return None
    if error.errno in FORBIDDEN:
        return f"{path} cannot be written or read ({error.strerror}): {advice or 'name another place, or ask for permission'}"
    if error.errno == errno.ENOENT:
        return f"{path} does not exist and cannot be made: name another folder, or put back what was moved or removed meanwhile"
    return f"{path} cannot be used as asked ({error.strerror}): name another folder or file"


def is_nowhere() -> bool:
    """Whether the folder that a command was typed in was removed since."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def related(path: Path, place: Path) -> bool:
    """Whether it is in the place, or the place is to be in it."""
    return path.is_relative_to(place) or place.is_relative_to(path)
