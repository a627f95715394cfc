"""What a source that somebody named means: a folder, wherever it is typed from, or drawn hands.

Raises DataError for what is neither.
"""

from pathlib import Path

from data.preparation import DataError
from data.ranges import whole
from data.shown import shown

HANDS = whole(1, 1_000_000)  # drawn ones


def hands_to_draw(source: str) -> int:
    """How many hands `phantom:N` draws; 0 for any other source. Raises DataError for what is neither."""
    kind, _, count = source.partition(":")
    if kind != "phantom":
        return 0
    if not count.isdecimal() or len(count) > len(str(HANDS.high)) or int(count) not in HANDS:
        raise DataError(
            f"phantom data are written phantom:N, for example phantom:800, where N is {HANDS}; got {shown(source)}"
        )
    return int(count)


def refuse_no_folder(source: str) -> None:
    if not expanded(source).is_dir():
        raise DataError(f"{source} is not a folder; give a folder of radiographs, a prepared store, or phantom:N")


def absolute(source: str) -> str:
    """A folder or phantom:N so that it means the same from any folder."""
    return source if source.startswith("phantom:") else str(expanded(source).resolve())


def expanded(text: str) -> Path:
    """The path that was typed, ~ and ~anna as the home folders that they stand for. A shell expands only those that begin a word,
    so none of --to=~/x. What is given out never begins with ~, which whoever takes the path might expand again.
    """
    path = Path(text)
    if not text.startswith("~"):
        return path.absolute() if str(path).startswith("~") else path  # ./~x is called so
    try:
        return path.expanduser()
    except RuntimeError:
        raise DataError(
            f"{text} begins with ~, and this machine knows no such home folder: write the path in full, or ./{text} if "
            "it is called so"
        ) from None
