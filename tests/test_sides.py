"""No case and no picture ever changes its split, whatever is added, doubled, damaged, mended, renamed or taken away."""

import cProfile
import json
import os
import pstats
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import tiny_preset
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

import data.store.decoding
import data.store.sources
import data.store.stamps
from data.audit.audit import audit
from data.cases import complete_splits
from data.preparation import DataError, Preparation
from data.store.disk import Store, open_store, verify
from data.store.prepare import prepare
from data.tables.paired.split_folders import ByFolder
from search.prepared import prepared
from search.run import TRIALS, Run
from search.storage.sqlite import sqlite_url

SETTINGS = Preparation(
    image_px=32, fit="squash", stretch=False, validation_fraction=0.3, test_fraction=0.2, accept_losses=True
)
DAMAGED = -1


def picture(number: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(number).integers(0, 255, (32, 32), dtype=np.uint8))


@dataclass
class Folder:
    """A folder of radiographs: per id which picture it shows, and of which patient it is."""

    at: Path
    pictures: dict[str, int] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)  # the source's own

    def write(self) -> str:
        (self.at / "img").mkdir(parents=True, exist_ok=True)
        rows = ["id,boneage,male,patient_id,split"]
        for place, (id, number) in enumerate(self.pictures.items()):
            path = self.at / "img" / f"{id}.png"
            if number == DAMAGED:
                path.write_bytes(b"")
            else:
                picture(number).save(path)
            rows.append(f"{id},{60 + 3 * place},{place % 2 == 0},{self.patients.get(id, '')},{self.splits.get(id, '')}")
        (self.at / "train.csv").write_text("\n".join(rows) + "\n")
        return str(self.at)


def folder(at: Path, count: int = 16) -> Folder:
    return Folder(at, {f"{number}h": number for number in range(count)})


def contents(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.path.iterdir())}


# One change of a folder: what happens to the case at a place, and which other case or picture takes part.
CHANGES = ("add", "double", "damage", "mend", "swap", "remove", "rename", "relabel")


def change(source: Folder, what: str, place: int, other: int) -> None:
    ids = list(source.pictures)
    id, second = ids[place % len(ids)], ids[other % len(ids)]
    if what == "add":
        source.pictures[f"{place}n"] = other % 40
    elif what == "double":
        source.pictures[f"{place}d"] = source.pictures[second]
        source.patients[f"{place}d"] = source.patients.get(second, "")
    elif what == "damage":
        source.pictures[id] = DAMAGED
    elif what == "mend":
        source.pictures[id] = other % 40
    elif what == "swap":
        source.pictures[id], source.pictures[second] = source.pictures[second], source.pictures[id]
    elif what == "remove" and len(ids) > 8:
        source.pictures.pop(id)
        (source.at / "img" / f"{id}.png").unlink(missing_ok=True)
    elif what == "rename":
        source.pictures[f"{other}r"] = source.pictures.pop(id)
        (source.at / "img" / f"{id}.png").unlink(missing_ok=True)
    elif what == "relabel":
        source.patients[id] = f"P{other % 3}"


steps = st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=4)
groups = st.dictionaries(st.sampled_from([f"{n}h" for n in range(16)]), st.sampled_from(["P0", "P1", "P2"]), max_size=9)


@pytest.mark.slow
@given(st.lists(steps, min_size=1, max_size=3), groups)
@settings(deadline=None, max_examples=10)
def test_whatever_happens_to_a_folder_no_case_and_no_picture_changes_its_split(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, int, int]]], patients: dict[str, str]
) -> None:
    at = tmp_path_factory.mktemp("sides")
    source = folder(at / "source")
    source.patients |= patients
    of_case: dict[str, str] = {}
    of_picture: dict[str, str] = {}
    for batch in ([], *batches):
        for what, place, other in batch:
            change(source, what, place, other)
        try:
            store = prepare(source.write(), SETTINGS, at / "store")
        except DataError as error:
            assert "leaves no cases for" in str(error)  # noqa: PT017 - other refusals are faults
            return

        cases = store.cases
        assert cases["checksum"].is_unique
        for seen, now in (
            (of_case, cases.set_index("id")["split"]),
            (of_case, store.sides.table.set_index("id")["side"]),
            (of_picture, cases.set_index("checksum")["split"]),
        ):
            for key, split in now.items():
                assert seen.setdefault(str(key), split) == split
        assert set(source.pictures) <= set(store.sides.of_id)
        before = contents(store)
        assert contents(prepare(str(source.at), SETTINGS, at / "store")) == before


