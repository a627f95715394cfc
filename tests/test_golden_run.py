"""A run that an earlier version made, whose studies have plain names: all of it opens, and its killed search goes on."""

import json
import shutil
import socket
from pathlib import Path

import pytest
from formula import FormulaExecutor, silent
from golden_runs import laid_out
from optuna.trial import TrialState

from search import lease
from search.cli import main
from search.leader.engine import run_study
from search.prepared import prepared
from search.report import read as reports
from search.run import open_run
from search.storage import records
from search.storage.opening import open_storage
from search.storage.settings import read_settings
from search.storage.sqlite import sqlite_url
from search.storage.status import status
from search.trained.choose import winner
from studies.preset import StudyError

PLAIN = ["1 ablation", "2 width"]


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return laid_out(tmp_path / "golden")


def test_status_and_report_read_it_and_change_nothing(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in golden.rglob("*") if path.is_file() and "report" not in path.name}
    assert main(["status", "--run-dir", str(golden), "--json"]) == 0
    ablation, width = json.loads(capsys.readouterr().out)[:2]
    assert (ablation["state"], ablation["trials"], width["state"], width["trials"]) == ("decided", 3, "begun", 1)

    assert main(["report", "--run-dir", str(golden)]) == 0
    run = open_run(golden, None, {}, None, None)
    assert [len(study.trials) for study in reports.read(run).studies] == [3, 2, 0, 0]
    assert winner(run).architecture == reports.read(run).studies[0].decision.architecture  # type: ignore[union-attr]
    assert {path: path.read_bytes() for path in before} == before


def test_its_killed_study_goes_on_and_the_next_is_called_after_the_runs_new_id(
    golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "WATCH_SECONDS", 0.5)  # its owner was on another machine
    run = open_run(golden, None, {}, None, None)
    store = prepared(run, lambda *_: None)
    executor = FormulaExecutor()
    run_study(run, store, "width", lambda: executor, silent())

    own = read_settings(golden)["id"]
    storage = open_storage(run.storage)
    width = records.load(storage, "width", golden)
    assert width is not None
    assert [trial.state for trial in width.trials] == [TrialState.COMPLETE] * 2
    assert len(executor.seen) == 1  # the trial that was running has its number still; the other was copied
    assert (width.study_name, width.user_attrs["run"]) == ("2 width", own)
    run_study(run, store, "depth", FormulaExecutor, silent())
    assert [entry["state"] for entry in status(run)] == ["decided"] * 3 + ["not begun"]
    assert sorted(study.study_name for study in storage.get_all_studies()) == [*PLAIN, f"3 depth [{own}]"]


def test_its_ablation_only_decides_again(golden: Path) -> None:
    run = open_run(golden, None, {}, None, None)
    executor = FormulaExecutor()
    before = records.decisions(open_storage(run.storage))["ablation"]

    assert run_study(run, prepared(run, lambda *_: None), "ablation", lambda: executor, silent()) == before
    assert executor.seen == []


def test_its_storage_is_copied_and_goes_on_there(golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the copy, with the same folder; and, where the folder is copied along, in that one."""
    monkeypatch.setattr(lease, "WATCH_SECONDS", 0.5)
    target = sqlite_url(tmp_path / "copy.db")
    to = ["--run-dir", str(golden), "--to-run-dir", str(tmp_path / "copy")]
    assert main(["storage", "copy", "--from", sqlite_url(golden / "studies.db"), "--to", target, *to]) == 0

    for folder in (golden, tmp_path / "copy"):
        run = open_run(folder, None, {}, None, target)
        assert [entry["state"] for entry in status(run)[:2]] == ["decided", "begun"]
    run = open_run(golden, None, {}, None, target)
    run_study(run, prepared(run, lambda *_: None), "width", FormulaExecutor, silent())
    assert status(run)[1]["state"] == "decided"


def test_another_folder_on_its_database_has_studies_of_its_own(golden: Path, tmp_path: Path) -> None:
    run = open_run(golden, None, {}, None, None)
    other = open_run(tmp_path / "other", "demo", run.overrides, run.data, run.storage)
    executor = FormulaExecutor()
    run_study(other, prepared(other, lambda *_: None), "ablation", lambda: executor, silent())

    own = read_settings(other.folder)["id"]
    assert len(executor.seen) == 3
    assert {study.study_name for study in open_storage(run.storage).get_all_studies()} == {
        *PLAIN,
        f"1 ablation [{own}]",
    }
    assert [entry["state"] for entry in status(run)[:2]] == ["decided", "begun"]


def test_running_trials_of_another_folder_that_is_still_there_are_not_taken_from_it(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two folders of an earlier version shared its database: the width's trials run, as far as anybody can tell, in the first."""
    monkeypatch.setattr(lease, "WATCH_SECONDS", 0.5)
    other = tmp_path / "other"
    shutil.copytree(golden, other)
    run = open_run(other, None, {}, None, sqlite_url(golden / "studies.db"))
    study = records.load(open_storage(run.storage), "width", other)
    assert study is not None
    study.set_user_attr("run_folder", f"{socket.gethostname()}:{golden}")

    with pytest.raises(StudyError, match=r"running or waiting trials in .*golden: .*--take-over"):
        run_study(run, prepared(run, lambda *_: None), "width", FormulaExecutor, silent())
