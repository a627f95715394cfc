"""The adult hand in numbers: long bones, fingers, carpals. Hand units and orientation as in `hand.py`."""

from typing import NamedTuple

Point = tuple[float, float]


class LongBone(NamedTuple):
    """Half widths at the growth plate, mid shaft and other end, and the thickness of the grown epiphysis."""

    length: float
    plate: float
    shaft: float
    end: float
    epiphysis: float
    bend: float  # how far the epiphysis curves around the end of the shaft, in its thickness


# In the order of EPIPHYSES. The growth plate is at the far end of radius, ulna and metacarpals 2-5, else at the base.
LONG_BONES = (
    LongBone(0.75, 0.076, 0.034, 0.036, 0.042, 0.10),
    LongBone(0.75, 0.043, 0.026, 0.028, 0.032, 0.15),
    LongBone(0.245, 0.041, 0.027, 0.038, 0.027, 0.10),
    LongBone(0.345, 0.040, 0.024, 0.040, 0.036, 0.45),
    LongBone(0.335, 0.040, 0.023, 0.036, 0.036, 0.45),
    LongBone(0.300, 0.036, 0.020, 0.032, 0.034, 0.45),
    LongBone(0.275, 0.035, 0.020, 0.034, 0.032, 0.45),
    LongBone(0.170, 0.038, 0.025, 0.032, 0.026, 0.15),
    LongBone(0.210, 0.038, 0.024, 0.031, 0.026, 0.15),
    LongBone(0.235, 0.040, 0.025, 0.033, 0.027, 0.15),
    LongBone(0.215, 0.037, 0.023, 0.030, 0.026, 0.15),
    LongBone(0.170, 0.033, 0.020, 0.026, 0.024, 0.15),
    LongBone(0.125, 0.033, 0.020, 0.027, 0.022, 0.15),
    LongBone(0.155, 0.034, 0.021, 0.028, 0.023, 0.15),
    LongBone(0.145, 0.032, 0.020, 0.026, 0.022, 0.15),
    LongBone(0.100, 0.028, 0.017, 0.023, 0.020, 0.15),
    LongBone(0.115, 0.033, 0.018, 0.021, 0.022, 0.10),
    LongBone(0.085, 0.027, 0.014, 0.018, 0.019, 0.10),
    LongBone(0.092, 0.028, 0.015, 0.019, 0.019, 0.10),
    LongBone(0.092, 0.027, 0.014, 0.018, 0.019, 0.10),
    LongBone(0.080, 0.024, 0.012, 0.016, 0.018, 0.10),
)
WRIST_ROWS, METACARPAL_ROWS = (0, 1), (2, 3, 4, 5, 6)
RAY_ROWS = ((2, 7, 16), (3, 8, 12, 17), (4, 9, 13, 18), (5, 10, 14, 19), (6, 11, 15, 20))  # thumb first


class Ray(NamedTuple):
    """A metacarpal with its finger: base, and angles from the hand's axis to the thumb side (degrees)."""

    base: Point
    metacarpal_deg: float
    finger_deg: float
    spread_deg: float  # added per unit of finger spread
    tissue: float  # half width of the finger


RAYS = (
    Ray((0.120, 0.116), 41.0, 28.0, 9.0, 0.062),
    Ray((0.064, 0.163), 10.0, 5.0, 7.5, 0.054),
    Ray((0.010, 0.165), 1.0, 0.5, 0.5, 0.055),
    Ray((-0.044, 0.160), -9.0, -4.0, -6.5, 0.051),
    Ray((-0.092, 0.146), -19.0, -9.0, -15.0, 0.045),
)


class Carpal(NamedTuple):
    """Place of a bone and its adult outline: radii every 45 degrees from the thumb side, counter-clockwise."""

    centre: Point
    radii: tuple[float, float, float, float, float, float, float, float]


# In the order of CENTRES; neighbours nearly touch when grown.
CARPALS = (
    Carpal((0.010, 0.106), (0.030, 0.040, 0.056, 0.040, 0.027, 0.036, 0.044, 0.036)),
    Carpal((-0.052, 0.110), (0.034, 0.042, 0.040, 0.042, 0.038, 0.026, 0.028, 0.042)),
    Carpal((-0.074, 0.058), (0.032, 0.026, 0.022, 0.030, 0.034, 0.030, 0.022, 0.030)),
    Carpal((-0.014, 0.036), (0.032, 0.030, 0.024, 0.034, 0.033, 0.034, 0.026, 0.032)),
    Carpal((0.100, 0.096), (0.030, 0.028, 0.034, 0.034, 0.028, 0.032, 0.029, 0.030)),
    Carpal((0.061, 0.124), (0.021, 0.027, 0.033, 0.026, 0.020, 0.023, 0.025, 0.024)),
    Carpal((0.056, 0.052), (0.034, 0.048, 0.034, 0.028, 0.036, 0.036, 0.026, 0.030)),
    Carpal((-0.082, 0.052), (0.019, 0.019, 0.022, 0.019, 0.019, 0.019, 0.022, 0.019)),
    Carpal((-0.052, 0.100), (0.014, 0.014, 0.012, 0.014, 0.014, 0.014, 0.012, 0.014)),
    Carpal((0.000, 0.000), (0.014, 0.015, 0.017, 0.015, 0.014, 0.015, 0.017, 0.015)),  # placed beside metacarpal 1
)
CARPAL_SCALE = 1.06
OVERLAID_ROWS = (7, 8, 9)  # lie over another bone: their shadow adds
