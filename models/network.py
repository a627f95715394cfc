"""The Keras graph of an architecture: the building walk over the layers of its stages.

Inputs: `image`, uint8 (batch, image_px, image_px, 1), scaled to 0-1 and augmented on the device; `male`, float32
(batch, 1), 0 or 1, absent where the architecture leaves sex out. Output: age in months, float32 (batch, 1).

An ensemble is one network, too: its members are layers of it, and its output is the mean of theirs.
"""

from collections.abc import Sequence
from typing import Any

from models.backend import keras

from models.architecture import Architecture, family_named
from models.cost import cost
from models.families.family import Family
from models.layers import Act, Activation, Conv, Pool, Sum, walk
from models.stages import stages
from models.training.alike import alike
from models.training.augmentation import augmentation
from models.training.settings import Precision, Training

MEMBER, OUTPUT = "member_", "age_months"  # names of layers; a member's has its number
Tensor = Any  # a KerasTensor; Keras ships no types
ByStage = dict[str, tuple[keras.layers.Layer, ...]]  # by the stage's name, in the order in which they were made


class Builder:
    """The building walk: Keras tensors in, Keras tensors out."""

    def __init__(self, family: Family, bn_momentum: float, batch_norm: type[keras.layers.BatchNormalization]) -> None:
        self.family, self.bn_momentum, self.batch_norm = family, bn_momentum, batch_norm
        self.weighted: list[keras.layers.Layer] = []  # as they are made

    def made(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        self.weighted.append(layer)
        return layer

    def channels(self, x: Tensor) -> int:
        return int(x.shape[-1])

    def conv(self, x: Tensor, layer: Conv, filters: int) -> Tensor:
        if layer.norm == "before":
            x = self.activated(self.norm(x), layer.activation)
        if layer.pad:
            x = keras.layers.ZeroPadding2D(layer.pad)(x)
        how = {
            "strides": layer.stride,
            "padding": "same" if layer.same else "valid",
            "use_bias": layer.bias,
        }
        window = layer.height, layer.width
        match layer.kind:
            case "full":
                x = self.made(keras.layers.Conv2D(filters, window, **how))(x)
            case "separable":
                x = self.made(keras.layers.SeparableConv2D(filters, window, **how))(x)
            case "depthwise":
                x = self.made(keras.layers.DepthwiseConv2D(window, **how))(x)
        if layer.norm == "after":
            x = self.norm(x)
        return x if layer.norm == "before" else self.activated(x, layer.activation)

    def pool(self, x: Tensor, layer: Pool) -> Tensor:
        if layer.pad:
            x = keras.layers.ZeroPadding2D(layer.pad)(x)
        kind = keras.layers.AveragePooling2D if layer.average else keras.layers.MaxPooling2D
        return kind(layer.kernel, strides=layer.stride, padding="same" if layer.same else "valid")(x)

    def act(self, x: Tensor, layer: Act) -> Tensor:
        return self.activated(self.norm(x) if layer.norm else x, layer.activation)

    def excite(self, x: Tensor, filters: int) -> Tensor:
        channels = self.channels(x)
        share = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
        share = self.made(keras.layers.Conv2D(filters, 1, activation="silu"))(share)
        share = self.made(keras.layers.Conv2D(channels, 1, activation="sigmoid"))(share)
        return keras.layers.Multiply()([x, share])

    def concatenate(self, xs: Sequence[Tensor]) -> Tensor:
        return keras.layers.Concatenate()(xs)

    def add(self, xs: Sequence[Tensor], layer: Sum) -> Tensor:
        *others, last = xs
        if layer.scale != 1:
            last = keras.layers.Rescaling(layer.scale)(last)
        return self.activated(keras.layers.Add()([*others, last]), layer.activation)

    def norm(self, x: Tensor) -> Tensor:
        family = self.family
        norm = self.batch_norm(scale=family.norm_scale, epsilon=family.norm_epsilon, momentum=self.bn_momentum)
        return self.made(norm)(x)

    @staticmethod
    def activated(x: Tensor, activation: Activation) -> Tensor:
        return x if activation == "none" else keras.layers.Activation(activation)(x)


def build(
    architecture: Architecture,
    image_px: int,
    training: Training | None = None,
    mean_age_months: float = 0.0,
    batch_norm: type[keras.layers.BatchNormalization] = keras.layers.BatchNormalization,
    by_stage: ByStage | None = None,
) -> keras.Model:
    """The network, uncompiled. Raises ArchitectureError where `image_px` is too small, before anything is allocated.

    `mean_age_months` is where the output bias starts if the training settings ask for that. `batch_norm` is Keras' own
    layer or another that does the same, as the faster one of `models/training/batch_norm.py`. `by_stage` is filled with the
    layers that have weights.
    """
    training = training or Training()
    cost(architecture, image_px)
    image = keras.Input((image_px, image_px, 1), name="image", dtype="uint8")
    x = keras.layers.Rescaling(1 / 255, name="scale")(image)
    for augment in augmentation(training):
        x = augment(x)
    x = alike(x, architecture)
    seen_px = architecture.seen_px(image_px)
    if seen_px < image_px:  # bilinear without antialiasing, which TFLite and ONNX have no operation for
        x = keras.layers.Resizing(seen_px, seen_px, interpolation="bilinear", name="resolution")(x)
    x = trunk(x, architecture, training.bn_momentum, batch_norm, by_stage)
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
        name=OUTPUT,
        dtype="float32",  # months up to 228 with decimals: half precision would round them to 1/8 month
        kernel_regularizer=keras.regularizers.L2(training.l2) if training.l2 else None,
        bias_initializer=keras.initializers.Constant(mean_age_months if training.start_at_mean else 0.0),
    )(x)
    return keras.Model(inputs, age, name="bone_age")


