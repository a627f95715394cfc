"""The decided network with its groups lowered, and without the sex: by seeds that have selected nothing, each trained once."""

from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy import stats
from searched import a_run, search

from data.store.disk import Store
from models.architecture import Architecture
from search.leader.engine import run_study
from search.planning.asking import asked, key
from search.planning.feasible import fitting
from search.planning.images import Images
from search.planning.plan import assumed, plan
from search.planning.time_left import to_come
from search.report.read import read
from search.report.rows import table1_rows
from search.report.sections import contents
from search.report.text import markdown
from search.report.words import answers, verdict_sentence
from search.storage.opening import open_storage
from search.storage.records import decisions, load, trials_of
from search.workers.job import Job
from studies import refinement
from studies.ablation import AblationFindings
from studies.around import confirmation, sex, winner
from studies.order import EVERY, STUDIES, following
from studies.preset import SEEDS, Preset
from studies.statistics.fresh import fresh_seed
from studies.study import Decision, Given, Study, Training, Trial, feasible_points, pool, seeds_of

IMAGES = Images(40, 13, 0, "counted", 0)
TRUE_MONTHS, SEED_SD = 12.0, 0.8
BOTH = (winner, sex)


def after_the_search(preset: Preset, *picked_by: float) -> Given:
    """The reference is the network that the search has picked, by these MAEs of its trainings."""
    last, first = Decision("", preset.reference), Decision("", preset.reference, AblationFindings())
    trained = tuple(
        Training(preset.reference, a_trial(number, {}, mae, preset.seed + number))
        for number, mae in enumerate(picked_by)
    )
    made = {"ablation": first, "width": last, "depth": last, "refinement": last}
    return Given(preset, made, 30.0, trained=trained)


def a_trial(number: int, point: dict[str, float | int | str], mae: float, seed: int) -> Trial:
    return Trial(number, point, "complete", mae, 1, (mae,), validation_mae_by_epoch=(mae,), seed=seed)


def wanted(module: Study, given: Given, trials: tuple[Trial, ...] = ()) -> set[int]:
    feasible = {key(point): point for point in feasible_points(module, given)}
    return {seed for _, seed in asked(module, given, trials, feasible).new}


@drawn(st.sampled_from(BOTH), st.integers(0, 10_000), st.integers(1, 3))
def test_both_sides_are_trained_with_the_confirmations_seeds(module: Study, seed: int, seeds: int) -> None:
    preset = replace(tiny_preset(), seed=seed, seeds=seeds, without_sex=True, ablate_winner=True)
    given = after_the_search(preset, *[9.0] * seeds)
    first = confirmation.fresh(preset).seed

    assert min(wanted(module, given)) == first >= seed + SEEDS
    assert max(wanted(module, given)) < first + SEEDS
    feasible = feasible_points(module, given)
    new = asked(module, given, (), {key(point): point for point in feasible}).new
    both = [{own for point, own in new if point == each} for each in feasible]
    assert all(set(range(first, first + seeds)) <= own for own in both)


def test_an_ablation_of_the_winner_that_an_earlier_version_began_goes_on_and_claims_nothing() -> None:
    preset = replace(tiny_preset(), seeds=3, ablate_winner=True)
    given, seeds = after_the_search(preset, 9.0, 9.1, 9.2), range(preset.seed, preset.seed + 3)
    every = [(point, seed) for point in feasible_points(winner, given) for seed in seeds]
    old = [a_trial(number, point, 10 + number / 7, seed) for number, (point, seed) in enumerate(every)]

    assert wanted(winner, given, tuple(old[:1])) <= set(range(preset.seed, preset.seed + SEEDS))
    rows = winner.decide(given, pool(old, 3)).findings.compared
    assert {(row.verdict, row.favoured, row.low) for row in rows} == {("not tested", "the reference", None)}
    assert all("optimistic for the reference" in verdict_sentence(row) for row in rows)
    assert not any("interval" in verdict_sentence(row) for row in rows)


def test_with_one_seed_the_winners_intervals_hold_the_luck_of_seeds_as_the_first_ablation_found_it() -> None:
    """A decided network with one group that can be lowered: two trainings tell nothing of seeds."""
    preset = replace(tiny_preset(), seeds=1, ablate_winner=True)
    one_step = replace(preset.reference, blocks=preset.reference.blocks._replace(mixed1=0, mixed5=1, mixed9=0))
    fresh = fresh_seed(preset.seed)

    def rows(found: AblationFindings) -> list[tuple[float | None, float | None]]:
        start = after_the_search(replace(preset, reference=one_step))
        start = replace(start, decisions={**start.decisions, "ablation": Decision("", one_step, found)})
        lowered = [point for point in feasible_points(winner, start) if point["variant"] != "baseline"]
        trials = [a_trial(0, {"variant": "baseline"}, 10.0, fresh), a_trial(1, lowered[0], 12.0, fresh)]
        assert len(lowered) == 1
        return [(row.low, row.high) for row in winner.decide(start, trials).findings.compared]

    assert rows(AblationFindings()) == [(None, None)]
    [(low, high)] = rows(AblationFindings(seed_sd_months=0.5, seed_sd_freedom=4.0))
    half = 0.5 * 2**0.5 * float(stats.t.isf(0.025, 4))
    assert (low, high) == pytest.approx((2 - half, 2 + half), abs=1e-3)