@given(
    st.lists(st.sampled_from(["", "P0", "P1", "P2", "P3", "P4", "P5"]), min_size=40, max_size=80), st.integers(0, 39)
)
@settings(deadline=None, max_examples=50)
def test_a_patient_is_on_one_side_also_when_images_come_later(patients: list[str], earlier: int) -> None:
    cases = pd.DataFrame(
        {
            "id": [f"{n}h" for n in range(len(patients))],
            "age_months": np.arange(len(patients)) * 2.0,
            "male": np.arange(len(patients)) % 2 == 0,
            "split": "",
            "patient": patients,
        }
    )
    first, _ = complete_splits(cases[:earlier], 0.3, 0.2)
    kept = dict(zip(first["id"], first["split"], strict=True))
    of_patients = {patient: split for patient, split in zip(first["patient"], first["split"], strict=True) if patient}

    every, _ = complete_splits(cases, 0.3, 0.2, kept, of_patients)

    assert list(every["split"][:earlier]) == list(first["split"])
    named = every[every["patient"] != ""]
    assert (named.groupby("patient")["split"].nunique() == 1).all()


def test_added_one_by_one_cases_are_held_out_as_often_as_any() -> None:
    """A batch of one is held out with its share's chance; never, where every batch began to count anew."""
    cases = pd.DataFrame({"id": ["first"], "age_months": 9.0, "male": True, "split": ""})
    kept = {"first": "train"}
    for number in range(150):
        added = pd.DataFrame({"id": [f"case {number}"], "age_months": 9.0, "male": True, "split": ""})
        completed, _ = complete_splits(pd.concat([cases[:1], added], ignore_index=True), 0.3, 0.2, kept)
        kept[f"case {number}"] = str(completed["split"][1])

    counts = pd.Series(list(kept.values())[1:]).value_counts(normalize=True)
    assert abs(counts["validation"] - 0.3) < 0.15  # four standard errors
    assert abs(counts["test"] - 0.2) < 0.14


