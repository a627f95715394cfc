"""Inception-ResNet-v2 (Szegedy et al. 2017), as Keras builds it: inception blocks whose output is added, made small, to their input."""

from typing import NamedTuple

from models.families.family import Family, counted
from models.families.inception_v3 import stem
from models.layers import Activation, Branches, Conv, Layers, OfSum, Pool, Sum


class Blocks(NamedTuple):
    block35: int = 10  # 35×35 at 300 px
    block17: int = 20
    block8: int = 10  # the last is added in full and has no activation

    def __str__(self) -> str:
        return counted(self)


def residual(branches: tuple[Layers, ...], scale: float, activation: Activation = "relu") -> Layers:
    up = Conv(OfSum(), norm="none", activation="none", bias=True)
    return (Sum(((), (Branches(branches), up)), scale, activation),)


BRANCHES_35: tuple[Layers, ...] = (
    (Conv(32),),
    (Conv(32), Conv(32, 3, 3)),
    (Conv(32), Conv(48, 3, 3), Conv(64, 3, 3)),
)
BRANCHES_17: tuple[Layers, ...] = ((Conv(192),), (Conv(128), Conv(160, 1, 7), Conv(192, 7, 1)))
BRANCHES_8: tuple[Layers, ...] = ((Conv(192),), (Conv(192), Conv(224, 1, 3), Conv(256, 3, 1)))

MIXED_5B: Layers = (
    Branches(
        (
            (Conv(96),),
            (Conv(48), Conv(64, 5, 5)),
            (Conv(64), Conv(96, 3, 3), Conv(96, 3, 3)),
            (Pool(average=True), Conv(64)),
        )
    ),
)
REDUCE_TO_17: Layers = (
    Branches(
        (
            (Conv(384, 3, 3, stride=2, same=False),),
            (Conv(256), Conv(256, 3, 3), Conv(384, 3, 3, stride=2, same=False)),
            (Pool(stride=2, same=False),),
        )
    ),
)
REDUCE_TO_8: Layers = (
    Branches(
        (
            (Conv(256), Conv(384, 3, 3, stride=2, same=False)),
            (Conv(256), Conv(288, 3, 3, stride=2, same=False)),
            (Conv(256), Conv(288, 3, 3), Conv(320, 3, 3, stride=2, same=False)),
            (Pool(stride=2, same=False),),
        )
    ),
)

INCEPTION_RESNET_V2 = Family(
    "inception_resnet_v2",
    "Inception-ResNet-v2",
    "Szegedy et al. 2017, Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    Blocks(),
    stem,
    2,
    (
        ("mixed5b", MIXED_5B),
        ("block35", residual(BRANCHES_35, 0.17)),
        ("mixed6a", REDUCE_TO_17),
        ("block17", residual(BRANCHES_17, 0.1)),
        ("mixed7a", REDUCE_TO_8),
        ("block8", residual(BRANCHES_8, 0.2)),
        ("conv7b", (Conv(1536),)),
    ),
    last={"block8": residual(BRANCHES_8, 1.0, "none")},
    steps={"block35": 2, "block17": 4, "block8": 2},
    norm_scale=False,
    application="InceptionResNetV2",
)
