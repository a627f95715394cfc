"""`predict --dicom-sr`: a DICOM structured report (TID 1500) beside each radiograph's answer, marked as research only.

Its codes are the program's own (scheme 99BONEAGE), since none of the public ones says which machine's estimate this is. The report
is preliminary and unverified.
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from data.films import dicom
from data.foreign import foreign
from data.preparation import DataError
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
    "chronological_months": ("AGE", "Age since birth"),
    "difference_months": ("DIFFERENCE", "Bone age minus age since birth"),
}


def refuse_without_package() -> None:
    """Before anything is predicted."""
    if find_spec("highdicom") is None:
        raise DataError(
            "--dicom-sr needs highdicom, which is not installed: make install EXTRAS=dev,dicom, or pip install '.[dicom]'"
        )


def reported(rows: Iterable[dict[str, Any]], folder: Path, model: str) -> Iterator[dict[str, Any]]:
    """The same rows, each after its report is written; a file that can have none is said on stderr."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for row in rows:
        path = Path(row["file"])
        if row["predicted_months"] is not None:
            try:
                content = report_file(path, row, model)
            except DataError as error:
                log(str(error))
            else:
                write_bytes(folder / free(path, taken), content)
        yield row


def report_file(path: Path, row: dict[str, Any], model: str) -> bytes:
    """Raises DataError where the radiograph can have none; the answers go on without it."""
    said = f"no structured report of {path}"
    if not dicom.holds_dicom(path):
        raise DataError(f"{said}: it is no DICOM file")
    if lacking := missing(path):
        raise DataError(f"{said}: it lacks {', '.join(lacking)}")
    # Its header goes into the report as it is, and pydicom and highdicom take no date, sex or character set that is none.
    file = BytesIO()
    with foreign(f"{said}: its header holds what no report may hold"):
        report(path, row, model).save_as(file, enforce_file_format=True)
    return file.getvalue()


def missing(path: Path) -> list[str]:
    return [name for name, text in zip(NEEDED, dicom.texts(path, *NEEDED), strict=True) if not text]


def free(path: Path, taken: set[str]) -> str:
    """A name that no other report of this call has; the radiograph's own, without a DICOM ending."""
    stem = path.stem if path.suffix.lower() in dicom.SUFFIXES else path.name
    names = (f"{stem}{'' if not n else f'-{n}'}.sr.dcm" for n in range(len(taken) + 1))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def report(path: Path, row: dict[str, Any], model: str) -> Any:
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
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID(), identifier="bone age"),
        algorithm_id=sr.AlgorithmIdentification(name=model, version=ours),
        finding_sites=[sr.FindingSite(anatomic_location=codes.SCT.Hand)],
        measurements=numbers,
        qualitative_evaluations=[use],
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(image)],
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
    made.SeriesDescription = f"Bone age: {NO_DEVICE}"[:64]
    return made


def coded(value: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value=value, scheme_designator=SCHEME, meaning=meaning)
