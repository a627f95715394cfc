"""One table, in every form that programs and people give it, has the same cells."""

import io
import itertools
import os
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from data.preparation import DataError
from data.tables.cells import workbook
from data.tables.cells.bounds import MAX_TABLE_BYTES
from data.tables.headings import fitting
from data.tables.rows import read_table
from data.tables.sheets import Fit, read_sheet

HEADINGS = ["id", "boneage", "male"]
ROWS = [["007", "132", "M"], ["NA", "12", "F"], ["Jörg", "80", "M"], ["a b", "1", "F"]]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252")
SEPARATORS = (",", ";", "\t", "|")
ENDS = ("\n", "\r\n", "\r")


def fits(cells: object) -> Fit:
    return fitting(cells, {})  # type: ignore[arg-type]


def text(rows: list[list[str]], separator: str = ",", end: str = "\n") -> str:
    return "".join(separator.join(cells) + end for cells in rows)


@pytest.mark.parametrize(("encoding", "separator", "end"), [*itertools.product(ENCODINGS, SEPARATORS, ENDS)])
def test_encoding_separator_and_line_end_change_no_cell(
    tmp_path: Path, encoding: str, separator: str, end: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text([HEADINGS, *ROWS], separator, end).encode(encoding))

    sheet = read_sheet(path, fits)

    assert sheet.headings == tuple(HEADINGS)
    assert [cells for _, cells in sheet.rows] == ROWS
    assert [number for number, _ in sheet.rows] == [2, 3, 4, 5]
    assert bool(sheet.said) == (encoding == "cp1252")


def test_bytes_in_another_encoding_change_no_others(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text([HEADINGS, *ROWS]).encode() + "Zoë".encode("cp1252") + "ë,20,F\n".encode())

    sheet = read_sheet(path, fits)

    assert [cells[0] for _, cells in sheet.rows] == ["007", "NA", "Jörg", "a b", "Zoëë"]
    assert sheet.said == "t.csv is UTF-8 but for some bytes, read as Windows-1252"


@pytest.mark.parametrize("id", ['="007"', '"=""007"""', "'007"])
def test_what_a_spreadsheet_writes_around_a_text_is_no_part_of_an_id(tmp_path: Path, id: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"id,boneage,male\n{id},132,M\n")
    table = read_table(path)

    assert table is not None
    assert list(table.cases["id"]) == list(table.cases["named"]) == ["007"]


def test_an_apostrophe_that_not_all_ids_have_is_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,boneage,male\n'007,132,M\n8,132,M\n")
    table = read_table(path)

    assert table is not None
    assert list(table.cases["id"]) == ["'007", "8"]


BEFORE = ("sep=;\n", "sep=;\n\n", "Klinik Nord\n\n", "Klinik; Export vom 3.4.\n;;\n", "\n\n\n")
AFTER = (";;\n;;\n", "\n \n", "  ;;\n", ";;;;\n", "\x1a", ";;\n\x1a\n")


@pytest.mark.parametrize(("before", "after"), [*itertools.product(("", *BEFORE), ("", *AFTER))])
def test_what_stands_above_and_below_the_table_is_no_row_of_it(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(before + text([HEADINGS, *ROWS], ";") + after)

    sheet = read_sheet(path, fits)

    assert [cells for _, cells in sheet.rows] == ROWS
    first = sheet.rows[0][0]
    assert path.read_text().splitlines()[first - 1] == ";".join(ROWS[0])  # the row as a person counts


def test_the_mark_of_a_files_beginning_is_no_part_of_a_cell_where_files_were_joined(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text([HEADINGS, *ROWS]).encode("utf-8-sig") + text(ROWS).encode("utf-8-sig"))

    assert [cells for _, cells in read_sheet(path, fits).rows] == [*ROWS, *ROWS]


cells = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda cell: cell == cell.strip() and "\ufeff" not in cell
)


