"""The number format that `auto` stands for: half precision where the device computes it in hardware.

bfloat16 has float32's range, so nothing is scaled; float16, all that older GPUs have, needs its loss scaled.
"""

import os
from pathlib import Path

from models.backend import tf

from models.training.settings import Precision, TrainingError

CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
# These variables keep oneDNN from instructions that the processor has. TensorFlow looks at the processor's flags alone, hands half
# precision to oneDNN all the same, and fails in the middle of a step.
ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
WITHOUT_AVX512 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"}
TOO_LOW: dict[Precision, set[str]] = {
    "mixed_bfloat16": WITHOUT_AVX512,
    "mixed_float16": WITHOUT_AVX512 | {"AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16"},
}
HANDED_OVER: dict[Precision, set[str]] = {
    "mixed_bfloat16": {"avx512f", "avx_ne_convert"},
    "mixed_float16": {"avx512_fp16", "amx_fp16", "avx_ne_convert"},
}


def automatic() -> Precision:
    """For the devices that this process sees: every one of its GPUs, or its CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "mixed_bfloat16" if CPU_FLAGS & cpu_flags() and not held_back("mixed_bfloat16") else "float32"
    return of_gpu(min(capability(gpu) for gpu in gpus))


def held_back(precision: Precision) -> str:
    """The setting that keeps this process' CPU from this precision, as `ONEDNN_MAX_CPU_ISA=AVX2`; empty where none does."""
    found = next((f"{name}={os.environ[name]}" for name in ISA_VARIABLES if os.environ.get(name)), "")
    too_low = found.partition("=")[2].upper() in TOO_LOW.get(precision, set())
    return found if too_low and HANDED_OVER.get(precision, set()) & cpu_flags() else ""


def refuse_held_back(precision: Precision, instead: str = "begin another run with --precision float32") -> None:
    """Raises TrainingError where this process cannot compute in it, which TensorFlow would find out in the middle of a step."""
    if not tf.config.list_physical_devices("GPU") and (setting := held_back(precision)):
        raise TrainingError(
            f"this process cannot compute in precision {precision}: {setting} in the environment keeps oneDNN from it; unset the "
            f"variable, or {instead}"
        )


def of_gpu(capability: tuple[int, int]) -> Precision:
    """By NVIDIA's compute capability: tensor cores take bfloat16 from Ampere (8.0) on, float16 from Volta (7.0) on."""
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"


def capability(gpu: tf.config.PhysicalDevice) -> tuple[int, int]:
    """(0, 0) for a GPU that states none, as AMD's."""
    major, minor = tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
    return major, minor


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """What Linux says that the CPU can do; nothing elsewhere."""
    if not cpuinfo.exists():
        return set()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    return set(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))
