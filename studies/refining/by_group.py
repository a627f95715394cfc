"""Width by group: each block group except the key groups one step of the width grid narrower, or each key group one step wider.

One group at a time, so that a space grows by as many values as there are groups, and not by their combinations.
"""

from collections.abc import Mapping
from math import log2

from models.architecture import BETA, Architecture, ArchitectureError, changed, family_named
from models.stages import stages
from studies import ablation, width
from studies.study import Given, Value

NAME = "group_width"  # in points: a group with its factor on β, as mixed9=0.7, or
NONE = "as decided"


def choices(given: Given, decided: Architecture) -> tuple[str, ...]:
    """NONE, and each group that the network has; those that the narrowest width of the grid leaves without filters are left out."""
    keys = given.found(ablation.AblationFindings).key_groups
    narrower, wider = steps(width.betas(given), decided.beta)
    factors, found = dict(decided.group_betas), [NONE]
    for group, count in decided.blocks._asdict().items():
        factor = round(factors.get(group, 1.0) * (wider if group in keys else narrower), 4)
        choice = f"{group}={factor:g}"
        if count and factor != 1 and factor in BETA and stands(applied(decided, choice), min(width.betas(given))):
            found.append(choice)
    return tuple(found)


def steps(betas: tuple[float, ...], beta: float) -> tuple[float, float]:
    """The factors of one step down the grid and one up; at an end of it, the other step turned round. 1 where it has one width."""
    down, up = [each for each in betas if each < beta], [each for each in betas if each > beta]
    narrower = max(down) / beta if down else beta / min(up) if up else 1.0
    wider = min(up) / beta if up else beta / max(down) if down else 1.0
    return narrower, wider


def stands(network: Architecture, beta: float) -> bool:
    try:
        stages(changed(network, {"beta": min(beta, network.beta)}))
    except ArchitectureError:
        return False
    return True


def applied(network: Architecture, choice: Value) -> Architecture:
    """The network with this choice; with what it was where it says none, or the group has no blocks any more."""
    group, _, factor = str(choice).partition("=")
    if choice == NONE or not getattr(network.blocks, group):
        return network
    betas = dict(network.group_betas) | {group: float(factor)}
    return changed(network, {"group_betas": tuple(betas.items())})


def moved(network: Architecture, point: Mapping[str, Value]) -> Architecture:
    return applied(network, point[NAME]) if NAME in point else network


def features(architecture: Architecture) -> tuple[float, ...]:
    """Doublings of each group beside β's."""
    factors = dict(architecture.group_betas)
    return tuple(log2(factors.get(group, 1.0)) for group in family_named(architecture.family).groups)
