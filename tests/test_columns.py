"""Columns under headings that nobody knows: ages, splits and patients that would be lost without a word."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from labelled_sets import lay_out

from data.preparation import DataError, Preparation
from data.tables.headings import normalised
from data.tables.layouts import Found, read_folder
from data.tables.unused import may_be_ages, splits_named
from search.apply.labels import labels_of

IDS = [str(1377 + number) for number in range(8)]
TESTED = [str(1400 + number) for number in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train.csv with eight hands, and the images of four more in the folder test."""
    made = lay_out(tmp_path / "data", IDS)
    lay_out(made / "test", TESTED, "labels.csv", "img")
    (made / "test" / "labels.csv").unlink()
    return made


def with_column(folder: Path, heading: str, cells: list[str], table: str = "train.csv") -> None:
    first, *rows = (folder / table).read_text(encoding="utf-8").splitlines()
    lines = [f"{first},{heading}", *(f"{row},{cell}" for row, cell in zip(rows, cells, strict=True))]
    (folder / table).write_text("\n".join(lines) + "\n", encoding="utf-8")


def held_out(folder: Path, heading: str, ages: list[str] | None = None, name: str = "test.csv") -> None:
    ages = ages or ["120", "132.5", "96", "150"]
    rows = [f"{id},{age},{number % 2 == 0}" for number, (id, age) in enumerate(zip(TESTED, ages, strict=True))]
    (folder / name).write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")


def splits(found: Found) -> dict[str, int]:
    return {str(name): int(count) for name, count in found.cases["split"].value_counts().items()}


def said(found: Found) -> str:
    return " | ".join(found.said)


# Ages


@pytest.mark.parametrize("heading", ["bone_age_months", "Bone.Age..months.", "boneage-months", "BoneAge (months)"])
def test_bone_ages_are_known_by_their_words_however_these_are_joined(folder: Path, heading: str) -> None:
    held_out(folder, f"id,{heading},male")

    assert splits(read_folder(folder)) == {"train": 8, "test": 4}


@pytest.mark.parametrize(
    ("heading", "ages"),
    [("BA", None), ("rating", ["10", "11.5", "8.5", "12"]), ("Knochenalter", ["10;6", "9;0", "8;1", "7;3"])],
)  # fmt: skip
def test_a_test_table_whose_ages_are_under_a_foreign_heading_is_refused(
    folder: Path, heading: str, ages: list[str] | None
) -> None:
    held_out(folder, f"id,{heading},male", ages)

    with pytest.raises(
        DataError,
        match=rf"test\.csv has no known heading of bone ages, and may have them under {heading}.*--age-column",
    ):
        read_folder(folder)


@pytest.mark.parametrize(
    ("heading", "cells"),
    [("", ["0", "1", "2", "3"]), ("row", ["1", "2", "3", "4"]), ("left", ["0", "1", "1", "0"]), ("site", ["a", "b", "a", "c"])],
)  # fmt: skip
def test_a_test_table_whose_further_columns_are_no_ages_is_one_without_ages(
    folder: Path, heading: str, cells: list[str]
) -> None:
    (folder / "test.csv").write_text(
        "\n".join([f"{heading},Case ID,Sex", *(f"{cell},{id},M" for id, cell in zip(TESTED, cells, strict=True))])
    )

    assert "test.csv: 4 test cases, without ages: left out" in said(read_folder(folder))


def test_a_heading_that_was_named_leaves_the_known_ones_to_tables_that_lack_it(folder: Path) -> None:
    train = folder / "train.csv"
    train.write_text(train.read_text().replace("boneage", "Knochenalter"))
    held_out(folder, "Image ID,Bone Age (months),male", name="Validation Dataset.csv")
    (folder / "test").rename(folder / "boneage-validation-dataset")

    found = read_folder(folder, Preparation(age_column="Knochenalter"))

    assert splits(found) == {"train": 8, "validation": 4}
    assert "has no column 'Knochenalter': its bone ages are read from 'bone age (months)'" in said(found)


