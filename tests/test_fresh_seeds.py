"""What is compared after a selection is trained with seeds that have selected nothing, on both sides."""

from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given as drawn
from hypothesis import strategies as st
from searched import a_run

from data.store.disk import Store
from models.architecture import Architecture
from search.leader import engine
from search.leader.engine import run_study
from search.planning.asking import asked, key
from search.planning.feasible import fitting
from search.planning.time_left import rounds
from search.storage.opening import open_storage
from search.storage.records import load, trials_of
from search.workers.job import Job
from studies import refinement, resolution
from studies.ablation import AblationFindings
from studies.knowledge import belief
from studies.preset import SEEDS, Preset
from studies.statistics.fresh import AFTER_ALL, IN_FULL, RESOLUTION, first_seed, fresh_seed, of_seeds
from studies.study import Decision, Given, Point, Training, Trial, feasible_points, pool

SIDES = (28, 34)  # of the store's 40
TRUE_MONTHS, SEED_SD = 12.0, 0.8


def preset_of(**changes: object) -> Preset:
    return replace(tiny_preset(), px_choices=SIDES, confirm=0, **changes)  # type: ignore[arg-type]


def after_depth(preset: Preset, *picked_by: float) -> Given:
    """Depth has picked the reference, by these MAEs of its trainings."""
    decided = Decision("", preset.reference)
    first = Decision("", preset.reference, AblationFindings())
    trained = tuple(
        Training(preset.reference, a_trial(seed, {}, mae, preset.seed + seed)) for seed, mae in enumerate(picked_by)
    )
    return Given(preset, {"ablation": first, "width": decided, "depth": decided}, 30.0, trained=trained)


def a_trial(number: int, point: Point, mae: float, seed: int) -> Trial:
    return Trial(number, point, "complete", mae, 1, (mae,), validation_mae_by_epoch=(mae,), seed=seed)


def by_side(maes: dict[int, tuple[float, ...]], first: int) -> list[Trial]:
    every = [(px, nth, mae) for px, own in maes.items() for nth, mae in enumerate(own)]
    return [a_trial(number, {"input_px": px}, mae, first + nth) for number, (px, nth, mae) in enumerate(every)]


# which seeds


@drawn(st.integers(0, 2**31 - 1), st.integers(1, 5))
def test_no_two_sets_of_seeds_share_one_and_all_are_seeds(seed: int, nth: int) -> None:
    sets = [
        range(first, first + SEEDS) for first in (fresh_seed(seed, one) for one in (AFTER_ALL, IN_FULL, RESOLUTION))
    ]
    searched = range(seed, seed + SEEDS)

    for place, one in enumerate(sets):
        assert all(set(one).isdisjoint(other) for other in (searched, *sets[:place]))
        assert one[0] >= 0
        assert one[-1] < 2**31
    assert first_seed(seed, nth, []) == fresh_seed(seed, nth)


@drawn(st.lists(st.integers(0, 5_000), min_size=1, max_size=8), st.integers(0, 3))
def test_a_set_once_begun_is_gone_on_with_and_other_seeds_are_none_of_it(seeds: list[int], seed: int) -> None:
    trials = pool([a_trial(number, {"input_px": 28}, 9.0, one) for number, one in enumerate(dict.fromkeys(seeds))])
    fresh = fresh_seed(seed, RESOLUTION)
    begun = any(fresh <= one < fresh + SEEDS for one in seeds)

    assert first_seed(seed, RESOLUTION, trials) == (fresh if begun else seed)
    kept = {run.seed for trial in of_seeds(trials, fresh) for run in trial.by_seed}
    assert kept == {one for one in seeds if fresh <= one < fresh + SEEDS}


# resolution


@drawn(st.integers(0, 10_000), st.integers(1, 4))
def test_every_side_the_own_one_too_is_trained_with_seeds_that_picked_nothing(seed: int, seeds: int) -> None:
    given = after_depth(preset_of(seed=seed, seeds=seeds), *[9.0] * seeds)
    wanted = asked(resolution, given, [], {key(point): point for point in feasible_points(resolution, given)})
    by_px = {px: sorted(own for point, own in wanted.new if point["input_px"] == px) for px in (*SIDES, 40)}

    fresh = fresh_seed(seed, RESOLUTION)
    assert set(map(tuple, by_px.values())) == {tuple(range(fresh, fresh + seeds))}
    assert fresh >= seed + SEEDS


