"""The report: what it says is what the storage holds, whatever a run has come to. Looked at in test_report_page.py."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, get_args

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor
from plotly.graph_objects import Figure
from searched import a_run, one_fails, search, with_seeds

from data.store.disk import Store
from data.written import months
from models.architecture import Architecture
from models.paper import TABLE1
from search.audit.said import audited
from search.output.notices import NO_DEVICE, SYNTHETIC
from search.report import parts as report_parts
from search.report import plotted
from search.report import write as report_files
from search.report.page import html
from search.report.parts import Plot, Plots, Table
from search.report.read import LEAST_FOR_IMPORTANCE, Recorded, Report, StudyReport, importance, read
from search.report.rows import differs, settings_rows, table1_rows
from search.report.sections import contents
from search.report.text import markdown, trials_csv
from search.report.words import how_good, lowest_seen
from search.run import IN_FULL, open_run, record
from search.show import figures
from search.show.figures import Sized
from search.storage.records import counted
from search.storage.settings import field_names
from studies.ablation import AblationFindings
from studies.findings import Compared, VerdictWord
from studies.preset import StudyError
from studies.study import Sweep

MARKUP = '<img src=x onerror="alert(1)">&|`'


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Report:
    """By the paper's strategy, whose studies compare the most."""
    preset = replace(tiny_preset(), strategy="paper", seeds=2)
    run = a_run(tmp_path_factory.mktemp("report") / "run", tiny_store, preset)
    return read(search(run, tiny_store, FormulaExecutor(by_seed=with_seeds)))


