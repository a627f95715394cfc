"""The energy counter: its arithmetic and choice of device, with a stand-in for NVIDIA's library, as no GPU is here."""

import sys
from types import SimpleNamespace

import pytest

from models.training.energy import counter_joules, meter

UUID = "GPU-5a2c"


class NVMLError(Exception):
    pass


@pytest.fixture
def millijoules(monkeypatch: pytest.MonkeyPatch) -> dict[int | str, int]:
    """Counters of the machine's devices by index and by UUID."""
    counters: dict[int | str, int] = {0: 1_000, 1: 5_000, UUID: 7_000}

    def known(device: int | str) -> int | str:
        if device not in counters:
            raise NVMLError(f"no device {device!r}")
        return device

    library = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByIndex=known,
        nvmlDeviceGetHandleByUUID=known,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetUUID=str,
        nvmlDeviceGetTotalEnergyConsumption=counters.__getitem__,
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return counters


@pytest.mark.parametrize(
    ("visible", "joules"),
    [
        (None, 1.0),
        ("0", 1.0),
        ("1", 5.0),
        ("1,0", 5.0),
        (UUID, 7.0),
        ("", None),
        ("-1", None),
        ("MIG-1", None),
        ("9", None),
    ],
)
def test_the_counter_is_that_of_the_first_visible_device(
    millijoules: dict[int | str, int], monkeypatch: pytest.MonkeyPatch, visible: str | None, joules: float | None
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert counter_joules() == joules


def test_a_meter_tells_what_was_used_since_it_was_last_asked(millijoules: dict[int | str, int]) -> None:
    used = meter()
    millijoules[0] += 250
    first = used()
    millijoules[0] += 3_000

    assert (first, used(), used()) == (0.25, 3.0, 0.0)


def test_what_is_not_known_at_either_end_is_not_told(millijoules: dict[int | str, int]) -> None:
    used = meter()
    lost = millijoules.pop(0)
    assert used() is None
    millijoules[0] = lost
    assert used() is None
    assert used() == 0.0


def test_without_the_library_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # its import fails, as where it is not installed

    assert counter_joules() is None
    assert meter()() is None
