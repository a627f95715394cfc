"""The studies in their order. A study is listed here and nowhere else: its module says what it is called and what it asks."""

from collections.abc import Iterator, Mapping
from typing import Any

from studies import ablation, baseline, confirmation, depth, refinement, width
from studies.findings import Findings
from studies.preset import Preset
from studies.study import Decision, Study

ORDER: tuple[Study, ...] = (ablation, width, depth, refinement)


class ByName(Mapping[str, Study]):
    """The studies by name, in their order, and after them what belongs to no order."""

    def __init__(self, *after: Study) -> None:
        self.after = after

    def __getitem__(self, name: str) -> Study:
        for study in (*ORDER, *self.after):
            if name == study.NAME:
                return study
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (study.NAME for study in (*ORDER, *self.after))

    def __len__(self) -> int:
        return len(ORDER) + len(self.after)


STUDIES = ByName()
EVERY = ByName(
    confirmation, baseline
)  # those of the order, what only looks at what they decided, and what comes before them
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def all_studies() -> str:
    """all four studies."""
    count = len(ORDER)
    return f"all {COUNTS[count] if count < len(COUNTS) else count} studies"


def study_name(name: str, run_id: str = "") -> str:
    """As people see it: numbered, so that the dashboard lists the studies in their order. With its run's id, as it is stored."""
    number = 0 if name == baseline.NAME else list(EVERY).index(name) + 1
    return f"{number} {name}" + (f" [{run_id}]" if run_id else "")


def stored_decision(name: str, values: Mapping[str, Any]) -> Decision:
    """Of the study of that name, as it was stored. Of one that is no longer listed, only what every study finds is read."""
    return Decision.from_dict(values, EVERY[name].FINDINGS if name in EVERY else Findings)


def preset_of(name: str, preset: Preset) -> Preset:
    """What the study of that name is given: the confirmation's seeds are its own, and the baseline's reference is the first."""
    if name == baseline.NAME:
        return baseline.of_preset(preset)
    return confirmation.fresh(preset) if name == confirmation.NAME else preset


def before(name: str) -> list[str]:
    """The studies whose decisions that of this name is given."""
    every = list(EVERY)
    return [] if name == baseline.NAME else every[: every.index(name)]