def trunk(
    x: Tensor,
    architecture: Architecture,
    bn_momentum: float,
    batch_norm: type[keras.layers.BatchNormalization],
    by_stage: ByStage | None = None,
) -> Tensor:
    """From an image of any number of channels to what GAP averages."""
    builder = Builder(family_named(architecture.family), bn_momentum, batch_norm)
    for stage in stages(architecture):
        x = walk(stage.layers, x, builder)
        # An identity under the stage's name: what a class activation map or a summary looks for.
        x = keras.layers.Activation("linear", name=stage.name)(x)
        if by_stage is not None:
            by_stage[stage.name] = tuple(builder.weighted)
        builder.weighted.clear()
    return x


def mean_of(networks: Sequence[keras.Model]) -> keras.Model:
    """One network with the inputs that all of these have; its output is the mean of theirs, months."""
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], name=tensor.name, dtype=tensor.dtype)
        for tensor in networks[0].inputs
    }
    months = []
    for number, network in enumerate(networks, 1):
        network.name = f"{MEMBER}{number}"
        months.append(network({tensor.name: inputs[tensor.name] for tensor in network.inputs}))
    return keras.Model(inputs, keras.layers.Average(name=OUTPUT, dtype="float32")(months), name="bone_age")


def members_of(network: keras.Model) -> list[keras.Model]:
    """The networks whose mean it is, in their order; itself where it is one alone."""
    found = {layer.name: layer for layer in network.layers if layer.name.startswith(MEMBER)}
    return sorted(found.values(), key=lambda layer: int(layer.name.removeprefix(MEMBER))) or [network]


def half_precisions(network: keras.Model) -> set[Precision]:
    """Those in which its layers compute; none where it rounds nothing. A network that was read says of itself only what this process has set."""
    half: dict[str, Precision] = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
    layers = [layer for member in members_of(network) for layer in member.layers]
    return {half[layer.compute_dtype] for layer in layers if layer.compute_dtype in half}
