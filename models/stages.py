"""The stages of one architecture: its family's table with the blocks repeated and every filter count multiplied by β."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from models.architecture import Architecture, TooNarrowError, family_named
from models.layers import Branches, Conv, Excite, Layer, Layers, OfSum, Share, Sum, scaled

ATTENTION = "_se"  # at the end of the name of a stage that excites a group


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


class Backbone(NamedTuple):
    """What of an architecture decides all of its network but the head; in a search many networks share it."""

    family: str
    beta: float
    blocks: Any  # the family's own
    stem_pools: tuple[bool, bool]
    channel_multiple: int
    se_ratio: float
    group_betas: tuple[tuple[str, float], ...]


def backbone(architecture: Architecture) -> Backbone:
    return Backbone(*(getattr(architecture, name) for name in Backbone._fields))


def stages(architecture: Architecture | Backbone) -> tuple[Stage, ...]:
    """In order, from stem to GAP. Raises TooNarrowError where the width leaves a convolution without filters."""
    return tuple(
        Stage(name, group, part)
        for group, parts in groups(architecture)
        for name, part in zip(names(architecture, group, parts), parts, strict=True)
    )


def names(architecture: Architecture | Backbone, group: str, parts: tuple[Part, ...]) -> list[str]:
    """Of the stages of a group with these parts; unique in the network."""
    if group not in architecture.blocks._fields:
        return [group]
    attended = [f"{group}{ATTENTION}"] if architecture.se_ratio else []
    return [*(f"{group}_{number}" for number in range(1, len(parts) - len(attended) + 1)), *attended]


def groups(architecture: Architecture | Backbone) -> list[tuple[str, tuple[Part, ...]]]:
    """The stem, the block groups that are there and the parts between them, in order, each with all of its parts."""
    counts = architecture.blocks._asdict()
    every = ((group, repeated(counts.get(group, 1))) for group, repeated in repeatable(architecture))
    return [(group, parts) for group, parts in every if parts]


def repeatable(architecture: Architecture | Backbone) -> list[tuple[str, Callable[[int], tuple[Part, ...]]]]:
    """The same for any counts: each with all of its parts if it is repeated so often, none of them where it is left out."""
    family, width = architecture.family, (architecture.beta, architecture.channel_multiple)
    attended = architecture.blocks._fields if architecture.se_ratio else ()

    def repeats(part: Part, last: Part, end: tuple[Part, ...]) -> Callable[[int], tuple[Part, ...]]:
        return lambda count: (*(part,) * (count - 1), last, *end) if count else ()

    first = stem(family, architecture.stem_pools, *width)
    found = [("stem", repeats(first, first, ()))]
    for group, part, last in body(family, *width, architecture.group_betas):
        end = (excitation(architecture.se_ratio),) if group in attended else ()
        found.append((group, repeats(part, last, end)))
    return found


@lru_cache(maxsize=64)
def body(
    family: str, beta: float, multiple: int, group_betas: tuple[tuple[str, float], ...] = ()
) -> tuple[tuple[str, Part, Part], ...]:
    """A family's body at this width, each part with what its last repeat is; a search counts thousands of networks of a few widths."""
    named = family_named(family)
    found = []
    factors = dict(group_betas)
    for group, layers in named.body:
        own, inside = beta * factors.get(group, 1.0), (fitting if group in factors else same)
        part = Part(at_width(inside(layers), own, multiple), named.norm_scale)
        ends = named.last.get(group)
        last = Part(at_width(inside(ends), own, multiple), named.norm_scale) if ends else part
        found.append((group, part, last))
    return tuple(found)


@lru_cache(maxsize=64)
def excitation(ratio: float) -> Part:
    return Part((Excite(Share(ratio)),), norm_scale=False)


@lru_cache(maxsize=64)
def stem(family: str, pools: tuple[bool, bool], beta: float, multiple: int) -> Part:
    named = family_named(family)
    return Part(at_width(named.stem(pools), beta, multiple), named.norm_scale)


def same(layers: Layers) -> Layers:
    return layers


def fitting(layers: Layers) -> Layers:
    """What is added to its own input has to have as many channels, however wide it is inside."""

    def one(layer: Layer) -> Layer:
        if not isinstance(layer, Sum) or () not in layer.branches:
            return layer
        return replace(layer, branches=tuple(ending(branch) for branch in layer.branches))

    return tuple(one(layer) for layer in layers)


def ending(branch: Layers) -> Layers:
    """Its last convolution puts out as many channels as the sum has."""
    places = [place for place, layer in enumerate(branch) if isinstance(layer, Conv)]
    return tuple(
        layer._replace(filters=OfSum()) if isinstance(layer, Conv) and place == places[-1] else layer
        for place, layer in enumerate(branch)
    )


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
