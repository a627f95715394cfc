"""What a shell offers after `boneage-search`, asked as bash asks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("argcomplete")


def offered(line: str, tmp_path: Path) -> list[str]:
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "offered"),
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    command = [sys.executable, "-m", "boneage_search"]
    subprocess.run(command, env=os.environ | asked, timeout=60, check=False, capture_output=True)
    return [word.strip() for word in (tmp_path / "offered").read_text().splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("boneage-search pre", {"prepare", "presets", "predict"}),
        ("boneage-search predict --se", {"--sex"}),
        ("boneage-search predict --sex ", {"F", "M"}),
        ("boneage-search export --format o", {"onnx"}),
    ],
)
def test_a_shell_is_offered_what_may_follow(line: str, words: set[str], tmp_path: Path) -> None:
    assert words <= set(offered(line, tmp_path))
