"""A network that starts from `keras.applications` weights, as far as it is the family's own; the rest of it starts fresh.

The file is read into Keras' own network, whose layers stand in the order of the stock network that this program builds. From
there a stage's weights go to the same stage of the network that is to be trained, where its group is as in the stock network.
Images have one channel: the first convolution is summed over its input channels, which is what it does to a grey picture
that is copied over them. What scale of greys the file was trained with is left to the BatchNorm after that convolution.
"""

from collections.abc import Sequence
from pathlib import Path

from models.backend import keras

import numpy as np

from data.shown import one_line
from models.architecture import Architecture, family_named
from models.network import ByStage, trunk
from models.pretrained.file import Held, WeightsError, held
from models.pretrained.kernels import Started, kernels_by_stage, started, stock, unchanged

PX = 96  # of the networks that are built to read the file; no weight depends on it, and all families have maps at it
Weights = list[np.ndarray]


def start(by_stage: ByStage, architecture: Architecture, path: Path) -> Started:
    """Set the weights of a network that was built of this architecture. Raises WeightsError where the file is not its family's."""
    own, taken = kernels_by_stage(architecture, 1), unchanged(architecture)
    if taken:
        known = read(path, architecture.family)
        for name, (group, _) in own.items():
            if group in taken and name in known:  # attention that was added after a group is not
                set_weights(by_stage[name], known[name])
    return started(architecture)


def read(path: Path, family: str) -> dict[str, tuple[Weights, ...]]:
    """The file's weights by stage, of each layer in the order in which it is made; the first convolution's for one channel."""
    holds = held(path, family)
    theirs = loaded(path, family, holds)
    by_stage: ByStage = {}
    image = keras.Input((PX, PX, holds.colours))
    own = keras.Model(image, trunk(image, stock(family), 0.99, keras.layers.BatchNormalization, by_stage))
    weights = [
        weight
        for layer in theirs.layers
        if not isinstance(layer, keras.layers.Normalization | keras.layers.Dense)  # of colours; of classes
        for weight in layer.get_weights()
    ]
    if [weight.shape for weight in weights] != [tuple(weight.shape) for weight in own.weights]:
        raise WeightsError(f"{path} holds no weights of {family} as keras.applications builds it")
    own.set_weights(weights)
    found = {name: tuple(layer.get_weights() for layer in layers) for name, layers in by_stage.items()}
    first, *others = found["stem"]
    kernel, *bias = first
    return found | {"stem": ([kernel.sum(axis=2, keepdims=True), *bias], *others)}


def loaded(path: Path, family: str, holds: Held) -> keras.Model:
    """Keras' own network with the file's weights. Nothing is downloaded, and nobody's code is run."""
    try:
        if path.name.endswith(".keras"):
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        head = {"classes": holds.classes} if holds.classes else {}
        made = getattr(keras.applications, family_named(family).application)(
            weights=None, include_top=bool(holds.classes), input_shape=(PX, PX, holds.colours), **head
        )
        made.load_weights(path)
        return made
    except Exception as error:  # whatever Keras and h5py raise for a file that is damaged inside
        raise WeightsError(
            f"{path} cannot be read as weights of {family}: restore a copy ({one_line(str(error))})"
        ) from None


def set_weights(layers: Sequence[keras.layers.Layer], weights: Sequence[Weights]) -> None:
    for layer, values in zip(layers, weights, strict=True):
        layer.set_weights(values)
