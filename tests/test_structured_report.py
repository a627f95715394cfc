"""Structured reports of answered DICOM files: another reader finds the months, the image, and that it is research only."""

import json
from pathlib import Path

import pytest
from dicom_files import write as write_dicom
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread
from pydicom.uid import generate_uid

from data.phantom.hand import draw, phantom_cases
from data.preparation import DataError
from search.apply import structured_report
from search.apply.predict import DOUBTED, REFUSED
from search.apply.structured_report import MEASURED, SCHEME, refuse_without_package, reported
from search.cli import main
from search.output.confirmed import MODEL_NOTHING
from search.output.notices import KNOWS_DRAWN

hd = pytest.importorskip("highdicom")


def named(path: Path, **elements: str) -> Path:
    return write_dicom(path, StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid(), **elements)


def report_of(folder: Path, image: Path) -> Path:
    return folder / f"{dcmread(image).SOPInstanceUID}.sr.dcm"


def items(path: Path, code: str) -> list[str]:
    """What the report says under this code of ours, read by pydicom alone: texts, or the meanings of codes."""
    [group] = [
        item.value
        for item in dcmread(path).iterall()
        if item.keyword == "ContentSequence" and any(one.get("ValueType") == "NUM" for one in item.value)
    ]
    found = [one for one in group if one.ConceptNameCodeSequence[0].CodeValue == code]
    return [
        one.TextValue if one.ValueType == "TEXT" else one.ConceptCodeSequence[0].CodeMeaning
        for one in found
        if one.ValueType in ("TEXT", "CODE")
    ]


def answer(path: Path, **more: object) -> dict[str, object]:
    return {"file": str(path), "predicted_months": 131.4, "low": 110.0, "high": None, "note": "", **more}


def test_a_report_holds_the_months_names_its_image_and_says_research_only(tmp_path: Path) -> None:
    image = named(tmp_path / "IM0001", PatientID="P7", PatientSex="F")
    rows = [answer(image, chronological_months=140.0, difference_months=-8.6)]
    assert list(reported(rows, tmp_path / "sr", "b1.4")) == rows
    path = report_of(tmp_path / "sr", image)
    read, source = hd.sr.srread(path), dcmread(image)

    [group] = read.content.get_image_measurement_groups()
    told = {one.name.value: float(one.value) for one in group.get_measurements()}
    assert told == {"BONE_AGE": 131.4, "BONE_AGE_LOW": 110.0, "AGE": 140.0, "DIFFERENCE": -8.6}
    assert {one.unit.value for one in group.get_measurements()} == {"mo"}
    assert {one.name.scheme_designator for one in group.get_measurements()} == {SCHEME}
    use, sex = group.get_qualitative_evaluations()
    assert use.value.value == "RESEARCH_ONLY"
    assert sex.value.value == "NOT_USED"
    assert (read.PatientID, read.StudyInstanceUID) == ("P7", source.StudyInstanceUID)
    assert source.SOPInstanceUID in str(read)
    assert (read.VerificationFlag, read.CompletionFlag) == ("UNVERIFIED", "PARTIAL")
    assert "research" in read.SeriesDescription
    assert len(MEASURED) == 7


def test_what_can_have_no_report_is_said_and_files_of_one_name_have_one_each(
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

    assert set((tmp_path / "sr").iterdir()) == {report_of(tmp_path / "sr", file) for file in files[:2]}
    assert "bare.dcm: it lacks StudyInstanceUID, SeriesInstanceUID" in said
    assert "x.png: it is not a DICOM file" in said


def test_without_the_package_nothing_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured_report, "find_spec", lambda name: None)

    with pytest.raises(DataError, match=r"needs highdicom.*\[dicom\]"):
        refuse_without_package()


