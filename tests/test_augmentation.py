"""Films varied while a network trains: what each layer does, that (seed, epoch) alone decides it, and that nothing of it is left."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from models.architecture import Architecture, Blocks
from models.training.settings import FILMS_OFF, Training, TrainingError
from search.run import open_run, record
from studies.presets import PRESETS

STRENGTHS = {
    "resampling": 0.6,
    "blur_px": 1.5,
    "sharpness": 2.0,
    "gamma": 2.5,
    "contrast": 0.3,
    "noise": 0.1,
    "erased_border": 0.2,
}
TINY = Architecture(beta=1 / 16, blocks=Blocks(0, 0, 0, 1, 0, 0), stem_pools=(False, False))
PLAIN = Training(flip_horizontal=False)


def films(px: int = 24, count: int = 40) -> np.ndarray:
    """Greys between 0.2 and 0.8 with edges in them, float32 (count, px, px, 1)."""
    coarse = np.random.default_rng(5).uniform(0.2, 0.8, (count, px // 4, px // 4, 1)).astype(np.float32)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.mark.parametrize("name", FILMS_OFF)
def test_each_layer_changes_about_half_of_the_films_and_none_at_inference(name: str) -> None:
    from models.training.augmentation import films as layers

    [layer] = layers(replace(PLAIN, **{name: STRENGTHS[name]}))
    shown = films()

    varied = np.asarray(layer(shown, training=True))
    changed = np.abs(varied - shown).max(axis=(1, 2, 3)) > 1e-4

    assert 8 <= changed.sum() <= 32  # of 40 fair coins: beyond it once in ten thousand draws, and the seed is fixed
    assert np.isfinite(varied).all()
    assert varied.min() >= 0
    assert varied.max() <= 1
    np.testing.assert_array_equal(np.asarray(layer(shown, training=False)), shown)
    assert varied.shape == shown.shape


POSES = {"rotation_degrees": 30.0, "zoom": 0.4, "translation": 0.3}


@pytest.mark.parametrize("drawn", [-1.0, -0.37, 0.0, 0.6])
@pytest.mark.parametrize("name", POSES)
def test_a_hand_is_moved_as_scipy_moves_it(name: str, drawn: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first draw is this share of the most, the second half of it; SciPy is told where each pixel comes from by its matrix and offset."""
    from models.training.augmentation import Varied, poses

    def at(self: Varied, images: object, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        if (low, high) == (0.0, 1.0):  # which images are spared
            return np.full((len(shown), 1, 1, 1), 0.5, np.float32)
        return np.full((len(shown), 1, 1, 1), low + (high - low) * (shares.pop(0) + 1) / 2, np.float32)

    monkeypatch.setattr(Varied, "uniform", at)
    shown, shares = films(count=3), [drawn, drawn / 2]
    [layer] = poses(replace(PLAIN, **{name: POSES[name]}))  # type: ignore[arg-type]
    turn = np.radians(POSES[name]) * drawn if name == "rotation_degrees" else 0.0
    seen = 1 + POSES[name] * drawn if name == "zoom" else 1.0
    shift = POSES[name] * 24 * np.array([drawn, drawn / 2]) if name == "translation" else 0.0
    matrix = seen * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    centre = np.full(2, 11.5)

    moved = np.asarray(layer(shown, training=True))[..., 0]

    expected = [
        ndimage.affine_transform(film, matrix, centre - matrix @ centre - shift, order=1, mode="grid-constant")
        for film in shown[..., 0].astype(np.float64)
    ]
    np.testing.assert_allclose(
        moved, expected, atol=1e-4
    )  # places within 24 px are known to 4e-6 of a pixel in float32


@pytest.mark.parametrize("name", POSES)
def test_a_hand_lies_otherwise_in_every_image_and_as_it_is_at_inference(name: str) -> None:
    from models.training.augmentation import poses

    shown = films()
    [layer] = poses(replace(PLAIN, **{name: POSES[name]}))  # type: ignore[arg-type]

    moved = np.asarray(layer(shown, training=True))

    assert (np.abs(moved - shown).max(axis=(1, 2, 3)) > 1e-4).all()
    assert len({film.tobytes() for film in moved}) == len(shown)
    np.testing.assert_array_equal(np.asarray(layer(shown, training=False)), shown)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_whatever_the_network_computes_in_films_are_varied_in_float32(policy: str) -> None:
    from models.backend import keras

    from models.training.augmentation import augmentation

    keras.mixed_precision.set_dtype_policy(policy)
    try:
        layers = augmentation(replace(Training(), **POSES, **STRENGTHS))  # type: ignore[arg-type]
    finally:
        keras.mixed_precision.set_dtype_policy("float32")

    assert len(layers) == 1 + len(POSES) + len(STRENGTHS)
    assert {layer.compute_dtype for layer in layers} == {"float32"}


@pytest.mark.parametrize("name", ["resampling", "blur_px", "sharpness"])
def test_a_film_of_one_grey_stays_so_under_every_filter(name: str) -> None:
    from models.training.augmentation import FILMS

    grey = np.full((30, 16, 16, 1), 0.4, np.float32)

    np.testing.assert_allclose(FILMS[name](STRENGTHS[name]).changed(grey), grey, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "pillow"),
    [
        ((0, 1, 0, 0), Image.Resampling.BILINEAR),
        ((0, 0, 1, 0), Image.Resampling.BICUBIC),
        ((0, 0, 0, 1), Image.Resampling.LANCZOS),
        ((1, 0, 0, 0), Image.Resampling.NEAREST),
    ],
)
@pytest.mark.parametrize("pixels", [36, 25, 60])
def test_its_filters_are_pillows(kind: tuple[int, ...], pillow: Image.Resampling, pixels: int) -> None:
    from models.training.augmentation import resampler

    shares = [np.full((1, 1, 1), share, np.float32) for share in kind]
    step = np.full((1, 1, 1, 1), 36 / pixels, np.float32)
    film = np.random.default_rng(1).uniform(0, 1, (36, 36)).astype(np.float32)

    matrix = np.asarray(resampler(36, pixels, step, *shares))[0]

    wanted = np.asarray(Image.fromarray(film).resize((pixels, pixels), pillow))
    inner = slice(
        4, -4
    )  # at the edges Pillow centres a filter beyond the picture, which weighs its last pixels otherwise
    np.testing.assert_allclose((matrix @ film @ matrix.T)[inner, inner], wanted[inner, inner], atol=2e-3)


