"""Which block groups an ablation calls key groups, why, and in which words: for a new decision, and for one that is read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from data.counted import counted
from studies.findings import Compared, Evidence, VerdictWord
from studies.preset import MIN_SEEDS
from studies.study import in_months

FAILS: VerdictWord = "not trainable"
SURE: tuple[VerdictWord, ...] = ("matters", FAILS)
NO_COST: tuple[VerdictWord, ...] = ("does not matter", "better without")
By = Literal["verdict", "estimate"]


@dataclass(frozen=True)
class Evident:
    """What an ablation has found of the block groups, and by which rules the search goes on from it."""

    rows: Sequence[Compared]
    known: Mapping[str, Evidence]  # of the dearest step of each group that could be judged, in network order
    margin_months: float
    of_all_trainings: bool  # whether what is known is the surrogate's, or what was seen
    depth_tries_all: bool  # or repeats the key groups alone

    def of(self, group: str) -> list[Compared]:
        return [row for row in self.rows if group_of(row) == group]

    def sure(self, group: str) -> list[Compared]:
        """By a verdict. That one or two trainings failed is none."""
        return [
            row for row in self.of(group) if row.verdict in SURE and (row.verdict != FAILS or row.seeds >= MIN_SEEDS)
        ]

    def is_sure(self, group: str) -> bool:
        return bool(self.sure(group))

    def fails(self, group: str) -> bool:
        """Whether it could not be trained in one of its steps, be that a verdict or not."""
        return any(row.verdict == FAILS for row in self.of(group))

    def costs_nothing(self, group: str) -> bool:
        """Whether every verdict on it says that it can be lowered."""
        return bool(self.of(group)) and all(row.verdict in NO_COST for row in self.of(group))

    def is_costly(self, group: str) -> bool:
        return group in self.known and self.known[group].effect_months > self.margin_months


def group_of(row: Compared) -> str:
    return row.variant.partition("=")[0]


def keys_of(groups: Sequence[str], found: Evident) -> tuple[tuple[str, ...], By]:
    """By verdict, else by what is known of each group without one: those that failed or cost more than the margin, else the dearest."""
    if sure := tuple(group for group in groups if found.is_sure(group)):
        return sure, "verdict"
    if over := tuple(group for group in groups if found.is_costly(group) or found.fails(group)):
        return over, "estimate"
    judged = [group for group in groups if group in found.known]
    return (max(judged, key=lambda group: found.known[group].effect_months),), "estimate"


def reason(keys: Sequence[str], by: By, found: Evident) -> str:
    """Why these are the key groups, and what depth makes of them."""
    repeats = f", and depth repeats {'it' if len(keys) == 1 else 'them'}"
    depth = "; depth tries all groups" if found.depth_tries_all else repeats
    if by == "verdict":
        # An earlier version called a single failure a verdict.
        rows = [row for group in keys for row in found.sure(group) or found.of(group) if row.verdict in SURE]
        does = dict.fromkeys("makes it untrainable" if row.verdict == FAILS else "makes it worse" for row in rows)
        said = f"key groups: {', '.join(keys)} (lowering one {' or '.join(does)}, {seeds_said(found.rows)})"
        return said + depth * found.depth_tries_all
    together = " of all trainings together" if found.of_all_trainings else ""
    judged = " that a group matters" if all(row.seeds >= MIN_SEEDS for row in found.rows) else ""
    failed = [group for group in keys if found.fails(group)]
    costly = [group for group in keys if found.is_costly(group)]
    without = f"no verdict from {seeds_said(found.rows)}{judged}"
    if failed:
        without += f"; lowered, {' or '.join(failed)} could not be trained"
        if not costly:
            return without + depth
    without += f"; by estimate{together}"
    margin, dearest = in_months(found.margin_months), keys[0]
    if costly:
        said = ", ".join(f"{group} ({evidence(group, found)})" for group in costly)
        return f"{without} {said} {'costs' if len(costly) == 1 else 'cost'} more than {margin}{depth}"
    if found.known[dearest].costs:
        return f"{without} no group costs more than {margin}; {dearest} costs most ({evidence(dearest, found)}){depth}"
    nothing = f"{without} no group is found to cost anything (dearest: {dearest}, {evidence(dearest, found)})"
    return nothing + (depth if found.depth_tries_all else f"; depth repeats {dearest}")


def evidence(group: str, found: Evident) -> str:
    """The estimate, and where verdicts say that the group can be lowered, these."""
    verdicts = dict.fromkeys(row.verdict for row in found.of(group)) if found.costs_nothing(group) else {}
    return "; ".join([str(found.known[group]), *verdicts])


def seeds_said(rows: Sequence[Compared]) -> str:
    seeds = sorted({row.seeds for row in rows})
    return f"{seeds[0]} to {seeds[-1]} seeds" if len(seeds) > 1 else counted(seeds[0], "seed")
