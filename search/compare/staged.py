"""The staged strategy as a rival among others: the studies over the joint space, by their own rules.

Verdicts are by the margin alone, as learning curves hold no predictions for single images.
"""

from dataclasses import replace

import optuna

from search.compare.curves import Curve
from search.compare.replay import GaveUp, Work
from search.leader.sampler import FeasibleSampler
from search.leader.schedule import Schedule, objective_values
from search.planning.asking import key
from search.storage.records import OPTUNA_STATES
from studies import joint
from studies.deciding import decided
from studies.order import EVERY, stages
from studies.preset import Preset, StudyError
from studies.study import Decision, Given, Point, Training, Trial, feasible_points, pool, seeds_of, trainings


def alike(preset: Preset) -> Preset:
    """As all searches of a comparison have it: they share one cap, and a joint space that has no widths by group."""
    return replace(preset, refine_max_params=0, widths_by_group=False)


def said_alike(preset: Preset) -> list[str]:
    """What that leaves out of the preset, a sentence each."""
    said = []
    if preset.refine_max_params not in (0, preset.max_params):
        said.append(
            f"all searches have one cap, {preset.max_params:,} parameters (--max-params): that of the refinement alone, "
            f"{preset.refine_max_params:,} (--refine-max-params), is left out"
        )
    if preset.widths_by_group:
        said.append("all searches have one space, which has no widths by group: --widths-by-group is left out")
    return said


class Staged:
    def __init__(self, preset: Preset, constant_mae: float, seed: int, most_seeds: int = 0) -> None:
        """`most_seeds`: with which one network can be had; 0: with any number."""
        self.preset, self.constant_mae = replace(alike(preset), seed=seed), constant_mae
        self.most_seeds = most_seeds
        self.epochs = preset.training.epochs
        self.decisions: dict[str, Decision] = {}
        self.trained: tuple[Training, ...] = ()  # by the studies that have decided
        self.known: dict[tuple[object, ...], Curve] = {}  # whole trainings, which no later study pays for again
        self.begun = 0
        self.stages = iter(stages(preset))
        self.done = False
        self.next_stage()

    def next_stage(self) -> None:
        name = next(self.stages, None)
        if name is None:
            self.done = True
            return
        self.name, self.module = name, EVERY[name]
        self.given = Given(
            self.preset, dict(self.decisions), self.constant_mae, trained=self.trained, most_seeds=self.most_seeds
        )
        fitting = feasible_points(self.module, self.given)
        objectives = len(self.module.objectives(self.given))
        sampler = FeasibleSampler(self.module.space(self.given), fitting, self.preset.seed, objectives)
        study = optuna.create_study(
            sampler=sampler, pruner=optuna.pruners.NopPruner(), directions=["minimize"] * objectives
        )
        self.schedule = Schedule(study, self.module, self.given, sampler)
        self.running: dict[int, tuple[optuna.trial.Trial, Trial]] = {}  # by ours

    def ask(self) -> Work | None:
        try:
            return self.next_work()
        except StudyError as error:
            raise GaveUp(str(error)) from None

    def next_work(self) -> Work | None:
        while not self.done:
            trial = self.schedule.next_trial(bool(self.running))
            if trial is not None:
                begun = self.begin(trial)
                if begun is not None:
                    return begun
            elif self.running:
                return None
            else:
                seeds = seeds_of(self.module, self.given)
                self.decisions[self.name] = decided(self.module, self.given, pool(self.schedule.by_number, seeds))
                self.trained += trainings(self.module, self.given, self.schedule.by_number)
                self.next_stage()
        return None

    def decided(self) -> Point | None:
        """What the last of its studies decided for that came to an end; None where none did."""
        return joint.point(self.preset, list(self.decisions.values())[-1].architecture) if self.done else None

    def begin(self, asked_for: optuna.trial.Trial) -> Work | None:
        """None where another study has trained this very network: its result is taken over."""
        trial = self.schedule.begin(asked_for)
        place = joint.point(self.preset, self.module.architecture(self.given, trial.point))
        nth = trial.seed - self.preset.seed
        before = self.known.get((*key(place), nth))
        if before is not None:
            self.end(asked_for, trial, "complete", before)
            return None
        number, self.begun = self.begun, self.begun + 1
        self.running[number] = (asked_for, trial)
        return Work(number, place, 0, self.rung(trial, 0), nth)

    def rung(self, trial: Trial, after: int) -> int:
        return after + 1 if self.schedule.prunable(trial.point, trial.seed) else self.epochs

    def tell(self, work: Work, curve: Curve) -> Work | None:
        asked_for, trial = self.running[work.trial]
        reached = len(curve.validation_mae)
        if curve.failed:
            state = "failed"
        elif reached == self.epochs:
            state = "complete"
            self.known[(*key(work.point), work.nth)] = curve
        elif reached < work.until or self.schedule.is_left_behind(
            curve.validation_mae, trial.number
        ):  # at the end of the budget, or of its chances
            state = "pruned"
        else:
            return Work(work.trial, work.point, reached, self.rung(trial, reached), work.nth)
        del self.running[work.trial]
        self.end(asked_for, trial, state, curve)
        return None

    def end(self, asked_for: optuna.trial.Trial, trial: Trial, state: str, curve: Curve) -> None:
        best = min(curve.validation_mae, default=float("inf"))
        if state == "pruned":  # what TPE knows of it
            asked_for.report(curve.validation_mae[-1], len(curve.validation_mae))
        architecture = self.module.architecture(self.given, trial.point)
        values = objective_values(self.module, self.given, architecture, best) if state == "complete" else None
        self.schedule.study.tell(asked_for, values, state=OPTUNA_STATES[state])
        self.schedule.trials[trial.number] = Trial(
            trial.number,
            trial.point,
            state,
            best if state == "complete" else None,
            train_mae=curve.train_mae,
            seconds=sum(curve.seconds),
            exit_reason=curve.failed or state,
            validation_mae_by_epoch=curve.validation_mae,
            seed=trial.seed,
        )
