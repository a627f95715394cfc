"""Epochs that are added to a model that is there: which are missing, where they are trained, and what becomes of the folder."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_network, tiny_preset
from formula import silent
from small_trainings import StoppedAfterAnEpoch

from data.preparation import DataError
from data.store.disk import Store
from search.apply.explain import of_store
from search.cli import main
from search.leader.kept import history_of
from search.leader.progress import Progress, Terms
from search.run import Run
from search.storage.sqlite import sqlite_url
from search.trained.choose import Chosen
from search.trained.folder import ModelFolder, models_of, open_folder
from search.trained.left.begun import begun_otherwise
from search.trained.left.finish import Origin, finish, keep_best_so_far
from search.trained.made_of import ENDED, STOPPED, TESTED
from search.trained.train import Order, job_of, train
from search.workers.job import (
    Crashed,
    EpochDone,
    Failed,
    Finished,
    Job,
    Message,
    Paused,
    TrialCrashed,
    fingerprint,
    job_dict,
)
from search.workers.left import checkpoint
from search.workers.left.best import MODEL, TEST, VALIDATION, forget, load_predictions, numbered, save_predictions
from search.workers.local import InProcess, lay_out
from search.workers.supervisor import Stopped, StopRequest
from studies.preset import StudyError

pytestmark = pytest.mark.slow

REFERENCE = tiny_network()
TWELVE = Order(Chosen(REFERENCE, "by hand"), {"epochs": 12, "seed": 5}, "p")
IMPATIENT = replace(TWELVE, patience=1)
SIX = (20.0, 19.0, 18.0, 17.0, 16.0, 16.5)  # the fifth is the best, and the sixth ends it where the patience is 1


class Answering:
    """Trains nothing: leaves the network that it starts from, or `model`'s, and says these validation errors."""

    workers = 1

    def __init__(self, *errors: float, model: Path | None = None) -> None:
        self.errors, self.model = errors, model
        self.jobs: list[Job] = []

    def __call__(self) -> "Answering":
        return self

    def start(self, job: Job) -> None:
        lay_out(job)
        self.jobs.append(job)
        for name in (MODEL, TEST, VALIDATION):
            shutil.copy(self.of(job) / name, job.folder / name)
            forget(job.folder, name, 0)  # the best so far of a leg before, as a worker settles them

    def of(self, job: Job) -> Path:
        found = job.start.parent if job.start else self.model
        assert found is not None
        return found

    def wait(self, seconds: float) -> list[Message]:
        return [*epochs(*self.errors), Finished(0, 1)]

    def stop(self) -> None: ...

    def kill(self, number: int, reason: str) -> None: ...

    def close(self) -> None: ...


def epochs(*errors: float) -> list[EpochDone]:
    return [EpochDone(0, n, 30.0, error, 1.0, 10.0) for n, error in enumerate(errors, 1)]


def nobody() -> InProcess:
    return pytest.fail("nothing is left to train")


@pytest.fixture
def run(tmp_path: Path, tiny_store: Store) -> Run:
    return run_in(tmp_path, tiny_store)


def run_in(folder: Path, store: Store) -> Run:
    return Run(folder, tiny_preset(), {}, str(store.path), sqlite_url(folder / "studies.db"))


