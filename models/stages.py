"""The stages of one architecture: its family's table with the blocks repeated and every filter count multiplied by β."""

from dataclasses import dataclass
from functools import lru_cache

from models.architecture import Architecture, ArchitectureError, family_named
from models.layers import Branches, Conv, Layer, Layers, Sum, scaled


@dataclass(frozen=True)
class Stage:
    """`name` is unique in the network; `group` says whose cost it is (a block group, the stem, or a part that stays)."""

    name: str
    group: str
    layers: Layers


def stages(architecture: Architecture) -> tuple[Stage, ...]:
    """In order, from stem to GAP. Raises ArchitectureError where the width leaves a convolution without filters."""
    counts, name = architecture.blocks._asdict(), architecture.family
    width = architecture.beta, architecture.channel_multiple
    found = [Stage("stem", "stem", stem(name, architecture.stem_pools, *width))]
    last = family_named(name).last
    for group, layers in body(name, *width):
        if group not in counts:
            found.append(Stage(group, group, layers))
            continue
        found += [Stage(f"{group}_{number}", group, layers) for number in range(1, counts[group] + 1)]
        if group in last and counts[group]:
            found[-1] = Stage(found[-1].name, group, at_width(last[group], *width))
    return tuple(found)


@lru_cache(maxsize=64)
def body(family: str, beta: float, multiple: int) -> tuple[tuple[str, Layers], ...]:
    """A family's body at this width; a search counts thousands of networks of a few widths."""
    return tuple((group, at_width(layers, beta, multiple)) for group, layers in family_named(family).body)


@lru_cache(maxsize=64)
def stem(family: str, pools: tuple[bool, bool], beta: float, multiple: int) -> Layers:
    return at_width(family_named(family).stem(pools), beta, multiple)


def at_width(layers: Layers, beta: float, multiple: int) -> Layers:
    found = scaled(layers, beta, multiple)
    if any(without_filters(layer) for layer in found):
        raise ArchitectureError(f"at β {beta:g} a convolution has no filters left; use a larger β")
    return found


def without_filters(layer: Layer) -> bool:
    match layer:
        case Conv():
            return layer.filters == 0
        case Branches() | Sum():
            return any(without_filters(inside) for branch in layer.branches for inside in branch)
        case _:
            return False
