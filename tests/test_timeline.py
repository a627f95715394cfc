"""The timeline of a study: every trial has its bar, whatever became of it."""

from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.report.read import Recorded, recorded
from search.report.timeline import LOOKS, drawn, plot
from studies.study import Trial

BEGAN = datetime(2026, 11, 29, 6, 14)
NOW = BEGAN + timedelta(hours=1)


def trial(number: int, state: str, ended: datetime | None = None, is_led: bool = True, **settings: Any) -> Recorded:
    mae = 12.0 if state == "complete" else None
    began = settings.get("began", BEGAN)
    return Recorded(Trial(number, {}, state, mae), {}, began, ended, is_led)  # type: ignore[arg-type]


LATER = BEGAN + timedelta(seconds=90)
EVERY_KIND = [
    trial(0, "complete", LATER),
    trial(1, "pruned", LATER),
    trial(2, "failed", LATER),
    trial(3, "running"),
    trial(4, "running", is_led=False),
]


def bars(trials: list[Recorded]) -> dict[int, tuple[str, str, float]]:
    """By number of the trial: its state, beginning and length in seconds."""
    return {
        number: (bar.name, base, length / 1000)
        for bar in drawn(trials, NOW).data
        for number, base, length in zip(bar.y, bar.base, bar.x, strict=True)
    }


def test_every_trial_is_drawn_whatever_became_of_it() -> None:
    found = {number: (state, length) for number, (state, _, length) in bars(EVERY_KIND).items()}

    assert found == {
        0: ("complete", 90),
        1: ("pruned", 90),
        2: ("failed", 90),
        3: ("running", 3600),
        4: ("interrupted", 0),
    }


def test_every_state_has_a_look_that_differs_without_colour() -> None:
    assert {one.state for one in EVERY_KIND} == set(LOOKS)
    assert len({hatching for _, hatching in LOOKS.values()}) == len(LOOKS)


@pytest.mark.parametrize("state", ["complete", "failed", "pruned", "running"])
def test_a_trial_without_an_end_or_a_beginning_is_survived(state: str) -> None:
    assert list(bars([trial(0, state)])) == [0]
    assert bars([trial(0, state, began=None)]) == {}
    rows = plot("2 width", [trial(0, state, began=None)], NOW).rows
    assert [(row["began"], row["ended"]) for row in rows] == [("–", "–")]


def test_a_study_without_trials_has_an_empty_timeline() -> None:
    assert bars([]) == {}


def test_the_caption_says_how_open_ends_are_drawn() -> None:
    assert plot("2 width", EVERY_KIND[:3], NOW).caption == "2 width: when each trial was trained."
    assert (
        "still runs, up to now; one that was interrupted, at its beginning" in plot("2 width", EVERY_KIND, NOW).caption
    )


@given(st.lists(st.sampled_from(["complete", "pruned", "failed", "running"]), max_size=30))
def test_as_many_bars_as_trials(states: list[str]) -> None:
    assert sorted(bars([trial(number, state) for number, state in enumerate(states)])) == list(range(len(states)))


def test_trials_of_a_real_study_are_drawn_while_one_runs() -> None:
    study = optuna.create_study(study_name="2-width")
    for _ in range(2):
        began = study.ask()
        began.report(12.0, 1)
        for name, said in (("network", "a"), ("exit_reason", "completed")):
            began.set_user_attr(name, said)
        study.tell(began, 12.0)
    running = study.ask()
    running.set_user_attr("network", "b")

    assert [state for state, _, _ in bars(list(recorded(study))).values()] == ["complete", "complete", "running"]
