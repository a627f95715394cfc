"""Whether a GPU predicts what the CPU does: one network of the same weights on both, on images of noise."""

import numpy as np

from models.architecture import Architecture

IMAGES, SEED = 8, 0


def predictions_apart(architecture: Architecture, image_px: int, device: str, other: str = "CPU:0") -> float:
    """The largest difference in months between two devices, in float32; in a worker. Raises where a device is not there."""
    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.backend import keras, tf

    from models.network import build

    keras.utils.set_random_seed(SEED)
    tf.config.set_soft_device_placement(False)  # another device in its place would always agree
    noise = np.random.default_rng(SEED)
    images = noise.integers(0, 255, (IMAGES, image_px, image_px, 1), dtype=np.uint8)
    inputs = {"image": images, "male": noise.integers(0, 2, (IMAGES, 1)).astype(np.float32)}
    model = build(architecture, image_px)
    answers = []
    for name in (device, other):
        with tf.device(f"/{name}"):
            here = {key: tf.constant(value) for key, value in inputs.items()}
            answers.append(np.asarray(model(here, training=False), np.float64))
    return round(float(np.abs(answers[0] - answers[1]).max()), 6)
