"""The strategy in a space of millions, as `default` has it: no study sees more than a part of it, and together they are to come far enough."""

from collections.abc import Mapping
from dataclasses import replace
from math import log2
from statistics import fmean

import numpy as np
import optuna
import pytest

from search.compare.curves import Curve
from search.compare.staged import Staged
from studies import joint
from studies.preset import Preset
from studies.presets import default
from studies.study import Point, Value

PAPERS = {"mixed0": 1, "mixed1": 2, "mixed4": 1, "mixed5": 4, "mixed7": 3, "mixed9": 3}  # its best network, at β 1.4
MONTHS = {group: 0.12 if group in ("mixed5", "mixed7", "mixed9") else 0.06 for group in PAPERS}  # of a block too few
LUCK_MONTHS = 0.3


def true_mae(point: Mapping[str, Value]) -> float:
    blocks = sum(MONTHS[group] * (int(point[group]) - count) ** 2 for group, count in PAPERS.items())
    return 8 + 2 * log2(float(point["beta"]) / 1.4) ** 2 + blocks


def decided(preset: Preset, seed: int) -> Point:
    """What the default strategy hands on where a training brings the truth and its seed's luck."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    strategy, chance = Staged(preset, 34.4, seed), np.random.default_rng(seed)
    while work := strategy.ask():
        months = true_mae(work.point) + LUCK_MONTHS * float(chance.normal())
        strategy.tell(work, Curve((months,), (months,), (1.0,)))
    found = strategy.decided()
    assert found is not None
    return found


@pytest.mark.slow
def test_the_default_search_comes_close_to_a_network_that_is_wider_and_deeper_than_where_it_begins() -> None:
    preset = default()
    preset = replace(preset, training=replace(preset.training, epochs=1, warmup_epochs=0))
    papers: Point = {"beta": 1.4, **PAPERS, "fc_units": 0, "dropout": 0.0}
    assert joint.fits(preset, papers)
    begins = true_mae(joint.point(preset, preset.reference)) - true_mae(papers)

    regrets = [true_mae(decided(preset, seed)) - true_mae(papers) for seed in range(3)]

    assert fmean(regrets) < begins / 3
