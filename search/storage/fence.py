"""One leader writes to a study: its token stands with the study in the database, and every write looks for it first.

The look and the write are one transaction. So a leader that slept while another took over, in whatever folder and on
whatever machine, changes nothing of what that one does: its next write finds another's token and ends it with a sentence.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

import sqlalchemy
from optuna.storages._rdb.models import StudyModel, StudySystemAttributeModel
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from search.lease import Fenced, Lease, has_ended_here, owner_of, taken_over, was_here, who
from search.storage.patience import PatientStorage
from studies.preset import StudyError

KEY = "boneage_search:owner"  # a study's system attribute: its owner; {} while there is none
WRITES = ("INSERT", "UPDATE", "DELETE")
NOBODY = "{}"


@contextmanager
def owning(storage: PatientStorage, study_id: int, name: str, lease: Lease, take_over: bool = False) -> Iterator[None]:
    """While the block runs, the study is the lease's owner's, and all that this storage writes is written for it.

    Raises StudyError where the study is another's who has not given it back, unless that is one whose lease this is now,
    or `take_over` says to take it; Fenced, out of whichever call would write, as soon as another has taken it.
    """

    def guard(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip()[:6].upper() in WRITES:
            look(connection, "look")

    def look(connection: Connection, lock: str = "") -> None:
        found = stored(connection, study_id, lock)
        if found is None:
            raise Fenced(
                f"the study {name!r} was deleted from the database while it ran; its trainings are still in the run's "
                "trials/. Run the same command to start it again"
            )
        owner = owner_of(found)
        if owner is None or owner.token != lease.owner.token:
            raise taken_over(lease.what, owner)

    def look_again() -> None:
        with storage.engine.connect() as connection:
            look(connection)

    lease.stands = True  # whatever becomes of this write
    storage.made(lambda: claim(storage, study_id, name, lease, take_over))
    lease.settle()
    sqlalchemy.event.listen(storage.engine, "before_cursor_execute", guard)
    storage.missing = look_again
    done = False
    try:
        yield
        done = True
    finally:
        storage.missing = None
        sqlalchemy.event.remove(storage.engine, "before_cursor_execute", guard)
        if done:
            storage.made(lambda: give_back(storage, study_id, lease))
        else:  # a database that is away is not waited for: the lease says so to this folder's next leader, which may go on
            with suppress(SQLAlchemyError):
                give_back(storage, study_id, lease)


def stored(connection: Connection, study_id: int, lock: str = "") -> str | None:
    """The owner's row; with the lock `change` for nobody else until the transaction ends, with `look` unchanged so long."""
    model = StudySystemAttributeModel
    chosen = sqlalchemy.select(model.value_json).where(model.study_id == study_id, model.key == KEY)
    found: str | None = connection.scalar(chosen.with_for_update(read=lock == "look") if lock else chosen)
    return found


def claim(storage: PatientStorage, study_id: int, name: str, lease: Lease, take_over: bool) -> None:
    model = StudySystemAttributeModel
    with suppress(IntegrityError), storage.engine.begin() as connection:  # another is just writing the very row
        there = connection.scalar(sqlalchemy.select(StudyModel.study_id).where(StudyModel.study_id == study_id))
        if there and stored(connection, study_id) is None:
            connection.execute(sqlalchemy.insert(model).values(study_id=study_id, key=KEY, value_json=NOBODY))
    with storage.engine.begin() as connection:
        before = owner_of(stored(connection, study_id, "change"))
        lease.check()  # in here: whoever takes the lease from now on takes the study after us
        mine = lease.owner
        known = (mine.token, *mine.after)
        is_ours = (
            before and before.folder == mine.folder and was_here(before)
        )  # every container may have a folder of that name
        may_go_on = take_over or is_ours or (before and has_ended_here(before, lease.path.name))
        if before and before.token not in known and not may_go_on:
            raise StudyError(
                f"the study {name!r} is being run by {who(before)}, with --run-dir {before.folder}; continue it there, or, "
                "if nothing runs there any more, with --take-over"
            )
        change(connection, study_id, json.dumps(asdict(mine)))


def change(connection: Connection, study_id: int, value: str) -> None:
    model = StudySystemAttributeModel
    row = sqlalchemy.update(model).where(model.study_id == study_id, model.key == KEY)
    connection.execute(row.values(value_json=value))


def give_back(storage: PatientStorage, study_id: int, lease: Lease) -> None:
    """Unless it is another's by now."""
    with storage.engine.begin() as connection:
        owner = owner_of(stored(connection, study_id, "change"))
        if owner and owner.token == lease.owner.token:
            change(connection, study_id, NOBODY)
    lease.stands = False
