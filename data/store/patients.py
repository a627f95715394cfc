"""Which images are of one patient, as far as the source says: hashes of patients' numbers, so that a store can be handed on."""

import hashlib

import pandas as pd

from data.tables.paired.patients import identity

# By which hashes are made, as a store says. A store that says none is of before: it told patients apart letter by letter.
RULE = 2
NOBODY_AT_FIRST = frozenset(
    ("", "-", "?", "na", "n/a", "nan", "none", "null", "unknown", "anon", "anonymous", "anonymized", "anonymised")
)


def hashed(number: str) -> str:
    """'' where the number names nobody."""
    return hash_of(identity(number))


def hashed_at_first(number: str) -> str:
    """As stores of before have it."""
    number = number.strip()
    return "" if number.casefold() in NOBODY_AT_FIRST else hash_of(number)


def hash_of(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8).hexdigest() if text else ""


def told_apart(patients: pd.Series) -> pd.Series:
    """The same hashes; none where all images bear a single one, which then is no patient's."""
    named = patients[patients != ""]
    return pd.Series("", patients.index) if len(named) > 1 and named.nunique() == 1 else patients
