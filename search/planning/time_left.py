"""How long a search may still take, at most: each study played to its end by its own rules, as if every trial were the best yet.

So every sweep goes on as far as it can, no patience is used up, nothing fails or is pruned: a real search ends sooner. What the
surrogate would ask for is counted as its own rule counts it, at the dearest networks. Taken over is only what is so for sure. What is
not decided yet is taken to be the dearest that fits the cap, with one key group. Only the seconds of an epoch are a prediction
(`epoch_seconds.py`).
"""

import heapq
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise

from models.architecture import Architecture
from search.planning.asking import asked, key
from search.planning.feasible import Feasible, fitting
from studies.around import confirmation
from studies.around.baseline import gone_on
from studies.knowledge.belief import AGAIN
from studies.order import EVERY, FIRST, LAST, STUDIES, comes, following, may_decide, stages
from studies.preset import Preset
from studies.statistics.fresh import fresh_seed
from studies.study import Decision, Given, Point, Study, Training, Trial, seeds_of, trainings

Seeded = tuple[Architecture, int]  # with its seed
Round = list[Seeded]  # that may run side by side


def rounds(
    name: str, given: Given, trials: Sequence[Trial], feasible: Feasible, deterministic: bool = False
) -> list[Round]:
    """The most that a study can still train. The first round may begin beside what runs now, the next when all before has ended.

    What a study before it has trained for sure, by `given`, is taken over and left out.
    """
    module = EVERY[name]
    given = at_its_most(module, given)
    before, found = trained_in_full(given), []
    begun, played = list(trials), list(trials)
    while True:
        new = wanted(module, given, played, feasible, deterministic)
        networks = [(module.architecture(given, point), seed) for point, seed in new]
        found.append([training for training in networks if training not in before])
        if not new and all(trial.finished for trial in played):
            return found + searched(module, given, begun, feasible, deterministic)
        first = max((trial.number for trial in played), default=-1) + 1
        asked_for = [Trial(number, point, "running", seed=seed) for number, (point, seed) in enumerate(new, first)]
        begun += [best_yet(one) if of in before else one for one, of in zip(asked_for, networks, strict=True)]
        played = [trial if trial.finished else best_yet(trial) for trial in (*played, *asked_for)]


def trained_in_full(given: Given) -> set[Seeded]:
    return {(one.architecture, one.run.seed) for one in given.trained if one.run.state == "complete"}


def searched(
    module: Study, given: Given, begun: Sequence[Trial], feasible: Feasible, deterministic: bool
) -> list[Round]:
    """What the study's surrogate may still ask for after these, at most: the dearest networks that are not trained, each as often as may be."""
    left = asked(module, given, begun, feasible, search=False).search_left()
    if not left:
        return []
    trained = trained_in_full(given) | {(module.architecture(given, one.point), one.seed) for one in begun}
    first, seeds = given.preset.seed, seeds_of(module, given) + AGAIN if module.SEEDED else 1
    found: list[Round] = []
    for point in feasible.dearest_first():
        network = module.architecture(given, point)
        every = [(network, seed) for seed in range(first, first + seeds)]
        new = [training for training in every if training not in trained][:left]
        left -= len(new)
        found.append(new)
        if not left:
            break
    # With `deterministic` it is asked once all before has ended.
    return found if deterministic else [[training for some in found for training in some]]


def surely(
    name: str, given: Given, trials: Sequence[Trial], feasible: Feasible, deterministic: bool = False
) -> tuple[Training, ...]:
    """What a study leaves trained whatever comes: its trials, and what it asks for before any has ended."""
    module = EVERY[name]
    own = [(module.architecture(given, one.point), one.seed) for one in trials if one.state in ("complete", "running")]
    return as_trained([*own, *rounds(name, given, trials, feasible, deterministic)[0]])


def as_trained(every: Round) -> tuple[Training, ...]:
    return tuple(Training(network, Trial(0, {}, "complete", 0.0, seed=seed)) for network, seed in every)


def at_its_most(module: Study, given: Given) -> Given:
    """No verdict is resolved before all of its seeds are spent."""
    preset = given.preset
    if not (module.RESOLVES and preset.resolve):
        return given
    return replace(given, preset=replace(preset, seeds=max(preset.seeds, preset.resolve), resolve=0))


def wanted(
    module: Study, given: Given, trials: Sequence[Trial], feasible: Feasible, deterministic: bool
) -> list[tuple[Point, int]]:
    """The points that the study asks for now; where it leaves that to the sampler, the dearest that have not run."""
    wish = asked(module, given, trials, feasible, search=False)
    if wish.new or not wish.sample:
        return list(wish.new)
    taken = {key(trial.point) for trial in trials}
    left = (point for point in feasible.dearest_first() if key(point) not in taken)
    most = max(wish.expected - len(trials), 0)
    if deterministic:  # the sampler is asked for one at a time
        most = min(most, 1)
    return [(point, given.preset.seed) for point in islice(left, most)]


def best_yet(trial: Trial) -> Trial:
    return replace(trial, state="complete", validation_mae=-float(trial.number), train_mae=(0.0,))


