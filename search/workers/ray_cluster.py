"""Trials on Ray: on this machine, or on the nodes of a cluster that share the run's folder.

A trial is a Ray task in a worker process of its own; what it yields, its messages, reaches the leader while it runs and
needs no further process. Ray repeats nothing by itself: a worker or node that is lost is a failed task, which the leader
starts again, on any node, from the checkpoint in the trial's folder. The order to stop goes through that folder too. Ray
ends the tasks of a leader that is gone within seconds. A worker ends itself where its node has ended, or another leader has taken
over; a leader whose cluster's head is gone ends with a sentence, before Ray would end it without one.
"""

import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from boneage_search import trained_on_ray
from data.counted import counted
from models.training.cards import HIDING, set_up
from search.lease import LOOK_SECONDS, superseded
from search.workers.job import ATTEMPTS, LAST, Crashed, ExecutorGone, Failed, Halted, Job, Message, Paused, Remark
from search.workers.local import lay_out
from search.workers.starting import BEGUN, could_not_start, failed_to_start, log_alone, log_ends
from studies.preset import StudyError

try:
    import ray
    import ray._private.ray_constants as ray_constants
    import ray._private.worker as ray_driver
except ModuleNotFoundError as missing:
    raise StudyError(f"--executor ray needs Ray ({missing}): pip install '.[ray]'") from None

STOP_FILE = "stop"  # in the trial's folder: leave after this epoch
REACHED_SECONDS = 10.0  # to answer on the cluster's port; Ray itself tries for minutes
PLACE_SECONDS = 20.0  # of waiting, until somebody is told that the cluster has no place
CLUSTER_SECONDS = 1.0  # between two looks at the cluster
GONE_SECONDS = 30.0  # without an answer, until the head counts as gone: after 60 Ray ends a leader without a word
STORE_BYTES = 100 * 1024 * 1024  # Ray's shared memory, near its least: messages are small


def ray_executor(address: str = "", workers: int = 0) -> "RayExecutor":
    """Trials on the cluster at `address` (host:port, or auto for the one this machine belongs to).

    With no address, on a Ray of our own on this machine, which ends with the executor. Raises StudyError where there is
    no such cluster.
    """
    connect(address)
    return RayExecutor(workers, own=not address)


def connect(address: str) -> None:
    if "://" in address:
        raise StudyError(
            f"{address} is an address for Ray's client, which does not pass on a running task's messages: start the search on "
            "a machine of the cluster, with the address auto"
        )
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray_driver._worker_logs_enabled = False  # Ray prints what befalls its workers to stdout, which is for data
    where, settings = f"at {address}", dict[str, Any]()
    if not address:
        where, settings = "on this machine", {"include_dashboard": False, "object_store_memory": STORE_BYTES}
        listen_on_loopback_alone()
    elif address != "auto":
        check_reached(address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **settings)
    except (OSError, RuntimeError, ValueError) as error:
        raise StudyError(f"no Ray {where}: {error}") from None
    finally:
        signal.signal(signal.SIGTERM, before)  # Ray sets one that ends the leader at once


def check_reached(address: str) -> None:
    try:
        reach(address)
    except (OSError, OverflowError, ValueError) as error:
        raise StudyError(f"no Ray at {address} ({error}): give host:port of the cluster's head, or auto") from None


