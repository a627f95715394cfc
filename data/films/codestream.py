"""What a compressed image says of its own size, read before a decoder believes it."""

import struct

MOST_SCANS = (
    100  # of a progressive JPEG, which usually has ten; each one goes over all pixels again, and takes ten bytes
)


def size(stream: bytes) -> tuple[int, int] | None:
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


def scans(stream: bytes) -> int:
    """How often a JPEG goes over its pixels; 0 for another stream."""
    return stream.count(b"\xff\xda") if stream.startswith(b"\xff\xd8") else 0


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
