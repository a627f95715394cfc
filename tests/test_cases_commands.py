"""The given cases that are commands: settings of a shell, options, read-only folders, streams; skipped where not at hand."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from golden_runs import laid_out

from search.run import open_run, record

ROOT = Path(__file__).parents[1]
CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the given cases are not here")


def script(case: str) -> str:
    """The case's commands, with this program's name for an installed one's."""
    return (CASES / case / "in" / "make.sh").read_text(encoding="utf-8")


def bash(commands: str, folder: Path) -> "subprocess.CompletedProcess[str]":
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


@pytest.mark.slow
def test_case_22_no_stream_brings_a_traceback(tmp_path: Path) -> None:
    record(open_run(tmp_path / "RUN", "demo", {}, None, None))
    lines = [line for line in script("22_streams").splitlines() if line.strip()]
    assert len(lines) == 5

    for line in lines:
        ended = bash(f"{line}\nexit ${{PIPESTATUS[0]}}", tmp_path)

        assert "Traceback" not in ended.stderr, line
        assert ended.returncode != 1, line


@pytest.mark.slow
def test_case_17_a_finished_run_that_nobody_may_write_to_is_read(tmp_path: Path) -> None:
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    laid_out(tmp_path / "RUN")
    made, run = script("17_readonly_finished_run").split("for c in ")
    assert "report audit dashboard" in run  # the dashboard serves on: tests/test_files.py tries it
    program = f'boneage-search() {{ $N {sys.executable} -m search.cli "$@"; }}\n'
    calls = ("status", "status --json", "report --to report", "audit")
    ended = bash(
        program + made + "\n".join(f"boneage-search {call} --run-dir ro; echo rc=$?" for call in calls), tmp_path
    )

    assert "Traceback" not in ended.stderr
    codes = [line for line in ended.stdout.splitlines() if line.startswith("rc=")]
    assert codes[:3] == ["rc=0"] * 3
    assert codes[3] in ("rc=0", "rc=2")  # its data are not kept with it: a sentence
    assert (tmp_path / "report" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["backend", "channels_first", "float64"])
def test_case_18_a_search_runs_whatever_keras_is_told_in_the_shell_or_at_home(setting: str, tmp_path: Path) -> None:
    small = script("18_keras_backend").splitlines()[0]
    kerases = {
        "backend": {"backend": "jax"},
        "channels_first": {"backend": "tensorflow", "image_data_format": "channels_first"},
        "float64": {"backend": "tensorflow", "floatx": "float64"},
    }
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(kerases[setting]), encoding="utf-8")
    shell = "export KERAS_BACKEND=jax" if setting == "backend" else f"export HOME={tmp_path}"
    ended = bash(f"{shell}\n{small}\nboneage-search ablate $SMALL --epochs 1 --run-dir r", tmp_path)

    assert ended.returncode == 0, ended.stderr
    shown = json.loads(bash("boneage-search status --json --run-dir r", tmp_path).stdout)
    assert shown[0]["state"] == "decided"
    assert shown[0]["failed"] == 0