def test_a_heading_that_was_named_goes_before_a_known_one(folder: Path) -> None:
    with_column(folder, "second reading", ["60"] * 8)

    assert set(read_folder(folder, Preparation(age_column="Second_Reading")).cases["age_months"]) == {60}


@pytest.mark.parametrize("option", ["id_column", "age_column", "sex_column", "patient_column", "split_column"])
def test_a_heading_that_no_table_has_is_an_error(folder: Path, option: str) -> None:
    said = rf"no column 'Nr', as --{option.replace('_', '-')} asks: its columns are id, boneage, male"

    with pytest.raises(DataError, match=said):
        read_folder(folder, replace(Preparation(), **{option: "Nr"}))


def test_a_heading_that_the_table_to_predict_by_lacks_is_an_error(folder: Path) -> None:
    files = sorted((folder / "boneage-training-dataset").iterdir())

    with pytest.raises(DataError, match="no column 'Alter', as --age-column asks"):
        labels_of(folder / "train.csv", files, {"age_months": "Alter"})


@pytest.mark.parametrize("bones", ["bone_age_gp", "skeletal_age", "Knochenalter", "BA (TW3)", "Greulich-Pyle"])
def test_a_heading_of_ages_alone_is_none_of_bone_ages_beside_one_that_is(folder: Path, bones: str) -> None:
    train = folder / "train.csv"
    with_column(folder, bones, [str(60 + 7 * number) for number in range(8)])
    assert len(read_folder(folder).cases) == 8  # boneage is one that is known
    train.write_text(train.read_text().replace("boneage", "age_months"))

    with pytest.raises(
        DataError, match=r"has ages under age months, and a column that speaks of bone ages.*--age-column"
    ):
        read_folder(folder)
    assert len(read_folder(folder, Preparation(age_column="age_months")).cases) == 8
    assert read_folder(folder, Preparation(age_column=bones)).cases["age_months"].max() == 109


def renamed_ages(folder: Path, heading: str, per_month: float = 1) -> None:
    """The ages of train.csv, under another heading and in another unit."""
    rows = [line.split(",") for line in (folder / "train.csv").read_text().splitlines()]
    cells = [[id, heading if n == 0 else f"{float(age) * per_month:g}", male] for n, (id, age, male) in enumerate(rows)]
    (folder / "train.csv").write_text("".join(f"{','.join(row)}\n" for row in cells))


@pytest.mark.parametrize("heading", ["bone age (years)", "BA_years", "Knochenalter [Jahre]", "BoneAgeYears", "BA (y)"])
def test_a_heading_that_says_years_decides(folder: Path, heading: str) -> None:
    before = list(read_folder(folder).cases["age_months"])
    renamed_ages(folder, heading, 1 / 12)
    found = read_folder(folder, Preparation(age_column=heading))

    assert list(found.cases["age_months"]) == pytest.approx(before, abs=0.01)
    assert "train.csv: the ages are read as years, as their heading says" in said(found)


@pytest.mark.parametrize(
    ("heading", "unit", "says"),
    [
        ("bone age (weeks)", "auto", "weeks are not read; write the ages in months"),
        ("Knochenalter Wochen", "months", "which says weeks, and --age-unit says months"),
        ("bone age (days)", "auto", "if they are in days, say --age-unit days"),
        ("bone age (years)", "months", "which says years, and --age-unit says months: leave the option out"),
        ("boneage (months)", "years", "which says months, and --age-unit says years"),
        ("bone age (months or years)", "auto", "which says months and years: say --age-unit"),
    ],
)
def test_a_unit_in_a_heading_is_not_overheard(folder: Path, heading: str, unit: Any, says: str) -> None:
    renamed_ages(folder, heading)

    with pytest.raises(DataError, match=says):
        read_folder(folder, Preparation(age_column=heading, age_unit=unit))