class Words(HTMLParser):
    """The text outside scripts and styles, and every attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside, self.words, self.attributes = "", "", set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.words += data


@pytest.mark.slow
def test_the_answers_are_the_decisions(decided: Report) -> None:
    refinement = decided.study("refinement").decision
    ablation = decided.study("ablation").decision
    assert refinement
    assert ablation
    which, good, sure, big, blocks = contents(decided).answers

    assert f"β {refinement.architecture.beta:g}" in which.headline
    assert f"{refinement.findings.best_mae:.2f} months" in good.headline
    assert f"{decided.constant_mae:.1f}" in " ".join(good.details)
    assert sure.headline.startswith("2 seeds")
    assert f"{refinement.findings.params:,} parameters" in " ".join(big.details)
    assert isinstance(ablation.findings, AblationFindings)
    estimates = ablation.findings.estimates or {}
    costly = [group for group in ablation.findings.key_groups if estimates[group].effect_months > 0.5]
    kept = [group for group in costly if getattr(refinement.architecture.blocks, group)]
    assert kept
    assert blocks.headline == f"Costly to lower, by estimate: {', '.join(kept)}"
    assert "these trained models" in " ".join(blocks.details)  # two seeds say no more


@pytest.mark.slow
def test_the_first_card_says_what_was_lowest_and_why_it_was_not_chosen(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    report = read(search(run, tiny_store, FormulaExecutor(by_seed=with_seeds)))
    decision = report.best and report.best.study.decision
    assert decision
    assert decision.findings.choice
    lowest = decision.findings.choice
    other = replace(lowest, is_lowest=False, lowest=8.5, lowest_network="β 0.1", lowest_expected=9.25, lowest_sd=0.5)

    assert lowest_seen(lowest) in html(contents(report))
    assert "8.50 months, β 0.1. It was not chosen: the surrogate expects 9.25 ± 0.50" in lowest_seen(other)
    assert f"and {other.expected:.2f} ± {other.sd:.2f} of this one" in lowest_seen(other)
    assert "had the lowest MAE seen" in lowest_seen(replace(lowest, is_lowest=True))


def test_every_trial_is_in_the_csv_with_the_numbers_of_the_storage(decided: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(trials_csv(decided))))
    stored = [trial for study in decided.studies for trial in study.trials]

    assert len(rows) == len(stored) > 15
    for row, recorded in zip(rows, stored, strict=True):
        assert int(row["trial"]) == recorded.trial.number
        assert float(row["validation_mae"]) == recorded.trial.validation_mae
        assert int(row["params"]) == recorded.attrs["params"]
        assert row["folder"] == f"trials/{recorded.trial.folder}"
        assert row["began"]
        assert row["ended"]


def test_every_setting_of_the_run_is_told_and_those_that_differ_from_the_preset_are_marked(
    tmp_path: Path, tiny_store: Store
) -> None:
    """So is the file beside run.json."""
    run = open_run(tmp_path, "demo", {"learning_rate": 2e-3, "epochs": 7}, str(tiny_store.path), None)
    record(run)
    report = read(run)
    rows = {row["field"]: row for row in settings_rows(report)}
    told = json.loads((tmp_path / IN_FULL).read_text())

    assert set(rows) == set(field_names())
    assert {name for name, row in rows.items() if differs(row)} == {"learning_rate", "epochs"}
    assert rows["epochs"]["this run"] == "7"
    assert rows["epochs"]["preset, where it differs"] == "14"
    assert {name: json.dumps(told[name], ensure_ascii=False) for name in rows} == {
        name: row["this run"] for name, row in rows.items()
    }
    assert "2 of" in html(contents(report))
    (tmp_path / IN_FULL).unlink()
    assert open_run(tmp_path, None, {}, None, None) == run, "a run of an earlier version has no such file"


def test_every_trial_and_its_folder_can_be_found_on_the_page(decided: Report) -> None:
    words = Words(html(contents(decided))).words

    for study in decided.studies:
        assert study.label in words
        assert all(f"trials/{recorded.trial.folder}" in words for recorded in study.trials)


def test_every_figure_has_its_numbers_as_a_table_too(decided: Report) -> None:
    figures_in = {}
    for heading, parts in contents(decided).sections:
        shown = [plot for part in parts for plot in (part.plots if isinstance(part, Plots) else [part])]
        plots = [plot for plot in shown if isinstance(plot, Plot)]
        figures_in[heading] = len(plots)
        assert all(plot.figure.data for plot in plots), heading
        if any(not plot.rows for plot in plots):
            assert any(isinstance(part, Table) and part.rows for part in parts), heading

    with_figures = {heading: count for heading, count in figures_in.items() if count}
    assert with_figures == {
        "Ablation": 3,  # the forest, and as of every study its history and its timeline
        "Width": 4,
        "Depth": 2,
        "Refinement": 3,
        "Error against size": 2,
        "Learning curves": 6,
    }


def test_pages_are_written_beside_one_another_and_name_each_other(decided: Report) -> None:
    page = report_files.write(decided)

    assert page == decided.run.folder / "report.html"
    assert {path.name for path in decided.run.folder.glob("report.*")} == {"report.html", "report.md", "report.csv"}
    assert 'href="report.csv"' in page.read_text()
    assert page.with_suffix(".csv").read_text() == trials_csv(decided)


def test_the_papers_rows_stand_as_printed_and_ours_beside_them(decided: Report) -> None:
    rows = table1_rows(decided)
    paper, ours = ([row for row in rows if row["of"] == whose] for whose in ("paper", "this run"))

    assert [(row["network"], row["valid. MAE"]) for row in paper] == [(row.name, row.validation_mae) for row in TABLE1]
    assert [row["network"] for row in ours] == [
        "Baseline",
        "Decided by width",
        "Decided by depth",
        "Final no FC layer",
        "Final",
    ]
    assert all(re.fullmatch(r"\d \w+ #\d+(, #\d+)*", row["trial"]) for row in ours)
    final = decided.study("refinement").decision
    assert final
    assert ours[-1]["valid. MAE"] == months(final.findings.best_mae)
    assert (ours[-1]["n5"], ours[-1]["n7"], ours[-1]["n9"]) == tuple(final.architecture.blocks[-3:])


@pytest.mark.parametrize("name", ["width", "depth"])
def test_a_luckier_training_is_not_the_network_that_a_study_decided_for(decided: Report, name: str) -> None:
    study = decided.study(name)
    decision = study.decision
    assert decision

    def row_of(changed: StudyReport) -> list[dict[str, Any]]:
        report = replace(decided, studies=tuple(changed if one is study else one for one in decided.studies))
        return [row for row in table1_rows(report) if row["network"] == f"Decided by {name}"]

    def lucky(one: Recorded) -> Recorded:
        is_another = study.architecture(one.trial) != decision.architecture
        return replace(one, trial=replace(one.trial, validation_mae=0.5)) if is_another else one

    luckier = replace(study, trials=tuple(map(lucky, study.trials)))
    assert min(trial.error for trial in luckier.pooled) == 0.5
    [row] = row_of(luckier)
    assert row == row_of(study)[0]
    assert row["β"] == decision.architecture.beta
    assert row_of(replace(study, status=dict(study.status, decision=None))) == []


@pytest.mark.slow
def test_the_row_without_the_additional_layer_has_the_width_of_the_final_network(
    tmp_path: Path, tiny_store: Store
) -> None:
    """The narrowest is the best, and refinement has tried wider ones without the layer, too."""
    narrow = FormulaExecutor(lambda network: 20 + 100 * network.beta - (1 if network.fc_units else 0) + network.dropout)
    report = read(
        search(a_run(tmp_path / "run", tiny_store, replace(tiny_preset(), strategy="paper")), tiny_store, narrow)
    )
    plain = [trial for trial in report.study("refinement").pooled if not trial.point["fc_units"]]
    final = [row for row in table1_rows(report) if row["of"] == "this run" and row["network"].startswith("Final")]

    assert len({trial.point["beta"] for trial in plain}) > 1
    assert [row["network"] for row in final] == ["Final no FC layer", "Final"]
    assert len({row["β"] for row in final}) == 1


@pytest.mark.slow
def test_a_search_of_the_papers_networks_stands_in_the_papers_rows(tmp_path: Path, tiny_store: Store) -> None:
    """Depth has tried two of them."""
    modified = [TABLE1[1].architecture, TABLE1[3].architecture]
    preset = replace(
        tiny_preset(),
        strategy="paper",
        preparation=replace(tiny_preset().preparation, image_px=100),
        reference=Architecture(),
        max_params=70_000_000,
        depth_start=tuple((each.beta, each.blocks) for each in modified),
    )
    run = a_run(tmp_path / "run", tiny_store, preset)
    rows = table1_rows(read(search(run, tiny_store, studies=3)))

    same = [row for row in rows if row["of"] == "this run" and row["network"].startswith("Modified")]
    assert [(row["network"], row["params"]) for row in same] == [("Modified 1", "36.1M"), ("Modified 3", "51M")]


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [0, 9])
def test_a_search_that_stopped_anywhere_has_a_report_that_says_what_is_missing(
    tmp_path: Path, tiny_store: Store, stop_after: int
) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(stop_after=stop_after))
    report = read(run)

    for text in (Words(html(contents(report))).words, markdown(contents(report)).replace("\\", "")):
        assert f"Next: {report.next_command}" in text
        assert "What is missing" in text
        assert SYNTHETIC in text.lower()
        assert NO_DEVICE in text.lower()


def test_a_folder_with_settings_alone_has_a_report(tmp_path: Path, tiny_store: Store) -> None:
    report = read(a_run(tmp_path / "run", tiny_store))

    assert [answer.headline for answer in contents(report).answers] == ["None yet"]
    assert "Next: boneage-search ablate --run-dir " in html(contents(report))
    assert not (tmp_path / "run" / "studies.db").exists()


def test_where_there_is_no_run_nothing_is_made(tmp_path: Path, tiny_store: Store) -> None:
    run = replace(a_run(tmp_path / "run", tiny_store), folder=tmp_path / "mistyped")

    with pytest.raises(StudyError, match="holds no run"):
        read(run)
    assert not (tmp_path / "mistyped").exists()


def test_a_report_changes_nothing_in_the_storage(decided: Report) -> None:
    def everything() -> list[str]:
        import sqlite3

        with closing(sqlite3.connect(decided.run.folder / "studies.db")) as connection:
            return list(connection.iterdump())

    before = everything()
    report_files.write(read(decided.run))

    assert everything() == before


def test_without_its_data_a_run_still_has_a_report(decided: Report) -> None:
    """Only the interval needs them."""
    report = read(replace(decided.run, data="moved away"))

    assert report.store is None
    assert report.synthetic
    assert "no interval" in " ".join(contents(report).answers[2].details)


def test_a_point_some_of_whose_seeds_have_ended_counts_with_those(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store, replace(tiny_preset(), seeds=4))
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(by_seed=with_seeds, stop_after=1))
    which, good, sure, *_ = contents(read(run)).answers

    assert "Best so far" in " ".join(which.details)
    assert "months validation MAE" in good.headline
    assert sure.headline.startswith("1 seed,")


def test_data_whose_audit_has_no_page_are_not_said_to_be_unaudited(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    without = dict(contents(read(run)).sections)["Data"]
    assert (run.folder / "audit.json").exists(), "the audit itself is made where there is none"
    assert without[-1] == report_parts.Words(
        f"The audit has no page yet: boneage-search audit --run-dir {run.folder} writes it."
    )
    assert not any(isinstance(part, report_parts.Words) and "not audited" in part.text for part in without)

    audited(run.folder, tiny_store)
    assert dict(contents(read(run)).sections)["Data"][-1] == report_parts.Link("The audit of the data", "audit.html")


def test_studies_of_different_caps_have_a_line_and_a_word_for_each(decided: Report) -> None:
    """As the paper's, whose refinement may be larger."""
    cap = decided.study("depth").cap()

    def raised(study: StudyReport) -> StudyReport:
        assert study.given
        return replace(study, given=replace(study.given, preset=replace(study.given.preset, refine_max_params=2 * cap)))

    higher = replace(decided, studies=tuple(map(raised, decided.studies)))
    [(one, caption), (two, captions)] = [
        (plot.figure, plot.caption)
        for report in (decided, higher)
        for part in dict(contents(report).sections)["Error against size"]
        if isinstance(part, Plots)
        for plot in part.plots[:1]
    ]

    def lines(figure: Figure) -> list[tuple[float, str]]:
        return [(line.x0, line.line.dash) for line in figure.layout.shapes]

    assert caption == "Against parameters; the cap is 100k."
    assert captions == "Against parameters; the cap is 100k in ablation, width, depth; 200k in refinement."
    assert lines(one) == [(cap / 1e6, "dash")]
    assert lines(two) == [(cap / 1e6, "dash"), (2 * cap / 1e6, "dot")]
    assert [trace.name for trace in two.data if str(trace.name).startswith("cap")] == ["cap of 100k", "cap of 200k"]


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Report:
    run = a_run(tmp_path_factory.mktemp("failing") / "run", tiny_store)
    return read(search(run, tiny_store, FormulaExecutor(one_fails), studies=1))


