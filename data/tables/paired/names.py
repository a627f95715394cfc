"""Which file is which case's image. An id is a file's name, or in a DICOM file's header, or nearly a name, in this order.

A way must pair what was left over, and each with one alone; so 007 is never given to 7 where there is a file 7.
Letters are no part of a name only where all files of its folder begin with them, those with an image of their own
among them: so foot5 is not given to 5 because it is the one that is left. Where ids and files have letters, and
others, they are other cases: train_5 is not test_5. An archive numbers its files as they come, IM000001, IM000002, and
the header says whose they are: so a header goes before a name that is nearly an id, and what the two say of different
cases is neither's (`header_ids.py`).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.counted import counted
from data.problems import Problem
from data.tables.folders import some
from data.tables.headings import without_ending
from data.tables.paired.header_ids import READ_HEADER, Said, Written, is_imageless, said_by
from data.tables.paired.notations import bare, folded, lettered, one_form, shared_letters, unpadded, whole
from data.tables.paired.several import distinct

Key = Callable[[str, str], str]  # of a name and the letters that it shares with all others


# Of ids and of files.
EXACT: tuple[tuple[Key, Key], ...] = ((whole, whole), (one_form, one_form))
NEARLY: tuple[tuple[Key, Key], ...] = (
    (folded, folded),
    (unpadded, unpadded),
    (unpadded, bare),
    (bare, unpadded),
    (lettered, lettered),
)


@dataclass(frozen=True)
class Matches:
    """By the place of the id: the files that may be its image."""

    files: dict[int, list[Path]] = field(default_factory=dict)
    nearly: list[int] = field(default_factory=list)  # places of ids that are written otherwise than their files' names
    in_headers: list[int] = field(default_factory=list)  # places of ids that a header has, and no file's name
    unclear: dict[int, str] = field(default_factory=dict)  # places of ids whose file is as well another id's: why
    contested: set[Path] = field(
        default_factory=set
    )  # files that are one case's by their name and another's by their header
    imageless: set[Path] = field(default_factory=set)  # DICOM objects without pixels, which compete for no id


def matched(
    written: Written,
    places: Iterable[int],
    files: Iterable[Path],
    among: Sequence[Path],
    headers: READ_HEADER,
) -> Matches:
    """The files of the ids at `places`: one where all is well, several where nobody can tell, none where it is not a key.

    `among` are all images there are: letters are shared by all of them or by none. Headers are read of DICOM files alone, and
    only of those that are no id by their names, while an id is without its image, or where several have one name; of all where the ids
    are patients' numbers.
    """
    left, free = list(places), list(dict.fromkeys(files))
    of_ids, of_files = shared_letters(written.names), letters_by_file(among)
    found = Matches()
    said: Mapping[Path, Said] = {}
    for ways in (EXACT, NEARLY):
        if not said and left and (ways is NEARLY or written.are_patients):
            free = with_images(free, headers, found)
            said = said_by(free, written, headers)
        if ways is NEARLY and left and free:
            left, free = by_header(written.names, left, free, said, found)
        for key_of_id, key_of_file in ways:
            if not left or not free:
                break
            by_key: dict[str, list[int]] = defaultdict(list)
            for place in left:
                by_key[key_of_id(written.names[place], of_ids)].append(place)
            for depth in sorted({key.count("/") for key in by_key}, reverse=True):  # p1/12 is p1's before it is 12's
                claimed: dict[int, list[Path]] = defaultdict(list)
                for path in free:
                    key = key_of_file(named_with(path, depth, ways is NEARLY), of_files.get(path, ""))
                    claim(by_key.get(key, ()), path, written, said, claimed, found)
                several = {
                    place: with_images(paths, headers, found) for place, paths in claimed.items() if len(paths) > 1
                }
                pictured = {place: paths for place, paths in (claimed | several).items() if paths}
                left, free = taken(pictured, found, left, free)
                found.nearly.extend(pictured if ways is NEARLY else ())
    for place in found.files:
        found.unclear.pop(place, None)
    return found


def by_header(
    names: Sequence[str], left: list[int], free: list[Path], said: Mapping[Path, Said], found: Matches
) -> tuple[list[int], list[Path]]:
    """DICOM files whose header has the id; none whose header has another case's id as well. What remains of the ids and files."""
    wanted = {names[place]: place for place in left}
    claimed: dict[int, list[Path]] = defaultdict(list)
    for path in free:
        ids = said[path].ids if path in said else frozenset()
        for place in (wanted[name] for name in sorted(ids) if name in wanted):
            if len(ids) == 1:
                claimed[place].append(path)
            else:
                found.unclear.setdefault(place, may_be(path, sorted(ids - {names[place]})))
    found.in_headers.extend(claimed)
    left, free = taken(claimed, found, left, free)
    several = [path for paths in claimed.values() if len(distinct(paths)) > 1 for path in paths]
    return left, [*free, *several]  # of which a name may be another case's, and what that means is said


