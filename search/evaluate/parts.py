"""A labelled set in two parts, one to fit on and one to report on: alike in sex and age, a patient's images together."""

from pathlib import Path

import pandas as pd

from data.cases import complete_splits
from data.counted import counted
from data.store.disk import is_store, open_store
from data.store.patients import numbered
from search.evaluate.labelled import Labelled
from studies.preset import StudyError

LEAST_FITTED = 20  # cases; a line through fewer says more of them than of others
LEAST_REPORTED = 8


def parted(labelled: Labelled, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cases to fit on, which are this share, and those to report on; none that made the model, or is of its patients. Raises StudyError where a part has too few."""
    cases = labelled.unseen
    split, _ = complete_splits(cases.assign(split="", patient=whose(cases)), 0.0, 1 - share)
    of_report = split["split"] == "test"
    fitted, reported = cases[~of_report], cases[of_report]
    if len(fitted) < LEAST_FITTED or len(reported) < LEAST_REPORTED:
        raise StudyError(
            f"{labelled.source} has {counted(len(cases), 'case')} that the model does not know, beside {len(labelled.cases) - len(cases):,} that "
            f"it knows. Of the unknown, {len(fitted):,} would be fitted on and {len(reported):,} reported on, but at least {LEAST_FITTED} and "
            f"{LEAST_REPORTED} are needed: give more cases, or another --share"
        )
    return fitted, reported


def of_what(labelled: Labelled) -> str:
    """Where the images come from: of a prepared store, what it was prepared from."""
    path = Path(labelled.source)
    return str(open_store(path).info["source"]) if is_store(path) else labelled.source


def whose(cases: pd.DataFrame) -> pd.Series:
    """Whom an image belongs to; equal pictures are one patient's, over any images between, whatever the table says."""
    own = cases["patient"].where(cases["patient"] != "", cases["checksum"])
    return own.groupby(numbered(cases)).transform("first")
