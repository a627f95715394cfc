"""Trainings that start from a file of keras.applications weights: which of a network does, and that it is what Keras has."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from data.store.disk import Store
from models.architecture import Architecture
from models.families import FAMILIES
from models.pretrained.file import Held, WeightsError, held
from models.pretrained.kernels import kernels_of, stock, unchanged
from models.stages import stages
from models.training.settings import Training
from search.cli import main
from search.leader.engine import run_study
from search.run import Run, open_run, record
from search.storage.sqlite import sqlite_url
from search.workers.job import Job, Remark, fingerprint
from studies.preset import StudyError

COLOURS = 3


OF_KERAS = [name for name, family in FAMILIES.items() if family.application]


def drawn_file(path: Path, family: str, classes: int = 0) -> Path:
    """A file with the shapes of the family's weights, without the numbers."""
    with h5py.File(path, "w") as file:
        for number, shape in enumerate(kernels_of(stock(family), COLOURS)):
            file.create_dataset(f"layers/conv{number}/vars/0", shape=shape, dtype="float16", chunks=None)
        if classes:
            file.create_dataset("layers/dense/vars/0", shape=(8, classes))
    return path


# the file, without TensorFlow


@pytest.mark.parametrize("family", OF_KERAS)
def test_a_file_is_known_as_its_familys_alone(family: str, tmp_path: Path) -> None:
    path = drawn_file(tmp_path / "some.weights.h5", family, classes=7)

    assert held(path, family) == Held(COLOURS, 7)
    other = OF_KERAS[OF_KERAS.index(family) - 1]
    with pytest.raises(WeightsError, match=f"no weights of {other}: they fit {family}"):
        held(path, other)


def test_a_family_that_keras_has_not_starts_from_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drawn_file(tmp_path / "some.weights.h5", "resnet50")
    monkeypatch.setitem(FAMILIES, "resnet50", replace(FAMILIES["resnet50"], application=""))

    with pytest.raises(WeightsError, match=r"keras\.applications has no ResNet-50, .* leave out --weights"):
        held(path, "resnet50")


