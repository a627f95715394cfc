"""Which films of a set have made a model: known again by their pictures, as cases, and by their patients."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.cases import hundredths
from data.preparation import DataError, Preparation
from data.store.disk import Store
from data.store.patients import hashed, one_each
from data.store.sources import Source
from search.evaluate.evaluation import Evaluation, who
from search.evaluate.labelled import Labelled, of_one_known
from search.evaluate.page import published_section
from search.evaluate.parts import whose
from search.trained.folder import digest_of_cases, open_folder
from search.trained.left.known import Film, Known, recognised, said_of_films, step_of
from search.trained.left.seen import films_of_cases, films_of_store

MONTHS = np.round(np.linspace(7.31, 211.47, 20), 2)
PAIRS = [f"patient {n // 2}" for n in range(20)]


def table(age_months: Sequence[float] | np.ndarray = MONTHS, **columns: Sequence[object]) -> pd.DataFrame:
    """Twenty cases whose sexes change from patient to patient, pictures all different, patients unknown."""
    made = {"id": [f"f{n}" for n in range(20)], "age_months": age_months, "male": [n // 2 % 2 == 0 for n in range(20)]}
    return pd.DataFrame(made | {"checksum": [f"{n:032x}" for n in range(20)], "patient": ""} | columns)


def known(cases: pd.DataFrame) -> Known:
    films = films_of_cases(cases)
    return Known(films.assign(step=step_of(films["age_months"])), True)


def counts(cases: pd.DataFrame, of: pd.DataFrame, unit: str = "auto") -> dict[str, int]:
    return dict(recognised(cases, known(of), unit)[0].value_counts())  # type: ignore[arg-type]


OTHER_PICTURES = [f"{n:032x}" for n in range(100, 120)]
OTHER_IDS = [f"g{n}" for n in range(20)]


@pytest.mark.parametrize("months", [MONTHS, np.round(MONTHS), np.round(MONTHS, 1)], ids=["0.01", "1", "0.1"])
@pytest.mark.parametrize("decimals", [1, 2, 3])
@pytest.mark.parametrize("unit", ["years", "auto"])
def test_a_case_is_the_same_in_years_as_far_as_these_are_written(months: np.ndarray, decimals: int, unit: str) -> None:
    in_years = np.round(np.round(months / 12, decimals) * 12, 4)  # as `data/tables/ages.py` reads them
    of_set = table(in_years, checksum=OTHER_PICTURES)

    assert counts(of_set, table(months), unit) == {"case": 20}
    assert counts(table(months, checksum=OTHER_PICTURES), table(in_years)) == {"case": 20}
    assert counts(of_set.assign(male=~of_set["male"]), table(months), unit) == {"": 20}
    assert counts(of_set.assign(age_months=in_years + 12.0), table(months), unit) == {"": 20}


def test_a_film_of_unknown_sex_is_known_by_its_picture_alone(tiny_model: Path, tiny_store: Store) -> None:
    folder, cases = open_folder(tiny_model), tiny_store.cases
    own = cases[cases["split"] == "validation"].iloc[0]
    by_picture = Film("elsewhere", 100.0, None, own["checksum"], "")
    by_id = Film(own["id"], own["age_months"], bool(own["male"]), "0" * 32, "")
    [said] = said_of_films([by_picture, by_id, by_id._replace(male=None)], folder, Path("none"))

    assert "knows 2 of these 3 images (recognised 1 by the picture, 1 by id, sex and age)" in said
    assert said_of_films([by_id._replace(male=None)], folder, Path("none")) == []
    assert said_of_films([], folder, Path("none")) == []


@pytest.mark.parametrize("count", [1, 3])
def test_of_a_few_ages_the_unit_that_is_named_tells_how_exact_they_are(count: int) -> None:
    in_years = table(np.round(np.round(MONTHS / 12, 2) * 12, 4), checksum=OTHER_PICTURES).iloc[:count]

    assert counts(in_years, table(), "years") == {"case": count}


def test_ages_that_two_tables_write_alike_are_the_same_only_where_they_are_equal() -> None:
    whole = np.arange(60, 80.0)

    assert counts(table(whole + 1, checksum=OTHER_PICTURES), table(whole)) == {"": 20}
    assert counts(table(MONTHS + 0.01, checksum=OTHER_PICTURES), table()) == {"": 20}


def test_an_age_with_three_decimals_is_the_one_that_a_table_of_predictions_rounded() -> None:
    exact = np.array([100 + n + thousandths / 1000 for n, thousandths in enumerate([5, 15, 65, 75, 155] * 4)])
    for written in ([float(f"{age:.2f}") for age in exact], hundredths(exact)):
        assert counts(table(exact, checksum=OTHER_PICTURES), table(written)) == {"case": 20}


def test_an_age_has_one_writing_in_32_bits_and_in_64_and_in_the_table_that_it_was_read_back_from() -> None:
    exact = np.arange(0.0, 300, 0.0005).round(4)

    assert (hundredths(exact) == hundredths(exact.astype(np.float32))).all()
    assert (hundredths(exact) == hundredths(hundredths(exact))).all()
    few = exact[::997]
    of_each = {digest_of_cases(map(str, few), ages, [True] * len(few)) for ages in (few, few.astype(np.float32))}
    assert len(of_each) == 1


def test_a_picture_is_known_under_another_name_age_and_patient(tiny_store: Store) -> None:
    films = films_of_store(tiny_store)
    cases = tiny_store.cases.assign(id=[f"h{n}" for n in range(60)], age_months=33.0, patient="")
    by, _ = recognised(cases, Known(films.assign(step=1.0), True))

    assert list(by == "picture") == list(tiny_store.cases["split"] != "test")


def test_other_films_of_the_models_patients_are_known_by_these() -> None:
    of_model = table(patient=[hashed(name) for name in PAIRS])
    others = table(id=OTHER_IDS, checksum=OTHER_PICTURES, patient=of_model["patient"])

    assert counts(others, of_model.iloc[:10]) == {"patient": 10, "": 10}
    assert counts(others.assign(patient=""), of_model) == {"": 20}


def test_a_patients_other_films_are_known_where_one_of_the_set_is_though_the_model_knows_no_patients() -> None:
    pictures = [f"{n:032x}" if n % 2 else OTHER_PICTURES[n] for n in range(20)]
    of_set = table(id=OTHER_IDS, checksum=pictures, patient=[hashed(name) for name in PAIRS])

    assert counts(of_set, table()) == {"picture": 10, "patient": 10}


def test_numbers_of_another_clinics_patients_are_not_the_models_where_the_sexes_contradict() -> None:
    numbers = [hashed(name) for name in PAIRS]
    strangers = table(id=OTHER_IDS, checksum=OTHER_PICTURES, patient=numbers, male=[n // 4 % 2 == 0 for n in range(20)])
    by, others = recognised(strangers, known(table(patient=numbers)))

    assert not by.any()
    assert others == 10


def test_a_set_of_new_films_of_one_patient_of_the_training_is_known_by_that_patient() -> None:
    of_model = table(patient=[hashed(name) for name in PAIRS])
    numbers = set(of_model["patient"])
    of_set = table(id=OTHER_IDS, checksum=OTHER_PICTURES, patient=hashed("patient 0"), male=[True] * 20).iloc[:3]
    nobody = pd.Series("", of_set.index)

    def patients(given: pd.DataFrame, known: set[str] = numbers) -> set[str]:
        return set(of_one_known(one_each(given["patient"], nobody, known), given["patient"], given["male"], known))

    assert patients(of_set) == {hashed("patient 0")}
    assert patients(of_set.assign(patient=[hashed("patient 0"), "", hashed("patient 0")])) == {hashed("patient 0"), ""}
    assert counts(of_set, of_model) == {"patient": 3}
    assert patients(of_set, set()) == {""}, "a stranger's number that all images share names nobody"
    assert patients(of_set.assign(male=[True, False, True])) == {""}, "a word for unknown has both sexes"


def test_one_sex_mistaken_does_not_hide_the_models_patients() -> None:
    numbers = [hashed(name) for name in PAIRS]
    male = [n // 2 % 2 == 0 for n in range(20)]
    of_set = table(id=OTHER_IDS, checksum=OTHER_PICTURES, patient=numbers, male=[not male[0], not male[1], *male[2:]])

    assert counts(of_set, table(patient=numbers)) == {"patient": 20}


@pytest.mark.parametrize("letters", ["b", "hand_", "RSNA-", "Bild "])
def test_a_copy_whose_names_have_letters_before_the_number_is_the_case(letters: str) -> None:
    numbers = [str(1377 + n) for n in range(20)]
    copies = table(id=[f"{letters}{number}" for number in numbers], checksum=OTHER_PICTURES)
    strangers = table(id=[f"{letters}{2000 + n}" for n in range(20)], checksum=OTHER_PICTURES)

    assert counts(copies, table(id=numbers)) == {"case": 20}
    assert counts(table(id=numbers), copies) == {"case": 20}, "the model was trained on the copy"
    assert counts(copies.assign(checksum=table()["checksum"]), copies) == {"case": 20}
    assert counts(table(id=[f"x{number}" for number in numbers]), copies) == {"": 20}, "both have letters, and others"
    assert counts(strangers, table(id=numbers)) == {"": 20}


def of_set(cases: pd.DataFrame) -> Labelled:
    source = Source(cases, lambda row: DataError("none"), lambda row: "", False)  # type: ignore[arg-type,return-value]
    settings = Preparation(image_px=40)
    return Labelled("a set", source, cases.assign(known_by=""), (), 120.0, Known(cases.iloc[:0], True), 0, settings)


def test_equal_pictures_are_on_one_side_whatever_their_patients_are_called_and_their_number_is_a_worry() -> None:
    """The first four are one picture each of two patients, and of nobody; by the second of each patient all are linked."""
    patients = ["P1", "P1", "P2", "", *(f"Q{n}" for n in range(16))]
    pictures = ["a", "b", "b", "b", *(f"c{n}" for n in range(16))]
    cases = table(patient=patients, checksum=pictures)
    unit = whose(cases)

    assert unit.nunique() == 17
    assert set(unit[:4]) == {"P1"}
    assert unit[3] != unit[4]
    words = "2 images of this set are the same picture as another one, and the figures count each."
    assert list(who(of_set(cases), 0, True)) == [("worry", words)]
    assert not list(who(of_set(table()), 0, True))


def test_published_figures_stand_beside_that_of_the_images_that_it_is_of() -> None:
    """Of the official test set's 200, a model that was corrected by half of it is judged by the others."""
    figures = {"evaluated": {"mae": 7.0, "n": 200}, "unseen": {"mae": 8.0, "n": 100}}
    found = Evaluation(None, of_set(table()), 120.0, "", figures, {}, 200, ())  # type: ignore[arg-type]
    whole = replace(found, figures={"evaluated": figures["evaluated"]})

    assert "<td>100 images; the published figures are of all 200</td>" in str(published_section(found))
    assert "<td>200 images</td>" in str(published_section(whole))
