"""Near duplicates: a film that was resized, saved as JPEG, shifted, turned or mirrored is found, and another hand is none."""

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from data.audit.copies import LEAST_AGREEMENT, SIDE, TURNS, agreement, by_every_turn, small
from data.audit.images import looked_at, twins
from data.phantom.hand import draw, phantom_cases

PX = 100
Change = Callable[[np.ndarray], np.ndarray]


def jpeg(film: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(film).save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file))


def resized(film: np.ndarray) -> np.ndarray:
    less = Image.fromarray(film).resize((48, 48), Image.Resampling.LANCZOS)
    return np.asarray(less.resize((PX, PX), Image.Resampling.BICUBIC))


def turned(film: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(film).rotate(3, Image.Resampling.BILINEAR))


CHANGES: dict[str, Change] = {
    "the same": lambda film: film.copy(),
    "resized": resized,
    "JPEG": jpeg,
    "shifted by 3 %": lambda film: ndimage.shift(film, (3, -3), order=0),
    "turned by 3 degrees": turned,
    "mirrored": lambda film: film[:, ::-1].copy(),
}


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """Drawn hands in fields of one collimation, uint8 (30, PX, PX)."""
    drawn = [draw(case, PX).astype(float) for case in phantom_cases(30)]
    films = np.stack([(255 * hand / hand.max()).astype(np.uint8) for hand in drawn])
    films[:, :8], films[:, -8:], films[:, :, :8], films[:, :, -8:] = 0, 0, 0, 0
    return films


@pytest.mark.parametrize("how", CHANGES)
def test_a_copy_is_found_and_told_to_be_across_splits(films: np.ndarray, how: str) -> None:
    copies = np.stack([CHANGES[how](film) for film in films[:5]])
    images = np.concatenate([films, copies])
    split = ["train"] * len(films) + ["test"] * len(copies)
    cases = pd.DataFrame({"id": np.arange(len(images)).astype(str), "split": split, "age_months": 99.0, "male": True})
    _, coarse, detail = looked_at(images)

    found = {(int(pair.first), int(pair.second) - len(films)) for pair in twins(cases, images, coarse, detail)}

    wanted = {(number, number) for number in range(len(copies))}
    assert found <= wanted  # no hand is another
    assert len(wanted - found) <= (how == "turned by 3 degrees")


def test_other_hands_in_one_grey_field_are_no_copies(films: np.ndarray) -> None:
    assert max(agreement(small(one), small(films[-1])) for one in films[:15]) < LEAST_AGREEMENT


def test_a_copy_with_something_written_on_it_is_a_copy(films: np.ndarray) -> None:
    written = films[0].copy()
    written[10:22, 10:30] = 255

    assert agreement(small(written), small(films[0])) >= LEAST_AGREEMENT


def test_a_picture_is_turned_as_scipy_turns_it() -> None:
    picture = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    ours, theirs = by_every_turn(picture), [ndimage.rotate(picture, turn, reshape=False, order=1) for turn in TURNS]

    # Four products of numbers below 5 are summed in float32, in another order.
    assert np.allclose(ours, theirs, rtol=0, atol=4 * 5 * np.finfo(np.float32).eps)
