"""The command as people type it, in a process of its own or in this one."""

import subprocess
import sys
from pathlib import Path

import pytest

from search.cli import main


def boneage_search(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "search.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


def refused(*arguments: str | Path, cwd: Path | None = None) -> str:
    """The one sentence of a command that must end with exit code 2, without a traceback and with nothing on stdout."""
    ended = boneage_search(*arguments, cwd=cwd)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    return ended.stderr


def refused_here(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The same of a command in this process."""
    code: object
    try:
        code = main(arguments)
    except SystemExit as ended:  # argparse's
        code = ended.code
    said = capsys.readouterr()
    assert code == 2, said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    return said.err
