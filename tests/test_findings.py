"""What a study found is stored as JSON and read again, also what an older version stored."""

import json
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, get_args

import fifth_study
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from data.store.disk import Store
from models.architecture import Architecture, Blocks
from search.leader.engine import run_study
from search.report.words import because
from search.run import Run, record
from search.show.figures import VERDICTS
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.sqlite import sqlite_url
from search.storage.status import status
from studies.ablation import AblationFindings
from studies.depth import DepthFindings
from studies.findings import Compared, Findings, OnFront, Scope, VerdictWord
from studies.order import STUDIES, stored_decision
from studies.presets import cpu
from studies.refinement import RefinementFindings
from studies.study import Decision, Given
from studies.width import WidthFindings

BEFORE = Path(__file__).parent / "decisions_before_typed.json"  # as the last version wrote them that kept plain dicts
KINDS = [*(study.FINDINGS for study in STUDIES.values()), fifth_study.FINDINGS, Findings]

months = st.floats(-99, 99)
compared = st.builds(
    Compared,
    variant=st.text(max_size=9),
    verdict=st.sampled_from(list(VERDICTS)),
    change=st.none() | months,
    low=st.none() | months,
    high=st.none() | months,
    p_difference=st.none() | months,
    p_equivalence=st.none() | months,
    seeds=st.integers(1, 99),
    scope=st.sampled_from(["architectures", "these trained models"]),
    seeds_to_resolve=st.none() | st.integers(6, 99),
    left_out=st.just("") | st.text(min_size=1, max_size=9),
)
points = st.dictionaries(st.sampled_from(["beta", "mixed5", "dropout", "variant"]), st.integers() | months | st.text())
on_front = st.builds(
    OnFront, trial=st.integers(0), point=points, validation_mae=months, params=st.integers(0), macs=st.integers(0)
)
OF_FIELD = {
    "front": st.lists(on_front, max_size=3).map(tuple),
    "point": points,
    "verdicts": st.lists(compared, max_size=3).map(tuple),
    "comparisons": st.lists(compared, max_size=3).map(tuple),
    "cost_months": st.dictionaries(st.text(max_size=6), months, max_size=3),
    **dict.fromkeys(("key_groups", "dropped", "not_trainable_without"), st.lists(st.text(), max_size=3).map(tuple)),
    **dict.fromkeys(("epochs_saved", "warmup_epochs"), st.integers(0)),
}
findings = st.sampled_from(KINDS).flatmap(
    lambda kind: st.builds(kind, **{each.name: OF_FIELD.get(each.name, st.none() | months) for each in fields(kind)})
)


@settings(deadline=None)
@given(findings)
def test_findings_are_read_as_they_were_stored(found: Findings) -> None:
    decision = Decision("said", Architecture(), found)
    stored = json.loads(json.dumps(decision.to_dict()))

    assert Decision.from_dict(stored, type(found)) == decision


@pytest.mark.parametrize("name", STUDIES)
def test_what_the_version_before_wrote_is_read_and_written_the_same(name: str) -> None:
    values = json.loads(BEFORE.read_text(encoding="utf-8"))[name]

    assert stored_decision(name, values).to_dict() == values


@pytest.mark.parametrize("kind", KINDS)
def test_every_finding_that_an_older_version_did_not_know_has_a_default(kind: type[Findings]) -> None:
    assert all(each.default is not MISSING or each.default_factory is not MISSING for each in fields(kind))
    assert kind.from_dict({}) == kind()
    assert kind.from_dict({"front": []}) == kind()


def test_what_a_later_version_adds_is_left_alone() -> None:
    assert AblationFindings.from_dict({"key_groups": ["mixed5"], "weather": "fine"}).key_groups == ("mixed5",)


def test_each_studys_findings_have_fields() -> None:
    values: dict[str, Any] = json.loads(BEFORE.read_text(encoding="utf-8"))
    found = {name: stored_decision(name, decision).findings for name, decision in values.items()}
    ablation, width, depth, refinement = found.values()

    assert isinstance(ablation, AblationFindings)
    assert ablation.compared == ablation.verdicts
    assert ablation.not_trainable_without == ("mixed1",)
    assert isinstance(width, WidthFindings)
    assert {row.verdict for row in width.compared} <= set(VERDICTS)
    assert isinstance(depth, DepthFindings)
    assert depth.point.keys() == {"beta", "mixed1", "mixed5", "mixed9"}
    assert isinstance(refinement, RefinementFindings)
    assert refinement.point.keys() == {"beta", "fc_units", "dropout", "sex_units"}
    assert all(isinstance(member, OnFront) and member.point for each in found.values() for member in each.front)


def test_a_key_group_is_shown_with_what_calls_it_so_and_nothing_that_contradicts_it() -> None:
    def row(variant: str, verdict: VerdictWord) -> Compared:
        return Compared(variant, verdict, 1.0, 0.5, 1.5, 0.01, 0.9, 6, "architectures")

    rows = (row("mixed7=3", "does not matter"), row("mixed7=0", "matters"), row("mixed5=0", "does not matter"))
    found = AblationFindings(key_groups=("mixed7",), key_by="verdict", verdicts=rows)

    reference = replace(cpu(), reference=Architecture(0.25, Blocks(0, 0, 0, 1, 4, 0), stem_pools=(False, True)))
    said = because(Given(reference, {}, 33.0), Decision("", reference.reference, found), reference.reference)
    assert said.headline == "Key groups: mixed7"
    assert "mixed7=0: 1.00 months worse" in " ".join(said.details)
    assert "does not matter" not in " ".join(said.details)


def test_every_verdict_and_scope_is_one_of_the_words() -> None:
    assert set(VERDICTS) == set(get_args(VerdictWord))
    assert set(get_args(Scope)) == {"architectures", "these trained models"}


@pytest.mark.slow
def test_a_run_whose_decisions_lack_what_an_older_version_did_not_find_goes_on(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    record(run)
    for name in ("ablation", "width"):
        run_study(run, tiny_store, name, FormulaExecutor, silent())
    storage = open_storage(run.storage)
    for name in ("ablation", "width"):
        study = load(storage, name)
        assert study
        decision = json.loads(study.user_attrs["decision"])
        study.set_user_attr("decision", json.dumps(without(decision)))
        made_under = json.loads(study.user_attrs["settings"])
        made_under["given"] = {before: without(decided) for before, decided in made_under["given"].items()}
        study.set_user_attr("settings", json.dumps(made_under))

    run_study(run, tiny_store, "width", FormulaExecutor, silent())  # whose trials were made under those settings
    run_study(run, tiny_store, "depth", FormulaExecutor, silent())
    assert [study["state"] for study in status(run)] == ["decided"] * 3 + ["not begun"]


def without(decision: dict[str, Any]) -> dict[str, Any]:
    """As it was before racing, pruning and dropping were there, and before a decision carried a sum."""
    unknown = ("front", "dropped", "epochs_saved", "warmup_epochs", "comparisons")
    decision = {name: value for name, value in decision.items() if name != "sum"}
    return decision | {"findings": {name: found for name, found in decision["findings"].items() if name not in unknown}}
