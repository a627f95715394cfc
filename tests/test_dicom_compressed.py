"""Compressed DICOM as hospitals store it, and claims that no decoder should believe."""

import base64
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from dicom_files import RAMP, bits, colour, made, write
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from data.films import codestream, dicom
from data.films.images import decode
from data.preparation import DataError, Preparation

SETTINGS = Preparation(image_px=64, fit="squash", stretch=False)
EIGHT = (RAMP / 4000 * 255).astype(np.uint8)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_picture_is_the_same_in_every_uncompressed_syntax(tmp_path: Path, syntax: str) -> None:
    plain = decode(write(tmp_path / "a.dcm"), SETTINGS).pixels

    assert np.array_equal(decode(write(tmp_path / "b.dcm", syntax=syntax), SETTINGS).pixels, plain)


def test_a_picture_of_big_endian_words_is_the_same(tmp_path: Path) -> None:
    dataset = made(tmp_path / "b.dcm", RAMP.astype(">u2"), syntax=ExplicitVRBigEndian)
    dcmwrite(tmp_path / "b.dcm", dataset, implicit_vr=False, little_endian=False, force_encoding=True)

    plain = decode(write(tmp_path / "a.dcm"), SETTINGS).pixels
    assert np.array_equal(decode(tmp_path / "b.dcm", SETTINGS).pixels, plain)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_a_picture_compressed_without_loss_is_the_same(tmp_path: Path, syntax: str) -> None:
    plain = decode(write(tmp_path / "a.dcm"), SETTINGS).pixels
    dataset = made(tmp_path / "b.dcm")
    dataset.compress(syntax)
    dataset.save_as(tmp_path / "b.dcm", enforce_file_format=True)

    assert np.array_equal(decode(tmp_path / "b.dcm", SETTINGS).pixels, plain)


def compressed(path: Path, stream: bytes, syntax: str, pixels: np.ndarray = EIGHT, **elements: object) -> Path:
    dataset = made(path, pixels, **bits(8) | elements)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    return path


def jpeg(image: Image.Image, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def test_a_jpeg_of_greys_and_one_of_colours_show_the_picture(tmp_path: Path) -> None:
    grey = compressed(tmp_path / "a.dcm", jpeg(Image.fromarray(EIGHT)), JPEGBaseline8Bit)
    rgb = Image.merge("RGB", [Image.fromarray(EIGHT)] * 3)
    coloured = compressed(tmp_path / "b.dcm", jpeg(rgb, subsampling=1), JPEGBaseline8Bit, **colour("YBR_FULL_422", 0))

    for path in (grey, coloured):
        shown = decode(path, SETTINGS).pixels.astype(int)
        assert np.abs(shown - EIGHT).max() <= 6  # of JPEG's quality 95


# A ramp of 16 by 16 greys of 8 bits, i times 17 in row i, as JPEG lossless (process 14, first-order prediction).
LOSSLESS = base64.b64decode(
    "/9j/wwALCAAQABABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAAAAUI/9oACAEBAAEA"
    "AM/gACiAAKIAAogACiAAKIAAogACiAAKIAAogACiAAKIAAogACiAAKIAAogAD//Z"
)


def test_jpeg_lossless_is_read(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(16, dtype=np.uint8)[:, None] * 17, 16, axis=1)
    path = compressed(tmp_path / "a.dcm", LOSSLESS, JPEGLosslessSV1, ramp)

    assert dicom.size(path) == (16, 16)
    assert np.abs(dicom.grey(path) / 257 - ramp).max() < 1


def test_a_compression_that_no_decoder_here_knows_is_named(tmp_path: Path) -> None:
    path = compressed(tmp_path / "a.dcm", b"\0" * 100, MPEG2MPML)

    with pytest.raises(DataError, match=r"a\.dcm is compressed as MPEG2 .*, which this program cannot read"):
        decode(path, SETTINGS)


def test_without_its_decoder_a_file_says_which_extra_brings_it(tmp_path: Path) -> None:
    path = compressed(tmp_path / "a.dcm", LOSSLESS, JPEGLosslessSV1, np.zeros((16, 16), np.uint8))
    program = (
        "import sys; sys.modules['pylibjpeg'] = sys.modules['libjpeg'] = sys.modules['gdcm'] = None\n"
        "from pathlib import Path; from data.films import dicom\n"
        f"dicom.grey(Path({str(path)!r}))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "needs a decoder: make install EXTRAS=dev,dicom" in done.stderr


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEG2000, JPEGLSLossless, JPEGLosslessSV1, RLELossless])
@pytest.mark.parametrize(
    "stream", [b"\0\0", b"\xff\x4f\xff\x51" + b"0" * 60, b"\xff\xd8\xff\xf7" + b"\0" * 20, b"x" * 99]
)
def test_a_damaged_stream_is_that_files_fault(tmp_path: Path, syntax: str, stream: bytes) -> None:
    with pytest.raises(DataError, match=r"^unreadable: .*a\.dcm"):
        decode(compressed(tmp_path / "a.dcm", stream, syntax), SETTINGS)


