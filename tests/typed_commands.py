"""The command as people type it, in a process of its own or in this one."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def commands(top: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command's words and parser, those of `storage copy` too."""
    below = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, top
    for action in below:
        for name, command in action.choices.items():
            yield from commands(command, (*words, name))


def valued(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments that take a value."""
    for action in command._actions:
        if action.nargs != 0 and not isinstance(action, argparse._HelpAction | argparse.BooleanOptionalAction):
            yield action
