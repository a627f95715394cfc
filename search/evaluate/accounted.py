"""Of which cases of a set the figures are: how many it has, which have an answer, and which of those the model knows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.counted import counted
from data.problems import Kind
from search.evaluate.labelled import Labelled
from search.trained.left.known import RECOGNISED

WHY: Mapping[Kind, str] = {  # after a number of cases
    "id": "without a usable id",
    "sex": "without a usable sex",
    "age": "without a usable age",
    "split": "without a usable split",
    "repeated id": "with an id that another row has too",
    "missing": "without an image",
    "ambiguous": "with several images",
    "unreadable": "with an unreadable image",
    "blank": "with a blank image",
    "too large": "with an image that is too large",
    "too small": "with an image that is too small",
    "multi-frame": "with several frames in one image",
    "duplicate": "with the picture of another case",
    "side": "in another split than before",
}


@dataclass(frozen=True)
class Accounted:
    without: Mapping[Kind, int]  # cases without an answer, by what is wrong with them, the most frequent first
    known: Mapping[str, int]  # answered ones that made the model, or are of its patients, by how they were recognised
    new: int  # answered ones that the model does not know
    complete: bool  # whether it is known of all films that made the model

    @property
    def answered(self) -> int:
        return sum(self.known.values()) + self.new

    @property
    def cases(self) -> int:
        return self.answered + sum(self.without.values())

    @property
    def why_without(self) -> str:
        """3 without an image, 1 with an unreadable image."""
        return ", ".join(f"{count:,} {WHY[kind]}" for kind, count in self.without.items())

    @property
    def how_known(self) -> str:
        return ", ".join(f"{count:,} {RECOGNISED[how]}" for how, count in self.known.items())

    @property
    def sentence(self) -> str:
        """The set has 64 cases: 60 have an answer, 4 have none (3 without an image, 1 with an unreadable image). Of the 60 the model knows 20, and 40 are new to it."""
        none = counted(sum(self.without.values()), "has none", "have none") + f" ({self.why_without})" * bool(
            self.without
        )
        sure = "" if self.complete else ", as far as its training data are still known"
        return (
            f"The set has {counted(self.cases, 'case')}: {counted(self.answered, 'has an answer', 'have an answer')}, {none}. Of the "
            f"{self.answered:,} the model knows {sum(self.known.values()):,}, and {counted(self.new, 'is', 'are')} new to it{sure}."
        )

    def rows(self) -> list[dict[str, Any]]:
        known = sum(self.known.values())
        counts = (
            ("in the set", self.cases, ""),
            ("without an answer", sum(self.without.values()), self.why_without),
            ("with an answer", self.answered, ""),
            ("of these, known to the model", known, self.how_known),
            ("of these, new to the model", self.new, "" if self.complete else "as far as its training data are known"),
        )
        return [{"cases": what, "how many": count, "which": why} for what, count, why in counts]


def accounted(labelled: Labelled) -> Accounted:
    by = labelled.cases["known_by"]
    known = {how: count for how in RECOGNISED if (count := int((by == how).sum()))}
    without = dict(Counter(problem.kind for problem in labelled.problems).most_common())
    return Accounted(without, known, int((by == "").sum()), labelled.known.complete)
