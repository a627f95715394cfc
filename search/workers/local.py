"""Where trials run. The leader starts jobs and waits for messages; it never imports TensorFlow.

`LocalProcesses` gives every job a process of its own, at most `workers` at once, each with one GPU where there are any.
`InProcess` trains in the leader's own process, for debugging and for tests that look inside.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from site import getsitepackages
from types import ModuleType
from typing import TypeVar

from boneage_search import HOME, is_here
from models.training.cards import set_up, visible_gpus
from search.output.files import write_text
from search.workers.at_once import threads_of, workers_here
from search.workers.job import LAST, STOP, Failed, Halted, Job, Message, job_dict
from search.workers.starting import BEGUN, could_not_start, enter_trial, failed_to_start, log_bytes, log_ends
from studies.preset import StudyError

Answer = TypeVar("Answer")
ANSWER_SECONDS = 300.0  # until TensorFlow is imported on a machine that does much else
SERVER_PAUSES = (0.0, 0.1, 0.5, 1.0)  # seconds before each try: a server that is ending still seems to be there
PATHS = ("PYTHONSAFEPATH", "PYTHONPATH")  # by which Python decides where a process looks for modules


def fork_server() -> ForkServerContext:
    """The one server of this process from which workers are forked; it begins with the first of them."""
    # Inherited by the server. TensorFlow's chatter is not ours.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    set_up()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["boneage_search", "search.workers.preload"])
    return context


def begin_server() -> None:
    """Let the server import TensorFlow while this process still reads what it needs. Where it cannot begin, the first worker says why."""
    fork_server()
    with suppress(OSError), scriptless():
        resource_tracker.ensure_running()  # first: the server would begin it, and it unblocks Ctrl-C
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which is the leader's to answer
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)


def asked_of_a_worker(
    function: Callable[..., Answer], *arguments: object, seconds: float = ANSWER_SECONDS
) -> Answer | None:
    """What the function answers in a process of its own, forked from the workers' server; None where none can answer in this time."""
    ours, theirs = fork_server().Pipe()
    process = fork_server().Process(target=answer, args=(theirs, function, arguments), name="question")
    try:
        with scriptless():
            process.start()
    except (OSError, EOFError):
        ours.close()
        return None
    finally:
        theirs.close()
    try:
        return ours.recv() if ours.poll(seconds) else None
    except (OSError, EOFError):
        return None
    finally:
        process.kill()  # one that does not answer would hold up this process' own end
        process.join()
        ours.close()


def answer(connection: connection.Connection, function: Callable[..., object], arguments: Sequence[object]) -> None:
    connection.send(function(*arguments))


