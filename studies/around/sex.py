"""Sex: how much does the decided network lose without the sex?

After the search, where `without_sex` asks for it, the decided network is trained with the sex and without, all else unchanged
(the paper: 7.95 months with, 9.44 without). Both with seeds that have selected nothing, those of the confirmation: the search has
picked the one for the luck of its trainings, and never trained the other. Nothing is decided by it, and no other study reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.architecture import Architecture
from studies import ablation, refinement
from studies.findings import Compared, Findings
from studies.preset import Preset
from studies.statistics.fresh import fresh_seed, of_seeds
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, complete_at, points, row


@dataclass(frozen=True, kw_only=True)
class SexFindings(Findings):
    CAPTION = "The decided network without the sex, beside it"

    comparisons: tuple[Compared, ...] = field(default=(), metadata={"of": Compared})

    @property
    def compared(self) -> tuple[Compared, ...]:
        return self.comparisons


NAME = "sex"
COMMAND = refinement.COMMAND  # which ends with it
QUESTION = "how much does the decided network lose without the sex"
RULE = "Nothing is decided here: the network is the one that refinement decided for."
EXAMPLE = "boneage-search refine --without-sex"
NEEDS = refinement.NAME
SEEDED = True
RESOLVES = False
COMPARES = True
FINDINGS = SexFindings
UNITS = "sex_units"


def asked(preset: Preset) -> bool:
    return preset.without_sex


def decided(given: Given) -> Architecture:
    return given.decisions[refinement.NAME].architecture


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return max(given.preset.max_params, refinement.max_params(given))


def space(given: Given) -> Space:
    return {UNITS: tuple(sorted({0, decided(given).sex_units}))}


def architecture(given: Given, point: Point) -> Architecture:
    return replace(decided(given), sex_units=int(point[UNITS]))


def prunable(given: Given, point: Point) -> bool:
    return False  # a comparison needs both ends


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    """Nothing where the decided network is not told the sex anyway."""
    both = list(points(space(given)))
    return Proposals(both if len(both) > 1 else (), first_seed=fresh_seed(given.preset.seed))


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    if not decided(given).sex_units:
        return Decision("the decided network does not use the sex", decided(given), SexFindings())
    rows = comparisons(given, of_seeds(trials, fresh_seed(given.preset.seed)))
    return Decision(summary(rows), decided(given), SexFindings(comparisons=rows))


def comparisons(given: Given, trials: Sequence[Trial]) -> tuple[Compared, ...]:
    from studies.statistics.pairs import compared  # brings SciPy

    told, untold = (complete_at(trials, {UNITS: units}) for units in (decided(given).sex_units, 0))
    if told is None or untold is None:
        return ()
    known = given.found(ablation.AblationFindings).spread
    return compared(given, {"without the sex": untold}, told, known=known)


def summary(rows: Sequence[Compared]) -> str:
    """without the sex the decided network is 1.20 months worse, by fresh seeds on both sides."""
    unknown = "what the decided network loses without the sex is not known"
    if not rows:
        return f"{unknown}: it was not trained both with the sex and without"
    if rows[0].change is None:
        return f"{unknown}: its trainings with the sex and without were not made under the same conditions"
    return f"without the sex the decided network is {rows[0].changed}, by fresh seeds on both sides"


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    return [
        row(given, trial, architecture(given, trial.point), **trial.point) | {"seeds": len(trial.by_seed)}
        for trial in sorted(of_seeds(trials, fresh_seed(given.preset.seed)), key=lambda trial: trial.number)
        if trial.finished
    ]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None
