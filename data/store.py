"""The prepared store: every image decoded once, in a form that numpy and pandas alone can read.

    images.npy   uint8 (cases, image_px, image_px), memory-mapped when read
    cases.csv    a row per image, in the same order: id, age_months, male, split, checksum, width_px, height_px
    store.json   version, settings, source, and `digest`, which names the contents: two stores with one digest are equal

A store is written under another name and renamed when whole, so one that exists is complete.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import phantom, rsna
from data.cases import SPLITS, split_of, subset
from data.images import Decoded, decode
from data.preparation import DataError, Preparation

VERSION = 1


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
    def synthetic(self) -> bool:
        return bool(self.info["synthetic"])

    @cached_property
    def cases(self) -> pd.DataFrame:
        return pd.read_csv(self.path / "cases.csv", dtype={"id": str})

    @cached_property
    def images(self) -> np.ndarray:
        images: np.ndarray = np.load(self.path / "images.npy", mmap_mode="r", allow_pickle=False)
        return images

    def split(self, name: str) -> Examples:
        rows = np.flatnonzero(self.cases["split"].to_numpy() == name)
        chosen = self.cases.iloc[rows]
        return Examples(
            self.images,
            rows,
            chosen["male"].to_numpy(np.float32),
            chosen["age_months"].to_numpy(np.float32),
            chosen["id"].to_numpy(str),
        )


def open_store(path: Path) -> Store:
    """Raises DataError where there is no store, or one of another version."""
    try:
        info = json.loads((path / "store.json").read_text())
    except (OSError, ValueError):
        raise DataError(f"{path} is no prepared store; make one with `boneage-search prepare`") from None
    if info.get("version") != VERSION:
        raise DataError(
            f"{path} is a store of version {info.get('version')}, this program reads {VERSION}; prepare the data again"
        )
    store = Store(path, info)
    if store.images.shape[:2] != (len(store.cases), store.image_px):
        raise DataError(
            f"{path} is damaged: {store.images.shape[0]} images, {len(store.cases)} cases; prepare the data again"
        )
    return store


def is_store(path: Path) -> bool:
    return (path / "store.json").is_file()


Progress = Callable[[int, int], None]  # images done, images in all


def prepare(source: str, settings: Preparation, path: Path, progress: Progress = lambda done, total: None) -> Store:
    """Prepare `source`, an RSNA training folder or `phantom:N`, into `path`; an equal store that is there already is kept.

    Raises DataError where the source cannot be used; what was at `path` before is then untouched.
    """
    try:
        cases, pixels_of, synthetic = read_source(source, settings)
    except PermissionError as error:
        raise DataError(f"{error.filename or source} may not be read by this user; change its permissions") from None
    request = {"version": VERSION, "synthetic": synthetic, "fingerprint": fingerprint(cases)} | described(
        source, settings
    )
    if is_store(path):
        there = open_store(path)
        if {key: there.info.get(key) for key in request} == request:
            return there
    counts = cases["split"].value_counts()
    for name in ("train", "validation"):
        if not counts.get(name, 0):
            raise DataError(
                f"{source} leaves no cases for {name}: {len(cases)} cases in all; use more, or other fractions"
            )

    beside = path.with_name(path.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    shape = (len(cases), settings.image_px, settings.image_px)
    images = np.lib.format.open_memmap(beside / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
    checksums, widths, heights = [], [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = pool.map(pixels_of, range(len(cases)))
        for row, decoded in enumerate(futures):
            images[row] = decoded.pixels
            checksums.append(hashlib.blake2b(decoded.pixels.tobytes(), digest_size=8).hexdigest())
            widths.append(decoded.width_px)
            heights.append(decoded.height_px)
            progress(row + 1, len(cases))
    images.flush()
    table = cases[["id", "age_months", "male", "split"]].assign(checksum=checksums, width_px=widths, height_px=heights)
    table.to_csv(beside / "cases.csv", index=False)
    digest = hashlib.blake2b((beside / "cases.csv").read_bytes(), digest_size=8).hexdigest()
    (beside / "store.json").write_text(json.dumps(request | {"digest": digest, "cases": len(cases)}, indent=1) + "\n")
    if path.exists():
        if not is_store(path):
            raise DataError(f"{path} is in the way and no prepared store; move it, or use another --run-dir")
        before = path.with_name(path.name + ".old")
        shutil.rmtree(before, ignore_errors=True)
        os.replace(path, before)
    os.replace(beside, path)
    shutil.rmtree(path.with_name(path.name + ".old"), ignore_errors=True)
    return open_store(path)


def described(source: str, settings: Preparation) -> dict[str, Any]:
    """What a store says of its making; the source is absolute, so that it means the same from any folder."""
    return {"source": absolute(source), "settings": asdict(settings)}


def absolute(source: str) -> str:
    return source if source.startswith("phantom:") else str(Path(source).expanduser().resolve())


def read_source(source: str, settings: Preparation) -> tuple[pd.DataFrame, Callable[[int], Decoded], bool]:
    """The cases, a function from row to pixels, and whether the images are synthetic."""
    kind, _, count = source.partition(":")
    if kind == "phantom":
        if not count.isdecimal() or not int(count):
            raise DataError(f"phantom data are written phantom:N, as phantom:800; got {source!r}")
        drawn = phantom.phantom_cases(
            int(count),
            validation_fraction=settings.validation_fraction,
            test_fraction=settings.test_fraction,
        )
        cases = subset(pd.DataFrame([asdict(case) for case in drawn]), settings.images)
        chosen = [drawn[row] for row in cases.index]
        size = settings.image_px
        return cases.reset_index(drop=True), lambda row: Decoded(phantom.draw(chosen[row], size), size, size), True
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise DataError(f"{source} is not a folder; give an RSNA training folder, a prepared store, or phantom:N")
    cases = subset(rsna.read_training_folder(folder), settings.images).reset_index(drop=True)
    splits = [split_of(id, settings.validation_fraction, settings.test_fraction) for id in cases["id"]]
    paths = list(cases["path"])
    return cases.assign(split=splits), lambda row: decode(paths[row], settings.image_px, settings.fit), False


def fingerprint(cases: pd.DataFrame) -> str:
    """Changes when a label, a split or an image file changes."""
    digest = hashlib.blake2b(cases.drop(columns="path", errors="ignore").to_csv(index=False).encode(), digest_size=8)
    for path in cases.get("path", ()):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def split_counts(cases: pd.DataFrame) -> dict[str, int]:
    counts = cases["split"].value_counts()
    return {name: int(counts.get(name, 0)) for name in SPLITS}
