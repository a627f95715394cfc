"""Notes as sentences: decisions are stored without a capital and a full stop."""


def sentence(words: str) -> str:
    first = words[:1].upper() if words[:1].isascii() else words[:1]  # β stays β
    return first + words[1:] + "." * (not words.endswith("."))
