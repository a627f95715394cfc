"""Patients with images in several splits, or with more than one patient has: what is known of them in a prepared store."""

from dataclasses import dataclass

import pandas as pd

# A "patient" of more images than one has is a word for unknown, or one number for many.
MOST_IMAGES = 40  # of one patient: both hands of every year of growth
LEAST_CROWD = 6  # images, from which on
CROWD_SHARE = 0.1  # of all images are implausible where other patients have
TIMES_OTHERS = 4  # times fewer


@dataclass(frozen=True)
class Patients:
    named_cases: int  # of which it is known whose they are
    count: int  # patients among them
    across_splits: list[list[str]]  # per patient with images in several splits, the ids of all of them
    crowds: list[list[str]]  # per patient with implausibly many images, the ids of all of them
    as_written: bool = False  # whether 0012 and 12 are two patients, as stores of before have it


def seen_patients(cases: pd.DataFrame, patients: pd.Series, as_written: bool = False) -> Patients:
    """`patients` names the patient of each of `cases`, in their order, in any way that tells them apart; '' where unknown."""
    named = cases.assign(patient=patients.to_numpy())
    named = named[named["patient"] != ""]
    splits = named.groupby("patient", sort=False)["split"].nunique()
    across = named[named["patient"].isin(splits.index[splits > 1])]
    sizes = named["patient"].map(named["patient"].value_counts())
    others = (len(named) - sizes) / max(len(splits) - 1, 1)  # images of a patient, in the mean of the others
    shared = (sizes >= LEAST_CROWD) & (sizes > CROWD_SHARE * len(cases)) & (sizes > TIMES_OTHERS * others)
    crowded = named[(sizes > MOST_IMAGES) | shared]
    return Patients(len(named), len(splits), ids_by_patient(across), ids_by_patient(crowded), as_written)


def ids_by_patient(cases: pd.DataFrame) -> list[list[str]]:
    return [[str(id) for id in of_one["id"]] for _, of_one in cases.groupby("patient", sort=False)]
