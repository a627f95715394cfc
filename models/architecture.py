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
MAX_MULTIPLE = 64  # of channels; the stem has 32 filters
MAX_REPEATS = 32  # far beyond any cap; a typo such as mixed5=400 should not build a graph


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
        if not 1 / 32 <= self.beta <= 8:  # below 1/32 the stem's 32 filters would round to none
            raise ArchitectureError(f"beta must be between 0.03125 and 8, got {self.beta:g}")
        for group, count in self.blocks._asdict().items():
            if not 0 <= count <= MAX_REPEATS:
                raise ArchitectureError(f"{group} can be repeated 0 to {MAX_REPEATS} times, got {count}")
        if self.sex_units < 0 or self.fc_units < 0:
            raise ArchitectureError(
                f"sex_units and fc_units are widths, 0 for none; got {self.sex_units} and {self.fc_units}"
            )
        if not 0 <= self.dropout < 1:
            raise ArchitectureError(f"dropout is a rate from 0 to below 1, got {self.dropout:g}")
        if not 1 <= self.channel_multiple <= MAX_MULTIPLE:
            raise ArchitectureError(f"channel_multiple must be 1 to {MAX_MULTIPLE}, got {self.channel_multiple}")

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


def parse_blocks(text: str) -> Blocks:
    """`4/3/3` is the paper's n5/n7/n9; `mixed0=1,mixed5=4` names any group; groups not named stay stock."""
    parts = text.split("/") if "/" in text else text.split(",")
    if "/" in text:
        pairs = list(zip(PAPER_GROUPS, parts, strict=False)) if len(parts) == len(PAPER_GROUPS) else []
    else:
        pairs = [(name.strip(), count) for name, _, count in (part.partition("=") for part in parts)]
    unknown = [name for name, _ in pairs if name not in GROUPS]
    if not pairs or unknown or not all(count.strip().isdecimal() for _, count in pairs):
        raise ArchitectureError(
            f"blocks are written n5/n7/n9, as 4/3/3, or by group, as mixed0=1,mixed5=4, with groups {', '.join(GROUPS)}; got {text!r}"
        )
    return Blocks(**{name: int(count) for name, count in pairs})
