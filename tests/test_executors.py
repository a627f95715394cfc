"""What every executor does alike: real trainings, small, on each of them."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from conftest import needs
from formula import silent
from optuna.trial import TrialState
from workers import SMALLEST, TINY, gone, heard, job, lasting, ray_processes, worker_of, working_in

from data.store.disk import Store
from search.leader import engine, schedule
from search.lease import held
from search.run import TRIALS, Run
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.sqlite import sqlite_url
from search.workers.executor import EXECUTORS, Executor, executor_of
from search.workers.job import Crashed, EpochDone, Failed, Finished, Halted, Job, Message, Paused, Resumed
from search.workers.local import InProcess, LocalProcesses
from studies.ablation import AblationFindings
from studies.order import study_name
from studies.study import Decision
from studies.width import WidthFindings

pytestmark = pytest.mark.slow


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


@pytest.fixture(params=["in-process", *EXECUTORS])
def executor(request: pytest.FixtureRequest, of_ray: Callable[[], Executor]) -> Iterator[Executor]:
    if request.param == "ray":
        yield of_ray()
        return
    executor = InProcess() if request.param == "in-process" else executor_of(request.param, workers=1)()
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


@dataclass(frozen=True)
class Told:
    """A trial that was left alone."""

    job: Job
    messages: list[Message]
    worker: int  # the process that trained it, where that was not the leader's own
    left: set[int]  # it again, if it outlasted the trial


@pytest.fixture(scope="module")
def told_by() -> dict[type, Told]:
    return {}


@pytest.fixture
def whole(
    executor: Executor, told_by: dict[type, Told], tiny_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Told:
    if type(executor) not in told_by:
        trial = lasting(job(tiny_store, tmp_path_factory.mktemp("whole") / "trial", number=1), epochs=8)
        trial = replace(trial, training=replace(trial.training, bn_momentum=0.5), test=True, maps=True, keep=True)
        executor.start(trial)
        if isinstance(executor, InProcess):
            told_by[InProcess] = Told(trial, heard(executor), os.getpid(), set())
        else:
            begun = heard(executor, until=EpochDone)
            worker = worker_of(trial.folder)
            rest = heard(executor)
            told_by[type(executor)] = Told(trial, begun + rest, worker, gone({worker}))
    return told_by[type(executor)]


def test_every_epoch_is_reported_in_order_and_the_best_ones_predictions_are_left(
    whole: Told, tiny_store: Store
) -> None:
    messages = whole.messages
    assert [type(message) for message in messages] == [EpochDone] * 8 + [Finished]
    assert {message.number for message in messages} == {1}
    assert [epoch for epoch, _, _ in numbers(messages)] == list(range(1, 9))
    predicted = np.load(whole.job.folder / "predictions.npy")
    error = np.abs(predicted - tiny_store.split("validation").age_months).mean()
    assert error == pytest.approx(min(mae for _, _, mae in numbers(messages)), rel=1e-5)


def diverging(job: Job) -> Job:
    """float16 ends at 65,504."""
    needs("mixed_float16")
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


def test_a_trial_that_leaves_after_an_epoch_and_goes_on_ends_with_the_numbers_and_files_of_one_that_did_not(
    executor: Executor, whole: Told, tmp_path: Path
) -> None:
    from models import saved  # a leader that imports this file stays without TensorFlow

    trial, parted = whole.job, replace(whole.job, folder=tmp_path / "parted", number=2)
    assert 2 < min(numbers(whole.messages), key=lambda epoch: epoch[2])[0] < 8  # its best epoch
    executor.start(replace(parted, until=2))
    before = heard(executor)
    assert isinstance(before[-1], Paused)
    assert [epoch for epoch, _, _ in numbers(before)] == [1, 2]
    if not isinstance(executor, InProcess):  # in which a trial that is stopped is over already
        before = stopped_on_its_way(executor, parted, before)
    executor.start(parted)
    after = heard(executor)

    assert isinstance(after[0], Resumed)
    assert numbers(after[:1]) == numbers(before)
    assert numbers(after) == numbers(whole.messages)
    for name in ("predictions.npy", "test_predictions.npy", "maps.npz"):
        assert (trial.folder / name).read_bytes() == (parted.folder / name).read_bytes()
    networks = [saved.load(one.folder / "model.keras") for one in (trial, parted)]
    weights = [[weight.tobytes() for weight in network.get_weights()] for network in networks]
    assert weights[0] == weights[1]
    assert files_of(parted) == files_of(trial)


def stopped_on_its_way(executor: Executor, trial: Job, before: list[Message]) -> list[Message]:
    executor.start(trial)
    meanwhile = heard(executor, until=Resumed)  # said before its first step, so that some epochs are left
    executor.stop()
    meanwhile += heard(executor)

    assert isinstance(meanwhile[0], Resumed)
    assert numbers(meanwhile[:1]) == numbers(before)
    assert isinstance(meanwhile[-1], Paused)
    assert len(numbers(before)) < len(numbers(meanwhile)) < trial.training.epochs
    return meanwhile


def files_of(trial: Job) -> set[str]:
    return {path.name for path in trial.folder.iterdir()} - {"log.txt"}  # which in-process is the leader's own


def test_a_trial_leaves_network_maps_and_test_predictions_of_its_best_epoch(whole: Told, tiny_store: Store) -> None:
    from rounding import likely, summed

    from models import saved
    from models.cam import activation_maps

    trial = whole.job
    assert {"job.json", "predictions.npy", "test_predictions.npy", "maps.npz", "model.keras"} <= files_of(trial)
    assert not [path for name in ("model", "maps", "test_predictions") for path in trial.folder.glob(f"{name}-*")]

    network = saved.load(trial.folder / "model.keras")
    rounded: dict[int, float] = {}
    for split, name in (("validation", "predictions.npy"), ("test", "test_predictions.npy")):
        examples = tiny_store.split(split)
        inputs = {"image": examples.images[examples.rows][..., None], "male": examples.male[:, None]}
        predicted = network.predict(inputs, verbose=0)[:, 0]
        of_each = likely(network) * summed(network, inputs)
        np.testing.assert_allclose(np.load(trial.folder / name), predicted, rtol=0, atol=of_each.max())
        rounded |= dict(zip(examples.rows, of_each, strict=True))
    with np.load(trial.folder / "maps.npz") as maps:
        mapped = tiny_store.examples(maps["rows"])
        expected = activation_maps(network, tiny_store.images[mapped.rows], mapped.male)
        most = max(rounded[row] for row in mapped.rows)
        for name in ("months", "prediction_months"):
            np.testing.assert_allclose(maps[name], getattr(expected, name), rtol=0, atol=most)
    assert set(mapped.rows) <= set(tiny_store.split("validation").rows)
    assert list(mapped.male) == [0, 0, 0, 1, 1, 1]


@pytest.mark.usefixtures("outside")
def test_a_trials_process_ends_with_it(whole: Told) -> None:
    assert whole.left == set()


def test_a_trial_that_the_leader_ends_has_a_process_of_its_own_and_is_failed_with_its_reason(
    outside: Executor, whole: Told, tmp_path: Path, tiny_store: Store
) -> None:
    outside.start(lasting(job(tiny_store, tmp_path / "trial", number=3), epochs=1000))
    heard(outside, until=EpochDone)
    worker = worker_of(tmp_path / "trial")
    outside.kill(3, "timed_out")
    message = heard(outside)[-1]

    assert isinstance(message, Failed)
    assert (message.number, message.reason) == (3, "timed_out")
    assert gone({worker}) == set()
    assert worker not in (whole.worker, os.getpid())


def test_a_worker_that_is_killed_is_a_failed_trial_which_goes_on_when_it_is_started_again(
    outside: Executor, tmp_path: Path, tiny_store: Store
) -> None:
    trial = lasting(job(tiny_store, tmp_path / "trial"), epochs=32)
    outside.start(trial)
    before = heard(outside, until=EpochDone)
    os.kill(worker_of(trial.folder), signal.SIGKILL)
    before += heard(outside)
    outside.start(trial)
    after = heard(outside)

    assert isinstance(before[-1], Failed)
    assert before[-1].reason == "killed"
    assert isinstance(after[0], Resumed)
    assert [epoch for epoch, _, _ in numbers(after)] == list(range(1, 33))
    assert isinstance(after[-1], Finished)


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
        processes = {worker_of(tmp_path / "trial")} if isinstance(outside, LocalProcesses) else set()
        with held(tmp_path, "ablation", take_over=True):
            left = gone(processes)
            last = heard(outside)[-1]

    assert left == set()
    assert isinstance(last, Halted | Failed)
    assert isinstance(last, Failed) or "taken over" in last.sentence


def test_a_pruned_trial_is_told_with_its_epoch_and_its_worker_is_gone(
    executor: Executor, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real trainings under the engine; the rule, which is tested elsewhere, lets no trial but the first pass its first epoch."""
    monkeypatch.setattr(schedule, "left_behind", lambda so_far, *_: len(so_far) == 1)
    training = replace(TINY.training, epochs=8)
    preset = replace(TINY, strategy="paper", prune=True, training=training, reference=SMALLEST, depth_trials=2)
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    storage = open_storage(run.storage)
    for name, findings in (
        ("ablation", AblationFindings(key_groups=("mixed9",), warmup_epochs=1)),
        ("width", WidthFindings(best_beta=0.0625)),
    ):
        decided = optuna.create_study(study_name=study_name(name), storage=storage)
        decided.set_user_attr("settings", "{}")
        decided.set_user_attr("decision", json.dumps(Decision("", preset.reference, findings).to_dict()))
    engine.run_study(run, tiny_store, "depth", lambda: executor, silent())

    depth = load(storage, "depth")
    assert depth is not None
    whole, pruned = depth.get_trials()
    assert (whole.state, len(whole.intermediate_values)) == (TrialState.COMPLETE, 8)
    assert (pruned.state, list(pruned.intermediate_values)) == (TrialState.PRUNED, [1])
    assert (pruned.user_attrs["exit_reason"], pruned.user_attrs["pruned_after_epoch"]) == ("pruned", 1)
    folder = tmp_path / TRIALS / pruned.user_attrs["folder"]
    assert {path.name for path in folder.iterdir()} <= {"job.json", "log.txt", "learning_curve.svg", "network.svg"}
    assert list(working_in(folder)) == []
