"""The report as Markdown, and its trials as CSV."""

import io
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from data.csv_text import row_writer
from data.written import minuses
from search.output.markdown import escaped
from search.output.notices import NO_DEVICE, SYNTHETIC
from search.output.sentence import sentence
from search.report.parts import Contents, Link, Plot, Plots, Subheading, Table, Words
from search.report.read import Report
from search.run import TRIALS
from search.show.cells import columns
from search.show.html import cell

LONG = ("train_mae_by_epoch", "log_ends", "network")  # attributes that are no cell of a table


def markdown(contents: Contents) -> str:
    """Figures are their tables here."""
    lines = [f"# {escaped(contents.title)}", escaped(contents.subtitle)]
    if contents.synthetic:
        lines.append(f"**{sentence(SYNTHETIC)}**")
    lines.append(
        "\n".join(
            f"- **{escaped(answer.question)}** {prose(answer.headline)}. {prose(' '.join(answer.details))}"
            for answer in contents.answers
        )
    )
    for heading, parts in contents.sections:
        lines += [f"## {escaped(heading)}", *(written(part) for part in parts)]
    lines.append(f"{NO_DEVICE.capitalize()}.")
    return "\n\n".join(filter(None, lines)) + "\n"


def prose(words: str) -> str:
    """As the page has it: foreign text escaped, a number below zero with its minus."""
    return escaped(minuses(words))


def written(part: Any) -> str:
    write: Callable[[Any], str] = WRITERS[type(part)]
    return write(part)


def table(rows: Sequence[dict[str, Any]], caption: str) -> str:
    found = columns(rows)
    if not found:
        return ""
    lines = [
        f"| {' | '.join(escaped(column) for column in found)} |",
        f"|{'---|' * len(found)}",
        *(
            f"| {' | '.join([escaped(cell(name)), *(prose(cell(value)) for value in row)])} |"
            for name, *row in zip(*found.values(), strict=True)
        ),
    ]
    return "\n".join(lines) + f"\n\n{prose(caption)}"


def plot(part: Plot) -> str:
    return table(part.rows, part.caption) if part.rows else ""


WRITERS: dict[type, Callable[[Any], str]] = {
    Words: lambda part: prose(part.text),
    Subheading: lambda part: f"### {escaped(part.text)}",
    Table: lambda part: table(part.rows, part.caption),
    Plot: plot,
    Plots: lambda part: "\n\n".join(filter(None, map(plot, part.plots))),
    Link: lambda part: f"[{escaped(part.text)}]({quote(part.target)})",
}


def trials_csv(report: Report) -> str:
    """One row per trial of all studies; the columns are what the storage holds, in the order in which it first occurs."""
    rows = [
        {
            "study": study.label,
            "trial": recorded.trial.number,
            "state": recorded.state,
            "exit_reason": recorded.trial.exit_reason,
            "validation_mae": recorded.trial.validation_mae,
            **{f"point_{name}": value for name, value in recorded.trial.point.items()},
            **{name: value for name, value in recorded.attrs.items() if name not in LONG},
            "began": recorded.began,
            "ended": recorded.ended,
            "folder": f"{TRIALS}/{recorded.trial.folder}",
        }
        for study in report.every
        for recorded in study.trials
    ]
    columns = list(dict.fromkeys(column for row in rows for column in row)) or ["study", "trial"]
    file = io.StringIO()
    write = row_writer(file, columns)
    for row in rows:
        write(row)
    return file.getvalue()
