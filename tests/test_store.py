import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.cases import complete_splits, constant_mae
from data.preparation import DataError, Preparation
from data.store.disk import Store, open_store, verify
from data.store.prepare import prepare
from search.audit.remembered import audit_of
from search.cli import main

Write = Callable[..., Path]
SETTINGS = Preparation(image_px=32, fit="squash", validation_fraction=0.3, test_fraction=0.2)


def test_a_store_is_readable_with_numpy_and_pandas_alone(rsna_folder: Write, tmp_path: Path) -> None:
    store = prepare(str(rsna_folder()), SETTINGS, tmp_path / "store")

    images, cases = np.load(store.path / "images.npy"), pd.read_csv(store.path / "cases.csv")
    assert images.shape == (12, 32, 32)
    assert images.dtype == np.uint8
    assert list(cases.columns) == ["id", "age_months", "male", "split", "checksum", "width_px", "height_px"]
    assert set(cases["width_px"]) == {40}


def test_an_equal_request_reuses_the_store_and_a_changed_label_does_not(rsna_folder: Write, tmp_path: Path) -> None:
    folder = rsna_folder()
    first = prepare(str(folder), SETTINGS, tmp_path / "store")
    written = (first.path / "images.npy").stat().st_mtime_ns

    again = prepare(str(folder), SETTINGS, tmp_path / "store")
    assert (again.path / "images.npy").stat().st_mtime_ns == written

    table = folder / "train.csv"
    table.write_text(table.read_text().replace("\n1377,", "\n1377,1", 1))
    changed = prepare(str(folder), SETTINGS, tmp_path / "store")
    assert changed.digest != first.digest


def test_the_same_source_gives_the_same_digest_anywhere(rsna_folder: Write, tmp_path: Path) -> None:
    folder = str(rsna_folder())

    assert prepare(folder, SETTINGS, tmp_path / "a").digest == prepare(folder, SETTINGS, tmp_path / "b").digest


def test_a_source_that_fails_leaves_the_store_before_it(rsna_folder: Write, tmp_path: Path) -> None:
    folder = rsna_folder()
    before = prepare(str(folder), SETTINGS, tmp_path / "store")
    (folder / "train.csv").write_text("id,boneage\n1377,12\n")

    with pytest.raises(DataError, match=r"train\.csv"):
        prepare(str(folder), SETTINGS, tmp_path / "store")

    assert open_store(tmp_path / "store").digest == before.digest


def test_what_is_in_the_way_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("years of work")

    with pytest.raises(DataError, match="is not a prepared store"):
        prepare("phantom:30", SETTINGS, tmp_path / "store")

    assert (tmp_path / "store" / "thesis.txt").exists()


