"""The command line: `boneage-search COMMAND`. Data go to stdout, progress and errors to stderr.

Exit codes: 0 done; 1 a bug of ours (with a traceback); 2 something the user can put right (one sentence); 130 stopped
by Ctrl-C and 143 by SIGTERM, to be continued by the same command; 141 the reader of our output left, as `head` does.
"""

if __name__ == "__main__":  # which answers Ctrl-C from here on, and imports this file by its own name
    import sys

    import boneage_search

    sys.exit(boneage_search.main())

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import boneage_search  # first: from here on our packages are found, whatever else has their names
from data.named_source import expanded
from data.preparation import DataError
from models.architecture import ArchitectureError
from models.training.settings import TrainingError
from search.commands.general.refused import refuse_without_effect
from search.commands.parser import parser
from search.output.files import trouble
from search.output.streams import OutputLost, safe_streams
from search.output.terminal import log
from search.storage.sqlite import StorageError
from studies.preset import StudyError

COMPLETING = "_ARGCOMPLETE"  # in the environment while a shell asks


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        with safe_streams():
            return answer(arguments)
    except OutputLost as lost:
        if not lost.reader_left:
            with suppress(OSError):  # nothing takes errors either
                log(f"boneage-search: {lost}")
        return lost.exit_code


def answer(arguments: Sequence[str] | None) -> int:
    try:
        return answered(arguments)
    except KeyboardInterrupt as stopped:
        for number in (signal.SIGINT, signal.SIGTERM):  # on the way out, one more changes nothing
            signal.signal(number, signal.SIG_IGN)
        log("")
        log(boneage_search.STOPPED)
        return int(getattr(stopped, "exit_code", boneage_search.STOPPED_CODE))


def answered(arguments: Sequence[str] | None) -> int:
    if COMPLETING in os.environ:
        complete(parser())
    words = sys.argv[1:] if arguments is None else arguments
    parsed = parser(next(iter(words), None)).parse_args(words)
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        refuse_without_effect(parsed)
        settle(parsed)
        return command(parsed)
    except (ArchitectureError, TrainingError, DataError, StorageError, StudyError) as error:
        log(f"boneage-search: {error}")
        for note in getattr(error, "__notes__", ()):
            for line in note.splitlines():
                log(f"  {line}")
        return 2
    except OSError as error:
        said = trouble(error, places(parsed), "name another folder with --to" if "to" in parsed else "")
        if said is None:
            raise
        log(f"boneage-search: {said}")
        return 2


def settle(parsed: argparse.Namespace) -> None:
    """What is said in a file of --config, and the run that nobody named; a command that has neither does not wait for them."""
    if getattr(parsed, "config", None) is not None:
        from search.commands.general.presets import settle_config

        settle_config(parsed)
    if getattr(parsed, "works_on_a_run", False):
        from search.commands.general.which_run import settle_run

        settle_run(parsed)


def complete(typed: argparse.ArgumentParser) -> None:
    """A shell asks what may follow: answer it and leave. Without the package there is nothing to offer."""
    with suppress(ImportError):
        import argcomplete

        argcomplete.autocomplete(typed)


def places(parsed: argparse.Namespace) -> list[Path]:
    """Files and folders that the command names, one by one, in lists, or as databases; and those that its run names."""
    named = vars(parsed)
    texts = [*(named.get(name) for name in ("data", "labelled", "source", "target", "storage")), *named_by_run(parsed)]
    files = [file_in(text) for text in texts if isinstance(text, str)]
    values = [one for value in named.values() for one in (value if isinstance(value, list) else [value])]
    return [value for value in (*values, *files) if isinstance(value, Path)]


def file_in(text: str) -> Path | None:
    """The file or folder of what was typed: a path, or an SQLite database's URL; None of drawn hands and of a server."""
    if not text or text.startswith("phantom:") or "://" in text.replace("sqlite:///", ""):
        return None
    if text.startswith("sqlite:"):
        return Path(unquote(text.removeprefix("sqlite:///").partition("?")[0]))
    with suppress(DataError):  # what is told is another error
        return expanded(text)
    return None


def named_by_run(parsed: argparse.Namespace) -> list[str]:
    """Data and storage of the run that the command works on, as far as its folder says."""
    folder = getattr(parsed, "run_dir", None)
    if not isinstance(folder, Path):
        return []
    from search.storage.settings import read_settings

    with suppress(OSError, ValueError):
        settings = read_settings(folder)
        return [settings.get("data", ""), settings.get("storage", "")]
    return []
