"""Answers in files, against labels, and with what DICOM headers say of the examination."""

import csv
import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from dicom_files import write as write_dicom
from hypothesis import given
from hypothesis import strategies as st
from labelled_sets import HANDS, lay_out
from openpyxl import load_workbook
from pydicom.dataset import Dataset

from data.csv_text import unguarded
from data.preparation import DataError
from data.tables.dicom_cases import study
from data.tables.dicomdir import listed
from search.apply.answers_out import FILES, Tally, refuse_unknown
from search.apply.predict import COLUMNS, Wanted, columns_of, files_of, rows_of
from search.cli import main
from search.trained.predictor import Model

pytestmark = pytest.mark.slow

NASTY = ["=1+1", "-2+3", "@SUM(A1)", "a;=1", "plain", "\x1b[31mred", "007"]


@pytest.mark.parametrize("ending", FILES)
def test_a_file_holds_every_row_and_no_formula(tmp_path: Path, ending: str) -> None:
    rows = [
        {"file": name, "predicted_months": 10.5 if n else None, "low": -1.5, "high": None, "note": "n"}
        for n, name in enumerate(NASTY)
    ]
    path = tmp_path / f"out{ending}"
    tally = FILES[ending](iter(rows), COLUMNS, path)

    assert (tally.answered, tally.failed) == (6, 1)
    if ending == ".json":
        assert [row["file"] for row in json.loads(path.read_text())] == NASTY
        return
    if ending == ".xlsx":
        heading, *cells = load_workbook(path)["predictions"].iter_rows()
        assert [cell.value for cell in heading] == list(COLUMNS)
        assert {cell.data_type for row in cells for cell in row} <= {"s", "n"}
        texts = [str(row[0].value) for row in cells]
        assert cells[1][4].value == -1.5
    else:
        texts = [row["file"] for row in csv.DictReader(path.read_text().splitlines())]
    assert [unguarded(text) for text in texts] == NASTY
    assert not any(text.startswith(("=", "-", "@")) for text in texts)


@given(st.lists(st.tuples(st.floats(0, 228), st.floats(0, 228), st.floats(0, 60)), min_size=1, max_size=30))
def test_the_figures_are_those_of_the_rows(cases: list[tuple[float, float, float]]) -> None:
    tally = Tally()
    for predicted, label, reach in cases:
        tally.count(
            {"predicted_months": predicted, "label_months": label, "low": predicted - reach, "high": predicted + reach}
        )
    tally.count({"predicted_months": None, "label_months": 3.0})
    predicted, labels, reach = np.array(cases).T
    found = tally.figures(120.0)

    assert found is not None
    assert found["n"] == len(cases)
    assert found["mae"] == pytest.approx(np.abs(predicted - labels).mean(), abs=0.006)
    assert found["bias"] == pytest.approx((predicted - labels).mean(), abs=0.006)
    assert found["constant_mae"] == pytest.approx(np.abs(labels - 120).mean(), abs=0.006)
    inside = (predicted - reach <= labels) & (labels <= predicted + reach)
    assert found["coverage"] == pytest.approx(inside.mean(), abs=1e-4)


def test_the_command_says_how_good_it_was_where_the_table_has_ages(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = lay_out(tmp_path / "clinic", [str(n) for n in range(12)]), tmp_path / "answers.csv"
    command = ["predict", str(folder / "boneage-training-dataset"), "--table", str(folder / "train.csv")]
    assert main([*command, "--model", str(tiny_model), "--out", str(out)]) == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader(out.read_text().splitlines()))
    error = [float(row["predicted_months"]) - float(row["label_months"]) for row in rows]

    assert said.out.strip() == str(out)
    assert len(rows) == 12
    told = re.search(r"on 12 labels: MAE ([\d.]+) months .*bias ([+−]?[\d.]+);", said.err)
    assert told
    # The table has ages with one decimal, each off by up to 0.05; what is said has two.
    expected = pytest.approx([np.abs(error).mean(), np.mean(error)], abs=0.05 + 0.005)
    assert [float(figure.replace("−", "-")) for figure in told.groups()] == expected
    assert [float(row["error_months"]) for row in rows] == pytest.approx(error, abs=0.051)
    assert {float(row["label_months"]) for row in rows} <= {hand.age_months for hand in HANDS}
    for name in ("answers.txt", "none/answers.csv"):
        with pytest.raises(DataError):
            refuse_unknown(tmp_path / name)


def test_dicom_says_how_old_the_patient_was_and_who_it_is_only_if_asked(model: Model, tmp_path: Path) -> None:
    about = {"PatientBirthDate": "20100301", "StudyDate": "20200901", "PatientID": "P7", "AccessionNumber": "A9"}
    dated = write_dicom(tmp_path / "dated.dcm", PatientSex="F", BodyPartExamined="HAND", **about)
    stated = write_dicom(tmp_path / "IM0001", PatientSex="M", PatientAge="007Y")
    files = [dated, stated]
    plain = list(rows_of(model, files, Wanted(force=True)))
    told = list(rows_of(model, files, Wanted(force=True, identifiers=True)))
    months = (date(2020, 9, 1) - date(2010, 3, 1)).days / 30.4375

    assert plain[0]["chronological_months"] == pytest.approx(months, abs=0.1)
    assert plain[1]["chronological_months"] == 90  # the middle of the year
    assert "known only to the year (007Y)" in plain[1]["note"]
    assert "to the year" not in plain[0]["note"]
    assert plain[0]["difference_months"] == pytest.approx(plain[0]["predicted_months"] - months, abs=0.11)
    assert "P7" not in json.dumps(plain)
    assert (told[0]["patient_id"], told[0]["study_date"], told[0]["accession_number"]) == ("P7", "2020-09-01", "A9")
    assert "patient_id" not in columns_of(files, Wanted())
    assert columns_of([tmp_path / "a.png"], Wanted()) == COLUMNS


