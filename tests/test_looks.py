"""What is taken for a hand radiograph; on drawn hands, so the shares say nothing about radiographs."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from data.films.impostors import DRAWN, SIDE, SPOILT, half, impostors, ribs, shafts, shells
from data.films.looks import DOUBTED, FEATURES, LEAST, REFUSED, Looks, learn, line, load, save, shrunk
from data.phantom.hand import draw, phantom_cases


@pytest.fixture(scope="module")
def hands() -> np.ndarray:
    return shrunk(draw(case, SIDE) for case in phantom_cases(500))


@pytest.fixture(scope="module")
def looks(hands: np.ndarray) -> Looks:
    return learn(hands[:280], hands[280:400])


DAMAGED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "another shape": lambda array: np.zeros(3),
    "no number": lambda array: np.full(array.shape, np.nan),
    "infinite": lambda array: np.full(array.shape, np.inf),
    "text": lambda array: np.array("x"),
    "one more": lambda array: np.append(array, array.ravel()[-1]),
}


@pytest.mark.parametrize("way", DAMAGED)
@pytest.mark.parametrize("name", [field.name for field in fields(Looks)])
def test_arrays_that_do_not_belong_together_or_are_no_numbers_are_no_hand_check(
    tmp_path: Path, name: str, way: str
) -> None:
    whole = Looks(
        mean=np.zeros(FEATURES, np.float32),
        spread=np.ones(FEATURES, np.float32),
        directions=np.zeros((FEATURES, 5), np.float32),
        phases=np.zeros(5, np.float32),
        weights=np.ones(6),
        refuse_below=float("-inf"),
        doubt_below=-1.5,
    )
    save(whole, tmp_path / "looks.npz")
    assert load(tmp_path / "looks.npz").score(np.zeros((2, SIDE, SIDE), np.uint8)) == pytest.approx([6, 6])
    arrays = dict(np.load(tmp_path / "looks.npz"))
    np.savez(tmp_path / "looks.npz", **arrays | {name: DAMAGED[way](arrays[name])})

    with pytest.raises((ValueError, TypeError)):
        load(tmp_path / "looks.npz")


@pytest.mark.slow
def test_most_impostors_are_refused_and_hardly_any_hand(looks: Looks, hands: np.ndarray) -> None:
    new = np.random.default_rng(9)
    bad = impostors(hands[400:], 20, new)

    assert (looks.score(hands[400:]) < looks.refuse_below).mean() < 0.05
    assert (looks.score(bad) < looks.refuse_below).mean() > 0.9


BRIGHT, TILTED = 255, 8


def surrounded(hand: np.ndarray, grey: int, random: np.random.Generator) -> np.ndarray:
    """Exposed inside a frame askew alone."""
    image = Image.fromarray(hand)
    field = Image.new("L", image.size, BRIGHT).rotate(random.uniform(-TILTED, TILTED), expand=False, fillcolor=0)
    inset = int(random.integers(1, 7))
    edge = Image.new("L", image.size, 0)
    edge.paste(field.crop((inset, inset, SIDE - inset, SIDE - inset)), (inset, inset))
    return np.asarray(Image.composite(image, Image.new("L", image.size, grey), edge))


VARIED = {
    "in a bright surround": lambda hand, random: surrounded(hand, BRIGHT, random),
    "in a grey surround": lambda hand, random: surrounded(hand, 128, random),
    "in a dark surround": lambda hand, random: surrounded(hand, 0, random),
    "soft": lambda hand, random: np.asarray(Image.fromarray(hand).filter(ImageFilter.GaussianBlur(1))),
    "dark": lambda hand, random: (255 * (hand / 255) ** 2).astype(np.uint8),
    "mirrored": lambda hand, random: hand[:, ::-1],
}


@pytest.mark.parametrize("how", VARIED)
def test_hands_as_other_rooms_take_them_are_hardly_ever_refused(looks: Looks, hands: np.ndarray, how: str) -> None:
    random = np.random.default_rng(3)
    taken = np.stack([VARIED[how](hand, random) for hand in hands[400:]])

    assert (looks.score(taken) < looks.refuse_below).mean() <= 0.05


def test_parts_of_hands_and_other_bones_are_no_hands(looks: Looks, hands: np.ndarray) -> None:
    random = np.random.default_rng(4)
    made = {draw.__name__: np.stack([draw(random) for _ in range(40)]) for draw in (shafts, shells, ribs)} | {
        "half": np.stack([half(hand, random) for hand in hands[400:]])
    }

    for name, pictures in made.items():
        assert (looks.score(pictures) < looks.refuse_below).mean() > 0.8, name


def test_pictures_of_kinds_it_never_saw_are_refused(looks: Looks) -> None:
    new = np.random.default_rng(10)
    checks = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((8, 8))) * 255
    ramp = np.linspace(0, 255, SIDE)[np.newaxis].repeat(SIDE, 0)
    rings = 127 + 127 * np.sin(np.hypot(*np.indices((SIDE, SIDE))) / 3)
    noise = new.integers(0, 256, (SIDE, SIDE))
    pictures = np.array([checks, ramp, ramp.T, rings, noise]).astype(np.uint8)

    assert (looks.score(pictures) < looks.refuse_below).all()


@pytest.mark.slow
def test_the_same_images_teach_the_same(looks: Looks, hands: np.ndarray) -> None:
    again = learn(hands[:280], hands[280:400])

    assert again.refuse_below == looks.refuse_below
    assert (again.score(hands[:5]) == looks.score(hands[:5])).all()


def test_what_is_saved_is_what_is_loaded(looks: Looks, hands: np.ndarray, tmp_path: Path) -> None:
    save(looks, tmp_path / "looks.npz")
    found = load(tmp_path / "looks.npz")

    assert (found.score(hands[:9]) == looks.score(hands[:9])).all()
    assert (found.refuse_below, found.doubt_below) == (looks.refuse_below, looks.doubt_below)


def test_a_line_leaves_its_share_below(looks: Looks) -> None:
    scores = np.random.default_rng(0).normal(size=5000)

    assert (scores < line(scores, REFUSED)).mean() <= REFUSED
    assert (scores < line(scores, DOUBTED)).mean() == pytest.approx(DOUBTED, abs=0.001)
    assert line(scores[:LEAST], REFUSED) == scores[:LEAST].min()
    assert line(scores[: LEAST // 4], REFUSED) == -np.inf


def test_impostors_are_as_many_as_asked_and_each_kind_is_its_own(hands: np.ndarray) -> None:
    made = impostors(hands, 3, np.random.default_rng(1))

    assert made.shape == (3 * (len(DRAWN) + len(SPOILT)), SIDE, SIDE)
    assert len({picture.tobytes() for picture in made}) > 0.9 * len(made)
