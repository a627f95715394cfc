"""Ratios against peers, side by side in one run: `make bench`. Nothing here is asserted by a test.

The images into the step are measured here, every other part in a file and a process of its own; alone, a part is
`python tests/bench_step.py` and so on.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from models.backend import keras, tf

import numpy as np
from bench_rounds import ROUNDS, medians
from PIL import Image

from data.phantom.hand import draw, phantom_cases
from data.preparation import Preparation
from data.store.disk import Examples
from data.store.prepare import prepare
from models.training.feed import Feed, Streamed, Tensors, feed, rows_of
from search.machine.devices import cpu_name

# What a worker has where there is one per core, as there is without a GPU.
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

PARTS = (
    "bench_step.py",
    "bench_precision.py",
    "bench_trial.py",
    "bench_search.py",
    "bench_checkpoint.py",
    "bench_command.py",
    "bench_demo.py",
    "bench_long.py",
    "bench_growth.py",
)
IMAGES = 144
BATCH = 32
MEMORY_BYTES = 256_000_000


def drawn_folder(folder: Path, png_px: int) -> None:
    """An RSNA training folder of drawn hands, `png_px` wide."""
    images = folder / "boneage-training-dataset"
    images.mkdir(parents=True)
    rows = ["id,boneage,male"]
    for number, case in enumerate(phantom_cases(IMAGES)):
        Image.fromarray(draw(case, png_px)).save(images / f"{number:04d}.png")
        rows.append(f"{number:04d},{round(case.age_months)},{case.male}")
    (folder / "train.csv").write_text("\n".join(rows))


def input_bench(png_px: int, image_px: int) -> dict[str, float]:
    """Images/s that reach the device as a batch, ready for the training step."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "rsna"
        drawn_folder(folder, png_px)
        settings = Preparation(image_px=image_px, fit="squash", validation_fraction=0.05, test_fraction=0.0)
        store = prepare(str(folder), settings, Path(scratch) / "store")
        examples = store.split("train")
        count = len(examples) // BATCH * BATCH
        names = [str(folder / "boneage-training-dataset" / f"{id}.png") for id in examples.ids[:count]]
        # As many bytes as no cache holds, as in a real set; the peers that decode see each image once.
        times = MEMORY_BYTES // (count * image_px**2) + 1
        images = np.tile(store.images[:count], (times, 1, 1))
        male, age_months, ids = (
            np.tile(each[:count], times) for each in (examples.male, examples.age_months, examples.ids)
        )
        many = Examples(images, np.arange(len(images)), male, age_months, ids)
        order = np.random.default_rng(0).permutation(len(many))

        @tf.function
        def step(tensors: Tensors, rows: tf.Tensor) -> Tensors:
            return rows_of(tensors, rows)

        @tf.function
        def step_of_a_batch(*batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return batch

        def copying() -> float:
            began = time.perf_counter()
            for start in range(0, len(images), BATCH):
                here = slice(start, start + BATCH)
                step_of_a_batch(
                    tf.constant(images[here]), tf.constant(male[here, None]), tf.constant(age_months[here, None])
                )
            return len(images) / (time.perf_counter() - began)

        def fed(examples: Feed) -> float:
            began = time.perf_counter()
            for tensors, rows in examples.steps(BATCH, order):
                step(tensors, rows)
            return len(images) / (time.perf_counter() - began)

        kept, streamed = feed(many), Streamed(many)

        def decoded(name: tf.Tensor) -> tf.Tensor:
            image = tf.io.decode_png(tf.io.read_file(name), channels=1)
            return tf.image.resize(image, (image_px, image_px))

        files = tf.data.Dataset.from_tensor_slices(names).shuffle(count)
        decoding = files.map(decoded, tf.data.AUTOTUNE).batch(BATCH).prefetch(tf.data.AUTOTUNE)
        directory = keras.utils.image_dataset_from_directory(
            folder / "boneage-training-dataset",
            labels=None,
            color_mode="grayscale",
            batch_size=BATCH,
            image_size=(image_px, image_px),
            verbose=False,
        )

        def reading(dataset: tf.data.Dataset) -> float:
            began, seen = time.perf_counter(), 0
            for batch in dataset:
                seen += len(batch)
            return seen / (time.perf_counter() - began)

        return medians(
            {
                "the prepared store": lambda: fed(kept),
                "the prepared store, over the limit for keeping it on the device": lambda: fed(streamed),
                "copying the bytes, in order": copying,
                "tf.data, decoding every epoch": lambda: reading(decoding),
                "image_dataset_from_directory": lambda: reading(directory),
            }
        )


def commit() -> str:
    """Of this source tree, as the bench begins."""
    found = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return found.stdout.strip() or "unknown"


def main() -> None:
    print("# Benchmarks\n")
    print(
        f"Made by `make bench` on {date.today():%Y-%m-%d}, of commit {commit()}, on {os.cpu_count()} cores of {cpu_name()}, Linux, "
        f"Python {platform.python_version()}, TensorFlow {tf.__version__} on one thread, as each of two workers has it here, no GPU. Medians of "
        f"{ROUNDS} interleaved rounds; "
        "a ratio is ours over the peer's, and below 1 where ours takes less. What falls short of its aim, why, and what was tried: "
        "`studies/README.md`.\n"
    )
    print("## Images into the training step\n")
    print("How many times as many images the prepared store gives as each input does.\n")
    print("| times as many | PNG | image | input | images/s |\n|---|---|---|---|---|")
    for png_px, image_px in ((1024, 300), (300, 300), (100, 100)):
        rates = input_bench(png_px, image_px)
        for name, rate in rates.items():
            print(f"| {rates['the prepared store'] / rate:.3g} | {png_px} px | {image_px} px | {name} | {rate:,.0f} |")
            sys.stdout.flush()
    for part in PARTS:
        subprocess.run([sys.executable, Path(__file__).parent / part], check=True)


if __name__ == "__main__":
    main()
