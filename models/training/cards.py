"""Which NVIDIA cards this machine has, found without CUDA: a leader must not touch a device.

Linux lists them below /proc; WSL2 has no such folder, its driver is Windows' and stands behind /dev/dxg.
"""

import os
import re
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

HIDING = "CUDA_VISIBLE_DEVICES"  # CUDA's own variable: the cards a process may see; -1 is none
# For a process that is to use cards, unless the user says otherwise. `0` is the card that nvidia-smi calls so. And what a driver compiles for a
# card is kept whole, or the next process would wait for it again: TensorFlow's kernels are more than a driver keeps by itself.
SETTINGS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_CACHE_MAXSIZE": str(2**32)}  # bytes; the most that CUDA takes
WSL = "usr/lib/wsl/lib"
NO_DRIVER = "an NVIDIA card, whose driver is not loaded"
NOT_GIVEN = "NVIDIA's driver, and a container that was given no card"
CONTAINERS = (".dockerenv", "run/.containerenv")  # files by which Docker and Podman mark theirs
NAME = re.compile(r"\d+|(GPU|MIG)-[\w/-]+")  # SLURM writes NoDevFiles where a job has none
CARD = re.compile(r"nvidia\d+")  # beside nvidiactl, nvidia-uvm and nvidia-caps
NVIDIA, DISPLAY = "0x10de", "0x03"  # PCI's vendor, and the beginning of a display controller's class


def set_up() -> None:
    """Before CUDA begins in this process, or in those that it starts."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def visible_gpus(root: Path = Path("/")) -> list[str]:
    """GPUs as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get(HIDING)
    if named is not None:
        return list(takewhile(NAME.fullmatch, (gpu.strip() for gpu in named.split(","))))  # as CUDA reads it
    if behind_windows(root):
        return ["0"]  # it does not say how many; CUDA_VISIBLE_DEVICES=0,1 does
    return [str(index) for index in range(given(root))]


def given(root: Path) -> int:
    """How many cards this system has been given. A container may list all of the host's below /proc, or none, and has devices of its own
    alone; where the driver is loaded and nobody has used a card yet, there are no devices."""
    devices, driver = devices_of(root), root / "proc/driver/nvidia/gpus"
    listed = len(list(driver.iterdir())) if driver.is_dir() else 0
    return min(devices, listed) if devices and listed else devices or listed


def devices_of(root: Path) -> int:
    return sum(bool(CARD.fullmatch(device.name)) for device in (root / "dev").glob("nvidia*"))


def behind_windows(root: Path) -> bool:
    """Whether this is WSL2 with NVIDIA's driver in Windows."""
    return (root / "dev/dxg").exists() and (root / WSL / "libcuda.so.1").exists()


def sign_of_nvidia(root: Path = Path("/")) -> str:
    """What says that the machine has an NVIDIA card, in words; empty where nothing does, or the user hides the cards."""
    if os.environ.get(HIDING) is not None and not visible_gpus(root):
        return ""
    if behind_windows(root):
        return "NVIDIA's driver for WSL2"
    if devices_of(root):
        return "NVIDIA's driver"
    if (root / "proc/driver/nvidia/version").exists():  # which a container shares with its host
        return NOT_GIVEN if any((root / mark).exists() for mark in CONTAINERS) else "NVIDIA's driver"
    if any(is_card(device) for device in (root / "sys/bus/pci/devices").glob("*")):
        return NO_DRIVER
    return ""


def without_code(capability: tuple[int, int], built: Iterable[str]) -> str:
    """What follows where TensorFlow's package, built for these (`sm_80`, `compute_90`), has no code that such a card runs; else ''.

    A card runs what was built for its own generation and no later minor number. Of `compute_`, a newer card's driver makes code of its own.
    """
    made = [(name.partition("_")[0], divmod(int(re.sub(r"\D", "", name.partition("_")[2])), 10)) for name in built]
    if capability == (0, 0) or any(of[0] == capability[0] and of <= capability for _, of in made):
        return ""
    if any(kind == "compute" and of < capability for kind, of in made):
        return "newer than TensorFlow's package: its driver compiles what is lacking, once, which may take half an hour or longer"
    return "older than TensorFlow's package, which has no code for it"


def remedy(sign: str) -> str:
    """What to do where TensorFlow sees no GPU in spite of it."""
    if sign == NO_DRIVER:
        return "install NVIDIA's driver, and restart"
    if sign == NOT_GIVEN:
        return "begin the container with `--gpus all`"
    return "install CUDA's libraries with `make install EXTRAS=dev,gpu`"


def is_card(device: Path) -> bool:
    try:
        vendor, kind = ((device / name).read_text(encoding="ascii").strip() for name in ("vendor", "class"))
    except (OSError, ValueError):
        return False
    return vendor == NVIDIA and kind.startswith(DISPLAY)
