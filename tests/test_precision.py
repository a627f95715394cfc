"""What `auto` stands for, and that a trial keeps it."""

from pathlib import Path
from typing import Any

from models.backend import keras

import pytest
from conftest import tiny_preset

import models.training.precision
from data.store.disk import Store
from models.architecture import Architecture, Blocks
from models.training import fit
from models.training.precision import cpu_flags, of_gpu
from models.training.settings import Training
from search.workers.job import EpochDone, Job, Message, Paused, Resumed
from search.workers.worker import outcome

pytestmark = pytest.mark.usefixtures("float32_again")


@pytest.mark.parametrize(
    ("gpu", "capability", "precision"),
    [
        ("GTX 1080", (6, 1), "float32"),
        ("V100", (7, 0), "mixed_float16"),
        ("T4", (7, 5), "mixed_float16"),
        ("A100", (8, 0), "mixed_bfloat16"),
        ("RTX 4090", (8, 9), "mixed_bfloat16"),
        ("B200", (10, 0), "mixed_bfloat16"),
        ("one that states no capability", (0, 0), "float32"),
    ],
)
def test_a_gpu_computes_in_the_half_precision_of_its_tensor_cores(
    gpu: str, capability: tuple[int, int], precision: str
) -> None:
    assert of_gpu(capability) == precision


def test_the_flags_of_the_cpu_are_those_of_its_first_core(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor\t: 0\nflags\t\t: fpu sse avx512_bf16\nbugs\t\t: none\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    )

    assert cpu_flags(cpuinfo) == {"fpu", "sse", "avx512_bf16"}
    assert cpu_flags(tmp_path / "not there") == set()


@pytest.mark.slow
def test_a_resumed_trial_computes_as_it_began_whatever_its_new_device_would_choose(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Message] = []

    def trial(chosen: str, until: int) -> Any:
        monkeypatch.setattr(fit, "automatic", lambda: chosen)
        network = Architecture(beta=0.05, blocks=Blocks(0, 0, 0, 0, 0, 1), stem_pools=(False, True))
        training = Training(epochs=2, batch=8, precision="auto")
        seed, folder = tiny_preset().seed, tmp_path
        data = tiny_store.digest
        job = Job(0, network, training, seed, tiny_store.path, data, tiny_store.image_px, folder, until=until)
        return outcome(job, sent.append)

    assert trial("mixed_bfloat16", 1) == Paused(0)
    trial("float32", 0)

    assert [type(message) for message in sent] == [EpochDone, Resumed, EpochDone]
    first, second = (message for message in sent if isinstance(message, EpochDone))
    assert "mixed_bfloat16" in first.conditions
    assert second.conditions == first.conditions


@pytest.mark.parametrize(
    ("gpus", "flags", "precision"),
    [
        ([], {"avx512f"}, "float32"),
        ([], {"avx512f", "avx512_bf16"}, "mixed_bfloat16"),
        ([], {"amx_bf16"}, "mixed_bfloat16"),
        ([(8, 0)], set(), "mixed_bfloat16"),
        ([(8, 9), (7, 0)], set(), "mixed_float16"),  # what every one of them can
        ([(6, 1)], {"avx512_bf16"}, "float32"),  # what its CPU can is no matter
    ],
)
def test_auto_is_what_all_devices_of_the_process_compute_in(
    gpus: list[tuple[int, int]], flags: set[str], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.training.precision.tf.config, "list_physical_devices", lambda kind: list(gpus))
    monkeypatch.setattr(models.training.precision, "capability", lambda gpu: gpu)
    monkeypatch.setattr(models.training.precision, "cpu_flags", lambda: flags)
    fit.prepare_process(Training(precision="auto"), seed=0)

    assert keras.mixed_precision.dtype_policy().name == precision
