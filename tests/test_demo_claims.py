"""What the demo says of the drawn hands, asked once more of seeds that it never trains."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from studies.preset import demo

SEEDS, FIRST = 5, 200


@pytest.mark.slow
@pytest.mark.timeout(900)  # 15 trainings, beside the other processes of the suite
def test_five_other_seeds_find_of_the_drawn_hands_what_the_demo_finds(tmp_path: Path) -> None:
    """Neither block group matters, with whole intervals inside the margin, where three seeds had said so."""
    preset = demo()
    assert preset.seed + 2 < FIRST, "the seeds that the demo trains would be asked again"
    options = ["--seeds", str(SEEDS), "--seed", str(FIRST), "--run-dir", str(tmp_path / "run"), "--json"]
    command = [sys.executable, "-m", "search.cli", "ablate", "--preset", "demo", *options]

    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=840, check=False)

    assert ended.returncode == 0, ended.stderr
    verdicts = json.loads(ended.stdout)["ablation"]["findings"]["verdicts"]
    assert {each["variant"] for each in verdicts} == {"mixed7=0", "mixed9=0"}
    for each in verdicts:
        assert each["verdict"] == "does not matter", each
        assert -preset.equivalence_months < each["low"] < each["high"] < preset.equivalence_months, each
