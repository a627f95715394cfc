"""Pictures that are no upright hand radiograph, drawn or made out of radiographs: what `looks.py` learns to refuse.

All are uint8 (count, SIDE, SIDE), stretched as prepared images are. No photograph is needed for them: overlapping leaves
of grey have the edges and sizes of natural pictures (Lee, Mumford and Huang 2001), noise of a falling spectrum their depth.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from data.films.images import to_bytes

SIDE = 64
LINES_SIDE = 3 * SIDE  # lines of text are drawn finer, and shrink to what a page looks like


def impostors(hands: np.ndarray, each: int, random: np.random.Generator) -> np.ndarray:
    """`each` of every kind, those made of radiographs from `hands`, uint8 (n, SIDE, SIDE)."""
    made = [np.stack([draw(random) for _ in range(each)]) for draw in DRAWN]
    for spoil in SPOILT:
        chosen = hands[random.choice(len(hands), each)]
        made.append(np.stack([spoil(hand, random) for hand in chosen]))
    return np.concatenate(made)


def stretched(pixels: np.ndarray) -> np.ndarray:
    low, high = float(pixels.min()), float(pixels.max())
    if low == high:
        return np.zeros(pixels.shape, np.uint8)
    grey = np.rint((pixels - low) / (high - low) * 65535).astype(np.uint16)
    return to_bytes(grey, stretch=True)


def leaves(random: np.random.Generator) -> np.ndarray:
    image = Image.new("L", (SIDE, SIDE), int(random.integers(256)))
    brush = ImageDraw.Draw(image)
    for _ in range(random.integers(3, 150)):
        radius = SIDE * min(0.6, 0.03 / random.uniform(0.02, 1))
        (x, y), aspect = random.uniform(0, SIDE, 2), random.uniform(0.3, 3)
        box = (x - radius * aspect, y - radius / aspect, x + radius * aspect, y + radius / aspect)
        shape = brush.ellipse if random.random() < 0.5 else brush.rectangle
        shape(box, fill=int(random.integers(256)))
    grain = random.normal(0, random.uniform(0, 12), (SIDE, SIDE))
    return stretched(np.asarray(image, np.float32) + grain)


def falling_noise(random: np.random.Generator) -> np.ndarray:
    """From white noise to soft gradients."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(random.normal(size=(SIDE, SIDE))) / frequency ** random.uniform(0, 2.5)
    return stretched(np.fft.ifft2(spectrum).real)


def page(random: np.random.Generator) -> np.ndarray:
    """Lines of words, dark on white or white on dark."""
    image = Image.new("L", (LINES_SIDE, LINES_SIDE), 255)
    brush = ImageDraw.Draw(image)
    height = int(random.integers(6, 30))
    for y in range(10, LINES_SIDE - 10, height):
        x = 10
        while x < LINES_SIDE - 10:
            width = int(random.integers(3, 25))
            brush.rectangle((x, y, x + width, y + height // 2), fill=int(random.integers(150)))
            x += width + int(random.integers(2, 9))
    grey = stretched(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32))
    return grey if random.random() < 0.5 else 255 - grey


def scrambled_phase(hand: np.ndarray, random: np.random.Generator) -> np.ndarray:
    phase = np.angle(np.fft.fft2(random.normal(size=hand.shape)))
    return stretched(np.fft.ifft2(np.abs(np.fft.fft2(hand)) * np.exp(1j * phase)).real)


def shuffled(hand: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Cut into 2×2 or 4×4 tiles and put together in another order."""
    tiles = int(random.choice([2, 4]))
    side = SIDE // tiles
    cut = hand.reshape(tiles, side, tiles, side).transpose(0, 2, 1, 3).reshape(-1, side, side)
    mixed = cut[random.permutation(len(cut))].reshape(tiles, tiles, side, side)
    return mixed.transpose(0, 2, 1, 3).reshape(SIDE, SIDE)


def detail(hand: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A small part, enlarged."""
    side = int(SIDE * random.uniform(0.15, 0.45))
    top, left = random.integers(0, SIDE - side + 1, 2)
    part = Image.fromarray(hand[top : top + side, left : left + side]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return stretched(np.asarray(part, np.float32))


DRAWN: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (leaves, falling_noise, page)
SPOILT: tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], ...] = (
    scrambled_phase,
    shuffled,
    shuffled,
    detail,
    lambda hand, random: 255 - hand,
    lambda hand, random: hand[::-1],
    lambda hand, random: 255 - hand[::-1],
    lambda hand, random: np.rot90(hand, 1),
    lambda hand, random: np.rot90(hand, 3),
)
