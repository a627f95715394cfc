"""What a DICOM file says of its pixels, as one frozen value; what cannot be shown right is refused here, nothing is guessed.

PS3.3 C.7.6.3 says what pixels and colours are, C.11 what look-up tables and windows are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.films.dicom_tables import Table, table_of
from data.preparation import DataError
from data.shown import one_line

# Samples per pixel of each photometric interpretation that is read.
GREY = {"MONOCHROME1": 1, "MONOCHROME2": 1}
PALETTE = {"PALETTE COLOR": 1}
COLOUR = dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"), 3)
SAMPLES = GREY | PALETTE | COLOUR
# The other statement of polarity that a file may make beside its photometric interpretation (PS3.3 C.8.11.3).
SHAPE_OF = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
NEEDED = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
# What else may decide how an image is shown, and is not read.
NOT_READ = {
    "PresentationLUTSequence": "brings a presentation look-up table",
    "SharedFunctionalGroupsSequence": "says in functional groups how it is shown",
    "PerFrameFunctionalGroupsSequence": "says in functional groups how it is shown",
    "FloatPixelData": "stores fractions",
    "DoubleFloatPixelData": "stores fractions",
    "AlphaPaletteColorLookupTableData": "has a palette of transparencies",
    "SegmentedRedPaletteColorLookupTableData": "has a palette of segments",
}
OVERLAYS = range(0x6000, 0x6020, 2)  # groups
OVERLAY_BIT = 0x0102
MOST_OBLONG = 1.02  # of a pixel's sides: more would change a hand's proportions visibly
Refuse = Callable[[str], DataError]


@dataclass(frozen=True)
class Window:
    centre: float
    width: float
    function: str  # LINEAR, LINEAR_EXACT, SIGMOID


@dataclass(frozen=True)
class Header:
    """What decides how a file's pixels are read and shown. A grey image's values are scaled or looked up, then windowed."""

    width_px: int
    height_px: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    signed: bool
    overlaid: bool  # an overlay lies in the bits that pixels do not use
    syntax: str  # the transfer syntax' UID
    padding: tuple[int, int] | None = None  # stored values from the one to the other are no image
    slope: float = 1.0
    intercept: float = 0.0
    modality: Table | None = None
    voi: Table | None = None  # if there is one it is meant, and no window
    window: Window | None = None  # the first of several
    palette: tuple[Table, ...] = ()  # red, green, blue


def header_of(path: Path, dataset: Any) -> Header:
    """Raises DataError for what is not one radiograph and for what this program cannot show right; and what pydicom raises."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DataError(f"multi-frame: {path} holds {frames} frames; a radiograph is one image")
    if "Rows" not in dataset or "Columns" not in dataset:
        raise DataError(f"unreadable: {path} is DICOM without an image")

    def refuse(what: str) -> DataError:
        return DataError(
            f"unreadable: {path} {one_line(what)}, which this program cannot show correctly; export it as 8 or 16 bit grey"
        )

    if lacking := [name for name in NEEDED if dataset.get(name) is None]:
        raise refuse(f"lacks {', '.join(lacking)}")
    photometric = str(dataset.PhotometricInterpretation).strip()
    refuse_pixels(dataset, photometric, refuse)
    shown: dict[str, Any] = {}
    little_endian = dataset.original_encoding[1] is not False
    if photometric in GREY:
        shown = grey_scale(dataset, photometric, little_endian, refuse)
    elif photometric in PALETTE:
        names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
        shown = {
            "palette": tuple(table_of(dataset, f"{name}Descriptor", f"{name}Data", little_endian) for name in names)
        }
    return Header(
        width_px=int(dataset.Columns),
        height_px=int(dataset.Rows),
        photometric=photometric,
        bits_allocated=int(dataset.BitsAllocated),
        bits_stored=int(dataset.BitsStored),
        signed=bool(dataset.PixelRepresentation),
        overlaid=any((group, OVERLAY_BIT) in dataset and dataset[group, OVERLAY_BIT].value for group in OVERLAYS),
        syntax=str(dataset.file_meta.TransferSyntaxUID),
        **shown,
    )


