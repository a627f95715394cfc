"""What a column of sexes says: words, letters or numbers of several languages, and what a heading makes of yes and no.

TRUE means a boy under "male" and a girl under "female"; under any other heading nobody knows, and nothing is guessed.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from itertools import pairwise

# Without accents, as `bare` leaves them; plurals and other inflected forms as they occur in headings.
MALE_WORDS = (
    *("male", "males", "boy", "boys", "man", "men"),
    *("mannlich", "mannliche", "mannliches", "mannlicher", "maennlich", "mann", "manner", "maenner", "junge", "jungen", "knabe", "knaben"),
    *("homme", "hommes", "garcon", "garcons", "masculin", "masculins"),
    *("hombre", "hombres", "nino", "ninos", "varon", "varones", "masculino", "masculinos", "chico", "chicos"),
    *("homem", "homens", "menino", "meninos", "rapaz"),
    *("maschio", "maschi", "maschile", "uomo", "uomini", "ragazzo", "ragazzi", "bambino"),
    *("mannelijk", "mannelijke", "jongetje", "jongens"),
)  # fmt: skip
FEMALE_WORDS = (
    *("female", "females", "girl", "girls", "woman", "women"),
    *("weiblich", "weibliche", "weibliches", "weiblicher", "frau", "frauen", "madchen", "maedchen"),
    *("femme", "femmes", "fille", "filles", "feminin", "feminine", "feminines"),
    *("mujer", "mujeres", "nina", "ninas", "femenino", "femenina", "femeninos", "femeninas", "chica", "chicas", "hembra"),
    *("mulher", "mulheres", "menina", "meninas", "feminino", "feminina", "rapariga"),
    *("femmina", "femmine", "femminile", "donna", "donne", "ragazza", "ragazze", "bambina", "bambine"),
    *("vrouw", "vrouwen", "vrouwelijk", "vrouwelijke", "meisje", "meisjes"),
)  # fmt: skip
SEX = {**dict.fromkeys(("m", *MALE_WORDS), True), **dict.fromkeys(("f", "w", *FEMALE_WORDS), False)}
# True and False, as spreadsheets of some languages write them, and other words for yes and no.
YES_NO = {
    **dict.fromkeys(("true", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar", "1", "1.0", "yes", "y"), True),
    **dict.fromkeys(("ja", "oui", "si", "sim"), True),
    **dict.fromkeys(("false", "falsch", "faux", "falso", "onwaar", "0", "0.0", "no", "n"), False),
    **dict.fromkeys(("nein", "non", "nao", "nee"), False),
}
# True and false, ja and nein, as letters.
TRUTHS = (("t", "f"), ("v", "f"), ("w", "f"), ("j", "n"), ("s", "n"), ("o", "n"))
UNKNOWN_LETTERS = {"u", "x", "o"}  # unknown, not told, other
# A word and its number in a heading, in either order: two groups for each. A number that others or a yes follow is one of a list,
# as in "male: 0/1", "male: 0=no, 1=yes"; so is a word in "0/1 = no/yes".
WORDS = "|".join(sorted({word for word in (*SEX, *YES_NO) if word.isalpha()}, key=len, reverse=True))
SEXES = "|".join(sorted(SEX, key=len, reverse=True))
TRUTH = "|".join(word for word in YES_NO if word.isalpha())
OR = r"(?:or|oder|ou|o|to|bis|and|und)\b"
ALONE = rf"(?!\d)(?!\s*[=:])(?!\W*(?:{OR})?\s*\d+(?!\d|\s*[=:]\s*(?:{SEXES})\b))(?!\W*(?:{TRUTH})\b(?!\s*[=:]\s*\d))"
WORD_ALONE = rf"(?!\s*(?:[/|,;]|{OR})?\s*(?:{WORDS}|[^\W\d_])\b(?!\s*[=:]\s*\d))"
CODE = re.compile(rf"\b({WORDS}|[^\W\d_])\s*[=:]\s*(\d+)\b{ALONE}|\b(\d+)\s*[=:]\s*({WORDS}|[^\W\d_])\b{WORD_ALONE}")
CODES_AT_END = re.compile(rf"\b(\d)\W+({WORDS})\W+(\d)\W+({WORDS})\W*$")  # 0, No | 1, Yes
ZERO_AND_ONE = re.compile(
    rf"\b(?:0[^\w=:]*(?:{OR}\s*)?1|1[^\w=:]*(?:{OR}\s*)?0)\b(?!\s*[=:])"
)  # a list of what cells say
NUMBER_ALONE = re.compile(r"(?<!\w)[012](?!\w)")
NOT = {"not", "non", "no", "nicht", "kein", "keine", "pas", "nao", "niet", "geen"}  # before a word: it is not meant
# Where these alone are beside it, M may be a woman: hombre or varón and mujer, homem and mulher; beside V it may be the Dutch man.
OTHER_LETTERS = {"h", "v"}
WITH_OTHER_LETTERS = {"sexo", "genero"}  # headings of languages that write H and M


def sexes_in(texts: Sequence[str], heading: str) -> list[bool | None]:
    """Whether male, of each cell of one column; None where it does not tell."""
    there = words_of(texts)
    homme = {"h": True} if {"h", "f"} <= there and "m" not in there else {}  # French: H and F
    unclear = {"m", "h", "v"} if m_is_unclear(texts, heading) else set()
    named = sex_named(heading)
    truths = letters_of_truth(there) if named is not None else {}
    own = homme | {letter: truth == named for letter, truth in truths.items()} | codes_in(heading, there)
    read = {word: None if word in unclear else own.get(whole(word), read_alone(word, heading)) for word in there}
    said = {text: read[bare(text)] for text in {*texts}}
    return [said[text] for text in texts]


def letters_of_truth(there: Collection[str]) -> dict[str, bool]:
    """Yes and no by their first letters, where these two are all that a column has."""
    letters = {*there} - {""}
    return next(({yes: True, no: False} for yes, no in TRUTHS if letters == {yes, no}), {})


def codes_in(heading: str, there: Collection[str]) -> dict[str, bool]:
    """What a heading says of numbers, as in "male=0", "0: F, 1: M"; empty where it says nothing, or two things.

    Where it names one number, the one other that is `there` means the other sex.
    """
    named = sex_named(heading)
    meanings = SEX | ({word: truth == named for word, truth in YES_NO.items()} if named is not None else {})
    pairs = [(word, whole(number)) for word, number in pairs_in(bare(heading))]
    letters = {word for word, _ in pairs if len(word) == 1}
    uncertain = any(word not in meanings for word in letters) or ("m" in letters and m_may_be_a_woman(heading))
    if (
        uncertain
        or (len(pairs) == 1 and says_more(bare(heading), *pairs[0]))
        or is_negated(re.findall(r"[^\W\d_]+", bare(heading)))
    ):
        return {}
    said = {(number, meanings[word]) for word, number in pairs if word in meanings}
    codes = dict(said)
    sexes = {*codes.values()}
    if len(codes) < len(said) or len(sexes) < len(codes):
        return {}
    others = {whole(word) for word in there} & {"0", "1", "2"} - {*codes}
    alone = len(sexes) == len(others) == 1 and {*codes} <= {"0", "1", "2"}
    return codes | ({others.pop(): not sexes.pop()} if alone else {})


def says_more(heading: str, word: str, number: str) -> bool:
    """Whether more numbers than one are in a heading, or yes or no beside the number of a sex: "male: 0 if no"."""
    others = {*NUMBER_ALONE.findall(heading)} - {number}
    return bool(others) or (word in SEX and bool(re.search(rf"\b(?:{TRUTH})\b", heading)))


def pairs_in(heading: str) -> list[tuple[str, str]]:
    """Each word of a heading with its number."""
    if at_end := CODES_AT_END.search(heading):
        return [(at_end[2], at_end[1]), (at_end[4], at_end[3])]
    return [(one or four, two or three) for one, two, three, four in CODE.findall(heading)]


def whole(word: str) -> str:
    """1.0 is 1, and so is 01."""
    return re.sub(r"(?<=^\d)[.,]0+$|^0(?=\d$)", "", word)


def unread_letters(texts: Sequence[str], heading: str) -> tuple[list[str], list[str]]:
    """Cells of one letter that is not read, and those of one that is. Some letters say that a sex is unknown, or neither.

    Where M, or H, stands beside F or W, all know both, and another letter is a slip, or a third sex.
    """
    there = words_of(texts)
    both_known = bool(there & {"m", "h"} and there & {"f", "w"})
    known = {*UNKNOWN_LETTERS, *({"d"} if "w" in there else ())}  # D beside W: divers
    if m_is_unclear(texts, heading):  # which is said of each row
        known |= OTHER_LETTERS | {"m"}
    letters = [
        (text.strip(), sex)
        for text, sex in dict.fromkeys(zip(texts, sexes_in(texts, heading), strict=True))
        if len(bare(text)) == 1 and bare(text).isalpha() and bare(text) not in known
    ]
    return [text for text, sex in letters if sex is None and not both_known], [
        text for text, sex in letters if sex is not None
    ]


def m_is_unclear(texts: Sequence[str], heading: str) -> bool:
    """Whether M may be a man or a woman in this column: beside H or V, or alone under a heading of a language that writes H and M."""
    there = words_of(texts)
    other = there & OTHER_LETTERS or WITH_OTHER_LETTERS & {*re.findall(r"[^\W\d_]+", bare(heading))}
    return "m" in there and bool(other) and not any(SEX.get(word) is False for word in there)


def words_of(texts: Sequence[str]) -> set[str]:
    return {bare(text) for text in {*texts}}


def sex_of(text: str, heading: str) -> bool | None:
    """Whether male; None where the cell does not tell. Under "female", yes is a girl; under "sex" it is nobody."""
    return sexes_in([text], heading)[0]


def read_alone(word: str, heading: str) -> bool | None:
    """By the word and the heading. What numbers mean is not guessed where the heading gives them a meaning of their own."""
    if word in SEX:
        return SEX[word]
    named = sex_named(heading)
    coded = pairs_in(bare(heading)) or (word[:1].isdigit() and may_give_numbers(bare(heading)))
    if named is None or word not in YES_NO or coded:
        return None
    return YES_NO[word] == named


def may_give_numbers(heading: str) -> bool:
    """Whether a heading has 0, 1 or 2 by itself, or beside yes or no. "male (0/1)" and "q3_male" have none."""
    by_itself = NUMBER_ALONE.search(ZERO_AND_ONE.sub("", heading))
    beside = NUMBER_ALONE.search(heading) and re.search(rf"\b(?:{TRUTH})\b", heading)
    joined = re.search(rf"(?<!\w)(?:[012](?:{TRUTH})|(?:{TRUTH})[012])(?!\w)", heading)  # 0yes
    return bool(by_itself or beside or joined)


def sex_named(heading: str) -> bool | None:
    """Whether the heading speaks of boys; None where it speaks of both, of neither, or by a letter that is of both."""
    words = re.findall(r"[^\W\d_]+", bare(heading))
    meant = [word if word in SEX else re.sub("^is", "", word) for word in words]  # isFemale
    named = {SEX[word] for word in meant if word in SEX}
    of_either = "m" in meant and m_may_be_a_woman(heading)
    return named.pop() if len(named) == 1 and not is_negated(meant) and not of_either else None


def is_negated(words: Sequence[str]) -> bool:
    return any(before in NOT and word in SEX for before, word in pairwise(words))


def m_may_be_a_woman(heading: str) -> bool:
    """Whether a heading is of a language that writes H and M, or has a letter of it."""
    return bool((WITH_OTHER_LETTERS | OTHER_LETTERS) & {*re.findall(r"[^\W\d_]+", bare(heading))})


def needs_a_sex(text: str, heading: str) -> bool:
    """Whether the cell would be read if its heading said whose sex is meant."""
    return bare(text) in YES_NO and sex_of(text, heading) is None


def bare(text: str) -> str:
    """Lower case, without accents and what stands around."""
    parted = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in parted if not unicodedata.combining(letter))
