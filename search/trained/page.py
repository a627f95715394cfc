"""The page of a trained model, `report.html` in its folder: how good it is, beside what is known to be possible."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.counted import counted
from data.csv_text import Kind, read_csv
from data.written import between, months, signed, yardstick
from models.architecture import Architecture, family_named
from search.output.confirmed import MODEL_NOTHING, model_learned_nothing
from search.output.files import write_text
from search.output.notices import of_drawn_hands
from search.show.figures import steps
from search.show.html import (
    BLUE,
    GREY,
    ORANGE,
    TEAL,
    Html,
    Section,
    answers,
    figure,
    notices,
    page,
    section,
    subheading,
    table,
    text,
)
from search.trained.conformal import LEAST, OWN
from search.trained.made_of import (
    best_epochs,
    changed,
    constant_words,
    drawn_alone,
    epoch_words,
    lineage_words,
    looked_words,
    sources_of,
    trained_words,
    validation_role,
    when_words,
)
from search.trained.measures import contradictions
from search.trained.table import (
    IMAGES,
    OFFICIAL_TEST,
    PAPER_VALIDATION_MAE,
    TITLES,
    band_name,
    cards,
    coverage_rows,
    measures_rows,
    middle_words,
    splits_of,
    turned,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SEX_NAMES = {"F": "girls", "M": "boys"}
SEX_COLOURS = {"F": ORANGE, "M": BLUE}
BIG_PX, SMALL_PX = 420, 320
MEASURES_MEAN = (
    "Months. Error is predicted minus label. Slope: of the error on the label's age, negative where ages shrink towards the "
    "middle. Interval: 95% of the MAE over patients, or over images where no patients are named, for this trained network alone. Limits of agreement: mean "
    "−/+ 1.96 SD. ≤ 6 months: share of the images with no larger error."
)
PREDICTION_KINDS: dict[str, Kind] = {
    "male": "bool",
    "age_months": "float",
    "predicted_months": "float",
    "low": "float",
    "high": "float",
}


def write_page(folder: Path, about: dict[str, Any]) -> None:
    """From model.json and the CSVs of predictions beside it."""
    write_text(folder / "report.html", model_page(folder, about))


def model_page(folder: Path, about: dict[str, Any]) -> str:
    tables = {split: read_predictions(folder, split) for split in ("validation", "test") if about[split]}
    sections = [
        measures_section(about),
        published_section(about),
        scatter_section(tables),
        agreement_section(tables, about),
        groups_section(about),
        intervals_section(about),
        learning_section(about),
        about_section(about),
    ]
    data = ", ".join(sources_of(about))
    subtitle = f"{about['from']}, {when_words(about)}, {about['params']:,} parameters; data from {data}"
    drawn = of_drawn_hands(cases=drawn_alone(about))
    return page(f"Trained model {about['name']}", sections, subtitle, drawn, answers(cards(about)))


def read_predictions(folder: Path, split: str) -> pd.DataFrame:
    """id, male, age_months, predicted_months, low, high; NaN where an interval is open."""
    return read_csv(folder / f"predictions_{split}.csv", PREDICTION_KINDS)


def measures_section(about: dict[str, Any]) -> Section:
    said = [("worry", MODEL_NOTHING)] if model_learned_nothing(about) else []
    if about["test"] is None:
        said.append(
            ("note", "The data have no test split, so every figure comes from images that also guided a choice.")
        )
    elif looked := looked_words(about):
        said.append(("worry", looked))
    said += [("worry", contradiction) for contradiction in contradictions(about)]
    said += changed(about)
    said.append(("note", validation_role(about).figures))
    return section(
        "How good is it?",
        table(
            turned(measures_rows(about)),
            f"{MEASURES_MEAN} Constant: the MAE of always answering {constant_words(about)}.",
        ),
        notices(said),
    )


def published_section(about: dict[str, Any]) -> Section:
    own = about["test"] or about["validation"]
    rows = [
        {
            "method": f"this model, its own {'test' if about['test'] else 'validation'} images",
            "MAE": months(own["mae"]),
            "remark": f"constant {yardstick(own['constant_mae'])}",
        }
    ]
    rows += [{"method": known.method, "MAE": known.mae, "remark": known.remark} for known in OFFICIAL_TEST]
    return section(
        "Beside published figures",
        notices(
            [
                (
                    "worry",
                    "Other data and other sets: not comparable unless this model's test images are RSNA's official 200. Those have the "
                    "mean of six readings as label; against single readings, as in training and validation, every MAE is higher: the "
                    f"paper's own network has {PAPER_VALIDATION_MAE:g} on RSNA's validation set.",
                )
            ]
        ),
        table(
            rows,
            "MAE in months on RSNA's official test set, as published.",
        ),
    )


def scatter_section(tables: dict[str, pd.DataFrame]) -> Section:
    parts = [
        figure(
            scatter(found, split),
            f"Predicted age by label, {IMAGES[split]} ({len(found):,}). On the line the two are equal.",
            BIG_PX,
        )
        for split, found in tables.items()
    ]
    return section("Predicted and labelled", *parts)


def scatter(found: pd.DataFrame, split: str) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    oldest = found[["age_months", "predicted_months"]].max().max().round(2)
    most = 12 * (oldest // 12 + 1)  # no point on the border
    ends, equal = [0, most], {"color": GREY, "width": 1}
    drawn = Figure([Scatter(x=ends, y=ends, mode="lines", line=equal, hoverinfo="skip", showlegend=False)])
    add_points(
        drawn, found, found["age_months"], found["predicted_months"], "label %{x:.1f}, predicted %{y:.1f} months"
    )
    drawn.update_xaxes(title_text="label, months", range=[0, most], dtick=24, zeroline=False)
    drawn.update_yaxes(title_text="predicted, months", range=[0, most], dtick=24, zeroline=False)
    return laid_out(drawn)


def add_points(drawn: "Figure", found: pd.DataFrame, x: pd.Series, y: pd.Series, shown: str) -> None:
    from plotly.graph_objects import Scatter

    for sex, male in (("F", False), ("M", True)):
        own = found["male"] == male
        points = Scatter(
            name=SEX_NAMES[sex],
            x=x[own].round(2).tolist(),
            y=y[own].round(2).tolist(),
            text=found.loc[own, "id"].tolist(),
            mode="markers",
            marker={"color": SEX_COLOURS[sex], "size": 5, "opacity": 0.6},
            hovertemplate=f"%{{text}}: {shown}<extra></extra>",
        )
        drawn.add_trace(points)


def agreement_section(tables: dict[str, pd.DataFrame], about: dict[str, Any]) -> Section:
    parts = [
        figure(
            agreement(found, about[split]),
            f"Error by the mean of prediction and label (Bland and Altman), {IMAGES[split]}: lines are the mean error and −/+ 1.96 SD.",
            SMALL_PX,
        )
        for split, found in tables.items()
    ]
    return section("Limits of agreement", *parts)


def agreement(found: pd.DataFrame, measured: dict[str, Any]) -> "Figure":
    from plotly.graph_objects import Figure

    drawn = Figure()
    middle, error = (
        (found["predicted_months"] + found["age_months"]) / 2,
        found["predicted_months"] - found["age_months"],
    )
    add_points(drawn, found, middle, error, "mean %{x:.1f}, error %{y:.1f} months")
    lines = (measured["bias"], measured["loa_low"], measured["loa_high"])
    for value in lines:
        if value is not None:
            drawn.add_hline(
                y=value, line={"color": TEAL, "width": 1.5, "dash": "solid" if value == measured["bias"] else "dash"}
            )
    drawn.update_xaxes(title_text="mean of prediction and label, months", dtick=24, zeroline=False)
    shown = [*error, *(value for value in lines if value is not None)]
    beyond = 0.05 * (max(shown) - min(shown)) or 1.0  # no line on the border
    drawn.update_yaxes(title_text="error, months", range=[min(shown) - beyond, max(shown) + beyond])
    return laid_out(drawn)


def groups_section(about: dict[str, Any]) -> Section:
    parts: list[Html] = []
    for split in splits_of(about):
        rows = [
            {
                "group": SEX_NAMES[group["sex"]] if "sex" in group else band_name(group),
                "images": group["n"],
                "MAE": months(group["mae"]),
                "95% interval": between(group["low"], group["high"]),
                "bias": signed(group["bias"]),
                "constant": yardstick(group["constant_mae"]),
            }
            for group in (*about[split]["by_sex"], *about[split]["by_age"])
        ]
        parts += [
            subheading(TITLES[split]),
            table(rows, f"Months, {IMAGES[split]}, by sex and by the label's age. The interval is the MAE's."),
        ]
    return section("By sex and age", *parts)


def intervals_section(about: dict[str, Any]) -> Section:
    conformal = about["conformal"]
    rows = [
        {
            "sex": SEX_NAMES.get(group["sex"], "all"),
            "predicted age": band_name(group),
            "validation images": group["n"],
            "half width": None if group["half_width"] is None else months(group["half_width"]),
            "taken from": group["of"],
            "promise": "by itself" if group["of"] == OWN else f"not by itself: fewer than {LEAST} cases",
        }
        for group in conformal["groups"]
    ]
    covered = conformal["coverage"]
    said = (
        f"Of {counted(covered['n'], 'test label')} {covered['share']:.1%} lie inside (95% interval {covered['low']:.1%} to {covered['high']:.1%})."
        if covered
        else "There is no test split to measure the coverage on."
    )
    return section(
        f"{conformal['level']:.0%} prediction intervals",
        text(
            f"Split conformal, by sex and band of predicted age, from the validation errors. {validation_role(about).intervals} {said}"
        ),
        table(rows, f"Months either side of the middle, which is {middle_words(conformal)}."),
        *(
            [table(coverage_rows(covered), "What the intervals hold of the test labels, by the label's age.")]
            if covered
            else []
        ),
    )


def learning_section(about: dict[str, Any]) -> Section:
    caption = (
        f"MAE by epoch. {epoch_words(about)} Constant: the validation MAE of always answering the training median."
    )
    return section("Learning curve", figure(learning(about), caption, SMALL_PX))


def learning(about: dict[str, Any]) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    history, drawn = about["history"], Figure()
    epochs = [epoch["epoch"] for epoch in history]
    for name, key, colour in (("training", "train_mae", ORANGE), ("validation", "validation_mae", BLUE)):
        values = [epoch[key] if np.isfinite(epoch[key]) else None for epoch in history]
        drawn.add_trace(
            Scatter(name=name, x=epochs, y=values, mode="lines+markers", line={"color": colour}, marker={"size": 5})
        )
    constant = [about.get("history_constant_mae", about["constant_mae"])] * len(epochs)
    drawn.add_trace(Scatter(name="constant", x=epochs, y=constant, mode="lines", line={"color": GREY, "dash": "dot"}))
    for epoch in best_epochs(about):
        drawn.add_vline(x=epoch, line={"color": TEAL, "width": 1})
    drawn.update_xaxes(title_text="epoch", tick0=1, dtick=steps(len(epochs), 10), zeroline=False)
    drawn.update_yaxes(title_text="MAE, months", rangemode="tozero")
    return laid_out(drawn)


def laid_out(drawn: "Figure") -> "Figure":
    legend = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0}
    return drawn.update_layout(legend=legend, margin={"l": 60, "r": 16, "t": 36, "b": 48})


def about_section(about: dict[str, Any]) -> Section:
    architecture = Architecture.from_dict(about["architecture"])
    facts = {
        "from": about["from"],
        "family": family_named(architecture.family).title,
        "width": architecture.width,
        "blocks": str(architecture.blocks),
        "sex layer, FC layer, dropout": f"{architecture.sex_units}, {architecture.fc_units or 'none'}, {architecture.dropout:g}",
        "parameters; MACs": f"{about['params']:,}; {about['macs']:,}",
        "data": "; ".join(lineage_words(about)),
        "images": f"{about['preparation']['image_px']} px, {about['preparation']['fit']}"
        + (", stretched" if about["preparation"]["stretch"] else "")
        + (f"; the network itself takes each and {architecture.makes_alike}" if architecture.makes_alike else ""),
        "training": ", ".join(f"{name} {value}" for name, value in about["training"].items()),
        "trained with": f"{trained_words(about)}; {about['seconds']:,.0f} seconds",
        "versions": ", ".join(f"{name} {value}" for name, value in about["versions"].items()),
    }
    return section(
        "What it is",
        table([{"": name, " ": value} for name, value in facts.items()], "The network, its data and its training."),
    )