def refuse_pixels(dataset: Any, photometric: str, refuse: Refuse) -> None:
    """Samples, bits and shapes of pixels that are not read."""
    if photometric not in SAMPLES:
        raise refuse(f"has the photometric interpretation {photometric or 'none'!r}")
    samples = int(dataset.SamplesPerPixel)
    if samples != SAMPLES[photometric]:
        raise refuse(f"has {samples} samples for each pixel of {photometric}")
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    high, signed = int(dataset.HighBit), int(dataset.PixelRepresentation)
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or high != stored - 1 or signed not in (0, 1):
        raise refuse(f"stores {stored} of {allocated} bits, the highest is {high}, signed {signed}")
    if photometric not in GREY and (signed or allocated == 32 or (photometric.startswith("YBR") and allocated != 8)):
        raise refuse(f"stores {photometric} in {allocated} bits{', signed' * signed}")
    for name, said in NOT_READ.items():
        if name in dataset:
            raise refuse(said)
    if str(dataset.get("PixelPresentation") or "").strip() in ("COLOR", "MIXED", "TRUE_COLOR"):
        raise refuse("colours some of its greys")
    for name in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"):
        sides = numbers(dataset, name)
        if len(sides) == 2 and min(sides) > 0 and max(sides) / min(sides) > MOST_OBLONG:
            raise refuse(f"has pixels that are not square ({name} {sides[0]:g} and {sides[1]:g})")


def grey_scale(dataset: Any, photometric: str, little_endian: bool, refuse: Refuse) -> dict[str, Any]:
    """Padding, scales, tables and windows of a grey image. Refuses what is said twice, or by half."""
    shape = str(dataset.get("PresentationLUTShape") or "").strip()
    if shape not in ("", SHAPE_OF[photometric]):
        raise refuse(
            f"is {photometric} with the presentation LUT shape {shape}: the two disagree on which end is white"
        )
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if (slope is None) != (intercept is None):
        raise refuse(f"has rescale slope {slope} and intercept {intercept}, and needs both or neither")
    if slope is not None and not (math.isfinite(float(slope)) and math.isfinite(float(intercept)) and float(slope)):
        raise refuse(f"has rescale slope {slope} and intercept {intercept}")
    modality, voi = (
        table_of(dataset[name].value[0], "LUTDescriptor", "LUTData", little_endian) if dataset.get(name) else None
        for name in ("ModalityLUTSequence", "VOILUTSequence")
    )
    if modality and slope is not None:
        raise refuse("has both a modality look-up table and a rescale slope")
    return {
        "padding": padding_of(dataset),
        "slope": 1.0 if slope is None else float(slope),
        "intercept": 0.0 if intercept is None else float(intercept),
        "modality": modality,
        "voi": voi,
        "window": window_of(dataset, refuse),
    }


def window_of(dataset: Any, refuse: Refuse) -> Window | None:
    centres, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if len(centres) != len(widths):
        raise refuse(f"has {len(centres)} window centres and {len(widths)} widths")
    if not centres:
        return None
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    window = Window(centres[0], widths[0], function)
    least = 1.0 if function == "LINEAR" else math.ulp(0)  # PS3.3 C.11.2.1.2, C.11.2.1.3
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID") or not (
        math.isfinite(window.centre) and least <= window.width < math.inf
    ):
        raise refuse(f"has the window {window.centre:g}, {window.width:g} ({function})")
    return window


def numbers(dataset: Any, name: str) -> tuple[float, ...]:
    """An element's values, none where it is empty."""
    element = dataset.get(name)
    if element is None or element == "":
        return ()
    return (float(element),) if isinstance(element, (int, float, str)) else tuple(float(value) for value in element)


def padding_of(dataset: Any) -> tuple[int, int] | None:
    """PixelPaddingValue, and all values between it and PixelPaddingRangeLimit, in either order.

    Both are bit patterns of stored pixels: one written with the other sign is the pixel's all the same.
    """
    found = [dataset.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if found[0] is None:
        return None
    words = 2 ** int(dataset.BitsAllocated)
    least = -words // 2 if dataset.PixelRepresentation else 0
    ends = [(int(value) - least) % words + least for value in found if value is not None]
    return min(ends), max(ends)
