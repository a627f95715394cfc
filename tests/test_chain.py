"""What stands of a run: settings and decisions that its studies share, and what is refused before it would contradict them."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_preset
from formula import Foretold, FormulaExecutor, silent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.store.disk import Store
from models.architecture import Architecture
from search.cli import main
from search.commands.arguments import open_the_run
from search.commands.parser import parser
from search.leader.engine import checked_before, run_study
from search.leader.progress import Terms
from search.report.read import read
from search.report.sections import contents
from search.report.text import markdown
from search.run import TRIALS, Run, open_run, record
from search.storage.copy import copy_storage
from search.storage.opening import open_storage
from search.storage.records import decisions, load, made_in, note, trials_of
from search.storage.settings import derive, read_settings
from search.storage.sqlite import sqlite_url
from search.storage.status import all_asked, next_command, status
from search.storage.stored import decision_written
from search.workers.executor import EXECUTORS, Kind
from search.workers.job import Job, Message
from search.workers.left.best import VALIDATION, save_predictions
from studies.around.chain import Made, contradictions, made_without, standing_on
from studies.order import EVERY, STUDIES, deciding
from studies.preset import StudyError
from studies.study import Decision

TINY: dict[str, Any] = {"beta": 0.0625, "epochs": 2, "width_factors": (0.7, 1.0, 1.4), "width_trials": 3, "confirm": 0}
FAMILIES = ("inception_v3", "xception")


def begun(folder: Path, store: Store, **fields: Any) -> Run:
    """Its settings are in its folder, as a command leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    preset = tiny_preset()
    parts = {"blocks": preset.reference.blocks, "stem_pools": (False, False), "image_px": 40, "max_params": 100_000}
    rest = {"depth_trials": 3, "depth_patience": 3, "depth_extra": 1, "refine_trials": 4, "fc_choices": (16,)}
    record(open_run(folder, "demo", TINY | parts | rest | fields, str(store.path), None))
    return again(folder)


def again(folder: Path, **fields: Any) -> Run:
    """As a later command opens it, with options."""
    return open_run(folder, None, fields, None, None)


def do(run: Run, store: Store, *names: str, executor: FormulaExecutor | None = None) -> list[Architecture]:
    """What it trained, studies in their order."""
    used = executor or FormulaExecutor()
    for name in names:
        run_study(run, store, name, lambda: used, silent())
    return used.seen


def stored(run: Run) -> dict[str, Any]:
    """All that is recorded of a run: its settings, and of its studies the trials and what they have decided."""
    storage = open_storage(run.storage)
    studies = {name: study for name in EVERY if (study := load(storage, name, run.folder))}
    return {
        "run.json": read_settings(run.folder),
        **{name: (trials_of(study), study.user_attrs.get("decision")) for name, study in studies.items()},
    }


def nothing_is_done(run: Run, store: Store, name: str, says: str) -> None:
    """It is refused with this sentence, trains nothing and records nothing."""
    before, executor = stored(run), FormulaExecutor()
    with pytest.raises(StudyError, match=says):
        do(run, store, name, executor=executor)
    with pytest.raises(StudyError, match=says):
        checked_before(run, store, [name])
    assert not executor.seen
    assert stored(run) == before


