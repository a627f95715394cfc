"""By how many months a model's answers change when films are degraded: `python tests/degradations.py STORE MODEL [MODEL ...]`.

Of the test images of a prepared store. A row per degradation: mean absolute change, mean change and MAE, months, for each model.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from data.store.disk import open_store
from search.trained.predictor import open_model, predict

SAME_PX = 48  # of the side to which films are shrunk and from which they are enlarged again


def power(film: np.ndarray, exponent: float) -> np.ndarray:
    return np.asarray(np.rint(255 * (film / 255.0) ** exponent), np.uint8)


def jpeg(film: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(film).save(file, "JPEG", quality=30)
    return np.asarray(Image.open(file))


def enlarged(film: np.ndarray) -> np.ndarray:
    less = Image.fromarray(film).resize((SAME_PX, SAME_PX), Image.Resampling.LANCZOS)
    return np.asarray(less.resize(film.shape[::-1], Image.Resampling.BICUBIC))


DEGRADED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as they are": lambda film: film,
    "blur, 1 px": lambda film: ndimage.gaussian_filter(film, 1.0),
    "gamma 0.4": lambda film: power(film, 0.4),
    "gamma 2.5": lambda film: power(film, 2.5),
    "JPEG, quality 30": jpeg,
    "48 px enlarged": enlarged,
    "rotation 10°": lambda film: np.asarray(Image.fromarray(film).rotate(10, Image.Resampling.BILINEAR)),
    "mirrored": lambda film: film[:, ::-1],
}


def main(store_folder: str, *models: str) -> None:
    store = open_store(Path(store_folder))
    test = store.split("test")
    films = store.images[test.rows]
    for folder in models:
        model, plain = open_model(Path(folder)), np.empty(0)
        print(f"{folder}: {len(films)} test images; mean absolute change, mean change, MAE in months")
        for name, degrade in DEGRADED.items():
            months = predict(model, np.stack([degrade(film) for film in films]), test.male).months
            plain = plain if len(plain) else months
            change, error = months - plain, np.abs(months - test.age_months).mean()
            print(f"{name:18s} {np.abs(change).mean():6.1f} {change.mean():+7.1f} {error:7.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
