"""PYTHON.md says what is true: its examples run, in their order, as a reader would run them."""

import re
from pathlib import Path
from typing import Any

import pytest

from search.commands.parser import parser

PAGE = Path(__file__).parents[1] / "PYTHON.md"
# Commands about a database, a browser and this machine, which have nothing to be called for.
OF_THE_MACHINE = {"storage", "dashboard", "doctor"}


def test_the_page_has_a_section_for_every_command() -> None:
    [commands] = [action for action in parser()._actions if action.choices]
    headings = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)
    named = {name for heading in headings for name in heading.split(", ")}

    assert commands.choices
    assert set(commands.choices) - OF_THE_MACHINE <= named


@pytest.mark.slow
def test_the_pages_examples_run_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    text = PAGE.read_text()
    for example in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        above = text.count("\n", 0, example.start(1))
        exec(compile("\n" * above + example[1], str(PAGE), "exec"), names)  # so that a traceback shows the page's line

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "explained",
        "exported",
        "hand.png",
        "runs",
        "table.csv",
    ]