@settings(max_examples=200, deadline=None)
@example(rows=[(",", ",", ",")], separator=",")
@example(rows=[("\u200b", "\u200b", "\u200b")], separator=";")
@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6), separator=st.sampled_from(SEPARATORS))
def test_quoted_cells_are_read_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], separator: str
) -> None:
    def quoted(cell: str) -> str:
        return f'"{cell.replace(chr(34), chr(34) * 2)}"'

    path = tmp_path_factory.getbasetemp() / "quoted.csv"
    path.write_text(text([HEADINGS, *([quoted(cell) for cell in row] for row in rows)], separator), encoding="utf-8")

    assert [tuple(cells) for _, cells in read_sheet(path, fits).rows] == rows


def test_a_workbook_is_read_on_the_sheet_and_from_the_row_that_has_the_headings(tmp_path: Path) -> None:
    book = Workbook()
    notes = book.active
    assert notes is not None
    notes.append(["read me first"])
    sheet = book.create_sheet("Daten")
    sheet.append([])
    sheet.append(["Klinik Nord"])
    sheet.append([None, *HEADINGS])
    for cells in ROWS:
        sheet.append([None, *cells])
    sheet.append([None] * 4)
    book.save(tmp_path / "t.xlsx")

    sheet_read = read_sheet(tmp_path / "t.xlsx", fits)

    assert [cells[1:] for _, cells in sheet_read.rows] == ROWS
    assert sheet_read.rows[0][0] == 4


Cells = list[list[object]]


def saved(path: Path, sheets: dict[str, Cells], hidden: tuple[str, ...] = ()) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    book.save(path)
    return path


GIRLS: Cells = [["id", "boneage", "male"], [1, 12, False], [2, 13, False]]
BOYS: Cells = [["id", "boneage", "male"], [3, 12, True]]
OLD: Cells = [["id", "boneage", "male", "split"], [9, 12, True, "test"]]


