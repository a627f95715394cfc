"""Tables of cases as they circulate: three naming schemes, and what people make of them."""

from pathlib import Path

import pandas as pd
import pytest

from data.preparation import DataError
from data.tables.cells.splits import split_by_words
from data.tables.headings import normalised
from data.tables.rows import TO_ANSWER, read_table
from data.tables.sexes import sex_of, sexes_in

HEADING = "id,boneage,male\n"


def written(folder: Path, text: str, name: str = "train.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("heading", "row", "split"),
    [
        ("id,boneage,male", "1377,12.5,True", ""),
        ("Image ID,male,Bone Age (months)", "1377,TRUE,12.5", "validation"),
        ("Case ID,Sex,Ground truth bone age (months)", "1377,M,12.5", "test"),
        ("image_ID,sex,bone_age", "1377,male,12.5", ""),
        (" id , boneage , male ", "1377,12.5,true", ""),
        ("\ufeffid;boneage;male", "1377;12.5;1", ""),
        ("FileID\tBoneAge\tGender", "1377.png\t12.5\tM", ""),
    ],
)
def test_each_naming_scheme_is_known_by_its_headings(tmp_path: Path, heading: str, row: str, split: str) -> None:
    table = read_table(written(tmp_path, f"{heading}\n{row}\n"))

    assert table is not None
    assert table.cases[["id", "age_months", "male"]].values.tolist() == [["1377", 12.5, True]]
    assert table.split == split
    assert not table.problems


def test_an_excel_table_reads_as_the_csv_does(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"Case ID": [4360, 4361], "Sex": ["M", "F"], "Ground truth bone age (months)": [168.9321562, 33.0]}
    )
    frame.to_excel(tmp_path / "truth.xlsx", index=False)
    frame.to_csv(tmp_path / "truth.csv", index=False)

    from_excel, from_csv = read_table(tmp_path / "truth.xlsx"), read_table(tmp_path / "truth.csv")

    assert from_excel is not None
    assert from_csv is not None
    assert from_excel.cases.equals(from_csv.cases)
    assert list(from_excel.cases["id"]) == ["4360", "4361"]


def test_a_table_without_ages_is_one_of_cases_and_says_so(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "Case ID,Sex\n4360,M\n"))

    assert table is not None
    assert not table.has_ages


def test_a_table_of_something_else_is_none_of_cases(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, "epoch,loss\n1,2\n")) is None


def test_the_letters_that_all_ids_share_are_no_part_of_them(tmp_path: Path) -> None:
    shared = read_table(written(tmp_path, HEADING + "b1377.png,12,True\nb1378.png,13,False\n"))
    mixed = read_table(written(tmp_path, HEADING + "b1377,12,True\nc1377,13,False\n"))

    assert shared is not None
    assert mixed is not None
    assert list(shared.cases["id"]) == ["1377", "1378"]
    assert list(mixed.cases["id"]) == ["b1377", "c1377"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1377,twelve,True", "age: bone age is in months, 0 to 300; got 'twelve'"),
        ("1377,-3,True", "age: "),
        ("1377,,True", "age: "),
        ("1377,inf,True", "age: "),
        ("1377,nan,True", "age: "),
        ("1377,4000,True", "age: "),
        ("1377,12,maybe", "sex: male is True or False, M or F; got 'maybe'"),
        ("1377,12,", "sex: "),
        (",12,True", "id: the row has no id"),
        (".png,12,True", "id: the row has no id"),
    ],
)
def test_a_row_that_cannot_be_used_is_listed_and_the_others_stay(tmp_path: Path, row: str, reason: str) -> None:
    table = read_table(written(tmp_path, f"{HEADING}1376,11,F\n{row}\n1378,13,M\n"))

    assert table is not None
    assert list(table.cases["id"]) == ["1376", "1378"]
    [problem] = table.problems
    assert problem.reason.startswith(reason)
    assert problem.path.endswith("train.csv row 3")


