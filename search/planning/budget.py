"""What can be had for a budget: how many seeds, how many trials of each study, and what is kept for the winner afterwards.

The preset is what is wanted. Where the budget does not reach it, seeds go first and then trials, by one factor for all studies;
where it reaches further, seeds come first, and then trials. Two seeds cost twice as much as one and make no verdict either, so what
does not pay for three is spent on trials.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from data.counted import counted
from search.planning.amount import Budget, words
from search.planning.plan import Plan
from studies.around import confirmation, sex, winner
from studies.preset import MIN_SEEDS, RANGES, Preset, StudyError

SEEDS = (
    6  # bought before more trials are: with these most effects of the size that counts are found (docs/statistics.md)
)
RICHER, LEANER = (
    (4, 3, 2.5, 2, 1.5, 1.25),
    (0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0),
)  # times the preset's trials; 0: one of each
MOST_AFTERWARDS = 0.2  # of the budget, for the winner; where it were more the winner is not confirmed
FEW = 20  # trainings; where there would be fewer, three seeds leave too few networks, and one seed is bought
STAYING = ("seeds", "baseline_seeds", "resolve", "confirm")  # once a search with them has begun


class After(NamedTuple):
    """A study after the search, as far as a budget may leave it out."""

    study: str
    nothing: Any  # the field's value that does not ask for it
    what: str = ""  # of the winner's, as people are told that it is left out; nothing where they are told otherwise


AFTERWARDS = {  # by the field that asks for it; the first is the first to go
    "ablate_winner": After(winner.NAME, False, "ablation"),
    "without_sex": After(sex.NAME, False, "training without the sex"),
    "confirm": After(confirmation.NAME, 0),
}
TRIALS = tuple(field.name for field in fields(Preset) if field.name.endswith("_trials"))
SET = tuple(dict.fromkeys((*STAYING, *AFTERWARDS, *TRIALS)))  # by a budget


@dataclass(frozen=True)
class Design:
    """A preset that the budget can pay for."""

    preset: Preset
    plan: Plan  # of what is still to come
    spent: float  # before it
    budget: Budget
    trained: int = 0  # trainings before it
    wanted: Preset | None = None  # of which this one leaves out what the budget does not reach
    spare: bool = False  # whether the winner's blocks are ablated where nobody has asked for it, if that much is left

    @property
    def needed(self) -> float:
        """Likely, with what is spent and what is kept for the winner's training in full."""
        return self.spent + self.budget.of(self.plan) + self.budget.full(self.plan)

    @property
    def most(self) -> float:
        """If every network that is not known yet were the dearest."""
        return self.spent + self.budget.most(self.plan)

    @property
    def fits(self) -> bool:
        return self.needed <= self.budget.amount

    @property
    def sentences(self) -> list[str]:
        unit, plan = self.budget.unit, self.plan
        trials = ", ".join(f"{study.study} {study.trials}" for study in plan.studies)
        to_come = f"trials at most: {trials}" if trials else "no trial is left to run"
        spent = f"{words(self.spent, unit)} of it spent; " if self.spent else ""
        said = [
            f"budget {self.budget} ({spent}{self.in_all} in all): {counted(self.preset.seeds, 'seed')}; {to_come}; "
            f"{words(self.budget.full(plan), unit)} reserved for training the winner in full"
        ]
        if not self.fits:
            said.append(
                f"even the shortest way to finish probably exceeds the budget by {words(self.needed - self.budget.amount, unit)}"
            )
        if self.spare and any(study.study == winner.NAME for study in plan.studies):
            said.append("the winner's blocks are ablated too, as the budget pays for all else")
        said += [f"the winner's {what} is left out: the budget is too small for it" for what in self.left_out]
        if not self.preset.confirm:
            said.append("the winner will not be confirmed with fresh seeds")
        if not self.verdicts:
            said.append(f"fewer than {MIN_SEEDS} seeds: the search can give no verdicts, only estimates and a network")
        return said

    @property
    def in_all(self) -> str:
        """What is spent in the end: of epochs the most, of time what is likely and the most."""
        needed, most = (words(amount, self.budget.unit) for amount in (self.needed, self.most))
        return f"at most {most}" if needed == most else f"probably {needed}, at most {most}"

    @property
    def verdicts(self) -> bool:
        """Whether any can be had; an ablation that resolves has more seeds than the other studies."""
        return max(self.preset.seeds, self.preset.resolve) >= MIN_SEEDS

    @property
    def left_out(self) -> list[str]:
        wanted = self.wanted or self.preset
        if self.spare:
            wanted = replace(wanted, ablate_winner=True)
        gone = {name for name in AFTERWARDS if getattr(wanted, name) and not getattr(self.preset, name)}
        return [one.what for name, one in AFTERWARDS.items() if name in gone and one.what]

    def to_dict(self) -> dict[str, Any]:
        return {
            "budget": str(self.budget),
            "seeds": self.preset.seeds,
            "trials": {study.study: study.trials for study in self.plan.studies},
            "fresh_seeds": self.preset.confirm_seeds if self.preset.confirm else 0,
            "verdicts": self.verdicts,
            "spent": self.spent,
            "needed": self.needed,
            "at_most": self.most,
            "unit": self.budget.unit,
            "says": self.sentences,
        }


