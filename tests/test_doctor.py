"""`doctor` says what this machine trains on, and what to do where something is amiss."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from search.cli import main
from search.machine import doctor
from search.machine.devices import seen
from search.machine.doctor import to_do
from search.machine.predicted import SPREAD_MONTHS, predictions_apart, spread_out
from search.workers.local import asked_of_a_worker
from studies.preset import PRESETS, demo

ROOT = Path(__file__).parents[1]


def test_what_to_do_follows_from_what_is_seen() -> None:
    assert to_do("", ()) == "nothing"
    assert to_do("NVIDIA's driver", ("A100",)) == "nothing"
    assert "EXTRAS=dev,gpu" in to_do("NVIDIA's driver for WSL2", ())
    assert "install the program again" in to_do("", None)


def test_another_preset_than_there_is_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--preset", "none"]) == 2
    assert "unknown preset 'none'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_facts_are_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["train_step_seconds"] > 0
    assert found["memory_gb"] > 0.5
    assert found["xla"] == bool(found["tensorflow_sees"])
    assert found["versions"]["tensorflow"]
    assert found["to_do"]
    assert (found["gpu_and_cpu_apart_months"] is None) == (not found["tensorflow_sees"])
    assert set(found["extras"]) <= set(doctor.EXTRAS)


def test_an_extra_is_there_when_all_its_packages_are(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    lines = [f'{one}; extra == "{extra}"' for extra, ones in declared.items() for one in ones]
    metadata = doctor.requires
    monkeypatch.setattr(doctor, "requires", lambda name: lines if name == doctor.PROGRAM else metadata(name))
    monkeypatch.setattr(doctor, "installed", lambda name: True)
    packages = [one.name for one in doctor.asked("boneage-search", "dicom")]
    assert len(packages) > 2
    assert doctor.lacking("boneage-search", "dicom") == []
    for gone in packages:
        monkeypatch.setattr(doctor, "installed", lambda name, gone=gone: name != gone)
        assert doctor.lacking("boneage-search", "dicom") == [gone]
    monkeypatch.setattr(doctor, "installed", lambda name: not name.startswith("nvidia-cudnn"))
    assert doctor.lacking("boneage-search", "gpu") == ["nvidia-cudnn-cu12"]
    assert {extra for extra in doctor.EXTRAS if doctor.asked("boneage-search", extra)} == set(doctor.EXTRAS)


@pytest.mark.parametrize("name", ["demo", "cpu"])
def test_a_device_that_is_wrong_by_a_third_in_one_layer_is_months_apart(name: str) -> None:
    from models.backend import keras

    from models.network import build

    preset = PRESETS[name]()
    model = build(preset.reference, 96)
    images = np.random.default_rng(1).integers(0, 255, (8, 96, 96, 1), dtype=np.uint8)
    inputs = {"image": images, "male": np.ones((8, 1), np.float32)}

    spread_out(model, np.asarray(model(inputs, training=False), np.float64))
    right = np.asarray(model(inputs, training=False), np.float64)
    [*_, last] = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    last.kernel.assign(last.kernel * np.where(np.arange(last.filters) % 2, 4 / 3, 1))
    wrong = np.asarray(model(inputs, training=False), np.float64)

    assert right.std() == pytest.approx(SPREAD_MONTHS, rel=1e-3)
    assert np.abs(right - wrong).max() > 1


@pytest.mark.slow
def test_two_devices_are_compared_and_one_that_is_not_there_is_no_agreement() -> None:
    tiny, apart = demo().reference, predictions_apart
    assert asked_of_a_worker(apart, tiny, 48, "CPU:0") == 0.0
    if not (found := seen("auto", False)) or not found.gpus:
        assert asked_of_a_worker(apart, tiny, 48, "GPU:0") is None
