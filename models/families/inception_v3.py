"""InceptionV3 (Szegedy et al. 2015), as Keras builds it. Sizes in comments are those at 300 px with the stock stem."""

from typing import NamedTuple

from models.families.family import Family, counted
from models.layers import Branches, Conv, Layers, Pool


class Blocks(NamedTuple):
    """Repeat count per block group, in network order; the default is stock InceptionV3, 0 removes the group."""

    mixed0: int = 1  # 35×35 at 300 px, pool branch 32 wide
    mixed1: int = 2  # 35×35, pool branch 64 wide; Keras calls them mixed1 and mixed2
    mixed4: int = 1  # 17×17, 7×1/1×7 convolutions 128 wide
    mixed5: int = 2  # 17×17, 160 wide; Keras: mixed5 and mixed6; the paper's n.Mixed5
    mixed7: int = 1  # 17×17, 192 wide; the paper's n.Mixed7
    mixed9: int = 2  # 8×8, expanded; Keras: mixed9 and mixed10; the paper's n.Mixed9

    def __str__(self) -> str:
        return counted(self)


STEM_POOL = Pool(stride=2, same=False)


def stem(pools: tuple[bool, bool]) -> Layers:
    first, second = ((STEM_POOL,) if present else () for present in pools)
    return (
        Conv(32, 3, 3, stride=2, same=False),  # 149
        Conv(32, 3, 3, same=False),  # 147
        Conv(64, 3, 3),  # 147
        *first,  # 73
        Conv(80, same=False),  # 73
        Conv(192, 3, 3, same=False),  # 71
        *second,  # 35
    )


def grid_35(pool_filters: int) -> Layers:
    """35×35×(224 + pool_filters)."""
    return (
        Branches(
            (
                (Conv(64),),
                (Conv(48), Conv(64, 5, 5)),
                (Conv(64), Conv(96, 3, 3), Conv(96, 3, 3)),
                (Pool(average=True), Conv(pool_filters)),
            )
        ),
    )


def grid_17(inner: int) -> Layers:
    """17×17×768, with the 7×7 convolutions factorised into 1×7 and 7×1."""
    return (
        Branches(
            (
                (Conv(192),),
                (Conv(inner), Conv(inner, 1, 7), Conv(192, 7, 1)),
                (Conv(inner), Conv(inner, 7, 1), Conv(inner, 1, 7), Conv(inner, 7, 1), Conv(192, 1, 7)),
                (Pool(average=True), Conv(192)),
            )
        ),
    )


SPREAD = Branches(((Conv(384, 1, 3),), (Conv(384, 3, 1),)))

GRID_8: Layers = (  # 8×8×2048
    Branches(
        (
            (Conv(320),),
            (Conv(384), SPREAD),
            (Conv(448), Conv(384, 3, 3), SPREAD),
            (Pool(average=True), Conv(192)),
        )
    ),
)

REDUCE_TO_17: Layers = (  # 17×17×(480 + input)
    Branches(
        (
            (Conv(384, 3, 3, stride=2, same=False),),
            (Conv(64), Conv(96, 3, 3), Conv(96, 3, 3, stride=2, same=False)),
            (Pool(stride=2, same=False),),
        )
    ),
)

REDUCE_TO_8: Layers = (  # 8×8×(512 + input)
    Branches(
        (
            (Conv(192), Conv(320, 3, 3, stride=2, same=False)),
            (Conv(192), Conv(192, 1, 7), Conv(192, 7, 1), Conv(192, 3, 3, stride=2, same=False)),
            (Pool(stride=2, same=False),),
        )
    ),
)

BODY: tuple[tuple[str, Layers], ...] = (
    ("mixed0", grid_35(32)),
    ("mixed1", grid_35(64)),
    ("mixed3", REDUCE_TO_17),
    ("mixed4", grid_17(128)),
    ("mixed5", grid_17(160)),
    ("mixed7", grid_17(192)),
    ("mixed8", REDUCE_TO_8),
    ("mixed9", GRID_8),
)


INCEPTION_V3 = Family(
    "inception_v3",
    "InceptionV3",
    "Szegedy et al. 2015, Rethinking the Inception Architecture for Computer Vision",
    Blocks(),
    stem,
    2,
    BODY,
    norm_scale=False,
    application="InceptionV3",
)
