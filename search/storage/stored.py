"""What a study's attributes hold, believed only as far as it is what this program wrote. Needs no Optuna, as `status` reads it.

Optuna's dashboard and anybody's script can change attributes. One that is damaged is a sentence, never a traceback or a
number taken over; a decision carries a sum of what it says, so that one that was edited is found out.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from data.shown import shown
from models.architecture import Architecture
from models.cost import Cost
from models.paper import PAPER_NAMES, is_of_the_paper
from studies.around.chain import Made
from studies.order import stored_decision
from studies.preset import StudyError
from studies.study import SEED, Decision, Given, Point, Study, Value, to_point

# Attributes of networks that are not of the paper's kind.
RARE = ("family", "se_ratio", "input_px", "even_detail", "even_tone")
Means = Callable[[Point], tuple[Architecture, Cost]]  # the network of a study's point, as the run is set now
SUM = "sum"  # in a stored decision; those of earlier versions have none
DECIDED_UNDER = "decided_under"  # a study's attribute: the preset's own fields by which it decided


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def text(value: Any) -> bool:
    return isinstance(value, str)


def flag(value: Any) -> bool:
    return isinstance(value, bool)


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "constant_mae": number,
    "synthetic": flag,
    "configurations": text,
    "turned_away": whole,
    "machines": text,
    "summary": text,
    "run": text,
    "run_folder": text,
    "settings": text,
    "decision": text,
    DECIDED_UNDER: text,
    "timing": text,
}


def checked(study: str, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The study's attributes. Raises StudyError for one that is not of its kind."""
    for name, kind in KINDS.items():
        if name in attrs and not kind(attrs[name]):
            raise damaged(study, name, f"it is {shown(attrs[name])}")
    return attrs


def damaged(study: str, attribute: str, how: str) -> StudyError:
    return StudyError(
        f"the study {study!r} has a damaged attribute, {attribute}: {how}. Somebody has changed it: restore it, or use "
        "another --run-dir"
    )


def an_object(study: str, attribute: str, written: Any) -> dict[str, Any]:
    """An attribute that is JSON. Raises StudyError where it is not."""
    try:
        values = json.loads(written)
    except (TypeError, ValueError, RecursionError) as error:
        raise damaged(study, attribute, str(error)) from None
    if not isinstance(values, dict):
        raise damaged(study, attribute, "it holds no values by name")
    return values


