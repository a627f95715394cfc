"""One self-contained HTML file: text, tables, figures and pictures that need no network, in light, dark and print.

plotly.js is inlined once, where there is a figure. All text is escaped here; what is `Html` was made by a function of this
file. A policy in the page forbids the browser to load anything from anywhere.
"""

import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NewType
from urllib.parse import quote

import numpy as np
from PIL import Image

from data.preparation import DataError
from data.written import NONE, minuses
from search.output.notices import NO_DEVICE
from search.output.sentence import sentence
from search.show.cells import columns
from search.show.style import STYLE

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HEAD = 2000  # characters of a page, before its style

Html = NewType("Html", str)
NOTHING = Html("")

# Told apart with every common colour blindness, and on white as on near-black.
ORANGE, BLUE, TEAL, PURPLE, GREY = "#de8a1d", "#3a83c6", "#1f9e89", "#a872c4", "#8b929c"

PICTURE_PX = 160  # pictures are stored no larger, unless more is asked for
LEAST_WIDTH_PX = 88  # of a picture with its caption
PRINTED_WIDTH_PX = 680  # of a figure: A4 and Letter within their margins
NUMBER = re.compile(r"[<−+-]?\s?[\d.,]+(?:, \d+)*\s?%?|–")  # or several, as epochs
LONG_WORD = re.compile(r"\S{15,}")
PARTS_A_WORD, PARTED = re.compile(r"[/_=,](?=.)"), r"\g<0><wbr>"

POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:"
)


class Section(NamedTuple):
    heading: str
    body: Html


class Picture(NamedTuple):
    """One image, or several that belong together, side by side: uint8 (height, width) or RGB (height, width, 3)."""

    pixels: tuple[np.ndarray, ...]
    caption: str


@dataclass(frozen=True)
class Answer:
    """A card: what a reader wants to know first, in a few words and in sentences that say more."""

    question: str
    headline: str
    details: tuple[str, ...] = ()


def page(
    title: str,
    sections: Sequence[Section],
    subtitle: str = "",
    drawn: str = "",
    lead: Html = NOTHING,
    of: str = "",
) -> str:
    """The whole file. `drawn` is said of drawn hands, in a banner above everything; `lead` stands before the contents; `of` is a
    digest that tells whose page it is, for `refuse_others`."""
    body = [f'<section id="s{n}"><h2>{escape(s.heading)}</h2>{s.body}</section>' for n, s in enumerate(sections)]
    links = "".join(f'<a href="#s{n}">{escape(section.heading)}</a>' for n, section in enumerate(sections))
    scripts = figure_scripts() if any('class="plot"' in part for part in body) else ""
    banner = f'<p class="banner" role="note">{escape(sentence(drawn))}</p>' if drawn else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">{f'{chr(10)}<meta name="of" content="{of}">' if of else ""}
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
{banner}
<header><h1>{escape(title)}</h1>{text(subtitle) if subtitle else ""}</header>
{lead}
<nav aria-label="Contents">{links}</nav>
<main>
{"".join(body)}
</main>
<footer><p>{escape(sentence(NO_DEVICE))}</p></footer>
{scripts}
</body>
</html>
"""


def digest_of_folder(folder: Path) -> str:
    """Whose page it is, without telling where that lies: pages are passed on."""
    return hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=8).hexdigest()


def refuse_others(files: Sequence[Path], of: str) -> None:
    """Raises DataError where one of the files is there, unless the first of them is a page of this digest: then they are replaced."""
    there = [path for path in files if path.exists()]
    if not there:
        return
    try:
        with files[0].open(encoding="utf-8", errors="replace") as page:
            if f'<meta name="of" content="{of}">' in page.read(HEAD):
                return
    except OSError:
        pass
    raise DataError(
        f"{there[0]} is there and belongs to something else, so it is not replaced: move it away, or name another --to"
    )


def section(heading: str, *parts: Html) -> Section:
    return Section(heading, Html("\n".join(parts)))


def prose(words: str) -> str:
    """Escaped; a number below zero has the sign that plotly and the field write, −."""
    return escape(minuses(words))


def text(words: str) -> Html:
    """A paragraph."""
    return Html(f"<p>{prose(words)}</p>")


def subheading(words: str) -> Html:
    return Html(f"<h3>{escape(words)}</h3>")


def notices(said: Iterable[tuple[str, str]]) -> Html:
    """Sentences with the level of each, `worry` or `note`, which is written out: colour alone tells nobody."""
    items = "".join(
        f'<li class="{escape(level)}"><span class="level">{escape(level)}</span><span>{prose(words)}</span></li>'
        for level, words in said
    )
    return Html(f'<ul class="notices">{items}</ul>')


def table(
    rows: Sequence[dict[str, Any]],
    caption: str,
    most: int = 0,
    own: Callable[[dict[str, Any]], bool] = lambda row: False,
) -> Html:
    """The columns are the keys of all rows; one of numbers alone is aligned right, unless it is the first.

    `most` rows are shown, 0 for all; those that are `own` stand out. A table wider than its place scrolls by keyboard too, and
    shadows say on which side there is more.
    """
    shown = rows[:most] if most else rows
    cells = {column: [cell(value) for value in values] for column, values in columns(rows, most).items()}
    style = {
        column: ' class="number"' if n and all(NUMBER.fullmatch(value) for value in values) else ""
        for n, (column, values) in enumerate(cells.items())
    }
    writers = {column: prose if n else escape for n, column in enumerate(cells)}  # the first is a name
    head = "".join(f'<th scope="col"{style[column]}>{escape(column)}</th>' for column in cells)
    body = "".join(
        ("<tr class='own'>" if own(shown[n]) else "<tr>")
        + "".join(
            f"<td{style[column]}>{breakable(written(cells[column][n]))}</td>" for column, written in writers.items()
        )
        + "</tr>"
        for n in range(len(shown))
    )
    more = text(f"… and {len(rows) - len(shown):,} more.") if len(rows) > len(shown) else ""
    return Html(
        f'<div class="wide" tabindex="0" role="region" aria-label="{prose(caption)}"><table><caption><span>{prose(caption)}</span>'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def breakable(words: str) -> str:
    """Escaped words, of which those that are long (a folder, a list of values) may go on in another line, best behind a sign that
    parts them: else one of them makes its table wider than a sheet of paper, and Chromium then prints the whole page smaller."""
    return LONG_WORD.sub(lambda word: f'<span class="long">{PARTS_A_WORD.sub(PARTED, word[0])}</span>', words)


def cell(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def figure(drawn: "Figure", caption: str, height_px: int = 360) -> Html:
    """A plotly figure as wide as the page. Its colours of text, lines and ground are the page's, whatever it brings."""
    drawn.update_layout(
        template="none", paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", height=height_px, autosize=True
    )
    data = drawn.to_json().replace("<", "\\u003c")  # nothing in it ends the script
    return Html(
        f'<figure class="plot"><div class="area" role="img" aria-label="{prose(caption)}" style="height:{height_px}px"></div>'
        f'<script type="application/json">{data}</script><figcaption>{prose(caption)}</figcaption></figure>'
    )


