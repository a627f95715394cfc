"""Winner: which block groups does the decided network need?

The ablation before the search asks that of the reference. After the search, where `ablate_winner` asks for it, the same is asked
of the decided network: each of its groups is lowered one step at a time, all else unchanged, and judged by the same rules
(`studies/ablation.py`). All are trained with seeds that have selected nothing, those of the confirmation: the search has picked the
decided network for the luck of its trainings too. Nothing is decided by it, and no other study reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.architecture import Architecture
from studies import ablation, refinement
from studies.findings import Evidence
from studies.preset import Preset
from studies.statistics.fresh import AFTER_ALL, estimates, first_seed, of_seeds
from studies.study import ALONE, Decision, Given, Point, Proposals, Space, Sweep, Trial


@dataclass(frozen=True, kw_only=True)
class WinnerFindings(ablation.AblationFindings):
    CAPTION = "Each group of the decided network lowered, beside it"


NAME = "winner"
COMMAND = refinement.COMMAND  # which ends with it
QUESTION = "which block groups does the decided network need"
RULE = "Nothing is decided here: the network is the one that refinement decided for."
EXAMPLE = "boneage-search refine --ablate-winner"
NEEDS = refinement.NAME
SEEDED = True
RESOLVES = True
COMPARES = True
FINDINGS = WinnerFindings


def asked(preset: Preset) -> bool:
    return preset.ablate_winner


def around(given: Given) -> Given:
    """What the ablation is given: the decided network in the reference's place, and none of the trainings that picked it."""
    preset = replace(
        given.preset, reference=decided(given), width_factors=(1.0,), depth_start=(), px_choices=(), drop_useless=False
    )
    return replace(given, preset=preset, trained=())


def decided(given: Given) -> Architecture:
    return given.decisions[refinement.NAME].architecture


def objectives(given: Given) -> tuple[str, ...]:
    return ALONE


def max_params(given: Given) -> int:
    return max(given.preset.max_params, refinement.max_params(given))


def space(given: Given) -> Space:
    return ablation.space(around(given)) if any(decided(given).blocks) else {"variant": (ablation.BASELINE,)}


def architecture(given: Given, point: Point) -> Architecture:
    if point["variant"] == ablation.BASELINE:
        return decided(given)
    return ablation.architecture(around(given), point)


def prunable(given: Given, point: Point) -> bool:
    return False  # a comparison needs both ends


def propose(given: Given, trials: Sequence[Trial]) -> Proposals:
    if not any(decided(given).blocks):
        return Proposals(())
    first = first_seed(given.preset.seed, AFTER_ALL, trials)
    compared = around(given), of_seeds(trials, first)
    ablation.refuse_unfit(*compared, max_params(given), "the decided network, whose groups are to be lowered")
    return replace(ablation.wanted(*compared), first_seed=first)


def decide(given: Given, trials: Sequence[Trial]) -> Decision:
    if not any(decided(given).blocks):
        return Decision("the decided network has no block groups to take away", decided(given), WinnerFindings())
    first = first_seed(given.preset.seed, AFTER_ALL, trials)
    spread = given.found(ablation.AblationFindings).spread
    found = ablation.decide(around(given), of_seeds(trials, first), spread).findings
    assert isinstance(found, ablation.AblationFindings)
    findings = WinnerFindings(**vars(found))
    if first == given.preset.seed:  # begun by an earlier version with the search's own
        findings = replace(findings, verdicts=estimates(findings.verdicts, "the reference"))
    return Decision(summary(findings), decided(given), findings)


def summary(found: WinnerFindings) -> str:
    """around the decided network: mixed7=1 matters; mixed5=0 does not matter."""
    by_verdict = {
        verdict: [row.variant for row in found.verdicts if row.verdict == verdict]
        for verdict in ("matters", "not trainable", "does not matter", "better without")
    }
    said = [f"{verdict}: {', '.join(variants)}" for verdict, variants in by_verdict.items() if variants]
    if not said:
        said = [f"no verdict on any block group{by_estimate(found.estimates or {})}"]
    return f"around the decided network {'; '.join(said)}"


def by_estimate(known: Mapping[str, Evidence]) -> str:
    if not known:
        return ""
    dearest = max(known, key=lambda group: known[group].effect_months)
    if not known[dearest].costs:
        return f"; by estimate no group is found to cost anything (dearest: {dearest}, {known[dearest]} months)"
    return f"; by estimate {dearest} costs most ({known[dearest]} months)"


def table(given: Given, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    if not any(decided(given).blocks):
        return []
    return ablation.table(around(given), of_seeds(trials, first_seed(given.preset.seed, AFTER_ALL, trials)))


def sweep(given: Given, trials: Sequence[Trial], decision: Decision | None) -> Sweep | None:
    return None
