"""Who may write to a study in a database that several machines reach: the owner that stands there, and whoever may follow it."""

import errno
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import optuna
import pytest
from sqlalchemy.exc import OperationalError

from search import lease
from search.lease import Lease, has_ended_here, held, is_held, read
from search.storage import fence
from search.storage.fence import owning, stored
from search.storage.keys import study_key
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.sqlite import sqlite_url
from studies.preset import StudyError

NAME, ROOT = "3 depth", Path(__file__).parents[1]


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return optuna.create_study(study_name=NAME, storage=open_storage(sqlite_url(tmp_path / "studies.db")))


def again(tmp_path: Path) -> PatientStorage:
    return open_storage(sqlite_url(tmp_path / "studies.db"))


def on(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "machine", lambda: machine)


def owned(study: optuna.Study, lead: Lease, tmp_path: Path, take_over: bool = False) -> None:
    """A leader begins with the study, and ends."""
    with owning(again(tmp_path), study_key(study), NAME, lead, take_over):
        pass


def test_a_folder_of_the_same_name_on_another_machine_is_another_run_and_takes_the_study_only_by_take_over(
    tmp_path: Path, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in containers, each of which has its /work/runs/main."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    on("a", monkeypatch)
    with held(ours, "depth") as first, owning(storage := again(tmp_path), study_key(study), NAME, first):
        on("b", monkeypatch)
        with held(theirs, "depth") as second:
            second.owner = lease.replace(second.owner, folder=first.owner.folder)
            with pytest.raises(StudyError, match=r"is being run by process .*--take-over"):
                owned(study, second, tmp_path)
            storage.set_study_user_attr(study_key(study), "still", "ours")
            owned(study, second, tmp_path, take_over=True)
            with pytest.raises(lease.Fenced, match=r"taken over|no longer held"):
                storage.set_study_user_attr(study_key(study), "still", "ours?")


def test_where_the_database_was_away_at_the_end_the_folders_next_leader_goes_on_on_any_machine(
    tmp_path: Path, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after one between them, which came to an end before it had asked the database."""
    folder = tmp_path / "shared"
    folder.mkdir()

    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception("the database is away"))

    on("a", monkeypatch)
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(fence, "give_back", away)
        with held(folder, "depth") as first, owning(again(tmp_path), study_key(study), NAME, first):
            raise KeyboardInterrupt
    left = read(folder / "depth.lease")
    assert left is not None
    assert first.owner.token in left.after
    assert not is_held(folder, "depth")

    on("b", monkeypatch)
    monkeypatch.setattr(lease, "goes_on", lambda *_: pytest.fail("nobody is to be watched: it has ended"))
    with suppress(KeyboardInterrupt), held(folder, "depth"):
        raise KeyboardInterrupt
    with held(folder, "depth") as third:
        owned(study, third, tmp_path)
        with again(tmp_path).engine.connect() as connection:
            assert stored(connection, study_key(study)) == fence.NOBODY
    assert read(folder / "depth.lease") is None


KILLED = """
import os, sys
from pathlib import Path
import optuna
from search.lease import held
from search.storage.fence import owning
from search.storage.keys import study_key
from search.storage.opening import open_storage
storage = open_storage(sys.argv[1])
study = optuna.load_study(study_name=sys.argv[2], storage=storage)
with held(Path(sys.argv[3]), "depth") as lease, owning(storage, study_key(study), sys.argv[2], lease):
    print("leads", flush=True)
    sys.stdin.read(1)
    os.kill(os.getpid(), 9)
"""


def no_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def test_a_copy_goes_on_without_a_word_once_the_leader_it_was_copied_from_was_killed_on_this_machine_and_not_before(
    tmp_path: Path, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process and its lock are looked for, in its own folder. Where its lease is no longer there nothing is known of it."""
    ours, copy = tmp_path / "ours", tmp_path / "copy"
    ours.mkdir()
    copy.mkdir()
    command = [sys.executable, "-c", KILLED, sqlite_url(tmp_path / "studies.db"), NAME, str(ours)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdin
        assert leader.stdout
        assert leader.stdout.readline() == "leads\n"
        with held(copy, "depth") as mine, pytest.raises(StudyError, match="is being run by process"):
            owned(study, mine, tmp_path)
        leader.stdin.write("x")
        leader.stdin.flush()
        assert leader.wait(60) == -9

    (ours / "depth.lease").rename(ours / "elsewhere")
    with held(copy, "depth") as mine, pytest.raises(StudyError, match="is being run by process"):
        owned(study, mine, tmp_path)
    (ours / "elsewhere").rename(ours / "depth.lease")
    before = read(ours / "depth.lease")
    assert before
    assert has_ended_here(before, "depth.lease")
    monkeypatch.setattr(
        lease.fcntl, "flock", no_locks
    )  # a disk that knows none: another container's process is not seen either
    assert not has_ended_here(before, "depth.lease")
    monkeypatch.undo()
    with held(copy, "depth") as mine:
        owned(study, mine, tmp_path)
