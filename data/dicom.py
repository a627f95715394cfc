"""A DICOM radiograph as grey values, bone bright: modality, window, photometric interpretation and padding as the standard says.

What a file means is read from its header into one frozen value, `Header`, which refuses what cannot be shown right: nothing
is guessed (PS3.3 C.7.6.3 pixels and colour, C.11 look-up tables). The pixel functions are pydicom's own.
"""

import logging
import math
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.foreign import foreign
from data.preparation import DataError

# Scanners take liberties that pydicom reads and remarks upon; what it cannot read is refused below.
logging.getLogger("pydicom").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")

SUFFIXES = (".dcm", ".dicom")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")  # a folder has thousands of these: they are not opened to be told apart
INDEX = "DICOMDIR"  # a list of files, which carries the mark too
MARK = b"DICM"  # after a preamble of 128 bytes
SEXES = {"M": True, "F": False}
TOP = 65535
MOST_BYTES = (
    400_000_000  # of a file, or of a deflated one once inflated: 36 million pixels of 8 bytes, and a large header
)
DEFLATED = "1.2.840.10008.1.2.1.99"
# Bits per sample for each photometric interpretation that is read, and how many samples it has.
GREY = {"MONOCHROME1": 1, "MONOCHROME2": 1}
PALETTE = {"PALETTE COLOR": 1}
COLOUR = dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"), 3)
SAMPLES = GREY | PALETTE | COLOUR
RED, GREEN, BLUE = 0.299, 0.587, 0.114  # ITU-R 601, by which Pillow makes a colour PNG grey
# The other statement of polarity that a file may make beside its photometric interpretation (PS3.3 C.8.11.3).
SHAPE_OF = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}


@dataclass(frozen=True)
class Header:
    """What decides how a file's pixels are read and shown."""

    width_px: int
    height_px: int
    photometric: str
    samples: int
    bits_stored: int
    padding: tuple[int, int] | None  # stored values from the one to the other are no image
    syntax: str  # the transfer syntax' UID


def is_dicom(path: Path) -> bool:
    """By its ending, or by the mark that DICOM files carry, whatever else they are called: `IM000001`, `1.2.840.113619`."""
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or (
        suffix not in PICTURE_SUFFIXES and path.name != INDEX and path.is_file() and marked(path)
    )


def marked(path: Path) -> bool:
    """Raises OSError where the file may not be read."""
    with path.open("rb") as file:
        return file.read(128 + len(MARK))[128:] == MARK


def size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header alone. Raises DataError where the file is not one radiograph."""
    dataset = read(path, pixels=False)
    with foreign(f"unreadable: {path} is damaged DICOM"):
        header = header_of(path, dataset)
    return header.width_px, header.height_px


def male(path: Path) -> bool | None:
    """By PatientSex; None where the file does not say M or F. Raises DataError where it is not DICOM."""
    (sex,) = texts(path, "PatientSex")
    return SEXES.get(sex.upper())


def texts(path: Path, *elements: str) -> tuple[str, ...]:
    """These elements of the header as text, empty where the file has none. Raises DataError where it is not whole DICOM."""
    dataset = read(path, pixels=False)
    with foreign(f"unreadable: {path} is damaged DICOM"):
        return tuple(str(dataset.get(name) or "").strip() for name in elements)


def grey(path: Path) -> np.ndarray:
    """uint16 (height, width), black 0; what the file's own window shows spans the whole range."""
    dataset = read(path, pixels=True)
    with foreign(f"unreadable: {path} is damaged DICOM"):
        header = header_of(path, dataset)
        refuse_without_decoder(path, header)
        refuse_other_size(path, header, dataset)
        stored = dataset.pixel_array
    expected = (header.height_px, header.width_px)
    if stored.shape[:2] != expected or stored.ndim != (2 if header.photometric in GREY | PALETTE else 3):
        raise DataError(f"unreadable: {path} holds pixels of shape {stored.shape}; its header says {expected}")
    if header.photometric in GREY:
        return shown_grey(path, header, dataset, stored)
    return shown_colour(path, header, dataset, stored)


