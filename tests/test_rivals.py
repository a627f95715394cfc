"""What each rival of a comparison tries, on made-up tables whose truth is known; what all have in common is in test_compare.py."""

from dataclasses import replace
from itertools import islice

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from landscapes import landscape

from models.architecture import GROUPS
from search.commands.parser import parser
from search.compare.compare import recorded_seeds, run_all
from search.compare.replay import Trace, Work, play
from search.compare.rivals import INSTALLED, NEEDS, RIVALS, chosen_rivals, lacking, make
from search.compare.rivals.enumerated import Enumerated, coarse
from studies import joint
from studies.preset import Preset, StudyError
from studies.presets import PRESETS, miniature
from studies.study import Point

optuna.logging.set_verbosity(optuna.logging.WARNING)
PRESET = miniature()
ENUMERATED = ["random", "random among the widest", "grid", "compound scaling"]


def first_of(name: str, trials: int, preset: Preset = PRESET, seed: int = 0) -> list[Point]:
    """The first networks of a rival that needs to be told nothing."""
    rival = make(name, preset, 30.0, seed)
    return [work.point for work in islice(iter(rival.ask, None), trials)]


def played(name: str, seed: int, epochs: int) -> Trace:
    table = landscape("blocks pay", seed, 0.4)
    search = play(make(name, PRESET, 34.0, seed), PRESET.training.epochs, recorded_seeds(table)(seed), epochs)
    [one] = run_all({(name, seed): search}, table, lambda _: None)
    return one.trace


@pytest.mark.parametrize("preset", ["default", "cpu", "demo", "miniature"])
@pytest.mark.parametrize("name", ENUMERATED)
def test_every_point_is_of_the_space_fits_and_is_new(name: str, preset: str) -> None:
    found = first_of(name, 12, PRESETS[preset]())
    space = joint.space(PRESETS[preset]())

    assert len(found) >= 2
    assert len({tuple(point.items()) for point in found}) == len(found)
    for point in found:
        assert joint.fits(PRESETS[preset](), point)
        assert all(point[name] in values for name, values in space.items())


@pytest.mark.parametrize("preset", ["default", "miniature"])
def test_the_widest_that_fit_cannot_be_wider(preset: str) -> None:
    chosen = PRESETS[preset]()
    widths = sorted(map(float, joint.space(chosen)["beta"]))

    for point in first_of("random among the widest", 10, chosen):
        wider = [point | {"beta": beta} for beta in widths if beta > float(point["beta"])]
        assert not any(joint.fits(chosen, other) for other in wider)


@pytest.mark.parametrize("name", ["random", "random among the widest", "grid"])
def test_a_rival_that_learns_nothing_comes_to_every_network_in_the_end(name: str) -> None:
    table = landscape("width pays", 0)

    assert len(first_of(name, 1_000)) >= 0.99 * len(
        table.points
    )  # those drawn at random give up when hardly any is left


@given(st.lists(st.integers(), min_size=1, max_size=20, unique=True).map(sorted), st.integers(0, 6))
def test_a_coarse_grid_keeps_the_ends_in_order_and_a_finer_one_ends_with_all(values: list[int], level: int) -> None:
    some = coarse(tuple(values), level)

    assert list(some) == sorted(set(some))
    assert (some[0], some[-1]) == (values[0], values[-1])
    assert len(some) == min(len(values), 2**level + 1)
    assert set(coarse(tuple(values), 5)) == set(values)


def test_grid_search_has_tried_all_corners_before_anything_between_them() -> None:
    space = joint.space(PRESET)
    tried = first_of("grid", 1_000)
    corner = [all(point[name] in (values[0], values[-1]) for name, values in space.items()) for point in tried]

    assert corner == sorted(corner, reverse=True)
    assert 0 < sum(corner) < len(corner)


@pytest.mark.parametrize("preset", ["default", "cpu", "miniature"])
def test_compound_scaling_raises_depth_and_width_together_from_the_reference(preset: str) -> None:
    chosen = PRESETS[preset]()
    reference = joint.point(chosen, chosen.reference)
    tried = first_of("compound scaling", 100, chosen)

    assert reference in tried
    for point in tried:
        assert float(point["beta"]) >= float(reference["beta"])
        assert all(int(point[group]) >= int(reference[group]) for group in GROUPS if group in point)
        assert {name: point[name] for name in ("fc_units", "dropout")} == {"fc_units": 0, "dropout": 0.0}
        # One coefficient: what had more repeats is not repeated less often for it.
        order = sorted((int(reference[group]), int(point[group])) for group in GROUPS if group in point)
        assert [repeats for _, repeats in order] == sorted(repeats for _, repeats in order)
    largest = max(joint.cost_of(chosen, point).params for point in tried)
    # From the largest that fits; where the grid is coarse, none of its shares but the reference may.
    assert joint.cost_of(chosen, tried[0]).params > 0.6 * largest or tried[0] == reference


