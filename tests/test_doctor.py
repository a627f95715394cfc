"""`doctor` says what this machine trains on, and what to do where something is amiss."""

import json
import os
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models.training.cards import HIDING
from search.cli import main
from search.machine import doctor
from search.machine.card import Card, cards, driver_version
from search.machine.devices import Seen, seen
from search.machine.doctor import NOT_COMPARED, NOT_FINITE, apart, to_do, without_gpus
from search.machine.kept import studies_kept
from search.machine.on_a_gpu import NO_GPU, Tried, findings, said
from search.machine.predicted import ROUNDING_MONTHS, SPREAD_MONTHS, predictions_apart, spread_out
from search.storage.sqlite import StorageError, own_url
from search.workers.at_once import workers_here
from search.workers.local import asked_of_a_worker
from studies.presets import PRESETS, demo

ROOT = Path(__file__).parents[1]


def test_what_to_do_follows_from_what_is_seen() -> None:
    assert to_do("", ()) == "nothing"
    assert to_do("NVIDIA's driver", ("A100",)) == "nothing"
    assert "EXTRAS=dev,gpu" in to_do("NVIDIA's driver for WSL2", ())
    assert "install the program again" in to_do("", None)


@pytest.mark.parametrize(
    ("apart", "says"),
    [
        (ROUNDING_MONTHS * 1.01, "computes otherwise than the CPU: its predictions are 0.505 months apart"),
        (40.0, "Trust no training on it: train with `--device cpu`"),
        (NOT_FINITE, "no finite number of months apart"),
        (NOT_COMPARED, "could not be compared with the CPU's: run `boneage-search doctor` again"),
    ],
)
def test_a_gpu_that_computes_otherwise_than_the_cpu_or_cannot_be_compared_is_something_to_do(
    apart: float | str, says: str
) -> None:
    assert says in to_do("NVIDIA's driver", ("A100",), "", apart)
    assert to_do("NVIDIA's driver", ("A100",), "", ROUNDING_MONTHS) == "nothing"


def test_a_gpu_that_answers_with_no_number_is_not_near_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Seen(("A100",), "float32", True, "2.21.0")
    for answer, found in ((float("nan"), NOT_FINITE), (None, NOT_COMPARED), (0.25, 0.25)):
        monkeypatch.setattr(doctor, "asked_of_a_worker", lambda *_, answer=answer, **__: answer)
        assert apart(demo(), gpu) == found


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
    assert (found["preset"], found["precision_of_preset"]) == ("demo", "float32")
    assert found["step_on"] == ("GPU" if found["tensorflow_sees"] else "CPU")
    assert ("cpu_train_step_seconds" in found) == bool(found["tensorflow_sees"])
    assert "did not get it" in found["storage"]


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

    keras.utils.set_random_seed(0)
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
    assert np.abs(right - wrong).max() > ROUNDING_MONTHS


