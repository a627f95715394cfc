"""Each family's table against Keras' own network: parameters, MACs, and outputs with Keras' weights copied over."""

import json
import time
from typing import Any

from models.backend import keras

import numpy as np
import pytest

from models.architecture import Architecture, ArchitectureError
from models.cells import Cells, cells, placed
from models.cost import cost
from models.families import FAMILIES
from models.layers import Act, Branches, Conv, Excite, Layers, Pool, Sum
from models.network import build, trunk
from models.stages import stages
from search.cli import main

PX = 96
CLASSES = 10  # the head is not the family's; a thousand classes show nothing more
OF_COLOURS = {"efficientnet_b0": 3 + 3 + 1}  # means, variances and a count that Keras keeps before the stem
each_family = pytest.mark.parametrize("name", list(FAMILIES))
of_keras = pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.application])


def stock(name: str) -> Architecture:
    return Architecture(family=name, blocks=FAMILIES[name].blocks, sex_units=0)


def ours(name: str) -> Any:
    image = keras.Input((PX, PX, 3))
    x = image / 255.0 if name == "efficientnet_b0" else image  # as Keras' own does before the stem
    x = keras.layers.GlobalAveragePooling2D()(trunk(x, stock(name), 0.99, keras.layers.BatchNormalization))
    return keras.Model(image, keras.layers.Dense(CLASSES, activation="softmax")(x))