def test_tpe_begins_at_the_reference() -> None:
    trace = played("Optuna TPE from the reference", 0, 60)

    assert trace.tried[0].point == joint.point(PRESET, PRESET.reference)
    assert len({tuple(tried.point.items()) for tried in trace.tried}) == len(trace.tried) == 10


@pytest.mark.parametrize("preset", ["default", "cpu", "miniature"])
def test_a_reference_of_any_head_is_a_point_of_the_space_that_every_rival_searches(preset: str) -> None:
    chosen = PRESETS[preset]()
    for changed in ({"dropout": 0.4}, {"fc_units": 17}, {"fc_units": 17, "dropout": 0.45, "se_ratio": 0.1}):
        own = replace(chosen, reference=replace(chosen.reference, **changed), se_choices=(0.25,))
        point, space = joint.point(own, own.reference), joint.space(own)

        assert all(point[name] in values for name, values in space.items())
        assert joint.architecture(own, point) == own.reference
        assert first_of("Optuna TPE from the reference", 1, own) == [point]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Optuna TPE from the reference", "Optuna GP"])
def test_a_rival_with_a_model_finds_better_networks_than_chance(name: str) -> None:
    if lacking(name):
        pytest.skip(lacking(name))
    seeds = range(4)
    found, by_chance = (
        [played(rival, seed, 150).best_so_far[-1] for seed in seeds] for rival in (name, "random among the widest")
    )

    assert sum(found) < sum(by_chance)


def test_a_sampler_that_only_repeats_itself_gets_networks_that_are_drawn() -> None:
    """As a Gaussian process does that is sure of its optimum."""
    from search.compare.rivals.sampled import Sampled

    class Sure(optuna.samplers.RandomSampler):
        def sample_independent(self, *_: object) -> int:
            return 0

    rival = Sampled(PRESET, Sure(), 0, tries=2)
    begun = [rival.ask() for _ in range(6)]

    assert len({str(work.point) for work in begun if work}) == 6
    assert all(work is not None and joint.fits(PRESET, work.point) for work in begun)


@pytest.mark.skipif(not lacking("Optuna GP"), reason="torch is installed")
def test_without_torch_the_gp_is_left_out_with_a_sentence_and_refused_by_name() -> None:
    names, said = chosen_rivals("all")

    assert names == INSTALLED
    assert "Optuna GP" not in names
    assert said == ("Optuna GP is left out: it needs torch: pip install '.[gp]'",)
    with pytest.raises(StudyError, match=r"Optuna GP needs torch: pip install '\.\[gp\]'"):
        chosen_rivals("random,Optuna GP")


@pytest.mark.skipif(bool(lacking("Optuna GP")), reason="needs torch: pip install '.[gp]'")
def test_the_gp_knows_the_cap_and_learns_it_as_its_constraint() -> None:
    trace = played("Optuna GP", 1, 90)

    assert len(trace.tried) == 15
    assert all(joint.fits(PRESET, tried.point) for tried in trace.tried)


def test_what_an_extra_is_needed_for_is_a_rival_and_the_help_names_all() -> None:
    assert set(NEEDS) <= set(RIVALS)
    commands = next(action for action in parser()._actions if hasattr(action, "choices") and action.choices)
    rivals = next(action for action in commands.choices["compare"]._actions if action.dest == "rivals")

    assert all(name in str(rivals.help) for name in RIVALS)


def test_rivals_that_are_named_twice_play_once() -> None:
    assert chosen_rivals("grid, random ,grid")[0] == ("grid", "random")


class Endless(Enumerated):
    """Says the same network for ever, then an end."""

    def enumerate(self):  # type: ignore[no-untyped-def]
        yield from (joint.point(PRESET, PRESET.reference) for _ in range(50))


def test_a_network_that_is_said_again_is_not_trained_again() -> None:
    rival = Endless(PRESET, 0)

    assert isinstance(rival.ask(), Work)
    assert rival.ask() is None