@pytest.mark.parametrize("cell", ["7y 10m", "94 months", ">94", "94±6", "7;10", "094M", "ca. 94", "2015-10-07", "94%"])
def test_an_age_that_is_more_than_a_number_says_what_to_write(tmp_path: Path, cell: str) -> None:
    read = read_table(written(tmp_path, f"id,boneage,male\n1,94,M\n2,{cell},M\n"))

    assert read is not None
    assert list(read.cases["id"]) == ["1"]
    [problem] = read.problems
    assert problem.reason.endswith(f"got {cell!r}: write the number of months alone")


def test_one_and_zero_are_a_sex_under_male_and_unclear_under_sex(tmp_path: Path) -> None:
    male = read_table(written(tmp_path, HEADING + "1,12,1\n2,12,0\n"))
    sex = read_table(written(tmp_path, "id,boneage,sex\n1,12,1\n2,12,0\n"))

    assert male is not None
    assert sex is not None
    assert list(male.cases["male"]) == [True, False]
    assert len(sex.problems) == 2


@pytest.mark.parametrize(
    ("heading", "cell", "male"),
    [
        ("male", "1", True),
        ("male", "wahr", True),
        ("is_male", "no", False),
        ("female", "1", False),
        ("female", "True", False),
        ("Female", "FALSE", True),
        ("female", "F", False),
        ("sex", "boy", True),
        ("sex", "w", False),
        ("sex", "1", None),
        ("sex", "2", None),
        ("male", "2", None),
        ("male", "", None),
        ("weiblich", "wahr", False),
        ("f", "True", False),
        ("girl", "1", False),
        ("male (1) female (0)", "1", None),
        ("male/female", "True", None),
        ("sex (m/f)", "0", None),
        ("male (1) female (0)", "F", False),
        ("woman", "TRUE", False),
        ("Women", "0", True),
        ("niña", "VERDADERO", False),
        ("Nin\u0303a", "falso", True),  # an accent that is a letter of its own
        ("Mädchen (ja/nein)", "wahr", False),
        ("weibliches Geschlecht", "WAHR", False),
        ("demoiselle", "vrai", None),  # a word that is not known is no sex
        ("isFemale", "true", False),
        ("is_boy", "1", True),
        ("garçon", "vrai", True),
        ("sexo masculino", "verdadero", True),
        ("not male", "True", None),
        ("Sex (male=0)", "0", True),
        ("Sex (male=0)", "1", False),
        ("Sex (male=0)", "1.0", False),
        ("Sex (male=0)", "TRUE", None),  # yes is the other one than 1 under "male"
        ("Sex (0=F)", "0", False),
        ("Sex (0=F)", "1", True),
        ("gender: 1=M, 2=F", "1", True),
        ("gender: 1=M, 2=F", "2", False),
        ("gender: 1=M, 2=F", "9", None),
        ("sex 0: female, 1: male", "1", True),
        ("Geschlecht (1 = weiblich)", "2", True),
        ("male (1=no, 2=yes)", "2", True),
        ("sex (1=male, 1=female)", "1", None),
        ("sex (not male=1)", "1", None),
        ("sexo (H=1, M=2)", "2", None),
        ("male_2", "1", None),  # of a table that was put together, or a code
        ("male_2", "True", True),
        ("sex", "TRUE", None),
        ("Geschlecht", "FALSCH", None),
        ("patient", "1", None),
        ("sexo_m", "1", None),  # mujer, or masculino
        ("sexo_f", "1", False),
        ("sexo", "Niña", False),
    ],
)
def test_a_sex_is_read_by_its_word_and_its_heading(heading: str, cell: str, male: bool | None) -> None:
    assert sex_of(cell, normalised(heading)) is male


def test_a_number_that_the_heading_leaves_out_is_the_other_sex_only_where_it_is_the_only_one() -> None:
    assert sexes_in(["1", "2", "1"], "sex (1=m)") == [True, False, True]
    assert sexes_in(["1", "0"], "sex (1=m)") == [True, False]
    assert sexes_in(["0", "1", "2"], "sex (1=m)") == [None, True, None]


