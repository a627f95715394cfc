"""Where a run's studies would be kept here, and whether that place can be used: tried, not guessed."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from search.output.typed import RUNS
from search.storage.sqlite import FILE, StorageError, own_url
from search.workers.local import asked_of_a_worker


def studies_kept(folder: Path, url: str = "") -> str:
    """In words. Raises StorageError where no study could be kept there; nothing is left behind."""
    from search.storage.opening import refuse_unreachable, sqlite_path
    from search.storage.patience import shown

    if not url:
        below = folder / RUNS
        return tried(below if below.is_dir() else folder)
    refuse_unreachable(url)
    path = sqlite_path(url)
    return tried(path.parent) if path else f"{shown(url)}: it answers, and holds no other program's tables"


def tried(folder: Path) -> str:
    """A database is made there, written to, and locked against another process."""
    from search.storage.opening import open_storage

    try:
        with TemporaryDirectory(prefix=".doctor-", dir=folder) as scratch:
            storage = open_storage(own_url(Path(scratch)))
            try:
                with storage.engine.begin() as connection:  # which takes the lock for writing
                    journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
                    both = asked_of_a_worker(takes_the_lock, str(Path(scratch) / FILE))
            finally:
                storage.engine.dispose()
    except OSError as error:
        raise StorageError(f"no database can be made in {folder.resolve()} ({error.strerror})") from None
    if both:
        raise StorageError(
            f"the disk of {folder.resolve()} does not lock files: two processes wrote to one SQLite database at once"
        )
    locked = "another process asked for its lock, and did not get it" if both is False else "its lock was not tried"
    return f"SQLite in the run's folder: made and opened in {folder.resolve()}, journal {journal}; {locked}"


def takes_the_lock(path: str) -> bool:
    """In another process than the one that holds it."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True
