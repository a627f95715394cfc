"""Cells of the CSVs that we write: no spreadsheet runs one, and we read back what was written."""

import ast
import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.csv_text import guarded, read_csv, row_writer, unguarded, write_csv

ROOT = Path(__file__).parents[1]
PACKAGES = ("data", "models", "studies", "search")
RUN_BY_A_SPREADSHEET = (
    *(
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "=HYPERLINK('http://x')",
        "=cmd|' /C calc'!A0",
        "＝1+1",
        "－1+1",
        "＠x",
        "-",
        "=",
        " =1",
        "a;=1+1",
        "a; @x;b",
        ";-1+1",
        "=1;2",
    ),
    *(
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "a\r=1+1",
        "a\n=1+1",
        "a\tb",
        "a\x00b",
        "\x1b[31m",
        "a\u202eb",
        "\ufeff=1",
        "\udcff.png",
    ),
)
NUMBERS = ("-0.5", "-3", "+7", "-1e-05", "+1.25E+10", "-0", "007", "1e5")
HARMLESS = ("a", "1377", "a=b", "a-b", "C:\\hands\\n", "腕.png", "a,b", 'a"b', "a;b", "a;-3", "")

texts = st.text(st.characters(), max_size=12) | st.sampled_from(
    [*RUN_BY_A_SPREADSHEET, *NUMBERS, *HARMLESS, "'", "'=1", "\\n", "'\\x41"]
)


def harmless(cell: str) -> bool:
    """Whether a spreadsheet takes it for text or for a number, and a terminal for letters; some cut it at each semicolon."""
    return all(map(harmless_alone, cell.split(";")))


def harmless_alone(cell: str) -> bool:
    number = re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", cell, re.ASCII)
    return bool(number) or (
        not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))
        and not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\ufeff\ud800-\udfff]", cell)
    )


@pytest.mark.parametrize("text", RUN_BY_A_SPREADSHEET)
def test_what_a_spreadsheet_would_run_has_an_apostrophe_before_it(text: str) -> None:
    assert not harmless(text)
    assert guarded(text).startswith("'")
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("cell", [*NUMBERS, *HARMLESS, -0.5, -3, np.float64(-1.5), np.int64(-2), True, None])
def test_numbers_and_harmless_words_are_written_as_they_are(cell: object) -> None:
    written = io.StringIO()
    row_writer(written, ["id", "cell"])({"id": "x", "cell": cell})

    [_, row] = csv.reader(io.StringIO(written.getvalue()))
    assert row[1] == ("" if cell is None else str(cell))


@given(texts)
@settings(deadline=None)
def test_every_cell_is_harmless_and_is_read_back_as_it_was(text: str) -> None:
    assert harmless(guarded(text))
    assert unguarded(guarded(text)) == text
    guarded(text).encode()


@given(st.lists(texts, min_size=1, max_size=6))
@settings(deadline=None)
def test_a_table_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> None:
    path = tmp_path_factory.mktemp("table") / "cases.csv"
    table = pd.DataFrame(
        {"id": ids, "months": [-0.5 - n for n in range(len(ids))], "male": [n % 2 == 0 for n in range(len(ids))]}
    )
    write_csv(table, path)

    read = read_csv(path, {"months": "float", "male": "bool"})

    assert list(read["id"]) == ids
    assert list(read["months"]) == list(table["months"])
    with path.open(newline="", encoding="utf-8") as file:
        assert all(harmless(cell) for row in csv.reader(file) for cell in row)


def test_headings_are_guarded_too() -> None:
    written = io.StringIO()
    row_writer(written, ["=1+1", "a"])({"=1+1": 3})

    assert written.getvalue() == "'=1+1,a\n3,\n"


def test_a_store_of_before_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("id\n=1+1\n-x\nO'Brien\n", encoding="utf-8")

    assert list(read_csv(tmp_path / "cases.csv")["id"]) == ["=1+1", "-x", "O'Brien"]


def test_only_one_place_writes_and_reads_csv() -> None:
    """What is only digested, and never a file, is written by pandas alone."""
    found = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in (
                "to_csv",
                "read_csv",
                "writer",
                "DictWriter",
                "to_excel",
            ):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                if node.attr not in ("writer",) or owner == "csv":
                    found.add(path.relative_to(ROOT).as_posix())

    digests = {"data/store/unchanged.py", "data/store/prepare.py"}
    assert found == {"data/csv_text.py", *digests}
    for name in digests:
        assert not re.search(r"to_csv\((?!index=False\))", (ROOT / name).read_text(encoding="utf-8"))
