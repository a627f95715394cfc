"""ResNet-50 (He et al. 2016), as Keras builds it.

The first bottleneck of each stage changes size and channels; it stays. The block groups are the bottlenecks after it, around an
identity: 2, 3, 5 and 2 of the 3, 4, 6 and 3 that the paper counts.
"""

from typing import NamedTuple

from models.families.family import Family, counted
from models.layers import Conv, Layers, Pool, Sum


class Blocks(NamedTuple):
    stage2: int = 2
    stage3: int = 3
    stage4: int = 5
    stage5: int = 2

    def __str__(self) -> str:
        return counted(self)


def bottleneck(filters: int, stride: int = 1) -> Layers:
    return (
        Conv(filters, stride=stride, bias=True),
        Conv(filters, 3, 3, bias=True),
        Conv(4 * filters, activation="none", bias=True),
    )


def first(filters: int, stride: int) -> Layers:
    shortcut = Conv(4 * filters, stride=stride, activation="none", bias=True)
    return (Sum(((shortcut,), bottleneck(filters, stride)), activation="relu"),)


def repeated(filters: int) -> Layers:
    return (Sum(((), bottleneck(filters)), activation="relu"),)


def stem(pools: tuple[bool, bool]) -> Layers:
    pooled = (Pool(stride=2, same=False, pad=1),) if pools[0] else ()
    return (Conv(64, 7, 7, stride=2, same=False, pad=3, bias=True), *pooled)


RESNET50 = Family(
    "resnet50",
    "ResNet-50",
    "He et al. 2016, Deep Residual Learning for Image Recognition",
    Blocks(),
    stem,
    1,
    (
        ("first2", first(64, 1)),
        ("stage2", repeated(64)),
        ("first3", first(128, 2)),
        ("stage3", repeated(128)),
        ("first4", first(256, 2)),
        ("stage4", repeated(256)),
        ("first5", first(512, 2)),
        ("stage5", repeated(512)),
    ),
    norm_epsilon=1.001e-5,
    application="ResNet50",
)
