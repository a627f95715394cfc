"""Images to pixels on all cores, into an unfinished store: what is there already is not decoded again.

`pixels.u8` holds an image per case, `journal.jsonl` a line per case that is done. A line counts when the pixels have its
checksum, so neither a kill nor a lost machine can leave an image that was not wholly written. What an earlier store
has prepared of the same file's bytes is taken from there.
"""

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.cores import cores
from data.films.dicom import SEXES
from data.preparation import DataError, Preparation
from data.store.disk import MEASURED, Store, checksum
from data.store.patients import hashed
from data.store.sources import Source
from data.store.stamps import NAMED, Files, digest_of_file, read_files

Progress = Callable[[int, int], None]  # images done, images in all
Line = dict[
    str, Any
]  # of the journal: row, file (its digest), patient, sex, part, and either checksum, width_px, height_px, levels, field or reason
WITHOUT: Line = {
    "file": "",
    "patient": "",
    "sex": "",
    "part": "",
    "checksum": "",
    "width_px": 0,
    "height_px": 0,
    "reason": "",
}
WITHOUT |= dict.fromkeys(MEASURED, float("nan"))
REFUSED_LINE: dict[str, tuple[type, ...]] = dict.fromkeys(("file", "patient", "reason"), (str,))
DECODED_LINE: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("file", "patient", "checksum"), (str,)),
    **dict.fromkeys(("width_px", "height_px"), (int,)),
    **dict.fromkeys(MEASURED, (float, int)),
}


@dataclass(frozen=True)
class Earlier:
    """What an earlier store prepared in the same way. Its lines name no patient where it told patients apart otherwise."""

    files: pd.DataFrame  # its `files.csv`
    by_digest: dict[str, Line]
    rows: dict[str, int]  # checksum to row of its images
    images: np.ndarray

    def find(self, digest: str) -> tuple[Line, bytes] | None:
        """The journal's line and the pixels of a file with this digest."""
        line = self.by_digest.get(digest)
        row = self.rows.get(line["checksum"]) if line else None
        if line is None or row is None:
            return None
        pixels = np.asarray(self.images[row]).tobytes()
        return (line, pixels) if checksum(pixels) == line["checksum"] else None


def earlier(there: Store | None, settings: Preparation) -> Earlier:
    if there is None or there.films_fault or there.prepared_as.pixels != settings.pixels:
        return Earlier(pd.DataFrame(columns=["id", "digest", "size", "mtime_ns", "ctime_ns"]), {}, {}, np.empty(0))
    seen = read_files(there.path)
    films: dict[Any, Line] = {
        row.checksum: {name: getattr(row, name) for name in MEASURED} for row in there.films.itertuples()
    }
    known = ("checksum", "width_px", "height_px", *NAMED, *(("patient",) if there.patients_as_now else ()))
    unknown: Line = dict.fromkeys(MEASURED, float("nan"))
    by_digest = {
        str(row.digest): {name: getattr(row, name) for name in known} | films.get(row.checksum, unknown)
        for row in seen[seen["checksum"] != ""].itertuples()
    }
    rows = {name: row for row, name in enumerate(there.cases["checksum"])}
    return Earlier(seen, by_digest, rows, there.images)


def decode_all(
    part: Path, source: Source, rows: Sequence[int], files: Files | None, there: Earlier, px: int, progress: Progress
) -> pd.DataFrame:
    """Decode the images of `rows` that are not decoded yet; a row for each with the columns of WITHOUT, in their order."""
    size = px**2
    done = decoded_before(part, len(rows), size)
    known = files.digests(there.files) if files else [""] * len(rows)

    def one(place: int) -> tuple[Line, bytes]:
        digest = (known[place] or digest_of_file(files.paths[place])) if files else ""
        found = there.find(digest)
        if found and found[0].get("patient"):
            return found[0] | {"row": place, "file": digest}, found[1]
        line: Line = {"row": place, "file": digest, "patient": hashed(source.patient_of(rows[place]))}
        line |= {"sex": source.sex_of(rows[place]), "part": source.part_of(rows[place])}
        if found:
            return found[0] | line, found[1]
        try:
            image = source.pixels_of(rows[place])
        except DataError as error:
            return line | {"reason": str(error)}, b""
        pixels = image.pixels.tobytes()
        line |= {"checksum": checksum(pixels), "width_px": image.width_px, "height_px": image.height_px}
        line |= {"levels": image.levels, "field": image.field}
        return line, pixels

    (part / "pixels.u8").touch()
    with (part / "pixels.u8").open("r+b") as pixels, (part / "journal.jsonl").open("a", encoding="utf-8") as journal:
        pixels.truncate(len(rows) * size)
        for line, data in ahead(one, [place for place in range(len(rows)) if place not in done]):
            os.pwrite(pixels.fileno(), data, line["row"] * size)
            journal.write("\n" + json.dumps(line))  # begins a line of its own even after one that a kill cut short
            journal.flush()
            done[line["row"]] = line
            progress(len(done), len(rows))
    return pd.DataFrame([WITHOUT | done[place] for place in range(len(rows))], index=list(rows))[list(WITHOUT)]


def decoded_before(part: Path, count: int, size: int) -> dict[int, Line]:
    """The journal's lines whose pixels are what they say."""
    if not (part / "journal.jsonl").exists() or not (part / "pixels.u8").exists():
        return {}
    found = {}
    with (part / "pixels.u8").open("rb") as pixels:
        for text in (part / "journal.jsonl").read_bytes().split(b"\n"):
            line = line_of(text)
            if line is None or line["row"] >= count:
                continue
            place = line["row"] * size
            if "reason" in line or checksum(os.pread(pixels.fileno(), size, place)) == line["checksum"]:
                found[line["row"]] = line
    return found


def line_of(text: bytes) -> Line | None:
    """A line of the journal; None where a kill has cut it short, or a lost machine has left something else."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not isinstance(row := line.get("row"), int) or isinstance(row, bool) or row < 0:
        return None
    kinds = REFUSED_LINE if "reason" in line else DECODED_LINE
    # Lines of earlier versions name neither.
    if line.get("sex", "") not in ("", *SEXES) or not isinstance(line.get("part", ""), str):
        return None
    return line if all(type(line.get(name)) in kind for name, kind in kinds.items()) else None


def ahead(one: Callable[[int], tuple[Line, bytes]], places: Sequence[int]) -> Iterator[tuple[Line, bytes]]:
    """`one` of every place, in order, a few ahead of the reader, on all cores."""
    workers = cores()
    waiting: deque[Future[tuple[Line, bytes]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for place in places:
                waiting.append(pool.submit(one, place))
                if len(waiting) >= 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def write_images(part: Path, places: Sequence[int], px: int) -> None:
    """`images.npy` from some of the decoded images; one by one, so that memory does not grow with their number."""
    size = px**2
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(places), px, px)}
    with (part / "pixels.u8").open("rb") as pixels, (part / "images.npy").open("wb") as images:
        np.lib.format.write_array_header_1_0(images, header)
        for place in places:
            images.write(os.pread(pixels.fileno(), size, place * size))
