"""Which images are of one patient, as far as the source says: hashes of patients' numbers, so that a store can be handed on."""

import hashlib

import pandas as pd

# What tables and anonymised DICOM files write where they name no patient.
NOBODY = {"", "-", "?", "na", "n/a", "nan", "none", "null", "unknown", "anon", "anonymous", "anonymized", "anonymised"}


def hashed(number: str) -> str:
    """'' where the number names nobody."""
    number = number.strip()
    if number.casefold() in NOBODY:
        return ""
    return hashlib.blake2b(number.encode(errors="backslashreplace"), digest_size=8).hexdigest()


def told_apart(patients: pd.Series) -> pd.Series:
    """The same hashes; none where all images bear a single one, which then is no patient's."""
    named = patients[patients != ""]
    return pd.Series("", patients.index) if len(named) > 1 and named.nunique() == 1 else patients
