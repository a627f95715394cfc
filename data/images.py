"""One radiograph file to one square grey uint8 image."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from data.preparation import DataError, Fit

MAX_PIXELS = 64_000_000  # RSNA's largest has about 7 million; far beyond that it is a decompression bomb
BORDER_CONTRAST = 0.04  # an edge row or column whose grey range is below this share of the image's is empty border


class Decoded(NamedTuple):
    pixels: np.ndarray  # uint8 (image_px, image_px), black 0
    width_px: int  # of the file, before anything was done to it
    height_px: int


def decode(path: Path, image_px: int, fit: Fit) -> Decoded:
    """Read, turn grey, fit to a square. Raises DataError where the file is no readable image.

    `squash` resizes without keeping the aspect, as the paper does; `crop_pad` cuts empty borders off, then pads with
    black to a square, so that bones keep their proportions.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(f"{path} claims {image.width}×{image.height} pixels, more than any radiograph here has")
            width_px, height_px = image.size
            grey = to_grey(image)
    except DataError:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        # Pillow raises all of these for damaged files, SyntaxError for a broken PNG among them.
        raise DataError(f"{path} is not a readable image ({error}); restore the file or remove its row") from None
    if fit == "crop_pad":
        grey = pad_square(crop(grey))
    if grey.size != (image_px, image_px):
        grey = grey.resize(
            (image_px, image_px), Image.Resampling.LANCZOS if max(grey.size) > image_px else Image.Resampling.BICUBIC
        )
    return Decoded(np.asarray(grey), width_px, height_px)


def to_grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey
        wide = np.asarray(image).astype(np.float32)
        return Image.fromarray((wide / max(float(wide.max()), 1.0) * 255).astype(np.uint8))
    return image.convert("L")


def crop(image: Image.Image) -> Image.Image:
    """Cut off the edge rows and columns that hold a single grey value, black and white padding alike."""
    pixels = np.asarray(image).astype(np.int16)
    least = BORDER_CONTRAST * np.ptp(pixels)
    rows = np.flatnonzero(np.ptp(pixels, axis=1) > least)
    columns = np.flatnonzero(np.ptp(pixels, axis=0) > least)
    if not len(rows) or not len(columns):
        return image
    return image.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))


def pad_square(image: Image.Image) -> Image.Image:
    side = max(image.size)
    square = Image.new("L", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
