"""The studies in their order. A study is listed here and nowhere else: its module says what it is called and what it asks."""

from collections.abc import Iterator, Mapping
from typing import Any

from studies import ablation, depth, refinement, width
from studies.findings import Findings
from studies.study import Decision, Study

ORDER: tuple[Study, ...] = (ablation, width, depth, refinement)


class ByName(Mapping[str, Study]):
    """The studies by name, in their order."""

    def __getitem__(self, name: str) -> Study:
        for study in ORDER:
            if name == study.NAME:
                return study
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (study.NAME for study in ORDER)

    def __len__(self) -> int:
        return len(ORDER)


STUDIES = ByName()
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def all_studies() -> str:
    """all four studies."""
    count = len(ORDER)
    return f"all {COUNTS[count] if count < len(COUNTS) else count} studies"


def study_name(name: str, run_id: str = "") -> str:
    """As people see it: numbered, so that the dashboard lists the studies in their order. With its run's id, as it is stored."""
    return f"{list(STUDIES).index(name) + 1} {name}" + (f" [{run_id}]" if run_id else "")


def stored_decision(name: str, values: Mapping[str, Any]) -> Decision:
    """Of the study of that name, as it was stored. Of one that is no longer listed, only what every study finds is read."""
    return Decision.from_dict(values, STUDIES[name].FINDINGS if name in STUDIES else Findings)
