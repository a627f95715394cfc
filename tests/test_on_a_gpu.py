"""What a search would meet on a GPU, as far as a CPU can show it. That every step compiles for one is in `test_fit.py`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from models.backend import tf

import numpy as np
import pytest
from small_trainings import EXAMPLES, PX, TINY, TRAINING

from data.cores import cores
from models.training.cards import HIDING, visible_gpus, without_code
from models.training.device_errors import cause
from models.training.feed import feed, picking, rows_of
from search.cli import main
from search.machine import doctor
from search.machine.doctor import timed, to_do
from search.workers import worker
from search.workers.job import RESUMED_AFTER, Crashed, Failed, Job
from search.workers.local import fork_server
from studies.presets import demo


def a_job(folder: Path, gpu: str = "") -> Job:
    return Job(0, TINY, TRAINING, 0, folder, "", PX, folder, gpu=gpu)


# a batch picked where the images are


def test_on_a_gpu_xla_picks_the_batch_in_a_step_that_it_does_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow has no kernel there that gathers bytes."""
    assert picking() is rows_of
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    picked = picking()
    step = tf.function(lambda tensors, rows: picked(tensors, rows), autograph=False)

    [(tensors, rows)] = feed(EXAMPLES).steps(8, np.array([5, 3, 90, 0, 0, 17, 2, 1]))

    assert picked._jit_compile
    for ours, plain in zip(step(tensors, rows), rows_of(tensors, rows), strict=True):
        np.testing.assert_array_equal(ours, plain)


# errors of a card


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            tf.errors.InternalError(None, None, "Failed copying input tensor: Dst tensor is not initialized."),
            "out_of_memory",
        ),
        (tf.errors.InternalError(None, None, "CUBIN: CUDA_ERROR_OUT_OF_MEMORY: out of memory"), "out_of_memory"),
        (tf.errors.UnknownError(None, None, "CUDNN_STATUS_ALLOC_FAILED in cudnn.cc"), "out_of_memory"),
        (tf.errors.FailedPreconditionError(None, None, "DNN library: CUDNN_STATUS_NOT_INITIALIZED"), "device_error"),
        (tf.errors.InternalError(None, None, "CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access"), "device_error"),
        (tf.errors.UnavailableError(None, None, "CUBLAS_STATUS_EXECUTION_FAILED"), "device_error"),
        (tf.errors.InternalError(None, None, "Out of memory while trying to allocate 2.5GiB"), "out_of_memory"),
        (tf.errors.InternalError(None, None, "Failed to allocate request for 2.5GiB on device"), "out_of_memory"),
        (
            tf.errors.UnknownError(None, None, "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
            "out_of_memory",
        ),
        (tf.errors.FailedPreconditionError(None, None, "DNN library initialization failed. Look"), "device_error"),
        (tf.errors.NotFoundError(None, None, "No algorithm worked!  Error messages:"), "device_error"),
        (tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc"), "device_error"),
        (tf.errors.UnavailableError(None, None, "No PTX compilation provider is available."), "device_error"),
        (tf.errors.InternalError(None, None, "GPU sync failed"), "device_error"),
        (tf.errors.InternalError(None, None, "Blas xGEMV launch failed : a.shape=[1]"), "device_error"),
        (RuntimeError("Bad StatusOr access: INTERNAL: CUDA Runtime error: no kernel image"), "device_error"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value)[:30],
)
def test_what_a_card_says_when_it_fails_is_an_outcome_of_the_trial_and_no_bug(
    error: Exception, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object) -> bool:
        raise error

    monkeypatch.setattr(worker, "run", run)
    found = worker.outcome(a_job(tmp_path), lambda message: None)

    assert isinstance(found, Failed)
    assert found.reason == reason
    assert (reason in RESUMED_AFTER) == (reason == "device_error")


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.InvalidArgumentError(None, None, "Detected unsupported operations on XLA_GPU_JIT: CUDA"),
        tf.errors.UnimplementedError(None, None, "no kernel of CUDA"),
        tf.errors.InternalError(None, None, "something else"),
        tf.errors.InternalError(
            None, None, 'Graph execution error:\n  File "/cuda/a.py", line 1, in b\nsomething else'
        ),
        RuntimeError("something else"),
    ],
    ids=["invalid", "unimplemented", "internal", "in a folder", "runtime"],
)
def test_any_other_error_of_tensorflow_stays_a_bug(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object) -> bool:
        raise error

    monkeypatch.setattr(worker, "run", run)

    assert isinstance(worker.outcome(a_job(tmp_path), lambda message: None), Crashed)


