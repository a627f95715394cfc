"""The energy of the GPU that this process trains on, where NVIDIA's management library reports it (Volta and newer).

Its counter is the whole device's: what other processes do on the device meanwhile is in it, too.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from models.training.cards import HIDING

Answer = TypeVar("Answer")


def meter() -> Callable[[], float | None]:
    """Tells the joules used since it was last asked, or since it was made; None where nobody says."""
    before = counter_joules()

    def since() -> float | None:
        nonlocal before
        now, earlier = counter_joules(), before
        before = now
        return None if now is None or earlier is None else now - earlier

    return since


def counter_joules() -> float | None:
    """Since the driver was loaded, of this process' device."""
    return answered(lambda nvml: float(nvml.nvmlDeviceGetTotalEnergyConsumption(own_device(nvml))) / 1000)


def own_device(nvml: Any) -> Any:
    """The first device of CUDA_VISIBLE_DEVICES, by its number or its UUID, of which the beginning is enough. Raises NVMLError where there is none.

    The library numbers devices by their PCI bus, as CUDA does where CUDA_DEVICE_ORDER is PCI_BUS_ID, which it is in our workers unless the
    user says otherwise.
    """
    named = os.environ.get(HIDING, "0").split(",")[0].strip()
    if named.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(named))
    every = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount()))
    by_beginning = (
        device for device in every if named.startswith("GPU-") and nvml.nvmlDeviceGetUUID(device).startswith(named)
    )
    return next(by_beginning, None) or nvml.nvmlDeviceGetHandleByUUID(named)


def answered(ask: Callable[[Any], Answer]) -> Answer | None:
    """By NVIDIA's management library; None where it is not installed, finds no driver, or does not tell."""
    try:
        import pynvml
    except ModuleNotFoundError:
        return None
    try:
        pynvml.nvmlInit()
        try:
            return ask(pynvml)
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None
