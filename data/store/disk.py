"""The prepared store: every image decoded once, in a form that numpy and pandas alone can read.

    images.npy     uint8 (cases, image_px, image_px), memory-mapped when read
    cases.csv      a row per image, in the same order: id, age_months, male, split, checksum, width_px, height_px
    problems.csv   what was left out: id, path, reason, and the facts in `problems.py`
    sides.csv      which split every case of the source is in for ever, kept or left out, as `sides.py` says
    films.csv      what the images were as files, as `data/films/field.py` measures it; stores of before have none
    files.csv      what was read of the source's files, as `stamps.py` says; a cache, which may be away
    store.json     version, settings, source, and `digest`, which names the contents: two stores with one digest are equal

`prepare.py` makes one.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.cases import SPLITS, looked_up
from data.cores import cores
from data.csv_text import Kind, read_csv
from data.foreign import foreign
from data.named_source import absolute
from data.preparation import DataError, Preparation
from data.problems import read_problems
from data.shown import shown
from data.store.patients import RULE, numbered
from data.store.sides import Sides, read_sides

VERSION = 2
AT_ONCE = 64  # images verified by a thread before it asks for more
CASE_COLUMNS = ["id", "age_months", "male", "split", "checksum", "width_px", "height_px"]
CASE_KINDS: dict[str, Kind] = {"age_months": "float", "male": "bool", "width_px": "int", "height_px": "int"}
FILMS = "films.csv"
MEASURED = ["levels", "field"]  # of `films.csv`: see `data/films/images.Decoded`


@dataclass(frozen=True)
class Examples:
    """Some rows of a store, as the training loop reads them."""

    images: np.ndarray  # the whole store's, uint8 (cases, px, px)
    rows: np.ndarray  # which of them
    male: np.ndarray  # float32 (rows,), 0 or 1
    age_months: np.ndarray  # float32 (rows,)
    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int, order: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Image uint8 (size, px, px, 1), male float32 (size, 1), age_months float32 (size, 1), at positions `order`.

        Only full batches: len(order) is a multiple of `size`.
        """
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield (
                self.images[self.rows[chosen]][..., np.newaxis],
                self.male[chosen, np.newaxis],
                self.age_months[chosen, np.newaxis],
            )


@dataclass(frozen=True)
class Store:
    path: Path
    info: dict[str, Any]

    @property
    def digest(self) -> str:
        return str(self.info["digest"])

    @property
    def image_px(self) -> int:
        return int(self.info["settings"]["image_px"])

    @property
    def prepared_as(self) -> Preparation:
        """The settings it was made with; at their defaults where the store is older than a setting."""
        known = {field.name for field in fields(Preparation)}
        return Preparation(**{name: value for name, value in self.info["settings"].items() if name in known})

    @property
    def synthetic(self) -> bool:
        return bool(self.info["synthetic"])

    @property
    def said(self) -> list[str]:
        """What was found in the source and what was missing, a sentence each."""
        return list(self.info["said"])

    @property
    def other_sexes(self) -> dict[str, Any]:
        """Of cases whose images name another sex than they have: their count, of how many that name one, and the first ids; {} of none."""
        said = self.info.get("other_sexes")
        return said if isinstance(said, dict) and {"count", "of", "ids"} <= said.keys() else {}

    @property
    def worries(self) -> list[str]:
        """What was found that makes results wrong or claims too large, and cannot be seen in what is prepared, a sentence each."""
        said = self.info.get("worries")
        return [str(sentence) for sentence in said] if isinstance(said, list) else []

    @cached_property
    def cases(self) -> pd.DataFrame:
        return read_csv(self.path / "cases.csv", CASE_KINDS)

    @property
    def films(self) -> pd.DataFrame:
        """What is known of the cases' files, in their order: checksum, width_px, height_px, and MEASURED, NaN where it is not."""
        return self.films_read[0]

    @property
    def films_fault(self) -> str:
        """Why nothing is known of the greys of the cases' files, though they were measured; '' where that is not so."""
        return self.films_read[1]

    @cached_property
    def films_read(self) -> tuple[pd.DataFrame, str]:
        measured, fault = read_films(self.path / FILMS, self.info.get("films"))
        return self.cases[["checksum", "width_px", "height_px"]].join(measured, on="checksum"), fault

    @cached_property
    def problems(self) -> pd.DataFrame:
        return read_problems(self.path / "problems.csv")

    @cached_property
    def sides(self) -> Sides:
        return read_sides(self.path)

    @property
    def patients_as_now(self) -> bool:
        """Whether its patients are told apart by today's rule, so that their hashes are those of the same patients now."""
        return self.info.get("patients") == RULE

    @property
    def counts_folders(self) -> bool:
        """Whether the splits that the images' folders name were taken, where no table names any. A store of before stays as it is."""
        return "folders" in self.info

    @cached_property
    def patients(self) -> pd.Series:
        """Whose the cases are, in their order: a hash of the patient's number, '' where the source names none."""
        return looked_up(self.cases["id"], self.sides.patient_of_id).fillna("")

    def patients_in(self, split: str) -> np.ndarray:
        """For each image of the split a number of its patient."""
        return np.asarray(self.patient_numbers[self.cases["split"].to_numpy() == split])

    @cached_property
    def patient_numbers(self) -> np.ndarray:
        """The same for each case, in their order."""
        return numbered(self.cases.assign(patient=self.patients))

    @cached_property
    def images(self) -> np.ndarray:
        images: np.ndarray = np.load(self.path / "images.npy", mmap_mode="r", allow_pickle=False)
        return images

    def split(self, name: str) -> Examples:
        return self.examples(np.flatnonzero(self.cases["split"].to_numpy() == name))

    def examples(self, rows: np.ndarray) -> Examples:
        chosen = self.cases.iloc[rows]
        return Examples(
            self.images,
            rows,
            chosen["male"].to_numpy(np.float32),
            chosen["age_months"].to_numpy(np.float32),
            chosen["id"].to_numpy(str),
        )


