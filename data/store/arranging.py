"""From a source's cases and their decoded images to what a store holds: who is kept, on which side, and what is left out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from data.cases import SPLITS, complete_splits, looked_up
from data.counted import counted
from data.films import dicom
from data.films.body_parts import said_of_others
from data.preparation import Preparation
from data.problems import Problem, unusable
from data.store.disk import CASE_COLUMNS, Store
from data.store.patients import hashed, hashed_at_first, one_each, said_of_ids, several_in_the_table
from data.store.sides import Sides, nothing_decided, patients_sides, refuse_other_splits, remembered, settled
from data.store.sources import Source
from data.tables.paired.header_ids import is_readable_dicom

HELD_OUT = ("validation", "test")
FIRST = 5  # ids that are named as examples


@dataclass(frozen=True)
class Arranged:
    cases: pd.DataFrame  # those kept; CASE_COLUMNS
    given: pd.Series  # the split that the source's owner gave each of them; '' where none
    places: list[int]  # of their images among those decoded
    problems: tuple[Problem, ...]  # those left out
    sides: Sides
    said: tuple[str, ...]
    worries: tuple[str, ...]  # that nobody can see in what is prepared


def arranged(source: Source, decoded: pd.DataFrame, settings: Preparation, there: Store | None) -> Arranged:
    """`decoded` as `decode_all` returns it: a row for each case of the source that is asked for.

    Raises DataError where the source contradicts what the store that is there decided.
    """
    before = decided_before(source, settings, there)
    if there and not there.patients_as_now:
        before = before.renamed(new_hashes(source, decoded))
    of_table, of_image = patients_of(source.cases, decoded)
    cases = source.cases.assign(patient=one_each(of_table, of_image, set(before.table["patient"])))
    if there:
        refuse_other_splits(cases, before, there.path)
    official = cases["id"][cases["split"].isin(HELD_OUT)]
    of_patients = patients_sides(cases, before, frozenset(official))
    placed, made = cases, tuple[str, ...]()
    if not source.synthetic:  # drawn hands come with all their splits
        shares = settings.validation_fraction, settings.test_fraction
        placed, made = complete_splits(cases, *shares, before.split_of_id, of_patients)
    drawn = (cases["split"] == "") | ((cases["split"] == "train") & bool(made))
    checksums = decoded["checksum"].reindex(cases.index, fill_value="")
    kept_before = set(there.cases["id"]) if there else set()
    where = settled(placed.assign(drawn=drawn, checksum=checksums), before, of_patients, kept_before)
    asked = where.loc[decoded.index]
    kept = asked[asked["kept"] == asked["id"]]
    sizes = decoded.loc[kept.index, ["width_px", "height_px"]]
    kept = kept.assign(split=kept["side"], **sizes)
    worries = (
        several_in_the_table(of_table, of_image, cases["id"]),
        "" if source.synthetic else said_of_ids(kept),
        said_of_others(list(kept["id"]), list(decoded["part"][kept.index])),
    )
    places = [int(place) for place in decoded.index.get_indexer(kept.index)]
    return Arranged(
        kept[CASE_COLUMNS].reset_index(drop=True),
        cases["split"][kept.index],
        places,
        tuple(
            replace(problem, split=cases["split"][row])
            for row, problem in left_out(asked.assign(reason=decoded["reason"]))
        ),
        remembered(before, where[surely_placed(where, decoded)]),
        (*placed_by_folder(source), *made, *stayed(cases, before)),
        tuple(filter(None, worries)),
    )


def other_sexes(cases: pd.DataFrame, sexes: pd.Series) -> dict[str, Any]:
    """What a store says of cases whose images name another sex than they have; `sexes` as `files.csv` has them, in the same order."""
    named = sexes.to_numpy() != ""
    other = named & (sexes.map(dicom.SEXES).to_numpy() != cases["male"].to_numpy(bool))
    if not other.any():
        return {}
    return {"other_sexes": {"count": int(other.sum()), "of": int(named.sum()), "ids": list(cases["id"][other][:FIRST])}}


def decided_before(source: Source, settings: Preparation, there: Store | None) -> Sides:
    """What holds of the store that is there: all, unless other shares are asked for, or drawn hands and radiographs change places."""
    if there is None or there.synthetic != source.synthetic:
        return nothing_decided()
    then = there.prepared_as
    asked, made = ((of.validation_fraction, of.test_fraction) for of in (settings, then))
    return there.sides if asked == made else nothing_decided()


def patients_of(cases: pd.DataFrame, decoded: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Whose each case is by the table, and by its image: hashes, '' where they do not say it."""
    return cases["patient"].map(hashed), decoded["patient"].reindex(cases.index, fill_value="")


