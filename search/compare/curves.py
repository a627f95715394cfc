"""Learning curves of networks of the joint space: what rival searches pay for, epoch by epoch.

A table of recorded ones (`record.py`) answers at once; `learner.py` trains what is asked for. A curve is of
one training whose schedule spans all epochs, and a request takes the first so many of them: so a search that stops early
sees what it would have seen, and one that goes on later goes on with the same training.
"""

import json
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

import studies
from data.csv_text import read_csv, write_csv
from data.foreign import reason
from data.shown import shown
from search.output.files import written
from search.output.typed import DEFAULT_RUN, typed
from search.planning.asking import key
from search.workers.job import NOT_FINITE
from studies.preset import StudyError
from studies.study import Point, Value

MOST = 10**15  # of any number in a table's first line


@dataclass(frozen=True)
class Request:
    """The first `until` epochs of the network at this point of the joint space, trained with this seed."""

    point: Point
    seed: int
    until: int


@dataclass(frozen=True)
class Curve:
    """A value for each epoch; MAE in months, infinite where the answers of an epoch were not finite."""

    validation_mae: tuple[float, ...]
    train_mae: tuple[float, ...]
    seconds: tuple[float, ...]
    test_mae: float | None = None  # of the best validation epoch, once all epochs are trained and there is a test split
    failed: str = ""  # why it ended before its last epoch, if it did

    def first(self, epochs: int) -> "Curve":
        if len(self.validation_mae) <= epochs:
            return self
        return replace(
            self,
            validation_mae=self.validation_mae[:epochs],
            train_mae=self.train_mae[:epochs],
            seconds=self.seconds[:epochs],
            test_mae=None,
            failed="",
        )


def judged(curve: Curve, epochs: int) -> Curve:
    """As a search judges a training of so many epochs: one that never gave finite answers has failed."""
    whole = len(curve.validation_mae) == epochs
    if curve.failed or not whole or min(curve.validation_mae) < math.inf:
        return curve
    return replace(curve, test_mae=None, failed=NOT_FINITE)


class Curves(Protocol):
    """Where curves come from."""

    @property
    def most_seeds(self) -> int:
        """With which one network can be had; 0: with any number."""

    def known(self, request: Request) -> Curve | None:
        """Its first `until` epochs, fewer where it failed before; None where it has to be trained first."""

    def want(self, request: Request) -> None:
        """Have it trained; told once or often."""

    def wait(self) -> None:
        """Until something that was wanted is known."""


@dataclass(frozen=True)
class Recorded:
    """Trainings that were made once, with several seeds; `about` says of what and how."""

    about: Mapping[str, Any]
    curves: Mapping[tuple[Any, ...], Mapping[int, Curve]]  # by `key` of the point, by seed
    points: tuple[Point, ...]

    @property
    def most_seeds(self) -> int:
        return min(map(len, self.curves.values()))

    def seeds_of(self, point: Point) -> tuple[int, ...]:
        """With which this network was trained; none where it was not."""
        return tuple(self.curves.get(key(point), ()))

    def known(self, request: Request) -> Curve:
        try:
            return self.curves[key(request.point)][request.seed].first(request.until)
        except KeyError:
            raise StudyError(f"{request.point} with seed {request.seed} is not among the recorded trainings") from None

    def want(self, request: Request) -> None:
        raise AssertionError("a recorded curve is known")

    def wait(self) -> None:
        raise AssertionError("a recorded curve is known")


