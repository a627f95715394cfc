"""What DICOM files say that they show, against the hands that they are taken for: said before anything is trained."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write

from data.films.body_parts import is_another, other_part, said_of_others
from data.preparation import Preparation
from data.store.disk import Store
from data.store.prepare import prepare
from search.audit.remembered import audit_of, worries
from search.cli import main

COUNT = 30
SETTINGS = Preparation(image_px=32, stretch=False)


def clinic(folder: Path, parts: list[str]) -> Path:
    """Files of which the first say that they show `parts`, and the others a hand."""
    (folder / "img").mkdir(parents=True)
    draw = np.random.default_rng(0)
    rows = ["id,boneage,sex"]
    for n in range(COUNT):
        pixels = draw.integers(0, 4000, (40, 40), dtype=np.uint16)
        part = parts[n] if n < len(parts) else "HAND"
        write(folder / "img" / f"{n}.dcm", pixels, PatientID=f"X{n}X", BodyPartExamined=part)
        rows.append(f"{n},{60 + 3 * n},{'FM'[n % 2]}")
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    return folder


def said(store: Store) -> list[str]:
    return [worry for worry in worries(audit_of(store)) if "part than a hand" in worry]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (["CHEST"], "1 file says that it shows another part than a hand (1 CHEST; 0)"),
        (["FOOT", "HAND", "foot", "KNEE"], "3 of 30 files say that they show another part than a hand (2 FOOT, 1 KNEE; 0, 2, 3)"),
        (["SKULL"] * 5, "5 of 30 files say that they show another part than a hand (5 SKULL; 0, 1, 2, ...)"),
    ],
)  # fmt: skip
def test_files_that_say_another_part_are_a_worry_with_their_number(tmp_path: Path, parts: list[str], says: str) -> None:
    [worry] = said(prepare(str(clinic(tmp_path / "a", parts)), SETTINGS, tmp_path / "store"))

    assert worry.startswith(says)
    assert "remove those that show no hand" in worry


@pytest.mark.parametrize(
    "part",
    [
        "HAND",
        "hand",
        "WRIST",
        "LT HAND",
        "UP_EXM ARM",
        "UPPER EXTREMITY",
        "",
        "BONE AGE",
        "BONE_AGE",
        "MANO",
        "Main",
        "POIGNET",
        "MUÑECA",
        "MÃO",
        "HÄNDE",
        "Knochenalter",
        "UNKNOWN",
        "CHEST_HAND",
        "ABC",
    ],
)
def test_what_may_be_a_hand_is_no_worry(tmp_path: Path, part: str) -> None:
    assert not said(prepare(str(clinic(tmp_path / "a", [part])), SETTINGS, tmp_path / "store"))


def test_a_film_that_is_removed_is_no_worry_any_more_and_the_others_are_not_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = clinic(tmp_path / "a", ["CHEST", "FOOT"])
    assert said(prepare(str(folder), SETTINGS, tmp_path / "store"))
    monkeypatch.setattr("data.store.sources.decode", None)
    table = folder / "train.csv"
    table.write_text("".join(line for line in table.read_text().splitlines(True) if not line.startswith("0,")))

    [worry] = said(prepare(str(folder), SETTINGS, tmp_path / "store"))

    assert "(1 FOOT; 1)" in worry


def test_a_store_of_before_says_nothing_of_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clinic(tmp_path / "a", ["HAND"])
    prepare(str(folder), SETTINGS, tmp_path / "store")
    files = tmp_path / "store" / "files.csv"
    pd.read_csv(files, dtype=str, keep_default_na=False).drop(columns="part").to_csv(files, index=False)
    monkeypatch.setattr("data.store.sources.decode", None)

    assert said(prepare(str(folder), SETTINGS, tmp_path / "store")) == []


def test_prepare_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = clinic(tmp_path / "a", ["THORAX"] * 2)
    command = ["prepare", str(folder), "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--image-px", "48"]

    assert main(command) == 0
    assert "data: 2 of 30 files say that they show another part than a hand (2 THORAX; 0, 1)" in capsys.readouterr().err


def test_a_part_that_nobody_knows_is_another_one_and_not_surely_so() -> None:
    assert (other_part("xyz\n"), is_another("xyz")) == ("XYZ", False)
    assert (other_part("lower extremity"), is_another("lower extremity")) == ("LOWER EXTREMITY", True)
    assert said_of_others(["a", "b", "c"], ["", "XYZ", ""]) == ""


@pytest.mark.parametrize(
    "part", ["mano izquierda", "MAIN G", "手", "HAENDE BDS", "Bone-age", "PHALANX", "POLSO SX", "DEDO"]
)
def test_hands_are_known_in_other_languages(part: str) -> None:
    assert other_part(part) == ""