@pytest.fixture(scope="module")
def ablated(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """A run whose ablation has decided; tests that change it do so in a folder of their own."""
    run = begun(tmp_path_factory.mktemp("ablated") / "run", tiny_store)
    do(run, tiny_store, "ablation")
    return run.folder


@pytest.fixture(scope="module")
def widened(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """And its width."""
    run = begun(tmp_path_factory.mktemp("widened") / "run", tiny_store)
    do(run, tiny_store, "ablation", "width")
    return run.folder


# settings


@pytest.mark.parametrize(
    ("field", "value", "before"), [("epochs", 3, 2), ("seed", 7, 0), ("learning_rate", 0.5, 0.012)]
)
def test_a_study_of_other_settings_than_those_before_it_is_refused_before_it_trains(
    ablated: Path, tiny_store: Store, field: str, value: float, before: float
) -> None:
    nothing_is_done(
        again(ablated, **{field: value}),
        tiny_store,
        "width",
        f"ablation has trials .*: {field} was {before}, now {value}",
    )


def test_a_study_after_a_baseline_of_other_settings_is_refused(tmp_path: Path, tiny_store: Store) -> None:
    run = begun(tmp_path, tiny_store, families=FAMILIES, beta=0.1, max_params=10**6)
    do(run, tiny_store, "baseline", executor=FormulaExecutor(xception_is_best))

    nothing_is_done(again(tmp_path, epochs=3), tiny_store, "ablation", "baseline has trials .*: epochs was 2, now 3")
    do(
        again(tmp_path), tiny_store, "ablation", executor=FormulaExecutor(xception_is_best)
    )  # whose reference is another
    assert again(tmp_path).preset.begun_with == run.preset.reference


@pytest.mark.slow
def test_what_depth_minimizes_stays_once_it_has_trials(tmp_path: Path, tiny_store: Store) -> None:
    """After a `refine` with another objective no `run` could go on."""
    both = {"objective": ("mae", "macs")}
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, "ablation", "width")
    checked_before(again(tmp_path, **both), tiny_store, ["depth"])  # until then it may be chosen
    do(run, tiny_store, "depth")

    for name in ("depth", "refinement"):
        nothing_is_done(again(tmp_path, **both), tiny_store, name, "depth has trials .*: objectives was")
    record(again(tmp_path, **both))  # as an earlier version did
    checked_before(again(tmp_path), tiny_store, ["refinement"])  # which could go on, and still can
    record(again(tmp_path, objective=("mae",)))
    assert do(checked_before(again(tmp_path), tiny_store, list(STUDIES)), tiny_store, *STUDIES)


# decisions that others stand on


@pytest.mark.parametrize(
    ("fields", "does"),
    [
        ({"seeds": 2}, "seeds was 1, now 2.* would train more"),
        ({"margin_months": 0.1}, "now 0.1.* would decide otherwise"),
    ],
)
def test_a_decision_that_another_study_stands_on_is_not_made_anew_by_other_settings(
    widened: Path, tiny_store: Store, fields: dict[str, Any], does: str
) -> None:
    nothing_is_done(
        again(widened, **fields),
        tiny_store,
        "ablation",
        f"width stands on the decision of ablation, .*{does}",
    )
    assert not do(again(widened), tiny_store, "ablation", "width")


@pytest.mark.slow
@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            "seeds": st.integers(1, 3),
            "resolve": st.sampled_from((0, 6)),
            "margin_months": st.sampled_from((0.0, 0.5, 5.0)),
            "equivalence_months": st.sampled_from((0.5, 4.0)),
            "width_trials": st.integers(1, 5),
            "refine_trials": st.integers(1, 5),
            "max_params": st.sampled_from((60_000, 100_000, 10**6)),
            "width_factors": st.sampled_from(((0.7, 1.0, 1.4), (0.7, 1.0))),
            "px_choices": st.sampled_from(((), (28,))),
            "strategy": st.sampled_from(("surrogate", "paper")),
            "seed": st.integers(0, 1),
        },
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_command_asks_the_decision_that_others_stand_on_stays(
    widened: Path, tiny_store: Store, fields: dict[str, Any]
) -> None:
    """It is refused and nothing is recorded, or it trains nothing and the decision is the same; either way the run goes on."""
    run = again(widened, **fields)
    executor, before = FormulaExecutor(), stored(run)
    try:
        checked_before(run, tiny_store, ["ablation"])
        do(run, tiny_store, "ablation", executor=executor)
    except StudyError:
        assert stored(run) == before
    assert not executor.seen
    assert {**stored(run), "run.json": {}} == {**before, "run.json": {}}
    (widened / "run.json").write_text(json.dumps(before["run.json"]))
    assert not do(again(widened), tiny_store, "ablation", "width")


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [
        {"max_params": 10**6, "seeds": 2},
        {"fc_choices": (16, 32)},  # which width and depth may try, too
        {"strategy": "paper"},
        {"depth_extra": 2},
        {"width_factors": (0.7, 1.0, 1.4, 2.0)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_settings_of_a_later_study_alone_let_the_earlier_ones_stand(
    tmp_path: Path, tiny_store: Store, fields: dict[str, Any]
) -> None:
    """`refine` with a higher cap, say: its own business, and `run` is safe to repeat after it."""
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, "ablation", "width", "depth")
    assert do(again(tmp_path, **fields), tiny_store, "refinement")
    before = stored(run)

    assert not do(checked_before(again(tmp_path), tiny_store, list(STUDIES)), tiny_store, *STUDIES)
    assert stored(run) == before


class WithPredictions(FormulaExecutor):
    """Every trial leaves predictions, as a training does, by which verdicts of single seeds are made."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.ages = store.split("validation").age_months.astype(float)

    def wait(self, seconds: float) -> list[Message]:
        job = self.jobs[0]
        messages = super().wait(seconds)
        spread = np.random.default_rng(job.seed).uniform(0.5, 1.5, len(self.ages))
        save_predictions(job.folder / VALIDATION, self.ages + self.mae(job) * spread)
        return messages


@pytest.mark.slow
def test_a_decision_stands_when_its_predictions_are_lost(tmp_path: Path, tiny_store: Store) -> None:
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, "ablation", "width", executor=WithPredictions(tiny_store))
    before = stored(run)
    for path in tmp_path.rglob(VALIDATION):
        path.unlink()

    assert not do(again(tmp_path, depth_trials=2), tiny_store, "ablation", "width")
    assert {**stored(run), "run.json": {}} == {**before, "run.json": {}}
    assert do(again(tmp_path), tiny_store, "depth")


def test_a_trial_that_somebody_asks_for_later_does_not_move_what_others_stand_on(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, "ablation", "width")
    ablation = load(open_storage(run.storage), "ablation", tmp_path)
    assert ablation
    before, said = stored(run), list[str]()
    ablation.enqueue_trial({"variant": "mixed5=0", "seed": 5})
    executor = FormulaExecutor()

    run_study(run, tiny_store, "ablation", lambda: executor, replace(silent(), said=said.append))
    assert not executor.seen
    assert stored(run) == before
    assert f"trial {len(before['ablation'][0])} of ablation is not trained" in " ".join(said)


@pytest.mark.slow
def test_a_network_that_was_confirmed_is_not_decided_for_anew(tmp_path: Path, tiny_store: Store) -> None:
    run = begun(tmp_path, tiny_store, confirm=1, confirm_seeds=2)
    do(run, tiny_store, *STUDIES, "confirmation")

    nothing_is_done(
        again(tmp_path, seeds=2), tiny_store, "refinement", "confirmation stands on the decision of refinement"
    )


# studies that come too late


def test_a_baseline_after_the_ablation_is_refused_and_the_run_goes_on_without_it(
    ablated: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stored(again(ablated))
    late = again(ablated, families=FAMILIES)
    nothing_is_done(late, tiny_store, "baseline", "baseline comes too late: ablation has trials")
    nothing_is_done(late, tiny_store, "width", "baseline comes too late: ablation has trials")  # it would be recorded

    assert main(["run", "--families", ",".join(FAMILIES), "--run-dir", str(ablated)]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "baseline comes too late: ablation has trials" in said
    assert stored(again(ablated)) == before
    assert not do(again(ablated), tiny_store, "ablation")


@pytest.mark.slow
def test_a_resolution_after_the_refinement_is_refused(tmp_path: Path, tiny_store: Store) -> None:
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, *STUDIES)
    late = again(tmp_path, px_choices=(28, 34))

    for name in ("resolution", "ablation", "refinement"):
        nothing_is_done(late, tiny_store, name, "resolution comes too late: refinement has trials")
    assert not do(again(tmp_path), tiny_store, *STUDIES)


def test_a_search_waits_for_the_baseline_that_its_settings_ask_for(tmp_path: Path, tiny_store: Store) -> None:
    run = begun(tmp_path, tiny_store, families=FAMILIES, beta=0.1, max_params=10**6)

    with pytest.raises(StudyError, match=r"ablation needs the decision of baseline: run `boneage-search baseline"):
        do(run, tiny_store, "ablation")


def xception_is_best(network: Architecture) -> float:
    return 20 + sum(network.blocks) / 10 if network.family == "xception" else 30 - network.beta


def test_a_search_goes_on_from_the_stored_decision_of_its_baseline(tmp_path: Path, tiny_store: Store) -> None:
    """A leader that was killed has not recorded in the folder that it had decided."""
    run = begun(tmp_path, tiny_store, families=FAMILIES, beta=0.1, max_params=10**6)
    do(run, tiny_store, "baseline", executor=FormulaExecutor(xception_is_best))
    assert "begun_with" not in read_settings(tmp_path)
    assert str(next_command(run, status(run))).startswith("boneage-search ablate ")
    assert checked_before(run, tiny_store, ["ablation"]).preset.reference.family == "xception"

    seen = do(again(tmp_path), tiny_store, "ablation", executor=FormulaExecutor(xception_is_best))
    assert {network.family for network in seen} == {"xception"}
    decided = decisions(open_storage(run.storage), tmp_path, ["baseline"])["baseline"].architecture
    assert again(tmp_path).preset.reference == decided
    assert again(tmp_path).preset.begun_with == run.preset.reference


# decisions that do not agree


def decides_otherwise(run: Run, name: str) -> None:
    """As versions did that decided anew whatever stood on it."""
    storage = open_storage(run.storage)
    study = load(storage, name, run.folder)
    assert study
    decision = decisions(storage, run.folder, [name])[name]
    note(study, "decision", decision_written(replace(decision, architecture=replace(decision.architecture, beta=0.5))))


@pytest.mark.slow
def test_status_and_report_say_which_decisions_do_not_agree_and_no_study_goes_on(
    tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, "ablation", "width")
    assert next_command(run, all_asked(status(run), run.preset))
    decides_otherwise(run, "ablation")
    says = "width was made from another decision of ablation than the stored one"

    assert main(["status", "--run-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert says in said
    assert "next:" not in said
    assert "are decided" not in said
    page = markdown(contents(read(run)))
    assert says.capitalize() in page
    assert "Next:" not in page
    assert next_command(run, all_asked(status(run), run.preset)) is None
    nothing_is_done(run, tiny_store, "depth", says)


def test_status_says_of_a_baseline_that_came_after_the_ablation(tmp_path: Path, tiny_store: Store) -> None:
    """Earlier versions let it."""
    run = begun(tmp_path, tiny_store, beta=0.1, max_params=10**6)
    with_baseline = begun(tmp_path / "other", tiny_store, beta=0.1, max_params=10**6, families=FAMILIES)
    do(run, tiny_store, "ablation")
    own = read_settings(tmp_path)
    (tmp_path / "other" / "run.json").write_text(
        json.dumps(own | {"overrides": own["overrides"] | {"families": FAMILIES}})
    )
    other = replace(again(with_baseline.folder), storage=sqlite_url(tmp_path / "other" / "own.db"))
    do(other, tiny_store, "baseline", executor=FormulaExecutor(xception_is_best))
    baseline = tmp_path / "both.db"
    copy_storage(run.storage, sqlite_url(baseline), lambda *_: None)
    copy_storage(other.storage, sqlite_url(baseline), lambda *_: None)
    run = replace(run, storage=sqlite_url(baseline))

    said = all_asked(status(run), run.preset)
    assert said[-1]["contradictions"] == ["ablation has trials that were made without the decision of baseline"]
    assert next_command(run, said) is None
    with pytest.raises(StudyError, match="baseline comes too late: ablation has trials"):
        do(replace(run, preset=derive(run.preset, {"families": FAMILIES})), tiny_store, "width")


A_DECISION = Decision("decided", Architecture())
NAMES = st.lists(st.sampled_from(deciding()), unique=True)


@given(st.dictionaries(st.sampled_from(deciding()), st.tuples(st.booleans(), NAMES)))
def test_every_study_with_trials_stands_on_an_earlier_one_or_was_made_without_it(
    drawn: Mapping[str, tuple[bool, list[str]]],
) -> None:
    made = {
        name: Made(has_trials, {}, dict.fromkeys(earlier, A_DECISION), A_DECISION)
        for name, (has_trials, earlier) in drawn.items()
    }
    order = list(EVERY)
    for name in deciding():
        on, without = standing_on(name, made), made_without(name, made)
        later = [one for one in order[order.index(name) + 1 :] if one in made and made[one].begun]
        assert sorted([*on, *without]) == sorted(later)
        assert not set(on) & set(without)
    assert not contradictions(made, made)


def test_decisions_agree_whatever_their_sentences_are() -> None:
    def said(given: Decision) -> list[str]:
        made = {"ablation": Made(True, {}, {}, A_DECISION), "width": Made(True, {}, {"ablation": given}, None)}
        return contradictions(made, made)

    assert not said(replace(A_DECISION, summary="said otherwise"))
    assert len(said(replace(A_DECISION, architecture=Architecture(beta=0.5)))) == 1


# copies


@pytest.mark.slow
def test_a_search_goes_on_from_its_copy_with_what_its_trials_have_left(tmp_path: Path, tiny_store: Store) -> None:
    run = begun(tmp_path / "run", tiny_store)
    do(run, tiny_store, "ablation", executor=WithPredictions(tiny_store))
    stopped = WithPredictions(tiny_store)
    stopped.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        do(run, tiny_store, "width", executor=stopped)
    running = next(folder for folder in (run.folder / "trials" / "2-width").iterdir() if not any(folder.iterdir()))
    (running / "epoch-0001.npz").write_bytes(b"a checkpoint")
    copy = tmp_path / "copy"
    there = sqlite_url(copy / "studies.db")
    copy.mkdir()

    heard: dict[str, int] = {}
    summary = copy_storage(run.storage, there, heard.__setitem__, run.folder, copy)
    folders = list((run.folder / "trials").glob("*/*"))
    assert summary.folders == len(folders) == heard["folders of trials, 0 MB"]
    assert files(copy / "trials") == files(run.folder / "trials")
    assert "trials.part" not in {path.name for path in copy.iterdir()}

    assert not do(again(copy), tiny_store, "ablation")
    do(again(copy), tiny_store, "width", executor=WithPredictions(tiny_store))
    do(run, tiny_store, "ablation", "width", executor=WithPredictions(tiny_store))
    assert stored(again(copy))["width"][1] == stored(run)["width"][1]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# two commands at once


class Meanwhile(FormulaExecutor):
    """While its first trial trains, something else happens."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self.happens = happens

    def start(self, job: Job) -> None:
        super().start(job)
        if len(self.every) == 1:
            self.happens()


def ablation_with_three_seeds(folder: Path, store: Store, happens: Callable[[], None]) -> tuple[Meanwhile, list[str]]:
    """As another terminal's command; whom it trained, and what it said."""
    executor, said = Meanwhile(happens), list[str]()
    run_study(again(folder, seeds=3), store, "ablation", lambda: executor, replace(silent(), said=said.append))
    return executor, said


def goes_on(run: Run, store: Store) -> None:
    """No decision contradicts another, and nothing is left to train for either study."""
    made = made_in(open_storage(run.storage), run.folder)
    assert not contradictions(made, made)
    checked_before(run, store, ["ablation", "width", "depth"])
    assert not do(run, store, "ablation", "width")
    assert do(run, store, "depth")


@pytest.mark.slow
def test_a_study_is_refused_while_another_command_trains_for_the_decision_that_it_starts_from(
    tmp_path: Path, tiny_store: Store
) -> None:
    run, width = begun(tmp_path, tiny_store), FormulaExecutor()
    do(run, tiny_store, "ablation")

    def refused() -> None:
        with pytest.raises(StudyError, match=r"ablation is being run by another process, .* that width starts from"):
            do(again(tmp_path), tiny_store, "width", executor=width)

    executor, said = ablation_with_three_seeds(tmp_path, tiny_store, refused)
    assert executor.seen
    assert not width.seen
    assert not [sentence for sentence in said if "meanwhile" in sentence]
    assert do(again(tmp_path), tiny_store, "width")  # from the new decision
    goes_on(again(tmp_path), tiny_store)


@pytest.mark.slow
def test_a_decision_stays_where_another_study_has_begun_from_it_while_its_own_trained_on(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, "ablation")
    before = decisions(open_storage(run.storage), tmp_path)

    def taken_for_gone() -> None:
        used = FormulaExecutor()
        run_study(again(tmp_path), tiny_store, "width", lambda: used, silent(), Terms(take_over=True))

    executor, said = ablation_with_three_seeds(tmp_path, tiny_store, taken_for_gone)
    assert decisions(open_storage(run.storage), tmp_path)["ablation"] == before["ablation"]
    assert "width has begun from the decision of ablation meanwhile, so that decision stays" in " ".join(said)
    seeds = {trial.seed for trial in stored(run)["ablation"][0]}
    assert {0, 1, 2} <= seeds, "what was trained is kept"
    goes_on(again(tmp_path), tiny_store)
    assert len(executor.every) == len({(job.architecture, job.seed) for job in executor.every})


def test_a_decision_stays_where_another_study_is_about_to_begin_from_it(tmp_path: Path, tiny_store: Store) -> None:
    """It is led, and has no trial yet."""
    run, heard = begun(tmp_path, tiny_store), list[str]()
    do(run, tiny_store, "ablation")

    def before_the_first_trial(name: str, what: str) -> None:
        heard.extend(ablation_with_three_seeds(tmp_path, tiny_store, lambda: None)[1])

    used = FormulaExecutor()
    run_study(again(tmp_path), tiny_store, "width", lambda: used, replace(silent(), study=before_the_first_trial))
    assert used.seen
    assert "width has begun from the decision of ablation meanwhile" in " ".join(heard)
    made = made_in(open_storage(run.storage), run.folder)
    assert not contradictions(made, made)
    assert checked_before(again(tmp_path), tiny_store, ["ablation", "width"])


# commands that are no study


@pytest.fixture
def by_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of commands; they say nothing of a device."""
    monkeypatch.setitem(EXECUTORS, "local", Kind(lambda address, workers: Foretold, here=True))
    monkeypatch.setattr("search.machine.devices.announcing", lambda make, *_: make)
    monkeypatch.setattr("search.compare.run.announcing", lambda make, *_: make)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["audit", "--epochs", "20"], "epochs 20 (the run has 2)"),
        (["audit", "--beta", "0.5"], "beta 0.5 (the run has 0.0625)"),
        (["prepare", "--seed", "7"], "seed 7 (the run has 0)"),
        (["audit", "--storage", "sqlite:///{other}/elsewhere.db"], "this command alone: storage 'sqlit"),
        (["record", "--epochs", "3", "--max-params", "20k", "--out", "{other}/t.csv"], "epochs 3 (the run has 2)"),
    ],
    ids=lambda words: " ".join(words[:2]) if isinstance(words, list) else "",
)
@pytest.mark.usefixtures("by_formula")
def test_a_command_that_is_no_study_changes_no_setting_of_a_run_that_has_trials(
    words: list[str],
    told: str,
    ablated: Path,
    tmp_path: Path,
    tiny_store: Store,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else the next study would be refused, or `status` would leave out trials of other networks than it thinks of."""
    before, states = stored(again(ablated)), [one["trials"] for one in status(again(ablated))]
    data = [str(tiny_store.path)] if words[0] == "prepare" else []
    assert main([*(word.format(other=tmp_path) for word in words), *data, "--run-dir", str(ablated)]) == 0
    said = capsys.readouterr().err

    assert f"{ablated} has trials and keeps its settings; for this command alone: " in said
    assert told in said
    assert stored(again(ablated)) == before
    assert [one["trials"] for one in status(again(ablated))] == states
    assert not do(checked_before(again(ablated), tiny_store, ["ablation"]), tiny_store, "ablation")


@pytest.mark.usefixtures("by_formula")
@pytest.mark.slow
def test_a_comparison_with_more_seeds_does_not_change_with_how_many_the_run_goes_on(
    tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begun(tmp_path / "run", tiny_store, max_params=41_000)
    do(run, tiny_store, "ablation")
    before = stored(run)
    command = ["compare", "--repetitions", "1", "--rivals", "random", "--run-dir", str(run.folder)]

    assert main([*command, "--seeds", "3"]) == 0, capsys.readouterr().err
    assert "for this command alone: seeds 3 (the run has 1)" in capsys.readouterr().err
    assert stored(run) == before
    assert not do(again(run.folder), tiny_store, "ablation")


def test_until_it_has_trials_a_run_remembers_what_it_is_prepared_with(
    tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(tmp_path, tiny_store)
    assert main(["prepare", str(tiny_store.path), "--epochs", "3", "--run-dir", str(tmp_path)]) == 0
    assert "keeps its settings" not in capsys.readouterr().err
    assert again(tmp_path).preset.training.epochs == 3

    do(again(tmp_path), tiny_store, "ablation")
    shutil.rmtree(tmp_path / TRIALS)  # its folders may be gone; the studies are not
    assert main(["prepare", str(tiny_store.path), "--epochs", "4", "--run-dir", str(tmp_path)]) == 0
    assert "for this command alone: epochs 4 (the run has 3)" in capsys.readouterr().err
    assert again(tmp_path).preset.training.epochs == 3
    assert main(["prepare", str(tiny_store.path), "--run-dir", str(tmp_path)]) == 0
    assert "keeps its settings" not in capsys.readouterr().err


# deterministic


def test_trials_of_one_run_are_all_deterministic_or_none_is(ablated: Path, tiny_store: Store) -> None:
    """Else the reference would be trained again with a seed that it has, beyond what was planned."""
    other = replace(again(ablated), deterministic=True)
    says = "ablation has trials .*: deterministic was False, now True"
    for name in ("ablation", "width"):
        nothing_is_done(other, tiny_store, name, says)
    with pytest.raises(StudyError, match=says):
        run_study(again(ablated), tiny_store, "width", FormulaExecutor, silent(), Terms(deterministic=True))


@pytest.mark.slow
def test_a_run_that_began_deterministic_goes_on_so_without_a_word(tmp_path: Path, tiny_store: Store) -> None:
    begun(tmp_path, tiny_store)
    used = FormulaExecutor()
    run_study(
        open_run(tmp_path, None, {}, None, None, deterministic=True), tiny_store, "ablation", lambda: used, silent()
    )
    do(again(tmp_path), tiny_store, "width", executor=used)
    assert {job.deterministic for job in used.every} == {True}
    assert len({(job.architecture, job.seed) for job in used.every}) == len(used.every)

    off = open_run(tmp_path, None, {}, None, None, deterministic=False)
    nothing_is_done(off, tiny_store, "depth", "ablation has trials .*: deterministic was True, now False")
    assert do(again(tmp_path), tiny_store, "depth")


def test_a_study_that_does_not_say_whether_it_is_deterministic_goes_on_either_way(
    tmp_path: Path, tiny_store: Store
) -> None:
    """One of an earlier version; from then on it says so."""
    run = begun(tmp_path, tiny_store)
    do(run, tiny_store, "ablation")
    study = load(open_storage(run.storage), "ablation", tmp_path)
    assert study
    unsaid = json.loads(study.user_attrs["settings"])
    del unsaid["deterministic"]
    note(study, "settings", json.dumps(unsaid))

    so = open_run(tmp_path, None, {}, None, None, deterministic=True)
    assert not do(so, tiny_store, "ablation")
    nothing_is_done(
        open_run(tmp_path, None, {}, None, None, deterministic=False),
        tiny_store,
        "width",
        "deterministic was True, now False",
    )


@pytest.mark.parametrize(
    ("words", "found"), [([], False), (["--deterministic"], True), (["--no-deterministic"], False)], ids=str
)
def test_what_a_command_says_of_determinism_is_remembered_until_another_says_otherwise(
    tmp_path: Path, tiny_store: Store, words: list[str], found: bool
) -> None:
    run = begun(tmp_path, tiny_store)
    typed = parser("run").parse_args(["run", "--run-dir", str(tmp_path), *words])
    record(open_the_run(typed, None))
    assert again(tmp_path).deterministic is found
    record(open_run(tmp_path, None, {}, None, None, deterministic=not found))
    assert again(tmp_path).deterministic is not found
    assert run.preset == again(tmp_path).preset
