"""Whose an image is, however the number is written: one patient is on one side, and a word for unknown is nobody."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from dicom_files import write
from PIL import Image

import data.store.arranging
import data.store.decoding
from data.preparation import Preparation
from data.store.disk import Store, open_store
from data.store.patients import hashed, hashed_at_first
from data.store.prepare import prepare
from search.audit.remembered import audit_of, worries
from search.cli import main

SETTINGS = Preparation(image_px=32, fit="squash", stretch=False, validation_fraction=0.3, test_fraction=0.2)
ZOE = "Zoë"


def folder(
    at: Path,
    patients: list[str],
    splits: str = "",
    dicom: bool = False,
    headers: Sequence[str] = (),
    ending: str = ".dcm",
) -> Path:
    """An image for each patient's number; the numbers are in the table, or in the headers of DICOM files, or, with `headers`, others
    in each. Those that are there stay."""
    (at / "img").mkdir(parents=True, exist_ok=True)
    rows = ["id,boneage,male,split" + ("" if dicom else ",patient_id")]
    for n, patient in enumerate(patients):
        pixels = np.random.default_rng(n).integers(0, 255, (32, 32), dtype=np.uint8)
        if (at / "img" / f"{n}h{ending}").exists():
            pass
        elif dicom or headers:
            patient_id = headers[n] if headers else patient
            write(at / "img" / f"{n}h{ending}", pixels.astype(np.uint16), PatientID=patient_id)
        else:
            Image.fromarray(pixels).save(at / "img" / f"{n}h.png")
        split = {"v": "validation", "t": "train", "": ""}[splits[n % len(splits)] if splits else ""]
        rows.append(f"{n}h,{60 + 3 * n},{n % 2 == 0},{split}" + ("" if dicom else f",{patient}"))
    (at / "train.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return at


def said(store: Store) -> str:
    return " ".join(f"{finding.level}: {finding.text}" for finding in audit_of(store).findings)


def split_by_id(store: Store) -> dict[str, str]:
    return dict(zip(store.cases["id"], store.cases["split"], strict=True))


@pytest.mark.parametrize(
    "ways",
    [
        ["12", "0012", "12.0", "12,0", "12.00", " 12 ", "000012", "１２"],
        [ZOE, unicodedata.normalize("NFD", ZOE), "ZOË"],
        ["p12", "P12", "P12 "],
        ["Ana  Silva", "ana silva"],
        ["0", "00", "0.0"],
    ],
)
def test_one_number_written_in_several_ways_is_one_patient(ways: list[str]) -> None:
    assert len({hashed(way) for way in ways}) == 1
    assert hashed(ways[0])


def test_numbers_that_differ_are_patients_that_differ() -> None:
    numbers = [
        "1",
        "10",
        "100",
        "1.1",
        "12.5",
        "A1",
        "B1",
        "A10",
        "1-0",
        "1.0.0",
        "José",
        "Josef",
        "1.2.840.0",
        "1.2.84",
    ]
    assert all(hashed(one) != hashed(other) for one, other in combinations(numbers, 2))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            "---",
            "?",
            "***",
            "^^",
            "N/A",
            "#N/A",
            "nan",
            "None",
            "Unknown",
            "<unknown>",
            "UNKNOWN^PATIENT",
            "anon^anon",
        ),
        *(
            "unbekannt",
            "Unbekannt ",
            "keine Angabe",
            "k. A.",
            "k.A.",
            "inconnu",
            "non renseigné",
            "desconocido",
            "sin datos",
        ),
        *(
            "anónimo",
            "não informado",
            "sconosciuto",
            "n.d.",
            "onbekend",
            "not available",
            "de-identified",
            "no_id",
            "xxxx",
        ),
    ],
)
def test_a_word_for_unknown_of_any_language_is_nobody(text: str) -> None:
    assert hashed(text) == hashed(unicodedata.normalize("NFD", text)) == ""


@pytest.mark.parametrize("text", ["Anon0012", "unknown 7", "0", "Nana", "XY", "Patient 3", "Anonyme Bosch", "7"])
def test_a_pseudonym_is_somebody(text: str) -> None:
    assert hashed(text)


def test_numbers_and_codes_in_capitals_have_the_hash_that_they_always_had() -> None:
    assert all(hashed(number) == hashed_at_first(number) for number in ("12", "P0012", "PAT-7", "1.2.840.113"))


@pytest.mark.parametrize("dicom", [False, True])
def test_a_patient_whose_number_is_written_in_two_ways_is_on_one_side(tmp_path: Path, dicom: bool) -> None:
    patients = [f"{n // 2 + 1:0{1 if n % 2 else 6}}" for n in range(32)]

    splits = split_by_id(prepare(str(folder(tmp_path / "a", patients, "", dicom)), SETTINGS, tmp_path / "store"))

    assert set(splits.values()) == {"train", "validation", "test"}
    assert all(splits[f"{n}h"] == splits[f"{n + 1}h"] for n in range(0, 32, 2))


@pytest.mark.parametrize("dicom", [False, True])
def test_splits_of_the_sources_own_that_share_a_patient_are_a_worry_however_the_number_is_written(
    tmp_path: Path, dicom: bool
) -> None:
    patients = [f"{n // 2 + 1:0{1 if n % 2 else 4}}" for n in range(12)]

    store = prepare(str(folder(tmp_path / "a", patients, "tv", dicom)), SETTINGS, tmp_path / "store")

    assert "worry: 6 patients have images in several splits" in said(store)


def test_a_word_for_unknown_in_most_rows_is_nobody_and_the_audit_says_how_many_name_none(tmp_path: Path) -> None:
    patients = ["unbekannt"] * 8 + [f"P{n}" for n in range(4)]

    store = prepare(str(folder(tmp_path / "a", patients)), SETTINGS, tmp_path / "store")

    assert "8 of 12 cases name no patient" in said(store)
    assert set(store.cases["split"]) == {"train", "validation", "test"}


def test_a_patient_of_more_images_than_one_has_is_said_by_prepare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "a", ["leihgabe"] * 8 + [f"P{n}" for n in range(12)])
    command = ["prepare", str(source), "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--image-px", "48"]

    assert main(command) == 0
    assert "data: 8 of 20 images belong to one patient (0h, 1h, 2h, 3h, 4h, ...): all images" in capsys.readouterr().err


@pytest.mark.parametrize("each", [1, 2, 7])
def test_patients_who_come_again_are_no_worry(tmp_path: Path, each: int) -> None:
    patients = [f"P{n // each}" for n in range(28)] + ["Q"] * 5
    found = worries(audit_of(prepare(str(folder(tmp_path / "a", patients)), SETTINGS, tmp_path / "store")))

    assert not any("of one patient" in worry for worry in found)


def prepared_before(source: Path, at: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store as versions made it that told patients apart letter by letter."""
    with monkeypatch.context() as earlier:
        earlier.setattr(data.store.arranging, "hashed", hashed_at_first)
        earlier.setattr(data.store.decoding, "hashed", hashed_at_first)
        there = prepare(str(source), SETTINGS, at)
    about = {name: value for name, value in there.info.items() if name != "patients"}
    (at / "store.json").write_text(json.dumps(about))
    return open_store(at)


