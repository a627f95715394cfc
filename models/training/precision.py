"""The number format that `auto` stands for: half precision where the device computes it in hardware.

bfloat16 has float32's range, so nothing is scaled; float16, all that older GPUs have, needs its loss scaled.
"""

from pathlib import Path

from models.backend import tf

from models.training.settings import Precision

CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def automatic() -> Precision:
    """For the devices that this process sees: every one of its GPUs, or its CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "mixed_bfloat16" if CPU_FLAGS & cpu_flags() else "float32"
    return of_gpu(min(capability(gpu) for gpu in gpus))


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
