"""What an ablation says of its design before it trains."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.cli import main
from studies.ablation import space
from studies.preset import PRESETS, StudyError, default
from studies.statistics.planned import planned
from studies.study import Given


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_without_a_flag_and_says_what_it_can_find(name: str) -> None:
    preset = PRESETS[name]()
    [variants] = space(Given(preset, {}, 0.0)).values()

    said = planned(preset, len(variants) - 1)
    assert said.startswith("one seed for each variant makes estimates and no verdicts; 3 seeds of each of")


def test_more_seeds_find_less_and_two_are_refused_as_they_find_nothing() -> None:
    def effect(seeds: int) -> float:
        return float(planned(replace(default(), seeds=seeds), 9).split("effect of ")[1].split()[0])

    assert 0.9 < effect(3) < 1.2
    assert effect(3) > effect(6) > effect(12)
    two = replace(default(), seeds=2)
    with pytest.raises(StudyError, match=r"2 seeds .* no verdict either.* --anyway"):
        planned(two, 9)
    assert planned(two, 9, anyway=True).startswith("2 seeds")
    assert planned(replace(two, resolve=12), 9).startswith("12 seeds of each of 9 variants and 36 of the baseline")


def test_ablate_refuses_it_before_anything_is_prepared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"

    assert main(["ablate", "--preset", "demo", "--seeds", "2", "--run-dir", str(folder)]) == 2
    assert "--anyway" in capsys.readouterr().err
    assert not (folder / "prepared").exists()
