"""Searches compared over learning curves by formula; what is trained for real is in test_trainings.py."""

import html
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent

from data.cases import constant_mae
from data.store.disk import Store
from models.architecture import Blocks
from search.cli import main
from search.compare.compare import (
    compare,
    median_curve,
    own_seeds,
    recorded_seeds,
    run_all,
    share_of_epochs,
    summary,
)
from search.compare.curves import Curve, Recorded, Request, read, write
from search.compare.replay import Trace, Tried, Work, play
from search.compare.rivals import INSTALLED, STAGED, make
from search.compare.run import keep
from search.compare.usable import refuse_another_space
from search.leader.engine import run_study
from search.planning.asking import key
from search.run import Run
from search.storage.opening import open_storage
from search.storage.sqlite import sqlite_url
from studies import joint
from studies.order import STUDIES
from studies.preset import Preset, StudyError
from studies.presets import miniature
from studies.study import Point, points

optuna.logging.set_verbosity(optuna.logging.WARNING)
SEEDS = (0, 1)
CONSTANT_MAE = 32.0


def curve_of(preset: Preset, point: Point, seed: int = 0) -> Curve:
    """Wider is better, blocks help a little less each, a fully connected layer helps; and noise that a seed fixes."""
    epochs = preset.training.epochs
    noise = np.random.default_rng([seed, *json.dumps(sorted(point.items())).encode()])
    blocks = sum(int(value) for name, value in point.items() if name.startswith("mixed"))
    level = 24 - 20 * float(point["beta"]) - 2 * np.log1p(blocks) - (1.5 if point["fc_units"] else 0)
    shape = level + noise.normal(0, 0.3) + 8 * np.exp(-np.arange(1, epochs + 1))
    validation = tuple(float(mae) for mae in shape + noise.normal(0, 0.2, epochs))
    return Curve(validation, tuple(map(float, shape)), tuple(1.0 + blocks for _ in range(epochs)), float(level))


def table_of(preset: Preset) -> Recorded:
    feasible = tuple(point for point in points(joint.space(preset)) if joint.fits(preset, point))
    curves = {key(point): {seed: curve_of(preset, point, seed) for seed in SEEDS} for point in feasible}
    about = {
        "preset": preset.name,
        "space": {name: list(values) for name, values in joint.space(preset).items()},
        "max_params": preset.max_params,
        "epochs": preset.training.epochs,
        "constant_mae": CONSTANT_MAE,
        "synthetic": True,
    }
    return Recorded(about, curves, feasible)


PRESET = miniature()
TABLE = table_of(PRESET)


class Watched:
    """Curves that are known, and who asked for what."""

    most_seeds = 0

    def __init__(self, curves: Callable[[Request], Curve]) -> None:
        self.curves = curves
        self.asked: list[Request] = []

    def known(self, request: Request) -> Curve:
        self.asked.append(request)
        return self.curves(request)

    def want(self, request: Request) -> None: ...

    def wait(self) -> None: ...


def played(name: str, seed: int = 0, budget: int = 60, workers: int = 1) -> tuple[Trace, list[Request]]:
    curves = Watched(TABLE.known)
    rival = make(name, PRESET, CONSTANT_MAE, seed, TABLE.most_seeds)
    search = play(rival, PRESET.training.epochs, recorded_seeds(TABLE)(seed), budget, workers)
    [one] = run_all({(name, seed): search}, curves, lambda _: None)
    return one.trace, curves.asked


EVERY = (STAGED, *INSTALLED)
ENDS_EARLY = {"compound scaling"}  # it knows few networks


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("workers", [1, 7])
def test_every_epoch_is_paid_for_and_none_twice(name: str, workers: int) -> None:
    trace, _ = played(name, workers=workers)

    assert trace.epochs == sum(len(tried.curve.validation_mae) for tried in trace.tried)
    assert trace.epochs <= 60
    trained = [(key(tried.point), tried.seed) for tried in trace.tried]
    assert len(set(trained)) == len(trained)


@pytest.mark.parametrize("name", [name for name in INSTALLED if name not in ENDS_EARLY])
def test_a_rival_spends_its_whole_budget(name: str) -> None:
    assert played(name)[0].epochs == 60


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_no_search_asks_for_a_network_over_the_cap(name: str) -> None:
    _, asked = played(name, budget=120)

    assert all(joint.fits(PRESET, request.point) for request in asked)


