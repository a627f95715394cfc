"""The commands of a search: one for every study, and `run`."""

import argparse
from time import monotonic
from typing import TYPE_CHECKING

from search.commands.arguments import (
    add_anyway,
    add_stage_options,
    also_logged,
    announcing,
    open_the_run,
)
from search.commands.general.help import Subparsers, command
from search.output.confirmed import confirmed_words
from search.output.terminal import log, say, show_json
from studies import ablation
from studies.order import (
    EVERY,
    FIRST,
    LAST,
    STUDIES,
    all_studies,
    comes,
    could_follow,
    following,
    to_run,
)

if TYPE_CHECKING:
    from search.leader.budget_kept import KeptBudget
    from search.run import Run


def run_stages(arguments: argparse.Namespace) -> int:
    from models.pretrained.file import checked
    from search.leader.engine import checked_before, refuse_at_once, run_study
    from search.storage.status import CONFIRMATION, refuse_unusable
    from search.workers.executor import executor_of

    make_executor = executor_of(arguments.executor, arguments.workers)
    run = open_the_run(arguments, arguments.data, bool(arguments.budget))
    refuse_unusable(run)
    if run.wanted and not arguments.budget:
        from search.leader.budget_kept import said_without, without_budget

        before, run = run, without_budget(run)
        for sentence in said_without(before, run):
            log(sentence)
    checked(run.preset.training, run.preset.reference.family)
    refuse_at_once(run, to_run(arguments.stages, run.preset)[0])
    make_executor = announcing(make_executor, arguments, run.preset.training.precision, run.deterministic)

    # Here, since the workers' server imports TensorFlow meanwhile.
    from data.cases import constant_mae
    from search.audit.said import say_worries
    from search.leader.progress import Terms
    from search.prepared import prepared
    from search.report import closing
    from search.report import read as report
    from search.report import write as report_files
    from search.run import gone_on_from, record
    from search.show import tables
    from search.show.progress import preparing, showing
    from search.storage import records
    from search.watch.dashboard import noted
    from search.workers.supervisor import stop_on_signals

    anyway = getattr(arguments, "anyway", False)  # a command that trains no ablation does not have it
    for name in arguments.stages if not arguments.budget else ():  # which plans the seeds itself
        for sentence in design_said(run, name, anyway):
            log(sentence)
    began = monotonic()  # what a budget counts from
    with preparing() as progress:
        store = prepared(run, progress)
    say_worries(run.folder, store, with_page=len(arguments.stages) > 1)
    last = arguments.stages[-1]
    run = checked_before(run, store, [*to_run(arguments.stages, run.preset), *following(last, run.preset)])
    made = {}
    with showing(constant_mae(store.cases)) as watching, stop_on_signals() as stop:
        watching = noted(also_logged(watching, run.folder, arguments.tensorboard))
        terms = Terms(run.deterministic, arguments.trial_timeout, arguments.take_over, stop)
        kept = budget_of(arguments, run, monotonic() - began)
        for name in to_run(arguments.stages, run.preset):
            if kept:
                run, design = kept.planned()
                for sentence in [*design.sentences, *design_said(run, name, anyway)]:
                    watching.said(sentence)
            made[name] = run_study(run, store, name, make_executor, watching, terms)
            if comes(name) == FIRST:
                run = gone_on_from(run, made[name].architecture)
                if kept:
                    kept.run = run
        afterwards, planned = {}, list[str]()
        for name in could_follow(last):
            if kept:
                run, design = kept.planned(after_all=True)
                for sentence in design.sentences if design.sentences != planned else ():
                    watching.said(sentence)
                planned = design.sentences
                record(run)  # what is left out is open no more
            if name in following(last, run.preset):
                afterwards[name] = run_study(run, store, name, make_executor, watching, terms)
        confirmed = afterwards.get(CONFIRMATION)
    found = report.read(run) if len(arguments.stages) > 1 else None
    page = report_files.write(found) if found else None
    if arguments.json:
        decisions = {name: decision.to_dict() for name, decision in made.items()}
        for name, decision in afterwards.items():
            decisions[last][name] = decision.to_dict()
        show_json(decisions)
        if page:
            log(f"the report is in {page}")
        return 0
    for name, decision in {**made, **{name: one for name, one in afterwards.items() if name != CONFIRMATION}}.items():
        tables.show(name, records.table(run, name), decision.summary)
        tables.show_front(decision.findings.front)
        if rows := decision.findings.compared:
            tables.show_verdicts(f"{decision.findings.CAPTION}: months worse", rows)
    if confirmed:
        tables.show(CONFIRMATION, records.table(run, CONFIRMATION))
    for sentence in confirmed_words(made[last].to_dict(), confirmed.to_dict() if confirmed else None):
        say(sentence)
    tables.footnote(constant_mae(store.cases), store.synthetic)
    if found:
        tables.show("trainings with the lowest validation MAE, of all studies", closing.top_rows(found))
        say(f"the report is in {page}")
        for line in closing.next_lines(run):
            say(line)
    return 0


def state_of(run: "Run", name: str) -> str:
    from search.storage.status import has_begun, status

    if not has_begun(run):
        return "not begun"
    return next((str(each["state"]) for each in status(run) if each["name"] == name), "not begun")


def design_said(run: "Run", name: str, anyway: bool) -> list[str]:
    """Before an ablation trains. Raises StudyError where its seeds could find nothing."""
    from studies.statistics.planned import planned
    from studies.study import Given

    if name != ablation.NAME or state_of(run, name) != "not begun":
        return []
    [variants] = ablation.space(Given(run.preset, {}, 0.0)).values()
    return [planned(run.preset, len(variants) - 1, anyway)]


def budget_of(arguments: argparse.Namespace, run: "Run", preparing_seconds: float = 0.0) -> "KeptBudget | None":
    if not arguments.budget:
        return None
    from search.leader.budget_kept import KeptBudget
    from search.workers.at_once import workers_here

    return KeptBudget(
        arguments.budget,
        run,
        workers_here(arguments.workers),
        run.deterministic,
        preparing_seconds=preparing_seconds,
    )


def build(commands: Subparsers) -> None:
    for name, study in EVERY.items():
        if comes(name) == LAST:  # ends the command of the last of the order
            continue
        stage = command(commands, study.COMMAND, run_stages, study.QUESTION, study.EXAMPLE)
        stage.set_defaults(stages=[name])
        add_stage_options(stage, near=f"{name}:")
        if study is ablation:
            add_anyway(stage)
    everything = command(
        commands,
        "run",
        run_stages,
        f"{all_studies()} in order; safe to repeat",
        "boneage-search run --preset paper --data ~/rsna",
    )
    everything.set_defaults(stages=list(STUDIES))
    add_stage_options(everything)
    add_anyway(everything)