def test_a_shrunken_film_that_is_enlarged_again_stays_where_it_was() -> None:
    from models.training.augmentation import FILMS

    across = np.linspace(0, 1, 32, dtype=np.float32)
    slope = np.broadcast_to(across[None, None, :, None], (200, 32, 32, 1)).copy()

    varied = np.asarray(FILMS["resampling"](0.5).changed(slope))

    # Half a pixel of the coarser grid is the most that nearest neighbour, twice, may move an edge.
    assert np.abs(varied - slope)[:, 4:-4, 4:-4].max() < 2.5 / 31
    assert abs(float((varied - slope).mean())) < 0.004


def test_seed_and_epoch_alone_decide_how_films_are_varied() -> None:
    from models.network import build
    from models.training.fit import reseed

    model = build(TINY, 24, replace(PLAIN, **STRENGTHS))
    inputs = {"image": (films(count=8) * 255).astype(np.uint8), "male": np.ones((8, 1), np.float32)}

    def seen(seed: int, epoch: int) -> np.ndarray:
        reseed(model, seed, epoch)
        x = model.get_layer("scale")(inputs["image"])
        for name in STRENGTHS:
            x = model.get_layer(name)(x, training=True)
        return np.asarray(x)

    first = seen(3, 2)
    seen(3, 1)
    np.testing.assert_array_equal(seen(3, 2), first)
    assert (seen(3, 3) != first).any()
    assert (seen(4, 2) != first).any()


@pytest.mark.slow
def test_a_saved_network_holds_no_layer_of_ours_and_answers_the_same(tmp_path: Path) -> None:
    from models import saved
    from models.network import build

    model = build(TINY, 24, replace(PLAIN, **STRENGTHS))
    inputs = {"image": (films(count=4) * 255).astype(np.uint8), "male": np.ones((4, 1), np.float32)}
    saved.save(model, tmp_path / "model.keras")

    there = saved.load(tmp_path / "model.keras")

    assert {type(layer).__module__.split(".")[0] for layer in there.layers} == {"keras"}
    np.testing.assert_allclose(there(inputs), model(inputs, training=False), atol=1e-3)


def test_what_earlier_versions_did_not_know_is_not_recorded_where_it_is_off() -> None:
    assert not set(FILMS_OFF) & set(PLAIN.to_dict())
    assert replace(PLAIN, gamma=2.0).to_dict()["gamma"] == 2.0


def test_a_gamma_below_one_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"gamma must be 0 \(off\) or at least 1; got 0"):
        Training(gamma=0.5)


VARY_FILMS = ("default", "cpu")


@pytest.mark.parametrize("name", PRESETS)
def test_a_run_that_was_begun_before_goes_on_without_and_a_new_one_as_it_began(name: str, tmp_path: Path) -> None:
    new = open_run(tmp_path / "new", name, {}, None, None)
    said = f"does {name} vary films? Say so in VARY_FILMS and in docs/models.md"
    assert bool(new.preset.training.blur_px) == (name in VARY_FILMS), said
    record(new)
    path = tmp_path / "new" / "run.json"
    settings = json.loads(path.read_text())

    def reopened(**changed: object) -> Training:
        path.write_text(json.dumps({name: value for name, value in (settings | changed).items() if value is not None}))
        return open_run(tmp_path / "new", None, {}, None, None).preset.training

    assert reopened() == new.preset.training
    assert reopened(films=None) == replace(new.preset.training, **FILMS_OFF)
    assert reopened(films={"noise": 0.5}) == replace(new.preset.training, **FILMS_OFF | {"noise": 0.5})
    assert reopened(films={"noise": 0.5}, overrides={"noise": 0.25}).noise == 0.25
