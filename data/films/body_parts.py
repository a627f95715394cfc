"""Which part of the body a DICOM file says that it shows (BodyPartExamined): a hand, perhaps one, or none.

The element is filled in by hand and is often wrong, so it decides nothing alone (PS3.16, Annex L, has its words).
"""

import re
from collections import Counter
from collections.abc import Sequence

from data.counted import counted
from data.shown import one_line

OTHER_PARTS = re.compile(
    r"CHEST|THORAX|TORAX|BRUSTKORB|LUNG|SKULL|CRAN|HEAD|KOPF|NECK|SPINE|WIRBEL|ABDOMEN|PELVIS|BECKEN|BASSIN|FEMUR|KNEE|KNIE|RODILLA|GENOU|GINOCCHIO|JOELHO"
    r"|ANKLE|FOOT|FEET|FUSS|PIED|SHOULDER|SCHULTER|EPAULE|SPALLA|CLAVICLE|HUMERUS|ELBOW|ELLBOGEN|BREAST|HANCHE|CADERA|QUADRIL"
    r"|(?<![A-Z])(?:HIP|LEG|TOE|JAW|RIB)S?(?![A-Z])|LOWER[ _-]*(EXTREMIT|LIMB)|UPPER[ _-]*ARM"
)
# In the languages that tables are read in.
HAND_PARTS = re.compile(
    r"HAND|H\u00c4ND|HAEND|WRIST|FINGER|THUMB|CARP|PHALAN|RADIUS|ULNA|BONE[ _-]?AGE|KNOCHENALTER|SKELET|MANO|MAIN\b|POIGNET|DOIGT|MU[N\u00d1]ECA|DEDO"
    r"|PUNHO|\bM[A\u00c3]O|POLSO|DITO|POLS\b|EDAD|IDADE|\u624b|\u8155|\u9aa8\u9f84"
)
WITH_HAND = re.compile(r"EXTREMIT|LIMB|ARM")  # parts that may end in one, unless they name another
NAMED = 3  # in a sentence


def is_another(part: str) -> bool:
    """Whether a word that names no hand surely names something else; other words, of other languages, are unknown."""
    return bool(OTHER_PARTS.search(part.upper()))


def other_part(part: str) -> str:
    """The part where it is no hand; '' where it is one, or nothing."""
    part = part.upper()
    may_show = HAND_PARTS.search(part) or (WITH_HAND.search(part) and not is_another(part))
    return "" if may_show else one_line(part)


def said_of_others(ids: Sequence[str], parts: Sequence[str]) -> str:
    """A sentence on the cases whose files surely say another part than a hand, by what `other_part` found of each; '' where none does."""
    others = [(id, part) for id, part in zip(ids, parts, strict=True) if is_another(part)]
    if not others:
        return ""
    by_part = ", ".join(f"{count:,} {part}" for part, count in Counter(part for _, part in others).most_common(NAMED))
    are = counted(len(others), "file says that it shows", f"of {len(ids):,} files say that they show")
    first = ", ".join(id for id, _ in others[:NAMED]) + (", ..." if len(others) > NAMED else "")
    return f"{are} another part than a hand ({by_part}; {first}): look at them, and remove those that show no hand"
