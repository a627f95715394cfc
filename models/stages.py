"""The stages of one architecture: its family's table with the blocks repeated and every filter count multiplied by β."""

from dataclasses import dataclass
from functools import lru_cache

from models.architecture import Architecture, TooNarrowError, family_named
from models.layers import Branches, Conv, Excite, Layer, Layers, Share, Sum, scaled


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a family at one width. Made once for each width, so what is known of it can be kept under the part itself."""

    layers: Layers
    norm_scale: bool  # of the family


@dataclass(frozen=True)
class Stage:
    """`name` is unique in the network; `group` says whose cost it is (a block group, the stem, or a part that stays)."""

    name: str
    group: str
    part: Part

    @property
    def layers(self) -> Layers:
        return self.part.layers


def stages(architecture: Architecture) -> tuple[Stage, ...]:
    """In order, from stem to GAP. Raises TooNarrowError where the width leaves a convolution without filters."""
    counts, family = architecture.blocks._asdict(), architecture.family
    width = architecture.beta, architecture.channel_multiple
    found = [Stage("stem", "stem", stem(family, architecture.stem_pools, *width))]
    for group, part, last in body(family, *width):
        if group not in counts:
            found.append(Stage(group, group, part))
            continue
        found += [Stage(f"{group}_{number}", group, part) for number in range(1, counts[group] + 1)]
        if counts[group]:
            found[-1] = Stage(found[-1].name, group, last)
            if architecture.se_ratio:
                found.append(Stage(f"{group}_se", group, excitation(architecture.se_ratio)))
    return tuple(found)


@lru_cache(maxsize=64)
def body(family: str, beta: float, multiple: int) -> tuple[tuple[str, Part, Part], ...]:
    """A family's body at this width, each part with what its last repeat is; a search counts thousands of networks of a few widths."""
    named = family_named(family)
    found = []
    for group, layers in named.body:
        part = Part(at_width(layers, beta, multiple), named.norm_scale)
        last = Part(at_width(named.last[group], beta, multiple), named.norm_scale) if group in named.last else part
        found.append((group, part, last))
    return tuple(found)


@lru_cache(maxsize=64)
def excitation(ratio: float) -> Part:
    return Part((Excite(Share(ratio)),), norm_scale=False)


@lru_cache(maxsize=64)
def stem(family: str, pools: tuple[bool, bool], beta: float, multiple: int) -> Part:
    named = family_named(family)
    return Part(at_width(named.stem(pools), beta, multiple), named.norm_scale)


def at_width(layers: Layers, beta: float, multiple: int) -> Layers:
    found = scaled(layers, beta, multiple)
    if any(without_filters(layer) for layer in found):
        raise TooNarrowError(f"at β {beta:g} a convolution has no filters left; use a larger β")
    return found


def without_filters(layer: Layer) -> bool:
    match layer:
        case Conv():
            return layer.filters == 0
        case Branches() | Sum():
            return any(without_filters(inside) for branch in layer.branches for inside in branch)
        case _:
            return False