def test_the_time_left_counts_the_own_side_although_depth_has_trained_it() -> None:
    given = after_depth(preset_of(seeds=3), 9.0, 9.1, 9.2)
    left = rounds("resolution", given, [], fitting(resolution, given))

    assert sum(map(len, left)) == 3 * 3
    assert sum(network == given.preset.reference for some in left for network, _ in some) == 3


def test_an_enqueued_training_with_a_seed_that_picked_the_network_speaks_of_nothing() -> None:
    given = after_depth(preset_of(), 5.0)
    maes = by_side({28: (9.0,), 34: (9.5,), 40: (12.0,)}, fresh_seed(given.preset.seed, RESOLUTION))
    lucky = a_trial(9, {"input_px": 40}, 1.0, given.preset.seed)

    assert resolution.decide(given, pool([*maes, lucky])) == resolution.decide(given, pool(maes))


def test_a_table_shows_of_a_comparison_the_trainings_that_it_is_made_of() -> None:
    given = after_depth(preset_of(), 5.0)
    maes = by_side({28: (9.0,), 34: (9.5,), 40: (12.0,)}, fresh_seed(given.preset.seed, RESOLUTION))
    lucky = a_trial(9, {"input_px": 40}, 1.0, given.preset.seed)

    rows = resolution.table(given, pool([*maes, lucky]))
    assert rows == resolution.table(given, pool(maes))
    assert [(row["input_px"], row["validation_mae"], row["seeds"]) for row in rows] == [
        (28, 9.0, 1),
        (34, 9.5, 1),
        (40, 12.0, 1),
    ]


@drawn(st.lists(st.floats(5, 20), min_size=3, max_size=3))
def test_a_comparison_that_an_earlier_version_began_goes_on_and_claims_nothing(maes: list[float]) -> None:
    given = after_depth(preset_of(seeds=3), 9.0, 9.1, 9.2)
    old = by_side({px: (mae, mae + 0.1, mae + 0.2) for px, mae in zip((28, 34, 40), maes, strict=True)}, 0)
    feasible = {key(point): point for point in feasible_points(resolution, given)}
    decision = resolution.decide(given, pool(old, 3))

    assert not asked(resolution, given, old, feasible).new
    assert {seed for _, seed in asked(resolution, given, old[:4], feasible).new} <= set(range(3))
    allowed = min(maes) + given.preset.margin_months
    best = min(px for px, mae in zip((28, 34, 40), maes, strict=True) if round(mae - allowed, 9) <= 0)
    assert decision.architecture.seen_px(40) == best
    assert {(row.verdict, row.favoured, row.low, row.p_difference) for row in decision.findings.compared} == {
        ("not tested", "the reference", None, None)
    }


def test_where_all_sides_are_equal_the_own_one_is_not_decided_for_because_depth_was_lucky() -> None:
    """As the lucky of thirty trainings the network looked a month and a half better than it is."""
    changes, stayed = [], 0
    for repetition in range(200):
        rng = np.random.default_rng(repetition)
        trainings: dict[tuple[Architecture, int], float] = {}

        def mae(network: Architecture, seed: int, rng: np.random.Generator = rng, known: dict = trainings) -> float:  # type: ignore[type-arg]
            return float(known.setdefault((network, seed), TRUE_MONTHS + rng.normal(0, SEED_SD)))

        preset = preset_of(seeds=1, margin_months=0.0)
        trainings[preset.reference, preset.seed] = TRUE_MONTHS + float(rng.normal(0, SEED_SD, 30).min())
        given = after_depth(preset, trainings[preset.reference, preset.seed])
        feasible = {key(point): point for point in feasible_points(resolution, given)}
        new = asked(resolution, given, [], feasible).new
        trials = [
            a_trial(number, point, mae(resolution.architecture(given, point), seed), seed)
            for number, (point, seed) in enumerate(new)
        ]
        decided = resolution.decide(given, pool(trials))
        stayed += decided.architecture == preset.reference
        changes += [row.change for row in decided.findings.compared if row.change is not None]
    assert abs(fmean(changes)) < 0.25
    assert 0.2 < stayed / 200 < 0.47  # one of three


