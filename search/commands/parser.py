"""What a person may type: every command with its options, its help and an example. What a command does: `commands.py`."""

import argparse
from collections.abc import Callable

from data.ranges import whole
from search.commands import options, values
from search.commands.arguments import (
    Parser,
    add_compare_options,
    add_count_options,
    add_deterministic,
    add_executor,
    add_explain_options,
    add_model_option,
    add_predict_options,
    add_run_options,
    add_stage_options,
    add_train_options,
    add_workers,
)
from search.commands.commands import (
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
from search.commands.plan import run_plan
from studies.order import STUDIES, all_studies


def parser() -> argparse.ArgumentParser:
    top = Parser(
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
        "source",
        type=values.TEXT,
        metavar="DATA",
        help="a folder of radiographs with a table, or phantom:N for N drawn hands",
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
    audit.add_argument(
        "--to", type=values.PATH, metavar="DIR", help="where to leave the page (default: the run's folder)"
    )
    audit.add_argument("--json", action="store_true", help="print JSON")
    options.add(audit)

    for name, study in STUDIES.items():
        stage = command(study.COMMAND, run_stages, study.QUESTION, study.EXAMPLE)
        stage.set_defaults(stages=[name])
        add_stage_options(stage)
    everything = command(
        "run",
        run_stages,
        f"{all_studies()} in order; safe to repeat",
        "boneage-search run --preset paper --data ~/rsna",
    )
    everything.set_defaults(stages=list(STUDIES))
    add_stage_options(everything)

    plan = command(
        "plan",
        run_plan,
        "what a search would cost: trials, epochs, hours and memory, without training; takes the options of run",
        "boneage-search plan --preset paper --seeds 6 --data ~/rsna",
    )
    add_stage_options(plan)
    plan.add_argument(
        "--time-a-step",
        action="store_true",
        help="time training steps of two networks first, which takes about half a minute",
    )

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
    report.add_argument(
        "--to", type=values.PATH, metavar="DIR", help="where to leave all three (default: the run's folder)"
    )

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
    export.add_argument("--to", type=values.PATH, metavar="DIR", help="where to leave it (default: the model's folder)")
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
    add_executor(record)
    add_deterministic(record)
    record.add_argument("--out", type=values.PATH, required=True, metavar="FILE", help="the table, a CSV")
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
    copy.add_argument(
        "--from", dest="source", type=values.TEXT, required=True, metavar="URL", help="where the studies are"
    )
    copy.add_argument(
        "--to", dest="target", type=values.TEXT, required=True, metavar="URL", help="where they are to be"
    )
    copy.add_argument("--run-dir", type=values.PATH, metavar="DIR", help="also copy this run's artifact files")
    copy.add_argument("--to-run-dir", type=values.PATH, metavar="DIR", help="into this run's folder")
    copy.set_defaults(command=run_storage_copy)

    dashboard = command(
        "dashboard", run_dashboard, "the Optuna dashboard on this run, on this machine only", "boneage-search dashboard"
    )
    add_run_options(dashboard)
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
    return top
