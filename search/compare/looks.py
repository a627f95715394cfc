"""How each search looks on every figure of a comparison: one colour, one line, one symbol.

The lines alone tell ten searches apart, where colours do not: there are five of them that every eye tells apart on white, on
near-black and on paper.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from search.compare.rivals import STAGED
from search.show.html import BLUE, GREY, ORANGE, PURPLE, TEAL


class Look(NamedTuple):
    colour: str
    dash: str  # plotly's name of it, or lengths of strokes and gaps
    symbol: str


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        STAGED: Look(BLUE, "solid", "circle"),
        "random": Look(ORANGE, "dot", "square"),
        "random among the widest": Look(TEAL, "dash", "diamond"),
        "grid": Look(PURPLE, "dashdot", "cross"),
        "compound scaling": Look(GREY, "longdash", "x"),
        "KerasTuner RandomSearch": Look(ORANGE, "longdashdot", "triangle-up"),
        "KerasTuner Hyperband": Look(TEAL, "2px,8px", "triangle-down"),
        "Optuna TPE + ASHA": Look(PURPLE, "5px,2px", "star"),
        "Optuna TPE from the reference": Look(GREY, "12px,3px,2px,3px,2px,3px", "pentagon"),
        "Optuna GP": Look(BLUE, "20px,6px,6px,6px", "hexagon"),
    }
)
