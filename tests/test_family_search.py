"""Every family is searched by its own block groups: proposals, caps, settings, names, drawings; one small search is trained."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given
from hypothesis import strategies as st

from data.store.disk import Store
from models.architecture import BETA, Architecture, ArchitectureError, Counts, changed
from models.cost import Counter, Shape, cost
from models.families import FAMILIES
from models.layers import Conv, walk
from models.stages import stages
from search.cli import main
from search.leader.engine import run_study
from search.run import Run, open_run, record
from search.show import svg
from search.storage.settings import derive
from search.storage.sqlite import sqlite_url
from search.trained.choose import name_of
from studies import ablation, depth, joint, width
from studies.order import STUDIES
from studies.preset import Preset
from studies.presets import PRESETS, demo
from studies.study import Decision, Given, feasible_points
from studies.width import WidthFindings

OTHERS = [name for name in FAMILIES if name != "inception_v3"]
each_family = pytest.mark.parametrize("name", list(FAMILIES))
each_other = pytest.mark.parametrize("name", OTHERS)


def of_family(name: str, **fields: object) -> Preset:
    return derive(demo(), {"family": name, "image_px": 100, **fields})


def after_width(preset: Preset, keys: tuple[str, ...]) -> Given:
    return Given(
        preset,
        {
            "ablation": Decision("", preset.reference, ablation.AblationFindings(key_groups=keys)),
            "width": Decision("", preset.reference, WidthFindings(best_beta=preset.reference.beta)),
        },
        30.0,
    )


@each_family
@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_takes_every_family(name: str, preset: str) -> None:
    begun = derive(PRESETS[preset](), {"family": name})

    assert begun.reference.family == name
    if name != "inception_v3":
        assert begun.reference.blocks == FAMILIES[name].blocks


@each_family
def test_an_ablation_lowers_every_group_by_its_steps_down_to_none(name: str) -> None:
    family = FAMILIES[name]
    given = Given(of_family(name, blocks=Counts()), {}, 30.0)

    variants = ablation.space(given)["variant"]
    lowered: dict[str, list[int]] = {}
    for variant in variants[1:]:
        group, count = ablation.lowering(str(variant))
        lowered.setdefault(group, []).append(int(count))

    assert list(lowered) == [group for group, count in family.blocks._asdict().items() if count]
    for group, counts in lowered.items():
        chain = [getattr(family.blocks, group), *counts]
        drops = [before - after for before, after in pairwise(chain)]
        assert chain[-1] == 0
        assert set(drops[:-1]) <= {family.step(group)}
        assert 0 < drops[-1] <= family.step(group)
    assert len(variants) <= 16


@each_family
def test_what_the_later_studies_propose_is_of_the_family_and_under_the_cap(name: str) -> None:
    preset = of_family(name)
    low, high = (cost(replace(preset.reference, beta=beta), 100).params for beta in (0.125, 0.175))
    given = after_width(replace(preset, max_params=low + (high - low) // 8), FAMILIES[name].groups[:1])

    for study in (width, depth):
        points = feasible_points(study, given)
        networks = [study.architecture(given, point) for point in points]
        assert {network.family for network in networks} == {name}
        assert max(given.cost(network).params for network in networks) <= given.preset.max_params
        assert len(points) < len(list(study_points(study, given)))  # the cap has left some out
        # The reference can be proposed, and nothing is proposed twice.
        assert preset.reference in networks
        assert len(set(networks)) == len(networks)
    for group, values in depth.space(given).items():
        if group in FAMILIES[name].groups:
            start, step = getattr(preset.reference.blocks, group), FAMILIES[name].step(group)
            assert all(value == 0 or (int(value) - start) % step == 0 for value in values)


def study_points(study: object, given: Given) -> Iterator[object]:
    return iter(feasible_points(study, replace(given, preset=replace(given.preset, max_params=10**12))))  # type: ignore[arg-type]


@each_family
def test_the_joint_space_holds_the_reference_and_every_group_that_it_has(name: str) -> None:
    preset = of_family(name)
    space, reference = joint.space(preset), preset.reference

    own = joint.point(preset, reference)
    assert all(value in space[parameter] for parameter, value in own.items())
    assert joint.architecture(preset, own) == reference
    assert {*space} >= {group for group, count in reference.blocks._asdict().items() if count}


@each_other
def test_a_run_remembers_its_family_and_what_its_counts_mean(name: str, tmp_path: Path) -> None:
    group = FAMILIES[name].groups[0]
    begun = open_run(tmp_path, "demo", {"family": name, "blocks": Counts({group: 3})}, None, None)
    record(begun)
    again = open_run(tmp_path, None, {}, None, None)

    assert again.preset == begun.preset
    assert again.preset.reference.blocks == FAMILIES[name].counts({group: 3})
    # The other blocks are of no use to another family.
    assert open_run(tmp_path, None, {"family": "inception_v3"}, None, None).preset.reference == demo().reference


def test_a_run_of_inception_v3_says_nothing_of_families(tmp_path: Path) -> None:
    record(open_run(tmp_path, "demo", {"blocks": Counts(mixed5=2)}, None, None))

    assert json.loads((tmp_path / "run.json").read_text())["overrides"] == {"blocks": [1, 2, 1, 2, 1, 2]}
    assert "family" not in demo().reference.to_dict()


@pytest.mark.parametrize("family", ["vgg16", ["xception"], {"name": "xception"}, None, 3])
def test_a_family_edited_by_hand_is_refused_with_those_there_are(family: object, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"preset": "demo", "overrides": {"family": family, "blocks": [1]}}))

    with pytest.raises(ValueError, match="a family is one of inception_v3"):
        open_run(tmp_path, None, {}, None, None)


@pytest.mark.parametrize("command", ["run", "ablate", "width", "depth", "refine", "plan", "record", "compare", "train"])
def test_every_command_that_takes_a_network_takes_a_family(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help-all"])
    assert "--family {" + ",".join(FAMILIES) + "}" in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_blocks_of_another_family_are_refused_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        "ablate",
        "--family",
        "xception",
        "--blocks",
        "middel=3",
        "--run-dir",
        str(tmp_path),
        "--data",
        "phantom:60",
    ]
    assert main(asked) == 2
    assert "the groups of xception are middle, exit; got 'middel'" in capsys.readouterr().err


@each_other
def test_the_poolings_that_a_family_has_not_are_not_left_out(name: str) -> None:
    without = replace(Architecture(), stem_pools=(False, False))
    family = FAMILIES[name]

    pools = changed(without, {"family": name}).stem_pools
    assert pools == (family.stem_pools < 1, family.stem_pools < 2)
    if family.stem_pools < 2:
        with pytest.raises(ArchitectureError, match="can be left out"):
            changed(without, {"family": name, "stem_pools": (False, False)})


@each_family
def test_a_drawing_has_a_box_for_every_part_of_the_family(name: str) -> None:
    architecture = of_family(name).reference
    drawn = svg.network(architecture, cost(architecture, 100))

    for part, _ in FAMILIES[name].body:
        assert re.search(rf">{part}( × \d+)?<", drawn)


def test_models_of_different_families_have_different_folders() -> None:
    stock = [Architecture(family=name, blocks=family.blocks) for name, family in FAMILIES.items()]

    assert name_of(stock[0]) == "b1-2-1-2"  # as it always was
    assert len({name_of(network) for network in stock}) == len(stock)


def by_size(architecture: Architecture) -> float:
    """Months: what is deeper and wider is better, in any family."""
    return 30 - sum(architecture.blocks) / 4 - 8 * architecture.beta


class Widths(Counter):
    """Counts, and notes how many filters each convolution has."""

    def conv(self, x: Shape, layer: Conv, filters: int) -> Shape:
        assert filters > 0
        return super().conv(x, layer, filters)


@given(
    name=st.sampled_from(list(FAMILIES)), beta=st.floats(BETA.low, 2), counts=st.lists(st.integers(0, 2), min_size=7)
)
def test_however_narrow_and_short_no_convolution_is_without_filters(name: str, beta: float, counts: list[int]) -> None:
    family = FAMILIES[name]
    blocks = family.counts(dict(zip(family.groups, counts, strict=False)))
    try:
        built = stages(Architecture(family=name, beta=beta, blocks=blocks))
    except ArchitectureError:  # said before anything is built
        return
    x = Shape(300, 300, 1)
    for stage in built:
        x = walk(stage.layers, x, Widths())


SMALL = {"densenet121": Counts(dense1=2, dense2=8, dense3=0, dense4=0), "efficientnet_b0": Counts(stage4=0, stage5=0)}


@pytest.mark.parametrize(("name", "strategy"), [("densenet121", "surrogate"), ("efficientnet_b0", "paper")])
def test_a_whole_search_of_a_family_decides_for_one_of_its_networks(
    name: str, strategy: str, tmp_path: Path, tiny_store: Store
) -> None:
    few = {"width_trials": 2, "depth_trials": 2, "refine_trials": 1, "confirm": 0}
    fields = {"family": name, "strategy": strategy, "beta": 0.1, "blocks": SMALL[name], **few}
    preset = replace(derive(tiny_preset(), fields), max_params=10**6)
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    record(run)
    executor = FormulaExecutor(by_size)
    for study in STUDIES:
        decision = run_study(run, tiny_store, study, lambda: executor, silent())

    assert {network.family for network in executor.seen} == {name}
    assert decision.architecture.family == name
    assert len(executor.seen) == len(set(executor.seen))  # none trained twice
    ablated = [network for network in executor.seen if network.beta == 0.1]
    assert sum(decision.architecture.blocks) >= sum(preset.reference.blocks)
    assert len(ablated) >= len(ablation.space(Given(preset, {}, 30.0))["variant"])


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything of a DenseNet's search in a folder: `run` and its report, and a model of it trained in full."""
    folder = tmp_path_factory.mktemp("densenet")
    small = [
        "--beta",
        "0.07",
        "--blocks",
        "dense1=1,dense2=0,dense3=0,dense4=0",
        "--width-factors",
        "1",
        "--depth-extra",
        "0",
    ]
    few = ["--width-trials", "1", "--depth-trials", "1", "--refine-trials", "1", "--confirm", "0", "--epochs", "2"]
    data = [
        "--data",
        "phantom:40",
        "--image-px",
        "32",
        "--run-dir",
        str(folder),
        "--fc-choices",
        "4",
        "--dropouts",
        "0.3",
    ]
    asked = [
        "--family",
        "densenet121",
        "--preset",
        "demo",
        "--batch",
        "16",
        *small,
        *few,
        *data,
        "--workers",
        "1",
        "--anyway",
    ]
    assert main(["run", *asked]) == 0
    assert main(["train", "--run-dir", str(folder), "--name", "model"]) == 0
    return folder


@pytest.mark.slow
def test_a_search_of_another_family_ends_in_a_report_and_a_model_of_that_family(trained_run: Path) -> None:
    about = json.loads((trained_run / "models" / "model" / "model.json").read_text())
    assert about["architecture"]["family"] == "densenet121"
    said = (trained_run / "report.md").read_text()
    assert "DenseNet-121 " in said
    assert "Table 1" not in said
    assert "DenseNet-121" in (trained_run / "models" / "model" / "report.html").read_text()


@pytest.mark.slow
def test_a_model_of_another_family_predicts_explains_and_is_exported(
    trained_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--run-dir", str(trained_run)]
    assert main(["explain", "--sheet", "2", *run, "--json"]) == 0
    assert main(["export", "--format", "keras", *run]) == 0
    assert "DenseNet-121 variant" in "".join(path.read_text() for path in trained_run.rglob("*.md"))
    picture = next(trained_run.rglob("explained/*.png"))
    capsys.readouterr()
    assert main(["predict", str(picture), "--sex", "F", "--force", *run]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
