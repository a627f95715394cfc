"""The studies in their order. A study is listed here and nowhere else: its module says what it is called and what it asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from studies import ablation, depth, refinement, resolution, width
from studies.around import baseline, confirmation, sex, winner
from studies.findings import Findings
from studies.preset import Preset
from studies.study import Decision, Given, Point, Study

ORDER: tuple[Study, ...] = (ablation, width, depth, refinement)  # every search has these
FIRST, LAST = "before all", "after all"


def itself(preset: Preset) -> Preset:
    return preset


def anything(given: Given, point: Point) -> bool:
    return True


@dataclass(frozen=True)
class Beside:
    """A study that a search has only where its preset asks for it."""

    study: Study
    # FIRST: its decision is the reference of the others. LAST: nothing is decided by it. Else a study of the order: it goes
    # on from that one's decision, and those after it go on from its own.
    after: str
    asked: Callable[[Preset], bool]
    own: Callable[[Preset], Preset] = itself  # the preset as this study is given it
    may_decide: Callable[[Given, Point], bool] = anything  # whether it may decide for the network of this point


BESIDE = (
    Beside(baseline, FIRST, baseline.asked, baseline.of_preset, baseline.may_decide),
    Beside(resolution, depth.NAME, resolution.asked),
    Beside(confirmation, LAST, confirmation.asked, confirmation.fresh),
    Beside(sex, LAST, sex.asked),
    Beside(winner, LAST, winner.asked),
)


class ByName(Mapping[str, Study]):
    """Studies by name, in their order."""

    def __init__(self, listed: Callable[[], Iterable[Study]]) -> None:
        self.listed = listed

    def __getitem__(self, name: str) -> Study:
        for study in self.listed():
            if name == study.NAME:
                return study
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (study.NAME for study in self.listed())

    def __len__(self) -> int:
        return sum(1 for _ in self.listed())


def every() -> Iterator[Study]:
    """Those of the order, each of the others in its place."""
    for after, study in ((FIRST, None), *((study.NAME, study) for study in ORDER), (LAST, None)):
        if study:
            yield study
        yield from (one.study for one in BESIDE if one.after == after)


STUDIES = ByName(lambda: ORDER)
EVERY = ByName(every)
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def all_studies() -> str:
    """all four studies."""
    count = len(ORDER)
    return f"all {COUNTS[count] if count < len(COUNTS) else count} studies"


def beside(name: str) -> Beside | None:
    """None of a study of the order."""
    return next((one for one in BESIDE if name == one.study.NAME), None)


def asked(name: str, preset: Preset) -> bool:
    """Whether a search with this preset has the study of that name."""
    one = beside(name)
    return one is None or one.asked(preset)


def comes(name: str) -> str:
    """FIRST, LAST, or where in between: the study of the order that it comes after, or itself."""
    one = beside(name)
    return one.after if one else name


def study_name(name: str, run_id: str = "") -> str:
    """As people see it: numbered, so that the dashboard lists the studies in their order. With its run's id, as it is stored.

    The order counts alone, so that no study of a run is called otherwise for another that it has or has not.
    """
    places = [FIRST, *STUDIES, LAST]
    return f"{places.index(comes(name))} {name}" + (f" [{run_id}]" if run_id else "")


def stored_decision(name: str, values: Mapping[str, Any]) -> Decision:
    """Of the study of that name, as it was stored. Of one that is no longer listed, only what every study finds is read."""
    return Decision.from_dict(values, EVERY[name].FINDINGS if name in EVERY else Findings)


def preset_of(name: str, preset: Preset) -> Preset:
    """What the study of that name is given."""
    one = beside(name)
    return one.own(preset) if one else preset


def may_decide(name: str, given: Given, point: Point) -> bool:
    """Whether the study of that name may decide for the network of this point."""
    one = beside(name)
    return one is None or one.may_decide(given, point)


def deciding() -> list[str]:
    """Those whose decisions the studies after them are given."""
    return [name for name in EVERY if comes(name) not in (FIRST, LAST)]


def stages(preset: Preset) -> list[str]:
    """Those of them that a search with this preset has."""
    return [name for name in deciding() if asked(name, preset)]


def before(name: str, preset: Preset) -> list[str]:
    """The studies whose decisions that of this name is given."""
    names = list(EVERY)
    earlier = names[: names.index(name)]
    return [one for one in stages(preset) if one in earlier]


def to_run(names: list[str], preset: Preset) -> list[str]:
    """The studies of a command for these: one, or a whole search, which has those beside the order as well."""
    if len(names) == 1:
        return names
    first = [name for name in EVERY if comes(name) == FIRST and asked(name, preset)]
    return [*first, *stages(preset)]


def could_follow(name: str) -> list[str]:
    """What may come after all, once the study of that name has decided: nothing, unless it is the last."""
    return [one for one in EVERY if name == list(STUDIES)[-1] and comes(one) == LAST]


def following(name: str, preset: Preset) -> list[str]:
    """Those of them that a search with this preset has."""
    return [one for one in could_follow(name) if asked(one, preset)]
