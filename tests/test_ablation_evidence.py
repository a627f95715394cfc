"""What the ablation decides by where no verdict speaks: an estimate, which stands with its spread in the sentence."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from models.architecture import Architecture, Blocks
from studies import ablation
from studies.preset import Strategy
from studies.presets import PRESETS
from studies.study import Decision, Given, Trial, pool

REFERENCE = Architecture(0.25, Blocks(1, 2, 1, 2, 1, 2), stem_pools=(False, True))
VARIANTS = [f"{group}={lower}" for group, count in REFERENCE.blocks._asdict().items() for lower in range(count)]


def ablated(months: Mapping[str, float], strategy: Strategy = "surrogate") -> Decision:
    """With one seed of each of the nine variants; those that are not named cost nothing."""
    preset = replace(PRESETS["cpu"](), strategy=strategy, reference=REFERENCE, margin_months=0.3)
    given_here = Given(preset, {}, 33.0)
    variants = [str(point["variant"]) for point in ablation.propose(given_here, []).points]
    runs = [
        Trial(n, {"variant": name}, "complete", 20.0 + months.get(name, 0.0), 1, (20.0,), 1.0, "completed")
        for n, name in enumerate(variants)
    ]
    return ablation.decide(given_here, pool(runs, 1))


def test_of_one_seed_the_groups_that_depth_repeats_are_those_that_all_trainings_together_say_cost_something() -> None:
    """Of mixed1 both steps cost; of mixed5 one training of two was unlucky by as much."""
    steady = {"mixed1=1": 1.5, "mixed1=0": 3.0, "mixed5=0": 1.5, "mixed5=1": -1.5}
    found = ablated(steady).findings
    assert found.estimates is not None
    known = found.estimates

    assert max(known, key=lambda group: known[group].effect_months) == "mixed1"
    assert known["mixed5"].effect_months < 1.2 < known["mixed1"].effect_months
    assert all(one.sd_months and one.sd_months > 0 for one in known.values())
    raw = ablated(steady, "paper").findings.estimates
    assert raw is not None
    assert (raw["mixed5"].effect_months, raw["mixed1"].effect_months) == (1.5, 3.0)


@settings(max_examples=25)
@given(
    st.lists(st.integers(-12, 12).map(lambda quarters: quarters / 4), min_size=9, max_size=9),
    st.sampled_from(("surrogate", "paper")),
)
def test_the_sentence_and_the_groups_follow_from_the_evidence_beside_them(
    costs: list[float], strategy: Strategy
) -> None:
    decision = ablated(dict(zip(VARIANTS, costs, strict=True)), strategy)
    found = decision.findings
    assert found.estimates is not None
    over = [group for group, one in found.estimates.items() if one.effect_months > 0.3]

    assert found.key_by == "estimate"
    assert set(found.key_groups) == set(over) if over else len(found.key_groups) == 1
    for group in found.key_groups:
        assert f"{found.estimates[group]}" in decision.summary
    costs_of_keys = {found.estimates[group].effect_months for group in found.key_groups}
    # Of equal ones, as they are rounded here, one is enough.
    assert max(one.effect_months for one in found.estimates.values()) in costs_of_keys
    assert ("of all trainings together" in decision.summary) == (strategy == "surrogate")
    dearest = max(one.effect_months for one in found.estimates.values())
    assert ("no group costs more" in decision.summary) == (not over and round(dearest, 2) > 0)
    assert ("no group is found to cost anything" in decision.summary) == (round(dearest, 2) <= 0)
    assert ("depth tries all groups" in decision.summary) == (strategy == "surrogate")
    assert ("depth repeats" in decision.summary) == (strategy == "paper")
    assert "-0.00" not in decision.summary
