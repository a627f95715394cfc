"""The commands on the studies' database: `storage copy` and `dashboard`."""

import argparse
from contextlib import suppress

from data.ranges import whole
from search.commands import values
from search.commands.arguments import add_reader_options, open_the_run
from search.commands.general.help import Subparsers, command
from search.output.terminal import log
from search.output.typed import typed
from search.storage.status import storage_exists
from studies.order import EVERY
from studies.preset import StudyError

LOOPBACK = "127.0.0.1"


def run_storage_copy(arguments: argparse.Namespace) -> int:
    from search.storage.copy import run_copy

    return run_copy(arguments.source, arguments.target, arguments.run_dir, arguments.to_run_dir)


def run_dashboard(arguments: argparse.Namespace) -> int:
    from search.storage.keys import study_key
    from search.storage.opening import open_storage
    from search.storage.records import load
    from search.storage.status import refuse_missing
    from search.watch.serving import listen

    run = open_the_run(arguments, None)
    refuse_missing(run)
    if not storage_exists(run):
        raise StudyError(f"{run.folder} has no studies yet: run `{typed('run', run.folder)}` first")
    storage = open_storage(run.storage)
    for name in EVERY:
        if study := load(storage, name, run.folder):
            storage.refuse_damaged(study_key(study))
    host = arguments.host
    if host not in (LOOPBACK, "localhost") and not arguments.expose:
        raise StudyError(
            f"the dashboard has no login, and whoever reaches {host} could delete studies: leave --host out, or add --expose"
        )
    server = listen(storage, run.folder, host, arguments.port)
    # The order: without it the dashboard lists the last study first.
    reached = "ANYONE WHO REACHES THIS ADDRESS can delete studies" if arguments.expose else "this machine only"
    with server, suppress(KeyboardInterrupt):  # which is how it ends
        log(f"http://{host}:{server.server_port}/dashboard?studies_order_by=asc  (no login: {reached}; Ctrl-C ends it)")
        server.serve_forever()
    return 0


def build(commands: Subparsers) -> None:
    storage = commands.add_parser(
        "storage",
        help="the studies' database",
        epilog="example: boneage-search storage copy --help",
    )
    copy = storage.add_subparsers(required=True, metavar="ACTION").add_parser(
        "copy",
        help="copy all studies into another database",
        description="Copy all studies of a database into another, all or nothing.",
        epilog="example: boneage-search storage copy --from sqlite:///runs/main/studies.db "
        "--to postgresql+psycopg://me@host/bones",
    )
    copy.add_argument(
        "--from", dest="source", type=values.URL, required=True, metavar="URL", help="the database to copy from"
    )
    copy.add_argument(
        "--to", dest="target", type=values.URL, required=True, metavar="URL", help="the database to copy to"
    )
    copy.add_argument(
        "--run-dir",
        type=values.PATH,
        metavar="DIR",
        help="also copy this run's settings, artifact files and trials: a search goes on from the copy",
    )
    copy.add_argument("--to-run-dir", type=values.PATH, metavar="DIR", help="into this run's folder")
    copy.set_defaults(command=run_storage_copy)
    dashboard = command(
        commands,
        "dashboard",
        run_dashboard,
        "the Optuna dashboard on this run, on this machine only",
        "boneage-search dashboard",
    )
    add_reader_options(dashboard)
    dashboard.add_argument("--port", type=values.number(whole(1, 65_535)), default=8080, help="port (default 8080)")
    dashboard.add_argument(
        "--host",
        type=values.TEXT,
        default=LOOPBACK,
        metavar="ADDRESS",
        help=f"address to serve on (default {LOOPBACK})",
    )
    dashboard.add_argument(
        "--expose",
        action="store_true",
        help="allow an address that other machines reach: the dashboard has no login, and whoever reaches it can delete studies",
    )