def test_failed_trials_are_listed_with_their_reason(failing: Report) -> None:
    [failed] = dict(contents(failing).sections)["Failed and pruned"]

    assert isinstance(failed, Table)
    assert [(row["study"], row["what"]) for row in failed.rows] == [("1 ablation", "mixed1=0, seed 0")]
    assert "by formula" in failed.rows[0]["reason"]


def test_all_text_is_escaped_on_the_page_and_in_markdown(failing: Report) -> None:
    """Whatever comes from a user, a driver or a library."""
    ablation, *others = failing.studies
    trials = tuple(
        replace(recorded, attrs={**recorded.attrs, "exit_detail": MARKUP, "copied_from": MARKUP})
        for recorded in ablation.trials
    )
    attrs = {**(ablation.attrs or {}), "machines": MARKUP}
    hostile = replace(ablation, trials=trials, attrs=attrs, status={**ablation.status, "configurations": MARKUP})
    told = contents(replace(failing, studies=(hostile, *others), run=replace(failing.run, overrides={"data": MARKUP})))
    page = Words(html(told))
    tables = [
        [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        for block in markdown(told).split("\n\n")
        if block.startswith("| ")
    ]

    assert page.words.count(MARKUP) > 5
    assert "onerror" not in page.attributes
    assert "<img" not in markdown(told).replace("\\<img", "")
    assert len(tables) > 5
    assert all(len(set(bars)) == 1 for bars in tables)  # no cell was split


def test_a_report_of_real_data_has_no_banner(decided: Report) -> None:
    told = replace(contents(decided), synthetic=False)

    assert 'class="banner"' in html(contents(decided))
    assert 'class="banner"' not in html(told)
    assert SYNTHETIC not in markdown(told).lower()


@pytest.mark.slow
def test_a_second_objective_changes_nothing_in_what_is_reported(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store, replace(tiny_preset(), objective=("mae", "macs")))
    report = read(search(run, tiny_store, studies=3))

    assert report.best
    assert f"{report.best.trial.error:.2f} months" in html(contents(report))


@pytest.mark.slow
def test_the_command_names_the_page_and_loads_no_tensorflow(decided: Report) -> None:
    script = (
        "import sys; from search.cli import main\n"
        f"main(['report', '--run-dir', {str(decided.run.folder)!r}])\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=True)

    assert ended.stdout.strip() == str(decided.run.folder / "report.html")
    assert ended.stderr.strip().endswith("[]")


# Trained models


def test_models_trained_in_full_give_the_test_mae(
    decided: Report, model_about: Callable[..., dict[str, object]]
) -> None:
    final = decided.study("refinement").decision
    assert final
    about = model_about(final.architecture)
    with_model = replace(decided, models=((decided.run.folder / "models" / "final", about),))
    _, good, *_ = contents(with_model).answers

    assert "Test MAE 5.60" in " ".join(good.details)
    assert [row["test MAE"] for row in table1_rows(with_model) if row["network"] == "Final"] == [5.6, "5.60"]
    assert dict(contents(with_model).sections)["Final models"]


@pytest.mark.parametrize("made", [{"made_from": {"name": "final"}}, {"ensemble": {"members": [{"best_epoch": 2}]}}])
def test_the_test_mae_beside_the_papers_is_of_the_network_itself_and_of_the_runs_own_test_images(
    decided: Report, model_about: Callable[..., dict[str, object]], made: dict[str, object]
) -> None:
    final = decided.study("refinement").decision
    assert final
    about = model_about(final.architecture)
    other = about | made | {"test": dict(about["test"], mae=9.9)}  # type: ignore[call-overload]
    of_final = [(decided.run.folder / "models" / "final", about), (decided.run.folder / "models" / "other", other)]

    both, alone = replace(decided, models=tuple(of_final)), replace(decided, models=tuple(of_final[1:]))

    assert [row["test MAE"] for row in table1_rows(both) if row["network"] == "Final"] == [5.6, "5.60"]
    assert [row["test MAE"] for row in table1_rows(alone) if row["network"] == "Final"] == [5.6, None]


@pytest.mark.parametrize("what", ["another network", "other data", "a correction of it"])
def test_a_model_of_another_network_or_of_other_data_is_no_test_of_the_best_network(
    decided: Report, model_about: Callable[..., dict[str, object]], what: str
) -> None:
    best = decided.best
    assert best
    own = model_about(best.architecture)
    others: dict[str, dict[str, object]] = {
        "another network": model_about(decided.run.preset.reference),
        "other data": own | {"data": {"digest": "of another store"}},
        "a correction of it": own | {"made_from": {"name": "final"}},
    }
    other = others[what] | {"name": "other", "test": dict(own["test"], mae=9.9)}  # type: ignore[call-overload]

    def shown(*models: dict[str, object]) -> tuple[str, list[float | str | None]]:
        report = replace(decided, models=tuple((decided.run.folder / "models", about) for about in models))
        of_final = [row["test MAE"] for row in table1_rows(report) if row["network"] == "Final"]
        return " ".join(how_good(report, best).details), of_final

    assert best.architecture != decided.run.preset.reference
    told, beside_the_papers = shown(other)
    assert "Test MAE" not in told
    assert "No test MAE yet: boneage-search train" in told
    assert beside_the_papers == [5.6, None]
    told, beside_the_papers = shown(own, other)
    assert re.findall(r"Test MAE [^.]*\.\d\d \([^)]*\)", told) == ["Test MAE 5.60 (final, 200 images)"]
    assert beside_the_papers == [5.6, "5.60"]


def test_a_test_of_an_ensemble_of_the_best_network_says_that_it_is_one(
    decided: Report, model_about: Callable[..., dict[str, object]]
) -> None:
    best = decided.best
    assert best
    three = model_about(best.architecture) | {"ensemble": {"members": [{}, {}, {}]}}
    report = replace(decided, models=((decided.run.folder / "models" / "three", three),))

    assert "Test MAE 5.60 (final, the mean of 3 such networks, 200 images)." in how_good(report, best).details


def test_the_data_of_a_run_are_known_where_they_are_gone(decided: Report, tiny_store: Store, tmp_path: Path) -> None:
    assert replace(decided, store=None).digest == decided.digest == tiny_store.digest
    assert read(a_run(tmp_path / "run", tiny_store)).digest == tiny_store.digest


@pytest.fixture
def model_about(tiny_store: Store) -> Callable[..., dict[str, object]]:
    def about(architecture: Architecture) -> dict[str, object]:
        scores = {
            "n": 200,
            "mae": 5.6,
            "mae_low": 5.0,
            "mae_high": 6.3,
            "rmse": 7.0,
            "within_12": 0.9,
            "constant_mae": 33.0,
        }
        history = [{"epoch": n, "train_mae": 9.0 - n, "validation_mae": 9.5 - n, "seconds": 1.0} for n in (1, 2)]
        return json.loads(
            json.dumps(
                {
                    "name": "final",
                    "from": "refinement #1",
                    "architecture": architecture.to_dict(),
                    "params": 1,
                    "data": {"digest": tiny_store.digest},
                    "best_epoch": 2,
                    "history": history,
                    "validation": scores,
                    "test": scores,
                    "synthetic": True,
                }
            )
        )

    return about


# Figures


def test_a_forest_shows_each_change_with_the_ends_of_its_interval() -> None:
    rows = [
        Compared("a", "matters", 2.0, 1.0, 3.5, 0.01, 1.0, 8, "architectures"),
        Compared("b", "not tested", -0.5, None, None, None, None, 1, "these trained models"),
        Compared("c", "not trainable", None, None, None, None, None, 1, "these trained models"),
    ]
    drawn = figures.forest(rows, 0.3)
    ends = {
        label.partition("<br>")[0]: (x - trace.error_x.arrayminus[n], x, x + trace.error_x.array[n])
        for trace in drawn.data
        for n, (x, label) in enumerate(zip(trace.x, trace.y, strict=True))
    }

    assert ends == {"a": (1.0, 2.0, 3.5), "b": (-0.5, -0.5, -0.5)}
    assert (drawn.layout.shapes[0].x0, drawn.layout.shapes[0].x1) == (-0.3, 0.3)


@pytest.mark.parametrize("verdict", get_args(VerdictWord))
def test_a_forest_shows_a_variant_whatever_its_verdict(verdict: VerdictWord) -> None:
    [shown] = figures.forest([Compared("a", verdict, 1.0, 0.5, 1.5, 0.5, 0.5, 8, "architectures")], 0.3).data

    assert list(shown.y) == [f"a<br>{verdict}"]


def test_the_front_is_the_lowest_error_of_all_that_are_no_larger() -> None:
    networks = [Sized("depth", f"#{n}", float(7 * n % 11), 1000 * (5 * n % 13 + 1), 10**6, False) for n in range(12)]
    line, *_ = figures.pareto(networks, "params").data

    for size, lowest in zip(line.x, line.y, strict=True):
        assert lowest == min(network.mae for network in networks if network.params / 1e6 <= size)
    assert all(before >= after for before, after in pairwise(line.y))


def test_the_best_so_far_never_rises_and_means_are_means(decided: Report) -> None:
    depth, width = decided.study("depth"), decided.study("width")
    assert depth.study
    _, line = plotted.history(plotted.copied(depth.study)).data
    _, means = figures.along(Sweep("beta", width.pooled), "β").data

    assert all(before >= after for before, after in pairwise(line.y))
    assert line.y[-1] == min(trial.error for trial in depth.pooled)
    for beta, mean in zip(means.x, means.y, strict=True):
        seeds = [recorded.trial.error for recorded in width.trials if recorded.trial.point["beta"] == beta]
        assert mean == pytest.approx(fmean(seeds))


def test_optunas_figures_show_what_counts_under_its_own_numbers_and_no_attribute() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        value = trial.suggest_float("beta", 0.1, 0.2) + trial.suggest_int("mixed5", 1, 6)
        trial.report(value, 1)
        trial.set_user_attr("network", "of another")
        trial.set_user_attr("exit_reason", "completed" if trial.number != 3 else "told by a person")
        trial.set_user_attr("log_ends", "secret words")
        return value

    study.optimize(objective, n_trials=8)
    copied = plotted.copied(study)
    counts = [trial.number for trial in counted(study)]
    drawn = [plotted.history(copied), plotted.parallel(copied, plotted.varied(copied))]
    each = plotted.slices(copied, plotted.varied(copied))

    assert counts == [0, 1, 2, 4, 5, 6, 7]
    assert list(drawn[0].data[0].x) == counts
    best = dict(zip(drawn[0].data[1].x, drawn[0].data[1].y, strict=True))
    assert [best[number] for number in counts] == list(
        accumulate((study.trials[number].values[0] for number in counts), min)
    )
    assert set(each) == {"beta", "mixed5"}
    assert not any("secret" in figure.to_json() for figure in (*drawn, *each.values()))


def test_importance_is_left_out_where_few_trials_tell_and_finds_the_parameter_that_decides() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        value = trial.suggest_int("mixed9", 1, 6) + 0.01 * trial.suggest_int("mixed5", 1, 6)
        trial.report(value, 1)
        for name, said in (
            ("network", "of another"),
            ("exit_reason", "completed"),
        ):  # as of a trial that the engine has ended
            trial.set_user_attr(name, said)
        return value

    study.optimize(objective, n_trials=LEAST_FOR_IMPORTANCE - 1)
    assert importance(study) is None
    study.optimize(objective, n_trials=60)
    found = importance(study)

    assert found
    assert next(iter(found)) == "mixed9"
    assert sum(found.values()) == pytest.approx(1)
