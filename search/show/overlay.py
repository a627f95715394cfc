"""Signed maps in colour over radiographs, the legend, and sheets of them as one picture.

Orange adds months, blue takes them away, the radiograph itself shows where nothing is added: told apart with every common
colour blindness, and by their lightness where there is no colour.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from search.show.html import BLUE, ORANGE

OLDER, YOUNGER = (np.array(ImageColor.getrgb(name), np.float32) for name in (ORANGE, BLUE))
OPAQUE = 0.8  # at the ends of the scale
SCALE_PERCENTILE = 99  # one extreme cell should not make all others pale
TILE_PX, GAP_PX, LINE_PX, TEXT_PX, ACROSS = 240, 6, 19, 13, 3


class Tile(NamedTuple):
    """One case: pictures side by side, grey or RGB uint8 of any size, and lines of text below them."""

    pictures: tuple[np.ndarray, ...]
    lines: tuple[str, ...]


def scale_of(months: np.ndarray) -> float:
    """Where the colours end, either way: one scale for all maps (n, rows, columns) that are shown together."""
    return max(float(np.percentile(np.abs(months), SCALE_PERCENTILE)), 1e-6)


def laid_over(grey: np.ndarray, months: np.ndarray, scale: float) -> np.ndarray:
    """RGB uint8 (side, side, 3) of a grey image and a map of the same size."""
    share = np.clip(months / scale, -1, 1)[..., np.newaxis]
    colour = np.where(share > 0, OLDER, YOUNGER)
    opacity = OPAQUE * np.abs(share)
    mixed = grey[..., np.newaxis].astype(np.float32) * (1 - opacity) + colour * opacity
    return np.asarray(np.rint(mixed), np.uint8)


def legend(scale: float, unit: str, width_px: int = 420) -> np.ndarray:
    """The colour bar over dark and over bright grey, with its ends in months: RGB uint8."""
    bar_px, top = 26, 4
    values = np.linspace(-scale, scale, width_px)
    grey = np.repeat([[60], [190]], bar_px // 2, axis=0) * np.ones(width_px)
    bar = laid_over(grey, np.broadcast_to(values, grey.shape), scale)
    picture = Image.new("RGB", (width_px + 20, top + bar_px + 2 * LINE_PX + 6), "white")
    picture.paste(Image.fromarray(bar), (10, top))
    write = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=TEXT_PX)
    places = (
        (10, "la", f"-{scale:.3g} or less"),
        (10 + width_px // 2, "ma", "0"),
        (10 + width_px, "ra", f"+{scale:.3g} or more"),
    )
    for x, anchor, words in places:
        write.text((x, top + bar_px + 3), words, "black", font, anchor=anchor)
    write.text((10 + width_px // 2, top + bar_px + LINE_PX + 3), unit, "black", font, anchor="ma")
    return np.asarray(picture)


def sheet(
    tiles: Sequence[Tile], bar: np.ndarray, head: Sequence[str], foot: Sequence[str], side_px: int = TILE_PX
) -> Image.Image:
    """All tiles under a heading, with the legend and the foot's lines below. A tile's lines are wrapped to its width."""
    font = ImageFont.load_default(size=TEXT_PX)
    across = min(ACROSS, len(tiles))
    tile_width = max(len(tile.pictures) for tile in tiles) * (side_px + GAP_PX) + 2 * GAP_PX
    below = [[part for line in tile.lines for part in wrapped(line, tile_width - 2 * GAP_PX, font)] for tile in tiles]
    tile_height = side_px + max(map(len, below)) * LINE_PX + 3 * GAP_PX
    words = max(font.getlength(line) for line in (*head, *foot))
    width = max(across * tile_width, bar.shape[1], int(words)) + 2 * GAP_PX
    begin = GAP_PX + len(head) * LINE_PX + GAP_PX
    end = begin + -(-len(tiles) // across) * tile_height
    picture = Image.new("RGB", (width, end + bar.shape[0] + len(foot) * LINE_PX + 3 * GAP_PX), "white")
    write = ImageDraw.Draw(picture)

    def lines(left: int, top: int, texts: Sequence[str]) -> None:
        for number, line in enumerate(texts):
            write.text((left, top + number * LINE_PX), line, "black", font)

    lines(2 * GAP_PX, GAP_PX, head)
    for number, (tile, said) in enumerate(zip(tiles, below, strict=True)):
        left = 2 * GAP_PX + number % across * tile_width
        top = begin + number // across * tile_height
        for place, pixels in enumerate(tile.pictures):
            image = Image.fromarray(pixels).convert("RGB").resize((side_px, side_px), Image.Resampling.BICUBIC)
            picture.paste(image, (left + place * (side_px + GAP_PX), top))
        lines(left, top + side_px + GAP_PX, said)
    picture.paste(Image.fromarray(bar), (GAP_PX, end))
    lines(2 * GAP_PX, end + bar.shape[0] + GAP_PX, foot)
    return picture


def wrapped(line: str, width_px: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """In parts that are no wider, parted at spaces where there are any."""
    parts = []
    while len(line) > 1 and font.getlength(line) > width_px:
        fits = max(end for end in range(1, len(line)) if end == 1 or font.getlength(line[:end]) <= width_px)
        space = line.rfind(" ", 1, fits + 1)
        cut = space if space > 0 else fits
        parts.append(line[:cut])
        line = line[cut:].lstrip()
    return [*parts, line]
