"""Which side (train, validation, test) every case of a source is on, and that it stays there for ever.

A store remembers in `sides.csv` every case it ever saw, kept or left out, and every picture: what was decided is never
decided again. Where decisions of before contradict one another the case is left out: neither it nor its picture moves.

    id        of the case
    split     where the source, or the draw, put the case taken alone
    side      where it is: with its picture's twins and, where nothing was decided yet, with its patient
    patient   a hash of the patient's number; '' unknown
    checksum  of the prepared picture, where that one is on this side, too; '' else. A case that had several has a row for each
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from data.cases import looked_up
from data.counted import counted
from data.csv_text import read_csv
from data.preparation import DataError

COLUMNS = ["id", "split", "side", "patient", "checksum"]
HELD_OUT_FIRST = ("test", "validation", "train")  # of equal images the one held out stays, so that nothing leaks
RANK = {name: rank for rank, name in enumerate(HELD_OUT_FIRST)}


@dataclass(frozen=True)
class Sides:
    """What earlier preparations decided: a table with the columns of COLUMNS."""

    table: pd.DataFrame

    @cached_property
    def of_id(self) -> dict[str, str]:
        return mapping(self.table, "id", "side")

    @cached_property
    def split_of_id(self) -> dict[str, str]:
        return mapping(self.table, "id", "split")

    @cached_property
    def patient_of_id(self) -> dict[str, str]:
        return mapping(self.table[self.table["patient"] != ""], "id", "patient")

    def renamed(self, patients: Mapping[str, str]) -> "Sides":
        """The same decisions, with other hashes of the patients that have one in `patients`; '' for a patient that is none."""
        return Sides(self.table.assign(patient=[patients.get(hash, hash) for hash in self.table["patient"]]))

    @cached_property
    def of_picture(self) -> dict[str, str]:
        return mapping(self.table[self.table["checksum"] != ""], "checksum", "side")


def mapping(table: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    return dict(zip(table[key], table[value], strict=True))


def nothing_decided() -> Sides:
    return Sides(pd.DataFrame(columns=COLUMNS, dtype=str))


def read_sides(folder: Path) -> Sides:
    """What a store decided. Stores of before remember the cases they kept, in `cases.csv`, and nothing of the others."""
    path = folder / "sides.csv"
    if path.exists():
        return Sides(read_csv(path))
    cases = read_csv(folder / "cases.csv")
    return Sides(cases.assign(side=cases["split"], patient="")[COLUMNS])


def patients_sides(cases: pd.DataFrame, before: Sides, official: Collection[str]) -> dict[str, str]:
    """The side that each patient has by decisions of before; of several the one held out first.

    Where the source itself put an image (`official` ids) says nothing of the patient's others: that is the source's.
    """
    known = cases.assign(side=looked_up(cases["id"], before.of_id))[["id", "patient", "side"]]
    rows = pd.concat([before.table[["id", "patient", "side"]], known])
    rows = rows[rows["side"].notna() & (rows["patient"] != "") & ~rows["id"].isin(official)]
    # The last of a patient's rows counts.
    return mapping(rows.sort_values("side", key=lambda side: -side.map(RANK)), "patient", "side")


def refuse_other_splits(cases: pd.DataFrame, before: Sides, place: Path) -> None:
    """Raises DataError where the source now holds out a case on another side than a store at `place` has had it on."""
    recorded = looked_up(cases["id"], before.split_of_id)
    moved = cases[cases["split"].isin(["validation", "test"]) & recorded.notna() & (recorded != cases["split"])]
    if len(moved):
        first = moved.iloc[0]
        raise DataError(
            f"{counted(len(moved), 'case is', 'cases are')} in another split of the source than before, the first: {first['id']}, now "
            f"{first['split']}, before {before.split_of_id[first['id']]}. A case never changes sides in {place}: put the "
            "source back as it was, or use another --run-dir"
        )


def settled(
    cases: pd.DataFrame, before: Sides, of_patients: Mapping[str, str], kept_before: Collection[str]
) -> pd.DataFrame:
    """Where every case is, and which image of several equal ones is kept.

    `cases` has id, split, drawn (whether the split was drawn, not the source's), patient, checksum ('' without a usable
    picture). Returned are two more columns: `side`, and `kept`, the id of the case that is kept with this picture, its own
    or another's; '' where there is no picture, or one that is on another side than the case and has no other case.
    """
    checksum = cases["checksum"]
    known = looked_up(cases["id"], before.of_id)
    fixed = known.fillna(cases["split"].where(~cases["drawn"]))
    picture = looked_up(checksum, before.of_picture).fillna(held_out_first(fixed, checksum))
    side = fixed.fillna(picture)
    free = cases[side.isna()]
    group = linked(free[["patient", "checksum"]])
    anchored = free["split"].where(free["patient"].isin(of_patients))
    side = side.fillna(held_out_first(anchored, group)).fillna(held_out_first(free["split"], group))
    picture = picture.fillna(held_out_first(side, checksum))
    candidates = cases[(checksum != "") & (side == picture)]
    new = ~candidates["id"].isin(kept_before)
    moved = candidates["split"] != side[candidates.index]
    ordered = candidates.assign(new=new, moved=moved).sort_values(["new", "moved"], kind="stable")
    first = mapping(ordered.drop_duplicates("checksum"), "checksum", "id")
    return cases.assign(side=side, kept=looked_up(checksum, first).fillna(""))


def held_out_first(sides: pd.Series, by: pd.Series) -> pd.Series:
    """Of each group's sides the one first held out, for all of the group; missing where none has one, or `by` is ''."""
    ranks = pd.Series([RANK.get(side, np.nan) for side in sides], sides.index, dtype=float)
    least = ranks.groupby(by.where(by != "")).transform("min")
    return looked_up(least, dict(enumerate(HELD_OUT_FIRST)))


def linked(names: pd.DataFrame) -> pd.Series:
    """A number for each group of rows that are linked, over any rows between, by equal names in a column; '' links nothing."""
    group = pd.Series(range(len(names)), names.index)
    while True:
        before = group
        for column in names:
            least = group.groupby(names[column].where(names[column] != "")).transform("min")
            group = least.fillna(group).astype(int)
        if group.equals(before):
            return group


def remembered(before: Sides, cases: pd.DataFrame) -> Sides:
    """`before`, and what is decided now of `cases`, which have the columns of `settled`."""
    patient = cases["patient"].where(cases["patient"] != "", looked_up(cases["id"], before.patient_of_id).fillna(""))
    pictures = before.of_picture | mapping(cases[cases["kept"] == cases["id"]], "checksum", "side")
    at_home = looked_up(cases["checksum"], pictures) == cases["side"]
    split = looked_up(cases["id"], before.split_of_id).fillna(cases["split"])
    rows = cases.assign(split=split, patient=patient, checksum=cases["checksum"].where(at_home, ""))[COLUMNS]
    table = pd.concat([before.table, rows]).drop_duplicates(["id", "checksum"], keep="last")
    pictured = set(table.loc[table["checksum"] != "", "id"])
    table = table[(table["checksum"] != "") | ~table["id"].isin(pictured)]
    return Sides(table.sort_values(["id", "checksum"]).reset_index(drop=True))
