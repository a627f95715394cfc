"""What is left on a real terminal after a command, once it has ended."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from terminals import on_a_terminal, screen

from search.show import progress


def left_of(*words: str) -> list[str]:
    return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in screen(on_a_terminal(words, columns=120))]


@pytest.mark.slow
def test_no_bar_is_left_over_where_nothing_had_to_be_prepared(tmp_path: Path) -> None:
    run = ("--run-dir", str(tmp_path / "run"))

    first = left_of("prepare", "phantom:40", "--preset", "demo", "--image-px", "32", *run)
    again = left_of("prepare", "phantom:40", *run)
    audited = left_of("audit", *run)

    assert re.match("preparing images .* 40/40 ", first[0])
    assert not [line for line in [*again, *audited] if "preparing" in line or "/?" in line]
    assert again[0].startswith(str(tmp_path))  # no empty line in its place


def test_no_bar_is_left_over_where_preparing_is_refused(tmp_path: Path) -> None:
    said = left_of("prepare", str(tmp_path / "none"), "--run-dir", str(tmp_path / "run"))

    assert [line.partition(":")[0] for line in said if line] == ["boneage-search"]


def test_of_what_is_counted_a_bar_is_left_over_where_something_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for times, last in ((0, ""), (2, "searches .* 2/5 .*")):
        sent = io.StringIO()
        monkeypatch.setattr(progress, "console", Console(file=sent, force_terminal=True, width=120, color_system=None))
        with progress.counting("searches") as (count, say):
            for done in range(1, times + 1):
                count(done, 5)
            say("said meanwhile")

        first, *lines = screen(sent.getvalue())
        assert first == "said meanwhile"
        assert re.fullmatch(last, "".join(lines))
