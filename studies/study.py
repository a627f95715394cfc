"""What a study is: pure functions from the trials so far to what to try next, and to a decision.

A study is a module with the members of `Study`. It proposes points of a finite space, each a dict from parameter to
value; the engine turns points into trials. Nothing here trains, stores, or knows Optuna.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from statistics import fmean
from typing import Any, Protocol, TypeVar

from data.counted import counted
from models.architecture import Architecture
from models.cost import Cost, cost
from studies.caps import Cap, caps, over
from studies.findings import Findings
from studies.findings import Point as Point
from studies.findings import Value as Value
from studies.preset import Preset

Space = Mapping[str, tuple[Value, ...]]
Found = TypeVar("Found", bound=Findings)
ALONE = ("mae",)
RULES = 9  # by which studies decide; a decision by other ones stands until its study has trained something new
SEED = "seed"  # the parameter of trials whose study runs every point with several


@dataclass(frozen=True)
class Trial:
    """What a study sees of a point: one trial, or several of different seeds taken together (`pool`).

    `validation_mae` is that of the best epoch, in months; None unless complete. Of several it is the mean, each with its own `best_epochs`.
    """

    number: int
    point: Point
    state: str  # running, complete, pruned or failed
    validation_mae: float | None = None
    best_epoch: int | None = None
    train_mae: tuple[float, ...] = ()  # per epoch
    seconds: float = 0.0
    exit_reason: str = ""
    validation_mae_by_epoch: tuple[float, ...] = ()
    seed: int = 0
    conditions: str = ""  # under which it was trained, where that may differ: device, precision, batch
    folder: str = ""  # of its files, in the run's trials
    runs: tuple["Trial", ...] = ()  # the finished trials of a pooled one, by seed
    under_way: int = 0  # how many of a pooled one's run now

    @property
    def by_seed(self) -> tuple["Trial", ...]:
        return self.runs or (self,)

    @property
    def finished(self) -> bool:
        return self.state != "running"

    @property
    def best_epochs(self) -> tuple[int, ...]:
        """Of each of its trainings that gave a result, by seed."""
        return tuple(run.best_epoch for run in self.by_seed if run.validation_mae is not None and run.best_epoch)

    @property
    def best_train_mae(self) -> float | None:
        """Months; the mean over its trainings, of each in its own best epoch."""
        ended = [(run.train_mae, run.best_epoch) for run in self.by_seed if run.validation_mae is not None]
        known = [curve[best - 1] for curve, best in ended if best and best <= len(curve)]
        return fmean(known) if known else None

    @property
    def error(self) -> float:
        """Validation MAE for comparisons: a trial that failed or was pruned is worse than any other."""
        return float("inf") if self.validation_mae is None else self.validation_mae


@dataclass(frozen=True)
class Decision:
    """What a study found: the architecture the next study starts from, and the study's own findings."""

    summary: str
    architecture: Architecture
    findings: Findings = field(default_factory=Findings)

    def to_dict(self) -> dict[str, Any]:
        return {
            "summary": self.summary,
            "architecture": self.architecture.to_dict(),
            "findings": self.findings.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], kind: type[Findings]) -> "Decision":
        """`kind` is that of the study's findings; `order.stored_decision` knows it."""
        architecture = Architecture.from_dict(values["architecture"])
        return cls(values["summary"], architecture, kind.from_dict(values["findings"]))


@dataclass(frozen=True)
class Training:
    """A training of the run, whichever study began it."""

    architecture: Architecture
    run: Trial


def no_errors(trial: Trial) -> None:
    return None


