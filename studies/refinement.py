"""Refinement: the final width, an additional fully connected layer, and as much dropout as still converges.

Three steps, each starting from the best of the one before: wider by the next steps of the width grid, as the cap
allows; the fully connected widths; dropout rates upwards until one no longer converges. A rate converges where the
last training MAE has come at least CONVERGED of the way from the constant predictor's to that without dropout. The
decision is the largest converging rate among those within the margin of the best. What each part of the head is worth is said as an
estimate: by the trainings that are compared, one of the two was picked (`statistics/fresh.py`).

This is the paper's strategy. By default one surrogate of all trainings of the run proposes and decides instead: `knowledge/belief.py`.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log2
from typing import Any

from data.written import millions, months, yardstick
from models.architecture import Architecture
from studies import depth, resolution, width
from studies.caps import options, over, said
from studies.findings import Compared, Findings, learned_nothing
from studies.knowledge import belief
from studies.knowledge.dimensions import says
from studies.preset import StudyError
from studies.refining import by_group
from studies.refining.compared import around, estimated, of_steps
from studies.study import (
    ALONE,
    Decision,
    Given,
    Point,
    Proposals,
    Space,
    Sweep,
    Trial,
    Value,
    at,
    best_of,
    complete_at,
    row,
    seeds_of,
)


@dataclass(frozen=True, kw_only=True)
class RefinementFindings(Findings):
    CAPTION = "The head, and the sex"

    best_mae: float | None = None  # months
    constant_mae: float | None = None  # months, of always answering the training median
    params: int | None = None
    macs: int | None = None
    largest_converging_dropout: float | None = None
    point: Point = field(default_factory=dict)  # of the network that it decided for
    learned_nothing: bool | None = None  # True: no better than the constant by more than the margin
    comparisons: tuple[Compared, ...] = field(default=(), metadata={"of": Compared})

    @property
    def compared(self) -> tuple[Compared, ...]:
        return self.comparisons


NAME = "refinement"
COMMAND = "refine"
QUESTION = "which width, fully connected layer and dropout should it have"
RULE = (
    "The trained network under the cap with the lowest expected validation MAE. By the paper's strategy: the best width, then "
    "the best fully connected layer, then the largest dropout that still converges within {margin} of the best."
)
EXAMPLE = "boneage-search refine --max-params 80M"
NEEDS = depth.NAME
SEEDED = True
RESOLVES = False
COMPARES = False
FINDINGS = RefinementFindings
WIDER_STEPS = 2
CONVERGED = 0.8
SMALLEST = 0.25  # to the surrogate, of a layer that is there: it is another network than one without


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return given.preset.refine_max_params or given.preset.max_params


@says
def features(architecture: Architecture) -> tuple[float, ...]:
    """What the surrogate sees of the head: a layer counts, its size less, and the smallest still counts; dropout by its rate; whether it
    knows the sex; attention as the layer; and widths by group."""
    layer = max(SMALLEST, 1 + log2(architecture.fc_units / 128) / 4) if architecture.fc_units else 0.0
    attention = max(SMALLEST, 1 + log2(architecture.se_ratio * 16) / 4) if architecture.se_ratio else 0.0
    head = layer, architecture.dropout / 0.3, float(architecture.sex_units > 0), attention
    return *head, *by_group.features(architecture)


def start(given: Given) -> Architecture:
    """What the study before it decided for."""
    return (given.decisions.get(resolution.NAME) or given.decisions[depth.NAME]).architecture


def space(given: Given) -> Space:
    """With the surrogate, width, depth and resolution may be revised."""
    rates: tuple[float, ...] = (0.0, *given.preset.dropouts)
    sexes = tuple(sorted({0, sex_units(given)}))
    decided = start(given)
    ratios = tuple(sorted({0.0, decided.se_ratio, *given.preset.se_choices}))
    attention: dict[str, tuple[Value, ...]] = {"se_ratio": ratios} if given.preset.se_choices else {}
    widths = by_group.choices(given, decided) if given.preset.widths_by_group else ()
    grouped: dict[str, tuple[Value, ...]] = {by_group.NAME: widths} if len(widths) > 1 else {}
    if depth.searched(given):
        sides = resolution.choices(given.preset, decided) if given.preset.px_choices else ()
        shrunk: dict[str, tuple[Value, ...]] = {resolution.PX: sides} if sides else {}
        share = math.prod(len(values) for values in (rates, *attention.values(), *shrunk.values(), *grouped.values()))
        return {
            **depth.joint(given, decided, belief.MOST_POINTS // share),
            "dropout": rates,
            "sex_units": sexes,
            **attention,
            **shrunk,
            **grouped,
        }
    wider = [beta for beta in width.betas(given) if beta > decided.beta][:WIDER_STEPS]
    return {
        "beta": (decided.beta, *wider),
        "fc_units": (0, *sorted(given.preset.fc_choices)),
        "dropout": rates,
        "sex_units": sexes,
        **attention,
        **grouped,
    }


def sex_units(given: Given) -> int:
    return start(given).sex_units


def architecture(given: Given, point: Point) -> Architecture:
    own = {name: value for name, value in point.items() if name not in (resolution.PX, by_group.NAME)}
    network = by_group.moved(belief.moved(start(given), own), point)
    return resolution.moved(network, point, given.preset.preparation.image_px)


def prunable(given: Given, point: Point) -> bool:
    """Only where widths and heads are searched: rates of dropout and the sex are compared, and so are seeds."""
    compared = point["dropout"] or point["sex_units"] != sex_units(given) or given.preset.seeds > 1
    return given.preset.prune and not compared


def fits(given: Given, point: Point) -> bool:
    return given.fits(architecture(given, point), max_params(given))


def steps(given: Given, trials: Sequence[Trial]) -> tuple[list[Point], list[Point], list[Point]]:
    """The points of the three steps, as far as the results so far determine them."""
    grid = space(given)
    plain: Point = {"fc_units": 0, "dropout": 0.0, "sex_units": sex_units(given)}
    if "se_ratio" in grid:
        plain["se_ratio"] = start(given).se_ratio
    if by_group.NAME in grid:
        plain[by_group.NAME] = by_group.NONE
    widths = [point for beta in grid["beta"] if fits(given, point := {"beta": beta} | plain)]
    best = finished_best(widths, trials)
    if best is None:
        return widths, [], []
    heads = [point for units in grid["fc_units"] if fits(given, point := best.point | {"fc_units": units})]
    best = finished_best(heads, trials)
    # Attention and widths by group belong to the second step: they too are added to the best width.
    for name in [name for name in ("se_ratio", by_group.NAME) if name in grid]:
        if best is None:
            break
        added = [best.point | {name: value} for value in grid[name]]
        heads += [point for point in added if point not in heads and fits(given, point)]
        best = finished_best(heads, trials)
    if best is None:
        return widths, heads, []
    rates = []
    for rate in grid["dropout"]:
        rates.append(best.point | {"dropout": rate})
        trial = at(trials, rates[-1])
        if trial is None or not converges(given, trial, best):
            break
    return widths, heads, rates


def finished_best(points: Sequence[Point], trials: Sequence[Trial]) -> Trial | None:
    """The best of these points, once all of them have finished."""
    finished = [at(trials, point) for point in points]
    if any(trial is None for trial in finished):
        return None
    return best_of([trial for trial in finished if trial is not None])


def converges(given: Given, trial: Trial, without: Trial) -> bool:
    if trial.validation_mae is None or not trial.train_mae:
        return False
    reached, goal = trial.train_mae[-1], without.train_mae[-1]
    return reached <= goal + (1 - CONVERGED) * max(given.constant_mae - goal, 0.0)


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    if depth.searched(given):
        return belief.proposals(sys.modules[__name__], given, trials, [], given.preset.refine_trials, lacking(given))
    return Proposals([point for step in steps(given, trials) for point in step])


def lacking(given: Given) -> int:
    """Seeds that an earlier study's network may lack: depth trains each with one, and resolution with seeds of its own alone."""
    trained = 0 if resolution.asked(given.preset) else seeds_of(depth, given)
    return given.preset.seeds - trained