def test_an_error_is_told_by_its_cause_and_not_by_the_lines_of_code_before_it() -> None:
    """A real one, of a step that is traced: these lines alone are longer than what is told of an error."""

    @tf.function(autograph=False)
    def step(side: Any) -> Any:
        return tf.matmul(tf.ones((2, side)), tf.ones((side + 1, 2)))

    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        step(tf.constant(3))
    assert "defined at" in str(raised.value)[:300]
    assert "Matrix size-incompatible" not in str(raised.value)[:300]

    assert cause(str(raised.value), 300).startswith("Matrix size-incompatible: In[0]: [2,3], In[1]: [4,2]")
    assert len(cause(str(raised.value), 20)) == 20
    assert cause("OOM when allocating tensor", 300) == "OOM when allocating tensor"


# which cards


def test_a_worker_whose_card_is_not_there_does_not_train_on_the_cpu_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HIDING, "7")
    with pytest.raises(RuntimeError, match=f"sees no GPU 7: name those that it sees with {HIDING}"):
        worker.use_devices(a_job(tmp_path, gpu="7"))


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("0, 1", ["0", "1"]),
        ("NoDevFiles", []),
        ("0,-1,2", ["0"]),
        ("-1", []),
        ("", []),
        ("GPU-8932f937-d72c,MIG-GPU-8932/1/0,MIG-41b3", ["GPU-8932f937-d72c", "MIG-GPU-8932/1/0", "MIG-41b3"]),
    ],
)
def test_cards_are_named_as_cuda_reads_them(named: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HIDING, named)
    assert visible_gpus() == found


def test_workers_count_cards_as_nvidia_smi_does_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    fork_server()
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    fork_server()
    assert os.environ["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"


@pytest.mark.parametrize(
    ("card", "capability", "says"),
    [
        ("GTX 980", (5, 2), "older than"),
        ("GTX 1080", (6, 1), ""),
        ("V100", (7, 0), ""),
        ("T4", (7, 5), ""),
        ("A40", (8, 6), ""),
        ("RTX 4090", (8, 9), ""),
        ("H100", (9, 0), ""),
        ("B200", (10, 0), "newer than"),
        ("RTX 5090", (12, 0), "newer than"),
        ("one that states none", (0, 0), ""),
    ],
)
def test_a_card_that_tensorflows_package_has_no_code_for_is_known(
    card: str, capability: tuple[int, int], says: str
) -> None:
    """Of 2.21, whose list this is; TensorFlow itself says the same of cards of these capabilities, which a stand-in for the driver stated."""
    found = without_code(capability, ["sm_60", "sm_70", "sm_80", "sm_89", "compute_90"])

    assert found.startswith(says)
    assert bool(found) == bool(says)


@pytest.mark.slow
def test_a_process_takes_a_cards_memory_as_it_needs_it() -> None:
    """Else `predict` beside a search would take all that is left of every card."""
    said = "from search.workers.quiet import load_tensorflow; load_tensorflow(); import os; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"

    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "true\n"


# which cores


def test_cores_are_those_of_the_job_and_not_of_the_machine() -> None:
    one = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); from data.cores import cores; print(cores())"

    assert subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=True).stdout == "1\n"
    assert cores() >= 1


@pytest.mark.parametrize(
    ("written", "found"), [("max 100000", 0), ("150000 100000", 2), ("1000 100000", 1), ("9900000 100000", 0), ("?", 0)]
)
def test_a_containers_share_of_time_is_worth_so_many_cores(written: str, found: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(f"{written}\n")
    every = len(os.sched_getaffinity(0))

    assert cores(tmp_path / "cpu.max") == (min(found, every) or every)


def test_an_export_is_compared_in_whole_float32_and_leaves_the_process_as_it_was() -> None:
    from models.export import in_whole_float32

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    with in_whole_float32():
        assert not tf.config.experimental.tensor_float_32_execution_enabled()
    assert tf.config.experimental.tensor_float_32_execution_enabled() == before


# the doctor


@pytest.mark.slow
def test_a_step_that_fails_is_told_and_the_page_is_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object, **__: object) -> list[object]:
        raise tf.errors.InternalError(None, None, "CUDA_ERROR_INVALID_PTX: a PTX JIT compilation failed")

    monkeypatch.setattr(doctor, "step_times", failing)
    monkeypatch.setattr(doctor, "seen", lambda *_: None)

    assert list(timed(demo())) == ["step_error"]
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["step_error"].startswith("InternalError: CUDA_ERROR_INVALID_PTX")
    assert "train_step_seconds" not in found
    assert "report it" in to_do("NVIDIA's driver", ("B200",), found["step_error"])
