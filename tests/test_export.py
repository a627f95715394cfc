"""Exported models: run by the runtimes they are for, on the model's own images."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.backend import keras

import numpy as np
import pytest
from model_folders import train_model
from rounding import likely, summed

from data.store.disk import Store
from models import saved
from models.architecture import Architecture, Blocks
from models.export import FORMATS, Predict, for_inference, runner_of
from models.network import build
from models.training.settings import Training
from search.apply import export as exporting
from search.apply.export import PACKAGES, TOLERANCE_MONTHS, export, inputs_for, missing, taken
from search.cli import main
from search.trained.folder import ModelFolder, load_network, open_folder
from search.trained.keep import write_about
from search.trained.measures import contradictions, metrics
from studies.preset import StudyError

ARCHITECTURE = Architecture(1 / 16, Blocks(0, 0, 0, 0, 0, 1), (False, False), dropout=0.3)
SMALLEST = replace(ARCHITECTURE, blocks=Blocks(0, 0, 0, 0, 0, 0))
# Every kind of random layer, none of which may reach a file.
AUGMENTED = Training(
    epochs=1,
    batch=8,
    bn_momentum=0.5,
    zoom=0.2,
    rotation_degrees=20,
    translation=0.1,
    flip_vertical=True,
    precision="float32",
)
HEADS = {
    "sex": ARCHITECTURE,
    "no sex": Architecture(ARCHITECTURE.beta, ARCHITECTURE.blocks, ARCHITECTURE.stem_pools, sex_units=0),
    "fully connected": Architecture(ARCHITECTURE.beta, ARCHITECTURE.blocks, ARCHITECTURE.stem_pools, fc_units=12),
}


def needed(format: str) -> None:
    for package in PACKAGES[format]:
        pytest.importorskip(package, reason="of the extra [export]")


@pytest.fixture(autouse=True)
def timed_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long an answer takes matters to no test here."""
    monkeypatch.setattr(exporting, "LATENCY_RUNS", 2)
    monkeypatch.setattr(exporting, "WARM_UP_RUNS", 1)


