"""Columns of which nobody knows whether they, or others, are the bone ages, sexes, ids or splits."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np

from data.preparation import DataError
from data.shown import one_line, shown
from data.tables.ages import months_of
from data.tables.cells.splits import split_by_cell
from data.tables.headings import OPTIONS, WHAT, Unused, bare_ids, normalised
from data.tables.sexes import SEX, bare, sexes_in, unread_letters
from data.tables.sheets import Sheet
from data.tables.unused import MOST, may_be_ages

OF_BONES = re.compile(
    r"bone ?age|skelet|knochen|osse[ao]\b|\bosseu[sx]|\bosea\b|\bbotleeftijd|greulich|\btanner ?whitehouse|\bba\b|\bgp\b|\btw ?[23]\b|bonexpert|\bfels\b|\bkemik|\u9aa8\u9f84|\u9aa8\u5e74\u9f62|\u043a\u043e\u0441\u0442\u043d"
)
# What a column beside the bone ages says of them.
OF_A_READING = re.compile(
    r"\b(method|methode|metodo|reader|rater|observer|leser|date|datum|fecha|sds?|z|scores?|zscore|percentile|difference|diff|delta|category|class|stage)\b"
)
# Of a column that holds ages and says not whose: what readings and labels are called, and what they are surely not.
OF_A_LABEL = re.compile(
    r"consensus|konsens|consenso|maturit|maturation|reife|\brus\b|carpal|karpal|\breader|\brater|\bobserver|\bradiologist|\breading"
    r"|\bleser|\bbefund|\bexpert|gutacht|\brad ?\d|\br ?\d\b|\bestimate|\batlas\b|\bka\b|\bgt\b|ground ?truth|\blabels?\b|\btarget|\breference|\bmean\b"
)
OF_A_MEASURE = re.compile(
    r"\b(method|methode|metodo|date|datum|fecha|sds?|z|scores?|zscore|percentiles?|difference|diff|delta|height|weight|bmi|size|grade|stage|dose"
    r"|id|code|name|years? of experience|experience|time|room|number|points|category|class|area|length|intensity|width|count)\b"
)
OF_ANOTHER_AGE = re.compile(
    r"chronolog|kalender|calendar|decimal|birth|exam|scan|x ?ray|visit|study|mother|father|matern|patern|parent|gestation|menarche|onset|diagnos"
    r"|\bat\b|\bca\b|group|band|gruppe|tooth|dental|zahn"
)
OF_A_SEX = {"sex", "gender", "sexe", "sexo", "sesso", "genero", "genre", "geschlecht", "geslacht"}  # headings, bare
FEW_DIFFERENT = 8  # cells: numbers of readers or of grades, not ages
UNITS_IN_A_YEAR = (1.0, 12.0, 365.25)
LEAST_PAIRS, RISING, AS_LARGE = 5, 0.5, 2  # rows, correlation, times
ROUNDED_MONTHS = 0.51
ROUNDED_YEARS = 0.0501  # one decimal of a year, or whole months

# What two columns for one thing are compared by; None says nothing.
MEANINGS: dict[str, Callable[[list[str], str, str], list[Any]]] = {
    "id": lambda texts, heading, unit: bare_ids(texts),
    "age_months": lambda texts, heading, unit: [None if np.isnan(age) else age for age in months_of(texts, unit)],
    "sex": lambda texts, heading, unit: sexes_in(texts, heading),
    "split": lambda texts, heading, unit: [split_by_cell(text) or None for text in texts],
}


def refuse_two_columns(path: Path, sheet: Sheet, at: Mapping[str, Sequence[int]], age_unit: str) -> None:
    """Two raters' ages, or a number beside a file's name: which is meant is not for us to say. `at` are the columns' places."""
    for ours, places in at.items():
        if ours not in MEANINGS:
            continue
        columns = [[cells[place] for _, cells in sheet.rows] for place in places]
        meant = [
            MEANINGS[ours](texts, normalised(sheet.headings[place]), age_unit)
            for place, texts in zip(places, columns, strict=True)
        ]
        for other in range(1, len(places)):
            for row, (one, two) in enumerate(zip(meant[0], meant[other], strict=True)):
                if one is None or two is None or one == two:
                    continue
                names = [one_line(sheet.headings[places[n]]) for n in (0, other)]
                told_apart = normalised(names[0]) != normalised(names[1])
                raise DataError(
                    f"{path} has two columns of {WHAT[ours]} ({', '.join(names)}), and row {sheet.rows[row][0]} has "
                    f"{shown(columns[0][row])} and {shown(columns[other][row])}: "
                    + (f"say {OPTIONS[ours]}" if told_apart and ours in OPTIONS else "rename one of them, or remove it")
                )


def with_other_sexes(
    headings: Sequence[str], at: Mapping[str, Sequence[int]], asked: Mapping[str, str]
) -> dict[str, Sequence[int]]:
    """Beside `male`, a column `female` or `Geschlecht` is not read, and is compared all the same where no heading was named."""
    if "sex" not in at or asked.get("sex"):
        return dict(at)
    others = [place for place, heading in enumerate(headings) if place not in at["sex"] and says_a_sex(heading)]
    return {**at, "sex": (*at["sex"], *others)}


