"""Columns that say a thing once for all rows below, as sheets that were grouped by hand do: nobody knows where its rows end."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from data.preparation import DataError
from data.shown import one_line, shown
from data.tables.sheets import Sheet

OF_GROUPS = {"split": "train where the split is not known", "patient": "unknown where nobody knows the patient"}
FOLLOWED = 0.8  # of the filled cells have a blank one below, from which on the column is such a one
LEAST_ROWS = 6  # fewer tell nothing
LEAST_BLANK = 0.3  # of the rows


def refuse_heads(path: Path, sheet: Sheet, at: Mapping[str, int]) -> None:
    """`at` are the columns' places. Numbers of patients come once each in such a column, splits in a few rows."""
    for ours, instead in OF_GROUPS.items():
        if ours in at and are_heads(texts := [cells[at[ours]].strip() for _, cells in sheet.rows], ours == "patient"):
            row, blank = sheet.rows[0][0], next(n for n, text in enumerate(texts) if not text)
            raise DataError(
                f"{path} has {shown(texts[0])} under {one_line(sheet.headings[at[ours]])} in row {row}, and row {sheet.rows[blank][0]} and others "
                f"below such cells are blank: if a cell holds for the rows below it, write it into each of them; if not, write {instead}"
            )


def are_heads(texts: Sequence[str], once_each: bool) -> bool:
    filled = [text for text in texts if text]
    if len(texts) < LEAST_ROWS or len(filled) < 2 or not texts[0] or len(filled) > (1 - LEAST_BLANK) * len(texts):
        return False
    followed = sum(bool(one) and not below for one, below in pairwise([*texts, ""]))
    return followed >= FOLLOWED * len(filled) and (len({*filled}) == len(filled) or not once_each)


def said_of_blanks(path: Path, texts: Sequence[str]) -> str:
    """A sentence where some rows name a split and others do not; '' else."""
    blank = sum(not text.strip() for text in texts)
    if not 0 < blank < len(texts):
        return ""
    rows = (
        f"{blank:,} of {len(texts):,} rows name no split and count as train"
        if blank > 1
        else "1 row names no split and counts as train"
    )
    return f"{path.name}: {rows}"