@pytest.fixture(scope="module")
def model(tiny_store: Store, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Trained for an epoch, in a run that holds its store."""
    run = tmp_path_factory.mktemp("run")
    shutil.copytree(tiny_store.path, run / "prepared")
    return train_model(run / "models" / "tiny", tiny_store, SMALLEST, AUGMENTED)


def drawn_network(architecture: Architecture) -> keras.Model:
    """Every weight and statistic is something."""
    network = build(architecture, 48, AUGMENTED, 120.0)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        low, high = (0.5, 1.5) if "variance" in weight.name else (-0.3, 0.3)
        weight.assign(rng.uniform(low, high, weight.shape))
    return network


@pytest.mark.slow
@pytest.mark.parametrize("head", ["sex", *(pytest.param(head, marks=pytest.mark.slow) for head in list(HEADS)[1:])])
@pytest.mark.parametrize("format", PACKAGES)
def test_a_file_predicts_what_the_network_predicts_whatever_the_batch(format: str, head: str, tmp_path: Path) -> None:
    needed(format)
    network = drawn_network(HEADS[head])
    rng = np.random.default_rng(1)
    images, male = rng.integers(0, 256, (7, 48, 48)).astype(np.uint8), rng.integers(0, 2, 7).astype(np.float32)
    expected = np.asarray(runner_of(network)(images, male))
    inputs = {"image": images[..., None]} | ({"male": male[:, None]} if HEADS[head].sex_units else {})
    rounded = likely(network) * summed(network, inputs).max()
    file = tmp_path / f"model.{format}"

    FORMATS[format].write(for_inference(network, HEADS[head], 48), file)
    predict = FORMATS[format].runner(file)

    assert np.ptp(expected) > 100 * rounded
    for count in (7, 1, 3):
        assert predict(images[:count], male[:count]) == pytest.approx(expected[:count], abs=rounded)
    if head == "sex":
        assert np.abs(predict(images, 1 - male) - expected).max() > 100 * rounded


def test_what_is_written_has_no_random_layer_and_the_networks_weights() -> None:
    network = drawn_network(ARCHITECTURE)

    plain = for_inference(network, ARCHITECTURE, 48)

    assert {"flip", "rotate", "zoom", "translate"} <= {layer.name for layer in network.layers}
    assert not [layer.name for layer in plain.layers if layer.name in ("flip", "rotate", "zoom", "translate")]
    assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), plain.get_weights(), strict=True))


LARGER = 1000


@pytest.mark.slow
def test_a_network_trained_in_half_precision_is_written_in_full_and_its_rounding_is_said(
    model: ModelFolder, tmp_path: Path
) -> None:
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        half = build(SMALLEST, 40)
        *body, kernel, bias = load_network(model).get_weights()
        half.set_weights([*body, kernel * LARGER, bias])  # so that what is rounded makes more than the tolerance
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    shutil.copytree(model.path, tmp_path / "half")
    saved.save(half, tmp_path / "half" / "model.keras")

    rows = export(ModelFolder(tmp_path / "half", model.about), ["keras"], tmp_path / "out", tmp_path).rows

    assert TOLERANCE_MONTHS < 1e-4 * LARGER < rows[0].difference_months < LARGER
    assert rows[1].difference_months <= TOLERANCE_MONTHS


def in_half_precision(model: ModelFolder, folder: Path, larger: float = 1.0, bias: float | None = None) -> ModelFolder:
    """The model as one that computes in float16, with the output's weights so much larger."""
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        half = build(SMALLEST, 40)
        *body, kernel, own = load_network(model).get_weights()
        half.set_weights([*body, kernel * larger, own if bias is None else np.full_like(own, bias)])
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    shutil.copytree(model.path, folder)
    saved.save(half, folder / "model.keras")
    write_about(folder, model.about)
    return open_folder(folder)


@pytest.mark.slow
def test_how_far_a_model_in_half_precision_is_from_its_file_is_said_and_lies_beside_it(
    model: ModelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half, out = in_half_precision(model, tmp_path / "half"), tmp_path / "out"
    command = ["export", "--format", "keras", "--model", str(half.path), "--to", str(out), "--json"]
    assert main(command) == 0

    said = capsys.readouterr()
    told = json.loads((out / "tiny.keras.json").read_text())["half_precision"]
    assert told == json.loads(said.out)["checked"]["half_precision"]
    assert told["computed_in"] == ["mixed_float16"]
    assert 0 < told["mean_months"] <= told["largest_months"]
    for words in (said.err, (out / "tiny.keras.md").read_text()):
        assert "he model computes in mixed_float16 and what is written in float32: they differ by up to" in words
    assert main(["export", "--format", "keras", "--model", str(model.path), "--to", str(tmp_path / "whole")]) == 0
    assert "computes in" not in capsys.readouterr().err
    assert json.loads((tmp_path / "whole" / "tiny.keras.json").read_text())["half_precision"] is None


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"bias": float("nan")}, {"larger": 1e6}], ids=["no numbers", "another network"])
def test_a_model_in_half_precision_whose_figures_are_not_its_files_is_not_written(
    model: ModelFolder, tmp_path: Path, changes: dict[str, float]
) -> None:
    half = in_half_precision(model, tmp_path / "half", **changes)

    with pytest.raises(
        StudyError, match=r"computes in mixed_float16, and its weights in float32 answer .*--precision float32"
    ):
        export(half, ["keras"], tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("format", ["keras", "savedmodel"])
def test_every_network_is_built_read_and_timed_on_the_cpu(
    model: ModelFolder, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorflow.python.eager import context  # what TensorFlow says of where the next operation goes

    places: list[str] = []

    def noted(act: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*given: Any) -> Any:
            places.append(context.context().device_name)
            return act(*given)

        return noting

    named = FORMATS[format]
    monkeypatch.setitem(FORMATS, format, named._replace(runner=noted(named.runner)))
    for name in ("load_network", "latency_ms"):
        monkeypatch.setattr(exporting, name, noted(getattr(exporting, name)))
    export(model, [format], tmp_path, tmp_path)

    assert len(places) == 4
    assert all(place.upper().endswith("CPU:0") for place in places)


def test_every_format_says_what_it_needs() -> None:
    assert list(FORMATS) == list(PACKAGES)


@pytest.mark.slow
def test_an_export_leaves_a_file_its_card_and_nothing_else(model: ModelFolder, tmp_path: Path) -> None:
    made = export(model, ["keras", "savedmodel"], tmp_path, tmp_path)
    rows = made.rows

    assert made.faults == ()
    assert made.inputs.what == "validation images of its own data"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "tiny.keras",
        "tiny.keras.json",
        "tiny.keras.md",
        "tiny.savedmodel",
        "tiny.savedmodel.json",
        "tiny.savedmodel.md",
    ]
    assert [row.format for row in rows] == ["as trained", "keras", "savedmodel"]
    assert all(row.difference_months <= TOLERANCE_MONTHS and row.latency_ms > 0 and row.size_mb > 0 for row in rows)
    again = export(model, ["savedmodel"], tmp_path, tmp_path).rows
    assert again[1].path.is_dir()


def test_a_folder_called_part_where_an_export_is_written_stays(model: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "thesis.txt").write_text("precious")

    export(model, ["keras"], tmp_path, tmp_path)

    assert (tmp_path / "part" / "thesis.txt").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "part",
        "tiny.keras",
        "tiny.keras.json",
        "tiny.keras.md",
    ]


