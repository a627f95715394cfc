"""Verdicts on variants beside a reference: where each is due, then simulated studies whose truth is known.

How often a verdict errs is held against an exact binomial bound, so that a rule which keeps its level fails here once in
ten thousand times (of other seeds).
"""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from simulated import BASE, EQUAL, LEFT, MIXED, NORMAL, RIGHT, family_of

from studies.statistics import verdicts
from studies.statistics.design import detectable, power, standard_errors
from studies.statistics.racing import Raced, looks, race
from studies.statistics.verdicts import Runs, Spread, judge, spread_of

MARGIN = 1.0  # months
WOBBLE = (0.1, -0.2, 0.0, 0.2, -0.1, 0.15, -0.25, 0.1)
DIFFERS = {"matters", "better without"}


def runs(*offsets: float, months: float = BASE) -> Runs:
    return Runs(tuple(months + offset for offset in offsets))


REFERENCE = runs(*WOBBLE)
UP, DOWN, NEAR = (runs(*WOBBLE, months=BASE + change) for change in (2.0, -2.0, 0.05))


def most_allowed(studies: int, rate: float = 0.05) -> int:
    """More errors than this have a probability below 1e-4 at the stated rate."""
    return int(stats.binom.ppf(1 - 1e-4, studies, rate))


def least_allowed(studies: int, rate: float) -> int:
    return int(stats.binom.ppf(1e-4, studies, rate))


# one family


def test_the_four_verdicts() -> None:
    wide = runs(*(0.8 + 8 * each for each in WOBBLE))
    family = {"up": UP, "down": DOWN, "near": NEAR, "wide": wide}

    found = judge(REFERENCE, family, MARGIN)

    assert [each.verdict for each in found.values()] == ["matters", "better without", "does not matter", "not resolved"]
    assert all(each.scope == verdicts.ARCHITECTURES and each.seeds == 8 for each in found.values())
    assert found["up"].change == pytest.approx(2.0)


def test_a_sure_difference_within_the_margin_does_not_matter() -> None:
    found = judge(REFERENCE, {"up": UP}, 5.0)["up"]

    assert found.p_difference <= 0.05
    assert found.verdict == "does not matter"


def test_of_two_groups_it_is_about_students_test() -> None:
    """With one variant, as many seeds as the reference and equal variances the t is that of the two-sample test.

    What chance does to it is a little less, as errors never are below the pooled.
    """
    found = judge(REFERENCE, {"a": runs(*WOBBLE, months=BASE + 0.15)}, 0.01)["a"]
    test = stats.ttest_ind(np.array(WOBBLE) + 0.15, WOBBLE)

    low, high = test.confidence_interval()
    assert found.p_difference == pytest.approx(test.pvalue, abs=0.03)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4), st.sampled_from([0, 5]))
def test_the_same_family_gets_the_same_verdicts_in_any_order_and_a_larger_one_never_smaller_p(
    changes: list[float], absent: int
) -> None:
    family = {str(number): runs(*(change + each for each in WOBBLE[:4])) for number, change in enumerate(changes)}

    found = judge(REFERENCE, family, MARGIN)
    larger = judge(REFERENCE, family, MARGIN, of=4 + absent)

    backwards = judge(REFERENCE, dict(reversed(family.items())), MARGIN)
    assert {name: each.verdict for name, each in backwards.items()} == {
        name: each.verdict for name, each in found.items()
    }
    assert all(backwards[name].p_difference == pytest.approx(found[name].p_difference) for name in family)
    assert list(found) == list(family)
    assert all(larger[name].p_difference >= found[name].p_difference - 0.01 for name in family)


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.floats(-2, 2), min_size=3, max_size=6), min_size=2, max_size=6),
    st.sampled_from([0.1, 1.0, 3.0]),
)
def test_an_interval_never_contradicts_its_own_p(groups: list[list[float]], margin: float) -> None:
    reference, *variants = [runs(*values) for values in groups]
    found = judge(reference, {str(number): each for number, each in enumerate(variants)}, margin)

    for each in found.values():
        assert each.low <= each.change <= each.high
        if each.p_difference <= 0.05:
            assert not each.low <= 0 <= each.high
        if each.verdict in DIFFERS:
            assert (each.low > 0) == (each.verdict == "matters")


