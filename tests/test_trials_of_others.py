"""Trials that somebody else adds, begins or changes: nothing is counted of them, and none of them stands in a study's way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from searched import a_run, one_fails, search

from data.store.disk import Store
from search.leader.budget_kept import KeptBudget, so_far
from search.leader.engine import run_study
from search.leader.guards import as_decided
from search.leader.leader import Leader
from search.planning.amount import Budget, Unit
from search.planning.images import images_of
from search.planning.plan import assumed
from search.report.read import read
from search.report.sections import contents
from search.run import Run
from search.storage import told
from search.storage.keys import storage_of, trial_key
from search.storage.opening import open_storage
from search.storage.records import left_out, load, made_in, trials_of
from search.storage.status import all_asked, status
from search.watch.dashboard import noted
from search.workers.job import Message
from studies.order import EVERY, asked
from studies.preset import Preset


def study_of(run: Run, name: str) -> optuna.Study:
    found = load(open_storage(run.storage), name, run.folder)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def ablated(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Run:
    run = a_run(tmp_path_factory.mktemp("ablated"), tiny_store)
    run_study(run, tiny_store, "ablation", FormulaExecutor, silent())
    return run


def spent(run: Run, unit: Unit) -> float:
    return KeptBudget(Budget(10**7, unit), run, 1).spent(so_far(run).trained, assumed(images_of(run)))


def told_by_somebody(run: Run, name: str) -> str:
    """Every trial that runs; what the report says in the section that names what was decided."""
    study = study_of(run, name)
    for trial in study.trials:
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, 1.0)
    assert next(one for one in all_asked(status(run), run.preset) if one["name"] == name)["left_out"] == 1
    parts = dict(contents(read(run)).sections)["Asked and decided"]
    return "\n".join(getattr(part, "text", "") for part in parts)


def test_a_study_of_which_nothing_counts_has_begun_and_its_trials_are_named(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=0), silent())

    said = told_by_somebody(run, "ablation")

    assert "Begun, and none of its trials counts.\nLeft out of every figure" in said
    assert "trial 0 was set to complete by somebody else" in said
    assert said.count("Not begun.") == 3


@pytest.mark.slow
def test_what_is_left_out_after_the_last_decision_is_named_too(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path, tiny_store, tiny_preset()), tiny_store)
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "confirmation", lambda: FormulaExecutor(stop_after=0), silent())

    assert "trial 0 was set to complete by somebody else" in told_by_somebody(run, "confirmation")


VALUES: st.SearchStrategy[Any] = st.one_of(st.text(max_size=3), st.floats(-1e9, 1e9), st.booleans(), st.none())
ATTRIBUTES = st.dictionaries(st.sampled_from(["macs", "gmacs", "seconds", "workers", "exit_reason"]), VALUES)
ENDED = st.sampled_from([TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING])


@pytest.mark.slow
@settings(max_examples=20)
@given(attrs=ATTRIBUTES, state=ENDED, epochs=st.integers(1, 50))
def test_a_budget_counts_nothing_of_a_trial_that_somebody_else_has_added(
    ablated: Run, attrs: dict[str, Any], state: TrialState, epochs: int
) -> None:
    reports = dict.fromkeys(range(epochs), 1.0)
    value = 1.0 if state == TrialState.COMPLETE else None
    added = optuna.trial.create_trial(state=state, value=value, user_attrs=attrs, intermediate_values=reports)
    study_of(ablated, "ablation").add_trial(added)
    trained = so_far(ablated).trained

    assert len(trained) == 4
    assert spent(ablated, "epochs") == 4 * ablated.preset.training.epochs
    assert 0 <= spent(ablated, "seconds") < 60


def depth_of_the_paper(preset: Preset) -> Preset:
    return replace(preset, strategy="paper")


def exhausted(preset: Preset) -> Preset:
    """Until every point of the space has run."""
    return replace(preset, strategy="paper", depth_trials=500, depth_patience=500, depth_extra=1)


BEGUN: dict[str, tuple[str, Callable[[Preset], Preset]]] = {
    "a study of several seeds": ("ablation", lambda preset: preset),
    "a study that the sampler proposes in": ("depth", depth_of_the_paper),
    "a study that has nothing left to propose": ("depth", exhausted),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", BEGUN)
def test_a_trial_that_somebody_else_has_begun_is_set_aside_and_the_study_goes_on(
    tmp_path: Path, tiny_store: Store, what: str
) -> None:
    name, preset = BEGUN[what]
    run = a_run(tmp_path, tiny_store, preset(tiny_preset()))
    names = ["ablation", "width", "depth"]
    for one in names[: names.index(name) + 1]:
        made = run_study(run, tiny_store, one, FormulaExecutor, silent())
    before = trials_of(study_of(run, name))
    number = study_of(run, name).ask().number
    heard: list[str] = []
    idle = FormulaExecutor()
    again = run_study(run, tiny_store, name, lambda: idle, noted(replace(silent(), said=heard.append)))

    assert again.architecture == made.architecture
    assert trials_of(study_of(run, name))[: len(before)] == before
    assert len(idle.seen) <= 1, "where the sampler has trials left it may use one"
    theirs = study_of(run, name).trials[number]
    assert (theirs.state, theirs.user_attrs["exit_reason"]) == (TrialState.FAIL, told.UNFIT)
    assert any(f"trial {number} is not trained: it was begun by somebody else" in said for said in heard)
    assert [one.number for one in left_out(study_of(run, name))] == [number]


@pytest.mark.slow
def test_of_two_trials_without_a_word_the_one_that_this_search_asked_for_goes_on(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed between asking the sampler and writing what the trial is; then somebody else has asked."""
    run = a_run(tmp_path, tiny_store, depth_of_the_paper(replace(tiny_preset(), depth_start=())))
    for one in ("ablation", "width"):
        run_study(run, tiny_store, one, FormulaExecutor, silent())

    def killed(self: Leader, trial: Any, attributes: Any) -> None:
        if "fixed_params" not in storage_of(self.study).get_trial(trial_key(trial)).system_attrs:
            raise KeyboardInterrupt
        described(self, trial, attributes)

    described = Leader.describe
    with monkeypatch.context() as patch:
        patch.setattr(Leader, "describe", killed)
        with pytest.raises(KeyboardInterrupt):
            run_study(run, tiny_store, "depth", FormulaExecutor, silent())
    ours, theirs = study_of(run, "depth").trials[-1].number, study_of(run, "depth").ask().number
    run_study(run, tiny_store, "depth", FormulaExecutor, silent())

    trials = study_of(run, "depth").trials
    assert trials[ours].state == TrialState.COMPLETE
    assert trials[theirs].user_attrs["exit_reason"] == told.UNFIT


