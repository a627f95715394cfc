"""The page of an evaluation: the parts of a model's page, for a set that the model was not made from."""

import hashlib
import re
from pathlib import Path
from typing import Any

from data.counted import counted
from data.named_source import absolute
from data.preparation import DataError
from data.written import months
from search.evaluate.evaluation import OFFICIAL_CASES, Evaluation, predictions
from search.output.files import file_name, write_text
from search.show.html import Section, notices, page, prose, section, table, text
from search.trained import page as model_page
from search.trained.folder import ABOUT, ModelFolder
from search.trained.keep import put_predictions
from search.trained.table import IMAGES, OFFICIAL_TEST, band_name, measures_rows, turned

FOLDER = "evaluated"  # in the model's folder


SUBTITLE = re.compile(r"<header><h1>[^<]*</h1><p>([^<]*)</p>")


def places(source: str, model: ModelFolder, folder: Path) -> tuple[Path, Path]:
    """Where the page and the CSV of predictions will be, named after the set; those of another set or model are not written over.

    Raises DataError where the folder is a model's, whose own tables of predictions have such names, or all names are taken.
    """
    if (folder / ABOUT).exists():
        raise DataError(
            f"{folder} is a model's own folder, and an evaluation does not write into it: name another --to"
        )
    said, name = subtitle_of(source, model), set_name(source)
    for one in (name, f"{name}-{short_digest(said)}"):
        html, listed = folder / f"{one}.html", folder / f"predictions_{one}.csv"
        if is_of(html, said) if html.exists() else not listed.exists():
            return html, listed
    raise DataError(
        f"{html} or {listed} belongs to something else, so it is not replaced: move it away, or name another --to"
    )


def set_name(source: str) -> str:
    """Of the last folder."""
    return file_name(Path(absolute(source)).name) or f"set-{short_digest(absolute(source))}"


def short_digest(words: str) -> str:
    return hashlib.blake2b(words.encode(errors="surrogateescape"), digest_size=4).hexdigest()


def is_of(html: Path, subtitle: str) -> bool:
    """Whether the page there is of this model and set."""
    found = SUBTITLE.search(html.read_text(encoding="utf-8", errors="replace"))
    return found is not None and found[1] == prose(subtitle)


def write(found: Evaluation, html: Path, listed: Path) -> None:
    """The page, and the CSV of predictions beside it."""
    html.parent.mkdir(parents=True, exist_ok=True)
    write_text(html, evaluation_page(found))  # first: by it a table is known to be its own, if it is stopped between
    by = found.labelled.cases["known_by"].to_numpy()
    put_predictions(listed, predictions(found.labelled.cases).assign(seen=by != "", known_by=by))


def evaluation_page(found: Evaluation) -> str:
    tables = {"evaluated": predictions(found.labelled.cases)}
    sections = [
        cases_section(found),
        measures_section(found),
        model_page.scatter_section(tables),
        model_page.agreement_section(tables, found.figures),
        model_page.groups_section(found.figures),
        coverage_section(found.coverage, IMAGES[found.main]),
        *([published_section(found)] if found.official else []),
    ]
    subtitle = subtitle_of(found.labelled.source, found.model)
    return page("A model on other images", sections, subtitle, found.drawn_words)


def subtitle_of(source: str, model: ModelFolder) -> str:
    return f"{model.name} ({model.path.absolute()}) on {absolute(source)}"


def cases_section(found: Evaluation) -> Section:
    """Before any figure: of how many cases it can be."""
    of = "those that are new to the model" if found.main == "unseen" else "all that have an answer"
    return section(
        "Of which cases?",
        text(found.accounted.sentence),
        table(
            found.accounted.rows(), f"The cases of the set. What is said below of how good the model is, is of {of}."
        ),
    )


def measures_section(found: Evaluation) -> Section:
    return section(
        "How good is it here?",
        table(
            turned(measures_rows(found.figures)),
            f"{model_page.MEASURES_MEAN} Constant: the MAE of always answering {found.constant_months:g} months, the median of {found.constant_of}.",
        ),
        notices(found.said),
    )


def coverage_section(covered: dict[str, Any], images: str) -> Section:
    rows = [
        {"label age": band_name(band), "images": band["n"], "labels inside": f"{band['share']:.1%}"}
        for band in covered["by_true_age"]
    ]
    return section(
        f"{covered['level']:.0%} prediction intervals",
        text(
            f"Of {counted(covered['n'], 'label')} ({images}), {covered['share']:.1%} lie inside their intervals (95% interval {covered['low']:.1%} to {covered['high']:.1%})."
        ),
        table(rows, "Labels inside their intervals, by the label's age."),
    )


def published_section(found: Evaluation) -> Section:
    own = found.figures[found.main]
    others = "" if own["n"] == OFFICIAL_CASES else f"; the published figures are of all {OFFICIAL_CASES}"
    rows = [{"method": "this model", "MAE": months(own["mae"]), "remark": f"{counted(own['n'], 'image')}{others}"}]
    rows += [{"method": known.method, "MAE": known.mae, "remark": known.remark} for known in OFFICIAL_TEST]
    return section("Beside published figures", table(rows, "MAE in months on RSNA's official test set, as published."))
