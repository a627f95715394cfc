"""What is wrong with a case that was left out: a kind, what to say of it, and for an equal image which one was kept.

`problems.csv` of a prepared store has a row per problem: id, path, the `reason` that a person reads, and the facts that
a program reads. Stores of before had the first three columns only; what they say is read back here and nowhere else.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from data.csv_text import booleans, read_csv

Kind = Literal[
    "id",
    "sex",
    "age",
    "split",
    "repeated id",
    "missing",
    "ambiguous",
    "unreadable",
    "blank",
    "too large",
    "too small",
    "multi-frame",
    "duplicate",
    "side",  # the case and its picture were on two sides before
]
KINDS: tuple[Kind, ...] = get_args(Kind)
COLUMNS = ["id", "path", "reason", "kind", "duplicate_of", "across_splits", "labels_differ"]
FACTS = ["kind", "duplicate_of", "across_splits", "labels_differ"]  # the columns that older stores lack
OLD_DUPLICATE = re.compile(r"duplicate of (.*): the same image \(([\d.]+) and ([\d.]+) months, (\w+) and (\w+)\)")


@dataclass(frozen=True)
class Problem:
    """A case that was left out, and why."""

    id: str
    path: str  # the image, or the table and row
    kind: Kind
    said: str  # what is wrong, in words, without the kind
    duplicate_of: str = ""  # of an equal image: the id that was kept
    across_splits: bool = False  # the source, or the draw, had put the two into different splits
    labels_differ: bool = False  # in age or sex
    split: str = field(
        default="", repr=False, compare=False
    )  # that the source's owner gave the case; '' where none is known

    @property
    def reason(self) -> str:
        """One sentence for a person, which begins with the kind."""
        kind = f"duplicate of {self.duplicate_of}" if self.kind == "duplicate" else self.kind
        return f"{kind}: {self.said}"


def unusable(id: str, path: str, fault: str) -> Problem:
    """The problem of a file that a reader refused; `fault` is its error, which begins with the kind and a colon."""
    kind, said = split_kind(fault)
    return Problem(id, path, kind, said)


def split_kind(fault: str) -> tuple[Kind, str]:
    for kind in KINDS:
        if fault.startswith(f"{kind}: "):
            return kind, fault.removeprefix(f"{kind}: ")
    return "unreadable", fault


def problems_table(problems: Iterable[Problem]) -> pd.DataFrame:
    """A row per problem, the columns of COLUMNS."""
    rows = [asdict(problem) | {"reason": problem.reason} for problem in problems]
    return pd.DataFrame(rows, columns=COLUMNS)


def read_problems(path: Path) -> pd.DataFrame:
    """`problems.csv` with the columns of COLUMNS, whichever version wrote it. Ids are text as they were written."""
    table = read_csv(path)
    if set(FACTS) <= set(table.columns):
        return table.assign(**{name: booleans(table[name]) for name in ("across_splits", "labels_differ")})
    facts = [facts_of_old(reason) for reason in table["reason"]]
    return table.join(pd.DataFrame(facts, columns=FACTS, index=table.index))


def facts_of_old(reason: str) -> tuple[str, str, bool, bool]:
    """The facts that a store of before gave in its sentence only."""
    equal = OLD_DUPLICATE.match(reason)
    if equal:
        return "duplicate", equal[1], equal[4] != equal[5], equal[2] != equal[3]
    return split_kind(reason)[0], "", False, False
