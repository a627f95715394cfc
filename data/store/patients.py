"""Which images are of one patient, as far as the source says: hashes of patients' numbers, so that a store can be handed on.

One patient's number is written in many ways: a spreadsheet makes 12 of 0012, or 12.0; a system writes é as two letters; who
types it does not mind capitals. All of them are one patient's here. Two patients who are taken for one are held out together,
which costs next to nothing; one who is taken for two may be trained on and tested on.
"""

import hashlib
import re
import unicodedata

import pandas as pd

from data.tables.paired.notations import unpadded

# By which hashes are made, as a store says. A store that says none is of before: it told patients apart letter by letter.
RULE = 2
NOBODY_AT_FIRST = frozenset(
    ("", "-", "?", "na", "n/a", "nan", "none", "null", "unknown", "anon", "anonymous", "anonymized", "anonymised")
)
# What tables and anonymised DICOM files write where they name no patient, in the languages that sexes are read in: casefolded,
# without accents, words parted by one space.
NOBODY = frozenset(
    (
        *(
            "na",
            "n a",
            "nan",
            "none",
            "nil",
            "null",
            "unknown",
            "unk",
            "unnamed",
            "undefined",
            "unspecified",
            "undisclosed",
        ),
        *("missing", "withheld", "removed", "redacted", "deidentified", "de identified", "not known", "not available"),
        *(
            "not applicable",
            "not given",
            "not provided",
            "not specified",
            "not recorded",
            "no data",
            "no id",
            "no name",
        ),
        *(
            "anon",
            "anonymous",
            "anonymised",
            "anonymized",
            "anonym",
            "anonymisiert",
            "unbekannt",
            "unbek",
            "nicht bekannt",
        ),
        *(
            "nicht angegeben",
            "nicht vorhanden",
            "keine angabe",
            "keine angaben",
            "ohne angabe",
            "k a",
            "fehlt",
            "fehlend",
        ),
        *(
            "inconnu",
            "inconnue",
            "non connu",
            "non renseigne",
            "non disponible",
            "non precise",
            "aucun",
            "aucune",
            "anonyme",
        ),
        *("anonymise", "anonymisee", "desconocido", "desconocida", "anonimo", "anonima", "anonimizado", "anonimizada"),
        *(
            "sin datos",
            "sin dato",
            "no disponible",
            "no consta",
            "no identificado",
            "ninguno",
            "ninguna",
            "desconhecido",
        ),
        *(
            "desconhecida",
            "nao informado",
            "nao disponivel",
            "sem dados",
            "ignorado",
            "nenhum",
            "sconosciuto",
            "sconosciuta",
        ),
        *(
            "ignoto",
            "ignota",
            "non noto",
            "anonimizzato",
            "nessuno",
            "onbekend",
            "niet bekend",
            "anoniem",
            "geanonimiseerd",
        ),
        *("n d", "s d", "n v t", "nvt"),
    )
)
SPREADSHEETS = re.compile(r"^(\d+)[.,]0{1,2}$")  # a number as one with decimals
OF_A_PATIENT = frozenset(
    ("patient", "patiente", "patientin", "paciente", "paziente", "name", "id")
)  # beside such a word


def identity(number: str) -> str:
    """The one form of a patient's number, whatever its writing; '' where it names nobody.

    Of numbers and of codes in capitals it is the text itself, so that they are drawn as they always were.
    """
    text = unicodedata.normalize("NFKC", " ".join(number.split()))
    return "" if names_nobody(text) else unpadded(SPREADSHEETS.sub(r"\1", text)).upper()


def names_nobody(text: str) -> bool:
    """Whether it is a word for unknown, or marks alone. With a digit it is a pseudonym: Anon0012 is somebody."""
    if any(map(str.isdigit, text)):
        return False
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    )
    words = re.findall(r"[^\W_]+", plain)
    if " ".join(words) in NOBODY or (len(plain) > 2 and set(plain) == {"x"}):
        return True
    return all(word in NOBODY or word in OF_A_PATIENT for word in words)


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
