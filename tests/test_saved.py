from pathlib import Path

from models.backend import keras

import numpy as np
import pytest

from models import saved
from models.architecture import Architecture, Blocks
from models.network import build

TINY = Architecture(0.0625, Blocks(0, 0, 0, 0, 0, 0), (False, False))


def test_a_network_is_read_as_it_was_saved(tmp_path: Path) -> None:
    network = build(TINY, 40)
    saved.save(network, tmp_path / "model.keras")
    again = saved.load(tmp_path / "model.keras")

    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
    for ours, theirs in zip(network.weights, again.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_file_that_holds_code_is_refused(tmp_path: Path) -> None:
    image = keras.Input((1,))
    keras.Model(image, keras.layers.Lambda(lambda x: x + 1)(image)).save(tmp_path / "model.keras")

    with pytest.raises(ValueError, match="safe_mode"):
        saved.load(tmp_path / "model.keras")