def test_a_variant_of_which_fewer_than_half_of_the_seeds_gave_a_result_is_not_trainable() -> None:
    lost = (math.inf,) * 3
    family = {"half": Runs((12.0, 12.1, 12.2, *lost)), "fewer": Runs((12.0, 12.1, *lost)), "none": Runs(lost * 2)}

    found = judge(REFERENCE, family, MARGIN)

    assert [each.verdict for each in found.values()] == ["not resolved", "not trainable", "not trainable"]
    assert [each.seeds for each in found.values()] == [6, 5, 6]
    assert all(math.isnan(number) for number in (found["none"].low, found["none"].change, found["none"].p_difference))


def test_a_variant_that_cannot_be_tested_is_of_the_family_all_the_same() -> None:
    """Who is compared is settled before anything runs; what fails must not make the others' verdicts easier."""
    up = runs(*(0.25 + each for each in WOBBLE))
    alone = judge(REFERENCE, {"up": up}, MARGIN)["up"]
    among = judge(REFERENCE, {"up": up, "gone": Runs((math.inf,) * 6), "few": Runs((12.0,))}, MARGIN)["up"]

    assert among.p_difference > 1.8 * alone.p_difference
    assert among.low == pytest.approx(alone.low)


@pytest.mark.parametrize("change", [0.05, -2.0])
def test_where_seeds_failed_nothing_good_is_said(change: float) -> None:
    """Neither that it does not matter nor that it is better: of those seeds it was worse than any number of months."""
    found = judge(REFERENCE, {"a": Runs((*runs(*WOBBLE, months=BASE + change).months, math.inf))}, MARGIN)["a"]

    assert found.verdict == "not resolved"
    assert found.change == pytest.approx(change)
    assert found.seeds == 9
    assert found.seeds_to_resolve is None


@pytest.mark.parametrize("change", [-3.0, -1.0, 0.0, 1.0, 3.0])
def test_a_reference_some_of_whose_seeds_failed_is_neither_better_nor_as_good(change: float) -> None:
    """A seed that failed is worse than any other: so nothing is the reference's merit."""
    reference = Runs((*runs(-0.1, 0.0, 0.1, 0.05, -0.05).months, math.inf))
    found = judge(reference, {"variant": runs(-0.1, 0.0, 0.1, months=BASE + change)}, 0.5)["variant"]

    assert found.verdict == ("better without" if change < 0 else "not resolved")
    assert found.seeds_to_resolve is None


def test_against_a_reference_most_of_whose_seeds_failed_there_is_no_verdict() -> None:
    reference = Runs((*runs(-0.1, 0.0, 0.1).months, *[math.inf] * 4))
    family = {"worse": runs(-0.1, 0.0, 0.1, months=BASE + 3), "equal": runs(-0.1, 0.0, 0.1)}

    assert {found.verdict for found in judge(reference, family, 0.5).values()} == {"not tested"}


def test_where_a_seed_failed_the_others_may_still_say_that_it_matters() -> None:
    assert judge(REFERENCE, {"a": Runs((*UP.months, math.inf))}, MARGIN)["a"].verdict == "matters"


# few seeds


