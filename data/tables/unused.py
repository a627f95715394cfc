"""Columns of a table that are not read: what they may hold, as nobody would miss them otherwise.

Splits that their owner made, patients and bone ages under headings that nobody knows would be lost without a word.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS, SPLITS
from data.tables.ages import months_of
from data.tables.cells.splits import CELL_WORDS, is_a_flag, is_a_splits_cell, may_be_a_flag, split_by_cell
from data.tables.headings import Unused, normalised, places_of
from data.tables.paired.patients import MOST_IMAGES
from data.tables.sexes import YES_NO, bare
from data.tables.sheets import Sheet, column_of

AGES = re.compile(
    r"\bages?\b|boneage|alter|\bedad|\bidade|\beta\b|leeftijd|\bmonths?\b|monate?\b|\bmeses\b|\bmois\b|\bmesi\b"
)
PATIENTS = re.compile(
    r"(?<!in)(?<!out)(?:patient|pacient|pazient)|\bmrn\b|\bpid\b|\busubjid\b"
    r"|\b(?:pat|pt|subj|subject|participant|person|proband|child) ?(?:id|key|no|nr|num|number|code)\b"
)
OF_A_PATIENT = re.compile(
    r"age|sex|gender|birth|weight|size|height|position|alter|geschlecht|geburt|gewicht|edad"
    r"|orientation|identity ?removed|consent|group|dose|comment|state|status|type|class|history|species|breed"
    r"|issuer|address|telephone|telecom|location|residence|transport|insurance|preference|setup|support|mass ?index|movement|sequence|frame"
)
SEVERAL = r"(?:patients|patienten|patientinnen|pacientes|pazienti)$"
HOW_MANY = re.compile(
    rf"\b(?:number|numbers|num|nr|no) of\b|\bcounts?\b|\btotal\b|\banzahl\b|zahl\b|\bnombre\b|^(?:n|num|#)\b.*{SEVERAL}|^#"
)
OF_SEVERAL = re.compile(SEVERAL)
FEW_PATIENTS = 3  # different cells in a column that names no patients, but a group of each
MOST_EACH = 5  # rows of a patient, in the mean; a day's or a reader's are more
SHARE_SEVERAL = 0.1  # of the rows share their cell with another
OF_SOMEBODY = re.compile(
    r"\b(?:ids?|uid|nr|no|num|number|nummer|numero|code|kode|key|record|folder|person|child|kind|nino|subj|case|fall|name|nombre|nom|nome"
    r"|surname|nachname|vorname|family|initials?|individual|member|twin|ipp|nhc|mr|prontuario|dossier|expediente|historia|cartella|dossie)\b|\u75c5\u5386|mrn?#"
)
OF_NOBODY = re.compile(
    r"date|datum|fecha|time|zeit|reader|rater|observer|radiologist|operator|physician|doctor|arzt|referr|scanner|device|station|hospital|clinic"
    r"|site|centre|center|school|city|country|zip|post|model|protocol|software|version|batch|comment|note|diagnos|\bicd|report|file|path|image"
    r"|checksum|size|weight|height|dose|tanner|stage|grade|plate|exposure|resolution|\bages?\b|group|year|month|bones|window|quality|duration"
    r"|difficulty|category|class"
)
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)\b|(?:19|20)\d{6}$")
CODE = re.compile(r"(?=.*\d)(?=.*[a-z])[\w\-/#]{2,64}|[\d.]{20,64}", re.IGNORECASE)  # P0012, ab-12, a UUID, a UID
DECIMAL = re.compile(r"[+-]?\d+[.,]\d+")
NUMBERS_LEAST = 0.8  # of the cells of a column of ages
MOST = 0.5  # of them, where its heading or its place speaks for ages
# Beside one split's word others of a column are no splits where its heading says what they are.
OF_SOMETHING_ELSE = re.compile(
    r"rater|reader|observer|method|purpose|indication|reason|site|hospital|clinic|centre|center|protocol|device|scanner|comment|note|remark"
)
FEW_WORDS = 8  # different ones in a column of splits
MARKS = frozenset(("x", "*", "+", "\N{CHECK MARK}", "\N{HEAVY CHECK MARK}"))  # of who ticks rows by hand


def unused_columns(sheet: Sheet, asked: Mapping[str, str], no_cases: Collection[int] = ()) -> tuple[Unused, ...]:
    """Those that have a heading or cells; neither a second column for what a first one says nor numbers of the rows."""
    used = {place for places in places_of(sheet.headings, asked).values() for place in places}
    found = []
    for place, written in enumerate(sheet.headings):
        heading, texts = bare(normalised(written)), [text for _, text in column_of(sheet, place, no_cases)]
        unnamed = not written.strip() and (not any(texts) or is_an_index(place, texts))
        if place in used or unnamed:
            continue
        patients = may_be_patients(heading, texts)
        few = not patients and group_few(heading, texts)
        different = len({*texts} - {""})
        name = written.strip() or f"column {place + 1}, which has no heading"
        found.append(
            Unused(
                name,
                may_be_ages(heading, texts),
                mostly_ages(texts, MOST),
                patients,
                few,
                different,
                splits_named(heading, texts),
            )
        )
    return tuple(found)


def is_an_index(place: int, texts: Sequence[str]) -> bool:
    """Whether a column is the numbers of rows that pandas and R write before a table, without a heading."""
    return place == 0 and all(map(str.isdecimal, texts)) and len(set(texts)) == len(texts)


def may_be_ages(heading: str, texts: Sequence[str]) -> bool:
    """By the heading, or as numbers that ages in months or years may be: neither yes and no nor a count of the rows."""
    filled = [text for text in texts if text]
    if not filled or AGES.search(heading):
        return bool(filled)
    numbers = ages_among(filled)
    counted = len(numbers) > 1 and bool((np.diff(numbers) == 1).all())
    return mostly_ages(filled, NUMBERS_LEAST) and not counted


def mostly_ages(texts: Sequence[str], least: float) -> bool:
    """Whether so many of the cells that are filled are numbers that ages in months or years may be, and not yes and no."""
    filled = [text for text in texts if text]
    numbers = ages_among(filled)
    return bool(filled) and len(numbers) >= least * len(filled) and not set(numbers) <= {0, 1, 2}


def ages_among(texts: Sequence[str]) -> np.ndarray:
    ages = np.array(months_of(texts, "months"))
    return ages[(ages >= MIN_AGE_MONTHS) & (ages <= MAX_AGE_MONTHS)]


def may_be_patients(heading: str, texts: Sequence[str]) -> bool:
    """By a heading that speaks of patients and of nothing about them, over cells that tell many apart."""
    if not PATIENTS.search(heading) or OF_A_PATIENT.search(heading) or are_numbers_of_patients(heading, texts):
        return False
    different = {bare(text) for text in texts} - {""}
    return len(different) > max(FEW_PATIENTS, len(texts) / MOST_IMAGES) and not different <= set(YES_NO)


def group_few(heading: str, texts: Sequence[str]) -> bool:
    """Whether codes, or any cells under a word for somebody, come again in a few rows each, as one patient's do: not dates, measures or readers."""
    filled = [text for text in texts if text]
    sizes = Counter(map(bare, filled))
    several = sum(size for size in sizes.values() if size > 1)
    if len(sizes) <= max(FEW_PATIENTS, len(filled) / MOST_EACH) or several < SHARE_SEVERAL * len(texts):
        return False
    if max(sizes.values()) > MOST_IMAGES or OF_NOBODY.search(heading) or any(map(DATE.match, sizes)):
        return False
    codes = all(map(CODE.fullmatch, sizes)) and not all(map(str.isdecimal, sizes))
    return codes or (bool(OF_SOMEBODY.search(heading)) and not any(map(DECIMAL.fullmatch, sizes)))


