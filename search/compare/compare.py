"""The staged strategy against its rivals: the same joint space, cap and trainings, and as many epochs as it spends itself.

A repetition is one seed for all of them. Searches are played (`replay.py`) over curves that are recorded, or trained when
first asked for; then all searches are under way at once, and the trainings they wait for fill the workers.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from statistics import fmean, median
from typing import Any

import numpy as np

from data.counted import counted
from search.compare.curves import Curves, Recorded, Request
from search.compare.replay import GaveUp, Trace, play
from search.compare.rivals import INSTALLED, STAGED, make
from search.compare.standing import hits
from search.planning.asking import key
from studies.preset import Preset, StudyError
from studies.study import Point

Seeds = Callable[[Point, int], int]


@dataclass(frozen=True)
class Played:
    rival: str
    repetition: int
    trace: Trace


def compare(
    preset: Preset,
    constant_mae: float,
    curves: Curves,
    seeds: Callable[[int], Seeds],
    repetitions: int,
    rivals: Sequence[str] = INSTALLED,
    budget: int = 0,
    workers: int = 1,
    ended: Callable[[Played], None] = lambda played: None,
    left_out: dict[int, str] | None = None,
) -> list[Played]:
    """All searches, the staged ones first: what a repetition's spent is the budget of its rivals, if none is given.

    `seeds` says for a repetition which training seed a point has. `workers` are simulated ones. A repetition of which a search came
    to no network is left out of all, and `left_out` is told why. Raises StudyError where that leaves none.
    """
    without: dict[int, str] = {} if left_out is None else left_out

    def of(name: str, repetition: int, spend: int) -> Any:
        rival = make(name, preset, constant_mae, preset.seed + repetition, curves.most_seeds)
        return play(rival, preset.training.epochs, seeds(repetition), spend, workers)

    plays = {(STAGED, n): of(STAGED, n, budget) for n in range(repetitions)}
    staged = [one for one in run_all(plays, curves, ended, without) if one.repetition not in without]
    others = {
        (name, played.repetition): of(name, played.repetition, budget or played.trace.epochs)
        for played in staged
        for name in rivals
    }
    found = staged + run_all(others, curves, ended, without)
    kept = [one for one in found if one.repetition not in without]
    if not kept:
        raise StudyError(f"no repetition found a network: {'; '.join(dict.fromkeys(without.values()))}")
    return kept


def run_all(
    plays: Mapping[tuple[str, int], Any],
    curves: Curves,
    ended: Callable[[Played], None],
    without: dict[int, str] | None = None,
) -> list[Played]:
    """Each search as far as its curves are known, then wait for more of them, until all have ended.

    Those that come to no network are none of them; their repetition is put into `without`, with the reason.
    """
    failed: dict[int, str] = {} if without is None else without
    waiting: dict[tuple[str, int], Request] = {which: next(search) for which, search in plays.items()}
    played: dict[tuple[str, int], Played] = {}
    while waiting:
        advanced = False
        for which in list(waiting):
            while (curve := curves.known(waiting[which])) is not None:
                advanced = True
                try:
                    waiting[which] = plays[which].send(curve)
                    continue
                except StopIteration as end:
                    one = Played(*which, end.value)
                    if one.trace.epochs and math.isfinite(one.trace.best_so_far[-1]):
                        played[which] = one
                        ended(one)
                    else:
                        when = "without finite answers" if one.trace.epochs else "before its first epoch"
                        failed.setdefault(one.repetition, f"{one.rival}: every training failed {when}")
                except GaveUp as error:
                    name, repetition = which
                    failed.setdefault(repetition, f"{name}: {error}")
                del waiting[which]
                break
            else:
                curves.want(waiting[which])
        if waiting and not advanced:
            curves.wait()
    return [played[which] for which in plays if which in played]


def own_seeds(preset: Preset) -> Callable[[int], Seeds]:
    """For trainings that are made: a repetition's trainings all have its seed, and further ones those far from any other's."""
    return lambda repetition: lambda point, nth: preset.seed + repetition + 10_000 * nth


def recorded_seeds(recorded: Recorded) -> Callable[[int], Seeds]:
    """For recorded ones: which of the recorded seeds is a point's first is drawn for every repetition anew.

    Raises StudyError for one more than there are: the same training twice would be sold as two.
    """

    def of_point(repetition: int, point: Point, nth: int) -> int:
        seeds = recorded.seeds_of(point)
        if not 0 <= nth < len(seeds):
            raise StudyError(f"{point} has {counted(len(seeds), 'recorded training')}, and another was asked for")
        text = json.dumps([repetition, sorted(point.items())])
        first = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        return seeds[(first + nth) % len(seeds)]

    return lambda repetition: lambda point, nth: of_point(repetition, point, nth)


def summary(played: Sequence[Played], recorded: Recorded | None = None) -> list[dict[str, Any]]:
    """A row for each search strategy, the best final median first; MAE in months.

    With recorded trainings also the mean over all seeds of the network that it hands on, whose own MAE was chosen for being
    low; where the table tells the truth, the regret: by how much that network's truth is worse than the best network's.
    """
    rows = []
    truth = recorded.about.get("truth") if recorded else None
    goal = goal_of(played)
    staged = [one.trace for one in played if one.rival == STAGED]
    for name in dict.fromkeys(one.rival for one in played):
        traces = [one.trace for one in played if one.rival == name]
        final = [trace.best_so_far[-1] for trace in traces]
        tests = [trace.test_mae for trace in traces if trace.test_mae is not None]
        row: dict[str, Any] = {
            "search": name,
            "repetitions": len(traces),
            "epochs": median(trace.epochs for trace in traces),
            "trials": median(len(trace.tried) for trace in traces),
            "validation_mae": median(final),
            "low": float(np.quantile(final, 0.25)),
            "high": float(np.quantile(final, 0.75)),
            "test_mae": median(tests) if tests else None,
            "simulated_seconds": median(trace.seconds for trace in traces),
            "distinct_winners": len({(key(trace.winner.point), trace.winner.seed) for trace in traces}),
        }
        if goal is not None:
            row |= hits(traces, goal)
        if recorded:
            means = [mean for trace in traces if (mean := seed_mean(recorded, trace.handed_on)) is not None]
            row["seed_mean_mae"] = median(means) if means else None
        if truth is not None:
            told = len(tests) == len(traces)  # of some repetitions alone it would not be the search's
            row["regret"] = median(tests) - truth if told else None
            row["mean_regret"] = fmean(tests) - truth if told else None
        if name != STAGED:
            better = [ours.best_so_far[-1] < theirs for ours, theirs in zip(staged, final, strict=True)]
            row["staged_better"] = float(sum(better) / len(better))
        rows.append(row)
    return sorted(rows, key=lambda row: float(row["validation_mae"]))


def seed_mean(recorded: Recorded, point: Point) -> float | None:
    """Mean over the recorded seeds of the best epoch's validation MAE; of those that were trained to their end, None where none was."""
    whole = [curve for curve in recorded.curves[key(point)].values() if not curve.failed and curve.validation_mae]
    return float(np.mean([min(curve.validation_mae) for curve in whole])) if whole else None


