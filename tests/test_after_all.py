"""What comes after the last decision, the confirmation and the winner's ablation, is seen by whoever follows a search."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import Timed, silent
from searched import a_run, search

from data.store.disk import Store
from search.cli import main
from search.leader.engine import run_study
from search.lease import held
from search.report.read import read
from search.report.rows import machine_rows
from search.report.sections import contents
from search.report.text import markdown
from search.run import Run
from search.show.tables import latest_timing, status_lines
from search.storage.status import all_asked, left_to_do, next_command, status, with_what_is_left
from search.watch import watch as watching
from studies.around import confirmation, sex, winner
from studies.order import STUDIES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def searched_to_its_decision(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Run:
    return search(a_run(tmp_path_factory.mktemp("run"), tiny_store, tiny_preset()), tiny_store)


def test_a_decided_run_that_is_not_confirmed_has_something_to_do(
    searched_to_its_decision: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run = searched_to_its_decision
    told = f"boneage-search refine --run-dir {run.folder}"
    assert left_to_do(status(run), run.preset) == [confirmation.NAME]
    assert next_command(run, status(run)) == told

    assert main(["status", "--run-dir", str(run.folder)]) == 0
    said = capsys.readouterr().out
    assert confirmation.NAME in said
    assert said.splitlines()[-1] == f"next: {told}"
    page = markdown(contents(read(run)))
    assert "Not decided yet: 5 confirmation: not begun." in page
    assert "Best so far" not in page


def test_json_tells_a_confirmation_that_is_to_come_from_one_that_nobody_asked_for(
    searched_to_its_decision: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run = searched_to_its_decision
    assert main(["status", "--json", "--run-dir", str(run.folder)]) == 0
    *_, asked = json.loads(capsys.readouterr().out)
    not_asked = replace(run, preset=replace(run.preset, confirm=0))
    *_, without = with_what_is_left(not_asked, status(not_asked))
    more = replace(run, preset=replace(run.preset, ablate_winner=True, without_sex=True))
    *_, wanted = with_what_is_left(more, status(more))

    assert asked[confirmation.NAME] is without[confirmation.NAME] is None
    assert (asked["left_to_do"], asked["all_decided"]) == ([confirmation.NAME], False)
    assert asked["next_command"] == f"boneage-search refine --run-dir {run.folder}"
    assert (without["left_to_do"], without["all_decided"], without["next_command"]) == ([], True, None)
    assert set(wanted["left_to_do"]) == {confirmation.NAME, winner.NAME, sex.NAME}


def test_all_that_a_search_has_is_one_list_however_often_it_is_made(searched_to_its_decision: Run) -> None:
    run = searched_to_its_decision
    wanted = replace(run.preset, ablate_winner=True)
    once = all_asked(status(run), wanted)
    assert [one["name"] for one in once] == [*STUDIES, confirmation.NAME, winner.NAME]
    assert all_asked(once, wanted) == once
    assert [one["name"] for one in all_asked(status(run), replace(run.preset, confirm=0))] == list(STUDIES)
    assert [one["name"] for one in status(run)] == list(STUDIES)  # as JSON has it


@pytest.mark.parametrize("name", [confirmation.NAME, winner.NAME])
def test_trials_after_the_last_decision_are_seen_running_and_interrupted(
    name: str, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = replace(tiny_preset(), confirm=int(name == confirmation.NAME), ablate_winner=name == winner.NAME)
    run = search(a_run(tmp_path / "run", tiny_store, preset), tiny_store, Timed())
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, name, lambda: Timed(stop_after=1), silent())
    statuses = all_asked(status(run), run.preset)
    lines = status_lines(statuses, next_command(run, statuses))
    assert any(line.startswith(f"{name}: 1 trial interrupted") for line in lines)
    timing = latest_timing(statuses)
    assert timing is not None
    assert timing[0] == name
    assert timing[1]["search_seconds_left"] > 0
    assert any(f" left for {name}, " in line for line in lines)

    shown: list[list[str]] = []

    def seen_then_ended(_: float) -> None:
        """Between two looks the study goes on to its end."""
        run_study(run, tiny_store, name, Timed, silent())

    monkeypatch.setattr(watching.time, "sleep", seen_then_ended)
    with held(run.folder, name):
        statuses = all_asked(status(run), run.preset)
        storage = watching.open_storage(run.storage)
        assert any(line.startswith(f"5 {name} #") for line in watching.running_trials(run, storage, statuses))
    watching.follow(run, 0.0, lambda statuses, running: shown.append([*watching.lines(run, statuses), *running]))
    assert len(shown) == 2
    assert any(line.startswith(f"5 {name}: decided") for line in shown[-1])
    assert "all four studies are decided" in shown[-1]


def test_a_finished_search_has_no_time_left_and_tells_its_last_figures(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path / "run", tiny_store, tiny_preset()), tiny_store, Timed())
    before = latest_timing(status(run))
    assert before is not None
    assert before[1]["search_seconds_left"] > 0  # of the confirmation, when refinement ended
    run_study(run, tiny_store, confirmation.NAME, Timed, silent())

    statuses = all_asked(status(run), run.preset)
    assert next_command(run, statuses) is None
    lines = status_lines(statuses, None)
    assert not any(" left for " in line for line in lines)
    timing = latest_timing(statuses)
    assert timing is not None
    assert timing[0] == confirmation.NAME
    recorded = {row["what"]: row["recorded"] for row in machine_rows(read(run))}
    count = timing[1]["epoch_seconds_predicted"]
    assert f"(median of {count} trainings)" in recorded["prediction of times"]
    assert count > before[1]["epoch_seconds_predicted"]