@pytest.mark.parametrize(
    ("part", "refused", "noted"),
    [("HAND", False, False), ("", False, False), ("WRIST", False, False), ("UPPER EXTREMITY", False, False),
     ("CHEST", True, True), ("FOOT", True, True), ("CSPINE", True, True), ("SOMETHING", False, True),
     ("LOWER EXTREMITY", True, True), ("LOWER_LIMB", True, True), ("UPPERARM", True, True), ("UPPER ARM", True, True),
     ("FOREARM", False, False), ("EXTREMITY", False, False), ("LOWER ARM AND HAND", False, False)],
)  # fmt: skip
def test_a_file_that_says_it_shows_another_part_is_refused_or_noted(
    model: Model, tmp_path: Path, part: str, refused: bool, noted: bool
) -> None:
    path = write_dicom(tmp_path / "x.dcm", PatientSex="F", BodyPartExamined=part)
    [row] = rows_of(model, [path], Wanted())
    [forced] = rows_of(model, [path], Wanted(force=True))

    assert ("refused" in row["note"] and "says that it shows" in row["note"]) == refused
    assert ("says that it shows" in forced["note"]) == noted
    assert forced["predicted_months"] is not None


@pytest.mark.parametrize(
    ("born", "taken", "age", "months"),
    [("20100101", "20110101", "", 11.99), ("2010.01.01", "20110101", "001Y", 11.99), ("", "20110101", "009Y", 114),
     ("20120101", "20110101", "018M", 18), ("19xx", "", "", None), ("", "", "010W", 2.3),
     ("20100101", "20110101", "011M", 11.99), ("20100101", "20110101", "366D", 11.99)],
)  # fmt: skip
def test_the_age_is_from_birth_to_the_study_else_what_is_stated(
    tmp_path: Path, born: str, taken: str, age: str, months: float | None
) -> None:
    path = write_dicom(tmp_path / "x.dcm")
    from pydicom import dcmread

    dataset = dcmread(path)
    for name, value in (("PatientBirthDate", born), ("StudyDate", taken), ("PatientAge", age)):
        dataset.add_new(name, "LO", value)  # as careless writers do: whatever text
    dataset.save_as(path)
    found = study(path).age_months

    assert np.isnan(found) if months is None else found == pytest.approx(months, abs=0.02)


@pytest.mark.parametrize(
    ("born", "taken", "age", "months", "says"),
    [("19000101", "20190101", "010Y", 126, "1,428 months at the study: its PatientAge, 010Y, is used; its age since birth is known only to the year"), ("18000101", "20190101", "", None, "it gives no age"),
     ("20080101", "20190101", "010M", 10, "132 months at the study: its PatientAge, 010M, is used"),
     ("20080101", "20190101", "012Y", 132, ""), ("", "", "999Y", None, "")],
)  # fmt: skip
def test_a_placeholder_for_the_date_of_birth_makes_no_age(
    tmp_path: Path, born: str, taken: str, age: str, months: float | None, says: str
) -> None:
    about = {"PatientBirthDate": born, "StudyDate": taken, "PatientAge": age}
    found = study(write_dicom(tmp_path / "x.dcm", **about))

    assert np.isnan(found.age_months) if months is None else found.age_months == pytest.approx(months, abs=0.05)
    assert re.search(says, found.age_note) if says else not found.age_note


def write_index(path: Path, records: list[tuple[str, list[str] | None]]) -> None:
    """A DICOMDIR of these kinds of records, and the files that they name."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    index = Dataset()
    made = []
    for kind, name in records:
        record = Dataset()
        record.DirectoryRecordType = kind
        if name:
            record.ReferencedFileID = name
        made.append(record)
    index.DirectoryRecordSequence = made
    index.file_meta = FileMetaDataset()
    index.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    index.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    index.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    index.save_as(path, enforce_file_format=True)


def test_a_dicomdir_names_its_images_and_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "CD" / "IMG").mkdir(parents=True)
    inside = write_dicom(tmp_path / "CD" / "IMG" / "A1")
    path = tmp_path / "CD" / "DICOMDIR"
    records = [("PATIENT", None), ("IMAGE", ["IMG", "A1"]), ("IMAGE", ["..", "secret"]), ("SR DOCUMENT", ["IMG", "S1"])]
    write_index(path, records)

    assert listed(path) == [inside]
    assert files_of([path]) == files_of([tmp_path / "CD"]) == [inside]


@pytest.mark.parametrize("mounted", ["pt0/im1", "PT0/im1", "pt0/IM1;1", "PT0/IM1."])
def test_a_dicomdirs_files_are_found_as_a_system_has_mounted_them(tmp_path: Path, mounted: str) -> None:
    (tmp_path / mounted).parent.mkdir()
    image = write_dicom(tmp_path / mounted)
    write_index(tmp_path / "dicomdir", [("IMAGE", ["PT0", "IM1"]), ("IMAGE", ["PT0", "IM2"])])

    there, away = listed(tmp_path / "dicomdir")

    assert there == image
    assert away.name == "IM2"
    assert not away.exists()


def test_a_name_that_no_system_takes_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    write_dicom(tmp_path / "IM1")
    write_index(tmp_path / "DICOMDIR", [("IMAGE", ["X" * 300, "IM1"]), ("IMAGE", ["IM1"])])

    assert listed(tmp_path / "DICOMDIR")[1] == tmp_path / "IM1"
