"""Whose turn it is in a study: a trial that waits, one for what the study wants next (`planning/asking.py`), or the sampler's.

One set of rules, for the leader, and for the staged strategy among its rivals.
"""

from collections.abc import Callable, Iterable, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from models.architecture import Architecture
from search.leader.sampler import FeasibleSampler
from search.planning.asking import asked, macs
from search.storage.keys import enqueue, storage_of, study_key, trial_key
from search.storage.records import point_of, seed_of
from search.storage.told import ASKED
from studies.ablation import AblationFindings
from studies.statistics.pruning import left_behind
from studies.study import SEED, Given, Point, Study, Trial

COMPARED = "compared_with"  # a trial's attribute: how many trials there were when its round was enqueued
MAX_SEED = 2**31 - 1


def objective_values(module: Study, given: Given, architecture: Architecture, validation_mae: float) -> list[float]:
    """What Optuna is told of a complete trial, in the order of the study's objectives."""
    cost = given.cost(architecture)
    values = {"mae": validation_mae, "macs": cost.macs, "params": cost.params}
    return [float(values[name]) for name in module.objectives(given)]


class Schedule:
    """The trials of one study, and by them whose turn it is."""

    def __init__(
        self,
        study: optuna.Study,
        module: Study,
        given: Given,
        sampler: FeasibleSampler,
        trials: Iterable[Trial] = (),
        deterministic: bool = False,
        is_fit: Callable[[FrozenTrial], bool] = lambda trial: True,
    ) -> None:
        """`trials` are those so far; `is_fit` says of one that waits whether it may run."""
        self.study, self.module, self.given, self.sampler = study, module, given, sampler
        self.deterministic, self.is_fit = deterministic, is_fit
        self.trials = {trial.number: trial for trial in trials}
        self.expected = len(self.trials) + len(self.waiting())  # trials of the study, as far as is known yet

    def waiting(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))

    @property
    def by_number(self) -> list[Trial]:
        """The trials as a leader that comes later finds them, whichever began first."""
        return [self.trials[number] for number in sorted(self.trials)]

    def next_trial(self, running: bool) -> optuna.trial.Trial | None:
        """One that waits, else a new one for the next point; None where there is nothing to do before something `running` ends.

        What the study wants now is enqueued together, so that the numbers of trials do not depend on who was killed when. With
        `deterministic` it is asked again only after all of it has run: whichever trial ends first is chance.
        """
        if fit := [trial for trial in self.waiting() if self.is_fit(trial)]:
            return self.begin_longest(fit)
        if running and self.deterministic:
            return None
        wanted = asked(self.module, self.given, self.by_number, self.sampler.feasible)
        self.expected = wanted.expected
        # With `deterministic` a trial is compared with those before its round, whoever of its round is faster.
        remembered = {COMPARED: len(self.trials)} if self.deterministic else None
        if wanted.new:
            seeds = self.module.SEEDED
            enqueue(self.study, [point | ({SEED: seed} if seeds else {}) for point, seed in wanted.new], remembered)
            return self.next_trial(running)
        left = len(self.sampler.feasible) > len(self.trials)
        return self.sampled() if wanted.sample and left else None

    def sampled(self) -> optuna.trial.Trial:
        """A new trial whose point the sampler proposes. `Study.ask` would leave no word of who has asked."""
        ours = optuna.trial.create_trial(state=TrialState.RUNNING, system_attrs={ASKED: True})
        return optuna.trial.Trial(self.study, storage_of(self.study).create_new_trial(study_key(self.study), ours))

    def begin_longest(self, waiting: Sequence[FrozenTrial]) -> optuna.trial.Trial:
        """So that what ends last is short (Graham's LPT rule). A trial has its number since it was enqueued; this is only who begins.

        By MACs and not by predicted seconds, which rise with them: so the order is the same on every machine. One seed of all
        points comes before the next of any. Where a trial may be pruned the numbers decide, as it is compared with those before it.
        """
        if not self.module.SEEDED:
            return self.study.ask()

        def rank(trial: FrozenTrial) -> tuple[int, int, int]:
            point = point_of(trial)
            network = self.module.architecture(self.given, point)
            seed = seed_of(trial, self.given.preset.seed)
            long = 0 if self.prunable(point, seed) else macs(network, self.given)
            return seed, -long, trial.number

        first = min(waiting, key=rank)
        # As `ask` does with the first of all.
        storage_of(self.study).set_trial_state_values(trial_key(first), state=TrialState.RUNNING)
        return optuna.trial.Trial(self.study, trial_key(first))

    def begin(self, trial: optuna.trial.Trial) -> Trial:
        """The trial with its point whole, which runs from now on. ValueError of Optuna's where other trials' parameters differ."""
        for name, choices in self.sampler.distributions.items():
            suggest(trial, name, choices)
        if self.module.SEEDED:
            trial.suggest_int(SEED, 0, MAX_SEED)
        frozen = storage_of(self.study).get_trial(trial_key(trial))
        begun = Trial(trial.number, point_of(frozen), "running", seed=seed_of(frozen, self.given.preset.seed))
        self.trials[trial.number] = begun
        return begun

    def compared_with(self, frozen: FrozenTrial) -> int:
        """It is pruned where trials of lower numbers than this were better; 0 where it is not pruned at all."""
        number: int = frozen.user_attrs.get(COMPARED, frozen.number)
        return number if self.prunable(point_of(frozen), seed_of(frozen, self.given.preset.seed)) else 0

    def prunable(self, point: Point, seed: int) -> bool:
        """A further seed of a network is trained to its end: a mean over the seeds that did well would be too good."""
        return seed == self.given.preset.seed and self.module.prunable(self.given, point)

    def is_left_behind(self, maes: Sequence[float], compared_with: int) -> bool:
        """Whether a trial of these validation MAEs so far is to be pruned."""
        others = [other for other in self.trials.values() if other.finished and other.number < compared_with]
        warmup = self.given.found(AblationFindings).warmup_epochs
        return left_behind(maes, others, warmup, self.given.preset.margin_months)


def suggest(trial: optuna.trial.Trial, name: str, choices: BaseDistribution) -> None:
    """Fix one parameter of the trial, by Optuna's public calls; one that is fixed already stays."""
    match choices:
        case IntDistribution():
            trial.suggest_int(name, choices.low, choices.high, step=choices.step)
        case FloatDistribution():
            trial.suggest_float(name, choices.low, choices.high, step=choices.step)
        case CategoricalDistribution():
            trial.suggest_categorical(name, choices.choices)
