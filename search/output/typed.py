"""Commands as they are typed: what we tell somebody to run can be pasted into a shell."""

import os
import shlex
from pathlib import Path

DEFAULT_RUN = Path("runs/main")


def typed(command: str, run: Path, *further: str) -> str:
    """`boneage-search COMMAND`, with --run-dir where the run's folder is not the default one."""
    words = [] if run == DEFAULT_RUN else named("--run-dir", str(run))
    return " ".join(["boneage-search", command, *map(quoted, (*words, *further))])


def named(option: str, value: str) -> list[str]:
    """A value that begins with a dash has to be joined to its option."""
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def quoted(word: str) -> str:
    """As the shell reads it back; characters that are not simply shown are escapes there too."""
    if word.isprintable():
        return shlex.quote(word)
    letters = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in os.fsencode(word))
    return f"$'{''.join(letters)}'"
