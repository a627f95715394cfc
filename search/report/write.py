"""The report's three files, in the run's folder or another: report.html, report.md, report.csv."""

from dataclasses import replace
from pathlib import Path

from search.output.files import write_text
from search.report.page import html
from search.report.read import Report
from search.report.sections import contents
from search.report.text import markdown, trials_csv
from search.show.html import digest_of_folder, refuse_others


def write(report: Report, folder: Path | None = None) -> Path:
    """The page, in the run's folder unless another is named. Each file is whole or what it was before.

    Raises DataError where another folder has a report that is not this run's.
    """
    told = contents(replace(report, place=folder))
    folder = folder or report.run.folder
    folder.mkdir(parents=True, exist_ok=True)
    page, of = folder / "report.html", digest_of_folder(report.run.folder)
    if folder.resolve() != report.run.folder.resolve():
        refuse_others([page.with_suffix(ending) for ending in (".html", ".md", ".csv")], of)
    texts = {
        page: html(told, of),
        page.with_suffix(".md"): markdown(told),
        page.with_suffix(".csv"): trials_csv(report),
    }
    for path, text in texts.items():
        write_text(path, text)
    return page
