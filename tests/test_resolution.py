"""Resolution as a property of the architecture: a first layer shrinks the images, so that one store serves all; MACs follow."""

import json
from dataclasses import replace
from pathlib import Path

from models.backend import keras

import numpy as np
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent

from data.store.disk import Store
from models import export
from models.architecture import Architecture, ArchitectureError, Blocks
from models.cells import cells
from models.cost import cost
from models.families import FAMILIES
from models.network import build
from search.cli import main
from search.leader.engine import run_study
from search.run import Run, record
from search.storage.sqlite import sqlite_url
from search.trained.choose import name_of
from studies.preset import StudyError

each_family = pytest.mark.parametrize("name", list(FAMILIES))


def of_family(name: str, input_px: int = 0) -> Architecture:
    return Architecture(family=name, beta=0.1, blocks=FAMILIES[name].blocks, input_px=input_px)


@each_family
def test_a_shrunk_image_costs_what_an_image_of_that_size_costs(name: str) -> None:
    plain, shrunk = of_family(name), of_family(name, 150)

    assert cost(shrunk, 300) == cost(plain, 150)
    assert cost(shrunk, 300).params == cost(plain, 300).params
    assert cost(of_family(name, 300), 300) == cost(plain, 300)
    with pytest.raises(ArchitectureError, match="at most the side of the images, 300; got 301"):
        cost(of_family(name, 301), 300)


@each_family
@pytest.mark.parametrize(("image_px", "input_px"), [(300, 150), (200, 150), (300, 100)])
def test_cells_lie_where_they_lie_in_the_smaller_image(name: str, image_px: int, input_px: int) -> None:
    small, large = cells(of_family(name), input_px), cells(of_family(name, input_px), image_px)

    assert large.across == small.across
    for place in range(small.across):
        in_small = (small.first_px + place * small.step_px + 0.5) / input_px  # as shares of the side
        in_large = (large.first_px + place * large.step_px + 0.5) / image_px
        assert in_large == pytest.approx(in_small)
    assert cells(of_family(name, image_px), image_px) == cells(of_family(name), image_px)


@pytest.mark.slow
def test_the_network_takes_large_images_and_sees_small_ones() -> None:
    keras.utils.set_random_seed(0)
    plain = Architecture(beta=0.1, blocks=Blocks(0, 0, 0, 1, 0, 1))
    shrunk = replace(plain, input_px=75)
    large, small = build(shrunk, 150), build(plain, 75)
    assert large.count_params() == cost(shrunk, 150).params
    small.set_weights(large.get_weights())

    # Each block of four pixels is of one grey, so that halving it loses nothing.
    grey = np.random.default_rng(1).integers(0, 256, (2, 75, 75, 1)).astype(np.uint8)
    male = np.ones((2, 1), np.float32)
    twice = grey.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(
        large.predict({"image": twice, "male": male}, verbose=0),
        small.predict({"image": grey, "male": male}, verbose=0),
        rtol=1e-4,
    )


def test_without_a_resolution_a_network_is_what_it_was() -> None:
    assert "input_px" not in Architecture().to_dict()
    assert Architecture.from_dict(Architecture(input_px=150).to_dict()) == Architecture(input_px=150)
    assert "resolution" not in {
        layer.name for layer in build(Architecture(beta=0.1, blocks=Blocks(0, 0, 0, 0, 0, 0), input_px=80), 80).layers
    }
    assert name_of(Architecture(input_px=150)) == name_of(Architecture()) + "-150px"


def test_count_counts_at_the_resolution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "--input-px", "150", "--json"]) == 0
    shrunk = capsys.readouterr().out
    assert main(["count", "--image-px", "150", "--json"]) == 0
    small = capsys.readouterr().out
    assert json.loads(shrunk)["macs"] == json.loads(small)["macs"]
    assert main(["count", "--input-px", "301"]) == 2
    assert "at most the side of the images, 300" in capsys.readouterr().err


def test_a_search_refuses_a_resolution_that_its_store_has_not(tiny_store: Store, tmp_path: Path) -> None:
    preset = tiny_preset()
    preset = replace(preset, reference=replace(preset.reference, input_px=48))
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    record(run)

    with pytest.raises((ArchitectureError, StudyError), match="at most the side of the images, 40"):
        run_study(run, tiny_store, "ablation", FormulaExecutor, silent())


@pytest.mark.slow
@pytest.mark.parametrize("written", ["tflite", "onnx"])
def test_a_network_with_a_resolution_that_makes_films_alike_is_exported(written: str, tmp_path: Path) -> None:
    pytest.importorskip({"tflite": "ai_edge_litert", "onnx": "tf2onnx"}[written])
    network = Architecture(
        beta=0.1,
        blocks=Blocks(0, 0, 0, 0, 0, 0),
        se_ratio=0.25,
        input_px=80,
        even_detail=0.12,
        even_tone=0.35,
        stem_pools=(False, True),
    )
    model = export.for_inference(build(network, 100), network, 100)
    images = np.random.default_rng(1).integers(0, 256, (2, 100, 100)).astype(np.uint8)
    male = np.array([0.0, 1.0])

    made = export.FORMATS[written]
    made.write(model, tmp_path / "model")
    np.testing.assert_allclose(
        made.runner(tmp_path / "model")(images, male), export.runner_of(model)(images, male), rtol=1e-3, atol=1e-3
    )
