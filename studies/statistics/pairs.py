"""Variants beside a reference, seed by seed: which runs make a pair, and what the pairs tell (`verdicts.py`).

Imported only where something is compared: the statistics take a second to import.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from studies.findings import Compared, VerdictWord
from studies.statistics.verdicts import Pairs, Verdict, judge, race
from studies.study import Given, Trial

# What the ablation's verdicts, which speak of taking something away, are called where one thing replaces another.
OF_A_CHANGE: dict[VerdictWord, VerdictWord] = {"matters": "worse", "better without": "better"}


@dataclass(frozen=True)
class Paired:
    pairs: Pairs
    left_out: tuple[str, ...]  # seeds that make no pair, and why


def paired(given: Given, trial: Trial, reference: Trial) -> Paired:
    """Months that `trial` is worse than `reference`, by seed. Both are pooled trials."""
    theirs = {run.seed: run for run in reference.by_seed}
    changes, images, left_out = [], [], []
    for run in trial.by_seed:
        other = theirs.get(run.seed)
        if other is None or other.validation_mae is None:
            left_out.append(f"seed {run.seed}: the reference has no result")
        elif run.validation_mae is None:
            changes.append(math.inf)
        elif run.conditions != other.conditions:
            left_out.append(
                f"seed {run.seed}: trained on {run.conditions or 'unknown'}, the reference on {other.conditions or 'unknown'}"
            )
        else:
            changes.append(run.error - other.error)
            images.append((given.errors(run), given.errors(other)))
    kept = [(ours, others) for ours, others in images if ours is not None and others is not None]
    by_image = np.stack([ours - others for ours, others in kept]) if kept and len(kept) == len(images) else None
    return Paired(Pairs(tuple(changes), by_image), tuple(left_out))


def described(name: str, verdict: Verdict, left_out: tuple[str, ...] = ()) -> Compared:
    """A row of a table, and of the decision's JSON."""

    def rounded(value: float) -> float | None:
        return round(value, 4) if math.isfinite(value) else None

    return Compared(
        variant=name,
        verdict=verdict.verdict,
        change=rounded(verdict.change),
        low=rounded(verdict.low),
        high=rounded(verdict.high),
        p_difference=rounded(verdict.p_difference),
        p_equivalence=rounded(verdict.p_equivalence),
        seeds=verdict.seeds,
        scope=verdict.scope,
        seeds_to_resolve=verdict.seeds_to_resolve,
        left_out="; ".join(left_out),
    )


def raced(given: Given, variants: Mapping[str, Trial], reference: Trial) -> dict[str, tuple[Verdict, int]]:
    """For each variant its verdict, and how many seeds it should have: more than it has where the verdict is open."""
    family = {name: paired(given, trial, reference).pairs for name, trial in variants.items()}
    margin, most = given.preset.margin_months, given.preset.resolve
    if most:
        return race(family, margin, most)
    return {name: (verdict, verdict.seeds) for name, verdict in judge(family, margin).items()}


def compared(given: Given, variants: Mapping[str, Trial], reference: Trial) -> tuple[Compared, ...]:
    """A row for each variant against the reference, judged as one family."""
    found = {name: paired(given, trial, reference) for name, trial in variants.items()}
    verdicts = judge({name: pairs.pairs for name, pairs in found.items()}, given.preset.margin_months)
    rows = [described(name, verdicts[name], pairs.left_out) for name, pairs in found.items()]
    return tuple(replace(row, verdict=OF_A_CHANGE.get(row.verdict, row.verdict)) for row in rows)
