"""What every executor does alike: real trainings, small, on each of them."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from formula import silent
from optuna.trial import TrialState
from workers import TINY, gone, heard, job, lasting, ray_processes, worker_of, working_in

from data.store.disk import Store
from search.leader import engine, schedule
from search.lease import held
from search.run import TRIALS, Run
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.sqlite import sqlite_url
from search.workers.executor import Executor
from search.workers.job import Crashed, EpochDone, Failed, Finished, Halted, Job, Message, Paused, Resumed
from search.workers.local import InProcess, LocalProcesses
from studies.ablation import AblationFindings
from studies.order import study_name
from studies.study import Decision
from studies.width import WidthFindings

pytestmark = pytest.mark.slow


def local() -> Executor:
    return LocalProcesses(workers=1)


def on_ray() -> Executor:
    pytest.importorskip("ray", reason="Ray comes with the extra: pip install '.[ray]'")
    from search.workers.ray_cluster import ray_executor

    return ray_executor(workers=1)


@pytest.fixture(scope="module")
def of_ray() -> Iterator[Callable[[], Executor]]:
    """One cluster for all tests, as its start takes longer than they do; another where a test has closed it."""
    executors: list[Executor] = []

    def running() -> Executor:
        if not executors or not sys.modules["ray"].is_initialized():
            executors.append(on_ray())
        return executors[-1]

    yield running
    ours = ray_processes()
    for executor in executors:
        executor.close()
    assert gone(ours) == set()


@pytest.fixture(params=[InProcess, local, on_ray], ids=["in-process", "processes", "ray"])
def executor(request: pytest.FixtureRequest, of_ray: Callable[[], Executor]) -> Iterator[Executor]:
    if request.param is on_ray:
        yield of_ray()
        return
    executor = request.param()
    yield executor
    executor.close()


@pytest.fixture
def outside(executor: Executor) -> Executor:
    """Trials in processes of their own."""
    if isinstance(executor, InProcess):
        pytest.skip("in-process a job is over when `start` returns, and the process is the leader's own")
    return executor


def numbers(messages: list[Message]) -> list[tuple[int, float, float]]:
    """Of each epoch, whether it was reported or taken up."""
    epochs = []
    for message in messages:
        epochs += message.epochs if isinstance(message, Resumed) else [message]
    return [(epoch.epoch, epoch.train_mae, epoch.validation_mae) for epoch in epochs if isinstance(epoch, EpochDone)]


def test_every_epoch_is_reported_in_order_and_the_best_ones_predictions_are_left(
    executor: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    executor.start(job(tiny_store, tmp_path / "trial", number=7))
    messages = heard(executor)

    assert [type(message) for message in messages] == [EpochDone, EpochDone, Finished]
    assert {message.number for message in messages} == {7}
    assert [epoch for epoch, _, _ in numbers(messages)] == [1, 2]
    predicted = np.load(tmp_path / "trial" / "predictions.npy")
    error = np.abs(predicted - tiny_store.split("validation").age_months).mean()
    assert error == pytest.approx(min(mae for _, _, mae in numbers(messages)), rel=1e-5)


def diverging(job: Job) -> Job:
    """float16 ends at 65,504."""
    return replace(
        job, training=replace(job.training, learning_rate=100.0, schedule="constant", precision="mixed_float16")
    )


def too_large(job: Job) -> Job:
    """A terabyte of weights, which no option and no file could ask for."""
    huge = replace(job.architecture)
    object.__setattr__(huge, "fc_units", 2_000_000_000)
    return replace(job, architecture=huge)


def on_other_data(job: Job) -> Job:
    return replace(job, data="of another store")


def with_a_bug(job: Job) -> Job:
    return replace(job, seed=-1)


@pytest.mark.usefixtures("float32_again")
@pytest.mark.parametrize(
    ("spoilt", "last", "says"),
    [
        (diverging, Failed, "not_finite.*epoch 1"),
        (too_large, Failed, "out_of_memory.*it is estimated to need .* GB at batch 8"),
        (on_other_data, Halted, "has changed since the search began"),
        (with_a_bug, Crashed, "Traceback.*ValueError"),
    ],
)
def test_what_keeps_a_trial_from_a_result_is_told_apart(
    executor: Executor,
    tmp_path: Path,
    tiny_store: Store,
    spoilt: Callable[[Job], Job],
    last: type[Message],
    says: str,
) -> None:
    if spoilt is too_large and Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "1":
        pytest.skip("Linux is set to grant any memory (vm.overcommit_memory=1)")
    executor.start(spoilt(job(tiny_store, tmp_path / "trial")))
    message = heard(executor)[-1]

    assert isinstance(message, last)
    assert re.search(says, str(message), re.DOTALL)


def test_a_trial_that_was_stopped_goes_on_and_ends_with_the_numbers_of_one_that_was_not(
    outside: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    whole = lasting(job(tiny_store, tmp_path / "whole", number=1), epochs=16)
    parted = replace(whole, folder=tmp_path / "parted", number=2)
    outside.start(whole)
    uninterrupted = heard(outside)
    outside.start(parted)
    before = heard(outside, until=EpochDone)
    outside.stop()
    before += heard(outside)
    outside.start(parted)
    after = heard(outside)

    assert isinstance(before[-1], Paused)
    assert len(numbers(before)) < 16
    assert isinstance(after[0], Resumed)
    assert numbers(after[:1]) == numbers(before)
    assert numbers(after) == numbers(uninterrupted)
    predictions = [np.load(folder / "predictions.npy") for folder in (whole.folder, parted.folder)]
    assert predictions[0].tobytes() == predictions[1].tobytes()


def test_a_trial_that_leaves_after_an_epoch_and_goes_on_leaves_network_maps_and_test_predictions_of_its_best_epoch(
    executor: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    from rounding import likely, summed  # a leader that imports this file stays without TensorFlow

    from models import saved
    from models.cam import activation_maps

    whole = replace(lasting(job(tiny_store, tmp_path / "whole", number=1), epochs=4), test=True, maps=True, keep=True)
    parted = replace(whole, folder=tmp_path / "parted", number=2)
    executor.start(whole)
    uninterrupted = heard(executor)
    executor.start(replace(parted, until=2))
    before = heard(executor)
    executor.start(parted)
    after = heard(executor)

    assert isinstance(before[-1], Paused)
    assert [epoch for epoch, _, _ in numbers(before)] == [1, 2]
    assert numbers(after) == numbers(uninterrupted)
    kept = {"job.json", "log.txt", "predictions.npy", "test_predictions.npy", "maps.npz", "model.keras"}
    assert (whole.folder / "maps.npz").read_bytes() == (parted.folder / "maps.npz").read_bytes()
    for folder in (whole.folder, parted.folder):
        assert kept <= {path.name for path in folder.iterdir()} | {"log.txt"}
        assert not [path for name in ("model", "maps", "test_predictions") for path in folder.glob(f"{name}-*")]
        network = saved.load(folder / "model.keras")
        with np.load(folder / "maps.npz") as maps:
            mapped = tiny_store.examples(maps["rows"])
            images = tiny_store.images[mapped.rows]
            expected = activation_maps(network, images, mapped.male)
            inputs = {"image": images[..., None], "male": mapped.male[:, None]}
            rounded = likely(network) * summed(network, inputs).max()
            np.testing.assert_allclose(maps["months"], expected.months, rtol=0, atol=rounded)
            np.testing.assert_allclose(maps["prediction_months"], expected.prediction_months, rtol=0, atol=rounded)
        assert set(mapped.rows) <= set(tiny_store.split("validation").rows)
        assert list(mapped.male) == [0, 0, 0, 1, 1, 1]
        for split, name in (("validation", "predictions.npy"), ("test", "test_predictions.npy")):
            examples = tiny_store.split(split)
            inputs = {"image": examples.images[examples.rows][..., None], "male": examples.male[:, None]}
            predicted = network.predict(inputs, verbose=0)[:, 0]
            rounded = likely(network) * summed(network, inputs).max()
            np.testing.assert_allclose(np.load(folder / name), predicted, rtol=0, atol=rounded)


def test_a_trial_that_the_leader_ends_is_failed_with_its_reason(
    outside: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    outside.start(lasting(job(tiny_store, tmp_path / "trial", number=3), epochs=1000))
    heard(outside, until=EpochDone)
    worker = worker_of(tmp_path / "trial")
    outside.kill(3, "timed_out")
    message = heard(outside)[-1]

    assert isinstance(message, Failed)
    assert (message.number, message.reason) == (3, "timed_out")
    assert gone({worker}) == set()


def test_a_worker_that_is_killed_is_a_failed_trial_which_goes_on_when_it_is_started_again(
    outside: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    trial = lasting(job(tiny_store, tmp_path / "trial"), epochs=16)
    outside.start(trial)
    before = heard(outside, until=EpochDone)
    os.kill(worker_of(trial.folder), signal.SIGKILL)
    before += heard(outside)
    outside.start(trial)
    after = heard(outside)

    assert isinstance(before[-1], Failed)
    assert before[-1].reason == "killed"
    assert isinstance(after[0], Resumed)
    assert [epoch for epoch, _, _ in numbers(after)] == list(range(1, 17))
    assert isinstance(after[-1], Finished)


def test_every_trial_has_a_process_of_its_own_which_ends_with_it(
    outside: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    workers = []
    for name in ("first", "second"):
        outside.start(lasting(job(tiny_store, tmp_path / name), epochs=5))
        heard(outside, until=EpochDone)
        workers.append(worker_of(tmp_path / name))
        heard(outside)

        assert gone({workers[-1]}) == set()
    assert workers[0] != workers[1]
    assert os.getpid() not in workers


def test_closing_ends_what_still_runs(outside: Executor, tmp_path: Path, tiny_store: Store) -> None:
    outside.start(lasting(job(tiny_store, tmp_path / "trial"), epochs=1000))
    heard(outside, until=EpochDone)
    processes = {worker_of(tmp_path / "trial")}
    if not isinstance(outside, LocalProcesses):
        processes |= ray_processes()  # a Ray that other tests go on with is none of the local executor's
    outside.close()

    assert gone(processes) == set()


def test_the_worker_of_a_leader_that_was_taken_over_ends_though_that_one_sleeps(
    outside: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    """This process is the leader that sleeps: it hears of nothing until its worker has ended."""
    with held(tmp_path, "ablation") as old:
        begun = lasting(job(tiny_store, tmp_path / "trial"), epochs=1000)
        outside.start(replace(begun, lease=old.path, token=old.owner.token))
        heard(outside, until=EpochDone)
        with held(tmp_path, "ablation", take_over=True):
            left = gone({worker_of(tmp_path / "trial")}) if isinstance(outside, LocalProcesses) else set()
            last = heard(outside)[-1]

    assert left == set()
    assert isinstance(last, Halted | Failed)
    assert isinstance(last, Failed) or "taken over" in last.sentence


def test_a_pruned_trial_is_told_with_its_epoch_and_its_worker_is_gone(
    executor: Executor, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real trainings under the engine; the rule, which is tested elsewhere, lets no trial but the first pass its first epoch."""
    monkeypatch.setattr(schedule, "left_behind", lambda so_far, *_: len(so_far) == 1)
    preset = replace(TINY, strategy="paper", prune=True, training=replace(TINY.training, epochs=8))
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    storage = open_storage(run.storage)
    for name, findings in (
        ("ablation", AblationFindings(key_groups=("mixed5",), warmup_epochs=1)),
        ("width", WidthFindings(best_beta=0.0625)),
    ):
        decided = optuna.create_study(study_name=study_name(name), storage=storage)
        decided.set_user_attr("settings", "{}")
        decided.set_user_attr("decision", json.dumps(Decision("", preset.reference, findings).to_dict()))
    engine.run_study(run, tiny_store, "depth", lambda: executor, silent())

    depth = load(storage, "depth")
    assert depth is not None
    whole, *pruned = depth.get_trials()
    assert (whole.state, len(whole.intermediate_values)) == (TrialState.COMPLETE, 8)
    assert len(pruned) == preset.depth_trials - 1
    for trial in pruned:
        assert (trial.state, list(trial.intermediate_values)) == (TrialState.PRUNED, [1])
        assert (trial.user_attrs["exit_reason"], trial.user_attrs["pruned_after_epoch"]) == ("pruned", 1)
        folder = tmp_path / TRIALS / trial.user_attrs["folder"]
        assert {path.name for path in folder.iterdir()} <= {"job.json", "log.txt", "learning_curve.svg", "network.svg"}
        assert list(working_in(folder)) == []
