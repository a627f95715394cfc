"""The commands that tell what a search has found so far: `status` and `report`."""

import argparse

from search.commands import values
from search.commands.arguments import add_reader_options, open_the_run
from search.commands.general.help import Subparsers, command
from search.output.terminal import say, show_json


def run_status(arguments: argparse.Namespace) -> int:
    from search.show import tables
    from search.storage import status

    run = open_the_run(arguments, None)
    status.refuse_missing(run)
    if arguments.watch:
        from search.watch.watch import watch

        watch(run)
        return 0
    statuses = status.status(run)
    if arguments.json:
        show_json(status.with_what_is_left(run, statuses))
    else:
        tables.show_status(status.all_asked(statuses, run.preset), status.next_command(run, statuses))
    return 0


def run_report(arguments: argparse.Namespace) -> int:
    from search.report import read as report
    from search.report import write as report_files

    say(report_files.write(report.read(open_the_run(arguments, None)), arguments.to))
    return 0


def build(commands: Subparsers) -> None:
    status = command(
        commands, "status", run_status, "studies, trials, decisions, what comes next", "boneage-search status --json"
    )
    add_reader_options(status)
    shown = status.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print JSON")
    shown.add_argument("--watch", action="store_true", help="refresh until all is decided or Ctrl-C is pressed")
    report = command(
        commands,
        "report",
        run_report,
        "what was found and how sure it is, as a page, Markdown and CSV",
        "boneage-search report",
    )
    add_reader_options(report)
    report.add_argument(
        "--to", type=values.PATH, metavar="DIR", help="where to write all three (default: the run's folder)"
    )
