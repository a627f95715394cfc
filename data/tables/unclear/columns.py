"""Columns of which nobody knows whether they, or others, are the bone ages, sexes, ids or splits."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.preparation import DataError
from data.shown import one_line, shown
from data.tables.ages import months_of
from data.tables.cells.splits import split_by_cell
from data.tables.headings import OPTIONS, WHAT, Unused, bare_ids, normalised
from data.tables.sexes import bare, sexes_in, unread_letters
from data.tables.sheets import Sheet
from data.tables.unused import MOST, may_be_ages

OF_BONES = re.compile(
    r"bone ?age|skelet|knochen|osse[ao]\b|\bosseu[sx]|\bosea\b|\bbotleeftijd|greulich|\btanner ?whitehouse|\bba\b|\bgp\b|\btw ?[23]\b"
)
# What a column beside the bone ages says of them.
OF_A_READING = re.compile(
    r"\b(method|methode|metodo|reader|rater|observer|leser|date|datum|fecha|sds?|z|scores?|zscore|percentile|difference|diff|delta)\b"
)

# What two columns for one thing are compared by; None says nothing.
MEANINGS: dict[str, Callable[[list[str], str, str], list[Any]]] = {
    "id": lambda texts, heading, unit: bare_ids(texts),
    "age_months": lambda texts, heading, unit: [None if np.isnan(age) else age for age in months_of(texts, unit)],
    "sex": lambda texts, heading, unit: sexes_in(texts, heading),
    "split": lambda texts, heading, unit: [split_by_cell(text) or None for text in texts],
}


def refuse_two_columns(path: Path, sheet: Sheet, at: Mapping[str, Sequence[int]], age_unit: str) -> None:
    """Two raters' ages, or a number beside a file's name: which is meant is not for us to say. `at` are the columns' places."""
    for ours, places in at.items():
        if ours not in MEANINGS:
            continue
        columns = [[cells[place] for _, cells in sheet.rows] for place in places]
        meant = [
            MEANINGS[ours](texts, normalised(sheet.headings[place]), age_unit)
            for place, texts in zip(places, columns, strict=True)
        ]
        for other in range(1, len(places)):
            for row, (one, two) in enumerate(zip(meant[0], meant[other], strict=True)):
                if one is None or two is None or one == two:
                    continue
                names = [one_line(sheet.headings[places[n]]) for n in (0, other)]
                told_apart = normalised(names[0]) != normalised(names[1])
                raise DataError(
                    f"{path} has two columns of {WHAT[ours]} ({', '.join(names)}), and row {sheet.rows[row][0]} has "
                    f"{shown(columns[0][row])} and {shown(columns[other][row])}: "
                    + (f"say {OPTIONS[ours]}" if told_apart and ours in OPTIONS else "rename one of them, or remove it")
                )


def speaks_of_bone_age(heading: str) -> bool:
    said = bare(normalised(heading))
    return bool(OF_BONES.search(said)) and not OF_A_READING.search(said)


def refuse_chronological(path: Path, heading: str, unused: Sequence[Unused]) -> None:
    """A heading that says only "age" is the child's own age where another column has the bone's."""
    others = [column.heading for column in unused if column.has_ages and speaks_of_bone_age(column.heading)]
    if others and not speaks_of_bone_age(heading):
        raise DataError(
            f"{path} has ages under {heading}, and a column that speaks of bone ages, {one_line(', '.join(others))}: name the "
            "right one with --age-column"
        )


def refuse_without_heading(path: Path, sheet: Sheet, place: int) -> None:
    """One heading over two columns, as of two raters, is written in the first alone."""
    if place + 1 == len(sheet.headings) or sheet.headings[place + 1].strip():
        return
    texts = [cells[place + 1].strip() for _, cells in sheet.rows]
    if may_be_ages("", texts) and len([text for text in texts if text]) >= MOST * len(texts):
        raise DataError(
            f"{path} has a column without a heading beside {one_line(sheet.headings[place])}, which may hold bone ages, too: "
            "write a heading above it, or remove it"
        )


def refuse_unread_letters(path: Path, sheet: Sheet, place: int) -> None:
    """A letter of a language that is not read makes the others of its column uncertain: beside J, M is a girl (Mädchen)."""
    texts = [cells[place] for _, cells in sheet.rows]
    unread, read = unread_letters(texts, normalised(sheet.headings[place]))
    if unread and read:
        at = next(n for n, text in enumerate(texts) if text.strip() == unread[0])
        raise DataError(
            f"{path} row {sheet.rows[at][0]} has {shown(unread[0])} as a sex, which is not read, and beside it {shown(read[0])} may "
            "mean something else than in English: write male and female, or leave the cell blank where the sex is unknown"
        )
