"""Verdicts on changes that are paired by seed: where each is due, then simulated studies whose truth is known.

A simulated study is normal noise of 1 month around true changes; how often a verdict errs is held against an exact
binomial bound, so that a rule which keeps its level fails here once in ten thousand times (of other seeds).
"""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from studies.statistics import verdicts
from studies.statistics.resampling import FLIPS, flips_of_seeds
from studies.statistics.verdicts import Pairs, judge, looks, race

MARGIN = 1.0  # months


def differences(changes: Sequence[float], margin: float = MARGIN) -> tuple[float, float]:
    return flips_of_seeds(tuple(changes), margin)


def most_allowed(studies: int, rate: float = 0.05) -> int:
    """More errors than this have a probability below 1e-4 at the stated rate."""
    return int(stats.binom.ppf(1 - 1e-4, studies, rate))


# one family


def judged(*changes: Sequence[float], margin: float = MARGIN) -> list[verdicts.Verdict]:
    return list(judge({str(number): Pairs(tuple(each)) for number, each in enumerate(changes)}, margin).values())


UP = (2.1, 2.4, 1.9, 2.2, 2.6, 2.0, 2.3, 1.8)
NEAR = (0.1, -0.2, 0.0, 0.2, -0.1, 0.1, -0.3, 0.2)
WIDE = (4.0, -3.0, 2.5, -1.0, 3.0, -4.0, 1.0, -2.0)


def test_the_four_verdicts() -> None:
    found = judged(UP, [-change for change in UP], NEAR, WIDE)

    assert [each.verdict for each in found] == ["matters", "better without", "does not matter", "not resolved"]
    assert all(each.scope == verdicts.ARCHITECTURES and each.seeds == 8 for each in found)
    assert found[0].p_difference == pytest.approx(4 * 2 / 2**8)
    assert found[2].p_equivalence == pytest.approx(4 * 1 / 2**8)


def test_a_sure_difference_within_the_margin_does_not_matter() -> None:
    (found,) = judged(UP, margin=5.0)

    assert found.p_difference <= 0.05
    assert found.verdict == "does not matter"


def test_a_family_judges_more_strictly_than_a_variant_by_itself() -> None:
    six = UP[:6]

    assert judged(six)[0].verdict == "matters"
    assert [each.verdict for each in judged(six, six)] == ["not resolved"] * 2  # 2 · 2/2^6 > 0.05


def test_the_same_family_gets_the_same_verdicts_in_any_order() -> None:
    family = {"up": Pairs(UP), "near": Pairs(NEAR), "wide": Pairs(WIDE)}

    found = judge(family, MARGIN)

    assert judge(dict(reversed(family.items())), MARGIN) == found
    assert list(found) == list(family)


def test_a_variant_of_which_fewer_than_half_of_the_seeds_gave_a_result_is_not_trainable() -> None:
    half, fewer, none = (1.0,) * 3 + (math.inf,) * 3, (1.0,) * 2 + (math.inf,) * 3, (math.inf,) * 6
    family = {name: Pairs(changes) for name, changes in (("half", half), ("fewer", fewer), ("none", none))}

    found = judge(family, MARGIN)

    assert [each.verdict for each in found.values()] == ["not tested", "not trainable", "not trainable"]
    assert [each.seeds for each in found.values()] == [6, 5, 6]
    assert found["none"].scope == verdicts.ARCHITECTURES
    assert all(math.isnan(number) for number in (found["none"].low, found["none"].change, found["none"].p_difference))


def test_a_variant_that_cannot_be_tested_is_of_the_family_all_the_same() -> None:
    """Who is compared is settled before anything runs; what fails must not make the others' verdicts easier."""
    found = judge({"up": Pairs(UP[:6]), "gone": Pairs((math.inf,) * 6), "few": Pairs((1.0,))}, MARGIN)

    assert found["up"].p_difference == pytest.approx(3 * 2 / 2**6)


