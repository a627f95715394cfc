"""Structured reports of answered DICOM files: another reader finds the months, the image, and that it is research only."""

from pathlib import Path

import pytest
from dicom_files import write as write_dicom
from pydicom import dcmread
from pydicom.uid import generate_uid

from data.preparation import DataError
from search.apply import structured_report
from search.apply.structured_report import MEASURED, SCHEME, refuse_without_package, reported
from search.cli import main

hd = pytest.importorskip("highdicom")


def named(path: Path, **elements: str) -> Path:
    return write_dicom(path, StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid(), **elements)


def answer(path: Path, **more: float) -> dict[str, object]:
    return {"file": str(path), "predicted_months": 131.4, "low": 110.0, "high": None, "note": "", **more}


def test_a_report_holds_the_months_names_its_image_and_says_research_only(tmp_path: Path) -> None:
    image = named(tmp_path / "IM0001", PatientID="P7", PatientSex="F")
    rows = [answer(image, chronological_months=140.0, difference_months=-8.6)]
    assert list(reported(rows, tmp_path / "sr", "b1.4")) == rows
    path = tmp_path / "sr" / "IM0001.sr.dcm"
    read, source = hd.sr.srread(path), dcmread(image)

    [group] = read.content.get_image_measurement_groups()
    told = {one.name.value: float(one.value) for one in group.get_measurements()}
    assert told == {"BONE_AGE": 131.4, "BONE_AGE_LOW": 110.0, "AGE": 140.0, "DIFFERENCE": -8.6}
    assert {one.unit.value for one in group.get_measurements()} == {"mo"}
    assert {one.name.scheme_designator for one in group.get_measurements()} == {SCHEME}
    [use] = group.get_qualitative_evaluations()
    assert use.value.value == "RESEARCH_ONLY"
    assert (read.PatientID, read.StudyInstanceUID) == ("P7", source.StudyInstanceUID)
    assert source.SOPInstanceUID in str(read)
    assert (read.VerificationFlag, read.CompletionFlag) == ("UNVERIFIED", "PARTIAL")
    assert "research" in read.SeriesDescription
    assert len(MEASURED) == 5


def test_what_can_have_no_report_is_said_and_names_do_not_meet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        named(tmp_path / folder / "x.dcm")
    bare = write_dicom(tmp_path / "bare.dcm")
    picture = tmp_path / "x.png"
    picture.write_bytes(b"\x89PNG")
    failed = answer(tmp_path / "none.dcm") | {"predicted_months": None}
    files = [tmp_path / "a" / "x.dcm", tmp_path / "b" / "x.dcm", bare, picture]
    list(reported([*map(answer, files), failed], tmp_path / "sr", "b1.4"))
    said = capsys.readouterr().err

    assert sorted(path.name for path in (tmp_path / "sr").iterdir()) == ["x-1.sr.dcm", "x.sr.dcm"]
    assert "bare.dcm: it lacks StudyInstanceUID, SeriesInstanceUID" in said
    assert "x.png: it is no DICOM file" in said


def test_without_the_package_nothing_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured_report, "find_spec", lambda name: None)

    with pytest.raises(DataError, match=r"needs highdicom.*\[dicom\]"):
        refuse_without_package()


def test_the_command_writes_reports_beside_its_answers(tiny_model: Path, tmp_path: Path) -> None:
    image = named(tmp_path / "hand.dcm", PatientSex="F", PatientAge="010Y")
    command = ["predict", str(image), "--model", str(tiny_model), "--force", "--out", str(tmp_path / "out.json")]
    assert main([*command, "--dicom-sr", str(tmp_path / "sr")]) == 0

    assert [path.name for path in (tmp_path / "sr").iterdir()] == ["hand.sr.dcm"]


# Elements that a report would carry, or that say what it is of, each with what no report may hold.
ODD: dict[str, dict[str, str]] = {
    "a date with dashes": {"StudyDate": "2019-01-01"},
    "a birth date in words": {"PatientBirthDate": "unknown"},
    "a time that is none": {"StudyTime": "25:99"},
    "a sex that is none": {"PatientSex": "X"},
    "a character set that is none": {"PatientName": "Müller^Jörg", "SpecificCharacterSet": "ISO_IR 999"},
    "a class that is none": {"SOPClassUID": "foo"},
    "an instance that is none": {"SOPInstanceUID": "1.2.x"},
    "a number that is too long": {"AccessionNumber": "x" * 30},
}


@pytest.mark.parametrize("way", ODD)
def test_a_header_that_fits_no_report_ends_no_other_answer(
    tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    odd, good = named(tmp_path / "odd.dcm"), named(tmp_path / "good.dcm")
    dataset = dcmread(odd)
    for name, value in ODD[way].items():
        setattr(dataset, name, value)
    dataset.save_as(odd)
    rows = [answer(odd), answer(good)]

    assert list(reported(rows, tmp_path / "sr", "b1.4")) == rows

    written = sorted(path.name for path in (tmp_path / "sr").iterdir())
    said = capsys.readouterr().err
    assert written in (["good.sr.dcm"], ["good.sr.dcm", "odd.sr.dcm"])
    assert ("odd.sr.dcm" in written) != (f"no structured report of {odd}: " in said)
