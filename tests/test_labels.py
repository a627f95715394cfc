"""Sexes and bone ages that a table says of files to be answered: joined as in a folder to prepare, and nothing is lost unsaid."""

import unicodedata
from pathlib import Path
from typing import Any, cast

import pytest
from dicom_files import write as write_dicom

from data.preparation import DataError
from search.apply.labels import labels_of, sexes_of
from search.apply.predict import Wanted, files_of, read, sex_of


def files_named(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)  # files of one name in two folders are equal
    return paths


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "t.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_a_sex_stays_where_the_bone_age_is_blank(tmp_path: Path) -> None:
    one, five = files_named(tmp_path, "1.png", "5.png")
    found = labels_of(table(tmp_path, "id,boneage,male\n1,,True\n5,90,True\n"), [one, five])

    assert found.male == {one: True, five: True}
    assert found.age_months == {five: 90}
    assert not found.said
    assert sex_of(one, Wanted(table=found.male)) == (True, "")


def test_what_cannot_be_used_is_said_with_file_and_row(tmp_path: Path) -> None:
    files = files_named(tmp_path, *(f"{n}.png" for n in range(1, 7)))
    rows = "1,?,True,\n2,90,xx,\n3,80,True,somewhere\n4,70,True,\n4,70,False,\n5,60,False,\n5,60,False,train\n"
    found = labels_of(table(tmp_path, "id,boneage,male,split\n" + rows), files)
    said = " | ".join(found.said)

    assert found.male == {files[0]: True, files[2]: True, files[4]: False}
    assert found.age_months == {files[1]: 90, files[2]: 80, files[4]: 60}
    assert "t.csv row 2: age: bone age is in months" in said
    assert "t.csv row 3: sex: male is True or False, M or F; got 'xx'" in said
    assert "rows 5, 6 contradict one another, so none of them is kept" in said
    assert "1 more row of" in said
    assert "t.csv row 8 repeats another row and is left out" in said
    assert "2 of 6 files are in no row of" in said
    assert "4.png, 6.png" in said


def test_an_encoding_that_was_guessed_is_said(tmp_path: Path) -> None:
    files = files_named(tmp_path, "Jörg.png")

    assert (
        "t.csv is not UTF-8, read as Windows-1252"
        in labels_of(table(tmp_path, "id,sex\nJörg,M\n", "cp1252"), files).said
    )


def test_a_table_of_other_files_is_refused(tmp_path: Path) -> None:
    files = files_named(tmp_path, "a.png", "b.png")

    with pytest.raises(
        DataError,
        match=r"none of the 2 ids of .*t\.csv is the name of a file: the first id is 8, the first file a\.png",
    ):
        labels_of(table(tmp_path, "id,sex\n8,M\n9,F\n"), files)
    with pytest.raises(DataError, match=r"has no readable sex or bone age.*may mean a woman"):
        labels_of(table(tmp_path, "id,sex\na,H\nb,M\n"), files)


@pytest.mark.parametrize("named", [("B12.png", "scan0012.png"), ("B12.png",), ("scan0012.png",)])
def test_letters_that_no_other_file_shares_are_part_of_the_name(tmp_path: Path, named: tuple[str, ...]) -> None:
    files = files_named(tmp_path, "x.png", *named)
    found = labels_of(table(tmp_path, "id,sex\n12,M\nA12,F\nx,F\n"), files)
    alone = files_named(tmp_path / "alone", *named)

    assert found.male == {files[0]: False}
    with pytest.raises(DataError, match="none of the 3 ids"):
        labels_of(tmp_path / "t.csv", alone)


def test_what_is_paired_inexactly_is_said(tmp_path: Path) -> None:
    files = files_named(tmp_path, "hand_1377.png", "hand_1378.png")
    found = labels_of(table(tmp_path, "id,sex\n1377,F\n1378,M\n"), files)

    assert list(found.male.values()) == [False, True]
    assert any("2 of the ids" in said and "as 1377 and hand_1377.png" in said for said in found.said)


