"""The Keras graph of an architecture: the building walk over `stages.py`.

Inputs: `image`, uint8 (batch, image_px, image_px, 1), scaled to 0-1 and augmented on the device; `male`, float32
(batch, 1), 0 or 1, absent where the architecture leaves sex out. Output: age in months, float32 (batch, 1).
"""

import math
from collections.abc import Sequence
from typing import Any

from models.backend import keras

from models.architecture import Architecture
from models.cost import cost
from models.stages import Conv, Pool, stages, walk
from models.training.settings import Training

Tensor = Any  # a KerasTensor; Keras ships no types


class Builder:
    """The building walk: Keras tensors in, Keras tensors out."""

    def __init__(self, bn_momentum: float, batch_norm: type[keras.layers.BatchNormalization]) -> None:
        self.bn_momentum, self.batch_norm = bn_momentum, batch_norm

    def conv(self, x: Tensor, layer: Conv) -> Tensor:
        x = keras.layers.Conv2D(
            layer.filters,
            (layer.height, layer.width),
            strides=layer.stride,
            padding="same" if layer.same else "valid",
            use_bias=False,
        )(x)
        x = self.batch_norm(scale=False, momentum=self.bn_momentum)(x)
        return keras.layers.Activation("relu")(x)

    def pool(self, x: Tensor, layer: Pool) -> Tensor:
        kind = keras.layers.AveragePooling2D if layer.average else keras.layers.MaxPooling2D
        return kind(3, strides=layer.stride, padding="same" if layer.same else "valid")(x)

    def concatenate(self, xs: Sequence[Tensor]) -> Tensor:
        return keras.layers.Concatenate()(xs)


def build(
    architecture: Architecture,
    image_px: int,
    training: Training | None = None,
    mean_age_months: float = 0.0,
    batch_norm: type[keras.layers.BatchNormalization] = keras.layers.BatchNormalization,
) -> keras.Model:
    """The network, uncompiled. Raises ArchitectureError where `image_px` is too small, before anything is allocated.

    `mean_age_months` is where the output bias starts if the training settings ask for that. `batch_norm` is Keras' own
    layer or another that does the same, as the faster one of `models/training/batch_norm.py`.
    """
    training = training or Training()
    cost(architecture, image_px)
    image = keras.Input((image_px, image_px, 1), name="image", dtype="uint8")
    x = keras.layers.Rescaling(1 / 255, name="scale")(image)
    for augment in augmentation(training):
        x = augment(x)
    builder = Builder(training.bn_momentum, batch_norm)
    for stage in stages(architecture):
        x = walk(stage.layers, x, builder)
        # An identity under the stage's name: what a class activation map or a summary looks for.
        x = keras.layers.Activation("linear", name=stage.name)(x)
    x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
    if architecture.dropout:
        x = keras.layers.Dropout(architecture.dropout, name="gap_dropout")(x)
    inputs = {"image": image}
    if architecture.sex_units:
        inputs["male"] = keras.Input((1,), name="male", dtype="float32")
        sex = keras.layers.Dense(architecture.sex_units, activation="relu", name="sex")(inputs["male"])
        x = keras.layers.Concatenate(name="image_and_sex")([x, sex])
    if architecture.fc_units:
        x = keras.layers.Dense(architecture.fc_units, activation="relu", name="fc")(x)
    age = keras.layers.Dense(
        1,
        name="age_months",
        dtype="float32",  # months up to 228 with decimals: half precision would round them to 1/8 month
        kernel_regularizer=keras.regularizers.L2(training.l2) if training.l2 else None,
        bias_initializer=keras.initializers.Constant(mean_age_months if training.start_at_mean else 0.0),
    )(x)
    return keras.Model(inputs, age, name="bone_age")


def augmentation(training: Training) -> list[keras.Layer]:
    """Random layers on the device; Keras switches them off at inference."""
    chosen = []
    flips = {(True, True): "horizontal_and_vertical", (True, False): "horizontal", (False, True): "vertical"}
    if mode := flips.get((training.flip_horizontal, training.flip_vertical)):
        chosen.append(keras.layers.RandomFlip(mode, name="flip"))
    around = {"fill_mode": "constant", "fill_value": 0.0}  # radiographs end in black
    if training.rotation_degrees:
        turn = training.rotation_degrees * math.pi / 180 / (2 * math.pi)
        chosen.append(keras.layers.RandomRotation(turn, name="rotate", **around))
    if training.zoom:
        chosen.append(keras.layers.RandomZoom(training.zoom, name="zoom", **around))
    if training.translation:
        chosen.append(
            keras.layers.RandomTranslation(training.translation, training.translation, name="translate", **around)
        )
    return chosen
