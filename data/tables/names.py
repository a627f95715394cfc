"""Which file is which case's image. An id is a file's name, or nearly: each way of nearly is tried where the one before failed.

A way must pair what was left over, and each with one alone; so 007 is never given to 7 where there is a file 7.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.tables.headings import composed, without_ending, without_prefix

Keys = Callable[[list[str]], list[str]]


def folded(names: list[str]) -> list[str]:
    return [name.casefold() for name in composed(names)]


def unpadded(names: list[str]) -> list[str]:
    """7 for 007, and for 7.0 as other programs write numbers."""
    stripped = [name.removesuffix(".0") if name.removesuffix(".0").isdecimal() else name for name in folded(names)]
    return [(name.lstrip("0") or "0") if name.isdecimal() else name for name in stripped]


def bare(names: list[str]) -> list[str]:
    """1377 for b1377, where all begin with b."""
    return unpadded(without_prefix(composed(names)))


def same(names: list[str]) -> list[str]:
    return names


# Of ids, of files, and whether to say that they were paired so.
WAYS: tuple[tuple[Keys, Keys, bool], ...] = (
    (same, same, False),
    (composed, composed, False),
    (folded, folded, True),
    (unpadded, unpadded, True),
    (unpadded, bare, False),
    (bare, unpadded, False),
)


@dataclass(frozen=True)
class Matches:
    """By the place of the id: the files that may be its image."""

    files: dict[int, list[Path]]
    loosely: list[int]  # places of ids that are written otherwise than their files' names


def matched(ids: Sequence[str], files: Sequence[Path]) -> Matches:
    """Every id's files: one where all is well, several where nobody can tell, none where it is not a key."""
    found: dict[int, list[Path]] = {}
    loosely: list[int] = []
    free = list(files)
    for keys_of_ids, keys_of_files, said in WAYS:
        left = [place for place in range(len(ids)) if place not in found]
        if not left or not free:
            break
        by_key: dict[str, list[int]] = defaultdict(list)
        for place, key in zip(left, keys_of_ids([ids[place] for place in left]), strict=True):
            by_key[key].append(place)
        depths = {key.count("/") for key in by_key}
        claimed: dict[int, list[Path]] = defaultdict(list)
        for depth in depths:
            for path, key in zip(free, keys_by_folder(free, depth, keys_of_files), strict=True):
                if len(by_key.get(key, ())) == 1:
                    claimed[by_key[key][0]].append(path)
        found |= claimed
        loosely += [place for place in claimed if said]
        taken = {path for paths in claimed.values() for path in paths}
        free = [path for path in free if path not in taken]
    return Matches(found, loosely)


def keys_by_folder(files: Sequence[Path], depth: int, keys: Keys) -> list[str]:
    """Keys of the files' names with `depth` of their folders; letters are shared by the files of one folder."""
    by_folder: dict[Path, list[int]] = defaultdict(list)
    for place, path in enumerate(files):
        by_folder[path.parent].append(place)
    found = [""] * len(files)
    for places in by_folder.values():
        names = [
            "/".join((*files[place].parts[-depth - 1 : -1], without_ending(files[place].name))) for place in places
        ]
        for place, key in zip(places, keys(names), strict=True):
            found[place] = key
    return found