@given(st.binary(max_size=200), st.sampled_from([".h5", ".weights.h5", ".keras", ".hdf5"]))
@settings(max_examples=30)
def test_bytes_that_are_no_weights_are_refused_in_a_sentence(content: bytes, ending: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{ending}"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="cannot be read as weights"):
            held(path, "resnet50")


@pytest.mark.parametrize("command", ["train", "run", "ablate", "compare"])
@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda folder: folder / "none.h5", "there is no file"),
        (lambda folder: drawn_file(folder / "its.weights.h5", "resnet50"), "they fit resnet50"),
        (lambda folder: folder, "cannot be read"),
        (lambda folder: text(folder / "weights.txt"), "ends in .keras"),
    ],
    ids=["missing", "of another family", "a folder", "of another kind"],
)
def test_a_file_that_cannot_be_started_from_ends_the_command_before_anything_is_prepared(
    command: str, made: Callable[[Path], Path], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--beta", "1"] if command == "train" else []
    run = ["--run-dir", str(tmp_path / "run"), "--preset", "demo", "--device", "cpu", "--weights", str(made(tmp_path))]

    assert main([command, *run, *more]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "prepared").exists()


def text(path: Path) -> Path:
    path.write_text("weights")
    return path


def a_job(**changes: Any) -> Job:
    fields = {"number": 0, "architecture": Architecture(), "training": Training(), "seed": 0} | changes
    return Job(store=Path("s"), data="d", image_px=40, folder=Path("f"), **fields)


def test_another_file_is_another_training_and_without_one_it_is_what_it_was() -> None:
    plain, started = a_job(), a_job(training=Training(weights="/a.h5"), weights_digest="one")

    assert len({fingerprint(plain), fingerprint(started), fingerprint(replace(started, weights_digest="two"))}) == 3
    moved = replace(started, training=Training(weights="/elsewhere/b.h5"))
    assert fingerprint(moved) == fingerprint(started)  # what counts is what is in it
    assert "weights" not in plain.training.to_dict()


def test_a_run_remembers_its_file_and_a_study_refuses_another(tiny_store: Store, tmp_path: Path) -> None:
    path = drawn_file(tmp_path / "first.weights.h5", "inception_v3")
    preset = replace(tiny_preset(), training=replace(tiny_preset().training, weights=str(path)))
    run = Run(tmp_path / "run", preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    run.folder.mkdir()
    record(run)
    executor = FormulaExecutor()
    run_study(run, tiny_store, "ablation", lambda: executor, silent())

    digests = {job.weights_digest for job in executor.every}
    assert len(digests) == 1
    assert all(digests)
    other = replace(
        preset, training=replace(preset.training, weights=str(drawn_file(tmp_path / "b.h5", "inception_v3", 3)))
    )
    with pytest.raises(StudyError, match="weights was"):
        run_study(replace(run, preset=other), tiny_store, "ablation", FormulaExecutor, silent())
    asked = open_run(tmp_path / "again", "demo", {"weights": "/some.h5"}, None, None)
    record(asked)
    assert open_run(tmp_path / "again", None, {}, None, None).preset.training.weights == "/some.h5"


def test_a_baseline_of_several_families_starts_from_no_file() -> None:
    from studies.around import baseline
    from studies.study import Given

    preset = replace(tiny_preset(), training=replace(tiny_preset().training, weights="/some.h5"))
    with pytest.raises(StudyError, match="fits one family"):
        baseline.space(Given(preset, {}, 30.0))


# the weights


def changes() -> list[tuple[dict[str, Any], set[str]]]:
    """Changes of InceptionV3, with what starts fresh by them."""
    family = FAMILIES["inception_v3"]
    every = {*family.groups, "stem", "mixed3", "mixed8"}
    return [
        ({}, set()),
        ({"stem_pools": (False, True)}, set()),  # poolings have no weights
        ({"dropout": 0.3, "fc_units": 16, "input_px": 80}, set()),
        ({"blocks": family.blocks._replace(mixed7=3)}, {"mixed7"}),
        ({"blocks": family.blocks._replace(mixed5=0)}, set()),  # nothing of it is there
        ({"group_betas": (("mixed4", 0.5),)}, {"mixed4", "mixed5"}),  # the next one reads other channels
        ({"beta": 0.5}, every),
    ]


@pytest.mark.parametrize(("fields", "fresh"), changes())
def test_what_was_changed_starts_fresh_and_with_it_what_reads_other_channels(
    fields: dict[str, Any], fresh: set[str]
) -> None:
    network = replace(stock("inception_v3"), **fields)
    groups = {stage.group for stage in stages(network)}
    assert groups - unchanged(network) >= fresh
    if not fields.get("group_betas") and fields.get("blocks", stock("inception_v3").blocks).mixed5:
        assert groups - unchanged(network) == fresh


def test_attention_that_is_added_starts_fresh_and_the_blocks_before_it_do_not() -> None:

    assert unchanged(replace(stock("resnet50"), se_ratio=0.25)) == unchanged(stock("resnet50"))


def legacy(network: Any, path: Path) -> None:
    """As keras-applications wrote them: a group per layer, by name, in the network's order."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.1.0"
        for layer in network.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{number}:0" for number, _ in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name, data=weight)


def of_keras(name: str, top: bool) -> Any:
    """With statistics as after training, so that every BatchNorm does something."""
    from models.backend import keras

    keras.utils.set_random_seed(3)
    shuffled = np.random.default_rng(0)
    head = {"classes": 7} if top else {}
    network = getattr(keras.applications, name)(weights=None, include_top=top, input_shape=(64, 64, COLOURS), **head)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([shuffled.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return network


@pytest.fixture(scope="module")
def efficientnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Keras' own network, and its file."""
    network, path = of_keras("EfficientNetB0", top=False), tmp_path_factory.mktemp("weights") / "file.keras"
    network.save(path)
    return network, path


@pytest.mark.slow
@pytest.mark.parametrize("family", ["resnet50", "efficientnet_b0"])
def test_the_trunk_of_a_started_network_answers_as_keras_does_to_grey_pictures(
    family: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from models.backend import keras

    from models.network import ByStage, trunk
    from models.pretrained.start import start
    from models.training.batch_norm import BatchNormalization

    if family == "resnet50":
        theirs, path = of_keras("ResNet50", top=True), tmp_path / "file.h5"
        legacy(theirs, path)
    else:
        theirs, path = request.getfixturevalue("efficientnet")
    by_stage: ByStage = {}
    image = keras.Input((64, 64, 1))
    scaled = image / 255.0 if family == "efficientnet_b0" else image  # as Keras' own does before the stem
    ours = keras.Model(image, trunk(scaled, stock(family), 0.99, BatchNormalization, by_stage))
    started = start(by_stage, stock(family), path)
    assert not started.fresh
    assert set(started.taken) == {stage.group for stage in stages(stock(family))}

    grey = np.random.default_rng(1).uniform(0, 1, (2, 64, 64, 1)).astype(np.float32)
    last = next(layer for layer in reversed(theirs.layers) if len(layer.output.shape) == 4)
    # Both compute the same sums, in an order that the processor chooses, through some fifty layers of float32.
    expected = np.asarray(keras.Model(theirs.input, last.output)(np.repeat(grey, COLOURS, axis=3)))
    np.testing.assert_allclose(np.asarray(ours(grey)), expected, rtol=1e-3, atol=1e-5 * float(np.abs(expected).max()))


@pytest.mark.slow
def test_a_worker_starts_from_the_file_and_says_what_of_it(
    efficientnet: tuple[Any, Path], tiny_store: Store, tmp_path: Path
) -> None:
    """A network with hardly any blocks left, which trains fast: what is left of it is as in the file."""
    from models.backend import keras

    from models.pretrained.file import checked
    from search.workers.worker import run

    theirs, _ = efficientnet
    path = tmp_path / "file.weights.h5"
    theirs.save_weights(path)
    blocks = FAMILIES["efficientnet_b0"].blocks
    few = blocks._replace(**dict.fromkeys(blocks._fields, 0) | {blocks._fields[0]: 2})
    settings = {"epochs": 1, "learning_rate": 1e-8, "final_learning_rate": 1e-8, "warmup_epochs": 0.0}
    training = replace(tiny_preset().training, **settings, weights=str(path))
    job = Job(
        number=5,
        architecture=replace(stock("efficientnet_b0"), blocks=few),
        training=training,
        seed=1,
        store=tiny_store.path,
        data=tiny_store.digest,
        image_px=tiny_store.image_px,
        folder=tmp_path / "trial",
        weights_digest=checked(training, "efficientnet_b0"),
        keep=True,
    )
    job.folder.mkdir()
    said: list[Any] = []
    assert run(job, said.append, lambda: False)

    [remark] = [message.sentence for message in said if isinstance(message, Remark)]
    assert f"; {blocks._fields[0]} differs from the file's network and starts fresh" in remark
    kept = keras.saving.load_model(job.folder / "model.keras", compile=False)
    first, theirs_first = (
        next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)).get_weights()[0]
        for network in (kept, theirs)
    )
    np.testing.assert_allclose(first, theirs_first.sum(axis=2, keepdims=True), atol=1e-5)

    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ValueError, match="has changed since the search began"):
        run(replace(job, folder=tmp_path, seed=2), said.append, lambda: False)


@pytest.mark.slow
def test_a_tuners_networks_start_from_the_file_too(efficientnet: tuple[Any, Path]) -> None:
    from models.backend import keras

    import keras_tuner

    from models.hypermodel import BoneAgeHyperModel

    theirs, path = efficientnet
    training = replace(tiny_preset().training, weights=str(path))
    tuned = BoneAgeHyperModel(stock("efficientnet_b0"), training, 64, {"dropout": (0.0,)}, 10**9)
    ours = tuned.build(keras_tuner.HyperParameters())

    first, theirs_first = (
        next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)).get_weights()[0]
        for network in (ours, theirs)
    )
    np.testing.assert_allclose(first, theirs_first.sum(axis=2, keepdims=True), atol=1e-6)
