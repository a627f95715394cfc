"""Which images are of one patient, as far as the source says: hashes of patients' numbers, so that a store can be handed on."""

import hashlib
import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from data.counted import counted
from data.store.sides import linked
from data.tables.paired.patients import MOST_IMAGES, identity

# By which hashes are made, as a store says. A store that says none is of before: it told patients apart letter by letter.
RULE = 2
NOBODY_AT_FIRST = frozenset(
    ("", "-", "?", "na", "n/a", "nan", "none", "null", "unknown", "anon", "anonymous", "anonymized", "anonymised")
)
# A "patient" of more images than one has is a word for unknown, or one number for many.
LEAST_CROWD = 6  # images, from which on
CROWD_SHARE = 0.1  # of all images are implausible where other patients have
TIMES_OTHERS = 4  # times fewer
FEW_JOINED = 2  # of the table's patients whom a header's number may join at any size
NAMED = 3  # ids in a sentence
# Ids of several images of one patient.
SIDES = (
    r"(?:left|right|links|rechts|gauche|droite?|izquierd[ao]|derech[ao]|esquerd[ao]|direit[ao]|sinistr[ao]|destr[ao])"
)
SHORT_SIDES = r"(?:l|r|lt|rt|li|re|le|ri|izq|der|dx|sx)"
BETWEEN = r"[\s_\-./]+"
SIDE_AFTER = re.compile(rf"(?P<of>.*[^\s_\-./]){BETWEEN}(?:{SIDES}|{SHORT_SIDES})|(?P<number>.*\d)[lr]", re.IGNORECASE)
SIDE_BEFORE = re.compile(rf"(?:{SIDES}|{SHORT_SIDES}){BETWEEN}(?P<of>.+)", re.IGNORECASE)
VISITS = r"(?:t|v|visit|time|exam|scan|follow ?up|fu|baseline|bl|befund|besuch)"
VISIT_AFTER = re.compile(rf"(?P<of>.*[^\s_\-./]){BETWEEN}(?:{VISITS}[\s_\-]*\d*)", re.IGNORECASE)
DATE = r"(?:(?:19|20)\d\d(?:[-_.]?[01]\d(?:[-_.]?[0-3]\d)?)?|[0-3]?\d\.[01]?\d\.(?:19|20)?\d\d)"
DATE_AFTER = re.compile(rf"(?P<of>.*?[^\s_\-./]){BETWEEN}{DATE}")
NUMBER_AFTER = re.compile(
    r"(?P<of>.*[^\s_\-./])[\s_\-/]+\d{1,2}|(?P<number>.*\d)[ab]|(?P<folder>.+)/[^\d/]*\d{1,3}|(?P<copy>.*\S) ?\(\d\)",
    re.IGNORECASE,
)
A_DATE = re.compile(DATE)  # whose images are of one day, not of one patient
MOST_SUFFIXES = 3  # a visit, a side, a number
MOST_EACH = 6  # images of a patient, in the mean; a site's or a day's are more
LEAST_STEMS = 5  # different ones; fewer are cohorts or folders
SHARE_SEVERAL = 0.1  # of the cases have others with their id


def hashed(number: str) -> str:
    """'' where the number names nobody."""
    return hash_of(identity(number))


def hashed_at_first(number: str) -> str:
    """As stores of before have it."""
    number = number.strip()
    return "" if number.casefold() in NOBODY_AT_FIRST else hash_of(number)


def hash_of(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8).hexdigest() if text else ""


def numbered(cases: pd.DataFrame) -> np.ndarray:
    """For each image a number of its patient. Equal pictures are one patient's, and one whose patient nobody names is a patient's own."""
    numbers: np.ndarray = linked(cases[["patient", "checksum"]]).to_numpy()
    return numbers


def each_own(patients: np.ndarray | None, count: int) -> np.ndarray:
    """A number of the patient for each of so many images; where nobody says, each is a patient's own."""
    return np.arange(count) if patients is None else patients


def told_apart(patients: pd.Series) -> pd.Series:
    """The same hashes; none where all images bear a single one, which then is no patient's."""
    named = patients[patients != ""]
    return pd.Series("", patients.index) if len(named) > 1 and named.nunique() == 1 else patients


def crowded(patients: pd.Series) -> pd.Series:
    """Which images are of a "patient" with implausibly many of them."""
    named = patients[patients != ""]
    sizes = named.map(named.value_counts())
    others = (len(named) - sizes) / max(named.nunique() - 1, 1)  # images of a patient, in the mean of the others
    shared = (sizes >= LEAST_CROWD) & (sizes > CROWD_SHARE * len(patients)) & (sizes > TIMES_OTHERS * others)
    return ((sizes > MOST_IMAGES) | shared).reindex(patients.index, fill_value=False)


