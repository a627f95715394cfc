"""The figures of a search, for the report and for the dashboard: plotly, from plain values, without a template.

MAEs are validation MAEs in months. Colour never tells alone: a symbol, a label or the table beside the figure says it too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle
from typing import TYPE_CHECKING, Any

from data.written import millions
from search.show.axes import logarithmic
from search.show.html import BLUE, GREY, ORANGE, PURPLE, TEAL
from studies.findings import Compared, VerdictWord
from studies.order import EVERY, STUDIES
from studies.study import Sweep, Trial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Of a verdict: colour and symbol.
VERDICTS: dict[VerdictWord, tuple[str, str]] = {
    "matters": (ORANGE, "square"),
    "worse": (ORANGE, "square"),
    "better without": (TEAL, "diamond"),
    "better": (TEAL, "diamond"),
    "does not matter": (BLUE, "circle"),
    "these trained models differ": (PURPLE, "diamond-open"),
    "not resolved": (GREY, "circle-open"),
    "not tested": (GREY, "x-thin-open"),
    "not trainable": (GREY, "cross-thin-open"),  # of the seeds that could be trained
}
# Of the studies by their place: colours and symbols come round after different numbers of them, so that no two are alike.
COLOURS = (GREY, TEAL, BLUE, ORANGE)
SYMBOLS = ("circle", "diamond", "square", "star", "triangle-up", "pentagon", "cross", "hexagon", "triangle-down")
LEGEND = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
MAE = "validation MAE, months"
DASHES = ("dash", "dot")  # of lines that would else look alike


@dataclass(frozen=True)
class Sized:
    """One network of a study: what it costs and how it did."""

    study: str
    name: str  # study and trial, for people
    mae: float
    params: int
    macs: int
    on_front: bool  # none of its study beats it in MAE, parameters and MACs together


def new_figure(*traces: Any, **layout: Any) -> "Figure":
    from plotly.graph_objects import Figure

    drawn = Figure(list(traces), layout={"template": "none", "margin": {"l": 64, "r": 16, "t": 40, "b": 52}})
    return drawn.update_layout(legend=LEGEND, **layout)


def scatter(**settings: Any) -> dict[str, Any]:
    return {"type": "scatter", **settings}


def forest_height_px(rows: Sequence[Compared]) -> int:
    return 130 + 44 * len([row for row in rows if row.change is not None])


def forest(rows: Sequence[Compared], margin_months: float) -> "Figure":
    """Changes of the MAE with their 95 % intervals, a row for each verdict; the band is the margin.

    A variant that could not be trained has no change, and no place here.
    """
    shown = [(row, row.change) for row in rows if row.change is not None]
    traces = []
    for verdict, (colour, symbol) in VERDICTS.items():
        those = [(row, change) for row, change in shown if row.verdict == verdict]
        if not those:
            continue
        traces.append(
            scatter(
                name=verdict,
                mode="markers",
                x=[change for _, change in those],
                y=[row_label(row) for row, _ in those],
                marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [0 if row.high is None else row.high - change for row, change in those],
                    "arrayminus": [0 if row.low is None else change - row.low for row, change in those],
                    "color": colour,
                    "thickness": 2,
                    "width": 4,
                },
                hovertemplate="%{y}: %{x:+.2f} months<extra></extra>",
                showlegend=False,
            )
        )
    drawn = new_figure(*traces)
    drawn.add_vrect(x0=-margin_months, x1=margin_months, fillcolor=GREY, opacity=0.16, line_width=0, layer="below")
    drawn.add_vline(x=0, line_color=GREY, line_width=1)
    drawn.update_xaxes(zeroline=False)
    drawn.add_annotation(  # a title would be centred below the axis, and leave the page of a phone on the right
        text="months worse (left of 0: better)",
        **{"xref": "paper", "x": 1, "xanchor": "right", "yref": "paper", "y": 0, "yanchor": "top", "yshift": -26},
        showarrow=False,
        font_size=14,
    )
    drawn.update_yaxes(
        automargin=True,
        range=[len(shown) - 0.4, -0.6],
        categoryorder="array",
        categoryarray=[row_label(row) for row, _ in shown],
        showgrid=False,
        ticklabelstandoff=6,
    )
    return drawn.update_layout(margin={"l": 8, "r": 16, "t": 12, "b": 52})


def row_label(row: Compared) -> str:
    return f"{row.variant}<br>{row.said}"


def along(sweep: Sweep, name: str) -> "Figure":
    """The parameter of a sweep, which people call `name`, against MAE: each seed, and their means."""

    def place(trial: Trial) -> float:
        return float(trial.point[sweep.parameter])

    complete = sorted((trial for trial in sweep.trials if trial.state == "complete"), key=place)
    seeds = [(place(trial), run.validation_mae) for trial in complete for run in trial.by_seed]
    drawn = new_figure(
        scatter(
            name="one seed",
            mode="markers",
            x=[value for value, mae in seeds if mae is not None],
            y=[mae for _, mae in seeds if mae is not None],
            marker={"color": GREY, "size": 6, "symbol": "circle-open"},
            hovertemplate=f"{name} %{{x}}: %{{y:.2f}} months<extra>one seed</extra>",
        ),
        scatter(
            name="mean of its seeds",
            mode="lines+markers",
            x=[place(trial) for trial in complete],
            y=[trial.error for trial in complete],
            line={"color": BLUE, "width": 2},
            marker={"size": 9},
            hovertemplate=f"{name} %{{x}}: %{{y:.2f}} months<extra>mean</extra>",
        ),
    )
    means = {place(trial): trial.error for trial in complete}
    if sweep.limit is not None:
        drawn.add_hline(y=sweep.limit, line_color=GREY, line_dash="dot", line_width=1.5)
    for what, value in sweep.marked.items():
        if value in means:
            drawn.add_annotation(
                x=value, y=means[value], text=what, showarrow=True, arrowcolor=GREY, arrowwidth=1, ax=0, ay=-30
            )
    drawn.update_xaxes(title_text=name)
    return drawn.update_yaxes(title_text=MAE, zeroline=False)


def learning_curve(train_mae: Sequence[float], validation_mae: Sequence[float], constant_mae: float) -> "Figure":
    """MAEs by epoch, from the first; the dotted line is what a constant answer scores."""
    last = max(len(train_mae), len(validation_mae))
    drawn = new_figure(
        scatter(
            name="training",
            mode="lines+markers",
            x=list(range(1, len(train_mae) + 1)),
            y=list(train_mae),
            line={"color": ORANGE, "width": 2, "dash": "dash"},
            marker={"size": 5, "symbol": "square"},
        ),
        scatter(
            name="validation",
            mode="lines+markers",
            x=list(range(1, len(validation_mae) + 1)),
            y=list(validation_mae),
            line={"color": BLUE, "width": 2},
            marker={"size": 5},
        ),
        scatter(
            name="constant",
            mode="lines",
            x=[1, last],
            y=[constant_mae, constant_mae],
            line={"color": GREY, "width": 1.5, "dash": "dot"},
        ),
        hovermode="x",
    )
    drawn.update_xaxes(title_text="epoch", tick0=1, dtick=steps(last, 6), zeroline=False)
    drawn.update_yaxes(title_text="MAE, months", zeroline=False)
    return drawn.update_layout(margin={"l": 52, "r": 10, "t": 48, "b": 46})


def steps(count: int, most: int) -> int:
    """So many to a tick, whole."""
    return max(1, math.ceil(count / most))


def pareto(networks: Sequence[Sized], measure: str, caps: Sequence[int] = ()) -> "Figure":
    """MAE against `params` or `macs`, on a logarithmic axis, with the front of that plane; each of `caps` is a line."""
    unit, name = {"params": (1e6, "parameters, millions"), "macs": (1e9, "GMACs of one image")}[measure]

    def size(network: Sized) -> float:
        return float(getattr(network, measure)) / unit

    ordered = sorted(networks, key=lambda network: (size(network), network.mae))
    lowest = list(accumulate((network.mae for network in ordered), min))
    drawn = new_figure(
        scatter(
            name="front",
            mode="lines",
            x=[size(network) for network in ordered],
            y=lowest,
            line={"color": GREY, "width": 1.5, "shape": "hv"},
            hoverinfo="skip",
        )
    )
    # Those of the order first, so that they look the same whatever a run has beside them.
    for place, study in enumerate(dict.fromkeys([*STUDIES, *EVERY])):
        colour, symbol = COLOURS[place % len(COLOURS)], SYMBOLS[place % len(SYMBOLS)]
        those = [network for network in networks if network.study == study]
        if those:
            drawn.add_trace(
                scatter(
                    name=study,
                    mode="markers",
                    x=[size(network) for network in those],
                    y=[network.mae for network in those],
                    text=[network.name for network in those],
                    marker={
                        "color": colour,
                        "symbol": [symbol if network.on_front else f"{symbol}-open" for network in those],
                        "size": 11,
                    },
                    hovertemplate="%{text}: %{y:.2f} months, %{x:.3g}<extra></extra>",
                )
            )
    for cap, dash in zip(sorted(caps), cycle(DASHES), strict=False):
        line = {"color": PURPLE, "dash": dash, "width": 1.5}
        called = "cap" if len(caps) == 1 else f"cap of {millions(cap)}"
        drawn.add_vline(x=cap / unit, line_color=PURPLE, line_dash=dash, line_width=1.5)
        drawn.add_trace(scatter(name=called, mode="lines", x=[None], y=[None], line=line))
    every = [*map(size, ordered), *(cap / unit for cap in caps)]
    drawn.update_xaxes(title_text=name, zeroline=False, **logarithmic(min(every), max(every)))
    return drawn.update_yaxes(title_text=MAE, zeroline=False)
