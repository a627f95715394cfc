"""What films are like apart from the hands: measured before they are stretched, kept with the model, and said where it differs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from data.audit.balance import comparisons
from data.films.field import inside
from data.films.images import Decoded, decode
from data.films.traits import TRAITS, departures, films_of, outside, sharpness, traits_of
from data.phantom.hand import draw, phantom_cases
from data.preparation import DataError, Preparation

PX = 64


@pytest.fixture(scope="module")
def hands() -> np.ndarray:
    """Drawn hands, uint8 (40, 4·PX, 4·PX)."""
    drawn = [draw(case, 4 * PX) for case in phantom_cases(40)]
    return np.stack([(255 * (hand.astype(float) / hand.max())).astype(np.uint8) for hand in drawn])


def resized(hands: np.ndarray, side: int, how: Image.Resampling) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(hand).resize((side, side), how)) for hand in hands])


def seen(hands: np.ndarray, size_px: int = PX, levels: float = 180.0) -> pd.DataFrame:
    return traits_of([Decoded(hand, size_px, size_px // 2, levels, 0.8) for hand in hands])


def test_a_smoother_filter_gives_smoother_films_and_greys_play_no_part(hands: np.ndarray) -> None:
    sharp, smooth = (resized(hands, PX, how) for how in (Image.Resampling.NEAREST, Image.Resampling.LANCZOS))
    blurred = np.stack([ndimage.gaussian_filter(hand, 1.0) for hand in smooth])

    assert (sharpness(sharp) > sharpness(smooth)).all()
    assert (sharpness(smooth) > sharpness(blurred)).all()
    np.testing.assert_allclose(sharpness(sharp // 2 + 20), sharpness(sharp), rtol=0.1)
    assert 95 < sharpness(np.random.default_rng(0).integers(0, 256, (1, 96, 96)).astype(np.uint8))[0] < 105
    assert np.isfinite(sharpness(np.full((1, 9, 9), 7, np.uint8))).all()


def test_films_of_one_kind_are_not_remarked_upon_and_smoother_or_larger_ones_are(hands: np.ndarray) -> None:
    sharp, smooth = (resized(hands, PX, how) for how in (Image.Resampling.NEAREST, Image.Resampling.LANCZOS))
    blurred = np.stack([ndimage.gaussian_filter(hand, 1.0) for hand in smooth])
    films = films_of(seen(sharp), PX)

    assert outside(films, seen(sharp)) == [()] * len(sharp)
    assert departures(films, seen(sharp)) == []
    assert "smoother, which a network may read as younger" in " ".join(departures(films, seen(blurred)))
    [[said]] = outside(films, seen(sharp[:1], 360))
    assert said == "longer side 360 px, training films 64: more pixels"
    assert films["filter"] == {"shrunk": 0.0, "enlarged": 0.0, "as they are": 1.0}


def test_files_smaller_than_the_networks_input_are_noted_and_older_models_note_nothing(hands: np.ndarray) -> None:
    sharp = resized(hands, PX, Image.Resampling.NEAREST)
    films = films_of(seen(sharp, 48), PX)

    [[said]] = outside(films, seen(sharp[:1], 48))
    assert said == f"the file has fewer pixels than the {PX} px of the network's input"
    assert outside(None, seen(sharp[:2], 5)) == [(), ()]
    assert departures(None, seen(sharp)) == []


def test_what_is_not_known_of_a_file_is_neither_kept_nor_remarked_upon(hands: np.ndarray) -> None:
    sharp = resized(hands, PX, Image.Resampling.NEAREST)
    films = films_of(seen(sharp, levels=float("nan")), PX)

    assert "levels" not in films
    assert outside(films_of(seen(sharp), PX), seen(sharp[:1], levels=float("nan"))) == [()]


@settings(deadline=None, max_examples=30)
@given(
    rim=st.integers(3, 60),
    surround=st.sampled_from((0, 255)),
    low=st.integers(30, 90),
    wide=st.integers(40, 110),
    letters=st.booleans(),
)
def test_the_contrast_is_that_of_the_exposed_field_whatever_surrounds_it(
    rim: int, surround: int, low: int, wide: int, letters: bool
) -> None:
    """A field whose greys rise evenly from `low` to `low + wide`, in black or white, with letters in it."""
    film = np.full((200, 160), surround, np.uint8)
    field = film[rim : 200 - rim, rim : 160 - rim]
    field[:] = np.linspace(low, low + wide, field.shape[1]).round().astype(np.uint8)
    if letters and min(field.shape) > 60:
        field[5:12, 5:20] = 255

    found = inside(film)

    assert abs(found.low - low) <= 0.03 * wide + 1
    assert abs(found.high - (low + wide)) <= 0.05 * wide + 1
    assert found.field == pytest.approx(field.size / film.size, abs=0.02)


def test_stretching_inside_the_field_shows_a_hand_that_the_whole_picture_left_grey(tmp_path: Path) -> None:
    film = np.zeros((200, 200), np.uint8)
    film[40:160, 40:160] = np.linspace(100, 130, 120).round().astype(np.uint8)
    film[45:55, 45:85] = 255  # letters
    Image.fromarray(film).save(tmp_path / "film.png")

    whole, field = (
        decode(tmp_path / "film.png", Preparation(image_px=100, fit="squash", stretch_field=on))
        .pixels[40:78, 22:78]
        .astype(int)
        for on in (False, True)
    )

    assert np.ptp(whole) < 80
    assert np.ptp(field) > 200
    with pytest.raises(DataError, match="--stretch-field needs stretching"):
        Preparation(stretch=False, stretch_field=True)


def test_the_contrast_of_a_file_is_measured_before_it_is_stretched(tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.linspace(100, 130, 80).round().astype(np.uint8), (80, 1))).save(tmp_path / "flat.png")

    decoded = decode(tmp_path / "flat.png", Preparation(image_px=80))

    assert np.ptp(decoded.pixels) == 255
    assert 25 <= decoded.levels <= 30


def test_splits_of_other_films_are_found_and_those_of_one_kind_are_not() -> None:
    random = np.random.default_rng(2)
    count = 600
    cases = pd.DataFrame(
        {
            "split": random.choice(["train", "validation", "test"], count),
            "male": random.random(count) < 0.5,
            "age_months": random.uniform(20, 200, count),
            "size_px": 100.0,
            "sharpness": random.normal(56, 7, count),
            "levels": random.normal(150, 40, count),
            "field": random.uniform(0.3, 1, count),
        }
    )
    assert not any(compared.imbalanced for compared in comparisons(cases))
    cases.loc[cases["split"] == "test", "sharpness"] -= 14
    cases.loc[cases["split"] == "test", "size_px"] = 360

    found = {(c.first, c.second, c.what) for c in comparisons(cases) if c.imbalanced}

    others = ("train", "validation")
    names = [trait.name for trait in TRAITS if trait.column in ("sharpness", "size_px")]
    assert found == {(first, "test", name) for first in others for name in names}
