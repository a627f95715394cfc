"""Where in the radiograph a prediction comes from: what each cell of the network's last feature map adds to it, in months.

Without a layer between GAP and the output this is the class activation map (Zhou et al. 2016), and it is exact: the output
is linear in [gap, sex], GAP is a mean over cells, so each cell's features times the output's weights, over the number of
cells, are that cell's months; all cells, the sex and the constant sum to the prediction.

With a fully connected layer between them the weights are the output's gradient at this image (HiResCAM, Draelos and Carin
2020; behind GAP the gradient is the same in every cell, so it is Grad-CAM without its final ReLU). ReLU layers are
linear piece by piece, so the sum still holds, but the split between cells and constant is that of this image's piece alone.

An ensemble's output is the mean of its members', so its map is the mean of theirs, and as exact as they are.
"""

from dataclasses import dataclass
from typing import Any, Literal

from models.backend import keras, tf

import numpy as np

from models.network import OUTPUT, members_of

Method = Literal["CAM", "HiResCAM"]
BATCH = 8  # images at once


@dataclass(frozen=True)
class Maps:
    """Of several images, in their order."""

    method: Method
    months: np.ndarray  # float32 (images, rows, columns): what each cell adds to the prediction
    elsewhere_months: np.ndarray  # float32 (images,): what the sex and the constants add
    prediction_months: np.ndarray  # float32 (images,)


def activation_maps(model: keras.Model, images: np.ndarray, male: np.ndarray) -> Maps:
    """Images uint8 (n, px, px), male 0 or 1 (n,); a network of `network.build` or `network.mean_of`, whether it knows the sex or not.

    Augmentation and dropout are off, as in any prediction.
    """
    found = [one_network(member, images, male) for member in members_of(model)]
    first, *others = found
    if not others:
        return first
    parts = ("months", "elsewhere_months", "prediction_months")
    return Maps(first.method, *(np.mean([getattr(maps, part) for maps in found], axis=0) for part in parts))


def one_network(model: keras.Model, images: np.ndarray, male: np.ndarray) -> Maps:
    body = keras.Model(model.get_layer("image").output, model.get_layer("gap").input)
    body.jit_compile = False  # as of a network that is loaded: XLA would take longer than these predictions
    return maps_of(model, body.predict(images[..., np.newaxis], batch_size=BATCH, verbose=0), male)


def maps_of(model: keras.Model, features: np.ndarray, male: np.ndarray) -> Maps:
    """From what GAP averages, (n, rows, columns, channels): so the tape need not keep what the body computes."""
    features = tf.cast(features, tf.float32)
    pooled = tf.cast(tf.reduce_mean(features, axis=(1, 2)), model.get_layer("gap").compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(pooled)
        prediction = head(model, pooled, tf.constant(male.astype(np.float32)[:, np.newaxis]))
    weights = tf.cast(tape.gradient(prediction, pooled), tf.float32)
    cells = features.shape[1] * features.shape[2]
    months = tf.einsum("nijc,nc->nij", features, weights) / cells
    linear = "fc" not in names(model)
    return Maps(
        "CAM" if linear else "HiResCAM",
        months.numpy(),
        (prediction[:, 0] - tf.reduce_sum(months, axis=(1, 2))).numpy(),
        prediction[:, 0].numpy(),
    )


def head(model: keras.Model, pooled: Any, male: Any) -> Any:
    """The layers behind GAP, as `network.build` joins them. (A Keras model of them would keep `model` from being saved.)"""
    x = pooled
    if "sex" in names(model):
        x = model.get_layer("image_and_sex")([x, model.get_layer("sex")(male)])
    if "fc" in names(model):
        x = model.get_layer("fc")(x)
    return model.get_layer(OUTPUT)(x)


def names(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers}
