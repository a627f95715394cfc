"""A study is listed once, in `studies/order.py`: a made-up fifth, put into that tuple alone, is found by everything."""

import io
from collections.abc import Iterator
from dataclasses import replace

import fifth_study
import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from optuna_dashboard import get_note
from rich.console import Console

from data.store.disk import Store
from models.architecture import Architecture
from search.cli import main
from search.commands.parser import parser
from search.leader.engine import run_study
from search.planning.feasible import fitting
from search.planning.time_left import to_come
from search.report.page import html
from search.report.parts import Plot
from search.report.read import Report, read
from search.report.sections import contents
from search.report.text import markdown, trials_csv
from search.run import Run, record
from search.show import tables
from search.show.figures import COLOURS, SYMBOLS, Sized, pareto
from search.show.progress import showing
from search.storage.opening import open_storage
from search.storage.sqlite import sqlite_url
from search.storage.status import next_command, status
from search.watch.dashboard import noted
from search.workers.job import Job
from studies import order
from studies.order import ORDER, STUDIES
from studies.study import Given, Trial

pytestmark = pytest.mark.slow

NAMES = {"mid": ["ablation", "width", "sex branch", "depth", "refinement"]}
NAMES["last"] = ["ablation", "width", "depth", "refinement", "sex branch"]


