"""Patients with images in several splits, or with more than one patient has: what is known of them in a prepared store."""

from dataclasses import dataclass, field

import pandas as pd

from data.store.patients import crowded


@dataclass(frozen=True)
class Patients:
    named_cases: int  # of which it is known whose they are
    count: int  # patients among them
    across_splits: list[list[str]]  # per patient with images in several splits, the ids of all of them
    crowds: list[list[str]]  # per patient with implausibly many images, the ids of all of them
    as_written: bool = False  # whether 0012 and 12 are two patients, as stores of before have it
    of_both_sexes: list[list[str]] = field(
        default_factory=list
    )  # per patient with images of boys and of girls, the ids of all of them


def seen_patients(cases: pd.DataFrame, patients: pd.Series, as_written: bool = False) -> Patients:
    """`patients` names the patient of each of `cases`, in their order, in any way that tells them apart; '' where unknown."""
    cases = cases.assign(patient=patients.to_numpy())
    named = cases[cases["patient"] != ""]
    splits = named.groupby("patient", sort=False)["split"].nunique()
    across = named[named["patient"].isin(splits.index[splits > 1])]
    in_crowds = cases[crowded(cases["patient"])]
    alone = named[~named["id"].isin(in_crowds["id"])]
    sexes = alone.groupby("patient", sort=False)["male"].transform("nunique")
    return Patients(
        len(named),
        len(splits),
        ids_by_patient(across),
        ids_by_patient(in_crowds),
        as_written,
        ids_by_patient(alone[sexes > 1]),
    )


def ids_by_patient(cases: pd.DataFrame) -> list[list[str]]:
    return [[str(id) for id in of_one["id"]] for _, of_one in cases.groupby("patient", sort=False)]
