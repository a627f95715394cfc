"""The baseline study: families side by side at one size, and what the other studies go on from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from data.store.disk import Store
from models.architecture import BETA, Architecture, ArchitectureError, TooNarrowError, changed
from models.cost import cost
from models.families import FAMILIES
from search.leader.engine import run_study
from search.planning.images import Images
from search.planning.plan import assumed, plan
from search.report.page import html
from search.report.read import read
from search.report.sections import contents
from search.run import Run, gone_on_from, open_run, record
from search.storage.settings import derive
from search.storage.sqlite import sqlite_url
from search.storage.status import next_command, status
from search.workers.job import Job
from studies.around import baseline
from studies.order import STUDIES
from studies.preset import Preset, StudyError
from studies.presets import PRESETS
from studies.study import Given, Trial, pool

IMAGES = Images(40, 13, 0, "counted", 0)


def a_given(**fields: object) -> Given:
    return Given(derive(PRESETS["cpu"](), fields), {}, 30.0)


def a_trial(number: int, variant: str, mae: float, seed: int = 0) -> Trial:
    return Trial(number, {"variant": variant}, "complete", mae, 1, (mae,), seed=seed)


@given(
    name=st.sampled_from(list(FAMILIES)),
    params=st.integers(40_000, 10**7),
    beta=st.floats(0.1, 2).map(lambda b: round(b, 4)),
)
@settings(max_examples=40, deadline=None)
def test_the_matched_width_is_the_largest_that_has_no_more_parameters(name: str, params: int, beta: float) -> None:
    own = changed(Architecture(beta=beta), {"family": name})

    try:
        found = baseline.matched(own, params, 100)
    except TooNarrowError:
        return
    except ArchitectureError:  # even the narrowest has more
        assert cost(replace(own, beta=0.0313), 100).params > params
        return
    assert cost(found, 100).params <= params
    if found.beta < BETA.high:
        assert cost(replace(found, beta=round(found.beta + 1e-4, 4)), 100).params > params
    assert replace(found, beta=beta) == own  # nothing else is changed
    assert found.beta == round(found.beta, 4)


def test_every_family_is_there_at_its_own_size_and_at_the_references() -> None:
    given = a_given()
    variants = [str(variant) for variant in baseline.space(given)["variant"]]
    networks = [baseline.network(given, variant) for variant in variants]

    assert {network.family for network in networks} == set(FAMILIES)
    assert len(set(networks)) == len(networks) == 2 * len(FAMILIES) - 1  # the reference is both
    assert given.preset.reference in networks
    wanted = given.cost(given.preset.reference).params
    for variant in variants:
        if baseline.is_alike(given, variant):
            assert 0.9 * wanted < given.cost(baseline.network(given, variant)).params <= wanted


def test_the_best_at_the_same_size_is_decided_for_and_the_cheapest_of_a_tie() -> None:
    given = a_given(families=("inception_v3", "xception", "resnet50"), margin_months=0.5)
    macs = {
        family: given.cost(baseline.network(given, family + baseline.SAME_SIZE)).macs
        for family in given.preset.families
    }
    # At its own size a family may be better: it is larger or smaller, so that decides nothing.
    larger = [a_trial(3, "xception", 1.0), a_trial(4, "resnet50", 1.0)]

    def decided(inception: float, xception: float, resnet: float) -> str:
        alike = [
            a_trial(0, "inception_v3", inception),
            a_trial(1, "xception same size", xception),
            a_trial(2, "resnet50 same size", resnet),
        ]
        return baseline.decide(given, [*alike, *larger]).architecture.family

    assert decided(10, 12, 11) == "inception_v3"
    assert decided(12, 11, 10) == "resnet50"
    assert decided(10.4, 10, 10.3) == min(macs, key=lambda family: macs[family])
    failed = [
        replace(a_trial(0, "inception_v3", 1), state="failed", validation_mae=None),
        a_trial(1, "xception same size", 20),
    ]
    assert baseline.decide(given, failed).architecture.family == "xception"
    with pytest.raises(StudyError, match="no family could be trained"):
        baseline.decide(given, failed[:1])


def test_a_family_most_of_whose_seeds_failed_is_not_decided_for_by_those_that_are_left() -> None:
    given = a_given(families=("inception_v3", "xception"), seeds=3)
    lucky = [a_trial(3, "xception same size", 11.2)]
    lucky += [
        replace(a_trial(3 + seed, "xception same size", 0, seed), state="failed", validation_mae=None)
        for seed in (1, 2)
    ]
    trained = [a_trial(seed, "inception_v3", 12 + seed / 10, seed) for seed in range(3)]

    decision = baseline.decide(given, pool([*trained, *lucky], 3))

    assert decision.architecture.family == "inception_v3"
    with pytest.raises(StudyError, match="no family could be trained"):
        baseline.decide(given, pool(lucky, 3))


def test_a_family_that_cannot_have_the_runs_widths_is_named() -> None:
    given = a_given(families=("efficientnet_b0",), beta=0.1, width_factors=(0.4, 1.0))

    with pytest.raises(StudyError, match=r"efficientnet_b0: .*leave it out with --families"):
        baseline.space(given)


@pytest.mark.parametrize(
    "families", [("vgg",), ("xception", "xception"), ["xception"], "xception", (["xception"],), (1,), None]
)
def test_families_that_there_are_not_are_refused(families: object) -> None:
    with pytest.raises(StudyError, match="families"):
        replace(tiny_preset(), families=families)  # type: ignore[arg-type]


def xception_is_best(job: Job) -> float:
    return 20 - 5 * (job.architecture.family == "xception") - sum(job.architecture.blocks) / 10 + 0.1 * (job.seed % 3)


@pytest.fixture(scope="module")
def searched(tiny_store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, FormulaExecutor]:
    """A run whose baseline is decided, and the first study after it."""
    folder = tmp_path_factory.mktemp("families")
    preset = small(tiny_preset())
    widths = {"width_factors": preset.width_factors}  # not those of the preset that it is derived from
    begun = Run(folder, preset, widths, str(tiny_store.path), sqlite_url(folder / "studies.db"))
    record(begun)
    executor = FormulaExecutor(by_seed=xception_is_best)
    decision = run_study(begun, tiny_store, "baseline", lambda: executor, silent())
    run = gone_on_from(begun, decision.architecture)
    run_study(run, tiny_store, "ablation", lambda: executor, silent())
    return run, executor


def small(preset: Preset) -> Preset:
    reference = replace(preset.reference, beta=0.1)
    return replace(preset, reference=reference, families=("inception_v3", "xception"), seeds=3, max_params=10**6)


@pytest.mark.slow
def test_the_other_studies_go_on_with_the_decided_family_and_its_training(
    searched: tuple[Run, FormulaExecutor],
) -> None:
    run, executor = searched
    trained = [(job.architecture, job.seed) for job in executor.every]

    assert run.preset.reference.family == "xception"
    assert len(set(trained)) == len(trained)  # the ablation's reference was trained by the baseline
    assert {network.family for network, _ in trained if network.blocks != run.preset.reference.blocks} <= {
        "xception",
        "inception_v3",
    }
    first = status(run)[0]
    assert (first["name"], first["state"]) == ("baseline", "decided")
    assert [verdict["variant"] for verdict in first["decision"]["findings"]["comparisons"]] == [
        "xception instead of inception_v3",
        "xception same size instead of inception_v3",
    ]
    assert str(next_command(run, status(run))).startswith("boneage-search width ")


def test_a_decided_baseline_stands_when_it_is_asked_for_again(
    searched: tuple[Run, FormulaExecutor], tiny_store: Store
) -> None:
    run, executor = searched
    before = len(executor.every)

    again = run_study(run, tiny_store, "baseline", lambda: executor, silent())
    assert again.architecture == run.preset.reference
    assert len(executor.every) == before


def test_a_run_remembers_what_it_began_with_and_what_was_decided(searched: tuple[Run, FormulaExecutor]) -> None:
    run, _ = searched
    written = json.loads((run.folder / "run.json").read_text())

    assert Architecture.from_dict(written["begun_with"]) == run.preset.begun_with
    assert written["overrides"]["family"] == "xception"
    assert open_run(run.folder, None, {}, None, None).preset.reference.family == "xception"


@pytest.mark.parametrize("value", [None, 3, [], {}, {"beta": "wide"}, {"stem_pools": [], "blocks": {}}])
def test_a_damaged_beginning_is_refused_with_the_file(value: object, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"preset": "demo", "begun_with": value}))

    with pytest.raises(ValueError, match=r"run\.json cannot be used"):
        open_run(tmp_path, None, {}, None, None)


def test_the_report_shows_the_baseline_first(searched: tuple[Run, FormulaExecutor]) -> None:
    run, _ = searched
    page = html(contents(read(run)))

    assert "From which family of networks should the search start?" in page
    assert page.index("0 baseline: From which") < page.index("1 ablation: Which")
    assert "xception same size" in page


def test_a_run_without_families_has_no_baseline(tmp_path: Path) -> None:
    record(open_run(tmp_path, "demo", {}, None, None))

    assert [each["name"] for each in status(open_run(tmp_path, None, {}, None, None))] == list(STUDIES)
    assert "begun_with" not in json.loads((tmp_path / "run.json").read_text())


def test_caps_that_leave_no_family_to_decide_for_are_said_before_a_training(tmp_path: Path, tiny_store: Store) -> None:
    """A family may fit at its own size, and not with as many parameters as the reference, by which is decided."""
    families = ("efficientnet_b0", "resnet50")
    wide = replace(small(tiny_preset()), families=families)
    started = Given(wide, {}, 30.0)
    every = {
        str(variant): started.cost(baseline.network(started, str(variant))).macs
        for variant in baseline.space(started)["variant"]
    }
    least = min(macs for variant, macs in every.items() if baseline.may_decide(started, {"variant": variant}))
    preset = replace(wide, max_macs=least - 1)
    assert min(every.values()) < least
    begun = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    executor = FormulaExecutor()
    says = f"no network that baseline may decide for fits .* {least - 1:,} MACs; raise --max-params or --max-macs"

    with pytest.raises(StudyError, match=says):
        run_study(begun, tiny_store, "baseline", lambda: executor, silent())
    with pytest.raises(StudyError, match=says):
        plan(preset, IMAGES, assumed(IMAGES))
    assert executor.every == []