class LocalProcesses:
    def __init__(self, workers: int = 0) -> None:
        """`workers` 0 is as many as `workers_here` says."""
        gpus = visible_gpus()
        self.workers = workers_here(workers)
        self.free_gpus = [gpus[slot % len(gpus)] for slot in range(self.workers)] if gpus else []
        self.threads = threads_of(self.workers)
        self.running: dict[connection.Connection, Worker] = {}
        self.context = fork_server()

    def start(self, job: Job) -> None:
        gpu = self.free_gpus.pop(0) if self.free_gpus else ""
        job = replace(job, threads=self.threads, gpu=gpu)
        lay_out(job)
        ours, theirs = self.context.Pipe()
        killed_before, logged_before = killed_for_memory(), log_bytes(job.folder)
        try:
            process = self.forked(job, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.running[ours] = Worker(process, job, killed_before, logged_before)

    def forked(self, job: Job, theirs: connection.Connection) -> BaseProcess:
        """Raises StudyError where the system does not let a process begin."""
        said: OSError | EOFError = EOFError()
        for pause in SERVER_PAUSES:
            time.sleep(pause)
            process = self.context.Process(target=enter_trial, args=(job, theirs), name=f"trial-{job.number}")
            try:
                with scriptless():
                    process.start()
                return process
            except (OSError, EOFError) as error:  # EOFError: the server has ended, by what it was to import
                self.context.set_forkserver_preload(["boneage_search"])
                said = error
        raise StudyError(
            f"no worker process can be started ({str(said) or 'its server ended'}); its socket is made in the folder of temporary "
            f"files (TMPDIR is {os.environ.get('TMPDIR', 'not set')}). This folder must exist and be writable, and its path must "
            "have less than 70 characters"
        )

    def wait(self, seconds: float) -> list[Message]:
        messages: list[Message] = []
        for ready in connection.wait(list(self.running), seconds):
            assert isinstance(ready, connection.Connection)
            worker = self.running[ready]
            try:
                said = ready.recv()
            except (EOFError, OSError):  # OSError: it was killed while it sent
                worker.process.join()
                said = how_it_died(worker)
            if said == BEGUN:
                worker.begun = True
                continue
            message: Message = said
            messages.append(message)
            if isinstance(message, LAST):
                self.release(ready)
        return messages

    def stop(self) -> None:
        for ready in self.running:
            with suppress(OSError):  # it has ended by itself just now
                ready.send(STOP)

    def kill(self, number: int, reason: str) -> None:
        for worker in self.running.values():
            if worker.job.number == number:
                worker.reason = reason
                worker.process.kill()

    def release(self, ready: connection.Connection) -> None:
        worker = self.running.pop(ready)
        ready.close()
        worker.process.join()
        if worker.job.gpu:
            self.free_gpus.append(worker.job.gpu)

    def close(self) -> None:
        for worker in self.running.values():
            worker.process.kill()
        for ready in list(self.running):
            self.release(ready)


@dataclass
class Worker:
    process: BaseProcess
    job: Job
    killed_before: int  # what `killed_for_memory` was when it began
    logged_before: int  # what `log_bytes` was then
    begun: bool = False  # it has imported everything
    reason: str = ""  # why we killed it, if we did


@contextmanager
def scriptless() -> Iterator[None]:
    """While a process begins: it imports nothing of the script that runs here, of which a job needs nothing, nor of the working directory.

    There may be no script to import (standard input, a notebook), and one without a `__main__` guard would start a search of its own.
    """
    script, set_before = sys.modules["__main__"], {name: os.environ.get(name) for name in PATHS}
    sys.modules["__main__"] = ModuleType("__main__")
    os.environ.update(PYTHONSAFEPATH="1", PYTHONPATH=os.pathsep.join(paths_elsewhere()))
    try:
        yield
    finally:
        sys.modules["__main__"] = script
        for name, value in set_before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def paths_elsewhere() -> list[str]:
    """Those of PYTHONPATH that are not the working directory, after ours where it may be found by that alone."""
    named = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if not is_here(path)]
    return named if str(HOME) in getsitepackages() else [str(HOME), *named]


# How others end a process. A library that fails while it is loaded ends it with an exit code, or another signal.
FROM_OUTSIDE = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT}


def how_it_died(worker: Worker) -> Failed | Halted:
    code = worker.process.exitcode or 0
    how = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
    if not worker.begun and not worker.reason and code not in FROM_OUTSIDE:
        return could_not_start(worker.job, how, log_ends(worker.job.folder, worker.logged_before))
    for_memory = code == -signal.SIGKILL and killed_for_memory() > worker.killed_before
    reason = worker.reason or ("host_out_of_memory" if for_memory else "killed")
    return Failed(worker.job.number, reason, f"the worker process ended with {how}")


def killed_for_memory() -> int:
    """How many processes Linux has killed for want of memory since it started; 0 where it does not tell."""
    try:
        counters = Path("/proc/vmstat").read_text(encoding="utf-8").split()
        return int(counters[counters.index("oom_kill") + 1])
    except (OSError, ValueError):
        return 0


class InProcess:
    workers = 1

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.stopping = False

    def start(self, job: Job) -> None:
        lay_out(job)
        try:
            from search.workers import worker as trial  # not imported above: it imports TensorFlow
        except Exception as error:
            self.messages.append(failed_to_start(job, error))
            return
        self.messages.append(trial.outcome(job, self.messages.append, lambda: self.stopping))

    def wait(self, seconds: float) -> list[Message]:
        messages, self.messages = self.messages, []
        return messages

    def stop(self) -> None:
        self.stopping = True

    def kill(self, number: int, reason: str) -> None:
        """A job is over before anyone could ask for its end."""

    def close(self) -> None:
        self.messages = []


def lay_out(job: Job) -> None:
    """The trial's folder, with what the trial is."""
    job.folder.mkdir(parents=True, exist_ok=True)
    write_text(job.folder / "job.json", json.dumps(job_dict(job), indent=1) + "\n")
