"""Tables of cases and images of a folder, joined: each case with its image, or with the reason why it has none."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS
from data.problems import Kind, Problem
from data.tables.dicom_cases import header
from data.tables.folders import some
from data.tables.headings import Table, split_of
from data.tables.names import READ_HEADER, matched


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
    parts: list[pd.DataFrame] = []
    problems: list[Problem] = []
    said: list[str] = []
    for table in sorted(tables, key=lambda table: table.split not in ("", "train")):
        problems += table.problems
        ids, names = list(table.cases["id"]), list(table.cases["named"])
        elsewhere = [name for other in tables if other is not table for name in other.cases["named"]]
        found: dict[int, list[Path]] = {}
        unclear: dict[int, str] = {}
        for folders in search_order(table.split):
            left = [place for place in range(len(ids)) if place not in found]
            eligible = [path for path in free if folders is None or split_at(path.parent) in folders]
            made = matched(names, left, eligible, images, headers, elsewhere)
            here = made.files
            found |= here
            unclear |= made.unclear
            said += loosely_said(ids, here, made.loosely)
            if folders == ("train",) and here:
                paths = [path for paths in here.values() for path in paths]
                said.append(f"{len(here):,} {table.split} images lie among the training images: {some(folder, paths)}")
            taken = {path for paths in here.values() for path in paths}
            free = [path for path in free if path not in taken]
        part, unusable = with_images(folder, table, found, unclear, headers)
        parts.append(part)
        problems += unusable
    return pd.concat(parts, ignore_index=True), problems, said


def search_order(split: str) -> list[tuple[str, ...] | None]:
    """Splits that the folders of an image may name, at first and then."""
    if not split:
        return [None]
    return [("", split)] if split == "train" else [("", split), ("train",)]


def loosely_said(ids: Sequence[str], found: dict[int, list[Path]], places: Sequence[int]) -> list[str]:
    if not places:
        return []
    example = found[places[0]][0].name
    ids_are = (
        f"{len(places):,} ids are not quite their images' names, as"
        if len(places) > 1
        else "1 id is not quite its image's name,"
    )
    return [f"{ids_are} {ids[places[0]]} and {example}"]


def with_images(
    folder: Path, table: Table, found: dict[int, list[Path]], unclear: dict[int, str], headers: READ_HEADER
) -> tuple[pd.DataFrame, list[Problem]]:
    """The table's cases with their image, and with what the image's header says that the table does not."""
    kept, problems = [], []
    cases = table.cases
    columns = (cases["id"], cases["row"], cases["age_months"], cases["male"])
    for place, (id, row, age_months, male) in enumerate(zip(*columns, strict=True)):
        paths = found.get(place, [])
        wrong: tuple[Kind, str] | None = None
        if not paths and place in unclear:
            wrong = "ambiguous", unclear[place]
        elif not paths:
            wrong = "missing", f"no image {id} in {folder}"
        elif len(paths) > 1:
            wrong = (
                "ambiguous",
                f"{len(paths)} images have this name, {' and '.join(str(path.relative_to(folder)) for path in paths[:2])}",
            )
        else:
            if not table.has_ages:
                age_months = headers(paths[0]).age_months
            if not table.has_sexes:
                male = headers(paths[0]).male
            if male is None:
                wrong = "sex", "no table has it, and the image names none"
            elif not MIN_AGE_MONTHS <= age_months <= MAX_AGE_MONTHS:
                wrong = "age", "no table has it, and the image names none in its range"
        if wrong:
            problems.append(Problem(id, str(paths[0]) if paths else f"{table.path} row {row}", *wrong))
        else:
            kept.append((place, paths[0], age_months, male))
    chosen = cases.iloc[[place for place, *_ in kept]].reset_index(drop=True)
    chosen["path"] = pd.Series([path for _, path, *_ in kept], dtype=object)
    chosen["age_months"] = np.array([age_months for *_, age_months, _ in kept], float)
    chosen["male"] = np.array([male for *_, male in kept], bool)
    chosen["told"] = chosen["split"] != ""
    chosen["split"] = [split or table.split for split in chosen["split"]]
    return chosen, problems
