"""A trial's folder may hold files of another training, as where a study was deleted and begun again: none is taken for the trial's."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent
from hypothesis import given
from hypothesis import strategies as st
from searched import a_run
from small_trainings import TINY, TRAINING

from data.store.disk import Store
from search.leader import kept
from search.leader.engine import run_study
from search.run import TRIALS
from search.storage.opening import open_storage
from search.storage.records import load
from search.workers.job import EpochDone, Finished, Job, Message, Paused, Remark, fingerprint, job_dict
from search.workers.left import best, checkpoint
from search.workers.left.best import KEPT_NOTE, MADE_OF_IT, MAPS, MODEL, TEST, VALIDATION, begin_afresh, numbered
from search.workers.local import lay_out

OF_A_BEST_EPOCH = (VALIDATION, TEST, MODEL, MAPS)
NAMES = (*OF_A_BEST_EPOCH, KEPT_NOTE, *MADE_OF_IT, *(numbered(Path(), name, 7).name for name in OF_A_BEST_EPOCH))


@given(left=st.sets(st.sampled_from(NAMES)), others=st.sets(st.sampled_from(["job.json", "log.txt", "network.svg"])))
def test_a_trial_that_begins_afresh_finds_nothing_of_a_best_epoch(
    tmp_path_factory: pytest.TempPathFactory, left: set[str], others: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("trial")
    for name in left | others:
        (folder / name).write_text("another's")
    begin_afresh(folder)

    assert {path.name for path in folder.iterdir()} == others


class AsWorkers(FormulaExecutor):
    """Does with a trial's folder what a worker does; in the place of a network it leaves the network's words."""

    def wait(self, seconds: float) -> list[Message]:
        job = self.jobs[0]
        messages = super().wait(seconds)
        lay_out(job)
        if job.afresh and checkpoint.latest(job.folder, "") is None:
            begin_afresh(job.folder)
        best.forget(job.folder, MODEL, 0)
        lowest = min((one.validation_mae, one.epoch) for one in messages if isinstance(one, EpochDone))
        if job.keep and lowest[0] < job.keep_below:
            best.leave(job.folder, MODEL, lowest[1], lambda path: path.write_text(str(job.architecture)))
        best.settle(job.folder, MODEL, lowest[1])
        return messages


def test_a_study_that_was_deleted_and_begun_again_keeps_no_network_of_before(tmp_path: Path, tiny_store: Store) -> None:
    """The second time all networks are worse than those of before, and others under the same numbers."""
    run = a_run(tmp_path, tiny_store)
    run_study(run, tiny_store, "ablation", AsWorkers, silent())
    study = load(open_storage(run.storage), "ablation", run.folder)
    assert study is not None
    optuna.delete_study(study_name=study.study_name, storage=open_storage(run.storage))
    wider = replace(run.preset, reference=replace(run.preset.reference, beta=0.125), max_params=10**6)
    again = AsWorkers(lambda network: deeper_is_better(network) + 20)
    run_study(replace(run, preset=wider), tiny_store, "ablation", lambda: again, silent())
    of = {job.folder: job.architecture for job in again.every}
    found = kept.kept(run.folder)

    assert [(one.folder / MODEL).read_text() for one in found] == [str(of[one.folder]) for one in found]
    assert found, "while nothing better was there, one was to be kept"
    assert min(one.validation_mae for one in found) > 20


def a_job(folder: Path, store: Store, **fields: object) -> Job:
    preset = tiny_preset()
    job = Job(4, preset.reference, preset.training, 0, store.path, store.digest, 40, folder, keep=True)
    return replace(job, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("seed", "signed", "believed"), [(0, True, True), (1, True, False), (1, False, True)])
def test_a_note_of_a_kept_network_is_believed_while_its_folder_is_of_the_same_training(
    tmp_path: Path, tiny_store: Store, seed: int, signed: bool, believed: bool
) -> None:
    """One of an earlier version, which does not say of which training it is, always."""
    job = a_job(tmp_path / TRIALS / "3-depth" / "0004", tiny_store)
    lay_out(job)
    (job.folder / MODEL).write_text("a network")
    kept.note(job, [EpochDone(4, 1, 40.0, 39.0, 1.0, 1.0)], "depth")
    note = job.folder / KEPT_NOTE
    if not signed:
        said = json.loads(note.read_text())
        del said["training"]
        note.write_text(json.dumps(said))
    lay_out(replace(job, seed=seed))  # as every leg does

    assert bool(kept.kept(tmp_path)) == believed


@pytest.mark.slow
def test_a_worker_that_leaves_no_network_of_its_own_leaves_none(tmp_path: Path, tiny_store: Store) -> None:
    from search.workers.worker import outcome

    training = replace(TRAINING, epochs=1)
    job = a_job(tmp_path, tiny_store, architecture=TINY, training=training, afresh=True, keep_below=0.0, maps=False)
    lay_out(job)
    for name in NAMES:
        (tmp_path / name).write_text("another's")
    heard: list[Message] = []

    assert isinstance(outcome(job, heard.append), Finished)
    assert not {path.name for path in tmp_path.iterdir()} & (set(NAMES) - {VALIDATION})
    assert len(best.load_predictions(tmp_path / VALIDATION)) == len(tiny_store.split("validation").age_months)
    assert np.isfinite(best.load_predictions(tmp_path / VALIDATION)).all()
    assert json.loads((tmp_path / "job.json").read_text()) == json.loads(json.dumps(job_dict(job)))


@pytest.mark.slow
def test_a_worker_says_that_it_deletes_the_checkpoints_of_another_training(tmp_path: Path, tiny_store: Store) -> None:
    from search.workers.worker import OF_ANOTHER, outcome

    training = replace(TRAINING, epochs=2)
    job = a_job(tmp_path, tiny_store, architecture=TINY, training=training, afresh=True, keep=False, until=1)
    lay_out(job)
    heard: list[Message] = []
    assert isinstance(outcome(job, heard.append), Paused)
    assert not said_in(heard)
    [left] = checkpoint.written(tmp_path)

    other = replace(job, deterministic=True)
    assert isinstance(outcome(other, heard.append), Paused)
    assert said_in(heard) == [OF_ANOTHER]
    assert "starts again" in OF_ANOTHER
    assert checkpoint.latest(tmp_path, fingerprint(other)) is not None
    assert checkpoint.written(tmp_path) == [left]  # of the same epoch, in its place
    assert checkpoint.latest(tmp_path, fingerprint(job)) is None


def said_in(heard: list[Message]) -> list[str]:
    return [message.sentence for message in heard if isinstance(message, Remark)]
