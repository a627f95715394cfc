"""What a person may type. Every command stands in one module: its options, its help, an example, and what it does."""

import argparse
import platform

from search.commands import compare, count, data, model, plan, search, storage
from search.commands.applied import evaluate, explain
from search.commands.general import doctor, presets
from search.commands.general.help import Parser
from search.output.terminal import say


class Version(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        from importlib.metadata import version

        stands_on = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "optuna", "numpy"))
        say(f"boneage-search {version('boneage-search')} (Python {platform.python_version()}, {stands_on})")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="boneage-search",
        description="Finds the best bone-age CNN that fits a parameter cap. Research software, not a medical device.",
        epilog="example: boneage-search run --preset demo",
    )
    top.add_argument("--version", action=Version, nargs=0, help="show this program's version and those it stands on")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for group in (doctor, presets, data, plan, search, model, explain, evaluate, compare, count, storage):
        group.build(commands)
    return top
