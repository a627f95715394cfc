"""Several columns of a table for one thing: the filled one counts, and where two name other patients, that is refused.

Which of two contradicting ids, ages, sexes or splits is meant is asked in `rows.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from data.preparation import DataError
from data.shown import one_line, shown
from data.tables.headings import HEADINGS, normalised, places_of
from data.tables.paired.patients import identity
from data.tables.sheets import Sheet


def in_one_column(sheet: Sheet, asked: Mapping[str, str]) -> Sheet:
    """Of each thing the first column, whose blank cells are those of the others; a patient's that names nobody is as good as blank."""
    rows = [(number, list(cells)) for number, cells in sheet.rows]
    for ours, (first, *others) in places_of(sheet.headings, asked).items():
        for other in others:
            same = numbers_of(sheet, first, other) if ours == "patient" else {}
            for _, cells in rows:
                if not (identity(cells[first]) if ours == "patient" else cells[first].strip()):
                    cells[first] = same.get(identity(cells[other]), cells[other])
    return replace(sheet, rows=tuple(rows))


def numbers_of(sheet: Sheet, first: int, other: int) -> dict[str, str]:
    """The first column's numbers of those patients to whom the other gives numbers of its own."""
    both = [(identity(cells[other]), cells[first]) for _, cells in sheet.rows if identity(cells[first])]
    return {number: text for number, text in both if number}


def refuse_two_patients(path: Path, sheet: Sheet, asked: Mapping[str, str]) -> None:
    """Two columns that put other images together. Where one merely gives other numbers to the same patients, it is as good."""
    first, *others = places_of(sheet.headings, asked).get("patient", [-1])
    for other in others:
        partner: dict[
            tuple[int, str], tuple[int, str]
        ] = {}  # by column and number: the row that gave the other column's
        for number, cells in sheet.rows:
            one, two = identity(cells[first]), identity(cells[other])
            if not one or not two:
                continue
            for key, its in (((first, one), two), ((other, two), one)):
                row, before = partner.setdefault(key, (number, its))
                if before == its:
                    continue
                names = [one_line(sheet.headings[place]) for place in (first, other)]
                what_to_do = "say --patient-column" if normalised(names[0]) != normalised(names[1]) else "rename one"
                raise DataError(
                    f"{path} has two columns of patients ({', '.join(names)}), by which rows {row} and {number} are one patient in "
                    f"the one and two in the other ({shown(cells[first])} and {shown(cells[other])} in row {number}): {what_to_do}"
                )


def refuse_ids_of_patients(path: Path, sheet: Sheet, asked: Mapping[str, str]) -> None:
    """Beside the column of ids that was named, one with the heading of ids whose values come again may be the patients'."""
    places = places_of(sheet.headings, asked)
    there = [normalised(heading) for heading in sheet.headings]
    if "patient" in places or normalised(asked.get("id", "")) not in there or "id" not in places:
        return
    for at, heading in enumerate(there):
        if heading not in HEADINGS["id"] or at in {place for same in places.values() for place in same}:
            continue
        named = [(number, cells[places["id"][0]].strip(), cells[at].strip()) for number, cells in sheet.rows]
        if len({text for *_, text in named}) == 1:
            continue
        seen: dict[str, tuple[int, str]] = {}
        for number, own, text in named:
            row, id = seen.setdefault(text, (number, own))
            if text and id != own:
                name = one_line(sheet.headings[at])
                raise DataError(
                    f"{path} has a column {name} beside that of the ids, and rows {row} and {number} both have {shown(text)} "
                    f"there: it may name the patients; if so, say --patient-column {name!r}; if not, name the column that does, or "
                    "remove this one"
                )