def shown_grey(path: Path, header: Header, dataset: Any, stored: np.ndarray) -> np.ndarray:
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    with foreign(f"unreadable: {path} cannot be shown as its header says"):
        measured = apply_modality_lut(stored, dataset)
        if measured.dtype.kind == "f" and (measured == np.rint(measured)).all():
            measured = measured.astype(np.int64)  # a VOI look-up table takes whole numbers
        shown = apply_voi_lut(measured, dataset).astype(np.float64)
    low_padding, high_padding = header.padding or (math.inf, -math.inf)
    padding = (stored >= low_padding) & (stored <= high_padding)
    content = shown[~padding] if not padding.all() else shown
    low, high = float(content.min()), float(content.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DataError(f"unreadable: {path} cannot be shown as its header says (its look-up tables give no numbers)")
    if high > low:
        scaled = np.clip((shown - low) / (high - low), 0, 1) * TOP
        if header.photometric == "MONOCHROME1":  # white is the smallest value
            scaled = TOP - scaled
    else:  # one value, which stands out against padding alone
        scaled = np.full(shown.shape, float(TOP))
    scaled[padding] = 0
    return np.asarray(scaled, dtype=np.uint16)


def shown_colour(path: Path, header: Header, dataset: Any, stored: np.ndarray) -> np.ndarray:
    """A screenshot, or a scan of a film: the grey of its colours, on the scale of its bits."""
    from pydicom.pixels.processing import apply_color_lut

    top = 2**header.bits_stored - 1
    if header.photometric in PALETTE:
        with foreign(f"unreadable: {path} cannot be shown as its header says"):
            stored = apply_color_lut(stored, dataset)
            top = 2 ** (8 * stored.itemsize) - 1  # pydicom spreads a palette's entries over their whole words
    red, green, blue = (stored[..., sample].astype(np.float64) for sample in range(3))
    return np.asarray(np.rint((RED * red + GREEN * green + BLUE * blue) / top * TOP), dtype=np.uint16)


def header_of(path: Path, dataset: Any) -> Header:
    """Raises DataError for what is not one radiograph, and for what this program cannot show right."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DataError(f"multi-frame: {path} holds {frames} frames; a radiograph is one image")
    if "Rows" not in dataset or "Columns" not in dataset:
        raise DataError(f"unreadable: {path} is DICOM without an image")

    def refuse(what: str) -> DataError:
        return DataError(
            f"unreadable: {path} {what}, which this program cannot show right; export it as 8 or 16 bit grey"
        )

    width_px, height_px = int(dataset.Columns), int(dataset.Rows)
    photometric = str(dataset.get("PhotometricInterpretation") or "").strip()
    if photometric not in SAMPLES:
        raise refuse(f"has the photometric interpretation {photometric or 'none'!r}")
    samples = int(dataset.get("SamplesPerPixel") or 0)
    if samples != SAMPLES[photometric]:
        raise refuse(f"has {samples} samples for each pixel of {photometric}")
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    high, signed = int(dataset.HighBit), int(dataset.PixelRepresentation)
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or high != stored - 1 or signed not in (0, 1):
        raise refuse(f"stores {stored} of {allocated} bits, the highest is {high}, signed {signed}")
    if photometric not in GREY and (signed or allocated == 32 or (photometric.startswith("YBR") and allocated != 8)):
        raise refuse(f"stores {photometric} in {allocated} bits{', signed' * signed}")
    if photometric in GREY:
        refuse_contradictions(dataset, photometric, refuse)
    return Header(width_px, height_px, photometric, samples, stored, padding_of(dataset), syntax_of(dataset))


def refuse_contradictions(dataset: Any, photometric: str, refuse: Any) -> None:
    """What the look-up tables of a grey image say, where they say two things or nothing."""
    shape = str(dataset.get("PresentationLUTShape") or "").strip()
    if shape not in ("", SHAPE_OF[photometric]):
        raise refuse(f"is {photometric} with the presentation LUT shape {shape}: these disagree on what is white")
    if "PresentationLUTSequence" in dataset:
        raise refuse("brings a presentation look-up table")
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if (slope is None) != (intercept is None):
        raise refuse(f"has rescale slope {slope} and intercept {intercept}, of which one alone means nothing")
    if slope is not None and not (math.isfinite(float(slope)) and math.isfinite(float(intercept)) and float(slope)):
        raise refuse(f"has rescale slope {slope} and intercept {intercept}")
    if "ModalityLUTSequence" in dataset and slope is not None:
        raise refuse("has both a modality look-up table and a rescale slope")


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


def syntax_of(dataset: Any) -> str:
    return str(dataset.file_meta.TransferSyntaxUID)


def refuse_without_decoder(path: Path, header: Header) -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    syntax = UID(header.syntax)
    if not syntax.is_compressed or syntax == DEFLATED:
        return
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DataError(f"unreadable: {path} is compressed as {syntax.name}, which is not read") from None
    if not decoder.is_available:
        raise DataError(
            f"unreadable: {path} is compressed as {syntax.name} and needs a decoder: make install EXTRAS=dev,dicom"
        )


def refuse_other_size(path: Path, header: Header, dataset: Any) -> None:
    """A compressed image says its size once more, and a decoder would make room for that."""
    from pydicom.encaps import generate_fragments
    from pydicom.uid import UID

    syntax = UID(header.syntax)
    if not syntax.is_compressed or syntax == DEFLATED:
        return
    said = codestream_size(b"".join(generate_fragments(dataset.PixelData[:MOST_BYTES])))
    if said and said != (header.width_px, header.height_px):
        raise DataError(
            f"unreadable: {path} compresses {said[0]}×{said[1]} pixels; its header says {header.width_px}×{header.height_px}"
        )


def codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG, JPEG-LS or JPEG 2000 stream says of itself; None where it says none."""
    start = stream.find(b"\xff\x4f\xff\x51")  # JPEG 2000: SOC, SIZ
    if 0 <= start <= 1024:
        right, bottom, left, top = struct.unpack(">4I", stream[start + 8 : start + 24])
        return right - left, bottom - top
    place = stream.find(b"\xff\xd8")
    if not 0 <= place <= 1024:
        return None
    place += 2
    while place + 9 <= len(stream) and stream[place] == 0xFF:
        marker, length = stream[place + 1], int.from_bytes(stream[place + 2 : place + 4])
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):  # a frame's header
            return int.from_bytes(stream[place + 7 : place + 9]), int.from_bytes(stream[place + 5 : place + 7])
        place += 2 + length
    return None


