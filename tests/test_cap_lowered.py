"""A cap that is lower than when networks were trained: no study decides for what is over it now, and one sentence says where nothing fits."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given, settings
from hypothesis import strategies as st
from searched import a_run, search

from data.store.disk import Store
from models.architecture import Architecture
from models.cost import cost
from search.leader.engine import run_study
from search.run import Run
from search.storage import records
from search.storage.opening import open_storage
from search.storage.records import decisions, load, trials_of
from search.storage.settings import read_settings
from search.storage.sqlite import sqlite_url
from studies.deciding import decided
from studies.order import EVERY, STUDIES
from studies.preset import StudyError
from studies.study import Given, Trial, pool, seeds_of

CHOOSING = [name for name in ("baseline", *STUDIES, "resolution") if not EVERY[name].COMPARES]
Trained = Mapping[tuple[str, str], tuple[Given, list[Trial]]]  # by strategy and study


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Trained:
    """Whole searches, with what each of their studies was given and has trained."""
    found = {}
    for strategy in ("paper", "surrogate"):
        wide = replace(tiny_preset(), reference=replace(tiny_preset().reference, beta=0.125), max_params=10**6)
        preset = replace(wide, strategy=strategy, confirm=0, px_choices=(36, 40), families=("inception_v3", "xception"))
        run = a_run(tmp_path_factory.mktemp(strategy), tiny_store, preset)
        for name in ("baseline", "ablation", "width", "depth", "resolution", "refinement"):
            run_study(run, tiny_store, name, lambda: FormulaExecutor(larger_is_better), silent())
            study = load(open_storage(run.storage), name, run.folder)
            assert study is not None
            started = records.given(run, study)
            found[strategy, name] = started, pool(trials_of(study), seeds_of(EVERY[name], started))
    return found


@pytest.mark.slow
@settings(max_examples=60)
@given(strategy=st.sampled_from(["paper", "surrogate"]), name=st.sampled_from(CHOOSING), place=st.integers(0, 200))
def test_no_study_decides_for_a_network_over_todays_cap(trained: Trained, strategy: str, name: str, place: int) -> None:
    """Whatever cap: one just below each of the networks that were trained, from the largest to the smallest."""
    module, (started, trials) = EVERY[name], trained[strategy, name]
    sizes = sorted({started.cost(module.architecture(started, trial.point)).params for trial in trials})
    most = sizes[place % len(sizes)] - 1
    lower = replace(started, preset=replace(started.preset, max_params=most, refine_max_params=most))
    cap = module.max_params(lower)
    if not any(lower.fits(module.architecture(lower, trial.point), cap) for trial in trials if trial.finished):
        if name in ("width", "depth", "refinement") and strategy == "surrogate":
            return  # what a study before it has trained may still fit
        with pytest.raises(StudyError, match=f"no network that {name} has trained fits {most:,} parameters now: raise"):
            decided(module, lower, trials)
        return
    made = decided(module, lower, trials)

    assert lower.cost(made.architecture).params <= most
    assert all(one.params <= most for one in made.findings.front)


@pytest.mark.slow
def test_by_the_papers_strategy_a_lower_cap_narrows_the_decided_width_and_depth_starts_from_it(
    tmp_path_factory: pytest.TempPathFactory, tiny_store: Store
) -> None:
    run = a_run(tmp_path_factory.mktemp("run"), tiny_store, replace(tiny_preset(), strategy="paper"))
    search(run, tiny_store, studies=2)
    before = of_width(run)
    lower = replace(run, preset=replace(run.preset, max_params=before - 1000))
    run_study(lower, tiny_store, "width", FormulaExecutor, silent())
    executor = FormulaExecutor()
    run_study(lower, tiny_store, "depth", lambda: executor, silent())

    assert of_width(lower) < before
    assert max(cost_of(network) for network in executor.seen) < before


def of_width(run: Run) -> int:
    return cost_of(decisions(open_storage(run.storage), run.folder)["width"].architecture)


def larger_is_better(network: Architecture) -> float:
    return 40 - cost_of(network) / 20_000


def cost_of(network: Architecture) -> int:
    return cost(network, tiny_preset().preparation.image_px).params


def test_a_baseline_over_the_cap_is_refused_before_its_variants_are_trained_or_anything_is_recorded(
    tmp_path: Path, tiny_store: Store
) -> None:
    """The smaller variants fit, but would be compared with nothing."""
    reference = tiny_preset().reference
    params = cost(reference, tiny_store.image_px).params
    executor = FormulaExecutor()
    run = Run(
        tmp_path,
        replace(tiny_preset(), max_params=params - 1),
        {},
        str(tiny_store.path),
        sqlite_url(tmp_path / "studies.db"),
    )

    with pytest.raises(
        StudyError, match=f"does not fit {params - 1:,} parameters: it has {params:,}; raise --max-params"
    ):
        run_study(run, tiny_store, "ablation", lambda: executor, silent())

    assert not executor.seen
    assert "preset" not in read_settings(tmp_path)


@pytest.mark.slow
def test_the_winner_may_have_what_the_refinements_own_cap_allows(tmp_path: Path, tiny_store: Store) -> None:
    preset = replace(tiny_preset(), ablate_winner=True, confirm=0, max_params=45_000, refine_max_params=100_000)
    run = search(a_run(tmp_path, tiny_store, preset), tiny_store, FormulaExecutor(larger_is_better))
    decided_for = decisions(open_storage(run.storage))["refinement"].architecture
    assert cost(decided_for, tiny_store.image_px).params > preset.max_params

    run_study(run, tiny_store, "winner", lambda: FormulaExecutor(larger_is_better), silent())
