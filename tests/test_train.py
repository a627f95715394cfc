"""Training one network in full: which one, under which name, to which end."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import tiny_network, tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from workers import working_in

from data.films.images import decode
from data.phantom.hand import draw, phantom_cases
from data.store.disk import Store, open_store
from models.architecture import Architecture, Blocks
from models.cost import cost
from search.apply.explain import of_store
from search.cli import main
from search.leader.engine import run_study
from search.leader.progress import Terms
from search.lease import held
from search.output.notices import NO_DEVICE, SYNTHETIC
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.sqlite import sqlite_url
from search.trained.choose import Chosen, chosen, name_of, seed_of, seed_words
from search.trained.folder import models_of, open_folder, read_about
from search.trained.train import Order, followed, job_of, safe, train
from search.workers.job import ATTEMPTS, EpochDone, Failed, Finished, Job, Message, Paused, Resumed, job_dict
from search.workers.supervisor import Stopped, StopRequest
from studies.around.confirmation import fresh
from studies.order import STUDIES
from studies.preset import RANGES, SEEDS, StudyError
from studies.presets import PRESETS

TINY = tiny_preset()
BY_HAND = ["--beta", "0.0625", "--blocks", "mixed0=0,mixed1=0,mixed4=0,mixed5=1,mixed7=0,mixed9=1"]


def tiny_run(folder: Path, store: Store) -> Run:
    return Run(folder, TINY, {}, str(store.path), sqlite_url(folder / "studies.db"))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Run:
    run = tiny_run(tmp_path_factory.mktemp("decided"), tiny_store)
    for name in STUDIES:
        run_study(run, tiny_store, name, FormulaExecutor, silent())
    return run


@pytest.mark.slow
def test_the_winner_is_the_newest_decision_with_the_trial_that_showed_it(decided: Run) -> None:
    found = chosen(decided, "", {})

    study, _, number = found.origin.partition(" #")
    assert study == "refinement"
    assert chosen(decided, f"refine:{number}", {}).architecture == found.architecture


def test_any_trial_can_be_chosen_by_its_study_and_number(decided: Run) -> None:
    assert chosen(decided, "ablation:0", {}) == (TINY.reference, "ablation #0")
    assert chosen(decided, "ablate:0", {}) == chosen(decided, "ablation:0", {})
    width = load(open_storage(decided.storage), "width", decided.folder)
    assert width is not None
    for trial in width.trials:
        network = chosen(decided, f"width:{trial.number}", {}).architecture
        assert cost(network, TINY.preparation.image_px).macs == trial.user_attrs["macs"]


def test_by_hand_what_is_not_given_is_the_references(decided: Run) -> None:
    found = chosen(decided, "", {"fc_units": 16, "dropout": 0.5})

    assert found == (replace(TINY.reference, fc_units=16, dropout=0.5), "by hand")


def test_the_network_of_another_run_is_the_one_that_it_decided_for_every_block_group_as_it_was(
    decided: Run, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, TINY.name, lambda: TINY)  # the preset of a run is read from its folder
    other = replace(tiny_run(tmp_path / "full", tiny_store), preset=replace(TINY, reference=Architecture()))
    own = chosen(decided, "", {})

    found = chosen(other, "", {}, decided.folder)
    assert found.architecture == own.architecture
    assert found.origin == f"{own.origin} of {decided.folder}"
    of_a_trial = chosen(other, "ablation:0", {}, decided.folder)
    assert of_a_trial == (TINY.reference, f"ablation #0 of {decided.folder}")


def test_another_run_that_is_not_there_or_beside_a_network_by_hand_is_refused(
    decided: Run, tmp_path: Path, tiny_store: Store
) -> None:
    run = tiny_run(tmp_path / "full", tiny_store)
    with pytest.raises(StudyError, match="nowhere holds no run"):
        chosen(run, "", {}, tmp_path / "nowhere")
    with pytest.raises(StudyError, match="either --network-of, or an architecture by hand; got both"):
        chosen(run, "", {"beta": 1.0}, decided.folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("trial", "by_hand", "said"),
    [
        ("depth", {}, "STUDY:NUMBER"),
        ("depht:4", {}, "STUDY:NUMBER"),
        ("depth:999", {}, "none with number 999"),
        ("depth:0", {"beta": 1.0}, "either --trial"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(decided: Run, trial: str, by_hand: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        chosen(decided, trial, by_hand)


def test_without_a_decision_there_is_no_winner_and_no_database_is_made(tmp_path: Path, tiny_store: Store) -> None:
    with pytest.raises(StudyError, match="nothing is decided"):
        chosen(tiny_run(tmp_path, tiny_store), "", {})
    assert list(tmp_path.iterdir()) == []


def test_models_are_named_after_their_architecture() -> None:
    papers = Architecture(beta=1.4, blocks=Blocks(mixed5=4, mixed7=3, mixed9=3), fc_units=3072)

    assert name_of(papers) == "b1.4-4-3-3-fc3072"
    assert name_of(replace(papers, dropout=0.5, sex_units=0)) == "b1.4-4-3-3-fc3072-d0.5-nosex"
    assert name_of(TINY.reference) == "b0.0625-0-1-0-1-0-1"
    assert safe("../my model/7") == "my-model-7"
    assert safe(name_of(papers)) == name_of(papers)
    with pytest.raises(StudyError, match="Latin letter"):
        safe("../..")


def test_full_training_is_as_long_as_the_preset_says_and_leaves_a_model_and_test_predictions(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = tiny_run(tmp_path, tiny_store)
    paper = replace(run, preset=replace(PRESETS["paper"](), data=""))
    by_hand = Chosen(TINY.reference, "by hand")
    job = job_of(run, tiny_store, Order(by_hand, {}), deterministic=False)

    assert (job.training, job.test, job.keep) == (TINY.training, True, True)
    assert job_of(paper, tiny_store, Order(by_hand, {}), False).training.epochs == 100
    changed = job_of(paper, tiny_store, Order(by_hand, {"epochs": 7, "seed": 3}), False)
    assert (changed.training.epochs, changed.seed) == (7, 3)


@given(st.integers(0, 2**31 - 1 - SEEDS), st.sampled_from([1, 3, SEEDS]), st.integers(1, SEEDS))
def test_a_seed_that_nobody_names_is_none_of_the_search_nor_of_its_confirmation(
    nowhere: Run, seed: int, seeds: int, confirm_seeds: int
) -> None:
    preset = replace(nowhere.preset, seed=seed, seeds=seeds, resolve=SEEDS, confirm_seeds=confirm_seeds)
    confirming = fresh(preset)
    found = seed_of(replace(nowhere, preset=preset), Path("nowhere"))

    assert found in RANGES["seed"]
    assert found not in range(seed, seed + SEEDS)
    assert found not in range(confirming.seed, confirming.seed + confirming.seeds)


def test_a_training_that_was_begun_goes_on_with_its_own_seed_and_a_seed_that_is_named_wins(
    job: Job, tmp_path: Path, tiny_store: Store
) -> None:
    run, order = tiny_run(tmp_path, tiny_store), Order(Chosen(TINY.reference, "by hand"), {})
    named = replace(order, changes={"seed": 5})
    job.folder.mkdir(parents=True)
    for written, expected in ((json.dumps(job_dict(replace(job, seed=0))), 0), ("{", job.seed), ("[]", job.seed)):
        (job.folder / "job.json").write_text(written)
        assert job_of(run, tiny_store, order, False).seed == expected
        assert job_of(run, tiny_store, named, False).seed == 5
    assert seed_words(run, [job.seed]).endswith("which the search has not used")
    assert seed_words(run, [0, 1]) == "seeds 0, 1"


class Scripted(FormulaExecutor):
    """Says what it was told to, leg by leg."""

    def __init__(self, legs: list[list[Message]]) -> None:
        super().__init__()
        self.legs = legs

    def wait(self, seconds: float) -> list[Message]:
        self.jobs.clear()
        return self.legs.pop(0)


def epoch(number: int) -> EpochDone:
    return EpochDone(0, number, 30.0, 30.0 - number, 1.0, 10.0)


def run_to_its_end(job: Job, executor: Scripted, folder: Path, stop: StopRequest | None = None) -> list[EpochDone]:
    with held(folder, "tiny") as lease:
        return followed(job, lambda: executor, silent(), Terms(stop=stop or StopRequest()), lease)


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Run:
    return tiny_run(tmp_path_factory.mktemp("nowhere"), tiny_store)


@pytest.fixture
def job(tmp_path: Path, tiny_store: Store) -> Job:
    return job_of(tiny_run(tmp_path, tiny_store), tiny_store, Order(Chosen(TINY.reference, "by hand"), {}), False)


def test_a_killed_worker_is_started_again_and_its_epochs_count_once(job: Job, tmp_path: Path) -> None:
    executor = Scripted(
        [[epoch(1)], [Failed(0, "killed", "SIGKILL")], [Resumed(0, (epoch(1),)), epoch(2)], [Finished(0, 1)]]
    )

    assert [done.epoch for done in run_to_its_end(job, executor, tmp_path)] == [1, 2]
    assert len(executor.every) == 2


def test_a_worker_that_is_killed_in_the_same_epoch_every_time_has_failed(job: Job, tmp_path: Path) -> None:
    executor = Scripted([[Failed(0, "killed", "SIGKILL")]] * ATTEMPTS)

    with pytest.raises(StudyError, match="ended from outside"):
        run_to_its_end(job, executor, tmp_path)
    assert len(executor.every) == ATTEMPTS


@pytest.mark.parametrize("reason", ["out_of_memory", "not_finite", "timed_out"])
def test_other_ends_are_said_in_a_sentence(job: Job, tmp_path: Path, reason: str) -> None:
    with pytest.raises(StudyError, match=r"log\.txt"):
        run_to_its_end(job, Scripted([[Failed(0, reason, "detail")]]), tmp_path)


def test_a_stop_request_ends_it_after_the_epoch(job: Job, tmp_path: Path) -> None:
    stop = StopRequest()
    stop.signal = signal.SIGINT

    with pytest.raises(Stopped):
        run_to_its_end(job, Scripted([[epoch(1)], [Paused(0)]]), tmp_path, stop)


def test_model_json_says_all_that_others_read(tiny_model: Path, tiny_store: Store) -> None:
    about = read_about(tiny_model)
    validation = tiny_store.split("validation")
    error = np.abs(np.load(tiny_model / "predictions.npy") - validation.age_months)

    assert Architecture.from_dict(about["architecture"]) == tiny_network()
    assert about["preparation"] == {"image_px": 40, "fit": "squash", "stretch": True}
    assert about["data"]["digest"] == tiny_store.digest
    assert about["validation"]["mae"] == pytest.approx(error.mean(), abs=1e-3)
    assert about["validation"]["n"] == len(validation)
    assert about["test"]["n"] == len(tiny_store.split("test"))
    assert about["test_flipped"] is None
    assert about["tests_opened_before"] == 0
    assert about["conformal"]["coverage"]["n"] == about["test"]["n"]
    assert about["synthetic"] is True
    assert {"name", "made", "versions", "from", "training", "seed", "best_epoch", "history", "params", "macs", "constant_mae", "seconds"} <= set(about)  # fmt: skip
    assert models_of(tiny_model.parents[1]) == [tiny_model]


def test_the_tables_of_predictions_are_the_splits(tiny_model: Path, tiny_store: Store) -> None:
    found = pd.read_csv(tiny_model / "predictions_test.csv", dtype={"id": str})
    examples = tiny_store.split("test")

    assert list(found) == ["id", "male", "age_months", "predicted_months", "low", "high"]
    assert list(found["id"]) == list(examples.ids)
    np.testing.assert_allclose(found["predicted_months"], np.load(tiny_model / "test_predictions.npy"), atol=0.006)


def test_the_page_shows_the_figures_with_their_notices(tiny_model: Path) -> None:
    page = (tiny_model / "report.html").read_text()
    about = read_about(tiny_model)

    assert f"{about['test']['mae']:.2f}" in page
    assert f"{about['test']['constant_mae']:.1f}" in page
    assert "not comparable unless" in page
    assert SYNTHETIC[1:] in page
    assert NO_DEVICE[1:] in page
    assert page.count('class="plot"') == 5


def test_another_training_of_the_same_name_is_refused(tiny_model: Path, tiny_store: Store) -> None:
    run = tiny_run(tiny_model.parents[1], tiny_store)
    other = Order(Chosen(tiny_network(), "by hand"), {"epochs": 1}, "tiny")

    with pytest.raises(StudyError, match="epochs was 2, now 1"):
        train(run, tiny_store, other, FormulaExecutor, silent(), Terms())


def test_a_whole_model_is_left_as_it_is(tiny_model: Path, tiny_store: Store) -> None:
    before = (tiny_model / "model.json").stat().st_mtime_ns
    executor = FormulaExecutor()
    order = Order(Chosen(tiny_network(), "by hand"), {}, "tiny")

    assert train(tiny_run(tiny_model.parents[1], tiny_store), tiny_store, order, lambda: executor, silent(), Terms())
    assert executor.every == []
    assert (tiny_model / "model.json").stat().st_mtime_ns == before


def test_who_trains_it_already_is_named(tiny_model: Path, tiny_store: Store) -> None:
    run = tiny_run(tiny_model.parents[1], tiny_store)
    order = Order(Chosen(tiny_network(), "by hand"), {}, "tiny")

    with held(tiny_model.parent, "tiny", kind="training"), pytest.raises(StudyError, match=f"process {os.getpid()}"):
        train(run, tiny_store, order, FormulaExecutor, silent(), Terms())


EPOCHS = "12"  # so many that a kill after the first comes before the last


def command(folder: Path, *arguments: str) -> list[str]:
    program = [sys.executable, "-m", "search.cli", "train", "--run-dir", str(folder), "--deterministic"]
    shared = ["--preset", "demo", "--data", str(folder / "data"), "--image-px", "40", "--stem-pools", "none"]
    training = ["--batch", "8", "--warmup-epochs", "0", "--epochs", EPOCHS, *BY_HAND, "--name", "one"]
    return [*program, *shared, *training, *arguments]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> tuple[Path, dict[str, Any]]:
    """A run's folder with the model `one`, which the command trained, and what that said."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "data").symlink_to(tiny_store.path)
    ended = subprocess.run(command(folder, "--json"), capture_output=True, text=True, timeout=250, check=True)
    return folder, json.loads(ended.stdout)


