"""Pages read as text, and opened in a browser."""

from html.parser import HTMLParser
from pathlib import Path

from playwright.sync_api import Page


class Tags(HTMLParser):
    """Every start tag with its attributes, and the text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.words += data


def opened(page: Page, file: Path) -> list[str]:
    """Opens the file and waits until its figures stand; what the console said and what was asked of a network."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda asked: said.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
    return said


WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
