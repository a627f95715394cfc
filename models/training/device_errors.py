"""What an error of TensorFlow says: what went wrong, without the lines of code that come before it, and whether it is the device's fault.

TensorFlow, XLA, CUDA and its libraries each say it in their own words, and pass on each other's in errors of other kinds.
"""

import re
from typing import Literal

NO_MEMORY = (
    *("dst tensor is not initialized", "out of memory", "out_of_memory", "resource_exhausted"),
    *("failed to allocate", "alloc_failed", "allocation_failed"),
)
OF_CUDA = (
    *("cuda", "cudnn", "cublas", "cubin", "ptx", "nvrtc", "nvjitlink", "libdevice"),
    *(
        "dnn library",
        "dnn support",
        "blas support",
        "blas call",
        "launch failed",
        "gpu sync failed",
        "gpu kernel",
        "no algorithm worked",
    ),
)
# Of a step that XLA does not compile: where in our code the operation stands, for every call above it, and an advice on options that we do not have.
PLACE = re.compile(r'Graph execution error:|Detected at node .*|\s*File ".*|<stack traces unavailable>|Hint: .*')


def at_fault(said: str) -> Literal["out_of_memory", "device_error", ""]:
    """By what an error says; empty where it names no device."""
    lower = cause(said).lower()  # a folder may have any name
    if any(sign in lower for sign in NO_MEMORY):
        return "out_of_memory"
    return "device_error" if any(sign in lower for sign in OF_CUDA) else ""


def named(error: Exception, most_characters: int) -> str:
    """Its kind and its cause."""
    return f"{type(error).__name__}: {cause(str(error), most_characters)}"


def cause(said: str, most_characters: int | None = None) -> str:
    """In one line, no longer than this."""
    kept = [line.strip() for line in said.splitlines() if not PLACE.fullmatch(line)]
    return " ".join(line for line in kept if line)[:most_characters]
