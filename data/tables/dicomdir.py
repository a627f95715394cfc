"""A DICOMDIR: the list of files on a CD or of an export, which says where each of them is."""

from collections.abc import Iterator
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
        found = [path.parent.joinpath(*parts) for parts in referenced(dataset)]
    if not found:
        raise DataError(f"{path} lists no images; name the files themselves")
    return found


def referenced(dataset: Any) -> Iterator[list[str]]:
    """Each image's path from the DICOMDIR's folder on; one that leads out of it is passed over."""
    for record in dataset.get("DirectoryRecordSequence") or ():
        names = record.get("ReferencedFileID")
        if str(record.get("DirectoryRecordType", "")).strip() != "IMAGE" or not names:
            continue
        parts = [str(name) for name in ([names] if isinstance(names, str) else names)]
        if all(part not in ("", ".", "..") and not {"/", "\\"} & set(part) for part in parts):
            yield parts
