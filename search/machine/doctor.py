"""What is true of this machine, for a report of a fault and for the first GPU: facts by name, and what to do."""

import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from models.training.cards import HIDING, sign_of_nvidia
from search.machine.devices import cpu_name, seen
from search.output.terminal import log
from search.workers.local import threads_of, workers_here
from search.workers.step_time import step_times
from studies.preset import Preset

EXTRAS = {
    "gpu": "nvidia-ml-py",
    "ray": "ray",
    "dicom": "pylibjpeg",
    "postgres": "psycopg",
    "export": "tf2onnx",
    "gp": "torch",
}
STANDS_ON = ("boneage-search", "tensorflow", "keras", "optuna", "numpy", "pandas")
NOT_CONFIRMED = "the GPU's precision, XLA, memory growth, one GPU for each worker, and energy: nobody has run this program on a GPU yet"


def facts(preset: Preset, folder: Path) -> dict[str, Any]:
    """Every fact by name; a step of the preset's reference is trained, in a process of its own."""
    found, sign = seen("auto", False), sign_of_nvidia()
    log(f"timing a step of {preset.name}'s reference")
    training = replace(preset.training, precision="auto")
    [step] = step_times([preset.reference], training, preset.preparation.image_px, threads_of(workers_here()))
    return {
        "versions": {name: version(name) for name in STANDS_ON} | {"python": platform.python_version()},
        "system": platform.platform(),
        "cpu": f"{cpu_name()}, {os.cpu_count()} cores",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "disk_free_gb": round(shutil.disk_usage(folder).free / 1e9, 1),
        "nvidia": sign or None,
        HIDING.lower(): os.environ.get(HIDING),
        "tensorflow_sees": list(found.gpus) if found else None,
        "precision": found.precision if found else None,
        "xla": found.xla if found else None,
        "workers": workers_here(),
        "step_of": f"{preset.name}, batch {preset.training.batch}",
        "train_step_seconds": round(step.train, 4),
        "validate_step_seconds": round(step.validate, 4),
        "extras": [name for name, package in EXTRAS.items() if installed(package)],
        "not_confirmed": None if found and not found.gpus else NOT_CONFIRMED,
        "to_do": to_do(sign, found.gpus if found else None),
    }


def to_do(sign: str, gpus: Sequence[str] | None) -> str:
    if gpus is None:
        return "TensorFlow cannot be imported in a worker: install the program again, `make install`"
    if sign and not gpus:
        return f"there is {sign}, and TensorFlow sees no GPU: `make install EXTRAS=dev,gpu`; `--device cpu` trains on the CPU"
    return "nothing"


def installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
