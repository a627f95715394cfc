"""Which case of a table a DICOM file's header names, by PatientID, AccessionNumber or a UID.

A header may write the number otherwise than the table: spreadsheets take the zeros from 0012. Where a table tells patients and
cases apart, a PatientID that is one of its patients' says whose the image is, and not which.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.films.dicom import holds_dicom
from data.tables.dicom_cases import Header
from data.tables.paired.notations import bare, one_form, shared_letters, unpadded
from data.tables.paired.patients import identity

READ_HEADER = Callable[[Path], Header]


@dataclass(frozen=True)
class Written:
    """What tables write: of the one that is read, the names of its cases and their patients ('' unknown), in the order of its rows; of
    others, the names and the patients' numbers."""

    names: Sequence[str]
    patients: Sequence[str] = ()
    elsewhere: Collection[str] = ()
    patients_elsewhere: Collection[str] = ()

    @property
    def are_patients(self) -> bool:
        """Whether the ids are patients' numbers by their heading, so that a PatientID means them, whatever the file is called."""
        return bool(self.patients) and all(map(str.__eq__, self.names, self.patients))


@dataclass(frozen=True)
class Said:
    """What one header says: `ids` of cases, in the tables' notation; where it says none, those that it may mean, with letters before
    the number; and the patient, where a table has the number as a patient's."""

    ids: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()
    patient: str = ""

    def contradicts(self, place: int, written: Written) -> str:
        """Whose image it is by the header, where that is not the case at `place`; '' where nothing speaks against it."""
        if others := (self.ids or self.perhaps) - {written.names[place]}:
            return " and ".join(sorted(others)[:3])
        patient = identity(written.patients[place]) if written.patients else ""
        return f"the patient {self.patient}" if self.patient and patient not in ("", identity(self.patient)) else ""


def said_by(files: Iterable[Path], written: Written, headers: READ_HEADER) -> dict[Path, Said]:
    """Of each DICOM file that may be an image, whatever it is called."""
    read = {path: headers(path) for path in files if is_readable_dicom(path)}
    known = [*written.names, *written.elsewhere]
    exactly, nearly = by(known, exact), by(known, unpadded)
    letters_of_ids = shared_letters(written.names)
    without_letters = by(known, lambda name: bare(name, letters_of_ids))
    own = {identity(patient) for name, patient in zip(written.names, written.patients, strict=False) if patient != name}
    patients = {*own, *map(identity, written.patients_elsewhere)} - {""}
    letters_of_headers = shared_letters([header.patient_id for header in read.values()])
    found = {}
    for path, header in read.items():
        is_patient = identity(header.patient_id) in patients
        numbers = [id for id in header.ids if not (is_patient and id == header.patient_id)]
        ids = named(numbers, exactly, exact) or named(numbers, nearly, unpadded)
        perhaps: frozenset[str] = frozenset()
        if not ids and header.patient_id in numbers:
            perhaps = named([header.patient_id], without_letters, lambda id: bare(id, letters_of_headers))
        found[path] = Said(ids, perhaps, header.patient_id if is_patient else "")
    return found


def is_imageless(path: Path, headers: READ_HEADER) -> bool:
    """Whether it is a DICOM object without pixels, as archives have them beside each film: no case's image, whatever it names."""
    return is_readable_dicom(path) and headers(path).imageless


def exact(name: str) -> str:
    return one_form(name, "")


def by(names: Iterable[str], key: Callable[[str], str]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for name in names:
        found[key(name)].add(name)
    return found


def named(numbers: Iterable[str], known: Mapping[str, set[str]], key: Callable[[str], str]) -> frozenset[str]:
    return frozenset(name for number in numbers for name in known.get(key(number), ()))


def is_readable_dicom(path: Path) -> bool:
    """By its ending or its content, also where its name says that it is a picture."""
    try:
        return holds_dicom(path)
    except OSError:
        return False