@pytest.fixture(scope="module")
def models(tiny_store: Store, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two whole models of one network: one that --patience 1 ended after 6 of 12 epochs, one of 6 epochs."""
    found = {}
    for name, order in (("ended", IMPATIENT), ("whole", replace(TWELVE, changes={"epochs": 6, "seed": 5}))):
        job = job_of(run_in(tmp_path_factory.mktemp(name), tiny_store), tiny_store, order, deterministic=False)
        lay_out(job)
        for file in (MODEL, TEST, VALIDATION):
            shutil.copy(tiny_model / file, job.folder / file)
        finish(job, tiny_store, Origin("by hand"), history_of(epochs(*SIX)), flip=False)
        found[name] = job.folder
    return found


@pytest.fixture
def ended(run: Run, models: dict[str, Path]) -> Path:
    return Path(shutil.copytree(models["ended"], run.folder / "models" / "p"))


@pytest.fixture
def whole(run: Run, models: dict[str, Path]) -> Path:
    return Path(shutil.copytree(models["whole"], run.folder / "models" / "p"))


def trained(run: Run, store: Store, order: Order, make: Any, said: list[str] | None = None) -> ModelFolder:
    progress = silent() if said is None else Progress(said=said.append)
    return open_folder(train(run, store, order, make, progress, Terms()), whole=True)


@pytest.mark.parametrize("marked", [True, False], ids=["", "of an earlier version"])
def test_a_model_that_patience_ended_is_whole_for_that_patience_and_says_so(
    run: Run, tiny_store: Store, ended: Path, marked: bool
) -> None:
    if not marked:
        forget_in_about(ended, ENDED)
    said: list[str] = []
    found = trained(run, tiny_store, IMPATIENT, nobody, said)

    assert found.about[ENDED] == ({"patience": 1, "of": 12} if marked else None)
    assert len(found.about["history"]) == 6
    by = " was ended by --patience 1" if marked else " ended"
    assert any(sentence.startswith(f"p{by} after 6 of 12 epochs") for sentence in said)
    if marked:
        assert "The training was ended by --patience 1 after 6 of 12 epochs." in (ended / "report.html").read_text()


def forget_in_about(folder: Path, *names: str) -> None:
    """model.json as one without these fields, and without digests, as earlier versions wrote it."""
    about = json.loads((folder / "model.json").read_text())
    kept = {name: value for name, value in about.items() if name not in (*names, "checksum", "digests")}
    (folder / "model.json").write_text(json.dumps(kept))


@pytest.mark.parametrize("marked", [True, False], ids=["", "of an earlier version"])
@pytest.mark.parametrize(
    ("order", "added"),
    [
        (TWELVE, 6),
        (replace(TWELVE, patience=2), 6),
        (replace(TWELVE, changes={"epochs": 14, "seed": 5}), 8),
        (replace(IMPATIENT, changes={"epochs": 14, "seed": 5}), 8),
    ],
    ids=["no patience", "more patience", "more epochs", "more epochs with that patience"],
)
def test_a_model_that_patience_ended_goes_on_for_all_the_epochs_that_it_has_not(
    run: Run, tiny_store: Store, ended: Path, order: Order, added: int, marked: bool
) -> None:
    if not marked:
        forget_in_about(ended, ENDED)
    executor, said = Answering(*[15.0] * added), []
    found = trained(run, tiny_store, order, executor, said)

    (job,) = executor.jobs
    assert (job.training.epochs, job.epochs_before) == (added, 6)
    assert [epoch["epoch"] for epoch in found.about["history"]] == list(range(1, 7 + added))
    assert (found.about["best_epoch"], found.about.get(ENDED)) == (7, None)
    assert any(f"training continues from its best epoch, 5, for {added} more" in sentence for sentence in said)
    assert "was ended by" not in (ended / "report.html").read_text()
    trained(run, tiny_store, replace(order, patience=0), nobody)


def test_added_epochs_may_be_ended_by_patience_as_well(run: Run, tiny_store: Store, ended: Path) -> None:
    order = replace(TWELVE, patience=2)
    found = trained(run, tiny_store, order, Answering(17.0, 15.5, 16.0, 16.0))

    assert (len(found.about["history"]), found.about["best_epoch"]) == (10, 8)
    assert found.about[ENDED] == {"patience": 2, "of": 12}
    trained(run, tiny_store, order, nobody)
    trained(run, tiny_store, IMPATIENT, nobody)
    assert len(trained(run, tiny_store, TWELVE, Answering(17.0, 17.0)).about["history"]) == 12


def test_where_no_added_epoch_is_better_the_history_and_its_seconds_say_what_was_tried(
    run: Run, tiny_store: Store, ended: Path
) -> None:
    before = (ended / MODEL).read_bytes()
    found = trained(run, tiny_store, TWELVE, Answering(*[16.2] * 6))

    assert (found.about["best_epoch"], found.about["seconds"], found.about.get(ENDED)) == (5, 12.0, None)
    assert found.about["network"] == fingerprint(job_of(run, tiny_store, TWELVE, False))
    assert (ended / MODEL).read_bytes() == before
    trained(run, tiny_store, TWELVE, nobody)


@pytest.mark.slow
@pytest.mark.parametrize("error", [15.0, 17.0], ids=["a better epoch", "none"])
def test_flip_is_measured_whether_an_added_epoch_is_better_or_not_and_stays_measured(
    run: Run, tiny_store: Store, whole: Path, error: float
) -> None:
    eight = replace(TWELVE, changes={"epochs": 8, "seed": 5})
    found = trained(run, tiny_store, replace(eight, flip=True), Answering(error, error))
    assert found.about["test_flipped"] is not None
    assert found.about["conformal_flipped"] is not None
    assert len(found.about["history"]) == 8

    more = trained(run, tiny_store, replace(TWELVE, changes={"epochs": 9, "seed": 5}), Answering(error - 1))
    assert more.about["test_flipped"] is not None


@pytest.mark.parametrize("error", [15.0, 17.0], ids=["a better epoch", "none"])
def test_other_folders_and_what_else_the_models_folder_holds_stay(
    run: Run, tiny_store: Store, whole: Path, error: float
) -> None:
    for name in ("p.old", "p.more"):
        shutil.copytree(whole, whole.with_name(name))
    (whole / "evaluated").mkdir()
    (whole / "evaluated" / "clinic.html").write_text("figures")
    (whole / "hand.png").write_text("a map")
    trained(run, tiny_store, TWELVE, Answering(*[error] * 6))

    assert {path.name for path in models_of(run.folder)} == {"p", "p.old", "p.more"}
    assert [len(open_folder(path).about["history"]) for path in models_of(run.folder)] in (
        [6, 6, 12],
        [12, 6, 6],
        [6, 12, 6],
    )
    assert (whole / "evaluated" / "clinic.html").exists()
    assert (whole / "hand.png").exists()
    assert not (whole / "p.more").exists()


class AtRenaming(BaseException):
    pass


def killed_at_renaming(survived: int, act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether it was: after so many renamings that succeed the next one kills; False where `act` needs no more of them."""
    renames, left = os.replace, survived

    def replacing(*places: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise AtRenaming
        renames(*places)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replacing)
        try:
            act()
        except AtRenaming:
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("error", [15.0, 17.0], ids=["a better epoch", "none"])
def test_a_kill_at_any_renaming_after_the_added_epochs_leaves_what_the_same_command_ends(
    run: Run, tiny_store: Store, whole: Path, tmp_path: Path, error: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(whole, kept)
    for survived in range(100):
        shutil.rmtree(whole)
        shutil.copytree(kept, whole)
        if not killed_at_renaming(
            survived, lambda: train(run, tiny_store, TWELVE, Answering(*[error] * 6), silent(), Terms()), monkeypatch
        ):
            break
        found = trained(run, tiny_store, TWELVE, Answering(*[error] * 6))
        assert (len(found.about["history"]), found.about["training"]["epochs"]) == (12, 12)
        assert found.about["best_epoch"] == (7 if error < 16 else 5)
    assert survived > 5


def test_a_damaged_file_is_not_signed_again(run: Run, tiny_store: Store, whole: Path) -> None:
    (whole / TEST).write_bytes((whole / TEST).read_bytes()[:-1] + b"\0")

    with pytest.raises(DataError, match=r"test_predictions\.npy is damaged"):
        trained(run, tiny_store, TWELVE, Answering(17.0))


@pytest.mark.slow
def test_what_another_length_left_of_added_epochs_does_not_take_the_models_network(
    run: Run, tiny_store: Store, whole: Path
) -> None:
    """It was stopped, and is now asked for otherwise: the files that wait there are of higher epochs than the first."""
    part = whole / "p.more"
    part.mkdir()
    for epoch in (4, 5):
        checkpoint.save(part, "another", checkpoint.Checkpoint(tuple(epochs(*SIX[:epoch])), np.zeros(3), [], "float32"))
        for name in (MODEL, TEST):
            shutil.copy(whole / name, numbered(part, name, epoch))
    found = trained(run, tiny_store, replace(TWELVE, changes={"epochs": 7, "seed": 5}), InProcess)

    assert (whole / MODEL).is_file()
    assert len(found.about["history"]) == 7


def test_epochs_before_are_part_of_what_a_training_is_where_there_are_any(run: Run, tiny_store: Store) -> None:
    job = job_of(run, tiny_store, TWELVE, deterministic=False)

    assert "epochs_before" not in job_dict(job)
    assert fingerprint(replace(job, epochs_before=6)) != fingerprint(job)


def killed(job: Job, store: Store, tiny_model: Path) -> None:
    """As a worker leaves it that is killed in its third epoch, a better one, before that one's checkpoint is there."""
    lay_out(job)
    predictions = load_predictions(tiny_model / VALIDATION)
    state = checkpoint.Checkpoint(tuple(epochs(20.0, 19.0)), predictions, [], "float32")
    checkpoint.save(job.folder, fingerprint(job), state)
    for name in (MODEL, TEST):
        for epoch in (2, 3):
            shutil.copy(tiny_model / name, numbered(job.folder, name, epoch))
    save_predictions(job.folder / VALIDATION, store.split("validation").age_months)


def killed_and_kept(run: Run, store: Store, tiny_model: Path) -> Job:
    """A training of twelve epochs that was killed so, and whose best epoch was kept as a model."""
    job = job_of(run, store, TWELVE, deterministic=False)
    killed(job, store, tiny_model)
    keep_best_so_far(job, store, Origin("by hand"), False, silent())
    return job


def test_the_best_epoch_so_far_is_described_by_its_own_predictions(
    run: Run, tiny_store: Store, tiny_model: Path
) -> None:
    job = killed_and_kept(run, tiny_store, tiny_model)
    about = open_folder(job.folder, whole=True).about

    mae = np.abs(load_predictions(tiny_model / VALIDATION) - tiny_store.split("validation").age_months).mean()
    assert about["validation"]["mae"] == pytest.approx(mae, abs=1e-3)
    assert (about["best_epoch"], about[STOPPED]) == (2, 2)
    assert "The training was stopped after 2 of 12 epochs." in (job.folder / "report.html").read_text()


def test_of_epochs_without_finite_predictions_none_is_kept(run: Run, tiny_store: Store, tiny_model: Path) -> None:
    job, said = job_of(run, tiny_store, TWELVE, deterministic=False), []
    lay_out(job)
    nothing = checkpoint.Checkpoint(tuple(epochs(float("inf"))), np.full(18, np.nan), [], "float32")
    checkpoint.save(job.folder, fingerprint(job), nothing)
    keep_best_so_far(job, tiny_store, Origin("by hand"), False, Progress(said=said.append))

    assert said == ["no epoch gave finite predictions, so there is nothing to keep"]
    assert not (job.folder / "model.json").exists()


def test_a_kept_best_whose_checkpoints_are_gone_goes_on_from_its_network(
    run: Run, tiny_store: Store, tiny_model: Path
) -> None:
    job = killed_and_kept(run, tiny_store, tiny_model)
    checkpoint.clear(job.folder)
    found = trained(run, tiny_store, TWELVE, Answering(*[25.0] * 10))

    assert len(found.about["history"]) == 12
    assert STOPPED not in found.about


class Ending:
    """Trains nothing: ends at once with this message, after what this does."""

    workers = 1

    def __init__(self, message: Message, act: Callable[[], None] = lambda: None) -> None:
        self.message, self.act = message, act

    def start(self, job: Job) -> None:
        self.act()

    def wait(self, seconds: float) -> list[Message]:
        return [self.message]

    def stop(self) -> None: ...

    def kill(self, number: int, reason: str) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize("how", ["fails", "is stopped without --keep-best"])
def test_a_kept_best_is_a_model_again_where_its_training_goes_on_and_does_not_end(
    run: Run, tiny_store: Store, tiny_model: Path, how: str
) -> None:
    job = killed_and_kept(run, tiny_store, tiny_model)
    before = open_folder(job.folder, whole=True).about
    stop = StopRequest()
    ending, error = (
        (Ending(Failed(0, "not_finite", "the loss is no number")), StudyError)
        if how == "fails"
        else (Ending(Paused(0), lambda: setattr(stop, "signal", signal.SIGINT)), Stopped)
    )
    with pytest.raises(error):  # type: ignore[type-var]
        train(run, tiny_store, TWELVE, lambda: ending, silent(), Terms(stop=stop))

    after = open_folder(job.folder, whole=True).about
    same = ("validation", "test", "best_epoch", "digests", STOPPED, TESTED)
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert sorted(path.name for path in job.folder.glob("*.json")) == ["job.json", "model.json"]


class AsKilled(BaseException):
    pass


@pytest.mark.parametrize("how", ["a second Ctrl-C, or a kill", "a bug of the worker"])
def test_a_kept_best_is_the_model_while_its_training_goes_on_and_whatever_ends_that(
    run: Run, tiny_store: Store, tiny_model: Path, how: str
) -> None:
    job, meanwhile = killed_and_kept(run, tiny_store, tiny_model), []
    before = (job.folder / "model.json").read_bytes()

    def look() -> None:
        meanwhile.append(open_folder(models_of(run.folder)[-1], whole=True).about["best_epoch"])
        if how != "a bug of the worker":
            raise AsKilled

    with pytest.raises((AsKilled, TrialCrashed)):
        train(run, tiny_store, TWELVE, lambda: Ending(Crashed(0, "a bug"), look), silent(), Terms())

    assert meanwhile == [2]
    assert (job.folder / "model.json").read_bytes() == before
    assert open_folder(job.folder, whole=True).about["best_epoch"] == 2


def test_the_training_of_a_kept_best_goes_on_beside_it_and_then_takes_its_place_with_its_test_as_a_look(
    run: Run, tiny_store: Store, tiny_model: Path
) -> None:
    job = killed_and_kept(run, tiny_store, tiny_model)
    executor, said = Answering(*SIX, *SIX, model=tiny_model), []
    found = trained(run, tiny_store, TWELVE, executor, said)

    (going_on,) = executor.jobs
    assert (going_on.folder, going_on.epochs_before) == (job.folder / "p.more", 0)
    assert fingerprint(going_on) == fingerprint(job)
    assert any("p was stopped after 2 of 12 epochs: training continues where it was" in sentence for sentence in said)
    assert (found.about["name"], found.about["best_epoch"], len(found.about["history"])) == ("p", 5, 12)
    assert (found.about[TESTED], found.about.get(STOPPED)) == (1, None)
    assert (
        "opened before, by 1 other model of this run, or this one as it was" in (found.path / "report.html").read_text()
    )
    assert not [path.name for path in found.path.iterdir() if path.name.startswith(("p.", "epoch-", "model-"))]
    trained(run, tiny_store, TWELVE, nobody)


@pytest.mark.parametrize(("keep", "best", "epochs_so_far"), [(True, 3, 4), (False, 2, 2)])
def test_a_kept_best_whose_training_is_stopped_again_is_replaced_where_that_is_asked_for(
    run: Run, tiny_store: Store, tiny_model: Path, keep: bool, best: int, epochs_so_far: int
) -> None:
    job = killed_and_kept(run, tiny_store, tiny_model)
    stopped(run, tiny_store, replace(TWELVE, keep_best=keep), 20.0, 19.0, 18.0, 18.5, model=tiny_model)
    about = open_folder(job.folder, whole=True).about

    assert (about["best_epoch"], about[STOPPED], about.get("added_to")) == (best, epochs_so_far, None)
    executor = Answering(*SIX, *SIX, model=tiny_model)
    assert len(trained(run, tiny_store, TWELVE, executor).about["history"]) == 12
    assert executor.jobs[0].epochs_before == 0


def test_a_kill_at_any_renaming_while_a_kept_best_goes_on_leaves_what_the_same_command_ends(
    run: Run, tiny_store: Store, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, saved = killed_and_kept(run, tiny_store, tiny_model).folder, tmp_path / "saved"
    shutil.copytree(folder, saved)
    executor = Answering(*SIX, *SIX, model=tiny_model)
    for survived in range(0, 100, 4):  # each is a model made anew, of seconds
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        going_on = lambda: train(run, tiny_store, TWELVE, executor, silent(), Terms())  # noqa: E731
        if not killed_at_renaming(survived, going_on, monkeypatch):
            break
        assert len(trained(run, tiny_store, TWELVE, executor).about["history"]) == 12
        assert not list(folder.glob("p.*"))
    assert survived > 5


@pytest.mark.parametrize(("error", "times"), [(15.0, 3), (17.0, 0)], ids=["a better epoch", "none"])
def test_a_better_network_of_the_same_model_has_its_own_earlier_test_before_it_and_those_of_others_in_between(
    run: Run, tiny_store: Store, whole: Path, error: float, times: int
) -> None:
    for name in ("q", "r"):
        shutil.copytree(whole, whole.with_name(name))

    assert trained(run, tiny_store, TWELVE, Answering(*[error] * 6)).about[TESTED] == times


@pytest.mark.parametrize("kept", [True, False], ids=["with its best kept", "stopped"])
def test_a_training_that_was_stopped_is_not_begun_anew_on_other_data(
    run: Run, tiny_store: Store, tiny_model: Path, kept: bool
) -> None:
    job = job_of(run, tiny_store, TWELVE, deterministic=False)
    killed(job, tiny_store, tiny_model)
    if kept:
        keep_best_so_far(job, tiny_store, Origin("by hand"), False, silent())
    (tmp := run.folder / "prepared").mkdir()
    shutil.copytree(tiny_store.path, tmp, dirs_exist_ok=True)
    other = replace(tiny_store, path=tmp, info=tiny_store.info | {"digest": "another"})

    with pytest.raises(StudyError, match=r"other data.*give a --name, or remove it"):
        train(run, other, TWELVE, nobody, silent(), Terms())
    assert checkpoint.written(job.folder)
    assert (job.folder / "model.json").exists() == kept


@pytest.mark.parametrize(
    ("name", "now", "said"),
    [
        ("image_px", 64, "prepared with image_px 64, p was trained with 40: add --image-px 40, "),
        ("stretch", False, "prepared with stretch False, p was trained with True: add --stretch, "),
    ],
)
def test_where_the_runs_data_were_prepared_anew_that_is_said_and_not_to_remove_the_model(
    run: Run, tiny_store: Store, whole: Path, name: str, now: Any, said: str
) -> None:
    settings = tiny_store.info["settings"] | {name: now}
    other = replace(tiny_store, info=tiny_store.info | {"digest": "another", "settings": settings})

    for order in (TWELVE, replace(TWELVE, changes={"epochs": 6, "seed": 5})):  # more epochs, and as many
        with pytest.raises(StudyError) as refused:
            train(run, other, order, nobody, silent(), Terms())
        assert said in str(refused.value)
        assert "remove" not in str(refused.value)
    elsewhere = replace(other, info=other.info | {"source": "/elsewhere"})
    with pytest.raises(StudyError, match="give a --name, or remove it"):
        train(run, elsewhere, TWELVE, nobody, silent(), Terms())
    with pytest.raises(DataError) as unfit:
        of_store(other, "validation", 2, open_folder(whole))
    assert said in str(unfit.value)


def test_a_model_that_evaluate_made_is_not_taken_for_a_training(run: Run, tiny_store: Store, whole: Path) -> None:
    (whole / "job.json").unlink()  # as `evaluate --recalibrate` leaves a model: nothing trained it

    for changes in ({"epochs": 6, "seed": 5}, {"epochs": 12}):
        with pytest.raises(StudyError, match=r"holds a model, by hand, and no job.json .*: give a --name"):
            train(run, tiny_store, replace(TWELVE, changes=changes), nobody, silent(), Terms())


@pytest.mark.parametrize(
    "was",
    [
        {"training": {"blur_px": 1.2}},
        {"architecture": {"family": "densenet121"}},
        {"architecture": {"se_ratio": 0.25}},
        {"weights": "0123"},
        {"start": "0123"},
    ],
    ids=lambda was: next(iter(was.values())) if isinstance(next(iter(was.values())), str) else str(was),
)
def test_what_was_on_and_is_off_now_makes_another_training(
    run: Run, tiny_store: Store, whole: Path, was: dict[str, Any]
) -> None:
    """What is off is left out of what is recorded."""
    path = whole / "job.json"
    written = json.loads(path.read_text())
    for name, value in was.items():
        written[name] = written[name] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(written))
    order = replace(TWELVE, changes={"epochs": 6, "seed": 5})

    assert begun_otherwise(job_of(run, tiny_store, order, False)).endswith(", now None")
    for longer in (order, TWELVE):
        with pytest.raises(StudyError, match="holds another training"):
            train(run, tiny_store, longer, nobody, silent(), Terms())


@pytest.mark.slow
def test_added_epochs_that_are_stopped_go_on(run: Run, tiny_store: Store, whole: Path) -> None:
    eight, stop = replace(TWELVE, changes={"epochs": 8, "seed": 5}), StopRequest()
    with pytest.raises(Stopped):
        train(run, tiny_store, eight, lambda: StoppedAfterAnEpoch(stop), silent(), Terms(stop=stop))
    assert len(open_folder(whole, whole=True).about["history"]) == 6

    resumed: list[str] = []
    progress = Progress(resumed=lambda name, message: resumed.append(name))
    train(run, tiny_store, eight, InProcess, progress, Terms())
    assert resumed == ["p.more"]
    assert len(open_folder(whole, whole=True).about["history"]) == 8


class Stopping(Answering):
    """Is stopped by Ctrl-C after these epochs, which it leaves as a worker does."""

    def __init__(self, stop: StopRequest, *errors: float, model: Path | None = None) -> None:
        super().__init__(*errors, model=model)
        self.request = stop

    def start(self, job: Job) -> None:
        super().start(job)
        predictions = load_predictions(self.of(job) / VALIDATION)
        state = checkpoint.Checkpoint(tuple(epochs(*self.errors)), predictions, [], "float32")
        checkpoint.save(job.folder, fingerprint(job), state)
        best = 1 + self.errors.index(min(self.errors))
        for name in (MODEL, TEST):
            (job.folder / name).unlink()
            shutil.copy(self.of(job) / name, numbered(job.folder, name, best))
        self.request.signal = signal.SIGINT

    def wait(self, seconds: float) -> list[Message]:
        return [*epochs(*self.errors), Paused(0)]


KEEPING = replace(TWELVE, keep_best=True)


def stopped(
    run: Run, store: Store, order: Order, *errors: float, said: list[str] | None = None, model: Path | None = None
) -> None:
    stop = StopRequest()
    progress = silent() if said is None else Progress(said=said.append)
    with pytest.raises(Stopped):
        train(run, store, order, Stopping(stop, *errors, model=model), progress, Terms(stop=stop))


def test_the_best_of_added_epochs_that_are_stopped_is_kept_and_the_same_command_goes_on(
    run: Run, tiny_store: Store, whole: Path
) -> None:
    before, said = open_folder(whole, whole=True).about, list[str]()
    stopped(run, tiny_store, KEEPING, 18.0, 15.0, 17.0, said=said)
    kept = open_folder(whole, whole=True).about

    assert (kept["name"], kept["best_epoch"], kept[STOPPED], kept["training"]["epochs"]) == ("p", 8, 9, 12)
    assert [epoch["epoch"] for epoch in kept["history"]] == list(range(1, 10))
    assert "The training was stopped after 9 of 12 epochs." in (whole / "report.html").read_text()
    assert said[-1].endswith("the best epoch so far, 8, is kept as a model (15.00 months)")

    executor, said = Answering(18.0, 15.0, 17.0, 16.0, 14.0, 15.0), []
    found = trained(run, tiny_store, KEEPING, executor, said)
    (job,) = executor.jobs
    assert (job.training.epochs, job.epochs_before, job.start_digest) == (6, 6, before["digests"][MODEL])
    assert any(
        "p was stopped after 9 of 12 epochs: training continues where it was stopped" in sentence for sentence in said
    )
    assert [epoch["epoch"] for epoch in found.about["history"]] == list(range(1, 13))
    assert (found.about["best_epoch"], found.about.get(STOPPED), found.about.get("added_to")) == (11, None, None)
    assert not list(whole.glob("p.*"))
    trained(run, tiny_store, TWELVE, nobody)


def test_added_epochs_that_are_stopped_again_are_kept_again(run: Run, tiny_store: Store, whole: Path) -> None:
    stopped(run, tiny_store, KEEPING, 15.0, 17.0)
    stopped(run, tiny_store, KEEPING, 15.0, 17.0, 14.0, 16.0)
    kept = open_folder(whole, whole=True).about

    assert (kept["best_epoch"], kept[STOPPED], len(kept["history"])) == (9, 10, 10)


def test_where_no_added_epoch_is_better_when_they_are_stopped_the_model_stays_as_it_is(
    run: Run, tiny_store: Store, whole: Path
) -> None:
    before, said = (whole / "model.json").read_bytes(), list[str]()
    stopped(run, tiny_store, KEEPING, 18.0, 16.0, said=said)

    assert (whole / "model.json").read_bytes() == before
    assert said[-1] == "no added epoch is better so far: the model does not change"
    assert len(trained(run, tiny_store, KEEPING, Answering(*[15.0] * 6)).about["history"]) == 12


def test_without_keep_best_added_epochs_that_are_stopped_leave_the_model(
    run: Run, tiny_store: Store, whole: Path
) -> None:
    before = (whole / "model.json").read_bytes()
    stopped(run, tiny_store, TWELVE, 15.0)

    assert (whole / "model.json").read_bytes() == before


@pytest.mark.parametrize("patience", [0, 1])
@pytest.mark.parametrize("epochs_asked", [12, 14], ids=["without its checkpoints", "to more epochs"])
def test_a_kept_best_of_added_epochs_goes_on_as_any_model_where_these_cannot(
    run: Run, tiny_store: Store, whole: Path, patience: int, epochs_asked: int
) -> None:
    stopped(run, tiny_store, KEEPING, 15.0, 17.0, 17.0)
    if epochs_asked == 12:
        checkpoint.clear(whole / "p.more")
    order = replace(TWELVE, patience=patience, changes={"epochs": epochs_asked, "seed": 5})
    executor = Answering(*[16.0] * (epochs_asked - 9))
    found = trained(run, tiny_store, order, executor)

    assert (executor.jobs[0].training.epochs, executor.jobs[0].epochs_before) == (epochs_asked - 9, 9)
    assert (len(found.about["history"]), found.about["best_epoch"]) == (epochs_asked, 7)
    assert not {STOPPED, "added_to"} & {name for name, value in found.about.items() if value is not None}


def test_a_kill_at_any_renaming_while_the_best_of_added_epochs_is_kept_leaves_what_the_same_command_ends(
    run: Run, tiny_store: Store, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "saved"
    shutil.copytree(whole, saved)
    for survived in range(0, 100, 4):  # each is a model made anew, of seconds
        shutil.rmtree(whole)
        shutil.copytree(saved, whole)
        if not killed_at_renaming(survived, lambda: stopped(run, tiny_store, KEEPING, 15.0), monkeypatch):
            break
        found = trained(run, tiny_store, TWELVE, Answering(*[15.0] * 6))
        assert (len(found.about["history"]), found.about["best_epoch"]) == (12, 7)
        assert not list(whole.glob("p.*"))
    assert survived > 5


def test_a_command_that_makes_the_images_of_a_runs_models_anew_says_how_they_were(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--run-dir", str(tmp_path / "run")]
    assert main(["prepare", "phantom:20", "--preset", "demo", "--image-px", "40", *run]) == 0
    assert main(["prepare", "phantom:20", "--image-px", "48", *run]) == 0
    assert "made anew" not in capsys.readouterr().err, "no model needs them"
    shutil.copytree(tiny_model, tmp_path / "run" / "models" / "m")
    assert main(["prepare", "phantom:20", "--image-px", "48", *run]) == 0
    assert "made anew" not in capsys.readouterr().err
    assert main(["prepare", "phantom:20", "--image-px", "40", "--fit", "crop_pad", *run]) == 0
    assert "a model that was trained on them needs --image-px 48" in capsys.readouterr().err
