"""The unit that a heading of ages says, and two columns that are the years and the months of one age."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from data.preparation import DataError
from data.shown import one_line
from data.tables.ages import UNITS, YEARS_MOST, months_of
from data.tables.headings import normalised
from data.tables.sexes import bare
from data.tables.sheets import Sheet

# Without accents, as `bare` leaves them; the first of each is found at the end of a longer word, too: boneageyears.
NAMES_OF_UNITS = {
    "months": "months month mo mos mth mths mon monat monate monaten mes meses mois mese mesi maand maanden",
    "years": "years year yr yrs jahr jahre jahren ano anos annee annees ans anni jaar jaren",
    "weeks": "weeks week wk wks wo woche wochen semana semanas semaine semaines settimana settimane weken",
    "days": "days day tag tage tagen dia dias jour jours giorno giorni dagen",
}
UNIT_WORDS = {unit: names.split() for unit, names in NAMES_OF_UNITS.items()}
ANY_UNIT = "|".join(sorted({word for known in UNIT_WORDS.values() for word in known}, key=len, reverse=True))
# 0-18 years, 0 to 18 years; a hyphen is a space in a heading as it is compared.
RANGE = re.compile(r"\b\d+ *(?:(?:to|bis|a|–) *| )\d+(?=\D|$)")
COUNTED = re.compile(rf"\b\d+(st|nd|rd|th)? ?({ANY_UNIT})\b|(?<![^\W\d_])({ANY_UNIT}) ?\d+")
UNIT_LETTERS = {"months": ["m"], "years": ["y", "j", "a"]}  # that tell where two headings differ in them alone
CALENDAR_YEAR = re.compile(r"(19|20)\d\d([.,]0+)?")
MOST_MONTHS_PART = 11  # of an age in years and months


def units_in(heading: str, words_of: Mapping[str, Collection[str]] = UNIT_WORDS) -> dict[str, str]:
    """The units that a heading names, each with its word. Beside a number a word of time is none: year 2, 1st year, 12 months."""
    return units_named(heading, COUNTED.sub(" ", RANGE.sub(" ", bare(normalised(heading)))), words_of)


def says_months(heading: str) -> bool:
    return [*units_in(heading)] == ["months"]


def units_named(heading: str, text: str, words_of: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The same by the text that is left of a heading."""
    found = {}
    for word in words(text):
        for unit, known in words_of.items():
            if word in known:
                found[unit] = word
            elif word.endswith(unit):
                found[unit] = unit
    if in_brackets := re.search(r"[(\[]([ymwd])[)\]]", bare(heading)):  # the units' first letters
        found |= {unit: in_brackets[1] for unit in UNIT_WORDS if unit.startswith(in_brackets[1])}
    return found


