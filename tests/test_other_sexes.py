"""What DICOM files say of their sex against the table's: counted when they are read, said before anything is trained."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write

from data.films import dicom
from data.preparation import Preparation
from data.store.disk import Store, open_store
from data.store.prepare import prepare
from search.audit.remembered import audit_of, worries
from search.cli import main

COUNT = 30
SETTINGS = Preparation(image_px=32, stretch=False)


def clinic(folder: Path, wrong: int, stated: int = COUNT, ending: str = ".dcm") -> Path:
    """Files named by their ids, half of them girls; of those that state a sex, the first `wrong` state the other."""
    (folder / "img").mkdir(parents=True)
    draw = np.random.default_rng(0)
    rows = ["id,boneage,sex"]
    for n in range(COUNT):
        sex = "FM"[(n + (n < wrong)) % 2] if n < stated else "O"
        pixels = draw.integers(0, 4000, (40, 40), dtype=np.uint16)
        write(folder / "img" / f"{n}{ending}", pixels, PatientSex=sex, PatientID=f"X{n}X")
        rows.append(f"{n},{60 + 3 * n},{'FM'[n % 2]}")
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    return folder


def said(store: Store) -> list[str]:
    return [worry for worry in worries(audit_of(store)) if "The table gives another sex" in worry]


@pytest.mark.parametrize(("wrong", "stated"), [(1, COUNT), (7, COUNT), (2, 20)])
def test_sexes_that_contradict_the_table_are_a_worry_with_their_number(tmp_path: Path, wrong: int, stated: int) -> None:
    [worry] = said(prepare(str(clinic(tmp_path / "a", wrong, stated)), SETTINGS, tmp_path / "store"))

    assert worry.startswith(
        f"The table gives another sex than the file for {wrong} of {stated} DICOM files that name a sex (0"
    )
    assert "their bone ages are wrong, too" in worry
    agreeing = prepare(str(clinic(tmp_path / "b", 0, stated)), SETTINGS, tmp_path / "other")
    assert said(agreeing) == []
    assert "other_sexes" not in agreeing.info


@pytest.mark.parametrize("ending", [".jpg", ".PNG", ".jpeg", ""])
def test_dicom_that_is_named_like_a_picture_says_its_sex_as_any_other(tmp_path: Path, ending: str) -> None:
    [worry] = said(prepare(str(clinic(tmp_path / "a", 7, ending=ending)), SETTINGS, tmp_path / "store"))

    assert "for 7 of 30 DICOM files that name a sex" in worry


@pytest.mark.parametrize("ending", [".dcm", ".jpg", ".png"])
def test_sexes_that_no_table_has_come_from_dicom_whatever_it_is_called(tmp_path: Path, ending: str) -> None:
    source = clinic(tmp_path / "a", 0, ending=ending)
    table = source / "train.csv"
    table.write_text("\n".join(line.rpartition(",")[0] for line in table.read_text().splitlines()))

    cases = prepare(str(source), SETTINGS, tmp_path / "store").cases

    assert list(cases["male"]) == [int(id) % 2 == 1 for id in cases["id"]]


def test_a_table_that_is_mended_is_no_worry_and_nothing_is_decoded_or_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = clinic(tmp_path / "a", 1)
    assert said(prepare(str(folder), SETTINGS, tmp_path / "store"))
    table = folder / "train.csv"
    table.write_text(table.read_text().replace("\n0,60,F\n", "\n0,60,M\n"))
    monkeypatch.setattr("data.store.sources.decode", None)
    monkeypatch.setattr("data.store.sources.dicom.texts", None)

    assert said(prepare(str(folder), SETTINGS, tmp_path / "store")) == []
    table.write_text(table.read_text().replace("\n1,63,M\n", "\n1,63,F\n"))
    [worry] = said(prepare(str(folder), SETTINGS, tmp_path / "store"))
    assert "name a sex (1)" in worry
    before = (tmp_path / "store" / "store.json").stat().st_mtime_ns
    prepare(str(folder), SETTINGS, tmp_path / "store")
    assert (tmp_path / "store" / "store.json").stat().st_mtime_ns == before


def test_a_header_is_read_once_for_patient_and_sex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    texts = dicom.texts
    monkeypatch.setattr(
        "data.store.sources.dicom.texts", lambda path, *names: read.append(path.name) or texts(path, *names)
    )
    store = prepare(str(clinic(tmp_path / "a", 3)), SETTINGS, tmp_path / "store")

    assert said(store)
    assert sorted(read) == sorted(f"{n}.dcm" for n in range(COUNT))


def test_a_store_of_before_is_not_made_again_and_says_nothing_of_sexes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no column of sexes; new files are read and the others are not."""
    folder = clinic(tmp_path / "a", 5)
    store = prepare(str(folder), SETTINGS, tmp_path / "store")
    assert said(store)
    about = {name: value for name, value in store.info.items() if name != "other_sexes"}
    (tmp_path / "store" / "store.json").write_text(json.dumps(about))
    files = tmp_path / "store" / "files.csv"
    pd.read_csv(files, dtype=str, keep_default_na=False).drop(columns="sex").to_csv(files, index=False)
    monkeypatch.setattr("data.store.sources.decode", None)

    assert said(prepare(str(folder), SETTINGS, tmp_path / "store")) == []
    assert open_store(tmp_path / "store").info == about


def test_prepare_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = clinic(tmp_path / "a", 4)
    command = ["prepare", str(folder), "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--image-px", "48"]

    assert main(command) == 0
    assert (
        "data: The table gives another sex than the file for 4 of 30 DICOM files that name a sex (0, 1, 2, 3)"
        in capsys.readouterr().err
    )
