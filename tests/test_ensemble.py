"""An ensemble: several seeds of one architecture as one model, which every command that takes a model takes."""

import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.backend import keras  # noqa: F401

import numpy as np
import pandas as pd
import pytest
from conftest import leave_untrained, tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from small_trainings import StoppedAfterAnEpoch

from data.store.disk import Store
from models.architecture import Blocks
from models.cam import activation_maps
from models.network import build, mean_of, members_of
from search.apply.export import TOLERANCE_MONTHS, export
from search.cli import main
from search.evaluate.fine_tune import fine_tuned
from search.evaluate.labelled import Labelled
from search.evaluate.recalibrate import recalibrated
from search.leader.progress import Terms
from search.run import Run
from search.storage.sqlite import sqlite_url
from search.trained.choose import Chosen
from search.trained.conformal import calibrate
from search.trained.ensemble import gain, jobs_of, train_ensemble
from search.trained.folder import ModelFolder, models_of, open_folder
from search.trained.left import finish as finishing
from search.trained.made_of import ENDED, epoch_words
from search.trained.predictor import open_model, predict
from search.trained.train import Order, job_of, train
from search.workers.local import InProcess, lay_out
from search.workers.supervisor import Stopped, StopRequest
from studies.preset import SEEDS as SEEDS_OF_A_POINT
from studies.preset import StudyError

SEEDS = [7, 8, 9]
STEM = replace(tiny_preset().reference, blocks=Blocks(0, 0, 0, 0, 0, 0))  # the least that is a network
ROUNDING = 1e-4  # months; answers are of 32 bits, and so is their mean
ORDER = Order(Chosen(STEM, "by hand"), {"seed": SEEDS[0]}, "three", seeds=3)


def idle() -> InProcess:
    return pytest.fail("nothing is left to train")


def run_in(folder: Path, store: Store) -> Run:
    return Run(folder, tiny_preset(), {}, str(store.path), sqlite_url(folder / "studies.db"))


def made(run: Run, store: Store, order: Order = ORDER, make: Callable[[], Any] = idle) -> ModelFolder:
    return open_folder(train_ensemble(run, store, order, make, silent(), Terms()), whole=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Run:
    return run_in(tmp_path_factory.mktemp("ensemble"), tiny_store)


@pytest.fixture(scope="module")
def three(run: Run, tiny_store: Store) -> ModelFolder:
    """Of members that are whole."""
    for job in jobs_of(run, tiny_store, ORDER, run.folder / "models" / "three", deterministic=False):
        leave_untrained(job, tiny_store)
    return made(run, tiny_store)


@pytest.fixture
def begun(tmp_path: Path, tiny_store: Store) -> Run:
    """Whose members have begun."""
    run = run_in(tmp_path, tiny_store)
    for job in jobs_of(run, tiny_store, ORDER, run.folder / "models" / "three", deterministic=False):
        lay_out(job)
    return run


@pytest.fixture(scope="module")
def pictures(tiny_store: Store) -> tuple[np.ndarray, np.ndarray]:
    validation = tiny_store.split("validation")
    return np.array(tiny_store.images[validation.rows]), validation.male


def members_in(model: ModelFolder) -> list[ModelFolder]:
    return [open_folder(model.path / "members" / f"seed-{seed}", whole=True) for seed in SEEDS]


@pytest.mark.slow
def test_the_mean_of_networks_is_one_network_whose_map_is_the_mean_of_theirs() -> None:
    drawn = np.random.default_rng(1)
    images, male = drawn.integers(0, 256, (3, 40, 40)).astype(np.uint8), np.array([0.0, 1.0, 1.0], np.float32)
    networks = [build(STEM, 40) for _ in range(2)]
    for network in networks:
        network.set_weights([drawn.uniform(0.1, 0.6, weight.shape) for weight in network.get_weights()])
    each = [activation_maps(network, images, male) for network in networks]
    mean = mean_of(networks)
    maps = activation_maps(mean, images, male)

    assert members_of(mean) == networks
    assert members_of(networks[0]) == networks[:1]
    assert each[0].prediction_months[0] != pytest.approx(each[1].prediction_months[0], rel=0.01)
    expected = np.mean([one.prediction_months for one in each], axis=0)
    answers = mean({"image": images[..., np.newaxis], "male": male[:, np.newaxis]}, training=False)
    np.testing.assert_allclose(np.asarray(answers)[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(maps.prediction_months, expected, rtol=1e-5)
    np.testing.assert_allclose(maps.months, np.mean([one.months for one in each], axis=0), rtol=1e-5)
    np.testing.assert_allclose(maps.months.sum(axis=(1, 2)) + maps.elsewhere_months, expected, rtol=1e-5)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 5), st.just(6)), elements=st.floats(0, 228, width=32)),
    arrays(np.float32, 6, elements=st.floats(0, 228, width=32)),
)
def test_a_mean_is_never_worse_than_its_members_on_average(predicted: np.ndarray, ages: np.ndarray) -> None:
    found = gain(predicted, ages)

    assert found["mae"] <= found["members_mae"] + 1e-3
    assert found["members_mae"] == pytest.approx(np.mean([np.abs(one - ages).mean() for one in predicted]), abs=1e-2)


