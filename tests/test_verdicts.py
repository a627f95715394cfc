"""The statistics against closed forms and SciPy, and verdicts of simulated studies whose truth is known."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from studies.verdicts import (
    MIN_SEEDS,
    Pairs,
    Verdict,
    holm,
    interval,
    judge,
    looks,
    race,
    seeds_to_resolve,
    sign_flip,
)

MONTHS = st.floats(-3, 3).map(lambda value: round(value, 3))
SEEDED = st.lists(MONTHS, min_size=MIN_SEEDS, max_size=10)


def verdict(changes: list[float], margin: float = 0.3) -> Verdict:
    return judge({"variant": Pairs(tuple(changes))}, margin)["variant"]


@pytest.mark.parametrize("seeds", [6, 8, 12])
def test_changes_that_all_point_one_way_have_the_least_p_that_so_many_seeds_allow(seeds: int) -> None:
    changes = np.random.default_rng(seeds).uniform(0.1, 1, seeds)

    assert sign_flip(changes, "two-sided") == pytest.approx(2 / 2**seeds)
    assert sign_flip(changes, "greater") == pytest.approx(1 / 2**seeds)
    assert sign_flip(changes, "less") == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(st.lists(MONTHS, min_size=6, max_size=8))
def test_p_is_the_share_of_sign_flips_with_as_high_a_mean(changes: list[float]) -> None:
    observed = sum(changes)
    flipped = [
        sum(s * c for s, c in zip(signs, changes, strict=True)) for signs in product((1, -1), repeat=len(changes))
    ]
    share = np.mean([total >= observed - 1e-9 for total in flipped])

    assert sign_flip(np.array(changes), "greater") == pytest.approx(share)


def test_holm_is_what_one_computes_by_hand() -> None:
    """Sorted p times 3, 2, 1, never falling, at most 1."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_the_interval_is_scipys_bca() -> None:
    sample = np.random.default_rng(1).gamma(2.0, 1.0, 30)
    low, high, _ = interval(sample)
    theirs = stats.bootstrap(
        (sample,), np.mean, method="BCa", n_resamples=50_000, rng=np.random.default_rng(9)
    ).confidence_interval

    assert (low, high) == pytest.approx(tuple(theirs), abs=0.05)
    assert low < sample.mean() < high


def test_a_sample_that_does_not_vary_has_an_interval_of_one_point() -> None:
    assert interval(np.full(8, 0.7))[:2] == pytest.approx((0.7, 0.7))


@settings(max_examples=20, deadline=None)
@given(SEEDED)
def test_the_other_sign_gives_the_mirrored_verdict(changes: list[float]) -> None:
    mirror = {"matters": "better without", "better without": "matters"}
    one, other = verdict(changes), verdict([-change for change in changes])

    assert other.verdict == mirror.get(one.verdict, one.verdict)
    assert other.change == pytest.approx(-one.change)
    assert other.p_difference == pytest.approx(one.p_difference)
    assert other.p_equivalence == pytest.approx(one.p_equivalence)


@settings(max_examples=20, deadline=None)
@given(SEEDED, st.floats(0.1, 10))
def test_the_unit_of_months_does_not_matter(changes: list[float], scale: float) -> None:
    one = verdict(changes, 0.3)
    other = verdict([change * scale for change in changes], 0.3 * scale)

    assert other.p_difference == pytest.approx(one.p_difference, abs=0.05)  # rounding may break a tie
    assert other.change == pytest.approx(one.change * scale)


def test_each_verdict_is_given_where_it_is_due() -> None:
    spread = np.random.default_rng(0).normal(0, 0.02, 10)

    assert verdict(list(1.0 + spread)).verdict == "matters"
    assert verdict(list(-1.0 + spread)).verdict == "better without"
    assert verdict(list(0.0 + spread)).verdict == "does not matter"
    assert verdict(list(0.1 + spread)).verdict == "does not matter"  # though surely not zero
    assert verdict(list(0.3 + 50 * spread)).verdict == "not resolved"
    assert verdict([math.inf] * 3).verdict == "not trainable"


