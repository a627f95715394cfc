"""Every operation of a training's steps runs on a GPU, by TensorFlow's own registry of kernels, which its package has whether a GPU is there or not."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from models.backend import tf

import pytest
from tensorflow.python.framework import kernels

from models.architecture import Architecture, changed
from models.families import FAMILIES
from models.network import build
from models.training.batch_norm import BatchNormalization
from models.training.fit import Trainer, prepare_process
from models.training.settings import Precision, Training

PX, BATCH = 100, 8
ALL_VARIED = Training(
    **{"flip_vertical": True, "rotation_degrees": 20.0, "zoom": 0.2, "translation": 0.1},
    **{"resampling": 0.5, "blur_px": 1.0, "sharpness": 1.0, "gamma": 2.0, "contrast": 0.2, "noise": 0.05},
    **{"erased_border": 0.1, "l2": 1e-4, "loss": "huber"},
)
PLACED = {"GPU", "DEFAULT"}  # the latter on any device
CALLS = {"Placeholder", "PartitionedCall", "StatefulPartitionedCall"}  # of which each device makes its own


def everything_of(family: str) -> Architecture:
    """A narrow network with a block of each group, and all that may be asked of one."""
    own = FAMILIES[family]
    network = changed(Architecture(beta=1 / 16), {"family": family, "blocks": own.counts(dict.fromkeys(own.groups, 1))})
    return replace(network, se_ratio=1 / 8, fc_units=8, dropout=0.2, input_px=90, even_detail=0.5, even_tone=0.5)


@cache
def registered(operation: str) -> list[Any]:
    return list(kernels.get_registered_kernels_for_op(operation).kernel)


def takes(kernel: Any, node: Any) -> bool:
    """Whether the kernel is for the operation's types."""
    allowed = {limit.name: set(limit.allowed_values.list.type) for limit in kernel.constraint}
    return all(node.attr[name].type in types for name, types in allowed.items() if node.attr[name].type)


def operations(trainer: Trainer) -> Iterator[Any]:
    examples = (tf.zeros((BATCH, PX, PX, 1), tf.uint8), tf.ones((BATCH, 1)), tf.fill((BATCH, 1), 90.0))
    for step in (trainer.train_step, trainer.predict_step):
        graph = step.get_concrete_function(examples, tf.range(BATCH, dtype=tf.int64)).graph.as_graph_def()
        yield from graph.node
        for function in graph.library.function:
            yield from function.node_def


@pytest.mark.slow
@pytest.mark.usefixtures("float32_again")
@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_operation_of_a_step_has_a_kernel_on_a_gpu_and_in_its_compiler(family: str, precision: Precision) -> None:
    """Only bytes are not gathered there: that is XLA's, compiled or not (`feed.picking`)."""
    training = replace(ALL_VARIED, precision=precision)
    prepare_process(training, 0)
    trainer = Trainer(build(everything_of(family), PX, training, 100.0, BatchNormalization), training, BATCH)

    found = [node for node in operations(trainer) if node.op not in CALLS]
    nowhere = {
        (node.op, tf.dtypes.as_dtype(node.attr["Tparams"].type).name if node.op == "GatherV2" else "")
        for node in found
        if not any(kernel.device_type in PLACED and takes(kernel, node) for kernel in registered(node.op))
    }
    uncompiled = {
        node.op for node in found if not any(kernel.device_type == "XLA_GPU_JIT" for kernel in registered(node.op))
    }

    assert len(found) > 1_000
    assert nowhere == {("GatherV2", "uint8")}
    assert uncompiled == set()


def test_the_registry_knows_what_a_gpu_cannot_do() -> None:
    """The operation by which Keras turns images: a GPU has it, and its compiler does not."""
    kinds = {kernel.device_type for kernel in registered("ImageProjectiveTransformV3")}

    assert "GPU" in kinds
    assert "XLA_GPU_JIT" not in kinds