@pytest.mark.parametrize("dicom", [False, True])
def test_a_store_of_before_stays_what_it_was_while_its_source_does_and_the_audit_says_what_it_cannot_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dicom: bool
) -> None:
    source = folder(tmp_path / "a", [f"{n // 2:04}" for n in range(20)], "", dicom)
    prepared_before(source, tmp_path / "store", monkeypatch)
    before = {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()}

    again = prepare(str(source), SETTINGS, tmp_path / "store", trained_on=True)

    assert {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()} == before
    assert "note: An earlier version prepared these data and took 0012 and 12 for two patients" in said(again)


@pytest.mark.parametrize("dicom", [False, True])
def test_images_added_to_a_store_of_before_go_where_their_patient_is_and_no_case_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dicom: bool
) -> None:
    known = [f"{n // 2 + 1:04}" for n in range(24)]
    source = folder(tmp_path / "a", known, "", dicom)
    before = split_by_id(prepared_before(source, tmp_path / "store", monkeypatch))
    folder(source, [*known, *(f"{n + 1}" for n in range(12)), *known[::2]], "", dicom)
    decoded: list[int] = []
    decode = data.store.sources.decode
    monkeypatch.setattr(data.store.sources, "decode", lambda *given: decoded.append(1) or decode(*given))

    store = prepare(str(source), SETTINGS, tmp_path / "store")

    after = split_by_id(store)
    assert {id: after[id] for id in before} == before
    assert all(after[f"{24 + n}h"] == after[f"{36 + n}h"] == before[f"{2 * n}h"] for n in range(12))
    assert len(decoded) == 24
    assert "several splits" not in said(store)
    assert hashed_at_first("0003") not in store.sides.table["patient"].tolist()


