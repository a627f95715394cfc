"""What studies find, typed: verdicts on variants, the Pareto front, and what every study's own findings derive from.

As JSON they are stored with a study and printed by `--json`. Every field has a default, so that what an older version stored is
read; a field that is None is left out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, Self

from data.counted import counted
from data.written import months, with_sd
from models.architecture import Architecture

Value = float | int | str
Point = dict[str, Value]
VerdictWord = Literal[
    "matters",
    "better without",
    "does not matter",
    "these trained models differ",  # over the images; of too few seeds to speak of the architectures
    "not resolved",
    "not tested",
    "not trainable",
    "worse",  # what "matters" and "better without" are called where one thing replaces another
    "better",
]
Scope = Literal["architectures", "these trained models"]  # what a verdict speaks of
Favoured = Literal[
    "", "the reference", "the variant"
]  # which of the two was picked by the very trainings that are compared


@dataclass(frozen=True)
class Compared:
    """A variant beside its reference: months by which its validation MAE is higher, None where nothing could be said."""

    variant: str
    verdict: VerdictWord
    change: float | None  # mean over the seeds that did not fail
    low: float | None  # 95 % interval
    high: float | None
    p_difference: float | None  # adjusted for all that were compared together
    p_equivalence: float | None
    seeds: int
    scope: Scope
    seeds_to_resolve: int | None = None
    left_out: str = ""  # seeds that were not trained as the others were
    p_images: float | None = None  # of no difference between these trained models; None where seeds speak
    favoured: Favoured = ""  # for which the change is optimistic, so that it has neither verdict nor interval

    @property
    def said(self) -> str:
        """The verdict as people read it."""
        if self.favoured and self.verdict == "not tested":
            return f"estimate, optimistic for {self.favoured}"
        return self.verdict

    @property
    def changed(self) -> str:
        """1.20 months worse."""
        assert self.change is not None
        change = round(self.change, 2)
        return f"{months(abs(change))} months {'worse' if change >= 0 else 'better'}"

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        empty = {"left_out": "", "p_images": None, "favoured": ""}
        return {name: value for name, value in values.items() if name not in empty or value != empty[name]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**known(cls, values))


@dataclass(frozen=True)
class Evidence:
    """What is known of the months that a change costs, without a verdict."""

    effect_months: float
    sd_months: float | None  # of that estimate, the luck of seeds in it; None where nothing is known of seeds

    @property
    def costs(self) -> bool:
        """Whether it costs anything, as it is written."""
        return round(self.effect_months, 2) > 0

    def __str__(self) -> str:
        return with_sd(self.effect_months, self.sd_months)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**known(cls, values))


@dataclass(frozen=True)
class OnFront:
    """A trial that no other of its study beats in MAE, parameters and MACs together."""

    trial: int
    point: Point
    validation_mae: float  # months
    params: int
    macs: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "trial": self.trial,
            **self.point,
            "validation_mae": self.validation_mae,
            "params": self.params,
            "macs": self.macs,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**known(cls, values), point=rest(cls, values))


@dataclass(frozen=True)
class Choice:
    """Why this network: what the surrogate expects of it, and what of the training with the lowest validation MAE. In months."""

    expected: float
    sd: float  # of that expectation; a single training lies farther away
    seeds: int  # with which the chosen network was trained
    trainings: int  # that the surrogate was fitted to
    noise: float  # standard deviation between the seeds of one network
    lowest: float  # validation MAE, as it was seen, of all trainings of networks that the study could decide for
    lowest_network: str
    lowest_expected: float
    lowest_sd: float
    is_lowest: bool  # whether it is the chosen network's
    mean: float | None = None  # as it was seen, over the chosen network's trainings; None: an earlier version

    @property
    def sentence(self) -> str:
        chosen = f"expected {with_sd(self.expected, self.sd)} months, from {counted(self.trainings, 'training')}"
        if self.is_lowest:
            return f"{chosen}; {self.had_the_lowest}"
        return (
            f"{chosen}; the network with the lowest seen of those that could be chosen, {months(self.lowest)} ({self.lowest_network}), was not chosen: "
            f"{with_sd(self.lowest_expected, self.lowest_sd)} is expected of it"
        )

    @property
    def had_the_lowest(self) -> str:
        """Of a chosen network that did: beside its mean that is said of one of its trainings."""
        which = f"one of its {self.seeds} trainings" if self.seeds > 1 else "it also"
        mean = f"; their mean is {months(self.mean)}" if self.seeds > 1 and self.mean is not None else ""
        return f"{which} had the lowest MAE seen of the networks that could be chosen, {months(self.lowest)}{mean}"

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**known(cls, values))


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What every study finds; a study adds fields of its own. In JSON, a field `point` stands as the point's own parameters."""

    CAPTION: ClassVar[str] = "Each variant, beside its reference"  # of `compared`

    choice: Choice | None = field(default=None, metadata={"of": Choice})  # where the surrogate decided
    front: tuple[OnFront, ...] = field(default=(), metadata={"of": OnFront})

    @property
    def compared(self) -> tuple[Compared, ...]:
        """Its evidence, a row for each variant."""
        return ()

    @classmethod
    def assumed(cls, network: Architecture, dearest_groups: tuple[str, ...]) -> Self:
        """What the time left is foretold with before the study has decided: that it comes to this network."""
        return cls()

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each in sorted(fields(self), key=lambda each: each.name == "front"):  # which is last
            value = getattr(self, each.name)
            if each.name == "point":
                found |= value
            elif isinstance(value, tuple):
                found[each.name] = [one.to_dict() if hasattr(one, "to_dict") else one for one in value]
            elif isinstance(value, Choice):
                found[each.name] = value.to_dict()
            elif isinstance(value, Mapping):
                found[each.name] = {
                    key: one.to_dict() if isinstance(one, Evidence) else one for key, one in value.items()
                }
            elif value is not None:
                found[each.name] = value
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        read = known(cls, values)
        for each in fields(cls):
            kind = each.metadata.get("of")
            if isinstance(value := read.get(each.name), list):
                read[each.name] = tuple(kind.from_dict(one) for one in value) if kind else tuple(value)
            elif "of each" in each.metadata and isinstance(value, Mapping):
                of_each = each.metadata["of each"]
                read[each.name] = {name: of_each.from_dict(one) for name, one in value.items()}
            elif kind and isinstance(value, Mapping):
                read[each.name] = kind.from_dict(value)
            elif each.name == "point":
                read["point"] = rest(cls, values)
        return cls(**read)


def learned_nothing(mae: float, constant_mae: float, uncertainty: float) -> bool:
    """Whether a network is no better than always answering the training median, by more than its figure is uncertain; months."""
    return mae + uncertainty >= constant_mae


def known(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(cls)}
    return {name: value for name, value in values.items() if name in names}


def rest(cls: Any, values: Mapping[str, Any]) -> Point:
    """The parameters of a point that stands beside the fields."""
    names = {each.name for each in fields(cls)}
    return {name: value for name, value in values.items() if name not in names}
