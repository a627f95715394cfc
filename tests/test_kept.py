"""Networks that a search keeps of its best trials, and that `predict` and `explain` use before anything is trained in full."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from at_rest import as_somebody, in_one_process, only_readable
from conftest import tiny_preset
from formula import FormulaExecutor
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from searched import a_run, search, with_seeds

from data.store.disk import Store
from models.architecture import Architecture
from models.training.settings import Training
from search.cli import main
from search.leader import kept
from search.run import TRIALS, Run, open_run
from search.storage.sqlite import sqlite_url
from search.trained.folder import models_of, read_about
from search.workers.job import EpochDone, Job, Message
from search.workers.left.best import KEPT_NOTE, MODEL
from studies.presets import PRESETS

pytestmark = pytest.mark.slow


class Leaving(FormulaExecutor):
    """Leaves a network where a worker would: in the folder of a trial that has an epoch below the bar."""

    def wait(self, seconds: float) -> list[Message]:
        job = self.jobs[0]
        messages = super().wait(seconds)
        best = min((one.validation_mae for one in messages if isinstance(one, EpochDone)), default=float("inf"))
        if job.keep and best < job.keep_below:
            (job.folder / MODEL).write_bytes(b"a network")
        return messages


@pytest.mark.parametrize("most", [0, 2])
def test_a_search_keeps_as_many_networks_as_the_preset_says_and_those_are_the_best(
    tmp_path: Path, tiny_store: Store, most: int
) -> None:
    executor = Leaving(by_seed=with_seeds)
    run = search(
        a_run(tmp_path, tiny_store, replace(tiny_preset(), keep_networks=most)), tiny_store, executor, studies=1
    )
    found = kept.kept(run.folder)
    left = sorted(path.parent for path in (run.folder / TRIALS).glob(f"*/*/{MODEL}"))

    assert sorted(one.folder for one in found) == left
    assert len(found) == most
    lowest = sorted(with_seeds(job) for job in executor.every)[:most]
    assert [round(one.validation_mae, 6) for one in found] == [round(mae, 6) for mae in lowest]
    assert any(job.keep for job in executor.every) == bool(most)


MAES_ENDED = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=1, max_size=12)


@given(ended=MAES_ENDED, most=st.integers(0, 4))
def test_what_is_kept_is_the_best_of_all_in_whatever_order_they_came(
    tmp_path_factory: pytest.TempPathFactory, ended: list[tuple[bool, int]], most: int
) -> None:
    """Networks of the confirmation go before all others."""
    folder = tmp_path_factory.mktemp("run")
    run = Run(folder, replace(tiny_preset(), keep_networks=most), {}, "", sqlite_url(folder / "studies.db"))
    for number, (confirms, mae) in enumerate(ended):
        study = kept.CONFIRMATION if confirms else "depth"
        bar = kept.to_beat(run, study)
        job = Job(
            number=number,
            architecture=run.preset.reference,
            training=run.preset.training,
            seed=0,
            store=folder,
            data="",
            image_px=40,
            folder=folder / TRIALS / study / f"{number:04d}",
            keep=bool(most),
        )
        job.folder.mkdir(parents=True)
        if most and mae < bar:
            (job.folder / MODEL).write_bytes(b"a network")
        kept.note(job, [EpochDone(number, 1, mae, mae, 0.0, 1.0)], study)
        kept.settle(run)
    found = [(one.study != kept.CONFIRMATION, one.validation_mae) for one in kept.kept(folder)]

    assert found == sorted((not confirms, mae) for confirms, mae in ended)[:most]
    assert len(list(folder.glob(f"{TRIALS}/*/*/{MODEL}"))) == len(found)


@pytest.fixture
def searched_run(tmp_path: Path, tiny_store: Store, tiny_model: Path) -> Path:
    """A run whose search has kept one network, and where no model was trained."""
    run = a_run(tmp_path / "run", tiny_store)
    folder = run.folder / TRIALS / "depth" / "0004"
    folder.mkdir(parents=True)
    for name in (MODEL, "predictions.npy", "job.json"):
        shutil.copy(tiny_model / name, folder / name)
    history = [EpochDone(4, 1, 40.0, 39.0, 1.0, 1.0)]
    made = json.loads((folder / "job.json").read_text())
    network, training = Architecture.from_dict(made["architecture"]), Training(**made["training"])
    job = Job(4, network, training, made["seed"], tiny_store.path, tiny_store.digest, 40, folder, keep=True)
    kept.note(job, history, "depth")
    return run.folder


def test_predict_and_explain_work_after_a_search_and_say_what_the_network_is(
    searched_run: Path, tiny_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand = tmp_path / "hand.png"
    Image.fromarray(np.asarray(tiny_store.images[0])).save(hand)
    run = ["--run-dir", str(searched_run)]
    capsys.readouterr()

    assert main(["predict", str(hand), "--sex", "F", "--force", "--json", *run]) == 0
    said = capsys.readouterr()
    [row] = json.loads(said.out)
    assert "the search kept of depth #4" in said.err
    assert "boneage-search train" in said.err
    assert row["model_note"] in said.err
    assert row["model_note"]
    assert main(["explain", str(hand), "--sex", "F", "--force", "--json", *run]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["model_note"] in said.err
    assert models_of(searched_run) == [], "it is no trained model, and the report does not list it as one"
    assert read_about(searched_run / TRIALS / "depth" / "0004", whole=True)["test"] is None


def test_predict_and_explain_read_a_search_that_cannot_be_written_to(
    searched_run: Path, tiny_store: Store, tmp_path: Path
) -> None:
    """What a search keeps is made a model at the first use, in a folder that goes with the process here."""
    hand = tmp_path / "hand.png"
    Image.fromarray(np.asarray(tiny_store.images[0])).save(hand)
    (temporary := tmp_path / "temporary").mkdir()
    run, named = ["--run-dir", str(searched_run)], [str(hand), "--sex", "F", "--force"]
    before = sorted(searched_run.rglob("*"))
    calls = [
        ["predict", *named, *run],
        ["predict", *named, *run],
        ["explain", *named, *run, "--to", str(tmp_path / "to")],
        ["explain", *named, *run],
    ]
    only_readable(searched_run)
    try:
        said = in_one_process(calls, [*as_somebody(), "env", f"TMPDIR={temporary}"])
    finally:
        only_readable(searched_run, False)

    for call, (code, _, errors) in zip(calls[:3], said[:3], strict=True):
        assert code == 0, (call, errors)
        assert "the search kept of depth #4" in errors
    assert f"{searched_run / TRIALS / 'depth' / '0004'}: MAE" in said[0][2]
    assert said[0][1] == said[1][1] != ""
    assert len(list((tmp_path / "to").iterdir())) == 2
    assert said[3][0] == 2
    assert f"{searched_run / TRIALS / 'depth' / '0004' / 'explained'} cannot be written" in said[3][2]
    assert "name another folder with --to" in said[3][2]
    assert sorted(searched_run.rglob("*")) == before
    assert list(temporary.iterdir()) == []


def test_a_model_that_was_trained_goes_before_a_kept_network(
    searched_run: Path, tiny_model: Path, tiny_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_model, searched_run / "models" / "tiny")
    hand = tmp_path / "hand.png"
    Image.fromarray(np.asarray(tiny_store.images[0])).save(hand)
    capsys.readouterr()

    assert main(["predict", str(hand), "--sex", "F", "--force", "--json", "--run-dir", str(searched_run)]) == 0
    said = capsys.readouterr()
    assert "the search kept" not in said.err
    assert "model_note" not in json.loads(said.out)[0]


def test_a_kept_network_without_its_data_says_what_to_do(
    searched_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, hand = searched_run / TRIALS / "depth" / "0004" / KEPT_NOTE, tmp_path / "hand.png"
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(hand)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": "others", "training": ""}))

    assert main(["predict", str(hand), "--sex", "F", "--run-dir", str(searched_run)]) == 2
    assert "are gone" in capsys.readouterr().err
    path.write_text("{")
    assert main(["predict", str(hand), "--sex", "F", "--run-dir", str(searched_run)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_run_of_before_keeps_one_network_and_its_settings_still_agree(tmp_path: Path) -> None:
    assert open_run(tmp_path, "demo", {}, None, None).preset.keep_networks == PRESETS["demo"]().keep_networks == 1