@pytest.mark.slow
def test_a_training_killed_on_the_way_ends_as_an_uninterrupted_one(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path, tiny_store: Store
) -> None:
    folders = whole[0], tmp_path / "killed"
    folders[1].mkdir()
    (folders[1] / "data").symlink_to(tiny_store.path)
    with subprocess.Popen(command(folders[1]), stderr=subprocess.PIPE, text=True) as leader:
        assert leader.stderr
        next(line for line in leader.stderr if re.search("epoch 1 .*validation MAE", line))  # steps are said before
        leader.kill()
    again = subprocess.run(command(folders[1], "--json"), capture_output=True, text=True, timeout=250, check=True)

    resumed = re.search(r"one resumes after epoch (\d+)", again.stderr)
    assert resumed
    assert 1 <= int(resumed[1]) < int(EPOCHS)
    assert "one epoch 1 " not in again.stderr
    one, other = whole[1], json.loads(again.stdout)
    for key in ("validation", "test", "conformal", "best_epoch", "network"):
        assert one[key] == other[key], key
    left = [np.load(folder / "models" / "one" / "test_predictions.npy") for folder in folders]
    np.testing.assert_array_equal(*left)
    assert not list((folders[1] / "models" / "one").glob("epoch-*"))
    assert working_in(folders[1]) == []
    assert main(["predict", str(make_hand(tmp_path)), "--sex", "M", "--run-dir", str(folders[1]), "--force"]) == 0


