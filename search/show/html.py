"""One self-contained HTML file: text, tables, figures and pictures that need no network, in light, dark and print.

plotly.js is inlined once, where there is a figure. All text is escaped here; what is `Html` was made by a function of this
file. A policy in the page forbids the browser to load anything from anywhere.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, NewType
from urllib.parse import quote

import numpy as np
from PIL import Image

from search.output.notices import NO_DEVICE, SYNTHETIC

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Html = NewType("Html", str)
NOTHING = Html("")

# Told apart with every common colour blindness, and on white as on near-black.
ORANGE, BLUE, TEAL, PURPLE, GREY = "#de8a1d", "#3a83c6", "#1f9e89", "#a872c4", "#8b929c"
PALETTE = (BLUE, ORANGE, TEAL, PURPLE, GREY)

PICTURE_PX = 160  # pictures are stored no larger, unless more is asked for
LEAST_WIDTH_PX = 88  # of a picture with its caption
PRINTED_WIDTH_PX = 680  # of a figure: A4 and Letter within their margins
NUMBER = re.compile(r"[<−+-]?\s?[\d.,]+\s?%?|–")

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


def page(
    title: str, sections: Sequence[Section], subtitle: str = "", synthetic: bool = False, lead: Html = NOTHING
) -> str:
    """The whole file. `synthetic` puts a banner above everything that says so; `lead` stands before the contents."""
    body = [f'<section id="s{n}"><h2>{escape(s.heading)}</h2>{s.body}</section>' for n, s in enumerate(sections)]
    links = "".join(f'<a href="#s{n}">{escape(section.heading)}</a>' for n, section in enumerate(sections))
    scripts = figure_scripts() if any('class="plot"' in part for part in body) else ""
    banner = f'<p class="banner" role="note">{escape(SYNTHETIC[0].upper() + SYNTHETIC[1:])}.</p>' if synthetic else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
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
<footer><p>{escape(NO_DEVICE[0].upper() + NO_DEVICE[1:])}.</p></footer>
{scripts}
</body>
</html>
"""


def section(heading: str, *parts: Html) -> Section:
    return Section(heading, Html("\n".join(parts)))


def text(words: str) -> Html:
    """A paragraph."""
    return Html(f"<p>{escape(words)}</p>")


def subheading(words: str) -> Html:
    return Html(f"<h3>{escape(words)}</h3>")


def notices(said: Iterable[tuple[str, str]]) -> Html:
    """Sentences with the level of each, `worry` or `note`, which is written out: colour alone tells nobody."""
    items = "".join(
        f'<li class="{escape(level)}"><span class="level">{escape(level)}</span><span>{escape(words)}</span></li>'
        for level, words in said
    )
    return Html(f'<ul class="notices">{items}</ul>')


def table(
    rows: Sequence[dict[str, Any]],
    caption: str = "",
    most: int = 0,
    own: Callable[[dict[str, Any]], bool] = lambda row: False,
) -> Html:
    """The columns are the keys of all rows; one of numbers alone is aligned right, unless it is the first.

    `most` rows are shown, 0 for all; those that are `own` stand out.
    """
    shown = rows[:most] if most else rows
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = {column: [cell(row.get(column)) for row in shown] for column in columns}
    style = {
        column: ' class="number"' if n and all(NUMBER.fullmatch(value) for value in values) else ""
        for n, (column, values) in enumerate(cells.items())
    }
    head = "".join(f'<th scope="col"{style[column]}>{escape(column)}</th>' for column in columns)
    body = "".join(
        ("<tr class='own'>" if own(shown[n]) else "<tr>")
        + "".join(f"<td{style[column]}>{escape(cells[column][n])}</td>" for column in columns)
        + "</tr>"
        for n in range(len(shown))
    )
    above = f"<caption><span>{escape(caption)}</span></caption>" if caption else ""
    more = text(f"… and {len(rows) - len(shown):,} more.") if len(rows) > len(shown) else ""
    return Html(
        f'<div class="wide"><table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'
    )


def cell(value: Any) -> str:
    if value is None:
        return "–"
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
        f'<figure class="plot"><div class="area" role="img" aria-label="{escape(caption)}" style="height:{height_px}px"></div>'
        f'<script type="application/json">{data}</script><figcaption>{escape(caption)}</figcaption></figure>'
    )


