"""Rows of predictions as they leave: CSV or JSON on stdout, each row at once, or a file; and what they say against labels."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np

from data.counted import counted
from data.csv_text import guarded, read_csv, row_writer, unguarded
from data.foreign import foreign
from data.preparation import DataError
from data.tables.cells.workbook import unremarked
from data.written import months, signed, yardstick
from search.output.files import write_text
from search.output.files import written as whole
from search.output.terminal import log
from search.trained.left.known import FILM, Film

Row = dict[str, Any]
ALWAYS = ("file", "predicted_months", "low", "high", "note")  # columns of every table of answers


@dataclass
class Tally:
    """What was answered, and how the answers stand to the labels that there were."""

    answered: int = 0
    failed: int = 0
    errors: list[float] = field(default_factory=list)  # predicted minus label, months
    inside: int = 0  # labels within their interval
    labels: list[float] = field(default_factory=list)
    films: list[Film] = field(default_factory=list)  # those with a label

    def count(self, row: Row) -> None:
        if row["predicted_months"] is None:
            self.failed += 1
            return
        self.answered += 1
        label = row.get("label_months")
        if label is not None:
            self.labels.append(label)
            self.films += [row[FILM]] if FILM in row else []
            self.errors.append(row["predicted_months"] - label)
            self.inside += row["low"] <= label <= (math.inf if row["high"] is None else row["high"])

    def figures(self, constant_months: float | None) -> dict[str, Any] | None:
        """MAE, bias and coverage in months and shares; None without labels. `constant_months` is the constant predictor's answer."""
        count = len(self.errors)
        if not count:
            return None
        constant = None if constant_months is None else float(np.abs(np.array(self.labels) - constant_months).mean())
        return {
            "n": count,
            "mae": float(np.abs(self.errors).mean()),
            "bias": float(np.mean(self.errors)),
            "coverage": self.inside / count,
            "constant_mae": constant,
        }


def write_csv(rows: Iterable[Row], columns: Sequence[str]) -> Tally:
    """On stdout, each row at once."""
    return written(rows, flushed(row_writer(sys.stdout, columns)))


def write_json(rows: Iterable[Row], columns: Sequence[str]) -> Tally:
    """One array on stdout, each element at once."""
    separators = chain(["[\n"], repeat(",\n"))
    tally = written(
        rows, flushed(lambda row: sys.stdout.write(next(separators) + json.dumps(of_columns(row, columns))))
    )
    sys.stdout.write("\n]\n")
    return tally


def csv_file(rows: Iterable[Row], columns: Sequence[str], path: Path) -> Tally:
    with whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        return written(rows, row_writer(file, columns))


def json_file(rows: Iterable[Row], columns: Sequence[str], path: Path) -> Tally:
    kept: list[Row] = []
    tally = written(rows, lambda row: kept.append(of_columns(row, columns)))
    write_text(path, json.dumps(kept, indent=1) + "\n")
    return tally


def workbook(rows: Iterable[Row], columns: Sequence[str], path: Path) -> Tally:
    """An Excel workbook; texts are guarded as in our CSV files, so that no cell is a formula."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("predictions")
    sheet.append(list(columns))
    tally = written(rows, lambda row: sheet.append([guarded(row.get(column)) for column in columns]))
    with whole(path) as part:
        book.save(part)
    return tally


FILES: dict[str, Callable[[Iterable[Row], Sequence[str], Path], Tally]] = {
    ".csv": csv_file,
    ".json": json_file,
    ".xlsx": workbook,
}


def refuse_unknown(path: Path) -> None:
    """Before anything is predicted."""
    if path.suffix.lower() not in FILES:
        raise DataError(f"--out names a file that ends in {', '.join(FILES)}; got {path}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise DataError(
            f"{path} cannot be written: {'it is a folder' if path.is_dir() else f'there is no folder {path.parent}'}"
        )


def say_replaced(path: Path, files: Sequence[Path]) -> None:
    """Before anything is predicted. Raises DataError where what lies there is no table of answers; one that answers other files is said."""
    if not path.exists():
        return
    held = answered_in(path)
    if held is None:
        raise DataError(
            f"{path} is not a table of answers of `predict`, so it is not replaced: move it away, or name another --out"
        )
    if others := [name for name in held if name not in {str(file) for file in files}]:
        log(f"{path} has answers for {counted(len(others), 'other file')}, as {others[0]}: these answers are replaced")


def answered_in(path: Path) -> list[str] | None:
    """The files that the table there answers; None where it is no table of answers."""
    try:
        with foreign("no table"):
            rows = READERS[path.suffix.lower()](path)
    except (DataError, OSError):
        return None
    whole = all(isinstance(row, Mapping) and set(ALWAYS) <= set(row) for row in rows)
    return [str(row["file"]) for row in rows] if rows and whole else None


def read_workbook(path: Path) -> list[Row]:
    from openpyxl import load_workbook

    with unremarked(), closing(load_workbook(path, read_only=True)) as book:
        head, *rows = book.worksheets[0].iter_rows(values_only=True)
        return [dict(zip(map(str, head), map(unguarded_cell, row), strict=False)) for row in rows]


def unguarded_cell(cell: Any) -> Any:
    return unguarded(cell) if isinstance(cell, str) else cell


READERS: dict[str, Callable[[Path], list[Any]]] = {
    ".csv": lambda path: read_csv(path).to_dict("records"),
    ".json": lambda path: list(json.loads(path.read_text(encoding="utf-8"))),
    ".xlsx": read_workbook,
}


def write_file(rows: Iterable[Row], columns: Sequence[str], path: Path) -> Tally:
    return FILES[path.suffix.lower()](rows, columns, path)


def of_columns(row: Mapping[str, Any], columns: Sequence[str]) -> Row:
    return {column: row.get(column) for column in columns}


def flushed(write: Callable[[Row], Any]) -> Callable[[Row], Any]:
    def one(row: Row) -> None:
        write(row)
        sys.stdout.flush()

    return one


def written(rows: Iterable[Row], write: Callable[[Row], Any]) -> Tally:
    tally = Tally()
    started = time.monotonic()
    for row in rows:
        write(row)
        tally.count(row)
        if row["predicted_months"] is None:
            log(row["note"])
    count = tally.answered + tally.failed
    log(f"{tally.answered:,} of {count:,} answered, {(time.monotonic() - started) / max(count, 1):.3f} s per image")
    return tally


def say_figures(tally: Tally, level: float, constant_months: float | None) -> None:
    """On stderr, where the table has bone ages."""
    if (found := tally.figures(constant_months)) is None:
        return
    constant = (
        ""
        if found["constant_mae"] is None
        else f" (always answering the training median: {yardstick(found['constant_mae'])})"
    )
    log(
        f"on {counted(found['n'], 'label')}: MAE {months(found['mae'])} months{constant}, bias {signed(found['bias'])}; {level:.0%} intervals hold "
        f"{found['coverage']:.0%} of them"
    )
