"""A trial's checkpoints: all it needs to go on after its last finished epoch, whoever was killed when.

One file per epoch, `epoch-0007.npz`: the variables of the network and its optimizer (whose step count is the place in the
learning-rate schedule), the epochs so far, the best epoch's predictions, the number format, and the fingerprint of the
training it belongs to (which names seed and data). Plain arrays and JSON; nothing is unpickled. Written beside, synced and renamed, so one
that exists is whole unless the disk failed: its checksums (zip's CRC-32 of every member) are verified on load, and the
one before it is kept for that case. It is written while the next epoch trains: one of 78M parameters takes 0.9 GB.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.foreign import foreign
from data.preparation import DataError
from models.training.settings import Precision
from search.output.files import written as whole
from search.workers.job import EpochDone

KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    epochs: tuple[EpochDone, ...]
    predictions: np.ndarray  # float32 (validation images,), months, of the best epoch
    variables: Sequence[np.ndarray]
    precision: Precision  # that all its epochs were trained in, whatever the next device would choose


class Writing:
    """One write at a time, in a thread of its own."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self.thread = thread
        self.last: Future[None] | None = None

    def begin(self, write: Callable[[], None]) -> None:
        """Once the last is done. Raises what that one raised, as `wait` does."""
        self.wait()
        self.last = self.thread.submit(write)

    def wait(self) -> None:
        last, self.last = self.last, None
        if last is not None:
            last.result()


@contextmanager
def in_background() -> Iterator[Writing]:
    """Leaving it waits for the last write, and raises what that raised, unless the block has raised already."""
    with ThreadPoolExecutor(1, "checkpoint") as thread:
        writing = Writing(thread)
        yield writing
        writing.wait()


def save(folder: Path, fingerprint: str, checkpoint: Checkpoint) -> None:
    about = {
        "fingerprint": fingerprint,
        "epochs": [asdict(epoch) for epoch in checkpoint.epochs],
        "precision": checkpoint.precision,
    }
    arrays = {f"variable-{n:04d}": variable for n, variable in enumerate(checkpoint.variables)}
    arrays["predictions"] = checkpoint.predictions
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    path = folder / f"epoch-{len(checkpoint.epochs):04d}.npz"
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    found = written(folder)
    place = found.index(path)
    for needless in (
        *found[:place],
        *found[place + KEPT :],
    ):  # those of later epochs are damaged, or another training's
        needless.unlink()


def latest(folder: Path, fingerprint: str, say: Callable[[str], None] = lambda sentence: None) -> Checkpoint | None:
    """The newest checkpoint of this training that can be read whole; None where there is none. `say` hears of damaged ones."""
    return next((found for path in written(folder) if (found := load(path, fingerprint, say))), None)


def another(folder: Path, fingerprint: str) -> bool:
    """Whether there are checkpoints that can be read, and none is of this training."""
    found = [about["fingerprint"] for path in written(folder) if (about := about_of(path))]
    return bool(found) and fingerprint not in found


def about_of(path: Path) -> dict[str, Any] | None:
    """What the checkpoint says of itself; None where it is damaged."""
    try:
        with foreign(path.name), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about: dict[str, Any] = json.loads(arrays["about"].tobytes())
            return about if isinstance(about["fingerprint"], str) else None
    except DataError:
        return None


def load(path: Path, fingerprint: str, say: Callable[[str], None] = lambda sentence: None) -> Checkpoint | None:
    """None where the file is damaged or another training's: the trial then begins earlier, which costs time alone."""
    try:
        with (
            foreign(f"the checkpoint {path.name} is damaged"),
            path.open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            about = json.loads(arrays["about"].tobytes())
            if about["fingerprint"] != fingerprint:
                return None
            names = sorted(name for name in arrays.files if name.startswith("variable-"))
            return Checkpoint(
                tuple(EpochDone(**epoch) for epoch in about["epochs"]),
                arrays["predictions"],
                [arrays[name] for name in names],
                about["precision"],
            )
    except DataError as error:
        say(str(error))
        return None


def written(folder: Path) -> list[Path]:
    """Newest first."""
    return sorted(folder.glob("epoch-*.npz"), reverse=True)


def clear(folder: Path) -> None:
    """For a trial whose result is in the storage."""
    for path in (*folder.glob("epoch-*.npz"), *folder.glob("epoch-*.part")):
        path.unlink()
