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

import pytest

from search import lease
from search.lease import held, read
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