@pytest.mark.parametrize(
    ("ages", "worry"),
    [
        (["15.10", "9.5", "8.0", "12.11", "7", "6.3", "10.1", "11.9"], True),
        (["15.10", "9.05", "8.00", "12.11", "7", "6.03", "10.01", "11.09"], True),
        (["15.10", "9.25", "8.0", "12.11", "7", "6.3", "10.1", "11.9"], False),
        (["15.1", "9.5", "8.0", "12.4", "7", "6.3", "10.1", "11.9"], False),
    ],
)
def test_years_with_months_behind_the_point_are_a_worry(folder: Path, ages: list[str], worry: bool) -> None:
    with_column(folder, "BA", ages)
    found = read_folder(folder, Preparation(age_column="BA", age_unit="years"))

    assert ("THE AGES LOOK LIKE YEARS AND MONTHS" in said(found)) == worry
    assert ("if 15.10 means 15 years and 10 months" in said(found)) == worry


def test_a_unit_that_was_named_and_is_in_the_heading_is_taken(folder: Path) -> None:
    renamed_ages(folder, "bone age (days)", 365.25 / 12)

    assert len(read_folder(folder, Preparation(age_column="bone age (days)", age_unit="days")).cases) == 8


@pytest.mark.parametrize(
    ("years", "months"),
    [
        ("bone age years", "bone age months"),
        ("boneage_y", "boneage_m"),
        ("Knochenalter Jahre", "Knochenalter Monate"),
        ("boneage", "months"),
        ("years", "months"),
    ],
)
@pytest.mark.parametrize("unit", ["auto", "years"])
def test_years_and_months_of_one_age_in_two_columns_are_refused(
    folder: Path, years: str, months: str, unit: Any
) -> None:
    renamed_ages(folder, years, 0)
    with_column(folder, months, [str(number) for number in (6, 0, 11, 3, 2, 0, 1, 5)])

    with pytest.raises(
        DataError, match=f"the columns {years} and {months}, which seem to be the years and the months of one"
    ):
        read_folder(folder, Preparation(age_column=years, age_unit=unit))


def test_one_age_in_both_units_is_no_age_in_two_parts(folder: Path) -> None:
    renamed_ages(folder, "bone age months")
    with_column(folder, "bone age years", [str(number) for number in (6, 7, 8, 9, 10, 11, 12, 13)])

    assert len(read_folder(folder).cases) == 8


def test_a_column_without_a_heading_is_said_and_refused_beside_the_ages(folder: Path) -> None:
    with_column(folder, "", ["checked"] * 8)
    with_column(folder, "site", ["A"] * 8)
    assert "1 column is not used: site" not in said(read_folder(folder))
    assert "2 columns are not used: column 4, which has no heading, site" in said(read_folder(folder))

    rows = [line.split(",") for line in (folder / "train.csv").read_text().splitlines()]
    cells = [[id, age, age if n else "", male] for n, (id, age, male, *_) in enumerate(rows)]
    (folder / "train.csv").write_text("".join(f"{','.join(row)}\n" for row in cells))
    with pytest.raises(DataError, match="has a column without a heading beside boneage, which may hold bone ages, too"):
        read_folder(folder)


def test_the_numbers_of_rows_that_pandas_writes_are_no_column(folder: Path) -> None:
    table = pd.read_csv(folder / "train.csv").sample(frac=1, random_state=0)
    table.to_csv(folder / "train.csv")

    assert "column" not in said(read_folder(folder))


# Splits and patients

OWN = ["train"] * 5 + ["test"] * 3