def reach(address: str) -> None:
    """Raises OSError where nobody answers there."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), REACHED_SECONDS).close()


def listen_on_loopback_alone() -> None:
    """What Ray does on systems where it has no clusters, for this process and those it starts."""
    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False


class RayExecutor:
    """On the Ray that this process is connected to; `close` disconnects."""

    def __init__(self, workers: int = 0, own: bool = False) -> None:
        """`workers` 0 is one per GPU of the cluster; without GPUs one per core. There are never more than fit. `own`: it ends with us."""
        self.asked, self.own = workers, own
        self.session = Path(ray_driver._global_node.get_session_dir_path())  # type: ignore[attr-defined] # it is connected
        self.head = ray.get_runtime_context().gcs_address
        self.began = self.answered = self.looked = time.monotonic()
        self.told = False
        self.place = "GPU" if count_of("GPU") else "CPU"
        self.workers = self.places()
        needs: dict[str, Any] = {"num_cpus": 0, "num_gpus": 1} if self.place == "GPU" else {"num_cpus": 1}
        # One call per process: only its end gives back the device's memory. No retries: the leader decides on them.
        self.train = ray.remote(num_returns="streaming", max_calls=1, max_retries=0, **needs)(trained_on_ray)
        self.running: dict[ray.ObjectRefGenerator[Any], Task] = {}

    def places(self) -> int:
        """How many trials fit now; nodes come and go."""
        self.fit = count_of(self.place)
        most = max(self.fit, 1)
        return min(self.asked or most, most)

    def start(self, job: Job) -> None:
        # One core each, as Ray counts, where there are no GPUs.
        job = replace(from_anywhere(job), threads=1 if self.place == "CPU" else 0)
        lay_out(job)
        (job.folder / STOP_FILE).unlink(missing_ok=True)  # meant for an earlier leader's worker
        self.running[self.begin(job)] = Task(job)

    def begin(self, job: Job) -> Any:
        return self.train.options(name=f"trial-{job.number}").remote(job)

    def wait(self, seconds: float) -> list[Message]:
        if not self.running:
            return []
        streams = list(self.running)
        ray.wait(streams, timeout=seconds)  # for the first to say something
        ready, _ = ray.wait(streams, num_returns=len(streams), timeout=0)
        self.look_at_the_cluster()
        messages = [message for stream in ready if (message := self.hear(stream))]
        return [*messages, *self.without_a_place()]

    def look_at_the_cluster(self) -> None:
        """How many trials fit now. Raises ExecutorGone where its head has not answered for GONE_SECONDS, or at once if it is our own.

        Ray is only asked while the head answers: otherwise that does not come back, and after a minute Ray ends this process.
        """
        now = time.monotonic()
        if now < self.looked + CLUSTER_SECONDS:
            return
        self.looked = now
        try:
            reach(self.head)
        except OSError:
            if self.own or now > self.answered + GONE_SECONDS:
                raise self.gone(f"the head of the Ray cluster at {self.head} is gone") from None
            return
        self.answered = now
        self.workers = self.places()

    def gone(self, what: str) -> ExecutorGone:
        """Nobody is left to end the tasks; their workers end themselves."""
        self.running.clear()
        if self.own:
            return ExecutorGone("Ray's own processes have ended. What was trained is kept: repeat the command")
        return ExecutorGone(f"{what}. What was trained is kept: start Ray there again, and repeat the command")

    def without_a_place(self) -> list[Message]:
        """Said once, where trials wait and the cluster has no place at all."""
        waiting = [task.job.number for task in self.running.values() if not task.begun]
        if self.told or self.fit or not waiting or time.monotonic() < self.began + PLACE_SECONDS:
            return []
        self.told = True
        waits = "the Ray cluster has neither a GPU nor a CPU to train on: it waits until a node joins that has"
        return [Remark(waiting[0], waits)]

    def hear(self, stream: Any) -> Message | None:
        """The next that a task has to say; None where it only says that it has begun."""
        task = self.running[stream]
        try:
            said = ray.get(next(stream))
        except ray.exceptions.LocalRayletDiedError:  # it says nothing of the trial, and no other would begin
            raise self.gone("Ray's process on this machine has ended") from None
        except ray.exceptions.RayError as error:
            if task.dies_at_start(error) and task.starts < ATTEMPTS:  # perhaps by somebody's hand
                del self.running[stream]
                self.running[self.begin(task.job)] = Task(task.job, starts=task.starts + 1)
                return None
            said = how_it_ended(task, error)
        task.begun = True
        task.started = task.started or said == BEGUN
        message: Message | None = None if said == BEGUN else said
        if isinstance(message, LAST):
            del self.running[stream]
            (task.job.folder / STOP_FILE).unlink(missing_ok=True)
        return message

    def stop(self) -> None:
        for stream, task in self.running.items():
            if task.begun:
                (task.job.folder / STOP_FILE).touch()
            else:  # it waits for a place, perhaps for long
                task.end = Paused(task.job.number)
                ray.cancel(stream, force=True)

    def kill(self, number: int, reason: str) -> None:
        for stream, task in self.running.items():
            if task.job.number == number:
                task.end = Failed(number, reason, "the search ended its task")
                ray.cancel(stream, force=True)

    def close(self) -> None:
        for stream in self.running:
            ray.cancel(stream, force=True)
        self.running.clear()
        ray.shutdown()
        if self.own:  # sockets and logs of Ray's, which nobody reads any more
            shutil.rmtree(self.session, ignore_errors=True)


def from_anywhere(job: Job) -> Job:
    """The same with whole paths: a worker has another working directory."""
    paths: dict[str, Any] = {
        field.name: path.absolute() for field in fields(job) if isinstance(path := getattr(job, field.name), Path)
    }
    weights = str(Path(job.training.weights).absolute()) if job.training.weights else ""
    return replace(job, training=replace(job.training, weights=weights), **paths)


def count_of(resource: str) -> int:
    """In the whole cluster, taken or free."""
    return int(ray.cluster_resources().get(resource, 0))  # type: ignore[no-untyped-call]


@dataclass
class Task:
    job: Job
    begun: bool = False  # in a worker, as far as is known
    started: bool = False  # that worker has imported everything
    starts: int = 1  # workers that were given it, and ended before that
    end: Failed | Paused | None = None  # what it is, if we ended it

    def dies_at_start(self, error: ray.exceptions.RayError) -> bool:
        """Whether the worker's process has ended, nobody knows how, before it had imported everything."""
        return not self.started and not self.end and isinstance(error, ray.exceptions.WorkerCrashedError)


