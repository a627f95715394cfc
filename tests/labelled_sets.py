"""Folders of drawn hands with a table, in the layouts that radiographs come in."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from data.phantom.hand import PhantomCase, draw, phantom_cases

HANDS = phantom_cases(120)[60:]  # others than those of a model that was trained on phantom:60


def lay_out(
    folder: Path,
    ids: list[str],
    table: str = "train.csv",
    images: str = "boneage-training-dataset",
    hands: Sequence[PhantomCase] = HANDS,
) -> Path:
    """Drawn hands as RSNA's training set."""
    (folder / images).mkdir(parents=True)
    rows = ["id,boneage,male"]
    for id, hand in zip(ids, hands, strict=False):
        Image.fromarray(draw(hand, 48)).save(folder / images / f"{id}.png")
        rows.append(f"{id},{hand.age_months:g},{hand.male}")
    (folder / table).write_text("\n".join(rows) + "\n")
    return folder
