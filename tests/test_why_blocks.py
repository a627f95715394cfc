"""What the report says of a network's blocks follows from that network and the ablation's evidence, whatever these are."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from formula import FormulaExecutor
from searched import a_run, search

from data.store.disk import Store
from models.architecture import Architecture, Blocks, changed
from search.report.words import because
from search.storage.opening import open_storage
from search.storage.records import load
from studies import ablation
from studies.around import winner
from studies.findings import Compared, Evidence, VerdictWord
from studies.order import stored_decision
from studies.preset import Strategy
from studies.presets import PRESETS
from studies.statistics.fresh import estimates
from studies.statistics.keys import NO_COST, SURE, keys_of, reason
from studies.study import Decision, Given

REFERENCE = Architecture(0.25, Blocks(0, 0, 0, 1, 0, 1), stem_pools=(False, True))
GROUPS = ("mixed5", "mixed9")
WORDS: tuple[VerdictWord, ...] = (
    "matters",
    "better without",
    "does not matter",
    "these trained models differ",
    "not resolved",
    "not tested",
    "not trainable",
)
MONTHS = (-1.2, -0.004, 0.0, 0.4, 1.7)  # the margin is 1
NETWORKS = tuple(replace(REFERENCE, blocks=Blocks(0, 0, 0, *counts)) for counts in ((0, 0, 0), (2, 0, 0), (1, 0, 1)))


def given(strategy: Strategy, objective: tuple[str, ...] = ("mae",)) -> Given:
    preset = replace(PRESETS["cpu"](), strategy=strategy, objective=objective, reference=REFERENCE, margin_months=1.0)
    return Given(preset, {}, 33.0)


GIVEN = {strategy: given(strategy) for strategy in ("surrogate", "paper")}  # type: ignore[arg-type]


def row(group: str, verdict: VerdictWord, months: float) -> Compared:
    seeds = 3 if verdict in (*SURE, *NO_COST) else 1
    change = None if verdict == "not trainable" else months
    return Compared(f"{group}=0", verdict, change, None, None, None, None, seeds, "architectures")


def ablated(start: Given, verdicts: tuple[VerdictWord, ...], months: tuple[float, ...]) -> Decision:
    """As the ablation decides it from such evidence."""
    rows = tuple(map(row, GROUPS, verdicts, months))
    known = {
        group: Evidence(cost, 0.5)
        for group, verdict, cost in zip(GROUPS, verdicts, months, strict=True)
        if verdict != "not trainable"
    }
    found = ablation.evident(start, rows, known)
    keys, by = keys_of(GROUPS, found)
    findings = ablation.AblationFindings(key_groups=keys, key_by=by, estimates=known, verdicts=rows)
    return Decision(reason(keys, by, found), REFERENCE, findings)


def every() -> Iterator[tuple[Strategy, tuple[VerdictWord, ...], tuple[float, ...], Decision]]:
    for strategy, verdicts, months in product(
        ("surrogate", "paper"), product(WORDS, repeat=2), product(MONTHS, repeat=2)
    ):
        yield strategy, verdicts, months, ablated(GIVEN[strategy], verdicts, months)  # type: ignore[misc]


EVERY = list(every())


def test_the_headline_names_only_groups_that_the_network_has_and_that_are_not_found_to_cost_nothing() -> None:
    for strategy, verdicts, months, decision in EVERY:
        of = dict(zip(GROUPS, zip(verdicts, months, strict=True), strict=True))
        for network in NETWORKS:
            headline = because(GIVEN[strategy], decision, network).headline
            for group in (group for group in GROUPS if group in headline):
                verdict, cost = of[group]
                assert getattr(network.blocks, group) > 0
                assert verdict not in NO_COST
                assert headline.startswith("Key groups: ") == (verdict in SURE)
                assert verdict in SURE or cost > 1.0
            if not any(network.blocks):
                assert headline == "It has no block groups"


def test_what_matters_or_costs_more_than_the_margin_is_in_the_headline_of_a_network_that_has_it() -> None:
    whole = NETWORKS[-1]
    for strategy, verdicts, months, decision in EVERY:
        sure = [group for group, verdict in zip(GROUPS, verdicts, strict=True) if verdict in SURE]
        judged = zip(GROUPS, verdicts, months, strict=True)
        costly = [group for group, verdict, cost in judged if cost > 1.0 and verdict not in NO_COST]
        headline = because(GIVEN[strategy], decision, whole).headline
        assert all(group in headline for group in sure or costly)


def test_the_sentences_contradict_neither_the_estimates_nor_the_strategy() -> None:
    for strategy, verdicts, months, decision in EVERY:
        said = decision.summary
        highest = max(months)
        judged = not any(verdict in SURE for verdict in verdicts)
        assert ("depth tries all groups" in said) == (strategy == "surrogate")
        assert ("depth repeats" in said) == (strategy == "paper" and judged)
        assert ("found to cost anything" in said) == (judged and round(highest, 2) <= 0)
        assert ("costs most" in said) == (judged and 0 < round(highest, 2) <= 1)
        assert ("than 1 month" in said) == (judged and round(highest, 2) > 0)
        assert not re.search("[-−]0[.]00", said)
        assert not re.search("-[0-9]", said)
        for group, verdict, cost in zip(GROUPS, verdicts, months, strict=True):
            if judged and cost > 1.0 and verdict in NO_COST:  # surely smaller than another, larger margin
                assert f"{group} ({cost:.2f} ± 0.50; {verdict})" in said


def test_a_network_is_compared_with_the_reference_group_by_group() -> None:
    for strategy, verdicts, _, decision in EVERY:
        none, more, same = (" ".join(because(GIVEN[strategy], decision, network).details) for network in NETWORKS)
        assert "mixed5 0 instead of 1, mixed9 0 instead of 1" in none
        assert "mixed5 2 instead of 1, mixed9 0 instead of 1" in more
        assert "All groups are as in the reference." in same
        assert ("The reference needs mixed9;" in more) == (verdicts[1] in SURE)


def test_of_another_family_than_the_reference_no_group_is_named_as_the_networks_own() -> None:
    other = changed(REFERENCE, {"family": "xception"})
    for strategy, _, _, decision in EVERY:
        said = because(GIVEN[strategy], decision, other)
        assert "mixed" not in said.headline
        assert said.details[0] == "It is of another family than the reference: Xception instead of InceptionV3."


def test_with_a_second_objective_depth_repeats_the_key_groups_alone() -> None:
    start = given("surrogate", ("mae", "macs"))
    decision = ablated(start, ("not resolved", "not resolved"), (0.1, 0.2))
    assert decision.summary.endswith("mixed9 costs most (0.20 ± 0.50), and depth repeats it")


@pytest.mark.slow
def test_a_run_whose_ablation_was_told_in_other_words_goes_on(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store)
    storage = open_storage(run.storage)
    for name in ("width", "depth", "refinement"):
        study = load(storage, name, run.folder)
        assert study is not None
        settings = json.loads(study.user_attrs["settings"])
        settings["given"]["ablation"]["summary"] = "mixed9 costs most, and depth repeats it"
        study.set_user_attr("settings", json.dumps(settings))
    executor = FormulaExecutor()
    search(run, tiny_store, executor)
    assert executor.seen == []


OLD = {
    "summary": "no group costs more than 2 months; mixed5 costs most and is taken as the key group",
    "architecture": REFERENCE.to_dict(),
    "findings": {"key_groups": ["mixed5"], "baseline_mae": 33.0, "cost_months": {"mixed5": 0.4, "mixed9": -0.2}},
}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: str(network.blocks))
def test_a_decision_that_an_earlier_version_stored_is_shown_in_its_own_words(network: Architecture) -> None:
    said = because(GIVEN["paper"], stored_decision("ablation", OLD), network)
    assert f"Of the reference's groups: {OLD['summary']}." in said.details
    assert "mixed" not in said.headline


def test_a_stored_decision_that_says_why_is_told_in_the_words_of_today() -> None:
    """It said that depth repeats a group, where depth tried all."""
    decision = ablated(GIVEN["surrogate"], ("not resolved", "these trained models differ"), (-0.138, -0.117))
    stored = decision.to_dict() | {
        "summary": "no group costs more than 1 month; mixed9 costs most, and depth repeats it"
    }
    said = because(GIVEN["surrogate"], stored_decision("ablation", stored), NETWORKS[1])
    assert said.headline == "None of its block groups is found to matter"
    assert (
        "no group is found to cost anything (dearest: mixed9, −0.12 ± 0.50); depth tries all groups." in said.details[1]
    )


# beside the ablation of the decided network itself


def around(network: Architecture, verdicts: tuple[VerdictWord, ...], months: tuple[float, ...]) -> Decision:
    """The decided network's own ablation, as it is decided from such evidence."""
    made = ablated(GIVEN["surrogate"], verdicts, months)
    assert isinstance(made.findings, ablation.AblationFindings)
    found = winner.WinnerFindings(**vars(made.findings))
    return Decision(winner.summary(found), network, found)


