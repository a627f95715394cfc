"""The commands on one network: `train`, `predict`, `export`."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data.preparation import Preparation
from data.ranges import whole
from models.architecture import Architecture
from models.training.settings import EPOCHS, Training
from search.commands import options, values
from search.commands.arguments import (
    add_columns,
    add_execution_options,
    add_model_option,
    add_run_dir,
    add_run_options,
    also_logged,
    announcing,
    columns_asked,
)
from search.commands.general.help import Subparsers, command
from search.output.notices import NO_DEVICE
from search.output.terminal import log, say, show_json
from search.run import open_run

MEMBERS_AT_MOST = whole(1, 100)
TRAINED_IN_FULL = {
    "epochs": f"epochs of this training (default: the preset's full_epochs; {options.ordinary('full_epochs')} in default)",
    "seed": "seed of initial weights, batch order and augmentation (default: one that neither the search nor its confirmation has used)",
}


def add_train_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        "--trial",
        type=values.TEXT,
        metavar="STUDY:NUMBER",
        help="this trial's network, as depth:4 (default: the winner)",
    )
    parser.add_argument(
        "--network-of",
        type=values.PATH,
        metavar="DIR",
        help="the winner, or --trial, of the run in this folder, trained on this run's images (default: of this run)",
    )
    parser.add_argument(
        "--name", type=values.TEXT, help="name of the model's folder (default: made from the architecture)"
    )
    parser.add_argument("--flip", action="store_true", help="also test the mean of each image and its mirror")
    parser.add_argument(
        "--seeds",
        type=values.number(MEMBERS_AT_MOST),
        default=1,
        dest="members",  # `seeds` is a field of the preset: the search's
        metavar="N",
        help="train the network with N seeds, and leave one model, an ensemble: its answer is the mean of theirs (default 1)",
    )
    parser.add_argument(
        "--patience",
        type=values.number(whole(0, EPOCHS)),
        default=0,
        metavar="N",
        help="end after N epochs without a better one (default: train all epochs)",
    )
    parser.add_argument(
        "--keep-best",
        action="store_true",
        help="if training is stopped (Ctrl-C), leave the best epoch so far as a model; the same command still continues it",
    )
    add_execution_options(parser)
    parser.add_argument("--json", action="store_true", help="print the model's model.json")
    by_hand, training, preparation = (options.names_of(part) for part in (Architecture, Training, Preparation))
    options.add(parser, by_hand, "an architecture by hand; what is not given is as in the preset's reference")
    options.add(
        parser,
        [*training, "seed"],
        "how this network is trained (default: as the run's trials, with epochs and a seed of its own)",
        otherwise=TRAINED_IN_FULL,
    )
    options.add(parser, preparation, "how to prepare data that are not prepared yet")


def add_predict_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Bone ages of radiographs by a trained model, as CSV: months, years and months, and the ends of a 90% interval. "
        "A file that cannot be read, or does not look like an upright hand radiograph, gets a note instead of an answer, and exit "
        "code 2. That check knows noise, text, negatives and hands upside down; it cannot tell a foot "
        "from a hand, nor a healthy hand from another. Research software, not a medical device."
    )
    parser.add_argument("paths", nargs="+", type=values.PATH, metavar="FILE", help="radiographs, or folders of them")
    sexes = parser.add_mutually_exclusive_group()
    sexes.add_argument("--sex", choices=("F", "M"), help="sex of all these files (default: what the DICOM files say)")
    sexes.add_argument(
        "--table", type=values.PATH, metavar="CSV", help="a table with ids (the files' names), and sexes or bone ages"
    )
    add_columns(parser, ("id_column", "sex_column", "age_column"))
    parser.add_argument(
        "--age-unit",
        choices=("auto", "months", "years", "days"),
        default="auto",
        help="unit of the table's bone ages; auto (the default) is months, and refuses labels that look like years",
    )
    add_model_option(parser)
    add_run_dir(parser)
    parser.add_argument("--flip", action="store_true", help="predict the mean of each image and its mirror image")
    parser.add_argument(
        "--force", action="store_true", help="predict also for images that do not look like a hand radiograph"
    )
    parser.add_argument(
        "--out", type=values.PATH, metavar="FILE", help="write a .csv, .json or .xlsx file instead of printing"
    )
    parser.add_argument(
        "--dicom-sr",
        type=values.PATH,
        metavar="FOLDER",
        help="also write a DICOM structured report for each DICOM file into this folder, marked research only; needs [dicom]",
    )
    parser.add_argument(
        "--identifiers",
        action="store_true",
        help="of DICOM files, also the patient's number, the date of the study and the accession number",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


EXPORT_FORMATS = ("keras", "savedmodel", "tflite", "onnx")


def run_train(arguments: argparse.Namespace) -> int:
    from data.cases import constant_mae
    from models.pretrained.file import checked
    from search.audit.said import say_worries
    from search.leader.progress import Terms
    from search.prepared import prepared
    from search.show.progress import preparing, showing
    from search.trained.choose import chosen
    from search.trained.ensemble import train_ensemble
    from search.trained.folder import read_about
    from search.trained.table import show_model
    from search.trained.train import Order, train
    from search.workers.executor import executor_of
    from search.workers.supervisor import stop_on_signals

    set_here = options.chosen(arguments)
    by_hand, preparation = (
        {name: set_here.pop(name) for name in options.names_of(part) if name in set_here}
        for part in (Architecture, Preparation)
    )
    make_executor = executor_of(arguments.executor, 1)
    run = open_run(arguments.run_dir, arguments.preset, preparation, arguments.data, arguments.storage)
    precision = set_here.get("precision", run.preset.training.precision)
    deterministic = run.deterministic if arguments.deterministic is None else arguments.deterministic
    make_executor = announcing(make_executor, arguments, precision, deterministic)
    network = chosen(run, arguments.trial or "", by_hand, arguments.network_of)
    settings = replace(run.preset.training, weights=set_here.get("weights", run.preset.training.weights))
    checked(settings, network.architecture.family)
    chosen_here = (arguments.name or "", arguments.flip, arguments.patience, arguments.keep_best, arguments.members)
    order = Order(network, set_here, *chosen_here)
    with preparing() as progress:
        store = prepared(run, progress)
    say_worries(run.folder, store)
    with showing(constant_mae(store.cases)) as watching, stop_on_signals() as stop:
        watching = also_logged(watching, run.folder, arguments.tensorboard)
        terms = Terms(deterministic, arguments.trial_timeout, stop=stop)
        make_model = train_ensemble if order.seeds > 1 else train
        folder = make_model(run, store, order, make_executor, watching, terms)
    about = read_about(folder)
    if arguments.json:
        show_json(about)
    else:
        show_model(about, folder)
    return 0


def run_predict(arguments: argparse.Namespace) -> int:
    from search.apply import answers_out, labels, predict, structured_report
    from search.trained.folder import open_folder
    from search.trained.keep import usable
    from search.trained.left.known import said_of_films
    from search.trained.made_of import answers_notice, note_of
    from search.trained.predictor import open_model

    if arguments.out:
        answers_out.refuse_unknown(arguments.out)
    if arguments.dicom_sr:
        structured_report.refuse_without_package()
    files = predict.files_of(arguments.paths)
    if arguments.out:
        answers_out.say_replaced(arguments.out, files)
    asked = columns_asked(arguments)
    known = labels.labels_of(arguments.table, files, asked, arguments.age_unit) if arguments.table else labels.Labels()
    for said in known.said:
        log(said)
    used = usable(arguments.run_dir, arguments.model)
    model = open_model(used.folder)
    male = None if arguments.sex is None else arguments.sex == "M"
    wanted = predict.Wanted(male, known.male, arguments.flip, arguments.force, known.age_months, arguments.identifiers)
    told = [*predict.cautions(model, wanted), *filter(None, [note := note_of(model.about, arguments.run_dir)])]
    figures = predict.figures_words(model, wanted.flip)
    for words in (f"{used.own}{figures}", *told):
        log(words)
    rows, named = predict.rows_of(model, files, wanted), predict.columns_of(files, wanted)
    if note and arguments.json:
        rows, named = (row | {"model_note": note} for row in rows), (*named, "model_note")
    unwritten: list[Path] = []  # DICOM files without a report
    if arguments.dicom_sr:
        name = model.about["name"]
        notices = (
            f"{name}{figures}",
            *told,
            *from_table(arguments.table, known.said),
            answers_notice(model.about),
        )
        rows = structured_report.reported(rows, arguments.dicom_sr, name, notices, unwritten)
    if arguments.out:
        tally = answers_out.write_file(rows, named, arguments.out)
        say(arguments.out)
    else:
        tally = (answers_out.write_json if arguments.json else answers_out.write_csv)(rows, named)
    answers_out.say_figures(tally, model.about["conformal"]["level"], model.about.get("training_median_months"))
    for words in said_of_films(tally.films, open_folder(used.folder), arguments.run_dir):
        log(words)
    log(answers_notice(model.about))
    return 2 if tally.failed or unwritten else 0


def from_table(table: Path | None, said: Sequence[str]) -> list[str]:
    """For a report of one patient, which names no other: what `said` has of ids and files stays on stderr."""
    if table is None:
        return []
    inexact = "; some of its rows could not be used, or were not paired exactly" if said else ""
    return [f"the sex is from the table that was given, where it has one{inexact}"]


def run_export(arguments: argparse.Namespace) -> int:
    from search.apply.export import FOLDER, TOLERANCE_MONTHS, export
    from search.show import tables
    from search.trained.folder import chosen_model
    from search.trained.made_of import drawn_words

    model = chosen_model(arguments.run_dir, arguments.model)
    formats = list(EXPORT_FORMATS) if arguments.format == "all" else [arguments.format]
    made = export(model, formats, arguments.to or model.path / FOLDER, arguments.run_dir)
    inputs, rows = made.inputs, made.rows
    if made.rounding.sentence:
        log(made.rounding.sentence)
    if arguments.json:
        shown = [row.row() | {"path": str(row.path)} for row in rows]
        checked = {"inputs": len(inputs.images), "of": inputs.what, "tolerance_months": TOLERANCE_MONTHS}
        checked |= {"half_precision": made.rounding.to_dict()}
        show_json({"formats": shown, "checked": checked, "faults": list(made.faults)})
        return refused(made.faults)
    summary = (
        f"difference: the largest on {len(inputs.images)} {inputs.what}, tolerance {TOLERANCE_MONTHS} months; "
        "latency: the median of single images on this machine's CPU"
    )
    tables.show(f"{model.name}", [row.row() for row in rows], summary)
    for row in rows[1:]:
        say(row.path)
    say(drawn_words(model.about) or NO_DEVICE)
    return refused(made.faults)


def refused(faults: Sequence[str]) -> int:
    """Says what could not be done beside the rest; the exit code."""
    for fault in faults:
        log(f"boneage-search: {fault}")
    return 2 if faults else 0


def build(commands: Subparsers) -> None:
    train = command(
        commands,
        "train",
        run_train,
        "train one network in full, test it, and save it as a model: the run's winner, a trial, or one given by hand",
        "boneage-search train --trial depth:4 --epochs 100",
    )
    add_train_options(train)
    predict = command(
        commands,
        "predict",
        run_predict,
        "bone ages of radiographs (PNG, JPEG, DICOM) by a trained model; research software, not a medical device",
        "boneage-search predict ~/hands --sex F",
    )
    add_predict_options(predict)
    export = command(
        commands,
        "export",
        run_export,
        "a trained model in a format that other programs read, checked against Keras, with a model card",
        "boneage-search export --format onnx",
    )
    export.add_argument(
        "--format", required=True, choices=(*EXPORT_FORMATS, "all"), help="what to write; onnx and tflite need [export]"
    )
    add_model_option(export)
    export.add_argument(
        "--to", type=values.PATH, metavar="DIR", help="where to write it (default: exported/ in the model's folder)"
    )
    add_run_dir(export)
    export.add_argument("--json", action="store_true", help="print JSON")
