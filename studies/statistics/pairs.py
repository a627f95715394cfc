"""Variants beside a reference: which of their trainings are compared, and what those tell (`verdicts.py`).

Imported only where something is compared: the statistics take a second to import.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from studies.findings import Compared, VerdictWord
from studies.statistics.racing import Raced, race
from studies.statistics.resampling import of_patients
from studies.statistics.verdicts import Runs, Spread, Verdict, judge, spread_of
from studies.study import Given, Trial

P_PLACES = 4  # of a p value, as it is stored and written
# What the ablation's verdicts, which speak of taking something away, are called where one thing replaces another.
OF_A_CHANGE: dict[VerdictWord, VerdictWord] = {"matters": "worse", "better without": "better"}


@dataclass(frozen=True)
class Beside:
    """A family of variants and their reference, as far as they were trained alike."""

    reference: Runs
    family: Mapping[str, Runs]
    left_out: Mapping[str, str]  # by variant, the seeds that were trained otherwise


def beside(given: Given, variants: Mapping[str, Trial], reference: Trial) -> Beside:
    """All are pooled trials. Compared are those trained as most seeds of the reference were: same device, precision, batch."""
    alike = conditions(reference)
    family = {name: runs(given, trial, alike) for name, trial in variants.items()}
    others = odd(reference, alike, "the reference's seed")
    left_out = {name: "; ".join([*odd(trial, alike, "seed"), *others]) for name, trial in variants.items()}
    return Beside(runs(given, reference, alike), family, left_out)


def conditions(reference: Trial) -> str:
    counted = Counter(run.conditions for run in reference.by_seed if run.validation_mae is not None)
    return counted.most_common(1)[0][0] if counted else ""


def runs(given: Given, trial: Trial, alike: str) -> Runs:
    """One that failed has no conditions that could differ."""
    kept = [run for run in trial.by_seed if run.validation_mae is None or run.conditions == alike]
    errors = [given.errors(run) for run in kept if run.validation_mae is not None]
    whole = errors and all(each is not None for each in errors)
    by_image = np.mean([np.asarray(each, float) for each in errors], axis=0) if whole else None
    by_patient = None if by_image is None else of_patients(by_image, given.patients)[0]
    return Runs(tuple(math.inf if run.validation_mae is None else run.error for run in kept), by_patient)


def odd(trial: Trial, alike: str, whose: str) -> list[str]:
    return [
        f"{whose} {run.seed}: trained on {run.conditions or 'unknown'}, not {alike or 'unknown'}"
        for run in trial.by_seed
        if run.validation_mae is not None and run.conditions != alike
    ]


def described(name: str, verdict: Verdict, left_out: str = "") -> Compared:
    """A row of a table, and of the decision's JSON."""

    def known(value: float) -> float | None:  # months are rounded where they are written, and nowhere before
        return value if math.isfinite(value) else None

    return Compared(
        variant=name,
        verdict=verdict.verdict,
        change=known(verdict.change),
        low=known(verdict.low),
        high=known(verdict.high),
        p_difference=known(round(verdict.p_difference, P_PLACES)),
        p_equivalence=known(round(verdict.p_equivalence, P_PLACES)),
        seeds=verdict.seeds,
        scope=verdict.scope,
        seeds_to_resolve=verdict.seeds_to_resolve,
        left_out=left_out,
        p_images=known(round(verdict.p_images, P_PLACES)),
    )


def raced(given: Given, compared: Beside, known: Spread | None = None) -> Raced:
    """The verdicts, and how many seeds each network should have: more than it has where a verdict is open.

    `known` is what the run knows of the spread of seeds.
    """
    margin, most = given.preset.equivalence_months, given.preset.resolve
    if most:
        return race(compared.reference, compared.family, margin, most, more(given, len(compared.family)))
    verdicts = judge(compared.reference, compared.family, margin, known=known)
    seeds = {name: verdict.seeds for name, verdict in verdicts.items()}
    return Raced(verdicts, seeds, len(compared.reference.months))


def more(given: Given, variants: int) -> Callable[[int], int]:
    return lambda seeds: given.preset.reference_seeds(seeds, variants)


def spread(compared: Beside, known: Spread | None = None) -> Spread | None:
    return spread_of(compared.reference, compared.family, known)


def compared(
    given: Given,
    variants: Mapping[str, Trial],
    reference: Trial,
    of: int = 0,
    known: Spread | None = None,
) -> tuple[Compared, ...]:
    """A row for each variant against the reference, judged as one family, of `of` that there could have been."""
    return all_compared(given, {name: (trial, reference) for name, trial in variants.items()}, of, known)


def all_compared(
    given: Given, pairs: Mapping[str, tuple[Trial, Trial]], of: int = 0, known: Spread | None = None
) -> tuple[Compared, ...]:
    """The same where variants have different references: each is adjusted for all that were compared.

    `known` is what the run knows of the spread of seeds.
    """
    of = max(of, len(pairs))
    rows: dict[str, Compared] = {}
    for _, together in groupby(
        sorted(pairs, key=lambda name: pairs[name][1].number), lambda name: pairs[name][1].number
    ):
        names = list(together)
        found = beside(given, {name: pairs[name][0] for name in names}, pairs[names[0]][1])
        verdicts = judge(found.reference, found.family, given.preset.equivalence_months, of=of, known=known)
        for name, verdict in verdicts.items():
            row = described(name, verdict, found.left_out[name])
            rows[name] = replace(row, verdict=OF_A_CHANGE.get(row.verdict, row.verdict))
    return tuple(rows[name] for name in pairs)
