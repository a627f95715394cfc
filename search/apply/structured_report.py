"""`predict --dicom-sr`: a DICOM structured report (TID 1500) beside each radiograph's answer, marked as research only.

Its codes are the program's own (scheme 99BONEAGE), since none of the public ones says which machine's estimate this is. The report
is preliminary and unverified. Whatever the answer's row or the command says against the number stands beside it: the report is
read where neither of them is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from data.films import dicom
from data.films.body_parts import other_part
from data.foreign import foreign
from data.preparation import DataError
from data.tables.dicom_cases import study
from search.apply.predict import REFUSED
from search.output.files import write_bytes
from search.output.notices import NO_DEVICE
from search.output.terminal import log

SCHEME = "99BONEAGE"
NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")  # by which a report names its image
OPTIONAL = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
MEASURED = {  # what of a row becomes a number, in months
    "predicted_months": ("BONE_AGE", "Bone age"),
    "low": ("BONE_AGE_LOW", "Bone age, lower end of the 90 % interval"),
    "high": ("BONE_AGE_HIGH", "Bone age, upper end of the 90 % interval"),
    "if_female_months": ("IF_FEMALE", "Bone age if female"),  # both where nobody says the sex
    "if_male_months": ("IF_MALE", "Bone age if male"),
    "chronological_months": ("AGE", "Age since birth"),
    "difference_months": ("DIFFERENCE", "Bone age minus age since birth"),
}
SEXES = {"F": "Female", "M": "Male", "unknown": "Unknown: the bone age is the middle of both answers"}
ALGORITHM_NAME = "111001"  # of DICOM's own codes


def refuse_without_package() -> None:
    """Before anything is predicted."""
    if find_spec("highdicom") is None:
        raise DataError(
            "--dicom-sr needs highdicom, which is not installed: make install EXTRAS=dev,dicom, or pip install '.[dicom]'"
        )


def reported(
    rows: Iterable[dict[str, Any]],
    folder: Path,
    model: str,
    notices: Sequence[str] = (),
    unwritten: list[Path] | None = None,
) -> Iterator[dict[str, Any]]:
    """The same rows, each after its report is written; a file that can have none is said on stderr.

    A DICOM file that has none although it was answered is added to `unwritten`; other files are promised none.

    A report is named after its image's SOPInstanceUID: it takes the place of an earlier one of the same image, and of no other.
    `notices` are sentences on the model, or on how it was asked, that hold for every row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[Path, Path] = {}  # the image of each report of this call
    for row in rows:
        path = Path(row["file"])
        if row["predicted_months"] is not None:
            try:
                made, content = report_file(path, row, model, notices)
                place = place_of(path, folder, made, written)
            except DataError as error:
                log(str(error))
                if unwritten is not None and dicom.holds_dicom(path):
                    unwritten.append(path)
            else:
                write_bytes(place, content)
                written[place] = path
        yield row


def report_file(path: Path, row: dict[str, Any], model: str, notices: Sequence[str]) -> tuple[Any, bytes]:
    """The data set and the file. Raises DataError where the radiograph can have none; the answers go on without it."""
    said = f"no structured report of {path}"
    if not dicom.holds_dicom(path):
        raise DataError(f"{said}: it is not a DICOM file")
    if lacking := missing(path):
        raise DataError(f"{said}: it lacks {', '.join(lacking)}")
    # Its header goes into the report as it is, and pydicom and highdicom take no date, sex or character set that is none.
    file = BytesIO()
    with foreign(f"{said}: its header holds a value that a report may not hold"):
        made = report(path, row, model, notices)
        made.save_as(file, enforce_file_format=True)
    return made, file.getvalue()


def place_of(path: Path, folder: Path, made: Any, written: Mapping[Path, Path]) -> Path:
    """Raises DataError where what lies there already is not the same image's report."""
    from pydicom.uid import UID

    said, uid = f"no structured report of {path}", UID(dicom.texts(path, "SOPInstanceUID")[0])
    if not uid.is_valid:
        raise DataError(f"{said}: its SOPInstanceUID is not valid")
    place = folder / f"{uid}.sr.dcm"
    if place in written:
        raise DataError(f"{said}: it has the SOPInstanceUID of {written[place]}")
    if place.exists() and identity_at(place) != identity(made):
        raise DataError(
            f"{said}: {place} is another file, or the report of another patient, image or model, so it is not replaced; move it "
            "away, or name another --dicom-sr"
        )
    return place