def test_rounding_of_ten_units_in_the_last_place_is_no_other_device() -> None:
    """Of what every convolution gives, at random: more than another order of summation does."""
    from models.backend import keras, tf

    from models.network import build

    keras.utils.set_random_seed(0)
    model = build(demo().reference, 48)
    images = np.random.default_rng(0).integers(0, 255, (8, 48, 48, 1), dtype=np.uint8)
    inputs = {"image": images, "male": np.ones((8, 1), np.float32)}
    spread_out(model, np.asarray(model(inputs, training=False), np.float64))
    right = np.asarray(model(inputs, training=False), np.float64)

    noise = tf.random.Generator.from_seed(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            exact = layer.call
            layer.call = lambda x, exact=exact: (y := exact(x)) * (1 + 10 * 2.0**-24 * noise.normal(y.shape))
    rounded = np.asarray(model(inputs, training=False), np.float64)

    assert 0 < np.abs(right - rounded).max() < ROUNDING_MONTHS


def test_the_devices_are_compared_in_whole_float32_and_not_in_the_ten_bits_of_a_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In TF32 a right card may be months apart."""
    from models.backend import tf

    asked = []
    answers = tf.keras.Model.__call__
    in_tf32 = tf.config.experimental.tensor_float_32_execution_enabled
    monkeypatch.setattr(
        tf.keras.Model, "__call__", lambda *given, **named: (asked.append(in_tf32()), answers(*given, **named))[1]
    )
    assert predictions_apart(demo().reference, 48, "CPU:0") == 0.0
    assert asked
    assert not any(asked)
    assert in_tf32()


def test_what_begins_beside_a_gpu_for_the_cpu_sees_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HIDING, "0,1,2,3,4,5")
    with without_gpus():
        assert workers_here() < 6
    assert workers_here() == 6
    monkeypatch.delenv(HIDING)
    with without_gpus():
        pass
    assert HIDING not in os.environ


def test_the_drivers_version_is_read_from_linux_and_its_cards_from_its_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "proc/driver/nvidia/version"
    file.parent.mkdir(parents=True)
    for line, version in (
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023", "535.129.03"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build", "570.86.15"),
    ):
        file.write_text(f"{line}\nGCC version:  gcc version 12.3.0\n")
        assert driver_version(tmp_path) == version

    library = SimpleNamespace(
        NVMLError=RuntimeError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlSystemGetDriverVersion=lambda: "566.36",
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=lambda card: SimpleNamespace(total=24 * 10**9, free=23 * 10**9),
        nvmlDeviceGetName=lambda card: "NVIDIA RTX 4090",
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert driver_version(tmp_path / "elsewhere") == "566.36"
    assert cards() == [Card("NVIDIA RTX 4090", 24 * 10**9, 23 * 10**9)]
    assert str(cards()[0]) == "NVIDIA RTX 4090, 24.0 GB, of which 23.0 GB are free"

    def no_driver() -> None:
        raise RuntimeError

    library.nvmlInit = no_driver
    assert driver_version(tmp_path / "elsewhere") is None
    assert cards() is None


def test_every_part_that_no_gpu_has_confirmed_has_a_finding_of_its_own() -> None:
    tried = Tried("mixed_bfloat16", (8, 6), True, True, 12.34, 23 * 10**9, 21 * 10**9)
    found = said(tried, {"0": 1, "1": 1})
    assert found == {
        "gpu_precision": "mixed_bfloat16, by compute capability 8.6; the errors of 4 steps are finite",
        "gpu_xla": "4 compiled steps ran",
        "gpu_memory_growth": "4 steps took 2.0 of the 23.0 GB that were free",
        "gpu_energy": "12.3 J for 4 steps, and what their first needed",
        "gpu_for_each_worker": "a worker that is given one of 0, 1 sees one GPU",
    }
    assert findings(demo().reference, demo().training, 48, (), seconds=1.0) == dict.fromkeys(found, NO_GPU)
    worse = said(replace(tried, finite=False, xla=False, joules=None, free_bytes=None), {"0": 2, "1": 0, "2": 1})
    assert "NOT FINITE" in worse["gpu_precision"]
    assert worse["gpu_for_each_worker"] == "NOT SO: a worker given 0 sees 2, given 1 sees nothing"
    assert "does not tell" in worse["gpu_memory_growth"]
    failed = said("InternalError: CUDA_ERROR_INVALID_PTX", {"0": 1})
    assert set(failed) == set(found)
    assert failed["gpu_xla"] == "not tried: InternalError: CUDA_ERROR_INVALID_PTX"


@pytest.mark.slow
def test_steps_are_tried_as_on_a_gpu_and_an_error_is_told() -> None:
    from search.machine.on_a_gpu import steps_tried

    tried = steps_tried(demo().reference, replace(demo().training, batch=2), 48)
    assert isinstance(tried, Tried)
    assert tried.finite
    failed = steps_tried(demo().reference, demo().training, 3)
    assert isinstance(failed, str)
    assert failed.startswith("ArchitectureError: ")


def test_a_place_where_no_study_can_be_kept_is_something_to_do(tmp_path: Path) -> None:
    for url in (own_url(tmp_path / "none"), "nonsense", "sqlite://"):
        with pytest.raises(StorageError) as refused:
            studies_kept(tmp_path, url)
        assert str(refused.value) in to_do("", (), storage_error=str(refused.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_two_devices_are_compared_and_one_that_is_not_there_is_no_agreement() -> None:
    tiny, apart = demo().reference, predictions_apart
    assert asked_of_a_worker(apart, tiny, 48, "CPU:0") == 0.0
    if not (found := seen("auto", False)) or not found.gpus:
        assert asked_of_a_worker(apart, tiny, 48, "GPU:0") is None


@pytest.mark.slow
def test_a_database_is_tried_where_a_run_would_have_it_and_nothing_is_left_there(tmp_path: Path) -> None:
    said = studies_kept(tmp_path)
    assert f"made and opened in {tmp_path}, journal wal; another process asked for its lock, and did not get it" in said
    assert list(tmp_path.iterdir()) == []


def test_two_processes_that_write_to_one_database_at_once_are_a_disk_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.machine.kept.asked_of_a_worker", lambda *_: True)
    with pytest.raises(StorageError, match="does not lock files"):
        studies_kept(tmp_path)
