"""Our Adam against Keras' own as the reference."""

from models.backend import keras, tf

import numpy as np
import pytest

from models.training.adam import Adam

RATE = keras.optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.1, warmup_steps=4)


def minimized(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    """The optimizer's variables and two of a small problem, after 12 steps."""
    start = np.random.default_rng(0).normal(0, 3, (5, 4)).astype(np.float32)
    variables = [keras.Variable(start, name="kernel"), keras.Variable(start[0], name="bias")]
    optimizer.build(variables)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            kernel, bias = (tf.convert_to_tensor(variable) for variable in variables)
            loss = tf.reduce_sum(tf.square(kernel + bias) + tf.cos(kernel))
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [variable.value for variable in variables])
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for _ in range(12):
        step()
    return [np.asarray(variable) for variable in [*variables, *optimizer.variables]]


@pytest.mark.parametrize("rate", [0.05, RATE])
def test_it_goes_where_keras_adam_goes(rate: float | keras.optimizers.schedules.LearningRateSchedule) -> None:
    ours, theirs = minimized(Adam(rate)), minimized(keras.optimizers.Adam(rate))

    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_it_works_with_a_scaled_loss() -> None:
    scaled = minimized(keras.optimizers.LossScaleOptimizer(Adam(0.05)))
    plain = minimized(Adam(0.05))

    for one, other in zip(scaled[:2], plain[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_it_keeps_the_slots_that_keras_adam_keeps() -> None:
    kept = []
    for optimizer in (Adam(0.1), keras.optimizers.Adam(0.1)):
        optimizer.build([keras.Variable(np.zeros((3, 2), np.float32), name="kernel")])
        kept.append([(variable.path.split("/", 1)[1], variable.shape) for variable in optimizer.variables])

    assert kept[0] == kept[1]
