"""When each trial of a study was trained, whatever became of it: a bar for each, with the table of its moments."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from search.report.parts import Plot, Rows
from search.report.read import Recorded
from search.show.figures import new_figure, steps
from search.show.html import BLUE, GREY, ORANGE, PURPLE, TEAL

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Of a state: colour, and hatching where colours are not told apart.
LOOKS = {
    "complete": (BLUE, ""),
    "pruned": (GREY, "/"),
    "failed": (ORANGE, "x"),
    "running": (TEAL, "."),
    "interrupted": (PURPLE, "|"),
}
MILLISECOND = timedelta(milliseconds=1)  # in which plotly has lengths of time


def plot(label: str, trials: Sequence[Recorded], now: datetime) -> Plot:
    open_ends = {
        "running": "one that still runs, up to now",
        "interrupted": "one that was interrupted, at its beginning",
    }
    there = {one.state for one in trials if one.ended is None}
    also = "".join(f"; {words}" for state, words in open_ends.items() if state in there)
    rows: Rows = [
        {"trial": f"#{one.trial.number}", "outcome": one.state, "began": moment(one.began), "ended": moment(one.ended)}
        for one in trials
    ]
    return Plot(drawn(trials, now), f"{label}: when each trial was trained{also}.", 320, rows)


def drawn(trials: Sequence[Recorded], now: datetime) -> "Figure":
    """A trial of which nobody knows when it began has no place here, but in the table."""
    bars = []
    for state, (colour, hatching) in LOOKS.items():
        those = [(one.trial.number, one.began, end_of(one, now)) for one in trials if one.state == state and one.began]
        if those:
            bars.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": state,
                    "y": [number for number, _, _ in those],
                    "base": [began.isoformat() for _, began, _ in those],
                    "x": [(ended - began) / MILLISECOND for _, began, ended in those],
                    "width": 0.8,
                    # A line around each, so that one that took no time is seen.
                    "marker": {"color": colour, "line": {"color": colour, "width": 1}, "pattern": {"shape": hatching}},
                    "hovertemplate": "#%{y}: from %{base}<extra>" + state + "</extra>",
                }
            )
    figure = new_figure(*bars, barmode="overlay", showlegend=True)
    numbers = [one.trial.number for one in trials]
    figure.update_xaxes(type="date", nticks=5)  # more would be turned on a phone
    return figure.update_yaxes(
        title_text="trial", tick0=0, dtick=steps(max(numbers, default=0) + 1, 10), zeroline=False
    )


def end_of(one: Recorded, now: datetime) -> datetime:
    """Of a running trial now; of one without an end whose leader is gone its beginning, as nobody knows more."""
    assert one.began is not None
    return one.ended or (max(now, one.began) if one.state == "running" else one.began)


def moment(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "–"