def cases_like_rsna(count: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    ids = random.permutation(20_000)[:count]
    ages = random.choice([60, 82, 94, 106, 120, 132, 150, 156, 168], count) + 0.0
    return pd.DataFrame(
        {"id": [str(id) for id in ids], "age_months": ages, "male": random.random(count) < 0.54, "split": ""}
    )


@pytest.mark.parametrize("count", [60, 600, 6000])
def test_each_split_has_its_share_of_every_sex_and_age(count: int) -> None:
    """To within two cases for each sex, and for each sex up to every age."""
    cases, _ = complete_splits(cases_like_rsna(count), 0.15, 0.1)

    for name, share in (("train", 0.75), ("validation", 0.15), ("test", 0.1)):
        for _, of_sex in cases.groupby("male"):
            younger = [of_sex[of_sex["age_months"] <= months] for months in sorted(set(of_sex["age_months"]))]
            assert all(abs((some["split"] == name).sum() - share * len(some)) < 2.5 for some in younger)


def test_which_case_of_an_age_is_held_out_is_up_to_its_id_and_not_to_the_order_of_the_table() -> None:
    cases = cases_like_rsna(2000)
    shuffled = cases.sample(frac=1, random_state=1)
    first, _ = complete_splits(cases, 0.15, 0.1)
    second, _ = complete_splits(shuffled, 0.15, 0.1)

    assert first.sort_values("id")["split"].tolist() == second.sort_values("id")["split"].tolist()


def test_no_case_changes_sides_when_images_are_added(rsna_folder: Write, tmp_path: Path) -> None:
    folder = rsna_folder(40)
    table = (folder / "train.csv").read_text().splitlines()
    (folder / "train.csv").write_text("\n".join(table[:31]))
    before = prepare(str(folder), SETTINGS, tmp_path / "store").cases.set_index("id")["split"]
    (folder / "train.csv").write_text("\n".join(table))
    after = prepare(str(folder), SETTINGS, tmp_path / "store").cases.set_index("id")["split"]

    assert len(after) == len(before) + 10
    assert after[before.index].equals(before)
    added = after.drop(before.index).value_counts()
    assert added["train"] >= 4
    assert added["validation"] >= 2


def test_a_larger_subset_contains_the_smaller(rsna_folder: Write, tmp_path: Path) -> None:
    folder = str(rsna_folder(40))
    small = prepare(folder, replace(SETTINGS, images=20), tmp_path / "a").cases
    large = prepare(folder, replace(SETTINGS, images=30), tmp_path / "b").cases

    assert (len(small), len(large)) == (20, 30)
    assert set(small["id"]) <= set(large["id"])
    merged = small.merge(large, on="id")
    assert (merged["split_x"] == merged["split_y"]).all()


def test_batches_hold_the_images_of_the_ids_they_name(tiny_store: Store) -> None:
    examples = tiny_store.split("train")
    order = np.random.default_rng(0).permutation(len(examples))[:8]

    [(image, male, age_months)] = list(examples.batches(8, order))

    table = tiny_store.cases.set_index("id")
    rows = [list(tiny_store.cases["id"]).index(id) for id in examples.ids[order]]
    assert np.array_equal(image[..., 0], np.asarray(tiny_store.images)[rows])
    assert np.array_equal(age_months[:, 0], table.loc[examples.ids[order], "age_months"].to_numpy(np.float32))
    assert np.array_equal(male[:, 0], table.loc[examples.ids[order], "male"].to_numpy(np.float32))
    assert set(table.loc[examples.ids, "split"]) == {"train"}


def test_the_constant_predictor_answers_the_training_median() -> None:
    cases = pd.DataFrame({"split": ["train"] * 3 + ["validation"] * 2, "age_months": [10.0, 20, 90, 20, 50]})

    assert constant_mae(cases) == 15.0


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("phantom:0", "phantom:N"),
        ("phantom:many", "phantom:N"),
        ("no/such/folder", "is not a folder"),
        ("phantom:2", "leaves no cases for"),
    ],
)
def test_a_source_that_cannot_be_used_says_why(tmp_path: Path, source: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        prepare(source, replace(SETTINGS, validation_fraction=0.01), tmp_path / "store")


def test_a_folder_that_may_not_be_read_is_named(rsna_folder: Write, tmp_path: Path) -> None:
    folder = rsna_folder()
    folder.chmod(0)
    try:
        if os.geteuid() == 0:  # root may read anything: be nobody for a moment
            os.seteuid(65534)
        with pytest.raises(DataError, match="may not be read by this user"):
            prepare(str(folder), SETTINGS, tmp_path / "store")
    finally:
        os.seteuid(os.getuid())
        folder.chmod(0o755)


def test_a_store_of_another_version_cut_short_or_changed_is_refused(tmp_path: Path) -> None:
    store = prepare("phantom:30", SETTINGS, tmp_path / "store")
    table = (store.path / "cases.csv").read_text()

    (store.path / "cases.csv").write_text("\n".join(table.splitlines()[:-3]))
    with pytest.raises(DataError, match=r"damaged \(30 images of uint8, 27 cases\)"):
        open_store(store.path)

    (store.path / "cases.csv").write_text(table.replace("True", "False", 1))
    with pytest.raises(DataError, match=r"cases\.csv was changed"):
        open_store(store.path)

    (store.path / "images.npy").write_bytes((store.path / "images.npy").read_bytes()[:-1])
    with pytest.raises(DataError, match="damaged"):
        open_store(store.path)

    (store.path / "store.json").write_text(json.dumps(store.info | {"version": 1}))
    with pytest.raises(DataError, match="version 1, this program reads 2"):
        open_store(store.path)


def test_one_changed_pixel_of_one_image_is_found(tmp_path: Path) -> None:
    store = prepare("phantom:30", SETTINGS, tmp_path / "store")
    verify(store)

    with (store.path / "images.npy").open("r+b") as file:
        file.seek(-5 * 32 * 32 - 1, os.SEEK_END)  # the last pixel of the sixth image from the end
        pixel = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([pixel[0] ^ 1]))

    with pytest.raises(DataError, match=f"the image of {store.cases['id'].iloc[-6]} has changed since it was prepared"):
        verify(open_store(store.path))


