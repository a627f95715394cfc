"""What is true of this machine, for a report of a fault and for the first GPU: facts by name, and what to do."""

import math
import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from data.cores import cores
from data.counted import counted
from models.training.cards import HIDING, remedy, sign_of_nvidia
from models.training.device_errors import named
from search.machine.card import cards, driver_version
from search.machine.devices import Seen, cpu_name, seen
from search.machine.kept import studies_kept
from search.machine.on_a_gpu import findings
from search.machine.predicted import ROUNDING_MONTHS, predictions_apart
from search.output.terminal import log
from search.storage.sqlite import StorageError
from search.workers.at_once import threads_of, workers_here
from search.workers.local import asked_of_a_worker
from search.workers.step_time import step_times
from studies.preset import Preset

PROGRAM = "boneage-search"
EXTRAS = ("gpu", "ray", "dicom", "postgres", "export", "gp")  # of a user; dev is of developers
STEPS_SECONDS, KERNELS_SECONDS = 1_800.0, 7_200.0
MOST_CHARACTERS = 1_000  # of an error
STANDS_ON = (PROGRAM, "tensorflow", "keras", "optuna", "numpy", "pandas")
FIRST_REPORT = "nobody has run this program on a GPU yet: please report this page"
NOT_COMPARED, NOT_FINITE = "could not be compared", "not a finite number"


def facts(preset: Preset, folder: Path, storage_url: str = "") -> dict[str, Any]:
    """Every fact by name; a step of the preset's reference is trained, in a process of its own."""
    asked_for = preset.training.precision
    found, sign = seen(asked_for, False), sign_of_nvidia()
    by_auto = found if asked_for == "auto" else seen("auto", False)
    gpus, months = found.gpus if found else (), apart(preset, found)
    parts = findings(preset.reference, preset.training, preset.preparation.image_px, gpus, patience(found))
    step = timed_on_both(preset, gpus)
    storage, storage_error = kept(folder, storage_url)
    return {
        "versions": {name: version(name) for name in STANDS_ON} | {"python": platform.python_version()},
        "system": platform.platform(),
        "cpu": f"{cpu_name()}, {counted(cores(), 'core')}",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "disk_free_gb": round(shutil.disk_usage(folder).free / 1e9, 1),
        "storage": storage,
        "nvidia": sign or None,
        "nvidia_driver": driver_version(),
        "nvidia_cards": [str(card) for card in cards() or []],
        HIDING.lower(): os.environ.get(HIDING),
        "tensorflow_sees": list(gpus) if found else None,
        "without_code": list(found.without_code) if found else None,
        "preset": preset.name,
        "precision_of_preset": found.precision if found else None,
        "precision_by_auto": by_auto.precision if by_auto else None,
        "xla": found.xla if found else None,
        "workers": workers_here(),
        "gpu_and_cpu_apart_months": months,
        **parts,
        "step_of": f"{preset.name}, batch {preset.training.batch}",
        **step,
        "extras": [extra for extra in EXTRAS if asked(PROGRAM, extra) and not lacking(PROGRAM, extra)],
        "extras_in_part": {
            extra: ", ".join(left)
            for extra in EXTRAS
            if 0 < len(left := lacking(PROGRAM, extra)) < len(asked(PROGRAM, extra))
        },
        "not_confirmed": FIRST_REPORT if gpus else None,
        "to_do": to_do(sign, gpus if found else None, str(step.get("step_error", "")), months, storage_error),
    }


def timed_on_both(preset: Preset, gpus: Sequence[str]) -> dict[str, Any]:
    """On what a search takes, and beside it on the CPU where that is a GPU."""
    log(f"timing a step of {preset.name}'s reference")
    step = {"step_on": "GPU" if gpus else "CPU", **timed(preset)}
    if not gpus:
        return step
    log("and one on the CPU, which may take minutes")
    with without_gpus():
        return step | {f"cpu_{name}": value for name, value in timed(preset).items()}


