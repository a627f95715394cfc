"""Help that a person reads: a command's common options; `--help-all` shows the rest."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

from data.counted import counted
from search.output.terminal import log, say

RARE = {"storage", "take_over", "anyway", "tensorboard", "trial_timeout", "deterministic", "executor", "help_all"}


class Help(argparse.HelpFormatter):
    """Says of every option that takes a value what holds without it."""

    def _get_help_string(
        self, action: argparse.Action
    ) -> str:  # where argparse's own formatter of defaults does it, too
        text = action.help or ""
        if not action.option_strings or action.nargs == 0 or action.required or "(default" in text:
            return text
        return f"{text} (default: {'none' if action.default is None else '%(default)s'})"


class Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong, instead of after all options there are; shows common options first."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{"formatter_class": Help} | named)
        self.rare: set[str] = set(RARE)  # options by destination, which `--help` leaves to `--help-all`
        if self.add_help:
            self.add_argument("--help-all", action=HelpAll, nargs=0, help="show every option, and exit")

    def error(self, message: str) -> NoReturn:
        log(f"{self.prog}: {message}; see {self.prog} --help")
        sys.exit(2)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Of `--out=--`, argparse takes the value for the end of the options, and gives the option an empty list."""
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "expected a value; got '--'")
        return super()._get_values(action, arg_strings)

    def format_help(self) -> str:
        """The common options alone."""
        with self.without_rare() as left_out:
            text = super().format_help()
        more = counted(left_out, "more option")
        return text + (f"\n{self.prog} --help-all shows {more}.\n" if left_out else "")

    def format_all_help(self) -> str:
        return super().format_help()

    @contextmanager
    def without_rare(self) -> Iterator[int]:
        """Meanwhile the rare options are not shown; how many."""
        rare = [action for action in self._actions if action.dest in self.rare and action.option_strings]
        said = [action.help for action in rare]
        try:
            for action in rare:
                action.help = argparse.SUPPRESS
            yield len(rare) - any(action.dest == "help_all" for action in rare)
        finally:
            for action, text in zip(rare, said, strict=True):
                action.help = text


class HelpAll(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        assert isinstance(parser, Parser)
        for line in parser.format_all_help().splitlines():
            say(line)
        parser.exit()


Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"  # the type has no public name


def command(
    commands: Subparsers, name: str, function: Callable[[argparse.Namespace], int], help: str, example: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example: {example}",
    )
    made.set_defaults(command=function, typed=made)
    return made
