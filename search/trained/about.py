"""model.json: what a trained model is. It names the digests of the files beside it, and its own.

So a bit that has changed anywhere in the model is found before anything is predicted. Models of earlier versions have no
digests; for them, and for what somebody wrote by hand, every field that a command relies on is of its type.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.films.traits import PERCENTILES, TRAITS
from data.foreign import foreign
from data.preparation import DataError
from data.ranges import as_float, whole
from search.trained.conformal import CENTRE, SEXES
from search.trained.measures import AGE_BANDS_MONTHS

ABOUT = "model.json"
SEEN = "seen.csv"  # the films that made the model: `left/seen.py`
DIGESTS, OWN = "digests", "checksum"  # of the files beside it, by name; of model.json without this field


@dataclass(frozen=True)
class Kind:
    """A kind of value, with its name for people."""

    name: str
    fits: Callable[[Any], bool]


def is_number(value: Any) -> bool:
    """An infinite one too: that is how an epoch is told that came to nothing. A whole number that is too large for a double is none."""
    if isinstance(value, float):
        return True
    return isinstance(value, int) and not isinstance(value, bool) and math.isfinite(as_float(value))


def is_name(value: Any) -> bool:
    """Of a file: nothing that leads elsewhere."""
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable() and not ({"/", "\\"} & set(value))


def maybe(kind: Kind) -> Kind:
    return Kind(f"{kind.name} or null", lambda value: value is None or kind.fits(value))


COUNTS_TO = whole(0, 2**53)  # as far as a double holds every whole number
NUMBER = Kind("a number", is_number)
COUNT = Kind("a whole number from 0", lambda value: value in COUNTS_TO)
TEXT = Kind("text", lambda value: isinstance(value, str))
NAME = Kind("the name of a file", lambda value: is_name(value) and value.strip(".") != "")
TRUTH = Kind("true or false", lambda value: isinstance(value, bool))
TABLE = Kind("a table of values by name", lambda value: isinstance(value, dict))
COUNTS = Kind(
    "a table of counts by name",
    lambda value: isinstance(value, dict) and all(COUNT.fits(count) for count in value.values()),
)
SEX = Kind("F, M or null", lambda value: value is None or value in tuple(SEXES))
BAND = Kind("the beginning of an age band", lambda value: is_number(value) and value in AGE_BANDS_MONTHS)

LEVEL = Kind("a share between 0 and 1", lambda value: is_number(value) and 0 < value < 1)
MONTHS = Kind("a finite number", lambda value: is_number(value) and math.isfinite(value))

Shape = Kind | Mapping[str, Any] | list[Any]  # a list is of any number of values of its one shape


SOME = Kind("a number from 1", lambda value: is_number(value) and math.isfinite(value) and value >= 1)
MEASURES = {
    "n": COUNT,
    **dict.fromkeys(("patients", "effective_n"), SOME),
    **dict.fromkeys(("mae", "rmse", "median_ae", "bias", "within_6", "within_12", "within_24"), NUMBER),
    **dict.fromkeys(("mae_low", "mae_high"), maybe(NUMBER)),
}
GROUP = {
    "n": COUNT,
    **dict.fromkeys(("mae", "bias", "constant_mae"), NUMBER),
    **dict.fromkeys(("low", "high"), maybe(NUMBER)),
}
MORE_MEASURES = MEASURES | {
    "constant_mae": NUMBER,
    **dict.fromkeys(("slope", "loa_low", "loa_high"), maybe(NUMBER)),
    "by_sex": [GROUP | {"sex": SEX}],
    "by_age": [GROUP | {"from_months": NUMBER}],
}
LINE = Kind(
    "an offset and a slope",
    lambda value: isinstance(value, dict) and all(MONTHS.fits(value.get(name)) for name in ("offset_months", "slope")),
)
SHARE: dict[str, Shape] = {"n": COUNT, **dict.fromkeys(("share", "low", "high"), NUMBER)}
COVERAGE = Kind(
    "the share of labels inside, in all and by band, or null",
    lambda value: (
        not value
        or not (
            misfit(value, SHARE)
            or misfit(value.get("by_true_age", []), [SHARE | {"from_months": NUMBER, "to_months": maybe(NUMBER)}])
        )
    ),
)
INTERVALS: dict[str, Shape] = {
    CENTRE: maybe(LINE),
    "coverage": COVERAGE,
    "level": LEVEL,
    "n": COUNT,
    "groups": [{"sex": SEX, "from_months": BAND, "half_width": maybe(MONTHS), "n": COUNT}],
}
GAIN = Kind(
    "the MAEs of the mean and of its members",
    lambda value: (
        value is None
        or (isinstance(value, dict) and all(is_number(value.get(name)) for name in ("mae", "members_mae")))
    ),
)
ENSEMBLE: dict[str, Shape] = {
    "members": [
        {"name": NAME, "seed": COUNT, "best_epoch": COUNT, "validation_mae": NUMBER, "test_mae": maybe(NUMBER)}
    ],
    "validation": GAIN,
    "test": GAIN,
}
ENDS: dict[str, Shape] = dict.fromkeys(PERCENTILES, MONTHS)
SHARES = Kind(
    "a table of shares by name", lambda value: isinstance(value, dict) and all(is_number(one) for one in value.values())
)
FILMS = Kind(
    "what the training films were like, a table of ends by trait",
    lambda value: (
        isinstance(value, dict)
        and not any(misfit(value[trait.column], ENDS) for trait in TRAITS if trait.column in value)
        and (not value or not misfit(value, {"image_px": COUNT, "filter": SHARES}))
    ),
)
MADE_FROM: dict[str, Shape] = {"name": NAME}
BEFORE: dict[str, Shape] = {"source": TEXT, "reported_on": COUNT, "before": {"mae": NUMBER, "bias": NUMBER}}
# What `explain` and `export` rely on, and with WHOLE what the other commands do as well.
ALWAYS: dict[str, Shape] = {
    "name": NAME,
    "made": TEXT,
    "architecture": TABLE,
    "training": TABLE,
    "preparation": {"image_px": COUNT, "fit": TEXT, "stretch": TRUTH},
    "data": {"source": TEXT, "digest": TEXT, "counts": TABLE, "synthetic": TRUTH},
    "versions": TABLE,
    **dict.fromkeys(("seed", "best_epoch", "params", "macs"), COUNT),
    "constant_mae": NUMBER,
    "validation": MEASURES,
    "synthetic": TRUTH,
}
WHOLE: dict[str, Shape] = ALWAYS | {
    "from": TEXT,
    "training": {"flip_horizontal": TRUTH},
    "validation": MORE_MEASURES,
    "conformal": INTERVALS,
    "history": [{"epoch": COUNT, **dict.fromkeys(("train_mae", "validation_mae", "seconds"), NUMBER)}],
    "looks": TABLE,
}
# Null where there is none; each with what it is otherwise.
LINEAGE: list[Shape] = [{"how": TEXT, "source": TEXT, "counts": COUNTS, "synthetic": maybe(TRUTH)}]
OPTIONAL: dict[str, Shape] = {"test": MEASURES, "ensemble": ENSEMBLE, "lineage": LINEAGE}
# The same, but left out where there is none.
LEFT_OUT: dict[str, Shape] = {"made_from": MADE_FROM, "test_of": TEXT, "films": FILMS, "recalibration": TABLE}
WHOLE_LEFT_OUT: dict[str, Shape] = LEFT_OUT | {
    "training_median_months": MONTHS,
    "recalibration": BEFORE | {"fitted_on": COUNT, "offset_months": MONTHS, "slope": MONTHS},
    "fine_tuning": BEFORE | {"trained_on": COUNT, "validation_mae_before": NUMBER},
    "test_films": [TEXT],
    "added_to": {"epochs": COUNT, "network": TEXT},
}
WHOLE_OPTIONAL: dict[str, Shape] = {
    "test": MORE_MEASURES,
    "test_flipped": MORE_MEASURES,
    "conformal_flipped": INTERVALS,
    "tests_opened_before": COUNT,
    "ended_early": {"patience": COUNT, "of": COUNT},
    "ensemble": ENSEMBLE,
    "lineage": LINEAGE,
}


def read(folder: Path, whole: bool = False, name: str = ABOUT) -> dict[str, Any]:
    """model.json. Raises DataError where the folder holds no trained model, or the file is not what was written.

    `whole` models have everything that training leaves; others may have been written by hand.
    """
    path = folder / name
    try:
        written = path.read_bytes()
    except OSError:
        raise DataError(f"{folder} holds no trained model ({name}); train one, or name another --model") from None
    with foreign(f"{path} is damaged: restore a copy, or train the model again"):
        about = json.loads(written)
    if not isinstance(about, dict):
        raise damaged(path, "it is no table of values by name")
    if {OWN, DIGESTS} & {*about} and about.get(OWN) != digest_of_about(about):
        raise damaged(path, "it was changed after it was written")
    for name in ("conformal", "conformal_flipped"):
        if isinstance(about.get(name), dict):
            about[name] = {CENTRE: None, "coverage": None} | about[name]  # of models of before
    for name in ("validation", "test", "test_flipped"):  # each image a patient's own, as models of before took it
        if isinstance(measures := about.get(name), dict):
            about[name] = dict.fromkeys(("patients", "effective_n"), measures.get("n")) | measures
    shape, optional = (WHOLE, WHOLE_OPTIONAL) if whole else (ALWAYS, OPTIONAL)
    for name, kind in optional.items():
        if about.setdefault(name, None) is not None:
            shape = shape | {name: kind}
    for name, kind in (WHOLE_LEFT_OUT if whole else LEFT_OUT).items():
        if about.get(name) is not None:
            shape = shape | {name: kind}
    if wrong := misfit(about, shape):
        raise damaged(path, wrong)
    return about


def misfit(value: Any, shape: Shape, where: str = "") -> str:
    """What does not fit; empty where all does. Fields that the shape does not name are left alone."""
    if isinstance(shape, Kind):
        return "" if shape.fits(value) else f"{where} is {shape.name}, got {json.dumps(value)[:80]}"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is a list, got {json.dumps(value)[:80]}"
        return next(filter(None, (misfit(one, shape[0], f"{where}[{n}]") for n, one in enumerate(value))), "")
    if not isinstance(value, dict):
        return f"{where} is a table of values by name, got {json.dumps(value)[:80]}"
    for name, kind in shape.items():
        place = f"{where}.{name}" if where else name
        if name not in value:
            return f"{place} is missing"
        if wrong := misfit(value[name], kind, place):
            return wrong
    return ""


def signed(about: Mapping[str, Any], folder: Path, files: Iterable[str]) -> dict[str, Any]:
    """With the digests of these files of the folder, and its own."""
    found: dict[str, Any] = json.loads(json.dumps(dict(about)))  # as it will be read
    found[DIGESTS] = {name: digest_of_file(folder / name) for name in files if (folder / name).exists()}
    return found | {OWN: digest_of_about(found)}


def digest_of_about(about: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in about.items() if name != OWN}
    return hashlib.blake2b(json.dumps(rest, sort_keys=True).encode(), digest_size=16).hexdigest()


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def refuse_changed(folder: Path, about: Mapping[str, Any], name: str) -> None:
    """Raises DataError where the file is not the one that model.json names, or not there."""
    path = folder / name
    if not path.is_file():
        raise DataError(f"{folder} holds no {name}; restore a copy, or train the model again")
    known = about.get(DIGESTS, {})
    if isinstance(known, dict) and name in known and digest_of_file(path) != known[name]:
        raise damaged(path, "it was changed after it was written")


def damaged(path: Path, how: str) -> DataError:
    return DataError(f"{path} is damaged ({how}): restore a copy, or train the model again")
