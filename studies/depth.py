"""Depth: how often should each block group be repeated, at which width near the best, under the cap?

The space is a grid: each key group from the count it has so far upwards, and the widths between the reference and the
best of the width study. First run the points the preset names and the width study's best; then the sampler proposes.
The study ends after `depth_trials`, or when `depth_patience` trials in a row brought nothing better. With a second
objective, MACs or parameters, the sampler searches the trade-off (NSGA-II), what is better is a new trial on its front, and
the decision is the cheapest network within the margin of the best.

This is the paper's strategy. By default one surrogate of all trainings of the run proposes and decides instead: `knowledge/belief.py`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from math import log2
from typing import Any

from data.written import gmacs, millions, months
from models.architecture import Architecture, family_named
from models.cost import params
from studies import ablation, width
from studies.deciding import undominated
from studies.findings import Findings
from studies.knowledge import belief
from studies.knowledge.dimensions import says
from studies.preset import StudyError
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, best_of, row


@dataclass(frozen=True, kw_only=True)
class DepthFindings(Findings):
    best_mae: float | None = None  # months
    params: int | None = None
    macs: int | None = None
    point: Point = field(default_factory=dict)  # of the network that it decided for


NAME = "depth"
COMMAND = "depth"
QUESTION = "how often should each block group be repeated, under the cap"
RULE = "The trained network under the cap with the lowest expected validation MAE; by the paper's strategy, with the lowest that was seen."
EXAMPLE = "boneage-search depth --max-params 70M"
NEEDS = width.NAME
SEEDED = False  # a search: it spends its epochs on more networks
RESOLVES = False
COMPARES = False
FINDINGS = DepthFindings
# Where networks are proposed: before any training one of twice the parameters is expected to be better, by so many times what a step usually
# means. Trainings of larger networks, which it proposes first, correct that where it is wrong.
LARGER = -1.5


def searched(given: Given) -> bool:
    """Whether by the surrogate."""
    return belief.searches_jointly(given)


def objectives(given: Given) -> tuple[str, ...]:
    return given.preset.objective


def max_params(given: Given) -> int:
    return given.preset.max_params


@says
def features(architecture: Architecture) -> tuple[float, ...]:
    """What the surrogate sees of the depth: the counts, in steps."""
    family = family_named(architecture.family)
    return tuple(count / family.step(group) for group, count in architecture.blocks._asdict().items())


@partial(says, slope=LARGER)
def size(architecture: Architecture) -> tuple[float, ...]:
    """What the surrogate sees of the whole network: its parameters, in doublings. A block of a wide network is more than one of a narrow
    network, which counts and width cannot say by a sum."""
    return (log2(params(architecture)),)


def beta_range(given: Given) -> list[float]:
    """The widths between the reference and the best; the neighbours where those are one, or where blocks were dropped.

    Dropped blocks were exchanged for width, and what depth costs is given in width again: one step of it.
    """
    grid = width.betas(given)
    start = grid.index(given.preset.reference.beta)
    found = given.found(width.WidthFindings).best_beta
    assert found is not None
    best = grid.index(found)
    low, high = sorted((start, best))
    if start == best or width.dropped(given):
        low, high = max(best - 1, 0), best + 1
    return list(grid[low : high + 1])


def space(given: Given) -> Space:
    """The grid, widened where needed to hold the points the preset starts with."""
    if searched(given):
        return joint(given, given.decisions[width.NAME].architecture, belief.MOST_POINTS)
    preset = given.preset
    start = preset.depth_start
    betas = sorted({*beta_range(given), *(beta for beta, _ in start)})
    keys = given.found(ablation.AblationFindings).key_groups
    stock = given.decisions[width.NAME].architecture.blocks._asdict()
    counts: dict[str, tuple[int, ...]] = {}
    family = family_named(preset.reference.family)
    for group in family.groups:
        started = [getattr(blocks, group) for _, blocks in start]
        top = max([stock[group] + (preset.depth_extra * family.step(group) if group in keys else 0), *started])
        bottom = min([stock[group], *started])
        if top > bottom:
            counts[group] = tuple(sorted({*family.stepped(group, stock[group], bottom, top), *started}))
    return {"beta": tuple(betas), **counts}


def joint(given: Given, decided: Architecture, most: int) -> Space:
    """For the surrogate: every width, every group from none to `depth_extra` steps more than the reference's; of these at most `most`
    points, around what was decided."""
    preset, now = given.preset, decided.blocks._asdict() | {"beta": decided.beta, "fc_units": decided.fc_units}
    reference, family = preset.reference.blocks._asdict(), family_named(preset.reference.family)
    grid: dict[str, tuple[float, ...]] = {
        "beta": tuple(sorted({*width.betas(given), decided.beta, *(beta for beta, _ in preset.depth_start)}))
    }
    for group, count in reference.items():
        if count or now[group]:
            top = max(int(now[group]), count + preset.depth_extra * family.step(group))
            grid[group] = tuple(sorted({*family.stepped(group, count, 0, top), int(now[group])}))
    grid["fc_units"] = tuple(sorted({0, decided.fc_units, *preset.fc_choices}))
    return belief.narrowed(grid, now, most)


def architecture(given: Given, point: Point) -> Architecture:
    return belief.moved(given.decisions[width.NAME].architecture, point)


def prunable(given: Given, point: Point) -> bool:
    """Not where cost counts too: a network that is behind may be the best of its size."""
    return given.preset.prune and objectives(given) == ALONE


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    if searched(given):
        return belief.proposals(sys.modules[__name__], given, trials, started(given), given.preset.depth_trials)
    groups = [group for group in space(given) if group != "beta"]
    widest = given.decisions[width.NAME].architecture
    start = dict.fromkeys([(widest.beta, widest.blocks), *given.preset.depth_start])
    points: list[Point] = [
        {"beta": beta, **{group: getattr(blocks, group) for group in groups}} for beta, blocks in start
    ]
    if len(trials) >= given.preset.depth_trials:
        return Proposals()
    return Proposals(
        points[: given.preset.depth_trials], sample=not exhausted(given, trials), at_most=given.preset.depth_trials
    )


def started(given: Given) -> list[Point]:
    """The preset's points with the head that was decided, as far as the space holds them."""
    grid, head = space(given), {"fc_units": given.decisions[width.NAME].architecture.fc_units}
    whole = [head | blocks._asdict() | {"beta": beta} for beta, blocks in given.preset.depth_start]
    points: list[Point] = [{name: start[name] for name in grid} for start in whole]
    return [point for point in points if all(value in grid[name] for name, value in point.items())]


