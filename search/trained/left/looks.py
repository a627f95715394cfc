"""`looks.npz` in a model's folder: the hand check, which `data/films/looks.py` learns from the store that the model was trained on."""

from pathlib import Path
from typing import Any

import numpy as np

from data.films import looks
from data.store.disk import Store
from search.output.files import write_bytes, written
from search.trained.folder import ModelFolder

LOOKS = "looks.npz"


def learned_looks(store: Store, path: Path) -> dict[str, Any]:
    """What a radiograph of this store looks like, left in the model's folder; None is a line there were too few images for."""
    found = look_of(store)
    with written(path) as part:
        looks.save(found, part)
    lines = {"refuse_below": found.refuse_below, "doubt_below": found.doubt_below}
    return {name: round(line, 4) if np.isfinite(line) else None for name, line in lines.items()}


learned: dict[str, looks.Looks] = {}  # of the last store, by its digest: an ensemble's members share one


def look_of(store: Store) -> looks.Looks:
    if store.digest not in learned:
        splits = {name: store.split(name) for name in ("train", "validation")}
        small = {name: looks.shrunk(store.images[row] for row in examples.rows) for name, examples in splits.items()}
        learned.clear()
        learned[store.digest] = looks.learn(small["train"], small["validation"])
    return learned[store.digest]


def taken_over(model: ModelFolder, path: Path) -> dict[str, Any]:
    """The hand check of another model, into this one's folder."""
    write_bytes(path, (model.path / LOOKS).read_bytes())
    return dict(model.about["looks"])