def test_refinement_takes_the_resolutions_network_up_although_it_was_trained_with_other_seeds() -> None:
    preset = preset_of(seeds=3, strategy="surrogate")
    given = after_depth(preset, 12.0, 12.1, 12.2)
    smaller, fresh = replace(preset.reference, input_px=28), fresh_seed(preset.seed, RESOLUTION)
    own = tuple(Training(smaller, a_trial(nth, {}, 6.0 + nth / 10, fresh + nth)) for nth in range(3))
    given = replace(
        given,
        decisions={**given.decisions, "resolution": Decision("", smaller)},
        trained=(*given.trained, *own),
    )
    feasible = feasible_points(refinement, given)
    [(point, seeds)] = belief.following(refinement, given, (), feasible, 0, refinement.lacking(given))

    assert refinement.architecture(given, point) == smaller
    assert seeds == 1  # which is begun with, and then has all of its seeds
    begun = [a_trial(0, point, 6.1, preset.seed)]
    again = asked(refinement, given, begun, {key(each): each for each in feasible})
    assert {seed for each, seed in again.new if each == point} == {preset.seed + 1, preset.seed + 2}


@pytest.mark.slow
def test_in_a_run_a_lucky_seed_of_the_search_decides_for_no_resolution(tmp_path: Path, tiny_store: Store) -> None:
    def lucky_at_the_own_side(job: Job) -> float:
        smaller_is_better = (job.architecture.input_px or 40) / 4
        return 10 + smaller_is_better - 0.1 * sum(job.architecture.blocks) - 8 * (job.seed < SEEDS)

    run = a_run(tmp_path / "run", tiny_store, preset_of(seeds=3, margin_months=0.1))
    executor = FormulaExecutor(by_seed=lucky_at_the_own_side)
    for name in ("ablation", "width", "depth"):
        run_study(run, tiny_store, name, lambda: executor, silent())
    own = FormulaExecutor(by_seed=lucky_at_the_own_side)
    decision = run_study(run, tiny_store, "resolution", lambda: own, silent())

    assert decision.architecture.input_px == 28
    study = load(open_storage(run.storage), "resolution", run.folder)
    assert study is not None
    fresh = fresh_seed(run.preset.seed, RESOLUTION)
    assert {trial.seed for trial in trials_of(study)} == {fresh, fresh + 1, fresh + 2}
    assert len(own.every) == 3 * 3  # nothing is taken over
    assert not any("copied_from" in trial.user_attrs for trial in study.get_trials(deepcopy=False))


@pytest.mark.slow
def test_a_run_whose_resolution_an_earlier_version_decided_keeps_that_and_goes_on(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mae(job: Job) -> float:
        return 20 - (job.architecture.input_px or 40) / 4 - 0.1 * sum(job.architecture.blocks) + job.seed % 3 / 10

    run = a_run(tmp_path / "run", tiny_store, preset_of(seeds=3, margin_months=0.1))
    executor = FormulaExecutor(by_seed=mae)
    for name in ("ablation", "width", "depth"):
        run_study(run, tiny_store, name, lambda: executor, silent())
    with monkeypatch.context() as earlier:
        earlier.setattr(engine, "RULES", engine.RULES - 1)
        earlier.setattr(resolution, "first_seed", lambda seed, *_: seed)
        earlier.setattr(resolution, "estimates", lambda rows, favoured: rows)
        before = run_study(run, tiny_store, "resolution", lambda: executor, silent())
    assert all(row.low is not None for row in before.findings.compared)

    later = FormulaExecutor(by_seed=mae)
    assert run_study(run, tiny_store, "resolution", lambda: later, silent()) == before
    assert not later.every
    run_study(run, tiny_store, "refinement", lambda: later, silent())
    assert {job.seed for job in later.every} <= set(range(run.preset.seed, run.preset.seed + SEEDS))
