"""The comparison of searches as one page: who found what after how many epochs, and what more workers would bring."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.compare.compare import Played, median_curve
from search.compare.replay import Trace
from search.compare.rivals import STAGED
from search.show.html import PALETTE, figure, page, section, table, text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def compare_page(
    played: Sequence[Played],
    rows: Sequence[Mapping[str, Any]],
    verdict: str,
    constant_mae: float,
    synthetic: bool,
    what: str,
    scaling: Mapping[int, Sequence[Mapping[str, Any]]],
) -> str:
    found = section(
        "What was found",
        text(verdict),
        table([shown(row) for row in rows]),
        text(
            "MAE in months on the validation split: median over the repetitions, and its quartiles. The test MAE is that of "
            f"the network that each search would hand on. Always answering the training median scores {constant_mae:.1f}."
        ),
    )
    curves = section(
        "Best network so far",
        figure(
            curve_figure(played),
            "Best validation MAE found, in months, against epochs spent: median over the repetitions, with the quartiles as a band.",
            440,
        ),
    )
    parts = [found, curves]
    if len(scaling) > 1:
        times = [
            {"workers": workers}
            | {
                str(row["search"]): f"{row['simulated_seconds']:,.0f} s, {row['validation_mae']:.2f}"
                for row in of_workers
            }
            for workers, of_workers in scaling.items()
        ]
        parts.append(
            section(
                "With more workers",
                text(
                    "Simulated from the recorded seconds of every epoch; the same epochs in all, on more workers at once."
                ),
                figure(
                    scaling_figure(scaling),
                    "Simulated time of a whole search against the number of workers, medians, both axes logarithmic.",
                ),
                table(times, "Simulated time of the whole search, and the MAE in months that it ends with; medians."),
            )
        )
    return page("Searches compared", parts, what, synthetic)


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    def months(name: str) -> str:
        return "–" if row.get(name) is None else f"{row[name]:.2f}"

    columns = {
        "search": row["search"],
        "best MAE": months("validation_mae"),
        "quartiles": f"{months('low')} to {months('high')}",
        "test MAE": months("test_mae"),
    }
    if "seed_mean_mae" in row:
        columns["mean of its seeds"] = months("seed_mean_mae")
    better = row.get("staged_better")
    return columns | {
        "epochs": f"{row['epochs']:g}",
        "trials": f"{row['trials']:g}",
        "staged better": "–" if better is None else f"{better:.0%}",
    }


def below(drawn: "Figure") -> "Figure":
    """With the legend under the axes, where a phone has room for it."""
    drawn.update_layout(margin={"t": 16, "r": 8}, legend={"orientation": "h", "y": -0.3})
    return drawn


def curve_figure(played: Sequence[Played]) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    drawn = Figure()
    names = list(dict.fromkeys(one.rival for one in played))
    for name, colour, dash in zip(names, PALETTE, DASHES, strict=False):
        traces = [one.trace for one in played if one.rival == name]
        epochs = list(range(1, max(trace.epochs for trace in traces) + 1))
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
    drawn.update_xaxes(title="epochs spent")
    drawn.update_yaxes(title="validation MAE, months")
    return below(drawn)


def scaling_figure(scaling: Mapping[int, Sequence[Mapping[str, Any]]]) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    drawn = Figure()
    names = [str(row["search"]) for row in next(iter(scaling.values()))]
    for name, colour, dash in zip(sorted(names, key=lambda name: name != STAGED), PALETTE, DASHES, strict=False):
        seconds = [next(row["simulated_seconds"] for row in rows if row["search"] == name) for rows in scaling.values()]
        drawn.add_trace(Scatter(x=list(scaling), y=seconds, name=name, line={"color": colour, "dash": dash}))
    drawn.update_xaxes(title="workers", type="log", tickvals=list(scaling))
    drawn.update_yaxes(title="seconds, simulated", type="log", dtick=1)
    return below(drawn)


def verdict_of(share: Mapping[str, Any]) -> str:
    """The question of the comparison, answered in a sentence."""
    if not share:
        return "Nothing was compared with the staged strategy."
    rival = f"{share['best_rival']} ends at {share['its_validation_mae']:.2f} months after {share['its_epochs']} epochs"
    if share["staged_reaches_it_after"] is None:
        return f"Of its rivals, {rival}; the staged strategy does not reach that (medians)."
    return (
        f"Of its rivals, {rival}; the staged strategy is there after {share['staged_reaches_it_after']} epochs, "
        f"{share['share']:.0%} of them (medians)."
    )


def traces_json(played: Sequence[Played]) -> list[dict[str, Any]]:
    """For scripts: every search with its trials."""

    def one(trace: Trace) -> dict[str, Any]:
        return {
            "best_so_far": list(trace.best_so_far),
            "seconds": round(trace.seconds, 1),
            "test_mae": trace.test_mae,
            "winner": trace.winner.point,
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
