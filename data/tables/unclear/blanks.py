"""Columns that say a thing once for all rows below, as sheets that were grouped by hand do: nobody knows where its rows end."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from data.counted import counted
from data.preparation import DataError
from data.shown import one_line, shown
from data.tables.cells.splits import split_by_cell
from data.tables.sheets import Sheet, column_of

LEAST_ROWS = 6  # fewer tell nothing
LEAST_BLANK = 0.3  # of the rows
WRITTEN_ONCE = 2  # times at most for each word


def refuse_heads(path: Path, sheet: Sheet, at: Mapping[str, int], no_cases: Collection[int]) -> None:
    """`at` are the columns' places. Of the rows that are `no_cases` one may be a head, and is none where its cell is blank."""
    for ours, are_heads, instead in (
        ("patient", are_heads_of_patients, "if nobody knows whose the others are, write unknown"),
        ("split", are_heads_of_splits, "if the others are training cases, write train"),
    ):
        if ours not in at:
            continue
        column = column_of(sheet, at[ours], no_cases)
        texts = [text for _, text in column]
        if not are_heads(texts):
            continue
        first = next(n for n, text in enumerate(texts) if text)
        blank = next(n for n, text in enumerate(texts) if not text and n > first)
        raise DataError(
            f"{path} has {shown(texts[first])} under {one_line(sheet.headings[at[ours]])} in row {column[first][0]}, and row "
            f"{column[blank][0]} and others below such cells are blank: if a cell holds for the rows below it, write it into each of them; "
            f"{instead}"
        )


def are_heads_of_patients(texts: Sequence[str]) -> bool:
    """A column of patients in which no number comes again says nothing, unless each holds for the rows below."""
    filled = [text for text in texts if text]
    return begins_filled(texts) and bool(texts[0]) and len({*filled}) == len(filled)


def are_heads_of_splits(texts: Sequence[str]) -> bool:
    """Who ticks the held-out rows alone leaves the others blank, and who writes train leaves none."""
    filled = [text for text in texts if text]
    different = {*filled}
    once = len(filled) <= WRITTEN_ONCE * len(different)
    return begins_filled(texts) and len(different) > 1 and (once or "train" in map(split_by_cell, different))


def begins_filled(texts: Sequence[str]) -> bool:
    """Whether many cells are blank, and those at the top are not."""
    blank = sum(not text for text in texts)
    return len(texts) >= LEAST_ROWS and any(texts[:2]) and LEAST_BLANK * len(texts) <= blank <= len(texts) - 2


def said_of_blanks(path: Path, splits: Sequence[str], patients: Sequence[str]) -> str:
    """A sentence where some rows name a split, or a patient, and others do not; '' else."""
    said = []
    for texts, one, several in (
        (splits, "names no split and counts as train", "name no split and count as train"),
        (patients, "names no patient", "name no patient"),
    ):
        blank = sum(not text.strip() for text in texts)
        if 0 < blank < len(texts):
            of = f"of {len(texts):,} rows"
            said.append(f"{path.name}: {counted(blank, f'{of} {one}', f'{of} {several}')}")
    return "; ".join(said)
