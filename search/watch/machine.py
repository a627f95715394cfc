"""The machine that leads a search, and the versions it runs, in one line; nothing heavy is imported."""

import platform
from importlib.metadata import version

from data.cores import cores
from data.counted import counted
from search.machine.devices import cpu_name

LIBRARIES = ("tensorflow", "keras", "optuna", "numpy", "boneage-search")


def described() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{cpu_name()}, {counted(cores(), 'core')}, {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, {versions}"
    )
