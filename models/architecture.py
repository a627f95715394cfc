"""One architecture as one frozen, validated value.

A network is a family (`models/families`), a width, a repeat count per block group, a stem, and a head:

    `family`         the table of layers; InceptionV3 unless said otherwise
    β (`beta`)       every filter count of the stock network becomes int(filters · β)
    `blocks`         how often each block group is repeated; stock Keras InceptionV3 is 1/2/1/2/1/2
    n5, n7, n9       the paper's names for the counts of mixed5, mixed7 and mixed9
    `stem_pools`     which of the stem's two max-poolings are present; leaving one out changes no parameter, only map sizes
    `channel_multiple`  1 is that rule; 8, say, rounds every filter count to the nearest multiple of 8, which hardware likes better
    `group_betas`    some groups wider or narrower than the rest: their filters are those of β times this
    `input_px`       the resolution: a first layer shrinks the images to it, so that one store serves all resolutions
    `even_detail`    each film is softened to this share of fine detail, `even_tone` given the gamma of one grey: `models/training/alike.py`
    `se_ratio`       squeeze-and-excitation (Hu et al. 2018) after every block group that is there, the paper's soft attention
    head             GAP, dropout, concatenation with a fully connected layer on sex, optional fully connected layer, one output in months

What changes a map's size or channels for good (InceptionV3's mixed3 and mixed8) is no group: it occurs once, always.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from data.counted import counted
from data.ranges import Range, check, whole
from data.shown import shown
from models.families import FAMILIES
from models.families.family import MOST_REPEATS, Family
from models.families.inception_v3 import INCEPTION_V3
from models.families.inception_v3 import Blocks as Blocks


class ArchitectureError(ValueError):
    """An architecture that cannot exist; the message says what arrived and what would be valid."""


class TooNarrowError(ArchitectureError):
    """The width leaves a convolution without filters."""


STOCK = Blocks()
GROUPS: tuple[str, ...] = Blocks._fields
PAPER_GROUPS = ("mixed5", "mixed7", "mixed9")  # n5, n7, n9
REPEATS = whole(0, MOST_REPEATS)  # a typo such as mixed5=400 should not build a graph
UNITS = whole(0, 65_536)  # of a fully connected layer; 0 leaves it out
BETA = Range(1 / 32, 8)  # below 1/32 the stem's 32 filters would round to none
RANGES = {
    "beta": BETA,
    "sex_units": UNITS,
    "fc_units": UNITS,
    "dropout": Range(0, 1, below=True),
    "channel_multiple": whole(1, 64),  # the stem has 32 filters
    "se_ratio": Range(0, 1),
    "input_px": whole(0, 65_536),
    "even_detail": Range(0, 1, below=True),
    "even_tone": Range(0, 1, below=True),
}


@dataclass(frozen=True)
class Architecture:
    """Everything that decides the network's graph, and nothing that decides how it is trained."""

    beta: float = 1.0
    blocks: Any = STOCK  # the family's own Blocks, a count for each of its groups
    stem_pools: tuple[bool, bool] = (True, True)
    sex_units: int = 32  # width of the fully connected layer on sex; 0 leaves sex out altogether
    fc_units: int = 0  # width of the fully connected layer before the output; 0 is none
    dropout: float = 0.0  # rate on the GAP output
    channel_multiple: int = 1
    family: str = "inception_v3"
    se_ratio: float = 0.0  # of squeeze-and-excitation after every block group: units per channel; 0 is none
    group_betas: tuple[tuple[str, float], ...] = ()  # groups that are wider or narrower, each with the factor on β
    input_px: int = 0  # to which the network's front shrinks its images; 0: it sees them as they are
    even_detail: float = (
        0.0  # share of its contrast to which each film's fine detail is softened; 0: films stay as they are
    )
    even_tone: float = 0.0  # grey above which a fifth of each film is brought; 0: films stay as they are

    def __post_init__(self) -> None:
        check(self, RANGES, ArchitectureError)
        family = family_named(self.family)
        if not isinstance(self.blocks, type(family.blocks)):
            raise ArchitectureError(
                f"blocks of {family.name} must give a count for each of {', '.join(family.groups)}; got {shown(self.blocks)}"
            )
        for group, repeats in self.blocks._asdict().items():
            if repeats not in REPEATS:
                raise ArchitectureError(
                    f"{group} can be repeated {REPEATS.low} to {REPEATS.high} times, got {shown(repeats)}"
                )
        check_group_betas(self.group_betas, family)
        pools = self.stem_pools
        if not (isinstance(pools, tuple) and len(pools) == 2 and all(isinstance(pool, bool) for pool in pools)):
            raise ArchitectureError(f"stem_pools must be two values, each true or false; got {shown(pools)}")
        if not all(pools[family.stem_pools :]):
            raise ArchitectureError(
                f"only {counted(family.stem_pools, 'max-pooling')} in the stem of {family.name} can be left out; "
                f"got stem_pools {shown(pools)}"
            )

    def seen_px(self, image_px: int) -> int:
        """The side of what its stem sees. Raises ArchitectureError where that is larger than the images."""
        if self.input_px > image_px:
            raise ArchitectureError(
                f"input_px must be at most the side of the images, {image_px}; got {self.input_px}: lower it, or prepare larger "
                "images with --image-px"
            )
        return self.input_px or image_px

    @property
    def width(self) -> str:
        """β in words, how the filter counts are rounded where that is not the paper's way, what every group is followed by, and the resolution."""
        rounded = f", channels in multiples of {self.channel_multiple}" if self.channel_multiple > 1 else ""
        excited = f", squeeze-and-excitation {self.se_ratio:g}" if self.se_ratio else ""
        shrunk = f", at {self.input_px} px" if self.input_px else ""
        by_group = "".join(f", {group} × {factor:g}" for group, factor in self.group_betas)
        return f"β {self.beta:g}{by_group}{rounded}{excited}{shrunk}"

    @property
    def makes_alike(self) -> str:
        """What it does to every film before its first layer, in words; empty where it takes films as they are."""
        tone = (
            f"gives it the gamma at which a fifth of it is brighter than {self.even_tone:g}" if self.even_tone else ""
        )
        detail = (
            f"softens it until its fine detail is at most {self.even_detail:g} of its contrast"
            if self.even_detail
            else ""
        )
        return " and ".join(filter(None, (tone, detail)))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` is its inverse."""
        values = asdict(self) | {"blocks": self.blocks._asdict(), "stem_pools": list(self.stem_pools)}
        if self.channel_multiple == 1:
            # A run that was begun before there was a choice shall know its networks again.
            del values["channel_multiple"]
        if self.family == INCEPTION_V3.name:
            del values["family"]
        for name in ("se_ratio", "input_px", "group_betas", "even_detail", "even_tone"):
            if not values[name]:
                del values[name]
        if self.group_betas:
            values["group_betas"] = dict(self.group_betas)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        first, second = values["stem_pools"]
        blocks = family_named(values.get("family", INCEPTION_V3.name)).counts(values["blocks"])
        betas = tuple(values.get("group_betas", {}).items())
        return cls(**(values | {"blocks": blocks, "stem_pools": (bool(first), bool(second)), "group_betas": betas}))


def family_named(name: str) -> Family:
    if not isinstance(name, str) or name not in FAMILIES:
        raise ArchitectureError(f"a family is one of {', '.join(FAMILIES)}; got {shown(name)}")
    return FAMILIES[name]


def is_pairs(betas: Any) -> bool:
    """Names, each with something."""
    return isinstance(betas, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in betas
    )


def check_group_betas(betas: Any, family: Family) -> None:
    """Each group at most once, in the family's order, so that a network is written in one way."""
    if not is_pairs(betas) or not all(factor in BETA and factor != 1 for _, factor in betas):
        raise ArchitectureError(
            f"group_betas are pairs of a group and a factor other than 1, {BETA}; got {shown(betas)}"
        )
    groups = [group for group, _ in betas]
    if groups != [group for group in family.groups if group in groups]:
        raise ArchitectureError(
            f"group_betas name groups of {family.name}, {', '.join(family.groups)}, each once and in this order; got {shown(groups)}"
        )


def changed(architecture: Architecture, fields: Mapping[str, Any]) -> Architecture:
    """The architecture with these fields set. `blocks` may be `Counts`: groups not named are the family's stock.

    Of another family the blocks are stock, where none are given, and of the stem's poolings those stay out that it has too.
    """
    family = family_named(fields.get("family", architecture.family))
    own = dict(fields)
    if family.name != architecture.family:
        pools = architecture.stem_pools
        shared = {"stem_pools": tuple(pool or place >= family.stem_pools for place, pool in enumerate(pools))}
        own = {"blocks": family.blocks, "group_betas": ()} | shared | own
    if isinstance(own.get("blocks"), Counts):
        own["blocks"] = of_groups(family, own["blocks"])
    if is_pairs(own.get("group_betas")):
        places = {group: place for place, group in enumerate(family.groups)}
        wanted = [(group, factor) for group, factor in own["group_betas"] if factor != 1]
        own["group_betas"] = tuple(sorted(wanted, key=lambda pair: places.get(pair[0], -1)))
    return replace(architecture, **own)


class Counts(dict[str, int]):
    """Repeats by group as they were written; whose groups they are is said elsewhere."""


def of_groups(family: Family, counts: Counts) -> Any:
    """The family's blocks with these counts; groups not named stay stock."""
    if unknown := [group for group in counts if group not in family.groups]:
        raise ArchitectureError(f"blocks are written {forms(family)}; got {shown(', '.join(unknown))}")
    return family.counts(counts)


def forms(family: Family) -> str:
    if family is INCEPTION_V3:
        return f"n5/n7/n9, for example 4/3/3, or by group, for example mixed0=1,mixed5=4; the groups are {', '.join(GROUPS)}"
    return f"by group, for example {family.groups[0]}=1; the groups of {family.name} are {', '.join(family.groups)}"


BLOCKS_FORMS = f"{forms(INCEPTION_V3)}, or those of another --family"


def parse_counts(text: str) -> Counts:
    """`4/3/3` is the paper's n5/n7/n9; `mixed0=1,mixed5=4` names groups."""
    parts = text.split("/") if "/" in text else text.split(",")
    if "/" in text:
        pairs = list(zip(PAPER_GROUPS, parts, strict=False)) if len(parts) == len(PAPER_GROUPS) else []
    else:
        pairs = [(name.strip(), count) for name, _, count in (part.partition("=") for part in parts)]
    readable = all(name.isidentifier() and repeats.strip().isdecimal() for name, repeats in pairs)
    if not pairs or not readable or len(dict(pairs)) < len(pairs):
        raise ArchitectureError(f"blocks are written {BLOCKS_FORMS}; got {shown(text)}")
    if too_many := [f"{name}={repeats}" for name, repeats in pairs if int(repeats) not in REPEATS]:
        raise ArchitectureError(
            f"a group can be repeated {REPEATS.low} to {REPEATS.high} times; got {shown(','.join(too_many))}"
        )
    return Counts({name: int(repeats) for name, repeats in pairs})