@pytest.mark.parametrize("heading", ["partition", "Data_Split", "split"])
def test_a_column_that_plainly_says_the_split_is_taken(folder: Path, heading: str) -> None:
    with_column(folder, heading, OWN)

    assert splits(read_folder(folder)) == {"train": 5, "test": 3}


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("Gruppe", OWN),
        ("phase", ["Training"] * 4 + ["Validierung"] * 2 + ["Testing"] * 2),
        ("is_test", ["False"] * 5 + ["True"] * 3),
        ("holdout", ["test"] * 8),
        ("source", ["rsna train"] * 5 + ["rsna test"] * 3),
    ],
)
def test_a_split_of_its_owners_under_a_foreign_heading_is_refused(folder: Path, heading: str, cells: list[str]) -> None:
    with_column(folder, heading, cells)

    with pytest.raises(DataError, match=rf"has a column {heading} that may put cases into test.*--split-column"):
        read_folder(folder)


def test_a_split_column_that_was_named_is_taken_and_beside_it_no_other_matters(folder: Path) -> None:
    with_column(folder, "Gruppe", OWN)
    named = read_folder(folder, Preparation(split_column="gruppe"))
    with_column(folder, "split", ["train"] * 6 + ["val"] * 2)
    beside = read_folder(folder)

    assert splits(named) == {"train": 5, "test": 3}
    assert splits(beside) == {"train": 6, "validation": 2}
    assert "train.csv: 1 column is not used: Gruppe" in said(beside)


@pytest.mark.parametrize("word", ["evaluation", "C", "tset", "extern"])
def test_a_split_that_is_not_read_is_refused_however_rare_it_is(folder: Path, word: str) -> None:
    with_column(folder, "split", ["train"] * 5 + ["val", "test", word])

    with pytest.raises(
        DataError, match=rf"row 9 has a split that is not read: one of train, validation, test; got '{word}'"
    ):
        read_folder(folder)


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("dev", "validation"),
        ("Validierung", "validation"),
        ("holdout", "test"),
        ("Hold-out", "test"),
        ("held out", "test"),
    ],
)
def test_other_words_for_a_split_are_read_in_cells(folder: Path, word: str, split: str) -> None:
    with_column(folder, "split", ["train"] * 6 + [word] * 2)

    assert splits(read_folder(folder)) == {"train": 6, split: 2}


@pytest.mark.parametrize("heading", ["Patienten-ID", "MRN", "patient_no", "Pat.Nr", "patient-id"])
def test_a_column_that_plainly_names_patients_is_taken(folder: Path, heading: str) -> None:
    with_column(folder, heading, list("aabbccdd"))

    assert list(read_folder(folder).cases["patient"]) == list("aabbccdd")


def test_a_column_that_may_name_patients_is_said_and_taken_where_it_was_named(folder: Path) -> None:
    with_column(folder, "Patientenkürzel", list("aabbccdd"))
    unread = read_folder(folder)
    named = read_folder(folder, Preparation(patient_column="Patientenkürzel"))

    assert "train.csv HAS NO KNOWN HEADING OF PATIENTS" in said(unread)
    assert "if Patientenkürzel says whose the images are, name it with --patient-column" in said(unread)
    assert list(named.cases["patient"]) == list("aabbccdd")
    assert "WHOSE" not in said(named)


def test_columns_that_are_not_used_are_named(folder: Path) -> None:
    with_column(folder, "note", ["x"] * 8)
    with_column(folder, "PatientWeight", ["30"] * 8)

    assert "train.csv: 2 columns are not used: note, PatientWeight" in said(read_folder(folder))
    assert "WHOSE" not in said(read_folder(folder))


def test_nothing_is_recorded_of_headings_that_were_not_named() -> None:
    assert not {"patient_column", "split_column"} & set(Preparation().recorded)
    assert json.loads(json.dumps(Preparation(split_column="Gruppe").recorded))["split_column"] == "Gruppe"


@pytest.mark.parametrize("text", ["", "notes of a test", "17"])
def test_notes_are_neither_splits_nor_ages(text: str) -> None:
    notes = [f"{text} {number}" if number % 3 else "a training film" for number in range(12)]

    assert not splits_named(normalised("note"), notes)
    assert not may_be_ages(normalised("note"), notes)
