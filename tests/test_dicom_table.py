"""One picture, stored in every way that DICOM has: each way shows that picture, or is refused with a sentence."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import bits, colour, lut, made, palette, write

from data.folders import files_below
from data.headers import header
from data.images import decode
from data.preparation import DataError, Preparation

SETTINGS = Preparation(image_px=64, fit="squash", stretch=False)
GREYS = np.linspace(0, 1, 64 * 64).reshape(64, 64)  # the picture, 0 black
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


def stored(top: int, kind: type = np.uint16, least: int = 0) -> np.ndarray:
    """The picture in whole numbers from `least` to `least + top`."""
    return (np.rint(GREYS * top) + least).astype(kind)


def rgb(top: int, kind: type, planar: int) -> np.ndarray:
    samples = np.stack([stored(top, kind)] * 3)
    return samples if planar else np.moveaxis(samples, 0, -1)


def ybr() -> np.ndarray:
    grey = stored(255, np.uint8)
    return np.stack([grey, np.full_like(grey, 128), np.full_like(grey, 128)], axis=-1)


INVERTED = {"PhotometricInterpretation": "MONOCHROME1"}
RESCALED = {"RescaleSlope": 2, "RescaleIntercept": -100, "RescaleType": "US"}
# What is stored, and what the header says of it. The picture is the same.
SAME: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "8 bits": (stored(255, np.uint8), bits(8)),
    "7 of 8 bits": (stored(127, np.uint8), bits(8, 7)),
    "10 of 16 bits": (stored(1023), bits(16, 10)),
    "12 of 16 bits": (stored(4095), bits(16, 12)),
    "16 bits": (stored(65535), bits(16)),
    "32 bits": (stored(2**24, np.uint32), bits(32)),
    "signed 8": (stored(255, np.int8, -128), bits(8, signed=1)),
    "signed 12 of 16": (stored(4095, np.int16, -2048), bits(16, 12, 1)),
    "signed 16": (stored(65535, np.int16, -32768), bits(16, signed=1)),
    "overlay in the unused bits": (stored(4095) | 0xF000, bits(16, 12)),
    "monochrome1": (4095 - stored(4095), bits(16, 12) | INVERTED),
    "monochrome1, said twice": (4095 - stored(4095), bits(16, 12) | INVERTED | {"PresentationLUTShape": "INVERSE"}),
    "monochrome1, signed": (2047 - stored(4095, np.int16), bits(16, 12, 1) | INVERTED),
    "monochrome2, said twice": (stored(4095), bits(16, 12) | {"PresentationLUTShape": "IDENTITY"}),
    "rescaled": (stored(4095), bits(16, 12) | RESCALED),
    "rescaled, negative": (4095 - stored(4095), bits(16, 12) | RESCALED | {"RescaleSlope": -1}),
    "rescaled by nothing": (stored(4095), bits(16, 12) | {"RescaleSlope": 1, "RescaleIntercept": 0}),
    "modality LUT": (4095 - stored(4095), bits(16, 12) | lut("ModalityLUTSequence", np.arange(4095, -1, -1), 0)),
    "VOI LUT": (4095 - stored(4095), bits(16, 12) | lut("VOILUTSequence", np.arange(4095, -1, -1), 0, 12)),
    "VOI LUT after a rescaling by nothing": (
        4095 - stored(4095),
        bits(16, 12)
        | {"RescaleSlope": 1, "RescaleIntercept": 0}
        | lut("VOILUTSequence", np.arange(4095, -1, -1), 0, 12),
    ),
    "window": (stored(4095), bits(16, 12) | WINDOW),
    "window, exact": (stored(4095), bits(16, 12) | WINDOW | {"VOILUTFunction": "LINEAR_EXACT"}),
    "two windows, the first of which is meant": (
        stored(4095),
        bits(16, 12) | {"WindowCenter": [2048, 100], "WindowWidth": [4096, 10]},
    ),
    "window, monochrome1": (4095 - stored(4095), bits(16, 12) | WINDOW | INVERTED),
    "window, signed": (stored(4095, np.int16, -2048), bits(16, 12, 1) | {"WindowCenter": 0, "WindowWidth": 4096}),
    "RGB": (rgb(255, np.uint8, 0), bits(8) | colour("RGB", 0)),
    "RGB, planes": (rgb(255, np.uint8, 1), bits(8) | colour("RGB", 1)),
    "RGB of 16 bits": (rgb(65535, np.uint16, 0), bits(16) | colour("RGB", 0)),
    "RGB of 16 bits, planes": (rgb(65535, np.uint16, 1), bits(16) | colour("RGB", 1)),
    "RGB of 12 in 16 bits": (rgb(4095, np.uint16, 0), bits(16, 12) | colour("RGB", 0)),
    "YBR_FULL": (ybr(), bits(8) | colour("YBR_FULL", 0)),
    "palette of 16 bits": (
        255 - stored(255, np.uint8),
        bits(8) | palette(np.arange(255, -1, -1) * 257, 16),
    ),
    "palette of 8 bits": (255 - stored(255, np.uint8), bits(8) | palette(np.arange(255, -1, -1), 8)),
    "palette, 16 bit indices": (4095 - stored(4095), bits(16, 12) | palette(np.arange(4095, -1, -1) * 16, 16)),
}


@pytest.mark.parametrize("way", SAME)
def test_every_way_of_storing_a_picture_shows_that_picture(tmp_path: Path, way: str) -> None:
    pixels, elements = SAME[way]

    shown = decode(write(tmp_path / "a.dcm", pixels, **elements), SETTINGS).pixels / 255

    # The coarsest way has 7 bits and the result 8: half a step of each.
    assert np.abs(shown - GREYS).max() <= 0.5 / 127 + 1.5 / 255


NOT_SHOWN: dict[str, tuple[np.ndarray, dict[str, Any], str]] = {
    "no photometric interpretation": (stored(4095), {"PhotometricInterpretation": None}, "photometric interpretation"),
    "an unknown one": (stored(4095), {"PhotometricInterpretation": "HSV"}, "'HSV'"),
    "CMYK": (stored(4095), {"PhotometricInterpretation": "CMYK", "SamplesPerPixel": 4}, "'CMYK'"),
    "three samples of grey": (stored(4095), {"SamplesPerPixel": 3, "PlanarConfiguration": 0}, "3 samples"),
    "one sample of RGB": (stored(4095), {"PhotometricInterpretation": "RGB"}, "1 samples"),
    "a high bit elsewhere": (stored(4095), {"HighBit": 15}, "the highest is 15"),
    "more bits than there is room": (stored(4095), {"BitsStored": 17, "HighBit": 16}, "17 of 16 bits"),
    "no bits": (stored(4095), {"BitsStored": 0, "HighBit": 0}, "0 of 16 bits"),
    "one bit": (np.packbits(GREYS > 0.5).reshape(64, 8), bits(1) | {"Rows": 64, "Columns": 64}, "1 of 1 bits"),
    "a sign that is none": (stored(4095), {"PixelRepresentation": 2}, "signed 2"),
    "two polarities": (stored(4095), {"PresentationLUTShape": "INVERSE"}, "disagree on what is white"),
    "two polarities, too": (stored(4095), INVERTED | {"PresentationLUTShape": "IDENTITY"}, "disagree"),
    "a slope of nothing": (stored(4095), {"RescaleSlope": 0, "RescaleIntercept": 0}, "slope 0"),
    "a slope alone": (stored(4095), {"RescaleSlope": -1}, "of which one alone means nothing"),
    "two modalities": (stored(4095), RESCALED | lut("ModalityLUTSequence", np.arange(4096)), "both a modality"),
    "a window of no width": (stored(4095), {"WindowCenter": 5, "WindowWidth": 0}, "as its header says"),
    "an unknown window": (stored(4095), WINDOW | {"VOILUTFunction": "CUBIC"}, "as its header says"),
    "signed colour": (rgb(127, np.int8, 0), bits(8, signed=1) | colour("RGB", 0), "signed"),
    "YBR of 16 bits": (rgb(4095, np.uint16, 0), bits(16, 12) | colour("YBR_FULL", 0), "YBR_FULL in 16 bits"),
    "a palette that is missing": (stored(255, np.uint8), bits(8) | {"PhotometricInterpretation": "PALETTE COLOR"}, ""),
    "several frames": (np.stack([stored(4095)] * 2), {"NumberOfFrames": 2}, "2 frames"),
    "fewer pixels than it says": (stored(4095)[:40], {"Rows": 64}, "damaged"),
}


@pytest.mark.parametrize("way", NOT_SHOWN)
def test_what_cannot_be_shown_right_is_refused_with_the_files_name(tmp_path: Path, way: str) -> None:
    pixels, elements, said = NOT_SHOWN[way]

    with pytest.raises(DataError, match=r"a\.dcm") as refused:
        decode(write(tmp_path / "a.dcm", pixels, **elements), SETTINGS)

    assert said in str(refused.value)


def test_a_sigmoid_window_shows_what_the_standard_says(tmp_path: Path) -> None:
    window = {"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"}
    shown = decode(write(tmp_path / "a.dcm", stored(4095), **window), SETTINGS).pixels / 255

    expected = 1 / (1 + np.exp(-4 * (stored(4095).astype(float) - 2000) / 1000))  # PS3.3 C.11.2.1.3.1
    scaled = (expected - expected.min()) / (expected.max() - expected.min())
    assert np.abs(shown - scaled).max() <= 1.5 / 255


PADDED: dict[str, dict[str, Any]] = {
    "a value": {"PixelPaddingValue": 4095},
    "a range": {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4050},
    "a range, the other way round": {"PixelPaddingValue": 4050, "PixelPaddingRangeLimit": 4095},
}


@pytest.mark.parametrize("way", PADDED)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_sets_no_contrast(tmp_path: Path, way: str, photometric: str) -> None:
    image = stored(2000)
    padded = image.copy()
    padded[:, :8] = 4095 if way == "a value" else np.arange(4050, 4058)
    elements = {"PhotometricInterpretation": photometric}
    plain = decode(write(tmp_path / "a.dcm", image, **elements), SETTINGS).pixels

    shown = decode(write(tmp_path / "b.dcm", padded, **elements, **PADDED[way]), SETTINGS).pixels

    assert shown[:, :8].max() == 0
    # The padded columns held no extreme but the first row's, which the others come near.
    assert np.abs(shown[:, 8:].astype(int) - plain[:, 8:]).max() <= 2


def test_an_image_of_one_value_beside_padding_shows_where_the_padding_is(tmp_path: Path) -> None:
    padded = np.full((64, 64), 3999, np.uint16)
    padded[:, :8] = 4050

    shown = decode(write(tmp_path / "a.dcm", padded, PixelPaddingValue=4095, PixelPaddingRangeLimit=4000), SETTINGS)

    assert shown.pixels[:, :8].max() == 0
    assert shown.pixels[:, 8:].min() == 255


def test_padding_written_with_the_other_sign_is_padding(tmp_path: Path) -> None:
    padded = stored(2000, np.int16, -1000)
    padded[:, :8] = -2000
    path = write(tmp_path / "a.dcm", padded, **bits(16, 16, 1))
    from pydicom import dcmread

    dataset = dcmread(path)
    dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)
    dataset.save_as(path)

    assert decode(path, SETTINGS).pixels[:, :8].max() == 0


@pytest.mark.parametrize("explicit", [True, False])
def test_a_data_set_without_preamble_and_meta_information_is_read(tmp_path: Path, explicit: bool) -> None:
    from pydicom.filewriter import dcmwrite

    dataset = made(tmp_path / "a", stored(4095))
    dataset.preamble = None
    del dataset.file_meta
    dcmwrite(tmp_path / "a.dcm", dataset, implicit_vr=not explicit, little_endian=True, enforce_file_format=False)
    assert (tmp_path / "a.dcm").read_bytes()[128:132] != b"DICM"

    shown = decode(tmp_path / "a.dcm", SETTINGS).pixels / 255

    assert np.abs(shown - GREYS).max() <= 2 / 255


@pytest.mark.parametrize("name", ["IM000001", "1.2.840.113619.2", "hand.png", "hand"])
def test_dicom_is_known_by_its_mark_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    shown = decode(write(tmp_path / name, stored(4095)), SETTINGS).pixels / 255

    assert np.abs(shown - GREYS).max() <= 2 / 255


def test_a_folder_of_files_named_by_an_archive_is_found_without_its_index(tmp_path: Path) -> None:
    below = tmp_path / "DICOM" / "PA000001"
    below.mkdir(parents=True)
    for name in ("IM000001", "IM000002", "1.2.840.113619.2.5"):
        write(below / name, stored(4095))
    write(tmp_path / "DICOMDIR", stored(4095))
    (below / "readme").write_text("no image")
    (below / "short").write_bytes(b"DICM")

    found = files_below(tmp_path).images

    assert sorted(path.name for path in found) == ["1.2.840.113619.2.5", "IM000001", "IM000002"]


# An element of a length or kind that its value representation does not have: pydicom meets it when the element is asked for.
@pytest.mark.parametrize(
    "element", ["Rows", "BitsStored", "NumberOfFrames", "WindowCenter", "RescaleSlope", "PatientSex"]
)
def test_one_damaged_element_is_that_files_fault(tmp_path: Path, element: str) -> None:
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    elements = {"WindowCenter": 2000, "WindowWidth": 99, "RescaleSlope": 1, "RescaleIntercept": 0, "NumberOfFrames": 1}
    path = write(tmp_path / "a.dcm", stored(4095), PatientSex="F", **elements)
    tag = Tag(tag_for_keyword(element))
    data = path.read_bytes()
    at = data.index(tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little")) + 4

    for kind in (b"FD", b"AT", b"UL", b"SQ", b"XX", b"IS"):
        path.write_bytes(data[:at] + kind + data[at + 2 :])
        with suppress(DataError):  # some of these say the same number in another way
            decode(path, SETTINGS)
        with suppress(DataError):
            header(path)