def test_several_sheets_of_cases_are_refused_with_their_names(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.xlsx", {"notes": [["hello"]], "girls": GIRLS, "boys": BOYS})

    with pytest.raises(DataError, match="has 2 sheets of cases, girls, boys: put all cases on one sheet"):
        read_sheet(path, fits)


def test_of_sheets_the_one_that_has_most_of_what_is_asked_for_is_taken_and_the_others_are_said(tmp_path: Path) -> None:
    patients: Cells = [["id", "sex"], [1, "M"], [2, "M"]]
    notes: Cells = [["id", "set"], [1, "first"]]
    sheet = read_sheet(saved(tmp_path / "t.xlsx", {"patients": patients, "cases": GIRLS, "notes": notes}), fits)

    assert (sheet.name, len(sheet.rows)) == ("cases", 2)
    assert sheet.said.startswith(
        "t.xlsx: passed over the sheet patients, notes, as cases has more of the needed columns"
    )


@pytest.mark.parametrize("more", [["patient_id"], ["split", "patient_id"], ["note"]])
def test_a_column_that_no_case_needs_makes_the_other_sheet_no_lesser_one(tmp_path: Path, more: list[object]) -> None:
    girls = [[*cells, *more] for cells in GIRLS]
    for boys in (BOYS, [cells[:2] for cells in BOYS]):
        for there in ({"girls": girls, "boys": boys}, {"boys": boys, "girls": girls}):
            with pytest.raises(DataError, match="has 2 sheets of cases"):
                read_sheet(saved(tmp_path / "t.xlsx", there), fits)


def merged(path: Path, rows: Cells, *ranges: str) -> Path:
    book = Workbook()
    sheet = book.worksheets[0]
    for cells in rows:
        sheet.append(cells)
    for cells_of_one in ranges:
        sheet.merge_cells(cells_of_one)
    book.save(path)
    return path


def test_a_merged_cell_says_the_same_of_all_rows_that_it_covers(tmp_path: Path) -> None:
    rows: Cells = [
        ["patient_id", "id", "boneage", "sex"],
        ["P1", 1, 100, "M"],
        [None, 2, None, None],
        ["P2", 3, 90, "F"],
    ]
    table = read_table(merged(tmp_path / "t.xlsx", rows, "A2:A3", "C2:C3", "D2:D3"))

    assert table is not None
    assert table.cases[["id", "age_months", "male", "patient"]].values.tolist() == [
        ["1", 100, True, "P1"], ["2", 100, True, "P1"], ["3", 90, False, "P2"],
    ]  # fmt: skip


def test_an_id_that_is_merged_over_two_rows_is_a_repeated_one(tmp_path: Path) -> None:
    rows: Cells = [["id", "boneage", "sex"], [1, 100, "M"], [None, 90, "M"], [2, 80, "F"]]
    table = read_table(merged(tmp_path / "t.xlsx", rows, "A2:A3"))

    assert table is not None
    assert list(table.cases["id"]) == ["2"]
    assert all("rows 2, 3 contradict one another" in problem.said for problem in table.problems)


def test_one_merged_heading_over_two_columns_is_the_heading_of_both(tmp_path: Path) -> None:
    readers: Cells = [["id", "bone age", None, "sex"], [None, "reader 1", "reader 2", None], [1, 100, 124, "M"]]
    last: Cells = [["id", "sex", "bone age", None], [None, None, "reader 1", "reader 2"], [1, "M", 100, 124]]

    for rows, ranges in ((readers, ["B1:C1"]), (readers, ["A1:A2", "B1:C1", "D1:D2"]), (last, ["C1:D1"])):
        with pytest.raises(DataError, match=r"has two columns of bone ages \(bone age, bone age\)"):
            read_table(merged(tmp_path / "t.xlsx", rows, *ranges))


def test_headings_of_two_lines_begin_the_table_and_no_other(tmp_path: Path) -> None:
    rows: Cells = [
        ["id", "boneage", "sex", "Readers", None],
        [None, None, None, "R1", "R2"],
        [1, 100, "M", "Ana", "Ben"],
        [2, 90, "F", "Ana", "Cem"],
    ]
    table = read_table(merged(tmp_path / "t.xlsx", rows, "A1:A2", "B1:B2", "C1:C2", "D1:E1"))

    assert table is not None
    assert not table.problems
    assert list(table.cases["id"]) == ["1", "2"]
    rows[1] = [None, "ground truth bone age", None, "R1", "R2"]  # which says something else than the line above it
    with pytest.raises(DataError, match="row 2 has the headings again"):
        read_table(merged(tmp_path / "t.xlsx", rows, "A1:A2", "C1:C2", "D1:E1"))


def test_a_merged_title_or_note_is_one_cell(tmp_path: Path) -> None:
    rows: Cells = [
        ["Klinik Nord"],
        ["id", "boneage", "sex"],
        [1, 100, "M"],
        [2, 90, "F"],
        [None, None, "checked by Jörg"],
    ]
    table = read_table(merged(tmp_path / "t.xlsx", rows, "A1:H1", "C5:H5"))

    assert table is not None
    assert list(table.cases["id"]) == ["1", "2"]
    assert not table.problems


def test_a_second_table_below_the_first_is_refused(tmp_path: Path) -> None:
    rows: Cells = [
        ["Training set"],
        ["id", "boneage", "sex"],
        [1, 100, "M"],
        [],
        ["Test set"],
        ["id", "boneage", "sex"],
        [2, 9, "F"],
    ]

    with pytest.raises(DataError, match=r"t\.xlsx row 6 has the headings again"):
        read_table(saved(tmp_path / "t.xlsx", {"S": rows}))


def test_hidden_rows_are_said(tmp_path: Path) -> None:
    book = Workbook()
    for cells in (*GIRLS, [3, 14, False], [4, 15, False]):
        book.worksheets[0].append(cells)
    for row in (3, 5, 9):
        book.worksheets[0].row_dimensions[row].hidden = True
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")

    assert table is not None
    assert len(table.cases) == 4
    assert table.said == "t.xlsx: 2 hidden rows are read as the others (the first: row 3)"


def test_a_strict_workbook_is_called_one(tmp_path: Path) -> None:
    plain = saved(tmp_path / "t.xlsx", {"girls": GIRLS})
    strict = tmp_path / "strict.xlsx"
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(strict, "w") as other:
        for member in archive.namelist():
            text = archive.read(member).decode()
            text = text.replace(
                "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                "http://purl.oclc.org/ooxml/spreadsheetml/main",
            )
            other.writestr(member, text)

    with pytest.raises(
        DataError, match=r"strict\.xlsx is a workbook of the kind Strict Open XML.*save it as an Excel workbook"
    ):
        read_sheet(strict, fits)


def test_a_sheet_of_headings_alone_is_no_second_one(tmp_path: Path) -> None:
    form: Cells = [["id", "boneage", "male", "split"], [None, None, None, " "]]

    for sheets_there in ({"form": form, "girls": GIRLS}, {"girls": GIRLS, "form": GIRLS[:1]}):
        assert read_sheet(saved(tmp_path / "t.xlsx", sheets_there), fits).name == "girls"


def test_a_sheet_under_headings_that_nobody_knows_is_said(tmp_path: Path) -> None:
    boys: Cells = [["Nr", "Alter", "Geschlecht"], [3, 12, "m"]]
    sheet = read_sheet(saved(tmp_path / "t.xlsx", {"girls": GIRLS, "boys": boys, "notes": [["hello"]]}), fits)

    assert sheet.name == "girls"
    assert sheet.said == "t.xlsx: passed over, as no sheet of cases: boys"


def test_a_copy_of_a_sheet_is_no_second_one(tmp_path: Path) -> None:
    assert len(read_sheet(saved(tmp_path / "t.xlsx", {"girls": GIRLS, "copy": GIRLS}), fits).rows) == 2


def test_a_hidden_sheet_stands_back_and_is_said(tmp_path: Path) -> None:
    sheet = read_sheet(saved(tmp_path / "t.xlsx", {"old": OLD, "girls": GIRLS}, hidden=("old",)), fits)
    alone = read_sheet(saved(tmp_path / "u.xlsx", {"old": OLD, "notes": [["hello"]]}, hidden=("old",)), fits)

    assert [cells[0] for _, cells in sheet.rows] == ["1", "2"]
    assert sheet.said == "t.xlsx: passed over the hidden sheet old"
    assert [cells[0] for _, cells in alone.rows] == ["9"]
    assert alone.said == "u.xlsx: its table is on a hidden sheet, old"


@pytest.mark.parametrize("row", [["=1+0", "=50*2", "=TRUE()"], [3, "=100", True], ["=A2+1", 100, True]])
def test_a_formula_that_nobody_has_calculated_is_refused_with_its_row(tmp_path: Path, row: list[object]) -> None:
    path = saved(tmp_path / "t.xlsx", {"girls": [*GIRLS, row]})

    with pytest.raises(DataError, match=r"row 4 has a formula without a value: open the workbook in Excel"):
        read_table(path)


def test_a_formula_beside_the_table_and_one_that_was_calculated_to_nothing_are_no_matter(tmp_path: Path) -> None:
    beside = read_table(saved(tmp_path / "t.xlsx", {"girls": [[*GIRLS[0], "note"], [*GIRLS[1], "=B2*2"], [*GIRLS[2]]]}))
    path = saved(tmp_path / "u.xlsx", {"girls": [[*GIRLS[0], "split"], [*GIRLS[1], "=1"], [*GIRLS[2], "=2"]]})
    calculated = tmp_path / "v.xlsx"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(calculated, "w") as other:
        for member in archive.namelist():
            data = archive.read(member).decode()
            for cell, value in (("D2", "test"), ("D3", "")):  # as Excel writes what it has calculated
                data = re.sub(
                    f'<c r="{cell}"><f>(.)</f><v */?>(</v>)?', rf'<c r="{cell}" t="str"><f>\1</f><v>{value}</v>', data
                )
            other.writestr(member, data)
    found = read_table(calculated)

    assert beside is not None
    assert len(beside.cases) == 2
    assert found is not None
    assert list(found.cases["split"]) == ["test", ""]


def test_a_table_that_is_a_pipe_is_read_and_one_that_is_away_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        writing = pool.submit((tmp_path / "pipe").write_text, text([HEADINGS, *ROWS]))
        assert [cells for _, cells in read_sheet(tmp_path / "pipe", fits).rows] == ROWS
        writing.result()

    with pytest.raises(DataError, match=r"there is no table .*nothere\.csv"):
        read_sheet(tmp_path / "nothere.csv", fits)
    with pytest.raises(DataError, match="is a folder; name a table"):
        read_sheet(tmp_path, fits)


def test_a_decimal_comma_is_read_where_it_is_quoted_or_no_separator(tmp_path: Path) -> None:
    for content in ('id,boneage,male\n1,"132,5",M\n', "id;boneage;male\n1;132,5;M\n"):
        (tmp_path / "t.csv").write_text(content)
        table = read_table(tmp_path / "t.csv")
        assert table is not None
        assert list(table.cases["age_months"]) == [132.5]
    (tmp_path / "t.csv").write_text("id,boneage,male\n1,132,5,M\n")
    with pytest.raises(DataError, match=r"row 2 has 4 cells under 3 headings.*decimal comma"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "content",
    [
        "id,male,boneage,note\n1,True,3,5,\n2,False,13,\n",
        "id,male,boneage,note\n1,True,3,5,\n2,False,4,5,\n",  # every row is longer
        "id,male,height,boneage,note\n1,True,101,5,60,\n",  # a comma before the age pushes it away
        "id,male,boneage,note\n1,True,3,5,,\n",
    ],
)
def test_a_decimal_comma_before_a_blank_cell_is_not_cut_off(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)

    with pytest.raises(
        DataError, match=r"row 2 has \d cells under \d headings: .* may be one number, \d+,5, or two; put"
    ):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "content",
    [
        "id,male,boneage,note,,\n1,True,35,5,,\n2,False,13,,,\n",  # Excel's, headings and all
        "id,boneage,male\n1,35,True,\n2,13,False,,\n",  # commas at the ends of rows
        "id,male,boneage\n1,True,35,\n2,False,13,\n",
        "id,height,boneage,male\n1,101,35,True,\n2,99,13,False,\n",
        "id;male;boneage;note\n1;True;35;5;\n2;False;13;;;\n",
        "id,male,boneage,note\n1,True,35,5\n2,False,13,\n",
    ],
)
def test_blank_cells_at_the_ends_of_rows_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    table = read_table(tmp_path / "t.csv")

    assert table is not None
    assert list(table.cases["age_months"]) == [35, 13]
    assert list(table.cases["male"]) == [True, False]


