"""Columns under headings that nobody knows: ages, splits and patients that would be lost without a word."""

import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from labelled_sets import lay_out
from openpyxl import Workbook

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


@pytest.mark.parametrize(
    "bones", ["bone_age_gp", "skeletal_age", "Knochenalter", "BA (TW3)", "Greulich-Pyle", "Tanner-Whitehouse"]
)
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


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("Tanner", "1 2 3 4 5 4 3 2"),
        ("tanner_stage", "1 2 3 4 5 4 3 2"),
        ("bone_age_method", "GP TW3 GP GP TW3 GP GP TW3"),
        ("bone_age_reader", "3 4 3 4 5 3 4 5"),
        ("bone_age_date", "2019 2020 2019 2020 2019 2020 2019 2020"),
        ("bone_age_sds", "0.5 1.5 -1 2.5 3 0 -0.5 1"),
        ("bone_age_z_score", "0.5 1.5 -1 2.5 3 0 -0.5 1"),
        ("BA_rater", "AB CD AB CD AB CD AB CD"),
        ("skeletal_age_done", "1 0 1 1 1 1 1 0"),
        ("bone_age_comment", "a b c d 99 e f g"),
    ],
)
def test_what_is_said_of_a_reading_is_no_column_of_bone_ages(folder: Path, heading: str, cells: str) -> None:
    with_column(folder, heading, cells.split())
    renamed = (folder / "train.csv").read_text().replace("boneage", "age_months", 1)
    (folder / "train.csv").write_text(renamed)

    assert len(read_folder(folder).cases) == 8


def of_ages(folder: Path, heading: str, cells: list[str]) -> None:
    """Twelve cases whose ages are under age_months, and another column."""
    rows = [f"{id},{100 + 6 * n},{n % 2 == 0},{cells[n]}" for n, id in enumerate(map(str, range(1377, 1389)))]
    (folder / "train.csv").write_text("\n".join([f"id,age_months,male,{heading}", *rows]))
    for id in range(1385, 1389):
        shutil.copy(folder / "boneage-training-dataset" / "1377.png", folder / "boneage-training-dataset" / f"{id}.png")