@pytest.mark.parametrize(
    ("heading", "one", "zero"),
    [
        *((heading, True, False) for heading in ("male: 0/1", "Male: 0 or 1", "male: 0-1", "Male: 0, No | 1, Yes")),
        *((heading, True, False) for heading in ("male: 0=no, 1=yes", "male: 0=FALSE, 1=TRUE", "male (1=yes, 0=no)")),
        *((heading, True, False) for heading in ("Male: 0=F, 1=M", "male: 01", "male: 0 - no, 1 - yes", "male [1/0]")),
        *(
            (heading, True, False)
            for heading in ("male (0/1)", "male_01", "q3_male", "V12 male", "is_male_v2", "q3_male (y/n)", "3_male")
        ),
        *(
            (heading, True, False)
            for heading in ("männlich: 0 oder 1", "male: nein=0, ja=1", "homme (0 = non, 1 = oui)")
        ),
        *((heading, False, True) for heading in ("female: 0/1", "female: 0=no, 1=yes", "weiblich (0 = nein, 1 = ja)")),
        *(
            (heading, False, True)
            for heading in ("Male: 0, Yes | 1, No", "m:0/f:1", "Sex (male=0)", "sex male: 0, female: 1")
        ),
        *(
            (heading, True, False)
            for heading in ("male: 1, female: 0", "Sex (0=F)", "Sex (F=0, M=1)", "female=0, 1=male")
        ),
        *((heading, False, True) for heading in ("Sex: 0, Male | 1, Female", "female=1, 0=male")),
        # Nobody knows which is which.
        *((heading, None, None) for heading in ("male_0yes_1no", "male yes0 no1", "sex (0/1)")),
        *(
            (heading, None, None)
            for heading in ("Sex (1/2 = M/F)", "male: yes/no = 0/1", "male: 0/1 = no/yes", "male 1")
        ),
        *((heading, None, None) for heading in ("male: 0 for female, 1 for male", "male=0, male=1", "male: 0 if no")),
    ],
)
def test_numbers_that_a_heading_lists_are_no_code_of_the_word_before_them(
    heading: str, one: bool | None, zero: bool | None
) -> None:
    assert sexes_in(["1", "0", "1.0"], normalised(heading)) == [one, zero, one]


@pytest.mark.parametrize(
    "heading",
    ["male=1, female=2", "Sex 1: male 2: female", "[1=boy 2=girl]", "male=1, 2=female", "1=M, F=2", "Sex: 1, M | 2, F"],
)
def test_one_and_two_are_what_the_heading_says(heading: str) -> None:
    assert sexes_in(["1", "2"], normalised(heading)) == [True, False]


@pytest.mark.parametrize(("heading", "first"), [("female", False), ("male", True), ("weiblich", False)])
@pytest.mark.parametrize("letters", ["tf", "TF", "wf", "jn", "yn"])
def test_letters_of_truth_are_read_under_a_heading_that_names_one_sex(heading: str, first: bool, letters: str) -> None:
    assert sexes_in([*letters, ""], heading) == [first, not first, None]


@pytest.mark.parametrize(
    ("heading", "cells", "letter", "beside"),
    [
        ("sex", "JJMMMMMMMMMM", "J", "M"),  # Junge and Mädchen
        ("nem", "FFFFFFFFFN", "N", "F"),  # férfi and nő
        ("sex", "PFFFFFFFFF", "P", "F"),  # pojke and flicka
        ("sex", "KMMMMMMMMM", "K", "M"),
        ("sex", "TFTF", "T", "F"),
        ("sex", ["Ж", "m", "m", "m"], "Ж", "m"),
    ],
)
def test_a_letter_that_is_not_read_makes_those_beside_it_uncertain(
    tmp_path: Path, heading: str, cells: str, letter: str, beside: str
) -> None:
    rows = "".join(f"{number},100,{cell}\n" for number, cell in enumerate(cells))
    path = tmp_path / "train.csv"
    path.write_text(f"id,boneage,{heading}\n{rows}", encoding="utf-8")

    said = (
        f"row {list(cells).index(letter) + 2} has '{letter}' as a sex, which is not read, and beside it '{beside}' may"
    )
    with pytest.raises(DataError, match=said):
        read_table(path, {"sex": heading})


