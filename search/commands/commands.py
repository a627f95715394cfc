"""What each command does: from parsed arguments to an exit code. Imports that take time are made where they are needed."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.preparation import Preparation
from models.architecture import Architecture, ArchitectureError
from models.cost import cost
from search.commands import options
from search.output.notices import NO_DEVICE, SYNTHETIC
from search.output.terminal import log, say, show_json
from search.output.typed import typed
from studies.preset import StudyError

if TYPE_CHECKING:
    from data.store.disk import Store
    from search.leader.progress import Progress

LOOPBACK = "127.0.0.1"
EXPORT_FORMATS = ("keras", "savedmodel", "tflite", "onnx")


def open_the_run(arguments: argparse.Namespace, data: str | None) -> Any:
    from search.run import open_run

    return open_run(arguments.run_dir, arguments.preset, options.chosen(arguments), data, arguments.storage)


def run_prepare(arguments: argparse.Namespace) -> int:
    from data.store.disk import split_counts
    from search.audit.said import say_worries
    from search.prepared import prepared
    from search.run import record
    from search.show.progress import preparing

    run = open_the_run(arguments, arguments.source)
    with preparing() as progress:
        store = prepared(run, progress, arguments.strict)
    record(run)
    for sentence in store.said:
        say(sentence)
    show_problems(store)
    counts = ", ".join(f"{count:,} {name}" for name, count in split_counts(store.cases).items())
    say(f"{store.path}: {len(store.cases):,} images of {store.image_px} px ({counts})")
    if store.synthetic:
        say(SYNTHETIC)
    say_worries(run.folder, store)
    return 0


def show_problems(store: "Store", shown: int = 5) -> None:
    """What was left out; the first few, and where all are."""
    problems = store.problems
    if not len(problems):
        return
    say(f"left out {len(problems):,} of {len(problems) + len(store.cases):,} cases:")
    for problem in problems.head(shown).itertuples():
        say(f"  {problem.id}  {problem.reason}")
    if len(problems) > shown:
        say(f"  ... all of them in {store.path / 'problems.csv'}")


def run_audit(arguments: argparse.Namespace) -> int:
    from search.audit.page import write_page
    from search.audit.remembered import audit_of, remember
    from search.audit.rows import audit_rows, balance_rows
    from search.output.files import may_be_written
    from search.prepared import prepared
    from search.run import record
    from search.show import tables
    from search.show.progress import preparing

    run = open_the_run(arguments, arguments.data)
    with preparing() as progress:
        store = prepared(run, progress)
    record(run)
    found = audit_of(store)
    if may_be_written(run.folder):
        remember(run.folder, store, found)
    if place := arguments.to or (run.folder if may_be_written(run.folder) else None):
        said = str(write_page(place, store, found))
    else:
        said = f"{run.folder} cannot be written to: --to DIR leaves the page with the figures there"
    if arguments.json:
        show_json(found.to_dict())
        return 0
    tables.show("cases (ages in months)", audit_rows(found))
    tables.show("splits against one another", balance_rows(found))
    for finding in found.findings:
        say(f"{finding.level}: {finding.text}")
    say(said)
    if store.synthetic:
        say(SYNTHETIC)
    return 0


def run_stages(arguments: argparse.Namespace) -> int:
    from data.cases import constant_mae
    from search.audit.said import say_worries
    from search.leader.engine import run_study
    from search.leader.progress import Terms
    from search.prepared import prepared
    from search.report import read as report
    from search.report import write as report_files
    from search.show import tables
    from search.show.progress import preparing, showing
    from search.storage import records
    from search.watch.dashboard import noted
    from search.workers.executor import executor_of
    from search.workers.supervisor import stop_on_signals

    make_executor = executor_of(arguments.executor, arguments.workers)
    run = open_the_run(arguments, arguments.data)
    with preparing() as progress:
        store = prepared(run, progress)
    say_worries(run.folder, store, with_page=len(arguments.stages) > 1)
    made = {}
    with showing(constant_mae(store.cases)) as watching, stop_on_signals() as stop:
        watching = noted(also_logged(watching, run.folder, arguments.tensorboard))
        terms = Terms(arguments.deterministic, arguments.trial_timeout, arguments.take_over, stop)
        for name in arguments.stages:
            made[name] = run_study(run, store, name, make_executor, watching, terms)
    page = report_files.write(report.read(run)) if len(arguments.stages) > 1 else None
    if arguments.json:
        show_json({name: decision.to_dict() for name, decision in made.items()})
        if page:
            log(f"the report is in {page}")
        return 0
    for name, decision in made.items():
        tables.show(name, records.table(run, name), decision.summary)
        tables.show_front(decision.findings.front)
        if rows := decision.findings.compared:
            tables.show_verdicts(f"{decision.findings.CAPTION}: months worse", rows)
    tables.footnote(constant_mae(store.cases), store.synthetic)
    if page:
        say(f"the report is in {page}")
    return 0


def run_train(arguments: argparse.Namespace) -> int:
    from data.cases import constant_mae
    from search.audit.said import say_worries
    from search.leader.progress import Terms
    from search.prepared import prepared
    from search.run import open_run
    from search.show import tables
    from search.show.progress import preparing, showing
    from search.trained.choose import chosen
    from search.trained.folder import read_about
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
    order = Order(chosen(run, arguments.trial or "", by_hand), set_here, arguments.name or "", arguments.flip)
    with preparing() as progress:
        store = prepared(run, progress)
    say_worries(run.folder, store)
    with showing(constant_mae(store.cases)) as watching, stop_on_signals() as stop:
        watching = also_logged(watching, run.folder, arguments.tensorboard)
        terms = Terms(arguments.deterministic, arguments.trial_timeout, stop=stop)
        folder = train(run, store, order, make_executor, watching, terms)
    about = read_about(folder)
    if arguments.json:
        show_json(about)
    else:
        tables.show_model(about, folder)
    return 0


def run_predict(arguments: argparse.Namespace) -> int:
    from search.apply import predict
    from search.output.notices import NO_DEVICE
    from search.trained.folder import newest
    from search.trained.predictor import open_model

    files = predict.files_of(arguments.paths)
    columns = {"id": arguments.id_column, "sex": arguments.sex_column}
    asked = {ours: heading for ours, heading in columns.items() if heading}
    table = predict.sexes_of(arguments.table, asked) if arguments.table else {}
    folder = arguments.model or newest(arguments.run_dir)
    model = open_model(folder)
    male = None if arguments.sex is None else arguments.sex == "M"
    wanted = predict.Wanted(male, table, arguments.flip, arguments.force)
    predict.say_before(folder, model, wanted)
    write = predict.write_json if arguments.json else predict.write_csv
    failed = write(predict.rows_of(model, files, wanted))
    log(f"{SYNTHETIC}; {NO_DEVICE}" if model.about["synthetic"] else NO_DEVICE)
    return 2 if failed else 0


def also_logged(watching: "Progress", folder: Path, wanted: bool) -> "Progress":
    if not wanted:
        return watching
    from search.watch.tensorboard import FOLDER, logged

    log(f"tensorboard --logdir {folder / FOLDER}")
    return logged(watching, folder / FOLDER)


def run_status(arguments: argparse.Namespace) -> int:
    from search.show import tables
    from search.storage import status

    run = open_the_run(arguments, arguments.data)
    status.refuse_missing(run)
    if arguments.watch:
        from search.watch.watch import watch

        watch(run)
        return 0
    statuses = status.status(run)
    if arguments.json:
        show_json(statuses)
    else:
        tables.show_status(statuses, status.next_command(run, statuses))
    return 0


def run_explain(arguments: argparse.Namespace) -> int:
    from search.apply.explain import explained, of_files, of_store, region_rows
    from search.apply.explain_page import FOLDER, write
    from search.prepared import prepared
    from search.show.progress import preparing
    from search.trained.folder import chosen_model

    if bool(arguments.files) == bool(arguments.sheet):
        raise StudyError("say which radiographs: name image files, or --sheet N for N cases of the run's data")
    model = chosen_model(arguments.run_dir, arguments.model)
    if arguments.files:
        shown, name = of_files(arguments.files, arguments.sex, model), "images"
    else:
        with preparing() as progress:
            store = prepared(open_the_run(arguments, arguments.data), progress)
        shown, name = of_store(store, arguments.split, arguments.sheet, model), arguments.split
    found = explained(model, shown)
    picture, page = write(found, arguments.to or model.path / FOLDER, name)
    if arguments.json:
        cases = [case.to_dict() for case in found.cases]
        files = {"picture": str(picture), "page": str(page)}
        show_json({"method": found.method, "cases": cases, "regions": region_rows(found), **files})
        return 0
    say(picture)
    say(page)
    say(SYNTHETIC if found.synthetic else NO_DEVICE)
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    from search.apply.export import FOLDER, TOLERANCE_MONTHS, export
    from search.show import tables
    from search.trained.folder import chosen_model

    model = chosen_model(arguments.run_dir, arguments.model)
    formats = list(EXPORT_FORMATS) if arguments.format == "all" else [arguments.format]
    made = export(model, formats, arguments.to or model.path / FOLDER, arguments.run_dir)
    inputs, rows = made.inputs, made.rows
    if arguments.json:
        shown = [row.row() | {"path": str(row.path)} for row in rows]
        checked = {"inputs": len(inputs.images), "of": inputs.what, "tolerance_months": TOLERANCE_MONTHS}
        show_json({"formats": shown, "checked": checked, "faults": list(made.faults)})
        return refused(made.faults)
    summary = (
        f"difference: the largest on {len(inputs.images)} {inputs.what}, tolerance {TOLERANCE_MONTHS} months; "
        "latency: the median of single images on this machine's CPU"
    )
    tables.show(f"{model.name}", [row.row() for row in rows], summary)
    for row in rows[1:]:
        say(row.path)
    say(SYNTHETIC if model.synthetic else NO_DEVICE)
    return refused(made.faults)


def refused(faults: Sequence[str]) -> int:
    """Says what could not be done beside the rest; the exit code."""
    for fault in faults:
        log(f"boneage-search: {fault}")
    return 2 if faults else 0


def run_report(arguments: argparse.Namespace) -> int:
    from search.report import read as report
    from search.report import write as report_files

    say(report_files.write(report.read(open_the_run(arguments, arguments.data)), arguments.to))
    return 0


def run_count(arguments: argparse.Namespace) -> int:
    from search.show import tables

    if arguments.table1:
        tables.show_table1(arguments.json)
        return 0
    architecture = Architecture(
        beta=arguments.beta,
        blocks=arguments.blocks,
        stem_pools=arguments.stem_pools,
        sex_units=arguments.sex_units,
        fc_units=arguments.fc,
        channel_multiple=arguments.channel_multiple,
    )
    counted = cost(architecture, arguments.image_px)
    tables.show_cost(counted, arguments.image_px, arguments.json)
    if arguments.max_params and counted.params > arguments.max_params:
        raise ArchitectureError(f"{counted.params:,} parameters are over the cap of {arguments.max_params:,}")
    return 0


def run_compare(arguments: argparse.Namespace) -> int:
    from search.compare import run as comparing
    from search.compare.curves import read, shipped

    if arguments.replay:
        arguments.replay = shipped(arguments.replay)
    if arguments.replay and not arguments.preset:
        arguments.preset = read(arguments.replay).about["preset"]
    return comparing.run_compare(arguments, open_the_run(arguments, arguments.data))


def run_record(arguments: argparse.Namespace) -> int:
    from search.compare.record import recorded
    from search.workers.executor import executor_of

    make_executor = executor_of(arguments.executor, arguments.workers)
    run = open_the_run(arguments, arguments.data)
    rows = recorded(run, arguments.out, make_executor, arguments.deterministic)
    say(f"{arguments.out}: {rows:,} trainings")
    return 0


def run_storage_copy(arguments: argparse.Namespace) -> int:
    from search.storage.copy import run_copy

    return run_copy(arguments.source, arguments.target, arguments.run_dir, arguments.to_run_dir)


def run_dashboard(arguments: argparse.Namespace) -> int:
    from search.storage.opening import open_storage
    from search.storage.status import refuse_missing, storage_exists
    from search.watch.serving import listen

    run = open_the_run(arguments, arguments.data)
    refuse_missing(run)
    if not storage_exists(run):
        raise StudyError(f"{run.folder} has no studies yet: run `{typed('run', run.folder)}` first")
    host = arguments.host
    if host not in (LOOPBACK, "localhost") and not arguments.expose:
        raise StudyError(
            f"the dashboard has no login, and whoever reaches {host} could delete studies: leave --host out, or add --expose"
        )
    server = listen(open_storage(run.storage), run.folder, host, arguments.port)
    # The order: without it the dashboard lists the last study first.
    reached = "ANYONE WHO REACHES THIS ADDRESS can delete studies" if arguments.expose else "this machine only"
    log(f"http://{host}:{server.server_port}/dashboard?studies_order_by=asc  (no login: {reached}; Ctrl-C ends it)")
    with server:
        server.serve_forever()
    return 0