def says_a_sex(heading: str) -> bool:
    """Whether its words do, and nothing else: not "male standard", of a bone age, nor a letter."""
    words = re.findall(r"[^\W\d_]+", bare(normalised(heading)))
    return bool(words) and all(
        word in OF_A_SEX or (len(word) > 1 and re.sub("^is", "", word) in SEX) for word in words if word != "is"
    )


def speaks_of_bone_age(heading: str) -> bool:
    said = bare(normalised(heading))
    return bool(OF_BONES.search(said)) and not OF_A_READING.search(said)


def refuse_chronological(path: Path, sheet: Sheet, place: int, unused: Sequence[Unused]) -> None:
    """A heading that says only "age" may be the child's own age where another column may have the bone's."""
    heading = normalised(sheet.headings[place])
    if speaks_of_bone_age(heading):
        return
    texts = [cells[place] for _, cells in sheet.rows]
    others = [column.heading for column in unused if column.has_ages and speaks_of_bone_age(column.heading)]
    if others:
        raise DataError(
            f"{path} has ages under {heading}, and a column that speaks of bone ages, {one_line(', '.join(others))}: name the "
            "right one with --age-column"
        )
    at = {written.strip(): n for n, written in enumerate(sheet.headings)}
    ages = np.array(months_of(texts, "months"))
    readings = {
        column.heading: np.array(months_of([cells[at[column.heading]] for _, cells in sheet.rows], "months"))
        for column in unused
        if column.has_ages and column.different > FEW_DIFFERENT and may_speak_of_bone_age(column.heading)
    }
    readings = {heading: of for heading, of in readings.items() if are_alike(ages, of) and not one_age(ages, of)}
    if readings and not one_age(ages, np.mean([*readings.values()], axis=0)):
        raise DataError(
            f"{path} has ages under {heading}, and others under {one_line(', '.join(readings))}, and neither heading says that it is the "
            "bone age: name the right one with --age-column"
        )


def may_speak_of_bone_age(heading: str) -> bool:
    """By a word for a reading or a label, or for an age that is not said to be another one."""
    said = bare(normalised(heading))
    if OF_A_MEASURE.search(said):
        return False
    return bool(OF_A_LABEL.search(said) or (re.search(r"\bages?\b", said) and not OF_ANOTHER_AGE.search(said)))


def are_alike(ages: np.ndarray, others: np.ndarray) -> bool:
    """Whether numbers rise with the ages and are as large in some unit: a bone's age is, a grey level or a reader's number is not."""
    both = ~np.isnan(ages + others)
    one, two = ages[both], others[both]
    if len(one) < LEAST_PAIRS:
        return True
    rising = one.std() > 0 and two.std() > 0 and np.corrcoef(one, two)[0, 1] >= RISING
    sizes = [
        np.median(two) / its / (np.median(one) / own)
        for own, its in product(UNITS_IN_A_YEAR, repeat=2)
        if np.median(one)
    ]
    return bool(rising and any(1 / AS_LARGE <= size <= AS_LARGE for size in sizes))


def one_age(ages: np.ndarray, others: np.ndarray) -> bool:
    """Whether two columns have the same ages, in one unit or in two."""
    both = ~np.isnan(ages + others)
    one, two = ages[both], others[both]
    if not len(one):
        return False
    return bool((np.abs(one - two) <= ROUNDED_MONTHS).all()) or any(
        np.max(np.abs(one / own - two / its), initial=0) <= max(rounded(one, own), rounded(two, its))
        for own, its in permutations(UNITS_IN_A_YEAR, 2)
    )


def rounded(ages: np.ndarray, units: float) -> float:
    """By how many years at most the ages are rounded; whole years may be rounded down."""
    return 1.0 if units == 1 and (ages % 1 == 0).all() else ROUNDED_YEARS


def refuse_without_heading(path: Path, sheet: Sheet, place: int) -> None:
    """One heading over two columns, as of two raters, is written in the first alone."""
    if place + 1 == len(sheet.headings) or sheet.headings[place + 1].strip():
        return
    texts = [cells[place + 1].strip() for _, cells in sheet.rows]
    if may_be_ages("", texts) and len([text for text in texts if text]) >= MOST * len(texts):
        raise DataError(
            f"{path} has a column without a heading beside {one_line(sheet.headings[place])}, which may hold bone ages, too: "
            "write a heading above it, or remove it"
        )


def refuse_unread_letters(path: Path, sheet: Sheet, place: int) -> None:
    """A letter of a language that is not read makes the others of its column uncertain: beside J, M is a girl (Mädchen)."""
    texts = [cells[place] for _, cells in sheet.rows]
    unread, read = unread_letters(texts, normalised(sheet.headings[place]))
    if unread and read:
        at = next(n for n, text in enumerate(texts) if text.strip() == unread[0])
        raise DataError(
            f"{path} row {sheet.rows[at][0]} has {shown(unread[0])} as a sex, which is not read, and beside it {shown(read[0])} may "
            "mean something else than in English: write male and female, or leave the cell blank where the sex is unknown"
        )
