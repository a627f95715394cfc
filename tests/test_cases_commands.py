"""The given cases of options that were not checked, and of standard streams; skipped where they are not at hand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from search.run import open_run, record

ROOT = Path(__file__).parents[1]
CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the given cases are not here")


def script(case: str) -> str:
    """The case's commands, with this program's name for an installed one's."""
    return (CASES / case / "in" / "make.sh").read_text(encoding="utf-8")


def bash(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = f'boneage-search() {{ {sys.executable} -m search.cli "$@"; }}\n'
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", program + commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=250
    )


def test_case_21_options_out_of_their_range_are_refused_by_name_before_anything_is_made(tmp_path: Path) -> None:
    ended = bash(script("21_options_unchecked"), tmp_path)

    options = ("--seed", "--seed", "--l2", "--margin-months")
    assert ended.stdout.split() == ["rc=2"] * len(options)
    said = ended.stderr.splitlines()
    assert [re.findall(r"argument (--\S+):", line) for line in said] == [[option] for option in options]
    assert list(tmp_path.iterdir()) == []


def test_case_22_no_stream_brings_a_traceback(tmp_path: Path) -> None:
    record(open_run(tmp_path / "RUN", "demo", {}, None, None))
    lines = [line for line in script("22_streams").splitlines() if line.strip()]
    assert len(lines) == 5

    for line in lines:
        ended = bash(f"{line}\nexit ${{PIPESTATUS[0]}}", tmp_path)

        assert "Traceback" not in ended.stderr, line
        assert ended.returncode != 1, line