@pytest.fixture(scope="module", params=["mid", pytest.param("last", marks=pytest.mark.slow)])
def names(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """With five studies, the names in their order."""
    with pytest.MonkeyPatch.context() as patched:
        place = 2 if request.param == "mid" else len(ORDER)
        patched.setattr(order, "ORDER", (*ORDER[:place], fifth_study, *ORDER[place:]))
        yield NAMES[request.param]


def wider_is_better(job: Job) -> float:
    """Months: four epochs' worth for each doubling of the sex's branch, less with the later seed."""
    architecture = job.architecture
    return 20 - architecture.sex_units / 4 - architecture.blocks.mixed9 - 0.1 * (job.seed % 3)


@pytest.fixture(scope="module")
def begun(names: list[str], tiny_store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Run]:
    """A run with five studies, all decided, and its report as it was before the last one."""
    folder = tmp_path_factory.mktemp("five")
    preset = replace(tiny_preset(), seeds=2, confirm=0)
    run = Run(folder, preset, {}, str(tiny_store.path), sqlite_url(folder / "studies.db"))
    record(run)
    executor = FormulaExecutor(by_seed=wider_is_better)
    unfinished = ""
    for name in names:
        assert str(next_command(run, status(run))).startswith(f"boneage-search {STUDIES[name].COMMAND} ")
        if name == names[-1]:
            unfinished = markdown(contents(read(run)))
        run_study(run, tiny_store, name, lambda: executor, noted(silent()))
    return unfinished, run


@pytest.fixture(scope="module")
def decided(begun: tuple[str, Run]) -> Report:
    return read(begun[1])


def test_every_study_has_a_command_with_its_question_and_its_example(
    names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["sex-branch", "--help"])
    said = " ".join(capsys.readouterr().out.split())

    assert "How wide should the branch of the sex be." in said
    assert fifth_study.EXAMPLE in said
    assert parser().parse_args(["sex-branch"]).stages == ["sex branch"]
    assert parser().parse_args(["run"]).stages == names
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "all five studies in order" in " ".join(capsys.readouterr().out.split())


def test_the_engine_runs_it_in_its_place_and_status_names_it(decided: Report, names: list[str]) -> None:
    statuses = status(decided.run)
    console = Console(file=io.StringIO(), width=160)
    console.print(tables.status_table(statuses))
    shown = console.file.getvalue()  # type: ignore[attr-defined]

    assert [study["name"] for study in statuses] == names
    assert [study["state"] for study in statuses] == ["decided"] * 5
    assert "16 units are the best" in shown
    assert tables.status_lines(statuses, next_command(decided.run, statuses))[-1] == "all five studies are decided"
    assert {study["name"]: study["trials"] for study in statuses}["sex branch"] == 2 * len(fifth_study.UNITS)


def test_the_report_has_its_question_rule_section_figures_and_trials(decided: Report, names: list[str]) -> None:
    made = contents(decided)
    sections = dict(made.sections)
    page, text = html(made), markdown(made)

    for written in (page, text):
        assert "How wide should the branch of the sex be?" in written
        assert "however close; 0.5 months is the margin." in written
        assert "All five studies are decided" not in written  # said only where something is missing
    [sweep, forest] = [part for part in sections["Sex branch"] if isinstance(part, Plot)]
    assert sweep.caption.startswith("sex units against validation MAE")
    assert [annotation.text for annotation in sweep.figure.layout.annotations] == ["best"]
    assert len(forest.figure.data[0].x) + sum(len(trace.x) for trace in forest.figure.data[1:]) == 2
    assert trials_csv(decided).count("sex branch") >= 2 * len(fifth_study.UNITS)
    label = f"{names.index('sex branch') + 1} sex branch"
    assert label in page
    if names[-1] == "sex branch":  # the last study's network is the answer
        assert decided.best
        assert decided.best.architecture.sex_units == 16
        assert "the search is not finished" not in page


def test_the_search_is_finished_when_the_last_study_is(
    begun: tuple[str, Run], decided: Report, names: list[str]
) -> None:
    unfinished, _ = begun

    assert "the search is not finished" in unfinished
    assert f"Next: boneage-search {STUDIES[names[-1]].COMMAND}" in unfinished
    assert "the search is not finished" not in markdown(contents(decided))


def test_the_figures_give_each_study_a_mark_of_its_own(decided: Report, names: list[str]) -> None:
    networks = [Sized(name, f"#{n}", 10.0 + n, 1000 + n, 10**6, True) for n, name in enumerate(names)]
    shown = {trace.name: trace for trace in pareto(networks, "params").data}
    marks = {(shown[name].marker.color, shown[name].marker.symbol[0]) for name in names}

    assert len(marks) == len(names)
    both = len(COLOURS) * len(SYMBOLS)
    assert len({(n % len(COLOURS), n % len(SYMBOLS)) for n in range(both)}) == both


def test_the_dashboard_has_its_note_and_plots(decided: Report, names: list[str]) -> None:
    storage = open_storage(decided.run.storage)
    [summary] = [found for found in optuna.get_all_study_summaries(storage) if "sex branch" in found.study_name]
    study = optuna.load_study(study_name=summary.study_name, storage=storage)
    said = get_note(study)

    assert "**How wide should the branch of the sex be?**" in said
    assert "16 units are the best." in said
    assert "16 units: " in said  # the evidence, a line for each comparison
    plots = " ".join(storage.get_study_system_attrs(study._study_id))
    assert all(kept in plots for kept in ("error-against-params", "error-against-macs", "changes"))


def test_the_time_left_counts_it(names: list[str]) -> None:
    started = Given(tiny_preset(), {}, 30.0)
    later = to_come("ablation", started, fitting(STUDIES["ablation"], started))
    branches = [network.sex_units for trainings in later for network, _ in trainings]

    assert set(fifth_study.UNITS) <= set(branches)


def test_progress_calls_it_by_its_number(names: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with showing(30.0) as progress:
        progress.ended("sex branch", Trial(3, {"sex_units": 8}, "failed", exit_reason="killed"))

    assert f"{names.index('sex branch') + 1} sex branch trial 3" in capfd.readouterr().err


def test_train_takes_its_trials(decided: Report) -> None:
    from search.trained.choose import of_trial

    for called in ("sex branch:0", "sex-branch:0"):
        found = of_trial(decided.run, called)
        assert isinstance(found.architecture, Architecture)
        assert found.origin == "sex branch #0"
