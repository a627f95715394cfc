"""What trains jobs: the protocol of executors, and the dict of those that a command can name. Another one is a line here.

What is imported for one is imported when it is chosen: Ray may not be installed, and others than it need no network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from studies.preset import StudyError

if TYPE_CHECKING:
    from search.workers.job import Job, Message


class Executor(Protocol):
    workers: int

    def start(self, job: "Job") -> None:
        """Run the job, from its checkpoint if it has one; called only while fewer than `workers` run."""

    def wait(self, seconds: float) -> "list[Message]":
        """What became known of the running jobs; waits so long at most. One of LAST is the last message of each job.

        Raises ExecutorGone."""

    def stop(self) -> None:
        """Ask every running job to leave after its epoch."""

    def kill(self, number: int, reason: str) -> None:
        """End a job now; it is Failed with this reason."""

    def close(self) -> None:
        """End whatever still runs."""


Make = Callable[[], Executor]


def local(address: str, workers: int) -> Make:
    from search.workers.local import LocalProcesses

    return lambda: LocalProcesses(workers)


def ray(address: str, workers: int) -> Make:
    from search.workers.ray_cluster import ray_executor  # refuses where Ray is not installed

    return lambda: ray_executor(address, workers)


@dataclass(frozen=True)
class Kind:
    # Of an address, empty where none was given, and a number of workers, 0 as many as fit.
    make: Callable[[str, int], Make]
    addresses: tuple[str, ...] = ()  # forms of what may follow ://; none where nothing may
    here: bool = False  # trains on this machine alone, whose devices are looked at before
    what: str = ""  # as the option's help says it


EXECUTORS: dict[str, Kind] = {
    "local": Kind(local, here=True, what="processes of this machine"),
    "ray": Kind(ray, ("auto", "HOST:PORT"), what="a Ray of its own, or the cluster there"),
}


def written(name: str) -> list[str]:
    """ray, ray://auto."""
    return [name, *(f"{name}://{place}" for place in EXECUTORS[name].addresses)]


def forms() -> list[str]:
    """How executors are written."""
    return [form for name in EXECUTORS for form in written(name)]


def help_text() -> str:
    return "; ".join(f"{', '.join(written(name))}: {kind.what}" for name, kind in EXECUTORS.items())


def trains_here(where: str) -> bool:
    """Whether the executor of this name trains on this machine alone."""
    kind = EXECUTORS.get(where.partition("://")[0])
    return kind is not None and kind.here


def executor_of(where: str, workers: int = 0) -> Make:
    """How to make the executor of this name. Raises StudyError where there is none, or what it needs is not installed."""
    name, addressed, address = where.partition("://")
    kind = EXECUTORS.get(name)
    if kind is None or (addressed and not (address and kind.addresses)):
        *first, last = forms()
        raise StudyError(f"--executor is {', '.join(first)} or {last}; got {where!r}")
    return kind.make(address, workers)