def test_six_seeds_resolve_one_variant_but_not_one_of_nine() -> None:
    """Two of 64 sign flips are 0.03; Holm over nine makes that 0.28."""
    changes = (1.0, 1.1, 0.9, 1.2, 0.8, 1.0)
    family = {str(number): Pairs(changes) for number in range(9)}

    assert judge({"alone": Pairs(changes)}, 0.3)["alone"].verdict == "matters"
    found = judge(family, 0.3)["0"]
    assert (found.verdict, found.p_difference) == ("not resolved", pytest.approx(9 * 2 / 64))
    assert found.seeds_to_resolve == 9


def test_few_seeds_speak_of_these_trained_models_and_ask_the_images() -> None:
    random = np.random.default_rng(0)
    worse = random.normal(0.8, 6, (1, 1400))
    found = judge({"worse": Pairs((float(worse.mean()),), worse), "no images": Pairs((0.8,))}, 0.3)

    assert found["worse"].scope == "these trained models"
    assert found["worse"].verdict == "matters"
    assert found["worse"].low < 0.8 < found["worse"].high
    assert found["worse"].seeds_to_resolve is None
    assert (found["no images"].verdict, found["no images"].change) == ("not tested", 0.8)


def test_the_images_p_agrees_with_the_t_test_where_there_are_many() -> None:
    random = np.random.default_rng(3)
    for shift in (0.0, 0.2, 0.4):
        images = random.normal(shift, 6, (1, 1400))
        ours = judge({"variant": Pairs((float(images.mean()),), images)}, 0.3)["variant"].p_difference
        assert ours == pytest.approx(stats.ttest_1samp(images[0], 0).pvalue, abs=0.02)


def at_most(errors: int, studies: int, rate: float) -> bool:
    """Whether so many errors can be had from a true rate of at most `rate`, at one in a thousand."""
    return bool(stats.binom.sf(errors - 1, studies, rate) > 1e-3)


def simulated(random: np.random.Generator, truth: list[float], seeds: int, spread: float) -> dict[str, Pairs]:
    """Changes of each variant; all share the baseline's noise, as pairs do."""
    baseline = random.normal(0, spread, seeds)
    return {
        str(number): Pairs(tuple(random.normal(mean, spread, seeds) - baseline)) for number, mean in enumerate(truth)
    }


@pytest.mark.slow
def test_of_studies_in_which_nothing_matters_at_most_one_in_twenty_says_that_something_does() -> None:
    random = np.random.default_rng(0)
    studies = 400
    found = [judge(simulated(random, [0.0] * 4, 8, 0.5), 0.05).values() for _ in range(studies)]
    false = sum(any(each.verdict in ("matters", "better without") for each in family) for family in found)

    assert at_most(false, studies, 0.05)


@pytest.mark.slow
def test_of_studies_whose_changes_are_the_margin_at_most_one_in_twenty_says_that_one_does_not_matter() -> None:
    random = np.random.default_rng(1)
    studies = 400
    found = [judge(simulated(random, [0.3] * 3, 8, 0.15), 0.3).values() for _ in range(studies)]
    false = sum(any(each.verdict == "does not matter" for each in family) for family in found)

    assert at_most(false, studies, 0.05)


@pytest.mark.slow
def test_of_images_without_a_difference_at_most_one_family_in_twenty_says_matters() -> None:
    random = np.random.default_rng(2)
    studies = 300
    false = 0
    for _ in range(studies):
        images = [random.standard_t(4, (1, 400)) * 4 for _ in range(3)]
        family = {str(number): Pairs((float(each.mean()),), each) for number, each in enumerate(images)}
        false += any(each.verdict in ("matters", "better without") for each in judge(family, 0.05).values())

    assert at_most(false, studies, 0.05)


