"""Making a prepared store: all cores decode, what is no usable image is listed, and a killed preparation continues.

While it is made, a store is the folder `<store>.part`: `request.json` says of what, `pixels.u8` holds an image per case,
`journal.jsonl` a line per case that is done. A line counts when the pixels have its checksum, so neither a kill nor a lost
machine can leave an image that was not wholly written. When all is done the folder becomes the store by one renaming.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.preparation import DISK_FULL, DataError, Preparation, no_space
from data.problems import Problem, problems_table, unusable
from data.refusals import refuse_losses
from data.sources import Source, read_source
from data.store import (
    CASE_COLUMNS,
    VERSION,
    Store,
    checksum,
    described,
    digest_of,
    is_store,
    open_store,
    split_counts,
)

Progress = Callable[[int, int], None]  # images done, images in all
KEPT_FIRST = ("test", "validation", "train")  # of two equal images the one held out stays, so that nothing leaks


def prepare(
    source: str,
    settings: Preparation,
    path: Path,
    progress: Progress = lambda done, total: None,
    strict: bool = False,
) -> Store:
    """Prepare `source`, a folder of radiographs or `phantom:N`, into `path`; an equal store that is there already is kept.

    Cases that cannot be used are left out and listed in the store's problems; with `strict` they are an error. Raises
    DataError where the source cannot be used; what was at `path` before is then untouched.
    """
    try:
        there = open_store(path) if is_store(path) else None
        read = read_source(source, settings, decided_before(source, settings, there) if there else {})
        request = {
            "version": VERSION,
            "synthetic": read.synthetic,
            "fingerprint": fingerprint(read),
            "said": list(read.said),
        } | described(source, settings)
    except PermissionError as error:
        raise DataError(f"{error.filename or source} may not be read by this user; change its permissions") from None
    if there:
        if {key: there.info.get(key) for key in request} == request:
            refuse_problems(there.problems, len(there.cases), path / "problems.csv", strict)
            return there
    elif path.exists():
        raise DataError(f"{path} is in the way and no prepared store; move it, or use another --run-dir")
    try:
        make(source, read, request, settings, path, progress, strict)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DataError(no_space(path, error)) from None
    return open_store(path)


def make(
    source: str,
    read: Source,
    request: dict[str, Any],
    settings: Preparation,
    path: Path,
    progress: Progress,
    strict: bool,
) -> None:
    part = path.with_name(path.name + ".part")
    with held(part):
        begin(part, request)
        cases, problems = assembled(part, read, settings, progress)
        listed = problems_table([*read.problems, *problems])
        listed.to_csv(part / "problems.csv", index=False)
        refuse_problems(listed, len(cases), part / "problems.csv", strict)
        refuse_empty_splits(source, cases, listed)
        lost = problems if settings.images else [*read.problems, *problems]  # of a subset the source's are not
        refuse_losses(source, lost, len(cases), settings)
        cases.to_csv(part / "cases.csv", index=False)
        about = request | {"digest": digest_of(part / "cases.csv"), "cases": len(cases), "problems": len(listed)}
        (part / "store.json").write_text(json.dumps(about, indent=1) + "\n")
        for scratch in ("request.json", "journal.jsonl", "pixels.u8"):
            (part / scratch).unlink()
        written_to_disk(part)
        before = path.with_name(path.name + ".old")
        shutil.rmtree(before, ignore_errors=True)
        if path.exists():
            os.replace(path, before)
        os.replace(part, path)
        shutil.rmtree(before, ignore_errors=True)


def decided_before(source: str, settings: Preparation, there: Store) -> dict[str, str]:
    """The splits of the store that is there, if it was made of the same source with the same shares."""
    asked, made = described(source, settings), there.info
    shares = ("validation_fraction", "test_fraction")
    if asked["source"] != made["source"] or any(asked["settings"][name] != made["settings"][name] for name in shares):
        return {}
    return {str(id): str(split) for id, split in zip(there.cases["id"], there.cases["split"], strict=True)}


def fingerprint(source: Source) -> str:
    """Changes when a label, a split, an image file or what is wrong with the source changes."""
    digest = hashlib.blake2b(
        source.cases.drop(columns=["path", "patient"], errors="ignore").to_csv(index=False).encode(), digest_size=8
    )
    digest.update(repr(source.problems).encode())
    for path in source.cases.get("path", ()):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@contextmanager
def held(part: Path) -> Iterator[None]:
    """The unfinished store, for this process alone; the lock goes with the process, however it ends."""
    part.mkdir(parents=True, exist_ok=True)
    folder = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise DataError(f"another process is preparing {part}; wait for it, or use another --run-dir") from None
    finally:
        os.close(folder)


def begin(part: Path, request: dict[str, Any]) -> None:
    """Continue what was begun for the same request; anything else in the folder is of no use and goes."""
    asked = json.dumps(request, indent=1)
    begun = part / "request.json"
    if begun.exists() and begun.read_text() == asked:
        return
    for left in part.iterdir():
        left.unlink()
    begun.write_text(asked)


def assembled(
    part: Path, source: Source, settings: Preparation, progress: Progress
) -> tuple[pd.DataFrame, list[Problem]]:
    """Decode what is not decoded yet, then write `images.npy` from the usable cases; returns them and the others."""
    cases = source.cases
    size = settings.image_px**2
    done = decoded_before(part, len(cases), size)
    (part / "pixels.u8").touch()
    with (part / "pixels.u8").open("r+b") as pixels, (part / "journal.jsonl").open("a") as journal:
        pixels.truncate(len(cases) * size)
        left = [row for row in range(len(cases)) if row not in done]
        for row, image in decoded(source, left):
            if isinstance(image, str):
                line: dict[str, Any] = {"row": row, "reason": image}
            else:
                data = image.pixels.tobytes()
                os.pwrite(pixels.fileno(), data, row * size)
                line = {
                    "row": row,
                    "checksum": checksum(data),
                    "width_px": image.width_px,
                    "height_px": image.height_px,
                }
            journal.write("\n" + json.dumps(line))  # begins a line of its own even after one that a kill cut short
            journal.flush()
            done[row] = line
            progress(len(done), len(cases))
    table = pd.DataFrame([done[row] for row in range(len(cases))], index=cases.index)
    merged = cases.join(table.reindex(columns=["checksum", "width_px", "height_px", "reason"]))
    problems = [*refused(merged), *duplicates(merged)]
    left_out = {problem.id for problem in problems}
    usable = merged[~merged["id"].isin(left_out)]
    write_images(part, usable.index.to_numpy(), settings.image_px)
    kept = usable[CASE_COLUMNS].astype({"width_px": int, "height_px": int})
    return kept.reset_index(drop=True), problems


def decoded_before(part: Path, count: int, size: int) -> dict[int, dict[str, Any]]:
    """The journal's lines whose pixels are what they say."""
    if not (part / "journal.jsonl").exists() or not (part / "pixels.u8").exists():
        return {}
    found = {}
    with (part / "pixels.u8").open("rb") as pixels:
        for text in (part / "journal.jsonl").read_text().splitlines():
            try:
                line = json.loads(text)
            except ValueError:  # cut short by a kill
                continue
            row = line["row"]
            if row < count and (
                "reason" in line or checksum(os.pread(pixels.fileno(), size, row * size)) == line["checksum"]
            ):
                found[row] = line
    return found