def test_a_word_for_unknown_that_was_a_patient_in_a_store_of_before_is_one_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = ["unbekannt"] * 8 + [f"P{n}" for n in range(12)]
    source = folder(tmp_path / "a", numbers)
    before = split_by_id(prepared_before(source, tmp_path / "store", monkeypatch))
    folder(source, [*numbers, "P30"])

    store = prepare(str(source), SETTINGS, tmp_path / "store")

    assert {id: split for id, split in split_by_id(store).items() if id in before} == before
    assert set(store.patients[:8]) == {""}
    assert "8 of 21 cases name no patient" in said(store)


def in_pairs(splits: dict[str, str]) -> bool:
    return all(splits[f"{n}h"] == splits[f"{n + 1}h"] for n in range(0, len(splits), 2))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".JPEG", ".dcm"])
def test_the_patient_of_a_dicom_file_counts_whatever_the_file_is_called(tmp_path: Path, ending: str) -> None:
    source = folder(tmp_path / "a", [f"P{n // 2}" for n in range(32)], dicom=True, ending=ending)

    store = prepare(str(source), SETTINGS, tmp_path / "store")

    assert in_pairs(split_by_id(store))
    assert "name no patient" not in said(store)


def test_images_that_are_added_to_a_store_that_knew_no_patient_bring_them_to_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions asked no file that is named like a picture."""
    numbers = [f"P{n // 2}" for n in range(24)]
    source = folder(tmp_path / "a", numbers[:20], dicom=True, ending=".jpg")
    with monkeypatch.context() as earlier:
        earlier.setattr("data.store.sources.of_header", lambda path: ("", "", ""))
        before = prepare(str(source), SETTINGS, tmp_path / "store")
    assert set(before.patients) == {""}
    folder(source, numbers, dicom=True, ending=".jpg")

    assert set(prepare(str(source), SETTINGS, tmp_path / "store").patients) == {hashed(number) for number in numbers}


@pytest.mark.parametrize(
    "of_table",
    [
        [f"S{n // 2}" if n % 2 else "" for n in range(32)],
        [f"exam{n}" for n in range(32)],
        [f"S{n}" if n % 3 else "unknown" for n in range(32)],
    ],
    ids=["every second row is blank", "another pseudonym in each row", "both"],
)
def test_two_images_are_of_one_patient_if_the_table_or_the_headers_say_so(tmp_path: Path, of_table: list[str]) -> None:
    source = folder(tmp_path / "a", of_table, headers=[f"P{n // 2}" for n in range(32)])

    assert in_pairs(split_by_id(prepare(str(source), SETTINGS, tmp_path / "store")))


def test_images_belong_together_over_any_others_that_the_table_or_a_header_joins(tmp_path: Path) -> None:
    """0 and 1 by the table, 1 and 2 by their headers, 2 and 3 by the table."""
    of_table = [f"S{n // 2}" for n in range(32)]
    headers = [f"P{(n + 1) // 2}" if n % 4 in (1, 2) else f"Q{n}" for n in range(32)]

    store = prepare(str(folder(tmp_path / "a", of_table, headers=headers)), SETTINGS, tmp_path / "store")

    splits = split_by_id(store)
    assert all(len({splits[f"{n + k}h"] for k in range(4)}) == 1 for n in range(0, 32, 4))
    assert "worry: 8 patients by their DICOM headers are several patients in the table (the first: 1h and 2h)" in said(
        store
    )


@pytest.mark.parametrize(
    "constant", [["ANON"] * 32, ["ANON"] * 31 + ["P1"], ["CLINIC"] * 12 + [f"P{n}" for n in range(20)]]
)
def test_a_number_that_an_anonymiser_wrote_into_most_headers_joins_no_patients_of_the_table(
    tmp_path: Path, constant: list[str]
) -> None:
    of_table = [f"S{n // 2}" for n in range(32)]

    store = prepare(str(folder(tmp_path / "a", of_table, headers=constant)), SETTINGS, tmp_path / "store")

    assert list(store.patients) == [hashed(of_table[int(id[:-1])]) for id in store.cases["id"]]
    assert "several patients in the table" not in said(store)


def test_headers_that_name_two_sites_take_no_patient_from_the_table_and_are_a_worry(tmp_path: Path) -> None:
    of_table = [f"S{n // 2}" for n in range(32)]
    source = folder(tmp_path / "a", of_table, headers=["North", "South"] * 16)

    store = prepare(str(source), SETTINGS, tmp_path / "store")

    assert list(store.patients) == [hashed(of_table[int(id[:-1])]) for id in store.cases["id"]]
    assert "worry: 2 patients by their DICOM headers are several patients in the table" in said(store)


@pytest.mark.parametrize("each", [1, 2, 3])
@pytest.mark.parametrize("sites", [3, 5])
def test_headers_that_name_sites_of_equal_size_take_no_patient_from_the_table(
    tmp_path: Path, each: int, sites: int
) -> None:
    of_table = [f"S{n // each}" for n in range(60)]
    source = folder(tmp_path / "a", of_table, headers=[f"SITE_{n * sites // 60}" for n in range(60)])

    store = prepare(str(source), SETTINGS, tmp_path / "store")

    assert list(store.patients) == [hashed(of_table[int(id[:-1])]) for id in store.cases["id"]]
    assert f"worry: {sites} patients by their DICOM headers are several patients in the table" in said(store)


def test_a_patient_who_is_a_boy_in_one_row_and_a_girl_in_another_is_a_worry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The column of sexes has slipped by a row."""
    slipped = folder(tmp_path / "a", [f"P{n // 2}" for n in range(20)])
    command = ["prepare", str(slipped), "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--image-px", "48"]

    assert main(command) == 0
    assert "10 patients are boys in one row and girls in another (0h and 1h, 2h and 3h" in capsys.readouterr().err
    right = folder(tmp_path / "b", [f"P{n // 4}{n % 2}" for n in range(20)])
    assert "boys in one row" not in said(prepare(str(right), SETTINGS, tmp_path / "store"))


