"""When the bones of a left hand appear, widen and fuse: the event table that drives `hand.py`.

Ages are months of bone age, always as the pair (girls, boys).

Where the numbers come from: the onset of a centre is the first Greulich-Pyle standard that mentions it, with
the mean onsets of the paediatric textbooks (Garn's hand-wrist centres) filling the steps between two standards; the
age at which an epiphysis is as wide as its metaphysis and the start and end of fusion are read from the same
standards. Rows marked "assumed" have no standard of their own and follow their neighbours. The order is the one
agreed in the literature: epiphyses of the proximal phalanges, metacarpals, middle, distal; capitate and hamate first,
pisiform last; fusion distal, proximal, middle and metacarpal, ulna, radius.

The table places events in time for a drawing. It is not a rating atlas.
"""

from typing import NamedTuple, TypeAlias

GirlsBoys: TypeAlias = tuple[float, float]


class Epiphysis(NamedTuple):
    """One growth plate: its ossification centre appears, becomes as wide as the metaphysis, fuses with the shaft."""

    bone: str
    appears: GirlsBoys
    full_width: GirlsBoys
    fusing: GirlsBoys
    fused: GirlsBoys


class Centre(NamedTuple):
    """One bone without a growth plate: it appears, then grows to `full_size`."""

    bone: str
    appears: GirlsBoys
    full_size: GirlsBoys


# An epiphysis spans half its metaphysis this long after it appears (proximal phalanges: 12 -> 24, 18 -> 32).
HALF_WIDTH_DELAY_MONTHS: GirlsBoys = (12, 14)

# The scar of a closed plate fades within this time.
SCAR_FADE_MONTHS = 36.0

EPIPHYSES = (
    Epiphysis("radius", (12, 15), (120, 150), (180, 204), (204, 228)),  # full width assumed
    Epiphysis("ulna", (66, 84), (138, 168), (180, 204), (192, 216)),  # full width assumed
    Epiphysis("metacarpal 1", (22, 32), (110, 150), (162, 180), (168, 186)),  # full width assumed
    Epiphysis("metacarpal 2", (12, 18), (120, 156), (165, 189), (180, 204)),
    Epiphysis("metacarpal 3", (12, 19), (120, 156), (165, 189), (180, 204)),
    Epiphysis("metacarpal 4", (15, 22), (120, 156), (165, 189), (180, 204)),
    Epiphysis("metacarpal 5", (17, 25), (120, 156), (165, 189), (180, 204)),
    Epiphysis("proximal 1", (22, 32), (110, 150), (162, 192), (174, 204)),  # full width assumed
    Epiphysis("proximal 2", (11, 17), (106, 132), (162, 192), (174, 204)),
    Epiphysis("proximal 3", (11, 17), (106, 150), (162, 192), (174, 204)),
    Epiphysis("proximal 4", (11, 17), (106, 150), (162, 192), (174, 204)),
    Epiphysis("proximal 5", (15, 22), (120, 150), (162, 192), (168, 204)),
    Epiphysis("middle 2", (17, 28), (106, 150), (168, 192), (186, 204)),
    Epiphysis("middle 3", (16, 24), (106, 150), (168, 194), (192, 208)),
    Epiphysis("middle 4", (16, 24), (110, 152), (168, 194), (192, 208)),  # full width assumed
    Epiphysis("middle 5", (25, 42), (120, 156), (168, 192), (186, 204)),
    Epiphysis("distal 1", (14, 18), (66, 100), (156, 178), (162, 186)),  # full width assumed
    Epiphysis("distal 2", (25, 40), (66, 100), (157, 180), (162, 186)),  # full width assumed
    Epiphysis("distal 3", (20, 26), (60, 96), (157, 180), (162, 186)),
    Epiphysis("distal 4", (20, 26), (60, 96), (157, 180), (162, 186)),
    Epiphysis("distal 5", (24, 40), (60, 96), (157, 180), (162, 186)),
)

CENTRES = (
    Centre("capitate", (3, 3), (150, 170)),
    Centre("hamate", (3, 4), (150, 170)),
    Centre("triquetral", (22, 30), (150, 170)),
    Centre("lunate", (35, 42), (150, 170)),
    Centre("trapezium", (47, 68), (150, 170)),
    Centre("trapezoid", (50, 70), (150, 170)),
    Centre("scaphoid", (50, 69), (150, 170)),
    Centre("pisiform", (108, 128), (150, 176)),
    Centre("hook of hamate", (126, 148), (150, 172)),  # no centre of its own: the age at which its outline shows
    Centre("adductor sesamoid", (128, 154), (156, 180)),
)

# Girls' age and the age at which a boy looks the same, from paired events above. Drives what the table does not
# list (proportions), so that sex shifts the whole picture and not only the listed bones.
GIRLS_AS_BOYS_MONTHS = (
    (0, 0),
    (3, 3),
    (12, 17),
    (24, 32),
    (50, 70),
    (82, 105),
    (106, 132),
    (132, 156),
    (156, 180),
    (180, 204),
    (204, 228),
)

# Atlas plates (months), without the newborn's: real labels sit on them.
# fmt: off
ATLAS_PLATES_MONTHS = (
    (3, 6, 9, 12, 15, 18, 24, 30, 36, 42, 50, 60, 69, 82, 94, 106,
     120, 132, 144, 156, 162, 168, 180, 192, 204, 216),
    (3, 6, 9, 12, 15, 18, 24, 32, 36, 42, 48, 54, 60, 72, 84, 96, 108,
     120, 132, 138, 150, 156, 162, 168, 180, 186, 192, 204, 216, 228),
)
# fmt: on

# Radiographs per year of bone age 0, 1, ... 19 in the RSNA 2017 set (girls, boys): counts only.
CASES_PER_YEAR = (
    (8, 39, 102, 144, 136, 383, 505, 687, 661, 89, 864, 906, 717, 710, 203, 248, 75, 35, 17, 1),
    (8, 52, 94, 116, 210, 213, 326, 311, 340, 419, 496, 969, 877, 1476, 923, 412, 167, 210, 64, 22),
)
