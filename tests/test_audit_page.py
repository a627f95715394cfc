"""The page of an audit: as text, and in a real browser without a network."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import WIDTHS, Tags, opened
from playwright.sync_api import Browser, expect
from plotly.graph_objects import Bar, Figure

from data.audit.audit import audit
from data.audit.measures import Audit, Finding
from data.store.disk import Store
from search.audit.page import MOST_PROBLEMS, audit_page
from search.audit.remembered import worries
from search.audit.rows import audit_rows, balance_rows
from search.output.notices import NO_DEVICE, SYNTHETIC
from search.show.html import Picture, figure, notices, page, pictures, png_uri, section, table, text
from search.show.tables import show

MARKUP = '<img src=x onerror="alert(1)">&'


@pytest.fixture(scope="module")
def found(tiny_store: Store) -> Audit:
    return audit(tiny_store.cases, tiny_store.problems, tiny_store.images, tiny_store.image_px, tiny_store.synthetic)


@pytest.fixture(scope="module")
def html(tiny_store: Store, found: Audit) -> str:
    return audit_page(tiny_store, found)


def hostile(store: Store, folder: Path) -> Store:
    """The same store with markup wherever text of a user's comes from, a twin pair, an empty image and many problems."""
    cases = store.cases.assign(id=[f"{MARKUP}{row}" for row in range(len(store.cases))], width_px=range(30, 90))
    images = np.array(store.images)
    images[9], images[20] = images[4], 0
    images[9, 10, 10] ^= 64
    held_out = cases.index[cases["split"] != cases["split"][4]][0]
    images[held_out] = images[9]
    cases.to_csv(folder / "cases.csv", index=False)
    np.save(folder / "images.npy", images)
    rows = [(f"{MARKUP}{n}", "x.png", f"unreadable: {MARKUP}") for n in range(MOST_PROBLEMS + 7)]
    pd.DataFrame(rows, columns=["id", "path", "reason"]).to_csv(folder / "problems.csv", index=False)
    return Store(folder, store.info | {"source": MARKUP})


def test_all_text_is_escaped(tiny_store: Store, tmp_path: Path) -> None:
    store = hostile(tiny_store, tmp_path)
    about = audit(store.cases, store.problems, store.images, store.image_px, store.synthetic)
    made = audit_page(store, about)

    seen = Tags(made)
    assert MARKUP in seen.words
    assert not [tag for tag, attributes in seen.tags if "onerror" in attributes]
    assert "and 7 more" in seen.words
    assert about.twins
    assert about.pictures.poor_ids == [f"{MARKUP}20"]


def test_every_part_escapes_what_it_is_given() -> None:
    parts = [
        text(MARKUP),
        notices([("worry", MARKUP)]),
        table([{MARKUP: MARKUP}], MARKUP),
        pictures([Picture((np.zeros((4, 4), np.uint8),), MARKUP)]),
        figure(Figure(Bar(x=[f"{MARKUP}</script>"], y=[1])), MARKUP),
    ]
    made = page(MARKUP, [section(MARKUP, *parts)], MARKUP)

    assert not [tag for tag, attributes in Tags(made).tags if "onerror" in attributes]
    assert made.count("</script>") == made.count("<script")  # data end no script


def test_the_page_loads_nothing_from_anywhere(html: str) -> None:
    loading = [
        value
        for _, attributes in Tags(html).tags
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data", "poster") and value
    ]

    assert loading
    assert all(value.startswith(("data:", "#")) for value in loading)
    assert "url(" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "default-src 'none'" in html


def test_plotly_is_in_the_page_once_and_only_where_there_is_a_figure(html: str) -> None:
    assert html.count("plotly.js v") == 1
    assert "plotly" not in page("No figures", [section("Words", text("one"))]).lower().replace("plotly.relayout", "")


def test_every_page_says_that_this_is_no_medical_device_and_what_is_synthetic(html: str) -> None:
    plain = page("Real", [section("Words", text("one"))])

    assert NO_DEVICE in html.lower()
    assert NO_DEVICE in plain.lower()
    assert SYNTHETIC in html.lower()
    assert SYNTHETIC not in plain.lower()