def read(path: Path, pixels: bool) -> Any:
    """The data set, with its transfer syntax. Raises DataError where the file is not DICOM, or more than any radiograph."""
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info

    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"too large: {path} has {path.stat().st_size:,} bytes, more than any radiograph")
    whole = marked(path)
    if not whole and not begins_like_dicom(path):
        raise DataError(f"unreadable: {path} is named like DICOM and is not DICOM")
    with foreign(f"unreadable: {path} is damaged DICOM"):
        if whole and str(read_file_meta_info(path).get("TransferSyntaxUID")) == DEFLATED:
            refuse_inflated(path)
        dataset = dcmread(path, stop_before_pixels=not pixels, force=not whole)
        if not whole:
            add_syntax(dataset)
    return dataset


def begins_like_dicom(path: Path) -> bool:
    """Without preamble and mark, as old exports are: it begins with an element of the file's meta group, or of group 8."""
    with path.open("rb") as file:
        start = file.read(8)
    if len(start) < 8:
        return False
    group, element = struct.unpack("<HH", start[:4])
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    short = int.from_bytes(start[4:8], "little") < 1024
    return group in (2, 8) and element < 0x2000 and (explicit or short)


def add_syntax(dataset: Any) -> None:
    """A data set without meta information is not compressed: pydicom has seen how its elements are written."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def refuse_inflated(path: Path) -> None:
    """A deflated data set is inflated whole by whoever reads it: a few bytes at a time tell how large it gets."""
    inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(deflated_at(path))
        while compressed := file.read(65536):
            while compressed:
                inflated += len(inflater.decompress(compressed, 1_000_000))
                compressed = inflater.unconsumed_tail
                if inflated > MOST_BYTES:
                    raise DataError(
                        f"too large: {path} inflates to more than {MOST_BYTES:,} bytes, more than any radiograph"
                    )


def deflated_at(path: Path) -> int:
    """Where the data set begins: after the preamble, the mark and the meta group, whose length is its first element."""
    with path.open("rb") as file:
        file.seek(128 + len(MARK))
        tag, length = struct.unpack("<4s4xI", file.read(12))
    if tag != b"\x02\x00\x00\x00":
        raise DataError(f"unreadable: {path} is deflated DICOM without the length of its meta information")
    return 128 + len(MARK) + 12 + int(length)
