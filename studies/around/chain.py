"""From which decisions each study of a run was made, and whether these are the decisions that are stored.

The leader refuses by it what would contradict them (`search/leader/guards.py`), and `status` says by it where they do.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from studies.order import EVERY, FIRST, asked, comes, deciding
from studies.preset import Preset
from studies.study import Decision

REFERENCE = "reference "  # begins the names of a study's settings that are fields of the network it starts from


@dataclass(frozen=True)
class Made:
    """A study of the run as it is stored."""

    begun: bool  # it has trials
    settings: Mapping[str, Any]  # that they share, as JSON holds them
    given: Mapping[str, Decision]  # from which they were made, by study
    decision: Decision | None
    under: Mapping[str, Any] | None = None  # fields of the preset by which it decided; None in earlier versions

    @property
    def reference(self) -> dict[str, Any]:
        """Fields of the network that it starts from, as far as its version knew them."""
        named = {name: value for name, value in self.settings.items() if name.startswith(REFERENCE)}
        return {name.removeprefix(REFERENCE): value for name, value in named.items()}

    def starts_from(self, network: Mapping[str, Any]) -> bool:
        return all(network.get(name, value) == value for name, value in self.reference.items())


def as_json(values: Any) -> Any:
    """As it comes back from the storage."""
    return json.loads(json.dumps(values))


def alike(one: Decision, other: Decision) -> bool:
    """In what they decide and have found, not in which sentence: another version says the same otherwise."""
    return without_words(one) == without_words(other)


def without_words(decision: Decision) -> dict[str, Any]:
    values: dict[str, Any] = as_json(decision.to_dict())
    return {name: value for name, value in values.items() if name != "summary"}


def leading() -> list[str]:
    """The studies that others stand on: those whose decisions are given to others, and those whose network is their reference."""
    return [name for name in EVERY if comes(name) == FIRST or name in deciding()]


def after(name: str, made: Mapping[str, Made]) -> list[str]:
    """The studies that have trials, of those that go on from the decision of the one of this name."""
    order = list(EVERY)
    return [other for other in order[order.index(name) + 1 :] if other in made and made[other].begun]


def went_on(name: str, other: str, made: Mapping[str, Made]) -> bool:
    """Whether the other study's trials were made once the one of this name had decided.

    From a first one's network a person may have gone on with another width; who starts from where that one did itself has not gone on.
    """
    if comes(name) != FIRST:
        return name in made[other].given
    first = made.get(name)
    if first is None or first.decision is None:
        return False
    decided = as_json(asdict(first.decision.architecture))
    return made[other].starts_from(decided) or not made[other].starts_from(first.reference)


def standing_on(name: str, made: Mapping[str, Made]) -> list[str]:
    """The studies whose trials were made from the decision of the one of this name."""
    return [other for other in after(name, made) if went_on(name, other, made)] if name in leading() else []


def made_without(name: str, made: Mapping[str, Made]) -> list[str]:
    """The studies that would have been given the decision of the one of this name, and have trials that were made without it."""
    return [other for other in after(name, made) if not went_on(name, other, made)] if name in leading() else []


def contradictions(made: Mapping[str, Made], names: Iterable[str]) -> list[str]:
    """Where the studies of these names were made from other decisions than those that are stored, as sentences without a full stop.

    A decision that is gone contradicts nothing: its study may decide for the same again.
    """
    return [
        f"{name} was made from another decision of {earlier} than the stored one"
        for name in names
        if name in made and made[name].begun
        for earlier, before in made[name].given.items()
        if earlier in made and (decision := made[earlier].decision) and not alike(before, decision)
    ]


def all_contradictions(made: Mapping[str, Made], preset: Preset) -> list[str]:
    """The same of the whole run, whose preset says which studies beside the order it has."""
    late = [
        f"{listed(without)} {has(without)} trials that were made without the decision of {name}"
        for name in leading()
        if name in made and made[name].decision and (comes(name) == FIRST or asked(name, preset))
        if (without := made_without(name, made))
    ]
    return [*late, *contradictions(made, made)]


def listed(names: Sequence[str]) -> str:
    """ablation, width and depth."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"