def are_numbers_of_patients(heading: str, texts: Sequence[str]) -> bool:
    """Whether cells say how many there are, and not who: by the heading, or as numbers under a word for several."""
    return bool(HOW_MANY.search(heading)) or (
        bool(OF_SEVERAL.search(heading)) and all(text.strip().isdecimal() for text in texts if text.strip())
    )


def splits_named(heading: str, texts: Sequence[str]) -> frozenset[str]:
    """By the words of the cells, or by yes and no, or marks, under a heading that names a split."""
    words = {bare(text) for text in texts} - {""}
    if len(words) > FEW_WORDS or not words:
        return frozenset()
    named = {word: split_by_cell(word) for word in words}
    splits = {*named.values()} - {""}
    ticked = len(words) == 1 and "" in texts and words <= {*MARKS, *(word for word, yes in YES_NO.items() if yes)}
    if (len(words) > 1 and words <= set(YES_NO)) or ticked:
        of_heading = {split for split in SPLITS if re.search(rf"\b(?:{CELL_WORDS[split]})\b", heading)}
        held_out = of_heading - {"train"} or {"test"}  # no under "train" is held out
        flag = (of_heading and is_a_flag(heading)) or may_be_a_flag(heading)
        return frozenset({"train", *held_out}) if flag else frozenset()
    if len(splits) > 1:
        return frozenset(splits)
    if OF_SOMETHING_ELSE.search(heading) or not any(map(is_a_splits_cell, words)):
        return frozenset()
    # Beside one split's word another, which nobody here knows, may be another split's.
    return frozenset(splits | ({"test"} if splits == {"train"} and "" in named.values() else set()))