@pytest.mark.parametrize("letter", ["I", "D", "N", "K", "J", "Ж"])
def test_a_letter_beside_both_sexes_loses_its_row_alone(tmp_path: Path, letter: str) -> None:
    for both in (("M", "F"), ("m", "w"), ("H", "F")):
        rows = "".join(f"{number},100,{cell}\n" for number, cell in enumerate([*both * 3, letter]))
        table = read_table(written(tmp_path, f"id,boneage,sex\n{rows}"))

        assert table is not None
        assert list(table.cases["male"]) == [True, False] * 3
        assert [problem.kind for problem in table.problems] == ["sex"]


@pytest.mark.parametrize("unknown", ["U", "x", "O", "?", "-", "unknown", "n/a", "", "maybe"])
def test_what_says_that_a_sex_is_unknown_makes_no_other_uncertain(tmp_path: Path, unknown: str) -> None:
    table = read_table(written(tmp_path, f"id,boneage,sex\n1,100,M\n2,100,F\n3,100,{unknown}\n"))
    german = read_table(written(tmp_path, "id,boneage,sex\n1,100,m\n2,100,w\n3,100,d\n"))

    assert table is not None
    assert german is not None
    assert list(table.cases["male"]) == list(german.cases["male"]) == [True, False]


@pytest.mark.parametrize(
    "headings", ["id,boneage,sex", "ID, BoneAge ,SEX", "Case ID,Sex,Ground truth bone age (months)"]
)
def test_headings_within_the_table_are_refused_with_their_row(tmp_path: Path, headings: str) -> None:
    path = written(tmp_path, f"id,boneage,sex\n1,100,M\n2,90,F\n\nTest set,,\n{headings}\n3,80,M\n")

    with pytest.raises(DataError, match=r"train\.csv row 6 has the headings again.*a column `split`"):
        read_table(path)


def test_headings_of_a_table_without_ages_are_refused_within_one_that_has_them(tmp_path: Path) -> None:
    path = written(tmp_path, "id,sex,boneage\n1,M,100\n2,F,90\nCase ID,Sex,\n3,M,\n")

    with pytest.raises(DataError, match="row 4 has the headings again"):
        read_table(path)


@pytest.mark.parametrize("title", ["Test set", "validation data", "TESTING"])
def test_a_title_of_a_split_between_rows_is_refused(tmp_path: Path, title: str) -> None:
    path = written(tmp_path, f"id,boneage,sex\n1,100,M\n2,90,F\n\n{title},,\n3,80,M\n")

    with pytest.raises(DataError, match=f"row 5 says '{title}' and nothing else, as the title of the rows below it"):
        read_table(path)


def test_a_note_between_rows_is_no_title_of_a_split(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "id,boneage,sex\n1,100,M\n,,read by the test team\n2,90,F\n"))
    with_splits = read_table(written(tmp_path, "id,boneage,sex,split\n1,100,M,train\ntest,,,\n2,90,F,test\n"))

    assert table is not None
    assert with_splits is not None
    assert list(table.cases["id"]) == list(with_splits.cases["id"]) == ["1", "2"]


def test_cells_that_are_words_of_headings_are_cells(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "id,kind,sex,boneage\n1,image,male,100\nfile,set,male,90\n"))

    assert table is not None
    assert list(table.cases["age_months"]) == [100, 90]


@pytest.mark.parametrize(
    "rows",
    [
        '1,100,M,"see 9\n2,90,F,\n3,80,M,see 4"\n4,70,F,\n',
        '1,100,M,"see 2\n2,90,F,closed"\n3,80,M,\n',
        '1,100,M,\n2,"100,M,\n3,90,F,\n4,80",M,\n',
    ],
)
def test_rows_that_a_quotation_mark_swallows_are_refused(tmp_path: Path, rows: str) -> None:
    path = written(tmp_path, "id,boneage,sex,note\n" + rows)

    with pytest.raises(DataError, match=r"train\.csv line \d looks like a row, and lies inside a cell"):
        read_table(path)


