"""`boneage-search predict`: bone ages of radiographs in files, a row each, as they come.

Files are read and answered a batch at a time, so that memory does not grow with their number. A file that cannot be
answered has a row that says why, and the others are answered.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.counted import counted
from data.films import dicom
from data.films.body_parts import is_another, other_part
from data.films.images import decode
from data.films.looks import Looks, shrunk
from data.films.traits import outside, traits_of
from data.preparation import DataError
from data.store.disk import checksum
from data.store.patients import hashed
from data.tables.dicom_cases import Study, header, study
from data.tables.dicomdir import is_index, listed
from data.tables.folders import files_below
from data.tables.paired.header_ids import is_imageless
from data.written import months, yardstick
from search.output.confirmed import MODEL_NOTHING, model_learned_nothing
from search.output.terminal import log
from search.trained.folder import ModelFolder
from search.trained.left.known import FILM, Film
from search.trained.made_of import made_of
from search.trained.measures import contradictions
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
LABELLED = ("label_months", "error_months")  # where the table has bone ages
STUDIED = (
    "chronological_months",
    "difference_months",
)  # of DICOM files: the age since birth, and the bone age minus it
IDENTIFYING = ("patient_id", "study_date", "accession_number")  # only where they are asked for
REFUSED = "does not look like an upright hand radiograph of the kind this model was trained on"
DOUBTED = "looks unusual: check that it is an upright hand"
SEXES = {True: "M", False: "F", None: "unknown"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """How to answer; `male` is everyone's sex, `table` each file's (`search/apply/labels.py`)."""

    male: bool | None = None
    table: Mapping[Path, bool] = field(default_factory=dict)
    flip: bool = False
    force: bool = False  # predict also for images that do not look like a hand radiograph
    ages: Mapping[Path, float] = field(default_factory=dict)  # bone ages in months, as `table`
    identifiers: bool = False  # tell the patient's number, the date and the accession number of DICOM files
    verb: str = "predicts"  # what --force does anyway


class Read(NamedTuple):
    """A file as far as it could be read: `fault` says why it could not."""

    path: Path
    pixels: np.ndarray | None
    male: bool | None
    notes: tuple[str, ...] = ()
    fault: str = ""
    study: Study | None = None  # of a DICOM file


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Every file named, and every image below every folder named: what cannot be reached there, a link or a folder, is among them,
    to have a row that says so, and DICOM files without an image are not. Raises DataError where there is none.
    """
    found: list[Path] = []
    for path in paths:
        if is_index(path):
            found += listed(path)
            continue
        if not path.is_dir():
            found.append(path)
            continue
        files = files_below(path)
        if not files.images:
            raise DataError("; ".join((f"{path} holds no PNG, JPEG or DICOM files", *files.said)))
        images = [image for image in files.images if not is_imageless(image, header)]
        passed_over = none_of(files.images, images)
        if not images:
            raise DataError(
                "; ".join((f"{path} holds no radiograph: name a folder that does", passed_over, *files.said))
            )
        for said in filter(None, (passed_over, *files.said)):
            log(f"{path}: {said}")
        folders = [path for path in files.gone if not path.suffix]
        found += (*images, *files.dangling, *files.unreadable, *folders)
    return found


def none_of(files: Sequence[Path], images: Sequence[Path]) -> str:
    """Of those that are no images: reports that this program has written among them lie there, too."""
    none = sorted({*files} - {*images})
    if not none:
        return ""
    are = counted(len(none), "DICOM file holds no image and is", "DICOM files hold no image and are")
    return f"{are} passed over, as {none[0].name} (structured reports, for example)"


def columns_of(files: Sequence[Path], wanted: Wanted) -> tuple[str, ...]:
    """Of the rows: more of them where there are bone ages to compare with, and DICOM files."""
    more = LABELLED if wanted.ages else ()
    if any(says_dicom(path) for path in files):
        more += (*STUDIED, *(IDENTIFYING if wanted.identifiers else ()))
    return (*COLUMNS[:-1], *more, COLUMNS[-1])


def says_dicom(path: Path) -> bool:
    try:
        return dicom.holds_dicom(path)
    except OSError:
        return False


def rows_of(model: Model, files: Sequence[Path], wanted: Wanted) -> Iterator[Row]:
    """A row per file, in order; `predicted_months` is None where the note says why there is no answer."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            yield from answer(model, list(pool.map(lambda path: read(path, model, wanted), batch)), wanted)


def read(path: Path, model: Model | ModelFolder, wanted: Wanted) -> Read:
    try:
        if not path.exists():
            return Read(path, None, None, fault=f"missing: there is no file {path}")
        if path.is_dir():
            return Read(path, None, None, fault=f"unreadable: {path} is a folder that this user may not read")
        studied = study(path) if dicom.holds_dicom(path) and path.stat().st_size else None
        male, note = sex_among(path, wanted, studied.male if studied else None) if model.uses_sex else (None, "")
        part = other_part(studied.body_part) if studied else ""
        if is_another(part) and not wanted.force:
            return Read(
                path,
                None,
                male,
                fault=f"refused: {path} says that it shows {part}; with --force the program {wanted.verb} anyway",
                study=studied,
            )
        decoded = decode(path, model.preparation)
    except DataError as error:
        return Read(path, None, None, fault=str(error))
    except OSError as error:  # no permission
        return Read(path, None, None, fault=f"unreadable: {path} ({error.strerror})")
    [unlike] = outside(model.about.get("films"), traits_of([decoded]))
    age_note = studied.age_note if studied else ""
    notes = (note, age_note, f"the file says that it shows {part}" if part else "", *unlike)
    return Read(path, decoded.pixels, male, tuple(filter(None, notes)), study=studied)


def sex_of(path: Path, wanted: Wanted) -> tuple[bool | None, str]:
    """Of a file that is not read otherwise."""
    return sex_among(path, wanted, dicom.male(path) if dicom.holds_dicom(path) and path.stat().st_size else None)


def sex_among(path: Path, wanted: Wanted, stated: bool | None) -> tuple[bool | None, str]:
    """--sex before the table's before what the file has `stated`; where they contradict one another the note says so."""
    known = [male for male in (wanted.male, wanted.table.get(path), stated) if male is not None]
    if not known:
        return None, ""
    contradicts = stated is not None and stated != known[0]
    return known[0], f"the file says sex {SEXES[stated]}" if contradicts else ""