def joining(of_image: pd.Series) -> pd.Series:
    """The headers' patients by whom images belong together, '' else: a number that an anonymiser wrote into most of them joins none."""
    return told_apart(of_image.mask(crowded(of_image), ""))


def of_a_site(of_table: pd.Series, links: pd.Series) -> pd.Series:
    """Which images have a number in the header that joins so many of the table's patients that it is no patient's, but a site's."""
    both = of_table[(of_table != "") & (links != "")]
    by_header = both.groupby(links[both.index])
    sizes, joined = by_header.transform("size"), by_header.transform("nunique")
    named = of_table[of_table != ""]
    each = len(named) / max(named.nunique(), 1)  # images of a patient of the table
    site = (joined > FEW_JOINED) & ((sizes >= LEAST_CROWD) | (sizes > TIMES_OTHERS * each))
    return links.isin(set(links[both.index][site]) - {""})


def one_each(of_table: pd.Series, of_image: pd.Series, known: Collection[str] = ()) -> pd.Series:
    """One hash for all images that the table or the headers give to one patient, over any images between; '' unknown.

    It is one of those `known` before, where there is one, else the table's. Where implausibly many images would be one patient's, each
    stays as the table has it: a header's number may name a site, too.
    """
    own = of_table.where(of_table != "", of_image)
    links = joining(of_image)
    links = links.mask(of_a_site(of_table, links), "")
    group = linked(pd.DataFrame({"table": of_table, "image": links}))
    names = pd.concat(
        [pd.DataFrame({"group": group, "name": column}) for column in (of_table, links, own)], keys=range(3)
    )
    names = names[names["name"] != ""].assign(of=lambda found: found.index.get_level_values(0))
    names["new"] = ~names["name"].isin(set(known))
    first = names.sort_values(["new", "of", "name"]).drop_duplicates("group").set_index("group")["name"]
    together = own.where(own == "", group.map(first))
    too_many = crowded(together) | (together[together != ""].nunique() == 1)
    return told_apart(together.where(~too_many, own))


def said_of_ids(cases: pd.DataFrame) -> str:
    """A sentence where ids of cases whose patients nobody names look like several images of one, and these are in several splits;
    '' else. `cases` has id, patient and split."""
    unknown = cases[cases["patient"] == ""]
    stems = unknown["id"].map(without_image)
    stems = stems[stems != ""]
    if stems.nunique() < max(LEAST_STEMS, len(stems) / MOST_EACH):
        return ""
    groups = unknown.loc[stems.index].groupby(stems, sort=False)
    sizes, splits = groups["id"].transform("size"), groups["split"].transform("nunique")
    if (sizes > MOST_IMAGES).any() or (sizes > 1).sum() < SHARE_SEVERAL * len(cases) or not (splits > 1).any():
        return ""
    across = unknown.loc[splits.index[splits > 1]]
    first = list(across["id"][stems[across.index] == stems[across.index[0]]])[:NAMED]
    return (
        f"the ids of {int((sizes > 1).sum()):,} of {len(cases):,} cases differ from one another by a side or a number at their end alone, and "
        f"such cases are in several splits ({' and '.join(first)}): if they are images of one patient, they are in training and test alike; add "
        "a column `patient_id` to the table, and prepare with another --run-dir"
    )


def without_image(id: str) -> str:
    """The id without a side, a visit or a short number at its end, or a side before it: 100 of 100_L, P00 of P00/2; '' where it has none."""
    stem = id
    for _ in range(MOST_SUFFIXES):
        ways = (way.fullmatch(stem) for way in (DATE_AFTER, SIDE_AFTER, SIDE_BEFORE, VISIT_AFTER, NUMBER_AFTER))
        found = next((text for match in ways if match for text in match.groupdict().values() if text), "")
        if not found:
            break
        stem = found
    return "" if stem == id or A_DATE.fullmatch(stem) else stem.casefold()


def several_in_the_table(of_table: pd.Series, of_image: pd.Series, ids: pd.Series) -> str:
    """A sentence where one patient of the headers is several of the table; '' where none is."""
    named = pd.DataFrame({"id": ids, "table": of_table, "image": joining(of_image)})
    named = named[(named["table"] != "") & (named["image"] != "")]
    several = named[named.groupby("image")["table"].transform("nunique") > 1]
    if several.empty:
        return ""
    first = several[several["image"] == several["image"].iloc[0]].drop_duplicates("table")["id"]
    count = several["image"].nunique()
    are = counted(count, "patient by the DICOM headers is", "patients by their DICOM headers are")
    return (
        f"{are} several patients in the table (the first: {' and '.join(first[:NAMED])}): one of both is wrong, and images of one "
        "patient may be in training and test; find out which, and correct the table's column of patients"
    )
