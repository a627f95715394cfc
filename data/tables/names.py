"""Which file is which case's image. An id is a file's name, or nearly: each way of nearly is tried where the one before failed.

A way must pair what was left over, and each with one alone; so 007 is never given to 7 where there is a file 7. Letters are no part
of a name only where all files of its folder begin with them, those with an image of their own among them: so foot5 is not given to
5 because it is the one that is left. What remains is looked for in the headers of DICOM files.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.films.dicom import is_dicom
from data.tables.dicom_cases import Header
from data.tables.headings import composed, without_ending

READ_HEADER = Callable[[Path], Header]
Key = Callable[[str, str], str]  # of a name and the letters that it shares with all others


def whole(name: str, letters: str) -> str:
    return name


def one_form(name: str, letters: str) -> str:
    return composed([name])[0]


def folded(name: str, letters: str) -> str:
    return one_form(name, letters).casefold()


def unpadded(name: str, letters: str = "") -> str:
    """7 for 007, and for 7.0 as other programs write numbers."""
    plain = folded(name, letters)
    number = plain.removesuffix(".0") if plain.removesuffix(".0").isdecimal() else plain
    return (number.lstrip("0") or "0") if number.isdecimal() else number


def bare(name: str, letters: str) -> str:
    """1377 for b1377, where all begin with b."""
    return unpadded(one_form(name, letters).removeprefix(letters))


# Of ids, of files, and whether to say that they were paired so.
WAYS: tuple[tuple[Key, Key, bool], ...] = (
    (whole, whole, False),
    (one_form, one_form, False),
    (folded, folded, True),
    (unpadded, unpadded, True),
    (unpadded, bare, True),
    (bare, unpadded, True),
    (bare, bare, True),
)


@dataclass(frozen=True)
class Matches:
    """By the place of the id: the files that may be its image."""

    files: dict[int, list[Path]] = field(default_factory=dict)
    loosely: list[int] = field(default_factory=list)  # places of ids that are written otherwise than their files' names
    unclear: dict[int, str] = field(default_factory=dict)  # places of ids whose file is as well another id's: why


def matched(
    names: Sequence[str],
    places: Iterable[int],
    files: Iterable[Path],
    among: Sequence[Path],
    headers: READ_HEADER,
    elsewhere: Collection[str] = (),
) -> Matches:
    """The files of the ids at `places`: one where all is well, several where nobody can tell, none where it is not a key.

    `names` are the table's, `elsewhere` those of other tables; `among` all images there are: letters are shared by all of them or by none.
    """
    left, free = list(places), list(dict.fromkeys(files))
    of_ids, of_files = shared_letters(names), letters_by_file(among)
    found = Matches()
    for key_of_id, key_of_file, said in WAYS:
        if not left or not free:
            break
        by_key: dict[str, list[int]] = defaultdict(list)
        for place in left:
            by_key[key_of_id(names[place], of_ids)].append(place)
        for depth in sorted({key.count("/") for key in by_key}, reverse=True):  # p1/12 is p1's before it is 12's
            claimed: dict[int, list[Path]] = defaultdict(list)
            for path in free:
                key = key_of_file(named_with(path, depth), of_files.get(path, ""))
                claim(by_key.get(key, ()), path, names, claimed, found.unclear)
            left, free = taken(claimed, found, left, free)
            found.loosely.extend(place for place in claimed if said)
    if left:
        by_header(names, left, free, headers, frozenset(elsewhere), found)
    for place in found.files:
        found.unclear.pop(place, None)
    return found


def by_header(
    names: Sequence[str],
    left: Sequence[int],
    free: Sequence[Path],
    headers: READ_HEADER,
    elsewhere: Collection[str],
    found: Matches,
) -> None:
    """DICOM files whose header has the id, as PatientID or AccessionNumber; none whose header has another case's id as well."""
    wanted = {names[place]: place for place in left}
    known = {*names, *elsewhere}
    claimed: dict[int, list[Path]] = defaultdict(list)
    for path in free:
        named = sorted(known.intersection(headers(path).ids)) if is_readable_dicom(path) else []
        for place in (wanted[name] for name in named if name in wanted):
            if len(named) == 1:
                claimed[place].append(path)
            else:
                found.unclear.setdefault(place, may_be(path, [name for name in named if name != names[place]]))
    found.files.update(claimed)


def may_be(path: Path, others: Sequence[str]) -> str:
    return f"{path} may be its image, or that of {' and '.join(others[:3])}"


def claim(
    places: Sequence[int], path: Path, names: Sequence[str], claimed: dict[int, list[Path]], unclear: dict[int, str]
) -> None:
    """The file for the one id that it may belong to; of several nobody knows which."""
    if len(places) == 1:
        claimed[places[0]].append(path)
    for place in places if len(places) > 1 else ():
        unclear.setdefault(place, may_be(path, [names[other] for other in places if other != place]))


def taken(
    claimed: dict[int, list[Path]], found: Matches, left: list[int], free: list[Path]
) -> tuple[list[int], list[Path]]:
    """What remains of the ids and files."""
    found.files.update(claimed)
    gone = {path for paths in claimed.values() for path in paths}
    return [place for place in left if place not in claimed], [path for path in free if path not in gone]


def named_with(path: Path, depth: int) -> str:
    """The file's name with `depth` of its folders."""
    return "/".join((*path.parts[-depth - 1 : -1], without_ending(path.name)))


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


def shared_letters(names: Sequence[str]) -> str:
    """The letters before the number, where all names are letters and a number, and the letters the same; '' for one name, of which
    nobody knows what is no part of it."""
    split = [re.fullmatch(r"([A-Za-z_\-]+)(\d+)", name) for name in set(composed([name for name in names if name]))]
    letters = {match[1] if match else "" for match in split}
    return letters.pop() if len(letters) == 1 and len(split) > 1 else ""


def is_readable_dicom(path: Path) -> bool:
    try:
        return path.is_file() and is_dicom(path)
    except OSError:
        return False
