"""EfficientNet-B0 (Tan and Le 2019), as Keras builds it, without what Keras puts before its stem (the colours' means) and without
stochastic depth, which only acts in training.

The first block of each stage changes size or channels; it stays. The block groups are the blocks after it, around an identity.
"""

from typing import NamedTuple

from models.families.family import Family, counted
from models.layers import Conv, Excite, Layers, Share, Sum


class Blocks(NamedTuple):
    """Stages 1 and 7 have their first block alone in the stock network."""

    stage1: int = 0
    stage2: int = 1
    stage3: int = 1
    stage4: int = 2
    stage5: int = 2
    stage6: int = 3
    stage7: int = 0

    def __str__(self) -> str:
        return counted(self)


def inverted(arriving: int, filters: int, kernel: int, stride: int = 1, expand: int = 6) -> Layers:
    """`arriving` channels, expanded, convolved each by itself, excited, and projected to `filters`."""
    widened = (Conv(arriving * expand, activation="silu"),) if expand > 1 else ()
    return (
        *widened,
        Conv(Share(1), kernel, kernel, stride=stride, kind="depthwise", activation="silu"),
        Excite(arriving // 4),
        Conv(filters, activation="none"),
    )


def repeated(filters: int, kernel: int, expand: int = 6) -> Layers:
    return (Sum((inverted(filters, filters, kernel, expand=expand), ())),)


def stem(pools: tuple[bool, bool]) -> Layers:
    return (Conv(32, 3, 3, stride=2, activation="silu"),)


EFFICIENTNET_B0 = Family(
    "efficientnet_b0",
    "EfficientNet-B0",
    "Tan and Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    Blocks(),
    stem,
    0,
    (
        ("first1", inverted(32, 16, 3, expand=1)),
        ("stage1", repeated(16, 3, expand=1)),
        ("first2", inverted(16, 24, 3, stride=2)),
        ("stage2", repeated(24, 3)),
        ("first3", inverted(24, 40, 5, stride=2)),
        ("stage3", repeated(40, 5)),
        ("first4", inverted(40, 80, 3, stride=2)),
        ("stage4", repeated(80, 3)),
        ("first5", inverted(80, 112, 5)),
        ("stage5", repeated(112, 5)),
        ("first6", inverted(112, 192, 5, stride=2)),
        ("stage6", repeated(192, 5)),
        ("first7", inverted(192, 320, 3)),
        ("stage7", repeated(320, 3)),
        ("top", (Conv(1280, activation="silu"),)),
    ),
    application="EfficientNetB0",
)
