"""DenseNet-121 (Huang et al. 2017), as Keras builds it: every layer of a dense block reads all before it."""

from typing import NamedTuple

from models.families.family import Family, counted
from models.layers import Act, Branches, Conv, Layers, Pool, Share

GROWTH = 32  # channels that each layer adds


class Blocks(NamedTuple):
    """Layers of each dense block."""

    dense1: int = 6
    dense2: int = 12
    dense3: int = 24
    dense4: int = 16

    def __str__(self) -> str:
        return counted(self)


DENSE: Layers = (Branches(((), (Conv(4 * GROWTH, norm="before"), Conv(GROWTH, 3, 3, norm="before")))),)
TRANSITION: Layers = (Conv(Share(0.5), norm="before"), Pool(average=True, stride=2, same=False, kernel=2))


def stem(pools: tuple[bool, bool]) -> Layers:
    pooled = (Pool(stride=2, same=False, pad=1),) if pools[0] else ()
    return (Conv(64, 7, 7, stride=2, same=False, pad=3), *pooled)


DENSENET121 = Family(
    "densenet121",
    "DenseNet-121",
    "Huang et al. 2017, Densely Connected Convolutional Networks",
    Blocks(),
    stem,
    1,
    (
        ("dense1", DENSE),
        ("transition1", TRANSITION),
        ("dense2", DENSE),
        ("transition2", TRANSITION),
        ("dense3", DENSE),
        ("transition3", TRANSITION),
        ("dense4", DENSE),
        ("final", (Act(norm=True),)),
    ),
    steps={"dense1": 2, "dense2": 4, "dense3": 8, "dense4": 4},
    norm_epsilon=1.001e-5,
    application="DenseNet121",
)
