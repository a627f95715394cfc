"""What a study is: pure functions from the trials so far to what to try next, and to a decision.

A study is a module with the members of `Study`. It proposes points of a finite space, each a dict from parameter to
value; the engine turns points into trials. Nothing here trains, stores, or knows Optuna.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Protocol

from models.architecture import Architecture
from models.cost import Cost, cost
from studies.preset import Preset

Value = float | int | str
Point = dict[str, Value]
Space = Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True)
class Trial:
    """What a study sees of one trial. `validation_mae` is that of the best epoch, in months; None unless complete."""

    number: int
    point: Point
    state: str  # running, complete, pruned or failed
    validation_mae: float | None = None
    best_epoch: int | None = None
    train_mae: tuple[float, ...] = ()  # per epoch
    seconds: float = 0.0
    exit_reason: str = ""

    @property
    def finished(self) -> bool:
        return self.state != "running"

    @property
    def error(self) -> float:
        """Validation MAE for comparisons: a trial that failed or was pruned is worse than any other."""
        return float("inf") if self.validation_mae is None else self.validation_mae


@dataclass(frozen=True)
class Decision:
    """What a study found: the architecture the next study starts from, and the study's own findings as plain values."""

    summary: str
    architecture: Architecture
    findings: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {"summary": self.summary, "architecture": self.architecture.to_dict(), "findings": self.findings}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Decision":
        return cls(values["summary"], Architecture.from_dict(values["architecture"]), values["findings"])


@dataclass(frozen=True)
class Given:
    """What a study starts from."""

    preset: Preset
    decisions: Mapping[str, Decision]  # of the studies before it, by name
    constant_mae: float  # months; what a network that learned nothing scores

    def cost(self, architecture: Architecture) -> Cost:
        return cost(architecture, self.preset.preparation.image_px)


@dataclass(frozen=True)
class Proposals:
    """Points that may run now, in order of wish; `sample` asks for the sampler's proposals once they all ran."""

    points: Sequence[Point] = ()
    sample: bool = False
    at_most: int = 0  # trials of the study, as far as that is known in advance; for progress alone


class Study(Protocol):
    """The members of a study's module."""

    @property
    def NEEDS(self) -> str:
        """The study whose decision this one reads, or nothing."""

    def max_params(self, given: Given) -> int: ...

    def space(self, given: Given) -> Space: ...

    def architecture(self, given: Given, point: Point) -> Architecture: ...

    def propose(self, given: Given, trials: Sequence[Trial]) -> Proposals:
        """What may run now. Points that were run before may be proposed again; the engine leaves them out, and over-cap ones too."""

    def decide(self, given: Given, trials: Sequence[Trial]) -> Decision: ...

    def table(self, given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
        """A row per finished trial, in the study's own terms, for people."""


def points(space: Space) -> Iterator[Point]:
    """Every point of the space."""
    for values in product(*space.values()):
        yield dict(zip(space, values, strict=True))


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the lowest validation MAE; the earlier of two equal ones."""
    complete = [trial for trial in trials if trial.state == "complete"]
    return min(complete, key=lambda trial: (trial.error, trial.number)) if complete else None


def at(trials: Sequence[Trial], point: Point) -> Trial | None:
    """The finished trial of this point."""
    return next((trial for trial in trials if trial.finished and trial.point == point), None)


def row(given: Given, trial: Trial, architecture: Architecture, **own: Any) -> dict[str, Any]:
    """The columns every study's table shares, after its own."""
    cost = given.cost(architecture)
    return own | {
        "params_m": round(cost.params / 1e6, 3),
        "gmacs": round(cost.macs / 1e9, 3),
        "validation_mae": None if trial.validation_mae is None else round(trial.validation_mae, 2),
        "best_epoch": trial.best_epoch,
        "seconds": round(trial.seconds),
        "outcome": trial.exit_reason or trial.state,
    }
