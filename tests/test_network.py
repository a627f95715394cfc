"""The Keras graph against the cost arithmetic and against Keras' own InceptionV3."""

import math

from models.backend import keras

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rounding import likely, summed

from models.architecture import GROUPS, Architecture, ArchitectureError, Blocks
from models.cost import cost
from models.network import build
from models.training.augmentation import augmentation
from models.training.settings import Training

small = st.builds(
    Architecture,
    beta=st.floats(0.04, 0.2),
    blocks=st.builds(Blocks, *[st.integers(0, 2)] * len(GROUPS)),
    stem_pools=st.tuples(st.booleans(), st.booleans()),
    sex_units=st.sampled_from([0, 1, 32]),
    fc_units=st.sampled_from([0, 7, 100]),
    dropout=st.sampled_from([0.0, 0.5]),
    channel_multiple=st.sampled_from([1, 8]),
)


def macs_by_keras(model: keras.Model) -> int:
    """Counted from the built layers' own kernels and output shapes."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            total += math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
        elif isinstance(layer, keras.layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(architecture=small, image_px=st.sampled_from([75, 97, 128]))
def test_the_graph_has_the_cost_that_the_arithmetic_says(architecture: Architecture, image_px: int) -> None:
    """For random widths, repeats, ablated groups, poolings and heads."""
    keras.backend.clear_session()
    model = build(architecture, image_px)
    counted = cost(architecture, image_px)

    assert counted.params == model.count_params()
    assert counted.trainable_params == sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert counted.gap_channels == model.get_layer("gap").output.shape[-1]
    assert counted.macs == macs_by_keras(model)


@pytest.mark.slow
def test_the_stock_trunk_is_keras_inceptionv3() -> None:
    """With the same weights it gives the same features; at 139 px the last maps have nine cells, so that means are no maxima."""
    theirs = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_shape=(139, 139, 1))
    ours = build(Architecture(sex_units=0), 139)
    trunk = keras.Model(ours.inputs, ours.get_layer("gap").output)
    random = np.random.default_rng(0)
    for one, other in zip(in_order(theirs), in_order(trunk), strict=True):
        weights = [alive(weight, random) for weight in one.weights]
        one.set_weights(weights)
        other.set_weights(weights)
    image = random.integers(0, 256, (2, 139, 139, 1)).astype(np.uint8)

    expected = np.asarray(theirs(image.astype(np.float32) / 255, training=False))
    found = np.asarray(trunk({"image": image}, training=False))

    assert (expected > 0).mean() > 0.5  # most features are alive, so that what is missing shows
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=likely(ours) * expected.max())


def in_order(model: keras.Model) -> list[keras.Layer]:
    """Its convolutions, then its normalisations, as they were made: both go branch by branch, and Keras numbers their names."""

    def numbered(layer: keras.Layer) -> tuple[str, int]:
        kind, _, number = layer.name.rpartition("_")
        return (kind, int(number)) if number.isdigit() else (layer.name, 0)

    with_weights = [layer for layer in model.layers if layer.weights]
    return sorted(with_weights, key=numbered)


def alive(weight: keras.Variable, random: np.random.Generator) -> np.ndarray:
    """Values with which a signal goes through fifty layers: He's for kernels, and no normalisation that does nothing."""
    match weight.path.rpartition("/")[2]:
        case "kernel":
            return random.normal(0, math.sqrt(2 / math.prod(weight.shape[:-1])), weight.shape)
        case "moving_variance":
            return random.uniform(0.5, 1.5, weight.shape)
        case _:
            return random.normal(0, 0.1, weight.shape)


TINY = Architecture(beta=1 / 16, blocks=Blocks(0, 0, 0, 0, 0, 1), stem_pools=(False, False))


def test_it_takes_bytes_and_sex_and_starts_at_the_mean_age() -> None:
    model = build(TINY, 48, mean_age_months=127.0)
    images = np.zeros((2, 48, 48, 1), np.uint8)

    ages = model.predict({"image": images, "male": np.array([[0.0], [1.0]], np.float32)}, verbose=0)

    assert ages.shape == (2, 1)
    assert ages == pytest.approx(127.0, abs=20)
    assert model.get_layer("age_months").bias.numpy() == pytest.approx([127.0])


def test_without_sex_there_is_one_input() -> None:
    assert [tensor.name for tensor in build(Architecture(beta=1 / 16, sex_units=0), 75).inputs] == ["image"]


def test_augmentation_is_what_was_asked_and_off_at_inference() -> None:
    training = Training(flip_vertical=True, zoom=0.2, rotation_degrees=20, translation=0.1)
    names = [layer.name for layer in augmentation(training)]
    model = build(TINY, 48, training)
    image = np.random.default_rng(0).integers(0, 255, (1, 48, 48, 1)).astype(np.uint8)
    inputs = {"image": image, "male": np.ones((1, 1), np.float32)}

    once, twice = (np.asarray(model(inputs, training=False)) for _ in range(2))

    assert names == ["flip", "rotate", "zoom", "translate"]
    assert augmentation(Training(flip_horizontal=False)) == []
    np.testing.assert_allclose(once, twice, rtol=0, atol=likely(model) * summed(model, inputs).max())


def test_an_image_too_small_is_refused_before_anything_is_built() -> None:
    with pytest.raises(ArchitectureError, match="is too small"):
        build(Architecture(), 60)
