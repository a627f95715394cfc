"""Pictures that are no upright hand radiograph, drawn or made out of radiographs: what `looks.py` learns to refuse.

All are uint8 (count, SIDE, SIDE), stretched as prepared images are. No photograph is needed for them: overlapping leaves
of grey have the edges and sizes of natural pictures (Lee, Mumford and Huang 2001), noise of a falling spectrum their depth.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from data.films.images import to_bytes

SIDE = 64
FINE_SIDE = 4 * SIDE  # bones are drawn finer
LETTERS = "abcdefghijklmnopqrstuvwxyz,.   "
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


def slope(random: np.random.Generator) -> np.ndarray:
    """Greys that rise evenly in some direction, once or in a few waves."""
    across, down = random.normal(size=2)
    way: np.ndarray = across * np.linspace(-1, 1, SIDE) + down * np.linspace(-1, 1, SIDE)[:, np.newaxis]
    return stretched(way if random.random() < 0.5 else np.sin(way * random.uniform(1, 6)))


def page(random: np.random.Generator) -> np.ndarray:
    """Lines of words, as bars or as letters, dark on white or white on dark."""
    image = Image.new("L", (LINES_SIDE, LINES_SIDE), 255)
    brush = ImageDraw.Draw(image)
    height, letters = int(random.integers(6, 30)), random.random() < 0.5
    font = ImageFont.load_default(size=max(5, height // 2))
    for y in range(10, LINES_SIDE - 10, height):
        if letters:
            words = "".join(random.choice(list(LETTERS), LINES_SIDE // 3))
            brush.text((10, y), words[: int(random.integers(1, len(words)))], fill=int(random.integers(150)), font=font)
            continue
        x = 10
        while x < LINES_SIDE - 10:
            width = int(random.integers(3, 25))
            brush.rectangle((x, y, x + width, y + height // 2), fill=int(random.integers(150)))
            x += width + int(random.integers(2, 9))
    grey = stretched(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32))
    return grey if random.random() < 0.5 else 255 - grey


def shafts(random: np.random.Generator) -> np.ndarray:
    """One to four long bones with knobs at a joint, in flesh: as knees, elbows, legs and arms look from afar."""
    image = Image.new("L", (FINE_SIDE, FINE_SIDE), 0)
    brush = ImageDraw.Draw(image)
    middle, flesh = FINE_SIDE * random.uniform(0.35, 0.65), FINE_SIDE * random.uniform(0.15, 0.45)
    brush.rectangle((middle - flesh, 0, middle + flesh, FINE_SIDE), fill=int(random.integers(40, 120)))
    joint, bones = FINE_SIDE * random.uniform(0.2, 0.8), int(random.integers(1, 4))
    for end, count in ((0.0, 1), (FINE_SIDE, bones)):
        for bone in range(count):
            x = middle + flesh * ((bone + 0.5) / count - 0.5) * random.uniform(0.8, 1.4)
            thick, grey = flesh * random.uniform(0.15, 0.5) / count**0.5, int(random.integers(140, 256))
            knob, near = thick * random.uniform(1.1, 1.8), joint + (1 if end else -1) * thick * random.uniform(0.2, 1)
            brush.rectangle((x - thick, min(end, near), x + thick, max(end, near)), fill=grey)
            brush.ellipse((x - knob, near - knob, x + knob, near + knob), fill=grey)
    return rayed(image, random, 40)


def shells(random: np.random.Generator) -> np.ndarray:
    """Bright rims around darker rooms, large and small: as skulls, pelves and chests look from afar."""
    image = Image.new("L", (FINE_SIDE, FINE_SIDE), int(random.integers(0, 120)))
    brush = ImageDraw.Draw(image)
    for size in (random.uniform(0.55, 1.0), *random.uniform(0.1, 0.5, random.integers(1, 7))):
        wide, high = FINE_SIDE * size * random.uniform(0.35, 0.5, 2)
        room = 0 if size > 0.5 else FINE_SIDE * 0.25
        x, y = FINE_SIDE / 2 + random.uniform(-room, room, 2)
        for mirrored in (x, FINE_SIDE - x):  # bodies are alike on both sides
            box = (mirrored - wide, y - high, mirrored + wide, y + high)
            fill, rim = random.integers(0, 170), random.integers(150, 256)
            brush.ellipse(box, fill=int(fill), outline=int(rim), width=int(random.integers(1, 12)))
    return rayed(image, random, 20)


def ribs(random: np.random.Generator) -> np.ndarray:
    """A bright column with bows on both sides: as spines and rib cages look from afar."""
    image = Image.new("L", (FINE_SIDE, FINE_SIDE), int(random.integers(30, 130)))
    brush = ImageDraw.Draw(image)
    middle, thick = FINE_SIDE * random.uniform(0.42, 0.58), FINE_SIDE * random.uniform(0.03, 0.09)
    step, wide = FINE_SIDE * random.uniform(0.06, 0.14), FINE_SIDE * random.uniform(0.15, 0.45)
    for y in np.arange(-step, FINE_SIDE + step, step):
        for left in (middle - wide, middle):
            brush.arc((left, y, left + wide, y + 2 * step), 180, 360, fill=int(random.integers(110, 200)), width=3)
        brush.rectangle((middle - thick, y, middle + thick, y + 0.8 * step), fill=int(random.integers(170, 256)))
    return rayed(image, random, 15)


def rayed(image: Image.Image, random: np.random.Generator, degrees: float) -> np.ndarray:
    """A drawing as a film: turned, soft, grainy."""
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    turned = small.rotate(random.uniform(-degrees, degrees), Image.Resampling.BILINEAR)
    soft = turned.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.2)))
    grain = random.normal(0, random.uniform(0, 10), (SIDE, SIDE))
    return stretched(np.asarray(soft, np.float32) + grain)


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
    side = int(SIDE * random.uniform(0.15, 0.6))
    top, left = random.integers(0, SIDE - side + 1, 2)
    return filled(hand[top : top + side, left : left + side])


def half(hand: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The fingers, the wrist, or one side of it alone."""
    cut = int(SIDE * random.uniform(0.4, 0.6))
    return filled((hand[:cut], hand[cut:], hand[:, :cut], hand[:, cut:])[random.integers(4)])


def filled(part: np.ndarray) -> np.ndarray:
    """A part of a picture as one by itself."""
    return stretched(np.asarray(Image.fromarray(part).resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32))


DRAWN: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
    leaves,
    falling_noise,
    slope,
    page,
    shafts,
    shells,
    ribs,
)
SPOILT: tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], ...] = (
    scrambled_phase,
    shuffled,
    shuffled,
    detail,
    half,
    lambda hand, random: 255 - hand,
    lambda hand, random: hand[::-1],
    lambda hand, random: 255 - hand[::-1],
    lambda hand, random: np.rot90(hand, 1),
    lambda hand, random: np.rot90(hand, 3),
)
