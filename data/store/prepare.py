"""Making a prepared store: a function of the source, the settings, and what an earlier preparation decided.

Where nothing of the source has changed, the store that is there is the answer and no image is decoded. A store that is
being made is the folder `<store>.part`, where a killed preparation continues: `request.json` says of what, the rest
`decoding.py`. When all is done the folder becomes the store by one renaming.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Any

import pandas as pd

from data.cases import subset
from data.counted import counted
from data.csv_text import write_csv
from data.preparation import DISK_FULL, DataError, Preparation, no_space
from data.problems import problems_table
from data.store.arranging import arranged, other_sexes
from data.store.decoding import Progress, decode_all, earlier, write_images
from data.store.disk import FILMS, MEASURED, VERSION, Store, described, digest_of, is_store, open_store, split_counts
from data.store.patients import RULE
from data.store.sides import Sides
from data.store.sources import Source, read_source
from data.store.stamps import COLUMNS as FILE_COLUMNS
from data.store.stamps import Files, files
from data.store.unchanged import fingerprint, folders, readers, still_holds
from data.tables.refusals import refuse_losses

__all__ = ["Progress", "prepare", "refuse_problems"]

# The files of an unfinished store: for as long as it is one, and for good.
SCRATCH = ("request.json", "journal.jsonl", "pixels.u8")
WRITTEN = ("problems.csv", "cases.csv", "images.npy", FILMS, "sides.csv", "files.csv", "store.json")


@dataclass(frozen=True)
class Request:
    """What is to be prepared: some rows of a source, as some settings say."""

    source: str
    settings: Preparation
    read: Source
    rows: list[int]
    files: Files | None  # of the rows; drawn hands have none

    def about(self) -> dict[str, Any]:
        """What the store will say of its making."""
        said = {
            "version": VERSION,
            "synthetic": self.read.synthetic,
            "read": fingerprint(self.read),
            "readers": readers(),
            "patients": RULE,
        }
        placed = {} if self.read.by_folder is None else {"folders": folders(self.read)}
        return said | placed | described(self.source, self.settings)

    def begun(self) -> str:
        """As `request.json` has it: two of them are equal where what one has decoded is of use to the other."""
        stamps = self.files.stamps.to_csv(index=False) if self.files else ""
        return json.dumps(self.about() | {"files": stamps}, indent=1)


def prepare(
    source: str,
    settings: Preparation,
    path: Path,
    progress: Progress = lambda done, total: None,
    strict: bool = False,
    trained_on: bool = False,
) -> Store:
    """Prepare `source`, a folder of radiographs or `phantom:N`, into `path`; a store there that still holds is kept.

    Cases that cannot be used are left out and listed in the store's problems; with `strict` they are an error. No case and
    no picture that a store at `path` has seen ever changes its split, unless other shares are asked for. With `trained_on`
    other data than the store at `path` holds are an error, too. Raises DataError where the source cannot be used; what was
    at `path` before is then untouched.
    """
    try:
        put_back(path)
        there = open_store(path) if is_store(path) else None
        request = asked(source, settings, there)
    except PermissionError as error:
        raise DataError(f"{error.filename or source} may not be read by this user; change its permissions") from None
    if there and still_holds(there, source, request.read, settings, request.files):
        refuse_problems(there, strict)
        return there
    if there is None and path.exists():
        raise DataError(f"{path} exists and is not a prepared store; move it, or use another --run-dir")
    try:
        make(request, there, path, progress, strict, trained_on)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DataError(no_space(path, error)) from None
    return open_store(path)


def asked(source: str, settings: Preparation, there: Store | None) -> Request:
    read = read_source(source, settings)
    if there and not there.counts_folders:
        read = replace(read, cases=read.without_folders, by_folder=None)
    cases = subset(read.cases, settings.images)
    found = files(list(cases["id"]), list(cases["path"])) if "path" in cases else None
    return Request(source, settings, read, [int(row) for row in cases.index], found)


def make(request: Request, there: Store | None, path: Path, progress: Progress, strict: bool, trained_on: bool) -> None:
    px = request.settings.image_px
    part = path.with_name(path.name + ".part")
    with held(part):
        begin(part, request.begun())
        known = earlier(there, request.settings)
        decoded = decode_all(part, request.read, request.rows, request.files, known, px, progress)
        found = arranged(request.read, decoded, request.settings, there)
        problems = problems_table([*request.read.problems, *found.problems])
        write_csv(problems, part / "problems.csv")
        refuse_listed(problems, len(found.cases), part / "problems.csv", strict)
        refuse_empty_splits(request.source, found.cases, problems, found.sides)
        of_source = () if request.settings.images else request.read.problems  # which are not those of a subset
        refuse_losses(request.source, [*of_source, *found.problems], found.given, request.settings)
        write_csv(found.cases, part / "cases.csv")
        if there and trained_on and digest_of(part / "cases.csv") != there.digest:
            shutil.rmtree(part)
            raise DataError(other_data(request.source, there.cases, found.cases))
        write_images(part, found.places, px)
        films = decoded.iloc[found.places][["checksum", *MEASURED]]
        write_csv(films.drop_duplicates("checksum"), part / FILMS)
        write_csv(found.sides.table, part / "sides.csv")
        if request.files:
            seen = decoded.rename(columns={"file": "digest"}).reset_index(drop=True)
            table = pd.concat([pd.Series(request.files.ids, name="id"), request.files.stamps, seen], axis=1)
            write_csv(table[FILE_COLUMNS], part / "files.csv")
        about = request.about() | {
            **other_sexes(found.cases, decoded["sex"].iloc[found.places]),
            **({"worries": worries} if (worries := [*request.read.worries, *found.worries]) else {}),
            "said": [*request.read.said, *found.said],
            "digest": digest_of(part / "cases.csv"),
            "sides": digest_of(part / "sides.csv"),
            "films": digest_of(part / FILMS),
            "cases": len(found.cases),
            "problems": len(problems),
        }
        (part / "store.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        for scratch in SCRATCH:
            (part / scratch).unlink()
        put_in_place(part, path)


def put_in_place(part: Path, path: Path) -> None:
    """The finished folder becomes the store, also where one was before: that one has a name that nobody gave until it is removed."""
    written_to_disk(part)
    if not path.exists():
        os.replace(part, path)
        return
    aside = tempfile.mkdtemp(prefix=before_of(path), dir=path.parent)
    os.rmdir(aside)  # a link is not renamed onto a folder
    os.replace(path, aside)
    os.replace(part, path)
    for before in path.parent.glob(f"{escape(before_of(path))}*"):  # those of kills, too
        if before.is_symlink():
            before.unlink()
        else:
            shutil.rmtree(before, ignore_errors=True)


def put_back(path: Path) -> None:
    """Between two renamings a kill may leave the store under its other name; what it decided must not be lost."""
    if path.exists():
        return
    ours = sorted(path.parent.glob(f"{escape(before_of(path))}*"), key=lambda before: before.stat().st_mtime)
    for before in (*reversed(ours), path.with_name(f"{path.name}.old")):  # the last is of earlier versions
        if is_store(before):
            os.replace(before, path)
            return


def before_of(path: Path) -> str:
    """How the name begins that a store has while another one takes its place."""
    return f".{path.name}.before-"


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


def begin(part: Path, asked: str) -> None:
    """Continue what was begun for the same request; what a preparation left of another is of no use and goes, whatever it holds.

    What else somebody put there stays. Raises DataError where a folder has the name of a file that is to be written.
    """
    files = [part / name for name in (*SCRATCH, *WRITTEN)]
    for file in files:
        if file.is_dir() and not file.is_symlink():
            raise DataError(f"{file} is a folder, and preparing has to write a file of this name: move the folder away")
    begun = part / SCRATCH[0]
    if begun.exists() and begun.read_bytes() == asked.encode():
        return
    for file in files:
        file.unlink(missing_ok=True)
    begun.write_text(asked, encoding="utf-8")


def written_to_disk(folder: Path) -> None:
    """What is renamed into place next must not be lost with the machine's memory."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def refuse_problems(store: Store, strict: bool) -> None:
    refuse_listed(store.problems, len(store.cases), store.path / "problems.csv", strict)


