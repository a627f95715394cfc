"""Whether a prepared store still is what its source and settings give, found without decoding anything."""

import hashlib
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from data.cases import complete_splits, subset
from data.named_source import absolute
from data.preparation import Preparation
from data.store.disk import Store
from data.store.sources import Source
from data.store.stamps import Files, read_files, refresh, unchanged

# Distributions that read images: with another of them a file that could not be read is tried again.
READERS = ("pillow", "pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "python-gdcm")


def fingerprint(source: Source) -> str:
    """Changes when a label, a split, a patient or what is wrong with the source changes; says nothing of the images."""
    table = source.without_folders.drop(columns="path", errors="ignore").to_csv(index=False)
    said = repr((table, source.problems, source.said))
    return hashlib.blake2b(said.encode(errors="backslashreplace"), digest_size=8).hexdigest()


def folders(source: Source) -> str:
    """Changes when a split that a folder names changes, or what is a worry; '' where there is neither."""
    split_of_id = zip(source.cases["id"], source.cases["split"], strict=True)
    placed = [(id, split) for id, split in split_of_id if id in (source.by_folder or ())]
    said = repr((placed, source.worries)).encode(errors="backslashreplace")
    return hashlib.blake2b(said, digest_size=8).hexdigest() if placed or source.worries else ""


def readers() -> dict[str, str]:
    found = {}
    for name in READERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def still_holds(there: Store, source: str, read: Source, settings: Preparation, asked: Files | None) -> bool:
    """Whether `there` is what preparing now would give; `asked` are the files of the cases asked for."""
    info = there.info
    if info["source"] != absolute(source) or there.prepared_as.recorded != settings.recorded or there.films_fault:
        return False
    if "read" not in info:
        return holds_as_of_old(there, read, settings)
    if info.get("read") != fingerprint(read) or info.get("folders", folders(read)) != folders(read):
        return False
    if (there.problems["kind"] == "unreadable").any() and info.get("readers") != readers():
        return False
    if asked is None:
        return True
    before = read_files(there.path)
    if not unchanged(asked, before):
        return False
    refresh(there.path, asked, before)
    return True


def holds_as_of_old(there: Store, read: Source, settings: Preparation) -> bool:
    """The same of a store that an older version made, which kept one fingerprint of labels, splits, sizes and times."""
    cases = read.cases.drop(columns="patient")
    if not read.synthetic:
        kept = dict(zip(there.cases["id"], there.cases["split"], strict=True))
        cases, _ = complete_splits(cases, settings.validation_fraction, settings.test_fraction, kept)
    cases = subset(cases, settings.images)
    if len(read.problems) or len(cases) != len(there.cases):  # then it may have changed by itself
        return False
    digest = hashlib.blake2b(cases.drop(columns="path", errors="ignore").to_csv(index=False).encode(), digest_size=8)
    digest.update(b"()")
    for path in cases.get("path", pd.Series(dtype=object)):
        seen = path.stat()
        digest.update(f"{path.name} {seen.st_size} {seen.st_mtime_ns}\n".encode())
    return bool(digest.hexdigest() == there.info.get("fingerprint"))
