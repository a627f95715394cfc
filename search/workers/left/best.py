"""What a trial leaves of its best epoch for later: test predictions, maps, the network itself, where the job asks for them.

They are written before the epoch's checkpoint, under the epoch's number, and get their names at the end: an epoch that
is trained again after a kill may not be the best any more. As with checkpoints, the one before is kept.
"""

import hashlib
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.foreign import foreign
from data.preparation import DataError
from data.store.disk import Store
from search.output.files import write_bytes, written
from search.workers.left.checkpoint import KEPT
from studies.study import Trial

if TYPE_CHECKING:
    from models.cam import Maps

# Files of the trial's folder, of the best epoch so far.
VALIDATION, TEST, MODEL, MAPS = "predictions.npy", "test_predictions.npy", "model.keras", "maps.npz"
KEPT_NOTE = "kept.json"  # the leader's, of a network that the search keeps (`leader/kept.py`)
MADE_OF_IT = ("model.json", "looks.npz", "seen.csv")  # once a kept network has been used

MARK, DIGEST_BYTES = b"blake2b:", 16  # at the end of a file of predictions
Write = Callable[[Path], None]


def leave(folder: Path, name: str, epoch: int, write: Write) -> None:
    write(numbered(folder, name, epoch))
    for older in sorted(folder.glob(pattern(name)))[:-KEPT]:
        older.unlink()


def forget(folder: Path, name: str, after: int) -> None:
    """Files of later epochs than `after`, which are trained anew, or were another training's: no room is kept for them."""
    for path in folder.glob(pattern(name)):
        if path > numbered(folder, name, after):
            path.unlink()


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


def let_go(folder: Path) -> None:
    """Of a network that the search has kept. The note first: without it the network counts for nothing."""
    for name in (KEPT_NOTE, *MADE_OF_IT):
        (folder / name).unlink(missing_ok=True)
    drop(folder, MODEL)


def begin_afresh(folder: Path) -> None:
    """Whatever the folder holds of a best epoch is another training's, as where a study was deleted and begun again: it goes."""
    let_go(folder)
    for name in (VALIDATION, TEST, MAPS):
        drop(folder, name)


def save_maps(path: Path, rows: np.ndarray, maps: "Maps") -> None:
    with written(path) as part, part.open("wb") as file:
        np.savez(file, rows=rows, months=maps.months, prediction_months=maps.prediction_months)


def save_predictions(path: Path, predictions: np.ndarray) -> None:
    """Months, float32, in the order of the store's cases of that split, as numpy writes them; then their digest.

    numpy reads what its header says and no further, so to others it is a plain .npy file.
    """
    file = BytesIO()
    np.save(file, predictions.astype(np.float32), allow_pickle=False)
    write_bytes(path, file.getvalue() + MARK + digest(file.getvalue()))


def load_predictions(path: Path) -> np.ndarray:
    """Raises DataError where the file is damaged, OSError where there is none. Those of earlier versions have no digest."""
    content = path.read_bytes()
    end = len(content) - len(MARK) - DIGEST_BYTES
    if end > 0 and content[end : end + len(MARK)] == MARK and content[end + len(MARK) :] != digest(content[:end]):
        raise DataError(f"{path} is damaged: it was changed after it was written")
    with foreign(f"{path} is damaged"):
        predictions: np.ndarray = np.load(BytesIO(content), allow_pickle=False)
        return predictions.astype(np.float32)


def errors_of(
    trials: Path, store: Store, trial: Trial, say: Callable[[str], None] = lambda said: None
) -> np.ndarray | None:
    """Absolute errors in months of a trial's best epoch on the validation images; None where they are not kept.

    `trials` is the run's folder of trials; `say` hears of predictions that are damaged.
    """
    age_months = store.split("validation").age_months
    try:
        predictions = load_predictions(trials / trial.folder / VALIDATION)
    except OSError:
        return None
    except DataError as error:
        say(f"{error}; trial {trial.number} is compared by its MAE alone")
        return None
    return np.abs(predictions.astype(float) - age_months) if predictions.shape == age_months.shape else None


def digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def numbered(folder: Path, name: str, epoch: int) -> Path:
    return (folder / name).with_stem(f"{Path(name).stem}-{epoch:04d}")


def pattern(name: str) -> str:
    return f"{Path(name).stem}-[0-9][0-9][0-9][0-9]{Path(name).suffix}"