def test_what_inflates_beyond_the_bound_is_refused_before_it_is_read(tmp_path: Path) -> None:
    book = Workbook()
    book.save(tmp_path / "t.xlsx")
    with zipfile.ZipFile(tmp_path / "t.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", io.BytesIO(b" " * (MAX_TABLE_BYTES + 1)).getvalue())
    assert (tmp_path / "t.xlsx").stat().st_size < 1_000_000
    with (tmp_path / "t.csv").open("wb") as file:
        file.truncate(MAX_TABLE_BYTES + 1)

    for name in ("t.xlsx", "t.csv"):
        with pytest.raises(DataError, match=f"{name} holds .* bytes of text, more than"):
            read_sheet(tmp_path / name, fits)


@settings(max_examples=30)
@given(st.text(alphabet=",;\t| ", max_size=6), st.sampled_from(SEPARATORS))
def test_a_row_of_separators_alone_is_no_row_whichever_of_them_separates(
    tmp_path_factory: pytest.TempPathFactory, nothing: str, separator: str
) -> None:
    path = tmp_path_factory.mktemp("blank") / "t.csv"
    path.write_text(text([HEADINGS, ROWS[0]], separator) + nothing + "\n" + text(ROWS[1:], separator))
    assert [cells for _, cells in read_sheet(path, fits).rows] == ROWS


