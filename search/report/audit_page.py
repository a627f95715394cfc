"""The audit of a prepared store for people: a page with figures and pictures, rows for the terminal, sentences."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.audit.findings import (
    ALPHA,
    BIN_MONTHS,
    FEW_PER_YEAR,
    LAST_BIN_MONTHS,
    NAMES,
    NEGLIGIBLE_DELTA,
    NEGLIGIBLE_RATIO,
    NEGLIGIBLE_SHARE,
    RSNA_AGES_MONTHS,
    SEXES,
    Audit,
    Comparison,
    Group,
    audit,
    year_ranges,
)
from data.audit.images import LOW_CONTRAST_LEVELS, Range
from data.cases import SPLITS, fraction
from data.store.disk import Store, digest_of
from data.tables.dicom_cases import is_header_age
from search.output.files import may_be_written, write_text
from search.output.terminal import log
from search.output.typed import typed
from search.show.html import (
    BLUE,
    GREY,
    ORANGE,
    TEAL,
    Html,
    Picture,
    Section,
    figure,
    notices,
    page,
    pictures,
    section,
    subheading,
    table,
    text,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SEX_COLOURS = dict(zip(SEXES, (ORANGE, BLUE), strict=True))
SIZE_STEP_PX = 20  # files whose sizes differ by less are one point
BANDS_YEARS = (0, 2, 5, 8, 11, 14, 17, 25)
EACH = 4  # pictures per band and sex
REMEMBERED = "audit.json"  # in the run's folder
MOST_PAIRS, MOST_PROBLEMS, MOST_POOR = 24, 50, 16


def audited(folder: Path, store: Store) -> tuple[Audit, Path]:
    """The audit of a run's data, and its page in the run's folder."""
    found = audit_of(store)
    remember(folder, store, found)
    return found, write_page(folder, store, found)


def write_page(folder: Path, store: Store, found: Audit) -> Path:
    path = folder / "audit.html"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, audit_page(store, found))
    return path


def audit_rows(audit: Audit) -> list[dict[str, Any]]:
    """A row per split and sex: ages in months, labels in shares of the group."""
    return [
        {
            "split": NAMES[group.split],
            "sex": group.sex,
            "cases": f"{group.cases:,}",
            "youngest": f"{group.age_min:.4g}",
            "median": f"{group.age_median:.4g}",
            "mean": f"{group.age_mean:.1f}",
            "SD": f"{group.age_sd:.1f}",
            "on an atlas plate": f"{group.plate_share:.0%}",
            "whole months": f"{group.whole_share:.0%}",
        }
        for group in audit.groups
    ]


def balance_rows(audit: Audit) -> list[dict[str, Any]]:
    """A row per comparison of two splits."""
    return [
        {
            "splits": f"{NAMES[compared.first]}, {NAMES[compared.second]}",
            "in": compared.what,
            "first": value_text(compared, compared.first_value),
            "second": value_text(compared, compared.second_value),
            "effect": effect_text(compared),
            "p": p_text(compared.p),
            "p, Holm": p_text(compared.holm_p),
            "imbalanced": "yes" if compared.imbalanced else "no",
        }
        for compared in audit.comparisons
    ]


def effect_text(compared: Comparison) -> str:
    of_sex = compared.what == "sex"
    return (f"{100 * compared.effect:.1f}" if of_sex else f"{compared.effect:.2f}").replace("-", "−")


def value_text(compared: Comparison, value: float) -> str:
    return f"{value:.1%}" if compared.what == "sex" else f"{value:.1f}"


def p_text(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def worries(audit: Audit) -> list[str]:
    """What to put right, or to keep in mind, before results are believed."""
    return [finding.text for finding in audit.findings if finding.level == "worry"]


def audit_of(store: Store) -> Audit:
    since_birth = is_header_age(store.info["settings"].get("age_column", ""))
    return audit(
        store.cases, store.problems, store.images, store.image_px, store.synthetic, since_birth, store.patients
    )


def worries_of(folder: Path, store: Store) -> list[str]:
    """The worries about a run's data: as the run's folder remembers them, where it has audited this very store."""
    try:
        there = json.loads((folder / REMEMBERED).read_text())
        if there["of"] == audited_as(store):
            return [str(finding["text"]) for finding in there["findings"] if finding["level"] == "worry"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or one of another version or hand: audited again
    found = audit_of(store)
    if folder.is_dir() and may_be_written(folder):
        remember(folder, store, found)
    return worries(found)


def say_worries(folder: Path, store: Store, with_page: bool = False) -> None:
    """On stderr, before anything is trained: what in the data may mislead it."""
    page = audited(folder, store)[1] if with_page else None
    found = worries_of(folder, store)
    for worry in found:
        log(f"data: {worry}")
    if page:
        log(f"data: the audit is in {page}")
    elif found:
        log(f"data: `{typed('audit', folder)}` shows more")


def remember(folder: Path, store: Store, found: Audit) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    findings = [asdict(finding) for finding in found.findings]
    write_text(folder / REMEMBERED, json.dumps({"of": audited_as(store), "findings": findings}, indent=1) + "\n")


def audited_as(store: Store) -> list[str]:
    """What the findings depend on: the program, the cases and images, what was left out, whose they are."""
    return [
        version("boneage-search"),
        store.digest,
        digest_of(store.path / "problems.csv"),
        str(store.info.get("sides")),
    ]


def audit_page(store: Store, audit: Audit) -> str:
    """The whole page. It holds images of the store, so it belongs beside it and nowhere else."""
    settings = store.info["settings"]
    prepared = "stretched" if settings.get("stretch") else "greys as in the file"
    made = "" if audit.synthetic else f", {settings['fit']}, {prepared}"
    sections = [
        findings_section(audit),
        cases_section(audit),
        balance_section(audit),
        labels_section(audit),
        images_section(store, audit),
        duplicates_section(store, audit),
        problems_section(store, audit),
        examples_section(store),
    ]
    subtitle = f"{audit.cases:,} images of {audit.image_px} px{made}; from {store.info['source']}"
    return page("Audit of the prepared data", sections, subtitle, audit.synthetic)


def findings_section(audit: Audit) -> Section:
    heading = "What to worry about"
    if not audit.findings:
        return section(heading, text("Nothing was found."))
    return section(heading, notices((finding.level, finding.text) for finding in audit.findings))


def cases_section(audit: Audit) -> Section:
    return section(
        "Cases",
        table(audit_rows(audit), "Ages in months."),
        figure(
            age_histograms(audit),
            f"Bone age in bins of {BIN_MONTHS} months, as shares of the cases of a split and sex, so that splits of different "
            "size compare. The grey line repeats training.",
            460,
        ),
    )


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
        range=[0, LAST_BIN_MONTHS], dtick=120, tickangle=0, ticks="outside", showgrid=False, showline=True
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


def balance_section(audit: Audit) -> Section:
    heading = "Are the splits alike?"
    if not audit.comparisons:
        return section(heading, text("No two splits have enough cases to compare."))
    return section(
        heading,
        text(
            "First and second are shares of boys, mean ages, or SDs of age in months. The effect is the difference of shares in "
            "points (Fisher's exact test), Cliff's δ of ages (how much likelier the second's is the higher; Mann-Whitney), or "
            "the ratio of variances (Brown-Forsythe). Imbalanced is what is significant over all "
            f"{len(audit.comparisons)} comparisons (Holm, {ALPHA:g}) and not negligible: {100 * NEGLIGIBLE_SHARE:.0f} points, "
            f"a δ of {NEGLIGIBLE_DELTA:g}, a ratio of {NEGLIGIBLE_RATIO:g}."
        ),
        table(balance_rows(audit)),
    )


def labels_section(audit: Audit) -> Section:
    rare = [
        {"sex": sex, "years with few": year_ranges(years) if years else "none"}
        for sex, years in audit.rare_years.items()
    ]
    outside = audit.out_of_range_ids
    beyond = f"{len(outside):,} labels lie" if len(outside) != 1 else "1 label lies"
    return section(
        "Labels",
        figure(
            label_figure(audit),
            "What labels sit on. A single reading is usually a plate of the Greulich-Pyle atlas; a label that is no whole "
            "month is a mean of several readings. Of all whole months about 12% are plates.",
            80 + 34 * len(audit.groups),
        ),
        table(rare, f"Years of bone age of which training has fewer than {FEW_PER_YEAR} cases."),
        text(f"{beyond} outside {RSNA_AGES_MONTHS[0]} to {RSNA_AGES_MONTHS[1]} months, RSNA's range."),
    )


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


def images_section(store: Store, audit: Audit) -> Section:
    seen = audit.pictures
    faults = {
        f"hardly any contrast: 1st to 99th percentile within {LOW_CONTRAST_LEVELS} grey levels": seen.low_contrast_share,
        "a bright edge: a frame, padding or a cassette": seen.bright_border_share,
        "nearly empty": seen.nearly_empty_share,
        "saturated": seen.saturated_share,
        f"file smaller than {audit.image_px} px, enlarged": seen.upsampled / audit.cases,
    }
    sizes = {"width, px": seen.width_px, "height, px": seen.height_px, "width / height": seen.aspect}
    parts: list[Html] = [
        table([{"images with": what, "share": f"{share:.1%}"} for what, share in faults.items()], "As prepared."),
        table([{"of the files": what} | range_cells(values) for what, values in sizes.items()]),
    ]
    if len(seen.sizes) > 1:
        caption = f"Sizes of the files, to {SIZE_STEP_PX} px; the area of a point is the number of files. The line is a square."
        parts.append(figure(size_figure(audit), caption, 440))
    if seen.poor_ids:
        rows = {str(id): row for row, id in enumerate(store.cases["id"])}
        shown = [Picture((store.images[rows[id]],), id) for id in seen.poor_ids[:MOST_POOR]]
        parts += [subheading(f"Nearly empty or saturated ({len(shown)} of {len(seen.poor_ids):,})"), pictures(shown)]
    return section("Images", *parts)


def range_cells(values: Range) -> dict[str, str]:
    named = {"least": values.low, "median": values.median, "most": values.high}
    return {name: f"{value:.2f}" if value < 10 else f"{value:,.0f}" for name, value in named.items()}


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


def duplicates_section(store: Store, audit: Audit) -> Section:
    found = audit.twins
    exact = audit.problems.get("duplicate", 0)
    said = text(
        f"{exact:,} equal images were left out at preparation. {len(found):,} pairs of those kept are nearly the same picture. "
        f"Copies that were shifted, turned or cropped are not recognised. {patients_text(audit)}"
    )
    if not found:
        return section("Duplicates", said)
    rows = {str(id): row for row, id in enumerate(store.cases["id"])}
    worst = sorted(found, key=lambda pair: (-pair.across_splits, -pair.labels_differ, -pair.agreement))[:MOST_PAIRS]
    shown = [
        Picture(
            (store.images[rows[pair.first]], store.images[rows[pair.second]]),
            f"{described(store, rows[pair.first])}; {described(store, rows[pair.second])}; detail {pair.agreement:.2f}",
        )
        for pair in worst
    ]
    heading = subheading(f"{len(shown)} of {len(found):,} pairs, those across splits first")
    return section("Duplicates", said, heading, pictures(shown, across=4))


def patients_text(audit: Audit) -> str:
    seen = audit.patients
    if not seen.named_cases:
        return "The data name no patients, so two radiographs of one child are not recognised either."
    return (
        f"{seen.count:,} patients are named for {seen.named_cases:,} of {audit.cases:,} cases; {len(seen.across_splits):,} of them "
        "have images in several splits."
    )


def described(store: Store, row: int) -> str:
    case = store.cases.iloc[row]
    return f"{case['id']} ({'boy' if case['male'] else 'girl'}, {case['age_months']:g} months, {NAMES[case['split']]})"


def problems_section(store: Store, audit: Audit) -> Section:
    heading = "Left out at preparation"
    if not audit.problems:
        return section(heading, text("Nothing."))
    return section(
        heading,
        table([{"reason": reason, "cases": cases} for reason, cases in audit.problems.items()]),
        subheading("Case by case"),
        table([{"id": row.id, "reason": row.reason} for row in store.problems.itertuples()], most=MOST_PROBLEMS),
    )


def examples_section(store: Store) -> Section:
    parts = [text(f"{EACH} girls and {EACH} boys per age band, chosen by id, as prepared: what a network is shown.")]
    for low, high in pairwise(BANDS_YEARS):
        shown = list(examples(store, low, high))
        if shown:
            parts += [
                subheading(f"{low} to {high} years" if high < BANDS_YEARS[-1] else f"{low} years and more"),
                pictures(shown),
            ]
    return section("Examples", *parts)


def examples(store: Store, low_years: int, high_years: int) -> Iterator[Picture]:
    ages = store.cases["age_months"]
    for male, name in ((False, "girl"), (True, "boy")):
        chosen = store.cases[(ages >= 12 * low_years) & (ages < 12 * high_years) & (store.cases["male"] == male)]
        for row in sorted(chosen.index, key=lambda row: fraction(str(store.cases["id"][row]), "examples"))[:EACH]:
            yield Picture((store.images[row],), f"{name}, {ages[row]:g} months")
