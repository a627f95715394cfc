"""Squeeze-and-excitation as a property of the architecture: counted, built, ablated like a block and offered in refinement."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent

from data.store.disk import Store
from models.architecture import Architecture, Blocks
from models.cells import cells
from models.cost import cost
from models.families import FAMILIES
from models.layers import Excite
from models.network import build
from models.stages import stages
from search.leader.engine import run_study
from search.run import Run, record
from search.storage.sqlite import sqlite_url
from search.trained.choose import name_of
from studies import ablation, joint, refinement
from studies.order import STUDIES
from studies.preset import StudyError
from studies.study import Decision, Given, Trial

REFERENCE = Architecture(beta=0.1, blocks=Blocks(0, 1, 0, 2, 0, 1))


def test_without_attention_a_network_is_what_it_was() -> None:
    assert "se_ratio" not in REFERENCE.to_dict()
    assert replace(REFERENCE, se_ratio=0.25).to_dict()["se_ratio"] == 0.25
    assert not any(isinstance(layer, Excite) for stage in stages(REFERENCE) for layer in stage.layers)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_block_group_that_is_there_is_followed_by_one_excitation(name: str) -> None:
    family = FAMILIES[name]
    blocks = family.counts({group: place % 3 for place, group in enumerate(family.groups, 1)})
    plain = Architecture(family=name, beta=0.25, blocks=blocks)
    excited = replace(plain, se_ratio=0.0625)
    names = [stage.name for stage in stages(excited)]

    present = [group for group, count in blocks._asdict().items() if count]
    assert [name for name in names if name.endswith("_se")] == [f"{group}_se" for group in present]
    for group in present:
        assert names.index(f"{group}_se") == names.index(f"{group}_{getattr(blocks, group)}") + 1
    # It costs what two fully connected layers over the group's channels cost, and moves no cell.
    before, after = cost(plain, 100), cost(excited, 100)
    channels = [before.groups[group].output.channels for group in present]
    units = [max(int(count * 0.0625), 1) for count in channels]
    extra = sum(2 * count * unit + count + unit for count, unit in zip(channels, units, strict=True))
    assert after.params - before.params == extra
    assert cells(excited, 100) == cells(plain, 100)


@pytest.mark.parametrize("name", ["inception_v3", "xception"])
def test_what_is_built_has_the_parameters_that_were_counted(name: str) -> None:
    family = FAMILIES[name]
    architecture = Architecture(
        family=name, beta=0.1, blocks=family.counts(dict.fromkeys(family.groups, 1)), se_ratio=0.25
    )

    assert build(architecture, 80).count_params() == cost(architecture, 80).params


def started(se_ratio: float = 0.0625, **fields: object) -> Given:
    preset = replace(tiny_preset(), strategy="paper", **fields)  # type: ignore[arg-type]
    preset = replace(preset, reference=replace(preset.reference, se_ratio=se_ratio))
    return Given(preset, {"depth": Decision("", preset.reference)}, 30.0)


def ablated(given: Given, months: Mapping[str, float]) -> list[Trial]:
    names = [str(variant) for variant in ablation.space(given)["variant"]]
    return [
        Trial(number, {"variant": name}, "complete", months.get(name, 10.0), 1, (10.0,))
        for number, name in enumerate(names)
    ]


def test_attention_is_ablated_like_a_block_and_never_a_key_group() -> None:
    given = started()

    assert ablation.space(given)["variant"][-1] == "se_ratio=0"
    without = ablation.architecture(given, {"variant": "se_ratio=0"})
    assert without == replace(given.preset.reference, se_ratio=0)
    # However dear it is to do without, depth repeats block groups.
    decision = ablation.decide(given, ablated(given, {"se_ratio=0": 20.0, "mixed5=0": 11.0}))
    assert decision.findings.key_groups == ("mixed5",)
    assert decision.findings.cost_months["se_ratio"] == 10
    assert "se_ratio=0" not in ablation.space(started(se_ratio=0.0))["variant"]


def test_attention_that_costs_more_than_it_gives_is_dropped_where_that_is_asked_for() -> None:
    given = started(drop_useless=True)

    decision = ablation.decide(
        given, ablated(given, {"se_ratio=0": 9.0, "mixed1=0": 20.0, "mixed5=0": 20.0, "mixed9=0": 20.0})
    )
    assert decision.architecture == replace(given.preset.reference, se_ratio=0)


def swept(given: Given, months: Mapping[float, float]) -> list[Trial]:
    """By the paper's strategy, with these MAEs for each ratio."""
    trials: list[Trial] = []
    while new := [p for p in refinement.propose(given, trials).points if p not in [trial.point for trial in trials]]:
        point = new[0]
        mae = months[float(point["se_ratio"])] - float(bool(point["fc_units"])) + float(point["dropout"])
        trials.append(Trial(len(trials), point, "complete", mae, 1, (mae,)))
    return trials


@pytest.mark.parametrize(
    ("months", "ratio"), [({0: 10, 0.0625: 9, 0.25: 11}, 0.0625), ({0: 8, 0.0625: 9, 0.25: 11}, 0)]
)
def test_refinement_offers_attention_after_the_layers_and_takes_the_best(
    months: dict[float, float], ratio: float
) -> None:
    given = started(se_ratio=0.0, se_choices=(0.0625, 0.25))
    trials = swept(given, months)

    assert {float(trial.point["se_ratio"]) for trial in trials} == set(months)
    decision = refinement.decide(given, trials)
    assert decision.architecture.se_ratio == ratio
    assert decision.architecture.fc_units == 16
    said = [row.variant for row in decision.findings.comparisons]
    assert "squeeze-and-excitation 0.25 instead of none" in said
    assert len(said) == len(set(said))


def test_no_attention_is_offered_unless_it_is_asked_for() -> None:
    given = started(se_ratio=0.0)

    assert "se_ratio" not in refinement.space(given)
    assert "se_ratio" not in joint.space(given.preset)
    assert "se_ratio" in joint.space(replace(given.preset, se_choices=(0.25,)))


@pytest.mark.parametrize("choices", [(0.25, 0.0625), (0.25, 0.25), (0.0,), (1.5,), (0.00001,)])
def test_ratios_that_are_none_are_refused(choices: tuple[float, ...]) -> None:
    with pytest.raises(StudyError):
        replace(tiny_preset(), se_choices=choices)


def excited_is_better(architecture: Architecture) -> float:
    return deeper_is_better(architecture) - 4 * bool(architecture.se_ratio)


@pytest.mark.slow
def test_the_surrogate_finds_attention_that_helps(tiny_store: Store, tmp_path: Path) -> None:
    preset = replace(tiny_preset(), se_choices=(0.25,), confirm=0, refine_trials=6, width_trials=2, depth_trials=2)
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    record(run)
    executor = FormulaExecutor(excited_is_better)
    for name in STUDIES:
        decision = run_study(run, tiny_store, name, lambda: executor, silent())

    assert decision.architecture.se_ratio == 0.25
    trained = [(job.architecture, job.seed) for job in executor.every]
    assert len(set(trained)) == len(trained)


def test_models_with_attention_have_a_folder_of_their_own() -> None:
    assert name_of(replace(REFERENCE, se_ratio=0.25)) == name_of(REFERENCE) + "-se0.25"


def test_a_point_of_the_joint_space_is_its_architecture() -> None:
    preset = replace(tiny_preset(), se_choices=(0.25,))
    network = replace(preset.reference, se_ratio=0.25)

    assert joint.architecture(preset, joint.point(preset, network)) == network
