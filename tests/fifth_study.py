"""A made-up study, the smallest that does everything: how wide may the branch of the sex be? Registered by tests alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.architecture import Architecture
from studies import width
from studies.findings import Compared, Findings
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, at, best_of, row

NAME = "sex branch"
COMMAND = "sex-branch"
QUESTION = "how wide should the branch of the sex be"
RULE = "The width with the lowest validation MAE, however close; {margin} is the margin."
EXAMPLE = "boneage-search sex-branch --margin-months 0.5"
NEEDS = width.NAME
SEEDED = True
RESOLVES = False
COMPARES = False
UNITS = (4, 8, 16)


@dataclass(frozen=True, kw_only=True)
class BranchFindings(Findings):
    CAPTION = "Each width of the sex's branch, beside the narrowest"

    best_units: int | None = None
    comparisons: tuple[Compared, ...] = field(default=(), metadata={"of": Compared})

    @property
    def compared(self) -> tuple[Compared, ...]:
        return self.comparisons


FINDINGS = BranchFindings


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return given.preset.max_params


def space(given: Given) -> Space:
    return {"sex_units": UNITS}


def architecture(given: Given, point: Point) -> Architecture:
    return replace(given.decisions[NEEDS].architecture, sex_units=int(point["sex_units"]))


def prunable(given: Given, point: Point) -> bool:
    return False


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    return Proposals([{"sex_units": units} for units in UNITS])


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    from studies.statistics.pairs import compared

    best, narrowest = best_of(trials), at(trials, {"sex_units": UNITS[0]})
    assert best
    assert narrowest
    others = {f"{trial.point['sex_units']} units": trial for trial in trials if trial is not narrowest}
    comparisons = compared(given, others, narrowest)
    findings = BranchFindings(best_units=int(best.point["sex_units"]), comparisons=comparisons)
    return Decision(f"{best.point['sex_units']} units are the best", architecture(given, best.point), findings)


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    return [row(given, trial, architecture(given, trial.point), **trial.point) for trial in trials]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep:
    return Sweep("sex_units", trials, marked={"best": float(decision.architecture.sex_units)} if decision else {})
