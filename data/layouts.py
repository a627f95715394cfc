"""A folder of radiographs, in whatever layout it came: RSNA's own, Kaggle's, or a renamed one. Found, not configured.

Tables are known by their headings (`tables.py`), a table's split by its own `split` column, its file's name, its
folders' names, or RSNA's headings, in this order. An image belongs to the row whose id is its name, in a folder of the
same split or of none.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from data.cases import SPLITS
from data.preparation import DataError
from data.problems import Problem
from data.tables import (
    HEADINGS,
    IMAGE_SUFFIXES,
    NEEDED,
    TABLE_SUFFIXES,
    Table,
    found_columns,
    read_rows,
    read_table,
    split_by_words,
    without_prefix,
)

MAX_DEPTH = 5  # folders below the one named; Kaggle nests twice, RSNA's validation images three times


@dataclass(frozen=True)
class Found:
    """What a folder holds. `cases` has id, age_months, male, split and patient ('' where the source gives none), and path."""

    cases: pd.DataFrame
    problems: tuple[Problem, ...]
    said: tuple[str, ...]  # what was found and what is missing, a sentence each


def read_folder(folder: Path) -> Found:
    """Every labelled case of the folder that has an image.

    Raises DataError where there is no table of cases, several for one split, an id in two splits, or no usable case.
    """
    table_paths, images = walk(folder)
    tables = one_per_split(folder, [placed(folder, table) for table in read_tables(folder, table_paths)])
    said = [sentence(folder, table) for table in tables]
    labelled = [table for table in tables if table.has_ages]
    if not labelled:
        raise DataError(f"{tables[0].path} has no bone ages, and {folder} no other table: add the table that has them")
    refuse_ids_in_two_splits(labelled)
    problems = [problem for table in labelled for problem in table.problems]
    parts = []
    for table in labelled:
        matched, unmatched = with_images(folder, table, images)
        parts.append(matched)
        problems += unmatched
    cases = pd.concat(parts, ignore_index=True)
    if cases.empty:
        first = f"; the first: {problems[0].path}, {problems[0].reason}" if problems else ""
        raise DataError(f"{folder} has {len(problems)} cases and none can be used{first}")
    rowless = sum(len(paths) for paths in images.values()) - len(cases)
    if rowless > 0:
        said.append(f"{rowless:,} images belong to no labelled row and are left alone")
    return Found(cases[["id", "age_months", "male", "split", "patient", "path"]], tuple(problems), tuple(said))


def walk(folder: Path) -> tuple[list[Path], dict[Path, list[Path]]]:
    """Tables, and images by their folder; in the order of their names, the same everywhere."""
    tables: list[Path] = []
    images: dict[Path, list[Path]] = {}

    def unreadable(error: OSError) -> None:
        raise error

    for here, folders, files in os.walk(folder, onerror=unreadable):
        at = Path(here)
        depth = len(at.relative_to(folder).parts)
        if "store.json" in files:  # a prepared store of ours, with a table of its own
            folders.clear()
            continue
        hidden = (".", "__")  # .git, __MACOSX
        folders[:] = sorted(name for name in folders if not name.startswith(hidden)) if depth < MAX_DEPTH else []
        visible = sorted(name for name in files if not name.startswith("."))  # ._1377.png is macOS's
        tables += [at / name for name in visible if name.lower().endswith(TABLE_SUFFIXES)]
        found = [at / name for name in visible if name.lower().endswith(IMAGE_SUFFIXES) and (at / name).is_file()]
        if found:
            images[at] = found
    return tables, images


def read_tables(folder: Path, paths: list[Path]) -> list[Table]:
    tables = [table for path in paths if (table := read_table(path)) is not None]
    if tables:
        return tables
    if not paths:
        raise DataError(
            f"{folder} has no table of cases (CSV or xlsx): expected RSNA's train.csv with id, boneage, male"
        )
    rows = {path: read_rows(path) for path in paths}
    nearest = max(paths, key=lambda path: len(found_columns(rows[path])))
    missing = next(name for name in NEEDED if name not in found_columns(rows[nearest]))
    there = ", ".join(rows[nearest].columns)
    raise DataError(
        f"{nearest} lacks the column {HEADINGS[missing][0]!r}: RSNA's table has id, boneage, male; this one has {there}"
    )


def placed(folder: Path, table: Table) -> Table:
    """The table with its split, '' where nothing names one."""
    names = (*path_parts(folder, table.path.parent), table.path.stem)
    return replace(table, split=nearest_split(names) or table.split)


def path_parts(folder: Path, at: Path) -> tuple[str, ...]:
    """Folders' names below the one the user named, which says nothing."""
    return at.relative_to(folder).parts