@given(name=st.sampled_from(sorted(told.TRIAL_KINDS)), value=VALUES)
def test_attributes_are_read_as_far_as_they_are_of_their_kind(name: str, value: Any) -> None:
    attrs = {name: value, "beta": 0.0625}
    is_sound = told.TRIAL_KINDS[name](value)

    assert told.sound(attrs) == (attrs if is_sound else {"beta": 0.0625})
    assert (told.why_damaged(attrs) == "") == is_sound


@pytest.mark.slow
@pytest.mark.parametrize("damage", [{"compared_with": "x"}, {"train_mae_by_epoch": "a,b"}, {"seconds": "long"}])
def test_attributes_that_somebody_has_put_to_a_waiting_trial_are_a_sentence(
    tmp_path: Path, tiny_store: Store, damage: dict[str, Any]
) -> None:
    run = a_run(tmp_path, tiny_store, depth_of_the_paper(tiny_preset()))
    for one in ("ablation", "width", "depth"):
        run_study(run, tiny_store, one, FormulaExecutor, silent())
    depth = study_of(run, "depth")
    new = dict(depth.trials[0].params) | {"beta": depth.trials[-1].params["beta"]}
    depth.enqueue_trial(new, user_attrs=damage, skip_if_exists=False)
    heard: list[str] = []
    run_study(run, tiny_store, "depth", FormulaExecutor, replace(silent(), said=heard.append))

    assert any("is not trained: it has a damaged attribute" in said for said in heard)


