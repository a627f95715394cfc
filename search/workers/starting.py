"""A worker's first steps, before it has imported TensorFlow, and what is said of one that does not get further.

Such an end says nothing of the network and would meet every other trial as well. So it ends the search with a sentence and
fails no trial; the next leader adopts those that were running.
"""

import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from search.lease import LOOK_SECONDS, lock_on
from search.workers.job import Halted, Job

LOG = "log.txt"  # in the trial's folder
BEGUN = "begun"  # what a worker sends first: it has imported everything and found its devices
LINES, CHARACTERS = 8, 800  # of a log, as messages and the storage quote it


def enter_trial(job: Job, connection: Connection) -> None:
    """Entry point of a worker process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Ctrl-C reaches the whole terminal, and a cluster's SIGTERM every process of a job; the leader decides what it means.
        signal.signal(number, signal.SIG_IGN)
    try:
        log_alone(job.folder)
        from search.workers import worker as trial  # imports TensorFlow, which the leader must not

        trial.use_devices(job)
    except Exception as error:
        connection.send(failed_to_start(job, error))
        return
    connection.send(BEGUN)
    trial.main(job, connection)


def log_alone(folder: Path) -> None:
    """Everything printed goes to the trial's log; a worker of a leader killed just now may still hold it for a moment.

    One that holds it longer sleeps, or is about to see that its leader has lost the trial: it writes nothing more.
    """
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    until = time.monotonic() + 3 * LOOK_SECONDS
    while lock_on(log) is False and time.monotonic() < until:
        time.sleep(0.1)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())


def failed_to_start(job: Job, error: Exception) -> Halted:
    """For the exception that is being handled."""
    traceback.print_exc()
    return could_not_start(job, type(error).__name__, ends(traceback.format_exc()))


def could_not_start(job: Job, how: str, last_lines: str) -> Halted:
    """`last_lines` is what the worker said last, empty where it said nothing."""
    sentence = (
        f"the worker of {job.folder.parent.name}/{job.folder.name} could not start ({how}). No trial has failed because "
        f"of it: correct the cause, and run the same command again. Its log is {job.folder / LOG}"
    )
    return Halted(job.number, sentence, last_lines)


def log_bytes(folder: Path) -> int:
    try:
        return (folder / LOG).stat().st_size
    except OSError:
        return 0


def log_ends(folder: Path, since: int = 0) -> str:
    """The last lines of a trial's log, of those after its first `since` bytes; empty where there is none."""
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(since)
            return ends(file.read().decode(errors="replace"))
    except OSError:
        return ""


def ends(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LINES:])[-CHARACTERS:]