def test_the_same_folder_under_another_name_and_with_other_times_has_the_same_sides(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    source.pictures |= {"3h": DAMAGED, "4h": 5}
    one = prepare(source.write(), SETTINGS, tmp_path / "one")
    shutil.copytree(source.at, tmp_path / "moved" / "elsewhere")
    for path in (tmp_path / "moved").rglob("*.png"):
        os.utime(path, (1, 1))

    other = prepare(str(tmp_path / "moved" / "elsewhere"), SETTINGS, tmp_path / "other")
    same_place = prepare(str(tmp_path / "moved" / "elsewhere"), SETTINGS, tmp_path / "one")

    assert (one.digest, one.info["sides"]) == (other.digest, other.info["sides"])
    assert (one.digest, one.info["sides"]) == (same_place.digest, same_place.info["sides"])


@dataclass
class Counted:
    decoded: int = 0
    read: int = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """How many files are decoded, and how many are read for their digest alone; each is done as ever."""
    count = Counted()
    decode, digest_of_file = data.store.sources.decode, data.store.stamps.digest_of_file

    def decoded(*given: object) -> object:
        count.decoded += 1
        return decode(*given)  # type: ignore[arg-type]

    def read(path: Path) -> str:
        count.read += 1
        return digest_of_file(path)

    monkeypatch.setattr(data.store.sources, "decode", decoded)
    monkeypatch.setattr(data.store.stamps, "digest_of_file", read)
    monkeypatch.setattr(data.store.decoding, "digest_of_file", read)
    return count


def test_an_unchanged_folder_with_doubled_and_damaged_images_is_neither_decoded_nor_read(
    tmp_path: Path, counted: Counted
) -> None:
    source = folder(tmp_path / "source")
    source.pictures |= {"3h": DAMAGED, "4h": 5, "6h": 7}
    first = prepare(source.write(), SETTINGS, tmp_path / "store")
    before = contents(first)
    counted.decoded = counted.read = 0

    for _ in range(3):
        prepare(str(source.at), SETTINGS, tmp_path / "store")

    assert (counted.decoded, counted.read) == (0, 0)
    assert contents(open_store(tmp_path / "store")) == before


def test_of_equal_images_the_one_that_was_kept_stays_whichever_comes_first_in_the_table(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    before = prepare(source.write(), SETTINGS, tmp_path / "store")
    source.pictures = {f"{n}first": n for n in range(16)} | source.pictures

    after = prepare(source.write(), SETTINGS, tmp_path / "store")

    assert after.digest == prepare(str(source.at), SETTINGS, tmp_path / "store").digest
    assert set(after.cases["id"]) == set(before.cases["id"])
    assert dict(zip(after.problems["id"], after.problems["duplicate_of"], strict=True)) == {
        f"{n}first": f"{n}h" for n in range(16)
    }


def test_where_only_times_differ_files_are_read_once_and_nothing_is_decoded(tmp_path: Path, counted: Counted) -> None:
    source = folder(tmp_path / "source")
    before = prepare(source.write(), SETTINGS, tmp_path / "store")
    for path in list((source.at / "img").iterdir())[:5]:
        os.utime(path, (10, 10))
    counted.decoded = counted.read = 0

    again = prepare(str(source.at), SETTINGS, tmp_path / "store")
    assert (counted.decoded, counted.read) == (0, 5)
    assert again.info == before.info

    prepare(str(source.at), SETTINGS, tmp_path / "store")
    assert (counted.decoded, counted.read) == (0, 5)


def test_a_changed_image_of_the_same_size_and_time_is_found(tmp_path: Path) -> None:
    """A program may give a file its old time back; it cannot do so for the time of the inode's change."""
    source = folder(tmp_path / "source")
    before = prepare(source.write(), SETTINGS, tmp_path / "store")
    path = source.at / "img" / "3h.png"
    seen, data = path.stat(), bytearray(path.read_bytes())
    Image.fromarray(255 - np.asarray(picture(3))).save(path)
    path.write_bytes(path.read_bytes().ljust(len(data), b"\0")[: len(data)])
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))

    assert prepare(str(source.at), SETTINGS, tmp_path / "store").digest != before.digest


def test_only_what_is_new_is_decoded(tmp_path: Path, counted: Counted) -> None:
    source = folder(tmp_path / "source")
    prepare(source.write(), SETTINGS, tmp_path / "store")
    counted.decoded = 0
    source.pictures |= {"new": 30, "twin": 4}
    store = prepare(source.write(), SETTINGS, tmp_path / "store")

    assert counted.decoded == 1  # the twin's bytes were prepared before
    verify(store)
    assert (
        contents(prepare(str(source.at), SETTINGS, tmp_path / "store"))["images.npy"] == contents(store)["images.npy"]
    )
    images = dict(zip(store.cases["id"], np.asarray(store.images), strict=True))
    assert np.array_equal(images["new"], np.asarray(picture(30)))
    assert np.array_equal(images["9h"], np.asarray(picture(9)))