def saved_model(path: Path) -> Path:
    """As TensorFlow leaves one."""
    for name in ("assets", "variables"):
        (path / name).mkdir(parents=True)
    for name in (
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    ):
        (path / name).touch()
    return path


def test_a_saved_model_of_an_earlier_export_is_replaced_and_no_other_folder(tmp_path: Path) -> None:
    whole = saved_model(tmp_path / "whole.savedmodel")
    assert taken(whole) == taken(tmp_path / "none.savedmodel") == taken(tmp_path / "none.keras") == ""
    for name in ("thesis.txt", "assets/thesis.txt", "variables/thesis.txt"):
        added = saved_model(tmp_path / name.replace("/", "-") / "added.savedmodel")
        (added / name).touch()
        assert "added.savedmodel is not a saved model as an export leaves it, so it is not replaced" in taken(added)
    (tmp_path / "empty.savedmodel").mkdir()
    (tmp_path / "link.savedmodel").symlink_to(whole)
    (tmp_path / "file.savedmodel").touch()
    for name in ("empty", "link", "file"):
        assert "is not replaced" in taken(tmp_path / f"{name}.savedmodel")


@pytest.mark.parametrize("format", ["keras", "savedmodel"])
def test_a_folder_that_somebody_called_like_the_export_is_refused_before_anything_is_done(
    model: ModelFolder, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"tiny.{format}").mkdir()
    (tmp_path / f"tiny.{format}" / "thesis.txt").write_text("precious")
    monkeypatch.setattr(exporting, "load_network", lambda model: pytest.fail("nothing is done"))

    with pytest.raises(StudyError, match=rf"tiny\.{format} is not .*, so it is not replaced: move it away"):
        export(model, [format], tmp_path, tmp_path)
    assert (tmp_path / f"tiny.{format}" / "thesis.txt").read_text() == "precious"