def answers(given: Iterable[tuple[str, str, str]]) -> Html:
    """What a reader wants to know first: question, answer in a few words, sentences that say more."""
    items = "".join(
        f'<div><dt>{escape(question)}</dt><dd class="headline">{escape(headline)}</dd><dd>{escape(more)}</dd></div>'
        for question, headline, more in given
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
        + "".join(
            f'<img src="{png_uri(pixels, most_px)}" alt="{escape(picture.caption)}">' for pixels in picture.pixels
        )
        + f"</div><figcaption>{escape(picture.caption)}</figcaption></figure>"
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


STYLE = """
:root {
  --ground: #ffffff; --raised: #f6f7f9; --ink: #1d2329; --soft: #5b6672; --line: #dfe3e8;
  --worry: #a33c00; --worry-ground: #fdf1e7; --note: #1c5f9c; --note-ground: #eef5fb;
}
@media screen and (prefers-color-scheme: dark) {
  :root:not(.printing) {
    --ground: #14181c; --raised: #1c2227; --ink: #e4e8ec; --soft: #9ba6b1; --line: #313a42;
    --worry: #f4a261; --worry-ground: #2c2119; --note: #7fb8ea; --note-ground: #19252f;
  }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 3rem; max-width: 70rem; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
}
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; }
h2 { margin: 0 0 0.9rem; font-size: 1.25rem; line-height: 1.3; letter-spacing: -0.01em; }
h3 { margin: 1.6rem 0 0.5rem; font-size: 0.95rem; color: var(--soft); font-weight: 600; }
p { margin: 0 0 0.9rem; max-width: 46rem; overflow-wrap: anywhere; }
header p { margin: 0.4rem 0 0; max-width: none; overflow-wrap: anywhere; color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 1.2rem 0 0; padding: 0.7rem 0; font-size: 0.9rem;
  border: solid var(--line); border-width: 1px 0; }
nav a { color: var(--note); text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { margin-top: 2.75rem; }
.banner { max-width: none; margin: 0 0 1.5rem; padding: 0.6rem 1rem; border-radius: 6px; font-weight: 600;
  color: var(--worry); background: var(--worry-ground); border: 1px solid var(--worry); }
.notices { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.5rem; }
.notices li { display: grid; grid-template-columns: 4rem 1fr; gap: 0.6rem; padding: 0.65rem 0.9rem; border-radius: 4px;
  border-left: 3px solid var(--note); background: var(--note-ground); }
.notices .level { font-weight: 600; color: var(--note); }
.notices .worry { border-left-color: var(--worry); background: var(--worry-ground); }
.notices .worry .level { color: var(--worry); }
.wide { overflow-x: auto; margin: 0 0 0.9rem; container-type: inline-size; }
table { border-collapse: collapse; font-size: 0.9rem; min-width: 60%; }
caption { caption-side: bottom; padding-top: 0.5rem; text-align: left; color: var(--soft); }
caption span { display: block; position: sticky; left: 0; max-width: min(46rem, 100cqw); }
.own td { font-weight: 600; background: var(--note-ground); }
th, td { padding: 0.38rem 0.9rem 0.38rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; border-bottom-color: var(--soft); }
th:not(:first-child), td:not(:first-child) { padding-left: 0.9rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: 0.9rem; }
.plot { margin: 1.4rem 0; }
.plot .area { width: 100%; }
.plot figcaption { max-width: 46rem; }
.plots { display: grid; gap: 0 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); }
.plots > div { min-width: 0; }
.plots > div > details { margin-bottom: 1.2rem; }
.answers { margin: 1.3rem 0 0; display: grid; gap: 0.7rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
.answers div { padding: 0.7rem 0.9rem; border-radius: 6px; background: var(--raised); border: 1px solid var(--line);
  overflow-wrap: anywhere; }
.answers dt { color: var(--soft); font-size: 0.82rem; font-weight: 600; }
.answers dd { margin: 0.2rem 0 0; font-size: 0.86rem; line-height: 1.4; color: var(--soft); }
.answers .headline { margin: 0; font-size: 1.1rem; line-height: 1.35; font-weight: 600; color: var(--ink); }
a { color: var(--note); }
summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; margin-bottom: 0.5rem; }
.pictures { display: grid; gap: 0.7rem; margin: 0 0 0.9rem;
  grid-template-columns: repeat(auto-fill, minmax(max(var(--least), calc((100% - (var(--across) - 1) * 0.7rem) / var(--across))), 1fr)); }
.pictures div { display: flex; gap: 3px; }
.pictures img { flex: 1 1 0; min-width: 0; width: 100%; height: auto; display: block; border-radius: 3px;
  background: #000; outline: 1px solid var(--line); outline-offset: -1px; }
.pictures figcaption { margin-top: 0.2rem; font-size: 0.8rem; line-height: 1.35; }
footer { margin-top: 3.5rem; padding-top: 0.9rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9rem; }
@media screen and (max-width: 30rem) {
  body { padding: 1rem 1rem 2rem; }
  h1 { font-size: 1.5rem; }
  header p { font-size: 0.9rem; line-height: 1.4; }
  .banner { margin-bottom: 0.8rem; padding: 0.35rem 0.7rem; font-size: 0.85rem; line-height: 1.35; }
  .answers { margin-top: 0.7rem; gap: 0; }
  .answers div { padding: 0.4rem 0; background: none; border-width: 1px 0 0; border-radius: 0; }
  .answers dd { margin: 0.1rem 0 0; font-size: 0.8rem; line-height: 1.32; }
  .answers dt { font-size: 0.75rem; line-height: 1.2; }
  .answers .headline { font-size: 1rem; line-height: 1.25; }
}
@page { margin: 15mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  nav { display: none; }
  section { margin-top: 1.8rem; }
  h2, h3 { break-after: avoid; }
  .wide { overflow: visible; }
  table { font-size: 8.5pt; min-width: 0; }
  th, td { padding-right: 0.4rem; }
  th:not(:first-child), td:not(:first-child) { padding-left: 0.4rem; }
  tr, .notices li, .plot, .pictures > figure, .answers div { break-inside: avoid; }
  .answers { grid-template-columns: 1fr 1fr; }
  .plots { grid-template-columns: 1fr; }
  details { display: none; }
  .banner, .notices li, .pictures img { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

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
