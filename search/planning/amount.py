"""What a search may cost: a time or a number of epochs, as `--budget` has it."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from data.counted import counted
from data.ranges import Range
from search.output.time_words import duration

if TYPE_CHECKING:
    from search.planning.plan import Plan, StudyPlan

Unit = Literal["seconds", "epochs"]
UNITS: dict[str, tuple[float, Unit]] = {
    "epochs": (1, "epochs"),
    "h": (3600, "seconds"),
    "m": (60, "seconds"),
    "s": (1, "seconds"),
}
AMOUNT = Range(0, 10**9, above=True)
FORMS = "24h, 90m, 3600s or 600epochs, above 0, with a point before decimals (2.5h) and of whole epochs"
WRITTEN = re.compile(  # a comma stands before three digits: 2,5h would be read as 25 hours, or as 2.5
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e\+?\d{1,2})?)\s*(?P<unit>[a-z]+)", re.ASCII
)


@dataclass(frozen=True)
class Budget:
    amount: float
    unit: Unit

    def __str__(self) -> str:
        return words(self.amount, self.unit)

    def of(self, plan: "Plan | StudyPlan") -> float:
        """What is likely: of epochs the most, of time what trainings of likely networks take."""
        return plan.epochs if self.unit == "epochs" else plan.likely_seconds

    def full(self, plan: "Plan") -> float:
        """For training the winner in full, once the search is over."""
        return plan.full_epochs if self.unit == "epochs" else plan.likely_full_seconds

    def most(self, plan: "Plan") -> float:
        """Of the search and that training, if every network were the dearest."""
        return plan.epochs + plan.full_epochs if self.unit == "epochs" else plan.seconds + plan.full_seconds


def words(amount: float, unit: Unit) -> str:
    return counted(round(amount), "epoch") if unit == "epochs" else duration(amount)


def parse(text: str) -> Budget:
    """Raises ValueError where it is not written as FORMS says."""
    match = WRITTEN.fullmatch(text.strip())
    if match is None or match["unit"] not in UNITS:
        raise ValueError(text)
    size, unit = UNITS[match["unit"]]
    amount = float(match["number"].replace(",", "")) * size
    if amount not in AMOUNT or (unit == "epochs" and amount != int(amount)):
        raise ValueError(text)
    return Budget(amount, unit)
