"""`boneage-search predict`: bone ages of radiographs in files, a row each, as they come.

Files are read and answered a batch at a time, so that memory does not grow with their number. A file that cannot be
answered has a row that says why, and the others are answered.
"""

import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.csv_text import row_writer
from data.films import dicom
from data.films.images import decode
from data.films.looks import shrunk
from data.preparation import DataError
from data.tables.folders import files_below
from data.tables.headings import id_of, read_table
from data.tables.names import bare, unpadded
from search.output.confirmed import MODEL_NOTHING, model_learned_nothing
from search.output.terminal import log
from search.trained.predictor import BATCH, Answers, Model, predict

COLUMNS = (
    "file",
    "sex",
    "predicted_months",
    "age",
    "low",
    "high",
    "if_female_months",
    "if_male_months",
    "note",
)
LEAST_PX = 32  # the least a network is ever shown
SEXES = {True: "M", False: "F", None: "unknown"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """How to answer; `male` is everyone's sex, `table` each id's."""

    male: bool | None = None
    table: dict[str, bool] = field(default_factory=dict)
    flip: bool = False
    force: bool = False  # predict also for images that do not look like a hand radiograph

    @cached_property
    def nearly(self) -> dict[str, bool]:
        """The table by ids without leading zeros and notation, where those are one's alone."""
        keys = unpadded(list(self.table))
        counts = Counter(keys)
        return {key: male for key, male in zip(keys, self.table.values(), strict=True) if counts[key] == 1}


class Read(NamedTuple):
    """A file as far as it could be read: `fault` says why it could not."""

    path: Path
    pixels: np.ndarray | None
    male: bool | None
    notes: tuple[str, ...] = ()
    fault: str = ""


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Every file named, and every image below every folder named. Raises DataError where there is none."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        files = files_below(path)
        if not files.images:
            raise DataError("; ".join((f"{path} holds no PNG, JPEG or DICOM files", *files.said)))
        found += files.images
    return found


def sexes_of(table: Path, columns: Mapping[str, str] = {}) -> dict[str, bool]:
    """Sex by id, of a table as `prepare` reads it; `columns` as `Preparation` has them."""
    found = read_table(table, columns)
    if found is None or not found.has_sexes:
        raise DataError(
            f"{table} has no columns of ids and sexes: expected `id` and `male` (True, False) or `sex` (M, F); --id-column and "
            "--sex-column name others"
        )
    return dict(zip(found.cases["id"], (bool(male) for male in found.cases["male"]), strict=True))


def rows_of(model: Model, files: Sequence[Path], wanted: Wanted) -> Iterator[Row]:
    """A row per file, in order; `predicted_months` is None where the note says why there is no answer."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            yield from answer(model, list(pool.map(lambda path: read(path, model, wanted), batch)), wanted)


def read(path: Path, model: Model, wanted: Wanted) -> Read:
    try:
        if not path.exists():
            return Read(path, None, None, fault=f"missing: there is no file {path}")
        male, note = sex_of(path, wanted) if model.uses_sex else (None, "")
        decoded = decode(path, model.preparation)
    except DataError as error:
        return Read(path, None, None, fault=str(error))
    except OSError as error:  # no permission
        return Read(path, None, None, fault=f"unreadable: {path} ({error.strerror})")
    if min(decoded.width_px, decoded.height_px) < LEAST_PX:
        size = f"{decoded.width_px}×{decoded.height_px}"
        return Read(path, None, male, fault=f"too small: {path} has {size} pixels, a hand needs {LEAST_PX} each way")
    return Read(path, decoded.pixels, male, (note,) if note else ())


def sex_of(path: Path, wanted: Wanted) -> tuple[bool | None, str]:
    """--sex before the table's before the file's own; where they contradict one another the note says so."""
    stem = id_of(path.name)
    listed = wanted.table.get(stem, near(wanted.nearly, stem))
    stated = dicom.male(path) if dicom.holds_dicom(path) and path.stat().st_size else None
    known = [male for male in (wanted.male, listed, stated) if male is not None]
    if not known:
        return None, ""
    contradicts = stated is not None and stated != known[0]
    return known[0], f"the file says sex {SEXES[stated]}" if contradicts else ""


def near(table: Mapping[str, bool], stem: str) -> bool | None:
    """By the same ways to be nearly a file's name as in a folder to prepare (`data/tables/names.py`)."""
    return next((table[key] for keys in (unpadded, bare) if (key := keys([stem])[0]) in table), None)


def answer(model: Model, batch: Sequence[Read], wanted: Wanted) -> Iterator[Row]:
    judged = [judge(model, one, score, wanted.force) for one, score in zip(batch, scores(model, batch), strict=True)]
    whole = [one for one in judged if not one.fault]
    images = np.array([one.pixels for one in whole])
    known = not model.uses_sex or all(one.male is not None for one in whole)
    if whole:
        if_female = predict(model, images, sexes(model, whole, False), wanted.flip)
        if_male = if_female if known else predict(model, images, sexes(model, whole, True), wanted.flip)
    place = 0
    for one in judged:
        if one.fault:
            yield blank(one.path) | {"sex": SEXES[one.male] if one.male is not None else None, "note": one.fault}
        else:
            yield row(model, one, if_female, if_male, place)
            place += 1


def scores(model: Model, batch: Sequence[Read]) -> list[float]:
    """How much each looks like a radiograph of the model's training; NaN for what could not be read."""
    readable = [one.pixels for one in batch if one.pixels is not None]
    found = iter(model.looks.score(shrunk(readable)) if readable else ())
    return [math.nan if one.pixels is None else float(next(found)) for one in batch]


def judge(model: Model, one: Read, score: float, force: bool) -> Read:
    if one.pixels is None:
        return one
    if score < model.looks.refuse_below:
        said = "does not look like an upright hand radiograph of the kind this model was trained on"
        if not force:
            return one._replace(fault=f"refused: {one.path} {said}; --force predicts anyway")
        return one._replace(notes=(*one.notes, said))
    doubted = score < model.looks.doubt_below
    return one._replace(notes=(*one.notes, "looks unusual: check that it is an upright hand")) if doubted else one


def sexes(model: Model, whole: Sequence[Read], otherwise: bool) -> np.ndarray | None:
    return np.array([otherwise if one.male is None else one.male for one in whole]) if model.uses_sex else None


def blank(path: Path) -> Row:
    return dict.fromkeys(COLUMNS) | {"file": str(path)}


def row(model: Model, one: Read, if_female: Answers, if_male: Answers, place: int) -> Row:
    """The answer; of an unknown sex, the middle of the two with an interval that covers both."""
    months = [float(answers.months[place]) for answers in (if_female, if_male)]
    ends = [float(answers.low[place]) for answers in (if_female, if_male)]
    tops = [float(answers.high[place]) for answers in (if_female, if_male)]
    unknown = model.uses_sex and one.male is None
    predicted = sum(months) / 2
    notes = list(one.notes)
    if unknown:
        notes.append("sex unknown: both answers given, the prediction is their middle; say --sex F or M")
    return blank(one.path) | {
        "sex": SEXES[one.male] if model.uses_sex else None,
        "predicted_months": round(predicted, 1),
        "age": years_and_months(predicted),
        "low": round(min(ends), 1),
        "high": round(max(tops), 1) if math.isfinite(max(tops)) else None,
        "if_female_months": round(months[0], 1) if unknown else None,
        "if_male_months": round(months[1], 1) if unknown else None,
        "note": "; ".join(notes),
    }


def years_and_months(months: float) -> str:
    """10 y 3 m; none below 0."""
    years, rest = divmod(max(round(months), 0), 12)
    return f"{years} y {rest} m"


def say_before(folder: Path, model: Model, wanted: Wanted) -> None:
    """On stderr: which model answers, and what it lacks for what was asked."""
    own = model.about["test"] or model.about["validation"]
    split = "test" if model.about["test"] else "validation"
    log(f"{folder}: MAE {own['mae']:.1f} months on its {split} images (constant {own['constant_mae']:.1f})")
    if model_learned_nothing(model.about):
        log(MODEL_NOTHING)
    if wanted.flip and not model.about["training"]["flip_horizontal"]:
        log("the model was trained without mirror images: with --flip it is probably worse")
    if wanted.flip and not model.about["conformal_flipped"]:
        log("the intervals were measured without mirror images: train the model with --flip to measure others")
    if not math.isfinite(model.looks.refuse_below):
        log("the model has seen too few images to recognise what is not a hand radiograph: nothing is refused")


def write_csv(rows: Iterable[Row]) -> int:
    """On stdout, each row at once; how many have no answer."""
    return written(rows, row_writer(sys.stdout, COLUMNS))


def write_json(rows: Iterable[Row]) -> int:
    """One array, each element at once."""
    separators = chain(["[\n"], repeat(",\n"))
    failed = written(rows, lambda row: sys.stdout.write(next(separators) + json.dumps(row)))
    sys.stdout.write("\n]\n")
    return failed


def written(rows: Iterable[Row], write: Callable[[Row], Any]) -> int:
    count = failed = 0
    started = time.monotonic()
    for row in rows:
        write(row)
        sys.stdout.flush()
        count += 1
        if row["predicted_months"] is None:
            failed += 1
            log(row["note"])
    seconds = (time.monotonic() - started) / count
    log(f"{count - failed:,} of {count:,} answered, {seconds:.3f} s per image")
    return failed
