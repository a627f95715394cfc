"""What a trial leaves of its best epoch for later: test predictions, maps, the network itself, where the job asks for them.

They are written before the epoch's checkpoint, under the epoch's number, and get their names at the end: an epoch that
is trained again after a kill may not be the best any more. As with checkpoints, the one before is kept.
"""

import os
from collections.abc import Callable
from pathlib import Path

from search.checkpoint import KEPT

# Files of the trial's folder, of the best epoch so far.
VALIDATION, TEST, MODEL, MAPS = "predictions.npy", "test_predictions.npy", "model.keras", "maps.npz"

Write = Callable[[Path], None]


def leave(folder: Path, name: str, epoch: int, write: Write) -> None:
    write(numbered(folder, name, epoch))
    for older in sorted(folder.glob(pattern(name)))[:-KEPT]:
        older.unlink()


def settle(folder: Path, name: str, best_epoch: int) -> None:
    """After the last epoch: the best one's file gets its name, the others go."""
    best = numbered(folder, name, best_epoch)
    if best.exists():  # not where this was done before a kill
        os.replace(best, folder / name)
    for other in folder.glob(pattern(name)):
        other.unlink()


def drop(folder: Path, name: str) -> None:
    """Of a trial that has no best epoch."""
    for path in (folder / name, *folder.glob(pattern(name))):
        path.unlink(missing_ok=True)


def numbered(folder: Path, name: str, epoch: int) -> Path:
    return (folder / name).with_stem(f"{Path(name).stem}-{epoch:04d}")


def pattern(name: str) -> str:
    return f"{Path(name).stem}-[0-9][0-9][0-9][0-9]{Path(name).suffix}"
