"""Whether image files are what they were when they were prepared: by size and times, and by content where only the times differ.

A store keeps in `files.csv` what was read: a row per case of the source that it was asked for, in their order.

    id                             of the case
    size, mtime_ns, ctime_ns       of the file; a file that was changed and given its old time back has another ctime
    digest                         of the file's bytes; '' where they could not be read
    checksum, width_px, height_px  of the image as prepared; '' and 0 where it cannot be used
    patient                        the patient's number that the file itself names, as a hash; '' where it names none
    sex                            that the file itself names, M or F; '' where it names none
    part                           of the body that the file itself names; '' where it is a hand, or none. Tables of before lack the last two
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.cores import cores
from data.csv_text import Kind, read_csv, write_csv
from data.foreign import foreign
from data.preparation import DataError

STAMP = ["size", "mtime_ns", "ctime_ns"]
NAMED = ["sex", "part"]
COLUMNS = ["id", *STAMP, "digest", "checksum", "width_px", "height_px", "patient", *NAMED]
NUMBERS: dict[str, Kind] = dict.fromkeys((*STAMP, "width_px", "height_px"), "int")


@dataclass(frozen=True)
class Files:
    """The image files of some cases as they are now; `ids` and `paths` are as long as one another."""

    ids: list[str]
    paths: list[Path]
    stamps: pd.DataFrame  # STAMP, a row per file

    def digests(self, before: pd.DataFrame) -> list[str]:
        """The digest of every file's bytes that is known without reading it, by `files.csv` of before; '' else."""
        then = {
            id: (tuple(stamp), digest)
            for id, digest, *stamp in before[["id", "digest", *STAMP]].itertuples(index=False)
        }
        found = []
        for id, *stamp in zip(self.ids, *(self.stamps[name] for name in STAMP), strict=True):
            seen, digest = then.get(id, ((), ""))
            found.append(digest if seen == tuple(stamp) else "")
        return found


def files(ids: Sequence[str], paths: Sequence[Path]) -> Files:
    """Raises DataError where a file went away since the folder was read."""
    rows = []
    for path in paths:
        try:
            seen = os.stat(path)
        except FileNotFoundError:
            raise DataError(f"{path} disappeared while the folder was read; run the same command again") from None
        rows.append((seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns))
    return Files(list(ids), list(paths), pd.DataFrame(rows, columns=STAMP, dtype="int64"))


def digest_of_file(path: Path) -> str:
    """Of the file's bytes; '' where they cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return ""


def read_files(folder: Path) -> pd.DataFrame:
    """`files.csv` of a store; no rows where it has none (a store of before, drawn hands) or it is damaged: then all is read again."""
    path = folder / "files.csv"
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        with foreign(f"{path} is damaged"):
            table = read_csv(path, NUMBERS)
            lacking = {name: "" for name in NAMED if name not in table}
            return table.assign(**lacking)[COLUMNS]
    except DataError:
        return pd.DataFrame(columns=COLUMNS)


def unchanged(now: Files, before: pd.DataFrame) -> bool:
    """Whether every file is what it was. Only those whose times alone differ are read."""
    if now.ids != list(before["id"]):
        return False
    sizes, times = now.stamps["size"].to_numpy(), now.stamps.to_numpy()
    if (sizes != before["size"].to_numpy()).any():
        return False
    touched = (times != before[STAMP].to_numpy()).any(axis=1).nonzero()[0]
    recorded = list(before["digest"])
    with ThreadPoolExecutor(cores()) as pool:
        read = pool.map(lambda row: digest_of_file(now.paths[row]) == recorded[row] != "", touched)
        return all(read)


def refresh(folder: Path, now: Files, before: pd.DataFrame) -> None:
    """Let the next preparation find the times of now; where the store cannot be written, it reads the files again."""
    if (now.stamps.to_numpy() == before[STAMP].to_numpy()).all():
        return
    part = folder / "files.part"
    try:
        write_csv(before.assign(**{name: now.stamps[name].to_numpy() for name in STAMP}), part)
        os.replace(part, folder / "files.csv")
    except OSError:
        with suppress(OSError):  # a disk that is only readable refuses to remove even what is not there
            part.unlink(missing_ok=True)
