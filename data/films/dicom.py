"""A DICOM radiograph as grey values, bone bright: how its file is known, read and decompressed within bounds.

What the file means is in `dicom_header.py`, how its pixels become greys in `dicom_greys.py`.
"""

import logging
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from data.counted import counted
from data.films import codestream
from data.films.dicom_greys import greys_of
from data.films.dicom_header import Header, header_of
from data.foreign import foreign
from data.preparation import DataError

# Scanners take liberties that pydicom reads and remarks upon; what it cannot read is refused below.
logging.getLogger("pydicom").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")

SUFFIXES = (".dcm", ".dicom")
PICTURE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".jpe",
)  # a folder has thousands of these: they are not opened to be told apart
INDEX = "DICOMDIR"  # a list of files, which carries the mark too
MARK = b"DICM"  # after a preamble of 128 bytes
SEXES = {"M": True, "F": False}
MOST_BYTES = (
    400_000_000  # of a file, or of a deflated one once inflated: 36 million pixels of 8 bytes, and a large header
)
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"


def is_dicom(path: Path) -> bool:
    """By its ending, or by how it begins, whatever it is called: `IM000001`, `1.2.840.113619`. Raises OSError where it may not be read."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix in PICTURE_SUFFIXES or path.name.upper() == INDEX or not path.is_file():
        return False
    return marked(path) or begins_like_dicom(path)


def holds_dicom(path: Path) -> bool:
    """Of one file that is read: it may be DICOM that is named like a picture, too. Raises OSError where it may not be read."""
    return path.is_file() and (is_dicom(path) or marked(path))


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


def patient(path: Path) -> str:
    """PatientID; '' where the file has none. Raises DataError where it is not DICOM."""
    return texts(path, "PatientID")[0]


def grey(path: Path) -> np.ndarray:
    """uint16 (height, width), black 0; what the file's own window shows spans the whole range."""
    dataset = read(path, pixels=True)
    with foreign(f"unreadable: {path} is damaged DICOM"):
        header = header_of(path, dataset)
        if not dataset.get("PixelData"):
            raise DataError(f"unreadable: {path} is DICOM without pixels, or was cut off before them")
        if is_compressed(header.syntax):
            refuse_without_decoder(path, header)
            refuse_other_streams(path, header, dataset)
    return greys_of(path, header, dataset)


def is_compressed(syntax: str) -> bool:
    """Whether its pixels are; a deflated data set is inflated whole when it is read."""
    from pydicom.uid import UID

    return bool(UID(syntax).is_compressed) and syntax != DEFLATED


def refuse_without_decoder(path: Path, header: Header) -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    syntax = UID(header.syntax)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DataError(f"unreadable: {path} is compressed as {syntax.name}, which this program cannot read") from None
    if not decoder.is_available:
        raise DataError(
            f"unreadable: {path} is compressed as {syntax.name} and needs a decoder: make install EXTRAS=dev,dicom"
        )


def refuse_other_streams(path: Path, header: Header, dataset: Any) -> None:
    """A compressed image says its size once more, or grows to whatever it holds; a decoder would make room for that."""
    from pydicom.encaps import generate_frames

    tables = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    extended = tuple(dataset[name].value for name in tables) if all(name in dataset for name in tables) else None
    for stream in generate_frames(dataset.PixelData, number_of_frames=1, extended_offsets=extended):
        if header.syntax == RLE:  # which says no size
            if codestream.runs_exceed(stream, header.width_px * header.height_px):
                raise DataError(f"too large: {path} holds runs of more pixels than its header says")
            continue
        said = codestream.said(stream, header.syntax)
        if said is None:
            raise DataError(
                f"unreadable: the compressed pixels of {path} do not begin as its transfer syntax says ({header.syntax})"
            )
        if said[:2] != (header.width_px, header.height_px):
            raise DataError(
                f"unreadable: {path} compresses {said.width_px}×{said.height_px} pixels; its header says {header.width_px}×{header.height_px}"
            )
        refuse_other_sign(path, header, said)
        if codestream.scans(BytesIO(stream)) > codestream.MOST_SCANS:
            raise DataError(f"too large: {path} holds more than {codestream.MOST_SCANS} passes over its pixels")


def refuse_other_sign(path: Path, header: Header, said: codestream.Said) -> None:
    """Pixels of the highest bit would be the darkest by one of the two, and the brightest by the other.

    JPEG says how many bits there are, of which the highest is the sign where the header says that there is one.
    """
    names = {False: "unsigned", True: "signed"}
    if said.signed is None and header.signed and said.bits != header.bits_stored:
        raise DataError(
            f"unreadable: {path} compresses pixels of {counted(said.bits, 'bit')}; its header says signed ones of {header.bits_stored}"
        )
    if said.signed is not None and said.signed != header.signed:
        raise DataError(
            f"unreadable: {path} compresses {names[said.signed]} pixels; its header says {names[header.signed]} ones"
        )


def read(path: Path, pixels: bool) -> Any:
    """The data set, with its transfer syntax. Raises DataError where the file is not DICOM, or more than any radiograph."""
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info

    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"too large: {path} has {path.stat().st_size:,} bytes, more than any radiograph")
    whole = marked(path)
    if not whole and not begins_like_dicom(path):
        raise DataError(f"unreadable: {path} has the name of a DICOM file and is not one")
    with foreign(f"unreadable: {path} is damaged DICOM"):
        if whole and str(read_file_meta_info(path).get("TransferSyntaxUID")) == DEFLATED:
            refuse_inflated(path)
        dataset = dcmread(path, stop_before_pixels=not pixels, force=not whole)
        add_syntax(path, dataset)
    return dataset


def begins_like_dicom(path: Path) -> bool:
    """Without preamble and mark, as old exports are: with an element of the file's meta group, or of group 8."""
    with path.open("rb") as file:
        start = file.read(8)
    if len(start) < 8:
        return False
    group, element, length = struct.unpack("<HHI", start)
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    return group in (2, 8) and element < 0x2000 and (explicit or (length < 1024 and length % 2 == 0))


def add_syntax(path: Path, dataset: Any) -> None:
    """Where the meta information lacks the transfer syntax: pydicom has seen how the elements are written."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        raise DataError(f"unreadable: {path} is compressed, and its header lacks the transfer syntax that says how")
    implicit, little_endian = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


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
