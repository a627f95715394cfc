"""Whether a point that somebody has enqueued by hand may be trained: it is a point of the study, under its cap, and not a repetition."""

from collections.abc import Iterable, Mapping
from typing import Any

from search.planning.asking import key
from search.storage.stored import why_outside
from studies.caps import over
from studies.study import SEED, Given, Point, Study, Trial, to_point


def why_unfit(
    module: Study, given: Given, feasible: Mapping[Any, Point], params: Mapping[str, Any], others: Iterable[Trial]
) -> str:
    """A clause, whose subject is the trial with these parameters; empty where it may be trained."""
    if why := why_outside(params, module.space(given)):
        return why
    if (SEED in params) != module.SEEDED:
        return f"has no {SEED}" if module.SEEDED else f"has its own {SEED}, but all trials of its study share one"
    point = feasible.get(key(to_point(params)))
    if point is None:
        network = module.architecture(given, to_point(params))
        cost = given.cost(network)
        unmet = over(given.caps(module.max_params(given)), cost)
        if not unmet:
            [own] = [one for one in feasible.values() if module.architecture(given, one) == network]
            differs = ", ".join(f"{name} {value}" for name, value in own.items() if value != to_point(params)[name])
            return f"is the same network as with {differs}: enqueue that instead"
        cap = unmet[0]
        return f"has {cap.measure(cost):,} {cap.unit}, over the cap of {cap.most:,}"
    seed = params.get(SEED, given.preset.seed)
    for other in others:
        if other.state != "failed" and (key(other.point), other.seed) == (key(point), seed):
            return f"repeats trial {other.number}"
    return ""
