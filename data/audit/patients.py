"""Patients with images in several splits: what is known of them in a prepared store."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Patients:
    named_cases: int  # of which it is known whose they are
    count: int  # patients among them
    across_splits: list[list[str]]  # per patient with images in several splits, the ids of all of them


def seen_patients(cases: pd.DataFrame, patients: pd.Series) -> Patients:
    """`patients` names the patient of each of `cases`, in their order, in any way that tells them apart; '' where unknown."""
    named = cases.assign(patient=patients.to_numpy())
    named = named[named["patient"] != ""]
    splits = named.groupby("patient", sort=False)["split"].nunique()
    across = named[named["patient"].isin(splits.index[splits > 1])]
    ids = [[str(id) for id in of_one["id"]] for _, of_one in across.groupby("patient", sort=False)]
    return Patients(len(named), len(splits), ids)
