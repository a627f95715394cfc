"""Recorded tables with a known truth, made in milliseconds: what searches are judged on beside trainings that were really made.

The networks are all those of the miniature space under its cap; a network's true MAE is a sum of effects of a kind, and an
interaction of width with depth that no sum explains. A training's curve falls to the truth plus its seed's luck; its test MAE is
the truth, so that what a search hands on can be charged with its regret.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from models.architecture import GROUPS
from search.compare.curves import Curve, Recorded
from search.planning.asking import key
from studies import joint
from studies.preset import Preset
from studies.presets import miniature
from studies.study import Point, points

CONSTANT_MAE = 34.4


@dataclass(frozen=True)
class Effects:
    """Months; a negative one makes a network better."""

    doubling: float  # of the width
    until: float  # doublings after which more of it is no gain
    first: Mapping[str, float]  # of the first block of a group
    second: Mapping[str, float]  # of one more
    layer: float  # of the fully connected one
    dropout: float
    bend: float = 0.3  # the most that width and depth together change


def groups(chance: np.random.Generator, low: float, high: float) -> dict[str, float]:
    return {group: float(chance.uniform(low, high)) for group in GROUPS}


KINDS: Mapping[str, Callable[[np.random.Generator], Effects]] = {
    "width pays": lambda chance: Effects(-3, 9, groups(chance, -0.3, 0.3), groups(chance, -0.2, 0.4), -0.5, 0.2),
    "width ends": lambda chance: Effects(-1.5, 0.5, groups(chance, -1, 0), groups(chance, -0.8, 0.2), -0.4, 0.0),
    "blocks pay": lambda chance: Effects(-1, 9, groups(chance, -3, 0), groups(chance, -1.2, 0), -0.5, 0.1),
    "narrow is best": lambda chance: Effects(1, 9, groups(chance, -1, 1), groups(chance, -1, 1), 0.3, 0.3),
    "the head pays": lambda chance: Effects(-0.5, 9, groups(chance, -0.4, 0.4), groups(chance, -0.2, 0.2), -2.0, -0.6),
}


def landscape(kind: str, seed: int, luck_months: float = 0.8, seeds: int = 3, preset: Preset | None = None) -> Recorded:
    """A function of its arguments. `luck_months` is the seeds' standard deviation; 0 leaves none."""
    preset = preset or miniature()
    feasible = tuple(point for point in points(joint.space(preset)) if joint.fits(preset, point))
    chance = np.random.default_rng([seed, *kind.encode()])
    effects = KINDS[kind](chance)
    phase = float(chance.uniform(0, 2 * np.pi))
    true = {key(point): true_mae(preset, effects, phase, point) for point in feasible}
    curves = {
        network: {
            number: curve_of(preset, months, months + luck_months * chance.normal(), chance) for number in range(seeds)
        }
        for network, months in true.items()
    }
    about = {
        "preset": preset.name,
        "space": {name: list(values) for name, values in joint.space(preset).items()},
        "max_params": preset.max_params,
        "epochs": preset.training.epochs,
        "constant_mae": CONSTANT_MAE,
        "synthetic": True,
        "truth": min(true.values()),
    }
    return Recorded(about, curves, feasible)


def true_mae(preset: Preset, effects: Effects, phase: float, point: Point) -> float:
    doublings = float(np.log2(float(point["beta"]) / min(map(float, joint.space(preset)["beta"]))))
    counts = {group: int(point[group]) for group in GROUPS if group in point}
    months = 20 + effects.doubling * min(doublings, effects.until)
    months += sum(effects.first[group] for group, count in counts.items() if count)
    months += sum(effects.second[group] for group, count in counts.items() if count > 1)
    months += (effects.layer if point["fc_units"] else 0) + (effects.dropout if point["dropout"] else 0)
    return months + effects.bend * float(np.sin(phase + 2 * doublings + sum(counts.values())))


def curve_of(preset: Preset, truth: float, best: float, chance: np.random.Generator) -> Curve:
    """Falls from the constant's MAE to `best`, which its last epoch reaches; on the way it trembles."""
    epochs = preset.training.epochs
    left = np.exp(-3 * np.arange(1, epochs + 1) / epochs)
    shape = best + (CONSTANT_MAE - best) * (left - left[-1])
    trembling = np.abs(chance.normal(0, 0.5, epochs)) * (np.arange(epochs) < epochs - 1)
    validation = tuple(float(mae) for mae in shape + trembling)
    return Curve(validation, tuple(float(mae) - 1 for mae in shape), (1.0,) * epochs, truth)
