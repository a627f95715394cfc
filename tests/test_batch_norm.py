"""Our batch normalization against Keras' own layer as the reference."""

from pathlib import Path
from typing import Any

from models.backend import keras, tf

import numpy as np
import pytest
from conftest import needs
from rounding import likely, summed

from models import saved
from models.architecture import Architecture, Blocks
from models.network import build
from models.training import batch_norm
from models.training.batch_norm import BatchNormalization, stock
from models.training.settings import Precision, Training

# With channels that are and are not multiples of 4 and of 16.
SMALL = Architecture(0.2, Blocks(0, 0, 0, 0, 0, 1), (False, False))


def drawn(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(3.0, 2.0, shape).astype(np.float32)


def trained_once(kind: type[keras.layers.BatchNormalization], x: np.ndarray, dtype: str) -> dict[str, np.ndarray]:
    """What a layer answers in a training step, its gradients, what it keeps, and what it answers afterwards."""
    layer = kind(scale=False, momentum=0.9, dtype=dtype)
    layer.build(x.shape)
    layer.beta.assign(drawn(layer.beta.shape, 1))
    pull = tf.constant(drawn(x.shape, 2))

    @tf.function
    def step(x: tf.Tensor) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(y, tf.float32) * pull)
        return y, tape.gradient(loss, [x, layer.beta.value])

    y, (by_x, by_beta) = step(tf.cast(x, layer.compute_dtype))
    after = layer(tf.cast(x, layer.compute_dtype), training=False)
    assert y.dtype == after.dtype == layer.compute_dtype
    found = {"training": y, "by x": by_x, "by beta": by_beta, "afterwards": after}
    found |= {"mean": layer.moving_mean.value, "variance": layer.moving_variance.value}
    return {name: tf.cast(value, tf.float32).numpy() for name, value in found.items()}


@pytest.mark.parametrize("channels", [1, 3, 4, 8, 12, 16, 20, 48])
# float32 sums 210 values, and squares of 3 ± 2 to a variance of 4: 210 · 2**-24 · 13/4, and as much for its gradient. Half precision
# rounds what goes in, comes out and comes back, to 2**-9 and 2**-12 of it: ten such roundings each way.
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-4), ("mixed_bfloat16", 0.04), ("mixed_float16", 0.005)]
)
def test_it_computes_what_keras_layer_computes(channels: int, dtype: Precision, tolerance: float) -> None:
    needs(dtype)
    x = drawn((6, 5, 7, channels), 0)
    ours, theirs = (trained_once(kind, x, dtype) for kind in (BatchNormalization, keras.layers.BatchNormalization))

    for name, expected in theirs.items():
        np.testing.assert_allclose(
            ours[name], expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(), err_msg=name
        )


def test_a_single_value_for_each_channel_has_no_variance() -> None:
    x = drawn((1, 1, 1, 8), 0)
    ours, theirs = (trained_once(kind, x, "float32") for kind in (BatchNormalization, keras.layers.BatchNormalization))

    np.testing.assert_allclose(ours["variance"], theirs["variance"])
    np.testing.assert_allclose(ours["training"], theirs["training"], atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("float32_again")
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_its_stock_network_has_keras_layers_and_the_same_answers(precision: Precision, tmp_path: Path) -> None:
    needs(precision)
    keras.mixed_precision.set_dtype_policy(precision)
    network = build(SMALL, 40, Training(flip_horizontal=True), 100.0, BatchNormalization)
    keras.mixed_precision.set_dtype_policy("float32")  # of who reads the file, which says itself what the network is
    network.set_weights([np.abs(drawn(weight.shape, number)) / 8 for number, weight in enumerate(network.weights)])
    images = {"image": np.random.default_rng(0).integers(0, 256, (4, 40, 40, 1), np.uint8), "male": np.ones((4, 1))}

    saved.save(network, tmp_path / "model.keras")
    again = saved.load(tmp_path / "model.keras")

    assert batch_norm.__name__ in {type(layer).__module__ for layer in network.layers}
    assert all(type(layer).__module__.startswith("keras.") for layer in again.layers)
    assert [layer.name for layer in again.layers] == [layer.name for layer in network.layers]
    expected = network(images, training=False).numpy()
    # In half precision each of some twenty layers in a row rounds what it hands on to 2**-9 of it: four times √20 of these.
    share = likely(network) if precision == "float32" else 4 * 20**0.5 * 2**-9
    answers = again(images, training=False).numpy()
    np.testing.assert_allclose(answers, expected, rtol=0, atol=share * summed(network, images).max())


def test_a_network_of_keras_layers_is_its_own_stock_network() -> None:
    network = build(SMALL, 40)

    assert stock(network) is network
