"""Which network a trial records, by its attributes."""

from collections.abc import Callable, Mapping
from typing import Any

from models.architecture import Architecture
from models.cost import Cost
from models.paper import PAPER_NAMES, is_of_the_paper
from studies.study import Point

Means = Callable[[Point], tuple[Architecture, Cost]]  # the network of a study's point, as the run is set now
# Attributes of networks that are not of the paper's kind.
RARE = ("family", "se_ratio", "input_px", "even_detail", "even_tone")
HEAD = ("beta", "sex_units", "fc_units", "dropout")


def network_attributes(architecture: Architecture, cost: Cost) -> dict[str, Any]:
    """What a trial records of its network; of what is rare, only what the network has."""
    rare: dict[str, Any] = {} if is_of_the_paper(architecture) else {"family": architecture.family}
    rare |= {name: value for name in RARE[1:] if (value := getattr(architecture, name))}
    head: dict[str, Any] = {name: getattr(architecture, name) for name in HEAD}
    blocks: dict[str, Any] = {
        PAPER_NAMES.get(group, group): count for group, count in architecture.blocks._asdict().items()
    }
    return rare | {"beta": head.pop("beta")} | blocks | head | {"params": cost.params, "macs": cost.macs}


def is_of(attrs: Mapping[str, Any], network: Mapping[str, Any], seed: int) -> bool:
    """Whether a trial with these attributes records this network, as `network_attributes` has it, and this seed. A fingerprint alone
    does not tell: one that somebody has changed would hand another network's result to whoever looks for that training. Versions of
    before recorded less."""
    expected = {**network, "seed": seed}
    return all(attrs.get(name, value) == value for name, value in expected.items())