def decoded(source: Source, rows: list[int]) -> Iterator[tuple[int, Any]]:
    """Row and image, or the reason why there is none; in order, a few ahead of the reader, on all cores."""

    def one(row: int) -> Any:
        try:
            return source.pixels_of(row)
        except DataError as error:
            return str(error)

    workers = os.cpu_count() or 1
    waiting: deque[tuple[int, Future[Any]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for row in rows:
                waiting.append((row, pool.submit(one, row)))
                if len(waiting) >= 4 * workers:
                    oldest, future = waiting.popleft()
                    yield oldest, future.result()
            for oldest, future in waiting:
                yield oldest, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def refused(cases: pd.DataFrame) -> Iterator[Problem]:
    for row in cases[cases["reason"].notna()].itertuples():
        yield unusable(str(row.id), where(row), str(row.reason))


def duplicates(cases: pd.DataFrame) -> Iterator[Problem]:
    """Images that equal one that is kept, pixel for pixel."""
    usable = cases[cases["reason"].isna()]
    usable = usable.iloc[np.argsort([KEPT_FIRST.index(split) for split in usable["split"]], kind="stable")]
    kept: dict[str, Any] = {}
    for row in usable.itertuples():
        first = kept.setdefault(str(row.checksum), row)
        if first is not row:
            yield duplicate(row, first)


def duplicate(row: Any, kept: Any) -> Problem:
    """`row` shows what `kept` shows, pixel for pixel."""
    sexes = f"{sex(kept)} and {sex(row)}, " if kept.male != row.male else ""
    labels = f"{kept.age_months:g} and {row.age_months:g} months, {sexes}{kept.split} and {row.split}"
    return Problem(
        str(row.id),
        where(row),
        "duplicate",
        f"the same image ({labels})",
        duplicate_of=str(kept.id),
        across_splits=kept.split != row.split,
        labels_differ=(kept.age_months, kept.male) != (row.age_months, row.male),
    )


def sex(row: Any) -> str:
    return "boy" if row.male else "girl"


def where(row: Any) -> str:
    """The image's file; drawn hands have none."""
    return str(getattr(row, "path", ""))


def write_images(part: Path, rows: np.ndarray, image_px: int) -> None:
    """`images.npy` from the usable rows; one by one, so that memory does not grow with their number."""
    size = image_px**2
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(rows), image_px, image_px)}
    with (part / "pixels.u8").open("rb") as pixels, (part / "images.npy").open("wb") as images:
        np.lib.format.write_array_header_1_0(images, header)
        for row in rows:
            images.write(os.pread(pixels.fileno(), size, int(row) * size))


def written_to_disk(folder: Path) -> None:
    """What is renamed into place next must not be lost with the machine's memory."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def refuse_problems(problems: pd.DataFrame, usable: int, listed: Path, strict: bool) -> None:
    if strict and len(problems):
        first = problems.iloc[0]
        raise DataError(
            f"{len(problems)} of {len(problems) + usable} cases cannot be used, the first: {first['id']}, {first['reason']}; "
            f"all are listed in {listed}; mend them, or leave --strict out"
        )


def refuse_empty_splits(source: str, cases: pd.DataFrame, problems: pd.DataFrame) -> None:
    for name in ("train", "validation"):
        if not split_counts(cases)[name]:
            first = f"; {len(problems)} were left out, the first: {problems.iloc[0]['reason']}" if len(problems) else ""
            raise DataError(
                f"{source} leaves no cases for {name}: {len(cases)} usable cases in all{first}; use more, or other fractions"
            )
