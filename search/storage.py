"""The Optuna storage of a run: any SQLAlchemy URL, SQLite in the run's folder by default.

SQLite gets a write-ahead log, so that the dashboard reads while a search writes, and BEGIN IMMEDIATE, so that two
processes cannot both believe that they changed a row. A database that goes away in the middle of a search (a server that
restarts, a file that stays locked) is waited for, and no write is made twice by it.
"""

import logging
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.orm import Session

BUSY_SECONDS = 60  # that one statement waits for SQLite's lock
PATIENCE_SECONDS = 120  # that one call waits for a database that has gone away
QUIET_SECONDS = 2  # before a person is told of it
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between tries; the last again and again
# A server that vanished without a word is noticed within a minute; a URL may say otherwise. libpq's names.
LIBPQ = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
ANSWERED: set[str] = set()  # the URLs that this process has opened

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class StorageError(ValueError):
    """A storage that cannot be used; the message says why and what to do."""


def sqlite_url(path: Path) -> str:
    """With what has a meaning in a URL quoted: a folder may be named a?b."""
    return f"sqlite:///{quote(str(path.resolve()))}"


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL; None for other databases, and for what is no URL."""
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def shown(url: str) -> str:
    """The URL as messages show it: a query may hold a password too."""
    return sqlalchemy.make_url(url).set(query={}).render_as_string(hide_password=True)


def without_password(url: str) -> str:
    """The URL as a run remembers it; the password is then found elsewhere (~/.pgpass), or asked for by an error."""
    parsed = sqlalchemy.make_url(url)
    query = {name: value for name, value in parsed.query.items() if "password" not in name}
    return parsed.set(query=query)._replace(password=None).render_as_string(hide_password=False)


def reason(error: BaseException, *urls: str) -> str:
    """The first line of what a driver said, without the URLs' passwords, which it may have repeated."""
    said = cause(error)
    text = (str(said.orig if isinstance(said, DBAPIError) else said).splitlines() or [type(said).__name__])[0]
    for secret in (secret for url in urls for secret in secrets(url)):
        text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return text


def secrets(url: str) -> list[str]:
    parsed = sqlalchemy.make_url(url)
    options = [value for name, values in parsed.normalized_query.items() if "password" in name for value in values]
    return [secret for secret in (str(parsed.password or ""), *options) if secret]


def open_storage(url: str) -> RDBStorage:
    """Raises StorageError where the URL is no database, or the database is another program's.

    A server that does not answer is an error at once when this process names it first, as it may be a mistyped one;
    one that has answered before is waited for.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It warns, with the driver's words, of a connection that broke while trials were read; that is our retry's matter.
    logging.getLogger("optuna.storages._rdb.storage").setLevel(logging.ERROR)
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        got = "" if "@" in url or "password" in url.lower() else f"; got {url!r}"
        raise StorageError(f"--storage takes an SQLAlchemy URL, as sqlite:///runs/x/studies.db{got}") from None
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and parsed.database in (None, "", ":memory:"):
        raise StorageError("a database in memory cannot be continued; name a file, as sqlite:///runs/x/studies.db")
    try:
        storage = waiting(lambda: opened(url), url, PATIENCE_SECONDS if is_sqlite or url in ANSWERED else 0)
    except ImportError as error:
        driver = ": pip install 'boneage-search[postgres]'" if parsed.get_backend_name() == "postgresql" else ""
        raise StorageError(f"{shown(url)} needs a database driver that is not installed{driver} ({error})") from None
    except (SQLAlchemyError, StorageInternalError) as error:
        raise StorageError(f"{shown(url)} cannot be opened: {reason(error, url)}") from None
    except RuntimeError as error:  # Optuna's word for a schema of another version
        raise StorageError(f"{shown(url)} was made by another version of Optuna: {reason(error, url)}") from None
    ANSWERED.add(url)
    return storage


def trial_counts(storage: RDBStorage, study: str) -> dict[TrialState, int]:
    """How many trials of the named study are in each state, without reading them: there may be many thousands."""
    query = sqlalchemy.text(
        "SELECT trials.state, COUNT(*) FROM trials JOIN studies ON trials.study_id = studies.study_id "
        "WHERE studies.study_name = :study GROUP BY trials.state"
    )

    def read() -> dict[TrialState, int]:
        with storage.engine.connect() as connection:
            return {TrialState[state]: count for state, count in connection.execute(query, {"study": study})}

    return waiting(read, storage.url, PATIENCE_SECONDS)


def opened(url: str) -> "PatientStorage":
    refuse_foreign(url)
    path = sqlite_path(url)
    if path and not path.exists():
        make(path)
    storage = with_tables(url)
    if storage.engine.name == "sqlite":
        sqlalchemy.event.listen(storage.engine, "connect", on_connect)
        sqlalchemy.event.listen(storage.engine, "begin", on_begin)
        storage.engine.dispose()  # the connections made before know nothing of these
    return storage


def make(path: Path) -> None:
    """An SQLite file that appears with all its tables: half of them would be taken for another program's database."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        PatientStorage(sqlite_url(part)).engine.dispose()
        with suppress(OSError):  # another process was first, or the disk knows no links and it is made in its place
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def with_tables(url: str) -> "PatientStorage":
    """Several processes may be making the tables at the same moment; each time one of them gets through."""
    for pause in PAUSES:
        try:
            return PatientStorage(url)
        except (IntegrityError, ProgrammingError):
            time.sleep(pause)
    return PatientStorage(url)