def test_a_note_of_several_lines_is_one_cell(tmp_path: Path) -> None:
    note = '"left hand\nof 3, not 4\nrepeat, no cast, 2019, fine"'
    table = read_table(written(tmp_path, f"id,boneage,sex,note\n1,100,M,{note}\n2,90,F,\n"))

    assert table is not None
    assert list(table.cases["age_months"]) == [100, 90]


@pytest.mark.parametrize("further", ["comment", "patient_id", "remarks"])
def test_decimals_that_a_comma_moves_into_the_next_column_are_refused(tmp_path: Path, further: str) -> None:
    path = written(tmp_path, f"id,sex,boneage,{further}\n1,M,10,5\n2,F,9\n3,F,11,25\n")

    with pytest.raises(
        DataError, match="row 2 has 10 and 5, which may be one number with a decimal comma, and row 3 ends"
    ):
        read_table(path, age_unit="years")


@pytest.mark.parametrize(
    "rows",
    [
        "1,M,10,5\n2,F,9,\n",  # all rows have as many commas: 5 is a cell
        "1,M,10,seen twice\n2,F,9\n",
        "1,M,10\n2,F,9\n",
        "1,M,10,1234\n2,F,9\n",
    ],
)
def test_a_column_beside_the_ages_that_holds_no_decimals_is_none_of_them(tmp_path: Path, rows: str) -> None:
    table = read_table(written(tmp_path, "id,sex,boneage,comment\n" + rows), age_unit="years")

    assert table is not None
    assert list(table.cases["age_months"]) == [120, 108]


@pytest.mark.parametrize(("heading", "cell"), [("sex", "TRUE"), ("gender", "1"), ("sex", "falsch")])
def test_a_yes_under_a_heading_that_names_no_sex_is_refused_with_what_to_do(
    tmp_path: Path, heading: str, cell: str
) -> None:
    table = read_table(written(tmp_path, f"id,boneage,{heading}\n1,100,F\n2,110,{cell}\n"))

    assert table is not None
    [problem] = table.problems
    assert problem.kind == "sex"
    assert f"{cell!r} under the heading {heading} does not say whether a boy or a girl is meant" in problem.said
    assert "rename the column male or female" in problem.said


def test_rows_that_repeat_an_id_are_one_case_if_they_agree_and_none_if_they_do_not(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, HEADING + "1,12,M\n2,13,F\n1,12,M\n2,14,F\n3,15,F\n"))

    assert table is not None
    assert list(table.cases["id"]) == ["1", "3"]
    reasons = {problem.id: problem.reason for problem in table.problems}
    assert reasons.keys() == {"2"}
    assert "rows 3, 5 contradict" in reasons["2"]
    assert len(table.problems) == 2
    assert table.said == "train.csv row 4 repeats another row and is left out"


NO_CASES = {
    "no-break spaces": "\u00a0,\u00a0,\u00a0\n" * 20,
    "letters that nobody sees": "\ufeff,\u200b,\u2003\n" * 20,
    "boxes that were not ticked": ",,FALSE\n" * 20,
    "lines below the table": ",,\n,,checked by Jörg\n",
}


