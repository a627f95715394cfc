"""Who wins a comparison, how soon, and how surely: figures and sentences from the searches that were played."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.counted import counted
from data.written import months
from search.compare.replay import Trace
from search.compare.rivals import STAGED

LEVEL = 0.05  # of the sign test that separates the first two
FEWEST = 6  # repetitions that can be significant by it: 2 / 2**5 is above
NONE: Mapping[int, str] = {}
QUARTERS = {"low": 0.25, "median": 0.5, "high": 0.75}


def hit(trace: Trace, goal: float) -> int | None:
    """The epochs after which the search first was as good as `goal`, in months; None where it never was."""
    return next((epoch for epoch, mae in enumerate(trace.best_so_far, 1) if mae <= goal), None)


def hits(traces: Sequence[Trace], goal: float) -> dict[str, Any]:
    """Quartiles over the repetitions of the epochs to the goal, None where that quarter is never there; and the share that never is."""
    found = [hit(trace, goal) for trace in traces]
    epochs = [math.inf if one is None else one for one in found]
    quartiles = {name: float(np.quantile(epochs, share, method="inverted_cdf")) for name, share in QUARTERS.items()}
    return {f"hit_{name}": None if value == math.inf else int(value) for name, value in quartiles.items()} | {
        "never_hit": found.count(None) / len(found)
    }


@dataclass(frozen=True)
class Standing:
    """The first two by their median of the lowest validation MAE found, and whether chance could have ordered them so."""

    first: str
    first_mae: float  # months
    second: str
    second_mae: float
    lower: int  # of the repetitions in which one of the two was lower, those in which it was the first
    unequal: int
    repetitions: int

    @property
    def clear(self) -> bool:
        """By a two-sided sign test of the repetitions."""
        if self.first_mae == self.second_mae or 2 * self.lower <= self.unequal:
            return False
        from scipy.stats import binomtest  # takes a third of a second to import

        return bool(binomtest(self.lower, self.unequal).pvalue <= LEVEL)

    @property
    def sentence(self) -> str:
        if self.repetitions == 1:
            how = f"one repetition; fewer than {FEWEST} repetitions can show no winner"
        else:
            how = f"medians of {self.repetitions} repetitions; {self.first} is lower in {self.lower} of them"
            if equal := self.repetitions - self.unequal:
                how += f", equal in {equal}"
            if not self.clear and self.repetitions < FEWEST:
                how += f"; fewer than {FEWEST} repetitions can show no winner"
        ends = f"{months(self.first_mae)} months, {self.second} at {months(self.second_mae)} ({how})."
        if self.clear:
            return f"{self.first} wins: it ends at {ends}"
        return f"No search wins clearly: {self.first} ends at {ends}"


def standing(final: Mapping[str, Sequence[float]]) -> Standing | None:
    """Of the months that each search ended with, repetition by repetition; None where nothing was compared."""
    if len(final) < 2:
        return None
    medians = {name: float(np.median(months)) for name, months in final.items()}
    first, second = sorted(final, key=lambda name: medians[name])[:2]
    pairs = list(zip(final[first], final[second], strict=True))
    return Standing(
        first,
        medians[first],
        second,
        medians[second],
        sum(ours < theirs for ours, theirs in pairs),
        sum(ours != theirs for ours, theirs in pairs),
        len(pairs),
    )


def verdict(
    rows: Sequence[Mapping[str, Any]],
    first: Standing | None,
    share: Mapping[str, Any],
    table: bool = False,
    left_out: Mapping[int, str] = NONE,
) -> list[str]:
    """The question of the comparison, answered in sentences; who wins comes first. `rows` are the summary's, the best first.

    `left_out` says of repetitions that are in none of the figures why they are not.

    On a recorded `table` repetitions draw from the same few trainings of each network, so they say nothing of other trainings.
    """
    if first is None:
        return ["Nothing was compared with the staged strategy.", *said_left_out(left_out)]
    said = [first.sentence, *said_left_out(left_out)]
    if table and first.clear:
        said.append(
            "That holds for this table: each training was made once, and other trainings may give another order."
        )
    names = [str(row["search"]) for row in rows]
    if STAGED not in names:
        return said
    ours = rows[names.index(STAGED)]
    if STAGED not in (first.first, first.second):
        said.append(
            f"The staged strategy is number {names.index(STAGED) + 1} of {len(rows)}, at {months(ours['validation_mae'])} months."
        )
    if share:
        said.append(reached(share, ours, first.repetitions))
    known = [row for row in rows if row.get("regret") is not None]
    if ours in known:
        best = min(known, key=lambda row: float(row["regret"]))
        said.append(
            f"By the known truth, the network that staged hands on is {months(ours['regret'])} months worse than the best network; "
            f"{best['search']} has the least regret, {months(best['regret'])}{' (medians)' * (first.repetitions > 1)}."
        )
    return said


def said_left_out(left_out: Mapping[int, str]) -> list[str]:
    if not left_out:
        return []
    count, why = len(left_out), "; ".join(dict.fromkeys(left_out.values()))
    return [
        f"{counted(count, 'more repetition is', 'more repetitions are')} left out of all searches, because one search found no network ({why}): "
        "the figures do not show how often that happens."
    ]


def reached(share: Mapping[str, Any], ours: Mapping[str, Any], repetitions: int) -> str:
    rival = f"{share['best_rival']} ends at {months(share['its_validation_mae'])} months after {epochs_of(share['its_epochs'])}"
    if repetitions > 1:
        rival += " (medians)"
    if share["staged_reaches_it_after"] is None:
        if repetitions == 1:
            return f"Of its rivals, {rival}; the staged strategy does not get that low."
        return (
            f"Of its rivals, {rival}; {ours['never_hit']:.0%} of the staged strategy's repetitions do not get that low."
        )
    after = f"after {epochs_of(share['staged_reaches_it_after'])}, {share['share']:.0%} of them"
    if repetitions == 1:
        return f"Of its rivals, {rival}; the staged strategy gets that low {after}."
    never = f"{ours['never_hit']:.0%} of its repetitions never do" if ours["never_hit"] else "all its repetitions do"
    quartiles = f"quartiles {or_never(ours['hit_low'])} to {or_never(ours['hit_high'])}"
    return (
        f"Of its rivals, {rival}; the staged strategy gets that low {after} (median of its repetitions; {quartiles}; "
        f"{never})."
    )


def epochs_of(count: float) -> str:
    return counted(float(count), "epoch")


def or_never(epochs: int | None) -> str:
    return "never" if epochs is None else str(epochs)
