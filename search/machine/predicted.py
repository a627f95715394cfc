"""Whether a GPU predicts what the CPU does: one network of the same weights on both, on images of noise.

An untrained network says nearly the same of every image, so that even a wrong device would seem to agree. So its last layer is enlarged until
what it says of them differs as bone ages do.

That enlarges rounding, too: with the ten bits of TF32, which an NVIDIA card takes for float32 unless told otherwise, or with half precision, a right
card may be 50 or 300 months apart. So the two are compared in whole float32.
"""

from typing import Any

import numpy as np

from models.architecture import Architecture

IMAGES, SEED = 8, 0
SPREAD_MONTHS = 30.0  # standard deviation of its answers
TINY = 1e-12
# What another order of summation explains: four times what was measured. Noise of ten units in the last place on what every convolution gives (taken
# to be what the fast algorithms of CUDA's libraries lose; no GPU has confirmed it) moves the answers of the reference of `cpu` by 0.12 months, of `default` by 0.05,
# of `miniature` and `demo` by 0.01. A kernel that is wrong by a third in half the channels of one layer moves them by 2.9 months or more.
ROUNDING_MONTHS = 0.5


def predictions_apart(architecture: Architecture, image_px: int, device: str, other: str = "CPU:0") -> float:
    """The largest difference in months between two devices, in whole float32; in a worker. Raises where a device is not there."""
    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.backend import keras, tf

    from models.export import in_whole_float32
    from models.network import build

    keras.utils.set_random_seed(SEED)
    tf.config.set_soft_device_placement(False)  # another device in its place would always agree
    noise = np.random.default_rng(SEED)
    images = noise.integers(0, 255, (IMAGES, image_px, image_px, 1), dtype=np.uint8)
    inputs = {"image": images, "male": np.ones((IMAGES, 1), np.float32)}  # the images alone make the answers differ
    model = build(architecture, image_px)

    def answers(name: str) -> np.ndarray:
        with in_whole_float32(), tf.device(f"/{name}"):
            here = {key: tf.constant(value) for key, value in inputs.items()}
            return np.asarray(model(here, training=False), np.float64)

    spread_out(model, answers(other))
    return round(float(np.abs(answers(device) - answers(other)).max()), 6)


def spread_out(model: Any, answers: np.ndarray) -> None:
    """Enlarge the weights of the last layer, so that these answers would have differed by SPREAD_MONTHS, if they differed at all."""
    from models.network import OUTPUT

    kernel = model.get_layer(OUTPUT).kernel
    kernel.assign(kernel * (SPREAD_MONTHS / max(answers.std(), TINY)))