@pytest.mark.parametrize("failed", [1, 3])
@pytest.mark.parametrize("changes", [NEAR, tuple(-change for change in UP)])
def test_where_seeds_failed_nothing_good_is_said(changes: tuple[float, ...], failed: int) -> None:
    """Neither that it does not matter nor that it is better: of those seeds it was worse than any number of months."""
    (found,) = judged((*changes, *(math.inf,) * failed))

    assert found.verdict == "not resolved"
    assert found.change == pytest.approx(np.mean(changes))
    assert found.seeds == 8 + failed
    assert found.seeds_to_resolve is None


def test_where_a_seed_failed_the_others_may_still_say_that_it_matters() -> None:
    assert judged((*UP, math.inf))[0].verdict == "matters"


def test_images_say_nothing_good_either_where_a_seed_failed() -> None:
    by_image = np.random.default_rng(2).normal(0, 1, (2, 400))
    changes = (*by_image.mean(axis=1).tolist(), math.inf)

    assert judge({"a": Pairs(changes[:2], by_image)}, MARGIN)["a"].verdict == "does not matter"
    assert judge({"a": Pairs(changes, by_image)}, MARGIN)["a"].verdict == "not resolved"


@pytest.mark.parametrize("changes", [(), (1.0,), (1.0, 2.0)])
def test_few_seeds_without_images_are_not_tested(changes: tuple[float, ...]) -> None:
    (found,) = judged(changes)

    assert (found.verdict, found.scope) == ("not tested", verdicts.THESE_MODELS)
    assert all(math.isnan(number) for number in (found.low, found.high, found.p_difference, found.p_equivalence))
    assert (found.seeds_to_resolve is None) == (len(changes) < 2)


def test_few_seeds_are_judged_over_images_whose_seeds_are_averaged_first() -> None:
    by_image = np.random.default_rng(2).normal(2, 3, (3, 200))
    by_image[1:] = by_image[0]  # thrice the same network is no more than once
    changes = tuple(by_image.mean(axis=1).tolist())

    thrice = judge({"a": Pairs(changes, by_image)}, MARGIN)["a"]
    once = judge({"a": Pairs(changes[:1], by_image[:1])}, MARGIN)["a"]

    assert (thrice.verdict, thrice.scope) == ("matters", verdicts.THESE_MODELS)
    assert thrice.low < thrice.change < thrice.high
    assert (thrice.low, thrice.high, thrice.p_difference) == pytest.approx((once.low, once.high, once.p_difference))


def test_images_of_failed_seeds_do_not_exist() -> None:
    Pairs((1.0, math.inf), np.zeros((1, 5)))
    with pytest.raises(ValueError, match="2 finite changes; got 1"):
        Pairs((1.0, 2.0), np.zeros((1, 5)))


# how many seeds it would take


def test_no_number_of_seeds_is_named_that_could_not_reject() -> None:
    changes = np.array([1.0, 1.001, 0.999])

    for alpha in (0.05, 0.005, 0.0005):
        least = max(6, math.ceil(math.log2(2 / alpha)))
        assert verdicts.seeds_to_resolve(changes, 0.0, alpha) == least
        least = max(6, math.ceil(math.log2(1 / alpha)))
        assert verdicts.seeds_to_resolve(changes, 100.0, alpha) == least


def test_more_spread_never_takes_fewer_seeds() -> None:
    """Over the whole range of sure to hopeless; a NaN of the noncentral t would show as a jump."""
    shape = np.array([-1.0, 0.0, 1.0])
    for alpha in (0.05, 0.005, 0.0005):
        needed = [verdicts.seeds_to_resolve(1 + shape * spread, 0.1, alpha) for spread in np.geomspace(0.05, 8, 40)]
        known = [101 if seeds is None else seeds for seeds in needed]

        assert known == sorted(known)
        assert len(set(known)) > 10


def test_what_no_affordable_number_resolves_has_none() -> None:
    changes = np.array([2.0, -2.0, 2.1, -2.1])

    assert verdicts.seeds_to_resolve(changes, 0.1, 0.05) is None
    assert verdicts.seeds_to_resolve(np.zeros(6), 0.0, 0.05) is None
    assert verdicts.seeds_to_resolve(changes[:1], 10.0, 0.05) is None