def test_an_id_that_two_files_may_be_is_neithers_and_said(tmp_path: Path) -> None:
    files = files_named(tmp_path, "007.png", "0007.png", "8.png")
    found = labels_of(table(tmp_path, "id,sex\n7,F\n8,M\n"), files)
    two_ids = labels_of(table(tmp_path, "id,sex\n07,F\n00007,M\n8,M\n"), files[:1] + files[2:])

    assert found.male == two_ids.male == {files[2]: True}
    assert any("the id 7: 2 images have this name" in said for said in found.said)
    assert any("007.png may be its image, or the image of" in said for said in two_ids.said)


def test_one_name_in_two_folders_is_one_case_twice_and_folders_tell_names_apart(tmp_path: Path) -> None:
    files = files_named(tmp_path, "a/12.png", "b/12.png")
    same = labels_of(table(tmp_path, "id,sex\n12,F\n"), files)
    apart = labels_of(table(tmp_path, "id,sex\na/12.png,F\nb/12.png,M\n"), files)

    assert list(same.male.values()) == [False, False]
    assert list(apart.male.values()) == [False, True]


@pytest.mark.parametrize("ids", ["12", "12.png"])
def test_two_pictures_of_one_name_are_neithers_and_it_is_said_what_tells_them_apart(tmp_path: Path, ids: str) -> None:
    files = files_named(tmp_path, "a/12.png", "b/12.png", "b/13.png")
    files[1].write_text("another picture")
    found = labels_of(table(tmp_path, f"id,boneage,sex\n{ids},100,F\n13,110,M\n"), files)
    apart = labels_of(table(tmp_path, "id,boneage,sex\na/12,100,F\nb/12,90,F\n13,110,M\n"), files)

    assert found.male == {files[2]: True}
    assert found.age_months == {files[2]: 110}
    [said] = [said for said in found.said if said.startswith("ambiguous: the id 12: ")]
    assert (
        f"2 images have this name, {files[0]} and {files[1]} (an id with its folder tells them apart, as a/12)" in said
    )
    assert list(apart.age_months.values()) == [100, 90, 110]


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_one_file_with_two_names_has_what_its_row_says_by_either(tmp_path: Path, link: str) -> None:
    files = files_named(tmp_path, "all/12.png", "all/13.png")
    (tmp_path / "test").mkdir()
    getattr(tmp_path / "test" / "12.png", link)(files[0])
    found = labels_of(table(tmp_path, "id,boneage,sex\n12,100,F\n13,110,M\n"), [*files, tmp_path / "test" / "12.png"])

    assert list(found.age_months.values()) == [100, 100, 110]
    assert found.said == ()


@pytest.mark.parametrize("same", [False, True])
def test_two_dicom_files_of_one_name_are_one_image_by_its_uid_alone(tmp_path: Path, same: bool) -> None:
    """What an archive made anonymous says nothing else of itself."""
    paths = []
    for place in "ab":
        (tmp_path / place).mkdir()
        number = {"SOPInstanceUID": "1.2.3"} if same else {"SOPInstanceUID": None}
        paths.append(write_dicom(tmp_path / place / "12", **number, PatientComments=place))
    rows = table(tmp_path, "id,boneage,sex\n12,100,F\n13,110,M\n")
    files = [*paths, *files_named(tmp_path, "13.png")]

    assert len(labels_of(rows, files).age_months) == (3 if same else 1)


def test_a_file_is_that_ids_which_names_its_folder_and_no_other(tmp_path: Path) -> None:
    files = files_named(tmp_path, "a/12.png", "12.png")
    rows = table(tmp_path, "id,sex\n12,F\na/12,M\n")

    assert labels_of(rows, files).male == {files[0]: True, files[1]: False}
    assert labels_of(rows, files[:1]).male == {files[0]: True}


def test_a_composed_name_and_leading_zeros_find_their_files(tmp_path: Path) -> None:
    names = "José", "Zoë"
    files = files_named(tmp_path, *(f"{unicodedata.normalize('NFD', name)}.png" for name in names), "0001377.png")
    found = labels_of(table(tmp_path, f"id,sex\n{names[0]},F\n{names[1]},M\n1377,M\n"), files)

    assert list(found.male.values()) == [False, True, True]


