"""The Optuna storage of a run: any SQLAlchemy URL, SQLite in the run's folder by default.

SQLite gets a write-ahead log, so that the dashboard reads while a search writes, and BEGIN IMMEDIATE, so that two
processes cannot both believe that they changed a row; a lock is waited for up to a minute.
"""

import logging
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

BUSY_SECONDS = 60


class StorageError(ValueError):
    """A storage that cannot be used; the message says why and what to do."""


def sqlite_url(path: Path) -> str:
    """With what has a meaning in a URL quoted: a folder may be named a?b."""
    return f"sqlite:///{quote(str(path.resolve()))}"


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL; None for other databases, and for what is no URL."""
    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def open_storage(url: str) -> RDBStorage:
    """Raises StorageError where the URL is no database, or the database is another program's."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):  # ValueError: a port that is no number
        got = "" if "@" in url else f"; got {url!r}"  # may hold a password
        raise StorageError(f"--storage takes an SQLAlchemy URL, as sqlite:///runs/x/studies.db{got}") from None
    shown = parsed.set(query={}).render_as_string(hide_password=True)  # a query may hold a password too
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and parsed.database in (None, "", ":memory:"):
        raise StorageError("a database in memory cannot be continued; name a file, as sqlite:///runs/x/studies.db")
    if is_sqlite and parsed.database:
        refuse_foreign(Path(parsed.database))
    try:
        storage = RDBStorage(url, engine_kwargs=engine_options(is_sqlite))
        if is_sqlite:
            sqlalchemy.event.listen(storage.engine, "connect", on_connect)
            sqlalchemy.event.listen(storage.engine, "begin", on_begin)
            storage.engine.dispose()  # the connections made before know nothing of these
        return storage
    except ImportError as error:
        raise StorageError(f"{shown} needs a database driver that is not installed: {error}") from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise StorageError(f"{shown} cannot be opened: {str(error).splitlines()[0]}") from None
    except RuntimeError as error:  # Optuna's word for a schema of another version
        raise StorageError(f"{shown} was made by another version of Optuna: {str(error).splitlines()[0]}") from None


def engine_options(is_sqlite: bool) -> dict[str, Any]:
    return {"connect_args": {"timeout": BUSY_SECONDS}} if is_sqlite else {"pool_pre_ping": True}


def on_connect(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver's own implicit BEGIN would come before ours
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def refuse_foreign(path: Path) -> None:
    """Optuna would add its tables to whatever SQLite file it is given."""
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
    except sqlite3.DatabaseError as error:
        raise StorageError(
            f"{path} is no SQLite database ({error}); name another with --storage or --run-dir"
        ) from None
    if tables and not {"studies", "trials", "alembic_version"} <= tables:
        raise StorageError(f"{path} is the database of another program; name another with --storage or --run-dir")
