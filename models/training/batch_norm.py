"""Batch normalization as one operation, for training.

Keras' own layer normalizes by a dozen small operations, each of which reads and writes the whole map: more to trace, and on a
CPU two to seven times the time. The weights, their order and what is computed are Keras' own; `stock` gives that layer back, so
that a saved network needs no code of ours.
"""

from typing import Any

from models.backend import keras, tf

from models.training.augmentation import Varied

Tensor = Any  # TensorFlow's or Keras' symbolic one

# oneDNN's kernels are fast for such numbers of channels only: the first in float32, the second in half precision. XLA, on a GPU, does not mind.
CHANNELS, HALF_CHANNELS = 4, 16


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc] # Keras ships no types
    """Channels last and centred; scaled where the network's family is."""

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        channels = inputs.shape[-1]
        if channels % CHANNELS:
            return super().call(inputs, training=training)
        x = inputs if channels % HALF_CHANNELS == 0 else tf.cast(inputs, tf.float32)
        scale = tf.convert_to_tensor(self.gamma) if self.scale else tf.ones((channels,))
        fixed = {"scale": scale, "offset": tf.convert_to_tensor(self.beta), "epsilon": self.epsilon}
        if training:
            normalized, mean, unbiased_variance = tf.compat.v1.nn.fused_batch_norm(x, is_training=True, **fixed)
            values = tf.cast(tf.size(x) // channels, tf.float32)
            self.move(self.moving_mean, mean)
            self.move(self.moving_variance, unbiased_variance * ((values - 1) / values))  # Keras' is the biased one
        else:
            mean, variance = tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)
            normalized, _, _ = tf.compat.v1.nn.fused_batch_norm(
                x, mean=mean, variance=variance, is_training=False, **fixed
            )
        return tf.cast(normalized, self.compute_dtype)

    def move(self, moving: Any, value: Tensor) -> None:
        moving.assign(moving * self.momentum + value * (1.0 - self.momentum))


def stock(model: keras.Model) -> keras.Model:
    """The same network, with the same weights, of Keras' own layers: itself where it is that already.

    How films are varied is of the training alone: in its place is an identity.
    """
    if not any(isinstance(layer, BatchNormalization | Varied) for layer in model.layers):
        return model

    def one(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, Varied):
            return keras.layers.Identity(name=layer.name, dtype="float32")
        kind = keras.layers.BatchNormalization if isinstance(layer, BatchNormalization) else type(layer)
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=one)
    copy.set_weights(model.get_weights())
    return copy