class Damaging(FormulaExecutor):
    """Somebody writes to every trial while it trains."""

    def __init__(self, run: Run) -> None:
        super().__init__(one_fails)
        self.run, self.left = run, 3

    def wait(self, seconds: float) -> list[Message]:
        job, messages = self.jobs[0], super().wait(seconds)
        if self.left and self.mae(job) == float("inf"):
            self.left -= 1
            [trial] = [one for one in study_of(self.run, "ablation").trials if one.number == job.number]
            storage_of(study_of(self.run, "ablation")).set_trial_user_attr(
                trial_key(trial), "train_mae_by_epoch", "a,b"
            )
        return messages


@pytest.mark.slow
def test_a_failing_trial_that_somebody_damages_is_left_out_and_its_point_trained_again(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = a_run(tmp_path, tiny_store)
    executor = Damaging(run)
    run_study(run, tiny_store, "ablation", lambda: executor, noted(silent()))

    assert executor.left == 0
    assert len(left_out(study_of(run, "ablation"))) == 3
    assert sum(trial.state == "failed" for trial in trials_of(study_of(run, "ablation"))) >= 1


def tiny(**fields: Any) -> Preset:
    return replace(tiny_preset(), confirm=2, confirm_seeds=2, ablate_winner=True, without_sex=True, **fields)


WHOLE: dict[str, Callable[[], Preset]] = {
    "by the surrogate": lambda: tiny(px_choices=(32,), se_choices=(0.25,), widths_by_group=True),
    "by the paper's strategy": lambda: tiny(strategy="paper", seeds=2, prune=True),
    "of two objectives": lambda: tiny(objective=("mae", "macs")),
    "of another family": lambda: tiny(
        families=("inception_v3", "xception"), reference=replace(tiny_preset().reference, beta=0.125), max_params=10**6
    ),
    "of varied films": lambda: tiny(training=replace(tiny_preset().training, gamma=2, learning_rate=1, l2=0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", WHOLE)
def test_of_a_whole_search_no_trial_is_left_out(tmp_path: Path, tiny_store: Store, what: str) -> None:
    """What is worked out again of each is what its leader has recorded."""
    run = a_run(tmp_path / "run", tiny_store, WHOLE[what]())
    better = lambda network: 20.0 + network.beta if network.family == "xception" else 30.0 + network.beta  # noqa: E731
    for name in (name for name in EVERY if asked(name, run.preset)):
        run_study(run, tiny_store, name, lambda: FormulaExecutor(better), silent())
    run = as_decided(run, made_in(open_storage(run.storage), run.folder))  # another family may have won
    every = all_asked(status(run), run.preset)

    assert {entry["state"] for entry in every} == {"decided"}
    assert [entry["left_out"] for entry in every] == [0] * len(every)
    assert [one for study in read(run).every for one in study.left_out] == []


def test_a_setting_that_is_typed_with_a_point_leaves_no_trial_out_and_trains_none_again(
    tmp_path: Path, tiny_store: Store
) -> None:
    """10 degrees are 10.0: a preset has the one, a command line gives the other."""
    preset = tiny_preset()
    trained: list[int] = []
    for degrees in (10, 10.0, 10):
        spelled = replace(preset, training=replace(preset.training, rotation_degrees=degrees))
        run = a_run(tmp_path / "run", tiny_store, spelled)
        executor = FormulaExecutor()
        run_study(run, tiny_store, "ablation", lambda executor=executor: executor, silent())  # type: ignore[misc]
        trained.append(len(executor.every))
        assert all_asked(status(run), run.preset)[0]["left_out"] == 0

    assert trained[0] > 0
    assert trained[1:] == [0, 0]
