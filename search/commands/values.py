"""How the values of options are written on the command line, and what reads them.

Whatever cannot be read is answered with the forms that can. A number's forms are its range, which is declared beside the
frozen value that it becomes a part of.
"""

from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from data.named_source import expanded
from data.preparation import DataError
from data.ranges import Range
from data.shown import shown
from models.architecture import BETA, BLOCKS_FORMS, ArchitectureError, Counts, parse_counts
from models.cost import PARAMS_FORMS, amount, parse_params
from models.families import FAMILIES
from search.planning.amount import AMOUNT, FORMS, parse

UNITS = {"s": 1, "m": 60, "h": 3600}
POOLS = {"both": (True, True), "first": (True, False), "second": (False, True), "none": (False, False)}


@dataclass(frozen=True)
class Written:
    """A kind of value: `forms` says how it is written, `read` raises ValueError for anything else."""

    forms: str
    read: Callable[[str], Any]

    def __call__(self, text: str) -> Any:
        try:
            return self.read(text)
        except (ArchitectureError, DataError) as error:  # says itself what it takes
            raise ArgumentTypeError(str(error)) from None
        except ValueError:
            raise ArgumentTypeError(f"expected {self.forms}; got {shown(text)}") from None


def number(allowed: Range) -> Written:
    return Written(str(allowed), lambda text: one(allowed, text))


def numbers(allowed: Range, example: str) -> Written:
    """Numbers separated by commas."""
    return Written(
        f"numbers separated by commas, as {example}, each {allowed}",
        lambda text: tuple(one(allowed, part) for part in text.split(",")),
    )


def or_none(several: Written) -> Written:
    """Of several values there may be none, as the help calls an empty default."""
    return Written(f"{several.forms}, or none", lambda text: () if text.strip() == "none" else several.read(text))


def one(allowed: Range, text: str) -> float:
    value = int(text) if allowed.integral else float(text)
    if value not in allowed:
        raise ValueError(text)
    return value


def one_of(words: tuple[str, ...], text: str) -> str:
    if text not in words:
        raise ValueError(text)
    return text


def seconds(text: str) -> float:
    amount, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    return one(AMOUNT, str(float(amount) * UNITS[unit]))


def stem_pools(text: str) -> tuple[bool, bool]:
    if text not in POOLS:
        raise ValueError(text)
    return POOLS[text]


def start_points(text: str) -> tuple[tuple[float, Counts], ...]:
    pairs = [part.split(":", 1) for part in text.split(";")]
    return tuple((one(BETA, beta), parse_counts(blocks)) for beta, blocks in pairs)


def not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


PARAMS = Written(PARAMS_FORMS, parse_params)
PARAMS_OR_0 = Written(f"{PARAMS_FORMS}, or 0", lambda text: 0 if text.strip() == "0" else parse_params(text))


class Betas(NamedTuple):
    """β, and factors on it by group, as far as they were written."""

    beta: float | None
    groups: tuple[tuple[str, float], ...]


def widths(beta: "float | Betas") -> dict[str, Any]:
    """The fields of an architecture that an option --beta sets."""
    if not isinstance(beta, Betas):
        return {"beta": beta}
    return ({} if beta.beta is None else {"beta": beta.beta}) | {"group_betas": beta.groups}


def betas(text: str) -> Any:  # a float, or Betas
    """1.2, mixed9=0.7, or 1.2,mixed9=0.7. Plain where no group is named; a plain one is refused as the number that it is."""
    if "=" not in text:
        return BETA_ALONE(text)
    parts = text.split(",")
    plain = [part for part in parts if "=" not in part]
    if len(plain) > 1:
        raise ValueError(text)
    return Betas(one(BETA, plain[0]) if plain else None, group_betas(",".join(part for part in parts if "=" in part)))


def group_betas(text: str) -> tuple[tuple[str, float], ...]:
    pairs = [part.split("=", 1) for part in text.split(",")]
    named = {name.strip(): one(BETA, factor) for name, factor in pairs}
    if len(named) < len(pairs) or not all(name.isidentifier() for name in named):
        raise ValueError(text)
    return tuple(named.items())


BETA_ALONE = number(BETA)
BETAS = Written(f"{BETA}, and factors on it for some block groups, as 1.2 or mixed9=0.7 or 1.2,mixed9=0.7", betas)
GROUP_BETAS = Written(f"block groups, each with a factor on β, {BETA}, as mixed5=1.2,mixed9=0.7", group_betas)
FAMILY_NAMES = Written(
    f"families separated by commas, some of {', '.join(FAMILIES)}",
    lambda text: tuple(one_of(tuple(FAMILIES), part.strip()) for part in text.split(",")),
)
AMOUNT_OR_0 = Written(
    "5G, 800M or 1.5e9 (k, M, G and T are thousands, millions and so on), or 0", lambda text: amount(text, 10**15)
)
BLOCKS = Written(BLOCKS_FORMS, parse_counts)
STEM_POOLS = Written("both, first, second or none", stem_pools)
SECONDS = Written("90s, 45m or 12h, or a number of seconds, above 0", seconds)
START_POINTS = Written("β:blocks, several separated by semicolons, as 1.2:4/3/3;1.4:4/3/3", start_points)
OBJECTIVE = Written(
    "mae, mae,macs or mae,params", lambda text: tuple(part.strip() for part in not_empty(text).split(","))
)
BUDGET = Written(FORMS, parse)


def url(text: str) -> str:
    """Of a database. In the path of an SQLite file ~ is a home folder, as in any path."""
    head, mark, place = text.partition(":///~")
    if not mark or not head.startswith("sqlite"):
        return not_empty(text)
    path, question, query = place.partition("?")
    return f"{head}:///{quote(str(expanded('~' + unquote(path))))}{question}{query}"


TEXT = Written("a text that is not empty", not_empty)
PATH = Written("a path that is not empty", lambda text: expanded(not_empty(text)))
URL = Written("a URL that is not empty", url)
FILE = Written("a path, or '' for none", lambda text: str(expanded(text).absolute()) if text else "")
