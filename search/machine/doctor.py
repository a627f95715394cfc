"""What is true of this machine, for a report of a fault and for the first GPU: facts by name, and what to do."""

import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from data.cores import cores
from models.training.cards import HIDING, remedy, sign_of_nvidia
from search.machine.devices import Seen, cpu_name, seen
from search.machine.predicted import predictions_apart
from search.output.terminal import log
from search.workers.local import asked_of_a_worker, threads_of, workers_here
from search.workers.step_time import step_times
from studies.preset import Preset

PROGRAM = "boneage-search"
EXTRAS = ("gpu", "ray", "dicom", "postgres", "export", "gp")  # of a user; dev is of developers
MOST_CHARACTERS = 1_000  # of an error
STANDS_ON = (PROGRAM, "tensorflow", "keras", "optuna", "numpy", "pandas")
NOT_CONFIRMED = "the GPU's precision, its predictions beside the CPU's, XLA, memory growth, one GPU for each worker, and energy: nobody has run this program on a GPU yet"


def facts(preset: Preset, folder: Path) -> dict[str, Any]:
    """Every fact by name; a step of the preset's reference is trained, in a process of its own."""
    found, sign = seen("auto", False), sign_of_nvidia()
    log(f"timing a step of {preset.name}'s reference")
    step = timed(preset)
    return {
        "versions": {name: version(name) for name in STANDS_ON} | {"python": platform.python_version()},
        "system": platform.platform(),
        "cpu": f"{cpu_name()}, {cores()} cores",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "disk_free_gb": round(shutil.disk_usage(folder).free / 1e9, 1),
        "nvidia": sign or None,
        HIDING.lower(): os.environ.get(HIDING),
        "tensorflow_sees": list(found.gpus) if found else None,
        "precision": found.precision if found else None,
        "xla": found.xla if found else None,
        "workers": workers_here(),
        "gpu_and_cpu_apart_months": apart(preset, found),
        "step_of": f"{preset.name}, batch {preset.training.batch}",
        **step,
        "extras": [extra for extra in EXTRAS if asked(PROGRAM, extra) and not lacking(PROGRAM, extra)],
        "extras_in_part": {
            extra: ", ".join(left)
            for extra in EXTRAS
            if 0 < len(left := lacking(PROGRAM, extra)) < len(asked(PROGRAM, extra))
        },
        "not_confirmed": None if found and not found.gpus else NOT_CONFIRMED,
        "to_do": to_do(sign, found.gpus if found else None, str(step.get("step_error", ""))),
    }


def timed(preset: Preset) -> dict[str, float | str]:
    """Of the preset's reference. What goes wrong is told in the words of TensorFlow or CUDA, whatever it is: that is what this page is for."""
    training = replace(preset.training, precision="auto")
    try:
        [step] = step_times([preset.reference], training, preset.preparation.image_px, threads_of(workers_here()))
    except Exception as error:
        return {"step_error": f"{type(error).__name__}: {error}"[:MOST_CHARACTERS]}
    return {"train_step_seconds": round(step.train, 4), "validate_step_seconds": round(step.validate, 4)}


def apart(preset: Preset, found: Seen | None) -> float | str | None:
    """How far predictions of the preset's reference on the first GPU are from the CPU's; None where there is no GPU."""
    if found is None or not found.gpus:
        return None
    months = asked_of_a_worker(predictions_apart, preset.reference, preset.preparation.image_px, "GPU:0")
    return "could not be compared" if months is None else months


def to_do(sign: str, gpus: Sequence[str] | None, step_error: str = "") -> str:
    if gpus is None:
        return "TensorFlow cannot be imported in a worker: install the program again, `make install`"
    if sign and not gpus:
        return f"there is {sign}, but TensorFlow sees no GPU: {remedy(sign)}; `--device cpu` trains on the CPU"
    if step_error:
        return "no step could be trained, so no search can be: see the step error above, and report it with this page"
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
    return found


def installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