def test_a_stream_that_claims_another_size_than_the_header_is_not_decoded(tmp_path: Path) -> None:
    stream = bytearray(jpeg(Image.fromarray(EIGHT)))
    place = stream.index(b"\xff\xc0")
    stream[place + 5 : place + 9] = (60_000).to_bytes(2) * 2

    with pytest.raises(DataError, match="compresses 60000×60000 pixels; its header says 64×64"):
        decode(compressed(tmp_path / "a.dcm", bytes(stream), JPEGBaseline8Bit), SETTINGS)


SIGNED = (RAMP.astype(np.int16) - 2048).astype(np.int16)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("stored", [12, 13, 16])
def test_signed_pixels_compressed_without_loss_are_the_same(tmp_path: Path, syntax: str, stored: int) -> None:
    plain = decode(write(tmp_path / "a.dcm"), SETTINGS).pixels
    dataset = made(tmp_path / "b.dcm", SIGNED, **bits(16, stored, 1))
    dataset.compress(syntax)
    dataset.save_as(tmp_path / "b.dcm", enforce_file_format=True)

    assert np.array_equal(decode(tmp_path / "b.dcm", SETTINGS).pixels, plain)


@pytest.mark.parametrize(
    ("syntax", "pixels", "header", "says"),
    [
        (JPEG2000Lossless, RAMP, bits(16, 12, 1), "unsigned pixels; its header says signed"),
        (JPEG2000Lossless, RAMP, bits(16, 16, 1), "unsigned pixels; its header says signed"),
        (JPEG2000Lossless, SIGNED, bits(16, 12, 0), "signed pixels; its header says unsigned"),
        (JPEGLSLossless, RAMP, bits(16, 16, 1), "pixels of 12 bits; its header says signed ones of 16"),
        (JPEGLSLossless, RAMP, bits(16, 13, 1), "pixels of 12 bits; its header says signed ones of 13"),
    ],
)
def test_a_stream_whose_brightest_pixels_the_header_makes_the_darkest_is_refused(
    tmp_path: Path, syntax: str, pixels: np.ndarray, header: dict[str, int], says: str
) -> None:
    dataset = made(tmp_path / "a.dcm", pixels, **bits(16, 12, int(pixels.min() < 0)))
    dataset.compress(syntax)
    for name, value in header.items():
        setattr(dataset, name, value)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)

    with pytest.raises(DataError, match=rf"a\.dcm compresses {says}"):
        decode(tmp_path / "a.dcm", SETTINGS)


def test_unsigned_pixels_may_be_compressed_with_fewer_bits_than_the_header_says(tmp_path: Path) -> None:
    plain = decode(write(tmp_path / "a.dcm"), SETTINGS).pixels
    for syntax in (JPEGLSLossless, JPEG2000Lossless):
        dataset = made(tmp_path / "b.dcm")
        dataset.compress(syntax)
        dataset.BitsStored, dataset.HighBit = 16, 15
        dataset.save_as(tmp_path / "b.dcm", enforce_file_format=True)

        assert np.array_equal(decode(tmp_path / "b.dcm", SETTINGS).pixels, plain)


@pytest.mark.slow
def test_what_inflates_without_end_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", syntax=DeflatedExplicitVRLittleEndian)
    begins = dicom.deflated_at(path)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(deflate.compress(bytes(10_000_000)) for _ in range(60)) + deflate.flush()
    path.write_bytes(path.read_bytes()[:begins] + bomb)
    assert len(bomb) < 1_000_000

    with pytest.raises(DataError, match="inflates to more than 400,000,000 bytes"):
        decode(path, SETTINGS)