def refuse_listed(problems: pd.DataFrame, usable: int, listed: Path, strict: bool) -> None:
    if strict and len(problems):
        first = problems.iloc[0]
        raise DataError(
            f"{len(problems)} of {counted(len(problems) + usable, 'case')} cannot be used, the first: {first['id']}, {first['reason']}; "
            f"all are listed in {listed}; correct them, or leave --strict out"
        )


def refuse_empty_splits(source: str, cases: pd.DataFrame, problems: pd.DataFrame, sides: Sides) -> None:
    for name in ("train", "validation"):
        if not split_counts(cases)[name]:
            first = (
                f"; {counted(len(problems), 'was', 'were')} left out, the first: {problems.iloc[0]['reason']}"
                if len(problems)
                else ""
            )
            patients = {sides.patient_of_id.get(id, "") for id in cases["id"]}
            together = (
                f"; they are of {counted(len(patients), 'patient')}, each of whom stays in one split"
                if "" not in patients and len(cases)
                else ""
            )
            raise DataError(
                f"{source} leaves no cases for {name}: {counted(len(cases), 'usable case')} in all{together}{first}; add cases, or choose other fractions"
            )


def other_data(source: str, before: pd.DataFrame, now: pd.DataFrame) -> str:
    """What to say where a run has trained on `before` and its source has become `now`."""
    both = before.merge(now, on="id", suffixes=("", "_now"))
    relabelled = both[["age_months", "male", "split"]].ne(
        both[["age_months_now", "male_now", "split_now"]].set_axis(["age_months", "male", "split"], axis=1)
    )
    changes = {
        "new": set(now["id"]) - set(before["id"]),
        "gone or no longer usable": set(before["id"]) - set(now["id"]),
        "with another label": set(both["id"][relabelled.any(axis=1)]),
        "with another image": set(both["id"][both["checksum"] != both["checksum_now"]]),
    }
    every_change = ", ".join(
        f"{len(ids):,} {what} ({min(ids)}{', ...' if len(ids) > 1 else ''})" for what, ids in changes.items() if ids
    )
    return (
        f"{source} has changed since this run began to train on it. Cases: {every_change or 'in another order'}. Put the source back as it was "
        "to continue this run, or begin another with --run-dir"
    )
