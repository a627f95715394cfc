"""What a search will cost, without training: each study played to its end by its own rules, as `time_left.py` does.

What is not decided yet is taken to be the dearest network, once more the leanest, and where depth tries the widths beside the decided
one, once more of the reference's width; the most counts. A real search mostly ends sooner. Networks are the dearest that a study may
try, so hours and memory are bounds as far as the seconds of an epoch are right.

A budget that had to pay for the bound would stay half unspent. So beside it stands what is likely: as many trainings, but of a network
that is not known yet the seconds halfway, by ratio, between the network that the search has come to and the dearest.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from models.architecture import Architecture
from models.cost import resident_bytes
from search.planning.asking import macs
from search.planning.feasible import Feasible, fitting
from search.planning.images import Images
from search.planning.time_left import (
    Round,
    Seeded,
    after_all,
    dearest,
    decidable,
    leanest,
    rounds,
    seconds,
    surely,
    unmoved,
)
from studies.around.baseline import gone_on
from studies.caps import memory, unmet
from studies.knowledge import belief
from studies.order import EVERY, FIRST, STUDIES, before, comes, preset_of, stages, to_run
from studies.preset import Preset, StudyError
from studies.study import Decision, Given, Training, Trial, trainings

TRAINING_MACS = 3  # of a step, in forward passes: one forward, two backward
ASSUMED_MACS_PER_SECOND = 15e9  # of a worker: the median of studies/miniature.csv, a training on one CPU core
CONSTANT_MONTHS = 60.0  # in place of a constant predictor's MAE; nothing that is played depends on it

CHECKPOINT_BYTES = 12  # of a parameter: itself, and what Adam remembers of it twice
CHECKPOINTS = 3  # of a training that runs, at most: two are kept while one is written

MEASURED, TIMED, ASSUMED = "measured in this run", "a step timed here", "assumed"


@dataclass(frozen=True)
class Rate:
    """Seconds of an epoch, and where they come from."""

    epoch_seconds: Callable[[int], float]  # of the MACs of one image
    source: str


@dataclass(frozen=True)
class StudyPlan:
    """At most, but for what is likely."""

    study: str
    trials: int  # that are trained; those whose result is surely taken over from an earlier study are none
    epochs: int
    seconds: float
    largest_params: int
    largest_macs: int
    likely_seconds: float


@dataclass(frozen=True)
class Plan:
    studies: tuple[StudyPlan, ...]
    full_epochs: int  # of the network that `train` trains after the search
    full_seconds: float
    likely_full_seconds: float
    workers: int
    images: Images
    rate: Rate
    memory_bytes: int  # of the training that needs most, by arithmetic; of one worker
    memory_params: int  # of that network
    resident_bytes: int  # of images, beside it

    @property
    def trials(self) -> int:
        return sum(study.trials for study in self.studies)

    @property
    def epochs(self) -> int:
        return sum(study.epochs for study in self.studies)

    @property
    def seconds(self) -> float:
        return sum(study.seconds for study in self.studies)

    @property
    def likely_seconds(self) -> float:
        return sum(study.likely_seconds for study in self.studies)

    @property
    def checkpoint_bytes(self) -> int:
        """On disk at once, at most, where all workers train the largest network."""
        largest = max((study.largest_params for study in self.studies), default=self.memory_params)
        return self.workers * CHECKPOINTS * CHECKPOINT_BYTES * largest

    def to_dict(self) -> dict[str, Any]:
        return {
            "studies": [asdict(study) for study in self.studies],
            "trials": self.trials,
            "epochs": self.epochs,
            "hours": self.seconds / 3600,
            "likely_hours": self.likely_seconds / 3600,
            "final_training": {
                "epochs": self.full_epochs,
                "hours": self.full_seconds / 3600,
                "likely_hours": self.likely_full_seconds / 3600,
            },
            "workers": self.workers,
            "hours_from": self.rate.source,
            "images": asdict(self.images),
            "store_bytes": self.images.store_bytes,
            "checkpoint_bytes": self.checkpoint_bytes,
            "memory_bytes": self.memory_bytes,
            "memory_params": self.memory_params,
            "resident_bytes": self.resident_bytes,
        }


def assumed(images: Images) -> Rate:
    per_mac = (TRAINING_MACS * images.train + images.validation) / ASSUMED_MACS_PER_SECOND
    return Rate(lambda macs: per_mac * macs, ASSUMED)


def plan(
    preset: Preset,
    images: Images,
    rate: Rate,
    workers: int = 1,
    deterministic: bool = False,
    decisions: Mapping[str, Decision] | None = None,
    trials: Mapping[str, Sequence[Trial]] | None = None,
) -> Plan:
    """Of all studies that the preset asks for; of those that are decided nothing, of one that has `trials` what is left.

    Raises StudyError where no network of the first study fits the cap.
    """
    given = Given(preset, {}, CONSTANT_MONTHS)
    # By the surrogate depth tries all widths, whichever was decided.
    ends = (dearest, leanest) if belief.searches_jointly(given) else (dearest, leanest, unmoved)
    played = [one_way(preset, rate, workers, deterministic, decisions or {}, trials or {}, assume) for assume in ends]
    networks = [network for _, tried in played for network in tried]
    largest = max(networks, key=lambda network: memory(preset, given.cost(network)))
    epochs = preset.full_epochs or preset.training.epochs
    longest = rate.epoch_seconds(max(macs(network, given) for network in networks))
    reached = rate.epoch_seconds(macs(come_to(preset, decisions or {}), given))
    settled = stages(preset)[-1] in (decisions or {})  # so that it is known what is trained in full
    return Plan(
        tuple(most(*ways) for ways in zip(*(studies for studies, _ in played), strict=True)),
        epochs,
        longest * epochs,
        (min(reached, longest) if settled else halfway(reached, longest)) * epochs,
        workers,
        images,
        rate,
        memory(preset, given.cost(largest)),
        given.cost(largest).params,
        resident_bytes(preset.preparation.image_px, images.train, images.validation),
    )


def come_to(preset: Preset, decisions: Mapping[str, Decision]) -> Architecture:
    """The network that the search is at: the last decided one, at first the reference."""
    networks = [decisions[name].architecture for name in EVERY if name in decisions]
    return networks[-1] if networks else preset.reference


def halfway(reached: float, most: float) -> float:
    """By ratio, and no more than the most."""
    return min(math.sqrt(reached * most), most)


Assumed = Callable[[str, Given, Feasible], Decision]


def one_way(
    preset: Preset,
    rate: Rate,
    workers: int,
    deterministic: bool,
    decisions: Mapping[str, Decision],
    trials: Mapping[str, Sequence[Trial]],
    assume: Assumed,
) -> tuple[list[StudyPlan], list[Architecture]]:
    """The studies that are not decided and the confirmation, if each decides as `assume` says; with the networks of all that can be wanted yet."""
    made, found = dict(decisions), []
    trained: list[Training] = []  # for sure
    networks = [decision.architecture for decision in decisions.values()]

    def of(network: Architecture) -> float:
        return rate.epoch_seconds(macs(network, given))

    reached = rate.epoch_seconds(macs(come_to(preset, decisions), Given(preset, {}, CONSTANT_MONTHS)))
    # Of another family, the networks of all studies would be others.
    of_any_family = any(comes(name) == FIRST and name not in decisions for name in to_run(list(STUDIES), preset))

    def likely(network: Architecture) -> float:
        return halfway(reached, of(network))

    for name in to_run(list(STUDIES), preset):
        module, begun = EVERY[name], trials.get(name, ())
        earlier = {done: made[done] for done in before(name, preset)}
        given = Given(preset_of(name, preset), earlier, CONSTANT_MONTHS, trained=tuple(trained))
        if name in made:
            if comes(name) != FIRST:  # whose trainings no later study reads
                trained += trainings(module, given, begun)
            continue
        feasible = fitting(module, given)
        if not feasible:
            raise StudyError(unmet(f"network of {name}", given.caps(module.max_params(given))))
        if not any(decidable(name, given, feasible.dearest_first())):
            raise StudyError(unmet(f"network that {name} may decide for", given.caps(module.max_params(given))))
        wanted = rounds(name, given, begun, feasible, deterministic)
        decided = earlier.items() <= decisions.items()  # none of them is only assumed
        sure = wanted[0] if decided and (comes(name) == FIRST or not of_any_family) else ()
        found.append(planned(name, given, wanted, of, likely, workers, sure, unfinished(name, given, begun)))
        if comes(name) != FIRST and decided:
            trained += surely(name, given, begun, feasible, deterministic)
        made[name] = assume(name, given, feasible)
        networks += [network for training in wanted for network, _ in training]
        networks += [network for network, _ in unfinished(name, given, begun)]
        if comes(name) == FIRST and not any(trials.get(one) for one in stages(preset)):  # else it comes too late
            preset = gone_on(preset, made[name].architecture)
        networks.append(made[name].architecture)
    given = Given(preset, made, CONSTANT_MONTHS, trained=tuple(trained))
    for name, wanted in after_all(given, trials, deterministic, decisions):
        running = unfinished(name, given, trials.get(name, ()))
        sure = [training for found in wanted for training in found] if made.items() <= decisions.items() else ()
        found.append(planned(name, given, wanted, of, likely, workers, sure, running))
    return found, networks


Running = Sequence[tuple[Architecture, int]]  # trainings that have begun, each with the epochs that it has left


def unfinished(name: str, given: Given, trials: Sequence[Trial]) -> Running:
    return [
        (EVERY[name].architecture(given, trial.point), epochs_left(given.preset, trial))
        for trial in trials
        if not trial.finished
    ]


def epochs_left(preset: Preset, trial: Trial) -> int:
    return max(preset.training.epochs - len(trial.validation_mae_by_epoch), 0)


def most(*ways: StudyPlan) -> StudyPlan:
    """Whichever way the decisions go, as far as these say."""
    return StudyPlan(ways[0].study, *(max(getattr(way, field.name) for way in ways) for field in fields(StudyPlan)[1:]))


def planned(
    name: str,
    given: Given,
    wanted: Sequence[Round],
    epoch_seconds: Callable[[Architecture], float],
    likely: Callable[[Architecture], float],
    workers: int,
    sure: Sequence[Seeded] = (),
    running: Running = (),
) -> StudyPlan:
    """`sure` are those of the wanted that are trained whatever comes: of them the seconds are not only `likely`."""
    new = [training for found in wanted for training in found]
    epochs = given.preset.training.epochs
    costs = [given.cost(network) for network, _ in (*new, *running)]
    left = [epoch_seconds(network) * epochs_left for network, epochs_left in running]
    surely_trained = set(sure)

    def expected(training: Seeded) -> float:
        return (epoch_seconds if training in surely_trained else likely)(training[0])

    return StudyPlan(
        name,
        len(new) + len(running),
        len(new) * epochs + sum(left for _, left in running),
        seconds(wanted, lambda training: epoch_seconds(training[0]), epochs, workers, left),
        max((cost.params for cost in costs), default=0),
        max((cost.macs for cost in costs), default=0),
        seconds(wanted, expected, epochs, workers, left),
    )


def smallest_and_largest(preset: Preset) -> tuple[Architecture, Architecture]:
    """Of the networks that the first study trains: what a step is timed of."""
    name, module = next(iter(STUDIES.items()))
    given = Given(preset, {}, CONSTANT_MONTHS)
    feasible = fitting(module, given)
    if not feasible:
        raise StudyError(unmet(f"network of {name}", given.caps(module.max_params(given))))
    ends = next(feasible.leanest_first()), next(feasible.dearest_first())
    return module.architecture(given, ends[0]), module.architecture(given, ends[1])