def with_images(months: float, seed: int, images: int = 300) -> Runs:
    errors = months + np.random.default_rng(seed).normal(0, 2, images)
    return Runs((months,), errors)


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_seeds_than_can_speak_say_at_most_that_these_trained_models_differ(seeds: int) -> None:
    def trained(months: float, seed: int) -> Runs:
        one = with_images(months, seed)
        return Runs(one.months * seeds, one.errors)

    reference = trained(12.0, 0)
    family = {"far": trained(15.0, 1), "near": trained(12.0, 2), "b": trained(12.3, 3), "c": trained(11.6, 4)}
    found = judge(reference, family, MARGIN, known=Spread(0.4, 8))

    assert found["far"].verdict == "these trained models differ"
    assert found["near"].verdict == "not resolved"
    assert all(each.scope == verdicts.THESE_MODELS and math.isnan(each.p_difference) for each in found.values())
    half = stats.t.isf(0.025, 8) * 0.4 * math.sqrt(2 / seeds)
    if seeds == 1:  # two seeds each are replicates, which the run then knows better
        assert found["far"].high - found["far"].change == pytest.approx(half)
    assert found["far"].p_images < 0.001


def test_few_seeds_without_images_are_not_tested() -> None:
    found = judge(runs(0.0), {"a": runs(1.0)}, MARGIN)["a"]

    assert (found.verdict, found.scope) == ("not tested", verdicts.THESE_MODELS)
    assert all(math.isnan(number) for number in (found.low, found.high, found.p_difference, found.p_images))


def test_the_spread_of_seeds_is_of_replicates_where_there_are_and_else_of_single_trainings() -> None:
    replicates = spread_of(runs(0.0, 0.4), {"a": runs(5.0, 5.2), "b": runs(-3.0)})
    assert replicates == Spread(pytest.approx(math.sqrt((0.08 + 0.02) / 2)), 2)
    single = {str(number): runs(change) for number, change in enumerate((0.3, -0.3, 0.1, -0.1, 0.2, 9.0))}
    found = spread_of(runs(0.0), single)
    assert found is not None
    assert 0.1 < found.sd_months < 0.5  # what lies far out is no luck
    assert spread_of(runs(0.0), {"a": runs(1.0)}) is None
    assert spread_of(runs(0.0), single, Spread(0.7, 12)) == Spread(0.7, 12)


# designs


def test_power_is_that_of_students_test_where_a_family_is_one_variant() -> None:
    """The noncentral t, as statsmodels has it: 8 seeds on either side and an effect of one and a half standard deviations."""
    expected = 1 - stats.nct.cdf(stats.t.isf(0.025, 14), 14, 1.5 * math.sqrt(8 / 2))

    assert power(8, 8, 1, 1.5, 0.0)[0] == pytest.approx(expected, abs=0.03)


def test_what_a_design_can_detect_it_detects_with_the_stated_power() -> None:
    for seeds, reference, variants in ((3, 9, 9), (6, 18, 9), (4, 4, 2)):
        effect = detectable(seeds, reference, variants)
        assert power(seeds, reference, variants, effect, 0.0)[0] == pytest.approx(0.8, abs=0.005)
    assert detectable(3, 9, 9) > detectable(6, 18, 9) > detectable(12, 36, 9)
    assert detectable(3, 9, 9) < detectable(3, 3, 9)


def test_a_larger_variance_of_its_own_counts_the_more_the_more_seeds_know_it() -> None:
    """Between the pooled standard error and that of its own variance; a smaller one of its own is never taken."""
    for variances in ([4.0, 1.0, 1.0], [0.1, 1.0, 1.0]):
        before = 0.0
        for count in (3, 6, 24, 1000):
            seeds, own = np.full(3, count), np.array(variances)
            pooled = math.sqrt(2 * own.mean() / count)
            found = float(standard_errors(own, seeds, seeds - 1)[0])
            most = math.sqrt((max(own[0], own.mean()) + max(own[-1], own.mean())) / count)
            assert pooled <= found <= most * (1 + 1e-12)
            taken = found / most
            assert taken >= before
            before = taken
        assert before == pytest.approx(1, rel=1e-3)


def test_more_spread_never_takes_fewer_seeds() -> None:
    needed = [verdicts.seeds_to_resolve(1.0, sd, 3, 3.0, 0.1, 9, 0.05) for sd in np.geomspace(0.05, 8, 12)]
    known = [101 if seeds is None else seeds for seeds in needed]

    assert known == sorted(known)
    assert known[0] == 4
    assert known[-1] == 101


