"""A model's test figures against its validation's: what contradicts them is said, with its cause, and what is chance is not."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from search.apply.predict import Wanted, cautions, figures_words
from search.trained.conformal import calibrate, coverage
from search.trained.measures import contradictions, metrics


def about(
    bias: float, spread: float = 12.0, films: tuple[str, ...] = (), seed: int = 0, count: int = 400
) -> dict[str, Any]:
    """Of a model whose test errors have this bias and spread, and whose validation errors 0 and 12 months."""
    random = np.random.default_rng(seed)
    ages, male = random.uniform(20, 210, (2, count)), random.integers(0, 2, (2, count))
    validation, test = ages[0] + random.normal(0, 12, count), ages[1] + random.normal(bias, spread, count)
    made = calibrate(validation, ages[0], male[0])
    return {
        "validation": metrics(validation, ages[0], male[0], 120.0),
        "test": metrics(test, ages[1], male[1], 120.0),
        "conformal": made | {"coverage": coverage(made, test, ages[1], male[1])},
        "test_films": list(films),
    }


@pytest.mark.parametrize("seed", range(8))
def test_splits_of_one_kind_contradict_nothing(seed: int) -> None:
    assert contradictions(about(0.0, seed=seed)) == []


def test_a_biased_test_is_told_with_what_the_films_differ_in() -> None:
    said = " ".join(contradictions(about(-22.5, films=("sharpness: 88% of the films ...",))))

    assert "The test images are read 2" in said
    assert "months younger" in said
    assert "they should hold 90%" in said
    assert "The test MAE is" in said
    assert "Likely cause: the test films are of another kind than the training films (sharpness: 88%" in said


def test_without_other_films_the_labels_are_to_be_looked_at() -> None:
    said = contradictions(about(8.0))

    assert said
    assert all("The films are alike in size, sharpness and contrast" in one for one in said)


def test_a_wider_spread_without_a_bias_is_told_by_the_coverage() -> None:
    said = contradictions(about(0.0, spread=24.0))

    assert any("they should hold 90%" in one for one in said)
    assert not any("months younger" in one or "months older" in one for one in said)


def test_a_model_without_a_test_contradicts_nothing() -> None:
    of = about(0.0)
    assert contradictions(of | {"test": None, "conformal": of["conformal"] | {"coverage": None}}) == []


def test_predict_says_with_its_answers_what_the_models_own_test_contradicts() -> None:
    plain = {
        "conformal_flipped": None,
        "training": {"flip_horizontal": True},
        "constant_mae": 60.0,
        "recalibration": None,
    }
    model: Any = SimpleNamespace(about=about(-22.5) | plain, looks=SimpleNamespace(refuse_below=-1.0))

    said = " ".join(cautions(model, Wanted()))

    assert "months younger" in said
    assert "they should hold 90%" in said


def test_answers_with_mirror_images_come_with_the_figures_that_were_measured_so() -> None:
    found = about(0.0) | {"ensemble": None}
    model: Any = SimpleNamespace(about=found | {"test_flipped": found["test"] | {"mae": 3.21}})

    assert "MAE 3.21 months" in figures_words(model, flip=True)
    assert "MAE 3.21 months" not in figures_words(model)
