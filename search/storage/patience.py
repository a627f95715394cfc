"""Calls to a database that may go away in the middle of a search: a server that restarts, a file that stays locked.

It is waited for, and no write is made twice by it. What a driver then says is told without the passwords of its URL.
"""

import json
import logging
import sqlite3
import time
import weakref
from collections.abc import Callable, Container, Mapping, Sequence
from functools import wraps
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy
from optuna.exceptions import OptunaError, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.orm import Session

from data.foreign import reason as words_of
from data.shown import one_line
from search.lock_holder import holder
from search.storage.checked.rows import attributes, trials_in
from search.storage.identity import is_ours
from search.storage.keys import is_missing
from search.storage.sqlite import BUSY_SECONDS, LOCKED, StorageError, beside, read_only, unwritable

PATIENCE_SECONDS = 120  # that one call waits for a database that has gone away
QUIET_SECONDS = 2  # before a person is told of it
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between tries; the last again and again
# A server that vanished without a word is noticed within a minute; a URL may say otherwise. libpq's names.
LIBPQ = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
PAGE = 250  # trials that are read at a time
OF_THE_FILE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN")
OF_THE_SERVER = ("25006", "42501", "53", "57", "58")  # read-only, no right, no room, ended by hand, its system
IDS = "SELECT trial_id FROM trials WHERE study_id = :study_id ORDER BY trial_id"
LAST_KEY = 2**31 - 1  # that the column can hold

Result = TypeVar("Result")
log = logging.getLogger(__name__)


def shown(url: str) -> str:
    """The URL as messages show it: a query may hold a password too."""
    return sqlalchemy.make_url(url).set(query={}).render_as_string(hide_password=True)


def reason(error: BaseException, *urls: str) -> str:
    """The first line of what a driver said, without the URLs' passwords, which it may have repeated."""
    said = cause(error)
    text = (str(said.orig if isinstance(said, DBAPIError) else said).splitlines() or [type(said).__name__])[0]
    for secret in (secret for url in urls for secret in secrets(url)):
        text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return one_line(text) + held_by(error, urls)


def held_by(error: BaseException, urls: Sequence[str]) -> str:
    """Who holds the lock that was met: one that is stopped holds it for ever, and only a person can wake it."""
    if not sqlite_name(error).startswith(LOCKED):
        return ""
    paths = [Path(file) for url in urls if (file := sqlalchemy.make_url(url).database)]
    found = next(filter(None, (holder(path, beside(path, "shm")) for path in paths)), "")
    return f" by {found}" if found else ""


def secrets(url: str) -> list[str]:
    parsed = sqlalchemy.make_url(url)
    options = [value for name, values in parsed.normalized_query.items() if "password" in name for value in values]
    return [secret for secret in (str(parsed.password or ""), *options) if secret]


def engine_options(url: str) -> dict[str, Any]:
    parsed = sqlalchemy.make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        path = Path(parsed.database or "")
        return {"creator": lambda: read_only(path)} if unwritable(path) else {"connect_args": {"timeout": BUSY_SECONDS}}
    libpq = backend == "postgresql" and parsed.get_driver_name() in ("psycopg", "psycopg2")
    arguments = {option: value for option, value in LIBPQ.items() if libpq and option not in parsed.query}
    return {"pool_pre_ping": True, "connect_args": arguments}


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


def sqlite_name(error: BaseException) -> str:
    """SQLite's name of what happened; empty for other databases."""
    return str(getattr(getattr(cause(error), "orig", None), "sqlite_errorname", None) or "")


def sql_state(error: BaseException) -> str:
    """The SQL standard's code of what happened, as psycopg says it; empty for other databases."""
    said = getattr(cause(error), "orig", None)
    return str(getattr(said, "sqlstate", None) or getattr(said, "pgcode", None) or "")


