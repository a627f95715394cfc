"""The resolution study: one network at several sides of one store, and what the refinement goes on from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given as drawn
from hypothesis import strategies as st

from data.store.disk import Store
from models.architecture import Architecture
from search.cli import main
from search.compare.compare import own_seeds, run_all
from search.compare.curves import Curve, Request
from search.compare.replay import play
from search.compare.rivals.enumerated import CompoundScaling
from search.compare.staged import Staged
from search.leader.engine import run_study
from search.planning.feasible import fitting
from search.planning.images import ASSUMED, Images
from search.planning.plan import assumed, plan
from search.planning.time_left import to_come
from search.report.page import html
from search.report.read import read
from search.report.sections import contents
from search.report.text import markdown
from search.run import Run, open_run, record
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.sqlite import sqlite_url
from search.storage.status import next_command, status
from search.trained.choose import of_trial
from studies import depth, joint, refinement, resolution
from studies.ablation import AblationFindings
from studies.knowledge import belief
from studies.order import EVERY, STUDIES, stages, study_name, to_run
from studies.preset import Preset, StudyError
from studies.study import Decision, Given, Point, Training, Trial, feasible_points, points

SIDES = (28, 34)  # of the store's 40
IMAGES = Images(100, 20, 10, ASSUMED, 40)
RATE = assumed(IMAGES)


def preset_of(**changes: object) -> Preset:
    return replace(tiny_preset(), px_choices=SIDES, confirm=0, **changes)  # type: ignore[arg-type]


def after_depth(preset: Preset, network: Architecture | None = None) -> Given:
    decided = Decision("", network or preset.reference)
    first = Decision("", preset.reference, AblationFindings())
    return Given(preset, {"ablation": first, "width": decided, "depth": decided}, 30.0)


def a_trial(number: int, px: int, mae: float, state: str = "complete") -> Trial:
    return Trial(number, {"input_px": px}, state, mae if state == "complete" else None, 1, (mae,))


def larger_is_better(network: Architecture) -> float:
    return 20 - (network.input_px or 40) / 4 - 0.1 * sum(network.blocks) - bool(network.fc_units)


# what it asks and decides


def test_the_networks_own_resolution_is_among_the_sides_and_is_its_own_network() -> None:
    given = after_depth(preset_of())
    networks = {point["input_px"]: resolution.architecture(given, point) for point in points(resolution.space(given))}

    assert list(networks) == [28, 34, 40]
    assert networks[40] == given.preset.reference  # what depth has trained is not trained again
    assert [networks[px].input_px for px in SIDES] == list(SIDES)
    shrunk = replace(given.preset.reference, input_px=34)
    again = after_depth(preset_of(), shrunk)
    assert resolution.architecture(again, {"input_px": 34}) == shrunk
    assert resolution.architecture(again, {"input_px": 40}) == given.preset.reference


@drawn(st.lists(st.floats(5, 20), min_size=3, max_size=3), st.sampled_from((0.0, 0.5, 3.0)))
def test_the_cheapest_within_the_margin_of_the_lowest_is_decided_for(maes: list[float], margin: float) -> None:
    given = after_depth(preset_of(margin_months=margin))
    trials = [a_trial(n, px, mae) for n, (px, mae) in enumerate(zip((28, 34, 40), maes, strict=True))]

    decision = resolution.decide(given, trials)
    first = next(px for px, mae in zip((28, 34, 40), maes, strict=True) if mae <= min(maes) + margin)
    assert isinstance(decision.findings, resolution.ResolutionFindings)
    assert decision.findings.best_px == first  # a smaller image costs fewer MACs
    assert decision.architecture == resolution.architecture(given, {"input_px": first})


def test_a_side_that_failed_is_not_decided_for_and_without_any_result_nothing_is() -> None:
    given = after_depth(preset_of())
    failed = a_trial(0, 28, 0, "failed")

    assert resolution.decide(given, [failed, a_trial(1, 34, 9)]).architecture.input_px == 34
    with pytest.raises(StudyError, match="no resolution could be trained"):
        resolution.decide(given, [failed])


def test_the_own_resolution_has_more_seeds_as_all_are_compared_with_it() -> None:
    asked = resolution.propose(after_depth(preset_of(seeds=4)), [])

    assert dict(zip([point["input_px"] for point in asked.points], asked.seeds, strict=True)) == {28: 4, 34: 4, 40: 4}
    asked = resolution.propose(after_depth(replace(preset_of(seeds=4), px_choices=(26, 28, 30, 34))), [])
    assert list(asked.seeds) == [4, 4, 4, 4, 8]  # the square root of four times as many


def test_over_the_cap_on_macs_only_smaller_images_are_left() -> None:
    preset = preset_of()
    most = Given(preset, {}, 30.0).cost(replace(preset.reference, input_px=34)).macs
    capped = after_depth(replace(preset, max_macs=most))

    assert [point["input_px"] for point in feasible_points(resolution, capped)] == [28, 34]
    assert [point["input_px"] for point in resolution.propose(capped, []).points] == [28, 34]
    sides = {point["input_px"] for point in feasible_points(refinement, capped)}
    assert sides <= {28, 34, 40}
    for point in points(refinement.space(capped)):
        cost = capped.cost(refinement.architecture(capped, point))
        assert (point in feasible_points(refinement, capped)) == (
            cost.macs <= most and cost.params <= preset.max_params
        )
        break


@pytest.mark.parametrize(
    ("choices", "says"),
    [((41,), "at most the side of the images, 40; got 41"), ((3,), "is too small"), ((34, 28), "px_choices must rise")],
)
def test_sides_that_no_network_can_see_are_refused(choices: tuple[int, ...], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        replace(preset_of(), px_choices=choices)


def test_without_sides_there_is_no_such_study() -> None:
    without = replace(preset_of(), px_choices=())

    assert stages(without) == list(STUDIES) == ["ablation", "width", "depth", "refinement"]
    assert [study_name(name) for name in EVERY] == [
        "0 baseline",
        "1 ablation",
        "2 width",
        "3 depth",
        "3 resolution",
        "4 refinement",
        "5 confirmation",
        "5 sex",
        "5 winner",
    ]
    assert sorted(map(study_name, EVERY)) == list(map(study_name, EVERY))  # as a dashboard sorts them
    assert "input_px" not in refinement.space(after_depth(without))
    assert "input_px" not in joint.space(without)
    assert to_run(list(STUDIES), preset_of()) == ["ablation", "width", "depth", "resolution", "refinement"]


# the surrogate, and the joint space


def test_the_surrogate_tells_resolutions_from_each_other_by_doublings() -> None:
    network = tiny_preset().reference
    whole, half, same = belief.seen([network, replace(network, input_px=20), replace(network, input_px=40)], 40)

    assert abs(whole - half).sum() == pytest.approx(1)
    assert (whole == same).all()  # it sees the images as they are, either way


def test_the_surrogate_decides_for_the_resolution_that_its_trainings_speak_for() -> None:
    preset = preset_of(strategy="surrogate")
    sides = [replace(preset.reference, input_px=px) for px in (28, 34, 0)]
    for best in (0, 2):  # one training each says too little of what lies between
        trained = tuple(
            Training(network, Trial(n, {}, "complete", 10.0 + 2 * abs(n - best), 1, (10.0,)))
            for n, network in enumerate(sides)
        )
        given = replace(after_depth(preset), trained=trained)
        decided, _ = belief.choose(refinement, given, ())
        assert decided == sides[best]


def test_every_point_of_the_joint_space_is_one_network_and_that_network_is_the_point() -> None:
    preset = preset_of()
    space = joint.space(preset)
    assert space["input_px"] == (28, 34, 40)

    for point in list(points(space))[::7]:
        network = joint.architecture(preset, point)
        assert joint.point(preset, network) == point
        assert network.input_px == (0 if point["input_px"] == 40 else point["input_px"])


def test_the_staged_rival_searches_the_resolution_too() -> None:
    preset = preset_of(seeds=1)
    rival = Staged(preset, 30.0, preset.seed)
    assert list(rival.stages) == ["width", "depth", "resolution", "refinement"]
    rival = Staged(preset, 30.0, preset.seed)
    asked: list[Point] = []

    class Answered:
        def known(self, request: Request) -> Curve:
            asked.append(request.point)
            mae = larger_is_better(joint.architecture(preset, request.point))
            numbers = (mae,) * request.until
            return Curve(numbers, numbers, (1.0,) * request.until, mae)

        def want(self, request: Request) -> None:
            raise AssertionError

        def wait(self) -> None:
            raise AssertionError

    search = play(rival, preset.training.epochs, own_seeds(preset)(0))
    run_all({("staged", 0): search}, Answered(), lambda _: None)

    assert {point["input_px"] for point in asked} == {28, 34, 40}
    assert rival.decisions["resolution"].architecture.input_px == 0  # 40 px is the best, and nothing is shrunk
    decided = rival.decided()
    assert decided
    assert decided["input_px"] == 40


def test_refinement_may_go_back_to_the_side_from_which_the_decided_one_was_shrunk() -> None:
    preset = preset_of()
    shrunk = replace(preset.reference, input_px=28)
    after = after_depth(preset)
    given = replace(after, decisions={**after.decisions, "resolution": Decision("", shrunk)})
    networks = {refinement.architecture(given, point) for point in points(refinement.space(given))}

    assert refinement.space(given)["input_px"] == joint.space(preset)["input_px"] == (28, 34, 40)
    assert {shrunk, replace(shrunk, input_px=34), preset.reference} <= networks


def test_compound_scaling_raises_the_resolution_with_depth_and_width() -> None:
    preset = preset_of(max_params=10**9)
    preset = replace(preset, reference=replace(preset.reference, input_px=28))
    rival = CompoundScaling(preset, 0)
    sides: dict[float, int] = {}
    for coefficient in (0.0, 1.0, 2.0):
        point = rival.scaled((1.0, 1.05), coefficient)
        assert point
        sides[coefficient] = int(point["input_px"])

    assert sides == {0.0: 28, 1.0: 34, 2.0: 34}  # 28, 32.2 and 37.03, the nearest of 28 and 34
    assert rival.scaled((1.0, 1.05), 0.0) == joint.point(preset, preset.reference)


# in a run


@pytest.fixture(scope="module")
def searched(tiny_store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, FormulaExecutor]:
    folder = tmp_path_factory.mktemp("resolutions")
    run = Run(
        folder, preset_of(seeds=3, margin_months=0.1), {}, str(tiny_store.path), sqlite_url(folder / "studies.db")
    )
    record(run)
    executor = FormulaExecutor(by_seed=lambda job: larger_is_better(job.architecture) + 0.1 * (job.seed % 3))
    for name in ("ablation", "width", "depth"):
        run_study(run, tiny_store, name, lambda: executor, silent())
    assert str(next_command(run, status(run))).startswith("boneage-search resolution ")
    with pytest.raises(StudyError, match="refinement needs the decision of resolution"):
        run_study(run, tiny_store, "refinement", lambda: executor, silent())
    for name in ("resolution", "refinement"):
        run_study(run, tiny_store, name, lambda: executor, silent())
    return run, executor


@pytest.mark.slow
def test_refinement_goes_on_from_the_decided_resolution(searched: tuple[Run, FormulaExecutor]) -> None:
    run, executor = searched
    found = {one["name"]: one for one in status(run)}

    assert list(found) == ["ablation", "width", "depth", "resolution", "refinement"]
    assert found["resolution"]["decision"]["architecture"].get("input_px", 0) == 0
    refined = load(open_storage(run.storage), "refinement", run.folder)
    assert refined
    assert "resolution" in json.loads(refined.user_attrs["settings"])["given"]
    comparisons = found["resolution"]["decision"]["findings"]["comparisons"]
    assert [row["variant"] for row in comparisons] == ["28 px instead of 40", "34 px instead of 40"]
    assert {row["verdict"] for row in comparisons} <= {"worse", "does not matter", "not resolved"}
    trained = [(job.architecture, job.seed) for job in executor.every]
    assert len(set(trained)) == len(trained)  # 40 px was trained by depth, and is copied


def test_report_train_and_the_store_of_settings_know_it(searched: tuple[Run, FormulaExecutor]) -> None:
    run, _ = searched
    page, text = html(contents(read(run))), markdown(contents(read(run)))

    for said in (page, text):
        assert "3 resolution" in said
        assert "At how many pixels should the network see its images?" in said
    assert of_trial(run, "resolution:0").origin == "resolution #0"


def test_a_run_remembers_its_sides(tmp_path: Path) -> None:
    record(open_run(tmp_path, "cpu", {"px_choices": (80, 90)}, None, None))

    again = open_run(tmp_path, None, {}, None, None)
    assert again.preset.px_choices == (80, 90)
    assert "resolution" in [one["name"] for one in status(again)]


def test_plan_and_time_left_count_it_and_the_baseline() -> None:
    preset = preset_of(seeds=3)
    counted = plan(preset, IMAGES, RATE)
    by_name = {study.study: study for study in counted.studies}
    assert list(by_name) == ["ablation", "width", "depth", "resolution", "refinement"]
    assert by_name["resolution"].trials == 9

    both = replace(preset, families=("inception_v3", "xception"), max_params=10**6, width_factors=(1.0, 1.4))
    both = replace(both, reference=replace(preset.reference, beta=0.1))
    counted = plan(both, IMAGES, RATE)
    assert next(iter(counted.studies)).study == "baseline"
    assert counted.studies[0].trials == 3 * 2 + 3  # two variants beside the reference, and it once more
    later = to_come("depth", after_depth(preset), fitting(depth, after_depth(preset)))
    assert {network.input_px for trainings in later for network, _ in trainings} >= set(SIDES)


def test_the_command_without_sides_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["resolution", "--help"])
    assert "At how many pixels should the network see its images." in " ".join(capsys.readouterr().out.split())
    with pytest.raises(StudyError, match="name them with --px-choices, for example 100,150"):
        resolution.space(after_depth(replace(preset_of(), px_choices=())))
    assert main(["plan", "--px-choices", "400", "--run-dir", str(tmp_path)]) == 2
    assert "at most the side of the images, 300; got 400" in capsys.readouterr().err
