"""Hand radiographs as other rooms take them: collimated askew, in a bright surround, smaller in the frame, a little turned, softer, harder.

`looks.py` learns from them that these are hands. Pictures are uint8 (n, px, px).
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FINER = 4  # times, at which an edge is drawn
FRAMED, TURNED, SOFTER, OTHER_GREYS = 0.6, 0.5, 0.3, 0.5  # shares that are varied so
DEGREES, BLUR_PX, GAMMA = 15, 1.2, 2.5
INSET, SMALLEST = 0.15, 0.6  # of the side: a field's corner from the picture's, a picture in a larger frame


def varied(hands: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Of each one other picture, mirrored as often as not."""
    return np.stack([one(hand, random) for hand in hands]) if len(hands) else hands


def one(hand: np.ndarray, random: np.random.Generator) -> np.ndarray:
    image = Image.fromarray(hand[:, ::-1] if random.random() < 0.5 else hand)
    surround = (0, 0, 255, 255, int(random.integers(256)))[random.integers(5)]
    if random.random() < TURNED:
        image = image.rotate(random.uniform(-DEGREES, DEGREES), Image.Resampling.BILINEAR, fillcolor=surround)
    if random.random() < OTHER_GREYS:
        image = image.point(list(np.rint(255 * (np.arange(256) / 255) ** GAMMA ** random.uniform(-1, 1)).astype(int)))
    if random.random() < SOFTER:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0, BLUR_PX)))
    if random.random() < FRAMED:
        image = collimated(image, surround, random) if random.random() < 0.6 else smaller(image, surround, random)
    return np.asarray(image)


def collimated(image: Image.Image, surround: int, random: np.random.Generator) -> Image.Image:
    """Exposed inside a quadrangle alone."""
    side = FINER * image.width
    low, high = (random.uniform(0, INSET, (2, 2)) * side for _ in range(2))
    field = Image.new("L", (side, side))
    corners = [
        tuple(low[0]),
        (side - low[1, 0], low[1, 1]),
        (side - high[0, 0], side - high[0, 1]),
        (high[1, 0], side - high[1, 1]),
    ]
    ImageDraw.Draw(field).polygon(corners, fill=255)
    return Image.composite(image, Image.new("L", image.size, surround), field.resize(image.size, Image.Resampling.BOX))


def smaller(image: Image.Image, surround: int, random: np.random.Generator) -> Image.Image:
    """Somewhere in a larger frame."""
    width, height = (int(side * random.uniform(SMALLEST, 1)) for side in image.size)
    frame = Image.new("L", image.size, surround)
    place = int(random.integers(image.width - width + 1)), int(random.integers(image.height - height + 1))
    frame.paste(image.resize((width, height), Image.Resampling.BILINEAR), place)
    return frame