@pytest.mark.slow
def test_images_and_labels_of_real_radiographs_are_prepared(tmp_path: Path) -> None:
    """Runs where the real data are; nothing of them is kept."""
    folder = Path(__file__).parents[2] / "shared" / "radiographs" / "rsna100"
    if not folder.is_dir():
        pytest.skip("the RSNA radiographs are not here")

    store = prepare(str(folder), replace(SETTINGS, image_px=100, images=300), tmp_path / "store")

    assert len(store.cases) == 300
    assert store.cases["age_months"].between(1, 228).all()
    assert store.images.std() > 10
    assert not store.synthetic


DAMAGE = {
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-9]),
    "rows lost": lambda file: file.write_text("".join(file.read_text().splitlines(keepends=True)[:5])),
    "another figure": lambda file: file.write_text(file.read_text().replace("0.", "1.", 1)),
    "no table": lambda file: file.write_bytes(b"\x00\xff" * 40),
    "away": lambda file: file.unlink(),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_films_are_a_fault_a_worry_and_measured_again(rsna_folder: Write, tmp_path: Path, how: str) -> None:
    folder = str(rsna_folder())
    whole = prepare(folder, SETTINGS, tmp_path / "store")
    assert whole.films_fault == ""
    DAMAGE[how](whole.path / "films.csv")

    damaged = open_store(whole.path)
    [said] = [finding for finding in audit_of(damaged).findings if "films.csv" in finding.text]

    assert damaged.films[["levels", "field"]].isna().all(axis=None)
    assert damaged.films_fault.startswith(f"{whole.path / 'films.csv'} is damaged")
    assert said.level == "worry"
    again = prepare(folder, SETTINGS, tmp_path / "store")
    assert again.films_fault == ""
    pd.testing.assert_frame_equal(again.films, whole.films)
    assert again.digest == whole.digest


def test_a_store_of_before_has_no_films_and_no_fault(rsna_folder: Write, tmp_path: Path) -> None:
    store = prepare(str(rsna_folder()), SETTINGS, tmp_path / "store")
    (store.path / "films.csv").unlink()
    info = {name: value for name, value in store.info.items() if name != "films"}
    (store.path / "store.json").write_text(json.dumps(info))

    of_before = open_store(store.path)

    assert of_before.films_fault == ""
    assert of_before.films[["levels", "field"]].isna().all(axis=None)
    assert not [finding for finding in audit_of(of_before).findings if "films.csv" in finding.text]


def test_a_run_says_damaged_films_once_and_a_store_that_is_named_in_its_worries(
    rsna_folder: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run = str(rsna_folder()), tmp_path / "run"
    command = ["audit", "--data", folder, "--run-dir", str(run), "--preset", "demo", "--image-px", "32"]
    assert main(command) == 0
    DAMAGE["rows lost"](run / "prepared" / "films.csv")
    store = shutil.copytree(run / "prepared", tmp_path / "named")
    capsys.readouterr()

    assert main(command) == 0
    mended = capsys.readouterr()
    assert (
        main(
            [
                "audit",
                "--data",
                str(store),
                "--run-dir",
                str(tmp_path / "other"),
                "--preset",
                "demo",
                "--image-px",
                "32",
            ]
        )
        == 0
    )
    named = capsys.readouterr()

    assert (mended.out + mended.err).count("films.csv is damaged") == 1
    assert "measured again" in mended.err
    assert (named.out + named.err).count("films.csv is damaged") == 1


def test_a_store_that_cannot_be_refreshed_stays_as_it_is_and_is_read(rsna_folder: Write, tmp_path: Path) -> None:
    """As on a disk that is only readable, where what was begun cannot be removed either: here it is a folder."""
    folder = rsna_folder(12)
    settings = Preparation(image_px=32)
    before = prepare(str(folder), settings, tmp_path / "store")
    (tmp_path / "store" / "files.part").mkdir()
    for path in folder.rglob("*.png"):
        os.utime(path, (1, 1))

    assert prepare(str(folder), settings, tmp_path / "store").digest == before.digest
