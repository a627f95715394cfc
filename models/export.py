"""A trained network in the formats that other programs read.

Each format has a function that writes the network and one that runs what was written, image uint8 (n, px, px, 1) and, where the
network knows the sex, male float32 (n, 1), 0 or 1; out come months, float32 (n,). Sizes of a batch are free.

What is written is the network for inference alone: built anew without augmentation, whose random operations converters
either refuse or, worse, write as operations that no runtime has; and in float32, whatever it was trained in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from models.backend import keras, tf

import numpy as np

from models import saved
from models.architecture import Architecture
from models.network import OUTPUT, build, mean_of, members_of
from models.training.settings import Training

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]  # images (n, px, px), male (n,); months (n,)
OPSET = 18  # of ONNX; onnxruntime reads it since 1.14


class Format(NamedTuple):
    write: Callable[[keras.Model, Path], None]  # a file, or a folder
    runner: Callable[[Path], Predict]


@contextmanager
def in_whole_float32() -> Iterator[None]:
    """A GPU rounds float32 to the ten bits of TF32 where it multiplies, and other programs' results are to be compared with these."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """What is loaded, built and run meanwhile is so on the CPU, with a GPU beside it, too: the runtimes of other formats know no other here."""
    with in_whole_float32(), tf.device("/CPU:0"):
        yield


def for_inference(model: keras.Model, architecture: Architecture, image_px: int) -> keras.Model:
    """The same weights in a network without augmentation, in float32; of an ensemble all its members."""
    keras.mixed_precision.set_dtype_policy("float32")
    plain = []
    for member in members_of(model):
        plain.append(build(architecture, image_px, Training(flip_horizontal=False)))
        plain[-1].set_weights(member.get_weights())
    return mean_of(plain) if len(plain) > 1 else plain[0]


def inputs_of(names: list[str], images: np.ndarray, male: np.ndarray) -> dict[str, np.ndarray]:
    every = {"image": images[..., np.newaxis], "male": male.astype(np.float32)[:, np.newaxis]}
    return {name: every[name] for name in names}


def keras_runner(path: Path) -> Predict:
    return runner_of(saved.load(path))


def runner_of(model: keras.Model) -> Predict:
    serve, names = serving(model), [tensor.name for tensor in model.inputs]
    return lambda images, male: np.asarray(serve(inputs_of(names, images, male))[OUTPUT])[:, 0]


def serving(model: keras.Model) -> Any:
    """The traced prediction with named inputs, named output and a free batch."""
    signature = {
        tensor.name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=tensor.name) for tensor in model.inputs
    }
    return tf.function(lambda inputs: {OUTPUT: model(inputs, training=False)}, input_signature=[signature])


def write_savedmodel(model: keras.Model, path: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serving(model))
    archive.write_out(path, verbose=False)


def savedmodel_runner(path: Path) -> Predict:
    loaded = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    names = list(serve.structured_input_signature[1])

    def predict(images: np.ndarray, male: np.ndarray, keep: Any = loaded) -> np.ndarray:  # its variables die with it
        inputs = {name: tf.constant(value) for name, value in inputs_of(names, images, male).items()}
        return np.asarray(serve(**inputs)[OUTPUT])[:, 0]

    return predict


def write_tflite(model: keras.Model, path: Path) -> None:
    """By way of a SavedModel: from a concrete function TensorFlow 2.21 loses the weights, and every answer is not a number."""
    with TemporaryDirectory() as folder:
        write_savedmodel(model, Path(folder))
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def tflite_runner(path: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_path=str(path)).get_signature_runner()
    names = list(run.get_input_details())
    return lambda images, male: run(**inputs_of(names, images, male))[OUTPUT][:, 0]


def write_onnx(model: keras.Model, path: Path) -> None:
    import tf2onnx

    serve = serving(model)
    tf2onnx.convert.from_function(serve, input_signature=serve.input_signature, opset=OPSET, output_path=str(path))


def onnx_runner(path: Path) -> Predict:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return lambda images, male: session.run([OUTPUT], inputs_of(names, images, male))[0][:, 0]


FORMATS = {
    "keras": Format(saved.save, keras_runner),
    "savedmodel": Format(write_savedmodel, savedmodel_runner),
    "tflite": Format(write_tflite, tflite_runner),
    "onnx": Format(write_onnx, onnx_runner),
}