@pytest.mark.parametrize("margin", [0.0, 100.0])
def test_beyond_the_flips_that_are_drawn_no_number_of_seeds_is_promised(margin: float) -> None:
    """However sure the changes: of so many drawn flips none is rarer than one."""
    least = (1 if margin else 2) / (FLIPS + 1)

    assert verdicts.seeds_to_resolve(np.array([1.0, 1.001, 0.999]), margin, 1.01 * least) is not None
    assert verdicts.seeds_to_resolve(np.array([1.0, 1.001, 0.999]), margin, 0.99 * least) is None


@pytest.mark.parametrize(
    ("mean", "margin", "alpha"),
    [
        (1.2, 0.1, 0.05),
        pytest.param(0.0, 1.0, 0.05, marks=pytest.mark.slow),
        pytest.param(1.0, 0.1, 0.01, marks=pytest.mark.slow),
    ],
)
def test_the_seeds_to_resolve_give_about_the_stated_power(mean: float, margin: float, alpha: float) -> None:
    shape = stats.norm.ppf((np.arange(5) + 0.5) / 5)
    seen = mean + shape / shape.std(ddof=1)  # mean and spread are exactly the true ones
    seeds = verdicts.seeds_to_resolve(seen, margin, alpha)
    assert seeds is not None
    random = np.random.default_rng(3)
    studies = 250

    p = [differences(random.normal(mean, 1, seeds).tolist(), margin) for _ in range(studies)]

    assert 0.70 < sum(min(each) <= alpha for each in p) / studies < 0.92


# looks


@pytest.mark.parametrize("variants", [1, 4, 10, 15])
@pytest.mark.parametrize("most", [6, 11, 16, 20, 40])
def test_looks_rise_spend_no_more_than_alpha_and_none_is_in_vain(variants: int, most: int) -> None:
    planned = looks(variants, most)

    seeds = [look.seeds for look in planned]
    assert seeds == sorted(set(seeds))
    assert all(6 <= count <= most for count in seeds)
    assert sum(look.alpha for look in planned) <= 0.05 + 1e-12
    assert all(variants * max(2 / 2**look.seeds, 2 / (FLIPS + 1)) <= look.alpha + 1e-9 for look in planned)


def test_what_early_looks_could_not_use_is_spent_later() -> None:
    planned = looks(10, 16)

    assert [look.seeds for look in planned] == [10, 12, 14, 16]
    assert planned[0].alpha == pytest.approx(0.05 * (10 / 16) ** 2)
    assert sum(look.alpha for look in planned) == pytest.approx(0.05)


def test_too_many_variants_for_too_few_seeds_are_never_looked_at() -> None:
    assert looks(10, 6) == looks(0, 16) == looks(3, 5) == []


# the race


def normal_study(truth: Sequence[float], most: int, random: np.random.Generator) -> dict[str, tuple[float, ...]]:
    return {str(number): tuple(random.normal(change, 1, most)) for number, change in enumerate(truth)}


def run(
    study: dict[str, tuple[float, ...]], margin: float, most: int, start: int = 6
) -> tuple[dict[str, verdicts.Verdict], dict[str, Pairs]]:
    """The race to its end: seeds are added as it asks for them."""
    have = dict.fromkeys(study, start)
    while True:
        family = {name: Pairs(changes[: have[name]]) for name, changes in study.items()}
        answer = race(family, margin, most)
        wanted = {name: seeds for name, (_, seeds) in answer.items()}
        if wanted == have:
            return {name: verdict for name, (verdict, _) in answer.items()}, family
        assert all(have[name] <= wanted[name] <= most for name in study)
        have = wanted


def test_who_is_resolved_gets_no_more_seeds_and_keeps_the_verdict() -> None:
    study = {"up": UP * 2, "near": NEAR * 2, "wide": WIDE * 2}

    found, family = run(study, MARGIN, 16)

    assert {name: each.verdict for name, each in found.items()} == {
        "up": "matters",
        "near": "does not matter",
        "wide": "not resolved",
    }
    first = looks(3, 16)[0].seeds
    assert [len(pairs.changes) for pairs in family.values()] == [first, first, 16]


