"""Steps timed side by side: what is said where one of the processes does not come to its end."""

import os
from threading import BrokenBarrierError
from typing import Any

import pytest
from workers import SMALLEST

from models.training.settings import Training
from search.workers.step_time import StepTime, step_times
from studies.preset import StudyError


def ended_from_outside(*_: Any) -> StepTime:
    os._exit(137)


def of_a_fault(*_: Any) -> StepTime:
    raise ZeroDivisionError("ours")


def never_ready(*_: Any) -> StepTime:
    raise BrokenBarrierError  # as the others hear that wait for it


@pytest.mark.slow
@pytest.mark.parametrize("how", [ended_from_outside, never_ready])
def test_a_process_that_is_ended_or_never_ready_is_a_sentence(how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.workers.step_time.beside_others", how)

    with pytest.raises(StudyError, match=r"a step could not be timed: of 2 at once, .*use fewer --workers"):
        step_times([SMALLEST], Training(), 40, threads=1, together=2)


@pytest.mark.slow
def test_an_error_of_ours_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.workers.step_time.beside_others", of_a_fault)

    with pytest.raises(ZeroDivisionError, match="ours"):
        step_times([SMALLEST], Training(), 40, threads=1, together=2)
