"""Whether a value that was read is of the type that its dataclass names: a finding of a study that a page is to show."""

from collections.abc import Hashable, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from data.ranges import kinds
from data.shown import shown
from models.architecture import Architecture
from search.storage.checked.kinds import flag, number, text, whole

PLAIN = {
    float: ("a number", number),
    int: ("a whole number", whole),
    str: ("a text", text),
    bool: ("true or false", flag),
}


def misfit(value: Any) -> str:
    """What of a dataclass's fields, and of theirs, is of another type; empty where all are as they should be."""
    fields = kinds(cast("Hashable", type(value)))
    return next(filter(None, (of_type(getattr(value, name), kind, name) for name, kind in fields.items())), "")


def of_type(value: Any, kind: Any, where: str) -> str:
    if kind in PLAIN:
        what, fits = PLAIN[kind]
        return "" if fits(value) else f"{where} is {what}, and it has {shown(value)}"
    if kind in (Any, Architecture):  # which checks itself
        return "" if kind is Any or isinstance(value, Architecture) else f"{where} is a network"
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "" if value in inner else f"{where} is one of {', '.join(map(str, inner))}, and it has {shown(value)}"
    if origin in (Union, UnionType):
        found = [of_type(value, one, where) for one in inner]
        return "" if "" in found else found[0]
    if kind is NoneType:
        return "" if value is None else f"{where} is nothing, and it has {shown(value)}"
    if origin is tuple:
        if not isinstance(value, tuple):
            return f"{where} is a list, and it has {shown(value)}"
        return next(filter(None, (of_type(one, inner[0], f"{where}[{n}]") for n, one in enumerate(value))), "")
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            return f"{where} is a table of values by name, and it has {shown(value)}"
        return next(filter(None, (of_type(one, inner[1], f"{where}.{name}") for name, one in value.items())), "")
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, kind):
            return f"{where} is no {kind.__name__}; it has {shown(value)}"
        wrong = misfit(value)
        return f"{where}: {wrong}" if wrong else ""
    raise TypeError(f"{where} has a type that is not known here: {kind}")