def identity(report: Any) -> tuple[str, str, frozenset[str], frozenset[str]]:
    """Whose report it is, of which images, and by which model."""
    elements = list(report.iterall())
    images = frozenset(str(one.value) for one in elements if one.keyword == "ReferencedSOPInstanceUID")
    items = [item for one in elements if one.keyword == "ContentSequence" for item in one.value]
    models = frozenset(
        str(item.get("TextValue"))
        for item in items
        for name in item.get("ConceptNameCodeSequence", ())
        if name.get("CodeValue") == ALGORITHM_NAME
    )
    return str(report.get("PatientID") or ""), str(report.get("StudyInstanceUID") or ""), images, models


def identity_at(path: Path) -> tuple[str, str, frozenset[str], frozenset[str]] | None:
    """Of what lies there; None where it is no report."""
    try:
        with foreign("no report"):
            return identity(dicom.read(path, pixels=False))
    except (DataError, OSError):
        return None


def missing(path: Path) -> list[str]:
    return [name for name, text in zip(NEEDED, dicom.texts(path, *NEEDED), strict=True) if not text]


def shows_hand(path: Path, row: dict[str, Any]) -> bool:
    """Neither the header nor the hand check says that it shows something else."""
    return not other_part(study(path).body_part) and REFUSED not in str(row.get("note") or "")


def report(path: Path, row: dict[str, Any], model: str, notices: Sequence[str]) -> Any:
    """The data set. `model` is the network's name, as model.json has it."""
    from highdicom import UID, sr
    from pydicom.sr.codedict import codes

    image = dicom.read(path, pixels=False)
    for name in OPTIONAL:
        if name not in image:
            setattr(image, name, "")
    image.Modality = image.get("Modality") or "OT"  # highdicom looks at it; the report does not repeat it
    ours = f"boneage-search {version('boneage-search')}"
    uid = UID()
    numbers = [
        sr.Measurement(name=coded(*code), value=float(row[column]), unit=codes.UCUM.Month)
        for column, code in MEASURED.items()
        if row.get(column) is not None
    ]
    use = sr.QualitativeEvaluation(
        name=coded("USE", "Intended use"), value=coded("RESEARCH_ONLY", "Research only, no medical device")
    )
    sex = row.get("sex")
    assumed = coded(str(sex or "NOT_USED").upper(), SEXES[sex] if sex else "The model does not use the sex")
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID(), identifier="bone age"),
        algorithm_id=sr.AlgorithmIdentification(name=model, version=ours),
        finding_sites=[sr.FindingSite(anatomic_location=codes.SCT.Hand)] if shows_hand(path, row) else None,
        measurements=numbers,
        qualitative_evaluations=[use, sr.QualitativeEvaluation(name=coded("SEX", "Sex assumed"), value=assumed)],
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(image)],
    )
    notes = [("NOTE", "Note on this answer", row["note"])] if row.get("note") else []
    notes += [("NOTICE", "Note on the model and how it was asked", words) for words in notices]
    for value, meaning, words in notes:
        group[0].ContentSequence.append(
            sr.TextContentItem(
                name=coded(value, meaning), value=words, relationship_type=sr.RelationshipTypeValues.CONTAINS
            )
        )
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(uid=UID(), name=ours, model_name=model),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=coded("ASSESSMENT", "Bone age assessment, research only"),
        imaging_measurements=[group],
    )
    made = sr.ComprehensiveSR(
        evidence=[image],
        content=content[0],
        series_instance_uid=UID(),
        series_number=1,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer="boneage-search",
        is_complete=False,
        is_final=False,
        is_verified=False,
    )
    made.SpecificCharacterSet = "ISO_IR 192"  # the image's own may lack letters of the notes
    made.SeriesDescription = f"Bone age: {NO_DEVICE}"[:64]
    return made


def coded(value: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value=value, scheme_designator=SCHEME, meaning=meaning)