def test_a_folder_of_an_older_store_keeps_its_sides_and_its_digest(tmp_path: Path, counted: Counted) -> None:
    """Such a store remembers the cases it kept and no others; it has a fingerprint of sizes and times."""
    source = folder(tmp_path / "source")
    source.pictures |= {"3h": DAMAGED, "4h": 5, "6h": 7}
    made = prepare(source.write(), SETTINGS, tmp_path / "store")
    (made.path / "sides.csv").unlink()
    (made.path / "files.csv").unlink()
    of_old = {name: value for name, value in made.info.items() if name not in ("read", "readers", "sides")}
    (made.path / "store.json").write_text(json.dumps(of_old | {"fingerprint": "0123456789abcdef"}))
    problems = pd.read_csv(made.path / "problems.csv")[["id", "path", "reason"]]
    problems.to_csv(made.path / "problems.csv", index=False)

    again = prepare(str(source.at), SETTINGS, tmp_path / "store", trained_on=True)

    assert again.digest == made.digest
    assert set(again.sides.of_id) == set(source.pictures)
    source.pictures |= {"3h": 3, "new": 30}
    after = prepare(source.write(), SETTINGS, tmp_path / "store").cases.set_index("id")["split"]
    kept = made.cases.set_index("id")["split"]
    assert after[kept.index].equals(kept)


