"""What a person may type. Every command stands in one module: its options, its help, an example, and what it does."""

import argparse

from search.commands import compare, count, data, model, plan, search, storage
from search.commands.applied import evaluate
from search.commands.arguments import Parser


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="boneage-search",
        description="Finds the best bone-age CNN that fits a parameter cap. Research software, not a medical device.",
        epilog="example: boneage-search run --preset demo",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for group in (data, plan, search, model, evaluate, compare, count, storage):
        group.build(commands)
    return top
