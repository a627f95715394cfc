"""A training that a person stops, that loses patience, and that is given more epochs."""

from dataclasses import replace
from pathlib import Path

import pytest
from formula import silent
from hypothesis import given
from hypothesis import strategies as st
from small_trainings import StoppedAfterAnEpoch

from data.store.disk import Store
from models.architecture import Blocks
from search.leader.progress import Terms
from search.run import Run
from search.trained.choose import Chosen
from search.trained.folder import ModelFolder, open_folder
from search.trained.made_of import STOPPED
from search.trained.predictor import months_of, open_model
from search.trained.train import Order, train
from search.workers.job import EpochDone, Job, Remark
from search.workers.local import InProcess
from search.workers.supervisor import Stopped, StopRequest


def epochs(*errors: float) -> list[EpochDone]:
    return [EpochDone(0, n, 30.0, error, 1.0, 10.0) for n, error in enumerate(errors, 1)]


@given(st.lists(st.floats(1, 50), max_size=12), st.integers(0, 6))
def test_patience_ends_where_the_last_epochs_were_none_better(errors: list[float], patience: int) -> None:
    from search.workers.worker import out_of_patience

    over = out_of_patience(epochs(*errors), patience)
    since = len(errors) - errors.index(min(errors)) - 1 if errors else 0

    assert over == (patience > 0 and since >= patience)


def test_the_first_epochs_steps_are_told_to_who_waits_for_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.training.settings import Training
    from search.workers import worker

    now = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])

    def said(tells: bool) -> list[str]:
        heard: list[Remark] = []
        from models.architecture import Architecture

        job = Job(0, Architecture(), Training(), 0, Path(), "", 40, Path(), tells_steps=tells)
        now[0] = 0.0
        told = worker.first_steps(job, 1, heard.append)  # type: ignore[arg-type]
        for step in range(1, 101):
            now[0] = float(step)
            told(step, 100)
        return [remark.sentence for remark in heard]

    assert not said(tells=False)
    assert said(tells=True)[0].startswith("epoch 1 of 30: step 10 of 100, about 1 min 30 s left")
    assert len(said(tells=True)) == 3


@pytest.mark.slow
def test_a_stop_keeps_the_best_epoch_and_more_epochs_go_on_with_the_same_model(
    tmp_path: Path, tiny_store: Store
) -> None:
    from conftest import tiny_preset

    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), f"sqlite:///{tmp_path}/studies.db")
    stem = replace(run.preset.reference, blocks=Blocks(0, 0, 0, 0, 0, 0))  # the least that is a network
    order = Order(Chosen(stem, "by hand"), {"epochs": 3}, "mine", keep_best=True)
    stop = StopRequest()
    with pytest.raises(Stopped):
        train(run, tiny_store, order, lambda: StoppedAfterAnEpoch(stop), silent(), Terms(stop=stop))
    folder = tmp_path / "models" / "mine"
    kept = open_folder(folder, whole=True)

    assert (kept.about[STOPPED], len(kept.about["history"]), kept.about["best_epoch"]) == (1, 1, 1)
    assert_predicts_what_it_says(kept, tiny_store)

    assert train(run, tiny_store, order, InProcess, silent(), Terms()) == folder
    whole = open_folder(folder, whole=True)
    assert STOPPED not in whole.about
    assert len(whole.about["history"]) == 3
    assert whole.about["history"][0] == kept.about["history"][0]
    assert_predicts_what_it_says(whole, tiny_store)

    theirs = [folder.with_name("mine.more") / "thesis.txt", folder.with_name("mine.old") / "thesis.txt"]
    for file in theirs:
        file.parent.mkdir()
        file.write_text("precious")
    longer = replace(order, changes={"epochs": 5})
    assert train(run, tiny_store, longer, InProcess, silent(), Terms()) == folder
    after = open_folder(folder, whole=True)
    assert [epoch["epoch"] for epoch in after.about["history"]] == [1, 2, 3, 4, 5]
    assert after.about["history"][:3] == whole.about["history"]
    assert after.about["training"]["epochs"] == 5
    assert after.about["validation"]["mae"] <= whole.about["validation"]["mae"]
    assert after.name == "mine"
    assert_predicts_what_it_says(after, tiny_store)
    assert train(run, tiny_store, longer, lambda: pytest.fail("nothing is left to train"), silent(), Terms()) == folder
    assert [file.read_text() for file in theirs] == ["precious", "precious"]
    assert sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) == ["mine", "mine.more", "mine.old"]


def assert_predicts_what_it_says(model: ModelFolder, store: Store) -> None:
    validation = store.split("validation")
    months = months_of(open_model(model.path).network, store.images[validation.rows], validation.male)

    mae = float(abs(months - validation.age_months).mean())
    assert mae == pytest.approx(model.about["validation"]["mae"], abs=0.05)
    best = min(model.about["history"], key=lambda epoch: epoch["validation_mae"])
    assert best["epoch"] == model.about["best_epoch"]
    assert best["validation_mae"] == pytest.approx(mae, abs=0.05)