@pytest.mark.parametrize("name", EVERY)
def test_a_search_is_a_function_of_its_seed(name: str) -> None:
    assert played(name, seed=3) == played(name, seed=3)
    assert played(name, seed=3)[0].tried != played(name, seed=4)[0].tried


@pytest.mark.parametrize("name", EVERY)
def test_more_workers_take_less_time_but_not_less_than_their_share(name: str) -> None:
    alone, many = played(name)[0], played(name, workers=4)[0]

    def worked(trace: Trace) -> float:
        return sum(sum(tried.curve.seconds) for tried in trace.tried)

    assert alone.seconds == pytest.approx(worked(alone))
    assert many.seconds < worked(many)
    assert many.seconds >= worked(many) / 4


@pytest.mark.parametrize("name", EVERY)
def test_the_best_so_far_never_rises_and_ends_at_the_winners(name: str) -> None:
    trace, _ = played(name)

    assert all(later <= earlier for earlier, later in pairwise(trace.best_so_far))
    assert trace.best_so_far[-1] == trace.winner.best


@pytest.mark.parametrize("name", EVERY)
def test_what_is_tested_is_what_the_search_hands_on(name: str) -> None:
    trace, asked = played(name, budget=0 if name == STAGED else 60)

    seed = asked[-1].seed  # of the training that is tested, the last that is asked for
    assert asked[-1] == Request(trace.handed_on, seed, PRESET.training.epochs)
    assert trace.test_mae == TABLE.curves[key(trace.handed_on)][seed].test_mae
    if name != STAGED:
        assert (trace.handed_on, seed) == (trace.winner.point, trace.winner.seed)


def test_the_staged_search_hands_on_what_its_last_study_decided_for_and_not_the_luckiest_training() -> None:
    from search.compare.staged import Staged

    differ = 0
    for seed in range(8):
        rival = Staged(PRESET, CONSTANT_MAE, seed, TABLE.most_seeds)
        search = play(rival, PRESET.training.epochs, recorded_seeds(TABLE)(seed))
        [one] = run_all({(STAGED, seed): search}, TABLE, lambda _: None)
        decided = joint.point(PRESET, list(rival.decisions.values())[-1].architecture)
        assert one.trace.handed_on == decided
        differ += decided != one.trace.winner.point
    assert differ


def test_hyperband_goes_on_with_the_trainings_that_it_has_paid_for() -> None:
    trace, _ = played("KerasTuner Hyperband", budget=120)
    lengths = {len(tried.curve.validation_mae) for tried in trace.tried}

    assert lengths >= {2, 6}  # of six epochs, by thirds: 1 or 2, then all
    assert all(len(tried.curve.validation_mae) == 6 for tried in trace.tried if tried.state == "complete")


@pytest.mark.slow
def test_asha_ends_some_trials_early_and_trains_others_in_full() -> None:
    trace, _ = played("Optuna TPE + ASHA", budget=120)

    assert {tried.state for tried in trace.tried} == {"complete", "pruned"}


@pytest.mark.parametrize("name", EVERY)
def test_a_training_that_fails_is_a_failed_trial_and_the_search_goes_on(name: str) -> None:
    """Some networks fail after their first epoch."""

    def fails(point: Point) -> bool:
        return point["beta"] == 0.2 or (point["beta"] == 0.14 and point["dropout"] == 0.3)

    def failing(request: Request) -> Curve:
        curve = TABLE.known(request)
        if fails(request.point):
            return replace(curve.first(1), failed="not_finite", test_mae=None)
        return curve

    rival = make(name, PRESET, CONSTANT_MAE, 0)
    search = play(rival, PRESET.training.epochs, own_seeds(PRESET)(0), 60)
    curves = Watched(lambda request: failing(replace(request, seed=request.seed % 2)))
    [one] = run_all({(name, 0): search}, curves, lambda _: None)

    failed = [tried for tried in one.trace.tried if tried.state == "failed"]
    assert failed
    assert all(fails(tried.point) and len(tried.curve.validation_mae) == 1 for tried in failed)
    assert one.trace.winner.state != "failed"


