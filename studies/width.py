"""Width: how narrow may the network be, and where does widening stop paying?

β goes down from the reference until a width is clearly worse (by more than the margin), and up until a width is no
better than the one before it, or over the cap. The paper found 0.7 no worse and 1.4 the end.
Where the ablation has left blocks out, the question is what their parameters buy: β begins with the widest under the cap and
goes down until a width is no better than the wider one. Where none is better than the reference was with all of its blocks,
that is restored.

This is the paper's strategy. By default one surrogate of all trainings of the run proposes and decides instead: `knowledge/belief.py`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log2
from typing import Any, Self

from data.written import months
from models.architecture import Architecture
from studies import ablation
from studies.findings import Compared, Findings
from studies.knowledge import belief
from studies.knowledge.dimensions import says
from studies.preset import StudyError
from studies.statistics.fresh import of_seeds
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial, at, best_of, in_months, row


@dataclass(frozen=True, kw_only=True)
class WidthFindings(Findings):
    CAPTION = "Each width, beside the reference's"

    best_beta: float | None = None
    best_mae: float | None = None  # months
    comparisons: tuple[Compared, ...] = field(default=(), metadata={"of": Compared})
    # No worse than the reference's; not asked where blocks were dropped, or that one is over the cap.
    smallest_beta: float | None = None

    @property
    def compared(self) -> tuple[Compared, ...]:
        return self.comparisons

    @classmethod
    def assumed(cls, network: Architecture, dearest_groups: tuple[str, ...]) -> Self:
        return cls(best_beta=network.beta)


NAME = "width"
COMMAND = "width"
QUESTION = "how narrow may the network be, and where does widening stop paying"
RULE = (
    "The trained network under the cap with the lowest expected validation MAE. By the paper's strategy: from the reference "
    "width down, the smallest β whose mean MAE is within {margin} of the reference's; from it up, the best before widening "
    "stops paying; where blocks were dropped, from the widest under the cap down. The best goes on to the next study."
)
EXAMPLE = "boneage-search width"
NEEDS = ablation.NAME
SEEDED = True
RESOLVES = False
COMPARES = False
FINDINGS = WidthFindings


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return given.preset.max_params


def betas(given: Given) -> tuple[float, ...]:
    """The rising widths of the sweep; also the grid on which depth and refinement choose theirs."""
    return tuple(round(given.preset.reference.beta * factor, 4) for factor in given.preset.width_factors)


def dropped(given: Given) -> list[str]:
    """What the ablation has left out, as its variants' names."""
    return list(given.found(ablation.AblationFindings).dropped)


@says
def features(architecture: Architecture) -> tuple[float, ...]:
    """What the surrogate sees of a width: doublings."""
    return (log2(architecture.beta),)


def space(given: Given) -> Space:
    """With the surrogate also without each of the block groups: what they cost is width, under a cap."""
    if not belief.searches(given):
        return {"beta": betas(given)}
    reference, base = given.preset.reference, given.decisions[ablation.NAME].architecture
    counts = {
        group: {0, getattr(base.blocks, group), getattr(reference.blocks, group)} for group in reference.blocks._fields
    }
    some = {group: tuple(sorted(values)) for group, values in counts.items() if len(values) > 1}
    layers = {"fc_units": tuple(sorted({0, base.fc_units, *given.preset.fc_choices}))}
    around = reference.blocks._asdict() | {"beta": reference.beta, "fc_units": base.fc_units}
    return belief.narrowed({"beta": betas(given), **some, **layers}, around, belief.MOST_POINTS)


def architecture(given: Given, point: Point) -> Architecture:
    return belief.moved(given.decisions[ablation.NAME].architecture, point)


def downward(given: Given, trials: Sequence[Trial]) -> list[float]:
    """Widths from the reference down, as far as the results so far ask for; all but the last have run."""
    chosen = []
    for beta in reversed([beta for beta in betas(given) if beta <= given.preset.reference.beta]):
        chosen.append(beta)
        trial = at(trials, {"beta": beta})
        if trial is None or trial.error > limit(given, trials):
            break
    return chosen


def upward(given: Given, trials: Sequence[Trial]) -> list[float]:
    """Widths from the reference up, until one does not improve on the one before."""
    chosen: list[float] = []
    before = float("inf")
    for beta in [beta for beta in betas(given) if beta >= given.preset.reference.beta]:
        chosen.append(beta)
        trial = at(trials, {"beta": beta})
        if trial is None or trial.error >= before:
            break
        before = trial.error
    return chosen


def from_the_widest(given: Given, trials: Sequence[Trial]) -> list[float]:
    """Widths from the widest under the cap down, until one does not improve on the wider; one that failed ends nothing yet."""
    chosen: list[float] = []
    before = float("inf")
    for beta in reversed(betas(given)):
        if not fits(given, {"beta": beta}):
            continue
        chosen.append(beta)
        trial = at(trials, {"beta": beta})
        if trial is None or (before < float("inf") and trial.error >= before):
            break
        before = trial.error
    return chosen


def limit(given: Given, trials: Sequence[Trial]) -> float:
    """The highest validation MAE that is no worse than the reference width's."""
    reference = at(trials, {"beta": given.preset.reference.beta})
    if reference is None or reference.validation_mae is None:
        return float("-inf")
    return reference.error + given.preset.margin_months


def prunable(given: Given, point: Point) -> bool:
    return False  # a comparison needs both ends


