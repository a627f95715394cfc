"""What a report consists of, before it is written as a page or as Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search.show.html import Answer

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Subheading:
    text: str


@dataclass(frozen=True)
class Table:
    rows: Rows
    caption: str
    most: int = 0  # rows on the page; 0 for all
    own: Callable[[dict[str, Any]], bool] = lambda row: False  # those that stand out


@dataclass(frozen=True)
class Plot:
    figure: "Figure"
    caption: str
    height_px: int = 360
    rows: Rows = ()  # the same as a table, where the section does not show one


@dataclass(frozen=True)
class Plots:
    """Small figures side by side."""

    plots: tuple[Plot, ...]


@dataclass(frozen=True)
class Link:
    text: str
    target: str  # a file beside the report


Part = Words | Subheading | Table | Plot | Plots | Link


@dataclass(frozen=True)
class Contents:
    title: str
    subtitle: str
    synthetic: bool
    answers: Sequence[Answer]
    sections: Sequence[tuple[str, Sequence[Part]]] = field(default=())
