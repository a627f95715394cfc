"""A study's decision from its trials, by the rules that all studies share: no decision is for a network over today's cap."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.cost import Cost
from studies.caps import Cap, options, over, said
from studies.findings import OnFront
from studies.preset import StudyError
from studies.study import Decision, Given, Study, Trial


def decided(study: Study, given: Given, trials: Sequence[Trial]) -> Decision:
    """The study's decision, with what every study reports: its Pareto front. Both are of networks that meet today's caps, which may be
    lower than when they were trained. Raises StudyError where none of them does any more."""
    costs = [(trial, given.cost(study.architecture(given, trial.point))) for trial in trials]
    met = () if study.COMPARES else given.caps(study.max_params(given))
    fitting = [(trial, cost) for trial, cost in costs if not over(met, cost)]
    try:
        decision = study.decide(given, trials)
        if over(met, given.cost(decision.architecture)):
            decision = study.decide(given, [trial for trial, _ in fitting])
    except StudyError:
        if any_complete(costs) and not any_complete(fitting):
            raise StudyError(none_fits(study.NAME, met)) from None
        raise
    if over(met, given.cost(decision.architecture)):
        raise StudyError(none_fits(study.NAME, met))
    return replace(decision, findings=replace(decision.findings, front=tuple(front(fitting))))


def any_complete(costs: Sequence[tuple[Trial, Cost]]) -> bool:
    return any(trial.state == "complete" for trial, _ in costs)


def none_fits(name: str, met: Sequence[Cap]) -> str:
    return f"no network that {name} has trained fits {said(met)} now: raise {options(met)}, or use another --run-dir"


def front(costs: Sequence[tuple[Trial, Cost]]) -> list[OnFront]:
    """The complete trials that none beats in MAE, parameters and MACs together, by rising parameters."""
    complete = {trial.number: (trial, cost) for trial, cost in costs if trial.state == "complete"}
    kept = undominated({number: (trial.error, cost.params, cost.macs) for number, (trial, cost) in complete.items()})
    return [
        OnFront(trial.number, trial.point, trial.error, cost.params, cost.macs)
        for trial, cost in sorted((complete[number] for number in kept), key=lambda found: found[1].params)
    ]


def undominated(measures: Mapping[int, tuple[float, ...]]) -> list[int]:
    """Those that no other is at least as good as in everything, and better in something."""

    def beaten(one: tuple[float, ...]) -> bool:
        return any(
            other != one and all(theirs <= ours for theirs, ours in zip(other, one, strict=True))
            for other in measures.values()
        )

    return [number for number, measure in measures.items() if not beaten(measure)]