def test_a_race_told_more_than_it_asked_for_says_the_same() -> None:
    """Seeds of a variant beyond the look that resolved it are not read."""
    study = normal_study((2.5, 0.0, 1.2), 12, np.random.default_rng(4))
    found, _ = run(study, MARGIN, 12)

    at_once = race({name: Pairs(changes) for name, changes in study.items()}, MARGIN, 12)

    assert {name: verdict for name, (verdict, _) in at_once.items()} == found
    assert all(seeds == 12 for _, seeds in at_once.values())


def test_nobody_passes_a_look_before_all_have_reached_it() -> None:
    first = looks(2, 12)[0].seeds
    family = {"early": Pairs(UP[:first]), "late": Pairs(UP[: first - 1])}

    answer = race(family, MARGIN, 12)

    assert {name: (verdict.verdict, seeds) for name, (verdict, seeds) in answer.items()} == {
        "early": ("not resolved", first),
        "late": ("not resolved", first),
    }
    assert math.isnan(answer["early"][0].p_difference)  # nothing is tested yet


def test_p_in_a_race_pays_for_its_look() -> None:
    look = looks(1, 12)[0]
    ((verdict, _),) = race({"up": Pairs(UP[: look.seeds])}, MARGIN, 12).values()

    assert verdict.p_difference == pytest.approx(2 / 2**look.seeds * 0.05 / look.alpha)


def test_what_an_early_look_rejected_makes_later_ones_easier_for_the_others() -> None:
    last = looks(2, 10)[-1]
    slow = (2.0, 1.0, 3.0, -1.5, 2.0, 1.0, -1.0, 2.0, 1.0, 1.5)

    verdict, _ = race({"up": Pairs(UP), "slow": Pairs(slow)}, 0.1, 10)["slow"]

    assert verdict.seeds == last.seeds == 10
    assert verdict.p_difference == pytest.approx(differences(slow, 0.1)[0] * 0.05 / last.alpha)  # and not twice that


def test_a_variant_that_cannot_be_trained_gets_no_more_seeds_and_holds_up_nobody() -> None:
    first = looks(2, 12)[0].seeds

    answer = race({"gone": Pairs((math.inf,) * 6), "up": Pairs(UP[:first])}, MARGIN, 12)

    assert (answer["gone"][0].verdict, answer["gone"][1]) == ("not trainable", 6)
    assert answer["up"][0].verdict == "matters"


def test_a_race_gives_up_what_fails_once_no_seed_to_come_can_save_it() -> None:
    """The first look of nine is after ten seeds: with five failed the other five may train, with six they are too few."""
    assert looks(9, 16)[0].seeds == 10
    others = {str(number): Pairs(NEAR[:7]) for number in range(7)}
    family = {"five": Pairs((math.inf,) * 5 + NEAR[:2]), "six": Pairs((math.inf,) * 6 + NEAR[:1]), **others}

    answer = race(family, MARGIN, 16)

    assert (answer["five"][0].verdict, answer["five"][1]) == ("not tested", 10)
    assert (answer["six"][0].verdict, answer["six"][1]) == ("not trainable", 7)


def test_a_variant_that_begins_to_fail_drops_out_of_the_race_and_makes_nothing_easier_for_the_others() -> None:
    first, second = (look.seeds for look in looks(2, 12)[:2])
    falling = (*WIDE[: first - 3], *(math.inf,) * second)[:12]
    family = {"falling": Pairs(falling), "wide": Pairs(WIDE[:8] + NEAR[:4])}

    answer = race(family, MARGIN, 12)

    assert (answer["falling"][0].verdict, answer["wide"][0].verdict) == ("not trainable", "not resolved")
    alone = differences(family["wide"].changes)[0]
    assert answer["wide"][0].p_difference == pytest.approx(min(1.0, 2 * alone * 0.05 / looks(2, 12)[-1].alpha))


@pytest.mark.parametrize(("variants", "most"), [(1, 6), (9, 16), (15, 40), (60, 20)])
def test_changes_of_one_sign_are_resolved_at_the_first_look(variants: int, most: int) -> None:
    changes = tuple(np.linspace(1.5, 2.5, looks(variants, most)[0].seeds).tolist())
    family = {str(number): Pairs(changes) for number in range(variants)}

    assert {found.verdict for found, _ in race(family, 0.1, most).values()} == {"matters"}


