"""How long a search may still take: an upper bound on what the studies' own rules would train; and which trial begins first."""

import heapq
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_preset
from formula import PER_MAC, FormulaExecutor, Timed, macs, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from data.store.disk import Store
from search.leader.engine import run_study
from search.leader.timings import history
from search.output.time_words import error_words, left_words
from search.planning.asking import asked
from search.planning.feasible import fitting
from search.planning.time_left import (
    as_trained,
    confirming,
    dearest,
    makespan,
    rounds,
    seconds,
    surely,
    to_come,
    trained_in_full,
)
from search.run import Run
from search.show.tables import status_lines
from search.storage.opening import open_storage, sqlite_url
from search.storage.records import load, trials_of
from search.storage.status import status
from search.workers.job import Job
from studies.order import EVERY, STUDIES, preset_of
from studies.preset import Preset
from studies.presets import PRESETS
from studies.statistics.fresh import fresh_seed
from studies.study import Decision, Given, Trial


def a_run(folder: Path, store: Store, preset: Preset | None = None) -> Run:
    return Run(folder, preset or tiny_preset(), {}, str(store.path), sqlite_url(folder / "studies.db"))


Foretold = list[tuple[float, dict[str, Any]]]  # after how many seconds of training what was foretold


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> tuple[Run, Foretold, list[str]]:
    """A whole search by one worker, what was foretold on the way, and what was said."""
    run = a_run(tmp_path_factory.mktemp("searched"), tiny_store, replace(tiny_preset(), confirm=0))
    executor, found, said = Timed(), [], []
    for number, name in enumerate(STUDIES):

        def listen(sentence: str, number: int = number) -> None:
            said.append(sentence)
            found.append((executor.spent, status(run)[number]["timing"]))

        run_study(run, tiny_store, name, lambda: executor, replace(silent(), said=listen))
    return run, [*found, (executor.spent, status(run)[-1]["timing"])], said


Searched = tuple[Run, Foretold, list[str]]


@pytest.mark.slow
def test_a_search_never_takes_longer_than_was_foretold(searched: Searched) -> None:
    """By one worker, and with times that are exactly as MACs foretell: only what will be tried is unknown."""
    _, found, _ = searched
    end, last = found[-1]

    assert len(found) > 15
    for spent, timing in found:
        assert 0 <= timing["seconds_left"] <= timing["search_seconds_left"]
        assert timing["search_seconds_left"] >= (end - spent) * 0.999
    assert last["search_seconds_left"] == 0


def test_what_was_foretold_last_is_shown_with_its_error(searched: Searched) -> None:
    run, _, said = searched
    timings = [entry["timing"] for entry in status(run)]
    counts = [timing["epoch_seconds_predicted"] for timing in timings]

    assert counts == sorted(set(counts))
    assert timings[-1]["epoch_seconds_error"] == pytest.approx(0, abs=1e-3)
    assert said[-1] == error_words(timings[-1])
    assert said[-1] in status_lines(status(run), None)
    assert left_words("refinement", timings[-1]) == ""


def test_a_stopped_search_shows_what_is_left_and_goes_on_with_the_times_it_knows(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = a_run(tmp_path, tiny_store)
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "ablation", lambda: Timed(stop_after=2), silent())
    stopped = status(run)
    said: list[str] = []
    run_study(run, tiny_store, "ablation", Timed, replace(silent(), said=said.append))

    words = left_words("ablation", stopped[0]["timing"])
    assert " left for ablation, " in words
    assert any(line.startswith(words) for line in status_lines(stopped, "ablate"))
    assert said[0] == words  # before anything has ended in this command


def test_trials_that_are_yet_to_be_adopted_count_in_full(tmp_path: Path, tiny_store: Store) -> None:
    """A command with one worker goes on with what three had begun."""
    run = a_run(tmp_path, tiny_store)
    run_study(run, tiny_store, "ablation", Timed, silent())
    seeded = replace(run, preset=replace(run.preset, seeds=3))
    with pytest.raises(KeyboardInterrupt):
        run_study(seeded, tiny_store, "ablation", lambda: Timed(workers=3, stop_after=2), silent())
    executor, found = Timed(), []

    def listen(sentence: str) -> None:
        found.append((executor.spent, status(run)[0]["timing"]["seconds_left"]))

    run_study(seeded, tiny_store, "ablation", lambda: executor, replace(silent(), said=listen))

    assert len(found) > 3
    assert all(left >= (executor.spent - spent) * 0.999 for spent, left in found)


def test_results_taken_over_are_no_measurements(searched: Searched) -> None:
    run, _, _ = searched
    storage = open_storage(run.storage)
    trials = [trial for name in STUDIES if (study := load(storage, name)) for trial in study.trials]
    copied = [trial for trial in trials if "copied_from" in trial.user_attrs]
    measured = history(storage)

    assert copied
    assert len(measured) == sum(trial.state.name == "COMPLETE" for trial in trials) - len(copied)
    assert {timed.workers for timed in measured} == {1}
    for timed in measured:
        assert timed.seconds == pytest.approx(PER_MAC * timed.macs, rel=1e-3)


