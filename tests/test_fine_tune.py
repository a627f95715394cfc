"""Training that goes on with a part of a labelled set: the parts, the settings, and one training in full."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny_model_in

from data.store.disk import Store
from search.cli import main
from search.evaluate.fine_tune import divided, training_of
from search.evaluate.labelled import Labelled, opened
from search.evaluate.parts import parted
from search.machine import devices
from search.trained.folder import load_network, open_folder
from search.trained.predictor import open_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """This file's own, as other models are made beside it."""
    return tiny_model_in(tmp_path_factory.mktemp("own"), tiny_store)


def test_what_is_reported_on_neither_trains_nor_chooses(labelled: Labelled) -> None:
    cases = divided(labelled, 0.6)
    fitted, reported = parted(labelled, 0.6)

    assert set(cases["id"][cases["split"] == "test"]) == set(reported["id"])
    assert set(cases["id"][cases["split"].isin(["train", "validation"])]) == set(fitted["id"])
    assert (cases["split"] == "validation").sum() == round(len(fitted) / 4)


def test_it_trains_as_the_model_was_trained_and_slower(tiny_model: Path) -> None:
    model = open_folder(tiny_model)
    training, own = training_of(model, 3, None), model.about["training"]

    assert training.learning_rate == own["learning_rate"] / 10
    assert training.final_learning_rate <= training.learning_rate
    assert (training.epochs, training.batch, training.loss) == (3, own["batch"], own["loss"])
    assert training_of(model, 3, 1e-6).final_learning_rate == 1e-6


def test_the_command_trains_the_models_own_weights_on(
    labelled: Labelled, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", labelled.source, "--model", str(tiny_model), "--to", str(tmp_path), "--fine-tune", "1"]
    assert main([*command, "--learning-rate", "1e-12", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["made"]
    new, old = open_folder(Path(made["model"]), whole=True), open_folder(tiny_model)

    for before, after in zip(load_network(old).trainable_weights, load_network(new).trainable_weights, strict=True):
        np.testing.assert_allclose(np.asarray(after), np.asarray(before), atol=1e-6)
    assert new.path == tiny_model.with_name("tiny-fine-tuned")
    assert made["fine_tuning"]["reported_on"] == made["test"]["n"] == 30
    again = opened(labelled.source, open_model(new.path), new, Path("none"), new.preparation, lambda *_: None)
    assert len(again.cases) - len(again.unseen) == 30
    assert main([*command, "--learning-rate", "1e-12"]) == 2
    assert "holds a model already" in capsys.readouterr().err


def test_an_idle_card_is_refused_before_the_labelled_set_is_read(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sign is made up; the set would be refused, too, as it is empty."""
    monkeypatch.setattr(devices, "sign_of_nvidia", lambda: "NVIDIA's driver")
    monkeypatch.setattr(devices, "seen", lambda *_: devices.Seen((), "float32", False, "2.21.0"))

    assert main(["evaluate", str(tmp_path), "--model", str(tiny_model), "--fine-tune", "3", "--name", "idle"]) == 2

    assert "TensorFlow sees no GPU" in capsys.readouterr().err
