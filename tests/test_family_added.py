"""The family that CONTRIBUTING.md adds by one file: it runs as it stands there, and everything takes it."""

import re
from pathlib import Path
from typing import Any

from models.backend import keras

import numpy as np
import pytest

from models import families
from models.architecture import Architecture
from models.cells import cells
from models.cost import cost
from models.families.family import Family
from models.network import ByStage, build, trunk
from models.pretrained.start import start
from search.show import svg
from search.storage.settings import derive
from studies import ablation, width
from studies.presets import cpu
from studies.study import Given, feasible_points

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
KERAS_PARAMS = 14_714_688  # of keras.applications.VGG16(include_top=False), as its documentation counts them


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Family:
    [written] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in written.splitlines() if line.strip()]) <= 40
    made: dict[str, Any] = {"__name__": "models.families.vgg16"}
    exec(compile(written, "vgg16.py", "exec"), made)
    monkeypatch.setitem(families.FAMILIES, "vgg16", made["VGG16"])
    return made["VGG16"]  # type: ignore[no-any-return]


def stock(family: Family) -> Architecture:
    return Architecture(family=family.name, blocks=family.blocks, sex_units=0)


def test_it_has_the_parameters_that_keras_documents(added: Family) -> None:
    two_colours_less, head = 2 * 9 * 64, 512 + 1

    assert cost(stock(added), 224).params == KERAS_PARAMS - two_colours_less + head
    model = build(Architecture(beta=0.1, family="vgg16", blocks=added.blocks), 64)
    assert model.count_params() == cost(Architecture(beta=0.1, family="vgg16", blocks=added.blocks), 64).params


@pytest.mark.slow
def test_with_keras_weights_it_answers_as_keras_does(added: Family) -> None:
    keras.utils.set_random_seed(1)
    image = keras.Input((32, 32, 3))
    own = keras.Model(image, trunk(image, stock(added), 0.99, keras.layers.BatchNormalization))
    theirs = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    own.set_weights(theirs.get_weights())
    images = np.random.default_rng(2).uniform(0, 1, (1, 32, 32, 3)).astype(np.float32)

    np.testing.assert_allclose(own.predict(images, verbose=0), theirs.predict(images, verbose=0), rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_it_starts_from_a_file_of_keras_weights(added: Family, tmp_path: Path) -> None:
    network = Architecture(family="vgg16", blocks=added.blocks)
    theirs = keras.applications.VGG16(weights=None, include_top=False, input_shape=(96, 96, 3))
    theirs.save_weights(tmp_path / "file.weights.h5")
    by_stage: ByStage = {}
    build(network, 96, by_stage=by_stage)

    assert not start(by_stage, network, tmp_path / "file.weights.h5").fresh
    last = [layer for layer in theirs.layers if layer.weights][-1]
    np.testing.assert_array_equal(by_stage["stage5_2"][-1].get_weights()[0], last.get_weights()[0])


def test_the_studies_search_it(added: Family) -> None:
    given = Given(derive(cpu(), {"family": "vgg16"}), {}, 30.0)

    assert ablation.space(given)["variant"][:3] == ("baseline", "stage1=0", "stage2=0")
    networks = [ablation.architecture(given, point) for point in feasible_points(ablation, given)]
    assert len(networks) == 1 + sum(added.blocks)
    assert {network.family for network in networks} == {"vgg16"}
    assert len(width.betas(given)) == len(given.preset.width_factors)


def test_it_is_placed_and_drawn(added: Family) -> None:
    where = cells(stock(added), 224)

    assert (where.across, where.step_px, where.first_px) == (
        7,
        32,
        15.5,
    )  # five halvings; the 7 cells of 32 px tile the image
    assert "last_pool" in svg.network(stock(added), cost(stock(added), 224))
