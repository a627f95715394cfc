"""What can be had for a budget: how many seeds, how many trials of each study, and what is kept for the winner afterwards.

The preset is what is wanted. Where the budget does not reach it, seeds go first and then trials, by one factor for all studies;
where it reaches further, seeds come first, up to those that a verdict about architectures needs, and then trials.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from data.ranges import Range
from search.output.time_words import duration
from search.planning.plan import Plan
from studies.preset import Preset, StudyError

Unit = Literal["seconds", "epochs"]
UNITS: dict[str, tuple[float, Unit]] = {
    "epochs": (1, "epochs"),
    "h": (3600, "seconds"),
    "m": (60, "seconds"),
    "s": (1, "seconds"),
}
AMOUNT = Range(0, 10**9, above=True)
FORMS = "24h, 90m, 3600s or 600epochs, above 0"
SEEDS = 6  # that a verdict about architectures needs
RICHER, LEANER = (
    (4, 3, 2.5, 2, 1.5, 1.25),
    (0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0),
)  # times the preset's trials; 0: one of each
FRESH_SEEDS = 3  # that the winner is confirmed with
MOST_AFTERWARDS = (
    0.2  # of the budget; where it were more, or the leanest search did not fit, the winner is not confirmed
)
FEW = 20  # trainings; fewer give no verdicts
TRIALS = tuple(field.name for field in fields(Preset) if field.name.endswith("_trials"))


@dataclass(frozen=True)
class Budget:
    amount: float
    unit: Unit

    def __str__(self) -> str:
        return words(self.amount, self.unit)

    def of(self, plan: Plan) -> float:
        return plan.epochs if self.unit == "epochs" else plan.seconds

    def afterwards(self, plan: Plan, preset: Preset, fresh: int) -> float:
        """For the winner once the search is over: training it in full, and with fresh seeds as its trial was trained."""
        epochs = plan.full_epochs + fresh * preset.training.epochs
        return epochs if self.unit == "epochs" else plan.full_seconds / plan.full_epochs * epochs


def words(amount: float, unit: Unit) -> str:
    return f"{amount:,.0f} epochs" if unit == "epochs" else duration(amount)


def parse(text: str) -> Budget:
    """Raises ValueError where it is not written as FORMS says."""
    compact = text.replace(" ", "").replace(",", "")
    ending = next((unit for unit in UNITS if compact.endswith(unit)), None)
    if ending is None:
        raise ValueError(text)
    size, unit = UNITS[ending]
    amount = float(compact.removesuffix(ending)) * size
    if amount not in AMOUNT:
        raise ValueError(text)
    return Budget(amount, unit)


@dataclass(frozen=True)
class Design:
    """A preset that the budget can pay for."""

    preset: Preset
    plan: Plan  # of what is still to come
    fresh: int  # seeds that the winner is confirmed with
    spent: float  # before it
    budget: Budget

    @property
    def needed(self) -> float:
        """At most, with what is spent and what is kept for the winner."""
        return self.spent + self.budget.of(self.plan) + self.budget.afterwards(self.plan, self.preset, self.fresh)

    @property
    def fits(self) -> bool:
        return self.needed <= self.budget.amount

    @property
    def sentences(self) -> list[str]:
        unit, plan = self.budget.unit, self.plan
        trials = ", ".join(f"{study.study} {study.trials}" for study in plan.studies)
        afterwards = words(self.budget.afterwards(plan, self.preset, self.fresh), unit)
        confirmed = f"{self.fresh} trainings of the winner with fresh seeds and " if self.fresh else ""
        spent = f"{words(self.spent, unit)} of it spent; " if self.spent else ""
        said = [
            f"budget {self.budget} ({spent}at most {words(self.needed, unit)} in all): {self.preset.seeds} "
            f"seed{'s' * (self.preset.seeds != 1)}; trials at most: {trials}; {afterwards} kept for {confirmed}its training in full"
        ]
        if not self.fits:
            said.append(
                f"the least that is left to do is over the budget by {words(self.needed - self.budget.amount, unit)}"
            )
        if plan.trials < FEW and not self.spent:
            said.append(f"fewer than {FEW} trainings: no verdicts can be had, only a network")
        return said

    def to_dict(self) -> dict[str, Any]:
        return {
            "budget": str(self.budget),
            "seeds": self.preset.seeds,
            "trials": {study.study: study.trials for study in self.plan.studies},
            "fresh_seeds": self.fresh,
            "verdicts": self.plan.trials >= FEW,
            "spent": self.spent,
            "needed": self.needed,
            "unit": self.budget.unit,
            "says": self.sentences,
        }


def design(
    preset: Preset, budget: Budget, planned: Callable[[Preset], Plan], spent: float = 0.0, begun: bool = False
) -> Design:
    """The richest that fits; of a search that has `begun` the seeds stay, and the leanest is taken where nothing fits.

    Raises StudyError where nothing has begun and not even the leanest search fits.
    """
    for fresh in (FRESH_SEEDS, 0):
        for tried in presets(preset, begun):
            found = Design(tried, planned(tried), fresh, spent, budget)
            verdicts = tried.seeds == 1 or begun or found.plan.trials >= FEW
            affordable = budget.afterwards(found.plan, tried, fresh) <= MOST_AFTERWARDS * budget.amount
            if found.fits and verdicts and (affordable or not fresh):
                return found
    if not begun:
        raise StudyError(
            f"--budget {budget} is too small: the leanest search of preset {preset.name} and the winner's training take "
            f"{words(found.needed, budget.unit)}; raise it, or lower --epochs, --full-epochs or the number of --width-factors"
        )
    return found


def presets(preset: Preset, begun: bool) -> Iterator[Preset]:
    """From the richest to the leanest."""
    wanted = preset.seeds if begun else max(preset.seeds, SEEDS)
    least = preset.seeds if begun else 1
    for factor in RICHER:
        yield scaled(preset, wanted, factor)
    for seeds in range(wanted, least - 1, -1):
        yield scaled(preset, seeds, 1)
    for factor in LEANER:
        yield scaled(preset, least, factor)


def scaled(preset: Preset, seeds: int, factor: float) -> Preset:
    trials: dict[str, Any] = {name: max(round(getattr(preset, name) * factor), 1) for name in TRIALS}
    resolve = preset.resolve if preset.resolve >= max(seeds, SEEDS) and factor >= 1 else 0
    return replace(preset, seeds=seeds, resolve=resolve, **trials)


def changes(before: Preset, after: Preset) -> dict[str, Any]:
    """What of the preset the design has set, as overrides of the run."""
    return {
        name: getattr(after, name)
        for name in ("seeds", "resolve", *TRIALS)
        if getattr(after, name) != getattr(before, name)
    }
