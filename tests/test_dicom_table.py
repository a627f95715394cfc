"""One picture, stored in every way that DICOM has: each way shows that picture, or is refused with a sentence."""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import bits, colour, lut, made, palette, write
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from data.films import dicom
from data.films.images import decode
from data.preparation import DataError, Preparation
from data.tables.dicom_cases import header
from data.tables.folders import files_below

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


def ybr_422() -> np.ndarray:
    """Two greys for each blue and red."""
    pairs = ybr().reshape(-1, 2, 3)
    return np.concatenate([pairs[:, :, 0], pairs[:, 0, 1:]], axis=1)


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
    "rescaled, negative, with a window": (
        4095 - stored(4095),
        bits(16, 12) | {"RescaleSlope": -1, "RescaleIntercept": 4095, "RescaleType": "US"} | WINDOW,
    ),
    "rescaled by nothing": (stored(4095), bits(16, 12) | {"RescaleSlope": 1, "RescaleIntercept": 0}),
    "modality LUT": (4095 - stored(4095), bits(16, 12) | lut("ModalityLUTSequence", np.arange(4095, -1, -1), 0)),
    "VOI LUT": (4095 - stored(4095), bits(16, 12) | lut("VOILUTSequence", np.arange(4095, -1, -1), 0, 12)),
    "modality LUT of 8 bits, more entries than those count": (
        stored(4095),
        bits(16, 12) | lut("ModalityLUTSequence", np.arange(4096) // 16, 0, 8),
    ),
    "modality LUT of 12 bits": (stored(4095), bits(16, 12) | lut("ModalityLUTSequence", np.arange(4096), 0, 12)),
    "modality LUT of more entries than the pixels count": (
        stored(255, np.uint8),
        bits(8) | lut("ModalityLUTSequence", np.arange(4096), 0, 12),
    ),
    "VOI LUT of 8 bits, more entries than those count": (
        stored(4095),
        bits(16, 12) | lut("VOILUTSequence", np.arange(4096) // 16, 0, 8),
    ),
    "VOI LUT in bytes": (255 - stored(255, np.uint8), bits(8) | lut("VOILUTSequence", np.arange(255, -1, -1), 0, 8, 1)),
    "VOI LUT in words of bytes": (
        4095 - stored(4095),
        bits(16, 12) | lut("VOILUTSequence", np.arange(4095, -1, -1), 0, 12, 2),
    ),
    "VOI LUT, signed": (
        stored(4095, np.int16, -2048),
        bits(16, 12, 1) | lut("VOILUTSequence", np.arange(4096), -2048, 12),
    ),
    "VOI LUT and a window, of which the table is meant": (
        4095 - stored(4095),
        bits(16, 12) | lut("VOILUTSequence", np.arange(4095, -1, -1), 0, 12) | {"WindowCenter": 9, "WindowWidth": 2},
    ),
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
    "YBR_FULL, planes": (np.moveaxis(ybr(), -1, 0), bits(8) | colour("YBR_FULL", 1)),
    "YBR_FULL_422": (ybr_422(), bits(8) | colour("YBR_FULL_422", 0)),
    "palette of 16 bits": (
        255 - stored(255, np.uint8),
        bits(8) | palette(np.arange(255, -1, -1) * 257, 16),
    ),
    "palette of 8 bits": (255 - stored(255, np.uint8), bits(8) | palette(np.arange(255, -1, -1), 8)),
    "palette of bytes, 16 bit indices": (
        4095 - stored(4095),
        bits(16, 12) | palette(np.arange(4095, -1, -1) // 16, 8, 1),
    ),
    "palette, 16 bit indices": (4095 - stored(4095), bits(16, 12) | palette(np.arange(4095, -1, -1) * 16, 16)),
}


@pytest.mark.parametrize("way", SAME)
def test_every_way_of_storing_a_picture_shows_that_picture(tmp_path: Path, way: str) -> None:
    pixels, elements = SAME[way]

    shown = decode(write(tmp_path / "a.dcm", pixels, **elements), SETTINGS).pixels / 255

    # The coarsest way has 7 bits and the result 8: half a step of each.
    assert np.abs(shown - GREYS).max() <= 0.5 / 127 + 1.5 / 255


NOT_SHOWN: dict[str, tuple[np.ndarray, dict[str, Any], str]] = {
    "no photometric interpretation": (
        stored(4095),
        {"PhotometricInterpretation": None},
        "lacks PhotometricInterpretation",
    ),
    "an unknown one": (stored(4095), {"PhotometricInterpretation": "HSV"}, "'HSV'"),
    "CMYK": (stored(4095), {"PhotometricInterpretation": "CMYK", "SamplesPerPixel": 4}, "'CMYK'"),
    "three samples of grey": (stored(4095), {"SamplesPerPixel": 3, "PlanarConfiguration": 0}, "3 samples"),
    "one sample of RGB": (stored(4095), {"PhotometricInterpretation": "RGB"}, "1 samples"),
    "a high bit elsewhere": (stored(4095), {"HighBit": 15}, "the highest is 15"),
    "more bits than there is room": (stored(4095), {"BitsStored": 17, "HighBit": 16}, "17 of 16 bits"),
    "no bits": (stored(4095), {"BitsStored": 0, "HighBit": 0}, "0 of 16 bits"),
    "one bit": (np.packbits(GREYS > 0.5).reshape(64, 8), bits(1) | {"Rows": 64, "Columns": 64}, "1 of 1 bits"),
    "a sign that is none": (stored(4095), {"PixelRepresentation": 2}, "signed 2"),
    "two polarities": (stored(4095), {"PresentationLUTShape": "INVERSE"}, "disagree on which end is white"),
    "two polarities, too": (stored(4095), INVERTED | {"PresentationLUTShape": "IDENTITY"}, "disagree"),
    "a slope of nothing": (stored(4095), {"RescaleSlope": 0, "RescaleIntercept": 0}, "slope 0"),
    "a slope alone": (stored(4095), {"RescaleSlope": -1}, "and needs both or neither"),
    "two modalities": (stored(4095), RESCALED | lut("ModalityLUTSequence", np.arange(4096)), "both a modality"),
    "a window of no width": (stored(4095), {"WindowCenter": 5, "WindowWidth": 0}, "the window 5, 0"),
    "a window that is no number": (stored(4095), {"WindowCenter": "nan", "WindowWidth": 9}, "the window nan, 9"),
    "a window without end": (stored(4095), {"WindowCenter": 5, "WindowWidth": "inf"}, "the window 5, inf"),
    "an unknown window": (stored(4095), WINDOW | {"VOILUTFunction": "CUBIC"}, "CUBIC"),
    "half a window": (stored(4095), {"WindowCenter": 2048}, "1 window centres and 0 widths"),
    "more centres than widths": (stored(4095), WINDOW | {"WindowCenter": [1, 2]}, "2 window centres and 1 widths"),
    "a table with fewer entries than it says": (
        stored(4095),
        lut("VOILUTSequence", np.arange(4000), 0, 12, said=4096),
        "says 4096 entries and has 4000",
    ),
    "a table of nothing": (stored(4095), {"VOILUTSequence": Sequence([Dataset()])}, "lacks LUTDescriptor and LUTData"),
    "tables of groups": (stored(4095), {"SharedFunctionalGroupsSequence": Sequence([Dataset()])}, "functional groups"),
    "pixels of fractions": (GREYS.astype(np.float32), bits(32) | {"FloatPixelData": b"1234"}, "stores fractions"),
    "oblong pixels": (stored(4095), {"PixelSpacing": [0.1, 0.2]}, "not square"),
    "oblong pixels, too": (stored(4095), {"PixelAspectRatio": [1, 2]}, "not square"),
    "colours beside grey": (stored(4095), {"PixelPresentation": "COLOR"}, "colours some of its greys"),
    "fewer bits than are used": (stored(4095), bits(16, 10), "more than the 10 bits"),
    "8 bits for 16": (stored(4095), bits(8) | {"Columns": 64}, "bytes of pixels more"),
    "a column less than there is": (stored(4095), {"Columns": 63}, "128 bytes of pixels more"),
    "a row less than there is": (stored(4095), {"Rows": 63}, "128 bytes of pixels more"),
    "a sign that is missing": (stored(4095), {"PixelRepresentation": None}, "lacks PixelRepresentation"),
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


def test_padding_may_be_told_by_the_bits_that_pixels_do_not_use(tmp_path: Path) -> None:
    padded = stored(4095)  # whose white is no padding
    padded[:, :8] = 65535

    shown = decode(write(tmp_path / "a.dcm", padded, PixelPaddingValue=65535), SETTINGS).pixels / 255

    assert shown[:, :8].max() == 0
    assert np.abs(shown[:, 8:] - GREYS[:, 8:]).max() <= 2 / 255


def test_an_overlay_that_lies_in_the_unused_bits_is_no_part_of_the_picture(tmp_path: Path) -> None:
    drawn = stored(4095) | (np.arange(64) < 9).astype(np.uint16) << 12
    dataset = made(tmp_path / "a.dcm", drawn)
    dataset.add_new((0x6000, 0x0102), "US", 12)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)

    assert np.abs(decode(tmp_path / "a.dcm", SETTINGS).pixels / 255 - GREYS).max() <= 2 / 255


# The ways whose tables and windows pydicom's own functions apply right, in its own words.
PYDICOMS = [
    way
    for way, (_, elements) in SAME.items()
    if elements.get("SamplesPerPixel", 1) == 1
    and "PALETTE COLOR" not in elements.values()
    and "more entries" not in way
    and "modality LUT of 12" not in way
    and "bytes" not in way
    and "negative" not in way
]


@pytest.mark.parametrize("way", PYDICOMS)
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", ""])
def test_tables_and_windows_show_what_pydicoms_functions_show(tmp_path: Path, way: str, function: str) -> None:
    from pydicom import dcmread
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    path = write(tmp_path / "a.dcm", SAME[way][0], **SAME[way][1])
    dataset = dcmread(path)
    measured = apply_modality_lut(dataset.pixel_array, dataset)
    if function:
        least, most = float(measured.min()), float(measured.max())
        dataset.WindowCenter, dataset.WindowWidth = round(least + 0.3 * (most - least)), round((most - least) / 2)
        dataset.VOILUTFunction = function
        dataset.save_as(path)
    if "VOILUTSequence" in dataset:
        measured = measured.astype(np.int64)
    shown = apply_voi_lut(measured, dataset).astype(float)
    shown = (shown - shown.min()) / np.ptp(shown)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown

    assert np.abs(dicom.grey(path) / 65535 - shown).max() < 1.1 / 65535


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_colours_become_the_grey_of_their_rgb(tmp_path: Path, photometric: str) -> None:
    from pydicom.pixels.processing import convert_color_space

    green = np.stack([stored(255, np.uint8), 255 - stored(255, np.uint8) // 2, np.full((64, 64), 30, np.uint8)], -1)
    pixels = convert_color_space(green, "RGB", photometric)
    if photometric == "YBR_FULL_422":
        pairs = pixels.reshape(-1, 2, 3)
        pixels = np.concatenate([pairs[:, :, 0], pairs[:, 0, 1:]], axis=1)

    shown = dicom.grey(write(tmp_path / "a.dcm", pixels, **bits(8), **colour(photometric, 0))) / 65535

    assert (
        np.abs(shown - green @ [0.299, 0.587, 0.114] / 255).max() < 3 / 255
    )  # YBR's own rounding, and its shared colours


@pytest.mark.parametrize("kind", ["pixels", "VOI LUT", "palette", "bytes"])
def test_a_big_endian_file_shows_the_same(tmp_path: Path, kind: str) -> None:
    entries = np.arange(4095, -1, -1)
    pixels, elements = {
        "pixels": (stored(4095), {}),
        "VOI LUT": (4095 - stored(4095), lut("VOILUTSequence", entries, 0, 12)),
        "palette": (4095 - stored(4095), palette(entries * 16, 16, order=">")),
        "bytes": (4095 - stored(4095), palette(entries // 16, 8, 1, order=">")),
    }[kind]
    dataset = made(tmp_path / "a.dcm", pixels.byteswap(), syntax=ExplicitVRBigEndian, **elements)
    dataset["PixelData"].VR = "OW"
    dataset.set_original_encoding(False, False)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)

    assert np.abs(decode(tmp_path / "a.dcm", SETTINGS).pixels / 255 - GREYS).max() <= 2 / 255


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


def bare(path: Path, dataset: FileDataset, explicit: bool) -> Path:
    """Without preamble and meta information, as old exports are."""
    from pydicom.filewriter import dcmwrite

    dataset.preamble = None
    del dataset.file_meta
    dcmwrite(path, dataset, implicit_vr=not explicit, little_endian=True, enforce_file_format=False)
    assert path.read_bytes()[128:132] != b"DICM"
    return path


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("name", ["a.dcm", "IM000001", "1.2.840.113619.2"])
def test_a_data_set_without_preamble_and_meta_information_is_read(tmp_path: Path, name: str, explicit: bool) -> None:
    path = bare(tmp_path / name, made(tmp_path / "a", stored(4095)), explicit)

    assert files_below(tmp_path).images == (path,)
    assert np.abs(decode(path, SETTINGS).pixels / 255 - GREYS).max() <= 2 / 255


def test_compressed_pixels_without_a_transfer_syntax_are_refused(tmp_path: Path) -> None:
    dataset = made(tmp_path / "a", stored(4095))
    dataset.compress(RLELossless)

    with pytest.raises(DataError, match=r"a\.dcm is compressed, and its header lacks the transfer syntax"):
        decode(bare(tmp_path / "a.dcm", dataset, explicit=True), SETTINGS)


def test_meta_information_without_a_transfer_syntax_is_enough(tmp_path: Path) -> None:
    dataset = made(tmp_path / "a.dcm", stored(4095))
    del dataset.file_meta.TransferSyntaxUID
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=False, implicit_vr=False, little_endian=True)

    assert np.abs(decode(tmp_path / "a.dcm", SETTINGS).pixels / 255 - GREYS).max() <= 2 / 255


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


NOTHING_SHOWN: dict[str, tuple[dict[str, Any], str]] = {
    "a window above all values": ({"WindowCenter": 90000, "WindowWidth": 10}, r"window \(centre 90000, width 10\)"),
    "a window below": ({"WindowCenter": -500, "WindowWidth": 10}, r"window \(centre -500, width 10\)"),
    "a table of one grey": (lut("VOILUTSequence", np.full(4096, 7)), "look-up table"),
    "a slope that no difference survives": ({"RescaleSlope": "1e-300", "RescaleIntercept": "5"}, "rescale slope"),
}


@pytest.mark.parametrize("way", NOTHING_SHOWN)
def test_what_shows_nothing_of_differing_pixels_is_said_to(tmp_path: Path, way: str) -> None:
    elements, what = NOTHING_SHOWN[way]

    with pytest.raises(DataError, match=rf"^blank: the {what} of .*a\.dcm shows nothing: its pixels hold 0 to 4095"):
        decode(write(tmp_path / "a.dcm", stored(4095), **elements), SETTINGS)


@pytest.mark.parametrize("slope", ["1e305", "-1e305", "1.7e308"])
def test_a_slope_that_leads_beyond_all_numbers_is_refused_without_a_warning(tmp_path: Path, slope: str) -> None:
    path = write(tmp_path / "a.dcm", stored(4095), RescaleSlope=slope, RescaleIntercept="0")

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(DataError, match=r"a\.dcm has rescale slope .* too large for a number"):
            decode(path, SETTINGS)


def test_pixels_of_one_value_are_blank_themselves(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^blank: every pixel of .*a\.dcm is"):
        decode(write(tmp_path / "a.dcm", np.full((64, 64), 9, np.uint16), **WINDOW), SETTINGS)
