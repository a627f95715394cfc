"""In what the decided network differs from the reference: its block groups, then its width and its head."""

from collections.abc import Callable, Iterator
from typing import Any

from models.architecture import Architecture, family_named

NONE = "none"


def against_reference(reference: Architecture, network: Architecture) -> str:
    """Sentences. The groups come first, as the card is about them."""
    if network.family != reference.family:
        titles = [family_named(one.family).title for one in (network, reference)]
        return f"It is of another family than the reference: {' instead of '.join(titles)}."
    groups, others = list(moved_groups(reference, network)), list(moved_others(reference, network))
    if groups:
        return f"Compared with the reference: {', '.join([*groups, *others])}."
    alike = (
        "All groups are as in the reference."
        if any(network.blocks)
        else "Neither the reference nor this network has block groups."
    )
    return f"{alike} Compared with it: {', '.join(others)}." if others else f"{alike} This network is the reference."


def moved_groups(reference: Architecture, network: Architecture) -> Iterator[str]:
    """mixed5 0 instead of 1."""
    before = reference.blocks._asdict()
    for group, count in network.blocks._asdict().items():
        if count != before[group]:
            yield f"{group} {count} instead of {before[group]}"


def moved_others(reference: Architecture, network: Architecture) -> Iterator[str]:
    """β 0.14 instead of 0.1, FC units 64 instead of none."""
    for field, (name, value) in WRITTEN.items():
        now, before = getattr(network, field), getattr(reference, field)
        if now != before:
            yield f"{name} {value(now)} instead of {value(before)}"
    now, before = dict(network.group_betas), dict(reference.group_betas)
    for group in network.blocks._fields:
        if now.get(group, 1) != before.get(group, 1):
            yield f"filters of {group} × {now.get(group, 1):g} instead of × {before.get(group, 1):g}"


def number(value: float) -> str:
    return f"{value:g}"


def if_any(value: float) -> str:
    return f"{value:g}" if value else NONE


WRITTEN: dict[str, tuple[str, Callable[[Any], str]]] = {  # each field of a network but its groups and its family
    "beta": ("β", number),
    "channel_multiple": ("channels in multiples of", number),
    "se_ratio": ("squeeze-and-excitation", if_any),
    "input_px": ("images", lambda px: f"of {px} px" if px else "of the run's size"),
    "stem_pools": ("max-poolings in the stem", lambda pools: number(sum(pools))),
    "fc_units": ("FC units", if_any),
    "dropout": ("dropout", number),
    "sex_units": ("sex units", if_any),
    "even_detail": ("films evened in detail to", if_any),
    "even_tone": ("films evened in tone to", if_any),
}