@pytest.mark.parametrize("module", [pytest.param(winner, marks=pytest.mark.slow), sex])
def test_where_nothing_matters_leaving_it_out_costs_nothing_on_average(module: Study) -> None:
    """The network is the luckiest of forty; by the trainings that picked it, what was taken away seemed to cost over a month."""
    preset = replace(tiny_preset(), seeds=3, without_sex=True, ablate_winner=True)
    changes, above = [], 0
    for repetition in range(150):
        rng = np.random.default_rng((repetition, 3))
        lucky = min((rng.normal(TRUE_MONTHS, SEED_SD, 3).tolist() for _ in range(40)), key=fmean)
        known: dict[tuple[Architecture, int], float] = {(preset.reference, n): mae for n, mae in enumerate(lucky)}
        given = after_the_search(preset, *lucky)
        feasible = {key(point): point for point in feasible_points(module, given)}
        trials = [
            a_trial(number, point, known.setdefault((network, seed), float(rng.normal(TRUE_MONTHS, SEED_SD))), seed)
            for number, (point, seed) in enumerate(asked(module, given, (), feasible).new)
            for network in [module.architecture(given, point)]
        ]
        rows = module.decide(given, pool(trials, seeds_of(module, given))).findings.compared
        assert rows
        changes += [row.change for row in rows if row.change is not None]
        above += sum(row.low is not None and row.low > 0 for row in rows)
    assert abs(fmean(changes)) < 0.2
    assert above <= 0.06 * len(changes)  # 2.5 % are promised; within chance


def test_the_sex_is_compared_only_where_that_is_asked_for_and_the_network_is_told_it() -> None:
    preset = replace(tiny_preset(), without_sex=True)
    last = list(STUDIES)[-1]
    assert sex.NAME in following(last, preset)
    assert sex.NAME not in following(last, tiny_preset())
    untold = after_the_search(replace(preset, reference=replace(preset.reference, sex_units=0)))
    assert not sex.propose(untold, []).points
    assert "does not use the sex" in sex.decide(untold, []).summary

    given = after_the_search(preset)
    failed = Trial(1, {"sex_units": 0}, "failed", seed=fresh_seed(preset.seed))
    told = a_trial(0, {"sex_units": preset.reference.sex_units}, 9.0, fresh_seed(preset.seed))
    assert sex.decide(given, [told, failed]).findings.compared == ()


@settings(max_examples=20)
@drawn(st.booleans(), st.booleans(), st.integers(0, 1), st.integers(1, 6), st.integers(1, 6))
def test_a_plan_and_the_time_left_count_each_training_after_the_search_once(
    ablate: bool, without: bool, confirm: int, seeds: int, confirm_seeds: int
) -> None:
    preset = replace(
        tiny_preset(),
        ablate_winner=ablate,
        without_sex=without,
        confirm=confirm,
        seeds=seeds,
        confirm_seeds=confirm_seeds,
    )
    given = after_the_search(preset)
    planned = plan(preset, IMAGES, assumed(IMAGES), decisions=given.decisions).studies
    after = {one.study: one.trials for one in planned}
    assert list(after) == following(list(STUDIES)[-1], preset)
    apart = {
        module.NAME: {
            (module.architecture(given, point), seed)
            for point, seed in asked(module, given, (), {key(p): p for p in feasible_points(module, given)}).new
        }
        for module in BOTH
        if module.NAME in after
    }
    confirmed = {(preset.reference, fresh_seed(preset.seed) + n) for n in range(confirm_seeds)} if confirm else set()
    assert sum(after.values()) == len(confirmed.union(*apart.values()))

    before = replace(given, decisions={name: given.decisions[name] for name in ("ablation", "width", "depth")})
    left = [training for some in to_come("refinement", before, fitting(refinement, before)) for training in some]
    assert len(left) == len(set(left)) >= len(confirmed) + seeds * (ablate + without)


@pytest.mark.slow
def test_a_run_trains_what_was_planned_after_it_and_says_what_the_sex_is_worth(
    tmp_path: Path, tiny_store: Store
) -> None:
    def lucky(job: Job) -> float:
        """The search's seeds are lucky by five months, and the sex is worth two."""
        fresh = job.seed >= SEEDS
        return deeper_is_better(job.architecture) + 5 * fresh + 2 * (not job.architecture.sex_units) + job.seed % 3 / 10

    preset = replace(tiny_preset(), seeds=3, without_sex=True, ablate_winner=True, equivalence_months=1.0)
    run = search(a_run(tmp_path / "run", tiny_store, preset), tiny_store, FormulaExecutor(by_seed=lucky))
    storage = open_storage(run.storage)
    made = decisions(storage, run.folder, STUDIES)
    trials = {name: trials_of(study) for name in STUDIES if (study := load(storage, name, run.folder)) is not None}
    planned = {one.study: one.trials for one in plan(preset, IMAGES, assumed(IMAGES), 1, False, made, trials).studies}
    trained = {}
    for name in following(list(STUDIES)[-1], preset):
        executor = FormulaExecutor(by_seed=lucky)
        decision = run_study(run, tiny_store, name, lambda executor=executor: executor, silent())
        trained[name] = len(executor.every)
        if name == sex.NAME:
            [row] = decision.findings.compared

    assert trained == planned
    assert trained[sex.NAME] == 3  # the other side is the confirmation's
    assert row.change == pytest.approx(2)  # and not seven
    assert row.verdict == "worse"
    report = read(run)
    good = next(one for one in answers(report) if one.question == "How good?")
    assert "Without the sex the decided network is 2.00 months worse, by fresh seeds on both sides." in good.details
    assert "Final, without the sex" in [one["network"] for one in table1_rows(report)]
    made_of_it = contents(report)
    assert {"Sex", "Winner"} <= dict(made_of_it.sections).keys()  # what they compared
    assert all(EVERY[name].QUESTION[1:] in markdown(made_of_it) for name in trained)