def with_last_cells(path: Path, rows: int, value: str) -> Path:
    """A workbook, each of whose rows has this text in Excel's last column, XFD."""
    book = Workbook()
    book.active.append(HEADINGS)
    for number in range(rows):
        book.active.append([str(number), "100", "M"])
    book.save(path.with_suffix(".plain"))
    with zipfile.ZipFile(path.with_suffix(".plain")) as plain, zipfile.ZipFile(path, "w") as archive:
        for name in plain.namelist():
            text = plain.read(name).decode()
            if name.endswith("sheet1.xml"):
                first, *others = text.split("</row>")
                last = f't="inlineStr"><is><t xml:space="preserve">{value}</t></is></c></row>'
                text = first + "".join(f'<c r="XFD{row}" {last}{rest}' for row, rest in enumerate(others, 1))
            archive.writestr(name, text)
    return path


def test_blank_cells_far_right_take_no_memory(tmp_path: Path) -> None:
    path = with_last_cells(tmp_path / "t.xlsx", 100, " ")

    tracemalloc.start()
    sheet = read_sheet(path, fits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [cells for _, cells in sheet.rows] == [[str(number), "100", "M"] for number in range(100)]
    assert peak < 10_000_000  # 100 rows of 16,384 references are 13 million bytes


@pytest.mark.parametrize(("limit", "value"), [("MAX_CELLS", "x"), ("MAX_CELLS_READ", " ")])
def test_more_cells_than_any_table_has_are_refused_while_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: str
) -> None:
    path = with_last_cells(tmp_path / "t.xlsx", 9, value)
    monkeypatch.setattr(workbook, limit, 50_000)

    with pytest.raises(DataError, match=r"t\.xlsx has 65,536 cells up to row 4 of 'Sheet', which is 16,384 wide"):
        read_sheet(path, fits)


