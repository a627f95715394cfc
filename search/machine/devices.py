"""What trainings run on here: the line that every search and training begins with, and the refusal of a card that lies idle.

TensorFlow is asked in a process of its own, forked from the workers' server: so the leader imports nothing, and the server is
ready when the first trial begins.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from data.cores import cores
from data.counted import counted
from models.training.cards import HIDING, remedy, sign_of_nvidia, visible_gpus, without_code
from models.training.settings import Precision
from search.output.terminal import log
from search.workers.executor import Executor, Make, trains_here
from studies.preset import StudyError

DeviceChoice = Literal["auto", "cpu"]


@dataclass(frozen=True)
class Seen:
    """What TensorFlow sees and takes in a worker of this machine."""

    gpus: tuple[str, ...]  # names, as NVIDIA's driver gives them
    precision: Precision
    xla: bool
    tensorflow: str  # version
    without_code: tuple[str, ...] = ()  # the GPUs for which its package has none, each with what follows
    each: tuple[Precision, ...] = ()  # what a worker takes that is given one of the GPUs alone


def choose_device(device: DeviceChoice, where: str) -> None:
    """Hide the GPUs from every process that this one starts, where the CPU is asked for."""
    if device != "cpu":
        return
    if not trains_here(where):
        raise StudyError(
            f"--device cpu is about this machine: leave it out with --executor {where.partition('://')[0]}"
        )
    os.environ[HIDING] = "-1"


def seen(precision: Precision, deterministic: bool) -> Seen | None:
    """None where no worker can answer; the first trial then says why, with the end of its log."""
    from search.workers.local import asked_of_a_worker  # brings what begins processes

    return asked_of_a_worker(look, precision, deterministic)


def look(precision: Precision, deterministic: bool) -> Seen:
    """In a worker."""
    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.backend import tf

    from models.training.fit import compiled
    from models.training.precision import automatic, capability, of_gpu

    gpus = tf.config.list_physical_devices("GPU")
    names = tuple(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus)
    built = tf.sysconfig.get_build_info().get("cuda_compute_capabilities", ())
    lacking = [
        f"{name} is {why}"
        for name, gpu in zip(names, gpus, strict=True)
        if (why := without_code(capability(gpu), built))
    ]
    taken = automatic() if precision == "auto" else precision
    each = tuple(of_gpu(capability(gpu)) if precision == "auto" else precision for gpu in gpus)
    return Seen(names, taken, compiled(deterministic), tf.__version__, tuple(sorted(set(lacking))), each)


def refuse_idle_card(found: Seen, sign: str) -> None:
    """Raises StudyError where the machine has a card that TensorFlow does not see: days on a CPU are no surprise to spring."""
    if sign and not found.gpus:
        raise StudyError(
            f"this machine has {sign}, but TensorFlow sees no GPU: {remedy(sign)}; see `boneage-search doctor`; if the CPU is meant, add --device cpu"
        )


def refuse_idle(ask: Callable[[], Seen | None]) -> None:
    """The same; TensorFlow is asked only where a sign says that there is a card: elsewhere nobody waits for its answer."""
    if (sign := sign_of_nvidia()) and (found := ask()):
        refuse_idle_card(found, sign)


def device_line(found: Seen, workers: int, cards: int = 0) -> str:
    """`cards` are those that workers are given one by one; of the parts of a card (MIG), CUDA shows a process the first alone."""
    names = sorted(set(found.gpus))
    gpus = f"{counted(len(found.gpus), 'GPU')} ({', '.join(names)})"
    device = gpus if found.gpus else f"CPU ({cpu_name()}, {counted(cores(), 'core')})"
    at_once = counted(workers, "worker")
    if found.gpus and workers > max(len(found.gpus), cards):
        at_once += ", which share a card's memory"
    taken = sorted({*found.each}) or [found.precision]
    precision = taken[0] if len(taken) == 1 else f"{' or '.join(taken)}, by the card (--precision sets one for all)"
    return f"device: {device}; precision: {precision}; {at_once}; XLA: {'yes' if found.xla else 'no'}"


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or os.uname().machine


def announcing(make: Make, device: DeviceChoice, where: str, precision: Precision, deterministic: bool) -> Make:
    """The executor on the device that is asked for, with the line that every training begins with.

    Called before the data are read: meanwhile this machine's workers import TensorFlow.
    """
    choose_device(device, where)
    if trains_here(where):
        from search.workers.local import begin_server

        begin_server()
    return announced(make, where, precision, deterministic)


def announced(make: Make, where: str, precision: Precision, deterministic: bool) -> Make:
    """The same executor; the first time that it is made, which is before the first trial, a line says what it runs on.

    Raises StudyError at once for a card that lies idle: only a machine with a sign of one waits for TensorFlow's answer.
    """
    told = False

    @cache  # whatever asks first
    def found_here() -> Seen | None:
        if not trains_here(where):
            return None
        log("starting TensorFlow")
        return seen(precision, deterministic)

    def made() -> Executor:
        nonlocal told
        if told:
            return make()
        found = found_here()
        told = True
        executor = make()
        if found:
            log(device_line(found, executor.workers, len(visible_gpus())))
            for sentence in found.without_code:
                log(sentence)
        elif not trains_here(where):
            log(
                f"device: what the nodes of {where} have; precision: {precision}; {counted(executor.workers, 'worker')}"
            )
        return executor

    if trains_here(where):
        refuse_idle(found_here)
    return made