def test_a_table_may_name_dicom_files_by_what_their_headers_say(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "IM000001", PatientID="P7")

    assert sexes_of(table(tmp_path, "id,sex\nP7,M\n"), [path]).male == {path: True}


def test_headings_of_ones_own_and_a_table_without_sexes(tmp_path: Path) -> None:
    files = files_named(tmp_path, "7.png")
    named = sexes_of(table(tmp_path, "Nr;Geschlecht\n7;w\n"), files, {"id": "Nr", "sex": "Geschlecht"})

    assert named.male == {files[0]: False}
    with pytest.raises(DataError, match="no columns"):
        sexes_of(table(tmp_path, "a,b\n1,2\n"), files)
    with pytest.raises(DataError, match="no columns of sexes"):
        sexes_of(table(tmp_path, "id,boneage\n7,90\n"), files)


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("id,age months,male,bone age 2", "7,90,F,88"),
        ("id,bone age,bone age,male", "7,90,100,F"),
        ("id,bone age (weeks),male", "7,400,F"),
        ("id,years,months,male", "7,6,3,F"),
        ("id,boneage,male", "7,six,F"),
    ],
)
def test_where_sexes_are_asked_for_the_ages_may_be_anything(tmp_path: Path, heading: str, cells: str) -> None:
    files = files_named(tmp_path, "7.png")
    found = sexes_of(table(tmp_path, f"{heading}\n{cells}\n"), files)

    assert found.male == {files[0]: False}
    assert found.said == ()


def test_ages_in_another_unit_are_refused(tmp_path: Path) -> None:
    files = files_named(tmp_path, "1.png")
    years = "".join(f"{n},{n + 5}.5\n" for n in range(1, 9))

    with pytest.raises(DataError, match="look like years"):
        labels_of(table(tmp_path, "id,boneage\n" + years + "9,\n"), files)
    with pytest.raises(DataError, match=r"read with --age-unit days, .* below a month"):
        labels_of(tmp_path / "t.csv", files, age_unit="days")
    assert labels_of(tmp_path / "t.csv", files, age_unit="months").age_months == {
        files[0]: 6.5
    }  # infants', as was said


def test_nothing_of_a_folder_is_lost_unsaid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, _, two = files_named(tmp_path, "1.png", "3.tif", "5.png")
    (tmp_path / "4.png").symlink_to(tmp_path / "gone.png")

    assert files_of([tmp_path]) == [one, two, tmp_path / "4.png"]
    assert "1 .tif file is not read and passed over: save as PNG" in capsys.readouterr().err


def test_a_folder_below_that_may_not_be_read_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [one] = files_named(tmp_path, "1.png")
    (tmp_path / "private").mkdir()
    real = __import__("os").scandir

    def scandir(at: Path) -> object:
        if Path(at).name == "private":
            raise PermissionError(13, "Permission denied")
        return real(at)

    monkeypatch.setattr("data.tables.folders.os.scandir", scandir)

    found = files_of([tmp_path])

    assert found == [one, tmp_path / "private"]
    assert "a folder that this user may not read" in read(found[1], cast(Any, None), Wanted()).fault


@pytest.mark.parametrize(("unit", "said"), [("auto", True), ("months", False), ("years", False)])
def test_a_few_labels_as_low_as_years_are_read_as_months_and_that_is_said(
    tmp_path: Path, unit: str, said: bool
) -> None:
    files = files_named(tmp_path, "0.png", "1.png", "2.png")
    few = table(tmp_path, "id,boneage,male\n0,13,M\n1,11.5,F\n2,9,M\n")

    words = "; ".join(labels_of(few, files, age_unit=unit).said)

    assert ("the labels (13, 11.5, 9) are read as months: if they are years, say --age-unit years" in words) == said


def test_bone_ages_under_a_heading_that_is_not_known_are_said(tmp_path: Path) -> None:
    files = files_named(tmp_path, "7.png")

    [words] = labels_of(table(tmp_path, "id,bone age (years),male\n7,13,M\n"), files).said

    assert words.startswith("t.csv has no known heading of bone ages, and may have them under bone age (years): name")
