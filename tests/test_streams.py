"""Standard streams as shells hand them over: closed, in another encoding, with a reader that leaves, on a full disk."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.foreign import reason
from data.shown import LONGEST_WORDS, one_line, plain
from search.cli import main
from search.output.terminal import log, say
from search.run import record
from search.show import tables

ROOT = Path(__file__).parents[1]
READER_LEFT = 128 + signal.SIGPIPE
CHEAP = (
    ["count"],
    ["count", "--json"],
    ["count", "--table1"],
    ["count", "--help"],
    ["--help"],
    ["status", "--run-dir", "run"],
)


def shell(folder: Path, arguments: list[str], how: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The program as a shell starts it; `how` is what follows the command there."""
    command = " ".join([sys.executable, "-m", "search.cli", *arguments, how])
    return subprocess.run(
        ["bash", "-c", command + "; exit ${PIPESTATUS[0]}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a run that has only been prepared."""
    from search.run import open_run

    record(open_run(tmp_path / "run", "demo", {}, "phantom:60", None))
    return tmp_path


@pytest.mark.parametrize("arguments", CHEAP[2:], ids=" ".join)
@pytest.mark.parametrize("how", [">&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_reason_to_fail(folder: Path, arguments: list[str], how: str) -> None:
    ended = shell(folder, arguments, how)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize("arguments", CHEAP, ids=" ".join)
def test_a_reader_that_leaves_ends_the_command_without_a_word(folder: Path, arguments: list[str]) -> None:
    ended = shell(folder, arguments, "| true")

    assert (ended.returncode, ended.stderr) == (READER_LEFT, b"")


@pytest.mark.parametrize("arguments", CHEAP, ids=" ".join)
def test_output_onto_a_full_disk_is_said_in_a_sentence(folder: Path, arguments: list[str]) -> None:
    ended = shell(folder, arguments, ">/dev/full")

    assert ended.returncode == 2
    assert ended.stderr == b"boneage-search: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    "how", [">/dev/full 2>/dev/full", ">/dev/full 2>&-", ">/dev/full 2>&1", "</dev/null 1<&0 2>&1"]
)
def test_output_and_errors_that_nothing_takes_end_with_two(folder: Path, how: str) -> None:
    assert shell(folder, ["count"], how).returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("how", ["2>&-", "2>/dev/full"])
def test_errors_that_nothing_takes_keep_their_exit_code(folder: Path, how: str) -> None:
    assert shell(folder, ["count", "--beta", "99"], how).returncode == 2
    assert shell(folder, ["prepare", "no-such-folder"], how).returncode == 2


@pytest.mark.parametrize("arguments", CHEAP, ids=" ".join)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_every_encoding_shows_everything(folder: Path, arguments: list[str], encoding: str) -> None:
    ended = shell(folder, arguments, PYTHONIOENCODING=encoding)

    assert (ended.returncode, ended.stderr.decode(encoding)) == (0, "")
    assert ended.stdout.decode(encoding)


@pytest.mark.slow
def test_the_c_locale_shows_everything(folder: Path) -> None:
    plain_c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for arguments in (["count"], ["prepare", "gibt-es-nicht-β"]):
        ended = shell(folder, arguments, **plain_c)

        assert b"Traceback" not in ended.stderr
        assert ended.stdout.isascii()


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_no_file_of_ours_takes_the_number_of_a_closed_stream(closed: int) -> None:
    code = (
        "import os\n"
        f"os.close({closed})\n"
        "from search.output.streams import safe_streams\n"
        "with safe_streams():\n"
        "    mine = os.open('/dev/null', os.O_RDONLY)\n"
        f"    assert mine > 2, mine\n"
        f"    assert os.get_inheritable({closed})\n"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}).returncode == 0


HOSTILE = "a\x1b[31mb\nc\td\r\u202ee\u200f\x9b1m\udcff[red]"
ESCAPED = "a\\x1b[31mb\\nc\\td\\r\\u202ee\\u200f\\x9b1m\\udcff[red]"


def test_what_a_terminal_would_obey_is_shown_as_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    log(HOSTILE)

    assert capsys.readouterr() == (f"{ESCAPED}\n", f"{ESCAPED}\n")


@given(st.text())
@hypothesis_settings(deadline=None)
def test_plain_text_is_one_line_that_shows_all_it_has(text: str) -> None:
    shown = plain(text)

    assert len(shown.splitlines()) <= 1
    shown.encode()  # no surrogates
    assert shown.isprintable() or all(letter.isprintable() or letter.isspace() for letter in shown)
    assert plain(shown) == shown


@given(st.text(), st.integers(1, 50))
@hypothesis_settings(deadline=None)
def test_a_library_s_own_words_become_one_line_by_the_same_escapes_and_are_cut(text: str, most: int) -> None:
    whole = " ".join(text.split())

    assert reason(ValueError(text)) == (one_line(text, LONGEST_WORDS) or "ValueError")
    assert one_line(text, len(plain(whole))) == plain(whole)
    assert one_line(text, most) in (plain(whole), f"{plain(whole)[:most]}...")


@given(st.text(st.characters(categories=("L", "N", "P", "S", "M")) | st.just(" ")))
@hypothesis_settings(deadline=None)
def test_plain_text_leaves_what_is_simply_shown(text: str) -> None:
    assert plain(text) == text


def test_tables_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show(HOSTILE, [{"id": HOSTILE, HOSTILE: ":smile:"}], HOSTILE)

    said = capsys.readouterr().out
    assert said.count(ESCAPED) == 4
    assert ":smile:" in said
    assert not set(said) & set("\x1b\r\t\u202e\u200f\x9b\udcff")


@pytest.mark.parametrize(
    "typed",
    [
        ["audit", "--data", f"/no/{HOSTILE}", "--run-dir", "run"],
        ["prepare", HOSTILE],
        ["status", "--run-dir", HOSTILE],
        ["report", "--run-dir", "x\x1b[31m\n"],
        ["predict", HOSTILE],
        ["explain", HOSTILE],
        ["export", "--format", "keras", "--model", HOSTILE],
        ["train", "--trial", HOSTILE],
        ["run", "--preset", HOSTILE],
        ["run", "--storage", HOSTILE],
        ["storage", "copy", "--from", HOSTILE, "--to", HOSTILE],
        ["compare", "--replay", HOSTILE],
        ["count", "--blocks", HOSTILE],
        [HOSTILE],
        ["count", HOSTILE],
    ],
    ids=lambda typed: typed[0][:9].encode("unicode_escape").decode(),
)
def test_errors_say_names_without_control_characters(
    folder: Path, typed: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    try:
        code = main(typed)
    except SystemExit as ended:
        code = int(str(ended.code))

    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("boneage-search")
    assert said.err.count("\n") == 1
    assert said.err[:-1].isprintable()


@pytest.mark.slow
def test_all_that_is_printed_goes_through_the_one_place() -> None:
    """Whoever calls print, or asks rich for a console, decides for himself what a name may do to a terminal."""
    printing = set()
    for path in (
        path for package in ("search", "studies", "models", "data") for path in (ROOT / package).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "Console"):
                printing.add(path.relative_to(ROOT).as_posix())

    assert printing == {"search/output/terminal.py", "search/show/console.py", "search/show/progress.py"}
