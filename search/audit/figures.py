"""The figures of the audit's page."""

from typing import TYPE_CHECKING

import numpy as np

from data.audit.findings import NAMES
from data.audit.labels import BIN_MONTHS, LAST_BIN_MONTHS, SEXES, Group
from data.audit.measures import Audit
from data.cases import SPLITS
from search.show.html import BLUE, GREY, ORANGE, TEAL

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SEX_COLOURS = dict(zip(SEXES, (ORANGE, BLUE), strict=True))
SIZE_STEP_PX = 20  # files whose sizes differ by less are one point


def age_histograms(audit: Audit) -> "Figure":
    """Girls above, boys below, a column per split."""
    from plotly.graph_objects import Bar, Scatter
    from plotly.subplots import make_subplots

    splits = [split for split in SPLITS if any(group.split == split for group in audit.groups)]
    totals = {split: sum(group.cases for group in audit.groups if group.split == split) for split in splits}
    drawn = make_subplots(
        rows=2,
        cols=len(splits),
        shared_xaxes=True,
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=0.06,
        column_titles=[f"<b>{NAMES[split]}</b><br>{totals[split]:,} cases" for split in splits],
    )
    starts = np.arange(0, LAST_BIN_MONTHS, BIN_MONTHS)
    trained = {group.sex: shares(group) for group in audit.groups if group.split == "train"}
    for group in audit.groups:
        place = {"row": SEXES.index(group.sex) + 1, "col": splits.index(group.split) + 1}
        bar = Bar(
            x=(starts + BIN_MONTHS / 2).tolist(),
            y=shares(group),
            customdata=[[low, low + BIN_MONTHS, count] for low, count in zip(starts, group.histogram, strict=True)],
            hovertemplate="%{customdata[0]}–%{customdata[1]} months: %{y:.1%} (%{customdata[2]:,})<extra></extra>",
            width=BIN_MONTHS * 0.86,
            marker_color=SEX_COLOURS[group.sex],
            showlegend=False,
        )
        drawn.add_trace(bar, **place)
        if group.split != "train" and group.sex in trained:
            outline = Scatter(
                x=[*starts.tolist(), LAST_BIN_MONTHS],
                y=[*trained[group.sex], 0],
                mode="lines",
                line={"shape": "hv", "color": GREY, "width": 1.5},
                hoverinfo="skip",
                showlegend=False,
            )
            drawn.add_trace(outline, **place)
    drawn.update_xaxes(
        range=[0, LAST_BIN_MONTHS], tick0=60, dtick=120, tickangle=0, ticks="outside", showgrid=False, showline=True
    )
    drawn.update_xaxes(minor={"dtick": 60, "ticks": "outside"})
    highest = max(max(shares(group)) for group in audit.groups)
    drawn.update_yaxes(tickformat=".0%", nticks=5, range=[0, 1.08 * highest], zeroline=False)
    drawn.update_xaxes(title_text="months", row=2)
    for row, sex in enumerate(SEXES, 1):
        drawn.update_yaxes(title_text=f"share of {sex}", row=row, col=1)
    return drawn.update_layout(bargap=0, margin={"l": 76, "r": 14, "t": 52, "b": 44})


def shares(group: Group) -> list[float]:
    return [count / group.cases for count in group.histogram]


def label_figure(audit: Audit) -> "Figure":
    from plotly.graph_objects import Bar, Figure

    names = [f"{NAMES[group.split]}, {group.sex}" for group in audit.groups]
    parts = {
        "an atlas plate": (BLUE, [group.plate_share for group in audit.groups]),
        "another whole month": (TEAL, [group.whole_share - group.plate_share for group in audit.groups]),
        "no whole month": (ORANGE, [1 - group.whole_share for group in audit.groups]),
    }
    drawn = Figure(
        [
            Bar(
                name=name,
                y=names,
                x=values,
                orientation="h",
                marker_color=colour,
                hovertemplate=f"%{{y}}: %{{x:.1%}} {name}<extra></extra>",
            )
            for name, (colour, values) in parts.items()
        ]
    )
    drawn.update_xaxes(tickformat=".0%", range=[0, 1], dtick=0.25, ticks="outside")
    drawn.update_yaxes(autorange="reversed", automargin=True, showgrid=False, ticklabelstandoff=6)
    return drawn.update_layout(
        barmode="stack",
        bargap=0.35,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        margin={"l": 8, "r": 28, "t": 36, "b": 32},
    )


def size_figure(audit: Audit) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    files: dict[tuple[int, int], int] = {}
    for width_px, height_px, count in audit.pictures.sizes:
        rounded = (SIZE_STEP_PX * round(width_px / SIZE_STEP_PX), SIZE_STEP_PX * round(height_px / SIZE_STEP_PX))
        files[rounded] = files.get(rounded, 0) + count
    largest = max(max(size) for size in files) * 1.05
    most = max(files.values())
    drawn = Figure(
        [
            Scatter(
                x=[0, largest],
                y=[0, largest],
                mode="lines",
                line={"color": GREY, "width": 1, "dash": "dot"},
                hoverinfo="skip",
                showlegend=False,
            ),
            Scatter(
                x=[width_px for width_px, _ in files],
                y=[height_px for _, height_px in files],
                customdata=list(files.values()),
                mode="markers",
                marker={
                    "size": list(files.values()),
                    "sizemode": "area",
                    "sizeref": 2 * most / 28**2,
                    "sizemin": 2.5,
                    "color": BLUE,
                    "opacity": 0.6,
                    "line": {"width": 0},
                },
                hovertemplate="%{x} × %{y} px: %{customdata:,} files<extra></extra>",
                showlegend=False,
            ),
        ]
    )
    drawn.update_xaxes(title_text="width, px", range=[0, largest], zeroline=False)
    drawn.update_yaxes(title_text="height, px", range=[0, largest], zeroline=False)
    return drawn.update_layout(margin={"l": 60, "r": 16, "t": 10, "b": 48})
