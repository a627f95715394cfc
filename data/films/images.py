"""One radiograph file to one square grey uint8 image, bone bright on dark where the file says which is which."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from data.films import codestream, dicom, field
from data.foreign import foreign, reading
from data.preparation import DataError, Preparation, Shrink

MAX_PIXELS = (
    36_000_000  # RSNA's largest has about 7 million, a large detector 21; far beyond it is a decompression bomb
)
LONGEST_PX = 12_000  # of a side: padding makes a square of it, and no hand is many times as long as it is wide
LEAST_SHARE = 0.2  # of a side of the film; of 12,611 hands of RSNA none takes less than 0.31
LEAST_PX = 32  # of a side, the least a network is ever shown
PIXELS_AT_ONCE = 40_000_000  # decoded by all threads together, so that memory does not grow with their number
FORMATS = ("PNG", "JPEG")  # by content, whatever the name: Pillow would start Ghostscript for an EPS that is named .png
BORDER_CONTRAST = 0.04  # an edge row or column whose grey range is below this share of the image's is empty border
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit warns from 89 million; ours refuses before anything is decoded
# What a picture says of itself beside its pixels is mostly not read: an editor's long notes in it are no reason to refuse it, nor is
# what Pillow remarks upon in a damaged EXIF.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024**2  # bytes, inflated
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
OTHERS = {  # how other kinds of file begin that bear a picture's name, and what to do
    b"GIF8": "a GIF: save it as PNG",
    b"BM": "a BMP: save it as PNG",
    b"II*\0": "a TIFF: save it as PNG",
    b"MM\0*": "a TIFF: save it as PNG",
    b"RIFF": "a WebP: save it as PNG",
    b"\0\0\0\x0cjP  ": "a JPEG 2000: save it as PNG",
    b"\xff\x4f\xff\x51": "a JPEG 2000: save it as PNG",
    b"8BPS": "a file of Photoshop: save it as PNG",
    b"%PDF": "a PDF: save its picture as PNG",
    b"PK\3\4": "an archive or a workbook: name pictures that were unpacked or saved from it",
    b"\x1f\x8b": "an archive: unpack it",
    b"version https://git-lfs": "the name of a file that Git LFS keeps elsewhere: bring the files with `git lfs pull`",
    b"<": "a text, as where a download was answered by a page: download it again",
}
SHRINK: dict[Shrink, Image.Resampling] = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}


class Decoded(NamedTuple):
    pixels: np.ndarray  # uint8 (image_px, image_px), black 0
    width_px: int  # of the file, before anything was done to it
    height_px: int
    levels: float = float(
        "nan"
    )  # of 255, from the 1st to the 99th percentile of the file's greys inside its exposed field
    field: float = float("nan")  # share of the picture that is exposed


class Budget:
    """Lets threads in while their pixels together stay within a limit; one alone is always let in."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used, self.changed = limit, 0, threading.Condition()

    @contextmanager
    def holding(self, pixels: int) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: not self.used or self.used + pixels <= self.limit)
            self.used += pixels
        try:
            yield
        finally:
            with self.changed:
                self.used -= pixels
                self.changed.notify_all()


budget = Budget(PIXELS_AT_ONCE)


def decode(path: Path, settings: Preparation) -> Decoded:
    """Read, turn grey, crop, stretch, fit to a square, as `settings` say.

    `squash` resizes without keeping the aspect, as the paper does; `crop_pad` cuts empty borders off, then pads with
    black to a square, so that bones keep their proportions. Raises DataError where the file is no usable image; the
    message begins with the kind of the fault and a colon.
    """
    try:
        with reading(path, f"unreadable: {path} cannot be read"):
            grey = read_grey(path)
    except PermissionError:
        raise DataError(f"unreadable: {path} may not be read by this user") from None
    height_px, width_px = grey.shape
    refuse_blank(path, grey)
    if settings.fit == "crop_pad":
        whole, grey = grey, crop(grey)
        refuse_empty(path, grey, whole)
    exposed = field.inside(grey)
    with budget.holding(max(grey.shape) ** 2):  # what padding makes of it
        pixels = fitted(Image.fromarray(exposed_bytes(grey, exposed, settings)), settings)
    refuse_blank(path, pixels, "once it is small, every pixel")  # a bright pixel in a thousand is lost
    return Decoded(pixels, width_px, height_px, *measured(grey, exposed))


def read_grey(path: Path) -> np.ndarray:
    """A file of any kind as grey uint8 or uint16 (height, width)."""
    if not path.is_file():  # a pipe or a device would be waited for
        raise DataError(f"unreadable: {path} is not a regular file")
    if path.stat().st_size == 0:
        raise DataError(f"unreadable: {path} is empty (0 bytes)")
    return read_dicom(path) if dicom.holds_dicom(path) else read_picture(path)


def refuse_blank(path: Path, grey: np.ndarray, of: str = "every pixel") -> None:
    if grey.min() == grey.max():
        raise DataError(f"blank: {of} of {path} is {grey.min()}")


def refuse_empty(path: Path, cropped: np.ndarray, whole: np.ndarray) -> None:
    """Where the borders are all, and what is left is a spot: a black film with a bright pixel, or with a line of text.

    A film of 100 px may have a small hand of 31: only what is a small part of its film as well is too small.
    """
    refuse_blank(path, cropped, "every pixel within the empty borders")
    height_px, width_px = cropped.shape
    if any(
        left < LEAST_PX and left < LEAST_SHARE * side for left, side in zip(cropped.shape, whole.shape, strict=True)
    ):
        raise DataError(
            f"too small: {path} has {width_px}×{height_px} pixels within its empty borders; a hand needs {LEAST_PX} in each direction"
        )


