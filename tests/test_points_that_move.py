"""A trial counts only while the network that its point means is the one that it trained."""

from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState
from searched import a_run

from data.store.disk import Store
from models.architecture import Architecture, Blocks
from models.cost import cost
from search.leader.attributes import description
from search.leader.budget_kept import so_far
from search.leader.engine import run_study
from search.report.read import read
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import left_out, load, table, trials_now, trials_of
from search.storage.status import status
from search.storage.told import BEGUN, why_left_out
from search.trained.choose import chosen
from search.watch.dashboard import noted
from search.workers.job import Job
from studies.preset import StudyError
from studies.study import Decision

PX, LARGE_PX = 40, 100  # of the run; and of networks of any stem
NETWORKS = st.builds(
    Architecture,
    beta=st.sampled_from([0.0625, 0.0875]),
    blocks=st.sampled_from([Blocks(0, 1, 0, n5, 0, n9) for n5 in (1, 2) for n9 in (0, 1)]),
    stem_pools=st.sampled_from([(False, False), (True, False)]),
    fc_units=st.sampled_from([0, 16]),
    dropout=st.sampled_from([0.0, 0.3]),
    se_ratio=st.sampled_from([0.0, 0.25]),
    input_px=st.sampled_from([0, 90]),
)
RECORDED = ("beta", "n5", "n9", "fc_units", "dropout", "se_ratio", "input_px", "params", "macs", "seed")


def a_trial(network: Architecture, lost: Set[str] = frozenset()) -> FrozenTrial:
    """One that has ended, of a study whose only point is `a`; an earlier version has not recorded all."""
    preset = tiny_preset()
    job = Job(0, network, preset.training, 0, Path(), "", LARGE_PX, Path())
    said: dict[str, Any] = description(job, cost(network, LARGE_PX)) | {"exit_reason": "completed"}
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE,
        value=10.0,
        params={"variant": "a"},
        distributions={"variant": optuna.distributions.CategoricalDistribution(["a"])},
        user_attrs={name: value for name, value in said.items() if name not in lost},
        intermediate_values={1: 10.0},
    )


@settings(max_examples=50)
@given(trained=NETWORKS, now=NETWORKS, lost=st.sets(st.sampled_from(RECORDED)))
def test_a_trial_counts_as_long_as_its_point_means_what_it_trained_however_little_is_recorded(
    trained: Architecture, now: Architecture, lost: set[str]
) -> None:
    space = {"variant": ("a",)}

    def why(trial: FrozenTrial, network: Architecture) -> str:
        return why_left_out(trial, space, lambda point: (network, cost(network, LARGE_PX)))

    assert why(a_trial(trained, lost), trained) == ""
    assert (why(a_trial(trained), now) == "") == (trained == now)
    assert BEGUN in a_trial(trained, lost).user_attrs


def test_a_point_that_means_no_network_any_more_is_a_sentence() -> None:
    def none(point: object) -> Any:
        raise StudyError("xception: too narrow")

    said = why_left_out(a_trial(tiny_preset().reference), {}, none)
    assert said == "has a point that no longer stands for a network (xception: too narrow)"


def xception_is_better(network: Architecture) -> float:
    return 20.0 + network.beta if network.family == "xception" else 30.0


def compare(run: Run, store: Store, said: list[str]) -> tuple[Decision, FormulaExecutor]:
    executor = FormulaExecutor(xception_is_better)
    progress = noted(replace(silent(), said=said.append))
    return run_study(run, store, "baseline", lambda: executor, progress), executor


@pytest.mark.slow
def test_families_of_one_size_are_trained_again_where_a_cap_makes_that_size_smaller(
    tmp_path: Path, tiny_store: Store
) -> None:
    reference, heard = replace(tiny_preset().reference, beta=0.125), list[str]()
    wide = replace(tiny_preset(), reference=reference, max_params=10**6, families=("inception_v3", "xception"))
    run = a_run(tmp_path, tiny_store, wide)
    first, before = compare(run, tiny_store, heard)
    lower = replace(run, preset=replace(wide, max_params=int(cost(reference, PX).params * 0.8)))
    second, after = compare(lower, tiny_store, heard)
    study = load(open_storage(run.storage), "baseline", run.folder)
    assert study is not None

    assert first.architecture != second.architecture
    assert second.architecture in after.seen
    assert xception_is_better(second.architecture) == pytest.approx(vars(second.findings)["best_mae"], abs=1e-3)
    [moved] = read(lower).study("baseline").left_out
    assert "trained another network than its point stands for now: its params was" in moved.sentence
    assert any(moved.sentence in said for said in heard)
    counting = [one.number for one in trials_now(lower, "baseline", study)]
    assert moved.number not in counting
    assert [one.number for one in so_far(lower).trials["baseline"]] == counting
    assert len(table(lower, "baseline")) == len(counting)
    assert len(so_far(lower).trained) == len(trials_of(study)), "what it took counts all the same"
    assert status(lower)[0]["best_value"] == pytest.approx(vars(second.findings)["best_mae"], abs=1e-3)
    with pytest.raises(StudyError, match=f"none with number {moved.number}"):
        chosen(lower, f"baseline:{moved.number}", {})

    third, idle = compare(run, tiny_store, heard)
    assert third.architecture == first.architecture
    assert idle.seen == []
    assert [one.number for one in left_out(study)] == []
    assert len(before.seen) == 3
