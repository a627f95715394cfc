"""What a table says of the files that are to be answered: their sexes and bone ages, joined with them as in a folder to prepare."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from data.counted import counted
from data.preparation import DataError
from data.shown import one_line
from data.tables.ages import look_like_years, said_of_few, said_of_years
from data.tables.dicom_cases import header
from data.tables.headings import Table
from data.tables.paired.header_ids import READ_HEADER, Written, is_readable_dicom
from data.tables.paired.names import matched
from data.tables.paired.several import one_picture, said_of_several
from data.tables.refusals import refuse_newborn, refuse_unfound
from data.tables.rows import TO_ANSWER, read_table
from data.tables.unclear.columns import speaks_of_bone_age
from data.tables.unclear.units import says_months

SAID = 3  # of a kind of fault; the others are counted


@dataclass(frozen=True)
class Labels:
    """By file; either may be empty. `said` is what could not be used, or was not paired exactly, a sentence each."""

    male: Mapping[Path, bool] = field(default_factory=dict)
    age_months: Mapping[Path, float] = field(default_factory=dict)
    said: tuple[str, ...] = ()


def labels_of(table: Path, files: Sequence[Path], columns: Mapping[str, str] = {}, age_unit: str = "auto") -> Labels:
    """Sexes and bone ages of the files, by a table as `prepare` reads it; `columns` as `Preparation` has them.

    Raises DataError where the table cannot be read, its ages are in another unit, or it says nothing of any of the files.
    """
    return labels_in(table_of(table, columns, age_unit), files)


def sexes_of(table: Path, files: Sequence[Path], columns: Mapping[str, str] = {}) -> Labels:
    """As `labels_of`, and its ages may be anything. Raises DataError also where the table has no sexes."""
    found = table_of(table, columns, "months", passed_over=("age_months",))
    if not found.has_sexes:
        raise DataError(
            f"{table} has no columns of sexes: expected `male` (True, False) or `sex` (M, F); name another column with --sex-column"
        )
    return labels_in(found, files)


def labels_in(found: Table, files: Sequence[Path]) -> Labels:
    table = found.path
    names = list(found.cases["named"])
    headers = cache(header)
    made = matched(Written(names, list(found.cases["patient"])), range(len(names)), files, files, headers)
    said = [found.said] if found.said else []
    faults = [problem for problem in found.problems if problem.kind != "split"]
    if found.to_a_year:
        said.append(
            f"{counted(len(found.to_a_year), f'age since birth of {table} is', f'ages since birth of {table} are')} known only to the year: the middle of that year is used"
        )
    said += some_of([f"{problem.path}: {problem.reason}" for problem in faults], "row", table)
    sexes = list(found.cases["male"]) if found.has_sexes else [None] * len(names)
    of_rows = list(zip(sexes, found.cases["age_months"].to_numpy(float), strict=True))
    male: dict[Path, bool] = {}
    ages: dict[Path, float] = {}
    doubtful = [f"ambiguous: the id {names[place]}: {why}" for place, why in made.unclear.items()]
    nearly, in_headers = set(made.nearly), set(made.in_headers)
    for place, paths in made.files.items():
        sex, age_months = of_rows[place]
        if len(paths) > 1 and not one_picture(paths, headers):
            age_months = math.nan  # a patient has films of several days, with a bone age each
            one = place in in_headers or (place not in nearly and one_patient(paths, headers))
            agree = all(headers(path).male in (None, sex) for path in paths) if one else False
            has_sex = agree and not made.contested.intersection(paths)
            why = said_of_several(paths, place in in_headers)
            what = "its bone age" if has_sex else "its row"
            doubtful.append(f"ambiguous: the id {names[place]}: {why}; {what} is used for none of them")
            if not has_sex:
                continue
        male |= {} if sex is None else dict.fromkeys(paths, bool(sex))
        ages |= {} if math.isnan(age_months) else dict.fromkeys(paths, float(age_months))
    for every, how in (
        (made.nearly, "differ a little from the files' names"),
        (made.in_headers, "match no file's name, but were found in DICOM headers"),
    ):
        if places := [place for place in every if len(made.files[place]) == 1]:
            first = f"{names[places[0]]} and {made.files[places[0]][0].name}"
            said.append(f"{len(places):,} of the ids of {table} {how}, as {first}")
    said += some_of(doubtful, "id", table)
    if not male and not ages:
        raise DataError(nothing_for(table, found, files, bool(made.files)) + "".join(f"; {one}" for one in said))
    if none := sorted(made.imageless):
        many = counted(len(none), "DICOM file holds", "DICOM files hold")
        said.append(f"{many} no image, as {none[0].name} (structured reports, for example)")
    paired = {path for paths in made.files.values() for path in paths} | made.imageless
    if without := [path for path in files if path not in paired]:
        of = f"of {counted(len(files), 'file')}"
        more = f" and {len(without) - SAID:,} more" if len(without) > SAID else ""
        said.append(
            f"{counted(len(without), f'{of} is', f'{of} are')} in no row of {table}: "
            f"{', '.join(path.name for path in without[:SAID])}{more}"
        )
    return Labels(male, ages, tuple(said))


def one_patient(paths: Sequence[Path], headers: READ_HEADER) -> bool:
    numbers = {headers(path).patient_id if is_readable_dicom(path) else "" for path in paths}
    return len(numbers) == 1 and "" not in numbers


def table_of(table: Path, columns: Mapping[str, str], age_unit: str, passed_over: Collection[str] = ()) -> Table:
    found = read_table(table, columns, age_unit, TO_ANSWER, passed_over)
    if found is None:
        raise DataError(
            f"{table} has no columns of ids and sexes or bone ages: expected `id` and `male` (True, False), `sex` (M, F) or `boneage`; "
            "name other columns with --id-column, --sex-column and --age-column"
        )
    refuse_unfound([found], columns)
    ages = found.cases["age_months"].dropna().to_numpy(float)
    of_months = says_months(found.columns.get("age_months", ""))
    if age_unit == "auto" and not of_months and look_like_years(ages):
        raise DataError(f"the bone ages of {table} {said_of_years(ages)}")
    if age_unit not in ("auto", "months"):  # months that are meant may be newborns'
        refuse_newborn(table, ages, age_unit)
    asked = not found.has_ages and "age_months" not in passed_over
    unread = [column.heading for column in found.unused if asked and speaks_of_bone_age(column.heading)]
    may_be = (
        f"{table.name} has no known heading of bone ages, and may have them under {one_line(', '.join(unread))}: name it with --age-column"
        if unread
        else ""
    )
    few = "" if of_months else said_of_few(ages, age_unit)
    return replace(found, said="; ".join(filter(None, (found.said, may_be, few))))


def nothing_for(table: Path, found: Table, files: Sequence[Path], paired: bool) -> str:
    count = len(found.cases)
    if paired or not count:
        return f"{table} has no readable sex or bone age for any of these files"
    example = one_line(str(found.cases["id"].iloc[0]))
    return (
        f"none of the {counted(count, 'id')} of {table} is the name of a file: the first id is {example}, the first file {files[0].name}; "
        "if the names are in another column, name it with --id-column"
    )


def some_of(sentences: Sequence[str], what: str, table: Path) -> list[str]:
    more = len(sentences) - SAID
    return [*sentences[:SAID], *([f"{counted(more, f'more {what}')} of {table} cannot be used"] if more > 0 else [])]
