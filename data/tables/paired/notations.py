"""How a name may be written otherwise and still be the same: composed, without capitals, leading zeros, or letters that all share."""

import re
from collections.abc import Sequence

from data.tables.headings import composed


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


def lettered(name: str, letters: str) -> str:
    """b 1377 for B_01377: the letters, which stay what they are, and the number."""
    return f"{re.sub('[_-]', '', folded(letters, ''))} {bare(name, letters)}"


def shared_letters(names: Sequence[str]) -> str:
    """The letters before the number, where all names are letters and a number, and the letters the same; '' for one name, of which
    nobody knows what is no part of it."""
    split = [re.fullmatch(r"([A-Za-z_\-]+)(\d+)", name) for name in set(composed([name for name in names if name]))]
    letters = {match[1] if match else "" for match in split}
    return letters.pop() if len(letters) == 1 and len(split) > 1 else ""
