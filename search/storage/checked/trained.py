"""Which training a trial records, by its fingerprint: the network, how it is trained, the seed and the data.

A fingerprint that somebody has changed would hand another network's result to whoever looks for that training. So it is worked
out again, from the network that the trial records and the settings of its study.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from itertools import product
from typing import Any

from models.architecture import Architecture, changed
from models.cost import Cost
from models.paper import PAPER_NAMES, is_of_the_paper
from models.training.settings import FILMS_OFF, Training
from studies.study import SEED, Point, to_point

Means = Callable[[Point], tuple[Architecture, Cost]]  # the network of a study's point, as the run is set now
# Attributes of networks that are not of the paper's kind.
RARE = ("family", "se_ratio", "input_px", "even_detail", "even_tone")
HEAD = ("beta", "sex_units", "fc_units", "dropout")
TRAINING = tuple(field.name for field in fields(Training) if field.name != "weights")


def training_dict(
    network: Mapping[str, Any], training: Mapping[str, Any], seed: int, deterministic: bool, weights: str = ""
) -> dict[str, Any]:
    """What is recorded of a training; `weights` is the digest of a file."""
    own = {"architecture": network, "training": training, "seed": seed, "deterministic": deterministic}
    return {**own, **({"weights": weights} if weights else {})}


def fingerprint_of(recorded: Mapping[str, Any], data: str) -> str:
    """Of what is recorded of a training, and the store's digest."""
    return hashlib.blake2b(json.dumps([recorded, data], sort_keys=True).encode(), digest_size=8).hexdigest()


def network_attributes(architecture: Architecture, cost: Cost) -> dict[str, Any]:
    """What a trial records of its network; of what is rare, only what the network has."""
    rare: dict[str, Any] = {} if is_of_the_paper(architecture) else {"family": architecture.family}
    rare |= {name: value for name in RARE[1:] if (value := getattr(architecture, name))}
    head = {name: getattr(architecture, name) for name in HEAD}
    return rare | {"beta": head.pop("beta")} | counts(architecture) | head | {"params": cost.params, "macs": cost.macs}


def counts(architecture: Architecture) -> dict[str, int]:
    """Of its block groups, by the names that attributes have."""
    return {PAPER_NAMES.get(group, group): count for group, count in architecture.blocks._asdict().items()}


def recorded_network(attrs: Mapping[str, Any], now: Architecture) -> Architecture:
    """The network that a trial records, which its point need not stand for any more; `now` says what is not recorded.

    Raises ValueError or TypeError where the attributes are those of no network.
    """
    blocks = [attrs.get(name, count) for name, count in counts(now).items()]
    own = {name: attrs[name] for name in (*HEAD, *RARE) if name in attrs}
    return changed(now, own | {"blocks": type(now.blocks)(*blocks)})


def why_forged(attrs: Mapping[str, Any], params: Mapping[str, Any], means: Means, settings: Mapping[str, Any]) -> str:
    """A clause, whose subject is the trial with these attributes and parameters, of a study with these settings; empty where its
    fingerprint is that of the training it records. Settings that do not say how it trained are not compared."""
    if not {"data", "epochs", "seed"} <= settings.keys():
        return ""
    forged = f"has the fingerprint {attrs['network']} of another training: somebody else has changed it"
    try:
        now, _ = means(to_point(params))
        network = recorded_network(attrs, now)
    except LookupError:  # it is not known what came before the study
        return ""
    except (TypeError, ValueError):
        return forged
    seed = attrs.get("seed", params.get(SEED, settings["seed"]))
    return "" if attrs["network"] in fingerprints(network, settings, seed) else forged


def fingerprints(network: Architecture, settings: Mapping[str, Any], seed: int) -> Iterator[str]:
    """All that a training of this network may have: a study does not say whether it trained `--deterministic`, and before it was
    stored 1 may have been written as 1.0."""
    training = {
        name: settings[name]
        for name in TRAINING
        if name in settings and (name not in FILMS_OFF or settings[name] != FILMS_OFF[name])
    }
    for of_network, of_training in product(WRITTEN, WRITTEN):
        written = of_network(network.to_dict()), of_training(training)
        for deterministic in (False, True):
            recorded = training_dict(*written, seed, deterministic, settings.get("weights", ""))
            yield fingerprint_of(recorded, settings["data"])


def as_decimals(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: value if name in COUNTED else as_decimals(value) for name, value in values.items()}
    return float(values) if type(values) is int else values


def as_integers(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: as_integers(value) for name, value in values.items()}
    return int(values) if isinstance(values, float) and values.is_integer() else values


def as_they_are(values: Any) -> Any:
    return values


COUNTED = ("blocks", "sex_units", "fc_units", "channel_multiple", "input_px", "epochs", "batch")  # always integers
WRITTEN: tuple[Callable[[Any], Any], ...] = (as_they_are, as_decimals, as_integers)