def write(path: Path, about: Mapping[str, Any], rows: Iterable[tuple[Point, int, Curve]]) -> None:
    """A CSV for pandas (`comment="#"`), whose first line says in JSON what it is. Values are kept to the last bit: a pruner
    may decide by it."""
    table = pd.DataFrame([flat(point, seed, curve) for point, seed, curve in rows])
    with written(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {json.dumps(dict(about))}\n")
        write_csv(table, file)


def flat(point: Point, seed: int, curve: Curve) -> dict[str, Any]:
    def numbered(name: str, values: tuple[float, ...]) -> dict[str, float]:
        return {f"{name}_{epoch}": value for epoch, value in enumerate(values, 1)}

    return (
        dict(point)
        | {"seed": seed, "failed": curve.failed, "test_mae": curve.test_mae}
        # Of the fastest epoch: the others may have shared the machine.
        | {"seconds_per_epoch": min(curve.seconds, default=0.0)}
        | numbered("validation_mae", curve.validation_mae)
        | numbered("train_mae", curve.train_mae)
    )


def shipped(table: Path) -> Path:
    """The table itself; where there is none of that name, as in studies/miniature.csv, the one that comes with this program."""
    own = Path(studies.__file__).parent / table.name
    return own if table.parts == (own.parent.name, own.name) and own.is_file() and not table.exists() else table


def read(path: Path) -> Recorded:
    """Raises StudyError where the file is none that `write` made, or lacks what every such table says."""
    try:
        with path.open(encoding="utf-8") as file:
            about = dict(json.loads(file.readline().removeprefix("#")))
            table = read_csv(file)
        if fault := fault_of(about):
            raise ValueError(fault)
        epochs = range(1, about["epochs"] + 1)
        space: Mapping[str, list[Value]] = about["space"]
        curves: dict[tuple[Any, ...], dict[int, Curve]] = {}
        points: dict[tuple[Any, ...], Point] = {}
        for row in table.to_dict("records"):
            point = {name: one_of(values, name, row[name]) for name, values in space.items()}
            points[key(point)] = point

            def by_epoch(name: str, row: dict[Hashable, Any] = row) -> tuple[float, ...]:
                return months_of([row[f"{name}_{epoch}"] for epoch in epochs], row["failed"])

            validation_mae = by_epoch("validation_mae")
            by_seed, seed = curves.setdefault(key(point), {}), int(row["seed"])
            if seed in by_seed:
                raise ValueError(f"it has two rows of seed {seed} of {point}")
            curve = Curve(
                validation_mae,
                by_epoch("train_mae"),
                (seconds_of(row["seconds_per_epoch"]),) * len(validation_mae),
                mae_of(row["test_mae"]) if row["test_mae"] else None,
                row["failed"],
            )
            by_seed[seed] = judged(curve, about["epochs"])
        if not curves:
            raise ValueError("it has no row, thus no training")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudyError(
            f"{path} is not a table of recorded trainings ({type(error).__name__}: {reason(error)}); `{typed('record', DEFAULT_RUN, '--out', str(path))}` makes one"
        ) from None
    return Recorded(about, curves, tuple(points.values()))


def fault_of(about: Mapping[str, Any]) -> str:
    """What is wrong with a table's first line; empty where nothing is."""
    kinds = {
        "preset": (str, "a text"),
        "space": (dict, "lists of values by name"),
        "epochs": (int, "a whole number above 0"),
        "max_params": (int, "a whole number above 0"),
        "constant_mae": (float, "a number of months above 0"),
        "synthetic": (bool, "true or false"),
    }
    for name, (kind, is_a) in kinds.items():
        if name not in about:
            return f"its first line does not name {name}"
        value = about[name]
        if kind in (int, float):
            whole = isinstance(value, int) or kind is float
            fits = not isinstance(value, bool) and isinstance(value, int | float) and whole and 0 < value < MOST
        else:
            fits = isinstance(value, kind)
        if not fits:
            return f"{name} in its first line is {is_a}; it has {shown(value)}"
    for name, values in about["space"].items():
        if not (isinstance(values, list) and values and all(isinstance(value, int | float) for value in values)):
            return f"space in its first line has a list of numbers for {name}; it has {shown(values)}"
    return ""


def months_of(cells: list[str], failed: str) -> tuple[float, ...]:
    """Of a training's epochs from the first on: of all, unless it failed before."""
    until = cells.index("") if "" in cells else len(cells)
    if any(cells[until:]) or (until < len(cells) and not failed):
        raise ValueError(f"a training has no MAE in epoch {until + 1}, and it did not fail before")
    return tuple(mae_of(cell) for cell in cells[:until])


def seconds_of(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(f"seconds_per_epoch is a number from 0; it has {shown(text)}")
    return value


def mae_of(text: str) -> float:
    value = float(text)
    if not value >= 0:  # nor is it no number at all
        raise ValueError(f"an MAE is a number of months from 0; it has {shown(text)}")
    return value


def one_of(values: Sequence[Value], name: str, text: str) -> Value:
    """A value of the joint space as it was written: whole numbers stay whole."""
    value = int(text) if text.isdecimal() else float(text)
    if not any(key({name: value}) == key({name: each}) for each in values):
        raise ValueError(f"{name} of a training is {shown(text)}, and its first line has {', '.join(map(str, values))}")
    return value
