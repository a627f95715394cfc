"""The report's three files, in the run's folder or another: report.html, report.md, report.csv."""

from dataclasses import replace
from pathlib import Path

from search.output.files import write_text
from search.report.page import html
from search.report.read import Report
from search.report.sections import contents
from search.report.text import markdown, trials_csv


def write(report: Report, folder: Path | None = None) -> Path:
    """The page, in the run's folder unless another is named. Each file is whole or what it was before."""
    told = contents(replace(report, place=folder))
    folder = folder or report.run.folder
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    texts = {page: html(told), page.with_suffix(".md"): markdown(told), page.with_suffix(".csv"): trials_csv(report)}
    for path, text in texts.items():
        write_text(path, text)
    return page