def test_the_command_writes_reports_that_say_all_that_its_answers_and_stderr_say(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = named(tmp_path / "hand.dcm", PatientSex="F", PatientAge="010Y")
    command = ["predict", str(image), "--model", str(tiny_model), "--force", "--out", str(tmp_path / "out.json")]
    assert main([*command, "--dicom-sr", str(tmp_path / "sr")]) == 0

    [path] = (tmp_path / "sr").iterdir()
    assert path == report_of(tmp_path / "sr", image)
    [row], said = json.loads((tmp_path / "out.json").read_text()), capsys.readouterr().err
    assert items(path, "SEX") == ["Female"]
    assert items(path, "NOTE") == [row["note"]]
    notices = items(path, "NOTICE")
    assert all(words.removeprefix("tiny") in said for words in notices)
    for words in (": MAE ", MODEL_NOTHING, "nothing is refused", KNOWS_DRAWN):
        assert any(words in notice for notice in notices), words


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

    written = set((tmp_path / "sr").iterdir())
    said = capsys.readouterr().err
    assert report_of(tmp_path / "sr", good) in written
    assert written <= {report_of(tmp_path / "sr", good), report_of(tmp_path / "sr", odd)}
    assert (len(written) == 2) != (f"no structured report of {odd}: " in said)


# what qualifies the number


def test_the_report_says_which_sex_was_assumed_and_both_answers_where_none_was(tmp_path: Path) -> None:
    folder = tmp_path / "sr"
    boy, unsaid = named(tmp_path / "boy.dcm", PatientSex="M"), named(tmp_path / "unsaid.dcm")
    contradicted = answer(boy, sex="F", note="the file says sex M")
    both = answer(unsaid, sex="unknown", if_female_months=120.0, if_male_months=142.8, note="sex unknown: its middle")

    list(reported([contradicted, both], folder, "b1.4"))

    assert items(report_of(folder, boy), "SEX") == ["Female"]
    assert items(report_of(folder, boy), "NOTE") == ["the file says sex M"]
    assert dcmread(report_of(folder, boy)).PatientSex == "M"
    assert items(report_of(folder, unsaid), "SEX") == ["Unknown: the bone age is the middle of both answers"]
    [group] = hd.sr.srread(report_of(folder, unsaid)).content.get_image_measurement_groups()
    told = {one.name.value: float(one.value) for one in group.get_measurements()}
    assert (told["IF_FEMALE"], told["IF_MALE"]) == (120.0, 142.8)


@pytest.mark.parametrize(
    ("part", "note", "hand"),
    [
        ("HAND", "", True),
        ("", DOUBTED, True),
        ("EXTREMITY", "", True),
        ("KNEE", "the file says that it shows KNEE", False),
        ("HAND", f"sharpness 31; {REFUSED}", False),
    ],
)
def test_the_site_is_a_hand_only_where_neither_header_nor_hand_check_says_otherwise(
    tmp_path: Path, part: str, note: str, hand: bool
) -> None:
    image = named(tmp_path / "x.dcm", BodyPartExamined=part)

    list(reported([answer(image, sex="F", note=note)], tmp_path / "sr", "b1.4"))

    path = report_of(tmp_path / "sr", image)
    [group] = hd.sr.srread(path).content.get_image_measurement_groups()
    assert len(group.finding_sites) == hand
    assert items(path, "NOTE") == ([note] if note else [])


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=80))
@settings(max_examples=8)
def test_notes_of_any_script_are_read_back(tmp_path_factory: pytest.TempPathFactory, words: str) -> None:
    folder = tmp_path_factory.mktemp("script")
    image = named(folder / "x.dcm", PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 100")

    list(reported([answer(image, note=words)], folder / "sr", "b1.4", [words]))

    path = report_of(folder / "sr", image)
    assert items(path, "NOTE") == items(path, "NOTICE") == [words]


# one image's report takes the place of no other's


def test_files_of_one_name_of_two_patients_keep_their_reports_and_the_same_image_has_its_own_replaced(
    tmp_path: Path,
) -> None:
    """Every CD calls its files IM0001."""
    folder, images = tmp_path / "sr", []
    for number in ("P1", "P2"):
        (tmp_path / number).mkdir()
        images.append(named(tmp_path / number / "IM0001.dcm", PatientID=number))
        list(reported([answer(images[-1])], folder, "b1.4"))
    list(reported([answer(images[0]) | {"predicted_months": 99.0}], folder, "b1.4"))

    assert sorted(str(dcmread(path).PatientID) for path in folder.iterdir()) == ["P1", "P2"]
    [group] = hd.sr.srread(report_of(folder, images[0])).content.get_image_measurement_groups()
    assert float(group.get_measurements()[0].value) == 99.0


@pytest.mark.parametrize("way", ["another patient", "another model", "no report"])
def test_what_is_not_the_images_own_report_is_not_replaced(
    tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Converters write one SOPInstanceUID into every file."""
    uid, folder = generate_uid(), tmp_path / "sr"
    first = named(tmp_path / "1.dcm", PatientID="P1", SOPInstanceUID=uid)
    list(reported([answer(first)], folder, "b1.4"))
    [place] = folder.iterdir()
    if way == "no report":
        place.write_text("notes of mine")
    before = place.read_bytes()
    second = named(tmp_path / "2.dcm", PatientID="P2", SOPInstanceUID=uid) if way == "another patient" else first

    rows = [answer(second)]
    assert list(reported(rows, folder, "b2.0" if way == "another model" else "b1.4")) == rows

    assert place.read_bytes() == before
    assert f"no structured report of {second}: {place} is another file" in capsys.readouterr().err


def test_of_two_images_with_one_uid_in_a_call_the_second_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uid = generate_uid()
    one, two = (named(tmp_path / f"{n}.dcm", PatientID="P1", SOPInstanceUID=uid) for n in (1, 2))

    list(reported([answer(one), answer(two) | {"predicted_months": 99.0}], tmp_path / "sr", "b1.4"))

    [group] = hd.sr.srread(report_of(tmp_path / "sr", one)).content.get_image_measurement_groups()
    assert float(group.get_measurements()[0].value) == 131.4
    assert f"no structured report of {two}: it has the SOPInstanceUID of {one}" in capsys.readouterr().err


def test_no_report_leaves_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = named(tmp_path / "x.dcm")
    dataset = dcmread(image)
    dataset.SOPInstanceUID = "../outside"
    dataset.save_as(image)

    list(reported([answer(image)], tmp_path / "sr", "b1.4"))

    assert list((tmp_path / "sr").iterdir()) == []
    assert not (tmp_path / "outside.sr.dcm").exists()
    assert "its SOPInstanceUID is not valid" in capsys.readouterr().err


# the command


def test_a_folder_that_holds_its_own_reports_is_answered_again_without_them(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    image = named(folder / "hand.dcm", PatientSex="F")
    command = ["predict", str(folder), "--model", str(tiny_model), "--force", "--json", "--dicom-sr"]
    for said in ("", "1 DICOM file holds no image and is passed over, as"):
        assert main([*command, str(folder / "reports")]) == 0
        answered = capsys.readouterr()
        assert [row["file"] for row in json.loads(answered.out)] == [str(image)]
        assert said in answered.err
        assert bool(said) == ("passed over" in answered.err)

    report = report_of(folder / "reports", image)
    assert main(["predict", str(report), "--model", str(tiny_model), "--sex", "F", "--json"]) == 2
    assert [row["file"] for row in json.loads(capsys.readouterr().out)] == [str(report)]
    assert main(["predict", str(report.parent), "--model", str(tiny_model), "--sex", "F"]) == 2
    assert (
        "reports holds no radiograph: name a folder that does; 1 DICOM file holds no image" in capsys.readouterr().err
    )


@pytest.mark.parametrize(("way", "code"), [("DICOM without its study", 2), ("a picture", 0)])
@pytest.mark.slow
def test_a_report_that_cannot_be_written_ends_with_two_and_a_picture_is_promised_none(
    tiny_model: Path, tmp_path: Path, way: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_dicom(tmp_path / "bare.dcm")
    if way == "a picture":
        file = tmp_path / "hand.png"
        Image.fromarray(draw(phantom_cases(1)[0], 80)).save(file)
    command = ["predict", str(file), "--model", str(tiny_model), "--force", "--sex", "F"]

    assert main([*command, "--dicom-sr", str(tmp_path / "sr")]) == code
    assert f"no structured report of {file}" in capsys.readouterr().err
    assert main(command) == 0