def to_come(
    name: str, given: Given, feasible: Feasible, deterministic: bool = False, preset: Preset | None = None
) -> list[Round]:
    """The same of all studies after this one, of which `feasible` are the points, also of those that come after all; of those for
    which nothing fits, nothing. `preset` is the run's, where the study is given another."""
    found: list[Round] = []
    names = stages(given.preset)
    if comes(name) == LAST:
        whole = replace(given, preset=preset or given.preset)
        return [each for _, some in after_all(whole, {}, deterministic, under_way=name) for each in some]
    if comes(name) == FIRST and any(
        decidable(name, given, feasible.dearest_first())
    ):  # the others go on from its network
        given = replace(given, preset=gone_on(given.preset, dearest(name, given, feasible).architecture))
        name, feasible = names[0], fitting(EVERY[names[0]], given)
        found += rounds(name, given, [], feasible, deterministic)
    for before, after in pairwise(names[names.index(name) :] if name in names else ()):
        if not feasible:
            break
        if before == name:  # of the others, what they start from is only assumed
            given = replace(given, trained=(*given.trained, *surely(before, given, [], feasible)))
        given = replace(given, decisions={**given.decisions, before: dearest(before, given, feasible)})
        feasible = fitting(EVERY[after], given)
        found += rounds(after, given, [], feasible, deterministic)
    if feasible and name in names:
        last = replace(given, decisions={**given.decisions, names[-1]: dearest(names[-1], given, feasible)})
        found += [each for _, some in after_all(last, {}, deterministic) for each in some]
    return found


def after_all(
    given: Given,
    begun: Mapping[str, Sequence[Trial]],
    deterministic: bool,
    made: Container[str] = (),
    under_way: str = "",
) -> Iterator[tuple[str, list[Round]]]:
    """What comes after the last decision, by study; of those that are decided nothing, nor of the one that is under way and those before
    it. They share seeds: what one has trained another takes over, as the decided network from the confirmation."""
    names = following(list(STUDIES)[-1], given.preset)
    past = names[: names.index(under_way) + 1] if under_way in names else []
    for name in names:
        module, trials = EVERY[name], begun.get(name, ())
        if name in made:
            sure = trainings(module, given, trials)
        elif name == confirmation.NAME:
            every = confirming(given.preset, given.decisions[module.NEEDS].architecture)
            if name not in past:
                yield name, [every[len(trials) :]]
            sure = as_trained(every[: given.preset.confirm_seeds])
        else:
            feasible = fitting(module, given)
            if name not in past:
                yield name, rounds(name, given, trials, feasible, deterministic)
            sure = surely(name, given, trials, feasible, deterministic)
        given = replace(given, trained=(*given.trained, *sure))


def confirming(preset: Preset, network: Architecture) -> Round:
    """The trainings of the confirmation, each taken to be one of its own, of the decided network."""
    first = fresh_seed(preset.seed)
    return [(network, first + number) for number in range(preset.confirm * preset.confirm_seeds)]


def dearest(name: str, given: Given, feasible: Feasible) -> Decision:
    """What a study is taken to decide: the network with the most MACs, with the dearest block group as the key group."""
    network = next(decidable(name, given, feasible.dearest_first()))
    return Decision("not decided yet", network, EVERY[name].FINDINGS.assumed(network, by_cost(network, given)[-1:]))


def leanest(name: str, given: Given, feasible: Feasible) -> Decision:
    """The other end: the network with the fewest MACs, with the two groups as key groups whose blocks cost least, which leaves the
    later studies most to try."""
    network = next(decidable(name, given, feasible.leanest_first()))
    return Decision("not decided yet", network, EVERY[name].FINDINGS.assumed(network, by_cost(network, given)[:2]))


def unmoved(name: str, given: Given, feasible: Feasible) -> Decision:
    """Between the two ends: the network whose width is closest to the reference's, from which depth may go either way."""

    def apart(network: Architecture) -> float:
        return abs(network.beta - given.preset.reference.beta)

    network = min(decidable(name, given, feasible.dearest_first()), key=apart)
    return Decision("not decided yet", network, EVERY[name].FINDINGS.assumed(network, by_cost(network, given)[:2]))


def decidable(name: str, given: Given, fitting: Iterable[Point]) -> Iterator[Architecture]:
    module = EVERY[name]
    return (module.architecture(given, point) for point in fitting if may_decide(name, given, point))


def by_cost(network: Architecture, given: Given) -> tuple[str, ...]:
    """The groups that the network has, by rising MACs of one block."""
    counts, groups = network.blocks._asdict(), given.cost(network).groups
    return tuple(
        sorted((group for group in counts if counts[group]), key=lambda group: groups[group].macs / counts[group])
    )


def seconds(
    found: Sequence[Round],
    epoch_seconds: Callable[[Seeded], float],
    epochs: int,
    workers: int,
    running: Sequence[float] = (),
) -> float:
    """Of these rounds, `workers` trainings at once; `running` are the seconds left of those that run now."""
    total, beside = 0.0, list(running)
    for side_by_side in found:
        new = sorted((epoch_seconds(training) * epochs for training in side_by_side), reverse=True)
        total += makespan([*beside, *new], workers)
        beside = []
    return total


def makespan(jobs: Sequence[float], workers: int) -> float:
    """Of jobs that begin in this order, each as soon as one of the workers is free."""
    free = [0.0] * workers
    for job in jobs:
        heapq.heappush(free, heapq.heappop(free) + job)
    return max(free)
