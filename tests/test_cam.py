"""Activation maps against closed forms, and against pictures of which one part was changed."""

from models.backend import keras

import numpy as np
import pytest
from rounding import likely, summed, surely

from data.phantom.drawing import shadow_of
from data.phantom.hand import generator
from data.phantom.maturity import grown_bones
from data.phantom.ossification import CENTRES, EPIPHYSES
from data.phantom.skeleton import Pose, drawn_pose, posed_skeleton
from models.architecture import Architecture, Blocks
from models.cam import activation_maps
from models.cells import Cells, cells, spread
from models.network import build
from models.training.settings import Training

BODY = Architecture(beta=1 / 16, blocks=Blocks(0, 1, 0, 1, 0, 1), stem_pools=(False, False), dropout=0.5)
PLAIN = Architecture(beta=1 / 16, blocks=Blocks(0, 0, 0, 0, 0, 0), stem_pools=(False, False))
PX = 80


def lively(architecture: Architecture, image_px: int = PX, seed: int = 0, lowest: float = -0.3) -> keras.Model:
    """A network whose every weight and BatchNorm statistic is drawn, augmentation included.

    With `lowest` 0 no ReLU is ever off: every path from a pixel to the map is open.
    """
    model = build(architecture, image_px, Training(zoom=0.3, rotation_degrees=20, flip_vertical=True), 127.0)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        low, high = (0.5, 1.5) if "variance" in weight.name else (lowest, 0.3)
        weight.assign(
            -rng.uniform(low, high, weight.shape) if "mean" in weight.name else rng.uniform(low, high, weight.shape)
        )
    return model


def pictures(count: int, image_px: int = PX) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(1).integers(0, 256, (count, image_px, image_px)).astype(np.uint8)
    return images, np.arange(count) % 2


def inputs_of(images: np.ndarray, male: np.ndarray) -> dict[str, np.ndarray]:
    return {"image": images[..., None], "male": male[:, None].astype(np.float32)}


def test_cells_sex_and_constant_sum_to_the_prediction() -> None:
    """The class activation map from its definition, in float64: features times the output's weights."""
    model = lively(BODY)
    images, male = pictures(4)

    maps = activation_maps(model, images, male)

    weights, bias = (np.asarray(value, np.float64) for value in model.get_layer("age_months").get_weights())
    gap, sex = model.get_layer("gap"), model.get_layer("sex")
    features, of_sex, predicted = keras.Model(model.inputs, [gap.input, sex.output, model.output])(
        inputs_of(images, male), training=False
    )
    features = np.asarray(features, np.float64)
    expected = features @ weights[: features.shape[-1], 0] / (features.shape[1] * features.shape[2])
    elsewhere = np.asarray(of_sex, np.float64) @ weights[features.shape[-1] :, 0] + bias
    rounded = likely(model) * summed(model, inputs_of(images, male)).max()
    assert maps.method == "CAM"
    assert maps.months == pytest.approx(expected, abs=rounded)
    assert maps.elsewhere_months == pytest.approx(elsewhere, abs=rounded)
    assert maps.months.sum((1, 2)) + elsewhere == pytest.approx(np.asarray(predicted)[:, 0], abs=rounded)


def test_with_a_fully_connected_layer_it_is_the_piece_of_the_network_that_this_image_is_on() -> None:
    """The local linear map by hand: which units of the layer are on, times their weights."""
    model = lively(Architecture(BODY.beta, BODY.blocks, BODY.stem_pools, fc_units=24))
    images, male = pictures(3)

    maps = activation_maps(model, images, male)

    (first, first_bias), (last, _) = (model.get_layer(name).get_weights() for name in ("fc", "age_months"))
    gap = model.get_layer("gap")
    features, both = keras.Model(model.inputs, [gap.input, model.get_layer("image_and_sex").output])(
        inputs_of(images, male), training=False
    )
    features, both = np.asarray(features, np.float64), np.asarray(both, np.float64)
    before, sizes = both @ first + first_bias, both @ np.abs(first) + np.abs(first_bias)
    on = before > 0
    slope = (on * last[:, 0]) @ first.T  # (images, gap and sex)
    expected = np.einsum("nijc,nc->nij", features, slope[:, : features.shape[-1]]) / np.prod(features.shape[1:3])
    rounded = likely(model) * (sizes @ np.abs(last[:, 0])).max()
    assert on.any()
    assert not on.all()
    assert np.all(np.abs(before) > likely(model) * sizes), "which units are on must not be a matter of rounding"
    assert maps.method == "HiResCAM"
    assert maps.months == pytest.approx(expected, abs=rounded)
    assert maps.months.sum((1, 2)) + maps.elsewhere_months == pytest.approx(maps.prediction_months, abs=rounded)


@pytest.mark.slow
def test_without_sex_the_rest_is_the_bias() -> None:
    model = lively(Architecture(BODY.beta, BODY.blocks, BODY.stem_pools, sex_units=0))
    images, male = pictures(3)

    maps = activation_maps(model, images, male)

    bias = model.get_layer("age_months").get_weights()[1]
    rounded = likely(model) * summed(model, {"image": images[..., None]}).max()
    assert maps.elsewhere_months == pytest.approx(np.repeat(bias, 3), abs=rounded)


@pytest.mark.slow
def test_dropout_and_augmentation_play_no_part() -> None:
    model = lively(BODY)
    shown = pictures(2)

    once, twice = (activation_maps(model, *shown).months for _ in range(2))

    assert once == pytest.approx(twice, abs=likely(model) * summed(model, inputs_of(*shown)).max())


# --- where the cells are ---------------------------------------------------------------------------------------------


