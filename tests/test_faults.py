"""What goes wrong in long searches, done to real ones: each ends as it should, and nothing that was recorded is lost."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.backend import tf

import pytest
from conftest import tiny_preset
from formula import silent
from workers import SMALLEST, worker_of, working_in

from data.store.disk import Store
from models.architecture import Architecture
from models.training import fit
from search.leader.engine import run_study
from search.leader.progress import Terms
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import load, trials_of
from search.storage.sqlite import StorageError, sqlite_url
from search.workers.job import Failed, Job, Message
from search.workers.left import checkpoint
from search.workers.local import InProcess, LocalProcesses
from studies.preset import StudyError
from studies.study import Trial

pytestmark = pytest.mark.slow

TINY = replace(tiny_preset(), reference=SMALLEST)  # whose ablation is two trials: the baseline, and mixed9=0


def a_run(folder: Path, store: Store) -> Run:
    return Run(folder, TINY, {}, str(store.path), sqlite_url(folder / "studies.db"))


def ablation(run: Run) -> tuple[list[Trial], list[dict[str, Any]]]:
    study = load(open_storage(run.storage), "ablation")
    assert study is not None
    return trials_of(study), [trial.user_attrs for trial in study.trials]


def without_mixed9(monkeypatch: pytest.MonkeyPatch, fault: Callable[[], Any]) -> None:
    """Every network that lacks mixed9 meets the fault when it has been built."""
    honest = fit.Trainer.train_epoch
    built: list[Architecture] = []
    build = fit.build

    def remembered(architecture: Architecture, *settings: Any) -> Any:
        built.append(architecture)
        return build(architecture, *settings)

    def train_epoch(self: fit.Trainer, *arguments: Any) -> float:
        if built[-1].blocks.mixed9 == 0:
            fault()
        return honest(self, *arguments)

    monkeypatch.setattr(fit, "build", remembered)
    monkeypatch.setattr(fit.Trainer, "train_epoch", train_epoch)


def test_a_network_that_does_not_fit_the_device_has_failed_and_it_is_said_what_would_fit(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow's own error, for a tensor of 256 TB."""
    without_mixed9(monkeypatch, lambda: tf.zeros([1 << 46]))
    run = a_run(tmp_path, tiny_store)
    decision = run_study(run, tiny_store, "ablation", InProcess, silent())

    trials, attrs = ablation(run)
    [failed] = [one for one in trials if one.state == "failed"]
    assert failed.exit_reason == "out_of_memory"
    assert "GB at batch 8" in attrs[failed.number]["exit_detail"]
    assert "GB at batch 4" in attrs[failed.number]["exit_detail"]
    assert all(one.state == "complete" for one in trials if one is not failed)
    assert decision.findings.not_trainable_without == ("mixed9",)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """A file that leaves no room for anything."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"0" * 4096)
    return ballast


@pytest.mark.parametrize("database", ["elsewhere", "on the full disk"])
def test_a_full_disk_stops_the_search_with_one_sentence_and_it_goes_on_when_there_is_room(
    tmp_path: Path, tiny_store: Store, small_disk: Path, database: str
) -> None:
    folder = small_disk / "run"
    storage = sqlite_url((tmp_path if database == "elsewhere" else folder) / "studies.db")
    run = replace(a_run(folder, tiny_store), storage=storage)
    ballast: list[Path] = []

    def fill_up(name: str, job: Job, expected: int, what: str) -> None:
        if job.number == 1 and not ballast:
            ballast.append(fill(small_disk))

    with pytest.raises((StudyError, StorageError)) as raised:
        run_study(run, tiny_store, "ablation", InProcess, replace(silent(), started=fill_up))
    assert re.search("no space is left|disk is full", str(raised.value))
    ballast[0].unlink()
    before, _ = ablation(run)

    run_study(run, tiny_store, "ablation", InProcess, silent())

    after, _ = ablation(run)
    assert before[0].state == "complete"
    assert after[0] == before[0]
    assert {one.state for one in after} == {"complete"}
    assert [one.number for one in after] == list(range(len(after)))


def test_data_that_change_underneath_stop_the_search_and_it_goes_on_when_they_are_back(
    tmp_path: Path, tiny_store: Store
) -> None:
    import shutil

    from data.store.disk import open_store

    store = open_store(Path(shutil.copytree(tiny_store.path, tmp_path / "prepared")))
    run = a_run(tmp_path / "run", store)
    table = store.path / "cases.csv"
    whole = table.read_text()
    ended: list[int] = []

    def change(name: str, one: Trial) -> None:
        ended.append(one.number)
        if len(ended) == 1:
            table.write_text(whole.replace("True", "False", 1))

    with pytest.raises(StudyError, match=r"cases\.csv was changed"):
        run_study(run, store, "ablation", InProcess, replace(silent(), ended=change))
    table.write_text(whole)
    run_study(run, store, "ablation", InProcess, replace(silent(), ended=change))

    trials, _ = ablation(run)
    assert len(ended) == len(set(ended)) == len(trials)


def test_a_trial_that_takes_too_long_has_failed_and_the_search_goes_on(tmp_path: Path, tiny_store: Store) -> None:
    """Each trial's worker is gone, and with it all it held."""
    run = a_run(tmp_path, tiny_store)
    run = replace(run, preset=replace(TINY, training=replace(TINY.training, epochs=100_000)))
    seen: list[int] = []

    class Watched(LocalProcesses):
        def kill(self, number: int, reason: str) -> None:
            seen.extend(worker.process.pid or 0 for worker in self.running.values())
            super().kill(number, reason)

    with pytest.raises(StudyError, match="baseline"):
        run_study(run, tiny_store, "ablation", lambda: Watched(1), silent(), Terms(trial_timeout=3))

    trials, attrs = ablation(run)
    assert len(trials) == len(seen) == 2
    assert {one.exit_reason for one in trials} == {"timed_out"}
    assert "longer than --trial-timeout" in attrs[0]["exit_detail"]
    assert not any(Path(f"/proc/{process}").exists() for process in seen)