def test_the_headline_is_the_decided_networks_own_and_says_so() -> None:
    whole = NETWORKS[-1]
    nothing = ablated(GIVEN["surrogate"], ("does not matter", "does not matter"), (0.0, 0.0))
    both = ablated(GIVEN["surrogate"], ("does not matter", "matters"), (0.0, 1.7))
    needs = around(whole, ("matters", "does not matter"), (1.7, 0.0))
    needs_none = around(whole, ("does not matter", "does not matter"), (0.0, 0.0))

    assert because(GIVEN["surrogate"], nothing, whole, needs).headline == "Key groups of this network: mixed5"
    said = because(GIVEN["surrogate"], both, whole, needs_none)
    assert said.headline == "None of this network's block groups is found to matter"
    assert (
        "The two ablations differ: mixed9 does not matter around this network, and matters around the reference."
        in said.details
    )


def test_with_two_ablations_the_headline_and_every_verdict_name_the_network_that_they_are_about() -> None:
    whole = NETWORKS[-1]
    start = GIVEN["surrogate"]
    for verdicts, own in product(product(WORDS, repeat=2), repeat=2):
        first, second = ablated(start, verdicts, (1.7, 0.4)), around(whole, own, (0.4, 1.7))
        said = because(start, first, whole, second)
        assert "this network" in said.headline
        headed = [group for group in GROUPS if group in said.headline]
        assert not {own[GROUPS.index(group)] for group in headed} & set(NO_COST)
        assert not said.headline.startswith("None") or not set(own) & set(SURE)
        for one in said.details:
            if "mixed5=0:" in one or "mixed9=0:" in one:
                assert one.startswith(("The reference with ", "This network with "))
            elif any(f"{word}: mixed" in one for word in WORDS):
                assert one.startswith("Around the decided network ")
        differ = [one for one in said.details if one.startswith("The two ablations differ: ")]
        for group, there, here in zip(GROUPS, verdicts, own, strict=True):
            opposed = (there in SURE and here in NO_COST) or (here in SURE and there in NO_COST)
            assert not opposed or f"{group} " in differ[0]


def test_an_ablation_of_the_network_by_the_seeds_that_picked_it_makes_no_headline() -> None:
    whole, start = NETWORKS[-1], GIVEN["surrogate"]
    first, second = (
        ablated(start, ("does not matter", "matters"), (0.0, 1.7)),
        around(whole, ("matters", "matters"), (2.0, 2.0)),
    )
    assert isinstance(second.findings, winner.WinnerFindings)
    picked = replace(second.findings, verdicts=estimates(second.findings.verdicts, "the reference"))
    said = because(start, first, whole, replace(second, findings=picked))

    assert said.headline == because(start, first, whole).headline == "Key groups: mixed9"
    assert "This network with mixed5=0: 2.00 months worse; estimate, optimistic for the reference" in " ".join(
        said.details
    )