def make_hand(folder: Path) -> Path:
    from PIL import Image

    from data.phantom.hand import draw, phantom_cases

    path = folder / "hand.png"
    Image.fromarray(draw(phantom_cases(1)[0], 64)).save(path)
    return path


@pytest.mark.slow
def test_a_second_model_knows_that_the_test_was_opened_and_flip_is_measured(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = whole
    shown = subprocess.run(
        [*command(folder), "--name", "two", "--seed", "1", "--flip", "--epochs", "1"],
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    about = read_about(folder / "models" / "two")

    assert about["tests_opened_before"] == 1
    assert about["test_flipped"]["n"] == about["test"]["n"]
    assert about["conformal_flipped"]["groups"]
    assert "opened before" in shown.stdout
    assert "constant" in shown.stdout
    assert NO_DEVICE in shown.stdout
    assert open_store(folder / "data").digest == about["data"]["digest"]


@pytest.mark.slow
def test_a_run_without_a_test_split_has_a_model_without_test_figures(tmp_path: Path) -> None:
    options = [option for option in command(tmp_path) if option != str(tmp_path / "data")]
    options[options.index("--data") : options.index("--data") + 1] = ["--data", "phantom:40", "--test-fraction", "0"]
    ended = subprocess.run(
        [*options, "--epochs", "1", "--json"], capture_output=True, text=True, timeout=250, check=False
    )

    assert ended.returncode == 0, ended.stderr
    about = json.loads(ended.stdout)
    assert about["test"] is None
    assert about["conformal"]["coverage"] is None


@pytest.mark.slow
def test_a_model_makes_larger_files_small_as_its_own_films_were(tmp_path: Path) -> None:
    """A hand whose pixels somebody has doubled is by nearest neighbour the hand again, to the last grey."""
    tiny = "--beta 0.0625 --blocks mixed9=1 --epochs 1 --warmup-epochs 0 --image-px 40 --no-stretch --shrink nearest"
    begun = ["train", "--preset", "demo", "--data", "phantom:60", *tiny.split(), "--run-dir", str(tmp_path / "run")]
    assert main([*begun, "--name", "m", "--device", "cpu"]) == 0
    hand = draw(phantom_cases(1)[0], 40)
    Image.fromarray(hand.repeat(2, axis=0).repeat(2, axis=1)).save(tmp_path / "larger.png")

    model = open_folder(tmp_path / "run" / "models" / "m")

    np.testing.assert_array_equal(
        decode(tmp_path / "larger.png", replace(model.preparation, fit="squash")).pixels, hand
    )
    assert not [case for case in of_store(open_store(tmp_path / "run" / "prepared"), "test", 2, model) if case.notes]
