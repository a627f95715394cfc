"""What NVIDIA's driver says of itself and its cards, without CUDA, and without a process of its own.

The files of Linux have its version. The memory is known to its management library, for which the extra [gpu] has a package.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.training.energy import answered, own_device

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
    return answered(lambda nvml: str(nvml.nvmlSystemGetDriverVersion()))


def cards() -> list[Card] | None:
    """All of the machine, by their place on the bus; None where the library does not tell."""
    return answered(
        lambda nvml: [card(nvml, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(nvml.nvmlDeviceGetCount())]
    )


def own_card() -> Card | None:
    """This process' first; None where the library does not tell."""
    return answered(lambda nvml: card(nvml, own_device(nvml)))


def card(nvml: Any, device: Any) -> Card:
    memory = nvml.nvmlDeviceGetMemoryInfo(device)
    return Card(str(nvml.nvmlDeviceGetName(device)), memory.total, memory.free)
