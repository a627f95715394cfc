"""Curves that are trained for real, through the command a person types; killed, continued, and replayed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from search.compare.compare import compare, own_seeds
from search.compare.curves import Recorded, read
from search.compare.learner import FOLDER
from search.lease import held
from search.run import open_run
from search.storage.opening import open_storage

pytestmark = pytest.mark.slow
BLOCKS = "mixed0=0,mixed1=0,mixed4=0,mixed5=0,mixed7=0,mixed9=1"
SETTINGS = (
    *("--preset", "miniature", "--data", "phantom:60", "--images", "0", "--image-px", "40", "--stem-pools", "none"),
    *("--blocks", BLOCKS, "--beta", "0.0625", "--width-factors", "1,1.4", "--depth-extra", "0", "--fc-choices", "8"),
    *("--epochs", "2", "--batch", "8", "--max-params", "31k", "--workers", "2", "--deterministic"),
)


def command(name: str, folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "search.cli", name, "--run-dir", str(folder), *SETTINGS, *more]


def run(name: str, folder: Path, *more: str) -> str:
    done = subprocess.run(command(name, folder, *more), capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(folder: Path) -> list[str]:
    path = folder / FOLDER / "curves.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def kill_after(name: str, folder: Path, trainings: int, *more: str) -> None:
    """SIGKILL to the command, and so to its workers, once so many trainings are known."""
    process = subprocess.Popen(command(name, folder, *more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while len(lines(folder)) < trainings and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None, "it was over before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorded]:
    """Every network of a small space, in the run's folder and as a table."""
    folder = tmp_path_factory.mktemp("recorded")
    run("record", folder, "--seeds", "2", "--out", str(folder / "table.csv"))
    return folder, read(folder / "table.csv")


def without_seconds(table: Recorded) -> dict[Any, Any]:
    return {
        (point, seed): (curve.validation_mae, curve.train_mae, curve.test_mae)
        for point, by_seed in table.curves.items()
        for seed, curve in by_seed.items()
    }


def test_a_second_command_on_the_same_trainings_is_refused_and_named_no_option_that_it_has_not(tmp_path: Path) -> None:
    with held(tmp_path, FOLDER):
        refused = subprocess.run(
            command("record", tmp_path, "--out", "t.csv"), capture_output=True, text=True, timeout=400
        )

    assert refused.returncode == 2
    assert f"the {FOLDER} work in {tmp_path} is being run by process {os.getpid()}" in refused.stderr
    assert "--take-over" not in refused.stderr


def test_every_network_under_the_cap_is_recorded_with_every_seed(recorded: tuple[Path, Recorded]) -> None:
    folder, table = recorded

    assert {table.seeds_of(point) for point in table.points} == {(0, 1)}
    assert 0 < len(table.points) < 2 * 2 * 2 * 2
    assert len(lines(folder)) == 2 * len(table.points)
    assert all(curve.test_mae for by_seed in table.curves.values() for curve in by_seed.values())
    assert table.about["synthetic"]


def test_a_recording_that_was_killed_goes_on_and_ends_with_the_same_table(
    tmp_path: Path, recorded: tuple[Path, Recorded]
) -> None:
    """Of the first seed alone."""
    more = ("--seeds", "1", "--out", str(tmp_path / "table.csv"))
    kill_after("record", tmp_path, 3, *more)
    before = lines(tmp_path)
    assert not (tmp_path / "table.csv").exists()
    run("record", tmp_path, *more)

    whole = without_seconds(recorded[1])
    assert lines(tmp_path)[: len(before)] == before
    assert len(lines(tmp_path)) == len(recorded[1].points)  # nothing was trained twice
    assert without_seconds(read(tmp_path / "table.csv")) == {key: whole[key] for key in whole if key[1] == 0}


def test_searches_that_train_are_killed_and_go_on_find_to_the_last_bit_what_a_replay_finds(
    tmp_path: Path, recorded: tuple[Path, Recorded]
) -> None:
    """In a folder of its own, so that it trains itself; killed on the way; the replay is of another's recording."""
    # The paper's strategy asks for no more seeds than are recorded.
    more = ("--repetitions", "2", "--budget", "12", "--strategy", "paper", "--json")
    kill_after("compare", tmp_path, 3, *more)
    before = lines(tmp_path)
    found = json.loads(run("compare", tmp_path, *more))

    preset = open_run(tmp_path, None, {}, None, None).preset
    replayed = compare(preset, recorded[1].about["constant_mae"], recorded[1], own_seeds(preset), 2, budget=12)
    trained = json.loads((tmp_path / FOLDER / "compare.json").read_text())["searches"]
    assert lines(tmp_path)[: len(before)] == before
    assert len(trained) == len(replayed) == 2 * len({one["search"] for one in trained})
    for one, other in zip(trained, replayed, strict=True):
        assert (one["search"], one["repetition"]) == (other.rival, other.repetition)
        assert [trial["point"] for trial in one["trials"]] == [tried.point for tried in other.trace.tried]
        assert tuple(one["best_so_far"]) == other.trace.best_so_far
        assert one["test_mae"] == other.trace.test_mae

    assert {row["search"] for row in found["summary"]} == {one["search"] for one in trained}
    storage = open_storage(open_run(tmp_path, None, {}, None, None).storage)
    names = [study.study_name for study in optuna.get_all_study_summaries(storage)]
    unnamed = sorted(name.rpartition(" [")[0] for name in names)  # behind it stands the id of the run
    assert unnamed == sorted(f"compare: {one['search']}, repetition {one['repetition']}" for one in trained)
