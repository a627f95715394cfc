"""What others do to a run's studies, in Optuna's dashboard, in a script or in SQL: every command says so in a sentence.

A table: each change beside every command. No command ends with a traceback, and no number that somebody else has told is
taken over in silence. The run is the golden one: a decided ablation, and a width whose second trial is running.
"""

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from formula import FormulaExecutor, deeper_is_better, silent
from golden_runs import laid_out
from optuna.trial import TrialState
from optuna_dashboard import get_note

from data.preparation import DataError
from search import lease
from search.cli import main
from search.leader.engine import run_study
from search.prepared import prepared
from search.report import read as reports
from search.run import open_run
from search.storage import told
from search.storage.opening import open_storage
from search.storage.records import load, trials_of
from search.storage.sqlite import TABLES, StorageError, own_url, sqlite_url
from search.storage.status import status
from search.trained.choose import chosen
from search.watch.dashboard import noted
from search.workers.job import Message
from studies.preset import StudyError
from studies.study import SEED

Change = Callable[[Path], None]


@pytest.fixture
def golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lease, "WATCH_SECONDS", 0.2)
    return laid_out(tmp_path / "golden")


def study(folder: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=open_storage(own_url(folder)))


def attribute(name: str, key: str, value: Any) -> Change:
    return lambda folder: study(folder, name).set_user_attr(key, value)


def sql(statement: str) -> Change:
    def change(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "studies.db")) as database:
            assert database.execute(statement).rowcount > 0
            database.commit()

    return change


def of_trial(key: str, value: Any) -> Change:
    """An attribute of the ablation's second trial, which has ended: Optuna lets nobody change it."""
    written = json.dumps(value).replace("'", "''")
    return sql(
        f"UPDATE trial_user_attributes SET value_json = '{written}' WHERE key = '{key}' AND trial_id = "
        "(SELECT trial_id FROM trials JOIN studies USING (study_id) WHERE study_name = '1 ablation' AND number = 1)"
    )


def running_told(value: float | None, state: TrialState) -> Change:
    return lambda folder: void(study(folder, "2 width").tell(1, value, state=state))


def void(_: object) -> None:
    pass


def added(name: str, params: dict[str, Any], value: float = 0.01) -> Change:
    """Where the study knows a parameter, Optuna wants it to be of the kind it has there."""

    def change(folder: Path) -> None:
        known = study(folder, name).trials[0].distributions
        kinds = {key: known.get(key, optuna.distributions.CategoricalDistribution([of])) for key, of in params.items()}
        study(folder, name).add_trial(optuna.create_trial(value=value, params=params, distributions=kinds))

    return change


def made_anew(directions: list[str]) -> Change:
    def change(folder: Path) -> None:
        settings = study(folder, "2 width").user_attrs["settings"]
        optuna.delete_study(study_name="2 width", storage=open_storage(own_url(folder)))
        another = optuna.create_study(
            study_name="2 width", storage=open_storage(own_url(folder)), directions=directions
        )
        another.set_user_attr("settings", settings)

    return change


def deleted(name: str) -> Change:
    return lambda folder: optuna.delete_study(study_name=name, storage=open_storage(own_url(folder)))


def edited_decision(folder: Path) -> None:
    """After the present version has decided again: it would otherwise have no sum."""
    run = open_run(folder, None, {}, None, None)
    run_study(run, prepared(run, lambda *_: None), "ablation", FormulaExecutor, silent())
    ablation = study(folder, "1 ablation")
    values = json.loads(ablation.user_attrs["decision"])
    ablation.set_user_attr("decision", json.dumps(values | {"summary": "another"}))


