"""The commands that compare strategies: `compare` and `record`."""

import argparse

from data.counted import counted
from data.ranges import whole
from search.commands import options, values
from search.commands.arguments import (
    add_deterministic,
    add_executor,
    add_run_options,
    add_workers,
    announcing,
    open_the_run,
)
from search.commands.general.help import Subparsers, command
from search.output.terminal import say


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    add_workers(parser)
    add_executor(parser)
    add_deterministic(parser)
    parser.add_argument(
        "--replay",
        type=values.PATH,
        metavar="FILE",
        help="use recorded trainings instead of training, which takes minutes; see `record`",
    )
    parser.add_argument(
        "--repetitions",
        type=values.number(whole(1, 100_000)),
        default=0,
        metavar="S",
        help="repetitions of every search (default: 3; 100 with --replay)",
    )
    parser.add_argument(
        "--rivals",
        type=values.TEXT,
        default="all",
        metavar="NAMES",
        help="separated by commas: random, random among the widest, grid, compound scaling, KerasTuner RandomSearch, "
        "KerasTuner Hyperband, Optuna TPE + ASHA, Optuna TPE from the reference, Optuna GP, which needs the extra [gp] (default: all)",
    )
    parser.add_argument(
        "--budget",
        type=values.number(whole(1, 10**9)),
        default=0,
        metavar="EPOCHS",
        help="epochs of every search (default: as many as the staged search spends)",
    )
    parser.add_argument(
        "--simulate-workers",
        type=values.numbers(whole(1, 100_000), "1,16,256"),
        default=(1,),
        metavar="W",
        help="with --replay: numbers of workers to simulate, as 1,4,16,64,256 (default: 1)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add(parser)


def run_compare(arguments: argparse.Namespace) -> int:
    from models.pretrained.file import checked
    from search.compare import run as comparing
    from search.compare.curves import read, shipped

    if arguments.replay:
        arguments.replay = shipped(arguments.replay)
    if arguments.replay and not arguments.preset:
        arguments.preset = read(arguments.replay).about["preset"]
    run = open_the_run(arguments, arguments.data)
    if not arguments.replay:
        checked(run.preset.training, run.preset.reference.family)
    return comparing.run_compare(arguments, run)


def run_record(arguments: argparse.Namespace) -> int:
    from models.pretrained.file import checked
    from search.compare.record import recorded
    from search.workers.executor import executor_of

    make_executor = executor_of(arguments.executor, arguments.workers)
    run = open_the_run(arguments, arguments.data)
    checked(run.preset.training, run.preset.reference.family)
    make_executor = announcing(make_executor, arguments, run.preset.training.precision, run.deterministic)
    vars(arguments).pop("seeds", None)  # of the table: how the run itself searches stays as it was
    remembered = open_the_run(arguments, arguments.data)
    rows = recorded(run, arguments.out, make_executor, remembered)
    say(f"{arguments.out}: {counted(rows, 'training')}")
    return 0


def build(commands: Subparsers) -> None:
    compare = command(
        commands,
        "compare",
        run_compare,
        "measure the staged strategy against random search, Hyperband and TPE, at the same epochs",
        "boneage-search compare --preset miniature --replay studies/miniature.csv --simulate-workers 1,16,256",
    )
    add_compare_options(compare)
    record = command(
        commands,
        "record",
        run_record,
        "train every network of a small joint space, as a table to compare searches on",
        "boneage-search record --preset miniature --seeds 2 --data ~/rsna --out table.csv",
    )
    add_run_options(record)
    add_workers(record)
    add_executor(record)
    add_deterministic(record)
    record.add_argument("--out", type=values.PATH, required=True, metavar="FILE", help="the table, a CSV")
    of_the_table = "trainings of each network in the table, with a seed each"
    options.add(
        record,
        otherwise={"seeds": f"{of_the_table} (default: the run's --seeds; {options.ordinary('seeds')} in default)"},
    )
