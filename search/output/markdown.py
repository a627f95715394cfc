"""Foreign text in Markdown: names and sentences that come out as they are, and are no markup there."""

import re

from data.shown import plain

MARKUP = re.compile(r"([\\`*_{}\[\]<>|#&~])")


def escaped(words: object) -> str:
    """As part of a sentence or a cell, in one line."""
    return MARKUP.sub(r"\\\1", plain(str(words).replace("\n", " ")))


def code(name: object) -> str:
    """A name as a code span, within which nothing is markup: its fence is longer than any run of backticks in the name."""
    words = plain(name) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", words)), default=0))
    # One space on each side is the fence's where both are there; without it a backtick of the name would lengthen the fence.
    space = " " * (words[0] == "`" or words[-1] == "`" or (words[0] == words[-1] == " " and words.strip() != ""))
    return f"{fence}{space}{words}{space}{fence}"