@pytest.mark.parametrize("name", ["cpu", "demo", "miniature", "default"])
@pytest.mark.parametrize("drop_useless", [False, True])
def test_every_preset_ends_and_has_work_for_each_study(name: str, drop_useless: bool) -> None:
    preset = replace(PRESETS[name](), drop_useless=drop_useless, without_sex=True, objective=("mae", "macs"))
    started = Given(preset, {}, 40.0)
    later = to_come("ablation", started, fitting(STUDIES["ablation"], started))

    *searched, confirmation, untold, rest = later
    assert len(set(confirmation)) == preset.confirm * preset.confirm_seeds
    assert [network.sex_units for network, _ in untold] == [0]  # the network that is told it is the confirmation's
    assert rest == []
    trainings = [training for found in searched for training in found]
    most = len(preset.width_factors) + preset.depth_trials + 3 + len(preset.fc_choices) + len(preset.dropouts)
    assert preset.depth_trials < len(trainings) <= most
    cap = max(preset.max_params, preset.refine_max_params)
    assert max(started.cost(network).params for network, _ in trainings) <= cap


def test_while_the_families_are_compared_the_studies_after_that_are_counted_from_the_dearest_of_them() -> None:
    families = ("inception_v3", "xception")
    preset = replace(PRESETS["cpu"](), families=families)
    started = Given(preset, {}, 40.0)
    feasible = fitting(EVERY["baseline"], started)
    later = to_come("baseline", started, feasible)

    networks = [EVERY["baseline"].architecture(started, point) for point in feasible.values()]
    most = max(networks, key=lambda network: started.cost(network).macs)
    alone = Given(replace(preset, reference=most, begun_with=preset.reference, depth_start=()), {}, 40.0)
    first = fitting(STUDIES["ablation"], alone)
    assert later == [*rounds("ablation", alone, [], first), *to_come("ablation", alone, first)]
    assert {network.family for found in later for network, _ in found} == {most.family}


@given(seeds=st.integers(1, 3), confirm_seeds=st.integers(1, 3), beta=st.sampled_from([0.0625, 0.0875]))
@settings(max_examples=10)
def test_while_the_decided_network_is_confirmed_its_own_ablation_is_still_to_come(
    seeds: int, confirm_seeds: int, beta: float
) -> None:
    """With the fresh seeds, of which the confirmation trains those of the decided network itself."""
    preset = replace(tiny_preset(), ablate_winner=True, seeds=seeds, confirm_seeds=confirm_seeds)
    decided = Decision("", replace(preset.reference, beta=beta))
    under_way = Given(preset_of("confirmation", preset), {"refinement": decided}, 30.0)
    later = to_come("confirmation", under_way, {}, preset=preset)
    confirmed = as_trained(confirming(preset, decided.architecture)[:confirm_seeds])
    asked_for = Given(preset, {"refinement": decided}, 30.0, trained=confirmed)

    assert later == rounds("winner", asked_for, [], fitting(EVERY["winner"], asked_for))
    assert any(later)
    assert {seed for found in later for _, seed in found} >= {fresh_seed(preset.seed)}
    assert to_come("winner", asked_for, {}) == []
    assert to_come("confirmation", under_way, {}, preset=replace(preset, ablate_winner=False)) == []


@pytest.mark.parametrize("resolve", [0, 12])
def test_with_resolve_every_seed_may_be_spent(resolve: int) -> None:
    preset = replace(tiny_preset(), resolve=resolve)
    started = Given(preset, {}, 30.0)
    [found, rest] = rounds("ablation", started, [], fitting(STUDIES["ablation"], started))

    assert rest == []
    variants = len(STUDIES["ablation"].propose(started, []).points) - 1
    seeds = max(resolve, 1)
    assert len(found) == len(set(found)) == variants * seeds + preset.reference_seeds(seeds, variants)


def test_depth_counts_its_trials_at_the_dearest_networks_and_one_after_the_other_where_the_sampler_must_wait() -> None:
    started = Given(replace(tiny_preset(), strategy="paper", depth_trials=4, depth_extra=3), {}, 30.0)
    ablation = fitting(STUDIES["ablation"], started)
    beside, alone = (to_come("ablation", started, ablation, deterministic) for deterministic in (False, True))

    assert sum(map(len, beside)) == sum(map(len, alone))
    assert len(alone) == len(beside) + 2  # three sampled at once, or in turn
    sizes = [macs(network) for found in beside for network, _ in found]
    assert max(sizes) > macs(tiny_preset().reference)


