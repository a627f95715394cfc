"""Lists of cases by split that are no table: YAML, HTML, JSON of any shape, names below titles, a column for each split.

No format is parsed. What counts is which ids of the cases such a file names, and which word for a split stands in their line, or
else before them.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache

from data.tables.cells.splits import is_a_list, split_by_cell, splits_together
from data.tables.headings import LOG, bare_ids, normalised, without_ending
from data.tables.sheets import Sheet, decoded

MOST_BYTES = 4 << 20  # a list of all of RSNA's images has 0.2 MiB
LINE_ENDS = re.compile(r"[\n}]|</tr>")
TAGS = re.compile(r"<[^<>]*>")
WORDS = re.compile(r"[^\s,;:\[\](){}<>\"'|=]+")
KEY = re.compile(r"\s*[\"']?([^\W\d][^\[\]{}:=\"']*)[\"']?\s*[:=](?![\\/])")  # seed: 1
SMALL_NUMBER = re.compile(r"0|[1-9]\d{0,2}")  # that may count anything; 007 is written by nobody who counts
DECIMAL = re.compile(r"[+-]?\d*\.\d+(?:e[+-]?\d+)?")
OF_A_LINE = re.compile(r"^[-*\s]+")  # before what it lists


def loose_list(data: bytes, keys: Collection[str], of_a_cut: bool) -> list[Sheet]:
    """One sheet of ids, with their splits where any is named; none of what is no text. `keys` as `bare_ids` has them, `of_a_cut`
    as `splits_together` has it."""
    if len(data) > MOST_BYTES or b"\0" in data[:4096]:
        return []

    @cache
    def is_case(word: str) -> bool:
        if word.isdecimal():
            return (word.lstrip("0") or "0") in keys
        return not DECIMAL.fullmatch(word) and bare_ids([word])[0] in keys

    @cache
    def is_id(word: str) -> bool:
        return is_case(word) or any(map(str.isdigit, word))

    split_of = cache(split_by_cell)
    rows: list[tuple[str, str]] = []  # ids, and the words that say their splits
    listed: list[tuple[str, str]] = []  # alone in their lines, or behind a split's name
    current = ""
    for line in LINE_ENDS.split(decoded(data)[0]):
        text = OF_A_LINE.sub("", TAGS.sub(" ", line))
        key = KEY.match(text)
        words = WORDS.findall(text)
        ids = [word for word in words if is_id(word)]
        if files := [word for word in ids if without_ending(word) != word]:
            ids = files  # 12 120 img/31.png
        named = {split: word for word in words if not is_id(word) and (split := split_of(word))}
        said = next(iter(named.values())) if len(named) == 1 else ""
        if key and not named and not is_case(key[1].strip()):  # a setting, as seed: 1
            rows += [(id, current) for id in ids if not SMALL_NUMBER.fullmatch(id)]
            continue
        of_line = []
        chosen = set(ids)
        for word in words:  # each id is of its line's split, else of the last that was named
            if word in chosen:
                of_line.append((word, said or current))
            elif not is_id(word) and split_of(word):
                current = word
        rows += of_line
        if len(ids) == len(words) or (key and named and len(ids) > 1):
            listed += of_line
    of_small = all(SMALL_NUMBER.fullmatch(id) for id, _ in rows if is_case(id))
    found = listed if of_small else rows
    splits = splits_together({word for _, word in found}, of_a_cut)
    if not any(splits.values()):
        return [Sheet(("id",), tuple((n, [id]) for n, (id, _) in enumerate(found, 1)))] if found else []
    return [as_rows([(id, splits[word]) for id, word in found])]


def by_columns(sheet: Sheet, small: bool) -> Sheet | None:
    """Of a table that has a column of ids for each split: the same as rows. Small numbers are ids only where they may be `small`."""
    there = [heading if is_a_list(heading) else "" for heading in sheet.headings]
    places = {at: split for at, heading in enumerate(there) if (split := split_by_cell(heading))}
    if not LOG.isdisjoint(map(normalised, sheet.headings)):
        return None
    if len({*places.values()}) < 2 or len(places) < len([heading for heading in sheet.headings if heading.strip()]) - 1:
        return None
    rows = [(cells[at].strip(), split) for at, split in places.items() for _, cells in sheet.rows if cells[at].strip()]
    return as_rows(rows) if small or not all(SMALL_NUMBER.fullmatch(id) for id, _ in rows) else None


def as_rows(pairs: Sequence[tuple[str, str]]) -> Sheet:
    """Of ids and their splits."""
    return Sheet(("id", "split"), tuple((n, [*pair]) for n, pair in enumerate(pairs, 1)))