def fitted(image: Image.Image, settings: Preparation) -> np.ndarray:
    """uint8 (image_px, image_px). By nearest neighbour only where the network's own films were made small so."""
    if settings.fit == "crop_pad":
        image = pad_square(image)
    side = settings.image_px
    if image.size != (side, side):
        smaller = max(image.size) > side
        image = image.resize((side, side), SHRINK[settings.shrink] if smaller else Image.Resampling.BICUBIC)
    return np.asarray(image)


def decoded_drawing(grey: np.ndarray, settings: Preparation) -> Decoded:
    """A drawn picture, square and of the size that is asked for, as `decode` returns that of a file."""
    exposed = field.inside(grey)
    height_px, width_px = grey.shape
    return Decoded(exposed_bytes(grey, exposed, settings), width_px, height_px, *measured(grey, exposed))


def measured(grey: np.ndarray, exposed: field.Greys) -> tuple[float, float]:
    """`levels` and `field` of Decoded."""
    whole_range = 255 if grey.dtype == np.uint8 else int(grey.max())
    return round(255 * (exposed.high - exposed.low) / whole_range, 1), round(exposed.field, 4)


def exposed_bytes(grey: np.ndarray, exposed: field.Greys, settings: Preparation) -> np.ndarray:
    """uint8, stretched as the settings say."""
    return between(grey, exposed.low, exposed.high) if settings.stretch_field else to_bytes(grey, settings.stretch)


def read_picture(path: Path) -> np.ndarray:
    """A PNG or JPEG as grey uint8 or uint16 (height, width)."""
    said = f"unreadable: {path} is not a complete PNG or JPEG"
    with path.open("rb") as file:
        start = file.read(32)
    if other := next((kind for begins, kind in OTHERS.items() if start.startswith(begins)), ""):
        raise DataError(f"{said}, but {other}")
    with foreign(said):
        image = Image.open(path, formats=FORMATS)
    with image:
        refuse_size(path, image.width, image.height)
        with path.open("rb") as file:
            scans = codestream.scans(file)
        if scans > codestream.MOST_SCANS:
            raise DataError(f"too large: {path} holds more than {codestream.MOST_SCANS} passes over its pixels")
        refuse_lost_depth(path, image)
        with budget.holding(image.width * image.height):
            with foreign(said):
                image.load()
            return to_grey(upright(image))


def upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; one that is damaged says nothing."""
    try:
        with foreign("its EXIF"):
            return ImageOps.exif_transpose(image)
    except DataError:
        return image


def refuse_lost_depth(path: Path, image: ImageFile.ImageFile) -> None:
    """Pillow cuts colours of 16 bits to their upper 8: of a radiograph of 12 bits 16 greys would be left. Grey of 16 bits stays whole."""
    if any(";16" in str(tile) for tile in image.tile) and not image.mode.startswith("I"):
        raise DataError(
            f"not read: {path} has 16 bits of each colour, or of grey and transparency, and would lose its fine greys: save it as "
            "16-bit greyscale PNG without transparency"
        )


def read_dicom(path: Path) -> np.ndarray:
    """A DICOM radiograph as grey uint8 or uint16 (height, width)."""
    width_px, height_px = dicom.size(path)
    refuse_size(path, width_px, height_px)
    with budget.holding(width_px * height_px):
        return dicom.grey(path)


def refuse_size(path: Path, width_px: int, height_px: int) -> None:
    """By what the file says of itself, before anything is decoded."""
    size = f"{width_px}×{height_px} pixels"
    if width_px * height_px > MAX_PIXELS:
        raise DataError(f"too large: {path} claims {size}, more than any radiograph has")
    if max(width_px, height_px) > LONGEST_PX:
        raise DataError(f"too large: {path} claims {size}; the longest side allowed is {LONGEST_PX:,} pixels")
    if min(width_px, height_px) < LEAST_PX:
        raise DataError(f"too small: {path} has {size}; a hand needs {LEAST_PX} in each direction")


def to_grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16-bit grey
        return np.asarray(image).astype(np.uint16)
    if image.has_transparency_data:  # what is transparent is background, whatever colour lies beneath
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    return np.asarray(image.convert("L"))


def to_bytes(grey: np.ndarray, stretch: bool) -> np.ndarray:
    """uint8. Wider greys are scaled from their own range; with `stretch` any image is, from its percentiles."""
    if stretch:
        low, high = (float(value) for value in np.percentile(grey, field.PERCENTILES))
    elif grey.dtype == np.uint8:
        return grey
    else:
        low, high = 0.0, float(grey.max())
    return between(grey, low, high)


def between(grey: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8: `low` becomes black, `high` white."""
    if high <= low:  # hardly any pixel differs from the others
        low, high = float(grey.min()), float(grey.max())
    levels = np.arange(int(grey.max()) + 1, dtype=np.float32)
    table = np.clip(np.rint((levels - low) / (high - low) * 255), 0, 255).astype(np.uint8)
    return np.asarray(table[grey])


def crop(grey: np.ndarray) -> np.ndarray:
    """Cut off the edge rows and columns that hold a single grey value, black and white padding alike."""
    least = BORDER_CONTRAST * (int(grey.max()) - int(grey.min()))
    rows = np.flatnonzero(grey.max(axis=1) - grey.min(axis=1) > least)
    columns = np.flatnonzero(grey.max(axis=0) - grey.min(axis=0) > least)
    if not len(rows) or not len(columns):
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def pad_square(image: Image.Image) -> Image.Image:
    side = max(image.size)
    square = Image.new("L", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
