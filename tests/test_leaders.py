"""Leaders that race for a study, fall asleep and are taken over, on SQLite; test_postgres.py has the same on a server."""

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from leaders import RACES, ROOT, put_to_sleep, states
from optuna.trial import TrialState

from data.store.disk import Store
from search.storage.sqlite import sqlite_url

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("happens", RACES, ids=lambda happens: happens.__name__)
def test_one_leader_at_a_time_writes_to_a_study(
    tmp_path: Path, tiny_store: Store, happens: Callable[[Path, Store, str], None]
) -> None:
    happens(tmp_path, tiny_store, sqlite_url(tmp_path / "shared.db"))


SMALL = shlex.split(
    "ablate --preset demo --data phantom:60 --image-px 40 --stem-pools none --epochs 12 --batch 8 --beta 0.0625 --workers 1 "
    "--blocks mixed0=0,mixed1=0,mixed4=0,mixed5=0,mixed7=0,mixed9=1 --warmup-epochs 0"
)


def command(folder: Path, *further: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "search.cli", *SMALL, "--run-dir", str(folder), *further]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_search_that_sleeps_is_taken_over_and_stops_when_it_wakes(tmp_path: Path) -> None:
    """With real trainings: the worker of the one that sleeps does not sleep, and ends when its leader has lost the study."""
    run = tmp_path / "run"
    with command(run) as old:
        try:
            until = time.monotonic() + 240
            while not list((run / "trials").rglob("epoch-*.npz")) and time.monotonic() < until:
                time.sleep(0.2)
            put_to_sleep(old, sqlite_url(run / "studies.db"))
            with command(run) as refused:
                assert "--take-over" in refused.communicate(timeout=240)[1]
            assert refused.returncode == 2
            with command(run, "--take-over") as new:
                _, said = new.communicate(timeout=400)
            assert new.returncode == 0, said
            before = {path: path.read_bytes() for path in (run / "trials").rglob("*") if path.is_file()}
            old.send_signal(signal.SIGCONT)
            _, said = old.communicate(timeout=120)
        finally:
            old.kill()
    assert old.returncode == 2, said
    assert "Traceback" not in said
    assert re.search(r"taken over by process|no longer held by this process", said)
    assert {path: path.read_bytes() for path in before} == before
    assert set(states(run, sqlite_url(run / "studies.db"))) == {TrialState.COMPLETE}