def how_it_ended(task: Task, error: ray.exceptions.RayError) -> Failed | Paused | Crashed | Halted:
    if task.end:
        return task.end
    if task.dies_at_start(error):
        return could_not_start(task.job, f"its process ended {counted(task.starts, 'time')}", log_ends(task.job.folder))
    if isinstance(error, ray.exceptions.RayTaskError):
        return Crashed(task.job.number, str(error))
    reason = "host_out_of_memory" if isinstance(error, ray.exceptions.OutOfMemoryError) else "killed"
    first_sentence, _, _ = " ".join(str(error).split()).partition(". ")
    return Failed(task.job.number, reason, f"{type(error).__name__}: {first_sentence}")


def train(job: Job) -> Iterator[Message | str | None]:
    """The worker's side: None when it has a place, BEGUN, then what the trial says, while another thread trains."""
    yield None
    if not job.folder.is_dir():
        node = socket.gethostname()
        yield Halted(
            job.number, f"{node} does not see {job.folder}: put --run-dir where every node of the cluster sees it"
        )
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    set_up()
    try:
        log_alone(job.folder)
        from search.workers import worker as trial  # not imported above: it imports TensorFlow

        trial.use_devices(replace(job, gpu=os.environ.get(HIDING, "") if ray.get_gpu_ids() else ""))
    except Exception as error:
        yield failed_to_start(job, error)
        return
    yield BEGUN
    threading.Thread(target=leave_when_alone, args=(job, os.getppid()), daemon=True).start()
    messages: SimpleQueue[Message] = SimpleQueue()
    stopping = (job.folder / STOP_FILE).exists
    training = threading.Thread(target=lambda: messages.put(trial.outcome(job, messages.put, stopping)), daemon=True)
    training.start()
    while True:
        message = messages.get()
        yield message
        if isinstance(message, LAST):
            return


def leave_when_alone(job: Job, node: int) -> None:
    """End at once when the node's own process has, which then ends nobody any more, or when the leader has lost its work to another."""
    while os.getppid() == node and not superseded(job.lease, job.token):
        time.sleep(LOOK_SECONDS)
    os._exit(1)
