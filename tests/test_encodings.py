"""Text is read and written as UTF-8 whatever the machine's locale: every call that opens text says its encoding."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    [ROOT / "boneage_search.py"]
    + [path for package in ("search", "studies", "models", "data") for path in (ROOT / package).rglob("*.py")]
)
OPENS = {"open", "read_text", "write_text", "fdopen", "TextIOWrapper"}
TEMPORARY = {"NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"}  # of bytes, unless a mode says otherwise
STARTS = {"run", "Popen", "check_output", "check_call", "call"}
OTHERS = {"os.open", "Image.open", "tarfile.open", "zipfile.open"}  # no text


def silent_about_encoding(source: str) -> Iterator[str]:
    """The calls in a module that open text and leave the encoding to the locale."""
    tree = ast.parse(source)
    own = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and opens_text(node, own) and not says_encoding(node):
            yield ast.unparse(node)


def opens_text(call: ast.Call, imported: set[str]) -> bool:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    modes = [
        value.value
        for value in [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
        if is_mode(value)
    ]
    if last in STARTS:
        return any(word.arg in ("text", "universal_newlines") for word in call.keywords)
    if last in TEMPORARY:
        return bool(modes) and not any("b" in mode for mode in modes)
    if name in OTHERS or last not in OPENS or (name == last and name in imported):
        return False  # a function of ours of that name says it itself
    return last not in ("open", "fdopen") or not any("b" in mode for mode in modes)


def is_mode(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and set(value.value) <= set("rwxabt+")


def says_encoding(call: ast.Call) -> bool:
    return any(word.arg == "encoding" for word in call.keywords)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_call_that_opens_text_says_its_encoding(path: Path) -> None:
    assert list(silent_about_encoding(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("call", "is_found"),
    [
        ("open(path)", True),
        ("open(path, 'rb')", False),
        ("open(path, mode='rb')", False),
        ("path.open('a')", True),
        ("path.open('a', encoding='utf-8')", False),
        ("path.read_text()", True),
        ("path.write_text(text)", True),
        ("os.fdopen(number, 'w')", True),
        ("os.open(path, os.O_RDONLY)", False),
        ("subprocess.run(command, text=True)", True),
        ("subprocess.run(command)", False),
        ("tempfile.NamedTemporaryFile('w')", True),
        ("tempfile.NamedTemporaryFile()", False),
    ],
)
def test_a_call_is_known_by_what_it_opens(call: str, is_found: bool) -> None:
    assert list(silent_about_encoding(call)) == ([call] if is_found else [])
