"""Tables of cases as they circulate: three naming schemes, and what people make of them."""

from pathlib import Path

import pandas as pd
import pytest

from data.preparation import DataError
from data.tables.headings import normalised, read_table, sex_of, split_by_words

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
        (",12,True", "id: the row has none"),
        (".png,12,True", "id: the row has none"),
    ],
)
def test_a_row_that_cannot_be_used_is_listed_and_the_others_stay(tmp_path: Path, row: str, reason: str) -> None:
    table = read_table(written(tmp_path, f"{HEADING}1376,11,F\n{row}\n1378,13,M\n"))

    assert table is not None
    assert list(table.cases["id"]) == ["1376", "1378"]
    [problem] = table.problems
    assert problem.reason.startswith(reason)
    assert problem.path.endswith("train.csv row 3")


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
    ],
)
def test_a_sex_is_read_by_its_word_and_its_heading(heading: str, cell: str, male: bool | None) -> None:
    assert sex_of(cell, normalised(heading)) is male


def test_rows_that_repeat_an_id_are_one_case_if_they_agree_and_none_if_they_do_not(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, HEADING + "1,12,M\n2,13,F\n1,12,M\n2,14,F\n3,15,F\n"))

    assert table is not None
    assert list(table.cases["id"]) == ["1", "3"]
    reasons = {problem.id: problem.reason for problem in table.problems}
    assert "rows 2, 4 say the same" in reasons["1"]
    assert "rows 3, 5 contradict" in reasons["2"]
    assert len(table.problems) == 3


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
