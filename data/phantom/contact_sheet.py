"""The phantom by age, as one picture: `python -m data.phantom.contact_sheet data/phantom.png` makes that of `docs/data.md`."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from data.phantom.hand import PhantomCase, draw

AGES_MONTHS = (6, 24, 48, 84, 120, 150, 180, 216)
PICTURE_PX = 168
MARGIN_PX = 14


def contact_sheet() -> Image.Image:
    """Girls above, boys below, one hand per age; the same pose in a column, so that only maturity and sex differ."""
    width = MARGIN_PX + len(AGES_MONTHS) * PICTURE_PX
    sheet = Image.new("L", (width, 2 * (MARGIN_PX + PICTURE_PX) + MARGIN_PX), 255)
    write = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    for row, male in enumerate((False, True)):
        top = MARGIN_PX + row * (MARGIN_PX + PICTURE_PX)
        for column, months in enumerate(AGES_MONTHS):
            case = PhantomCase("", male, float(months), float(months), "train", seed=67 + column)
            left = MARGIN_PX + column * PICTURE_PX
            sheet.paste(Image.fromarray(draw(case, PICTURE_PX - 4)), (left, top))
            write.text((left, top - MARGIN_PX), f"{'boy' if male else 'girl'}, {months} months", 0, font)
    write.text((MARGIN_PX, sheet.height - MARGIN_PX), "synthetic phantom: says nothing about patients", 0, font)
    return sheet


if __name__ == "__main__":
    contact_sheet().save(Path(sys.argv[1]), optimize=True)
