"""The report in a real browser without a network, as it is read at a desk and on a phone."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor
from pages import WIDTHS, opened
from playwright.sync_api import Browser, Page
from searched import a_run, search, with_seeds

from data.store.disk import Store
from search.report.read import read
from search.report.write import write
from search.show.html import page as sheet
from search.show.html import section, table

pytestmark = pytest.mark.slow
CUT = """[...document.querySelectorAll('.plot svg text')].filter(text => {
    const inside = text.getBoundingClientRect(), area = text.closest('.area').getBoundingClientRect()
    return inside.width && (inside.right > area.right + 2 || inside.left < area.left - 2)
}).map(text => text.textContent)"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    run = a_run(tmp_path_factory.mktemp("page") / "run", tiny_store, replace(tiny_preset(), seeds=2))
    return write(read(search(run, tiny_store, FormulaExecutor(by_seed=with_seeds))))


@pytest.mark.parametrize(("width_px", "height_px"), [(390, 844), (1280, 900)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_answers_and_nothing_scrolls_sideways(
    browser: Browser, file: Path, scheme: str, width_px: int, height_px: int
) -> None:
    context = browser.new_context(
        offline=True,
        viewport={"width": width_px, "height": height_px},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()

    assert opened(page, file) == []
    answers = page.locator(".answers .headline")
    assert answers.count() == 5
    for n in range(answers.count()):
        box = answers.nth(n).bounding_box()
        assert box
        assert box["y"] + box["height"] <= height_px
    scrolled, shown = page.evaluate(WIDTHS)
    assert scrolled <= shown
    assert page.locator(".plot .main-svg").count() > 10
    context.close()


@pytest.mark.parametrize("width_px", [360, 390, 1280])
def test_no_words_of_a_figure_leave_it(browser: Browser, file: Path, width_px: int) -> None:
    page = browser.new_page(viewport={"width": width_px, "height": 900})
    opened(page, file)
    assert page.locator(".plot").get_by_text("months worse").count() == 1
    assert page.evaluate(CUT) == []
    page.close()


def test_every_figure_can_be_unfolded_as_a_table(browser: Browser, file: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(page, file)
    folded = page.locator("details")

    assert folded.count() > 5
    folded.first.locator("summary").click()
    assert folded.first.locator("td").first.is_visible()
    page.close()


def test_printed_it_is_white_and_within_the_page(browser: Browser, file: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    opened(page, file)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden()
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.plot svg')].map(e => e.getBoundingClientRect().width))"
    )
    assert widest <= 700
    page.close()


def test_a_wide_table_is_reached_and_scrolled_by_keyboard_and_every_table_has_a_caption(
    browser: Browser, file: Path
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    opened(page, file)

    assert page.evaluate(
        "[...document.querySelectorAll('table')].every((table) => table.caption?.textContent.trim() !== '')"
    )
    wide = page.locator(".wide").filter(has_text="GMACs").first
    wide.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("(box) => box.scrollLeft > 0", arg=wide.element_handle())
    page.close()


SHEET_PX = 680  # of A4 within its margins; Chromium prints what is wider smaller, the whole page


def printed_scale(page: Page) -> float:
    page.set_viewport_size({"width": SHEET_PX, "height": 1000})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    return SHEET_PX / float(page.evaluate("document.documentElement.scrollWidth"))


def test_the_printed_report_is_nearly_as_large_as_it_is_read_and_breaks_no_figure(browser: Browser, file: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(page, file)

    assert printed_scale(page) >= 0.75
    assert page.evaluate(
        "[...document.querySelectorAll('.plot')].every((plot) => getComputedStyle(plot).breakInside === 'avoid')"
    )
    page.close()


WIDE = {f"column {n}": 1000.125 + n for n in range(9)}


@pytest.mark.parametrize(
    "cells",
    [
        {"folder": "trials/4-refinement/0017-of-another-search-that-somebody-has-named-at-length"},
        {"what": "beta=0.14,mixed7=3,mixed9=1,fc_units=0,dropout=0.3,sex_units=32,seed=1002"},
        {
            "digest": "3f5dbf2851ae651a" * 8,
            "outcome": "these trained models differ",
            "taken over from": "1 ablation #5",
        },
    ],
    ids=lambda cells: next(iter(cells)),
)
def test_no_cell_makes_the_print_small(browser: Browser, tmp_path: Path, cells: dict[str, str]) -> None:
    html = tmp_path / "page.html"
    html.write_text(sheet("Wide", [section("All", table([{"study": "4 refinement"} | WIDE | cells] * 3, "Rows."))]))
    page = browser.new_page()
    page.goto(html.as_uri())

    assert printed_scale(page) >= 0.75
    page.close()