@contextmanager
def without_gpus() -> Iterator[None]:
    """What begins meanwhile sees the CPU alone, as with --device cpu."""
    before = os.environ.get(HIDING)
    os.environ[HIDING] = "-1"
    try:
        yield
    finally:
        del os.environ[HIDING]
        if before is not None:
            os.environ[HIDING] = before


def timed(preset: Preset) -> dict[str, float | str]:
    """Of the preset's reference. What goes wrong is told in the words of TensorFlow or CUDA, whatever it is: that is what this page is for."""
    training = replace(preset.training, weights="")
    try:
        [step] = step_times([preset.reference], training, preset.preparation.image_px, threads_of(workers_here()))
    except Exception as error:
        return {"step_error": named(error, MOST_CHARACTERS)}
    return {"train_step_seconds": round(step.train, 4), "validate_step_seconds": round(step.validate, 4)}


def patience(found: Seen | None) -> float:
    """Seconds until a GPU has answered: XLA compiles its steps, and a driver may have to compile TensorFlow's kernels first."""
    return KERNELS_SECONDS if found and found.without_code else STEPS_SECONDS


def apart(preset: Preset, found: Seen | None) -> float | str | None:
    """How far predictions of the preset's reference on the first GPU are from the CPU's; None where there is no GPU."""
    if found is None or not found.gpus:
        return None
    months = asked_of_a_worker(
        predictions_apart, preset.reference, preset.preparation.image_px, "GPU:0", seconds=patience(found)
    )
    if months is None:
        return NOT_COMPARED
    return months if math.isfinite(months) else NOT_FINITE


def kept(folder: Path, url: str) -> tuple[str, str]:
    """What is said of the place for studies; and once more where none can be kept there, else ''."""
    try:
        return studies_kept(folder, url), ""
    except StorageError as error:
        return str(error), str(error)


def to_do(
    sign: str,
    gpus: Sequence[str] | None,
    step_error: str = "",
    apart: float | str | None = None,
    storage_error: str = "",
) -> str:
    """The most urgent alone: what it hinders is hindered whatever else is amiss."""
    if gpus is None:
        return "TensorFlow cannot be imported in a worker: install the program again, `make install`"
    if sign and not gpus:
        return f"there is {sign}, but TensorFlow sees no GPU: {remedy(sign)}; `--device cpu` trains on the CPU"
    if step_error:
        return "no step could be trained, so no search can be: see the step error above, and report it with this page"
    if apart == NOT_COMPARED:
        return (
            "the GPU's predictions could not be compared with the CPU's: run `boneage-search doctor` again while nothing else uses the card; "
            "if it still fails, train with `--device cpu`, and report the error above with this page"
        )
    if apart == NOT_FINITE or (isinstance(apart, float) and apart > ROUNDING_MONTHS):
        months = f"{apart:g} months" if isinstance(apart, float) else "no finite number of months"
        return (
            f"the GPU computes otherwise than the CPU: its predictions are {months} apart, and rounding explains {ROUNDING_MONTHS:g} at most. "
            "Trust no training on it: train with `--device cpu`, try another version of NVIDIA's driver, and report it with this page"
        )
    if storage_error:
        return f"{storage_error}: work in a folder on another disk, or name a server with --storage"
    return "nothing"


def asked(package: str, extra: str) -> list[Requirement]:
    """What a package asks for under this extra alone."""
    every = (Requirement(line) for line in requires(package) or ())
    return [
        one
        for one in every
        if one.marker and not one.marker.evaluate({"extra": ""}) and one.marker.evaluate({"extra": extra})
    ]


def lacking(package: str, extra: str) -> list[str]:
    """The packages of an extra that are not installed; of one that has extras itself, as tensorflow[and-cuda], those too."""
    found: list[str] = []
    for one in asked(package, extra):
        if not installed(one.name):
            found.append(one.name)
        else:
            found += [name for inner in sorted(one.extras) for name in lacking(one.name, inner)]
    return list(dict.fromkeys(found))  # both may ask for the same


def installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
