"""The age since birth of DICOM files: by their dates, by PatientAge as exactly as that says it, and one rule for labels and answers."""

import math
from datetime import date, timedelta
from pathlib import Path

import pytest
from dicom_files import write
from hypothesis import given, settings
from hypothesis import strategies as st

from data.preparation import Preparation
from data.tables.dicom_cases import age_at, header, study
from data.tables.layouts import Found, read_folder

DAY_MONTHS = 12 / 365.25
BORN, TAKEN = "20000101", "20101215"
BY_DATES = round((date(2010, 12, 15) - date(2000, 1, 1)).days * DAY_MONTHS, 2)
SINCE_BIRTH = {"age_column": "PatientAge", "accept_losses": True}


@settings(deadline=None)
@given(days=st.integers(0, 20 * 365), unit=st.sampled_from("DWMY"))
def test_the_dates_say_the_age_whatever_unit_it_is_stated_in_beside_them(days: int, unit: str) -> None:
    """Whole units are what programs state, and no more than three digits."""
    taken = date(2000, 1, 1) + timedelta(days)
    count = int(days / {"D": 1, "W": 7, "M": 30.4375, "Y": 365.25}[unit])
    stated = f"{count:03}{unit}" if count < 1000 else ""
    age = age_at(stated, BORN, f"{taken:%Y%m%d}")

    assert age.months == pytest.approx(days * DAY_MONTHS, abs=0.006)
    assert not age.to_a_year
    assert not age.note


@pytest.mark.parametrize(
    ("stated", "months"),
    [("018M", 18), ("030W", 210 * DAY_MONTHS), ("400D", 400 * DAY_MONTHS), ("000D", 0), ("010Y", 126), ("001Y", 18)],
)
def test_without_dates_the_stated_age_is_as_exact_as_its_unit(stated: str, months: float) -> None:
    age = age_at(stated, "", TAKEN)

    assert age.months == pytest.approx(months, abs=0.006)
    assert age.to_a_year == ("Y" in stated)
    assert bool(age.note) == ("Y" in stated)


@pytest.mark.parametrize("stated", ["", "000Y", "0Y", "10Y", "010", "999Y", "1000D"])
def test_what_states_no_age_is_none(stated: str) -> None:
    assert math.isnan(age_at(stated, "", "").months)
    assert age_at(stated, BORN, TAKEN).months == BY_DATES


@pytest.mark.parametrize("stated", ["000Y", "000M", "000W", "000D"])
def test_an_age_of_nothing_goes_after_the_dates_and_is_said(stated: str) -> None:
    age = age_at(stated, BORN, TAKEN)

    assert age.months == BY_DATES
    assert f"its dates are used instead of its PatientAge, {stated}" in age.note


@pytest.mark.parametrize(
    ("born", "why"),
    [
        ("20150101", "its PatientBirthDate is after its StudyDate"),
        ("18000101", "the patient was 211 years old"),
        ("19700101", "its PatientBirthDate says 491 months"),  # as those write who take the names out
    ],
)
def test_dates_that_cannot_be_leave_the_stated_age_and_are_said(born: str, why: str) -> None:
    in_years, in_months = age_at("010Y", born, TAKEN), age_at("131M", born, TAKEN)

    assert (in_years.months, in_years.to_a_year) == (126, True)
    assert (in_months.months, in_months.to_a_year) == (131, False)
    assert why in in_years.note
    assert why in in_months.note
    assert "known only to the year (010Y)" in in_years.note


def test_a_birth_date_that_cannot_be_alone_is_no_age_and_is_said() -> None:
    age = age_at("", "20150101", TAKEN)

    assert math.isnan(age.months)
    assert age.note == "its PatientBirthDate is after its StudyDate: it gives no age"


ages = st.sampled_from(["", "000Y", "010Y", "131M", "0Y", "400D", "030W"])
dates = st.sampled_from(["", BORN, TAKEN, "20150101", "18000101", "2000.01.01", "nonsense"])


@settings(max_examples=30, deadline=None)
@given(stated=ages, born=dates, taken=dates)
def test_a_label_and_an_answer_have_the_same_age(
    tmp_path_factory: pytest.TempPathFactory, stated: str, born: str, taken: str
) -> None:
    path = tmp_path_factory.mktemp("age") / "a.dcm"
    write(path, PatientAge=stated, PatientBirthDate=born, StudyDate=taken)
    one, other = header(path).age, study(path)

    assert one.months == pytest.approx(other.age_months, nan_ok=True)
    assert one.note == other.age_note