def open_store(path: Path) -> Store:
    """Raises DataError where there is no store, one of another version, or one whose parts do not fit together."""
    broken = f"{path} is damaged; remove it and prepare the data again"
    try:
        text = (path / "store.json").read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise DataError(f"{path} is not a prepared store (store.json); prepare the data again") from None
    with foreign(broken):
        info = dict(json.loads(text))
    if info.get("version") != VERSION:
        raise DataError(
            f"{path} is a store of version {shown(info.get('version'))}, this program reads {VERSION}; prepare the data again"
        )
    store = Store(path, info)
    with foreign(broken):
        shape = (len(store.cases), store.image_px, store.image_px)
        fits = store.images.shape == shape and store.images.dtype == np.uint8
        table = digest_of(path / "cases.csv")
        relied_upon = ("digest", "synthetic", "said", "problems", "prepared_as", "sides")
        _ = info["source"], *(getattr(store, name) for name in relied_upon)  # all of it is there
        sides = digest_of(path / "sides.csv") if "sides" in info else None  # stores of before have none
    if not fits:
        raise damaged(path, f"{store.images.shape[0]} images of {store.images.dtype}, {len(store.cases)} cases")
    if table != store.digest:
        raise damaged(path, "cases.csv was changed after it was made")
    if sides != info.get("sides"):
        raise damaged(path, "sides.csv was changed after it was made")
    return store


def read_films(path: Path, digest: str | None) -> tuple[pd.DataFrame, str]:
    """MEASURED by checksum, and what is wrong with the file; stores of before have no such file, or do not name its `digest`."""
    unknown = pd.DataFrame(columns=MEASURED, dtype=float)
    if digest is None and not path.exists():
        return unknown, ""
    fault = f"{path} is damaged"
    try:
        with foreign(fault):
            table = read_csv(path, dict.fromkeys(MEASURED, "float")).drop_duplicates("checksum")
        if digest not in (None, digest_of(path)):
            return unknown, f"{fault} (it was changed after it was made)"
    except (DataError, OSError) as error:
        return unknown, str(error)
    return table.set_index("checksum")[MEASURED], ""


def damaged(path: Path, how: str) -> DataError:
    return DataError(f"{path} is damaged ({how}); remove it and prepare the data again")


def digest_of(cases: Path) -> str:
    """Names a store's contents: the table holds every image's checksum."""
    return hashlib.blake2b(cases.read_bytes(), digest_size=8).hexdigest()


def checksum(pixels: bytes) -> str:
    return hashlib.blake2b(pixels, digest_size=16).hexdigest()


def verify(store: Store) -> None:
    """Read every image and compare it with its checksum, on all cores. Raises DataError where one differs."""
    recorded = list(store.cases["checksum"])
    size = store.image_px**2
    with (store.path / "images.npy").open("rb") as file, ThreadPoolExecutor(cores()) as pool:
        begins = (store.path / "images.npy").stat().st_size - size * len(recorded)

        # Read, not mapped: mapped pages would count as this process's memory.
        def changed(rows: range) -> list[int]:
            return [
                row for row in rows if checksum(os.pread(file.fileno(), size, begins + row * size)) != recorded[row]
            ]

        blocks = [range(start, min(start + AT_ONCE, len(recorded))) for start in range(0, len(recorded), AT_ONCE)]
        for row in chain.from_iterable(pool.map(changed, blocks)):
            raise damaged(store.path, f"the image of {store.cases['id'][row]} has changed since it was prepared")


def is_store(path: Path) -> bool:
    try:
        return (path / "store.json").is_file()
    except (OSError, ValueError):  # a name that no disk takes: too long, or with a NUL
        return False


def described(source: str, settings: Preparation) -> dict[str, Any]:
    """What a store says of its making; the source is absolute, so that it means the same from any folder."""
    return {"source": absolute(source), "settings": settings.recorded}


def split_counts(cases: pd.DataFrame) -> dict[str, int]:
    counts = cases["split"].value_counts()
    return {name: int(counts.get(name, 0)) for name in SPLITS}
