"""Notes as sentences: decisions are stored without a capital and a full stop. Millions as people read them."""


def capital(words: str) -> str:
    first = words[:1].upper() if words[:1].isascii() else words[:1]  # β stays β
    return first + words[1:]


def sentence(words: str) -> str:
    return capital(words) + "." * (not words.endswith("."))
