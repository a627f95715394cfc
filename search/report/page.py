"""The report as one HTML file."""

from collections.abc import Callable
from typing import Any

from search.output.notices import of_drawn_hands
from search.report.parts import Contents, Link, Plot, Plots, Subheading, Table, Words
from search.show import html as page
from search.show.html import Html


def html(contents: Contents, of: str = "") -> str:
    """`of` as `search/show/html.py` has it."""
    lead = page.answers(contents.answers)
    sections = [page.section(heading, *map(written, parts)) for heading, parts in contents.sections]
    return page.page(contents.title, sections, contents.subtitle, of_drawn_hands(cases=contents.synthetic), lead, of)


def written(part: Any) -> Html:
    write: Callable[[Any], Html] = WRITERS[type(part)]
    return write(part)


def plot(part: Plot) -> Html:
    drawn = page.figure(part.figure, part.caption, part.height_px)
    return Html(drawn + page.folded("The same as a table", page.table(part.rows, part.caption))) if part.rows else drawn


WRITERS: dict[type, Callable[[Any], Html]] = {
    Words: lambda part: page.text(part.text),
    Subheading: lambda part: page.subheading(part.text),
    Table: lambda part: page.table(part.rows, part.caption, part.most, own=part.own),
    Plot: plot,
    Plots: lambda part: page.side_by_side(map(plot, part.plots)),
    Link: lambda part: page.link(part.text, part.target),
}