def raced(
    random: np.random.Generator, truth: list[float], spread: float, margin: float, most: int
) -> dict[str, Verdict]:
    """A race as the engine runs it: seeds are added until no variant asks for more."""
    everything = simulated(random, truth, most, spread)
    have = dict.fromkeys(everything, MIN_SEEDS)
    while True:
        family = {name: Pairs(pairs.changes[: have[name]]) for name, pairs in everything.items()}
        found = race(family, margin, most)
        wanted = {name: seeds for name, (_, seeds) in found.items()}
        if wanted == have:
            return {name: verdict for name, (verdict, _) in found.items()}
        assert all(wanted[name] >= have[name] for name in have)
        have = wanted


@pytest.mark.slow
def test_a_race_in_which_nothing_matters_says_so_falsely_at_most_once_in_twenty_for_all_its_looks() -> None:
    random = np.random.default_rng(4)
    studies = 200
    families = [raced(random, [0.0] * 2, 0.5, 0.05, 10) for _ in range(studies)]
    false = sum(any(each.verdict in ("matters", "better without") for each in found.values()) for found in families)

    assert at_most(false, studies, 0.05)


@pytest.mark.slow
def test_a_race_at_the_margin_falsely_says_does_not_matter_at_most_once_in_twenty() -> None:
    random = np.random.default_rng(5)
    studies = 200
    families = [raced(random, [0.3, 2.0], 0.2, 0.3, 10) for _ in range(studies)]
    false = sum(any(found[name].verdict == "does not matter" for name in "0") for found in families)

    assert at_most(false, studies, 0.05)


def test_a_race_stops_the_clear_variants_first_and_spends_its_seeds_on_the_open_ones() -> None:
    found = raced(np.random.default_rng(6), [3.0, 0.0, 0.35], 0.2, 1.0, 16)

    assert found["0"].verdict == "matters"
    assert found["1"].verdict == "does not matter"
    assert found["0"].seeds < 16


def test_a_race_asked_again_gives_the_same_answer_and_asks_a_resolved_variant_for_nothing() -> None:
    random = np.random.default_rng(7)
    everything = simulated(random, [3.0, 0.5], 16, 0.4)
    seeds = looks(2, 16)[0]
    family = {"0": Pairs(everything["0"].changes[:seeds]), "1": everything["1"]}
    found = race(family, 0.3, 16)

    assert found == race(family, 0.3, 16)
    assert (found["0"][0].verdict, found["0"][1]) == ("matters", seeds)


@pytest.mark.parametrize(("variants", "most"), [(1, 6), (3, 10), (9, 16), (9, 32)])
def test_looks_rise_to_the_most_seeds_and_each_can_resolve_something(variants: int, most: int) -> None:
    found = looks(variants, most)

    assert found[-1] == most
    assert found == sorted(set(found))
    assert found[0] >= MIN_SEEDS
    if len(found) > 1:
        assert variants * len(found) * 2 / 2 ** found[0] <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "margin"), [(0.6, 0.3), (0.0, 0.5)])
def test_the_seeds_said_to_resolve_a_verdict_do_so_four_times_in_five(mean: float, margin: float) -> None:
    """Where the true mean and spread are what was seen; one variant, so no adjustment."""
    random = np.random.default_rng(8)
    spread = 0.5
    seen = np.array([mean - spread, mean + spread, mean]) * 1.0
    needed = seeds_to_resolve(seen, margin, 0.05)
    assert needed is not None
    wanted = "matters" if mean else "does not matter"
    studies = 300
    reached = sum(
        judge({"0": Pairs(tuple(random.normal(mean, spread, needed)))}, margin)["0"].verdict == wanted
        for _ in range(studies)
    )

    assert stats.binom.cdf(reached, studies, 0.8) > 1e-3


def test_more_seeds_than_anyone_would_train_are_not_promised() -> None:
    assert seeds_to_resolve(np.array([0.2, 1.2, -0.8]), 0.3, 0.05) is None
    assert seeds_to_resolve(np.array([0.3]), 0.3, 0.05) is None
