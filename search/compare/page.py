"""The comparison of searches as one page: who found what after how many epochs, and what more workers would bring."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data.counted import counted
from data.written import between, months, yardstick
from search.compare.compare import Played, median_curve
from search.compare.looks import LOOKS
from search.compare.replay import Trace
from search.compare.rivals import STAGED
from search.compare.standing import hit, or_never
from search.output.notices import of_drawn_hands
from search.show.axes import logarithmic
from search.show.html import figure, page, section, table, text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FIGURE_PX = 520  # high, of which a legend of ten searches takes half on a phone


def compare_page(
    played: Sequence[Played],
    rows: Sequence[Mapping[str, Any]],
    said: Sequence[str],
    constant_mae: float,
    synthetic: bool,
    what: str,
    scaling: Mapping[int, Sequence[Mapping[str, Any]]],
) -> str:
    found = section(
        "What was found",
        text(" ".join(said)),
        table(
            [shown(row) for row in rows], "Searches, the lowest median first.", own=lambda row: row["search"] == STAGED
        ),
        text(
            "MAE in months on the validation split: median over the repetitions, and its quartiles. The test MAE is that of "
            "the network that each search would hand on. Epochs to the goal are those that a search needed to become as good as "
            "the best rival at its end: the median and the quartiles of the repetitions, and how many of them never become so good. "
            "Winners are the different trainings that the repetitions end with: a few different ones prove little. "
            f"Always answering the training median scores {yardstick(constant_mae)}."
        ),
    )
    curves = section(
        "Best network so far",
        figure(
            curve_figure(played),
            "Best validation MAE found, in months, against epochs spent (logarithmic): median over the repetitions. Bands are the quartiles of the staged strategy and the best rival.",
            FIGURE_PX,
        ),
    )
    parts = [found, curves]
    if len(scaling) > 1:
        times: dict[str, dict[str, str]] = {}
        for workers, of_workers in scaling.items():
            for row in of_workers:
                cells = times.setdefault(row["search"], {"search": row["search"]})
                cells[counted(workers, "worker")] = (
                    f"{row['simulated_seconds']:,.0f} s, {months(row['validation_mae'])}"
                )
        parts.append(
            section(
                "With more workers",
                text(
                    "Simulated from the recorded seconds of every epoch; the same epochs in all, on more workers at once."
                ),
                figure(
                    scaling_figure(scaling),
                    "Simulated time of a whole search against the number of workers, medians, both axes logarithmic.",
                    FIGURE_PX,
                ),
                table(
                    list(times.values()),
                    "Simulated time of the whole search, and the MAE in months that it ends with; medians.",
                    own=lambda row: row["search"] == STAGED,
                ),
            )
        )
    return page("Searches compared", parts, what, of_drawn_hands(cases=synthetic))


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    columns = {
        "search": row["search"],
        "best MAE": months(row["validation_mae"]),
        "quartiles": between(row["low"], row["high"]),
        "test MAE": months(row.get("test_mae")),
    }
    if "seed_mean_mae" in row:
        columns["mean of its seeds"] = months(row["seed_mean_mae"])
    if "regret" in row:
        columns["regret"] = months(row["regret"])
    if "never_hit" in row:
        quartiles = f" ({or_never(row['hit_low'])} to {or_never(row['hit_high'])})"
        columns["epochs to the goal"] = or_never(row["hit_median"]) + (quartiles if row["never_hit"] < 1 else "")
        columns["never there"] = f"{row['never_hit']:.0%}"
    better = row.get("staged_better")
    return columns | {
        "winners": row["distinct_winners"],
        "epochs": f"{row['epochs']:g}",
        "trials": f"{row['trials']:g}",
        "staged better": "–" if better is None else f"{better:.0%}",
    }


def below(drawn: "Figure") -> "Figure":
    """With the legend under the axes, where a phone has room for it."""
    drawn.update_layout(margin={"t": 16, "r": 8}, legend={"orientation": "h", "y": -0.2, "yanchor": "top"})
    return drawn


def curve_figure(played: Sequence[Played]) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    drawn = Figure()
    names = list(dict.fromkeys(one.rival for one in played))
    ends = {name: median_curve([one.trace for one in played if one.rival == name])[-1] for name in names}
    banded = {STAGED, min((name for name in names if name != STAGED), key=lambda name: ends[name], default=STAGED)}
    for name in names:
        colour, dash, _ = LOOKS[name]
        traces = [one.trace for one in played if one.rival == name]
        epochs = list(range(1, max(trace.epochs for trace in traces) + 1))
        if name in banded:
            low, high = (median_curve(traces, quantile) for quantile in (0.25, 0.75))
            drawn.add_trace(
                Scatter(
                    x=epochs + epochs[::-1],
                    y=high + low[::-1],
                    fill="toself",
                    fillcolor=colour,
                    opacity=0.15,
                    line={"width": 0},
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
        drawn.add_trace(
            Scatter(
                x=epochs,
                y=median_curve(traces),
                name=name,
                mode="lines",
                line={"color": colour, "dash": dash, "width": 3 if name == STAGED else 2},
            )
        )
    drawn.update_xaxes(title="epochs spent", **logarithmic(1, max(one.trace.epochs for one in played)))
    drawn.update_yaxes(title="validation MAE, months")
    return below(drawn)


def scaling_figure(scaling: Mapping[int, Sequence[Mapping[str, Any]]]) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    drawn = Figure()
    shown = {row["search"] for row in next(iter(scaling.values()))}
    seconds = {
        name: [row["simulated_seconds"] for rows in scaling.values() for row in rows if row["search"] == name]
        for name in LOOKS
        if name in shown
    }
    for name, of_search in seconds.items():
        colour, dash, symbol = LOOKS[name]
        drawn.add_trace(
            Scatter(
                x=list(scaling),
                y=of_search,
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": dash},
                marker={"symbol": symbol, "size": 9},
            )
        )
    every = [one for of_search in seconds.values() for one in of_search]
    drawn.update_xaxes(title="workers", type="log", tickvals=list(scaling))
    scale = logarithmic(min(every), max(every)) if min(every) > 0 else {}  # a table may say that an epoch takes no time
    drawn.update_yaxes(title="seconds, simulated", **scale)
    return below(drawn)


def traces_json(played: Sequence[Played], goal: float | None) -> list[dict[str, Any]]:
    """For scripts: every search with its trials, and after how many epochs it was as good as `goal`."""

    def one(trace: Trace) -> dict[str, Any]:
        return {
            "best_so_far": list(trace.best_so_far),
            "hit_after": None if goal is None else hit(trace, goal),
            "seconds": round(trace.seconds, 1),
            "test_mae": trace.test_mae,
            "winner": trace.winner.point,
            "handed_on": trace.handed_on,
            "trials": [
                {
                    "number": tried.number,
                    "seed": tried.seed,
                    "state": tried.state,
                    "epochs": len(tried.curve.validation_mae),
                    "validation_mae": tried.best,
                    "point": tried.point,
                }
                for tried in trace.tried
            ],
        }

    return [{"search": each.rival, "repetition": each.repetition} | one(each.trace) for each in played]
