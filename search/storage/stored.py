"""What a study's attributes hold, believed only as far as it is what this program wrote. Needs no Optuna, as `status` reads it.

Optuna's dashboard and anybody's script can change attributes. One that is damaged is a sentence, never a traceback or a
number taken over; a decision carries a sum of what it says, so that one that was edited is found out.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from data.shown import shown
from models.architecture import Architecture
from models.cost import Cost
from search.storage.checked.kinds import FOREIGN, OF_STUDIES, SECONDS, SEEDS, Kind, number, text, whole, within
from search.storage.checked.trained import RARE, Means, network_attributes
from search.storage.checked.typed import misfit
from studies.around.chain import Made
from studies.order import EVERY, deciding, stored_decision
from studies.preset import OBJECTIVES, StudyError
from studies.study import SEED, Decision, Given, Point, Study, Value, to_point

SUM = "sum"  # in a stored decision; those of earlier versions have none
DECIDED_UNDER = "decided_under"  # a study's attribute: the preset's own fields by which it decided


def checked(study: str, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The study's attributes. Raises StudyError for one that is not of its kind."""
    for name, kind in OF_STUDIES.items():
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
    for name, (what, fits) in SHARED.items():
        if name in values and not fits(values[name]):
            raise damaged(study, "settings", f"its {name} is {shown(values[name])}, and not {what}")
    return values


def are_choices(value: Any) -> bool:
    """Values by parameter, for each one at least."""
    if not isinstance(value, dict) or not all(isinstance(choices, list) and choices for choices in value.values()):
        return False
    return all(text(one) or number(one) for choices in value.values() for one in choices)


# What is read again of a study's settings, with what it is in words.
SHARED: Mapping[str, tuple[str, Kind]] = {
    "space": ("choices by parameter", are_choices),
    "given": ("decisions by study", lambda value: isinstance(value, dict)),
    "objectives": ("what a study may minimize", lambda value: isinstance(value, list) and tuple(value) in OBJECTIVES),
    "data": ("the digest of a store", text),
    "seed": ("a seed", within(SEEDS)),
    "weights": ("the digest of a file", text),
}


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
    import hashlib  # takes longer than all else that `plan` imports from here

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


def decisions_given(study: str, settings: Mapping[str, Any], name: str) -> dict[str, Decision]:
    """Those of the studies before it that the study called `name`, with these settings, started from."""
    before, earlier = settings.get("given", {}), names_before(name)
    if strange := [one for one in before if one not in earlier]:
        raise damaged(
            study, "settings", f"its given has a decision of {shown(strange[0])}, which does not come before it"
        )
    if "given" in settings and (needed := EVERY[name].NEEDS) and needed not in before:
        raise damaged(study, "settings", f"its given lacks the decision of {needed}")
    return {done: decision_from(study, "settings", done, values) for done, values in before.items()}


def names_before(name: str) -> list[str]:
    names = list(EVERY)
    return [one for one in deciding() if one in names[: names.index(name)]]


def decision_from(study: str, attribute: str, name: str, values: Any) -> Decision:
    """That of the study called `name`. Raises StudyError where the attribute does not hold it."""
    try:
        decision = stored_decision(name, values)
    except FOREIGN as error:
        raise damaged(study, attribute, f"it is no decision ({error})") from None
    if wrong := misfit(decision):
        raise damaged(study, attribute, f"it is no decision ({wrong})")
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
        decisions_given(study, settings, name),
        None if decision is None else stored_decision(name, decision),
        an_object(study, DECIDED_UNDER, attrs[DECIDED_UNDER]) if DECIDED_UNDER in attrs else None,
    )


FORETOLD = {name: within(SECONDS) for name in ("seconds_left", "search_seconds_left", "epoch_seconds_predicted")}


def timing_of(attrs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was foretold last; a damaged forecast is none."""
    try:
        timing = json.loads(attrs["timing"])
        at = datetime.fromisoformat(timing["at"]).tzinfo is not None
        fits = at and all(kind(timing[name]) for name, kind in FORETOLD.items())
        error = timing["epoch_seconds_error"]
    except FOREIGN:
        return None
    return timing if fits and (error is None or error in SECONDS) else None


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
        if name not in space and (name != SEED or value not in SEEDS):
            return f"has {name} {shown(value)}, a parameter that its study does not have"
    return ""


def same(value: Any, choice: Any) -> bool:
    if isinstance(choice, str) or isinstance(value, str):
        return type(value) is type(choice) and value == choice
    if not number(value) or not number(choice) or (isinstance(choice, int) and not whole(value)):
        return False
    return round(float(value), 6) == round(float(choice), 6)


def meaning(module: Study, given: Given) -> Means:
    """What the study's points mean to one who is given this."""
    known: dict[tuple[Any, ...], tuple[Architecture, Cost]] = {}  # a study asks of each of its trials, again and again

    def network(point: Point) -> tuple[Architecture, Cost]:
        key = tuple((name, type(value), value) for name, value in point.items())
        if key not in known:
            architecture = module.architecture(given, point)
            known[key] = architecture, given.cost(architecture)
        return known[key]

    return network


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