def test_a_training_that_was_surely_made_before_takes_no_time() -> None:
    preset = replace(tiny_preset(), seeds=3)
    started = Given(preset, {}, 30.0)
    ablation = fitting(STUDIES["ablation"], started)
    decided = dearest("ablation", started, ablation)
    alone = replace(started, decisions={"ablation": decided})
    after = replace(alone, trained=surely("ablation", started, [], ablation))
    feasible = fitting(STUDIES["width"], alone)
    first, with_reference = (rounds("width", given, [], feasible)[0] for given in (after, alone))

    assert set(with_reference) - set(first) == {(preset.reference, seed) for seed in range(3)}
    assert seconds([first], lambda _: 2.0, 5, 1) == len(first) * 10.0


@pytest.mark.parametrize("seeds", [1, 3])
def test_while_points_run_and_after_them_the_search_counts_what_is_paid_and_not_what_is_taken_over(seeds: int) -> None:
    """From any number of the first trainings on, what was trained and what is left are as many as from the beginning."""
    preset = replace(tiny_preset(), seeds=seeds)
    started = Given(preset, {}, 30.0)
    ablation = fitting(STUDIES["ablation"], started)
    decisions = {"ablation": dearest("ablation", started, ablation)}
    given = replace(started, decisions=decisions, trained=surely("ablation", started, [], ablation))
    feasible = fitting(STUDIES["width"], given)
    whole = sum(map(len, rounds("width", given, [], feasible)))
    asked_for = asked(STUDIES["width"], given, [], feasible).new
    copies = sum(
        (STUDIES["width"].architecture(given, point), seed) in trained_in_full(given) for point, seed in asked_for
    )

    assert copies == seeds
    assert whole == (preset.width_trials + 1) * seeds - 1
    for state in ("running", "complete"):
        begun = [
            Trial(number, point, state, 9.0 if state == "complete" else None, seed=seed)
            for number, (point, seed) in enumerate(asked_for)
            if (STUDIES["width"].architecture(given, point), seed) not in trained_in_full(given) or state == "complete"
        ]
        left = sum(map(len, rounds("width", given, begun, feasible)))
        assert left + len(asked_for) - copies == whole


jobs = st.lists(st.integers(1, 1000), min_size=1, max_size=7)
workers = st.integers(1, 4)


def shortest(jobs: Sequence[int], workers: int) -> int:
    """By trying every assignment."""
    reached = {(0,) * workers}
    for job in jobs:
        reached = {
            tuple(sorted((*loads[:one], loads[one] + job, *loads[one + 1 :])))
            for loads in reached
            for one in range(workers)
        }
    return min(max(loads) for loads in reached)


@given(jobs, workers)
def test_longest_first_is_within_grahams_bound_of_the_shortest(jobs: list[int], workers: int) -> None:
    best = shortest(jobs, workers)

    assert best <= makespan(sorted(jobs, reverse=True), workers) <= (4 / 3 - 1 / (3 * workers)) * best + 1e-9


@given(jobs, workers)
def test_a_makespan_is_that_of_workers_who_take_the_next_job_when_free(jobs: list[int], workers: int) -> None:
    ends: list[int] = []
    for job in jobs:
        busy = heapq.nlargest(workers, ends)
        ends.append(job + (busy[-1] if len(busy) == workers else 0))

    assert makespan(jobs, workers) == max(ends)
    assert max(max(jobs), sum(jobs) / workers) <= makespan(jobs, workers) <= sum(jobs)


def test_longest_first_is_sooner_in_most_cases_and_on_the_whole() -> None:
    """Not always: the order given may be the best by chance."""
    chance = np.random.default_rng(0)
    lists = [chance.uniform(1, 2, 10).tolist() for _ in range(500)]
    gained = [1 - makespan(sorted(jobs, reverse=True), 4) / makespan(jobs, 4) for jobs in lists]

    assert np.mean(np.array(gained) >= 0) > 0.7
    assert np.mean(gained) > 0.02


@pytest.mark.parametrize("workers", [1, 3])
def test_the_longest_of_a_seed_begins_first_and_every_trial_keeps_its_number(
    tmp_path: Path, tiny_store: Store, workers: int
) -> None:
    preset = replace(tiny_preset(), seeds=2)
    run = a_run(tmp_path, tiny_store, preset)
    executor = FormulaExecutor(workers=workers)
    run_study(run, tiny_store, "ablation", lambda: executor, silent())
    study = load(open_storage(run.storage), "ablation")
    assert study is not None

    begun = [(job.seed, -macs(job.architecture)) for job in executor.every]
    assert begun == sorted(begun)
    wanted = STUDIES["ablation"].propose(Given(preset, {}, 30.0), [])
    seeds = wanted.seeds or [2] * len(wanted.points)  # the baseline has more than a variant
    assert [(trial.point["variant"], trial.seed) for trial in trials_of(study)] == [
        (point["variant"], seed)
        for seed in range(max(seeds))
        for point, count in zip(wanted.points, seeds, strict=True)
        if seed < count
    ]
    assert numbers(executor.every) != sorted(numbers(executor.every))


def numbers(every: list[Job]) -> list[int]:
    return [job.number for job in every]
