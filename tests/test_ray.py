"""Ray itself: clusters, lost nodes, and what it must not do to the leader. What it shares with others is in test_executors.py."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import silent
from workers import SECONDS, SMALLEST, gone, heard, job, lasting, ray_processes, worker_of, working_in

from data.store.disk import Store, open_store
from search.leader.engine import run_study
from search.leader.progress import Terms
from search.lease import Owner, write
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import load, trials_of
from search.storage.sqlite import sqlite_url
from search.workers.executor import Executor
from search.workers.job import EpochDone, ExecutorGone, Failed, Halted, Paused, Remark, Resumed
from search.workers.left import checkpoint
from search.workers.local import LocalProcesses
from search.workers.supervisor import Stopped, stop_on_signals
from studies.preset import StudyError

ray = pytest.importorskip("ray", reason="Ray comes with the extra: pip install '.[ray]'")
from ray.cluster_utils import Cluster  # noqa: E402 # after the check

from search.workers.ray_cluster import count_of, from_anywhere, listen_on_loopback_alone, ray_executor, train  # noqa: E402

pytestmark = pytest.mark.slow
PRESET = replace(tiny_preset(), reference=SMALLEST, training=replace(tiny_preset().training, epochs=40))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head, where the leader is and no trial fits; a test adds nodes."""
    listen_on_loopback_alone()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        yield cluster
    finally:
        processes = ray_processes()
        ray.shutdown()
        cluster.shutdown()
        left = gone(processes)
    assert left == set()


@pytest.fixture
def closed() -> Iterator[list[Executor]]:
    """Executors that end with the test."""
    executors: list[Executor] = []
    yield executors
    processes = ray_processes()
    for executor in executors:
        executor.close()
    assert gone(processes) == set()


def ablation(folder: Path, store: Store) -> tuple[Run, str]:
    return Run(folder, PRESET, {}, str(store.path), sqlite_url(folder / "studies.db")), "ablation"


def found(run: Run) -> list[tuple[int, object, float | None]]:
    study = load(open_storage(run.storage), "ablation")
    assert study is not None
    return [(trial.number, trial.point, trial.validation_mae) for trial in trials_of(study)]


def test_a_search_that_loses_a_node_ends_as_one_that_was_not_disturbed(
    cluster: Cluster, tmp_path: Path, tiny_store: Store
) -> None:
    """A node dies as machines do, with everything on it, in the middle of trial 1."""
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    disturbed, whole = tmp_path / "disturbed", tmp_path / "whole"
    said, went_on, workers = [], [], []
    executors: list[Executor] = []

    def on_cluster() -> Executor:
        executors.append(ray_executor(cluster.address))
        return executors[0]

    def on_epoch(study: str, done: EpochDone, epochs: int) -> None:
        workers.append(executors[0].workers)
        if (done.number, done.epoch) == (1, 1):
            [folder] = disturbed.glob("trials/*/0001")
            lose_the_node_of(worker_of(folder), cluster)

    def on_resumed(study: str, message: Resumed) -> None:
        went_on.append(message.number)
        wait_for_the_loss_to_be_seen()

    progress = replace(silent(), epoch=on_epoch, said=said.append, resumed=on_resumed)
    run, name = ablation(disturbed, tiny_store)
    decision = run_study(run, tiny_store, name, on_cluster, progress, Terms(deterministic=True))
    run_whole, name = ablation(whole, tiny_store)
    cores = os.cpu_count() or 1  # one thread for each worker, as on the cluster
    expected = run_study(
        run_whole, tiny_store, name, lambda: LocalProcesses(cores), silent(), Terms(deterministic=True)
    )

    assert [sentence for sentence in said if sentence.startswith("trial 1: the worker process was ended from outside")]
    assert went_on == [1]
    assert (workers[0], workers[-1]) == (2, 1)
    assert found(run) == found(run_whole)
    assert decision == expected


def lose_the_node_of(worker: int, cluster: Cluster) -> None:
    raylet = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    [node] = [node for node in cluster.worker_nodes if node.all_processes["raylet"][0].process.pid == raylet]
    cluster.remove_node(node, allow_graceful=False)
    os.kill(worker, signal.SIGKILL)