def settings_of(study: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Those that all trials of the study share."""
    values = an_object(study, "settings", checked(study, attrs)["settings"])
    for name, kind in (("space", dict), ("given", dict), ("objectives", list)):
        if not isinstance(values.get(name, kind()), kind):
            raise damaged(study, "settings", f"its {name} is {shown(values[name])}")
    return values


def refuse_directions(study: str, settings: Mapping[str, Any], directions: Sequence[str]) -> None:
    """Where they are not those with which the study was made: somebody has made another of its name."""
    objectives = settings.get("objectives", ["mae"])
    if list(directions) != ["MINIMIZE"] * len(objectives):
        raise StudyError(
            f"the study {study!r} does not minimize {' and '.join(objectives)}: its directions are {', '.join(directions)}. "
            "Somebody has created it again: delete it, or use another --run-dir"
        )


def decision_written(decision: Decision) -> str:
    values = decision.to_dict()
    return json.dumps(values | {SUM: sum_of(values)})


def sum_of(values: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps({name: value for name, value in values.items() if name != SUM}))
    return hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=8).hexdigest()


def decision_of(study: str, attrs: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """The decision as `Decision.to_dict` gives it; None before there is one. Raises StudyError for a damaged one."""
    if "decision" not in attrs:
        return None
    try:
        values = an_object(study, "decision", attrs["decision"])
        if SUM in values and values.pop(SUM) != sum_of(values):
            raise damaged(study, "decision", "it is not what was decided")
        decision_from(study, "decision", name, values)
    except StudyError as error:
        said = str(error).partition(" Somebody")[0]
        raise StudyError(
            f"{said} Somebody has changed it: run the study {name} again, and it will decide again from its trials"
        ) from None
    return values


def decisions_given(study: str, settings: Mapping[str, Any]) -> dict[str, Decision]:
    """Those of the studies before it that the study with these settings started from."""
    before = settings.get("given", {})
    return {done: decision_from(study, "settings", done, values) for done, values in before.items()}


def decision_from(study: str, attribute: str, name: str, values: Any) -> Decision:
    """That of the study called `name`. Raises StudyError where the attribute does not hold it."""
    try:
        decision = stored_decision(name, values)
        if not isinstance(decision.summary, str):
            raise TypeError("a summary is a text")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise damaged(study, attribute, f"it is no decision ({error})") from None
    return decision


def made_of(study: str, attrs: Mapping[str, Any], name: str, begun: bool) -> Made:
    """The study called `name`, `begun` where it has trials. A damaged decision is none: the study decides again from its trials."""
    settings = settings_of(study, attrs)
    decision = None
    with suppress(StudyError):
        decision = decision_of(study, attrs, name)
    return Made(
        begun,
        settings,
        decisions_given(study, settings),
        None if decision is None else stored_decision(name, decision),
        an_object(study, DECIDED_UNDER, attrs[DECIDED_UNDER]) if DECIDED_UNDER in attrs else None,
    )


def timing_of(attrs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was foretold last; a damaged forecast is none."""
    try:
        timing = json.loads(attrs["timing"])
        datetime.fromisoformat(timing["at"])
        numbers = [timing["seconds_left"], timing["search_seconds_left"], timing["epoch_seconds_predicted"]]
        error = timing["epoch_seconds_error"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return timing if all(map(number, numbers)) and (error is None or number(error)) else None


def why_outside(params: Mapping[str, Any], space: Mapping[str, Sequence[Value]]) -> str:
    """Why these are not the parameters of a trial of the study with this space, as a clause; empty where they are.

    Integers stand for decimals, as JSON writes 1.0 as 1 in a browser.
    """
    for name, values in space.items():
        if name not in params:
            return f"has no {name}"
        if not any(same(params[name], value) for value in values):
            return f"has {name} {shown(params[name])}, which is none of {', '.join(map(str, values[:12]))}"
    for name, value in params.items():
        if name not in space and (name != SEED or not whole(value) or value < 0):
            return f"has {name} {shown(value)}, a parameter that its study does not have"
    return ""


def same(value: Any, choice: Value) -> bool:
    if isinstance(choice, str) or isinstance(value, str):
        return type(value) is type(choice) and value == choice
    if not number(value) or (isinstance(choice, int) and not whole(value)):
        return False
    return round(float(value), 6) == round(float(choice), 6)


def meaning(module: Study, given: Given) -> Means:
    """What the study's points mean to one who is given this."""

    def network(point: Point) -> tuple[Architecture, Cost]:
        architecture = module.architecture(given, point)
        return architecture, given.cost(architecture)

    return network


def network_attributes(architecture: Architecture, cost: Cost) -> dict[str, Any]:
    """What a trial records of its network; of what is rare, only what the network has."""
    counts = {PAPER_NAMES.get(group, group): count for group, count in architecture.blocks._asdict().items()}
    rare: dict[str, Any] = {} if is_of_the_paper(architecture) else {"family": architecture.family}
    rare |= {name: value for name in RARE[1:] if (value := getattr(architecture, name))}
    return rare | {
        "beta": architecture.beta,
        **counts,
        "sex_units": architecture.sex_units,
        "fc_units": architecture.fc_units,
        "dropout": architecture.dropout,
        "params": cost.params,
        "macs": cost.macs,
    }


def why_another(attrs: Mapping[str, Any], params: Mapping[str, Any], means: Means) -> str:
    """A clause, whose subject is the trial with these attributes and parameters; empty where its point means what it trained.

    It does not where a point stands for a width that depends on a cap, which has changed since. What an earlier version has not recorded is
    not compared.
    """
    try:
        now = network_attributes(*means(to_point(params)))
    except LookupError:  # it is not known what came before the study
        return ""
    except ValueError as error:
        return f"has a point that no longer stands for a network ({error})"
    recorded = [name for name in (*now, *RARE) if name in attrs]
    other = [name for name in recorded if name not in now or not same(attrs[name], now[name])]
    if not other:
        return ""
    name = "params" if "params" in other else other[0]
    was, is_now = shown(attrs[name]), shown(now.get(name, "none"))
    return f"trained another network than its point stands for now: its {name} was {was}, and would now be {is_now}"
