"""Films made alike before the network sees them: what is taken away of their differences, and that a saved network does it, too."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import needs
from scipy import ndimage

from models.architecture import Architecture, Blocks
from models.training.settings import Precision

DETAIL, TONE = 0.12, 0.35
PLAIN = Architecture(beta=1 / 16, blocks=Blocks(0, 0, 0, 1, 0, 0), stem_pools=(False, False))
EVEN = replace(PLAIN, even_detail=DETAIL, even_tone=TONE)


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """Bright shapes of many sizes on dark, with grain and an eighth of black surround; float32 (12, 48, 48, 1), 0 to 1."""
    random = np.random.default_rng(3)
    coarse = ndimage.gaussian_filter(random.normal(size=(12, 48, 48)), (0, 1.5, 1.5))
    made = coarse / coarse.std() * 0.2 + 0.35 + random.normal(0, 0.05, coarse.shape)
    made[:, :6] = 0
    return np.clip(made, 0, 1).astype(np.float32)[..., None]


def detail_of(film: np.ndarray) -> float:
    """By SciPy."""
    fine = film - ndimage.gaussian_filter(film, 1.0, mode="reflect", truncate=3)
    return float(fine.std() / film.std())


@pytest.mark.parametrize("deviation", [0.5, 1.0, 2.6])
def test_softening_is_scipys_gaussian(films: np.ndarray, deviation: float) -> None:
    from models.training.alike import softened

    wanted = [
        ndimage.gaussian_filter(film[..., 0], deviation, mode="reflect", radius=int(np.ceil(3 * deviation)))
        for film in films
    ]

    np.testing.assert_allclose(np.asarray(softened(films, deviation))[..., 0], wanted, atol=1e-5)


def test_sharp_and_smooth_films_of_one_hand_come_to_the_same_detail_and_nearer_to_each_other(films: np.ndarray) -> None:
    from models.training.alike import even_detail

    smooth = np.stack([ndimage.gaussian_filter(film, (0.6, 0.6, 0)) for film in films])
    assert min(detail_of(film[..., 0]) for film in smooth) > DETAIL, "both have more than is left"

    one, other = np.asarray(even_detail(films, DETAIL)), np.asarray(even_detail(smooth, DETAIL))

    for made in (one, other):
        # Between two softenings the share is not linear in the mixture: as far off as their neighbours' shares allow.
        np.testing.assert_allclose([detail_of(film[..., 0]) for film in made], DETAIL, atol=0.02)
    assert np.abs(one - other).mean() < 0.5 * np.abs(films - smooth).mean()


def test_a_film_with_less_detail_is_left_as_it_is(films: np.ndarray) -> None:
    from models.training.alike import even_detail

    smooth = np.stack([ndimage.gaussian_filter(film, (4, 4, 0)) for film in films])
    assert max(detail_of(film[..., 0]) for film in smooth) < DETAIL

    np.testing.assert_array_equal(np.asarray(even_detail(smooth, DETAIL)), smooth)


@pytest.mark.parametrize("gamma", [0.4, 0.7, 1.5, 2.5])
def test_a_film_and_itself_under_another_gamma_come_to_one_film(films: np.ndarray, gamma: float) -> None:
    from models.training.alike import DARKEST, even_tone

    # A grey that another gamma brings below the darkest that has a power is another film.
    films = np.where(films > 0, np.maximum(films, DARKEST ** (1 / 3)), 0).astype(np.float32)

    one, other = np.asarray(even_tone(films, TONE)), np.asarray(even_tone(films**gamma, TONE))

    # The grey is known to 2^-11, which for one of 0.1, the least here, moves the exponent by 0.5 %, and a grey by at most that over e.
    np.testing.assert_allclose(one, other, atol=0.01)
    assert np.abs(films - films**gamma).max() > 0.05


@pytest.mark.parametrize("gamma", [0.4, 2.5])
def test_detail_is_measured_where_the_gamma_is_made_alike(films: np.ndarray, gamma: float) -> None:
    from models.training.alike import alike

    films = np.where(films > 0, 0.1 + 0.9 * films, 0).astype(np.float32)

    one, other = np.asarray(alike(films, EVEN)), np.asarray(alike(films**gamma, EVEN))

    # The greys that are softened differ by at most 0.01, as in the test above; so little moves the share of fine detail by a few percent.
    np.testing.assert_allclose(one, other, atol=0.02)
    assert np.abs(one - np.asarray(alike(films, replace(EVEN, even_detail=0.0)))).max() > 0.05


def test_a_fifth_of_each_film_is_brighter_than_the_grey_that_is_set(films: np.ndarray) -> None:
    from models.training.alike import even_tone

    brighter = (np.asarray(even_tone(films, TONE)) > TONE).mean(axis=(1, 2, 3))

    np.testing.assert_allclose(brighter, 0.2, atol=0.01)


def test_a_white_frame_does_not_change_how_a_film_is_toned(films: np.ndarray) -> None:
    from models.training.alike import even_tone

    films = np.minimum(films, 0.99)
    framed = np.pad(films, ((0, 0), (0, 0), (48, 48), (0, 0)), constant_values=1.0)

    np.testing.assert_allclose(np.asarray(even_tone(framed, TONE))[:, :, 48:96], even_tone(films, TONE), atol=1e-5)


@pytest.mark.parametrize("grey", [0, 1, 128, 254, 255])
def test_films_of_one_grey_give_finite_greys_between_black_and_white(grey: int) -> None:
    from models.training.alike import alike

    made = np.asarray(alike(np.full((2, 32, 32, 1), grey / 255, np.float32), EVEN))

    assert np.isfinite(made).all()
    assert made.min() >= 0
    assert made.max() <= 1


def test_a_network_that_is_not_asked_for_it_has_the_layers_that_it_had() -> None:
    from models.network import build

    plain, even = (build(network, 32) for network in (PLAIN, EVEN))

    assert plain.layers[1].name == "scale"
    assert {"Conv", "Pad", "Where"}.isdisjoint(type(layer).__name__ for layer in plain.layers)
    assert even.count_params() == plain.count_params()


def test_a_network_answers_the_same_of_a_film_whatever_its_gamma(films: np.ndarray) -> None:
    from models.backend import keras

    from models.network import build

    keras.utils.set_random_seed(0)
    even, plain = build(replace(PLAIN, even_tone=TONE), 48), build(PLAIN, 48)
    plain.set_weights(even.get_weights())
    male = np.ones((len(films), 1), np.float32)

    def change(network: Any, gamma: float) -> float:
        one, other = (
            network({"image": np.rint(255 * films**power).astype(np.uint8), "male": male}, training=False)
            for power in (1.0, gamma)
        )
        return float(np.abs(one - other).mean())

    for gamma in (0.5, 2.0):  # the second makes dark greys black, as films of 8 bits are
        assert change(even, gamma) < 0.2 * change(plain, gamma)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_saved_network_makes_films_alike_and_needs_no_code_of_ours(
    films: np.ndarray, precision: Precision, tmp_path: Path
) -> None:
    from models.backend import keras

    from models import saved
    from models.network import build

    needs(precision)
    keras.config.set_dtype_policy(precision)
    try:
        network = build(EVEN, 48)
    finally:
        keras.config.set_dtype_policy("float32")
    inputs = {"image": (films * 255).astype(np.uint8), "male": np.ones((len(films), 1), np.float32)}
    saved.save(network, tmp_path / "model.keras")

    there = saved.load(tmp_path / "model.keras")

    assert {type(layer).__module__.split(".")[0] for layer in there.layers} == {"keras"}
    np.testing.assert_allclose(
        there(inputs, training=False), network(inputs, training=False), rtol=1e-5 if precision == "float32" else 2e-2
    )


def test_what_a_network_does_to_films_is_said_and_recorded_only_where_it_does_something() -> None:
    assert PLAIN.makes_alike == ""
    assert not {"even_detail", "even_tone"} & set(PLAIN.to_dict())
    assert EVEN.makes_alike == (
        "gives it the gamma at which a fifth of it is brighter than 0.35 and softens it until its fine detail is at most 0.12 of its contrast"
    )
    assert Architecture.from_dict(EVEN.to_dict()) == EVEN