def command(folder: Path, *options: str) -> list[str]:
    shape = "mixed0=0,mixed1=0,mixed4=0,mixed5=0,mixed7=0,mixed9=1"
    return [
        *(sys.executable, "-m", "search.cli", "ablate", "--run-dir", str(folder), "--preset", "demo"),
        *("--data", "phantom:60", "--image-px", "40", "--stem-pools", "none", "--batch", "8", "--beta", "0.0625"),
        *("--blocks", shape, "--workers", "1", *options),
    ]


def stopped_by(folder: Path, *signals: int, frozen: bool = False) -> tuple[int, str]:
    """Exit code, and what was said after the first signal; with its worker `frozen`, which then ends no epoch."""
    long = ("--epochs", "2000", "--warmup-epochs", "0")
    with subprocess.Popen(command(folder, *long), stderr=subprocess.PIPE, text=True, start_new_session=True) as leader:
        assert leader.stderr
        next(line for line in leader.stderr if "epoch 2 of" in line)
        if frozen:
            os.kill(worker_of(folder / "trials"), signal.SIGSTOP)
        for number in signals:
            os.killpg(leader.pid, number)
            time.sleep(0.3)
        said = leader.stderr.read()
    return leader.returncode, said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_ends_the_search_after_the_epoch_with_a_checkpoint(tmp_path: Path, number: int, code: int) -> None:
    ended, said = stopped_by(tmp_path, number)

    assert ended == code
    assert "stopping after the epochs that are running" in said
    assert "run the same command again to continue" in said
    assert "Traceback" not in said
    # The worker got the signal, too, and left at the end of its epoch all the same.
    assert "resuming from its checkpoint" not in said
    kept = list((tmp_path / "trials").rglob("epoch-*.npz"))
    assert len(kept) == checkpoint.KEPT
    assert not list((tmp_path / "trials").rglob("*.part"))


def test_two_signals_end_the_search_now(tmp_path: Path) -> None:
    ended, said = stopped_by(tmp_path, signal.SIGINT, signal.SIGINT, frozen=True)

    assert ended == 130
    assert working_in(tmp_path) == []
    assert "Traceback" not in said


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group whose processes the kernel kills once they take 16 MB more."""
    for root, limit in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        group = root / f"boneage-search-test-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(16 << 20))
        except OSError:
            continue
        yield group
        until = time.monotonic() + 10
        while (group / "cgroup.procs").read_text() and time.monotonic() < until:
            time.sleep(0.1)
        group.rmdir()
        return
    pytest.skip("limiting memory needs root and control groups")


def test_a_worker_that_the_kernel_kills_for_memory_is_told_from_another_kill(
    tmp_path: Path, tiny_store: Store, little_memory: Path
) -> None:
    executor = LocalProcesses(workers=1)
    job = Job(
        0, TINY.reference, TINY.training, 0, tiny_store.path, tiny_store.digest, tiny_store.image_px, tmp_path / "0"
    )
    for number, end in enumerate(("memory", "another")):
        executor.start(replace(job, number=number, folder=tmp_path / str(number)))
        [worker] = executor.running.values()
        assert worker.process.pid
        if end == "memory":
            (little_memory / "cgroup.procs").write_text(str(worker.process.pid))
        else:
            os.kill(worker.process.pid, signal.SIGKILL)
        messages: list[Message] = []
        while executor.running:
            messages += executor.wait(1.0)
        failed = messages[-1]
        assert isinstance(failed, Failed)
        assert failed.reason == ("host_out_of_memory" if end == "memory" else "killed")
        assert "SIGKILL" in failed.detail


def test_a_network_whose_count_differs_is_never_trained_and_the_search_goes_on(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = fit.cost

    def miscounted(architecture: Architecture, image_px: int) -> Any:
        counted = honest(architecture, image_px)
        return counted if architecture.blocks.mixed9 else replace(counted, params=counted.params + 1)

    monkeypatch.setattr(fit, "cost", miscounted)
    run = a_run(tmp_path, tiny_store)
    run_study(run, tiny_store, "ablation", InProcess, silent())

    trials, attrs = ablation(run)
    [failed] = [one for one in trials if one.state == "failed"]
    assert failed.exit_reason == "count_mismatch"
    assert "please report this" in attrs[failed.number]["exit_detail"]
    assert failed.train_mae == ()


def test_what_a_worker_printed_last_is_kept_with_its_failure(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault() -> None:
        folder = next((tmp_path / "trials").rglob("job.json")).parent
        for log in {folder, *(path.parent for path in (tmp_path / "trials").rglob("job.json"))}:
            (log / "log.txt").write_text("cuda said no\n")
        raise FloatingPointError("the loss is not finite in epoch 1")

    without_mixed9(monkeypatch, fault)
    run = a_run(tmp_path, tiny_store)
    run_study(run, tiny_store, "ablation", InProcess, silent())

    trials, attrs = ablation(run)
    [failed] = [one for one in trials if one.state == "failed"]
    assert attrs[failed.number]["log_ends"] == "cuda said no"