def labels(folder: Path, unit: str = "auto", **elements: dict[str, str]) -> Found:
    """A file for each name with its elements, trained on as --age-column PatientAge asks."""
    for name, of_file in elements.items():
        write(folder / f"{name}.dcm", PatientSex="F", **of_file)
    return read_folder(folder, Preparation(age_unit=unit, **SINCE_BIRTH))  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["auto", "months", "years", "days"])
def test_labels_since_birth_are_as_exact_as_the_files_and_what_is_known_to_a_year_is_said(
    tmp_path: Path, unit: str
) -> None:
    """The unit is that of tables; a header says its own."""
    found = labels(
        tmp_path,
        unit,
        dated={"PatientAge": "010Y", "PatientBirthDate": BORN, "StudyDate": TAKEN},
        infant={"PatientAge": "030W"},
        toddler={"PatientAge": "018M"},
        rough={"PatientAge": "010Y"},
        rougher={"PatientAge": "011Y"},
        doubtful={"PatientAge": "131M", "PatientBirthDate": "20150101", "StudyDate": TAKEN},
        unsaid={"PatientAge": "000Y"},
        unborn={"PatientBirthDate": "20150101", "StudyDate": TAKEN},
    )
    said = " | ".join(found.said)

    assert dict(zip(found.cases["id"], found.cases["age_months"], strict=True)) == pytest.approx(
        {"dated": BY_DATES, "infant": 6.9, "toddler": 18, "rough": 126, "rougher": 138, "doubtful": 131}
    )
    assert "DICOM files without a table: 8 cases |" in said
    assert "left out" not in said
    assert "2 ages since birth are known only to the year, and the middle of that year is used" in said
    assert "1 age since birth is doubtful (the first: doubtful.dcm, its PatientBirthDate is after" in said
    assert {problem.id: problem.kind for problem in found.problems} == {"unsaid": "age", "unborn": "age"}
    assert any("is after its StudyDate: it gives no age" in problem.reason for problem in found.problems)


def test_bone_ages_of_a_table_are_never_ages_since_birth(tmp_path: Path) -> None:
    """Whole years of a table are bone ages as they were read, whatever the header says beside them."""
    for n in range(6):
        write(tmp_path / f"IM{n}", PatientID=f"P{n}", PatientSex="F", PatientAge="010Y")
    rows = "".join(f"P{5 - n},{n + 8}\n" for n in range(6))
    (tmp_path / "train.csv").write_text("id,boneage\n" + rows)
    found = read_folder(tmp_path, Preparation(age_unit="years"))

    assert list(found.cases["age_months"]) == [12 * (n + 8) for n in range(6)]
    assert [Path(path).name for path in found.cases["path"]] == [f"IM{5 - n}" for n in range(6)]
    assert "since birth" not in " ".join(found.said)
    assert "found in DICOM headers" in " ".join(found.said)


@pytest.mark.parametrize(
    ("unit", "cells", "expected", "rough"),
    [
        ("years", ["8", "9", "10", "11", "12", "13"], [102, 114, BY_DATES, 138, 150, 162], 5),
        ("years", ["8.5", "9", "10", "11", "12", "13"], [102, 108, 120, 132, 144, 156], 0),
        ("auto", ["018M", "030W", "010Y", "011Y", "400D", "020M"], [18, 6.9, BY_DATES, 138, 13.14, 20], 1),
        ("months", ["100", "110", "120", "130", "140", "150"], [100, 110, 120, 130, 140, 150], 0),
    ],
)
def test_a_tables_ages_since_birth_are_as_exact_as_they_are_written_and_the_images_dates_allow(
    tmp_path: Path, unit: str, cells: list[str], expected: list[float], rough: int
) -> None:
    """The third file has its dates; whole years are years completed, and years and a half are not."""
    for n in range(6):
        dates_of = {"PatientBirthDate": BORN, "StudyDate": TAKEN} if n == 2 else {}
        write(tmp_path / f"{n}.dcm", PatientSex="F", **dates_of)
    rows = "".join(f"{n},F,{cell}\n" for n, cell in enumerate(cells))
    (tmp_path / "train.csv").write_text("id,sex,PatientAge\n" + rows)
    found = read_folder(tmp_path, Preparation(age_unit=unit, **SINCE_BIRTH))  # type: ignore[arg-type]
    said = " | ".join(found.said)

    assert list(found.cases["age_months"]) == pytest.approx(expected, abs=0.01)
    assert ("known only to the year" in said) == bool(rough)
    assert f"{rough} age" in said or not rough
    assert "LABELS ARE AGES SINCE BIRTH, from the table" in said