def start(given: Given) -> list[Point]:
    """The reference, and of the networks with the fewest blocks the widest under the cap; with the smallest fully connected layer that is
    tried, where that fits too."""
    grid = space(given)
    first = given.preset.reference
    reference = first.blocks._asdict() | {"beta": first.beta, "fc_units": first.fc_units}
    bare: Point = {name: values[0] for name, values in grid.items()}
    widest = [point for beta in grid["beta"] if fits(given, point := bare | {"beta": beta})][-1:]
    layered = [point | {"fc_units": units} for point in widest for units in grid.get("fc_units", ()) if units]
    fitting = [*widest, *(point for point in layered[:1] if fits(given, point))]
    return [{name: reference[name] for name in grid}, *fitting[-1:]]


def fits(given: Given, point: Point) -> bool:
    return given.fits(architecture(given, point), max_params(given))


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    if belief.searches(given):
        return belief.proposals(sys.modules[__name__], given, trials, start(given), given.preset.width_trials)
    wanted = from_the_widest(given, trials) if dropped(given) else [*upward(given, trials), *downward(given, trials)]
    return Proposals([{"beta": beta} for beta in dict.fromkeys(wanted)])


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    if belief.searches(given):
        return believed(given, trials)
    best = best_of(trials)
    if best is None:
        raise StudyError("no width could be trained; see the outcomes of the trials")
    findings = WidthFindings(
        best_beta=float(best.point["beta"]),
        best_mae=best.validation_mae,
        comparisons=comparisons(given, trials),
    )
    decided = f"β {float(best.point['beta']):g} is the best, {months(best.error)} months"
    if without := dropped(given):
        return spent(given, best, f"without {', '.join(without)}, {decided}", findings)
    smallest = smallest_no_worse(given, trials)
    if smallest is None:
        return Decision(decided, architecture(given, best.point), findings)
    margin = in_months(given.preset.margin_months)
    summary = f"β {smallest:g} is the smallest that is at most {margin} worse than the reference; {decided}"
    return Decision(summary, architecture(given, best.point), replace(findings, smallest_beta=smallest))


def believed(given: Given, trials: Sequence[Trial]) -> Decision:
    module = sys.modules[__name__]
    decided, choice = belief.choose(module, given, trials)
    findings = WidthFindings(
        best_beta=decided.beta,
        best_mae=belief.mean_mae(module, given, trials, decided),
        comparisons=comparisons(given, of_the_reference(given, trials)),
        choice=choice,
    )
    return Decision(f"{belief.worded(decided)}: {choice.sentence}", decided, findings)


def of_the_reference(given: Given, trials: Sequence[Trial]) -> list[Trial]:
    """Those of networks that differ from the reference in width alone, with a point that says no more than the width."""
    plain = {replace(given.preset.reference, beta=beta): beta for beta in betas(given)}
    return [
        replace(trial, point={"beta": plain[network]})
        for trial in trials
        if (network := architecture(given, trial.point)) in plain
    ]


def spent(given: Given, best: Trial, summary: str, findings: WidthFindings) -> Decision:
    """Whether dropping blocks for width was a gain."""
    before = given.found(ablation.AblationFindings).baseline_mae
    assert before is not None  # it was what the dropped blocks were compared with
    reference = given.preset.reference
    if best.error > before and given.fits(reference, max_params(given)):
        summary += f"; no gain over {months(before)} with all blocks, so the reference is restored"
        return Decision(summary, reference, replace(findings, best_beta=reference.beta))
    return Decision(f"{summary} ({months(before)} with all blocks)", architecture(given, best.point), findings)


def smallest_no_worse(given: Given, trials: Sequence[Trial]) -> float | None:
    """None where the reference's width is not among them, as where it is over the cap by now."""
    if at(trials, {"beta": given.preset.reference.beta}) is None:
        return None
    no_worse = []
    for beta in downward(given, trials):
        trial = at(trials, {"beta": beta})
        if trial is None or trial.error > limit(given, trials):
            break
        no_worse.append(beta)
    return min(no_worse, default=given.preset.reference.beta)


def comparisons(given: Given, trials: Sequence[Trial]) -> tuple[Compared, ...]:
    """Every width against the reference's; of the family are all widths of the grid, also those that results made needless.

    Each with the seeds that all were to have: which width got further ones was chosen by its results, and no test allows for that.
    """
    from studies.statistics.pairs import compared  # brings SciPy

    trials = of_seeds(trials, given.preset.seed, given.preset.seeds)
    start = given.preset.reference.beta
    reference = at(trials, {"beta": start})
    others = {
        f"β {beta:g} instead of {start:g}": trial
        for beta in betas(given)
        if beta != start and (trial := at(trials, {"beta": beta})) is not None and trial.state == "complete"
    }
    if not others or reference is None or reference.state != "complete":
        return ()
    known = given.found(ablation.AblationFindings).spread
    return compared(given, others, reference, of=len(betas(given)) - 1, known=known)


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    finished = sorted((trial for trial in trials if trial.finished), key=lambda trial: float(trial.point["beta"]))
    return [row(given, trial, architecture(given, trial.point), **trial.point) for trial in finished]


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    findings = decision.findings if decision else None
    if belief.searches(given):
        trials = of_the_reference(given, trials)
        if len(trials) < 2:
            return None
        if decision and replace(given.preset.reference, beta=decision.architecture.beta) != decision.architecture:
            findings = None  # the decided network is none of them
    reference = limit(given, trials)
    named: dict[str, float | None] = {}
    if isinstance(findings, WidthFindings):
        named = {"smallest no worse": findings.smallest_beta, "best": findings.best_beta}
    marked = {what: beta for what, beta in named.items() if beta is not None}
    if len(marked) > 1 and len(set(marked.values())) == 1:
        marked = {"smallest no worse, and best": next(iter(marked.values()))}
    return Sweep("beta", trials, reference if reference > 0 else None, marked)
