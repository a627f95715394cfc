"""Whose a patient's number is, however it is written: for the pairing of files and rows, for the splits and for the audit.

One patient's number is written in many ways: a spreadsheet makes 12 of 0012, or 12.0; a system writes é as two letters; who
types it does not mind capitals. All of them are one patient's here. Two patients who are taken for one are held out together,
which costs next to nothing; one who is taken for two may be trained on and tested on.
"""

import re
import unicodedata

from data.tables.paired.notations import unpadded
from data.tables.sexes import bare

# What tables and anonymised DICOM files write where they name no patient, in the languages that sexes are read in: casefolded,
# without accents, words parted by one space.
UNKNOWN = """
    na, n a, nan, none, nil, null, unknown, unk, unnamed, undefined, unspecified, undisclosed, missing, withheld, removed, redacted,
    deidentified, de identified, not known, not available, not applicable, not given, not provided, not specified, not recorded,
    no data, no id, no name, anon, anonymous, anonymised, anonymized, anonym, anonymisiert, unbekannt, unbek, nicht bekannt,
    nicht angegeben, nicht vorhanden, keine angabe, keine angaben, ohne angabe, k a, fehlt, fehlend, inconnu, inconnue, non connu,
    non renseigne, non disponible, non precise, aucun, aucune, anonyme, anonymise, anonymisee, desconocido, desconocida, anonimo,
    anonima, anonimizado, anonimizada, sin datos, sin dato, no disponible, no consta, no identificado, ninguno, ninguna,
    desconhecido, desconhecida, nao informado, nao disponivel, sem dados, ignorado, nenhum, sconosciuto, sconosciuta, ignoto, ignota,
    non noto, anonimizzato, nessuno, onbekend, niet bekend, anoniem, geanonimiseerd, n d, s d, n v t, nvt
"""
NOBODY = frozenset(" ".join(words.split()) for words in UNKNOWN.split(","))
MOST_IMAGES = 40  # of one patient: both hands of every year of growth
SPREADSHEETS = re.compile(r"^(\d+)[.,]0{1,2}$")  # a number as one with decimals
# Beside such a word.
OF_A_PATIENT = frozenset(("patient", "patiente", "patientin", "paciente", "paziente", "name", "id"))


def identity(number: str) -> str:
    """The one form of a patient's number, whatever its writing; '' where it names nobody.

    Of numbers and of codes in capitals it is the text itself, so that they are drawn as they always were.
    """
    text = unicodedata.normalize("NFKC", " ".join(number.split()))
    if names_nobody(text):
        return ""
    plain = "".join(letter for letter in map(as_typed, text) if not letter.isspace())
    return unpadded(SPREADSHEETS.sub(r"\1", plain)).upper()


def as_typed(letter: str) -> str:
    """A program for texts makes long dashes of short ones, and web pages leave characters that nobody sees."""
    kind = unicodedata.category(letter)
    return "" if kind == "Cf" else "-" if kind == "Pd" or letter == "\N{MINUS SIGN}" else letter


def names_nobody(text: str) -> bool:
    """Whether it is a word for unknown, or marks alone. With a digit it is a pseudonym: Anon0012 is somebody."""
    if any(map(str.isdigit, text)):
        return False
    plain = bare(text)
    words = re.findall(r"[^\W_]+", plain)
    if " ".join(words) in NOBODY or (len(plain) > 2 and set(plain) == {"x"}):
        return True
    return all(word in NOBODY or word in OF_A_PATIENT for word in words)
