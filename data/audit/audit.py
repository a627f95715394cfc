"""The audit of a prepared store: first everything is measured, then the findings say what the figures mean."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.audit.balance import comparisons
from data.audit.findings import (
    age_findings,
    balance_findings,
    film_findings,
    label_findings,
    leak_findings,
    picture_findings,
    problem_findings,
    told_findings,
    unit_findings,
    variety_findings,
)
from data.audit.images import looked_at, pictures, twins
from data.audit.labels import SEXES, groups, rare_years
from data.audit.measures import INFANT_MONTHS, RSNA_AGES_MONTHS, Audit
from data.audit.patient_findings import patient_findings, sex_findings
from data.audit.patients import seen_patients
from data.films.traits import traits
from data.store.patients import numbered


def audit(
    cases: pd.DataFrame,
    problems: pd.DataFrame,
    images: np.ndarray,
    image_px: int,
    synthetic: bool,
    since_birth: bool = False,
    patients: pd.Series | None = None,
    films: pd.DataFrame | None = None,
    stretched: bool = False,
    films_fault: str = "",
    other_sexes: Mapping[str, Any] = {},
    patients_as_written: bool = False,
    worries: Sequence[str] = (),
) -> Audit:
    """`cases`, `problems` and `patients` as a store has them; `images` uint8 (cases, image_px, image_px), in the order of `cases`;
    `since_birth` says that the labels are ages of that kind and no bone ages; `films` as `Store.films`, else nothing is known of the
    greys before preparation; `stretched` says that it spread them; `films_fault` and `other_sexes` as the store has them;
    `patients_as_written` as `Patients` has it; `worries` as the store has them.

    Reads the images in blocks: a memory-mapped array is never in memory as a whole.
    """
    cases = cases.reset_index(drop=True)
    of_patient = pd.Series("", cases.index) if patients is None else patients
    seen, coarse, detail = looked_at(images)
    as_prepared = pd.DataFrame({"levels": np.nan, "field": np.nan}, index=cases.index)
    files = cases[["width_px", "height_px"]].join(as_prepared if films is None else films[["levels", "field"]])
    shown = traits(images, files)
    seen["levels"] = shown["levels"].fillna(seen["levels"])
    about = Audit(
        synthetic=synthetic,
        image_px=image_px,
        cases=len(cases),
        groups=list(groups(cases)),
        comparisons=comparisons(cases.join(shown), numbered(cases.assign(patient=of_patient.to_numpy()))),
        rare_years={sex: rare_years(cases, male) for male, sex in enumerate(SEXES)},
        infants=int((cases["age_months"] < INFANT_MONTHS).sum()),
        out_of_range_ids=list(cases.loc[~cases["age_months"].between(*RSNA_AGES_MONTHS), "id"]),
        pictures=pictures(cases, seen, image_px),
        twins=list(twins(cases, images, coarse, detail)),
        patients=seen_patients(cases, of_patient, patients_as_written),
        problems=dict(Counter(problems["kind"]).most_common()),
        findings=[],
    )
    findings = [
        *unit_findings(cases, problems, since_birth),
        *variety_findings(cases),
        *leak_findings(cases, problems, about.twins),
        *patient_findings(about),
        *sex_findings(other_sexes),
        *told_findings(worries),
        *balance_findings(about),
        *label_findings(about),
        *age_findings(about),
        *picture_findings(about, stretched),
        *film_findings(films_fault),
        *problem_findings(about),
    ]
    about.findings.extend(sorted(findings, key=lambda finding: finding.level != "worry"))
    return about
