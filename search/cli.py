"""The command line: `boneage-search COMMAND`. Data go to stdout, progress and errors to stderr.

Exit codes: 0 done; 1 a bug of ours (with a traceback); 2 something the user can put right (one sentence); 130 stopped
by Ctrl-C and 143 by SIGTERM, to be continued by the same command. Imports that take time are made by the commands that need them.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.preparation import DataError, Preparation
from models.architecture import Architecture, ArchitectureError, parse_blocks
from models.cost import cost, parse_params
from models.training import Training, TrainingError
from search import options
from search.notices import SYNTHETIC
from studies.order import COMMANDS
from studies.preset import PRESETS, StudyError

if TYPE_CHECKING:
    from data.store import Store
    from search.executor import Executor

DEFAULT_RUN = Path("runs/main")
LOOPBACK = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        return command(parsed)
    except (ArchitectureError, TrainingError, DataError, StudyError) as error:
        return refused(error)
    except ValueError as error:
        from search.patience import StorageError  # not imported above: it brings SQLAlchemy and Optuna

        if not isinstance(error, StorageError):
            raise
        return refused(error)
    except KeyboardInterrupt as stopped:
        for number in (signal.SIGINT, signal.SIGTERM):  # on the way out, one more changes nothing
            signal.signal(number, signal.SIG_IGN)
        print("\nstopped; run the same command again to continue", file=sys.stderr)
        return int(getattr(stopped, "exit_code", 130))


def refused(error: Exception) -> int:
    print(f"boneage-search: {error}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="boneage-search",
        description="Finds the best bone-age CNN that fits a parameter cap. Research software, not a medical device.",
        epilog="example: boneage-search run --preset demo",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, function: Callable[[argparse.Namespace], int], help: str, example: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"example: {example}",
        )
        made.set_defaults(command=function)
        return made

    prepare = command(
        "prepare",
        run_prepare,
        "decode radiographs once into the run's prepared store",
        "boneage-search prepare ~/rsna --preset paper",
    )
    prepare.add_argument(
        "source", metavar="DATA", help="a folder of radiographs with a table, or phantom:N for N drawn hands"
    )
    prepare.add_argument("--strict", action="store_true", help="refuse where a case cannot be used")
    add_run_options(prepare, with_data=False)
    options.add(prepare)

    audit = command(
        "audit",
        run_audit,
        "what the data hold and what to worry about, as tables and a page",
        "boneage-search audit --data ~/rsna",
    )
    add_run_options(audit)
    audit.add_argument("--json", action="store_true", help="print JSON")
    options.add(audit)

    questions = {
        "ablation": ("which block groups does the network need", "boneage-search ablate --data ~/rsna --epochs 30"),
        "width": ("how narrow may the network be, and where does widening stop paying", "boneage-search width"),
        "depth": (
            "how often should the key blocks be repeated, under the cap",
            "boneage-search depth --max-params 70M",
        ),
        "refinement": (
            "the final width, fully connected layer and dropout",
            "boneage-search refine --max-params 80M",
        ),
    }
    for study, name in COMMANDS.items():
        help, example = questions[study]
        stage = command(name, run_stages, help, example)
        stage.set_defaults(stages=[study])
        add_stage_options(stage)
    everything = command(
        "run",
        run_stages,
        "all four studies in order; safe to repeat",
        "boneage-search run --preset paper --data ~/rsna",
    )
    everything.set_defaults(stages=list(COMMANDS))
    add_stage_options(everything)

    train = command(
        "train",
        run_train,
        "train one network in full, test it, and leave it as a model: the run's winner, a trial, or one given by hand",
        "boneage-search train --trial depth:4 --epochs 100",
    )
    add_train_options(train)

    predict = command(
        "predict",
        run_predict,
        "bone ages of radiographs (PNG, JPEG, DICOM) by a trained model; research software, not a medical device",
        "boneage-search predict ~/hands --sex F",
    )
    add_predict_options(predict)

    status = command(
        "status", run_status, "studies, trials, decisions, what comes next", "boneage-search status --json"
    )
    add_run_options(status)
    status.add_argument("--json", action="store_true", help="print JSON")

    count = command(
        "count",
        run_count,
        "parameters and MACs of an architecture, by arithmetic",
        "boneage-search count --beta 1.4 --blocks 4/3/3 --fc 3072",
    )
    add_count_options(count)

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
    copy.add_argument("--from", dest="source", required=True, metavar="URL", help="where the studies are")
    copy.add_argument("--to", dest="target", required=True, metavar="URL", help="where they are to be")
    copy.add_argument("--run-dir", type=Path, metavar="DIR", help="also copy this run's artifact files")
    copy.add_argument("--to-run-dir", type=Path, metavar="DIR", help="into this run's folder")
    copy.set_defaults(command=run_storage_copy)

    dashboard = command(
        "dashboard", run_dashboard, "the Optuna dashboard on this run, on this machine only", "boneage-search dashboard"
    )
    add_run_options(dashboard)
    dashboard.add_argument("--port", type=int, default=8080, help="port (default 8080)")
    dashboard.add_argument(
        "--host", default=LOOPBACK, metavar="ADDRESS", help=f"address to serve on (default {LOOPBACK})"
    )
    dashboard.add_argument(
        "--expose",
        action="store_true",
        help="allow an address that other machines reach: the dashboard has no login, and whoever reaches it can delete studies",
    )
    return top


def add_run_options(parser: argparse.ArgumentParser, with_data: bool = True) -> None:
    parser.add_argument(
        "--run-dir", type=Path, default=DEFAULT_RUN, metavar="DIR", help=f"the run's folder (default {DEFAULT_RUN})"
    )
    parser.add_argument("--preset", metavar="NAME", help=f"{', '.join(PRESETS)} (default: the run's own, else default)")
    parser.add_argument(
        "--storage", metavar="URL", help="SQLAlchemy URL of the studies (default: SQLite in the run's folder)"
    )
    if with_data:
        parser.add_argument("--data", metavar="DATA", help="folder of radiographs, phantom:N, or a prepared store")


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="trials at once (default: one per GPU, else per core)"
    )
    add_execution_options(parser)
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="go on with studies that another run's folder has left unfinished in the same database",
    )
    parser.add_argument("--json", action="store_true", help="print the decisions as JSON")
    options.add(parser)


def add_execution_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--executor",
        default="local",
        metavar="WHERE",
        help="local; ray for a Ray of its own; ray://auto or ray://HOST:PORT for a cluster (default: local)",
    )
    parser.add_argument(
        "--trial-timeout",
        type=options.seconds,
        default=0.0,
        metavar="TIME",
        help="a trial that takes longer has failed: 90s, 45m or 12h (default: no limit)",
    )
    parser.add_argument(
        "--deterministic", action="store_true", help="the same numbers every time, at some cost in speed"
    )


def add_train_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        "--trial", default="", metavar="STUDY:NUMBER", help="this trial's network, as depth:4 (default: the winner)"
    )
    parser.add_argument("--name", default="", help="of the model's folder (default: after the architecture)")
    parser.add_argument("--flip", action="store_true", help="also test the mean of each image and its mirror")
    add_execution_options(parser)
    parser.add_argument("--json", action="store_true", help="print the model's model.json")
    by_hand, training, preparation = (options.names_of(part) for part in (Architecture, Training, Preparation))
    options.add(parser, by_hand, "an architecture by hand; what is not given is as in the preset's reference")
    options.add(parser, [*training, "seed"], "how this network is trained (default: as the run's trials)")
    options.add(parser, preparation, "how data are prepared that were not yet")


def add_predict_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Bone ages of radiographs by a trained model, as CSV: months, years and months, and the ends of a 90 % interval. "
        "A file that cannot be read, or does not look like an upright hand radiograph, gets no answer but a note, and exit "
        "code 2. That check knows noise, text, most photographs, negatives and hands upside down; it cannot tell a foot "
        "from a hand, nor a healthy hand from another. Research software, not a medical device."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="radiographs, or folders of them")
    sexes = parser.add_mutually_exclusive_group()
    sexes.add_argument("--sex", choices=("F", "M"), help="of all these files (default: as DICOM files say)")
    sexes.add_argument("--table", type=Path, metavar="CSV", help="a table with ids (the files' names) and sexes")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a trained model (default: the run's newest)")
    parser.add_argument(
        "--run-dir", type=Path, default=DEFAULT_RUN, metavar="DIR", help=f"the run's folder (default {DEFAULT_RUN})"
    )
    parser.add_argument("--flip", action="store_true", help="answer the mean of each image and its mirror")
    parser.add_argument(
        "--force", action="store_true", help="answer also for what does not look like a hand radiograph"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_count_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--beta", type=float, default=1.0, metavar="β", help="width (default 1)")
    parser.add_argument(
        "--blocks",
        type=parse_blocks,
        default=Architecture().blocks,
        metavar="B",
        help="4/3/3 (n5/n7/n9) or mixed0=1,mixed5=4",
    )
    parser.add_argument("--fc", type=int, default=0, metavar="N", help="units of the additional fully connected layer")
    parser.add_argument(
        "--sex-units", type=int, default=32, metavar="N", help="units of the layer on sex; 0 leaves sex out"
    )
    parser.add_argument(
        "--stem-pools", type=options.stem_pools, default=(True, True), metavar="P", help="both, first, second or none"
    )
    parser.add_argument(
        "--image-px", type=int, default=300, metavar="PX", help="side of the image, for the MACs (default 300)"
    )
    parser.add_argument(
        "--max-params", type=parse_params, metavar="N", help="say whether it fits this cap; exit 2 if not"
    )
    parser.add_argument("--table1", action="store_true", help="the paper's Table 1 beside our counts")
    parser.add_argument("--json", action="store_true", help="print JSON")


def open_the_run(arguments: argparse.Namespace, data: str | None) -> Any:
    from search.run import open_run

    return open_run(arguments.run_dir, arguments.preset, options.chosen(arguments), data, arguments.storage)


def run_prepare(arguments: argparse.Namespace) -> int:
    from data.store import split_counts
    from search.progress import preparing
    from search.run import prepared, record

    run = open_the_run(arguments, arguments.source)
    with preparing() as progress:
        store = prepared(run, progress, arguments.strict)
    record(run)
    for sentence in store.said:
        print(sentence)
    show_problems(store)
    counts = ", ".join(f"{count:,} {name}" for name, count in split_counts(store.cases).items())
    print(f"{store.path}: {len(store.cases):,} images of {store.image_px} px ({counts})")
    if store.synthetic:
        print(SYNTHETIC)
    return 0


def show_problems(store: "Store", shown: int = 5) -> None:
    """What was left out; the first few, and where all are."""
    problems = store.problems
    if not len(problems):
        return
    print(f"left out {len(problems):,} of {len(problems) + len(store.cases):,} cases:")
    for problem in problems.head(shown).itertuples():
        print(f"  {problem.id}  {problem.reason}")
    if len(problems) > shown:
        print(f"  ... all of them in {store.path / 'problems.csv'}")


def run_audit(arguments: argparse.Namespace) -> int:
    from search import tables
    from search.audit import audit_rows, audited, balance_rows
    from search.progress import preparing
    from search.run import prepared, record

    run = open_the_run(arguments, arguments.data)
    with preparing() as progress:
        store = prepared(run, progress)
    record(run)
    found, page = audited(run.folder, store)
    if arguments.json:
        print(json.dumps(found.to_dict(), indent=1))
        return 0
    tables.show("cases (ages in months)", audit_rows(found))
    tables.show("splits against one another", balance_rows(found))
    for finding in found.findings:
        print(f"{finding.level}: {finding.text}")
    print(page)
    if store.synthetic:
        print(SYNTHETIC)
    return 0


def say_worries(folder: Path, store: "Store") -> None:
    """Before a search: what in the data may mislead it."""
    from search.audit import audited, worries

    found, page = audited(folder, store)
    for worry in worries(found):
        print(f"data: {worry}", file=sys.stderr)
    print(f"data: the audit is in {page}", file=sys.stderr)


def run_stages(arguments: argparse.Namespace) -> int:
    from data.cases import constant_mae
    from search import status, tables
    from search.engine import Terms, run_study
    from search.progress import preparing, showing
    from search.run import prepared
    from search.stopping import heard

    if arguments.workers < 0:
        raise StudyError(f"--workers is a number of trials at once, 0 for one per GPU; got {arguments.workers}")
    make_executor = executors(arguments.executor, arguments.workers)
    run = open_the_run(arguments, arguments.data)
    with preparing() as progress:
        store = prepared(run, progress)
    if len(arguments.stages) > 1:
        say_worries(run.folder, store)
    made = {}
    with showing(constant_mae(store.cases)) as watching, heard() as wish:
        terms = Terms(arguments.deterministic, arguments.trial_timeout, arguments.take_over, wish)
        for name in arguments.stages:
            made[name] = run_study(run, store, name, make_executor, watching, terms)
    if arguments.json:
        print(json.dumps({name: decision.to_dict() for name, decision in made.items()}, indent=1))
        return 0
    for name, decision in made.items():
        tables.show(name, status.table(run, name), decision.summary)
        tables.show_front(decision.findings["front"])
        for findings, title in (("verdicts", "months worse than the baseline"), ("comparisons", "paired comparisons")):
            if rows := decision.findings.get(findings):
                tables.show_verdicts(title, rows)
    tables.footnote(constant_mae(store.cases), store.synthetic)
    return 0


def run_train(arguments: argparse.Namespace) -> int:
    from data.cases import constant_mae
    from search import tables
    from search.engine import Terms
    from search.progress import preparing, showing
    from search.run import open_run, prepared
    from search.stopping import heard
    from search.train import Order, train
    from search.trained import read_about
    from search.winner import chosen

    set_here = options.chosen(arguments)
    by_hand, preparation = (
        {name: set_here.pop(name) for name in options.names_of(part) if name in set_here}
        for part in (Architecture, Preparation)
    )
    make_executor = executors(arguments.executor, 1)
    run = open_run(arguments.run_dir, arguments.preset, preparation, arguments.data, arguments.storage)
    order = Order(chosen(run, arguments.trial, by_hand), set_here, arguments.name, arguments.flip)
    with preparing() as progress:
        store = prepared(run, progress)
    with showing(constant_mae(store.cases)) as watching, heard() as wish:
        terms = Terms(arguments.deterministic, arguments.trial_timeout, wish=wish)
        folder = train(run, store, order, make_executor, watching, terms)
    about = read_about(folder)
    if arguments.json:
        print(json.dumps(about, indent=1))
    else:
        tables.show_model(about, folder)
    return 0


def run_predict(arguments: argparse.Namespace) -> int:
    from search import predict
    from search.notices import NO_DEVICE
    from search.predictor import open_model
    from search.trained import newest

    files = predict.files_of(arguments.paths)
    table = predict.sexes_of(arguments.table) if arguments.table else {}
    folder = arguments.model or newest(arguments.run_dir)
    model = open_model(folder)
    male = None if arguments.sex is None else arguments.sex == "M"
    wanted = predict.Wanted(male, table, arguments.flip, arguments.force)
    predict.say_before(folder, model, wanted)
    write = predict.write_json if arguments.json else predict.write_csv
    with predict.reader_may_leave():
        failed = write(predict.rows_of(model, files, wanted))
    print(f"{SYNTHETIC}; {NO_DEVICE}" if model.about["synthetic"] else NO_DEVICE, file=sys.stderr)
    return 2 if failed else 0


def executors(where: str, workers: int) -> Callable[[], "Executor"]:
    from search.executor import LocalProcesses

    if where == "local":
        return lambda: LocalProcesses(workers)
    name, _, address = where.partition("://")
    if name != "ray" or (address == "" and where != "ray"):
        raise StudyError(f"--executor is local, ray, ray://auto or ray://HOST:PORT; got {where!r}")
    from search.ray_executor import ray_executor  # refuses where Ray is not installed

    return lambda: ray_executor(address, workers)


def run_status(arguments: argparse.Namespace) -> int:
    from search import status, tables

    statuses = status.status(open_the_run(arguments, arguments.data))
    if arguments.json:
        print(json.dumps(statuses, indent=1))
    else:
        tables.show_status(statuses, status.next_command(statuses))
    return 0


def run_count(arguments: argparse.Namespace) -> int:
    from search import tables

    if arguments.table1:
        tables.show_table1(arguments.json)
        return 0
    architecture = Architecture(
        beta=arguments.beta,
        blocks=arguments.blocks,
        stem_pools=arguments.stem_pools,
        sex_units=arguments.sex_units,
        fc_units=arguments.fc,
    )
    counted = cost(architecture, arguments.image_px)
    tables.show_cost(counted, arguments.image_px, arguments.json)
    if arguments.max_params and counted.params > arguments.max_params:
        raise ArchitectureError(f"{counted.params:,} parameters are over the cap of {arguments.max_params:,}")
    return 0


def run_storage_copy(arguments: argparse.Namespace) -> int:
    from search.storage_copy import run_copy

    return run_copy(arguments.source, arguments.target, arguments.run_dir, arguments.to_run_dir)


def run_dashboard(arguments: argparse.Namespace) -> int:
    import socket

    from optuna_dashboard import run_server

    from search.status import storage_exists
    from search.storage import open_storage

    run = open_the_run(arguments, arguments.data)
    if not storage_exists(run):
        raise StudyError(f"{run.folder} has no studies yet: run `boneage-search run` first, or name another --run-dir")
    host = arguments.host
    if host not in (LOOPBACK, "localhost") and not arguments.expose:
        raise StudyError(
            f"the dashboard has no login, and whoever reaches {host} could delete studies: leave --host out, or add --expose"
        )
    storage = open_storage(run.storage)
    try:
        with socket.create_server((host, arguments.port)):  # with SO_REUSEADDR, as the server
            pass
    except (OSError, OverflowError) as error:
        raise StudyError(f"port {arguments.port} cannot be used ({error}); name another with --port") from None
    # The order: without it the dashboard lists the last study first.
    reached = "ANYONE WHO REACHES THIS ADDRESS can delete studies" if arguments.expose else "this machine only"
    print(
        f"http://{host}:{arguments.port}/dashboard?studies_order_by=asc  (no login: {reached}; Ctrl-C ends it)",
        file=sys.stderr,
    )
    run_server(storage, host=host, port=arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