@pytest.mark.parametrize("rows", NO_CASES)
def test_rows_with_neither_id_nor_age_are_no_cases(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "train.csv"
    path.write_text(HEADING + "1,12,M\n2,13,F\n" + NO_CASES[rows], encoding="utf-8")
    table = read_table(path)

    assert table is not None
    assert list(table.cases["id"]) == ["1", "2"]
    assert not table.problems
    assert ("neither id nor age" in table.said) == ("box" in rows or "lines" in rows)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("train.csv", b"", "cannot be read as CSV"),
        ("train.csv", HEADING.encode(), "has no rows"),
        ("train.csv", b'id,boneage,male\n"1377,12,M\n1378,13,F\n', "cannot be read as CSV"),
        ("train.csv", b"id,boneage,male\n1,2,M\n1,2,3,4,5\n", "cannot be read as CSV"),
        ("truth.xlsx", b"PK no workbook", "cannot be read as an Excel workbook"),
        ("truth.xlsx", b"Case ID,Sex\n1,M\n", "cannot be read as an Excel workbook"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match=says) as raised:
        read_table(tmp_path / name)

    assert name in str(raised.value)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("boneage-training-dataset", "train"),
        ("Bone Age Validation Set", "validation"),
        ("val", "validation"),
        ("boneage-test-dataset", "test"),
        ("Bone age ground truth", "test"),
        ("latest", ""),
        ("evaluation", ""),
        ("train_and_val", ""),
        ("boneage", ""),
    ],
)
def test_a_name_speaks_of_one_split_or_of_none(name: str, split: str) -> None:
    assert split_by_words(name) == split


@pytest.mark.parametrize("row", ["1377,{},True", "1377,12,{}", "{},12,maybe"])
def test_a_long_cell_is_cut_where_it_is_told(tmp_path: Path, row: str) -> None:
    table = read_table(written(tmp_path, f"{HEADING}1376,11,F\n{row.format('x' * 5000)}\n"))

    assert table is not None
    assert all(len(problem.reason) < 300 for problem in table.problems)


@pytest.mark.parametrize(
    ("cells", "male"),
    [
        ("MFM", [True, False, True]),
        ("HMM", [None, None, None]),  # hombre and mujer
        ("hMF", [None, True, False]),  # F says what M is
        ("VM", [None, None]),  # varón and mujer, or man and vrouw
        ("HF", [True, False]),  # homme and femme
        ("H", [None]),
        ("M", [True]),
    ],
)
def test_an_m_beside_an_h_is_nobodys(cells: str, male: list[bool | None]) -> None:
    assert sexes_in(list(cells), "sex") == male


def test_what_to_do_is_said_where_an_m_may_be_a_woman(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "id,boneage,sex\n1,100,H\n2,110,M\n"))

    assert table is not None
    assert table.cases.empty
    assert all("may mean a woman (mujer)" in problem.reason for problem in table.problems)


def test_a_row_stays_without_the_columns_that_are_not_needed(tmp_path: Path) -> None:
    rows = "1,,True,\n2,90,,\n3,x,False,\n4,90,maybe,\n5,90,True,somewhere\n,90,True,\n"
    path = written(tmp_path, "id,boneage,male,split\n" + rows)
    to_train, to_answer = read_table(path), read_table(path, needed=TO_ANSWER)

    assert to_train is not None
    assert to_answer is not None
    assert to_train.cases.empty
    assert len(to_train.problems) == 6
    assert list(to_answer.cases["male"]) == [True, None, False, None, True]
    assert to_answer.cases["age_months"].fillna(-1).tolist() == [-1, 90, -1, 90, 90]
    assert [(problem.path[-5:], problem.kind) for problem in to_answer.problems] == [
        ("row 4", "age"), ("row 5", "sex"), ("row 6", "split"), ("row 7", "id"),
    ]  # fmt: skip


TWO_COLUMNS = {  # heading and rows, what is said
    "raters": ("id,boneage,boneage,male", "1,12,12,M\n2,13,14,F", "two columns of bone ages.*row 3 has '13' and '14': rename"),
    "synonyms": ("id,bone age,boneage,male", "1,12,13,M", r"\(boneage, bone age\), and row 2 has '13' and '12': say --age-column"),
    "sexes": ("id,boneage,male,sex", "1,12,True,F", "two columns of sexes.*say --sex-column"),
    "a sex of its own": ("id,boneage,male,female", "1,12,1,0\n2,13,1,1", "row 3 has '1' and '1': say --sex-column"),
    "a joined one": ("id,boneage,male,isFemale", "1,12,0,False", r"\(male, isFemale\), and row 2"),
    "one in another language": ("id,boneage,sex,Geschlecht", "1,12,F,männlich", r"\(sex, Geschlecht\), and row 2"),
    "splits": ("id,boneage,male,set,split", "1,12,True,test,train", "two columns of splits.*say --split-column"),
    "ids": ("id,boneage,male,file name", "1,12,M,7.png", "two columns of ids.*'1' and '7.png': say --id-column"),
}  # fmt: skip