def wait_for_the_loss_to_be_seen() -> None:
    """Until one place is left: a worker's end is known at once, a node's after Ray has asked it in vain for 15 s or more."""
    until = time.monotonic() + SECONDS
    while count_of("CPU") != 1:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_cluster_whose_head_is_gone_ends_the_search_with_a_sentence_and_its_worker_leaves(
    cluster: Cluster, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node ends as well, as nodes do a minute after their head."""
    monkeypatch.setattr("search.workers.ray_cluster.GONE_SECONDS", 3.0)
    node = cluster.add_node(num_cpus=1)
    executor = ray_executor(cluster.address)
    trial = lasting(job(tiny_store, tmp_path / "trial"), epochs=100_000)
    executor.start(trial)
    heard(executor, until=EpochDone)
    worker = worker_of(trial.folder)
    os.kill(cluster.head_node.all_processes["gcs_server"][0].process.pid, signal.SIGKILL)
    with pytest.raises(StudyError, match=r"the head of the Ray cluster at 127.*repeat the command"):
        heard(executor)
    executor.close()
    processes = ray_processes()
    os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    left = gone({worker})
    gone(processes, seconds=1.0)  # two of Ray's own look after their parent only once a minute

    assert left == set()


def leading(function: str, store: Store, folder: Path) -> "subprocess.Popen[str]":
    """A function of this file in a process, and a group of processes, of its own."""
    code = f"from test_ray import {function}; {function}({str(store.path)!r}, {str(folder)!r})"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    environment = os.environ | {"PYTHONPATH": paths}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def end_with_ours(store: str, folder: str) -> None:
    """A search on a Ray of its own; it says in which way it ended."""
    run, name = ablation(Path(folder), open_store(Path(store)))

    def on_epoch(study: str, done: EpochDone, epochs: int) -> None:
        print("epoch", flush=True)

    with stop_on_signals() as stop:
        try:
            terms = Terms(stop=stop)
            run_study(
                run,
                open_store(Path(store)),
                name,
                lambda: ray_executor(workers=1),
                replace(silent(), epoch=on_epoch),
                terms,
            )
        except Stopped as stopped:
            print("stopped", stopped.exit_code, flush=True)


def test_a_signal_that_ends_our_own_ray_as_well_is_a_request_to_stop(tmp_path: Path, tiny_store: Store) -> None:
    """As service managers send it: to every process of the group at once."""
    with leading("end_with_ours", tiny_store, tmp_path / "run") as leader:
        assert leader.stdout
        assert leader.stdout.readline() == "epoch\n"
        os.killpg(leader.pid, signal.SIGTERM)
        *_, last = leader.stdout.read().splitlines()
        code_of_end = leader.wait(SECONDS)

    assert last == f"stopped {128 + signal.SIGTERM}"
    assert code_of_end == 0


def test_where_rays_process_beside_the_leader_has_ended_no_trial_is_called_failed(
    tmp_path: Path, tiny_store: Store
) -> None:
    """Ray would refuse every further task within a second, and the study would decide by that."""
    run, name = ablation(tmp_path, tiny_store)
    processes: set[int] = set()

    def on_epoch(study: str, done: EpochDone, epochs: int) -> None:
        if not processes:
            processes.update(ray_processes())
            programs = {number: Path(f"/proc/{number}/cmdline").read_text().split("\0")[0] for number in processes}
            [raylet] = [number for number, program in programs.items() if program.endswith("/raylet")]
            os.kill(raylet, signal.SIGKILL)

    with pytest.raises(ExecutorGone, match="repeat the command"):
        run_study(run, tiny_store, name, lambda: ray_executor(workers=1), replace(silent(), epoch=on_epoch))
    gone(processes, seconds=1.0)  # two of Ray's own look after their parent only once a minute

    study = load(open_storage(run.storage), name)
    assert study is not None
    assert {trial.state for trial in trials_of(study)} <= {"complete", "running"}


def test_a_trial_that_no_node_can_take_is_said_to_wait(
    cluster: Cluster, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.workers.ray_cluster.PLACE_SECONDS", 0.0)
    executor = ray_executor(cluster.address)
    nothing_waits = executor.without_a_place()
    executor.start(job(tiny_store, tmp_path / "trial"))
    [said] = heard(executor, until=Remark)

    assert nothing_waits == []
    assert isinstance(said, Remark)
    assert "waits until a node joins" in said.sentence
    assert executor.wait(1.0) == []
    executor.stop()
    assert isinstance(heard(executor)[-1], Paused)


def test_a_worker_of_a_run_that_is_named_from_here_ends_when_another_takes_that_over(
    cluster: Cluster, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a node that has another working directory, of a leader that sleeps and does not hear of it."""
    cluster.add_node(num_cpus=1)  # begins here
    monkeypatch.chdir(tmp_path)
    trial = replace(lasting(job(tiny_store, Path("trial")), epochs=100_000), lease=Path("lease"), token="ours")
    owned_by("ours")
    executor = ray_executor(cluster.address)
    executor.start(trial)
    heard(executor, until=EpochDone)
    worker = worker_of(trial.folder.absolute())
    owned_by("another's")

    assert gone({worker}) == set()
    executor.close()


def owned_by(token: str) -> None:
    with Path("lease").open("w") as file:
        write(file, Owner("here", 1, "now", token=token))


def test_every_path_of_a_job_is_whole_on_a_node(tiny_store: Store, tmp_path: Path) -> None:
    near = Path("here")
    started = replace(job(tiny_store, near), lease=near, start=near)
    sent = from_anywhere(replace(started, training=replace(started.training, weights="here.h5")))

    paths = [value for value in vars(sent).values() if isinstance(value, Path)]
    assert len(paths) == 4
    assert all(path.is_absolute() for path in (*paths, Path(sent.training.weights)))


def test_a_trial_that_waits_for_a_place_can_be_stopped_and_ended(
    cluster: Cluster, tmp_path: Path, tiny_store: Store
) -> None:
    executor = ray_executor(cluster.address)
    ended, stopped = job(tiny_store, tmp_path / "ended", number=1), job(tiny_store, tmp_path / "stopped", number=2)
    executor.start(ended)
    executor.start(stopped)
    quiet = executor.wait(2.0)
    executor.kill(1, "timed_out")
    first = heard(executor)
    executor.stop()
    second = heard(executor)

    assert quiet == []
    assert [(type(message), message.number) for message in first + second] == [(Failed, 1), (Paused, 2)]


def test_ray_ending_a_worker_for_want_of_memory_is_told_apart(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch, closed: list[Executor]
) -> None:
    """Ray is made to think that a machine with a hundredth of its memory in use is full."""
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.01")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    closed.append(ray_executor(workers=1))
    closed[0].start(lasting(job(tiny_store, tmp_path / "trial"), epochs=1000))
    message = heard(closed[0])[-1]

    assert isinstance(message, Failed)
    assert message.reason == "host_out_of_memory"


def test_a_ray_of_our_own_leaves_nothing_on_the_disk() -> None:
    executor = ray_executor(workers=1)
    session = Path(executor.session)
    was_there = session.is_dir()
    executor.close()

    assert was_there
    assert not session.exists()


def test_a_ray_of_our_own_listens_on_loopback_alone(closed: list[Executor]) -> None:
    closed.append(ray_executor())
    listening = {address for process in {os.getpid(), *ray_processes()} for address in listens_on(process)}

    assert listening
    assert listening <= {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def listens_on(process: int) -> set[str]:
    """Addresses of the process's listening TCP sockets, as the kernel writes them."""
    sockets = set()
    for opened in Path(f"/proc/{process}/fd").iterdir():
        if named := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(opened) if opened.is_symlink() else ""):
            sockets.add(named[1])
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}