# What was changed, and what is said of it: by status and report together, and by the engine when the width goes on.
LEFT_OUT, AGAIN = "left out", "study ablation again, and it will decide again from its trials"
CHANGES: dict[str, tuple[Change, str, str]] = {
    "a running trial told complete": (running_told(0.01, TrialState.COMPLETE), "trial 1 was set to complete", LEFT_OUT),
    "a running trial told failed": (running_told(None, TrialState.FAIL), "trial 1 was set to failed", LEFT_OUT),
    "a running trial told pruned": (running_told(None, TrialState.PRUNED), "trial 1 was set to pruned", LEFT_OUT),
    "a foreign trial of the space": (
        added("2 width", {"beta": 0.0875, SEED: 0}),
        "was not begun by this search",
        LEFT_OUT,
    ),
    "a foreign trial of another space": (added("2 width", {"colour": "red"}), "was not begun by this search", LEFT_OUT),
    "a foreign trial of the study before": (added("1 ablation", {"colour": "red"}), "was not begun by this search", ""),
    "a value changed": (
        sql("UPDATE trial_values SET value = 0.01 WHERE trial_id = 2"),
        "has the value 0.01, which is not the MAE of its best epoch",
        "",
    ),
    "a point that is none": (
        sql("UPDATE trial_params SET param_value = 99 WHERE trial_id = 2 AND param_name = 'variant'"),
        "cannot be read",
        "cannot be read",
    ),
    "training errors that are none": (
        of_trial("train_mae_by_epoch", "a,b"),
        "damaged attribute, train_mae_by_epoch",
        "",
    ),
    "seconds that are none": (of_trial("seconds", "long"), "damaged attribute, seconds", ""),
    "a best epoch that is none": (of_trial("best_epoch", "1"), "damaged attribute, best_epoch", ""),
    "a folder outside": (of_trial("folder", "../../secret"), "damaged attribute, folder", ""),
    "an exit reason that is none": (of_trial("exit_reason", 5), "damaged attribute, exit_reason", ""),
    "no decision": (attribute("1 ablation", "decision", "{"), AGAIN, AGAIN),
    "a decision that is no text": (attribute("1 ablation", "decision", 7), "damaged attribute, decision", "damaged"),
    "a decision of nothing": (attribute("1 ablation", "decision", "{}"), AGAIN, AGAIN),
    "a decision of a list": (attribute("1 ablation", "decision", "[1]"), AGAIN, AGAIN),
    "a decision whose network is none": (
        attribute("1 ablation", "decision", '{"summary": "", "architecture": {"beta": "wide"}, "findings": {}}'),
        AGAIN,
        AGAIN,
    ),
    "an edited decision": (edited_decision, AGAIN, AGAIN),
    "settings that are none": (attribute("2 width", "settings", "{"), "damaged attribute, settings", "damaged"),
    "settings of a list": (attribute("2 width", "settings", "[]"), "damaged attribute, settings", "damaged"),
    "settings without what came before": (
        attribute("2 width", "settings", '{"given": {"ablation": 3}}'),
        "damaged attribute, settings",
        "damaged attribute, settings",
    ),
    "no settings": (
        sql("DELETE FROM study_user_attributes WHERE key = 'settings' AND study_id = 2"),
        "'2 width' that is not ours",
        "that is not ours",
    ),
    "a constant that is none": (
        attribute("2 width", "constant_mae", "x"),
        "damaged attribute, constant_mae",
        "damaged",
    ),
    "a count that is none": (attribute("2 width", "turned_away", "x"), "damaged attribute, turned_away", "damaged"),
    "drawn hands or not": (attribute("2 width", "synthetic", None), "damaged attribute, synthetic", "damaged"),
    "a forecast that is none": (attribute("1 ablation", "timing", "{"), "", ""),
    "machines that are none": (attribute("2 width", "machines", 3), "damaged attribute, machines", "damaged"),
    "an attribute that is no JSON": (
        sql("UPDATE study_user_attributes SET value_json = 'x' WHERE key = 'machines' AND study_id = 2"),
        "damaged",
        "damaged",
    ),
    "more directions": (made_anew(["minimize", "minimize"]), "directions are MINIMIZE, MINIMIZE", "directions are"),
    "another direction": (made_anew(["maximize"]), "directions are MAXIMIZE", "directions are"),
    "the study before deleted": (deleted("1 ablation"), "", "needs the decision of ablation"),
    "the study deleted": (deleted("2 width"), "", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_by_others_is_a_sentence_in_every_command(
    golden: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    happens, read, went_on = CHANGES[change]
    happens(golden)
    run = open_run(golden, None, {}, None, None)

    said = []
    for command in (["status"], ["status", "--json"], ["report"]):
        code = main([*command, "--run-dir", str(golden)])  # whatever it raises fails the test
        printed = capsys.readouterr()
        assert code in (0, 2)
        said.append(printed.out + printed.err)
        if code == 2:
            assert len(printed.err.strip().splitlines()) == 1
    report = golden / "report.html"
    said.append(re.sub(r"<[^>]+>|&#x27;|&#39;", "", report.read_text(encoding="utf-8")) if report.exists() else "")
    assert read.replace("'", "") in " ".join(said).replace("'", "")
    assert LEFT_OUT not in went_on or all(LEFT_OUT in one for one in (said[0], said[3]))
    assert "0.01 months" not in " ".join(said)
    for trial in ("", "width:0", "ablation:1"):
        refused_or(lambda trial=trial: chosen(run, trial, {}))  # type: ignore[misc]

    executor = FormulaExecutor()
    heard: list[str] = []
    progress = noted(replace(silent(), said=heard.append))
    code_said = refused_or(lambda: run_study(run, prepared(run, lambda *_: None), "width", lambda: executor, progress))
    assert went_on in " ".join([code_said, *heard])
    if not code_said:
        width = load(open_storage(run.storage), "width", golden)
        assert width is not None
        told_here = [trial for trial in trials_of(width) if trial.state == "complete"]
        assert len(told_here) == 2
        assert min(trial.error for trial in told_here) > 1
        assert [entry["best_value"] for entry in status(run)][1] == min(trial.error for trial in told_here)
        if LEFT_OUT in went_on:
            assert LEFT_OUT in get_note(width).lower()


def of_last(key: str, written: str) -> Change:
    """An attribute of the ablation's last trial, which is its best, as it stands in the database."""
    return sql(f"UPDATE trial_user_attributes SET value_json = '{written}' WHERE trial_id = 3 AND key = '{key}'")


def epoch(value: str, kind: str = "FINITE") -> Change:
    return sql(
        f"UPDATE trial_intermediate_values SET intermediate_value = {value}, intermediate_value_type = '{kind}' "
        "WHERE trial_id = 3 AND step = 1"
    )


BEYOND = "1" + "0" * 400  # a whole number that is too large for a double
# What is left out of the ablation's best trial, and why.
IMPOSSIBLE: dict[str, tuple[Change, str]] = {
    "a failed trial with a value": (
        lambda folder: (
            sql("UPDATE trials SET state = 'FAIL' WHERE trial_id = 3")(folder),
            of_last("exit_reason", '"diverged"')(folder),
        )[0],
        "has failed and has the value",
    ),
    "a seed beyond what a trial can have": (
        sql("UPDATE trial_params SET param_value = 2147483648 WHERE trial_id = 3 AND param_name = 'seed'"),
        "has seed 2147483648",
    ),
    "another network's MACs": (of_last("macs", "5"), "its macs was 5"),
    "MACs beyond a double": (of_last("macs", BEYOND), "damaged attribute, macs"),
    "parameters beyond a double": (of_last("params", BEYOND), "damaged attribute, params"),
    "seconds that are no number": (of_last("seconds", "NaN"), "damaged attribute, seconds: nan"),
    "seconds before the beginning": (of_last("seconds", "-99999"), "damaged attribute, seconds"),
    "seconds without end": (of_last("seconds", "1e308"), "damaged attribute, seconds"),
    "an epoch before the first": (of_last("best_epoch", "-1"), "damaged attribute, best_epoch"),
    "an epoch after the last": (of_last("best_epoch", "99999"), "has the best epoch 99999"),
    "an epoch that was not the best": (of_last("best_epoch", "1"), "has the best epoch 1"),
    "fewer than no workers": (of_last("workers", "-5"), "damaged attribute, workers"),
    "an infinite training error": (of_last("train_mae_by_epoch", '"1e400,3"'), "damaged attribute, train_mae_by_epoch"),
    "another seed": (of_last("seed", "7"), "has the seed 0, and is said to be trained with 7"),
    "a seed below zero": (
        sql("UPDATE trial_params SET param_value = -5 WHERE trial_id = 3 AND param_name = 'seed'"),
        "has seed -5",
    ),
    "a seed beyond all": (
        sql("UPDATE trial_params SET param_value = 1e300 WHERE trial_id = 3 AND param_name = 'seed'"),
        "has seed 1000",
    ),
    "another parameter": (
        sql("UPDATE trial_params SET param_name = 'x' WHERE trial_id = 3 AND param_name = 'variant'"),
        "has x 'mixed9=0'",
    ),
    "choices in another order": (
        sql(
            "UPDATE trial_params SET distribution_json = replace(distribution_json, "
            """'"baseline", "mixed5=0", "mixed9=0"', '"mixed9=0", "mixed5=0", "baseline"') WHERE trial_id = 3 AND param_name = 'variant'"""
        ),
        "was asked for with variant 'mixed9=0', and has variant 'baseline'",
    ),
    "a parameter too much": (
        sql(
            'UPDATE trial_system_attributes SET value_json = \'{"variant": "mixed9=0", "seed": 0, "x": 1}\' '
            "WHERE trial_id = 3 AND key = 'fixed_params'"
        ),
        "has x 1",
    ),
    "an epoch of no number": (epoch("NULL", "NAN"), "damaged error of epoch 1: nan"),
    "an epoch below all": (epoch("NULL", "INF_NEG"), "damaged error of epoch 1: -inf"),
    "an epoch of a word": (epoch("'x'"), "damaged error of epoch 1: 'x'"),
    "a place of a word": (
        sql("UPDATE trial_intermediate_values SET step = 'x' WHERE trial_id = 3 AND step = 1"),
        "damaged error of epoch 'x'",
    ),
    "a value of a word": (sql("UPDATE trial_values SET value = 'x' WHERE trial_id = 3"), "has the value 'x'"),
    "a value below zero": (
        lambda folder: (
            sql("UPDATE trial_values SET value = -5 WHERE trial_id = 3")(folder),
            sql("UPDATE trial_intermediate_values SET intermediate_value = -5 WHERE trial_id = 3 AND step = 2")(folder),
        )[0],
        "damaged error of epoch 2: -5",
    ),
    "no beginning": (
        sql("UPDATE trials SET datetime_start = NULL WHERE trial_id = 3"),
        "has no time at which it began",
    ),
    "no end": (sql("UPDATE trials SET datetime_complete = NULL WHERE trial_id = 3"), "has no time at which it began"),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_status_and_report_leave_out_the_same_trial_by_one_rule(
    golden: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    happens, why = IMPOSSIBLE[what]
    happens(golden)
    run = open_run(golden, None, {}, None, None)
    ablation, told_by_report = status(run)[0], reports.read(run).studies[0]

    assert (ablation["trials"], ablation["left_out"], ablation["best_params"]) == (2, 1, {"variant": "mixed5=0"})
    assert [left.number for left in told_by_report.left_out] == [2]
    assert why in told_by_report.left_out[0].why
    assert [recorded.trial.number for recorded in told_by_report.trials] == [0, 1]
    assert main(["status", "--json", "--run-dir", str(golden)]) == 0
    json.loads(capsys.readouterr().out, parse_constant=no_json)


def no_json(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def test_a_result_of_another_network_is_copied_from_no_trial_whose_fingerprint_was_changed(golden: Path) -> None:
    """It was made that of the width's second trial, which would have taken it over and decided by it."""
    of_last("network", '"e8ac3d4e62f53eee"')(golden)
    run = open_run(golden, None, {}, None, None)
    executor = FormulaExecutor()
    run_study(run, prepared(run, lambda *_: None), "width", lambda: executor, silent())

    width = study(golden, "2 width")
    assert [job.number for job in executor.every] == [1]
    assert "copied_from" not in width.trials[1].user_attrs
    assert width.trials[0].user_attrs["copied_from"] == "1 ablation #0"


def edited(name: str, key: str, change: Callable[[dict[str, Any]], object]) -> Change:
    """A JSON attribute of a study."""

    def happens(folder: Path) -> None:
        values = json.loads(study(folder, name).user_attrs[key])
        change(values)
        study(folder, name).set_user_attr(key, json.dumps(values))

    return happens


def found(**values: Any) -> Change:
    return edited("1 ablation", "decision", lambda decision: decision["findings"].update(values))


def verdict(**values: Any) -> Change:
    return edited("1 ablation", "decision", lambda decision: decision["findings"]["verdicts"][0].update(values))


def numbered(number: str) -> Change:
    return sql(f"UPDATE trials SET number = {number} WHERE trial_id = 3")


DECISION = "damaged attribute, decision: it is no decision"
DAMAGED: dict[str, tuple[Change, str]] = {
    "a constant below zero": (
        attribute("1 ablation", "constant_mae", -5),
        "'1 ablation' has a damaged attribute, constant_mae",
    ),
    "a constant beyond a double": (
        attribute("1 ablation", "constant_mae", int(BEYOND)),
        "'1 ablation' has a damaged attribute, constant_mae",
    ),
    "an attribute of nothing": (
        sql("UPDATE study_user_attributes SET value_json = NULL WHERE key = 'machines' AND study_id = 2"),
        "the study '2 width' is damaged and cannot be read (its attribute machines is None",
    ),
    "a trial's attribute of nothing": (
        sql("UPDATE trial_user_attributes SET value_json = NULL WHERE key = 'gmacs' AND trial_id = 3"),
        "trial 2 of the study '1 ablation' is damaged and cannot be read (its attribute gmacs is None",
    ),
    "a state that is none": (
        sql("UPDATE trials SET state = 'FOO' WHERE trial_id = 3"),
        "trial 2 of the study '1 ablation' is damaged and cannot be read (its state",
    ),
    "a value of no objective": (
        sql("UPDATE trial_values SET objective = 5 WHERE trial_id = 3"),
        "trial 2 of the study '1 ablation' is damaged and cannot be read (its values are of the objectives 5)",
    ),
    "a distribution of nothing": (
        sql("UPDATE trial_params SET distribution_json = NULL WHERE trial_id = 3 AND param_name = 'variant'"),
        "cannot be read (its parameter variant is 2, None",
    ),
    "no number": (numbered("NULL"), "'1 ablation' is damaged (one of its trials has the number None)"),
    "a number of a word": (numbered("'x'"), "one of its trials has the number 'x'"),
    "a number without trials before it": (numbered("900000"), "it has 3 trials, and one of them has the number 900000"),
    "a number twice": (numbered("0"), "two of its trials have the number 0"),
    "objectives that are none": (
        edited("1 ablation", "settings", lambda one: one.update(objectives=[1, 2])),
        "its objectives is [1, 2], and not what a study may minimize",
    ),
    "a space without choices": (
        edited("1 ablation", "settings", lambda one: one.update(space={"variant": 5})),
        "its space is {'variant': 5}, and not choices by parameter",
    ),
    "a study given to itself": (
        edited("2 width", "settings", lambda one: one.update(given={"width": one["given"]["ablation"]})),
        "its given has a decision of 'width', which does not come before it",
    ),
    "a study given nothing": (
        edited("2 width", "settings", lambda one: one.update(given={})),
        "its given lacks the decision of ablation",
    ),
    "a finding that is no number": (
        found(baseline_mae=float("nan")),
        f"{DECISION} (findings: baseline_mae is a number",
    ),
    "verdicts of a word": (found(verdicts="x"), f"{DECISION} (findings: verdicts is a list"),
    "a change of a word": (verdict(change="x"), f"{DECISION} (findings: verdicts[0]: change is a number"),
    "a change beyond a double": (verdict(change=int(BEYOND)), f"{DECISION} (findings: verdicts[0]: change is a number"),
    "a verdict that is none": (verdict(verdict="maybe"), f"{DECISION} (findings: verdicts[0]: verdict is one of"),
    "costs of no group": (found(cost_months=[1]), f"{DECISION} (findings: cost_months is a table"),
    "costs of a word": (found(cost_months={"mixed5": "x"}), f"{DECISION} (findings: cost_months.mixed5 is a number"),
    "key groups of a number": (found(key_groups=7), f"{DECISION} (findings: key_groups is a list"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_cannot_be_believed_of_a_study_is_one_sentence_that_names_its_place(
    golden: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    happens, why = DAMAGED[what]
    happens(golden)
    for command in (["status", "--json"], ["report"], ["plan"]):
        assert main([*command, "--run-dir", str(golden)]) == 2
        said = capsys.readouterr().err.strip()
        assert why in said
        assert len(said.splitlines()) == 1


OF_TRIALS: dict[str, tuple[str, str]] = {  # what somebody does in SQL, and what is said
    "a running trial that has ended": (
        "UPDATE trials SET state = 'RUNNING' WHERE trial_id = 3",
        "trial 2 of the study '1 ablation' is damaged and cannot be read (its state, beginning and end is 'RUNNING', ",
    ),
    "a waiting trial that has ended": (
        "UPDATE trials SET state = 'WAITING' WHERE trial_id = 3",
        "trial 2 of the study '1 ablation' is damaged and cannot be read (its state, beginning and end is 'WAITING', ",
    ),
    "distributions of nothing": (
        "UPDATE trial_params SET distribution_json = '{}'",
        "trial 0 of the study '1 ablation' is damaged and cannot be read (its parameter variant is 0, '{}': 'name')",
    ),
    "attributes that are no JSON": (
        "UPDATE trial_system_attributes SET value_json = '{' WHERE key = 'fixed_params'",
        "trial 0 of the study '1 ablation' is damaged and cannot be read (its system attribute fixed_params is '{'",
    ),
    "a number twice": ("UPDATE trials SET number = 0 WHERE trial_id = 3", "'1 ablation' is damaged (two of its trials"),
    **{
        f"no {table}": (f"DROP TABLE {table}", f"studies.db is damaged (it has no table {table}): somebody has")
        for table in sorted(TABLES - {"studies", "trials"})
    },
    "no studies": ("DROP TABLE studies", "studies.db is the database of another program"),
}


@pytest.mark.parametrize("what", OF_TRIALS)
def test_every_command_that_reads_a_damaged_database_says_the_same_sentence_and_changes_nothing(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    statement, why = OF_TRIALS[what]
    with closing(sqlite3.connect(golden / "studies.db")) as database:
        database.execute(statement)
        database.commit()
        left = list(database.iterdump())
    monkeypatch.chdir(golden.parent)
    said = set()
    for command in (
        "status",
        "status --json",
        "report",
        "plan",
        "plan --budget 1h",
        "train",
        "train --trial ablation:0",
        "width",
        "dashboard",
    ):
        assert main([*command.split(), "--run-dir", golden.name]) == 2, command
        ended = capsys.readouterr()
        assert ended.out == ""
        said.add(ended.err.strip().splitlines()[-1])
    assert len(said) == 1, said
    assert why in said.pop()
    source, target = (sqlite_url(folder / "studies.db") for folder in (golden, tmp_path))
    assert main(["storage", "copy", "--from", source, "--to", target]) == 2
    assert why in capsys.readouterr().err
    with closing(sqlite3.connect(golden / "studies.db")) as database:
        assert list(database.iterdump()) == left


@pytest.mark.parametrize(
    "change",
    [
        {"seconds_left": -50},
        {"seconds_left": 1e308},
        {"seconds_left": int(BEYOND)},
        {"epoch_seconds_predicted": -5.5},
        {"at": "2026-11-25"},
    ],
)
def test_a_damaged_forecast_is_not_shown_and_status_says_so(
    golden: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    """Nothing depends on it: the run goes on."""
    edited("2 width", "timing", lambda timing: timing.update(change))(golden)
    assert main(["status", "--run-dir", str(golden)]) == 0
    assert "width: its attribute timing is damaged and not shown" in capsys.readouterr().out
    assert status(open_run(golden, None, {}, None, None))[1]["timing"] is None


@pytest.mark.parametrize("name", ["id", "storage"])
def test_a_run_json_of_letters_that_are_none_is_blamed_itself(
    golden: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Neither those that no file's name has, nor those that stand for the bytes of one."""
    path = golden / "run.json"
    for text in ("a\ud800", "a\udc80"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {name: text}))
        for command in ("status", "report", "plan"):
            assert main([command, "--run-dir", str(golden)]) == 2
            assert f"run.json cannot be used: {name} " in capsys.readouterr().err


def refused_or(call: Callable[[], object]) -> str:
    """What is said where it is refused; any other error fails the test."""
    try:
        call()
    except (DataError, StorageError, StudyError) as error:
        return str(error)
    return ""


ENQUEUED: dict[str, tuple[dict[str, Any], str]] = {
    "over the cap": ({"beta": 0.0875, SEED: 0}, "parameters, over the cap of"),
    "of no value of the space": ({"beta": 0.5, SEED: 1}, "has beta 0.5, which is none of"),
    "of a value that is no number": ({"beta": "0.0625", SEED: 1}, "has beta '0.0625', which is none of"),
    "of a flag": ({"beta": True, SEED: 1}, "has beta True, which is none of"),
    "of infinity": ({"beta": float("inf"), SEED: 1}, "has beta inf, which is none of"),
    "without a value": ({SEED: 1}, "has no beta"),
    "of nothing": ({}, "has no beta"),
    "without a seed": ({"beta": 0.0625}, "has no seed"),
    "of a seed that is none": ({"beta": 0.0625, SEED: 1.5}, "has seed 1.5, a parameter that its study does not have"),
    "of a value too much": (
        {"beta": 0.0625, SEED: 1, "gamma": 2},
        "has gamma 2, a parameter that its study does not have",
    ),
    "of what has run": ({"beta": 0.0625, SEED: 0}, "repeats trial 0"),
}


@pytest.mark.parametrize("what", ENQUEUED)
def test_a_point_enqueued_by_hand_that_may_not_be_trained_is_told_failed_with_a_sentence(
    golden: Path, what: str
) -> None:
    params, why = ENQUEUED[what]
    study(golden, "2 width").enqueue_trial(params)
    run = open_run(golden, None, {"max_params": 38_500} if what == "over the cap" else {}, None, None)
    executor = FormulaExecutor()
    heard: list[str] = []
    progress = noted(replace(silent(), said=heard.append))
    run_study(run, prepared(run, lambda *_: None), "width", lambda: executor, progress)

    width = study(golden, "2 width")
    enqueued = width.trials[2]
    assert enqueued.state == TrialState.FAIL
    assert enqueued.user_attrs["exit_reason"] == told.UNFIT
    assert why in enqueued.user_attrs["exit_detail"]
    assert any(f"trial 2 is not trained: it {enqueued.user_attrs['exit_detail']}" in said for said in heard)
    assert why.replace("'", "") in get_note(optuna.trial.Trial(width, enqueued._trial_id)).replace("'", "")
    assert what != "over the cap" or executor.seen == []


def test_an_integer_stands_for_a_decimal_as_a_browser_writes_it(golden: Path) -> None:
    """1.0 comes back from JavaScript as 1; and a point of the study with another seed may be asked for."""
    study(golden, "2 width").enqueue_trial({"beta": 0.0625, SEED: 5})
    run = open_run(golden, None, {}, None, None)
    executor = FormulaExecutor()
    run_study(run, prepared(run, lambda *_: None), "width", lambda: executor, silent())

    assert {job.seed for job in executor.every} == {0, 5}
    assert {trial.state for trial in study(golden, "2 width").trials} == {TrialState.COMPLETE}


class Meddling(FormulaExecutor):
    """Somebody does something while a trial trains."""

    def __init__(self, happens: Callable[[int], None]) -> None:
        super().__init__()
        self.happens: Callable[[int], None] | None = happens

    def wait(self, seconds: float) -> list[Message]:
        messages = super().wait(seconds)
        if self.happens:
            self.happens, happens = None, self.happens
            happens(messages[0].number)
        return messages


TOLD: list[tuple[float | None, TrialState]] = [
    (0.01, TrialState.COMPLETE),
    (None, TrialState.PRUNED),
    (None, TrialState.FAIL),
]


@pytest.mark.parametrize(("value", "state"), TOLD)
def test_a_trial_that_somebody_tells_while_it_trains_is_left_out_and_trained_again(
    golden: Path, value: float | None, state: TrialState
) -> None:
    run = open_run(golden, None, {}, None, None)
    executor = Meddling(lambda number: void(study(golden, "2 width").tell(number, value, state=state)))
    heard: list[str] = []
    run_study(
        run, prepared(run, lambda *_: None), "width", lambda: executor, noted(replace(silent(), said=heard.append))
    )

    width = study(golden, "2 width")
    assert [trial.state for trial in width.trials] == [TrialState.COMPLETE, state, TrialState.COMPLETE]
    assert executor.killed == [1]
    assert executor.seen[0] == executor.seen[1]
    assert any("set trial 1 to" in said for said in heard)
    assert "Somebody else" in get_note(optuna.trial.Trial(width, width.trials[1]._trial_id))
    assert [trial.number for trial in trials_of(width)] == [0, 2]
    assert width.trials[2].value is not None
    assert width.trials[2].value == pytest.approx(deeper_is_better(executor.seen[1]))


class Late(Meddling):
    """It happens after the last epoch, before the worker says that it has finished."""

    def wait(self, seconds: float) -> list[Message]:
        if not self.left:
            *epochs, last = FormulaExecutor.wait(self, seconds)
            self.left = [last]
            return epochs
        messages, self.left = self.left, []
        if self.happens:
            self.happens, happens = None, self.happens
            happens(messages[0].number)
        return messages

    left: list[Message] = []  # noqa: RUF012 # replaced, never changed


@pytest.mark.parametrize(("value", "state"), TOLD)
def test_a_trial_that_somebody_tells_as_its_worker_finishes_is_left_out_and_trained_again(
    golden: Path, value: float | None, state: TrialState
) -> None:
    """It runs no more, so that the study ends."""
    run = open_run(golden, None, {}, None, None)
    executor = Late(lambda number: void(study(golden, "2 width").tell(number, value, state=state)))
    run_study(run, prepared(run, lambda *_: None), "width", lambda: executor, silent())

    assert [trial.state for trial in study(golden, "2 width").trials] == [
        TrialState.COMPLETE,
        state,
        TrialState.COMPLETE,
    ]
    assert executor.seen[0] == executor.seen[1]
    assert len(executor.seen) == 2


def test_a_study_that_somebody_deletes_while_it_runs_ends_the_search_with_a_sentence(golden: Path) -> None:
    run = open_run(golden, None, {}, None, None)
    executor = Meddling(lambda number: deleted("2 width")(golden))
    with pytest.raises(StudyError, match="'2 width' was deleted from the database while it ran"):
        run_study(run, prepared(run, lambda *_: None), "width", lambda: executor, silent())

    again = FormulaExecutor()
    run_study(run, prepared(run, lambda *_: None), "width", lambda: again, silent())
    assert len(again.seen) == 1  # the other is the ablation's baseline


@pytest.mark.slow
def test_what_others_tell_teaches_the_sampler_nothing(golden: Path) -> None:
    """Depth searches: its proposals with somebody's excellent trial beside its own are those without it."""
    run = open_run(golden, None, {"depth_trials": 4, "depth_patience": 4}, None, None)
    store = prepared(run, lambda *_: None)
    run_study(run, store, "width", FormulaExecutor, silent())
    seen = []
    for meddles in (False, True):

        def meddle(number: int, meddles: bool = meddles) -> None:
            depth = load(open_storage(run.storage), "depth", golden)
            assert depth is not None
            if meddles:
                trial = depth.trials[number]
                depth.add_trial(optuna.create_trial(value=0.01, params=trial.params, distributions=trial.distributions))

        executor = Meddling(meddle)
        run_study(run, store, "depth", lambda executor=executor: executor, silent())  # type: ignore[misc]
        seen.append(executor.seen)
        depth = load(open_storage(run.storage), "depth", golden)
        assert depth is not None
        assert all(trial.validation_mae is None or trial.validation_mae > 1 for trial in trials_of(depth))
        optuna.delete_study(study_name=depth.study_name, storage=open_storage(run.storage))

    assert len(seen[0]) == len(seen[1]) > 0
