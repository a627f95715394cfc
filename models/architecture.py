"""One architecture as one frozen, validated value.

An InceptionV3 variant is a width, a repeat count per block group, a stem, and a head:

    β (`beta`)       every filter count of the stock network becomes int(filters · β)
    `blocks`         how often each block group is repeated; stock Keras InceptionV3 is 1/2/1/2/1/2
    n5, n7, n9       the paper's names for the counts of mixed5, mixed7 and mixed9
    `stem_pools`     which of the stem's two max-poolings are present; leaving one out changes no parameter, only map sizes
    `channel_multiple`  1 is that rule; 8, say, rounds every filter count to the nearest multiple of 8, which hardware likes better
    head             GAP, dropout, concatenation with a fully connected layer on sex, optional fully connected layer, one output in months

The grid reductions mixed3 and mixed8 are not groups: they occur once each, always.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

from data.ranges import Range, check, whole
from data.shown import shown


class ArchitectureError(ValueError):
    """An architecture that cannot exist; the message says what arrived and what would be valid."""


class Blocks(NamedTuple):
    """Repeat count per block group, in network order; the default is stock InceptionV3, 0 removes the group."""

    mixed0: int = 1  # 35×35 at 300 px, pool branch 32 wide
    mixed1: int = 2  # 35×35, pool branch 64 wide; Keras calls them mixed1 and mixed2
    mixed4: int = 1  # 17×17, 7×1/1×7 convolutions 128 wide
    mixed5: int = 2  # 17×17, 160 wide; Keras: mixed5 and mixed6; the paper's n.Mixed5
    mixed7: int = 1  # 17×17, 192 wide; the paper's n.Mixed7
    mixed9: int = 2  # 8×8, expanded; Keras: mixed9 and mixed10; the paper's n.Mixed9

    def __str__(self) -> str:
        return ",".join(f"{group}={count}" for group, count in self._asdict().items())


STOCK = Blocks()
GROUPS: tuple[str, ...] = Blocks._fields
PAPER_GROUPS = ("mixed5", "mixed7", "mixed9")  # n5, n7, n9
REPEATS = whole(0, 32)  # far beyond any cap; a typo such as mixed5=400 should not build a graph
UNITS = whole(0, 65_536)  # of a fully connected layer; 0 leaves it out
BETA = Range(1 / 32, 8)  # below 1/32 the stem's 32 filters would round to none
RANGES = {
    "beta": BETA,
    "sex_units": UNITS,
    "fc_units": UNITS,
    "dropout": Range(0, 1, below=True),
    "channel_multiple": whole(1, 64),  # the stem has 32 filters
}


@dataclass(frozen=True)
class Architecture:
    """Everything that decides the network's graph, and nothing that decides how it is trained."""

    beta: float = 1.0
    blocks: Blocks = STOCK
    stem_pools: tuple[bool, bool] = (True, True)
    sex_units: int = 32  # width of the fully connected layer on sex; 0 leaves sex out altogether
    fc_units: int = 0  # width of the fully connected layer before the output; 0 is none
    dropout: float = 0.0  # rate on the GAP output
    channel_multiple: int = 1

    def __post_init__(self) -> None:
        check(self, RANGES, ArchitectureError)
        if not isinstance(self.blocks, Blocks):
            raise ArchitectureError(f"blocks are a count for each of {', '.join(GROUPS)}; got {shown(self.blocks)}")
        for group, repeats in self.blocks._asdict().items():
            if repeats not in REPEATS:
                raise ArchitectureError(
                    f"{group} can be repeated {REPEATS.low} to {REPEATS.high} times, got {shown(repeats)}"
                )
        pools = self.stem_pools
        if not (isinstance(pools, tuple) and len(pools) == 2 and all(isinstance(pool, bool) for pool in pools)):
            raise ArchitectureError(f"stem_pools are two, each true or false; got {shown(pools)}")

    @property
    def width(self) -> str:
        """β in words, and how the filter counts are rounded where that is not the paper's way."""
        rounded = f", channels in multiples of {self.channel_multiple}" if self.channel_multiple > 1 else ""
        return f"β {self.beta:g}{rounded}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` is its inverse."""
        values = asdict(self) | {"blocks": self.blocks._asdict(), "stem_pools": list(self.stem_pools)}
        if self.channel_multiple == 1:
            # A run that was begun before there was a choice shall know its networks again.
            del values["channel_multiple"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        first, second = values["stem_pools"]
        return cls(**(values | {"blocks": Blocks(**values["blocks"]), "stem_pools": (bool(first), bool(second))}))


BLOCKS_FORMS = f"n5/n7/n9, as 4/3/3, or by group, as mixed0=1,mixed5=4, with groups {', '.join(GROUPS)}"


def parse_blocks(text: str) -> Blocks:
    """`4/3/3` is the paper's n5/n7/n9; `mixed0=1,mixed5=4` names any group; groups not named stay stock."""
    parts = text.split("/") if "/" in text else text.split(",")
    if "/" in text:
        pairs = list(zip(PAPER_GROUPS, parts, strict=False)) if len(parts) == len(PAPER_GROUPS) else []
    else:
        pairs = [(name.strip(), count) for name, _, count in (part.partition("=") for part in parts)]
    named = dict(pairs)
    readable = all(name in GROUPS and repeats.strip().isdecimal() for name, repeats in pairs)
    if not pairs or not readable or len(named) < len(pairs):
        raise ArchitectureError(f"blocks are written {BLOCKS_FORMS}; got {shown(text)}")
    if too_many := [f"{name}={repeats}" for name, repeats in pairs if int(repeats) not in REPEATS]:
        raise ArchitectureError(
            f"a group can be repeated {REPEATS.low} to {REPEATS.high} times; got {shown(','.join(too_many))}"
        )
    return Blocks(**{name: int(repeats) for name, repeats in pairs})