def test_without_its_data_it_is_checked_on_drawn_hands(model: ModelFolder, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "models" / "tiny"
    shutil.copytree(model.path, alone)

    inputs = inputs_for(ModelFolder(alone, model.about), tmp_path)

    assert inputs.what == "drawn hands"
    assert inputs.images.shape[1:] == (40, 40)
    assert set(inputs.male) == {0.0, 1.0}


@pytest.mark.parametrize("off", [0.5, float("nan")])
def test_a_file_that_predicts_otherwise_is_not_left(
    model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    def askew(runner: Callable[[Path], Predict]) -> Callable[[Path], Predict]:
        return lambda path: lambda images, male: runner(path)(images, male) + np.float32(off)

    monkeypatch.setitem(FORMATS, "keras", FORMATS["keras"]._replace(runner=askew(FORMATS["keras"].runner)))

    with pytest.raises(StudyError, match="months from the model's predictions"):
        export(model, ["keras"], tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "tf2onnx" else find_spec("json"))

    assert missing("keras") == missing("tflite") == ""
    assert missing("onnx").startswith("onnx needs tf2onnx, which is not installed: make install EXTRAS=dev,export")


@pytest.mark.slow
def test_what_can_be_written_is_where_another_format_lacks_its_package(
    model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    command = ["export", "--format", "all", "--model", str(model.path), "--to", str(tmp_path)]

    assert main(command) == 2

    said = capsys.readouterr()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix not in (".md", ".json")) == [
        "tiny.keras",
        "tiny.savedmodel",
    ]
    assert "tiny.savedmodel" in said.out
    assert "tflite needs ai-edge-litert, which is not installed" in said.err
    assert "onnx needs tf2onnx and onnxruntime, which are not installed" in said.err
    assert main([*command, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [row["format"] for row in found["formats"]] == ["as trained", "keras", "savedmodel"]
    assert [fault.partition(" ")[0] for fault in found["faults"]] == ["tflite", "onnx"]


def test_one_format_that_lacks_its_package_writes_nothing(
    model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)

    with pytest.raises(StudyError, match=r"onnx needs tf2onnx.*export"):
        export(model, ["onnx"], tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_format_that_predicts_otherwise_does_not_keep_the_others_from_being_written(
    model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = FORMATS["keras"]

    def askew(path: Path) -> Predict:
        return lambda images, male: keras.runner(path)(images, male) + np.float32(0.5)

    monkeypatch.setitem(FORMATS, "keras", keras._replace(runner=askew))

    made = export(model, ["keras", "savedmodel"], tmp_path, tmp_path)

    assert [row.format for row in made.rows] == ["as trained", "savedmodel"]
    assert len(made.faults) == 1
    assert "tiny as keras differs by up to 0.5 months" in made.faults[0]


def test_the_card_says_what_the_model_is_and_is_not(model: ModelFolder, tmp_path: Path) -> None:
    export(model, ["keras"], tmp_path, tmp_path)

    card = (tmp_path / "tiny.keras.md").read_text()

    for said in (
        "Research software, not a medical device",
        "Synthetic phantom images: these figures say nothing about patients",
        "uint8 (batch, 40, 40, 1)",
        f"{model.about['params']:,} parameters",
        f"{model.about['validation']['mae']:.2f}",
        "no test split was scored",
        "no data licence",
        f"tolerance {TOLERANCE_MONTHS}",
    ):
        assert said in card


@pytest.mark.slow
def test_the_card_and_the_json_say_what_the_page_calls_a_worry_about_the_test(model: ModelFolder) -> None:
    from search.apply.model_card import beside, card

    random = np.random.default_rng(0)
    age_months, male = random.uniform(20, 200, 300), np.arange(300) % 2
    right, older = (metrics(age_months + off + random.normal(0, 5, 300), age_months, male, 120.0) for off in (0, 20))
    conformal = {"level": 0.9, "n": 300, "groups": [], "centre": None, "coverage": None}
    about = model.about | {"validation": right, "test": older, "tests_opened_before": 3, "conformal": conformal}

    written = card(ModelFolder(model.path, about), "onnx", "x.onnx", "")
    told = beside(ModelFolder(model.path, about), "onnx", "x.onnx")

    assert "opened before, by 3 other models of this run" in written
    assert "months older than the validation images" in written
    assert told["tests_opened_before"] == 3
    assert told["contradictions"] == contradictions(about) != []
    untested = beside(ModelFolder(model.path, about | {"test": None, "conformal": None}), "onnx", "x.onnx")
    assert untested["contradictions"] == []


@pytest.mark.slow
def test_the_card_of_a_model_of_radiographs_says_their_terms_and_no_path(model: ModelFolder) -> None:
    from search.apply.model_card import card

    age_months, male = np.array([30.0, 50.0, 190.0, 100.0]), np.array([0, 0, 1, 1])
    about = model.about | {
        "synthetic": False,
        "data": model.about["data"] | {"source": "/home/somebody/hands", "synthetic": False},
        "test": metrics(age_months + 9.0, age_months, male, 120.0),
    }

    written = card(ModelFolder(model.path, about), "onnx", "x.onnx", "")

    assert "no passing on of images" in written
    assert "/home" not in written
    assert "| M | 2 | 9.00" in written
    assert "| 0 to 60 | 2 | 9.00" in written
    assert "| from 180 | 1 | 9.00" in written
    assert "phantom" not in written
