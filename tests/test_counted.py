"""Counts as people read them."""

import ast
from pathlib import Path

import pytest

from data.counted import counted

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("data", "models", "studies", "search") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("image",), "0 images"),
        (1, ("image",), "1 image"),
        (2, ("image",), "2 images"),
        (1_234, ("image",), "1,234 images"),
        (1, ("study", "studies"), "1 study"),
        (3, ("study", "studies"), "3 studies"),
        (1, ("of 5 cases is", "of 5 cases are"), "1 of 5 cases is"),
        (2, ("of 5 cases is", "of 5 cases are"), "2 of 5 cases are"),
        (1.0, ("month",), "1 month"),
        (0.5, ("month",), "0.5 months"),
    ],
)
def test_one_is_said_of_a_single_thing_alone(count: float, words: tuple[str, ...], said: str) -> None:
    assert counted(count, *words) == said


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_place_puts_an_s_behind_a_count(path: Path) -> None:
    """A number and then its noun with an s of its own, as in f"{n} trial{'s' * (n != 1)}"."""
    texts = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.JoinedStr)]

    for text in texts:
        for count, noun, ending in zip(text.values, text.values[1:], text.values[2:], strict=False):
            is_one_word = isinstance(noun, ast.Constant) and str(noun.value).startswith(" ")
            assert not (is_one_word and makes_plural(ending) and isinstance(count, ast.FormattedValue)), ast.unparse(
                text
            )


def makes_plural(part: ast.expr) -> bool:
    """Whether it is an s where something is not one: 's' * (n != 1), 's' if n > 1 else ''."""
    return isinstance(part, ast.FormattedValue) and ast.unparse(part.value).startswith(("'s' *", "'s' if"))