def design(
    preset: Preset,
    budget: Budget,
    planned: Callable[[Preset], Plan],
    spent: float = 0.0,
    begun: bool = False,
    trained: int = 0,
    spare: bool = False,
) -> Design:
    """The richest that fits; of a search that has `begun` the seeds stay, and the leanest is taken where nothing fits.

    `trained` trainings were made before, for what is `spent`. With `spare`, the winner's blocks are ablated unasked if that fits beside
    all that was wanted. Raises StudyError where nothing has begun and not even the leanest search fits.
    """

    @cache  # a plan takes a tenth of a second
    def of(tried: Preset) -> Design:
        return Design(tried, planned(tried), spent, budget, trained, preset, spare)

    def with_spare(found: Design) -> Design:
        if not spare or not reaches(found.preset, preset):
            return found
        more = of(replace(found.preset, ablate_winner=True))
        return more if more.fits else found

    def kind(tried: Preset) -> tuple[bool, int, bool]:
        return tried.ablate_winner, tried.confirm, tried.seeds < MIN_SEEDS

    for _, alike in groupby(presets(preset, begun), kind):
        wishes = list(alike)
        # Each of these costs no more than the one before it.
        first = bisect_left(wishes, True, key=lambda tried: of(tried).fits)
        for found in map(of, wishes[first:]):
            few = found.preset.seeds > 1 and not begun and found.plan.trials < FEW
            confirming = sum(budget.of(study) for study in found.plan.studies if study.study == confirmation.NAME)
            afterwards = budget.full(found.plan) + confirming
            dear = found.preset.confirm and not begun and afterwards > MOST_AFTERWARDS * budget.amount
            if found.fits and not few and not dear:
                return with_spare(found)
            if dear:
                break
    found = of(wishes[-1])
    if not begun:
        raise StudyError(
            f"--budget {budget} is too small: the leanest search of preset {preset.name} and the winner's training would probably take "
            f"{words(found.needed, budget.unit)}; raise it, or lower --images, --epochs, --full-epochs or the number of --width-factors"
        )
    return found


def reaches(found: Preset, wanted: Preset) -> bool:
    """Whether it has all that was wanted: no fewer seeds, trials and confirmations."""
    return all(getattr(found, name) >= getattr(wanted, name) for name in (*STAYING, *TRIALS))


def afterwards(
    preset: Preset,
    budget: Budget,
    planned: Callable[[Preset], Plan],
    spent: float,
    decided: Sequence[str],
    trained: int = 0,
    spare: bool = False,
) -> Design:
    """Once the search has decided: what follows it, as far as it fits. The confirmation is the last to go; what is `decided` stays."""
    tried = replace(preset, ablate_winner=True) if spare else preset
    found = Design(tried, planned(tried), spent, budget, trained, preset, spare)
    for name, one in AFTERWARDS.items():
        if found.fits:
            break
        if getattr(tried, name) and name not in decided:
            tried = replace(tried, **{name: one.nothing})
            found = replace(found, preset=tried, plan=planned(tried))
    return found


def presets(preset: Preset, begun: bool) -> Iterator[Preset]:
    """From the richest to the leanest; those that confirm the winner before all that do not.

    The winner's blocks are ablated only where all that the search itself was to have can be paid as well.
    """
    own = [preset.seeds] if begun else [*range(max(preset.seeds, SEEDS), MIN_SEEDS - 1, -1), 1]
    if preset.ablate_winner:
        yield from growing(preset, [seeds for seeds in own if seeds >= preset.seeds], begun)
        preset = replace(preset, ablate_winner=False)
    for confirm in sorted({preset.confirm, 0}, reverse=True):
        wish = replace(preset, confirm=confirm)
        yield from growing(wish, own, begun)
        for factor in LEANER:
            yield scaled(wish, own[-1], factor, begun)


def growing(preset: Preset, seeds: Sequence[int], begun: bool) -> Iterator[Preset]:
    """More trials with the most of these seeds, then each number of seeds with the preset's trials; more trials with one seed, too."""
    for count in seeds:
        for factor in RICHER if count in (seeds[0], 1) else ():
            yield scaled(preset, count, factor, begun)
        yield scaled(preset, count, 1, begun)


def scaled(preset: Preset, seeds: int, factor: float, begun: bool) -> Preset:
    """What is set and has to be at least as many as the seeds goes up with them. A race that has begun is not called off: its verdicts
    would be others."""
    most = {name: int(RANGES[name].high) for name in TRIALS}
    trials: dict[str, Any] = {name: min(max(round(getattr(preset, name) * factor), 1), most[name]) for name in TRIALS}
    baseline_seeds = max(preset.baseline_seeds, seeds) if preset.baseline_seeds else 0
    races = begun or (preset.resolve >= max(seeds, SEEDS) and factor >= 1)
    resolve = preset.resolve if races else 0
    return replace(preset, seeds=seeds, baseline_seeds=baseline_seeds, resolve=resolve, **trials)


def changes(before: Preset, after: Preset, names: Sequence[str] = SET) -> dict[str, Any]:
    """What of the preset the design has set, as overrides of the run."""
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
