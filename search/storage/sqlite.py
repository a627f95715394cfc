"""Where a run's studies are kept, and the plain reading of it: what needs neither Optuna nor, for SQLite, SQLAlchemy.

Importing those takes longer than what `status` has to read. The statements name Optuna's tables as its schema has them.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from data.shown import one_line
from search.lock_holder import holder

FILE = "studies.db"  # in the run's folder, unless --storage says otherwise
BUSY_SECONDS = 60  # that one statement waits for SQLite's lock
LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")  # how SQLite's names begin of what happened where another holds its lock

TABLES = {  # of Optuna's, those that are read
    *("studies", "study_directions", "study_user_attributes", "study_system_attributes", "trials", "trial_params"),
    *("trial_values", "trial_intermediate_values", "trial_user_attributes", "trial_system_attributes"),
}

Rows = Callable[..., list[Any]]  # of a statement with :name placeholders, given their values by name


class StorageError(ValueError):
    """A storage that cannot be used; the message says why and what to do."""


def sqlite_url(path: Path) -> str:
    """With what has a meaning in a URL quoted: a folder may be named a?b."""
    return f"sqlite:///{quote(os.path.realpath(path))}"  # which a link to itself does not end


def own_url(folder: Path) -> str:
    """Of the run in `folder`, where nothing else was said."""
    return sqlite_url(folder / FILE)


@contextmanager
def reading_file(path: Path) -> Iterator[Rows]:
    try:
        with closing(read_only(path)) as connection:
            refuse_damaged(lambda statement: connection.execute(statement).fetchone()[0], path)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            refuse_foreign(tables, os.path.realpath(path))  # as those say who have its URL
            yield lambda statement, **values: connection.execute(statement, values).fetchall()
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be read ({said_of(error, path)}") from None


def said_of(error: sqlite3.Error, path: Path) -> str:
    """What happened, a bracket, and what to do."""
    if not str(getattr(error, "sqlite_errorname", "")).startswith(LOCKED):
        return f"{one_line(str(error))}); name another with --storage or --run-dir"
    found = holder(path, beside(path, "shm"))
    return f"{one_line(str(error))}{f' by {found}' if found else ''}); end the other program, or wait for it, and run the same command again"


def read_only(path: Path) -> sqlite3.Connection:
    """One that cannot change the file, for any thread.

    Of a folder that cannot be written to (another user's, a read-only disk), SQLite reads a database with a write-ahead log only
    when it is told that nothing changes it; which is so where no log is there, as none of a run that has ended is. A log that a
    killed search left is read in a copy.
    """
    if unwritable(path) and log_bytes(path) and not beside(path, "shm").exists():
        return with_log(path)
    address = f"{path.resolve().as_uri()}?mode=ro"
    if unwritable(path) and not log_is_open(path):
        address += "&immutable=1"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def with_log(path: Path) -> sqlite3.Connection:
    """To a copy in memory that has the changes of the log; to read these, SQLite writes beside the database."""
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / FILE
            shutil.copyfile(path, copy)
            shutil.copyfile(beside(path, "wal"), beside(copy, "wal"))
            with closing(sqlite3.connect(copy)) as whole:
                whole.execute("PRAGMA journal_mode = DELETE")  # in memory none is written ahead
                whole.backup(memory)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read ({error.strerror or error}): its last changes stand in {path.name}-wal, and neither its folder nor "
            "that of temporary files can be written to; copy the run to a folder of your own"
        ) from None
    memory.execute("PRAGMA query_only = 1")
    return memory


def unwritable(path: Path) -> bool:
    """Whether a database that exists can be read at best: SQLite writes beside it too."""
    return path.exists() and not (os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK | os.X_OK))


def log_is_open(path: Path) -> bool:
    """Whether changes stand in the write-ahead log alone, or somebody has the database open."""
    log, memory = (beside(path, name) for name in ("wal", "shm"))
    return log.exists() and (memory.exists() or log_bytes(path) > 0)


def log_bytes(path: Path) -> int:
    log = beside(path, "wal")
    return log.stat().st_size if log.exists() else 0


def beside(path: Path, name: str) -> Path:
    """SQLite's own file beside a database."""
    return path.resolve().with_name(f"{path.resolve().name}-{name}")


def refuse_damaged(ask: Callable[[str], Any], path: Path) -> None:
    """By an SQLite connection's answers: all pages and indices fit together, and the last page is whole.

    For what stands in a row no database has a checksum.
    """
    try:
        said = one_line(str(ask("PRAGMA integrity_check(1)")))
    except UnicodeDecodeError:  # it quotes what it found, here a name that is no text
        said = "a name in it is no text"
    if said == "ok" and not log_bytes(path):  # or its last pages may stand in the log yet
        whole = ask("PRAGMA page_count") * ask("PRAGMA page_size")
        said = "ok" if path.stat().st_size >= whole else "its end is missing"
    if said != "ok":
        raise StorageError(
            f"{path} is damaged ({said}): restore a copy of it; `sqlite3 {path} .recover` may read what is left"
        )


def refuse_emptied(path: Path, folder: Path) -> None:
    """SQLite takes an empty file for a new database. Of a run whose folder has trials it is one that has lost everything."""
    if path.exists() and not path.stat().st_size and has_trial_folders(folder):
        raise StorageError(
            f"{path} is empty, although there were trials: restore a copy of it, or use another --run-dir"
        )


def refuse_gone(path: Path, folder: Path) -> None:
    """Of a run whose folder has trials: a search that began again would mix its trials with those that are there."""
    if not path.exists() and has_trial_folders(folder):
        link = f"a link to {os.readlink(path)}, which is not there" if path.is_symlink() else "not there"
        elsewhere = " (not mounted?)" if path.is_symlink() or path.parent.resolve() != folder.resolve() else ""
        raise StorageError(
            f"{path} is {link}{elsewhere}, although there were trials: restore a copy of it, or use another --run-dir"
        )


def has_trial_folders(folder: Path) -> bool:
    return (folder / "trials").is_dir()


def refuse_foreign(tables: set[str], shown: str) -> None:
    """Optuna would add its tables to whatever database it is given, also those that somebody has dropped."""
    if tables and not {"studies", "trials", "version_info"} <= tables:
        raise StorageError(f"{shown} is the database of another program; name another with --storage or --run-dir")
    if tables and (dropped := sorted(TABLES - tables)):
        raise StorageError(
            f"{shown} is damaged (it has no table {', '.join(dropped)}): somebody has changed it; restore a copy of it, or use another --run-dir"
        )