def new_hashes(source: Source, decoded: pd.DataFrame) -> dict[str, str]:
    """From the hashes of the source's patients by the rule of before to those of now. Of patients that are gone only the hash is known."""
    numbers = [*source.cases["patient"], *(source.patient_of(int(row)) for row in decoded.index)]
    return {hashed_at_first(number): hashed(number) for number in numbers if hashed_at_first(number)}


def surely_placed(cases: pd.DataFrame, decoded: pd.DataFrame) -> pd.Series:
    """Which cases are remembered: all but those not asked for whose header may name a known patient."""
    known = pd.Series(cases.index.isin(decoded.index), cases.index) | (cases["patient"] != "")
    if "path" in cases:
        known[~known] = ~cases.loc[~known, "path"].map(is_readable_dicom).astype(bool)
    return known


def placed_by_folder(source: Source) -> Iterator[str]:
    if source.by_folder:
        counts = source.cases["split"][source.cases["id"].isin(source.by_folder)].value_counts()
        each = ", ".join(f"{counts[name]:,} {name}" for name in SPLITS if name in counts)
        yield f"no table names a split, and the images lie in folders that do: each case is in its folder's ({each})"


def stayed(cases: pd.DataFrame, before: Sides) -> Iterator[str]:
    """A sentence for each split of the source's own beside which stays what an earlier preparation cut out of training."""
    ours = looked_up(cases["id"], before.split_of_id)[cases["split"] == "train"]
    for name in HELD_OUT:
        count = int((ours == name).sum())
        if count and (cases["split"] == name).any():
            stay = counted(count, "training case of the source stays", "training cases of the source stay")
            yield (
                f"{stay} in {name}, where an earlier preparation put {'it' if count == 1 else 'them'}; to have only the "
                f"source's own cases in {name}, use another --run-dir"
            )


def left_out(cases: pd.DataFrame) -> Iterator[tuple[Any, Problem]]:
    """Each with its row, in the order of the source: what is no usable image, what equals a kept one, what would have to be on two sides."""
    by_id = {row.id: row for row in cases[cases["kept"] == cases["id"]].itertuples()}
    for row in cases[cases["kept"] != cases["id"]].itertuples():
        if row.reason:
            yield row.Index, unusable(str(row.id), file(row), str(row.reason))
        elif row.kept:
            yield row.Index, duplicate(row, by_id[row.kept])
        else:
            moved = (
                f"the case is in {row.side}, and its picture was in another split before, under another id; neither may "
                "change its split, so the case is left out"
            )
            yield row.Index, Problem(str(row.id), file(row), "side", moved)


def duplicate(row: Any, kept: Any) -> Problem:
    """`row` shows what `kept` shows, pixel for pixel."""
    sexes = f"{sex(kept)} and {sex(row)}, " if kept.male != row.male else ""
    labels = f"{kept.age_months:g} and {row.age_months:g} months, {sexes}{kept.split} and {row.split}"
    return Problem(
        str(row.id),
        file(row),
        "duplicate",
        f"the same image ({labels})",
        duplicate_of=str(kept.id),
        across_splits=kept.split != row.split,
        labels_differ=(kept.age_months, kept.male) != (row.age_months, row.male),
    )


def sex(row: Any) -> str:
    return "boy" if row.male else "girl"


def file(row: Any) -> str:
    """The image's file; drawn hands have none."""
    return str(getattr(row, "path", ""))
