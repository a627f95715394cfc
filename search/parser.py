"""What a person may type: every command with its options, its help and an example. What a command does: `commands.py`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from data.preparation import Preparation
from models.architecture import Architecture, parse_blocks
from models.cost import parse_params
from models.training import Training
from search import options
from search.commands import (
    EXPORT_FORMATS,
    LOOPBACK,
    run_audit,
    run_compare,
    run_count,
    run_dashboard,
    run_explain,
    run_export,
    run_predict,
    run_prepare,
    run_record,
    run_report,
    run_stages,
    run_status,
    run_storage_copy,
    run_train,
)
from studies.order import COMMANDS, QUESTIONS
from studies.preset import PRESETS

DEFAULT_RUN = Path("runs/main")


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

    examples = {
        "ablation": "boneage-search ablate --data ~/rsna --epochs 30",
        "width": "boneage-search width",
        "depth": "boneage-search depth --max-params 70M",
        "refinement": "boneage-search refine --max-params 80M",
    }
    for study, name in COMMANDS.items():
        stage = command(name, run_stages, QUESTIONS[study], examples[study])
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

    status = command(
        "status", run_status, "studies, trials, decisions, what comes next", "boneage-search status --json"
    )
    add_run_options(status)
    shown = status.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print JSON")
    shown.add_argument("--watch", action="store_true", help="show it again and again, until all is decided or Ctrl-C")

    report = command(
        "report", run_report, "what was found and how sure it is, as a page, Markdown and CSV", "boneage-search report"
    )
    add_run_options(report)

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

    explain = command(
        "explain",
        run_explain,
        "where in the radiograph a trained model's prediction comes from, as a picture and a page",
        "boneage-search explain hand.png --sex F, or: boneage-search explain --sheet 12",
    )
    add_explain_options(explain)

    export = command(
        "export",
        run_export,
        "a trained model in a format that other programs read, checked against Keras, with a model card",
        "boneage-search export --format onnx",
    )
    export.add_argument(
        "--format", required=True, choices=(*EXPORT_FORMATS, "all"), help="what to write; onnx and tflite need [export]"
    )
    add_model_option(export)
    export.add_argument("--to", type=Path, metavar="DIR", help="where to leave it (default: the model's folder)")
    add_run_options(export)
    export.add_argument("--json", action="store_true", help="print JSON")

    compare = command(
        "compare",
        run_compare,
        "measure the staged strategy against random search, Hyperband and TPE, at the same epochs",
        "boneage-search compare --preset miniature --replay studies/miniature.csv --simulate-workers 1,16,256",
    )
    add_compare_options(compare)

    record = command(
        "record",
        run_record,
        "train every network of a small joint space, as a table to compare searches on",
        "boneage-search record --preset miniature --seeds 2 --data ~/rsna --out table.csv",
    )
    add_run_options(record)
    add_workers(record)
    add_deterministic(record)
    record.add_argument("--out", type=Path, required=True, metavar="FILE", help="the table, a CSV")
    options.add(record)

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


def add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="trials at once (default: one per GPU, else per core)"
    )


def add_deterministic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deterministic", action="store_true", help="the same numbers every time, at some cost in speed"
    )


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    add_workers(parser)
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
    add_deterministic(parser)
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="leave each trial's epochs in the run's tensorboard/, for `tensorboard --logdir`",
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


def add_explain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=Path, metavar="IMAGE", help="a radiograph: PNG, JPEG or DICOM")
    parser.add_argument("--sex", choices=("F", "M"), help="sex of the images")
    parser.add_argument(
        "--sheet", type=int, default=0, metavar="N", help="N cases of the run's data instead, spread over sex and age"
    )
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="validation", help="of --sheet (default validation)"
    )
    add_model_option(parser)
    add_run_options(parser)
    parser.add_argument("--to", type=Path, metavar="DIR", help="where to leave both (default: the model's folder)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    add_workers(parser)
    add_deterministic(parser)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="on recorded trainings, in seconds; see `record`")
    parser.add_argument(
        "--repetitions",
        type=int,
        default=0,
        metavar="S",
        help="of every search (default: 3; 100 of recorded trainings)",
    )
    parser.add_argument(
        "--rivals",
        default="all",
        metavar="NAMES",
        help="random, KerasTuner RandomSearch, KerasTuner Hyperband, Optuna TPE + ASHA",
    )
    parser.add_argument(
        "--budget",
        type=int,
        default=0,
        metavar="EPOCHS",
        help="of every search (default: what the staged one spends itself)",
    )
    parser.add_argument(
        "--simulate-workers",
        type=options.widths,
        default=(1,),
        metavar="W",
        help="with --replay: 1,4,16,64,256 workers",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add(parser)


def add_model_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a trained model (default: the run's newest)")


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
        "--channel-multiple", type=int, default=1, metavar="N", help="round filter counts to multiples of N (default 1)"
    )
    parser.add_argument(
        "--image-px", type=int, default=300, metavar="PX", help="side of the image, for the MACs (default 300)"
    )
    parser.add_argument(
        "--max-params", type=parse_params, metavar="N", help="say whether it fits this cap; exit 2 if not"
    )
    parser.add_argument("--table1", action="store_true", help="the paper's Table 1 beside our counts")
    parser.add_argument("--json", action="store_true", help="print JSON")
