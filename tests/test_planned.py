"""What an ablation says of its design before it trains."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.cli import main
from studies.ablation import space
from studies.preset import SEEDS, Preset, StudyError
from studies.presets import PRESETS, cpu, default
from studies.statistics.found import least_effect
from studies.statistics.planned import planned
from studies.statistics.racing import looks, race
from studies.statistics.verdicts import Runs, Verdict, judge
from studies.study import Given


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_without_a_flag_and_says_what_it_can_find(name: str) -> None:
    preset = PRESETS[name]()
    [variants] = space(Given(preset, {}, 0.0)).values()

    said = planned(preset, len(variants) - 1)
    assert said.startswith("one seed for each variant gives estimates and no verdicts; 3 seeds of each of")


def test_more_seeds_find_less_and_two_are_refused_as_they_find_nothing() -> None:
    def effect(seeds: int) -> float:
        return told(replace(default(), seeds=seeds, equivalence_months=0.1), 9)

    assert 0.9 < effect(3) < 1.2
    assert effect(3) > effect(6) > effect(12)
    two = replace(default(), seeds=2)
    with pytest.raises(StudyError, match=r"2 seeds .* too few for any verdict.* --anyway"):
        planned(two, 9)
    assert planned(two, 9, anyway=True).startswith("2 seeds")
    assert planned(replace(two, resolve=12), 9).startswith(
        "up to 12 seeds of each of 9 variants and 36 of the baseline"
    )


def told(preset: Preset, variants: int) -> float:
    """The effect that is announced, in months."""
    return float(planned(preset, variants).split("effect of ")[1].split()[0])


def found_share(preset: Preset, variants: int, plays: int, effect: float) -> float:
    """How often the very race, or the only look, calls a variant that is worse by so many months different."""
    random, most = np.random.default_rng(1), preset.resolve or preset.seeds
    found = 0
    for _ in range(plays):
        reference = random.normal(20.0, preset.seed_sd_months, preset.reference_seeds(most, variants)).tolist()
        months = random.normal(20.0, preset.seed_sd_months, (variants, most))
        months[0] += effect
        family = {str(place): Runs(tuple(each)) for place, each in enumerate(months.tolist())}
        found += called(preset, Runs(tuple(reference)), family)["0"].verdict == "matters"
    return found / plays


def called(preset: Preset, reference: Runs, family: Mapping[str, Runs]) -> Mapping[str, Verdict]:
    """All seeds are there, of which a race looks at no more than it would have asked for."""
    margin = preset.equivalence_months
    if not preset.resolve:
        return judge(reference, family, margin)
    return race(
        reference, family, margin, preset.resolve, lambda seeds: preset.reference_seeds(seeds, len(family))
    ).verdicts


@pytest.mark.parametrize(("seeds", "margin"), [(3, 0.4), (8, 0.4), (8, 2.0)])
def test_one_look_finds_the_effect_that_is_announced_as_often_as_is_said(seeds: int, margin: float) -> None:
    """Within three standard deviations of 400 plays, 0.06, and the power's own 0.02."""
    preset = replace(cpu(), seeds=seeds, equivalence_months=margin)
    assert found_share(preset, 2, 400, told(preset, 2)) == pytest.approx(0.8, abs=0.08)


@pytest.mark.slow
@pytest.mark.parametrize(("most", "margin"), [(8, 0.4), (16, 0.4), (16, 2.0)])
def test_a_race_finds_the_effect_that_is_announced_as_often_as_is_said(most: int, margin: float) -> None:
    """It looks early, at shares of alpha, and gives up what looks hopeless: of 200 plays within 0.085, and the power's own 0.02.

    What one look at the last seeds alone would find was found in half of the races.
    """
    preset = replace(cpu(), seeds=3, resolve=most, equivalence_months=margin)
    announced = told(preset, 2)
    assert f"up to {most} seeds" in planned(preset, 2)
    assert announced > 1.15 * told(replace(preset, seeds=most, resolve=0, equivalence_months=0.4), 2)
    assert found_share(preset, 2, 200, announced) == pytest.approx(0.8, abs=0.105)


@pytest.mark.parametrize("most", [6, 16, 100, SEEDS])
def test_it_is_said_at_once_however_long_the_race(most: int) -> None:
    preset = replace(cpu(), resolve=most)
    first = planned(preset, 9)
    began = time.process_time()
    least_effect(looks(9, most), lambda seeds: preset.reference_seeds(seeds, 9), 9, 2.4)
    assert time.process_time() - began < 2  # a second, where nothing else runs
    assert planned(preset, 9) == first


def test_an_effect_below_the_margin_is_announced_with_what_else_becomes_of_it() -> None:
    preset = replace(cpu(), resolve=16)
    assert told(preset, 2) < preset.equivalence_months
    assert "(an effect that is surely smaller than 2 months does not matter)" in planned(preset, 2)
    assert "surely" not in planned(replace(preset, equivalence_months=0.4), 2)


def test_ablate_refuses_it_before_anything_is_prepared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"

    assert main(["ablate", "--preset", "demo", "--seeds", "2", "--run-dir", str(folder)]) == 2
    assert "--anyway" in capsys.readouterr().err
    assert not (folder / "prepared").exists()