def theirs(name: str) -> Any:
    network = getattr(keras.applications, FAMILIES[name].application)(
        weights=None, input_shape=(PX, PX, 3), classes=CLASSES
    )
    shuffled = np.random.default_rng(0)
    for layer in network.layers:  # statistics as after training, so that every BatchNorm does something
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([shuffled.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return network


def weights_of(network: Any) -> list[np.ndarray]:
    kept = [layer for layer in network.layers if not isinstance(layer, keras.layers.Normalization)]
    return [weight for layer in kept for weight in layer.get_weights()]


@pytest.mark.slow
@of_keras
def test_with_keras_weights_a_family_answers_as_keras_does(name: str) -> None:
    keras.utils.set_random_seed(1)
    own, reference = ours(name), theirs(name)
    images = np.random.default_rng(2).uniform(0, 1, (2, PX, PX, 3)).astype(np.float32)

    assert [w.shape for w in weights_of(own)] == [w.shape for w in weights_of(reference)]
    own.set_weights(weights_of(reference))

    # Both compute the same sums, in an order that the processor chooses; the last layer's float32 holds seven digits of each.
    np.testing.assert_allclose(
        own.predict(images, verbose=0), reference.predict(images, verbose=0), rtol=1e-3, atol=1e-6
    )


# Of keras.applications with weights for ImageNet, as its documentation counts them: three colours, a thousand classes.
DOCUMENTED = {
    "inception_v3": 23_851_784,
    "xception": 22_910_480,
    "densenet121": 8_062_504,
    "inception_resnet_v2": 55_873_736,
    "resnet50": 25_636_712,
    "efficientnet_b0": 5_330_571,
}


@of_keras
def test_parameters_are_those_that_keras_documents(name: str) -> None:
    assert name in DOCUMENTED, f"write down in DOCUMENTED how many Keras' documentation counts for {name}"
    counted = cost(stock(name), 300)
    first = FAMILIES[name].stem((True, True))[0]
    assert isinstance(first, Conv)
    assert isinstance(first.filters, int)
    colours = first.height * first.width * first.filters * 2  # of three, a radiograph has one
    head = 999 * (counted.gap_channels + 1)

    assert counted.params + colours + head + OF_COLOURS.get(name, 0) == DOCUMENTED[name]


def macs_of(network: Any) -> int:
    """Of the layers of a built Keras network: weights of each kernel times the places where it is applied."""
    total = 0
    for layer in network.layers:
        match layer:
            case keras.layers.SeparableConv2D() | keras.layers.DepthwiseConv2D() | keras.layers.Conv2D():
                kernels = [w for w in layer.get_weights() if w.ndim == 4]
                places = int(np.prod(layer.output.shape[1:3]))
                total += places * sum(w.size for w in kernels)
            case keras.layers.Dense():
                total += layer.get_weights()[0].size
    return total


@pytest.mark.slow
@each_family
def test_the_arithmetic_is_that_of_the_network_which_is_built(name: str) -> None:
    architecture = Architecture(beta=0.5, family=name, blocks=FAMILIES[name].blocks, fc_units=16, dropout=0.3)
    network, counted = build(architecture, PX), cost(architecture, PX)

    assert network.count_params() == counted.params
    assert sum(int(np.prod(w.shape)) for w in network.trainable_weights) == counted.trainable_params
    assert macs_of(network) == counted.macs
    assert network.get_layer("gap").output.shape[-1] == counted.gap_channels


@pytest.mark.slow
@each_family
def test_without_its_blocks_or_with_one_more_of_each_a_network_still_stands(name: str) -> None:
    stock_counts = FAMILIES[name].blocks
    for blocks in (
        stock_counts._replace(**dict.fromkeys(stock_counts._fields, 0)),
        stock_counts._make(n + 1 for n in stock_counts),
    ):
        architecture = Architecture(beta=0.25, family=name, blocks=blocks)
        assert build(architecture, PX).count_params() == cost(architecture, PX).params


@each_family
def test_an_architecture_comes_back_from_its_plain_values(name: str) -> None:
    architecture = Architecture(beta=0.5, family=name, blocks=FAMILIES[name].blocks)

    assert Architecture.from_dict(architecture.to_dict()) == architecture
    assert ("family" in architecture.to_dict()) == (name != "inception_v3")  # old fingerprints stay


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("same", "pad"), [(True, 0), (False, 0), (False, 1), (False, 3)])
@pytest.mark.parametrize("across", [11, 12, 13])
def test_a_window_is_placed_where_keras_puts_it(kernel: int, stride: int, same: bool, pad: int, across: int) -> None:
    """A mean over a window of the picture whose values are their own places is the window's centre, wherever no zero is in it."""
    ramp = np.arange(across, dtype=np.float32)[np.newaxis, :, np.newaxis]
    padded = np.pad(ramp, ((0, 0), (pad, pad), (0, 0)))
    mean = keras.ops.conv(
        padded, np.full((kernel, 1, 1), 1 / kernel, np.float32), stride, "same" if same else "valid"
    ).numpy()[0, :, 0]
    where = placed(Cells(0.0, 1, across), kernel, stride, same, pad)
    centres = where.first_px + stride * np.arange(where.across)
    inside = (centres - (kernel - 1) / 2 >= 0) & (centres + (kernel - 1) / 2 <= across - 1)

    assert where.across == len(mean)
    assert inside.any()
    np.testing.assert_allclose(mean[inside], centres[inside], rtol=1e-5)


@pytest.mark.slow
@each_family
def test_as_many_cells_are_placed_as_the_last_map_has(name: str) -> None:
    for px in (96, 101):
        assert cells(stock(name), px).across == build(stock(name), px).get_layer("gap").input.shape[1]


def convolutions(layers: Layers) -> list[Conv]:
    found: list[Conv] = []
    for layer in layers:
        match layer:
            case Conv():
                found.append(layer)
            case Branches() | Sum():
                found += [conv for branch in layer.branches for conv in convolutions(branch)]
            case Pool() | Act() | Excite():
                pass
    return found


@each_family
def test_a_width_leaves_every_convolution_a_filter_or_is_refused(name: str) -> None:
    family = FAMILIES[name]
    narrowest = min(
        conv.filters
        for layers in (family.stem((True, True)), *(layers for _, layers in family.body))
        for conv in convolutions(layers)
        if isinstance(conv.filters, int)
    )
    for beta in (1 / 32, 1 / 16, 1 / 8, 0.3):
        architecture = Architecture(beta=beta, family=name, blocks=family.blocks)
        if int(narrowest * beta):
            assert stages(architecture)
        else:
            with pytest.raises(ArchitectureError, match="use a larger β"):
                stages(architecture)


@each_family
def test_blocks_of_another_family_are_refused(name: str) -> None:
    others = [family.blocks for family in FAMILIES.values() if family.name != name]
    for blocks in others:
        with pytest.raises(ArchitectureError, match=name):
            Architecture(family=name, blocks=blocks)


def test_an_unknown_family_is_refused_and_all_are_named() -> None:
    with pytest.raises(ArchitectureError, match=r"one of inception_v3, xception.*got 'vgg'"):
        Architecture(family="vgg")


@each_family
def test_poolings_that_a_stem_has_not_cannot_be_left_out(name: str) -> None:
    family = FAMILIES[name]
    for pools in ((False, True), (True, False), (False, False)):
        if all(pools[family.stem_pools :]):
            assert cost(Architecture(family=name, blocks=family.blocks, stem_pools=pools), 128).params
        else:
            with pytest.raises(ArchitectureError, match="can be left out"):
                Architecture(family=name, blocks=family.blocks, stem_pools=pools)


@each_family
def test_counting_takes_milliseconds(name: str) -> None:
    """A proposal over the cap costs this, a network that is built costs seconds."""
    cost(stock(name), 300)
    begun = time.process_time()
    for _ in range(20):
        cost(stock(name), 300)
    assert (time.process_time() - begun) / 20 < 0.02


@each_family
def test_count_counts_every_family(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    group, repeats = FAMILIES[name].groups[0], FAMILIES[name].blocks[0] + 1
    assert main(["count", "--family", name, "--blocks", f"{group}={repeats}", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)

    wanted = cost(Architecture(family=name, blocks=FAMILIES[name].counts({group: repeats})), 300)
    assert (counted["params"], counted["macs"]) == (wanted.params, wanted.macs)


def test_blocks_that_a_family_has_not_are_refused_and_its_own_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "--family", "xception", "--blocks", "mixed5=4"]) == 2
    assert "the groups of xception are middle, exit" in capsys.readouterr().err
