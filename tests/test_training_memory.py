"""The memory of training by arithmetic, against what the built graph's backward pass has to be given."""

import math

from models.backend import keras

import pytest

from models.architecture import Architecture, family_named
from models.cost import cost, training_bytes
from models.families import FAMILIES
from models.network import trunk

pytestmark = pytest.mark.slow

PX = 128
READS_ITS_INPUT = (  # the layers whose gradients are made from what they read
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.BatchNormalization,
    keras.layers.MaxPooling2D,
    keras.layers.Multiply,
)


def needed_by_the_backward_pass(architecture: Architecture) -> int:
    """Values of one image's maps, by the rules of differentiation, layer by layer of the graph that Keras has built."""
    image = keras.Input((PX, PX, 1))
    model = keras.Model(image, trunk(image, architecture, 0.99, keras.layers.BatchNormalization))
    needed: dict[int, int] = {}
    same: dict[int, int] = {}  # what a layer that only bears a stage's name hands on
    inside = 0  # a separable convolution's map between its two halves
    for layer in model.layers[1:]:
        arriving, puts_out = layer.input if isinstance(layer.input, list) else [layer.input], layer.output
        activation = layer.activation if isinstance(layer, keras.layers.Activation) else None
        if activation is keras.activations.linear:
            same[id(puts_out)] = same.get(id(arriving[0]), id(arriving[0]))
            continue
        kept = [*arriving] if isinstance(layer, READS_ITS_INPUT) or activation is keras.activations.silu else []
        if isinstance(layer, keras.layers.MaxPooling2D) or activation is keras.activations.relu:
            kept.append(puts_out)
        if isinstance(layer, keras.layers.SeparableConv2D):
            inside += math.prod(puts_out.shape[1:3]) * arriving[0].shape[-1]
        needed |= {same.get(id(map_), id(map_)): math.prod(map_.shape[1:]) for map_ in kept if map_ is not image}
    return inside + sum(needed.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_what_training_keeps_is_what_the_backward_pass_of_the_built_graph_needs(family: str) -> None:
    for se_ratio in (0.0, 0.25):
        architecture = Architecture(family=family, blocks=family_named(family).blocks, beta=0.25, se_ratio=se_ratio)

        counted, needed = cost(architecture, PX).kept, needed_by_the_backward_pass(architecture)

        assert counted == pytest.approx(needed, rel=0.05), counted / needed


def test_a_batch_takes_its_images_maps_beside_four_copies_of_the_parameters_and_half_of_that_in_half_precision() -> (
    None
):
    counted = cost(Architecture(beta=0.25), PX)
    weights = counted.params * 16

    assert training_bytes(counted, 8) == weights + 8 * counted.kept * 4
    assert training_bytes(counted, 8, half_precision=True) - weights == 4 * counted.kept * 4
