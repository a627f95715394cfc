"""Where trials run. The leader starts jobs and waits for messages; it never imports TensorFlow.

`LocalProcesses` gives every job a process of its own, at most `workers` at once, each with one GPU where there are any.
`InProcess` trains in the leader's own process, for debugging and for tests that look inside.
"""

import json
import multiprocessing
import os
from dataclasses import replace
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from search.job import EpochDone, Failed, Job, Message, job_dict


class Executor(Protocol):
    workers: int

    def start(self, job: Job) -> None:
        """Run the job; called only while fewer than `workers` run."""

    def wait(self) -> list[Message]:
        """Block until something is known of a running job. Finished, Failed or Crashed is the last message of each."""

    def close(self) -> None:
        """End whatever still runs."""


def visible_gpus() -> list[str]:
    """GPUs as CUDA_VISIBLE_DEVICES names them, found without CUDA: the leader must not touch a device."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu for gpu in named.split(",") if gpu and gpu != "-1"]
    driver = Path("/proc/driver/nvidia/gpus")
    return [str(index) for index, _ in enumerate(driver.iterdir())] if driver.is_dir() else []


CPU_WORKERS = 4  # small networks train faster side by side on one core each than one after the other on all


class LocalProcesses:
    def __init__(self, workers: int = 0) -> None:
        """`workers` 0 is one per GPU; without GPUs one per core, at most CPU_WORKERS."""
        gpus = visible_gpus()
        self.workers = workers or len(gpus) or min(os.cpu_count() or 1, CPU_WORKERS)
        self.free_gpus = [gpus[slot % len(gpus)] for slot in range(self.workers)] if gpus else []
        self.threads = max((os.cpu_count() or 1) // self.workers, 1)
        self.running: dict[connection.Connection, tuple[BaseProcess, Job]] = {}
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # inherited by the server: its chatter is not ours
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["search.preload"])

    def start(self, job: Job) -> None:
        gpu = self.free_gpus.pop(0) if self.free_gpus else ""
        job = replace(job, threads=self.threads, gpu=gpu)
        lay_out(job)
        # Imported by name in the worker; importing it here would import TensorFlow.
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=enter_trial, args=(job, theirs), name=f"trial-{job.number}")
        process.start()
        theirs.close()
        self.running[ours] = (process, job)

    def wait(self) -> list[Message]:
        messages: list[Message] = []
        for ready in connection.wait(list(self.running)):
            assert isinstance(ready, connection.Connection)
            process, job = self.running[ready]
            try:
                message: Message = ready.recv()
            except (EOFError, ConnectionResetError):
                process.join()
                message = Failed(job.number, "killed", f"the worker process ended with exit code {process.exitcode}")
            messages.append(message)
            if not isinstance(message, EpochDone):
                self.release(ready)
        return messages

    def release(self, ready: connection.Connection) -> None:
        process, job = self.running.pop(ready)
        ready.close()
        process.join()
        if job.gpu:
            self.free_gpus.append(job.gpu)

    def close(self) -> None:
        for process, _ in self.running.values():
            process.kill()
        for ready in list(self.running):
            self.release(ready)


class InProcess:
    workers = 1

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def start(self, job: Job) -> None:
        from search import trial  # not imported above: it imports TensorFlow

        lay_out(job)
        self.messages.append(trial.outcome(job, self.messages.append))

    def wait(self) -> list[Message]:
        messages, self.messages = self.messages, []
        return messages

    def close(self) -> None:
        self.messages = []


def lay_out(job: Job) -> None:
    """The trial's folder, with what the trial is."""
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "job.json").write_text(json.dumps(job_dict(job), indent=1) + "\n")


def enter_trial(job: Job, theirs: connection.Connection) -> None:
    from search import trial

    trial.main(job, theirs)
