"""The audit of a prepared store, on data whose faults were put there, and on data without."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data.audit.audit import audit
from data.audit.balance import ALPHA, comparisons
from data.audit.copies import LEAST_AGREEMENT
from data.audit.images import looked_at, twins
from data.audit.measures import Audit
from data.cases import SPLITS
from data.holm import holm
from data.phantom.ossification import ATLAS_PLATES_MONTHS
from data.preparation import Preparation
from data.problems import Problem, problems_table, unusable
from data.store.disk import Store
from data.store.prepare import prepare

REAL = Path(__file__).parents[2] / "shared" / "radiographs"
PX = 64


def table(train: int = 2000, validation: int = 400, test: int = 200, seed: int = 0) -> pd.DataFrame:
    """Cases as RSNA has them: one population, atlas plates in training and validation, decimals in test."""
    draw = np.random.default_rng(seed)
    split = np.repeat(["train", "validation", "test"], [train, validation, test])
    count = len(split)
    male = draw.random(count) < 0.54
    plates = [np.array(ATLAS_PLATES_MONTHS[sex])[8:] for sex in (0, 1)]
    ages = np.where(male, draw.choice(plates[1], count), draw.choice(plates[0], count)).astype(float)
    ages = np.where(split == "test", np.clip(ages + draw.normal(0, 5, count), 1, 228), ages)
    return pd.DataFrame(
        {
            "id": [f"case-{number}" for number in range(count)],
            "age_months": ages,
            "male": male,
            "split": split,
            "checksum": "",
            "width_px": 1500,
            "height_px": 2000,
        }
    )


def noise(count: int, px: int = PX, seed: int = 0) -> np.ndarray:
    """Pictures of 4 px squares that have nothing in common; none is bright."""
    squares = np.random.default_rng(seed).integers(0, 128, (count, px // 4, px // 4), dtype=np.uint8)
    return squares.repeat(4, axis=1).repeat(4, axis=2)


def no_problems() -> pd.DataFrame:
    return problems_table([])


def problems(*faults: str) -> pd.DataFrame:
    return problems_table(unusable(str(n), f"{n}.png", fault) for n, fault in enumerate(faults))


def audited(
    cases: pd.DataFrame | None = None, images: np.ndarray | None = None, left_out: pd.DataFrame | None = None
) -> Audit:
    cases = table(60, 20, 20) if cases is None else cases
    images = noise(len(cases)) if images is None else images
    return audit(cases, no_problems() if left_out is None else left_out, images, images.shape[1], synthetic=False)


def said(found: Audit, level: str) -> str:
    return " ".join(finding.text for finding in found.findings if finding.level == level)


# Counts and labels


def test_a_clean_set_has_nothing_to_worry_about() -> None:
    assert said(audited(), "worry") == ""


@pytest.mark.slow
def test_counts_and_ages_are_those_of_the_table() -> None:
    cases = table()
    found = {(group.split, group.sex): group for group in audited(cases, noise(len(cases), 48)).groups}

    girls = cases[(cases["split"] == "train") & ~cases["male"]]["age_months"]
    group = found["train", "girls"]
    assert group.cases == len(girls) == sum(group.histogram)
    assert (group.age_median, group.age_min) == (girls.median(), girls.min())
    assert group.age_sd == pytest.approx(girls.std())
    assert group.histogram[5] == girls.between(60, 71.99).sum()
    assert len(group.histogram) == 20


def test_a_label_beyond_the_last_bin_is_counted_in_it() -> None:
    cases = table(20, 20, 0).assign(male=True, age_months=250.0)

    assert audited(cases).groups[0].histogram[-1] == 20


def test_json_has_everything_and_nothing_but_json(tiny_store: Store) -> None:
    found = audit(tiny_store.cases, tiny_store.problems, tiny_store.images, tiny_store.image_px, tiny_store.synthetic)

    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["cases"] == 60
    assert plain["synthetic"] is True
    assert {finding["level"] for finding in plain["findings"]} <= {"worry", "note"}


def test_single_readings_sit_on_atlas_plates_and_means_do_not() -> None:
    found = audited()

    assert [group.plate_share for group in found.groups] == [1, 1, 1, 1, 0, 0]
    assert [group.whole_share for group in found.groups] == [1, 1, 1, 1, 0, 0]
    assert "means of several readings" in said(found, "note")
    assert "single readings" not in said(found, "worry")


def test_test_labels_that_are_single_readings_are_a_worry() -> None:
    cases = table(100, 30, 30)
    cases.loc[cases["split"] == "test", "age_months"] = 120.0

    assert "100% of the test labels are exactly an atlas plate" in said(audited(cases), "worry")


def test_years_for_months_are_a_worry() -> None:
    cases = table(60, 20, 20)
    assert "years" in said(audited(cases.assign(age_months=cases["age_months"] / 12)), "worry")


def test_days_for_months_are_a_worry() -> None:
    cases = table(60, 20, 20)
    assert "days" in said(audited(cases.assign(age_months=cases["age_months"] * 30.44)), "worry")


def test_labels_refused_as_too_old_hint_at_days() -> None:
    refused = ["age: bone age is in months, 0 to 300; got '3650'"] * 60

    assert "days" in said(audited(left_out=problems(*refused)), "worry")
    assert "days" not in said(audited(left_out=problems(*refused[:3])), "worry")


def test_a_label_outside_rsnas_range_is_named() -> None:
    cases = table(60, 20, 20)
    cases.loc[3, "age_months"] = 0.0
    cases.loc[7, "age_months"] = 231.0

    found = audited(cases)
    assert found.out_of_range_ids == ["case-3", "case-7"]
    assert "2 labels outside 1 to 228 months" in said(found, "worry")


def test_years_that_training_hardly_covers_are_found_by_sex() -> None:
    ages = np.concatenate([np.full(40, 121.0), np.full(29, 133.0), np.full(40, 145.0), np.full(40, 157.0)])
    girls = table(len(ages), 0, 0).assign(male=False, age_months=ages)
    boys = table(len(ages), 0, 0).assign(male=True, age_months=121.0)
    cases = pd.concat([girls, boys], ignore_index=True)

    assert audited(cases).rare_years == {"girls": [11], "boys": []}


# Balance


@pytest.mark.slow
def test_a_random_split_is_called_imbalanced_no_more_often_than_stated() -> None:
    """One population, tied on plates in training and validation, decimals in test; three standard errors allowed."""
    audits = 150
    made = [comparisons(table(600, 150, 100, seed)) for seed in range(audits)]

    limit = audits * ALPHA + 3 * np.sqrt(audits * ALPHA * (1 - ALPHA))
    assert sum(any(one.holm_p < ALPHA for one in found) for found in made) <= limit
    assert sum(any(one.imbalanced for one in found) for found in made) <= limit


@pytest.mark.slow
def test_films_of_few_patients_are_called_imbalanced_no_more_often_than_stated() -> None:
    """Eight films of each patient, whose sex is one and whose ages are close; over films, most such splits look imbalanced."""
    audits, films = 150, 8
    by_patient, by_film = [], []
    for seed in range(audits):
        random = np.random.default_rng(seed)
        cases = table(60, 30, 20, seed)
        cases = cases.loc[cases.index.repeat(films)].reset_index()
        cases["age_months"] += random.normal(0, 3, len(cases))
        by_patient.append(comparisons(cases, cases["index"].to_numpy()))
        by_film.append(comparisons(cases))

    limit = audits * ALPHA + 3 * np.sqrt(audits * ALPHA * (1 - ALPHA))
    assert sum(any(one.holm_p < ALPHA for one in found) for found in by_patient) <= limit
    assert sum(any(one.holm_p < ALPHA for one in found) for found in by_film) > audits / 2
    for of_patients, of_films in zip(by_patient, by_film, strict=True):
        shown = {(one.second, one.what, one.effect) for one in of_patients}
        assert shown <= {(one.second, one.what, one.effect) for one in of_films}


def test_films_of_fewer_patients_than_can_be_compared_are_not_compared() -> None:
    cases = table(60, 20, 0)

    assert comparisons(cases, np.arange(len(cases)) // 3) == []
    assert comparisons(cases, np.arange(len(cases)) // 2) != []


@pytest.mark.slow
def test_a_planted_imbalance_of_sex_is_found() -> None:
    cases = table()
    validation = np.flatnonzero(cases["split"] == "validation")
    cases.loc[validation, "male"] = np.arange(len(validation)) % 4 > 0

    found = audited(cases, noise(len(cases), 48))
    sex = next(one for one in found.comparisons if (one.what, one.second) == ("sex", "validation"))
    assert sex.imbalanced
    assert sex.effect == pytest.approx(sex.second_value - sex.first_value)
    assert "validation 75%" in said(found, "worry")


def test_a_planted_shift_of_age_within_one_sex_is_found_there() -> None:
    cases = table(3000, 800, 0)
    shifted = (cases["split"] == "validation") & cases["male"]
    cases.loc[shifted, "age_months"] = np.minimum(cases.loc[shifted, "age_months"] + 30, 228)

    found = {one.what: one for one in comparisons(cases)}
    assert found["age of boys"].imbalanced
    assert found["age of boys"].effect == pytest.approx(0.3, abs=0.15)
    assert not found["age of girls"].imbalanced


def test_a_difference_in_spread_alone_is_found() -> None:
    cases = table(1500, 500, 0)
    held_out = cases["split"] == "validation"
    mean = cases["age_months"].mean()
    cases.loc[held_out, "age_months"] = mean + (cases.loc[held_out, "age_months"] - mean) / 3

    found = {one.what: one for one in comparisons(cases)}
    assert found["spread of age"].imbalanced
    assert found["spread of age"].effect == pytest.approx(1 / 9, abs=0.03)
    assert not found["age"].imbalanced


@pytest.mark.parametrize(("ages", "alike"), [((60.0, 72.0), True), ((60.1, 72.3), True), ((60.0, 180.0), False)])
def test_two_ages_half_and_half_on_each_side_are_compared_by_numbers(ages: tuple[float, float], alike: bool) -> None:
    """All of them are equally far from their median."""
    cases = table(40, 20, 0)
    cases["age_months"] = (
        np.where(np.arange(60) % 2, 60.1, 72.3) if ages[0] % 1 else np.where(np.arange(60) % 2, 60.0, 72.0)
    )
    held_out = cases["split"] == "validation"
    cases.loc[held_out, "age_months"] = np.where(np.arange(20) % 2, *ages)

    found = {one.what: one for one in comparisons(cases)}
    assert all(np.isfinite([one.p, one.holm_p, one.effect]).all() for one in found.values())
    assert found["spread of age"].p == (1.0 if alike else 0.0)
    assert found["spread of age"].imbalanced is not alike


def test_a_significant_difference_too_small_to_matter_is_not_called_imbalance() -> None:
    cases = table(40_000, 40_000, 0)
    cases.loc[cases["split"] == "validation", "male"] = np.random.default_rng(1).random(40_000) < 0.57

    sex = next(one for one in comparisons(cases) if one.what == "sex")
    assert sex.holm_p < 0.001
    assert not sex.imbalanced


@pytest.mark.slow
def test_rsnas_balanced_test_set_is_a_note_and_no_worry() -> None:
    cases = table(6000, 1000, 200)
    cases.loc[cases["split"] == "test", "male"] = np.arange(200) % 2 == 0

    found = audited(cases, noise(len(cases), 48))
    assert "as many girls as boys (100 each)" in said(found, "note")
    assert said(found, "worry") == ""


def test_splits_too_small_to_compare_are_not_compared() -> None:
    assert {one.second for one in comparisons(table(60, 20, 3))} == {"validation"}


def test_splits_without_any_spread_can_be_compared() -> None:
    one_sex = table(60, 20, 20).assign(male=True, age_months=120.0)
    found = comparisons(one_sex)
    assert [one.p for one in found] == [1.0] * len(found)

    one_sex.loc[one_sex["split"] == "validation", "age_months"] = 60.0
    assert "age" in {one.what for one in comparisons(one_sex) if one.imbalanced}


def test_holms_correction_is_the_one_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


# Leaks


def test_official_test_ids_outside_the_test_split_are_a_leak_risk() -> None:
    cases = table(60, 20, 0).assign(id=[str(4330 + number) for number in range(80)])

    assert "Leak risk: 50 cases" in said(audited(cases), "worry")
    assert "Leak risk" not in said(audited(cases.assign(split="test")), "worry")


def test_a_foreign_id_among_rsnas_does_not_take_the_leak_risk_away() -> None:
    cases = table(60, 20, 0).assign(id=[str(4330 + number) for number in range(80)])
    cases.loc[0, "id"] = "KH001"

    assert "Leak risk" in said(audited(cases), "worry")


def test_ids_of_another_clinic_are_no_leak_risk() -> None:
    cases = table(60, 20, 0).assign(id=[str(4330 + number) for number in range(80)])
    cases.loc[:4, "id"] = [str(20001 + number) for number in range(5)]

    assert "Leak risk" not in said(audited(cases), "worry")
    assert "Leak risk" not in said(audited(), "worry")  # names, no numbers


def changed(image: np.ndarray) -> np.ndarray:
    """The same picture as another program would save it: smaller and back, darker, with noise."""
    smaller = Image.fromarray(image).resize((48, 48), Image.Resampling.LANCZOS)
    again = np.asarray(smaller.resize(image.shape[::-1], Image.Resampling.BICUBIC)).astype(float)
    return np.clip(again * 0.85 + np.random.default_rng(0).normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def test_a_near_duplicate_across_splits_is_found_and_nothing_else() -> None:
    cases = table(60, 20, 20)
    images = noise(100)
    images[70] = changed(images[5])
    cases.loc[70, ["age_months", "male"]] = cases.loc[5, ["age_months", "male"]].to_numpy()

    found = audited(cases, images)
    (pair,) = found.twins
    assert (pair.first, pair.second) == ("case-5", "case-70")
    assert pair.across_splits
    assert not pair.labels_differ
    assert LEAST_AGREEMENT <= pair.agreement < 1
    assert "1 pair of images" in said(found, "worry")


def test_a_near_duplicate_in_one_split_with_equal_labels_is_a_note() -> None:
    cases = table(60, 20, 20)
    images = noise(100)
    images[6] = changed(images[5])
    cases.loc[6, ["age_months", "male"]] = cases.loc[5, ["age_months", "male"]].to_numpy()

    found = audited(cases, images)
    assert len(found.twins) == 1
    assert "1 pair of images" in said(found, "note")
    assert said(found, "worry") == ""

    cases.loc[6, "age_months"] += 12
    assert "find out which label is right" in said(audited(cases, images), "worry")


def test_drawn_hands_are_alike_and_no_duplicates(tiny_store: Store) -> None:
    assert audited(tiny_store.cases, tiny_store.images).twins == []


def test_what_was_left_out_is_counted_by_kind() -> None:
    equal = Problem("8", "8.png", "duplicate", "said in any words", "7", across_splits=True, labels_differ=True)
    damaged = [unusable(id, f"{id}.png", f"unreadable: {id}.png is empty") for id in "ab"]
    found = audited(left_out=problems_table([equal, *damaged]))

    assert found.problems == {"unreadable": 2, "duplicate": 1}
    assert "3 cases of 103 were left out" in said(found, "note")
    assert "1 image equalled another pixel for pixel and was left out, 1 of them across splits" in said(found, "worry")


# Images


def test_images_without_contrast_are_counted() -> None:
    images = noise(100)
    images[:30] = 100 + images[:30] // 8

    found = audited(images=images)
    assert found.pictures.low_contrast_share == pytest.approx(0.3)
    assert "30.0% of the images have hardly any contrast" in said(found, "worry")
    synthetic = audit(table(60, 20, 20), no_problems(), images, PX, synthetic=True)
    assert "contrast" not in said(synthetic, "worry")  # the phantom draws it so


@pytest.mark.parametrize(
    "edge", [np.s_[:3], np.s_[-3:], np.s_[:, :3], np.s_[:, -3:]], ids=["top", "bottom", "left", "right"]
)
def test_a_bright_edge_on_any_side_is_counted(edge: tuple[slice, ...]) -> None:
    images = noise(100)
    images[40][edge] = 255

    assert audited(images=images).pictures.bright_border_share == pytest.approx(0.01)


def test_a_forearm_at_the_edge_is_no_bright_edge() -> None:
    images = noise(100)
    images[:, -20:, 15:45] = 220

    assert audited(images=images).pictures.bright_border_share == 0


def test_empty_and_saturated_images_are_named() -> None:
    images = noise(100)
    images[3] = 12
    images[9, :40] = 255

    found = audited(images=images)
    assert found.pictures.poor_ids == ["case-3", "case-9"]
    assert "case-3, case-9" in said(found, "worry")


def test_files_smaller_than_the_prepared_image_are_counted() -> None:
    cases = table(60, 20, 20)
    cases.loc[:9, ["width_px", "height_px"]] = [40, 50]

    found = audited(cases)
    assert found.pictures.upsampled == 10
    assert f"10 files smaller than {PX} px" in said(found, "worry")
    assert found.pictures.sizes == [(1500, 2000, 90), (40, 50, 10)]
    assert found.pictures.aspect.median == 0.75


def test_images_are_the_same_however_many_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(100)
    images[70] = changed(images[5])
    whole = audited(images=images)
    monkeypatch.setattr("data.films.traits.READ_AT_ONCE", 7 * PX**2)
    monkeypatch.setattr("data.audit.images.COMPARED_AT_ONCE", 9)

    again = audited(images=images)
    assert again.pictures == whole.pictures
    assert [(pair.first, pair.second) for pair in again.twins] == [("case-5", "case-70")]


def test_images_that_are_all_alike_are_each_named_once() -> None:
    one = noise(1)[0]
    cases = table(60, 20, 20)

    found = audited(cases, np.stack([one] * 100))

    assert len(found.twins) == 99
    assert {pair.second for pair in found.twins} == set(cases["id"][1:])


@given(drawn=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(SPLITS)), min_size=2, max_size=30))
@settings(deadline=None, max_examples=30)
def test_no_picture_that_is_on_two_sides_is_missed(drawn: list[tuple[int, str]]) -> None:
    pictures = noise(4)
    cases = table(len(drawn), 0, 0).assign(split=[split for _, split in drawn])

    images = np.stack([changed(pictures[number]) for number, _ in drawn])
    _, coarse, detail = looked_at(images)
    named = {(pair.first, pair.second): pair.across_splits for pair in twins(cases, images, coarse, detail)}
    for row, (number, split) in enumerate(drawn):
        earlier = [(cases["id"][at], other) for at, (same, other) in enumerate(drawn[:row]) if same == number]
        mine = [across for (_, second), across in named.items() if second == cases["id"][row]]
        assert mine == ([any(other != split for _, other in earlier)] if earlier else [])


# Real radiographs


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Store:
    if not (REAL / "rsna360").is_dir():
        pytest.skip("no real radiographs here")
    settings = Preparation(stretch=False, image_px=100, fit="squash", validation_fraction=0.18, test_fraction=0.1)
    return prepare(str(REAL / "rsna360"), settings, tmp_path_factory.mktemp("real") / "prepared")


@pytest.mark.slow
def test_real_radiographs_are_known_by_their_labels_and_contrast(real: Store) -> None:
    found = audit(real.cases, real.problems, real.images, real.image_px, real.synthetic)

    assert all(group.plate_share > 0.7 and group.whole_share == 1 for group in found.groups)
    assert 0.05 < found.pictures.low_contrast_share < 0.15
    assert found.twins == []  # six hundred different hands
    assert "single readings" in said(found, "worry")


def test_a_real_radiograph_saved_again_is_recognised(real: Store) -> None:
    images = np.concatenate([real.images[:40], np.stack([changed(image) for image in real.images[:40]])])
    cases = pd.concat([real.cases[:40], real.cases[:40].assign(id="again " + real.cases["id"][:40])], ignore_index=True)

    found = audit(cases, no_problems(), images, real.image_px, real.synthetic)
    assert len(found.twins) >= 36
    assert all(pair.second == f"again {pair.first}" for pair in found.twins)


def test_an_audit_is_frozen() -> None:
    found = audited()

    assert replace(found, cases=1).cases == 1
    with pytest.raises(AttributeError):
        found.cases = 1  # type: ignore[misc]
