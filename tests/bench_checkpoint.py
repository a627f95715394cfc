"""What the checkpoint of every epoch costs a network of 78M parameters, written beside the next epoch or before it; a part of `make bench`.

The paper's Final has 78M. Its checkpoint, with Adam's two slots, takes 0.9 GB. On a CPU the training and the write share cores;
a GPU would train on meanwhile, which nothing here can show.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench_rounds import HEADINGS, medians, ratio_rows
from bench_search import drawn_cases

from models.architecture import Architecture
from models.cost import cost
from models.training.fit import new_trainer
from models.training.settings import Training
from search.workers.left.checkpoint import Checkpoint, Writing, in_background, save

IMAGE_PX, TRAIN, HELD_OUT = 96, 16, 8
EPOCHS, ROUNDS = 3, 3
NETWORK = Architecture(beta=1.9)
TRAINING = Training(epochs=EPOCHS, batch=8, precision="float32")
BESIDE, BEFORE, NONE = "a checkpoint beside the next", "a checkpoint before the next", "no checkpoint"


def main() -> None:
    params = cost(NETWORK, IMAGE_PX).params
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = drawn_cases(folder, IMAGE_PX, TRAIN, HELD_OUT)
        examples, validation = store.split("train"), store.split("validation")
        trainer = new_trainer(NETWORK, TRAINING, examples, IMAGE_PX, seed=0)

        def state() -> Checkpoint:
            return Checkpoint((), validation.age_months, trainer.variables(), "float32")

        def an_epoch(keep: Callable[[Writing], None]) -> float:
            """Seconds, with the last epoch's checkpoint on disk."""
            began = time.perf_counter()
            with in_background() as writing:
                for _ in trainer.epochs(examples, validation, seed=0):
                    keep(writing)
            return (time.perf_counter() - began) / EPOCHS

        found = medians(
            {
                BESIDE: lambda: an_epoch(lambda writing: writing.begin(partial(save, folder, "bench", state()))),
                BEFORE: lambda: an_epoch(lambda writing: save(folder, "bench", state())),
                NONE: lambda: an_epoch(lambda writing: None),
            },
            ROUNDS,
        )
        megabytes = sum(path.stat().st_size for path in folder.glob("epoch-*.npz")) / 1e6
    print(
        f"\n## Checkpoints\n\nA network of {params / 1e6:.0f}M parameters, {TRAIN} images of {IMAGE_PX} px an epoch, {EPOCHS} epochs: seconds an epoch, "
        f"the last checkpoint's end included, medians of {ROUNDS} rounds. A checkpoint has {megabytes:,.0f} MB.\n\n{HEADINGS}"
    )
    ratio_rows("an epoch", NONE, found, "none")


if __name__ == "__main__":
    main()
