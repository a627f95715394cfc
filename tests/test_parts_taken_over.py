"""What an interrupted `evaluate --fine-tune` has prepared is taken over by the same command alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data.preparation import DataError, Preparation
from data.store.sources import read_source
from search.evaluate.fine_tune import divided, store_of_parts
from search.evaluate.labelled import Labelled
from search.trained.left.known import Known
from studies.preset import StudyError

SETTINGS = Preparation(image_px=40, fit="squash")


def clinic(folder: Path, seed: int, missing: int = 0, count: int = 60) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    rows = [f"{n},{20 + 2 * n},{n % 2 == 0}" for n in range(count)]
    (folder / "train.csv").write_text("\n".join(["id,boneage,male", *rows]))
    for n in range(count - missing):
        Image.fromarray(random.integers(0, 256, (48, 40), dtype=np.uint8)).save(folder / f"{n}.png")
    return folder


def labelled(folder: Path, settings: Preparation = SETTINGS) -> Labelled:
    read = read_source(str(folder), settings, to_train=False)
    cases = read.cases.assign(checksum=[f"{folder.name}{n}" for n in range(len(read.cases))], known_by="", patient="")
    cases["predicted_months"] = cases["network_months"] = cases["age_months"] + 5.0
    nobody = Known(pd.DataFrame(columns=["checksum"], dtype=str), True)
    return Labelled(str(folder), read, cases, read.problems, 100.0, nobody, 0, settings)


def parts(of: Labelled, place: Path, share: float = 0.5) -> str:
    return store_of_parts(of, divided(of, share), place, lambda *_: None).digest


def test_the_same_command_takes_what_it_has_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = labelled(clinic(tmp_path / "a", 0))
    first = parts(here, tmp_path / "prepared")
    monkeypatch.setattr("search.evaluate.fine_tune.make", lambda *_, **__: pytest.fail("nothing is prepared again"))

    assert parts(here, tmp_path / "prepared") == first


@pytest.mark.parametrize("what", ["set", "share", "label", "image"])
def test_parts_of_anything_else_are_refused(tmp_path: Path, what: str) -> None:
    first = clinic(tmp_path / "a", 0)
    parts(labelled(first), tmp_path / "new" / "prepared")
    if what == "label":
        (first / "train.csv").write_text((first / "train.csv").read_text().replace("7,34,", "7,35,"))
    if what == "image":
        (first / "7.png").write_bytes((first / "7.png").read_bytes() + b"\0")
    other = labelled(clinic(tmp_path / "b", 1) if what == "set" else first)

    with pytest.raises(
        StudyError, match=r"new was begun with parts of .*/a, which are not the parts of .*: give the new model"
    ):
        parts(other, tmp_path / "new" / "prepared", 0.6 if what == "share" else 0.5)


def test_losses_that_the_command_accepts_are_accepted(tmp_path: Path) -> None:
    folder = clinic(tmp_path / "c", 2, missing=20, count=80)

    assert parts(labelled(folder, replace(SETTINGS, accept_losses=True)), tmp_path / "prepared")
    with pytest.raises(DataError, match="--accept-losses"):
        parts(labelled(folder), tmp_path / "again")


def test_what_cannot_be_used_of_a_test_table_counts_against_all_of_it_and_not_against_the_part_reported_on(
    tmp_path: Path,
) -> None:
    folder = clinic(tmp_path / "c", 2, missing=12, count=80)  # of the 34 that are reported on they would be a quarter
    (folder / "train.csv").rename(folder / "test.csv")

    assert parts(labelled(folder), tmp_path / "prepared")