@pytest.mark.slow
@pytest.mark.parametrize("prune", [False, True])
def test_the_staged_rival_decides_as_the_engine_does(tmp_path: Path, tiny_store: Store, prune: bool) -> None:
    """The same four studies, over curves and by real trials of an executor that computes the same curves."""
    preset = replace(tiny_preset(), prune=prune)
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    executor = FormulaExecutor()
    made = {name: run_study(run, tiny_store, name, lambda: executor, silent()) for name in STUDIES}

    epochs = preset.training.epochs

    def by_formula(request: Request) -> Curve:
        mae = deeper_is_better(joint.architecture(preset, request.point))
        numbers = range(1, request.until + 1)
        return Curve(
            tuple(mae + 1 - n / epochs for n in numbers), tuple(mae + 2 / n for n in numbers), (0.0,) * request.until
        )

    from search.compare.staged import Staged

    rival = Staged(preset, constant_mae(tiny_store.cases), preset.seed)
    search = play(rival, epochs, own_seeds(preset)(0))
    [one] = run_all({(STAGED, 0): search}, Watched(by_formula), lambda _: None)

    assert {name: decision.to_dict() for name, decision in rival.decisions.items()} == {
        name: decision.to_dict() for name, decision in made.items()
    }
    trained = [joint.architecture(preset, tried.point) for tried in one.trace.tried]
    assert trained == executor.seen


def test_the_staged_search_never_pays_for_a_network_that_an_earlier_study_has_trained() -> None:
    """The surrogate may ask for a network again, with the next of its seeds, as far as there are some."""
    trace, _ = played(STAGED, budget=0)
    asked = Counter((key(tried.point), tried.seed) for tried in trace.tried)

    assert max(asked.values()) == 1
    assert max(Counter(network for network, _ in asked).values()) == len(SEEDS)


@pytest.mark.slow
def test_rivals_get_the_epochs_that_the_staged_search_of_their_repetition_spent() -> None:
    every = compare(PRESET, CONSTANT_MAE, TABLE, recorded_seeds(TABLE), 2, ("random", "Optuna TPE + ASHA"))
    spent = {one.repetition: one.trace.epochs for one in every if one.rival == STAGED}

    assert len(every) == 6
    assert all(one.trace.epochs == spent[one.repetition] for one in every)


def test_the_summary_agrees_with_a_direct_computation() -> None:
    every = compare(PRESET, CONSTANT_MAE, TABLE, recorded_seeds(TABLE), 5, ("random",))
    rows = {row["search"]: row for row in summary(every, TABLE)}
    final = {
        name: [min(min(tried.curve.validation_mae) for tried in one.trace.tried) for one in every if one.rival == name]
        for name in (STAGED, "random")
    }

    for name in rows:
        assert rows[name]["validation_mae"] == np.median(final[name])
        assert (rows[name]["low"], rows[name]["high"]) == tuple(np.quantile(final[name], (0.25, 0.75)))
    better = [ours < theirs for ours, theirs in zip(final[STAGED], final["random"], strict=True)]
    assert rows["random"]["staged_better"] == np.mean(better)


def test_how_soon_the_staged_search_reaches_the_best_rival() -> None:
    def one(rival: str, *maes: float) -> tuple[str, Trace]:
        curve = Curve(maes, maes, (1.0,) * len(maes))
        return rival, Trace(maes, (Tried(0, {}, 0, curve, "complete"),), 1.0, None)

    from search.compare.compare import Played

    every = [
        Played(name, 0, trace)
        for name, trace in (one(STAGED, 9, 7, 5, 4), one("random", 9, 8, 8, 8), one("other", 9, 8, 7, 6))
    ]

    assert share_of_epochs(every) == {
        "best_rival": "other",
        "its_validation_mae": 6,
        "its_epochs": 4,
        "staged_reaches_it_after": 3,
        "share": 0.75,
    }
    assert median_curve([one("x", 4, 2)[1], one("x", 6, 4, 0)[1]]) == [5, 3, 1]


def test_recorded_trainings_are_read_as_they_were_written(tmp_path: Path) -> None:
    point = TABLE.points[0]
    failed = Curve((30.0, 29.0), (31.0, 30.0), (1.0, 1.0), None, "not_finite")
    rows = [(point, 0, curve_of(PRESET, point)), (point, 1, failed)]
    write(tmp_path / "t.csv", TABLE.about, rows)
    again = read(tmp_path / "t.csv")

    assert again.about == TABLE.about
    assert [dict(found) for found in again.points] == [point]
    assert again.known(Request(point, 1, 6)) == failed
    whole = again.known(Request(point, 0, 6))
    np.testing.assert_allclose(whole.validation_mae, rows[0][2].validation_mae, atol=6e-4)
    assert again.known(Request(point, 0, 2)).validation_mae == whole.validation_mae[:2]
    assert again.known(Request(point, 0, 2)).test_mae is None  # a search that stops early has no network to test


