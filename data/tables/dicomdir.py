"""A DICOMDIR: the list of files on a CD or of an export, which says where each of them is."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from data.films.dicom import INDEX, read
from data.foreign import foreign
from data.preparation import DataError


def is_index(path: Path) -> bool:
    return path.name.upper() == INDEX and path.is_file()


def listed(path: Path) -> list[Path]:
    """The images that it lists, in its order, whether they are there or not. Raises DataError where it is damaged or lists none."""
    dataset = read(path, pixels=False)
    with foreign(f"unreadable: {path} is a damaged DICOMDIR"):
        referring = list(referenced(dataset))
    names_in = cache(names_below)  # of a CD, a folder has thousands of files
    found = [as_mounted(path.parent, parts, names_in) for parts in referring]
    if not found:
        raise DataError(f"{path} lists no images; name the files themselves")
    return found


def as_mounted(folder: Path, parts: Sequence[str], names_in: Callable[[Path], Mapping[str, str]]) -> Path:
    """The file in the folder, or the one whose names differ in capitals or in the version of ISO 9660, as systems mount CDs:
    IM000001 as im000001 or IM000001;1. The listed path where there is none."""
    at = folder
    for part in parts:
        if not os.path.exists(at / part):  # which is false where it may not be looked at; reading it will say that
            part = names_in(at).get(mounted(part), part)
        at = at / part
    return at


def mounted(name: str) -> str:
    return name.partition(";")[0].rstrip(".").casefold()


def names_below(folder: Path) -> Mapping[str, str]:
    """By their form without capitals and versions; the first of those that are alike."""
    try:
        return {mounted(name): name for name in sorted(os.listdir(folder), reverse=True)}
    except OSError:
        return {}


def referenced(dataset: Any) -> Iterator[list[str]]:
    """Each image's path from the DICOMDIR's folder on; one that leads out of it is passed over."""
    for record in dataset.get("DirectoryRecordSequence") or ():
        names = record.get("ReferencedFileID")
        if str(record.get("DirectoryRecordType", "")).strip() != "IMAGE" or not names:
            continue
        parts = [str(name) for name in ([names] if isinstance(names, str) else names)]
        if all(part not in ("", ".", "..") and not {"/", "\\"} & set(part) for part in parts):
            yield parts
