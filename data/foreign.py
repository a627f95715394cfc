"""The border: what a foreign library raises while it reads one foreign file is that file's fault.

Pillow, pydicom, pandas, openpyxl, h5py and Keras raise what their own parts happen to meet first in a damaged file
(`TypeError`, `zlib.error`, `RuntimeError`, `RecursionError`...); no list of classes is ever complete. So the guard names no
class. It encloses the foreign call alone, and nothing of ours: a bug of ours stays a bug.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.preparation import DataError
from data.shown import one_line

# What it says where the place of the files is away: a share that is no longer there or does not answer, a disk that was pulled out.
AWAY = (
    *(errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
    *(errno.ESHUTDOWN, errno.ECONNABORTED, errno.ECONNRESET, errno.ENODEV),
)
# What the machine says of itself, not of the file: no space, no memory, no more open files, no permission, a place that is away.
SURROUNDINGS = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM, *AWAY)


@contextmanager
def foreign(said: str, fault: type[ValueError] = DataError) -> Iterator[None]:
    """Encloses one call of a foreign library that reads one foreign file.

    `said` is what to say of the file, without the reason: "unreadable: hand.png is no whole image". Whatever the library
    raises becomes `fault` with that sentence and the library's own words; what is our error already passes, and so
    does what the machine says of itself (SURROUNDINGS).
    """
    try:
        yield
    except fault:
        raise
    except OSError as error:
        if error.errno in SURROUNDINGS:
            raise
        raise fault(f"{said} ({reason(error)})") from None
    except Exception as error:
        raise fault(f"{said} ({reason(error)})") from None


def reason(error: Exception) -> str:
    """The library's own words in one line; its class where it has none."""
    return one_line(str(error)) or type(error).__name__


@contextmanager
def reading(path: Path, said: str) -> Iterator[None]:
    """Encloses our own reading of one foreign file: a bad sector under it is its fault, as is what `foreign` makes one.

    What the machine says of itself passes, with the file's name: whoever reads an open file is told none.
    """
    try:
        yield
    except OSError as error:
        if error.errno in SURROUNDINGS:
            error.filename = error.filename or str(path)
            raise
        raise DataError(f"{said} ({error.strerror or reason(error)})") from None