def test_where_no_look_is_possible_no_seed_is_asked_for() -> None:
    family = {str(number): Pairs(NEAR[:6]) for number in range(10)}

    assert [(verdict.verdict, seeds) for verdict, seeds in race(family, MARGIN, 6).values()] == [
        ("not resolved", 6)
    ] * 10
    assert race({}, MARGIN, 12) == {}


# studies of a known truth


def errors_of_judge(truth: Sequence[float], seeds: int, studies: int, wrong: set[str], margin: float = MARGIN) -> int:
    random = np.random.default_rng(11)
    found = (judged(*normal_study(truth, seeds, random).values(), margin=margin) for _ in range(studies))
    return sum(any(each.verdict in wrong for each in family) for family in found)


def errors_of_race(truth: Sequence[float], studies: int, wrong: set[str], margin: float = MARGIN) -> int:
    """Given all seeds at once: it says the same as asked seed by seed, as is tested above."""
    random = np.random.default_rng(12)
    most = 10
    families = (normal_study(truth, most, random) for _ in range(studies))
    raced = (race({name: Pairs(each) for name, each in family.items()}, margin, most) for family in families)
    return sum(any(verdict.verdict in wrong for verdict, _ in found.values()) for found in raced)


DIFFERS = {"matters", "better without"}
EQUAL = {"does not matter"}
FAST_AND_SLOW = pytest.mark.parametrize("studies", [30, pytest.param(300, marks=pytest.mark.slow)])


@FAST_AND_SLOW
def test_of_families_without_any_difference_judge_errs_in_one_of_twenty(studies: int) -> None:
    assert errors_of_judge((0.0,) * 3, 8, studies, DIFFERS, margin=0.0) <= most_allowed(studies)


@FAST_AND_SLOW
def test_of_families_that_differ_by_the_margin_judge_calls_one_of_twenty_equal(studies: int) -> None:
    assert errors_of_judge((MARGIN, -MARGIN, MARGIN), 8, studies, EQUAL) <= most_allowed(studies)


@FAST_AND_SLOW
def test_of_families_without_any_difference_a_race_errs_in_one_of_twenty(studies: int) -> None:
    assert errors_of_race((0.0,) * 3, studies, DIFFERS, margin=0.0) <= most_allowed(studies)


@FAST_AND_SLOW
def test_of_families_that_differ_by_the_margin_a_race_calls_one_of_twenty_equal(studies: int) -> None:
    assert errors_of_race((MARGIN, -MARGIN, MARGIN), studies, EQUAL) <= most_allowed(studies)


@pytest.mark.slow
def test_real_differences_do_not_make_false_ones_likelier_in_a_race() -> None:
    """Holm and the looks pass on the alpha of what they rejected; the variant at 0 must not gain by more than that."""
    random = np.random.default_rng(13)
    studies, wrong = 200, 0
    for _ in range(studies):
        family = normal_study((3.0, -3.0, 0.0), 10, random)
        verdict, _ = race({name: Pairs(each) for name, each in family.items()}, 0.0, 10)["2"]
        wrong += verdict.verdict in DIFFERS

    assert wrong <= most_allowed(studies)


@pytest.mark.parametrize("studies", [20, pytest.param(160, marks=pytest.mark.slow)])
def test_of_trained_models_that_do_not_differ_over_images_judge_errs_in_one_of_twenty(studies: int) -> None:
    random = np.random.default_rng(14)
    wrong = 0
    for _ in range(studies):
        by_image = random.standard_t(5, (3, 2, 60))  # variants, seeds, images: heavier tails than normal
        family = {str(n): Pairs(tuple(each.mean(axis=1).tolist()), each) for n, each in enumerate(by_image)}
        wrong += any(each.verdict in DIFFERS for each in judge(family, 0.0).values())

    assert wrong <= most_allowed(studies)


def test_a_race_resolves_large_differences_with_fewer_seeds_than_all() -> None:
    random = np.random.default_rng(15)
    for _ in range(3):
        found, family = run(normal_study((4.0, -4.0, 4.0, 4.0), 16, random), MARGIN, 16)

        assert [each.verdict for each in found.values()] == ["matters", "better without", "matters", "matters"]
        assert sum(len(pairs.changes) for pairs in family.values()) < 0.8 * 4 * 16