def words(heading: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", bare(normalised(heading)))


def unit_of(path: Path, heading: str, asked: str) -> tuple[str, str]:
    """The unit of the ages under a heading, and a sentence where the heading decided it; `auto` is what it says, else months.

    Raises DataError where the heading says another unit than was asked for, several, or one that is to be converted.
    """
    said = units_in(heading)
    of = f"the ages of {path} are under the heading {one_line(heading)}"
    if not said or asked in said:
        return asked.replace("auto", "months"), ""
    if asked != "auto":
        raise DataError(
            f"{of}, which says {' and '.join(said)}, and --age-unit says {asked}: leave the option out, or rename the heading"
        )
    if len(said) > 1:
        raise DataError(f"{of}, which says {' and '.join(said)}: say --age-unit with the one that is meant")
    [unit] = said
    if unit == "days":
        raise DataError(f"{of}: if they are in days, say --age-unit days; else rename the heading")
    if unit not in UNITS:
        raise DataError(f"{of}: {unit} are not read; write the ages in months")
    return unit, f"{path.name}: the ages are read as years, as their heading says" if unit == "years" else ""


def years_and_months_said(path: Path, texts: Sequence[str], unit: str) -> str:
    """15.10 may be fifteen years and ten months. Decimals of a year go on to .99."""
    decimals = [found[1] for text in texts if (found := re.fullmatch(r"\d{1,2}[.,](\d+)", text.strip()))]
    months = [f"{number}" for number in range(MOST_MONTHS_PART + 1)]
    if (
        unit != "years"
        or not {"10", "11"} & {*decimals}
        or not {*decimals} <= {*months, *(f"0{month}" for month in months[:10])}
    ):
        return ""
    example = next(text.strip() for text in texts if re.fullmatch(r"\d{1,2}[.,]1[01]", text.strip()))
    return (
        f"{path.name}: THE AGES LOOK LIKE YEARS AND MONTHS, as no decimals are above {MOST_MONTHS_PART}, and are read as decimal years: if "
        f"{example} means {example[:-3]} years and {example[-2:]} months, write all in months"
    )


def refuse_parts(path: Path, sheet: Sheet, place: int, asked: str) -> None:
    """Years in one column and the months beyond them in another are one age: neither column is a bone age alone.

    Months beside calendar years are a date's: Jahr 2019, Monat 10. `asked` is --age-unit: whose ages are months has no other part.
    """
    if asked == "months":
        return
    dates = {unit_and_rest(heading)[1] for n, heading in enumerate(sheet.headings) if holds_calendar_years(sheet, n)}
    for other in range(len(sheet.headings)):
        for years, months in ((place, other), (other, place)) if other != place else ():
            if unit_and_rest(sheet.headings[months])[1] in dates and months != place:
                continue
            if are_parts(sheet.headings[years], sheet.headings[months], years == place) and (
                most(sheet, months) <= MOST_MONTHS_PART and most(sheet, years) <= YEARS_MOST
            ):
                names = [one_line(sheet.headings[n]) for n in (years, months)]
                raise DataError(
                    f"{path} has the columns {names[0]} and {names[1]}, which seem to be the years and the months of one age: "
                    "bring them together in one column of months, and remove these two; if one of them is the whole bone age in "
                    "months, say --age-unit months"
                )


def are_parts(years: str, months: str, years_are_ages: bool) -> bool:
    """Whether two headings differ in the unit alone. The column of the ages need not name it, nor the other one what it is of."""
    (unit, of), (other_unit, of_other) = unit_and_rest(years), unit_and_rest(months)
    if other_unit != "months" or unit not in ("years", ""):
        return False
    return of == of_other or (unit == "years" and not of) or (years_are_ages and not of_other)


def unit_and_rest(heading: str) -> tuple[str, str]:
    """The one unit that a heading names, '' where it names none or several; its other letters."""
    both = {unit: [*known, *UNIT_LETTERS.get(unit, [])] for unit, known in UNIT_WORDS.items()}
    said = units_named(heading, heading, both)
    if len(said) != 1:
        return "", "".join(words(heading))
    [(unit, word)] = said.items()
    return unit, "".join(one.removesuffix(word) if one == word or word == unit else one for one in words(heading))


def holds_calendar_years(sheet: Sheet, place: int) -> bool:
    """Whether a column is the year of a date, by its heading and its cells."""
    filled = [text for _, cells in sheet.rows if (text := cells[place].strip())]
    years = [text for text in filled if CALENDAR_YEAR.fullmatch(text)]
    return unit_and_rest(sheet.headings[place])[0] == "years" and len(years) > len(filled) / 2


def most(sheet: Sheet, place: int) -> float:
    """The greatest number of a column; infinity where it has none, or a cell that is neither a whole number nor blank."""
    texts: Sequence[str] = [cells[place].strip() for _, cells in sheet.rows]
    numbers = months_of([text for text in texts if text], "months")
    whole = all(number.is_integer() and number >= 0 for number in numbers)
    return max(numbers) if numbers and whole else float("inf")
