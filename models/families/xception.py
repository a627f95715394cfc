"""Xception (Chollet 2017), as Keras builds it: entry flow, middle flow × 8, exit flow."""

from typing import NamedTuple

from models.families.family import Family, counted
from models.layers import Act, Conv, Layers, Pool, Sum


class Blocks(NamedTuple):
    middle: int = 8  # 19×19×728 at 300 px: three separable convolutions around an identity
    exit: int = 1  # 10×10: the last two separable convolutions, 1536 and 2048 wide

    def __str__(self) -> str:
        return counted(self)


def separable(filters: int, *, activated: bool = False) -> Conv:
    return Conv(filters, 3, 3, kind="separable", activation="relu" if activated else "none")


def halving(first: int, second: int, *, activation_first: bool = True) -> Layers:
    """Two separable convolutions and a pooling beside a strided 1×1 convolution: half the size."""
    return (
        Sum(
            (
                (
                    *((Act(),) if activation_first else ()),
                    separable(first),
                    Act(),
                    separable(second),
                    Pool(stride=2),
                ),
                (Conv(second, stride=2, activation="none"),),
            )
        ),
    )


MIDDLE: Layers = (Sum(((Act(), separable(728), Act(), separable(728), Act(), separable(728)), ())),)


def stem(pools: tuple[bool, bool]) -> Layers:
    return (Conv(32, 3, 3, stride=2, same=False), Conv(64, 3, 3, same=False))


XCEPTION = Family(
    "xception",
    "Xception",
    "Chollet 2017, Xception: Deep Learning with Depthwise Separable Convolutions",
    Blocks(),
    stem,
    0,
    (
        ("entry2", halving(128, 128, activation_first=False)),
        ("entry3", halving(256, 256)),
        ("entry4", halving(728, 728)),
        ("middle", MIDDLE),
        ("reduction", halving(728, 1024)),
        ("exit", (separable(1536, activated=True), separable(2048, activated=True))),
    ),
    steps={"middle": 2},
    application="Xception",
)