# looks and the race


def seeds_of_reference(seeds: int) -> int:
    return 2 * seeds


@pytest.mark.parametrize("variants", [1, 15])
@pytest.mark.parametrize("most", [6, 11, 16, 40])
def test_looks_rise_and_spend_alpha(variants: int, most: int) -> None:
    planned = looks(variants, most)

    seeds = [look.seeds for look in planned]
    assert seeds == sorted(set(seeds))
    assert (seeds[0], seeds[-1]) == (verdicts.MIN_SEEDS, most)
    assert sum(look.alpha for look in planned) == pytest.approx(0.05)
    assert looks(0, 16) == looks(3, 2) == []


def study(truth: Sequence[float], most: int, random: np.random.Generator) -> tuple[Runs, dict[str, Runs]]:
    def drawn(change: float, seeds: int) -> Runs:
        return Runs(tuple((BASE + change + random.normal(0, 0.4, seeds)).tolist()))

    reference = drawn(0.0, seeds_of_reference(most))
    return reference, {str(number): drawn(change, most) for number, change in enumerate(truth)}


def run(reference: Runs, family: dict[str, Runs], margin: float, most: int) -> tuple[Raced, dict[str, int]]:
    """The race to its end: seeds are added as it asks for them."""
    have, beside = dict.fromkeys(family, 3), 3
    while True:
        seen = {name: Runs(each.months[: have[name]]) for name, each in family.items()}
        found = race(Runs(reference.months[:beside]), seen, margin, most, seeds_of_reference)
        if found.seeds == have and found.reference == beside:
            return found, have
        assert all(have[name] <= found.seeds[name] <= most for name in family)
        have, beside = found.seeds, found.reference


def test_who_is_resolved_gets_no_more_seeds_and_a_race_told_more_says_the_same() -> None:
    reference, family = study((6.0, 0.0, -6.0, 0.75), 12, np.random.default_rng(4))
    found, have = run(reference, family, 1.0, 12)

    assert [found.verdicts[name].verdict for name in ("0", "2")] == ["matters", "better without"]
    assert have["0"] == have["2"] < 12
    told_more = race(reference, family, 1.0, 12, seeds_of_reference)
    assert repr(told_more.verdicts) == repr(found.verdicts)  # NaN is equal to nothing


def test_nobody_passes_a_look_before_all_have_reached_it() -> None:
    found = race(REFERENCE, {"early": runs(*WOBBLE[:3]), "late": runs(*WOBBLE[:2])}, MARGIN, 12, seeds_of_reference)

    assert found.seeds == {"early": 3, "late": 3}
    assert {each.verdict for each in found.verdicts.values()} == {"not tested"}


def test_p_in_a_race_pays_for_its_look() -> None:
    look = looks(1, 12)[0]
    variant = runs(0.9, 1.1, 1.0)
    found = race(Runs(REFERENCE.months[:6]), {"a": variant}, 0.01, 12, seeds_of_reference).verdicts["a"]
    once = judge(Runs(REFERENCE.months[:6]), {"a": variant}, 0.01)["a"]

    assert found.p_difference == pytest.approx(once.p_difference * 0.05 / look.alpha)


def test_what_seeds_will_hardly_resolve_gets_no_more_of_them() -> None:
    """Half of the margin away, with a spread of four margins: neither question is answered by sixteen seeds."""
    wide = tuple(8 * each for each in WOBBLE)
    reference = runs(*wide, *wide)
    found = race(reference, {"a": runs(*(1.0 + each for each in wide))}, 1.0, 16, seeds_of_reference)

    assert found.verdicts["a"].verdict == "not resolved"
    assert found.seeds["a"] == 8  # as it has
    assert found.verdicts["a"].seeds == 3


