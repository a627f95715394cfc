"""Real searches: processes, TensorFlow, SQLite; killed and continued. Small, but nothing in them is pretended."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import needs
from event_files import logs_of
from formula import silent
from workers import SMALLEST, TINY, job, working_in

from data.store.disk import Store
from models.architecture import Architecture
from models.cost import cost
from search.leader.engine import run_study
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import load, trials_of
from search.storage.sqlite import sqlite_url
from search.workers.job import Crashed, EpochDone, Failed, Finished, Message
from search.workers.local import InProcess, LocalProcesses

OPTIONS = [
    "--preset",
    "demo",
    "--data",
    "phantom:60",
    "--image-px",
    "40",
    "--stem-pools",
    "none",
    "--epochs",
    "2",
    "--warmup-epochs",
    "0",
    "--batch",
    "8",
    "--beta",
    "0.0625",
    "--blocks",
    "mixed0=0,mixed1=0,mixed4=0,mixed5=1,mixed7=0,mixed9=1",
    "--width-factors",
    "1,1.4",
    "--depth-trials",
    "2",
    "--depth-extra",
    "1",
    "--fc-choices",
    "16",
    "--dropouts",
    "0.3",
]


ONE_GROUP = ("--blocks", "mixed0=0,mixed1=0,mixed4=0,mixed5=0,mixed7=0,mixed9=1")  # an ablation of two trials


def command(folder: Path, *arguments: str, further: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, "-m", "search.cli", *arguments, "--run-dir", str(folder), *OPTIONS, *further]


def all_messages(executor: LocalProcesses) -> list[Message]:
    messages: list[Message] = []
    while executor.running:
        messages += executor.wait(1.0)
    return messages


@pytest.mark.slow
def test_a_trial_reports_every_epoch_and_leaves_its_predictions(tmp_path: Path, tiny_store: Store) -> None:
    executor = LocalProcesses(workers=1)
    executor.start(job(tiny_store, tmp_path / "trial"))
    messages = all_messages(executor)

    assert [type(message) for message in messages] == [EpochDone, EpochDone, Finished]
    best = min(message.validation_mae for message in messages if isinstance(message, EpochDone))
    predicted = np.load(tmp_path / "trial" / "predictions.npy")
    error = np.abs(predicted - tiny_store.split("validation").age_months).mean()
    assert error == pytest.approx(best, rel=1e-5)


@pytest.mark.slow
def test_a_killed_worker_is_a_failed_trial_and_a_bug_is_not(tmp_path: Path, tiny_store: Store) -> None:
    executor = LocalProcesses(workers=2)
    executor.start(job(tiny_store, tmp_path / "killed", number=1))
    [worker] = executor.running.values()
    assert worker.process.pid
    os.kill(worker.process.pid, signal.SIGKILL)
    executor.start(replace(job(tiny_store, tmp_path / "bug", number=2), seed=-1))
    last = {message.number: message for message in all_messages(executor)}

    assert isinstance(last[1], Failed)
    assert (last[1].reason, "SIGKILL" in last[1].detail) == ("killed", True)
    assert isinstance(last[2], Crashed)
    assert "ValueError" in last[2].traceback


@pytest.mark.slow
def test_a_training_that_diverges_fails_and_the_study_goes_on(tmp_path: Path, tiny_store: Store) -> None:
    needs("mixed_float16")
    executor = LocalProcesses(workers=1)
    training = replace(TINY.training, learning_rate=100.0, schedule="constant", precision="mixed_float16")
    executor.start(replace(job(tiny_store, tmp_path / "trial"), training=training))
    [message] = all_messages(executor)

    assert isinstance(message, Failed)
    assert message.reason == "not_finite"


@pytest.mark.slow
def test_one_command_decides_all_four_studies_and_the_same_again_trains_nothing(tmp_path: Path) -> None:
    call = command(tmp_path, "run", "--json", further=(*ONE_GROUP, "--confirm-seeds", "1"))
    first = subprocess.run(call, capture_output=True, text=True, timeout=280, check=False)
    assert first.returncode == 0, first.stderr
    decided = json.loads(first.stdout)
    again = subprocess.run(call, capture_output=True, text=True, timeout=100, check=False)

    assert list(decided) == ["ablation", "width", "depth", "refinement"]
    assert json.loads(again.stdout) == decided
    assert "epoch" not in again.stderr
    assert re.search(r"trial 0 epoch 1 of 2: validation MAE [\d.]+ months \(constant [\d.]+\)", first.stderr)


@pytest.mark.slow
def test_a_search_killed_mid_trial_ends_with_the_same_numbers(tmp_path: Path) -> None:
    """SIGKILL to the leader: its workers leave, nothing finished runs again, the interrupted trial keeps its number.

    Its epochs are logged for TensorBoard, each once, which changes no number either.
    """
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ("ablate", "--deterministic", "--workers", "1")
    epochs = 12  # so many that a kill after the first comes before the last
    further = ("--epochs", str(epochs))
    subprocess.run(command(whole, *options, further=further), capture_output=True, timeout=200, check=True)
    logged = command(killed, *options, "--tensorboard", further=further)
    with subprocess.Popen(logged, stderr=subprocess.PIPE, text=True) as leader:
        assert leader.stderr
        for line in leader.stderr:
            if "trial 1 epoch 1 of" in line:
                leader.kill()
                break
    continued = subprocess.run(logged, capture_output=True, text=True, timeout=200, check=True)

    assert "trial 0 epoch" not in continued.stderr
    resumed = re.search(
        r"trial 1 resumes after epoch (\d+)", continued.stderr
    )  # further ones may end before the kill arrives
    assert resumed
    assert 1 <= int(resumed[1]) < epochs
    assert "trial 1 epoch 1 of" not in continued.stderr
    found = {}
    for folder in (whole, killed):
        study = load(open_storage(sqlite_url(folder / "studies.db")), "ablation")
        assert study is not None
        found[folder] = [(trial.number, trial.point, trial.validation_mae) for trial in trials_of(study)]
    assert found[killed] == found[whole]
    for (number, _, validation_mae), shown in zip(found[killed], logs_of(killed), strict=True):
        assert shown.path.startswith(str(killed / "tensorboard" / "1-ablation" / f"{number:04d}-"))
        validation = shown.Scalars("mae_months/validation")
        assert [event.step for event in validation] == [*range(1, epochs + 1)]
        assert min(event.value for event in validation) == pytest.approx(validation_mae)
        assert [event.step for event in shown.Scalars("training/loss")] == [*range(1, epochs + 1)]


@pytest.mark.slow
def test_ctrl_c_stops_a_search_quietly_and_the_same_command_continues_it(tmp_path: Path) -> None:
    """The signal goes to the whole process group, as from a terminal."""
    call = command(tmp_path, "ablate", "--workers", "1", further=(*ONE_GROUP, "--epochs", "12"))
    with subprocess.Popen(call, stderr=subprocess.PIPE, text=True, start_new_session=True) as leader:
        assert leader.stderr
        next(line for line in leader.stderr if "trial 1 epoch 1 of" in line)
        os.killpg(leader.pid, signal.SIGINT)
        said = leader.stderr.read()
    continued = subprocess.run(call, capture_output=True, text=True, timeout=200, check=False)

    assert leader.returncode == 130
    assert "Traceback" not in said
    assert "run the same command again to continue" in said
    assert working_in(tmp_path) == []
    assert continued.returncode == 0
    assert "trial 0 epoch" not in continued.stderr


@pytest.mark.slow
def test_workers_leave_with_a_leader_that_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(command(tmp_path, "ablate"), stderr=subprocess.PIPE, text=True) as leader:
        assert leader.stderr
        next(line for line in leader.stderr if "epoch 1" in line)
        leader.kill()
    deadline = time.monotonic() + 20
    while working_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)

    assert working_in(tmp_path) == []


@pytest.mark.slow
def test_no_over_cap_network_is_built(tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder fails on over-cap networks, and is never asked for one, though most of the depth space is over the cap."""
    from models.training import fit

    cap, honest, built = 50_000, fit.build, []

    def build(architecture: Architecture, image_px: int, *settings: Any) -> Any:
        params = cost(architecture, image_px).params
        assert params <= cap, f"an over-cap network of {params:,} parameters was built"
        built.append(params)
        return honest(architecture, image_px, *settings)

    monkeypatch.setattr(fit, "build", build)
    preset = replace(
        TINY,
        reference=SMALLEST,
        training=replace(TINY.training, epochs=1),
        max_params=cap,
        depth_trials=3,
        depth_patience=3,
        depth_extra=3,
        margin_months=100.0,
        width_factors=(1.0, 1.4),
    )
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    for name in ("ablation", "width", "depth"):
        run_study(run, tiny_store, name, InProcess, silent())

    study = load(open_storage(run.storage), "depth")
    assert study is not None
    fitting, every = re.findall(r"[\d,]+", study.user_attrs["configurations"])[:2]
    assert len(built) > 5
    assert int(fitting.replace(",", "")) < int(every.replace(",", ""))
    with pytest.raises(AssertionError, match="over-cap"):
        build(replace(TINY.reference, beta=0.125), 40)