def engine_options(url: str) -> dict[str, Any]:
    parsed = sqlalchemy.make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return {"connect_args": {"timeout": BUSY_SECONDS}}
    libpq = backend == "postgresql" and parsed.get_driver_name() in ("psycopg", "psycopg2")
    arguments = {option: value for option, value in LIBPQ.items() if libpq and option not in parsed.query}
    return {"pool_pre_ping": True, "connect_args": arguments}


def on_connect(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver's own implicit BEGIN would come before ours
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def refuse_foreign(url: str) -> None:
    """Optuna would add its tables to whatever database it is given."""
    path = sqlite_path(url)
    if path and (not path.exists() or path.stat().st_size == 0):
        return
    engine = reading(path) if path else sqlalchemy.create_engine(url, **engine_options(url))
    try:
        tables = set(sqlalchemy.inspect(engine).get_table_names())
    except DBAPIError as error:
        if path is None or isinstance(error, OperationalError):
            raise
        raise StorageError(
            f"{path} is no SQLite database ({error.orig}); name another with --storage or --run-dir"
        ) from None
    finally:
        engine.dispose()
    if tables and not {"studies", "trials", "version_info"} <= tables:
        raise StorageError(
            f"{path or shown(url)} is the database of another program; name another with --storage or --run-dir"
        )


def reading(path: Path) -> sqlalchemy.Engine:
    """An engine that cannot change the file."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    return sqlalchemy.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)
    )


def waiting(call: Callable[[], Result], url: str, patience: float) -> Result:
    """What the call returns, made again for so many seconds while the database is away; then its error."""
    began = time.monotonic()
    said = False
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        try:
            return call()
        except (StorageInternalError, SQLAlchemyError) as error:
            waited = time.monotonic() - began
            if not is_away(error) or waited >= patience:
                raise
            if waited >= QUIET_SECONDS and not said:
                log.warning("%s does not answer: %s; trying for %s s", shown(url), reason(error, url), patience)
                said = True
        time.sleep(pause)
    raise AssertionError("the pauses have no end")


def cause(error: BaseException) -> BaseException:
    """Optuna wraps the errors of its sessions."""
    return error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error


def is_away(error: BaseException) -> bool:
    """Whether the error is of the connection or a lock, and not of what was asked."""
    said = cause(error)
    sqlite_name = getattr(getattr(said, "orig", None), "sqlite_errorname", None)
    if sqlite_name:
        return str(sqlite_name).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    # PendingRollbackError: Optuna asks a second time on a connection that broke while it read trials.
    return isinstance(said, OperationalError | InterfaceError | PendingRollbackError) or (
        isinstance(said, DBAPIError) and said.connection_invalidated
    )


class PatientStorage(RDBStorage):
    """Optuna's storage, whose calls are made again when the database has gone away.

    Every call is one transaction. If its connection breaks before the commit, nothing has happened, and the call is
    simply made again. If it breaks during the commit, nobody can say which; then a second time must do no harm:

    - Reads, attributes, intermediate values and parameters say the same a second time: REPEATABLE, below.
    - `create_new_study` then says that there is a study of this name, and `optuna.create_study` loads it.
    - A new trial would be made twice, and a trial's change of state be refused: these two look at what there is. They
      do so behind the lock on the row, which a transaction of the broken connection, if the server is still ending it,
      holds until it has ended.
    - `delete_study` is left as it is: only a person deletes, in the dashboard, and can look and try again.

    SQLite leaves no such doubt: its lock is met at the beginning of a transaction.
    """

    def __init__(self, url: str) -> None:
        """Takes the URL as it is; Optuna's would format it."""
        try:
            super().__init__(url.replace("{", "{{").replace("}", "}}"), engine_kwargs=engine_options(url))
        finally:
            if hasattr(self, "engine"):  # also where the server was gone a moment later
                weakref.finalize(self, self.engine.dispose)  # or its connections are dropped without a goodbye

    def made(self, call: Callable[[], Result]) -> Result:
        """What the call returns. Raises StorageError for what is the database's trouble and not ours."""
        try:
            return waiting(call, self.url, PATIENCE_SECONDS)
        except (StorageInternalError, SQLAlchemyError) as error:
            # OperationalError is by its definition of that kind: a full disk, say.
            if is_away(error) or isinstance(cause(error), OperationalError):
                raise StorageError(
                    f"{shown(self.url)} cannot be used: {reason(error, self.url)}; "
                    "once it can, the same command goes on where this one stopped"
                ) from None
            raise

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """Optuna's own transaction, but a trial of an attempt before this one is taken instead of making another.

        It is known by its id, which a server never gives out again, whatever became of the transaction it was for.
        (Optuna's own method would try five times, each time with a new trial.)
        """
        attempted: list[Any] = []

        def create() -> FrozenTrial:
            with Session(self.engine) as session, session.begin():
                models.StudyModel.find_or_raise_by_id(study_id, session, for_update=True)
                trial = session.get(models.TrialModel, attempted[-1]) if attempted else None
                if trial is None:
                    trial = self._get_prepared_new_trial(study_id, template_trial, session)
                    attempted.append(trial.trial_id)
                return self._build_frozen_trial_from_trial_model(trial)

        return self.made(create)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """As Optuna's, but a trial that is found to have been given this state by an attempt before is no surprise.

        It was ours, as nobody but the study's one leader changes its trials.
        """
        doubtful = False

        def change() -> bool:
            nonlocal doubtful
            before, doubtful = doubtful, self.engine.name != "sqlite"
            try:
                changed = RDBStorage.set_trial_state_values(self, trial_id, state, values)
            except UpdateFinishedTrialError:
                if not before or self.get_trial(trial_id).state != state:
                    raise
                return True
            return changed or (before and self.get_trial(trial_id).state == state)

        return self.made(change)


REPEATABLE = (
    "_get_best_trial_id",
    "_get_stale_trial_ids",
    "_get_trials",
    "_set_trial_param",
    "create_new_study",
    "get_all_studies",
    "get_study_directions",
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_system_attrs",
    "get_study_user_attrs",
    "get_trial",
    "get_trial_id_from_study_id_trial_number",
    "get_trial_param",
    "get_trial_system_attrs",
    "get_trial_user_attrs",
    "record_heartbeat",
    "set_study_system_attr",
    "set_study_user_attr",
    "set_trial_intermediate_value",
    "set_trial_system_attr",
    "set_trial_user_attr",
)  # what the public calls end in, too: Optuna's cache calls these


def repeated(name: str) -> Callable[..., Any]:
    optunas = getattr(RDBStorage, name)

    @wraps(optunas)
    def call(self: PatientStorage, *args: Any, **kwargs: Any) -> Any:
        return self.made(lambda: optunas(self, *args, **kwargs))

    return call


for _name in REPEATABLE:
    setattr(PatientStorage, _name, repeated(_name))
