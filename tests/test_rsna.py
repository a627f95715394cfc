from collections.abc import Callable
from pathlib import Path

import pytest

from data.preparation import DataError
from data.rsna import read_training_folder

Write = Callable[..., Path]


def test_reads_id_age_sex_and_image_of_every_row(rsna_folder: Write) -> None:
    cases = read_training_folder(rsna_folder(5))

    assert list(cases["id"]) == ["1377", "1378", "1379", "1380", "1381"]
    assert cases["age_months"].between(1, 228).all()
    assert cases["male"].dtype == bool
    assert all(path.is_file() for path in cases["path"])


def test_sex_and_ids_are_read_as_people_write_them(rsna_folder: Write) -> None:
    folder = rsna_folder(6)
    rows = ["id , boneage, male", "1377.png,12,TRUE", "1378,12.5,false", "1379,12,M", "1380,12,F", "1381,12,male"]
    (folder / "train.csv").write_text("\n".join([*rows, "1382,12,Female"]))

    cases = read_training_folder(folder)

    assert list(cases["male"]) == [True, False, True, False, True, False]
    assert cases["id"].iloc[0] == "1377"
    assert cases["age_months"][1] == 12.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,boneage\n1377,12\n", "lacks the column 'male'"),
        ("id,boneage,male\n", "no rows"),
        ("id,boneage,male\n1377,twelve,True\n", "row 2: boneage is in months"),
        ("id,boneage,male\n1377,-3,True\n", "row 2: boneage is in months"),
        ("id,boneage,male\n1377,,True\n", "row 2: boneage is in months"),
        ("id,boneage,male\n1377,inf,True\n", "row 2: boneage is in months"),
        ("id,boneage,male\n1377,12,maybe\n", "row 2: male is True or False; got 'maybe'"),
        ("id,boneage,male\n1377,12,True\n9999,12,True\n", "row 3: the image"),
        ("id,boneage,male\n1377,12,True\n1377,13,True\n", "the id 1377 occurs twice"),
        ("id,boneage,male\n../../etc/passwd,12,True\n", "an id names an image file"),
        ("", "cannot be read as CSV"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_row(rsna_folder: Write, text: str, says: str) -> None:
    folder = rsna_folder(1)
    (folder / "train.csv").write_text(text)

    with pytest.raises(DataError) as raised:
        read_training_folder(folder)

    assert says in str(raised.value)
    assert "train.csv" in str(raised.value)


def test_a_folder_without_a_table_is_told_from_one_with(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no train\.csv"):
        read_training_folder(tmp_path)


def test_a_table_in_another_encoding_is_a_clear_error(rsna_folder: Write) -> None:
    folder = rsna_folder(1)
    (folder / "train.csv").write_bytes("id,boneage,male\n1377,12,Männlich\n".encode("latin-1"))

    with pytest.raises(DataError, match="cannot be read as CSV"):
        read_training_folder(folder)