def test_a_file_larger_than_any_radiograph_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    with path.open("r+b") as file:
        file.truncate(dicom.MOST_BYTES + 1)  # a hole: it takes no room

    with pytest.raises(DataError, match="too large"):
        decode(path, SETTINGS)


def test_runs_that_grow_beyond_the_picture_are_refused_before_they_do(tmp_path: Path) -> None:
    runs = bytes([129, 0]) * 2_000  # 256,000 bytes of a picture of 4,096
    stream = struct.pack("<16I", 2, 64, 64 + len(runs), *[0] * 13) + runs * 2

    with pytest.raises(DataError, match=r"^too large: .*a\.dcm holds runs of more pixels"):
        decode(compressed(tmp_path / "a.dcm", stream, RLELossless), SETTINGS)


@pytest.mark.parametrize("name", ["a.jpg", "a.dcm"])
def test_a_jpeg_of_countless_scans_is_refused_before_any(tmp_path: Path, name: str) -> None:
    stream = jpeg(Image.fromarray(EIGHT), progressive=True)
    last = stream.rindex(b"\xff\xda")
    repeated = stream[:-2] + stream[last : last + 10] * 1_000 + stream[-2:]
    if name == "a.dcm":
        compressed(tmp_path / name, repeated, JPEGBaseline8Bit)
    else:
        (tmp_path / name).write_bytes(repeated)

    with pytest.raises(DataError, match="holds more than 100 passes over its pixels"):
        decode(tmp_path / name, SETTINGS)


def claiming(stream: bytes, before: bytes) -> bytes:
    """A JPEG whose frame claims 16,000×16,000 pixels, with something before it."""
    place = stream.index(b"\xff\xc0")
    return stream[:place] + before + stream[place : place + 5] + (16_000).to_bytes(2) * 2 + stream[place + 9 :]


SMALL_J2K = b"\xff\x4f\xff\x51" + struct.pack(">HH4I", 41, 0, 64, 64, 0, 0)
HIDDEN = {
    "a filling byte": b"\xff",
    "many of them": b"\xff" * 300,
    "bytes that are of no segment": b"\0\1\2",
    "a comment that begins like JPEG 2000 of the right size": b"\xff\xfe"
    + (2 + len(SMALL_J2K)).to_bytes(2)
    + SMALL_J2K,
    "a comment that begins like a JPEG of the right size": b"\xff\xfe\0\x0d\xff\xd8\xff\xc0\0\x0b\x08\0\x40\0\x40",
}


@pytest.mark.parametrize("way", HIDDEN)
def test_a_frames_size_is_found_whatever_stands_before_it(tmp_path: Path, way: str) -> None:
    stream = claiming(jpeg(Image.fromarray(EIGHT)), HIDDEN[way])

    with pytest.raises(DataError, match="compresses 16000×16000 pixels; its header says 64×64"):
        decode(compressed(tmp_path / "a.dcm", stream, JPEGBaseline8Bit), SETTINGS)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless])
def test_a_stream_of_another_compression_than_its_syntax_names_is_refused(tmp_path: Path, syntax: str) -> None:
    file = BytesIO()
    Image.fromarray(EIGHT).save(file, "JPEG2000", no_jp2=True)
    stream = jpeg(Image.fromarray(EIGHT)) if syntax == JPEG2000Lossless else file.getvalue()

    with pytest.raises(DataError, match=r"^unreadable: .*a\.dcm do not begin as its transfer syntax says"):
        decode(compressed(tmp_path / "a.dcm", stream, syntax), SETTINGS)


@pytest.mark.parametrize("boxed", [False, True])
def test_jpeg_2000_says_its_size_with_boxes_around_it_and_without(boxed: bool) -> None:
    file = BytesIO()
    Image.fromarray(EIGHT[:, :40]).save(file, "JPEG2000", no_jp2=not boxed)

    assert codestream.said(file.getvalue(), JPEG2000Lossless) == (40, 64, 8, False)
    for end in range(len(file.getvalue()) - 1):
        assert codestream.said(file.getvalue()[:end], JPEG2000Lossless) in (None, (40, 64, 8, False))