@dataclass(frozen=True)
class Given:
    """What a study starts from."""

    preset: Preset
    decisions: Mapping[str, Decision]  # of the studies before it, by name
    constant_mae: float  # months; what a network that learned nothing scores
    # Absolute errors in months, a trial's, in the order of the validation images; None where they are not kept.
    errors: Callable[[Trial], Any] = no_errors
    patients: tuple[int, ...] = ()  # for each of these images a number of its patient; empty: each is a patient's own
    trained: tuple[Training, ...] = ()  # by the studies before it, finished
    most_seeds: int = 0  # with which one network can be trained, where its trainings are recorded ones; 0: any number

    def cost(self, architecture: Architecture) -> Cost:
        return cost(architecture, self.preset.preparation.image_px)

    def caps(self, max_params: int) -> tuple[Cap, ...]:
        """That every network of a study with this cap on parameters has to meet."""
        return caps(self.preset, max_params)

    def fits(self, network: Architecture, max_params: int) -> bool:
        return not over(self.caps(max_params), self.cost(network))

    def found(self, kind: type[Found]) -> Found:
        """What the study before this one found whose findings are of this kind."""
        findings = (decision.findings for decision in self.decisions.values())
        return next(found for found in findings if isinstance(found, kind))


def none_left() -> int:
    return 0


@dataclass(frozen=True)
class Proposals:
    """Points that may run now, in order of wish; `sample` asks for the sampler's proposals once they all ran."""

    points: Sequence[Point] = ()
    seeds: Sequence[int] = ()  # how many each of them is to have; empty: as many as the preset says
    first_seed: int | None = None  # from which they count on; None: the preset's
    sample: bool = False
    at_most: int = 0  # trials of the study, as far as that is known in advance; for progress alone
    # Of the points under the cap those to train once the others ran, each with how many seeds it is to have in all.
    search: Callable[[Sequence[Point]], Sequence[tuple[Point, int]]] | None = None
    search_left: Callable[[], int] = (
        none_left  # trainings that it may still ask for, at most; results taken over are none
    )


@dataclass(frozen=True)
class Sweep:
    """A study that goes along one parameter, as its figure shows it."""

    parameter: str
    trials: Sequence[Trial]  # those that it goes along: in nothing else do their networks differ
    limit: float | None = None  # months; the highest validation MAE that is no worse than the reference's
    marked: Mapping[str, float] = field(default_factory=dict)  # values of the parameter that have a name


