"""Makes the README's screenshots of drawn hands, with a real search and a real browser: `make screenshots`.

A search that is in the folder already is not run again.

    python tests/screenshots.py [RUN_DIR]
"""

import io
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from chromium import chromium
from PIL import Image
from playwright.sync_api import Browser
from rich.console import Console
from rich.text import Text
from terminals import on_a_terminal, screen

PICTURES = Path(__file__).parents[1] / "docs" / "screenshots"
SEARCH = "run --workers 2 --preset demo --seeds 3"  # as `make search` runs it: one that learns
PORT = 8124  # of the dashboard
COLUMNS = 150  # of the terminal
MOST_BYTES, WIDTH_PX = 150_000, 1000  # of a picture, at most


def boneage_search(options: str, run: Path) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "search.cli", *shlex.split(options), "--run-dir", str(run)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def to_the_fullest(sent: str) -> str:
    """As far as the last of the frames that show most running trials with figures."""
    ends = [found.start() for found in re.finditer(r"\r\x1b\[2K", sent)]
    frames = list(pairwise(ends))
    most = max(sent.count("images/s", begin, end) for begin, end in frames)
    return next(sent[:end] for begin, end in reversed(frames) if sent.count("images/s", begin, end) == most)


def terminal(sent: str, browser: Browser) -> bytes:
    console = Console(width=COLUMNS, record=True, file=io.StringIO())
    for line in screen(to_the_fullest(sent))[-16:]:
        console.print(Text.from_ansi(line), soft_wrap=True)
    page = browser.new_page(viewport={"width": 1500, "height": 800})
    page.set_content(f"<body style='margin:0'>{console.export_svg(title='boneage-search run')}</body>")
    png = page.locator("svg").first.screenshot()
    page.close()
    return png


def keep(png: bytes, name: str) -> None:
    """With as few colours as look the same, so that it is small."""
    path = PICTURES / f"{name}.png"
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((WIDTH_PX, WIDTH_PX))
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    assert size < MOST_BYTES, f"{path} has {size:,} bytes, of {MOST_BYTES:,} at most"


def pages(run: Path, browser: Browser) -> None:
    """The report at two widths; of the dashboard a study, a trial, its maps, and the table of trials."""
    for name, width_px, height_px in (("report", 1280, 1000), ("report-phone", 390, 844)):
        page = browser.new_page(viewport={"width": width_px, "height": height_px})
        page.goto((run / "report.html").resolve().as_uri())
        page.locator(".plot .main-svg").first.wait_for()
        keep(page.screenshot(), name)
        page.close()
    with dashboard(run) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/dashboard/studies/1/note")
        page.get_by_text("Which block groups").first.wait_for()
        keep(page.screenshot(), "dashboard-study")
        page.goto(f"{address}/dashboard/studies/3/trials?numbers=1")
        page.wait_for_function("[...document.images].filter(image => image.naturalWidth > 600).length > 2")
        keep(page.screenshot(), "dashboard-trial")
        page.get_by_alt_text("cam_sheet.png").first.scroll_into_view_if_needed()
        keep(page.screenshot(), "dashboard-cam")
        page.goto(f"{address}/dashboard/studies/1/smartSelection")
        for _ in ("falling", "rising"):
            page.get_by_role("columnheader", name="Value").get_by_role("button").click()
        page.get_by_role("table").scroll_into_view_if_needed()
        keep(page.screenshot(), "dashboard-trials")
        page.close()


@contextmanager
def dashboard(run: Path) -> Iterator[str]:
    """Its address, while it answers."""
    address = f"http://127.0.0.1:{PORT}"
    command = [sys.executable, "-m", "search.cli", "dashboard", "--run-dir", str(run), "--port", str(PORT)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            try:
                urllib.request.urlopen(f"{address}/api/studies", timeout=30).close()
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def main(run: Path) -> None:
    transcript = run / "terminal.txt"
    if not transcript.exists():
        sent = on_a_terminal([*shlex.split(SEARCH), "--run-dir", str(run)], COLUMNS)
        transcript.write_text(sent)
    boneage_search("train", run)
    boneage_search("report", run)
    drawn = [Path(line) for line in boneage_search("explain --sheet 4", run).split() if line.endswith(".png")]
    PICTURES.mkdir(parents=True, exist_ok=True)
    keep(drawn[0].read_bytes(), "cam-sheet")
    with chromium() as browser:
        keep(terminal(transcript.read_bytes().decode(), browser), "terminal")
        pages(run, browser)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/screenshots"))