@pytest.mark.parametrize(
    "heading",
    [
        "reader_1",
        "Rater B",
        "consensus",
        "maturity",
        "RUS_age",
        "carpal_age",
        "label",
        "GT",
        "age_reading",
        "Befund",
        "mean",
    ],
)
def test_ages_beside_what_may_be_readings_of_the_bone_are_refused(folder: Path, heading: str) -> None:
    of_ages(folder, heading, [str(90 + 7 * n) for n in range(12)])

    with pytest.raises(DataError, match=r"has ages under age months, and others under .*--age-column"):
        read_folder(folder)
    assert len(read_folder(folder, Preparation(age_column="age_months")).cases) == 12
    assert read_folder(folder, Preparation(age_column=heading)).cases["age_months"].max() == 167


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("chronological_age", [str(90 + 7 * n) for n in range(12)]),
        ("age_at_exam", [str(90 + 7 * n) for n in range(12)]),
        ("mother_age", [str(25 + n) for n in range(12)]),
        ("height_cm", [str(110 + 3 * n) for n in range(12)]),
        ("target_height", [str(160 + n) for n in range(12)]),
        ("reader", [str(n % 6 + 1) for n in range(12)]),
        ("maturity_stage", [str(n % 5) for n in range(12)]),
        ("reader_id", [str(n) for n in range(12)]),
        ("age_years", [f"{(100 + 6 * n) / 12:.1f}" for n in range(12)]),
        ("age_in_years", [str((100 + 6 * n) // 12) for n in range(12)]),
        ("age_days", [str(round((100 + 6 * n) * 30.4375)) for n in range(12)]),
        ("reader_1", [str(100 + 6 * n) for n in range(12)]),
        ("age_group", [str(n) for n in range(12)]),
    ],
)
def test_other_ages_measures_and_the_same_ages_in_another_unit_are_no_second_column(
    folder: Path, heading: str, cells: list[str]
) -> None:
    of_ages(folder, heading, cells)

    assert read_folder(folder).cases["age_months"].max() == 166


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("record_id", [str(5000 + n // 2) for n in range(12)]),
        ("Name", ["Abel", "Abel", "Bo", "Cem", "Cem", "Dan", "Eva", "Eva", "Fee", "Gus", "Hal", "Ida"]),
        ("code", [f"B{n // 2:03}" for n in range(12)]),
        ("kuerzel", [f"ab-{n // 2}x" for n in range(12)]),
        ("Fall-Nr", [str(700 + n // 2) for n in range(10)] + ["801", "802"]),
        ("accession_code", [f"A{n // 2}" for n in range(12)]),
        ("NHC", [str(5000 + n // 2) for n in range(12)]),
        ("prontuario", [str(5000 + n // 2) for n in range(12)]),
        ("uuid", [f"0b0f8f4e-7a3c-4d3a-9a5e-0000000000{n // 2:02}" for n in range(12)]),
        ("StudyInstanceUID", [f"1.2.840.10008.1.20190101.{n // 2}" for n in range(12)]),
        ("column_of_nobody", [f"X{n * 7 // 10}Y" for n in range(12)]),
    ],
)
def test_a_column_whose_cells_come_again_in_small_groups_may_name_patients(
    folder: Path, heading: str, cells: list[str]
) -> None:
    of_ages(folder, heading, cells)

    words = said(read_folder(folder))

    assert f"HAS NO KNOWN HEADING OF PATIENTS: images of one patient may be in two splits; if {heading} says" in words


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("exam_date", [f"2019-03-{n // 2 + 10}" for n in range(12)]),
        ("weight", [str(20 + n // 2) for n in range(12)]),
        ("height", [f"{110 + n // 2}.5" for n in range(12)]),
        ("site_code", [f"S{n % 3}" for n in range(12)]),
        ("reader_name", [f"R{n // 2}" for n in range(12)]),
        ("Tanner", ["G2P3", "G1P1", "G3P3", "G4P4", "G5P5", "G2P2"] * 2),
        ("ICD", [f"E{n // 2}" for n in range(12)]),
        ("exposure", [f"{50 + n // 2}kV" for n in range(12)]),
        ("age_text", [f"{n // 2}y5m" for n in range(12)]),
        ("code", [f"B{n:03}" for n in range(12)]),
        ("comment", [f"see {n // 2}" for n in range(12)]),
        ("sds", [f"0.{n // 2}" for n in range(12)]),
    ],
)
def test_dates_measures_readers_and_keys_of_rows_name_no_patients(folder: Path, heading: str, cells: list[str]) -> None:
    of_ages(folder, heading, cells)

    assert "PATIENTS" not in said(read_folder(folder))


@pytest.mark.parametrize("heading", ["Proband", "UHID", "probanden_id", "Participant code", "patient identifier"])
def test_further_headings_that_plainly_name_patients_are_taken(folder: Path, heading: str) -> None:
    with_column(folder, heading, list("aabbccdd"))

    assert list(read_folder(folder).cases["patient"]) == list("aabbccdd")


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


@pytest.mark.parametrize("heading", ["Bone age (months)", "boneage_months", "Knochenalter in Monaten", "BA [m]"])
def test_infants_under_a_heading_of_months_are_not_asked_for_their_unit(folder: Path, heading: str) -> None:
    for name in ("boneage", heading):
        renamed_ages(folder, name, 1 / 12)
        if name == "boneage":
            with pytest.raises(DataError, match="look like years"):
                read_folder(folder)
            renamed_ages(folder, name, 12)
    ages = read_folder(folder, Preparation(age_column=heading)).cases["age_months"]

    assert ages.max() < 21
    labels = labels_of(folder / "train.csv", [folder / "train" / f"{id}.png" for id in IDS], {"age_months": heading})
    assert len(labels.age_months) == 8


@pytest.mark.parametrize(
    "heading",
    ["boneage_year2", "bone age 1st year", "bone age 12 months", "BA week 6", "Knochenalter Jahr 2", "ba_2_years"],
)
def test_a_word_of_time_beside_a_number_is_no_unit(folder: Path, heading: str) -> None:
    before = list(read_folder(folder).cases["age_months"])
    renamed_ages(folder, heading)

    assert list(read_folder(folder, Preparation(age_column=heading)).cases["age_months"]) == before


@pytest.mark.parametrize("range", ["0-18", "0 - 18", "0–18", "0 – 18", "0 to 18", "0 bis 18", "0 a 18"])
def test_years_of_a_range_are_a_unit(folder: Path, range: str) -> None:
    before = list(read_folder(folder).cases["age_months"])
    renamed_ages(folder, f"bone age ({range} years)", 1 / 12)
    ages = read_folder(folder, Preparation(age_column=f"bone age ({range} years)")).cases["age_months"]

    assert list(ages) == pytest.approx(before, abs=0.01)


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


@pytest.mark.parametrize(("year", "month"), [("Jahr", "Monat"), ("year", "month"), ("año", "mes"), ("yr", "mo")])
def test_months_beside_calendar_years_are_of_a_date(folder: Path, year: str, month: str) -> None:
    cells = [str(number) for number in range(5, 13)]
    with_column(folder, "BA", cells)
    with_column(folder, year, ["2019", "2020", "2019", "2021", "", "2019", "2020", "2018"])
    with_column(folder, month, [str(number) for number in (1, 10, 3, 5, 2, 7, 8, 9)])

    assert len(read_folder(folder, Preparation(age_column="BA", age_unit="years")).cases) == 8


def test_ages_that_are_said_to_be_months_have_no_other_part(folder: Path) -> None:
    rows = "".join(f"{id},{n + 3},M\n" for n, id in enumerate(IDS))
    (folder / "train.csv").write_text(f"id,boneage,sex\n{rows}")
    with_column(folder, "month", [str(number) for number in (1, 10, 3, 5, 2, 7, 8, 9)])

    with pytest.raises(DataError, match=r"the years and the months of one age.*say --age-unit months"):
        read_folder(folder)
    assert len(read_folder(folder, Preparation(age_unit="months")).cases) == 8


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


def test_a_stray_number_beside_the_ages_is_no_column_of_them(folder: Path) -> None:
    rows = [line.split(",") for line in (folder / "train.csv").read_text().splitlines()]
    cells = [[id, age, "96" if n == 3 else "", male] for n, (id, age, male) in enumerate(rows)]
    (folder / "train.csv").write_text("".join(f"{','.join(row)}\n" for row in cells))

    assert len(read_folder(folder).cases) == 8


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
        ("is_train", ["1"] * 5 + ["0"] * 3),  # who is not trained on is held out
        ("train_test", ["0"] * 5 + ["1"] * 3),
        ("heldout", ["no"] * 5 + ["yes"] * 3),
        ("test", [""] * 5 + ["x"] * 3),  # rows that were ticked
        ("test_set", [""] * 5 + ["*"] * 3),
        ("is_test", [""] * 5 + ["TRUE"] * 3),
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


@pytest.mark.parametrize("word", ["evaluation", "C", "tset", "extern", "not used for training", "non-test", "no test"])
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
        ("Test No. 3", "test"),
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


def with_two_columns(folder: Path, headings: str, one: list[str], two: list[str]) -> None:
    first, second = headings.split()
    with_column(folder, first, one)
    with_column(folder, second, two)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ([""] * 8, "aabbccdd"),
        (["unknown"] * 8, "aabbccdd"),
        (["", "a", "", "b", "", "c", "", "d"], "aabbccdd"),
        (list("aabbccdd"), "aabbccdd"),
        (["1", "1", "", "2", "3", "3", "", "4"], "11223344"),
        (list("11223344"), "11223344"),
    ],
)
def test_of_two_columns_of_patients_the_filled_one_counts_and_other_numbers_of_the_same_patients_are_as_good(
    folder: Path, one: list[str], expected: str
) -> None:
    with_two_columns(folder, "patient_id mrn", one, list("aabbccdd"))

    assert list(read_folder(folder).cases["patient"]) == list(expected)


@pytest.mark.parametrize(
    ("one", "rows"),
    [([f"exam{n}" for n in range(8)], "2 and 3"), (list("aabbccca"), "6 and 8"), (list("aaaaaaaa"), "2 and 4")],
)
def test_two_columns_that_put_other_images_together_are_refused_until_one_is_named(
    folder: Path, one: list[str], rows: str
) -> None:
    with_two_columns(folder, "subject mrn", one, list("aabbccdd"))

    with pytest.raises(
        DataError, match=rf"two columns of patients \(subject, mrn\), by which rows {rows}.*--patient-column"
    ):
        read_folder(folder)
    assert list(read_folder(folder, Preparation(patient_column="mrn")).cases["patient"]) == list("aabbccdd")


def test_of_two_columns_of_splits_the_filled_one_counts(folder: Path) -> None:
    with_two_columns(folder, "split set", [""] * 8, OWN)

    assert splits(read_folder(folder)) == {"train": 5, "test": 3}


def test_ids_that_come_again_beside_the_column_of_ids_that_was_named_may_be_patients(folder: Path) -> None:
    with_column(folder, "file", [f"{id}.png" for id in IDS])
    table = folder / "train.csv"
    first, *rows = table.read_text().splitlines()
    table.write_text("\n".join([first, *(f"P{n // 2},{row.split(',', 1)[1]}" for n, row in enumerate(rows))]))

    with pytest.raises(DataError, match="has a column id beside that of the ids, and rows 2 and 3 both have 'P0'"):
        read_folder(folder, Preparation(id_column="file"))
    named = read_folder(folder, Preparation(id_column="file", patient_column="id"))
    assert list(named.cases["patient"]) == [f"P{n // 2}" for n in range(8)]

    table.write_text(table.read_text().replace("P1,", "P0,").replace("P2,", "P0,").replace("P3,", "P0,"))
    assert len(read_folder(folder, Preparation(id_column="file")).cases) == 8  # one value throughout is nobody's


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


# Files beside the table

LISTS: dict[str, tuple[str, str, str]] = {  # the file, its text with the first or the last half of the ids, what is said
    "a table of splits": ("splits.csv", "id,split\n" + "".join(f"{id},{OWN[n]}\n" for n, id in enumerate(IDS)), "1382 is test"),
    "under headings that nobody knows": ("cut.csv", "bild;Gruppe\n" + "".join(f"img/b{id}.png;{OWN[n]}\n" for n, id in enumerate(IDS)), "1382 is test"),
    "by yes and no": ("cut.tsv", "Image ID\tis_test\n" + "".join(f"{id}\t{int(n > 4)}\n" for n, id in enumerate(IDS)), "1382 is test"),
    "the ids of the test set": ("test.txt", "\n".join(IDS[5:]), "1382 is test"),
    "the files of the test set with their labels": ("test_list.txt", "\n".join(f"img/{id}.png 120" for id in IDS[5:]), "1382 is test"),
    "a column of ids": ("lists/val_ids.csv", "id\n" + "\n".join(IDS[5:]), "1382 is validation"),
    "the ids of training alone": ("train_ids.txt", "\n".join(IDS[:5]), "1377 is train"),
    "a table of sexes": ("test.csv", "Case ID,Sex\n" + "".join(f"{id},M\n" for id in IDS[5:]), "1382 is test"),
    "JSON of splits": ("splits.json", json.dumps({"train": IDS[:5], "test": [f"{id}.png" for id in IDS[5:]]}), "1382 is test"),
    "JSON of ids": ("dataset_split.json", json.dumps(dict(zip(IDS, OWN, strict=True))), "1382 is test"),
    "names line by line": ("test.lst", "\n".join(f"{id}.png" for id in IDS[5:]), "1382 is test"),
    "names without an ending": ("test_ids", "\n".join(IDS[5:]), "1382 is test"),
    "YAML": ("split.yaml", "seed: 1\ntrain:\n" + "".join(f"  - {id}\n" for id in IDS[:5]) + "test:\n" + "".join(f"  - '{id}.png'\n" for id in IDS[5:]), "1382 is test"),
    "YAML in brackets": ("splits.yml", f"train: [{', '.join(IDS[:5])}]\nvalidation: [{', '.join(IDS[5:])}]\n", "1382 is validation"),
    "YAML by id": ("cv_split.yml", "".join(f"{id}: {OWN[n]}\n" for n, id in enumerate(IDS)), "1382 is test"),
    "JSON of records": ("split.json", json.dumps([{"id": id, "split": OWN[n]} for n, id in enumerate(IDS)]), "1382 is test"),
    "JSON of records in lines": ("partition.jsonl", "".join(json.dumps({"file": f"{id}.png", "set": OWN[n]}) + "\n" for n, id in enumerate(IDS)), "1382 is test"),
    "JSON of folds in one line": ("splits_final.json", json.dumps([{"train": IDS[:5], "val": IDS[5:]}]), "1382 is validation"),
    "JSON below a name": ("data_split.json", json.dumps({"boneage": {"train": IDS[:5], "test": IDS[5:]}}), "1382 is test"),
    "settings of a program": ("split.ini", "[train]\nfiles = " + " ".join(IDS[:5]) + "\n[test]\nfiles = " + " ".join(IDS[5:]) + "\n", "1382 is test"),
    "titles and names": ("splits.txt", "Training\n" + "\n".join(IDS[:5]) + "\nTest\n" + "\n".join(IDS[5:]), "1382 is test"),
    "a column for each split": ("splits.csv", "train,test\n" + "".join(f"{IDS[n]},{IDS[n + 5] if n < 3 else ''}\n" for n in range(5)), "1382 is test"),
    "a text of splits": ("split.txt", "".join(f"{id},{OWN[n]}\n" for n, id in enumerate(IDS)), "1382 is test"),
}  # fmt: skip


@pytest.mark.parametrize("how", LISTS)
def test_splits_in_a_file_of_their_own_are_refused_with_where_they_belong(folder: Path, how: str) -> None:
    name, text, says = LISTS[how]
    (folder / "train.csv").rename(folder / "labels.csv")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)

    with pytest.raises(DataError, match=rf"{name} says which cases are in which split \({says}\).*column `split`"):
        read_folder(folder)
    assert len(read_folder(folder, to_train=False).cases) == 8


@pytest.mark.parametrize("name", ["testset.csv", "holdout.csv", "prueba.csv", "held_out_ids.csv", "Testdaten.tsv"])
def test_ids_alone_under_any_word_for_a_held_out_set_are_refused(folder: Path, name: str) -> None:
    (folder / "train.csv").rename(folder / "labels.csv")
    for text in ("id\n" + "\n".join(IDS[5:]), "\n".join(IDS[5:])):
        (folder / name).write_text(text)

        with pytest.raises(DataError, match=r"it is the test table|says which cases are in which split"):
            read_folder(folder)


PAGES: dict[str, tuple[str, str, str]] = {
    "a page": ("split.html", "<table><tr><th>id</th><th>set</th></tr>" + "".join(f"<tr><td>{id}</td><td>{OWN[n]}</td></tr>" for n, id in enumerate(IDS)) + "</table>", "1382 is test"),
    "a page of the test set": ("testset.html", "<ul>" + "".join(f"<li>{id}.png</li>" for id in IDS[5:]) + "</ul>", "1382 is test"),
    "notes": ("split.md", "# Training\n" + "\n".join(f"- {id}" for id in IDS[:5]) + "\n# Test\n" + "\n".join(f"- {id}" for id in IDS[5:]), "1382 is test"),
}  # fmt: skip


@pytest.mark.parametrize("what", PAGES)
def test_splits_in_a_report_are_a_worry(folder: Path, what: str) -> None:
    name, text, says = PAGES[what]
    (folder / "train.csv").rename(folder / "labels.csv")
    (folder / name).write_text(text)

    [worry] = read_folder(folder).worries

    assert f"{name} may say which cases are in which split ({says})" in worry


def workbook_of(folder: Path, sheets: dict[str, list[list[object]]]) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for cells in lines:
            sheet.append(cells)
    book.save(folder / "labels.xlsx")


@pytest.mark.parametrize(
    ("heading", "says"),
    [
        ("split", "which cases are in which split"),
        ("MRN", "whose the images are"),
        ("Patientencode", "whose the images are"),
    ],
)
def test_a_second_sheet_of_splits_or_patients_is_refused(folder: Path, heading: str, says: str) -> None:
    cases = [line.split(",") for line in (folder / "train.csv").read_text().splitlines()]
    (folder / "train.csv").unlink()
    cells = OWN if heading == "split" else list("aabbccdd")
    more = [["id", heading], *([id, cell] for id, cell in zip(IDS, cells, strict=True))]
    workbook_of(folder, {"cases": [[*line] for line in cases], "more": [[*line] for line in more]})

    with pytest.raises(DataError, match=rf"labels\.xlsx, sheet more, says {says}"):
        read_folder(folder)


def test_patients_in_a_file_of_their_own_are_refused_and_no_matter_where_the_table_has_some(folder: Path) -> None:
    (folder / "patients.csv").write_text("id,patient_id\n" + "".join(f"{id},P{n // 2}\n" for n, id in enumerate(IDS)))

    with pytest.raises(DataError, match=r"patients\.csv says whose the images are \(1377 is of P0\).*`patient_id`"):
        read_folder(folder)
    (folder / "patients.csv").rename(folder / "notes.md")
    (folder / "patients.json").write_text(json.dumps({"P0": IDS[:3], "P1": IDS[3:]}))
    with pytest.raises(DataError, match=r"patients\.json says whose the images are \(1377 is of P0\)"):
        read_folder(folder)
    with_column(folder, "patient_id", list("aabbccdd"))
    assert list(read_folder(folder).cases["patient"]) == list("aabbccdd")


@pytest.mark.parametrize(
    ("spellings", "one"),
    [
        (("P689", "p689"), True),
        (("689", "00689"), True),
        (("689", "689.0"), True),
        (("P 7", " P  7 "), True),
        (("P 7", "P7 "), True),
        (("P689", "P690"), False),
    ],
)
def test_a_patient_in_two_spellings_is_one(folder: Path, spellings: tuple[str, str], one: bool) -> None:
    patients = [*spellings, *(f"X{id}X" for id in IDS[2:])]
    rows = [f"{id},{patient}\n" for id, patient in zip(IDS, patients, strict=True)]
    (folder / "patients.csv").write_text("id,patient_id\n" + "".join(rows))

    with pytest.raises(DataError, match=r"patients\.csv says whose the images are") if one else nullcontext():
        read_folder(folder)


NO_LISTS = {
    "a log of a training": ("history.csv", "epoch,split,loss\n" + "".join(f"{n // 2 + 1377},{OWN[n]},1\n" for n in range(8))),
    "a log of counted rows": ("log.csv", "step,phase\n" + "".join(f"{n},{OWN[n]}\n" for n in range(8))),
    "splits of other cases": ("splits.csv", "id,split\n" + "".join(f"{int(id) + 50},{OWN[n]}\n" for n, id in enumerate(IDS))),
    "answers of a network": ("val_predictions.csv", "id,prediction\n" + "".join(f"{id},9\n" for id in IDS[:4])),
    "sites": ("sites.csv", "id,site\n" + "".join(f"{id},{n % 2}\n" for n, id in enumerate(IDS))),
    "patients with one image each": ("patients.csv", "id,patient_id\n" + "".join(f"{id},P{id}\n" for id in IDS)),
    "all ids as training": ("train.txt", "\n".join(IDS)),
    "JSON of something else": ("split_settings.json", json.dumps({"seed": 1, "folds": [1377, 1378], "by": "patient"})),
    "settings in YAML": ("split.yaml", "seed: 1377\ntrain: 0.7\ntest: 0.3\nfolds: 5\n"),
    "notes in Markdown": ("test.md", "# Test\n5 of 8 films, 1377 is odd, 2019 to 2024, 12 months, 3 raters\n"),
    "a program with ids": ("split.py", f"TRAIN = {IDS[:5]}\nTEST = {IDS[5:]}\n"),
    "a log of ids": ("val.log", "".join(f"step {id} val loss 0.3\n" for id in IDS)),
    "a script": ("train.py", "epochs = 30\nbatch = 16\nsize = 1377\nseeds = [1, 2, 3]\n"),
    "bytes": ("split.bin", "\0" * 9 + " ".join(IDS)),
    "damaged JSON": ("splits.json", "{"),
    "notes": ("test notes.txt", "1377\nis odd"),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_LISTS)
def test_a_file_that_says_neither_splits_nor_patients_of_the_cases_is_passed_over(folder: Path, what: str) -> None:
    name, text = NO_LISTS[what]
    (folder / "train.csv").rename(folder / "labels.csv")
    (folder / name).write_text(text)

    assert splits(read_folder(folder)) == {"": 8}


def test_a_list_of_splits_beside_a_table_that_has_them_is_passed_over(folder: Path) -> None:
    with_column(folder, "split", OWN)
    (folder / "test.txt").write_text("\n".join(IDS[5:]))
    (folder / "splits.csv").write_text("id,split\n" + "".join(f"{id},{OWN[n]}\n" for n, id in enumerate(IDS)))

    assert splits(read_folder(folder)) == {"train": 5, "test": 3}


SMALL = [str(n) for n in range(1, 25)]
STATISTICS = {  # beside 24 cases whose ids are 1 to 24
    "splits in figures": ("metrics.csv", "split,n,mae\ntrain,16,5.2\nvalidation,5,6.1\ntest,3,6.3\n"),
    "sites in figures": ("sites.csv", "id,name,patients\n1,Bonn,12\n2,Koeln,8\n3,Ulm,12\n"),
    "groups of ages": ("statistics.csv", "Age group,Images,Patients\n0-5,3,2\n5-10,9,5\n10-15,7,2\n15-19,5,4\n"),
    "readers": ("readers.csv", "id,reader,n patients\n1,Ana,20\n2,Ben,21\n3,Cem,20\n4,Dan,20\n"),
    "a log": ("log.csv", "epoch,phase\n5,train\n6,validation\n10,train\n11,validation\n"),
    "devices": ("devices.csv", "device,patient code\n7,a\n8,b\n9,c\n12,d\n13,a\n"),
    "experiments": ("experiments.csv", "id,split,mae\n1,train,5\n2,test,6\n3,test,7\n"),
    "a history": (
        "history.csv",
        "epoch,train_mae,val_mae\n" + "".join(f"{n},{20 - n},{24 - n}\n" for n in range(1, 12)),
    ),
    "a curve": ("learning_curve.csv", "step,train,val\n" + "".join(f"{n},{20 - n},{24 - n}\n" for n in range(1, 12))),
    "scores of two splits": ("scores.csv", "train,val\n" + "".join(f"{20 - n},{24 - n}\n" for n in range(1, 12))),
    "settings in JSON": (
        "config.json",
        json.dumps({"train": {"milestones": [10, 20, 21]}, "val": {"steps": [5, 15]}}, indent=2),
    ),
    "numbers of cases": ("split.yaml", "train: 16\nval: 5\ntest: 3\n"),
    "settings": ("split_config.yaml", "seed: 7\nfolds: 5\nepochs: 12\nbatch: 16\n"),
    "a script of a test": ("test.py", "for n in (1, 2, 3):\n    print(n + 4)\n"),
    "figures in a page": ("test_results.html", "<tr><td>1</td><td>5.2</td></tr><tr><td>2</td><td>6.2</td></tr>"),
    "figures of patients": ("patient_figures.csv", "split,n images,n patients\ntrain,16,9\nval,5,3\ntest,3,3\n"),
}


@pytest.mark.parametrize("what", STATISTICS)
def test_small_numbers_in_figures_beside_the_table_are_no_ids(tmp_path: Path, what: str) -> None:
    name, text = STATISTICS[what]
    lay_out(tmp_path / "data", SMALL, "labels.csv")
    (tmp_path / "data" / name).write_text(text)

    assert splits(read_folder(tmp_path / "data")) == {"": 24}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test.txt", "20\n21\n22\n"),
        ("splits.csv", "id,split\n1,test\n2,test\n3,test\n"),
        ("cut.csv", "id,split\n20,test\n21,test\n22,train\n"),
        ("cut.csv", "bild,Gruppe\n" + "".join(f"{n},{'test' if n > 20 else 'train'}\n" for n in range(24, 2, -1))),
        ("val_ids.csv", "id\n4\n8\n"),
        ("splits.json", json.dumps({"test": [4, 8]})),
        ("test.lst", "20\n21\n22\n"),
        ("splits.yaml", "train:\n- 1\n- 2\ntest:\n- 4\n- 8\n"),
        ("split.yml", "test: [4, 8]\n"),
        ("split.csv", "train,test\n1,4\n2,8\n3,\n"),
    ],
)
def test_small_ids_in_a_list_of_splits_are_refused_as_others_are(tmp_path: Path, name: str, text: str) -> None:
    lay_out(tmp_path / "data", SMALL, "labels.csv")
    (tmp_path / "data" / name).write_text(text)

    with pytest.raises(DataError, match="says which cases are in which split"):
        read_folder(tmp_path / "data")


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("inpatient", list("abcdabcd")),
        ("PatientOrientation", list("abcdabcd")),
        ("PatientIdentityRemoved", ["YES", "NO"] * 4),
        ("patient_consent", list("abcdabcd")),
        ("patient_group", list("abcdabcd")),
        ("patient_dose", ["0.1", "0.2", "0.3", "0.4"] * 2),
        ("PatientComments", list("abcdabcd")),
        ("IssuerOfPatientID", list("abcdabcd")),
        ("PatientBodyMassIndex", ["17", "18", "19", "21"] * 2),
        ("CurrentPatientLocation", list("abcdabcd")),
        ("patient seen by", ["Ana", "Ben"] * 4),
        ("number of patients", list("12341234")),
        ("patients", list("12341234")),
        ("Anzahl Patienten", list("12341234")),
    ],
)
def test_what_is_said_about_patients_in_another_file_names_none(folder: Path, heading: str, cells: list[str]) -> None:
    (folder / "tags.csv").write_text(f"id,{heading}\n" + "".join(f"{id},{cells[n]}\n" for n, id in enumerate(IDS)))

    assert splits(read_folder(folder)) == {"train": 8}


@pytest.mark.parametrize(
    "heading", ["patient identifier", "num paciente", "StudyPatientID", "Patienten", "OtherPatientIDs"]
)
def test_other_headings_that_name_patients_in_another_file_still_do(folder: Path, heading: str) -> None:
    (folder / "tags.csv").write_text(f"id,{heading}\n" + "".join(f"{id},P{n // 2}\n" for n, id in enumerate(IDS)))

    with pytest.raises(DataError, match="says whose the images are"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("name", "groups"),
    [("folds_split.json", 5), ("patients_by_scanner.json", 2), ("subject_sites.json", 3), ("split_by_centre.json", 8)],
)
def test_folds_and_sites_in_json_are_no_patients(tmp_path: Path, name: str, groups: int) -> None:
    lay_out(tmp_path / "data", SMALL, "labels.csv")
    (tmp_path / "data" / name).write_text(json.dumps({f"part{n}": SMALL[n::groups] for n in range(groups)}))

    assert splits(read_folder(tmp_path / "data")) == {"": 24}
