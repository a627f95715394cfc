"""Commands as they are typed: what we tell somebody to run can be pasted into a shell."""

import os
import shlex
import shutil
import sysconfig
from pathlib import Path

PROGRAM = "boneage-search"
HERE = Path(sysconfig.get_path("scripts"))  # where this environment has its commands
RUNS = Path("runs")  # where runs are looked for, seen from the folder that a command is typed in
DEFAULT_RUN = RUNS / "main"
MARKS = ("run.json", "studies.db")  # files of a run, the newest of which says when it was last worked on


def runs_here() -> list[Path]:
    """The runs below `runs/`, the one that was worked on last first."""
    try:
        folders = [folder for folder in RUNS.iterdir() if any((folder / mark).is_file() for mark in MARKS)]
        return sorted(folders, key=lambda folder: (-last_worked_on(folder), folder.name))
    except OSError:  # no such folder, or one that cannot be looked into
        return []


def last_worked_on(run: Path) -> float:
    """Seconds since 1970."""
    return max((run / mark).stat().st_mtime for mark in MARKS if (run / mark).is_file())


def typed(command: str, run: Path, *further: str) -> str:
    """`boneage-search COMMAND`, with --run-dir where the command would not take this run by itself."""
    by_itself = run == DEFAULT_RUN and set(runs_here()) <= {run}
    words = [] if by_itself else named("--run-dir", str(run))
    return " ".join([PROGRAM, command, *map(quoted, (*words, *further))])


def put_on_the_path(folder: Path = HERE) -> str:
    """What makes a shell find the command of this environment; '' where it does already, or the environment has none."""
    own, found = folder / PROGRAM, shutil.which(PROGRAM)
    if not own.is_file() or (found and own.samefile(found)):
        return ""
    return f'export PATH={quoted(str(folder))}:"$PATH"'


def named(option: str, value: str) -> list[str]:
    """A value that begins with a dash has to be joined to its option."""
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def setting(name: str, value: object) -> str:
    """A field of a preset as it is typed: --image-px 48, --no-stretch."""
    option = name.replace("_", "-")
    return f"--{'' if value else 'no-'}{option}" if isinstance(value, bool) else f"--{option} {value}"


def quoted(word: str) -> str:
    """As the shell reads it back; characters that are not simply shown are escapes there too."""
    if word.isprintable():
        return shlex.quote(word)
    letters = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in os.fsencode(word))
    return f"$'{''.join(letters)}'"
