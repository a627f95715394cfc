"""What to worry about in whose the images are: patients in several splits, with too many images, or of another sex than their films."""

from collections.abc import Iterator, Mapping
from typing import Any

from data.audit.findings import named
from data.audit.measures import Audit, Finding
from data.counted import counted


def patient_findings(about: Audit) -> Iterator[Finding]:
    seen, across = about.patients, about.patients.across_splits
    if across:
        images = sum(map(len, across))
        yield Finding(
            "worry",
            f"{counted(len(across), 'patient has', 'patients have')} images in several splits ({images:,} images; "
            f"{named(' and '.join(ids) for ids in across)}): no patient may be in both training and test; keep each patient in "
            "one split, or name every patient in a column patient_id and let the program split (what it split before stays, so with another "
            "--run-dir).",
        )
    for ids in seen.crowds:
        yield Finding(
            "worry",
            f"{len(ids):,} of {about.cases:,} images belong to one patient ({named(ids)}): all images of a patient stay in one split. If "
            "their patient id means unknown, or stands for several patients, clear those cells in the table.",
        )
    if seen.of_both_sexes:
        are = counted(
            len(seen.of_both_sexes),
            "patient is a boy in one row and a girl in another",
            "patients are boys in one row and girls in another",
        )
        yield Finding(
            "worry",
            f"{are} ({named(' and '.join(ids) for ids in seen.of_both_sexes)}): check the column of sexes, whose cells may have slipped by "
            "a row; if the patient ids are wrong, clear them.",
        )
    if seen.as_written and seen.named_cases:
        yield Finding(
            "note",
            "An earlier version prepared these data and took 0012 and 12 for two patients. To check whether a patient who is written in "
            "two ways is in several splits, prepare them again with another --run-dir.",
        )
    if not about.synthetic and seen.named_cases < about.cases:
        cases = f"of {about.cases:,} cases"
        whose = (
            counted(about.cases - seen.named_cases, f"{cases} names no patient", f"{cases} name no patient")
            if seen.named_cases
            else "The data do not say whose images they are"
        )
        yield Finding(
            "note",
            f"{whose}, so it could not be checked whether a patient is in several splits: if a patient may have several images, "
            "add a column patient_id to the table (a DICOM's PatientID is read, too).",
        )


def sex_findings(other: Mapping[str, Any]) -> Iterator[Finding]:
    """A sex that is wrong may be a slip of the pen; many are rows that were given to other patients' images."""
    if other:
        yield Finding(
            "worry",
            f"The table gives another sex than the file for {other['count']:,} of {counted(other['of'], 'DICOM file that names', 'DICOM files that name')} a sex "
            f"({named(other['ids'])}): check that these rows belong to these files; if not, their bone ages are wrong, too.",
        )