def test_a_word_for_unknown_is_no_patient_of_both_sexes(tmp_path: Path) -> None:
    source = folder(tmp_path / "a", ["leihgabe"] * 8 + [f"P{n}" for n in range(12)])

    assert "in another (" not in said(prepare(str(source), SETTINGS, tmp_path / "store"))


@pytest.mark.parametrize(
    "others",
    [
        ("P-12", "P\u201312", "P\u221212", "P -12"),
        ("P12", "P 12", "P\u200b12", "\ufeffP12"),
        ("Ann Lee", "Ann\u00a0Lee", "AnnLee"),
    ],
)
def test_dashes_spaces_and_characters_that_nobody_sees_make_no_other_patient(others: tuple[str, ...]) -> None:
    assert len({hashed(other) for other in others}) == 1
    assert hashed(others[0]) != hashed(f"{others[0]}3")


IDS_OF_ONE = {  # by the number of the case: two images of each of twelve patients
    "sides behind": lambda n: f"{100 + n // 2}_{'LR'[n % 2]}",
    "sides in words": lambda n: f"{100 + n // 2} {('left', 'right')[n % 2]}",
    "sides before": lambda n: f"{('li', 're')[n % 2]}-{100 + n // 2}",
    "numbers behind": lambda n: f"P{100 + n // 2}-{n % 2 + 1}",
    "folders": lambda n: f"P{n // 2:02}/{'LR'[n % 2]}",
    "sides without a mark": lambda n: f"{100 + n // 2}{'LR'[n % 2]}",
    "letters": lambda n: f"P{100 + n // 2}{'ab'[n % 2]}",
    "visits": lambda n: f"P{100 + n // 2}_T{n % 2}",
    "visits and sides": lambda n: f"P{100 + n // 2}_v1_{'LR'[n % 2]}",
    "dates": lambda n: f"P{100 + n // 2}_201{n % 2}-03-04",
    "days": lambda n: f"{100 + n // 2}_201{n % 2}0304",
    "images in folders": lambda n: f"P{n // 2:02}/im{n % 2}",
    "numbers in folders": lambda n: f"P{n // 2:02}/{n % 2 + 1:02}",
}
OTHER_IDS = {
    "numbers": lambda n: f"{1377 + n}",
    "numbers behind one word": lambda n: f"hand_{n}",
    "numbers behind a few cohorts": lambda n: f"{'abc'[n % 3]}_{n}",
    "one side each": lambda n: f"{100 + n}_L",
    "days": lambda n: f"2019-{n % 12 + 1:02}-{n % 24 + 1:02}",
    "days with numbers": lambda n: f"201901{n // 2 + 10}_{n % 2}",
    "UIDs": lambda n: f"1.2.840.{100 + n // 2}.{n}",
    "names": lambda n: f"Case{n}tar",
}


