"""What a column of sexes says: words, letters or numbers of several languages, and what a heading makes of yes and no."""

import re
from collections.abc import Sequence

SEX = {
    **dict.fromkeys(("m", "male", "boy", "männlich", "hombre", "homme"), True),
    **dict.fromkeys(("f", "female", "girl", "w", "weiblich", "mujer", "femme"), False),
}
# True and False, as spreadsheets of some languages write them.
TRUTH = {
    **dict.fromkeys(("true", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar"), True),
    **dict.fromkeys(("false", "falsch", "faux", "falso", "onwaar"), False),
}
# Clear under "male" or "female" only: under "sex" either may be meant.
YES_NO = TRUTH | {"1": True, "1.0": True, "yes": True, "y": True, "0": False, "0.0": False, "no": False, "n": False}
# Where these alone are beside it, M may be a woman: hombre or varón and mujer, homem and mulher; beside V it may be the Dutch man.
OTHER_LETTERS = {"h", "v"}


def sexes_in(texts: Sequence[str], heading: str) -> list[bool | None]:
    """Whether male, of each cell of one column; None where it does not tell."""
    there = words_of(texts)
    homme = {"h": True} if {"h", "f"} <= there and "m" not in there else {}  # French: H and F
    unclear = {"m", "h", "v"} if m_is_unclear(texts) else set()
    words = [text.strip().lower() for text in texts]
    return [None if word in unclear else homme.get(word, sex_of(word, heading)) for word in words]


def m_is_unclear(texts: Sequence[str]) -> bool:
    """Whether M may be a man or a woman in this column."""
    there = words_of(texts)
    return "m" in there and bool(there & OTHER_LETTERS) and not any(SEX.get(word) is False for word in there)


def words_of(texts: Sequence[str]) -> set[str]:
    return {text.strip().lower() for text in texts}


def sex_of(text: str, heading: str) -> bool | None:
    """Whether male; None where the cell does not tell. Under "female", yes is a girl; under "male (1) female (0)" it is nobody."""
    word = text.strip().lower()
    named = {SEX[part] for part in re.findall(r"[^\W\d_]+", heading.lower()) if part in SEX}
    if named == {True, False}:
        return SEX.get(word)
    if named == {False}:
        return SEX.get(word, {yes: not male for yes, male in YES_NO.items()}.get(word))
    return (SEX | (YES_NO if named else TRUTH)).get(word)
