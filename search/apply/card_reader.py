"""A picture as the network was shown pictures. Needs numpy and Pillow; DICOM files have to be windowed and saved as PNG before."""

import numpy as np
from PIL import Image, ImageOps

from data.films.field import inside  # field

SIDE, FIT = 300, "crop_pad"
STRETCH: bool | str = True
SHRINK = Image.Resampling.LANCZOS


def read(path: str) -> np.ndarray:
    """uint8 (1, SIDE, SIDE, 1), black 0: what the input `image` takes."""
    with Image.open(path) as file:
        upright = ImageOps.exif_transpose(file)
    if upright.mode.startswith("I"):  # 16 bits
        grey = np.asarray(upright).astype(np.uint16)
    else:
        if upright.has_transparency_data:  # what is transparent is black
            rgba = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
        grey = np.asarray(upright.convert("L"))
    if FIT == "crop_pad":  # 1. edge rows and columns of hardly more than one grey are cut off
        least = 0.04 * (int(grey.max()) - int(grey.min()))
        rows = np.flatnonzero(np.ptp(grey, axis=1) > least)
        columns = np.flatnonzero(np.ptp(grey, axis=0) > least)
        if len(rows) and len(columns):
            grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if STRETCH or grey.dtype != np.uint8:  # 2. greys, before anything is resized
        low, high = np.percentile(grey, (1, 99)) if STRETCH else (0, grey.max())
        if STRETCH == "field":  # field
            low, high, _ = inside(grey)  # field
        if high <= low:
            low, high = grey.min(), grey.max()
        share = (grey.astype(np.float32) - np.float32(low)) / np.float32(high - low)
        grey = np.clip(np.rint(share * 255), 0, 255).astype(np.uint8)
    image = Image.fromarray(grey)
    if FIT == "crop_pad":  # 3. black on both sides of the shorter one, to a square
        square = Image.new("L", (max(image.size), max(image.size)))
        square.paste(image, ((square.width - image.width) // 2, (square.height - image.height) // 2))
        image = square
    if image.size != (SIDE, SIDE):  # 4. the filter matters: with another one the network reads another age
        smaller = max(image.size) > SIDE
        image = image.resize((SIDE, SIDE), SHRINK if smaller else Image.Resampling.BICUBIC)
    return np.asarray(image)[np.newaxis, ..., np.newaxis]
