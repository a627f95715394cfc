"""What a compressed image says of its own size and pixels, read before a decoder believes it."""

import re
import struct
from io import BytesIO
from typing import BinaryIO, NamedTuple

MOST_SCANS = (
    100  # of a progressive JPEG, which usually has ten; each one goes over all pixels again, and takes ten bytes
)
# JPEG (T.81 annex B): a marker is FF and a byte that is neither 0 nor, inside a scan, one that only parts it (RST). Any
# number of FF may fill the place before it.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
START, END, SCAN = 0xD8, 0xD9, 0xDA
ALONE = (0x01, START, END)  # no length follows
FRAMES = {0xF7, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # headers that say a size; F7 is JPEG-LS
AT_ONCE = 4096  # bytes
# JPEG 2000 (T.800 annexes A and I): a codestream, alone or in a box of a JP2 file.
CODESTREAM, JP2 = b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"
MOST_BOXES = 100
# Transfer syntaxes by what they compress with (PS3.6, annex A).
SYNTAXES = {
    "jpeg": ("50", "51", "57", "70", "80", "81"),
    "jpeg 2000": ("90", "91", "92", "93", "201", "202", "203"),
}
KINDS = {f"1.2.840.10008.1.2.4.{number}": kind for kind, numbers in SYNTAXES.items() for number in numbers}


class Said(NamedTuple):
    """What a stream says of itself."""

    width_px: int
    height_px: int
    bits: int
    signed: bool | None  # None: JPEG does not say


def said(stream: bytes, syntax: str) -> Said | None:
    """What a stream of this transfer syntax says of itself; None where it says nothing, or nothing that is known.

    So does a stream of another kind than its transfer syntax names.
    """
    kind = KINDS.get(syntax)
    return {"jpeg": said_by_jpeg, "jpeg 2000": said_by_jpeg_2000}[kind](stream) if kind else None


def said_by_jpeg(stream: bytes) -> Said | None:
    file = BytesIO(stream)
    if file.read(2) != bytes([0xFF, START]):
        return None
    while (marker := next_marker(file)) not in (None, END, SCAN):
        if marker in FRAMES:
            header = file.read(7)  # length, bits, height, width
            if len(header) < 7:
                return None
            return Said(int.from_bytes(header[5:7]), int.from_bytes(header[3:5]), header[2], None)
        skip_segment(file, marker)
    return None


def said_by_jpeg_2000(stream: bytes) -> Said | None:
    place = codestream_at(stream)
    header = stream[place : place + 43] if place is not None else b""  # up to the first component's bits
    if len(header) < 43 or not header.startswith(CODESTREAM):
        return None
    right, bottom, left, top = struct.unpack(">4I", header[8:24])
    return Said(right - left, bottom - top, (header[42] & 0x7F) + 1, header[42] > 0x7F)


def codestream_at(stream: bytes) -> int | None:
    """Where the codestream of a JPEG 2000 stream begins; None where its boxes lead nowhere."""
    if not stream.startswith(JP2):
        return 0
    place = 0
    for _ in range(MOST_BOXES):
        length, name = int.from_bytes(stream[place : place + 4]), stream[place + 4 : place + 8]
        long = length == 1  # a length of 8 bytes follows
        if name == b"jp2c":
            return place + (16 if long else 8)
        length = int.from_bytes(stream[place + 8 : place + 16]) if long else length
        if length < 8 or place + length > len(stream):
            return None
        place += length
    return None


def scans(file: BinaryIO) -> int:
    """How often a JPEG goes over its pixels, counted no further than just beyond MOST_SCANS; 0 for another stream.

    Only up to the image's end: some telephones append a film.
    """
    if file.read(2) != bytes([0xFF, START]):
        return 0
    count = 0
    while count <= MOST_SCANS and (marker := next_marker(file)) not in (None, END):
        count += marker == SCAN
        skip_segment(file, marker)
    return count


def next_marker(file: BinaryIO) -> int | None:
    """The second byte of the next marker, which is read; None where none comes."""
    while block := file.read(AT_ONCE):
        if found := MARKER.search(block):
            file.seek(found.end() - len(block), 1)
            return block[found.end() - 1]
        if len(block) == AT_ONCE and block.endswith(b"\xff"):  # half a marker
            file.seek(-1, 1)
    return None


def skip_segment(file: BinaryIO, marker: int | None) -> None:
    if marker not in ALONE:
        length = int.from_bytes(file.read(2))
        file.seek(max(length - 2, 0), 1)


def runs_exceed(stream: bytes, pixels: int) -> bool:
    """Whether a segment of an RLE stream (PS3.5 annex G), a byte of each pixel, grows to more than twice as many: by up to 64 times."""
    if len(stream) < 64:
        return False
    count, *offsets = struct.unpack("<16I", stream[:64])
    if not 0 < count <= 15:  # which no decoder takes
        return False
    ends = [*offsets[1:count], len(stream)]
    return any(length_of(stream, offsets[n], ends[n], 2 * pixels + 128) > 2 * pixels + 128 for n in range(count))


def length_of(stream: bytes, place: int, end: int, most: int) -> int:
    """Bytes that the runs from `place` to `end` stand for; counted no further than just beyond `most`."""
    length, end = 0, min(end, len(stream))
    while place < end and length <= most:
        control = stream[place]
        if control < 128:  # so many bytes and one more follow as they are
            length += control + 1
            place += control + 2
        else:  # the next byte again and again; never, where it is 128
            length += (257 - control) * (control > 128)
            place += 2 if control > 128 else 1
    return length
