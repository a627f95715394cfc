"""What the demo says of drawn hands holds for other seeds: many demos, put together from trainings that were made once.

`tests/demo_ablation.csv` has the demo's ablation with thirty seeds (`tests/record_demo.py` says how it was made). The truth is what
all thirty say; a demo is three of them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.csv_text import read_csv
from search.run import settings_in_full
from studies import ablation
from studies.ablation import BASELINE, AblationFindings
from studies.presets import demo
from studies.study import Given, Trial, pool

TABLE = Path(__file__).parent / "demo_ablation.csv"
SEEDS = 3  # of `make search`
DRAWN = 200  # demos at random, besides those that share no training
SEARCHING = ("seed", "seeds")  # settings that say which trainings are made, and not what one comes to

Months = Mapping[str, Mapping[int, float]]  # by network, by seed


def table() -> tuple[dict[str, object], Months]:
    with TABLE.open(encoding="utf-8") as file:
        about = json.loads(file.readline().removeprefix("#"))
        rows = read_csv(file)
    months: dict[str, dict[int, float]] = {}
    for row in rows.to_dict("records"):
        months.setdefault(str(row["variant"]), {})[int(row["seed"])] = float(row["validation_mae"])
    return about, months


ABOUT, MONTHS = table()
EVERY = sorted(MONTHS[BASELINE])


def decided(seeds: Sequence[int]) -> AblationFindings:
    """What a demo with these seeds says."""
    given = Given(replace(demo(), seeds=len(seeds)), {}, 32.0)
    trials = [
        Trial(number, {"variant": variant}, "complete", MONTHS[variant][seed], 1, (20.0,), 1.0, "completed", seed=place)
        for number, (variant, (place, seed)) in enumerate(
            (variant, numbered) for variant in MONTHS for numbered in enumerate(seeds)
        )
    ]
    found = ablation.decide(given, pool(trials, len(seeds))).findings
    assert isinstance(found, AblationFindings)
    return found


def demos() -> Iterator[list[int]]:
    yield from (EVERY[first : first + SEEDS] for first in range(0, len(EVERY), SEEDS))
    random = np.random.default_rng(0)
    yield from (random.choice(EVERY, SEEDS, replace=False).tolist() for _ in range(DRAWN))


def cost(variant: str) -> float:
    """In truth, as far as all seeds say: in months."""
    return float(np.mean(list(MONTHS[variant].values())) - np.mean(list(MONTHS[BASELINE].values())))


def test_the_table_was_made_by_the_demo_as_it_is() -> None:
    recorded = ABOUT["settings"]
    assert isinstance(recorded, dict)
    now = settings_in_full(demo())
    differing = [name for name, value in json.loads(json.dumps(now)).items() if recorded.get(name) != value]

    assert set(differing) <= set(SEARCHING)
    assert len(EVERY) >= 24
    assert all(sorted(runs) == EVERY for runs in MONTHS.values())


def test_nearly_every_training_of_the_demo_learns() -> None:
    """The constant has 32 months. Four of ninety have not left it: luck that verdicts have to bear."""
    every = np.array([months for runs in MONTHS.values() for months in runs.values()])

    assert np.mean(every < 20) > 0.94
    assert np.mean(every > 30) < 0.05
    assert np.median(every) < 16


@pytest.fixture(scope="module")
def said() -> list[tuple[str, str]]:
    """Variant and verdict, of every demo."""
    return [(row.variant, row.verdict) for seeds in demos() for row in decided(seeds).compared]


def test_no_demo_says_what_is_not_so(said: list[tuple[str, str]]) -> None:
    margin = demo().equivalence_months
    for variant in MONTHS.keys() - {BASELINE}:
        words = {verdict for name, verdict in said if name == variant}
        if abs(cost(variant)) < margin:
            assert words <= {"does not matter", "not resolved"}
        else:
            assert "does not matter" not in words


def test_half_of_the_verdicts_say_something_and_all_that_do_say_the_same(said: list[tuple[str, str]]) -> None:
    """A training that stays at the constant leaves its verdict open."""
    spoken = [(name, verdict) for name, verdict in said if verdict != "not resolved"]

    assert len(spoken) > 0.5 * len(said)
    assert all(
        len({verdict for name, verdict in spoken if name == variant}) == 1 for variant in {one for one, _ in spoken}
    )