def exhausted(given: Given, trials: Sequence[Trial]) -> bool:
    """Whether the last `depth_patience` finished trials brought nothing better."""
    finished = [trial for trial in trials if trial.finished]
    best = best_of(finished) if objectives(given) == ALONE else latest_of_front(given, finished)
    since = len(finished) if best is None else sum(trial.number > best.number for trial in finished)
    return since >= given.preset.depth_patience


def latest_of_front(given: Given, finished: Sequence[Trial]) -> Trial | None:
    complete = {trial.number: trial for trial in finished if trial.state == "complete"}
    front = undominated({number: measure(given, trial) for number, trial in complete.items()})
    return complete[max(front)] if front else None


def measure(given: Given, trial: Trial) -> tuple[float, ...]:
    """What is minimized, in the order of the objectives."""
    cost = given.cost(architecture(given, trial.point))
    values = {"mae": trial.error, "macs": cost.macs, "params": cost.params}
    return tuple(values[name] for name in objectives(given))


def chosen(given: Given, fitting: Sequence[Trial]) -> Trial | None:
    """The best; with a second objective the cheapest of those within the margin of the best."""
    best = best_of(fitting)
    if best is None or objectives(given) == ALONE:
        return best
    within = [trial for trial in fitting if trial.error <= best.error + given.preset.margin_months]
    return min(within, key=lambda trial: (measure(given, trial)[1], trial.error, trial.number))


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    if searched(given):
        return believed(given, trials)
    cap = max_params(given)
    fitting = [trial for trial in trials if given.fits(architecture(given, trial.point), cap)]
    best = chosen(given, fitting)
    if best is None:
        raise StudyError("no depth could be trained; see the outcomes of the trials")
    decided = architecture(given, best.point)
    cost = given.cost(decided)
    summary = (
        f"{decided.width}, {decided.blocks}: {months(best.error)} months with {millions(cost.params)} parameters, "
        f"{gmacs(cost.macs)} GMACs"
    )
    findings = DepthFindings(best_mae=best.validation_mae, params=cost.params, macs=cost.macs, point=best.point)
    return Decision(summary, decided, findings)


def believed(given: Given, trials: Sequence[Trial]) -> Decision:
    module = sys.modules[__name__]
    decided, choice = belief.choose(module, given, trials)
    cost = given.cost(decided)
    best_mae = belief.mean_mae(module, given, trials, decided)
    point = belief.own_point(module, given, trials, decided)
    findings = DepthFindings(best_mae=best_mae, params=cost.params, macs=cost.macs, point=point, choice=choice)
    return Decision(f"{belief.worded(decided)}: {choice.sentence}", decided, findings)


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    finished = sorted((trial for trial in trials if trial.finished), key=lambda trial: trial.error)
    return [row(given, trial, architecture(given, trial.point), **trial.point) for trial in finished]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None