def with_images(paths: Sequence[Path], headers: READ_HEADER, found: Matches) -> list[Path]:
    """Without the DICOM objects that hold none."""
    found.imageless.update(path for path in paths if is_imageless(path, headers))
    return [path for path in paths if path not in found.imageless]


def may_be(path: Path, others: Sequence[str]) -> str:
    return f"{path} may be its image, or the image of {' and '.join(others[:3])}"


def claim(
    places: Sequence[int],
    path: Path,
    written: Written,
    said: Mapping[Path, Said],
    claimed: dict[int, list[Path]],
    found: Matches,
) -> None:
    """The file for the one id that it may belong to; of several nobody knows which, nor where its header is another case's."""
    if len(places) > 1:
        for place in places:
            found.unclear.setdefault(place, may_be(path, [written.names[other] for other in places if other != place]))
    elif places and path in said and (others := said[path].contradicts(places[0], written)):
        found.contested.add(path)
        found.unclear.setdefault(
            places[0], f"by its name {path} may be its image, but by its header it is the image of {others}"
        )
    elif places:
        claimed[places[0]].append(path)


def taken(
    claimed: dict[int, list[Path]], found: Matches, left: list[int], free: list[Path]
) -> tuple[list[int], list[Path]]:
    """What remains of the ids and files."""
    found.files.update(claimed)
    gone = {path for paths in claimed.values() for path in paths} | found.imageless
    return [place for place in left if place not in claimed], [path for path in free if path not in gone]


def named_with(path: Path, depth: int, nearly: bool = False) -> str:
    """The file's name with `depth` of its folders; `nearly` without any ending, as scanners give DICOM files, 1377.ima, and without
    all endings, as programs leave that of what they convert, 1377.dcm.png."""
    name = without_ending(path.name)
    while nearly and name != (shorter := without_ending(name)):
        name = shorter
    if nearly and name == path.name and re.fullmatch(r"\.[A-Za-z]\w*", path.suffix):
        name = path.stem
    return "/".join((*path.parts[-depth - 1 : -1], name))


def letters_by_file(files: Sequence[Path]) -> dict[Path, str]:
    """The letters that all files of its folder begin with; of a file that is alone there, those that all files begin with."""
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        by_folder[path.parent].append(path)
    of_all = shared_letters([without_ending(path.name) for path in files])
    found: dict[Path, str] = {}
    for paths in by_folder.values():
        own = shared_letters([without_ending(path.name) for path in paths]) if len(paths) > 1 else of_all
        found |= dict.fromkeys(paths, own)
    return found


def said_of_folders(folder: Path, problems: Sequence[Problem], images: Iterable[Path]) -> list[str]:
    """Where images lie in folders that are called like the ids that no file is called."""
    missing = {problem.id for problem in problems if problem.kind == "missing"}
    inside = [path for path in images if path.parent.name in missing]
    if not inside:
        return []
    lie = counted(len(inside), "image lies in a folder", "images lie in folders")
    return [
        f"{lie} called like an id ({some(folder, inside)}): an id is found by the file's own name, so give it that of its folder"
    ]