def of_ids(at: Path, name: Callable[[int], str], patients: Callable[[int], str] | None = None) -> Path:
    rows = ["id,boneage,male" + (",patient_id" if patients else "")]
    for n in range(24):
        path = at / "img" / f"{name(n)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(n).integers(0, 255, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        rows.append(f"{name(n)},{60 + 3 * n},{n % 2 == 0}" + (f",{patients(n)}" if patients else ""))
    (at / "train.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return at


@pytest.mark.parametrize("how", IDS_OF_ONE)
def test_ids_that_differ_by_a_side_or_a_number_are_a_worry_until_a_column_names_patients(
    tmp_path: Path, how: str
) -> None:
    store = prepare(str(of_ids(tmp_path / "a", IDS_OF_ONE[how])), SETTINGS, tmp_path / "store")
    named = of_ids(tmp_path / "b", IDS_OF_ONE[how], lambda n: f"Q{n // 2}")

    assert "worry: The ids of 24 of 24 cases differ from one another by a side or a number at their end" in said(store)
    assert "column `patient_id` to the table, and prepare with another --run-dir" in said(store)
    assert "The ids of" not in said(prepare(str(named), SETTINGS, tmp_path / "other"))


@pytest.mark.parametrize("how", OTHER_IDS)
def test_other_ids_say_nothing_of_patients(tmp_path: Path, how: str) -> None:
    store = prepare(str(of_ids(tmp_path / "a", OTHER_IDS[how])), SETTINGS, tmp_path / "store")

    assert "The ids of" not in said(store)


def test_patients_who_are_named_later_are_told_where_they_can_be_kept_together(tmp_path: Path) -> None:
    name = IDS_OF_ONE["sides behind"]
    prepare(str(of_ids(tmp_path / "a", name)), SETTINGS, tmp_path / "store")

    store = prepare(str(of_ids(tmp_path / "a", name, lambda n: f"Q{n // 2}")), SETTINGS, tmp_path / "store")
    anew = prepare(str(tmp_path / "a"), SETTINGS, tmp_path / "other")

    assert "what it split before stays, so with another --run-dir" in said(store)
    assert "in several splits" not in said(anew)


def test_a_store_numbers_the_images_of_a_split_by_their_patients_and_gives_those_of_nobody_numbers_of_their_own(
    tmp_path: Path,
) -> None:
    patients = [f"P{n // 3}" for n in range(18)] + ["", "unknown"]
    store = prepare(str(folder(tmp_path / "a", patients, "ttv")), SETTINGS, tmp_path / "store")

    for split in ("train", "validation"):
        of = [patients[int(id[:-1])] or id for id in store.split(split).ids]
        of = [id if patient == "unknown" else patient for patient, id in zip(of, store.split(split).ids, strict=True)]
        numbers = store.patients_in(split).tolist()
        assert len(set(zip(of, numbers, strict=True))) == len(set(of)) == len(set(numbers))
