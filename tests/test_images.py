from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.images import decode
from data.preparation import DataError


def saved(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def gradient(height: int, width: int) -> np.ndarray:
    return np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)


def test_an_image_of_the_right_size_comes_back_unchanged(tmp_path: Path) -> None:
    pixels = gradient(32, 32)

    decoded = decode(saved(tmp_path / "a.png", pixels), 32, "squash")

    assert np.array_equal(decoded.pixels, pixels)
    assert (decoded.width_px, decoded.height_px) == (32, 32)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_every_colour_mode_of_a_grey_image_gives_the_same_pixels(tmp_path: Path, mode: str) -> None:
    pixels = gradient(16, 16)

    decoded = decode(saved(tmp_path / "a.png", pixels, mode), 16, "squash")

    assert np.abs(decoded.pixels.astype(int) - pixels).max() <= 1


def test_sixteen_bit_grey_is_scaled_to_eight(tmp_path: Path) -> None:
    pixels = (gradient(16, 16).astype(np.uint16)) * 16

    decoded = decode(saved(tmp_path / "a.png", pixels), 16, "squash")

    assert np.abs(decoded.pixels.astype(int) - gradient(16, 16)).max() <= 1


def test_squash_changes_the_aspect_and_crop_pad_keeps_it(tmp_path: Path) -> None:
    """A circle in a landscape picture becomes an ellipse by squashing, and stays a circle by padding."""
    y, x = np.mgrid[:100, :200]
    circle = np.where((y - 50) ** 2 + (x - 100) ** 2 < 40**2, 200, 0).astype(np.uint8)
    path = saved(tmp_path / "a.png", circle)

    def aspect(pixels: np.ndarray) -> float:
        rows, columns = np.nonzero(pixels > 100)
        return float(np.ptp(columns) / np.ptp(rows))

    assert aspect(decode(path, 96, "squash").pixels) == pytest.approx(0.5, abs=0.05)
    assert aspect(decode(path, 96, "crop_pad").pixels) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("border", [0, 255])
def test_crop_pad_cuts_empty_borders_black_or_white(tmp_path: Path, border: int) -> None:
    content = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8)
    framed = np.pad(content, 20, constant_values=border)

    decoded = decode(saved(tmp_path / "a.png", framed), 40, "crop_pad")

    assert np.array_equal(decoded.pixels, content)


def test_an_image_of_one_grey_value_is_not_cropped_away(tmp_path: Path) -> None:
    decoded = decode(saved(tmp_path / "a.png", np.full((20, 10), 7, np.uint8)), 20, "crop_pad")

    assert decoded.pixels.shape == (20, 20)


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_damaged_file_is_named(tmp_path: Path, keep: int) -> None:
    path = saved(tmp_path / "1377.png", np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"1377\.png is not a readable image"):
        decode(path, 32, "squash")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("1", (10_000, 8_000)).save(path)

    with pytest.raises(DataError, match="10000×8000"):
        decode(path, 32, "squash")