def answer(model: Model, batch: Sequence[Read], wanted: Wanted) -> Iterator[Row]:
    judged = [judge(model.looks, one, score, wanted) for one, score in zip(batch, scores(model, batch), strict=True)]
    whole = [one for one in judged if not one.fault]
    images = np.array([one.pixels for one in whole])
    known = not model.uses_sex or all(one.male is not None for one in whole)
    if whole:
        if_female = predict(model, images, sexes(model, whole, False), wanted.flip)
        if_male = if_female if known else predict(model, images, sexes(model, whole, True), wanted.flip)
    place = 0
    for one in judged:
        if one.fault:
            sex = SEXES[one.male] if one.male is not None else None
            yield blank(one.path) | known_of(one, None, wanted) | {"sex": sex, "note": one.fault}
        else:
            made = row(model, one, if_female, if_male, place)
            yield made | known_of(one, made["predicted_months"], wanted) | film_of(one, wanted)
            place += 1


def scores(model: Model, batch: Sequence[Read]) -> list[float]:
    """How much each looks like a radiograph of the model's training; NaN for what could not be read."""
    readable = [one.pixels for one in batch if one.pixels is not None]
    found = iter(model.looks.score(shrunk(readable)) if readable else ())
    return [math.nan if one.pixels is None else float(next(found)) for one in batch]


def judge(looks: Looks, one: Read, score: float, wanted: Wanted) -> Read:
    if one.pixels is None:
        return one
    said = verdict(looks, score)
    if said == REFUSED and not wanted.force:
        return one._replace(fault=f"refused: {one.path} {REFUSED}; with --force the program {wanted.verb} anyway")
    return one._replace(notes=(*one.notes, said)) if said else one


def verdict(looks: Looks, score: float) -> str:
    """What the hand check says of an image with this score; '' where it has no doubt."""
    return REFUSED if score < looks.refuse_below else DOUBTED if score < looks.doubt_below else ""


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


def known_of(one: Read, predicted: float | None, wanted: Wanted) -> Row:
    """What else is known of the file: its label, the age since birth, who it is."""
    found: Row = {}
    if wanted.ages:
        label = wanted.ages.get(one.path)
        found |= {"label_months": label, "error_months": minus(predicted, label)}
    if one.study:
        age = None if math.isnan(one.study.age_months) else round(one.study.age_months, 1)
        found |= {"chronological_months": age, "difference_months": minus(predicted, age)}
        if wanted.identifiers:
            found |= {name: getattr(one.study, name) or None for name in IDENTIFYING}
    return found


def film_of(one: Read, wanted: Wanted) -> Row:
    """By what the model may know the film, where there is a label to compare the answer with."""
    label = wanted.ages.get(one.path)
    if label is None or one.pixels is None:
        return {}
    male = wanted.table.get(one.path) if one.male is None else one.male
    patient = hashed(one.study.patient_id) if one.study else ""
    return {FILM: Film(one.path.stem, label, male, checksum(one.pixels.tobytes()), patient)}


def minus(predicted: float | None, months: float | None) -> float | None:
    return None if predicted is None or months is None else round(predicted - months, 1) + 0.0


def years_and_months(months: float) -> str:
    """10 y 3 m; none below 0."""
    years, rest = divmod(max(round(months), 0), 12)
    return f"{years} y {rest} m"


def figures_words(model: Model, flip: bool = False) -> str:
    """How wrong the model is on its own images; with `flip` the mean of an image's answer and its mirror image's, where that was tested."""
    about, split = model.about, "test" if model.about["test"] else "validation"
    own = (about["test_flipped"] if flip else None) or about[split]
    several = f", mean of {len(made_of(model.about))} networks" if model.about["ensemble"] else ""
    return (
        f"{several}: MAE {months(own['mae'])} months on its {split} images (constant {yardstick(own['constant_mae'])})"
    )


def cautions(model: Model, wanted: Wanted) -> Iterator[str]:
    """What the model lacks for what was asked; it holds for every answer."""
    if model_learned_nothing(model.about):
        yield MODEL_NOTHING
    yield from contradictions(model.about)
    if wanted.flip and not model.about["training"]["flip_horizontal"]:
        yield "the model was trained without mirror images: with --flip it is probably worse"
    if wanted.flip and not model.about["conformal_flipped"]:
        yield "the intervals were measured without mirror images: train the model with --flip to measure others"
    if not math.isfinite(model.looks.refuse_below):
        yield "the model has seen too few images to recognise what is not a hand radiograph: nothing is refused"
