"""The machine that leads a search, and the versions it runs, in one line; nothing heavy is imported."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("tensorflow", "keras", "optuna", "numpy", "boneage-search")


def described() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def processor() -> str:
    """Its name as Linux gives it, the architecture elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
