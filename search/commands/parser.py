"""What a person may type. Every command stands in one module: its options, its help, an example, and what it does."""

import argparse
from collections.abc import Mapping
from importlib import import_module

from search.commands.general.help import Parser
from search.output.terminal import say

MODULES: Mapping[str, tuple[str, ...]] = {  # and the commands of each, in the order of the help
    "general.doctor": ("doctor",),
    "general.presets": ("presets",),
    "data": ("prepare", "audit"),
    "plan": ("plan",),
    "search": ("run",),  # and those of the studies, whichever there are
    "general.reading": ("status", "report"),
    "model": ("train", "predict", "export"),
    "applied.explain": ("explain",),
    "applied.evaluate": ("evaluate",),
    "compare": ("compare", "record"),
    "count": ("count",),
    "storage": ("dashboard", "storage"),
}


class Version(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        import platform
        from importlib.metadata import version

        stands_on = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "optuna", "numpy"))
        say(f"boneage-search {version('boneage-search')} (Python {platform.python_version()}, {stands_on})")
        parser.exit()


def parser(word: str | None = None) -> argparse.ArgumentParser:
    """Of all commands; where `word` is one of those listed, of its module alone: the others take longer to load than `count` to answer."""
    top = Parser(
        prog="boneage-search",
        description="Finds the best bone-age CNN that fits a parameter cap. Research software, not a medical device.",
        epilog="example: boneage-search run --preset demo",
    )
    top.add_argument("--version", action=Version, nargs=0, help="show this program's version and those it stands on")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for module in [module for module, named in MODULES.items() if word in named] or MODULES:
        import_module(f"search.commands.{module}").build(commands)
    return top