@pytest.mark.parametrize(
    ("place", "written"),
    [
        ("mixed9", "nan"),
        ("mixed9", "-5"),
        ("mixed9", "7"),
        ("validation_mae_1", "-0.5"),
        ("test_mae", "-3"),
        ("constant_mae", -5.0),
        ("epochs", 10**400),
        ("max_params", -1),
        ("space", {"mixed9": "0, 1"}),
    ],
)
def test_a_table_with_what_no_training_gives_is_refused(
    place: str, written: str | float | dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    point = TABLE.points[0]
    write(path, TABLE.about, [(point, 0, curve_of(PRESET, point))])
    first, headings, row = path.read_text().splitlines()
    about, cells = json.loads(first.removeprefix("#")), dict(zip(headings.split(","), row.split(","), strict=True))
    (about if place in about else cells)[place] = written
    path.write_text("\n".join((f"# {json.dumps(about)}", headings, ",".join(cells.values()))) + "\n")

    with pytest.raises(StudyError, match=r"t\.csv is not a table of recorded trainings"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# []\n",
        b"# 3\n",
        b"# null\n",
        b'# {"epochs": [], "space": {}}\na\n1\n',
        b"# " + b"[" * 100_000,
        b"\xff" * 9999,
    ],
    ids=range(7),
)
def test_a_table_that_is_none_of_recorded_trainings_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)

    with pytest.raises(StudyError, match=r"t\.csv is not a table of recorded trainings") as refused:
        read(tmp_path / "t.csv")

    assert len(str(refused.value)) < 600


def test_what_was_not_recorded_is_refused() -> None:
    with pytest.raises(StudyError, match="not among the recorded"):
        TABLE.known(Request({**TABLE.points[0], "fc_units": 4096}, 0, 1))
    with pytest.raises(StudyError, match="recorded with preset miniature"):
        refuse_another_space(TABLE, replace(PRESET, dropouts=(0.5,)))
    with pytest.raises(StudyError, match="at most 500,000 parameters"):
        refuse_another_space(TABLE, replace(PRESET, max_params=600_000))
    refuse_another_space(TABLE, replace(PRESET, max_params=400_000))


def test_which_recorded_seed_is_a_points_first_differs_from_repetition_to_repetition() -> None:
    seeds = recorded_seeds(TABLE)
    point = TABLE.points[3]
    drawn = [seeds(repetition)(point, 0) for repetition in range(200)]

    assert 60 < sum(drawn) < 140
    assert all({seeds(n)(point, 0), seeds(n)(point, 1)} == set(SEEDS) for n in range(20))


def test_a_search_is_kept_as_an_optuna_study_once(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "studies.db"))
    [one] = compare(PRESET, CONSTANT_MAE, TABLE, recorded_seeds(TABLE), 1, ())
    keep(storage, PRESET, one)
    keep(storage, PRESET, one)

    study = optuna.load_study(study_name="compare: staged, repetition 0", storage=storage)
    assert [trial.params for trial in study.trials] == [tried.point for tried in one.trace.tried]
    assert study.best_value == pytest.approx(one.trace.best_so_far[-1])
    assert [list(trial.intermediate_values.values()) for trial in study.trials] == [
        list(tried.curve.validation_mae) for tried in one.trace.tried
    ]