def test_the_source_of_trials_may_not_change_and_the_refusal_says_how(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    before = contents(prepare(source.write(), SETTINGS, tmp_path / "store"))
    source.pictures |= {"new": 30, "5h": 31, "7h": DAMAGED}
    source.patients["2h"] = "P1"
    table = source.write()
    text = (source.at / "train.csv").read_text()
    (source.at / "train.csv").write_text(text.replace("9h,87,", "9h,88,"))

    with pytest.raises(DataError) as refused:
        prepare(table, SETTINGS, tmp_path / "store", trained_on=True)

    for said in (
        "1 new (new)",
        "1 gone or no longer usable (7h)",
        "1 with another label (9h)",
        "1 with another image (5h)",
    ):
        assert said in str(refused.value)
    assert contents(open_store(tmp_path / "store")) == before
    assert not (tmp_path / "store.part").exists()
    prepare(table, SETTINGS, tmp_path / "store")


def test_a_source_of_trials_may_change_in_what_was_left_out(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    before = prepare(source.write(), SETTINGS, tmp_path / "store")
    source.pictures |= {"new": DAMAGED, "twin": 4}

    after = prepare(source.write(), SETTINGS, tmp_path / "store", trained_on=True)

    assert after.digest == before.digest
    assert set(after.problems["id"]) == {"new", "twin"}


def test_a_split_that_the_source_takes_back_is_refused(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    source.splits = {id: "test" if n < 3 else "train" for n, id in enumerate(source.pictures)}
    prepare(source.write(), SETTINGS, tmp_path / "store")
    source.splits["9h"] = "test"

    with pytest.raises(DataError, match="1 case is in another split of the source than before, the first: 9h"):
        prepare(source.write(), SETTINGS, tmp_path / "store")


def test_a_test_set_that_comes_later_leaves_every_known_case_where_it_was(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    source.splits = dict.fromkeys(source.pictures, "train")
    before = prepare(source.write(), SETTINGS, tmp_path / "store").cases.set_index("id")["split"]
    source.pictures |= {f"{n}official": 50 + n for n in range(4)}
    source.splits |= {f"{n}official": "test" for n in range(4)}

    store = prepare(source.write(), SETTINGS, tmp_path / "store")

    after = store.cases.set_index("id")["split"]
    assert after[before.index].equals(before)
    assert set(after.drop(before.index)) == {"test"}
    assert "training cases of the source stay in test" in " ".join(store.said)


def test_more_images_of_a_subset_leave_the_others_where_they_were(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", 30)
    few = prepare(source.write(), replace(SETTINGS, images=20), tmp_path / "store")
    every = prepare(str(source.at), SETTINGS, tmp_path / "store")

    merged = few.cases.merge(every.cases, on="id")
    assert len(merged) == 20
    assert (merged["split_x"] == merged["split_y"]).all()
    assert every.cases.equals(prepare(str(source.at), SETTINGS, tmp_path / "other").cases)


def test_a_store_caught_between_two_renamings_is_put_back_with_all_that_it_decided(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", 12)
    prepare(source.write(), SETTINGS, tmp_path / "store")
    source.pictures |= folder(source.at, 30).pictures
    before = prepare(source.write(), SETTINGS, tmp_path / "store").sides.of_id
    assert prepare(str(source.at), SETTINGS, tmp_path / "anew").sides.of_id != before
    (tmp_path / "store").rename(tmp_path / "store.old")

    store = prepare(str(source.at), SETTINGS, tmp_path / "store")

    assert store.sides.of_id == before
    assert not (tmp_path / "store.old").exists()


@pytest.mark.parametrize("leftovers", [1, 2])
def test_a_store_that_a_kill_left_under_its_hidden_name_is_put_back_and_no_rest_stays(
    tmp_path: Path, leftovers: int
) -> None:
    source = folder(tmp_path / "source", 12)
    before = prepare(source.write(), SETTINGS, tmp_path / "store").sides.of_id
    if leftovers > 1:  # of a kill while it was removed
        (tmp_path / ".store.before-a").mkdir()
    (tmp_path / "store").rename(tmp_path / ".store.before-b")

    assert prepare(str(source.at), SETTINGS, tmp_path / "store").sides.of_id == before
    source.pictures |= folder(source.at, 30).pictures
    prepare(source.write(), SETTINGS, tmp_path / "store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "store"]


def test_what_somebody_keeps_under_the_stores_name_with_old_is_left_alone(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", 12)
    prepare(source.write(), SETTINGS, tmp_path / "store")
    shutil.copytree(tmp_path / "store", tmp_path / "store.old")
    (tmp_path / "store.old" / "notes.txt").write_text("of the first try")

    source.pictures |= folder(source.at, 30).pictures
    prepare(source.write(), SETTINGS, tmp_path / "store")

    assert (tmp_path / "store.old" / "notes.txt").read_text() == "of the first try"
    assert len(open_store(tmp_path / "store.old").cases) == 12


# Patients


def audited(store: Store) -> str:
    found = audit(store.cases, store.problems, store.images, store.image_px, store.synthetic, False, store.patients)
    return " ".join(f"{finding.level}: {finding.text}" for finding in found.findings)


@pytest.mark.parametrize("official", [False, True])
def test_images_of_one_patient_are_split_together_or_the_audit_worries(tmp_path: Path, official: bool) -> None:
    source = folder(tmp_path / "source", 40)
    source.patients = {id: f"P{n // 2}" for n, id in enumerate(source.pictures)}
    if official:
        source.splits = {id: ("train", "validation", "test")[n % 3] for n, id in enumerate(source.pictures)}

    store = prepare(source.write(), SETTINGS, tmp_path / "store")

    splits = store.cases.assign(patient=[source.patients[id] for id in store.cases["id"]]).groupby("patient")["split"]
    assert set(splits.nunique()) == ({2} if official else {1})
    assert set(store.cases["split"]) == {"train", "validation", "test"}
    assert ("20 patients have images in several splits" in audited(store)) is official
    assert "could not be checked" not in audited(store)


def test_a_patients_later_images_go_where_the_patient_is(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", 40)
    source.patients = {id: f"P{n // 2}" for n, id in enumerate(source.pictures)}
    prepare(source.write(), SETTINGS, tmp_path / "store")
    source.pictures |= {f"{n}later": 100 + n for n in range(20)}
    source.patients |= {f"{n}later": f"P{n}" for n in range(20)}

    store = prepare(source.write(), SETTINGS, tmp_path / "store")

    splits = store.cases.assign(patient=[source.patients[id] for id in store.cases["id"]]).groupby("patient")["split"]
    assert len(store.cases) == 60
    assert set(splits.nunique()) == {1}


def test_two_patients_who_share_a_picture_are_on_one_side(tmp_path: Path) -> None:
    """One of the two labels is wrong, and nobody knows which."""
    source = folder(tmp_path / "source", 40)
    source.patients = {id: f"P{n // 2}" for n, id in enumerate(source.pictures)}
    source.pictures |= {f"{2 + 4 * n}h": 4 * n for n in range(10)}  # P1 shows a picture of P0, P3 one of P2...

    store = prepare(source.write(), SETTINGS, tmp_path / "store")

    pairs = store.cases.assign(pair=[int(id.removesuffix("h")) // 4 for id in store.cases["id"]]).groupby("pair")[
        "split"
    ]
    assert list(pairs.size()) == [3] * 10
    assert set(pairs.nunique()) == {1}


@pytest.mark.parametrize("number", ["", "unknown", "N/A", "the same for all"])
def test_where_no_patient_is_named_the_audit_says_that_it_could_not_check(tmp_path: Path, number: str) -> None:
    source = folder(tmp_path / "source")
    source.patients = dict.fromkeys(source.pictures, number)

    store = prepare(source.write(), SETTINGS, tmp_path / "store")

    assert set(store.cases["split"]) == {"train", "validation", "test"}
    assert "note: The data do not say whose images they are" in audited(store)


def write_dicom(path: Path, image: Image.Image, patient: str) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        DigitalXRayImageStorageForPresentation,
        generate_uid(),
    )
    header = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    header.SOPClassUID, header.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    header.PatientID, header.PixelRepresentation, header.SamplesPerPixel = patient, 0, 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Columns, header.Rows = image.size
    header.BitsAllocated, header.BitsStored, header.HighBit = 8, 8, 7
    header.PixelData = image.tobytes()
    header.save_as(path, enforce_file_format=True)


def test_a_dicom_names_its_patient_where_the_table_does_not(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", 24)
    source.write()
    for place, id in enumerate(source.pictures):
        (source.at / "img" / f"{id}.png").unlink()
        write_dicom(source.at / "img" / f"{id}.dcm", picture(place), f"P{place // 2}")

    store = prepare(str(source.at), SETTINGS, tmp_path / "store")

    patients = {id: n // 2 for n, id in enumerate(source.pictures)}
    splits = store.cases.assign(patient=[patients[id] for id in store.cases["id"]]).groupby("patient")["split"]
    assert len(store.cases) == 24
    assert set(splits.nunique()) == {1}
    assert "P3" not in "".join(path.read_text() for path in store.path.glob("*.csv"))


# Runs


def run_on(source: str, folder: Path) -> Run:
    preset = replace(tiny_preset(), preparation=SETTINGS)
    return Run(folder, preset, {}, source, sqlite_url(folder / "studies.db"))


def quietly(done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
@pytest.mark.parametrize("trials", [False, True])
def test_a_run_whose_source_is_away_goes_on_with_what_was_prepared_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str, trials: bool
) -> None:
    source = folder(tmp_path / "source")
    run = run_on(source.write(), tmp_path / "run")
    before = prepared(run, quietly)
    shutil.rmtree(source.at)
    if left == "an empty folder":
        source.at.mkdir()
    if trials:
        (run.folder / TRIALS).mkdir()

    assert prepared(run, quietly).info == before.info

    assert f"{source.at} is not there" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"is not a folder|no table of cases"):
        prepared(run_on(str(source.at), tmp_path / "other"), quietly)


def test_a_run_with_trials_refuses_a_changed_source_and_takes_it_again_when_it_is_put_back(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    source.pictures |= {"4h": 5, "7h": DAMAGED}
    run = run_on(source.write(), tmp_path / "run")
    before = prepared(run, quietly)
    (run.folder / TRIALS).mkdir()
    source.pictures["7h"] = 7

    with pytest.raises(DataError, match=r"has changed since this run began to train on it\. Cases: 1 new \(7h\)\. Put"):
        prepared(run_on(source.write(), run.folder), quietly)

    source.pictures["7h"] = DAMAGED
    assert prepared(run_on(source.write(), run.folder), quietly).digest == before.digest


@pytest.mark.slow
def test_twelve_thousand_unchanged_radiographs_are_neither_decoded_nor_read(tmp_path: Path, counted: Counted) -> None:
    radiographs = Path(__file__).parents[2] / "shared" / "radiographs" / "rsna100"
    if not radiographs.is_dir():
        pytest.skip("the RSNA radiographs are not here")
    prepare(str(radiographs), Preparation(image_px=100), tmp_path / "store")
    counted.decoded = counted.read = 0

    with cProfile.Profile() as profile:
        store = prepare(str(radiographs), Preparation(image_px=100), tmp_path / "store")
    verify(store)

    assert len(store.cases) == 12_611
    assert (counted.decoded, counted.read) == (0, 0)
    # Calls of this thread, not seconds, which grow with the machine's load and with what other tests left in memory.
    assert pstats.Stats(profile).total_calls < 800 * 12_611  # type: ignore[attr-defined]  # typeshed does not know it; 632 each


def test_a_store_that_is_a_link_is_prepared_again_and_what_it_led_to_stays(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    prepare(source.write(), SETTINGS, tmp_path / "disk")
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    source.pictures["new"] = 30

    verify(store := prepare(source.write(), SETTINGS, tmp_path / "store"))

    assert "new" in set(store.cases["id"])
    assert "new" not in set(open_store(tmp_path / "disk").cases["id"])
    assert not list(tmp_path.glob(".store*"))


def folders_of_splits(root: Path) -> Path:
    rows = ["id,boneage,male"]
    for n in range(40):
        folder = root / ("train" if n < 30 else "test")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(n).integers(0, 255, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
        rows.append(f"{n},{60 + 3 * n},{n % 2 == 0}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root


def test_splits_that_folders_name_are_in_the_store_and_said(tmp_path: Path) -> None:
    store = prepare(str(folders_of_splits(tmp_path / "data")), SETTINGS, tmp_path / "store")

    assert set(store.cases["id"][store.cases["split"] == "test"]) == {str(n) for n in range(30, 40)}
    assert any("each case is in its folder's (30 train, 10 test)" in words for words in store.said)


def test_a_store_that_was_made_before_folders_counted_stays_what_it_is_while_its_data_do_and_when_they_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = folders_of_splits(tmp_path / "data")
    with monkeypatch.context() as earlier:
        earlier.setattr("data.tables.layouts.by_folders", lambda folder, images, cases, tables: ByFolder(cases))
        there = prepare(str(source), SETTINGS, tmp_path / "store")
    about = {name: value for name, value in there.info.items() if name != "folders"}
    (tmp_path / "store" / "store.json").write_text(json.dumps(about))
    before = {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()}

    prepare(str(source), SETTINGS, tmp_path / "store", trained_on=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()} == before

    Image.fromarray(np.full((32, 32), 7, np.uint8) + np.eye(32, dtype=np.uint8)).save(source / "train" / "40.png")
    with (source / "labels.csv").open("a") as table:
        table.write("40,99,True\n")
    after = prepare(str(source), SETTINGS, tmp_path / "store").cases.set_index("id")["split"]
    assert dict(after[there.cases["id"]]) == dict(zip(there.cases["id"], there.cases["split"], strict=True))


def test_images_that_are_moved_into_folders_of_splits_are_seen(tmp_path: Path) -> None:
    source = folders_of_splits(tmp_path / "data")
    (source / "test").rename(source / "more")
    (source / "train").rename(source / "images")
    prepare(str(source), SETTINGS, tmp_path / "store")
    (source / "more").rename(source / "test")
    (source / "images").rename(source / "train")

    with pytest.raises(DataError, match="cases are in another split of the source than before"):
        prepare(str(source), SETTINGS, tmp_path / "store")
