"""The page of an evaluation: the parts of a model's page, for a set that the model was not made from."""

from pathlib import Path
from typing import Any

from search.evaluate.evaluation import Evaluation, predictions
from search.output.files import write_text
from search.show.html import Section, notices, page, section, table, text
from search.trained import page as model_page
from search.trained.keep import put_predictions
from search.trained.table import OFFICIAL_TEST, band_name, measures_rows, turned
from search.trained.train import safe

FOLDER = "evaluated"  # in the model's folder


def write(found: Evaluation, folder: Path) -> tuple[Path, Path]:
    """The page, and the CSV of predictions, which is named alike."""
    folder.mkdir(parents=True, exist_ok=True)
    name = safe(Path(found.labelled.source).name or "set")
    html, listed = folder / f"{name}.html", folder / f"predictions_{name}.csv"
    put_predictions(listed, predictions(found.labelled.cases))
    write_text(html, evaluation_page(found))
    return html, listed


def evaluation_page(found: Evaluation) -> str:
    tables = {"evaluated": predictions(found.labelled.cases)}
    sections = [
        measures_section(found),
        model_page.scatter_section(tables),
        model_page.agreement_section(tables, found.figures),
        model_page.groups_section(found.figures),
        coverage_section(found.coverage),
        *([published_section(found)] if found.official else []),
    ]
    subtitle = f"{found.model.name} ({found.model.path}) on {found.labelled.source}"
    return page("A model on other images", sections, subtitle, found.model.synthetic or found.labelled.read.synthetic)


def measures_section(found: Evaluation) -> Section:
    return section(
        "How good is it here?",
        table(
            turned(measures_rows(found.figures)),
            f"{model_page.MEASURES_MEAN} Constant: the MAE of always answering {found.constant_months:g} months, the median of {found.constant_of}.",
        ),
        notices(found.said),
    )


def coverage_section(covered: dict[str, Any]) -> Section:
    rows = [
        {"label age": band_name(band), "images": band["n"], "labels inside": f"{band['share']:.1%}"}
        for band in covered["by_true_age"]
    ]
    return section(
        f"{covered['level']:.0%} prediction intervals",
        text(
            f"Of {covered['n']:,} labels {covered['share']:.1%} lie inside (95 % interval {covered['low']:.1%} to {covered['high']:.1%})."
        ),
        table(rows, "Labels inside their intervals, by the label's age."),
    )


def published_section(found: Evaluation) -> Section:
    own = found.figures[found.main]
    rows = [{"method": "this model", "MAE": f"{own['mae']:.2f}", "remark": f"{found.official} images"}]
    rows += [{"method": known.method, "MAE": known.mae, "remark": known.remark} for known in OFFICIAL_TEST]
    return section("Beside published figures", table(rows, "MAE in months on RSNA's official test set, as published."))
