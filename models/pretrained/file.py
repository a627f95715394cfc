"""What is in a file of `keras.applications` weights, without TensorFlow: whose they are, of how many colours, with a head or without.

Three layouts hold them: legacy `.h5` (a group per layer, by name), `.weights.h5` (Keras 3, by kind and number) and
`.keras` (that in a zip, with the network's description). Keras reads them; here only shapes are, so that a file that is
missing, damaged or another network's is refused before anything is trained.
"""

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.families import FAMILIES
from models.pretrained.kernels import Shape, kernels_of, stock
from models.training.settings import Training, TrainingError

ENDINGS = (".keras", ".weights.h5", ".h5", ".hdf5")
IN_ZIP = "model.weights.h5"
KERNEL = 4  # dimensions of a convolution's


class WeightsError(TrainingError):
    """A file that is no weights of this family; the message says what was found and what would be right."""


@dataclass(frozen=True)
class Held:
    """What a file holds."""

    colours: int  # channels of the images that its first convolution takes
    classes: int  # of its head; 0: none


def held(path: Path, family: str) -> Held:
    """Raises WeightsError where the file is not one of this family's weights."""
    if not FAMILIES[family].application:
        raise WeightsError(
            f"keras.applications has no {FAMILIES[family].title}, so no file of its weights fits: leave out --weights"
        )
    found = shapes(path)
    kernels = [shape for shape in found if len(shape) == KERNEL]
    heads = [shape for shape in found if len(shape) == 2]
    if not kernels or len(heads) > 1:
        raise WeightsError(f"{path} holds no weights of a network of keras.applications")
    colours = min(kernel[2] for kernel in kernels)
    expected = Counter(kernels_of(stock(family), colours))
    if expected != Counter(kernels):
        fits = [name for name in FAMILIES if Counter(kernels_of(stock(name), colours)) == Counter(kernels)]
        whose = (
            f"they fit {fits[0]}" if fits else "they fit no network that this program knows with its stock block counts"
        )
        raise WeightsError(
            f"{path} holds no weights of {family}: {whose}; name {family}'s file, or choose another --family"
        )
    return Held(colours, heads[0][1] if heads else 0)


def shapes(path: Path) -> list[Shape]:
    """Of all weights in the file, without the optimizer's. Raises WeightsError where it cannot be read."""
    import h5py  # a tenth of a second, which commands without weights do without

    if not path.name.endswith(ENDINGS):
        raise WeightsError(f"weights are a file that ends in {', '.join(ENDINGS)}; got {path}")
    found: list[Shape] = []

    def each(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith(("optimizer", "_optimizer")):
            found.append(tuple(item.shape))

    try:
        with opened(path) as file, h5py.File(file, "r") as weights:
            weights.visititems(each)
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} cannot be read as weights ({error}): restore a copy") from None
    return found


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    if path.name.endswith(".keras"):
        with zipfile.ZipFile(path) as whole:
            yield io.BytesIO(whole.read(IN_ZIP))
    else:
        with path.open("rb") as file:
            yield file


def checked(training: Training, family: str) -> str:
    """The digest of the file that trainings start from; empty where they start from none. Raises WeightsError where it is not of
    this family."""
    if not training.weights:
        return ""
    path = Path(training.weights)
    found = digest(path)
    known_to_fit(path, family, found)
    return found


@cache
def known_to_fit(path: Path, family: str, digest: str) -> None:
    held(path, family)


def digest(path: Path) -> str:
    """Of the file's bytes. Raises WeightsError where it cannot be read."""
    try:
        size, changed = path.stat().st_size, path.stat().st_mtime_ns
        return digest_at(path, size, changed)
    except FileNotFoundError:
        raise WeightsError(
            f"there is no file {path}: name a file that you have; this program does not download weights"
        ) from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): name another file") from None


@cache
def digest_at(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
