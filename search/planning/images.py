"""How many images a search has, without decoding one: as prepared, else as named, else assumed."""

import csv
import json
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

from data.foreign import foreign
from data.named_source import absolute, expanded, hands_to_draw, refuse_no_folder
from data.preparation import DataError, Preparation, request
from search.run import PREPARED, Run

RSNA_CASES = 12_611  # of the RSNA Pediatric Bone Age Challenge's training set
PREPARED_ONCE, NAMED, ASSUMED = "prepared", "named", "assumed"
INFO, CASES = "store.json", "cases.csv"  # of a prepared store


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
    """Of the run's prepared store where there is one, which is read and not verified. Raises DataError where it is damaged, or the
    run's data are neither drawn hands nor a folder."""
    named, own = expanded(run.data), run.folder / PREPARED
    if run.data and (named / INFO).is_file():
        return counted(named)
    if (own / INFO).is_file() and (not run.data or is_of(own, run)):
        return counted(own)
    if run.data and not hands_to_draw(run.data):
        refuse_no_folder(run.data)
    return foreseen(run.data, run.preset.preparation)


def is_of(store: Path, run: Run) -> bool:
    """Whether it was prepared from the run's data, with the run's settings; by other settings it is prepared anew."""
    with foreign(f"{store / INFO} is damaged: prepare the data again"):
        info = json.loads((store / INFO).read_text(encoding="utf-8"))
        known = {field.name for field in fields(Preparation)}
        then = Preparation(**{name: value for name, value in info["settings"].items() if name in known})
        return request(info["source"], then) == request(absolute(run.data), run.preset.preparation)


def counted(store: Path) -> Images:
    with foreign(f"{store / CASES} is damaged: prepare the data again"):
        with (store / CASES).open(encoding="utf-8", newline="") as file:
            counts = Counter(row["split"] for row in csv.DictReader(file))
        size = sum(part.stat().st_size for part in store.iterdir())
    if not counts["train"] or not counts["validation"]:
        raise DataError(f"{store / CASES} has no cases to train on, or none to validate: prepare the data again")
    return Images(counts["train"], counts["validation"], counts["test"], PREPARED_ONCE, size)


def foreseen(data: str, preparation: Preparation) -> Images:
    named = hands_to_draw(data)
    total = min((count for count in (named, preparation.images) if count), default=RSNA_CASES)
    test = round(total * preparation.test_fraction)
    validation = round(total * preparation.validation_fraction)
    pixels = total * preparation.image_px**2  # a byte each
    return Images(total - validation - test, validation, test, NAMED if named else ASSUMED, pixels)
