"""What all networks of a grid cost, counted together, is what each costs alone; and a study's points are those of `feasible_points`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from conftest import tiny_preset
from hypothesis import given, settings
from hypothesis import strategies as st

from models.architecture import Architecture, ArchitectureError, changed
from models.cost import cost
from models.families import FAMILIES
from search.planning.asking import key
from search.planning.feasible import Feasible, fitting
from search.planning.grid import is_counted, totals
from studies import ablation, depth, refinement, width
from studies.caps import memory
from studies.knowledge.belief import moved
from studies.order import EVERY
from studies.preset import Preset, StudyError
from studies.presets import PRESETS
from studies.study import Decision, Given, Study, feasible_points, points

AXES: Mapping[str, Sequence[Any]] = {
    "beta": (0.25, 0.5, 1.0, 1.4),
    "se_ratio": (0.0, 1 / 16, 0.25),
    "fc_units": (0, 16, 1024),
    "sex_units": (0, 32),
    "dropout": (0.0, 0.3, 0.5),
}


@st.composite
def grids(draw: st.DrawFn) -> tuple[Architecture, dict[str, tuple[Any, ...]]]:
    """Some network of any family, and a grid around it with up to five axes in any order."""
    family = FAMILIES[draw(st.sampled_from(sorted(FAMILIES)))]
    own = {name: draw(st.sampled_from(values)) for name, values in AXES.items()}
    own |= {"channel_multiple": draw(st.sampled_from([1, 8])), "input_px": draw(st.sampled_from([0, 50]))}
    wider = draw(st.sampled_from([(), ((family.groups[0], 1.5),)]))
    base = changed(Architecture(), own | {"family": family.name, "group_betas": wider})
    counts = dict.fromkeys(family.groups, (0, 1, 2, 3))
    names = draw(st.lists(st.sampled_from([*AXES, *counts]), unique=True, max_size=5))
    values = {
        name: st.lists(st.sampled_from((counts | AXES)[name]), unique=True, min_size=1, max_size=3) for name in names
    }
    return base, {name: tuple(draw(values[name])) for name in names}


@given(grid=grids(), image_px=st.integers(50, 160))
@settings(max_examples=200, deadline=None)
def test_networks_counted_together_cost_what_each_costs_alone(
    grid: tuple[Architecture, dict[str, tuple[Any, ...]]], image_px: int
) -> None:
    base, axes = grid
    networks = [moved(base, dict(zip(axes, values, strict=True))) for values in product(*axes.values())]
    try:
        alone = [cost(network, image_px) for network in networks]
    except ArchitectureError:
        with pytest.raises(ArchitectureError, match=r"nothing of it is left after|no filters left"):
            totals(base, (*axes.items(),), image_px)
        return

    assert is_counted(base, axes)
    assert totals(base, (*axes.items(),), image_px) == [(one.params, one.macs, one.kept) for one in alone]


def test_a_value_out_of_range_is_refused_as_where_its_network_is_made() -> None:
    for axis in (("beta", (1.0, -1.0)), ("dropout", (0.0, 1.5)), ("mixed5", (4, 400)), ("fc_units", (0, -1))):
        with pytest.raises(ArchitectureError):
            totals(Architecture(), (axis,), 100)


def test_an_axis_that_is_no_plain_field_is_not_counted() -> None:
    for name in ("variant", "input_px", "group_betas", "family"):
        assert not is_counted(Architecture(), ("beta", name))


# Studies.


def decided(preset: Preset, network: Architecture) -> Given:
    findings = {
        "ablation": ablation.AblationFindings(key_groups=tuple(network.blocks._fields[:2])),
        "width": width.WidthFindings(best_beta=network.beta),
        "depth": depth.DepthFindings(),
        "refinement": refinement.RefinementFindings(),
    }
    made = {name: Decision("", network, findings[name]) for name in findings}
    return Given(preset, made, 30.0)


def variants(preset: Preset) -> list[Preset]:
    """With everything that adds an axis to a study, and caps that leave some points out."""
    own = cost(preset.reference, preset.preparation.image_px)
    px = preset.preparation.image_px
    return [
        preset,
        replace(preset, strategy="paper"),
        replace(preset, se_choices=(1 / 16,), max_macs=own.macs),
        replace(preset, px_choices=(px - 2, px), max_memory=memory(preset, own)),
        replace(preset, widths_by_group=True, max_params=own.params),
    ]


@pytest.mark.parametrize("name", [name for name in EVERY if name != "baseline"])
@pytest.mark.parametrize(
    "preset", ["tiny", "default", "cpu", "demo", "miniature", pytest.param("paper", marks=pytest.mark.slow)]
)
def test_a_studys_points_are_those_that_meet_its_caps_one_by_one(name: str, preset: str) -> None:
    module = EVERY[name]
    for asked in variants(tiny_preset() if preset == "tiny" else PRESETS[preset]()):
        for network in (asked.reference, replace(asked.reference, beta=width.betas(Given(asked, {}, 30.0))[0])):
            given = decided(asked, network)
            try:
                one_by_one = feasible_points(module, given)
            except StudyError as error:
                with pytest.raises(StudyError, match=re.escape(str(error))):
                    fitting(module, given)
                continue
            found = fitting(module, given)

            assert [list(point.items()) for point in found.values()] == [list(point.items()) for point in one_by_one]
            same_mapping(found, module, given)


def test_a_space_without_points_has_none_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "space", lambda given: {"variant": ()})
    assert not fitting(ablation, Given(tiny_preset(), {}, 30.0))


def same_mapping(found: Feasible, module: Study, given: Given) -> None:
    by_key = {key(point): point for point in found.values()}
    macs = {name: given.cost(module.architecture(given, point)).macs for name, point in by_key.items()}

    assert len(found) == len(by_key)
    assert list(found) == list(by_key)
    for point in points(found.space):
        assert found.get(key(point)) == by_key.get(key(point))
    assert [key(point) for point in found.dearest_first()] == sorted(by_key, key=macs.__getitem__, reverse=True)
    assert [key(point) for point in found.leanest_first()] == sorted(by_key, key=macs.__getitem__)
    for beyond in ({}, {"beta": 0.123}, dict.fromkeys(found.space, "none")):
        assert key(beyond) not in found or beyond in by_key.values()
