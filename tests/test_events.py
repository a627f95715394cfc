"""What TensorBoard's own reader finds in the event files that a leader leaves."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from event_files import logs_of
from formula import FormulaExecutor, silent
from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG

from data.store.disk import Store
from search.commands.arguments import also_logged
from search.leader.engine import run_study
from search.leader.progress import Progress
from search.run import Run
from search.storage.sqlite import sqlite_url
from search.watch.tensorboard import FOLDER, TAGS, logged
from search.workers.job import EpochDone, Job, Resumed
from studies.study import Trial

TINY = tiny_preset()


def job(folder: Path) -> Job:
    return Job(3, TINY.reference, TINY.training, 0, Path(), "", 40, folder / "trials" / "1-ablation" / "0003")


def epoch(number: int) -> EpochDone:
    return EpochDone(3, number, 30.0, 31.25 - number, 1.0, 100.0, "", 900.0, 1e-3 / number)


def begun(folder: Path) -> Progress:
    telling = logged(silent(), folder / FOLDER)
    telling.started("ablation", job(folder), 5, "mixed0=0, seed 2")
    return telling


def validation_of(folder: Path) -> list[tuple[int, float]]:
    [log] = logs_of(folder)
    return [(event.step, event.value) for event in log.Scalars("mae_months/validation")]


def test_a_trial_has_a_readable_folder_with_every_curve_and_its_network(tmp_path: Path) -> None:
    telling = begun(tmp_path)
    for number in (1, 2):
        telling.epoch("ablation", epoch(number), 2)
    [log] = logs_of(tmp_path)

    assert Path(log.path) == tmp_path / "tensorboard/1-ablation/0003-mixed0=0-seed-2"
    assert sorted(log.Tags()["scalars"]) == sorted(TAGS)
    assert [event.value for event in log.Scalars("training/learning_rate")] == pytest.approx([1e-3, 5e-4])
    assert SESSION_START_INFO_TAG in log.summary_metadata


@pytest.mark.parametrize("heard", [0, 1, 3, 5])
def test_a_trial_that_goes_on_shows_each_epoch_once_whoever_was_killed(tmp_path: Path, heard: int) -> None:
    """The same leader, or the next; which may have heard less than the checkpoint knows, or more where that was damaged."""
    for same_leader in (True, False):
        telling = begun(tmp_path)
        for number in range(1, heard + 1):
            telling.epoch("ablation", epoch(number), 5)
        if not same_leader:
            telling = begun(tmp_path)
        telling.resumed("ablation", Resumed(3, tuple(epoch(number) for number in (1, 2))))
        for number in (3, 4, 5):
            telling.epoch("ablation", epoch(number), 5)

        assert validation_of(tmp_path) == [(number, 31.25 - number) for number in range(1, 6)]


def test_a_trial_whose_checkpoints_are_lost_begins_its_log_again(tmp_path: Path) -> None:
    telling = begun(tmp_path)
    for number in (1, 2, 1, 2, 3):
        telling.epoch("ablation", epoch(number), 3)

    assert [step for step, _ in validation_of(tmp_path)] == [1, 2, 3]


def test_a_log_cut_off_in_the_middle_of_a_record_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    telling = begun(tmp_path)
    for number in (1, 2):
        telling.epoch("ablation", epoch(number), 2)
    [path] = (tmp_path / FOLDER).rglob("*tfevents*")
    path.write_bytes(path.read_bytes()[:-7])

    assert [step for step, _ in validation_of(tmp_path)] == [1]


def test_a_result_taken_over_from_another_study_is_shown_with_its_curves(tmp_path: Path) -> None:
    telling = begun(tmp_path)
    telling.ended("ablation", Trial(3, {}, "complete", 30.0, 2, (35.0, 33.0), validation_mae_by_epoch=(32.0, 30.0)))
    [log] = logs_of(tmp_path)

    assert validation_of(tmp_path) == [(1, 32.0), (2, 30.0)]
    assert "training/images_per_second" not in log.Tags()["scalars"]


def test_a_study_decides_the_same_with_logs_and_leaves_one_for_each_trial(tmp_path: Path, tiny_store: Store) -> None:
    executors, decided = [FormulaExecutor(), FormulaExecutor()], []
    for kind, executor in zip(("plain", "logged"), executors, strict=True):
        folder = tmp_path / kind
        run = Run(folder, replace(TINY, seeds=2), {}, str(tiny_store.path), sqlite_url(folder / "studies.db"))
        telling = logged(silent(), folder / FOLDER) if kind == "logged" else silent()
        decided.append(run_study(run, tiny_store, "ablation", lambda made=executor: made, telling))

    assert decided[0] == decided[1]
    assert executors[0].seen == executors[1].seen
    assert len(logs_of(tmp_path / "logged")) == len(executors[1].seen)


def test_a_log_that_cannot_be_written_is_told_once_and_ends_no_search(tmp_path: Path, tiny_store: Store) -> None:
    (tmp_path / FOLDER).write_text("a file is in the folder's place")
    said: list[str] = []
    run = Run(tmp_path, TINY, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    telling = also_logged(replace(silent(), said=said.append), tmp_path, wanted=True)
    decision = run_study(run, tiny_store, "ablation", FormulaExecutor, telling)
    assert decision.summary
    [failure] = [sentence for sentence in said if "failed" in sentence]
    assert failure.startswith("TensorBoard's log failed at 'started' and is told nothing more; the search continues: ")


def test_writing_logs_imports_no_tensorflow(tmp_path: Path) -> None:
    here = Path(__file__).parent
    code = (
        "import sys; from pathlib import Path; from formula import silent; from search.watch.tensorboard import logged\n"
        "from models.architecture import Architecture; from models.training.settings import Training\n"
        "from search.workers.job import EpochDone, Job\n"
        f"telling = logged(silent(), Path({str(tmp_path)!r}))\n"
        "telling.started('x', Job(0, Architecture(), Training(), 0, Path(), '', 300, Path('models/x')), 1, 'seed 0')\n"
        "telling.epoch('x', EpochDone(0, 1, 1.0, 1.0, 1.0, 1.0), 1)\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    path = f"{here}:{here.parent}"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, check=True, timeout=60)
    assert list(tmp_path.rglob("*tfevents*"))