@pytest.mark.slow
def test_a_replay_says_who_won_and_leaves_a_page_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(point, seed, TABLE.curves[key(point)][seed]) for seed in SEEDS for point in TABLE.points]
    write(tmp_path / "t.csv", TABLE.about, rows)
    command = ["compare", "--replay", str(tmp_path / "t.csv"), "--repetitions", "2", "--run-dir", str(tmp_path / "run")]

    assert main([*command, "--simulate-workers", "1,8", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert {row["search"] for row in found["summary"]} == set(EVERY)
    for row in found["summary"]:
        assert row["epochs"] > 0
        assert row["validation_mae"] > 0
        assert row["test_mae"] is not None
        assert 1 <= row["distinct_winners"] <= 2
    assert "share" in found["staged_against_best"]
    assert set(found["by_workers"]) == {"1", "8"}
    left = json.loads((tmp_path / "run/compare/replay.json").read_text())
    assert len(left["searches"]) == 2 * len(EVERY)
    goal = min(row["validation_mae"] for row in found["summary"] if row["search"] != STAGED)
    for one in left["searches"]:
        reached = [epoch for epoch, mae in enumerate(one["best_so_far"], 1) if mae <= goal]
        assert one["hit_after"] == (reached[0] if reached else None)
    page = Path(found["page"]).read_text()
    assert "say nothing about patients" in page
    assert all(name in page for name in ("Hyperband", "staged", "With more workers"))

    assert main([*command]) == 0
    shown = capsys.readouterr().out
    assert shown.split(".")[0].startswith(("No search wins clearly: ", f"{found['winner']} wins: "))
    assert "Of its rivals," in shown
    assert shown.startswith(found["verdict"])
    assert found["verdict"] in html.unescape(page)
    assert next(iter(found)) == "verdict"
    assert "not a medical device" in shown


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--replay", "nowhere.csv"], "nowhere.csv is not a table of recorded trainings"),
        (["--rivals", "lattice"], "--rivals are among random"),
        (["--repetitions", "-1"], "--repetitions"),
        (["--simulate-workers", "1,2"], "needs --replay"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], says: str
) -> None:
    try:
        code = main(["compare", "--run-dir", str(tmp_path), *more])
    except SystemExit as left:  # of what the parser refuses itself
        code = left.code
    assert code == 2
    assert says in capsys.readouterr().err


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    for number, text in enumerate(
        ("", "a,b\n1,2\n", "# {}\na,b\n", '# {"epochs": 2, "space": {"beta": [1]}}\nbeta\n1\n')
    ):
        path = tmp_path / f"{number}.csv"
        path.write_text(text)
        with pytest.raises(StudyError, match="is not a table of recorded trainings"):
            read(path)


def test_recording_refuses_a_space_too_large_to_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["record", "--preset", "paper", "--run-dir", str(tmp_path), "--data", "phantom:60", "--out", "t.csv"]

    assert main(command) == 2
    assert "recording trains them all" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_work_beyond_the_budget_is_cut_short() -> None:
    class Greedy:
        def __init__(self) -> None:
            self.told: list[int] = []

        def ask(self) -> Work | None:
            return Work(len(self.told), TABLE.points[len(self.told)], 0, 6)

        def decided(self) -> Point | None:
            return None

        def tell(self, work: Work, curve: Curve) -> Work | None:
            self.told.append(len(curve.validation_mae))
            return None

    greedy = Greedy()
    [one] = run_all({("greedy", 0): play(greedy, 6, lambda *_: 0, budget=15)}, TABLE, lambda _: None)

    assert one.trace.epochs == 15
    assert greedy.told == [6, 6, 3]


LARGER = replace(
    miniature(),
    preparation=replace(miniature().preparation, image_px=96),
    reference=replace(miniature().reference, blocks=Blocks(0, 1, 0, 1, 0, 1)),
    max_params=300_000,
)
EARLY = replace(
    miniature(), reference=replace(miniature().reference, blocks=Blocks(1, 0, 1, 0, 0, 1)), max_params=300_000
)
SMALLER = replace(
    miniature(),
    preparation=replace(miniature().preparation, image_px=48),
    reference=replace(miniature().reference, blocks=Blocks(0, 1, 0, 1, 1, 0)),
    max_params=250_000,
)


@pytest.mark.parametrize(
    ("table", "preset", "least"),
    [
        ("miniature.csv", miniature(), 150),
        ("miniature_96px.csv", LARGER, 120),
        ("miniature_mixed0.csv", EARLY, 120),
        ("miniature_48px.csv", SMALLER, 120),
    ],
)
def test_a_recorded_table_of_the_project_holds_every_network_of_its_space_under_its_cap(
    table: str, preset: Preset, least: int
) -> None:
    recorded = read(Path(__file__).parents[1] / "studies" / table)
    refuse_another_space(recorded, preset)
    fitting = {key(point) for point in points(joint.space(preset)) if joint.fits(preset, point)}

    assert set(recorded.curves) == fitting
    assert len(fitting) >= least
    assert all(
        len(curve.validation_mae) == len(curve.train_mae) == preset.training.epochs and curve.test_mae is not None
        for by_seed in recorded.curves.values()
        for curve in by_seed.values()
    )
    assert all(len(by_seed) >= 2 for by_seed in recorded.curves.values())
