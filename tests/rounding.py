"""How far float32 may put two computations of one network apart: other kernels, batches, threads, runtimes or processors.

Each sums in an order of its own, and every addition rounds. The limits follow from how many additions there are, not from what
one processor gave.
"""

import math
from typing import Any

from models.backend import keras

import numpy as np

UNIT = 2.0**-24  # of a float32's rounding, relative to its value


def additions(network: keras.Model) -> int:
    """That a value passes through from the image to the output, all layers taken for one chain; a few for each layer's rest."""
    kernels = [weight for weight in network.weights if weight.path.endswith("/kernel")]
    return sum(math.prod(kernel.shape[:-1]) for kernel in kernels) + 4 * len(network.layers)


def surely(network: keras.Model) -> float:
    """The most by which two answers of a network whose terms are all positive differ, relative to them (n roundings of each)."""
    return 2 * additions(network) * UNIT


def likely(network: keras.Model) -> float:
    """By which two answers hardly ever differ, relative to the magnitudes that the output sums: roundings are of either sign,
    so that n of them grow as √n (Higham and Mary 2019), here with four of its standard deviations."""
    return 4 * math.sqrt(2 * additions(network)) * UNIT


def summed(network: keras.Model, inputs: dict[str, Any]) -> np.ndarray:
    """The magnitudes that the output sums, (images,): its inputs times its weights, and its constant."""
    output = network.get_layer("age_months")
    before = np.abs(np.asarray(keras.Model(network.inputs, output.input)(inputs, training=False), np.float64))
    weights, bias = (np.abs(np.asarray(value, np.float64)) for value in output.get_weights())
    return before @ weights[:, 0] + bias[0]
