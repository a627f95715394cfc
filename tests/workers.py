"""Trials in workers: small jobs, what an executor says of them, and the processes behind it."""

import os
import re
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from conftest import tiny_preset
from small_trainings import TINY as SMALLEST

from data.store.disk import Store
from models.architecture import Architecture
from search.workers.executor import Executor
from search.workers.job import LAST, Job, Message

SECONDS = 200.0  # for anything to happen, on a busy machine


def ray_processes() -> set[int]:
    """Ray's servers and workers below this process."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    below, found = {os.getpid()}, set()
    while new := {number for number, parent in parents.items() if parent in below} - below:
        below |= new
    for number in below - {os.getpid()}:
        with suppress(OSError):
            program = Path(f"/proc/{number}/cmdline").read_text().split("\0")[:3]  # before its arguments
            if any(re.search(r"^ray::|/ray/", word) for word in program):
                found.add(number)
    return found


def gone(processes: set[int], seconds: float = 30.0) -> set[int]:
    """Wait for their end; those that outlast the time are returned, and killed."""
    deadline = time.monotonic() + seconds
    while (left := {number for number in processes if running(number)}) and time.monotonic() < deadline:
        time.sleep(0.1)
    for number in left:
        os.kill(number, signal.SIGKILL)
    return left


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def lasting(job: Job, epochs: int) -> Job:
    """Deterministic, and long enough for something to befall it on the way."""
    return replace(job, training=replace(job.training, epochs=epochs), deterministic=True)


def heard(executor: Executor, until: type[Message] | tuple[type[Message], ...] = LAST) -> list[Message]:
    """What the executor tells, up to a message of this kind."""
    messages: list[Message] = []
    deadline = time.monotonic() + SECONDS
    while not any(isinstance(message, until) for message in messages):
        assert time.monotonic() < deadline, messages
        messages += executor.wait(1.0)
    return messages


def worker_of(folder: Path) -> int:
    """The process that has the trial's log; it may have told of an epoch and not be there yet, nor the one before it gone."""
    deadline = time.monotonic() + SECONDS
    while len(found := {int(process) for process in working_in(folder)} - {os.getpid()}) != 1:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found.pop()


TINY = tiny_preset()


def job(store: Store, folder: Path, architecture: Architecture = SMALLEST, number: int = 0) -> Job:
    return Job(number, architecture, TINY.training, 0, store.path, store.digest, store.image_px, folder)


def working_in(folder: Path) -> list[str]:
    """Processes that have a file of this folder open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(opened).startswith(str(folder)) for opened in (process / "fd").iterdir()):
                found.append(process.name)
        except OSError:
            continue
    return found
