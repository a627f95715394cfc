"""How many images a search has, without decoding one: as prepared, else as named, else assumed."""

import csv
from collections import Counter
from dataclasses import dataclass

from data.preparation import Preparation, expanded
from search.run import PREPARED, Run

RSNA_CASES = 12_611  # of the RSNA Pediatric Bone Age Challenge's training set
PREPARED_ONCE, NAMED, ASSUMED = "prepared", "named", "assumed"


@dataclass(frozen=True)
class Images:
    train: int
    validation: int
    test: int
    known: str  # PREPARED_ONCE: counted; NAMED: before any is left out; ASSUMED: nothing says how many there are
    store_bytes: int  # of the prepared store, as it is or as it will be

    @property
    def total(self) -> int:
        return self.train + self.validation + self.test


def images_of(run: Run) -> Images:
    """Of the run's prepared store where there is one, which is read and not verified."""
    for store in (expanded(run.data) if run.data else None, run.folder / PREPARED):
        if store is not None and (store / "store.json").is_file():
            with (store / "cases.csv").open(encoding="utf-8", newline="") as file:
                counts = Counter(row["split"] for row in csv.DictReader(file))
            size = sum(part.stat().st_size for part in store.iterdir())
            return Images(counts["train"], counts["validation"], counts["test"], PREPARED_ONCE, size)
    return foreseen(run.data, run.preset.preparation)


def foreseen(data: str, preparation: Preparation) -> Images:
    drawn = data.removeprefix("phantom:")
    named = int(drawn) if data.startswith("phantom:") and drawn.isdecimal() else 0
    total = min((count for count in (named, preparation.images) if count), default=RSNA_CASES)
    test = round(total * preparation.test_fraction)
    validation = round(total * preparation.validation_fraction)
    pixels = total * preparation.image_px**2  # a byte each
    return Images(total - validation - test, validation, test, NAMED if named else ASSUMED, pixels)
