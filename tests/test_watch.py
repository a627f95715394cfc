"""`status --watch`: what has changed is said once, and the end of the search ends it."""

import io
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from formula import FormulaExecutor
from rich.console import Console
from searched import a_run, search

from data.store.disk import Store
from search.lease import held
from search.report.read import read
from search.report.words import next_sentence
from search.run import record
from search.storage.status import Statuses, status
from search.watch.watch import shown, watch
from studies.preset import StudyError


@pytest.mark.slow
def test_a_decided_run_is_shown_once(tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store)
    watch(run, every_seconds=60)

    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said[:4]] == ["1 ablation", "2 width", "3 depth", "4 refinement"]
    assert said[-1] == "all four studies are decided"


@pytest.mark.slow
def test_a_search_is_watched_from_before_its_storage_is_there_to_its_end(
    tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    watching = threading.Thread(target=watch, args=(run, 0.02), daemon=True)
    watching.start()
    seen, until = "", time.monotonic() + 60
    while not seen and time.monotonic() < until:
        time.sleep(0.02)
        seen = capsys.readouterr().out
    search(run, tiny_store)
    watching.join(60)

    said = (seen + capsys.readouterr().out).splitlines()
    assert not watching.is_alive()
    assert said[0] == f"next: boneage-search ablate --run-dir {run.folder}"
    assert said[-1] == "all four studies are decided"
    assert len(said) == len(set(said))


def test_on_a_terminal_running_trials_stand_below_the_table(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(stop_after=2))
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(shown(run, status(run), ["1 ablation #2: epoch 1, 30.00 months"]))

    text = console.export_text()
    assert text.index("ablation") < text.index("#2: epoch 1") < text.index("next: boneage-search ablate")


@pytest.mark.slow
def test_what_runs_and_what_is_next_fit_a_small_terminal_when_all_but_one_study_is_decided(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store)
    decided = status(run)
    last = {"name": "refinement", "state": "begun", "trials": 0, "best_value": None, "decision": None}
    going_on = [*decided[:-1], decided[-1] | last]

    def screen(statuses: Statuses) -> list[str]:
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(shown(run, statuses, ["4 refinement #0: epoch 1, 30.00 months"] * 4))
        return console.export_text().splitlines()

    assert len(screen(going_on)) <= 24
    rows = [line.split("│") for line in screen(going_on) if line.startswith("│")]
    assert [row[1].strip() for row in rows] == [str(one["name"]) for one in going_on], "a row has one line"
    assert all("…" not in cell for row in rows for cell in row[1:5])
    assert any(row[5].strip().endswith("…") for row in rows)
    summary = decided[0]["decision"]["summary"]
    assert summary.split()[-1] in " ".join(screen(decided)), "at the end the decisions stand there in full"


def test_a_report_of_a_search_that_is_under_way_says_so(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(stop_after=2))
    then = f"boneage-search ablate --run-dir {run.folder}"
    assert next_sentence(read(run)) == f"Next: {then}"

    with held(run.folder, "ablation"):
        assert (
            next_sentence(read(run))
            == f"A search was under way when this was written. Next, once that has ended: {then}"
        )


def test_a_run_that_is_deleted_while_it_is_watched_is_gone_and_no_new_one(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(stop_after=2))
    monkeypatch.setattr("time.sleep", lambda seconds: shutil.rmtree(run.folder))
    with pytest.raises(StudyError, match="holds no run"):
        watch(run)


@pytest.mark.slow
def test_ctrl_c_ends_it_quietly(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    record(run)
    command = [sys.executable, "-m", "search.cli", "status", "--watch", "--run-dir", str(run.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        assert watching.stdout.readline() == f"next: boneage-search ablate --run-dir {run.folder}\n"
        time.sleep(0.2)
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=60)

    assert watching.returncode == 0
    assert said == ""
