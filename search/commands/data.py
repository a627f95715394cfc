"""The commands on data: `prepare` and `audit`."""

import argparse
from typing import TYPE_CHECKING

from data.counted import counted
from search.commands import options, values
from search.commands.arguments import add_run_options, open_the_run
from search.commands.general.help import Subparsers, command
from search.output.notices import SYNTHETIC
from search.output.terminal import log, say, show_json

if TYPE_CHECKING:
    from data.store.disk import Store


def run_prepare(arguments: argparse.Namespace) -> int:
    from data.store.disk import split_counts
    from search.audit.said import say_worries
    from search.prepared import prepared
    from search.run import record_beside
    from search.show.progress import preparing

    run = open_the_run(arguments, arguments.source)
    with preparing() as progress:
        store = prepared(run, progress, arguments.strict)
    if alone := record_beside(run):
        log(alone)
    for sentence in store.said:
        say(sentence)
    show_problems(store)
    counts = ", ".join(f"{count:,} {name}" for name, count in split_counts(store.cases).items())
    say(f"{store.path}: {counted(len(store.cases), 'image')} of {store.image_px} px ({counts})")
    if store.synthetic:
        say(SYNTHETIC)
    say_worries(run.folder, store)
    return 0


def show_problems(store: "Store", shown: int = 5) -> None:
    """What was left out; the first few, and where all are."""
    problems = store.problems
    if not len(problems):
        return
    say(f"left out {len(problems):,} of {counted(len(problems) + len(store.cases), 'case')}:")
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
    from search.run import record_beside
    from search.show import tables
    from search.show.progress import preparing

    run = open_the_run(arguments, arguments.data)
    with preparing() as progress:
        store = prepared(run, progress)
    if alone := record_beside(run):
        log(alone)
    found = audit_of(store)
    if may_be_written(run.folder):
        remember(run.folder, store, found)
    place = arguments.to or (run.folder if may_be_written(run.folder) else None)
    page = str(write_page(place, store, found, run.folder)) if place else None
    said = page or f"{run.folder} cannot be written to; --to DIR writes the page with the figures to another folder"
    if arguments.json:
        show_json(found.to_dict() | {"page": page})
        if page is None:
            log(said)
        return 0
    tables.show("cases (ages in months)", audit_rows(found))
    tables.show("splits compared", balance_rows(found))
    for finding in found.findings:
        say(f"{finding.level}: {finding.text}")
    say(said)
    if store.synthetic:
        say(SYNTHETIC)
    return 0


def build(commands: Subparsers) -> None:
    prepare = command(
        commands,
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
    prepare.add_argument("--strict", action="store_true", help="stop if any case cannot be used")
    add_run_options(prepare, with_data=False)
    options.add(prepare)
    audit = command(
        commands,
        "audit",
        run_audit,
        "what the data hold and what to worry about, as tables and a page",
        "boneage-search audit --data ~/rsna",
    )
    add_run_options(audit)
    audit.add_argument(
        "--to", type=values.PATH, metavar="DIR", help="where to write the page (default: the run's folder)"
    )
    audit.add_argument("--json", action="store_true", help="print JSON")
    options.add(audit)
