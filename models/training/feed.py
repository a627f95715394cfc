"""How examples reach the training step: copied to the device once and gathered there, in the step, batch by batch.

Picking a batch's images out of the host's memory and copying them over, every epoch anew, takes longer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from models.backend import tf

import numpy as np

from models.cost import RESIDENT_BYTES


class Examples(Protocol):
    """Images with sex and age, in a fixed order."""

    @property
    def age_months(self) -> np.ndarray: ...

    def __len__(self) -> int: ...

    def batches(self, size: int, order: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The examples at positions `order`, `size` at a time, every batch full: `image` uint8 (size, px, px, 1);
        `male` float32 (size, 1), 0 or 1; `age_months` float32 (size, 1)."""


Tensors = tuple[Any, Any, Any]  # image, male, age_months


class Feed(Protocol):
    """Examples as the traced steps take them: tensors, and which of their rows are the batch."""

    def __len__(self) -> int: ...

    def steps(self, size: int, order: np.ndarray) -> Iterator[tuple[Tensors, Any]]: ...


@dataclass(frozen=True)
class Resident:
    tensors: Tensors  # of all examples

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def steps(self, size: int, order: np.ndarray) -> Iterator[tuple[Tensors, Any]]:
        for start in range(0, len(order), size):
            yield self.tensors, tf.constant(order[start : start + size])


@dataclass(frozen=True)
class Streamed:
    examples: Examples

    def __len__(self) -> int:
        return len(self.examples)

    def steps(self, size: int, order: np.ndarray) -> Iterator[tuple[Tensors, Any]]:
        every = tf.range(size, dtype=tf.int64)
        for image, male, age_months in self.examples.batches(size, order):
            yield (tf.constant(image), tf.constant(male), tf.constant(age_months)), every


def feed(examples: Examples, limit_bytes: int = RESIDENT_BYTES) -> Feed:
    """Resident where the images take at most `limit_bytes`, else streamed."""
    [(image, _, _)] = examples.batches(1, np.zeros(1, int))
    if len(examples) * image.nbytes > limit_bytes:
        return Streamed(examples)
    [(image, male, age_months)] = examples.batches(len(examples), np.arange(len(examples)))
    return Resident((tf.constant(image), tf.constant(male), tf.constant(age_months)))


def rows_of(tensors: Tensors, rows: Any) -> Tensors:
    """The batch; for use in a traced step."""
    image, male, age_months = (tf.gather(tensor, rows) for tensor in tensors)
    return image, male, age_months


def picking() -> Callable[[Tensors, Any], Tensors]:
    """`rows_of` as this process' device has it. TensorFlow gathers bytes on a CPU alone: on a GPU, a step that XLA does not compile
    would copy all images to the host. XLA gathers whatever it is given where it is."""
    if not tf.config.list_physical_devices("GPU"):
        return rows_of
    compiled: Callable[[Tensors, Any], Tensors] = tf.function(rows_of, jit_compile=True, autograph=False)
    return compiled
