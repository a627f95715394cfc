"""What NVIDIA's driver says of itself and its cards, without CUDA, and without a process of its own.

The files of Linux have its version. The memory is known to its management library, for which the extra [gpu] has a package.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = re.compile(r"\b\d+\.\d[\d.]*\b")  # NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19


@dataclass(frozen=True)
class Card:
    name: str
    total_bytes: int
    free_bytes: int

    def __str__(self) -> str:
        return f"{self.name}, {self.total_bytes / 1e9:.1f} GB, of which {self.free_bytes / 1e9:.1f} GB are free"


def driver_version(root: Path = Path("/")) -> str | None:
    """None where neither a file nor the library tells."""
    try:
        [first, *_] = (root / "proc/driver/nvidia/version").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        first = ""
    if found := VERSION.search(first):
        return found[0]
    with library() as nvml:
        return str(nvml.nvmlSystemGetDriverVersion()) if nvml else None


def cards() -> list[Card] | None:
    """All of the machine, by their place on the bus; None where the library does not tell."""
    with library() as nvml:
        if nvml is None:
            return None
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        memories = [nvml.nvmlDeviceGetMemoryInfo(handle) for handle in handles]
        names = [str(nvml.nvmlDeviceGetName(handle)) for handle in handles]
        return [Card(name, one.total, one.free) for name, one in zip(names, memories, strict=True)]


@contextmanager
def library() -> Iterator[Any]:
    """NVIDIA's management library; None where it is not installed, or finds no driver."""
    try:
        import pynvml
    except ModuleNotFoundError:
        yield None
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()
