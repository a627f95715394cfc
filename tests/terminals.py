"""The command on a pseudo-terminal: what it sends there, and what a person then sees."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence


def on_a_terminal(words: Sequence[str], columns: int) -> str:
    """Everything that the command sends to its terminal, with stdout and stderr on it."""
    ours, its = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "search.cli", *words]
    sent = bytearray()
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=os.environ | size):
        os.close(its)
        try:
            while part := os.read(ours, 4096):
                sent.extend(part)
        except OSError:  # Linux says so where the last who wrote has left
            pass
    os.close(ours)
    return sent.decode()


def screen(sent: str) -> list[str]:
    """The lines that a terminal shows after what rich has sent it."""
    lines = [""]
    for piece in re.split(r"(\n|\x1b\[1A|\x1b\[2K)", sent.replace("\r", "")):
        if piece == "\n":
            lines.append("")
        elif piece == "\x1b[1A":
            lines.pop()
        elif piece == "\x1b[2K":
            lines[-1] = ""
        else:
            lines[-1] += re.sub(r"\x1b\[\?\d+[hl]", "", piece)
    return lines
