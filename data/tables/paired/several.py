"""Several files for one id: whether they are one picture all the same, and what is said where they are not."""

import filecmp
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.tables.paired.header_ids import READ_HEADER, is_readable_dicom


def file_of(path: Path) -> object:
    """What is equal for a file's links, hard and symbolic ones; the path itself where it cannot be reached or the disk counts no files."""
    try:
        about = path.stat()
    except OSError:
        return path
    return (about.st_dev, about.st_ino) if about.st_ino else path


def distinct(paths: Iterable[Path]) -> list[Path]:
    """One path for each file, the first."""
    files: dict[object, Path] = {}
    for path in paths:
        files.setdefault(file_of(path), path)
    return list(files.values())


def one_picture(paths: Sequence[Path], headers: READ_HEADER) -> bool:
    """Whether it does not matter which is meant: they are one file, equal byte for byte, or one DICOM image by their UID."""
    first, *others = distinct(paths)
    try:
        equal = all(filecmp.cmp(first, other, shallow=False) for other in others)
    except OSError:
        equal = False
    instances = {headers(path).instance if is_readable_dicom(path) else "" for path in paths} if not equal else set()
    return equal or (len(instances) == 1 and "" not in instances)


def said_of_several(paths: Sequence[Path], in_headers: bool) -> str:
    """Why none of these files is the case's, and what would tell them apart."""
    first, second, *_ = paths
    if in_headers:
        return f"{len(paths)} images have this id in their headers, {first} and {second}"
    apart = first.parent.name != second.parent.name and first.parent.name
    what_to_do = f" (an id with its folder tells them apart, as {first.parent.name}/{first.stem})" if apart else ""
    return f"{len(paths)} images have this name, {first} and {second}{what_to_do}"