def nearest_split(names: Sequence[str]) -> str:
    """The split that the last of the names speaks of, else the one before it."""
    return next((split for name in reversed(names) if (split := split_by_words(name))), "")


def one_per_split(folder: Path, tables: list[Table]) -> list[Table]:
    """At most one table per split: copies are dropped, and a table without ages where another has them."""
    chosen: list[Table] = []
    for split in ("", *SPLITS):
        same = [table for table in tables if table.split == split]
        same = [table for table in same if table.has_ages] or same
        distinct = [table for n, table in enumerate(same) if not any(equal(table, other) for other in same[:n])]
        if len(distinct) > 1:
            names = " and ".join(str(table.path.relative_to(folder)) for table in distinct[:2])
            raise DataError(
                f"{folder} has {len(distinct)} {split or 'case'} tables, {names}: name the folder of one data set, or remove one"
            )
        chosen += distinct
    splits = {table.split for table in chosen}
    if "" in splits and len(splits) > 1:
        unnamed = next(table for table in chosen if not table.split)
        if "train" in splits:
            raise DataError(
                f"{folder} has {unnamed.path.relative_to(folder)} beside a training table: remove one of the two"
            )
        chosen[chosen.index(unnamed)] = replace(unnamed, split="train")
    return chosen


def equal(one: Table, other: Table) -> bool:
    return one.cases.equals(other.cases)


def sentence(folder: Path, table: Table) -> str:
    count = len(table.cases) + len(table.problems)
    split = f"{table.split} cases" if table.split else "cases"
    ages = "" if table.has_ages else ", without ages: left out"
    return f"{table.path.relative_to(folder)}: {count:,} {split}{ages}"


def refuse_ids_in_two_splits(tables: Iterable[Table]) -> None:
    """RSNA's test ids lie inside the range of its training ids: a merged table may hold the same hand twice."""
    seen: dict[str, tuple[str, Path]] = {}
    for table in tables:
        own = [split or table.split for split in table.cases["split"]]
        for id, split in zip(table.cases["id"], own, strict=True):
            before, path = seen.setdefault(id, (split, table.path))
            if path != table.path:
                raise DataError(
                    f"the id {id} is in two splits, {before or 'one'} ({path}) and {split} ({table.path}): "
                    "remove it from one of them, or the evaluation would see what was trained on"
                )


def with_images(folder: Path, table: Table, images: dict[Path, list[Path]]) -> tuple[pd.DataFrame, list[Problem]]:
    """The table's cases with the path of their image, and those that have none or several."""
    by_id: dict[str, list[Path]] = defaultdict(list)
    for at, paths in images.items():
        if table.split and nearest_split(path_parts(folder, at)) not in ("", table.split):
            continue
        stems = [path.stem for path in paths]
        for stem, bare, path in zip(stems, without_prefix(stems), paths, strict=True):
            for name in {stem, bare}:
                by_id[name].append(path)
    kept, chosen, problems = [], [], []
    for index, (id, row) in enumerate(zip(table.cases["id"], table.cases["row"], strict=True)):
        paths = by_id.get(id, [])
        if len(paths) == 1:
            kept.append(index)
            chosen.append(paths[0])
        elif paths:
            names = " and ".join(str(path.relative_to(folder)) for path in paths[:2])
            problems.append(Problem(id, str(paths[0]), "ambiguous", f"{len(paths)} images have this name, {names}"))
        else:
            problems.append(Problem(id, f"{table.path} row {row}", "missing", f"no image {id} in {folder}"))
    cases = table.cases.iloc[kept].reset_index(drop=True)
    cases["split"] = [split or table.split for split in cases["split"]]
    cases["path"] = pd.Series(chosen, dtype=object)
    return cases, problems