@pytest.mark.parametrize("two", TWO_COLUMNS)
def test_two_columns_for_one_thing_that_contradict_one_another_are_refused(tmp_path: Path, two: str) -> None:
    heading, rows, says = TWO_COLUMNS[two]

    with pytest.raises(DataError, match=says):
        read_table(written(tmp_path, f"{heading}\n{rows}\n"))


def test_two_columns_that_say_the_same_are_one_and_a_named_one_is_taken(tmp_path: Path) -> None:
    agree = read_table(
        written(tmp_path, "id,filename,boneage,age months,male,sex\n1,1.png,12,12.0,True,M\n2,2.png,13,,0,\n")
    )
    padded = read_table(written(tmp_path, "id,filename,boneage,male\n7,007.png,12,M\n12,012.png,13,F\n"))
    lettered = read_table(written(tmp_path, "id,filename,boneage,male\n7,b7.png,12,M\n12,b12.png,13,F\n"))
    assert list(padded.cases["id"]) == list(lettered.cases["id"]) == ["7", "12"]
    named = read_table(written(tmp_path, "id,boneage,bone age,male\n1,12,13,M\n"), {"age_months": "bone age"})

    assert agree is not None
    assert named is not None
    assert agree.cases["age_months"].tolist() == [12, 13]
    assert named.cases["age_months"].tolist() == [13]
    with pytest.raises(DataError, match="rename one of them"):
        read_table(written(tmp_path, "id,Alter,Alter,male\n1,12,13,M\n"), {"age_months": "Alter"})


@pytest.mark.parametrize(
    "beside",
    ["female", "Geschlecht,0", "male atlas,0", "boys' plate,1", "female relatives,1", "not male,1", "is_girl,x"],
)
def test_what_is_beside_the_sexes_and_contradicts_none_is_no_second_column_of_them(tmp_path: Path, beside: str) -> None:
    heading, _, cell = beside.partition(",")
    read = read_table(written(tmp_path, f"id,boneage,male,{heading}\n1,12,1,{cell}\n2,13,1,{cell}\n"))

    assert read is not None
    assert read.cases["male"].all()


def test_a_named_column_of_sexes_is_compared_with_no_other(tmp_path: Path) -> None:
    table = written(tmp_path, "id,boneage,male,female\n1,12,1,1\n")

    of = [read_table(table, {"sex": name}) for name in ("male", "female")]

    assert [bool(one.cases["male"][0]) for one in of if one is not None] == [True, False]


@pytest.mark.parametrize(
    ("cells", "ids", "names"),
    [
        (["#N/A", "N/A", "7"], ["#N/A", "N/A", "7"], ["#N/A", "N/A", "7"]),
        (["2019/12", "2019/13"], ["2019/12", "2019/13"], ["2019/12", "2019/13"]),
        (["img/1377.png", "other/1378.png"], ["1377", "1378"], ["1377", "1378"]),
        ([r"C:\img\1377", r"C:\img\1378"], ["1377", "1378"], ["1377", "1378"]),
        (["../img/1377", "/img/1378"], ["1377", "1378"], ["1377", "1378"]),
        (["p1/l.png", "p2/l.png", "p2/r.png"], ["p1/l", "p2/l", "r"], ["p1/l", "p2/l", "r"]),
        (["b1377.png", "b1378.png"], ["1377", "1378"], ["b1377", "b1378"]),
    ],
)
def test_folders_are_cut_off_files_alone(tmp_path: Path, cells: list[str], ids: list[str], names: list[str]) -> None:
    table = read_table(written(tmp_path, HEADING + "".join(f"{cell},12,M\n" for cell in cells)))

    assert table is not None
    assert list(table.cases["id"]) == ids
    assert list(table.cases["named"]) == names
