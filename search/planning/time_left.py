"""How long a search may still take, at most: each study played to its end by its own rules, as if every trial were the best yet.

So every sweep goes on as far as it can, no patience is used up, nothing fails, is pruned or taken over: a real search ends
sooner. What is not decided yet is taken to be the dearest that fits the cap, with one key group. Only the seconds of an epoch
are a prediction (`epoch_seconds.py`).
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from models.architecture import Architecture
from search.planning.asking import asked, key, macs
from studies.around import confirmation, winner
from studies.around.baseline import gone_on
from studies.order import EVERY, FIRST, comes, may_decide, stages
from studies.preset import Preset
from studies.study import Decision, Given, Point, Study, Trial, feasible_points

Training = tuple[Architecture, int]  # with its seed
Round = list[Training]  # that may run side by side
Feasible = Mapping[tuple[Any, ...], Point]


def fitting(module: Study, given: Given) -> Feasible:
    """The study's points under its cap, by key."""
    return {key(point): point for point in feasible_points(module, given)}


def rounds(
    name: str, given: Given, trials: Sequence[Trial], feasible: Feasible, deterministic: bool = False
) -> Iterator[Round]:
    """The most that a study can still train. The first round may begin beside what runs now, the next when all before has ended."""
    module = EVERY[name]
    given = at_its_most(module, given)
    played = list(trials)
    while True:
        new = wanted(module, given, played, feasible, deterministic)
        yield [(module.architecture(given, point), seed) for point, seed in new]
        if not new and all(trial.finished for trial in played):
            return
        first = max((trial.number for trial in played), default=-1) + 1
        begun = [Trial(number, point, "running", seed=seed) for number, (point, seed) in enumerate(new, first)]
        played = [trial if trial.finished else best_yet(trial) for trial in (*played, *begun)]


def at_its_most(module: Study, given: Given) -> Given:
    """No verdict is resolved before all of its seeds are spent."""
    preset = given.preset
    if not (module.RESOLVES and preset.resolve):
        return given
    return replace(given, preset=replace(preset, seeds=max(preset.seeds, preset.resolve), resolve=0))


def wanted(
    module: Study, given: Given, trials: Sequence[Trial], feasible: Feasible, deterministic: bool
) -> list[tuple[Point, int]]:
    """What the study asks for now; where it leaves that to the sampler, the dearest points that have not run."""
    wish = asked(module, given, trials, feasible, search=False)
    if wish.new or not wish.sample:
        return list(wish.new)
    taken = {key(trial.point) for trial in trials}
    left = [point for name, point in feasible.items() if name not in taken]
    left.sort(key=lambda point: macs(module.architecture(given, point), given), reverse=True)
    most = max(wish.expected - len(trials), 0)
    if deterministic:  # the sampler is asked for one at a time
        most = min(most, 1)
    return [(point, given.preset.seed) for point in left[:most]]


def best_yet(trial: Trial) -> Trial:
    return replace(trial, state="complete", validation_mae=-float(trial.number), train_mae=(0.0,))


def to_come(name: str, given: Given, feasible: Feasible, deterministic: bool = False) -> list[Round]:
    """The same of all studies after this one, of which `feasible` are the points, and of the confirmation; of those for which
    nothing fits, nothing."""
    found: list[Round] = []
    order = stages(given.preset)
    if comes(name) == FIRST and decidable(name, given, feasible):  # the others go on from its network
        given = replace(given, preset=gone_on(given.preset, dearest(name, given, feasible).architecture))
        name, feasible = order[0], fitting(EVERY[order[0]], given)
        found += rounds(name, given, [], feasible, deterministic)
    for before, after in pairwise(order[order.index(name) :] if name in order else ()):
        if not feasible:
            break
        given = replace(given, decisions={**given.decisions, before: dearest(before, given, feasible)})
        feasible = fitting(EVERY[after], given)
        found += rounds(after, given, [], feasible, deterministic)
    if feasible and name in order:
        last = dearest(order[-1], given, feasible)
        found.append(confirming(given.preset, last.architecture))
        if given.preset.ablate_winner:
            found += around_winner(replace(given, decisions={**given.decisions, order[-1]: last}), (), deterministic)
    return found


def around_winner(given: Given, trials: Sequence[Trial], deterministic: bool) -> list[Round]:
    """The trainings of the ablation around the decided network."""
    return list(rounds(winner.NAME, given, trials, fitting(EVERY[winner.NAME], given), deterministic))


def confirming(preset: Preset, network: Architecture) -> Round:
    """The trainings of the confirmation, each taken to be one of its own, of the decided network."""
    first = confirmation.fresh_seed(preset.seed)
    return [(network, first + number) for number in range(preset.confirm * preset.confirm_seeds)]


def dearest(name: str, given: Given, feasible: Feasible) -> Decision:
    """What a study is taken to decide: the network with the most MACs, with the dearest block group as the key group."""
    network = max(decidable(name, given, feasible), key=lambda network: macs(network, given))
    return Decision("not decided yet", network, EVERY[name].FINDINGS.assumed(network, by_cost(network, given)[-1:]))


def leanest(name: str, given: Given, feasible: Feasible) -> Decision:
    """The other end: the network with the fewest MACs, with the two groups as key groups whose blocks cost least, which leaves the
    later studies most to try."""
    network = min(decidable(name, given, feasible), key=lambda network: macs(network, given))
    return Decision("not decided yet", network, EVERY[name].FINDINGS.assumed(network, by_cost(network, given)[:2]))


def decidable(name: str, given: Given, feasible: Feasible) -> list[Architecture]:
    return [EVERY[name].architecture(given, point) for point in feasible.values() if may_decide(name, given, point)]


def by_cost(network: Architecture, given: Given) -> tuple[str, ...]:
    """The groups that the network has, by rising MACs of one block."""
    counts, groups = network.blocks._asdict(), given.cost(network).groups
    return tuple(
        sorted((group for group in counts if counts[group]), key=lambda group: groups[group].macs / counts[group])
    )


def seconds(
    found: Sequence[Round],
    epoch_seconds: Callable[[Architecture], float],
    epochs: int,
    workers: int,
    trained: set[Training],
    running: Sequence[float] = (),
) -> float:
    """Of these rounds, `workers` trainings at once; `running` are the seconds left of those that run now.

    What is in `trained` is taken over and takes no time; what is trained here is added to it.
    """
    total, beside = 0.0, list(running)
    for trainings in found:
        new = [training for training in trainings if training not in trained]
        total += makespan(
            [*beside, *sorted((epoch_seconds(network) * epochs for network, _ in new), reverse=True)], workers
        )
        trained.update(new)
        beside = []
    return total


def makespan(jobs: Sequence[float], workers: int) -> float:
    """Of jobs that begin in this order, each as soon as one of the workers is free."""
    free = [0.0] * workers
    for job in jobs:
        heapq.heappush(free, heapq.heappop(free) + job)
    return max(free)