class Study(Protocol):
    """The members of a study's module. The trials they are given are pooled: one for every point."""

    @property
    def NAME(self) -> str:
        """As people read it, and as `--trial NAME:NUMBER` takes it."""

    @property
    def COMMAND(self) -> str:
        """What people type to run it. A study after all has the command of the last of the order, which ends with it."""

    @property
    def QUESTION(self) -> str:
        """An open one (which, how, at, from), without a capital and a question mark, as the command's help has it."""

    @property
    def RULE(self) -> str:
        """How it decides, in sentences; {margin} stands for the preset's margin in months."""

    @property
    def EXAMPLE(self) -> str:
        """Its command, with an option that matters to it."""

    @property
    def NEEDS(self) -> str:
        """The study whose decision this one reads, or nothing."""

    @property
    def SEEDED(self) -> bool:
        """Whether every point runs with each of the preset's seeds; otherwise with the first alone."""

    @property
    def RESOLVES(self) -> bool:
        """Whether it asks for more seeds than that, up to the preset's `resolve`, where a verdict is open."""

    @property
    def COMPARES(self) -> bool:
        """Whether it says what a given network needs, and does not choose one of its own: that network may be over the cap by now."""

    @property
    def FINDINGS(self) -> type[Findings]:
        """Of what kind its findings are."""

    def prunable(self, given: Given, point: Point) -> bool:
        """Whether a trial of this point may be ended when others were better at the same epoch."""

    def objectives(self, given: Given) -> tuple[str, ...]:
        """What is minimized: ALONE, or another of `preset.OBJECTIVES`."""

    def max_params(self, given: Given) -> int: ...

    def space(self, given: Given) -> Space: ...

    def architecture(self, given: Given, point: Point) -> Architecture: ...

    def propose(self, given: Given, trials: Sequence[Trial]) -> Proposals:
        """What may run now. Points that were run before may be proposed again; the engine leaves them out, and over-cap ones too."""

    def decide(self, given: Given, trials: Sequence[Trial]) -> Decision: ...

    def table(self, given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
        """A row per finished trial, in the study's own terms, for people."""

    def sweep(self, given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
        """How its figure is drawn; None where there is not one parameter to draw it along."""


def points(space: Space) -> Iterator[Point]:
    """Every point of the space."""
    for values in product(*space.values()):
        yield dict(zip(space, values, strict=True))


def pool(trials: Sequence[Trial], seeds: int = 1) -> list[Trial]:
    """One trial for each point: means over its seeds, once `seeds` of them have ended; until then it is running.

    A seed that failed is left out of the means; where more than half of them failed, so has the point: nothing is decided for the luck
    of those that are left.
    """
    by_point: dict[tuple[Any, ...], list[Trial]] = {}
    for trial in trials:
        by_point.setdefault(tuple(sorted(trial.point.items())), []).append(trial)
    return [pooled(sorted(runs, key=lambda run: run.seed), seeds) for runs in by_point.values()]


def pooled(runs: Sequence[Trial], seeds: int) -> Trial:
    ended = tuple(run for run in runs if run.finished)
    first = replace(min(runs, key=lambda run: run.number), under_way=len(runs) - len(ended))
    if len(ended) < seeds:
        return replace(first, state="running", validation_mae=None, runs=ended)
    complete = [run for run in ended if run.validation_mae is not None]
    if mostly_failed(ended):
        failed = next(run for run in ended if run.state == "failed")
        return replace(failed, number=first.number, runs=ended, under_way=first.under_way)
    if len(ended) == 1 or not complete:
        return replace(ended[0], number=first.number, runs=ended, under_way=first.under_way)
    curves = zip(*(run.train_mae for run in complete), strict=False)
    return replace(
        complete[0],
        number=first.number,
        validation_mae=fmean(run.error for run in complete),
        best_epoch=complete[0].best_epoch if len(complete) == 1 else None,
        train_mae=tuple(fmean(epoch) for epoch in curves),
        seconds=sum(run.seconds for run in ended),
        runs=ended,
        under_way=first.under_way,
    )


def mostly_failed(runs: Sequence[Trial]) -> bool:
    return 2 * sum(run.state == "failed" for run in runs) > len(runs)


def seeds_of(study: Study, given: Given) -> int:
    """With how many seeds every point runs."""
    return given.preset.seeds if study.SEEDED else 1


def trainings(study: Study, given: Given, trials: Sequence[Trial]) -> tuple[Training, ...]:
    """What a study leaves to those after it."""
    return tuple(Training(study.architecture(given, trial.point), trial) for trial in trials if trial.finished)


def feasible_points(module: Study, given: Given) -> list[Point]:
    """The points of the study's space that meet its caps, in the order of the space; of several that are one network, the first."""
    met = given.caps(module.max_params(given))
    by_network: dict[Architecture, Point] = {}
    for point in points(module.space(given)):
        by_network.setdefault(module.architecture(given, point), point)
    return [point for network, point in by_network.items() if not over(met, given.cost(network))]


def to_point(params: Mapping[str, Value]) -> Point:
    """A trial's parameters as its study's point: grid floats rounded as the study's are, without the seed."""
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in params.items() if name != SEED
    }


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the lowest validation MAE; the earlier of two equal ones."""
    complete = [trial for trial in trials if trial.state == "complete"]
    return min(complete, key=lambda trial: (trial.error, trial.number)) if complete else None


def in_months(count: float) -> str:
    return counted(float(count), "month")


def at(trials: Sequence[Trial], point: Point) -> Trial | None:
    """The finished trial of this point."""
    return next((trial for trial in trials if trial.finished and trial.point == point), None)


def complete_at(trials: Sequence[Trial], point: Point) -> Trial | None:
    """The same, where it gave a result."""
    found = at(trials, point)
    return found if found and found.state == "complete" else None


def row(given: Given, trial: Trial, architecture: Architecture, **own: Any) -> dict[str, Any]:
    """The columns every study's table shares, after its own."""
    cost = given.cost(architecture)
    return own | {
        "params_m": cost.params / 1e6,
        "gmacs": cost.macs / 1e9,
        "validation_mae": trial.validation_mae,
        "best_epoch": trial.best_epoch or ", ".join(map(str, trial.best_epochs)) or None,
        "seconds": round(trial.seconds),
        "outcome": trial.exit_reason or trial.state,
    }
