"""Text from elsewhere (names of files, cells of tables, what was typed) where a person sees it.

This file knows nobody; all packages may import it.
"""

import unicodedata

SHOWN_LETTERS = 60  # of a value in a message
LONGEST_WORDS = 200  # letters of a library's own words: some put the whole file into their message


def plain(text: object) -> str:
    """The text in one line, with an escape for every character that is not simply shown: \\x1b, \\n, \\u202e.

    Those are what a terminal or a spreadsheet would obey: colours, movements of the cursor, line breaks, a change of the
    direction of writing; and bytes of file names that are no Unicode.
    """
    words = str(text)
    return words if words.isprintable() else "".join(map(escaped, words))


def escaped(letter: str) -> str:
    shows = letter.isprintable() or unicodedata.category(letter) == "Zs"
    return letter if shows else letter.encode("unicode_escape").decode()


def one_line(words: str, most: int = LONGEST_WORDS) -> str:
    """A foreign text as part of a sentence, as `plain` shows it, with one space for each gap; cut where it is long."""
    return cut(plain(" ".join(words.split())), most)


def shown(value: object) -> str:
    """A value in a message, cut where it is very long."""
    return cut(f"{value:g}" if isinstance(value, float) else repr(value), SHOWN_LETTERS)


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
