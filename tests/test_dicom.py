"""DICOM radiographs as scanners write them, made here with pydicom."""

from pathlib import Path

import numpy as np
import pytest
from dicom_files import RAMP, made, write
from pydicom.uid import JPEG2000Lossless

from data.films.images import decode
from data.preparation import DataError, Preparation

SETTINGS = Preparation(image_px=64, fit="squash", stretch=False)


def pixels(path: Path) -> np.ndarray:
    return decode(path, SETTINGS).pixels.astype(int)


def test_twelve_bits_span_the_whole_range(tmp_path: Path) -> None:
    shown = pixels(write(tmp_path / "a.dcm"))

    assert np.abs(shown - np.rint(RAMP / 4000 * 255)).max() <= 1


def test_monochrome1_is_turned_so_that_bone_is_bright(tmp_path: Path) -> None:
    inverted = pixels(write(tmp_path / "a.dcm", 4000 - RAMP, PhotometricInterpretation="MONOCHROME1"))

    assert np.abs(inverted - pixels(write(tmp_path / "b.dcm"))).max() <= 1


def test_a_window_decides_what_is_black_and_white(tmp_path: Path) -> None:
    shown = pixels(write(tmp_path / "a.dcm", WindowCenter=2000, WindowWidth=1000))

    assert (shown[RAMP < 1490] == 0).all()
    assert (shown[RAMP > 2510] == 255).all()
    assert 100 < shown[(RAMP > 1990) & (RAMP < 2010)].mean() < 155


def test_rescaling_comes_before_the_window(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.dcm", WindowCenter=2000, WindowWidth=1000)
    rescaled = write(
        tmp_path / "b.dcm", RescaleSlope=2, RescaleIntercept=-100, WindowCenter=3900, WindowWidth=2000, RescaleType="US"
    )

    assert np.abs(pixels(plain) - pixels(rescaled)).max() <= 1


def test_padding_is_black_whatever_its_value(tmp_path: Path) -> None:
    padded = RAMP.copy()
    padded[:, :8] = 4095

    for kind in ("MONOCHROME1", "MONOCHROME2"):
        shown = pixels(write(tmp_path / "a.dcm", padded, PixelPaddingValue=4095, PhotometricInterpretation=kind))
        assert shown[:, :8].max() == 0
        assert np.ptp(shown[:, 8:]) > 250


def test_more_than_one_frame_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", np.stack([RAMP, RAMP]), NumberOfFrames=2)

    with pytest.raises(DataError, match=r"^multi-frame: .*a\.dcm holds 2 frames"):
        decode(path, SETTINGS)


def test_a_huge_claim_is_refused_before_its_pixels_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", Rows=60_000, Columns=60_000)

    with pytest.raises(DataError, match=r"^too large: .*60000×60000"):
        decode(path, SETTINGS)


@pytest.mark.parametrize("keep", [0, 50, 200, 400, 2000])
def test_a_file_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "1377.dcm")
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"^unreadable: .*1377\.dcm"):
        decode(path, SETTINGS)


@pytest.mark.parametrize("pixels", [None, b""])
def test_a_header_without_pixels_says_so(tmp_path: Path, pixels: bytes | None) -> None:
    dataset = made(tmp_path / "a.dcm")
    dataset.PixelData = pixels
    if pixels is None:
        del dataset.PixelData
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)

    with pytest.raises(DataError, match=r"a\.dcm is DICOM without pixels"):
        decode(tmp_path / "a.dcm", SETTINGS)


def test_a_picture_named_dcm_is_not_dicom(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 300)

    with pytest.raises(DataError, match="has the name of a DICOM file and is not one"):
        decode(tmp_path / "a.dcm", SETTINGS)


def test_a_compression_that_cannot_be_read_here_is_said(tmp_path: Path) -> None:
    from pydicom.encaps import encapsulate

    path = write(tmp_path / "a.dcm")
    from pydicom import dcmread

    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + b"0" * 100])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)

    with pytest.raises(DataError, match=r"^unreadable: .*a\.dcm"):
        decode(path, SETTINGS)