def test_findings_come_first_and_worries_before_notes(tiny_store: Store, found: Audit) -> None:
    planted = [Finding("worry", "Mind this."), Finding("note", "And that.")]
    made = audit_page(tiny_store, replace(found, findings=planted))

    assert made.index("Mind this.") < made.index("And that.") < made.index(">Cases</h2>")
    assert worries(replace(found, findings=planted)) == ["Mind this."]


def test_histograms_are_shares_of_each_split_and_sex(html: str, found: Audit) -> None:
    figures = [json.loads(data) for data in re.findall(r'<script type="application/json">(.*?)</script>', html)]
    bars = [trace for trace in figures[0]["data"] if trace["type"] == "bar"]

    assert len(bars) == len(found.groups)
    assert all(sum(trace["y"]) == pytest.approx(1) for trace in bars)


def test_numbers_are_aligned_right_and_words_are_not() -> None:
    made = table(
        [{"split": "train", "cases": 10090, "p": "< 0.001", "share": "54.3%", "delta": None, "said": "2 of 3"}],
        "Cases.",
    )

    assert re.findall(r'<th scope="col"( class="number")?>(\w+)', made) == [
        ("", "split"),
        (' class="number"', "cases"),
        (' class="number"', "p"),
        (' class="number"', "share"),
        (' class="number"', "delta"),
        ("", "said"),
    ]
    assert "10,090" in made


def test_a_table_has_a_caption_is_reached_by_keyboard_and_writes_minus_as_plotly_does() -> None:
    made = table(
        [{"id": "-12", "effect": -1, "share": -0.5, "from": "-2.56 to 0.3", "file": "a-1.png"}], "Below -1 -- x-1."
    )

    assert '<div class="wide" tabindex="0" role="region" aria-label="Below −1 -- x-1.">' in made
    assert "<caption><span>Below −1 -- x-1.</span></caption>" in made
    assert re.findall(r"<td[^>]*>(.*?)</td>", made) == ["-12", "−1", "−0.5", "−2.56 to 0.3", "a-1.png"]


def test_a_long_table_is_cut_and_says_how_much_is_missing() -> None:
    made = table([{"n": n} for n in range(1_500)], "Numbers.", most=10)

    assert made.count("<tr>") == 11
    assert "1,490 more" in made


def test_pictures_are_stored_small() -> None:
    assert len(png_uri(np.random.default_rng(0).integers(0, 256, (1000, 800), dtype=np.uint8))) < 40_000


def test_the_terminal_gets_a_row_per_split_and_sex(found: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    rows = audit_rows(found)
    show("audit", rows, "sixty drawn hands")

    assert len(rows) == len(found.groups)
    assert len(balance_rows(found)) == len(found.comparisons)
    assert "validation" in capsys.readouterr().out


# In a browser


@pytest.fixture(scope="module")
def file(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("page") / "audit.html"
    written.write_text(html)
    return written


GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_without_a_network_an_error_or_a_sideways_scroll(
    browser: Browser, file: Path, scheme: str, width_px: int
) -> None:
    context = browser.new_context(
        offline=True, viewport={"width": width_px, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()

    assert opened(page, file) == []
    assert page.locator(".plot .bars path").count() > 20
    assert page.locator(".pictures img").count() > 10
    assert all(page.evaluate("[...document.images].map(image => image.naturalWidth > 0)"))
    scrolled, shown = page.evaluate(WIDTHS)
    assert scrolled <= shown
    context.close()


@pytest.mark.slow
def test_figures_follow_the_colour_scheme_and_print_on_white(browser: Browser, file: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened(page, file)
    title = page.locator(".annotation-text").first

    def inked() -> str:
        return str(title.evaluate("text => getComputedStyle(text).fill"))

    light = (page.evaluate(GROUND), inked())
    page.emulate_media(color_scheme="dark")
    expect(title).not_to_have_css("fill", light[1])
    dark = (page.evaluate(GROUND), inked())
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[0] != light[0]

    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    expect(title).to_have_css("fill", light[1])
    assert page.evaluate(GROUND) == light[0]

    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(title).to_have_css("fill", dark[1])
    page.close()