def choose(given: Given, trials: Sequence[Trial]) -> Trial | None:
    """The largest converging rate within the margin of the best; None where no network could be trained."""
    _, heads, rates = steps(given, trials)
    without = finished_best(heads, trials)
    if without is None:
        return None
    converging = converged(given, trials, without, rates)
    allowed = min(trial.error for trial in converging) + given.preset.margin_months
    within = (trial for trial in converging if trial.error <= allowed)
    return max(within, key=lambda trial: float(trial.point["dropout"]))


def converged(given: Given, trials: Sequence[Trial], without: Trial, rates: Sequence[Point]) -> list[Trial]:
    tried = [trial for point in rates if (trial := at(trials, point)) is not None]
    return [trial for trial in tried if converges(given, trial, without)]


def believed(given: Given, trials: Sequence[Trial]) -> Decision:
    module = sys.modules[__name__]
    decided, choice = belief.choose(module, given, trials)
    cost = given.cost(decided)
    point = belief.own_point(module, given, trials, decided)
    own = complete_at(trials, point)  # its seeds are those that tables and reports show; resolution has others
    mae = own.error if own else belief.mean_mae(module, given, trials, decided)
    nothing = learned_nothing(max(mae, choice.expected), given.constant_mae, given.preset.margin_months)
    findings = RefinementFindings(
        best_mae=mae,
        constant_mae=given.constant_mae,
        params=cost.params,
        macs=cost.macs,
        point=point,
        learned_nothing=nothing or None,
        comparisons=estimated(given, around(trials, point), at(trials, point)) if point else (),
        choice=choice,
    )
    constant = f"always answering the median: {yardstick(given.constant_mae)}"
    return Decision(f"{belief.worded(decided)}: {choice.sentence} ({constant})", decided, findings)


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    if depth.searched(given):
        return believed(given, trials)
    widths, heads, rates = steps(given, trials)
    if not widths:
        least = given.cost(replace(start(given), fc_units=0))
        unmet = over(given.caps(max_params(given)), least)
        has = " and ".join(f"{cap.measure(least):,}" for cap in unmet)
        raise StudyError(
            f"no refinement fits {said(unmet)} with the sex: the smallest one, the network that refinement starts from without its "
            f"fully connected layer, has {has}; raise {options(unmet)}"
        )
    without, chosen = finished_best(heads, trials), choose(given, trials)
    if without is None or chosen is None:
        raise StudyError("no refined network could be trained; see the outcomes of the trials")
    converging = converged(given, trials, without, rates)
    final = architecture(given, chosen.point)
    cost = given.cost(final)
    summary = (
        f"{final.width}, {final.blocks}, FC {final.fc_units or 'none'}, dropout {final.dropout:g}: {months(chosen.error)} months "
        f"with {millions(cost.params)} parameters (always answering the median: {yardstick(given.constant_mae)})"
    )
    findings = RefinementFindings(
        best_mae=chosen.validation_mae,
        constant_mae=given.constant_mae,
        params=cost.params,
        macs=cost.macs,
        largest_converging_dropout=max(float(trial.point["dropout"]) for trial in converging),
        point=chosen.point,
        learned_nothing=learned_nothing(chosen.error, given.constant_mae, given.preset.margin_months) or None,
        comparisons=comparisons(given, trials),
    )
    return Decision(summary, final, findings)


def comparisons(given: Given, trials: Sequence[Trial]) -> tuple[Compared, ...]:
    return estimated(given, of_steps(steps(given, trials), choose(given, trials), trials))


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    finished = sorted((trial for trial in trials if trial.finished), key=lambda trial: trial.number)
    return [
        row(given, trial, architecture(given, trial.point), **trial.point) | {"train_mae": trial.best_train_mae}
        for trial in finished
    ]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None
