"""Studies and trials as Optuna's tables hold them, read without Optuna, which takes longer to import than what is to be read.

What Optuna could not read is one sentence that names its place. Of what it could, `told.py` says whether it counts.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from data.shown import one_line, shown
from search.storage.checked.kinds import FOREIGN, misnumbered
from search.storage.sqlite import Rows
from studies.preset import StudyError

DIRECTIONS = "SELECT direction FROM study_directions WHERE study_id = :study_id ORDER BY objective"
ATTRIBUTES = "SELECT key, value_json FROM study_user_attributes WHERE study_id = :study_id"
TRIALS = """
SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = :study_id ORDER BY trial_id
"""
JOINED_TO_TRIALS = "SELECT trial_id, {} FROM trials JOIN {} USING (trial_id) WHERE study_id = :study_id ORDER BY {}"
STORED = {"INF_POS": float("inf"), "INF_NEG": float("-inf"), "NAN": float("nan")}  # numbers that are stored as words
DECIMAL = ("FloatDistribution", "UniformDistribution", "LogUniformDistribution", "DiscreteUniformDistribution")
WHOLE_DISTRIBUTIONS = ("IntDistribution", "IntUniformDistribution", "IntLogUniformDistribution")
CHOICE = "CategoricalDistribution"


class State(Enum):
    """Of a trial, by Optuna's names."""

    WAITING, RUNNING, COMPLETE, PRUNED, FAIL = range(5)

    def is_finished(self) -> bool:
        return self not in (State.WAITING, State.RUNNING)


@dataclass(frozen=True)
class Row:
    """A trial, under the names that Optuna's has."""

    number: int
    state: State
    datetime_start: datetime | None
    datetime_complete: datetime | None
    user_attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    intermediate_values: dict[int, Any] = field(default_factory=dict)
    by_objective: dict[int, Any] = field(default_factory=dict)

    @property
    def values(self) -> list[Any] | None:
        return [self.by_objective[objective] for objective in sorted(self.by_objective)] or None


def attributes(study: str, study_id: int, rows: Rows) -> dict[str, Any]:
    """The study's own. Raises StudyError for one that is no JSON."""
    found: dict[str, Any] = {}
    for name, written in rows(ATTRIBUTES, study_id=study_id):
        try:
            found[name] = json.loads(written)
        except FOREIGN as error:
            raise damaged(f"the study {study!r}", f"its attribute {name}", (written,), error) from None
    return found


def trials_in(study: str, study_id: int, rows: Rows) -> list[Row]:
    """All trials of the study, in the order in which they were made. Raises StudyError where one cannot be read."""
    found: dict[int, Row] = {}
    for trial_id, number, state, began, ended in rows(TRIALS, study_id=study_id):
        try:
            found[trial_id] = Row(number, State[state], moment(began), moment(ended))
            if ended is not None and not found[trial_id].state.is_finished():
                raise ValueError("it has ended, and has not")
        except FOREIGN as error:
            whose = f"trial {number} of the study {study!r}"
            raise damaged(whose, "its state, beginning and end", (state, began, ended), error) from None
    if wrong := misnumbered([row.number for row in found.values()]):
        raise StudyError(f"the study {study!r} is damaged ({wrong}): {MEND}")
    for table, (columns, names, order, of, read) in PARTS.items():
        places = {trial_id: of(row) for trial_id, row in found.items()}
        for trial_id, name, *written in rows(JOINED_TO_TRIALS.format(columns, table, order), study_id=study_id):
            if trial_id not in places:
                continue  # it was made since the trials were asked for
            try:
                if not isinstance(name, names):
                    raise TypeError(f"it belongs to no {names.__name__}")
                places[trial_id][name] = read(*written)
            except FOREIGN as error:
                whose = f"trial {found[trial_id].number} of the study {study!r}"
                raise damaged(whose, f"its {WORDS[table]} {name}", written, error) from None
    for row in found.values():
        if sorted(row.by_objective) != list(range(len(row.by_objective))):
            what = f"its values are of the objectives {', '.join(map(str, sorted(row.by_objective)))}"
            raise StudyError(
                f"trial {row.number} of the study {study!r} is damaged and cannot be read ({what}): {MEND}"
            )
    return list(found.values())


MEND = "somebody has changed the database; restore a copy of it, or use another --run-dir"


def damaged(whose: str, what: str, written: Any, error: Exception) -> StudyError:
    """`what` stands for its name or place, and `written` for what is there."""
    there = ", ".join(map(shown, written))
    return StudyError(f"{whose} is damaged and cannot be read ({what} is {there}: {one_line(str(error))}): {MEND}")


def moment(stored: Any) -> datetime | None:
    """Without a zone, as SQLAlchemy gives it out; SQLite keeps it as text."""
    if stored is None or isinstance(stored, datetime):
        return stored
    return datetime.fromisoformat(stored).replace(tzinfo=None)


@lru_cache(maxsize=10_000)  # most are the same in every trial
def parsed(written: str) -> Any:
    return json.loads(written)


def stored_number(value: Any, kind: str) -> Any:
    if kind != "FINITE":
        return STORED[kind]
    if value is None:
        raise ValueError("a number is missing")
    return value


def chosen(stored: Any, distribution: str) -> Any:
    """A parameter as Optuna gives it out: it stores a choice by its place, and integers as decimals."""
    kind = parsed(distribution)
    if kind["name"] == CHOICE:
        return kind["attributes"]["choices"][int(stored)]
    if kind["name"] in WHOLE_DISTRIBUTIONS:
        return int(stored)
    if kind["name"] not in DECIMAL:
        raise ValueError("it has no distribution")
    return stored


WORDS = {
    "trial_user_attributes": "attribute",
    "trial_system_attributes": "system attribute",
    "trial_params": "parameter",
    "trial_values": "value",
    "trial_intermediate_values": "error of epoch",
}
Part = tuple[str, type, str, Callable[[Row], dict[Any, Any]], Callable[..., Any]]
# The other tables of trials: their columns, of which the first is a name or a place, of what type that is, the order, where it belongs, and how it is read.
PARTS: Mapping[str, Part] = {
    "trial_user_attributes": ("key, value_json", str, "trial_id", lambda row: row.user_attrs, parsed),
    "trial_system_attributes": ("key, value_json", str, "trial_id", lambda row: row.system_attrs, parsed),
    "trial_params": ("param_name, param_value, distribution_json", str, "param_id", lambda row: row.params, chosen),
    "trial_values": ("objective, value, value_type", int, "trial_id", lambda row: row.by_objective, stored_number),
    "trial_intermediate_values": (
        "step, intermediate_value, intermediate_value_type",
        object,
        "trial_id",
        lambda row: row.intermediate_values,
        stored_number,
    ),
}