def with_xml(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """A workbook whose sheet's XML somebody has edited."""
    book = Workbook()
    assert book.active is not None
    for cells in [HEADINGS, *ROWS]:
        book.active.append(cells)
    book.save(path.with_suffix(".plain"))
    with zipfile.ZipFile(path.with_suffix(".plain")) as plain, zipfile.ZipFile(path, "w") as archive:
        for name in plain.namelist():
            data = plain.read(name)
            archive.writestr(name, change(data) if name.startswith("xl/worksheets/") else data)
    return path


def reversed_rows(text: bytes) -> bytes:
    rows = re.findall(rb"<row .*?</row>", text, re.DOTALL)
    return text.replace(b"".join(rows), b"".join(reversed(rows)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace(b'<row r="3"', b'<row r="99999999999"'), "it has row 99999999999, and Excel's last is 1048576"),
        (reversed_rows, "its rows stand in no order; open it in Excel and save it again"),
    ],
)  # fmt: skip
def test_rows_that_the_library_would_lose_or_wait_for_are_refused(
    tmp_path: Path, change: Callable[[bytes], bytes], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        read_sheet(with_xml(tmp_path / "t.xlsx", change), fits)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "protected by a password, or of Excel's old kind"),
        ("t.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "protected by a password, or of Excel's old kind"),
        ("t.xlsx", b"id,boneage,male\n1,12,M\n", "it is a text; give it the ending .csv"),
        ("t.xlsx", b"<html><table></table></html>", "it is a text; give it the ending .csv"),
    ],
)
def test_a_file_of_another_kind_under_the_ending_of_a_workbook_says_what_it_is(
    tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(data)

    with pytest.raises(DataError, match=says):
        read_sheet(tmp_path / name, fits)


def test_hidden_columns_are_read_and_said(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    for cells in [HEADINGS, *ROWS]:
        book.active.append(cells)
    book.active.column_dimensions["B"].hidden = True
    book.save(tmp_path / "t.xlsx")

    sheet = read_sheet(tmp_path / "t.xlsx", fits)

    assert sheet.headings == tuple(HEADINGS)
    assert sheet.said == f"t.xlsx: hidden columns are read as the others: {HEADINGS[1]}"


def test_what_the_library_remarks_upon_in_a_workbook_is_not_passed_on(tmp_path: Path) -> None:
    """Lists to choose from, as Excel keeps them, and a workbook without styles, as other programs write it. Here each warning is an error."""
    book = Workbook()
    for cells in (HEADINGS, *ROWS):
        book.active.append(cells)
    book.save(tmp_path / "plain.xlsx")
    lists = b'<extLst><ext uri="{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>'
    with zipfile.ZipFile(tmp_path / "plain.xlsx") as plain, zipfile.ZipFile(tmp_path / "train.xlsx", "w") as other:
        for name in plain.namelist():
            part = re.sub(rb"<cellStyles.*?</cellStyles>", b"", plain.read(name), flags=re.DOTALL)
            other.writestr(name, part.replace(b"</worksheet>", lists))

    assert [cells for _, cells in read_sheet(tmp_path / "train.xlsx", fits).rows] == ROWS
