import struct
import subprocess
import sys
import threading
import time
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.films import codestream
from data.films.images import LONGEST_PX, Budget, Decoded
from data.films.images import decode as decode_with
from data.preparation import DataError, Fit, Preparation

ROOT = Path(__file__).parents[1]


def saved(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def decode(path: Path, image_px: int, fit: Fit, stretch: bool = False) -> Decoded:
    return decode_with(path, Preparation(image_px=image_px, fit=fit, stretch=stretch))


def gradient(height: int, width: int) -> np.ndarray:
    return np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)


def test_an_image_of_the_right_size_comes_back_unchanged(tmp_path: Path) -> None:
    pixels = gradient(32, 32)

    decoded = decode(saved(tmp_path / "a.png", pixels), 32, "squash")

    assert np.array_equal(decoded.pixels, pixels)
    assert (decoded.width_px, decoded.height_px) == (32, 32)


@pytest.mark.parametrize("fit", ["squash", "crop_pad"])
@given(st.integers(33, 120), st.integers(33, 120), st.integers(0, 2**32))
def test_by_nearest_neighbour_each_pixel_is_one_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, fit: Fit, rows: int, columns: int, seed: int
) -> None:
    """By Lanczos each is a mean of many."""
    film = np.random.default_rng(seed).choice([0, 90, 255], (rows, columns)).astype(np.uint8)
    path = saved(tmp_path_factory.getbasetemp() / "any.png", film)
    nearest, lanczos = (
        decode_with(path, Preparation(image_px=32, fit=fit, stretch=False, shrink=shrink)).pixels
        for shrink in ("nearest", "lanczos")
    )

    assert set(np.unique(nearest)) <= {0, 90, 255}
    assert len(np.unique(lanczos)) > 3


@pytest.mark.parametrize("side", [40, 64])
def test_how_larger_files_are_shrunk_changes_no_file_that_is_as_small(tmp_path: Path, side: int) -> None:
    path = saved(tmp_path / "a.png", gradient(side, side))

    nearest, lanczos = (
        decode_with(path, Preparation(image_px=64, shrink=shrink)).pixels for shrink in ("nearest", "lanczos")
    )

    assert np.array_equal(nearest, lanczos)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_every_colour_mode_of_a_grey_image_gives_the_same_pixels(tmp_path: Path, mode: str) -> None:
    pixels = gradient(32, 32)

    decoded = decode(saved(tmp_path / "a.png", pixels, mode), 32, "squash")

    assert np.abs(decoded.pixels.astype(int) - pixels).max() <= 1


def test_sixteen_bit_grey_is_scaled_to_eight(tmp_path: Path) -> None:
    pixels = (gradient(32, 32).astype(np.uint16)) * 16

    decoded = decode(saved(tmp_path / "a.png", pixels), 32, "squash")

    assert np.abs(decoded.pixels.astype(int) - gradient(32, 32)).max() <= 1


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


@pytest.mark.parametrize("stretch", [False, True])
@pytest.mark.parametrize(("least", "most"), [(7, 8), (0, 255), (0, 2000)])
def test_an_image_with_a_single_speck_is_blank_within_its_empty_borders(
    tmp_path: Path, least: int, most: int, stretch: bool
) -> None:
    pixels = np.full((40, 40), least, np.uint8 if most < 256 else np.uint16)
    pixels[20, 20] = most

    with pytest.raises(DataError, match=rf"^blank: every pixel within the empty borders of .*a\.png is {most}"):
        decode(saved(tmp_path / "a.png", pixels), 40, "crop_pad", stretch)


@pytest.mark.parametrize(("rows", "columns"), [(31, 60), (60, 31), (5, 5)])
def test_what_is_left_within_the_borders_has_the_least_size_too(tmp_path: Path, rows: int, columns: int) -> None:
    """A line of text on a black film is no hand."""
    content = np.random.default_rng(0).integers(0, 255, (rows, columns)).astype(np.uint8)
    path = saved(tmp_path / "a.png", np.pad(content, 100))

    with pytest.raises(DataError, match=rf"^too small: .*a\.png has {columns}×{rows} pixels within its empty borders"):
        decode(path, 40, "crop_pad")
    assert decode(path, 40, "squash").pixels.max() > 0


def test_a_speck_that_is_lost_in_a_small_picture_leaves_it_blank(tmp_path: Path) -> None:
    pixels = np.zeros((2000, 2000), np.uint8)
    pixels[20, 20] = 255

    with pytest.raises(DataError, match=r"^blank: once it is small, every pixel of .*a\.png is 0"):
        decode(saved(tmp_path / "a.png", pixels), 40, "squash")


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_damaged_file_is_named(tmp_path: Path, keep: int) -> None:
    path = saved(tmp_path / "1377.png", np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"^unreadable: .*1377\.png"):
        decode(path, 32, "squash")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("1", (10_000, 8_000)).save(path)

    with pytest.raises(DataError, match="10000×8000"):
        decode(path, 32, "squash")