def lead(store: str, folder: str) -> None:
    """A leader: kills its worker once, prints what it has become, then trains on."""
    before = signal.getsignal(signal.SIGTERM)
    executor = ray_executor(workers=1)
    trial = lasting(job(open_store(Path(store)), Path(folder)), epochs=100_000)
    executor.start(trial)
    heard(executor, until=EpochDone)
    os.kill(worker_of(trial.folder), signal.SIGKILL)
    [*_, ended] = heard(executor)
    executor.start(trial)
    heard(executor, until=Resumed)
    kept = signal.getsignal(signal.SIGTERM) == before
    print(
        json.dumps({"ended": repr(ended), "tensorflow": "tensorflow" in sys.modules, "sigterm kept": kept}), flush=True
    )
    while True:
        executor.wait(1.0)


def test_ray_leaves_the_leader_its_stdout_and_signals_and_workers_leave_with_a_leader_that_was_killed(
    tmp_path: Path, tiny_store: Store
) -> None:
    with leading("lead", tiny_store, tmp_path) as leader:
        assert leader.stdout
        try:
            line = leader.stdout.readline()
            processes = ray_processes()
            trained = len(checkpoint.written(tmp_path))
            worker = worker_of(tmp_path)
        finally:
            leader.kill()
        rest = leader.stdout.read()
    deadline = time.monotonic() + SECONDS / 2
    while working_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    left = working_in(tmp_path)
    gone(processes, seconds=1.0)  # two of Ray's own look after their parent only once a minute

    told = json.loads(line)
    assert "'killed'" in told["ended"]
    assert not told["tensorflow"]
    assert told["sigterm kept"]
    assert rest == ""
    assert trained
    assert str(worker) not in left
    assert left == []


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("127.0.0.1:9", "no Ray at 127.0.0.1:9 .*refused"),
        ("127.0.0.1:99999", "no Ray at 127.0.0.1:99999"),
        ("somewhere", "no Ray at somewhere .*give host:port"),
        ("ray://127.0.0.1:10001", "start the search on a machine of the cluster"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_a_sentence(address: str, sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence):
        ray_executor(address)


def test_without_ray_a_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "search.workers.ray_cluster")

    with pytest.raises(StudyError, match=r"needs Ray .*pip install '\.\[ray\]'"):
        import search.workers.ray_cluster  # noqa: F401


def test_a_node_without_the_runs_folder_halts_the_search_with_a_sentence(tmp_path: Path, tiny_store: Store) -> None:
    begun, halted = train(job(tiny_store, tmp_path / "not" / "here"))

    assert begun is None
    assert isinstance(halted, Halted)
    assert "put --run-dir where every node" in halted.sentence