@pytest.mark.parametrize(
    ("changes", "seeds"),
    [({}, SEEDS), ({"changes": {}}, SEEDS), ({"changes": {}, "seeds": 5}, [7, 8, 9, 10, 11])],
    ids=["the same command", "no seed is named", "more seeds"],
)
def test_what_was_begun_goes_on_with_its_own_seeds(
    begun: Run, tiny_store: Store, changes: dict[str, Any], seeds: list[int]
) -> None:
    folder = begun.folder / "models" / "three"
    (folder / "members" / "seed-7-corrected").mkdir()
    found = jobs_of(begun, tiny_store, replace(ORDER, **changes), folder, deterministic=False)

    assert [job.seed for job in found] == seeds
    assert [job.folder.name for job in found] == [f"seed-{seed}" for seed in seeds]


def test_seeds_that_nobody_names_are_none_of_the_searchs(tmp_path: Path, tiny_store: Store) -> None:
    run = run_in(tmp_path, tiny_store)
    found = jobs_of(run, tiny_store, replace(ORDER, changes={}), tmp_path / "new", deterministic=False)

    assert len({job.seed for job in found}) == 3
    assert not {job.seed for job in found} & set(range(run.preset.seed, run.preset.seed + SEEDS_OF_A_POINT))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": 2}, r"the 2 seeds from 7 on do not include 9: raise --seeds"),
        ({"changes": {"seed": 1}}, r"the 3 seeds from 1 on do not include 7, 8, 9"),
        ({"changes": {"seed": 7, "epochs": 1}}, r"epochs was 2, now 1"),
        ({"keep_best": True}, r"leave out --keep-best or --seeds"),
    ],
)
def test_an_order_that_does_not_fit_what_is_there_is_refused(
    begun: Run, tiny_store: Store, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(StudyError, match=said):
        made(begun, tiny_store, replace(ORDER, **changes))


def test_one_network_and_an_ensemble_do_not_share_a_folder(begun: Run, tiny_store: Store) -> None:
    one = replace(ORDER, seeds=1)
    with pytest.raises(StudyError, match="holds an ensemble"):
        train(begun, tiny_store, one, FormulaExecutor, silent(), Terms())
    lay_out(job_of(begun, tiny_store, replace(one, name="one"), deterministic=False))
    with pytest.raises(StudyError, match="holds a model of one network"):
        made(begun, tiny_store, replace(ORDER, name="one"))


@pytest.mark.parametrize("seeds", ["0", "-1", "1.5", "many", "101"])
def test_a_number_of_seeds_that_makes_no_sense_ends_with_two(seeds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--seeds", seeds])
    assert ended.value.code == 2
    assert "--seeds" in capsys.readouterr().err


@pytest.mark.slow
def test_it_answers_the_mean_of_its_members_and_its_intervals_are_made_for_that(
    three: ModelFolder, tiny_store: Store, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    validation = tiny_store.split("validation")
    each = np.stack([predict(open_model(member.path), *pictures).months for member in members_in(three)])
    found = predict(open_model(three.path), *pictures)

    assert np.ptp(each, axis=0).max() > 0.01
    np.testing.assert_allclose(found.months, each.mean(axis=0), rtol=1e-5)
    own = calibrate(each.mean(axis=0), validation.age_months, validation.male)
    for group, expected in zip(three.about["conformal"]["groups"], own["groups"], strict=True):
        assert group["half_width"] == pytest.approx(expected["half_width"], rel=1e-4)
    listed = pd.read_csv(three.path / "predictions_validation.csv")
    np.testing.assert_allclose(listed["predicted_months"], found.months, atol=0.006)


@pytest.mark.slow
def test_it_says_what_it_gains_over_one_of_its_members(three: ModelFolder, tiny_store: Store) -> None:
    about, page = three.about, (three.path / "report.html").read_text()
    for split, file in (("validation", "predictions.npy"), ("test", "test_predictions.npy")):
        ages = tiny_store.split(split).age_months
        each = [np.load(member.path / file) for member in members_in(three)]
        gained = about["ensemble"][split]
        assert gained["mae"] == pytest.approx(np.abs(np.mean(each, axis=0) - ages).mean(), abs=1e-3)
        assert gained["mae"] == pytest.approx(about[split]["mae"], abs=1e-3)
        assert gained["members_mae"] == pytest.approx(np.mean([np.abs(one - ages).mean() for one in each]), abs=1e-3)
        assert gained["mae"] <= gained["members_mae"] + ROUNDING
        assert f"{gained['mae']:.2f} months, that of one network {gained['members_mae']:.2f} on average" in page
    assert [member["seed"] for member in about["ensemble"]["members"]] == SEEDS
    assert about["from"] == "by hand, mean of 3 networks"
    assert about["params"] == 3 * members_in(three)[0].about["params"]
    assert about["tests_opened_before"] == 0
    assert models_of(three.path.parents[1])[-1] == three.path


@pytest.mark.slow
def test_it_is_exported_as_one_file_whose_card_says_what_it_is(three: ModelFolder, run: Run, tmp_path: Path) -> None:
    rows = export(three, ["keras"], tmp_path, run.folder).rows
    card = (tmp_path / "three.keras.md").read_text()

    assert [row.format for row in rows] == ["as trained", "keras"]
    assert all(row.difference_months <= TOLERANCE_MONTHS for row in rows)
    assert "mean of 3 networks of this kind: InceptionV3 variant" in card
    assert "seeds 7, 8, 9, best epochs 1, 1, 1" in card
    assert "that of one network" in card


@pytest.mark.slow
def test_a_correction_of_it_is_the_same_line_for_every_member(
    three: ModelFolder, labelled: Labelled, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    corrected = recalibrated(labelled, three, 120.0, 0.5, "three corrected")
    line = corrected.about["recalibration"]
    before, after = (predict(open_model(path), *pictures).months for path in (three.path, corrected.path))

    assert (line["offset_months"], line["slope"]) != (0.0, 1.0)
    np.testing.assert_allclose(after, line["offset_months"] + line["slope"] * before, rtol=1e-4)
    assert "Before it was recalibrated: an ensemble" in (corrected.path / "report.html").read_text()
    with pytest.raises(StudyError, match=r"name one of its members, as --model .*members/seed-7"):
        fine_tuned(labelled, three, 120.0, 0.5, "", tiny_preset().training, idle, print, silent(), Terms())
    shutil.rmtree(corrected.path)


@pytest.mark.slow
def test_the_commands_know_it(
    three: ModelFolder, run: Run, labelled: Labelled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = next(Path(labelled.source).rglob("*.png"))
    assert main(["predict", str(film), "--sex", "F", "--model", str(three.path), "--force", "--json"]) == 0
    assert "mean of 3 networks" in capsys.readouterr().err
    assert main(["explain", str(film), "--sex", "F", "--model", str(three.path), "--force", "--to", str(tmp_path)]) == 0
    [page] = tmp_path.glob("*.html")
    assert "an ensemble of 3 networks: the prediction and its map are the means" in page.read_text()


@pytest.mark.slow
def test_a_whole_ensemble_is_left_as_it_is_and_a_member_that_is_added_changes_it(
    three: ModelFolder, run: Run, tiny_store: Store, tmp_path: Path
) -> None:
    before = (three.path / "model.json").stat().st_mtime_ns
    made(run, tiny_store)
    made(run, tiny_store, replace(ORDER, changes={}))  # its own seeds, though none is named
    assert (three.path / "model.json").stat().st_mtime_ns == before

    other = run_in(tmp_path, tiny_store)
    shutil.copytree(three.path, other.folder / "models" / "three")
    four = replace(ORDER, seeds=4)
    leave_untrained(jobs_of(other, tiny_store, four, other.folder / "models" / "three", False)[-1], tiny_store)
    grown = made(other, tiny_store, four)
    assert [member["seed"] for member in grown.about["ensemble"]["members"]] == [*SEEDS, 10]
    assert "mean of 4 networks" in grown.about["from"]


@pytest.mark.slow
def test_what_was_tested_with_mirror_images_stays_so_when_a_member_is_added(
    three: ModelFolder, tiny_store: Store, tmp_path: Path
) -> None:
    other = run_in(tmp_path, tiny_store)
    shutil.copytree(three.path, other.folder / "models" / "three")
    assert made(other, tiny_store, replace(ORDER, flip=True)).about["test_flipped"] is not None
    four = replace(ORDER, seeds=4)
    leave_untrained(jobs_of(other, tiny_store, four, other.folder / "models" / "three", False)[-1], tiny_store)

    assert made(other, tiny_store, four).about["test_flipped"] is not None


class AsKilled(BaseException):
    pass


@pytest.mark.slow
def test_an_ensemble_stays_the_model_until_another_is_combined_and_that_is_tested_with_mirror_images_too(
    three: ModelFolder, tiny_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = run_in(tmp_path, tiny_store)
    folder = shutil.copytree(three.path, other.folder / "models" / "three")
    before = made(other, tiny_store, replace(ORDER, flip=True)).about
    four = replace(ORDER, seeds=4)
    leave_untrained(jobs_of(other, tiny_store, four, folder, False)[-1], tiny_store)

    def killed(*_: Any) -> None:
        raise AsKilled

    with monkeypatch.context() as patch:
        patch.setattr(finishing, "write_page", killed)
        with pytest.raises(AsKilled):
            made(other, tiny_store, four)

    assert open_folder(folder, whole=True).about == before
    found = made(other, tiny_store, four).about
    assert (found["name"], len(found["ensemble"]["members"]), found["tests_opened_before"]) == ("three", 4, 1)
    assert found["test_flipped"] is not None
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["members"]


def test_an_ensembles_page_says_that_patience_ended_the_shortest_training() -> None:
    members = [{"best_epoch": best} for best in (4, 9)]
    about: dict[str, Any] = {"history": [{}] * 6, "training": {"epochs": 12}, "ensemble": {"members": members}}

    assert epoch_words(about).endswith("epoch: 4, 9. The shortest training ended after 6 of 12 epochs.")
    ended = about | {ENDED: {"patience": 2, "of": 12}}
    assert epoch_words(ended).endswith("The shortest training was ended by --patience 2 after 6 of 12 epochs.")
    assert epoch_words(about | {"training": {"epochs": 6}}).endswith("epoch: 4, 9.")


class Counted(InProcess):
    """Which seeds it has trained."""

    seeds: list[int]

    def start(self, job: Any) -> None:
        self.seeds.append(job.seed)
        super().start(job)


@pytest.mark.slow
def test_a_stop_goes_on_with_the_member_that_was_training(tmp_path: Path, tiny_store: Store) -> None:
    run = run_in(tmp_path, tiny_store)
    first, *_ = jobs_of(run, tiny_store, ORDER, tmp_path / "models" / "three", deterministic=False)
    leave_untrained(first, tiny_store)
    stop, seeds = StopRequest(), []
    with pytest.raises(Stopped):
        train_ensemble(run, tiny_store, ORDER, lambda: StoppedAfterAnEpoch(stop), silent(), Terms(stop=stop))
    assert not (tmp_path / "models" / "three" / "model.json").exists()
    assert stop.signal == signal.SIGINT

    def counting() -> Counted:
        executor = Counted()
        executor.seeds = seeds
        return executor

    whole = made(run, tiny_store, ORDER, counting)

    assert seeds == [8, 9]
    assert [len(member.about["history"]) for member in members_in(whole)] == [2, 2, 2]
    assert whole.about["ensemble"]["test"]["mae"] <= whole.about["ensemble"]["test"]["members_mae"] + ROUNDING