def is_away(error: BaseException) -> bool:
    """Whether the error is of the connection or a lock, and not of what was asked."""
    said = cause(error)
    if name := sqlite_name(error):
        return name.startswith(LOCKED)
    if isinstance(getattr(said, "orig", None), sqlite3.Error):
        return False  # Python's own word of what it read: text that is no UTF-8
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
    - `delete_study` is left: only a person deletes, in the dashboard, and can look and try again.

    SQLite leaves no such doubt: its lock is met at the beginning of a transaction.
    """

    def __init__(self, url: str) -> None:
        """Takes the URL as it is; Optuna's would format it."""
        self.missing: Callable[[], None] | None = None  # says why a record is missing, if it can, by an error of ours
        try:
            super().__init__(url.replace("{", "{{").replace("}", "}}"), engine_kwargs=engine_options(url))
        finally:
            if hasattr(self, "engine"):  # also where the server was gone a moment later
                self.close_at_the_end()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self.close_at_the_end()

    def close_at_the_end(self) -> None:
        """Or its connections are dropped without a goodbye."""
        weakref.finalize(self, self.engine.dispose)

    def made(self, call: Callable[[], Result]) -> Result:
        """What the call returns. Raises StorageError for what is the database's trouble and not ours."""

        def explained() -> Result:
            try:
                return call()
            except KeyError as error:
                if self.missing and is_missing(error):
                    self.missing()  # asks the database, too, which may go away just then
                raise

        try:
            return waiting(explained, self.url, PATIENCE_SECONDS)
        except (StorageInternalError, SQLAlchemyError) as error:
            # OperationalError is by its definition of that kind: a full disk, say.
            names = sqlite_name(error).startswith(OF_THE_FILE) or sql_state(error).startswith(OF_THE_SERVER)
            if is_away(error) or isinstance(cause(error), OperationalError) or names:
                raise StorageError(
                    f"{shown(self.url)} cannot be used: {reason(error, self.url)}; "
                    "when it works again, run the same command to continue where this one stopped"
                ) from None
            raise

    def read(self, call: Callable[[], Result]) -> Result:
        """As `made`; whatever Optuna raises over what it finds is the database's damage, but that a study or trial is missing."""
        try:
            return self.made(call)
        except (StorageError, SQLAlchemyError, OptunaError):
            raise
        except Exception as error:
            if is_missing(error):
                raise
            raise self.damaged(f"a study or trial in it cannot be read: {words_of(error)}") from None

    def damaged(self, how: str) -> StorageError:
        return StorageError(f"{shown(self.url)} is damaged ({how}); restore a copy of it, or use another --run-dir")

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """As Optuna's, but all trials of a study are read by pages, and by the rule of whoever reads without Optuna first.

        While they are read, their rows take ten times the memory of the trials: a gigabyte for 10,000. (Optuna's cache
        asks for all of them once, and then for those it has not seen finished.)
        """

        def read(trial_ids: set[int], newer_than: int) -> list[FrozenTrial]:
            return self.read(lambda: RDBStorage._get_trials(self, study_id, states, trial_ids, newer_than))

        if trial_id_greater_than >= 0:
            return read(included_trial_ids, trial_id_greater_than)
        self.refuse_damaged(study_id)
        ids = [trial_id for (trial_id,) in self.rows(IDS, study_id=study_id)]
        pages = [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]
        # Without a page, too: Optuna's raises where there is no such study.
        return [trial for page in pages or [[]] for trial in read(set(page), LAST_KEY)]

    def refuse_damaged(self, study_id: int) -> None:
        """Raises StudyError. Of others' studies nothing is asked: they may have deleted trials of theirs."""
        if is_ours(name := self.get_study_name_from_id(study_id)):
            trials_in(name, study_id, self.rows)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        def ask() -> list[Any]:
            with self.engine.connect() as connection:
                return list(connection.execute(sqlalchemy.text(statement), values))

        return self.made(ask)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        try:
            return self.read(lambda: RDBStorage.get_study_user_attrs(self, study_id))
        except StorageError:
            attributes(self.get_study_name_from_id(study_id), study_id, self.rows)  # names the one that is damaged
            raise

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """Optuna's own method would try five times, each time with a new trial."""
        return self.create_trials(study_id, [template_trial])[0]

    def create_trials(self, study_id: int, templates: Sequence[FrozenTrial | None]) -> list[FrozenTrial]:
        """All in one transaction; those of an attempt before this one are taken instead of others. They are known by their ids, which
        a server never gives out again, whatever became of the transaction they were for."""
        attempted: list[Any] = []

        def create() -> list[FrozenTrial]:
            with Session(self.engine) as session, session.begin():
                models.StudyModel.find_or_raise_by_id(study_id, session, for_update=True)
                trials = list(filter(None, (session.get(models.TrialModel, key) for key in attempted)))
                if not trials:
                    trials = [self._get_prepared_new_trial(study_id, template, session) for template in templates]
                    attempted[:] = [trial.trial_id for trial in trials]
                return [self._build_frozen_trial_from_trial_model(trial) for trial in trials]

        return self.made(create)

    def set_trial_user_attrs(self, trial_id: int, attributes: Mapping[str, Any]) -> None:
        """All of them in one transaction; Optuna's own call makes one of each, which takes most of a trial's bookkeeping."""
        if not attributes:
            return

        def write() -> None:
            theirs = models.TrialUserAttributeModel
            rows = [
                {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()
            ]
            # The thread's own session: of a trial that has ended Optuna reads, in here, what to say of it. For update: a second
            # attempt waits for the first, whose commit the server may not have ended.
            with _create_scoped_session(self.scoped_session) as session:
                trial = models.TrialModel.find_or_raise_by_id(trial_id, session, for_update=True)
                self.check_trial_is_updatable(trial_id, trial.state)  # type: ignore[arg-type]  # Optuna types columns as such
                session.execute(
                    sqlalchemy.delete(theirs).where(theirs.trial_id == trial_id, theirs.key.in_(attributes))
                )
                session.execute(sqlalchemy.insert(theirs), rows)

        self.made(write)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """As Optuna's, but a trial that is found to have been given this state by an attempt before is no surprise.

        It was ours, as nobody but the study's one leader tells its trials, as a rule; the leader looks at what was told.
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
    "_set_trial_param",
    "create_new_study",
    "get_all_studies",
    "get_study_directions",
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_system_attrs",
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
        asked = self.read if "get_" in name else self.made
        return asked(lambda: optunas(self, *args, **kwargs))

    return call


for _name in REPEATABLE:
    setattr(PatientStorage, _name, repeated(_name))
