"""Tables of cases and images of a folder, joined: each case with its image, or with the reason why it has none."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS
from data.counted import counted
from data.problems import Kind, Problem
from data.tables.cells.splits import split_of
from data.tables.dicom_cases import Age, header, more_exactly
from data.tables.folders import some
from data.tables.headings import Table
from data.tables.paired.header_ids import READ_HEADER, Written, is_imageless, is_readable_dicom
from data.tables.paired.names import matched
from data.tables.paired.several import distinct, file_of, said_of_several


def joined(
    folder: Path, tables: Sequence[Table], images: Sequence[Path]
) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """The cases with `path`, `split` and whether a column told it (`told`); those left out; sentences.

    An image belongs to a case of the split that its folder names, or of any where it names none. A held-out case may have
    its image among the training images; never the other way round.
    """
    headers = cache(header)
    split_at = cache(lambda at: split_of(folder, at))
    free = list(images)
    imageless: set[Path] = set()
    parts: list[pd.DataFrame] = []
    problems: list[Problem] = []
    said: list[str] = []
    for table in sorted(tables, key=lambda table: table.split not in ("", "train")):
        problems += [replace(problem, split=problem.split or table.split) for problem in table.problems]
        ids = list(table.cases["id"])
        written = written_in(table, [other for other in tables if other is not table])
        found: dict[int, list[Path]] = {}
        unclear: dict[int, str] = {}
        of_headers: set[int] = set()
        for folders in search_order(table.split):
            left = [place for place in range(len(ids)) if place not in found]
            eligible = [path for path in free if folders is None or split_at(path.parent) in folders]
            made = matched(written, left, eligible, images, headers)
            here = {place: distinct(paths) for place, paths in made.files.items()}
            if table.of_headers:  # the cases are the files themselves
                made.imageless.update(paths[0] for paths in here.values() if is_imageless(paths[0], headers))
            imageless |= made.imageless
            found |= here
            unclear |= made.unclear
            said += nearly_said(ids, here, made.nearly)
            said += in_headers_said(ids, here, [place for place in made.in_headers if len(here[place]) == 1])
            of_headers |= {*made.in_headers}
            if folders == ("train",) and here:
                paths = [path for paths in here.values() for path in paths]
                lie = counted(len(here), f"{table.split} image lies", f"{table.split} images lie")
                said.append(f"{lie} among the training images: {some(folder, paths)}")
            taken = {path for paths in made.files.values() for path in paths} | imageless
            free = [path for path in free if path not in taken]
        none = {place for place, paths in found.items() if paths[0] in imageless}
        part, unusable, of_ages = with_images(folder, table, found, unclear, of_headers, headers, none)
        said += of_ages
        parts.append(part)
        problems += unusable
    cases = pd.concat(parts, ignore_index=True)
    return cases, problems, [*said, *left_alone(folder, images, cases["path"], imageless)]


def left_alone(
    folder: Path, images: Sequence[Path], used: Iterable[Path], imageless: Collection[Path]
) -> Iterator[str]:
    """How many files belong to no case: those that hold no image, and the images; a file with several names is one."""
    none = sorted(distinct(sorted(imageless)))
    if none:
        belong = counted(len(none), "DICOM file holds no image and belongs", "DICOM files hold no image and belong")
        yield f"{belong} to no case: {some(folder, none)} (structured reports, for example)"
    taken = {*used, *imageless}
    left = {path for path in images if path not in taken}
    if left and (rowless := len({*map(file_of, left)} - {*map(file_of, taken)})):
        belong = counted(rowless, "image belongs", "images belong")
        yield f"{belong} to no labelled row and {'is' if rowless == 1 else 'are'} not used"


def search_order(split: str) -> list[tuple[str, ...] | None]:
    """Splits that the folders of an image may name, at first and then."""
    if not split:
        return [None]
    return [("", split)] if split == "train" else [("", split), ("train",)]


def written_in(table: Table, others: Sequence[Table]) -> Written:
    return Written(
        list(table.cases["named"]),
        list(table.cases["patient"]),
        [name for other in others for name in other.cases["named"]],
        [
            patient
            for other in others
            for name, patient in zip(other.cases["named"], other.cases["patient"], strict=True)
            if patient != name
        ],
    )


def nearly_said(ids: Sequence[str], found: dict[int, list[Path]], places: Sequence[int]) -> list[str]:
    if not places:
        return []
    example = found[places[0]][0].name
    ids_are = counted(
        len(places), "id differs a little from its image's name,", "ids differ a little from their images' names, as"
    )
    return [f"{ids_are} {ids[places[0]]} and {example}"]


def in_headers_said(ids: Sequence[str], found: dict[int, list[Path]], places: Sequence[int]) -> list[str]:
    if not places:
        return []
    several = counted(len(places), "id matches no file's name, but was", "ids match no file's name, but were")
    return [f"{several} found in DICOM headers, as {ids[places[0]]} in {found[places[0]][0].name}"]


def ages_said(ages: Sequence[Age], paths: Sequence[Path]) -> list[str]:
    """Of labels that are ages since birth: how many are known to a year only, and how many their files doubt."""
    rough = [(age, path) for age, path in zip(ages, paths, strict=True) if age.to_a_year]
    doubtful = [(age, path) for age, path in zip(ages, paths, strict=True) if age.note and not age.to_a_year]
    said = []
    if rough:
        are = counted(len(rough), "age since birth is", "ages since birth are")
        said.append(
            f"{are} known only to the year, and the middle of that year is used (the first: {rough[0][1].name}, {rough[0][0].note})"
        )
    if doubtful:
        are = counted(len(doubtful), "age since birth is", "ages since birth are")
        said.append(f"{are} doubtful (the first: {doubtful[0][1].name}, {doubtful[0][0].note})")
    return said


def with_images(
    folder: Path,
    table: Table,
    found: dict[int, list[Path]],
    unclear: dict[int, str],
    of_headers: Collection[int],
    headers: READ_HEADER,
    none: Collection[int],
) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """The table's cases with their image, and with what the image's header says that the table does not; those left out; sentences.

    At the places of `none` is no case.
    """
    kept, problems = [], []
    cases = table.cases
    columns = (cases["id"], cases["row"], cases["age_months"], cases["male"], cases["split"])
    for place, (id, row, age_months, male, split) in enumerate(zip(*columns, strict=True)):
        if place in none:
            continue
        paths = found.get(place, [])
        wrong: tuple[Kind, str] | None = None
        if not paths and place in unclear:
            wrong = "ambiguous", unclear[place]
        elif not paths:
            wrong = "missing", f"no image {id} in {folder}"
        elif len(paths) > 1:
            wrong = "ambiguous", said_of_several([path.relative_to(folder) for path in paths], place in of_headers)
        else:
            age = age_of(table, id, age_months, paths[0], headers)
            if not table.has_sexes:
                male = headers(paths[0]).male
            if male is None:
                wrong = "sex", "neither a table nor the image says it"
            elif not MIN_AGE_MONTHS <= age.months <= MAX_AGE_MONTHS:
                doubt = f" ({age.note})" if age.note else ""
                wrong = "age", f"no table has it, and the image gives none in the allowed range{doubt}"
        if wrong:
            at = str(paths[0]) if paths else f"{table.path} row {row}"
            problems.append(Problem(id, at, *wrong, split=split or table.split))
        else:
            kept.append((place, paths[0], age, male))
    chosen = cases.iloc[[place for place, *_ in kept]].reset_index(drop=True)
    chosen["path"] = pd.Series([path for _, path, *_ in kept], dtype=object)
    chosen["age_months"] = np.array([age.months for *_, age, _ in kept], float)
    chosen["male"] = np.array([male for *_, male in kept], bool)
    chosen["told"] = chosen["split"] != ""
    chosen["split"] = [split or table.split for split in chosen["split"]]
    return chosen, problems, ages_said([age for *_, age, _ in kept], list(chosen["path"]))


def age_of(table: Table, id: str, age_months: float, path: Path, headers: READ_HEADER) -> Age:
    """The table's, or the age since birth by the image's header where it has none. Of an age since birth that the table has to a
    year only, the image's dates may know more."""
    if not table.has_ages:
        return headers(path).age
    if id not in table.to_a_year:
        return Age(age_months)
    known = Age(age_months, True, "by the table")
    return more_exactly(known, headers(path).age) if is_readable_dicom(path) else known
