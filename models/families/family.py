"""What a family of networks is: a table of layers, and which of its blocks are repeated how often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from models.layers import Layers


def counted(blocks: NamedTuple) -> str:
    """mixed0=1,mixed1=2, as `--blocks` takes it."""
    return ",".join(f"{group}={count}" for group, count in blocks._asdict().items())


MOST_REPEATS = 64  # of one group; DenseNet-201 has 48


@dataclass(frozen=True)
class Family:
    """`body` names every part from stem to GAP in order. A part whose name is a field of `blocks` is a block group: it is repeated
    as often as the architecture says, 0 times included. All others occur once, always."""

    name: str  # as `--family` takes it
    title: str  # as people write it
    source: str  # the paper, and the layer tables' origin
    blocks: NamedTuple  # the stock counts, a field for each block group in network order
    stem: Callable[[tuple[bool, bool]], Layers]  # told which of its max-poolings are present
    stem_pools: int  # how many of those there are: 0 to 2
    body: tuple[tuple[str, Layers], ...]
    last: Mapping[str, Layers] = field(default_factory=dict)  # layers of a group's last repeat, where they differ
    steps: Mapping[str, int] = field(default_factory=dict)  # repeats that a study adds or takes away at once; else 1
    norm_scale: bool = True  # whether BatchNorm has a trained scale beside its offset
    norm_epsilon: float = 1e-3
    application: str = (
        ""  # the same network in keras.applications, whose weights it may start from; empty: there is none
    )

    @property
    def groups(self) -> tuple[str, ...]:
        return self.blocks._fields

    def step(self, group: str) -> int:
        """How many repeats a study adds or takes away at once."""
        return self.steps.get(group, 1)

    def lowered(self, group: str, count: int) -> tuple[int, ...]:
        """The counts below this one, a step at a time, down to none."""
        return tuple(dict.fromkeys([*range(count - self.step(group), 0, -self.step(group)), *([0] if count else [])]))

    def stepped(self, group: str, around: int, low: int, high: int) -> tuple[int, ...]:
        """The counts from `low` to `high` that are whole steps from `around`; none of the group too, where `low` is none."""
        counts = range(around % self.step(group), min(high, MOST_REPEATS) + 1, self.step(group))
        return tuple(sorted({*([] if low else [0]), *(count for count in counts if count >= low)}))

    def counts(self, counts: Mapping[str, int]) -> NamedTuple:
        """Its blocks with these counts; groups not named stay stock. Raises TypeError where a name is no group."""
        make: Callable[..., NamedTuple] = type(self.blocks)
        return make(**counts)