def test_a_variant_that_cannot_be_trained_gets_no_more_seeds_and_holds_up_nobody() -> None:
    gone, up = Runs((math.inf,) * 3), Runs(UP.months[:3])
    found = race(REFERENCE, {"gone": gone, "up": up}, MARGIN, 12, seeds_of_reference)

    assert (found.verdicts["gone"].verdict, found.seeds["gone"]) == ("not trainable", 3)
    assert found.verdicts["up"].seeds == 3
    assert race(REFERENCE, {}, MARGIN, 12, seeds_of_reference).seeds == {}


# studies of a known truth

STUDIES = [40, pytest.param(1000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("studies", STUDIES)
@pytest.mark.parametrize(
    ("seeds", "shape", "sd"),
    [
        *((seeds, NORMAL, (spread,) * 10) for seeds in (3, 6, 12) for spread in (0.2, 0.4, 0.8)),
        *((seeds, shape, sd) for seeds in (3, 6, 12) for shape in (RIGHT, LEFT) for sd in (EQUAL, MIXED)),
        *((seeds, NORMAL, MIXED) for seeds in (3, 6, 12)),
    ],
)
def test_of_equal_architectures_one_family_in_twenty_holds_a_false_matters(
    seeds: int, shape: str, sd: Sequence[float], studies: int
) -> None:
    random = np.random.default_rng(11)
    wrong = 0
    for _ in range(studies):
        found = judge(*family_of(seeds, 3 * seeds, random, shape, sd), MARGIN)
        wrong += any(each.verdict == "matters" for each in found.values())

    assert wrong <= most_allowed(studies)


@pytest.mark.parametrize("studies", STUDIES)
@pytest.mark.parametrize(
    ("seeds", "reference", "margin", "least"),
    [(3, 9, 0.3, 0.7), (3, 9, 1.0, 0.7), (6, 6, 0.3, 0.9), (6, 18, 0.3, 0.97)],
)
def test_a_month_of_nine_variants_is_found_with_few_seeds(
    seeds: int, reference: int, margin: float, least: float, studies: int
) -> None:
    random = np.random.default_rng(12)
    found = sum(
        judge(*family_of(seeds, reference, random, effect=1.0), margin)["1"].verdict == "matters"
        for _ in range(studies)
    )

    assert found >= least_allowed(studies, least)


@pytest.mark.parametrize("studies", STUDIES)
@pytest.mark.parametrize("seeds", [3, 6, 16])
def test_intervals_hold_the_truth_as_often_as_they_say(seeds: int, studies: int) -> None:
    random = np.random.default_rng(13)
    held = 0
    for _ in range(studies):
        found = judge(*family_of(seeds, 3 * seeds, random), MARGIN)
        held += found["1"].low <= 0 <= found["1"].high

    assert least_allowed(studies, 0.95) <= held <= studies - least_allowed(studies, 0.03)


@pytest.mark.parametrize("studies", STUDIES)
def test_a_margin_of_a_month_can_be_reached_and_is_rarely_kept_by_what_differs_by_it(studies: int) -> None:
    random = np.random.default_rng(14)
    true = sum(judge(*family_of(6, 18, random), 1.0)["1"].verdict == "does not matter" for _ in range(studies))
    false = sum(
        judge(*family_of(6, 18, random, effect=1.0), 1.0)["1"].verdict == "does not matter" for _ in range(studies)
    )

    assert true >= least_allowed(studies, 0.95)
    assert false <= most_allowed(studies)


@pytest.mark.slow
@pytest.mark.parametrize("studies", [300])
def test_the_looks_of_a_race_together_err_in_one_family_of_twenty(studies: int) -> None:
    random = np.random.default_rng(15)
    wrong = 0
    for _ in range(studies):
        found = race(*study((0.0,) * 6, 12, random), 0.3, 12, seeds_of_reference)
        wrong += any(each.verdict in DIFFERS for each in found.verdicts.values())

    assert wrong <= most_allowed(studies)
