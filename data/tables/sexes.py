"""What a column of sexes says: words, letters or numbers of several languages, and what a heading makes of yes and no.

TRUE means a boy under "male" and a girl under "female"; under any other heading nobody knows, and nothing is guessed.
"""

import re
import unicodedata
from collections.abc import Sequence
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
    **dict.fromkeys(("false", "falsch", "faux", "falso", "onwaar", "0", "0.0", "no", "n"), False),
}
NOT = {"not", "non", "no", "nicht", "kein", "keine", "pas", "nao", "niet", "geen"}  # before a word: it is not meant
# Where these alone are beside it, M may be a woman: hombre or varón and mujer, homem and mulher; beside V it may be the Dutch man.
OTHER_LETTERS = {"h", "v"}
WITH_OTHER_LETTERS = {"sexo", "genero"}  # headings of languages that write H and M


def sexes_in(texts: Sequence[str], heading: str) -> list[bool | None]:
    """Whether male, of each cell of one column; None where it does not tell."""
    there = words_of(texts)
    homme = {"h": True} if {"h", "f"} <= there and "m" not in there else {}  # French: H and F
    unclear = {"m", "h", "v"} if m_is_unclear(texts) else set()
    words = [bare(text) for text in texts]
    return [None if word in unclear else homme.get(word, sex_of(word, heading)) for word in words]


def m_is_unclear(texts: Sequence[str]) -> bool:
    """Whether M may be a man or a woman in this column."""
    there = words_of(texts)
    return "m" in there and bool(there & OTHER_LETTERS) and not any(SEX.get(word) is False for word in there)


def words_of(texts: Sequence[str]) -> set[str]:
    return {bare(text) for text in texts}


def sex_of(text: str, heading: str) -> bool | None:
    """Whether male; None where the cell does not tell. Under "female", yes is a girl; under "sex" it is nobody."""
    word = bare(text)
    if word in SEX:
        return SEX[word]
    named = sex_named(heading)
    return YES_NO[word] == named if word in YES_NO and named is not None else None


def sex_named(heading: str) -> bool | None:
    """Whether the heading speaks of boys; None where it speaks of both, of neither, or by a letter that is of both."""
    words = re.findall(r"[^\W\d_]+", bare(heading))
    meant = [word if word in SEX else re.sub("^is", "", word) for word in words]  # isFemale
    named = {SEX[word] for word in meant if word in SEX}
    negated = any(before in NOT and word in SEX for before, word in pairwise(meant))
    of_either = "m" in meant and WITH_OTHER_LETTERS & set(meant)
    return named.pop() if len(named) == 1 and not negated and not of_either else None


def needs_a_sex(text: str, heading: str) -> bool:
    """Whether the cell would be read if its heading said whose sex is meant."""
    return bare(text) in YES_NO and sex_named(heading) is None


def bare(text: str) -> str:
    """Lower case, without accents and what stands around."""
    parted = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in parted if not unicodedata.combining(letter))
