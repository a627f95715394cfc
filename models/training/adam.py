"""Adam as one operation for each variable.

Keras' own writes every update as a dozen operations, which for hundreds of variables take longer to trace than the network itself.
The slots, their names and order, and the arithmetic are Keras' own.
"""

from collections.abc import Sequence
from typing import Any

from models.backend import keras, tf


class Adam(keras.optimizers.Adam):  # type: ignore[misc] # Keras ships no types
    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        step = tf.cast(self.iterations + 1, tf.float32)
        self.powers = {"beta1_power": tf.pow(self.beta_1, step), "beta2_power": tf.pow(self.beta_2, step)}
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        place = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
            **self.powers,
        )