def answers(given: Iterable[Answer]) -> Html:
    items = "".join(
        f'<div><dt>{escape(one.question)}</dt><dd class="headline">{prose(one.headline)}</dd><dd>{prose(" ".join(one.details))}</dd></div>'
        for one in given
    )
    return Html(f'<dl class="answers">{items}</dl>')


def folded(summary: str, inner: Html) -> Html:
    """Shown when it is asked for."""
    return Html(f"<details><summary>{escape(summary)}</summary>{inner}</details>")


def side_by_side(figures: Iterable[Html]) -> Html:
    """Small figures, as many in a row as have room."""
    return Html(f'<div class="plots">{"".join(f"<div>{drawn}</div>" for drawn in figures)}</div>')


def link(words: str, target: str) -> Html:
    """To a file beside the page."""
    return Html(f'<p><a href="{escape(quote(target))}">{escape(words)}</a></p>')


def pictures(
    shown: Iterable[Picture], across: int = 8, most_px: int = PICTURE_PX, least_px: int = LEAST_WIDTH_PX
) -> Html:
    """A grid, `across` of them in a row where the page is wide, none narrower than `least_px`; no image is stored larger than
    `most_px`."""
    items = "".join(
        "<figure><div>"
        + "".join(f'<img src="{png_uri(pixels, most_px)}" alt="{prose(picture.caption)}">' for pixels in picture.pixels)
        + f"</div><figcaption>{prose(picture.caption)}</figcaption></figure>"
        for picture in shown
    )
    return Html(f'<div class="pictures" style="--across:{across};--least:{least_px}px">{items}</div>')


def png_uri(pixels: np.ndarray, most_px: int = PICTURE_PX) -> str:
    """A uint8 image as a data URI, made no larger than `most_px`."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((most_px, most_px))
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def figure_scripts() -> str:
    from plotly.offline import get_plotlyjs

    return (
        "<noscript><p>The figures need JavaScript; everything else on this page does not.</p></noscript>"
        f"<script>{get_plotlyjs()}</script><script>{SCRIPT}</script>"
    )


# What plotly draws takes its colours from the style sheet above, now and whenever the scheme changes.
SCRIPT = (
    """
"use strict";
const root = document.documentElement;
const areas = [...document.querySelectorAll(".plot .area")];
function colours(layout) {
  const style = getComputedStyle(root), colour = (name) => style.getPropertyValue(name).trim();
  const change = {"font.color": colour("--ink"), "font.family": getComputedStyle(document.body).fontFamily,
    "hoverlabel.bgcolor": colour("--raised"), "hoverlabel.bordercolor": colour("--line"), "hoverlabel.font.color": colour("--ink")};
  for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\\d*$/.test(key))) {
    change[axis + ".gridcolor"] = colour("--line");
    change[axis + ".linecolor"] = colour("--soft");
    change[axis + ".zerolinecolor"] = colour("--line");
    change[axis + ".tickcolor"] = colour("--soft");
    change[axis + ".tickfont.color"] = colour("--soft");
  }
  return change;
}
function recolour(more) {
  return Promise.all(areas.map((area) => Plotly.relayout(area, {...colours(area.layout), ...more})));
}
Promise.all(areas.map((area) => {
  const drawn = JSON.parse(area.parentElement.querySelector("script").textContent);
  return Plotly.newPlot(area, drawn.data, drawn.layout, {responsive: true, displayModeBar: false});
})).then(() => recolour({})).then(() => { root.dataset.drawn = areas.length; });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => recolour({}));
addEventListener("beforeprint", () => { root.classList.add("printing"); recolour({width: """
    + str(PRINTED_WIDTH_PX)
    + """}); });
addEventListener("afterprint", () => { root.classList.remove("printing"); recolour({width: null, autosize: true}); });
"""
)
