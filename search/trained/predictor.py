"""A trained model as a function: prepared images in, ages in months with intervals out.

    from pathlib import Path
    from data.films.images import decode
    from search.trained.predictor import open_model, predict

    model = open_model(Path("runs/main/models/b1.4-4-3-3"))
    image = decode(Path("hand.png"), model.preparation).pixels
    answers = predict(model, image[np.newaxis], male=np.array([False]))

Research software, not a medical device.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.films.looks import Looks
from data.films.looks import load as load_looks
from data.foreign import foreign
from data.preparation import Preparation
from data.store.disk import Store
from search.trained.about import refuse_changed
from search.trained.conformal import intervals
from search.trained.folder import ModelFolder, load_network, network_at, open_folder
from search.trained.left.looks import LOOKS
from search.trained.measures import as_ages
from search.workers.left.best import MODEL

BATCH = 32
SIZES = (
    1,
    8,
    BATCH,
)  # of what is computed at once: one film is not worth 32, and each size may cost the network another trace


@dataclass(frozen=True)
class Model:
    about: dict[str, Any]  # its model.json
    preparation: Preparation  # what an image must have undergone
    looks: Looks
    network: Any  # a Keras model

    @property
    def uses_sex(self) -> bool:
        return bool(self.about["architecture"]["sex_units"])


class Answers(NamedTuple):
    months: np.ndarray  # float32 (n,)
    low: np.ndarray  # float (n,), the ends of the 90 % interval; inf where the model was given too few cases for one
    high: np.ndarray


def open_model(folder: Path) -> Model:
    """Raises DataError where the folder holds no whole model."""
    return model_in(open_folder(folder, whole=True))


def model_in(found: ModelFolder) -> Model:
    """Of a folder that was opened whole."""
    return Model(found.about, found.preparation, looks_in(found), load_network(found))


def looks_in(found: ModelFolder) -> Looks:
    """The model's hand check. Raises DataError where it is damaged, or is not the model's."""
    refuse_changed(found.path, found.about, LOOKS)
    with foreign(f"{found.path / LOOKS} is damaged: restore a copy, or train the model again"):
        return load_looks(found.path / LOOKS)


def predict(model: Model, images: np.ndarray, male: np.ndarray | None, flip: bool = False) -> Answers:
    """Ages in months of prepared images.

    `images`: uint8 (n, image_px, image_px), prepared as `model.preparation` says (`data.films.images.decode` does that).
    `male`: bool or 0/1 (n,); None only for a model that does not use the sex. `flip` takes the mean of each image and its
    mirror. The intervals hold 90 % of labels like those of the validation set (`search/trained/conformal.py`).
    """
    if model.uses_sex and male is None:
        raise ValueError("this model needs the sex of every image")
    return answers_of(model, months_of(model.network, images, male, flip), male, flip)


def answers_of(model: Model, months: np.ndarray, male: np.ndarray | None, flip: bool = False) -> Answers:
    """What the network's own answers mean: ages, none below 0, with their intervals."""
    conformal = (model.about["conformal_flipped"] if flip else None) or model.about["conformal"]
    low, high = intervals(conformal, months, male if model.uses_sex else None)
    return Answers(as_ages(months), low, high)


def months_of(network: Any, images: np.ndarray, male: np.ndarray | None, flip: bool = False) -> np.ndarray:
    sexes = np.zeros(len(images)) if male is None else np.asarray(male)
    starts = range(0, len(images), BATCH)
    found = [answered(network, images[n : n + BATCH], sexes[n : n + BATCH], flip) for n in starts]
    return np.concatenate(found) if found else np.empty(0, np.float32)


def mirrored_predictions(folder: Path, store: Store, with_test: bool) -> dict[str, np.ndarray]:
    """By split, the mean of an image's prediction and its mirror's, of the network in a model's folder."""
    network = network_at(folder / MODEL)
    found = {}
    for split in ("validation", "test") if with_test else ("validation",):
        examples = store.split(split)
        rows = [examples.rows[n : n + BATCH] for n in range(0, len(examples), BATCH)]
        male = [examples.male[n : n + BATCH] for n in range(0, len(examples), BATCH)]
        pairs = zip(rows, male, strict=True)
        found[split] = np.concatenate([answered(network, store.images[chosen], sex, True) for chosen, sex in pairs])
    return found


def answered(network: Any, images: np.ndarray, male: np.ndarray, flip: bool) -> np.ndarray:
    """One batch's ages, float32 (n,). Its shape is one of a few, of which TensorFlow traces the network twice at most: the second time for any.

    No answer depends on the others of its batch, but for rounding: another size may add up in another order.
    """
    count = len(images)
    size = next(size for size in SIZES if size >= count)
    places = np.resize(np.arange(count), size)  # filled up with repeats
    shown, sexes = images[places][..., np.newaxis], male[places].astype(np.float32)[:, np.newaxis]
    with_sex = len(network.inputs) == 2

    def ask(pixels: np.ndarray) -> np.ndarray:
        inputs = {"image": pixels, "male": sexes} if with_sex else {"image": pixels}
        return np.asarray(network.predict_on_batch(inputs), np.float32)[:count, 0]

    return (ask(shown) + ask(shown[:, :, ::-1])) / 2 if flip else ask(shown)
