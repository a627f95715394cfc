"""The leader's forecast while it runs a study: what is left of the study and of the whole search, and how far off it has been."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from statistics import median
from typing import Any

from models.architecture import Architecture
from search.planning.asking import macs
from search.planning.epoch_seconds import Timed, errors, line
from search.planning.feasible import Feasible, fitting
from search.planning.time_left import Round, Seeded, rounds, seconds, to_come
from studies.preset import Preset
from studies.study import Given, Study, Trial


@dataclass
class Forecast:
    name: str
    module: Study
    given: Given
    deterministic: bool
    history: list[Timed]  # of the whole run, in the order in which they ended
    preset: Preset  # the run's

    def ended(self, measured: Timed) -> None:
        """One more training; one that took no time to speak of says nothing."""
        if measured.seconds:
            off = self.off  # of those before it
            self.history.append(measured)
            off += errors(self.history, len(self.history) - 1)

    @cached_property
    def feasible(self) -> Feasible:
        """The study's points under its cap."""
        return fitting(self.module, self.given)

    @cached_property
    def off(self) -> list[float]:
        """How far off each prediction was."""
        return errors(self.history)

    def timing(
        self, trials: Sequence[Trial], running: Sequence[tuple[Architecture, int]], workers: int
    ) -> dict[str, Any] | None:
        """What is foretold now, as plain values; None where nothing alike has been measured.

        `running` are the networks that train now, with the epochs that each has left. Seconds are at most about so many.
        """
        left = self.left(trials, running, workers)
        if left is None:
            return None
        return {
            "at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "seconds_left": left[0],  # of the study
            "search_seconds_left": left[1],  # of this study and those after it
            "epoch_seconds_error": median(self.off) if self.off else None,  # |predicted / measured - 1|
            "epoch_seconds_predicted": len(self.off),  # trainings, each from those that ended before it
        }

    def left(
        self, trials: Sequence[Trial], running: Sequence[tuple[Architecture, int]], workers: int
    ) -> tuple[float, float] | None:
        alike = next((timed.alike for timed in reversed(self.history) if timed.workers == workers), None)
        epoch_seconds = line(self.history, alike) if alike else None
        if epoch_seconds is None:
            return None

        def of(training: Seeded) -> float:
            return epoch_seconds(macs(training[0], self.given))

        epochs = self.given.preset.training.epochs
        here = rounds(self.name, self.given, trials, self.feasible, self.deterministic)
        begun = [epoch_seconds(macs(network, self.given)) * epochs_left for network, epochs_left in running]
        left = seconds(here, of, epochs, workers, begun)
        return round(left, 1), round(left + seconds(self.later, of, epochs, workers), 1)

    @cached_property
    def later(self) -> list[Round]:
        return to_come(self.name, self.given, self.feasible, self.deterministic, self.preset)
