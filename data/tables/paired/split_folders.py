"""Splits that the folders of the images name, where no table names any: train/ and test/ beside one labels.csv.

Folders are those of a cut only where the images that are used lie in folders of two splits or more: RSNA's
boneage-training-dataset alone cuts nothing; nor do folds, by whose folders most images are in several splits. A folder
that the table writes before an id is one of them, too. A file's links count as the file: a pool may have folders of
links to it. Beside a folder of one split, others may be of another, in words that nobody here knows: that is a worry.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from data.counted import counted
from data.preparation import DataError
from data.shown import one_line
from data.tables.cells.splits import split_of
from data.tables.paired.several import file_of

SPLITS_OF_A_CUT = 2  # that the folders name
OF_FOLDS = 0.5  # of the images lie in folders of several splits, from which on these are folds
FEW_FOLDERS = 6  # of images, which may be a cut; more are the patients' or the days'
NAMED = 3  # ids in a sentence


@dataclass(frozen=True)
class ByFolder:
    cases: pd.DataFrame  # with the splits of their images' folders
    ids: frozenset[str] = frozenset()  # of the cases whose split is their folder's
    worries: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def by_folders(folder: Path, images: Sequence[Path], cases: pd.DataFrame, add: str) -> ByFolder:
    """`cases` has id, path, split, `told`, whether a column told it, and `folder`; `add` is how their owner can say them otherwise.

    Raises DataError where folders cut the cases, and an image lies in none of them, or in those of two splits.
    """
    of_files = splits_of_folders(folder, images, list(cases["path"]))
    named = [sorted({*splits, own} - {""}) for splits, own in zip(of_files, cases["folder"], strict=True)]
    several = len({split for splits in named for split in splits}) >= SPLITS_OF_A_CUT
    if cases["told"].any():
        return ByFolder(cases, worries=tuple(contradictions(cases, named)) if several else ())
    if (cases["split"] != "").any():
        return ByFolder(cases)
    if not several:
        return pooled(folder, cases, named, add)
    folds = sum(len(splits) > 1 for splits in named)
    if folds > OF_FOLDS * len(named):
        return ByFolder(cases, worries=(said_of_folds(cases, named, folds),))
    for id, path, splits in zip(cases["id"], cases["path"], named, strict=True):
        if len(splits) > 1:
            raise DataError(
                f"the image of {id}, {path}, lies in folders of {' and '.join(splits)}: {add}, or leave it in one of them"
            )
    without = [place for place, splits in enumerate(named) if not splits]
    if without:
        first = cases.iloc[without[0]]
        of = f"of {counted(len(cases), 'case')}"
        theirs = counted(len(without), f"{of} has its own", f"{of} have theirs")
        there = " and ".join(sorted({split for splits in named for split in splits}))
        raise DataError(
            f"{folder} has its images in folders of {there}, but {theirs} in none of "
            f"these (the first: {first['id']}, {first['path']}): move them into the folder of their split, or {add}"
        )
    return ByFolder(cases.assign(split=[splits[0] for splits in named]), frozenset(cases["id"]))


def splits_of_folders(folder: Path, images: Sequence[Path], used: Sequence[Path]) -> list[set[str]]:
    """The splits that the folders of each used image name, by any of its links."""
    split_at = cache(lambda at: split_of(folder, at))
    there = {split_at(path.parent) for path in images}
    if len(there) == 1:
        return [there - {""} for _ in used]
    of_file: dict[object, set[str]] = defaultdict(set)
    for path in images:
        if split := split_at(path.parent):
            of_file[file_of(path)].add(split)
    return [of_file.get(file_of(path), set()) for path in used]


def pooled(folder: Path, cases: pd.DataFrame, named: Sequence[Sequence[str]], add: str) -> ByFolder:
    """The folders name no cut, or one split alone: what they are called is said, as it may be one in other words."""
    folders = where_they_part(folder, Counter(path.parent for path in cases["path"]))
    if not 1 < len(folders) <= FEW_FOLDERS:
        folders = {}
    by_folder = " and ".join(f"{one_line(name)} ({count:,})" for name, count in folders.items())
    inside, outside = [splits for splits in named if splits], [not splits for splits in named]
    if inside and any(outside):
        first = cases[outside].iloc[0]
        worry = (
            f"{counted(len(inside), f'of {len(named):,} images lies', f'of {len(named):,} images lie')} in folders of {inside[0][0]}, and the others in folders that name no split (the "
            f"first: {first['path'].relative_to(folder)}): none is taken as a split, so they are trained on and tested on alike; if the "
            f"others are held out, {add}, or write the split into their folder's name"
        )
        return ByFolder(cases, worries=(worry,))
    said = f"the images lie in {len(folders)} folders, {by_folder}, and none is taken as a split" if by_folder else ""
    return ByFolder(cases, said=(said,) if said and not inside else ())


def where_they_part(folder: Path, images: Mapping[Path, int]) -> Mapping[str, int]:
    """The folders in which the paths of the images' folders first differ, with their images: egitim and sinama of egitim/P1, sinama/P9."""
    parts = {at: at.relative_to(folder).parts for at in images}
    depth = 1
    while depth <= max(map(len, parts.values())) and len({names[:depth] for names in parts.values()}) < 2:
        depth += 1
    found: Counter[str] = Counter()
    for at, count in images.items():
        found["/".join(parts[at][:depth]) or "."] += count
    return found


def contradictions(cases: pd.DataFrame, named: Sequence[Sequence[str]]) -> list[str]:
    """A sentence where the table has other splits than the folders. The table's hold."""
    split = cases["split"].where(cases["split"] != "", "train")
    other = [bool(splits) and own not in splits for own, splits in zip(split, named, strict=True)]
    if not any(other):
        return []
    ids = list(cases["id"][other])
    more = ", ..." if len(ids) > NAMED else ""
    are = counted(len(ids), "image lies in a folder", "images lie in folders")
    return [
        f"{are} of another split than the table's, which is taken ({', '.join(ids[:NAMED])}{more}): find out which is right, and "
        "correct the column `split` or move the images"
    ]


def said_of_folds(cases: pd.DataFrame, named: Sequence[Sequence[str]], count: int) -> str:
    first = next(place for place, splits in enumerate(named) if len(splits) > 1)
    images = counted(len(named), "image")
    return (
        f"{counted(count, f'of {images} lies', f'of {images} lie')} in folders of several splits ({cases['id'].iloc[first]} in those of "
        f"{' and '.join(named[first])}), as folds do: no folder's split is taken; to have a fold's, add a column `split` to the table, or "
        "name a folder that holds this fold alone"
    )