def test_a_picture_of_one_grey_value_is_blank(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^blank: every pixel of .*a\.png is 7"):
        decode(saved(tmp_path / "a.png", np.full((40, 32), 7, np.uint8)), 32, "squash")


def test_what_is_transparent_is_background(tmp_path: Path) -> None:
    pixels = np.full((32, 32, 4), 255, np.uint8)
    pixels[:, :16, 3] = 0  # white that is not seen

    decoded = decode(saved(tmp_path / "a.png", pixels), 32, "squash").pixels

    assert decoded[:, :16].max() == 0
    assert decoded[:, 16:].min() == 255


def test_a_jpeg_is_read_and_turned_as_its_exif_says(tmp_path: Path) -> None:
    image = Image.fromarray(gradient(32, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)

    decoded = decode(tmp_path / "a.jpg", 64, "crop_pad")

    assert (decoded.width_px, decoded.height_px) == (32, 64)


def in_png(kind: bytes, content: bytes, image: bytes) -> bytes:
    """The picture with one more chunk before its pixels."""
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    at = image.index(b"IDAT") - 4
    return image[:at] + chunk + image[at:]


NOTES = zlib.compress(b"a" * 5_000_000)


@pytest.mark.parametrize(
    ("kind", "content"), [(b"eXIf", b"no EXIF"), (b"iTXt", b"XML\0\1\0\0\0" + NOTES), (b"zTXt", b"XML\0\0" + NOTES)]
)
def test_what_a_picture_says_beside_its_pixels_does_not_matter(tmp_path: Path, kind: bytes, content: bytes) -> None:
    path = saved(tmp_path / "a.png", gradient(48, 48))
    before = decode(path, 48, "squash").pixels
    path.write_bytes(in_png(kind, content, path.read_bytes()))

    assert (decode(path, 48, "squash").pixels == before).all()


@pytest.mark.parametrize("exif", [b"no EXIF", b"II*\0\xff\xff\xff\x7f", b"II*\0\x08\0\0\0\x05\0\x12\x01"])
def test_a_damaged_exif_turns_no_picture_and_is_not_remarked_upon(tmp_path: Path, exif: bytes) -> None:
    Image.fromarray(gradient(48, 48)).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif)
    told = "from data.films.images import *; import sys; print(read_grey(Path(sys.argv[1])).shape)"
    done = subprocess.run([sys.executable, "-c", told, tmp_path / "a.jpg"], cwd=ROOT, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("(48, 48)\n", "")


@pytest.mark.parametrize(
    ("kind", "says"),
    [("GIF", "a GIF: save"), ("WEBP", "a WebP: save"), ("TIFF", "a TIFF: save"), ("BMP", "a BMP: save")],
)
def test_a_file_of_another_kind_says_what_it_is_and_what_to_do(tmp_path: Path, kind: str, says: str) -> None:
    Image.fromarray(gradient(48, 48)).save(tmp_path / "a.png", kind)

    with pytest.raises(DataError, match=rf"a\.png is not a complete PNG or JPEG, but {says} it as PNG"):
        decode(tmp_path / "a.png", 48, "squash")


def test_a_file_that_was_not_brought_along_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    (tmp_path / "b.png").write_text("<!DOCTYPE html><html>sign in</html>")

    with pytest.raises(DataError, match="git lfs pull"):
        decode(tmp_path / "a.png", 48, "squash")
    with pytest.raises(DataError, match="download it again"):
        decode(tmp_path / "b.png", 48, "squash")


def test_stretching_makes_a_faint_picture_use_the_whole_range_and_keeps_its_order(tmp_path: Path) -> None:
    faint = (gradient(64, 64) // 8 + 100).astype(np.uint8)
    path = saved(tmp_path / "a.png", faint)

    plain, stretched = decode(path, 64, "squash").pixels, decode(path, 64, "squash", stretch=True).pixels

    assert np.ptp(plain) == np.ptp(faint)
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert (np.diff(stretched.ravel()[np.argsort(plain.ravel(), kind="stable")].astype(int)) >= 0).all()


def test_stretching_sees_the_content_and_not_the_padding(tmp_path: Path) -> None:
    """A narrow hand on a wide black cassette is stretched as the same hand alone."""
    content = np.random.default_rng(0).integers(90, 120, (64, 64)).astype(np.uint8)
    alone = decode(saved(tmp_path / "a.png", content), 64, "crop_pad", stretch=True).pixels
    framed = decode(saved(tmp_path / "b.png", np.pad(content, 40)), 64, "crop_pad", stretch=True).pixels

    assert np.array_equal(alone, framed)


def test_a_picture_of_two_greys_can_be_stretched(tmp_path: Path) -> None:
    """Its percentiles are one value: nothing may be divided by zero."""
    pixels = np.full((64, 64), 7, np.uint8)
    pixels[0, 0] = 9

    assert decode(saved(tmp_path / "a.png", pixels), 64, "squash", stretch=True).pixels[0, 0] == 255


def test_threads_together_hold_no_more_pixels_than_the_budget() -> None:
    budget, most, failures = Budget(100), [0], []

    def hold(pixels: int) -> None:
        for _ in range(200):
            with budget.holding(pixels):
                most[0] = max(most[0], budget.used)
                time.sleep(0.0001)  # others come while it is held
                if budget.used > max(100, pixels):
                    failures.append(budget.used)

    threads = [threading.Thread(target=hold, args=(pixels,)) for pixels in (30, 40, 60, 150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    assert budget.used == 0
    assert most[0] == 150  # larger than the budget: alone, but not locked out


def test_a_strip_is_padded_as_ever_up_to_the_longest_side_there_is(tmp_path: Path) -> None:
    strip = np.random.default_rng(0).integers(0, 255, (40, LONGEST_PX), dtype=np.uint8)
    path = saved(tmp_path / "a.png", strip)

    decoded = decode(path, 64, "crop_pad").pixels

    square = np.zeros((LONGEST_PX, LONGEST_PX), np.uint8)
    square[(LONGEST_PX - 40) // 2 :][:40] = strip
    expected = np.asarray(Image.fromarray(square).resize((64, 64), Image.Resampling.LANCZOS))
    assert np.array_equal(decoded, expected)


@pytest.mark.parametrize("fit", ["squash", "crop_pad"])
@pytest.mark.parametrize("size", [(LONGEST_PX + 1, 40), (40, 30_000), (200_000, 100)])
def test_a_strip_that_would_become_a_square_of_gigabytes_is_refused(
    tmp_path: Path, fit: Fit, size: tuple[int, int]
) -> None:
    Image.new("1", size).save(tmp_path / "a.png")

    with pytest.raises(DataError, match=rf"^too large: .*a\.png claims {size[0]}×{size[1]} pixels"):
        decode(tmp_path / "a.png", 64, fit)


@pytest.mark.parametrize("size", [(3, 2), (64, 1), (31, 500), (500, 31)])
def test_a_picture_with_fewer_pixels_than_any_network_is_shown_is_refused(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    with pytest.raises(DataError, match=rf"^too small: .*a\.png has {size[0]}×{size[1]} pixels; a hand needs 32"):
        decode(saved(tmp_path / "a.png", gradient(size[1], size[0])), 32, "squash")


def peak_mb(path: Path) -> int:
    """Of a process that decodes this file."""
    script = (
        "import re, sys; from pathlib import Path; from data.preparation import Preparation; from data.films.images import decode\n"
        "decode(Path(sys.argv[1]), Preparation(image_px=64))\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    command = [sys.executable, "-c", script, str(path)]
    return int(subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_what_stands_behind_a_picture_is_not_read(tmp_path: Path, ending: str) -> None:
    path = saved(tmp_path / f"a.{ending}", gradient(100, 100))
    alone = peak_mb(path)
    with path.open("r+b") as file:
        file.truncate(600_000_000)  # a hole: it takes no room

    assert peak_mb(path) < alone + 20


@pytest.mark.parametrize("progressive", [False, True])
def test_a_film_behind_a_jpeg_is_no_part_of_it(tmp_path: Path, progressive: bool) -> None:
    """Telephones append one; in so many bytes FF DA comes by chance."""
    path = tmp_path / "a.jpg"
    Image.fromarray(gradient(64, 64)).save(path, progressive=progressive)
    alone = decode(path, 64, "squash").pixels
    with path.open("ab") as file:
        file.write(b"\xff\xda" * 1_000)

    assert np.array_equal(decode(path, 64, "squash").pixels, alone)


@given(st.integers(0, 200), st.integers(0, 9000), st.integers(0, 3))
def test_scans_are_counted_wherever_their_markers_lie(scans: int, apart: int, filling: int) -> None:
    """Between blocks as they are read, too; a zero behind FF, and RST, are part of a scan."""
    between = (b"\x01\xff\x00\xff\xd3" * (apart // 5 + 1))[:apart] + b"\0"
    scan = b"\xff" * filling + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + between
    comment = b"\xff\xfe\0\x06\xff\xda\xff\xd9"
    stream = b"\xff\xd8" + comment + scan * scans + b"\xff\xd9" + scan * 3

    assert codestream.scans(BytesIO(stream)) == min(scans, codestream.MOST_SCANS + 1)


def png_of_16_bits(path: Path, pixels: np.ndarray, colour_type: int) -> Path:
    """(height, width, channels) as PNG, which Pillow does not write at this depth in colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize(("channels", "colour_type"), [(3, 2), (2, 4), (4, 6)])
def test_16_bits_of_colour_are_refused_as_their_fine_greys_would_be_lost(
    tmp_path: Path, channels: int, colour_type: int
) -> None:
    grey = np.linspace(0, 4095, 64 * 64).reshape(64, 64, 1).astype(np.uint16)  # of a detector of 12 bits
    whole = decode(png_of_16_bits(tmp_path / "grey.png", grey, 0), 64, "squash", stretch=True)
    assert len(np.unique(whole.pixels)) > 200

    pixels = np.repeat(grey, channels, axis=2)
    with pytest.raises(DataError, match=r"16 bits of each colour.*save it as 16-bit greyscale"):
        decode(png_of_16_bits(tmp_path / "colour.png", pixels, colour_type), 64, "squash", stretch=True)