def test_the_stock_networks_cells_at_300_px() -> None:
    assert cells(Architecture(), 300) == Cells(37.0, 32, 8)


@pytest.mark.slow
@pytest.mark.parametrize("pools", [(False, False), (True, False)])
@pytest.mark.parametrize("blocks", [PLAIN.blocks, Blocks(1, 0, 0, 0, 0, 1)])
def test_a_cell_is_where_the_pixels_are_that_move_it(blocks: Blocks, pools: tuple[bool, bool]) -> None:
    """The pixels that a cell in the middle depends on, by the gradient, lie evenly around its centre."""
    from models.backend import tf

    image_px = 263
    architecture = Architecture(1 / 16, blocks, pools)
    model = lively(architecture, image_px, lowest=0.0)
    after = keras.Model(model.get_layer("scale").output, model.get_layer("gap").input)
    where = cells(architecture, image_px)
    row, column = where.across // 2, where.across // 2 - 1
    touched = np.zeros((image_px, image_px), bool)
    rng = np.random.default_rng(0)
    for _ in range(24):
        image = tf.constant(rng.random((1, image_px, image_px, 1)).astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(image)
            cell = tf.reduce_sum(after(image, training=False)[0, row, column])
        # Exactly: what lies outside is only ever multiplied by nothing, in whatever order a kernel sums.
        touched |= tape.gradient(cell, image).numpy()[0, ..., 0] != 0
    rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))

    assert after.output_shape[1] == where.across
    assert 0 < rows[0] < rows[-1] < image_px - 1
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(where.first_px + row * where.step_px, abs=1)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(where.first_px + column * where.step_px, abs=1)


def test_spread_holds_each_cells_months_at_its_centre_and_is_linear_between() -> None:
    months = np.random.default_rng(0).normal(size=(2, 4, 4))
    where = Cells(10.0, 16, 4)

    drawn = spread(months, where, 70, 70)

    centres = 10 + 16 * np.arange(4)
    assert drawn[:, centres[:, None], centres] == pytest.approx(months, abs=1e-6)
    assert drawn[:, 18, 10] == pytest.approx((months[:, 0, 0] + months[:, 1, 0]) / 2, abs=1e-6)
    assert np.array_equal(drawn[:, :10, 10], np.repeat(drawn[:, 10:11, 10], 10, axis=1))
    assert spread(months, where, 70, 210)[:, 31, 31] == pytest.approx(months[:, 0, 0], abs=1e-6)


# --- what was changed is what the map shows ----------------------------------------------------------------------------

PHANTOM_PX = 160


def one_event(row: int, event: str, pose: Pose, sex: int = 1) -> np.ndarray:
    """Two pictures (2, px, px), before and after one bone alone has grown."""
    still = np.zeros(len(EPIPHYSES) + len(CENTRES))
    bone = CENTRES[row] if event == "centre" else EPIPHYSES[row]
    start, end = bone.appears[sex] - 1, bone[2][sex]  # absent; of full size or width
    before, after = (grown_bones(months, sex, still) for months in (start, end))
    fields = ("size", "facets") if event == "centre" else ("width", "cap")
    one = {name: getattr(before, name).copy() for name in fields}
    for name in fields:
        one[name][row] = getattr(after, name)[row]
    skeleton = posed_skeleton(before, pose)
    shadows = [shadow_of(skeleton, bones, pose, PHANTOM_PX) for bones in (before, before._replace(**one))]
    return (np.stack(shadows) * 160).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_the_maps_change_falls_on_the_part_of_the_phantom_that_was_changed(seed: int) -> None:
    """Single bones, from the wrist to the fingertips; the weights are drawn, as it holds for any of this network.

    Cells that see none of the changed pixels change by no more than rounding, which is not the same at every place of a
    batch; the months that the others gain are the prediction's.
    """
    model = lively(PLAIN, PHANTOM_PX, seed, lowest=0.0)
    rounded = surely(model)  # whose every term is positive
    where = cells(PLAIN, PHANTOM_PX)
    reach_px = 29.5  # half of what a cell of this network sees, by hand: 59 px
    pose = drawn_pose(generator(seed))
    centres = where.first_px + where.step_px * np.arange(where.across)
    for event, row in [("epiphysis", row) for row in (0, 3, 9, 16, 20)] + [("centre", row) for row in (0, 6)]:
        images = one_event(row, event, pose)
        rows, columns = np.nonzero(images[0] != images[1])
        maps = activation_maps(model, images, np.ones(2))
        change = maps.months[1] - maps.months[0]
        changed_by = np.abs(change) / maps.months[0]
        near_rows = (centres > rows.min() - reach_px) & (centres < rows.max() + reach_px)
        near_columns = (centres > columns.min() - reach_px) & (centres < columns.max() + reach_px)
        near = np.outer(near_rows, near_columns)

        assert len(rows) > 3, (event, row)
        assert near.mean() < 0.5
        assert maps.months.min() > 0
        assert changed_by[~near].max() <= rounded, (event, row)
        assert changed_by.max() > 10 * rounded, (event, row)
        gained = maps.prediction_months[1] - maps.prediction_months[0]
        assert change.sum() == pytest.approx(gained, abs=rounded * float(maps.months[0].sum())), (event, row)


def test_no_network_is_compiled_for_its_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA would take minutes on a GPU, for each network of an ensemble."""
    compiled, predict = [], keras.Model.predict

    def watched(model: keras.Model, *given: object, **more: object) -> object:
        compiled.append(model.jit_compile)
        return predict(model, *given, **more)

    monkeypatch.setattr(keras.Model, "predict", watched)
    activation_maps(lively(PLAIN), *pictures(2))

    assert compiled == [False]
