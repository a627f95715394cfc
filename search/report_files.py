"""The report's three files in the run's folder: report.html, report.md, report.csv."""

import os
from pathlib import Path

from search.report import Report
from search.report_page import html
from search.report_sections import contents
from search.report_text import markdown, trials_csv


def write(report: Report) -> Path:
    """The page. Each file is whole or what it was before."""
    told = contents(report)
    page = report.run.folder / "report.html"
    texts = {page: html(told), page.with_suffix(".md"): markdown(told), page.with_suffix(".csv"): trials_csv(report)}
    for path, text in texts.items():
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_text(text)
        os.replace(part, path)
    return page
