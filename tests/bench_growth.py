"""How training's cost grows with images, pixels and width, and a search's with workers; a part of `make bench`.

With the number of trials: `bench_long.py`. With one and two real workers: `bench_search.py`.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from models.backend import tf

import optuna
from bench_rounds import medians
from bench_step import NARROW, TRAINING, examples, stepping
from growth import show

from models.architecture import Architecture, Blocks
from models.cost import cost
from models.training.fit import Epoch, new_trainer
from search.compare.compare import compare, recorded_seeds, summary
from search.compare.curves import read
from studies.presets import miniature

IMAGES = (500, 1000, 2000, 4000)
PIXELS = (64, 96, 128, 200, 300)
BETAS = (0.25, 0.35, 0.5, 0.7, 1.0)
WORKERS = (1, 4, 16, 64, 256)
BATCH = 8  # of single steps
REPETITIONS = 20
RECORDED = Path(__file__).parents[1] / "studies" / "miniature.csv"


def with_images() -> None:
    network = Architecture(beta=0.1, blocks=Blocks(0, 0, 0, 1, 1, 1), stem_pools=(False, True))
    turns = {str(number): epochs_of(network, number) for number in IMAGES}
    seconds = medians(turns)
    print("\n### Images\n\nAn epoch of training, with a quarter as many images for validation; 64 px, a small network.")
    show("images", "training images", "s", {"an epoch": [(number, seconds[str(number)]) for number in IMAGES]})


def epochs_of(network: Architecture, number: int) -> Callable[[], float]:
    some, held_out = examples(number, 64), examples(number // 4, 64)
    trainer = new_trainer(network, replace(TRAINING, epochs=10_000), some, 64, seed=0)
    epochs: Iterator[Epoch] = trainer.epochs(some, held_out, seed=0)
    return lambda: next(epochs).seconds


def step_of(network: Architecture, image_px: int) -> Callable[[], float]:
    some = examples(BATCH, image_px)
    return stepping(new_trainer(network, replace(TRAINING, batch=BATCH), some, image_px, seed=0), some, BATCH)


def with_pixels() -> None:
    seconds = medians({str(image_px): step_of(NARROW, image_px) for image_px in PIXELS})
    print(f"\n### Pixels\n\nA training step of {BATCH} images, β {NARROW.beta:g}, stock repeats.")
    macs = [(image_px, cost(NARROW, image_px).macs / 1e9) for image_px in PIXELS]
    show("pixels", "px", "s or GMACs", {"a step": [(px, seconds[str(px)]) for px in PIXELS], "GMACs an image": macs})


def with_width() -> None:
    networks = {beta: replace(NARROW, beta=beta) for beta in BETAS}
    seconds = medians({str(beta): step_of(network, 96) for beta, network in networks.items()})
    print(f"\n### Width\n\nA training step of {BATCH} images of 96 px, stock repeats.")
    macs = [(beta, cost(network, 96).macs / 1e9) for beta, network in networks.items()]
    show("width", "β", "s or GMACs", {"a step": [(beta, seconds[str(beta)]) for beta in BETAS], "GMACs an image": macs})


def with_workers() -> None:
    """A simulation over recorded trainings: this machine has two cores."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    recorded = read(RECORDED)
    found: dict[str, list[tuple[float, float]]] = {}
    preset, seeds = replace(miniature(), drop_useless=True), recorded_seeds(recorded)
    constant = float(recorded.about["constant_mae"])
    for workers in WORKERS:
        played = compare(preset, constant, recorded, seeds, REPETITIONS, ("random",), workers=workers)
        for row in summary(played):
            found.setdefault(row["search"], []).append((workers, row["simulated_seconds"]))
    print(f"\n### Workers\n\nSimulated seconds of a whole search, {REPETITIONS} repetitions on recorded trainings.")
    show("workers", "workers, simulated", "s", found)


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print("\n## How cost grows\n\nOne thread. An exponent of 1 is proportional, of 0 constant.")
    for measure in (with_images, with_pixels, with_width, with_workers):
        measure()


if __name__ == "__main__":
    main()