def ends_of(played: Sequence[Played]) -> dict[str, list[float]]:
    """The months that each search ended with, by name, repetition by repetition."""
    names = dict.fromkeys(one.rival for one in played)
    return {name: [one.trace.best_so_far[-1] for one in played if one.rival == name] for name in names}


def goal_of(played: Sequence[Played]) -> float | None:
    """The best rival's months in the end, median over its repetitions; None where there was no rival."""
    return min((median(ends) for name, ends in ends_of(played).items() if name != STAGED), default=None)


def share_of_epochs(played: Sequence[Played]) -> dict[str, Any]:
    """How soon the staged strategy is where the best rival ends, medians over the repetitions on both sides.

    The epochs to that goal are each repetition's own, those that never are there the longest: as the summary counts them.
    """
    rivals = {name: median(ends) for name, ends in ends_of(played).items() if name != STAGED}
    staged = [one.trace for one in played if one.rival == STAGED]
    goal = goal_of(played)
    if goal is None or not staged:
        return {}
    best = min(rivals, key=lambda name: rivals[name])
    spent = median(one.trace.epochs for one in played if one.rival == best)
    reached = hits(staged, goal)["hit_median"]
    return {
        "best_rival": best,
        "its_validation_mae": goal,
        "its_epochs": spent,
        "staged_reaches_it_after": reached,
        "share": None if reached is None else round(reached / spent, 3),
    }


def median_curve(traces: Sequence[Trace], quantile: float = 0.5) -> list[float]:
    """Over the repetitions, after each epoch; one that has ended stays at its last."""
    longest = max(trace.epochs for trace in traces)
    rows = [[*trace.best_so_far, *[trace.best_so_far[-1]] * (longest - trace.epochs)] for trace in traces]
    table = np.array(rows, dtype=float)
    table[np.isinf(table)] = np.nan  # until every search has something, there is no quantile of them
    return [float(value) for value in np.quantile(table, quantile, axis=0)]
