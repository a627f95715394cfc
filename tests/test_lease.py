"""Who runs a study: seen on this machine by the lock, from another by the file's being refreshed."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from subprocess import PIPE

import pytest

from search import lease
from search.lease import Fenced, held, read, superseded
from studies.preset import StudyError

HOLD = "import sys, time; from pathlib import Path; from search.lease import held\nwith held(Path(sys.argv[1]), 'depth'):\n    print('held', flush=True)\n    time.sleep(60)"


def test_a_living_owner_is_named_and_respected(tmp_path: Path) -> None:
    with (
        held(tmp_path, "depth"),
        pytest.raises(StudyError, match=rf"depth study .* run by process {os.getpid()} on \S+, since 20\d\d-"),
        held(tmp_path, "depth"),
    ):
        raise AssertionError("two leaders hold one study")


def test_studies_of_one_run_are_held_each_by_itself(tmp_path: Path) -> None:
    with held(tmp_path, "depth"), held(tmp_path, "width"):
        owners = {name: read(tmp_path / f"{name}.lease") for name in ("depth", "width")}
        assert {name: owner and owner.process for name, owner in owners.items()} == dict.fromkeys(owners, os.getpid())
        with pytest.raises(StudyError), held(tmp_path, "width"):
            pass


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        with pytest.raises(StudyError, match=f"process {owner.pid}"), held(tmp_path, "depth"):
            pass
        owner.send_signal(signal.SIGKILL)
        owner.wait(10)

    began = time.monotonic()
    with held(tmp_path, "depth"):
        assert time.monotonic() - began < 1


def elsewhere(folder: Path, refreshed: int) -> None:
    owner = {"host": "another-machine", "process": 1, "started": "2020-01-01 00:00:00", "refreshed": refreshed}
    part = folder / "part"
    part.write_text(json.dumps(owner))
    os.replace(part, folder / "depth.lease")


def test_an_owner_on_another_machine_that_refreshes_is_alive_however_old_its_clock(tmp_path: Path) -> None:
    """Its lock is not seen here; the file was last written in 2020, as far as anyone's clock says."""
    ended = threading.Event()

    def refresh() -> None:
        for refreshed in range(1, 1000):
            elsewhere(tmp_path, refreshed)
            os.utime(tmp_path / "depth.lease", (1_577_836_800, 1_577_836_800))
            if ended.wait(0.05):
                return

    elsewhere(tmp_path, 0)
    other = threading.Thread(target=refresh)
    other.start()
    try:
        with (
            pytest.raises(StudyError, match="run by process 1 on another-machine"),
            held(tmp_path, "depth", watch_seconds=5),
        ):
            raise AssertionError("taken from a living owner")
    finally:
        ended.set()
        other.join()


def test_an_owner_on_another_machine_that_is_silent_is_gone(tmp_path: Path) -> None:
    elsewhere(tmp_path, 7)

    with held(tmp_path, "depth", watch_seconds=0.5):
        owner = read(tmp_path / "depth.lease")
        assert owner is not None
        assert owner.process == os.getpid()
    assert read(tmp_path / "depth.lease") is None


def test_a_lease_is_refreshed_by_counting_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "REFRESH_SECONDS", 0.0)
    with held(tmp_path, "depth") as mine:
        for _ in range(3):
            mine.refresh()
        owner = read(tmp_path / "depth.lease")
        assert owner is not None
        assert owner.refreshed == 3


def test_a_half_written_lease_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "depth.lease").write_text('{"host": "x"')

    with held(tmp_path, "depth"):
        assert re.search(r'"process": \d+', (tmp_path / "depth.lease").read_text())


def test_a_lease_is_given_back_also_where_the_work_ends_with_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), held(tmp_path, "depth"):
        raise KeyboardInterrupt

    assert read(tmp_path / "depth.lease") is None


def renamed(file: Path, **changes: object) -> None:
    """The lease as an owner with these differences would have left it, in a file of its own."""
    part = file.with_name("part")
    part.write_text(json.dumps(json.loads(file.read_text()) | changes))
    os.replace(part, file)


@pytest.mark.parametrize(
    ("changes", "watched"),
    [
        ({"host": "a-name-of-before"}, False),  # a container that was started again: the lock and the boot tell
        ({"host": "a-name-of-before", "process": os.getpid(), "born": 1}, False),  # its number is another's by now
        ({"machine": "another boot"}, True),  # another machine of the same name, or this one before it was started anew
        ({"process": os.getpid(), "born": lease.born(os.getpid())}, True),  # it lives, though its lock is not seen
    ],
)
@pytest.mark.slow
def test_an_owner_that_was_killed_is_watched_only_where_its_lock_would_not_be_seen(
    tmp_path: Path, changes: dict[str, object], watched: bool
) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        owner.send_signal(signal.SIGKILL)
    renamed(tmp_path / "depth.lease", **changes)

    began = time.monotonic()
    with held(tmp_path, "depth", watch_seconds=3.0):
        assert (time.monotonic() - began >= 3.0) == watched


def test_an_owner_that_only_sleeps_keeps_its_lease_until_it_is_taken_over(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        owner.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(StudyError, match="--take-over"), held(tmp_path, "depth"):
                pass
            with held(tmp_path, "depth", take_over=True) as mine:
                mine.check()
                with pytest.raises(StudyError, match=f"process {os.getpid()}"), held(tmp_path, "depth"):
                    pass
        finally:
            owner.kill()


def test_an_owner_that_was_taken_over_finds_out_and_writes_nothing_over_the_new_ones_lease(tmp_path: Path) -> None:
    with held(tmp_path, "depth") as old:
        with held(tmp_path, "depth", take_over=True) as new:
            with pytest.raises(Fenced, match=f"taken over by process {os.getpid()}"):
                old.refresh()
            old.rewrite(old.owner)  # what it was about to write when it fell asleep
            new.check()
        with pytest.raises(Fenced):
            old.check()
    with held(tmp_path, "depth"):
        pass


@pytest.mark.slow
def test_of_processes_that_begin_or_take_over_at_one_moment_one_holds_the_lease(tmp_path: Path) -> None:
    """Each that believes it has it checks a moment later; what they print is who still had it."""
    race = (
        "import sys, time; from pathlib import Path; from search.lease import held\n"
        "folder, take_over = Path(sys.argv[1]), sys.argv[2] == '1'\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with held(folder, 'depth', take_over=take_over) as lease:\n"
        "    time.sleep(2); lease.check(); print('held', flush=True); time.sleep(2)\n"
    )
    racing: dict[str, list[subprocess.Popen[bytes]]] = {}
    for take_over in ("0", "1"):
        folder = tmp_path / take_over
        folder.mkdir()
        racing[take_over] = [
            subprocess.Popen(
                [sys.executable, "-c", race, folder, take_over], stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0
            )
            for _ in range(4)
        ]
    everyone = [process for processes in racing.values() for process in processes]
    assert [process.stdout.readline() for process in everyone if process.stdout] == [b"ready\n"] * len(everyone)
    for process in everyone:
        assert process.stdin
        process.stdin.write(b"\n")
    for take_over, processes in racing.items():
        said = [process.communicate(timeout=60)[0] for process in processes]
        assert sorted(said) == [b"", b"", b"", b"held\n"], take_over


def test_a_workers_leader_is_superseded_only_by_another_token(tmp_path: Path) -> None:
    with held(tmp_path, "depth") as mine:
        assert not superseded(mine.path, mine.owner.token)
        assert superseded(mine.path, "another")
    assert not superseded(tmp_path / "depth.lease", "another")  # given back
    assert not superseded(tmp_path / "missing", "another")
    assert not superseded(None, "")
