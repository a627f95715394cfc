"""The Optuna storage of a run: any SQLAlchemy URL, SQLite in the run's folder by default.

SQLite gets a write-ahead log, so that the dashboard reads while a search writes, and BEGIN IMMEDIATE, so that two
processes cannot both believe that they changed a row. What happens to a call whose database goes away: `patience.py`.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from search.storage import patience
from search.storage import sqlite as database
from search.storage.patience import PAUSES, PatientStorage, engine_options, reason, shown, waiting
from search.storage.sqlite import StorageError, sqlite_url

ANSWERED: set[str] = set()  # the URLs that this process has opened


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL; None for other databases, and for what is no URL."""
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def without_password(url: str) -> str:
    """The URL as a run remembers it; the password is then found elsewhere (~/.pgpass), or asked for by an error."""
    parsed = sqlalchemy.make_url(url)
    query = {name: value for name, value in parsed.query.items() if "password" not in name}
    return parsed.set(query=query)._replace(password=None).render_as_string(hide_password=False)


def open_storage(url: str) -> PatientStorage:
    """Raises StorageError where the URL is no database, or the database is another program's.

    A server that does not answer is an error at once when this process names it first, as it may be a mistyped one;
    one that has answered before is waited for.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It warns, with the driver's words, of a connection that broke while trials were read; that is our retry's matter.
    logging.getLogger("optuna.storages._rdb.storage").setLevel(logging.ERROR)
    is_sqlite = checked_url(url).get_backend_name() == "sqlite"
    with in_a_sentence(url):
        storage = waiting(lambda: opened(url), url, patience.PATIENCE_SECONDS if is_sqlite or url in ANSWERED else 0)
    ANSWERED.add(url)
    return storage


def checked_url(url: str) -> sqlalchemy.URL:
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        got = "" if "@" in url or "password" in url.lower() else f"; got {url!r}"
        raise StorageError(f"--storage takes an SQLAlchemy URL, as sqlite:///runs/x/studies.db{got}") from None
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StorageError("a database in memory cannot be continued; name a file, as sqlite:///runs/x/studies.db")
    return parsed


def refuse_unreachable(url: str) -> None:
    """Raises StorageError where no search could keep its studies there. Nothing is made in it."""
    checked_url(url)
    with in_a_sentence(url):
        refuse_foreign(url)


@contextmanager
def in_a_sentence(url: str) -> Iterator[None]:
    """What a database or its driver says of this URL becomes a StorageError."""
    try:
        yield
    except ImportError as error:
        driver = ": pip install '.[postgres]'" if sqlalchemy.make_url(url).get_backend_name() == "postgresql" else ""
        raise StorageError(f"{shown(url)} needs a database driver that is not installed{driver} ({error})") from None
    except (SQLAlchemyError, StorageInternalError) as error:
        raise StorageError(f"{shown(url)} cannot be opened: {reason(error, url)}") from None
    except RuntimeError as error:  # Optuna's word for a schema of another version
        raise StorageError(f"{shown(url)} was made by another version of Optuna: {reason(error, url)}") from None


def opened(url: str) -> PatientStorage:
    refuse_foreign(url)
    path = sqlite_path(url)
    if path and not path.exists():
        refuse_no_folder(url, path)
        make(path)
    storage = with_tables(url)
    if path and not database.unwritable(path):
        sqlalchemy.event.listen(storage.engine, "connect", on_connect)
        sqlalchemy.event.listen(storage.engine, "begin", on_begin)
        storage.engine.dispose()  # the connections made before know nothing of these
    return storage


def refuse_no_folder(url: str, path: Path) -> None:
    if not path.parent.is_dir():
        raise StorageError(
            f"{shown(url)} cannot be opened: there is no folder {path.parent}; make it, or name another place"
        )


def make(path: Path) -> None:
    """An SQLite file that appears with all its tables: half of them would be taken for another program's database."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        PatientStorage(sqlite_url(part)).engine.dispose()
        with suppress(OSError):  # another process was first, or the disk knows no links and it is made in its place
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def with_tables(url: str) -> PatientStorage:
    """Several processes may be making the tables at the same moment; each time one of them gets through."""
    for pause in PAUSES:
        try:
            return PatientStorage(url)
        except (IntegrityError, ProgrammingError):
            time.sleep(pause)
    return PatientStorage(url)


def on_connect(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver's own implicit BEGIN would come before ours
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(
        "PRAGMA synchronous=FULL"
    )  # a trial that has ended outlives a power failure: its checkpoint goes at once


def on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def refuse_foreign(url: str) -> None:
    path = sqlite_path(url)
    if path:
        database.refuse_emptied(path, path.parent)
    database.refuse_foreign(tables_in(url), str(path or shown(url)))


def tables_in(url: str) -> set[str]:
    """The names of a database's tables; none of an SQLite file that is empty, or not there. Nothing is made in it."""
    path = sqlite_path(url)
    if path and (not path.exists() or path.stat().st_size == 0):
        return set()
    engine = (
        sqlalchemy.create_engine("sqlite://", creator=lambda: database.read_only(path))
        if path
        else sqlalchemy.create_engine(url, **engine_options(url))
    )
    try:
        if path:
            with engine.connect() as connection:
                database.refuse_damaged(lambda statement: connection.exec_driver_sql(statement).scalar_one(), path)
        return set(sqlalchemy.inspect(engine).get_table_names())
    except DBAPIError as error:
        if path is None or isinstance(error, OperationalError):
            raise
        raise StorageError(
            f"{path} is not an SQLite database ({error.orig}); name another with --storage or --run-dir"
        ) from None
    finally:
        engine.dispose()
