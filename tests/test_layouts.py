"""Folders as they are found: RSNA's own, Kaggle's, renamed ones; written with drawn hands."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from data.cases import complete_splits
from data.phantom.hand import PhantomCase, draw, phantom_cases
from data.preparation import DataError
from data.tables.layouts import read_folder

HANDS = phantom_cases(24)
RADIOGRAPHS = Path(__file__).parents[2] / "shared" / "radiographs"


def save(folder: Path, cases: Iterable[tuple[str, PhantomCase]], suffix: str = ".png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for id, case in cases:
        Image.fromarray(draw(case, 32)).save(folder / f"{id}{suffix}")


def numbered(start: int, hands: Iterable[PhantomCase]) -> list[tuple[str, PhantomCase]]:
    return [(str(start + n), hand) for n, hand in enumerate(hands)]


TRAIN, VALIDATION, TEST = numbered(1377, HANDS[:12]), numbered(1400, HANDS[12:18]), numbered(4360, HANDS[18:])


def official(root: Path) -> None:
    training = root / "Bone Age Training Set"
    save(training / "boneage-training-dataset", TRAIN)
    rows = [f"{id},{round(case.age_months)},{case.male}" for id, case in TRAIN]
    (training / "train.csv").write_text("\n".join(["id,boneage,male", *rows]))

    validation = root / "Bone Age Validation Set"
    save(validation / "boneage-validation-dataset-1" / "boneage-validation-dataset-1", VALIDATION[:3])
    save(validation / "boneage-validation-dataset-2" / "boneage-validation-dataset-2", VALIDATION[3:])
    rows = [f"{id},{str(case.male).upper()},{round(case.age_months)}" for id, case in VALIDATION]
    (validation / "Validation Dataset.csv").write_text("\n".join(["Image ID,male,Bone Age (months)", *rows]))

    test = root / "Bone Age Test Set"
    save(test / "Test Set Images", TEST)
    truth = {
        "Case ID": [int(id) for id, _ in TEST],
        "Sex": ["M" if case.male else "F" for _, case in TEST],
        "Ground truth bone age (months)": [case.age_months for _, case in TEST],
    }
    pd.DataFrame(truth).to_excel(test / "Bone age ground truth.xlsx", index=False)


def kaggle(root: Path) -> None:
    save(root / "boneage-training-dataset" / "boneage-training-dataset", TRAIN)
    rows = [f"{id},{round(case.age_months)},{case.male}" for id, case in TRAIN]
    (root / "boneage-training-dataset.csv").write_text("\n".join(["id,boneage,male", *rows]))
    save(root / "boneage-test-dataset" / "boneage-test-dataset", TEST)
    rows = [f"{id},{'M' if case.male else 'F'}" for id, case in TEST]
    (root / "boneage-test-dataset.csv").write_text("\n".join(["Case ID,Sex", *rows]))


def renamed(root: Path) -> None:
    for name, cases in (("train", TRAIN), ("val", VALIDATION), ("test", TEST)):
        save(root / name, cases, ".jpg")
        rows = [f" {id}.jpg , {case.age_months} ,{case.male}" for id, case in reversed(cases)]
        (root / f"{name}.csv").write_text("\n".join([" id , boneage , male ", *rows]))


def counts(cases: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(count) for name, count in cases["split"].value_counts().items()}


@pytest.mark.parametrize("layout", [official, renamed])
def test_a_source_with_three_splits_keeps_them(tmp_path: Path, layout: Callable[[Path], None]) -> None:
    layout(tmp_path)

    found = read_folder(tmp_path)

    assert counts(found.cases) == {"train": 12, "validation": 6, "test": 6}
    assert not found.problems
    truth = dict([*TRAIN, *VALIDATION, *TEST])
    for case in found.cases.itertuples():
        hand = truth[str(case.id)]
        assert case.male == hand.male
        assert case.age_months == pytest.approx(hand.age_months, abs=0.5)
        assert Path(str(case.path)).stem == case.id


def test_kaggles_unlabelled_test_images_are_left_out_and_said_so(tmp_path: Path) -> None:
    kaggle(tmp_path)

    found = read_folder(tmp_path)

    assert counts(found.cases) == {"train": 12}
    assert "boneage-test-dataset.csv: 6 test cases, without ages: left out" in found.said
    assert "6 images belong to no labelled row and are not used" in found.said


def test_the_official_answers_label_kaggles_test_images(tmp_path: Path) -> None:
    kaggle(tmp_path)
    official(tmp_path / "official")
    (tmp_path / "official" / "Bone Age Test Set" / "Bone age ground truth.xlsx").rename(tmp_path / "truth test.xlsx")
    import shutil

    shutil.rmtree(tmp_path / "official")

    assert counts(read_folder(tmp_path).cases) == {"train": 12, "test": 6}


def test_a_table_beside_its_images_is_read(tmp_path: Path) -> None:
    save(tmp_path, TRAIN)
    rows = [f"b{id}.png,{case.age_months},{case.male}" for id, case in TRAIN]
    (tmp_path / "labels.csv").write_text("\n".join(["id,boneage,male", *rows]))

    found = read_folder(tmp_path)

    assert counts(found.cases) == {"": 12}
    assert set(found.cases["id"]) == {id for id, _ in TRAIN}


def test_a_split_column_decides(tmp_path: Path) -> None:
    save(tmp_path, TRAIN)
    rows = [f"{id},{case.age_months},{case.male},{'val' if n < 4 else ''}" for n, (id, case) in enumerate(TRAIN)]
    (tmp_path / "train.csv").write_text("\n".join(["id,boneage,male,split", *rows]))

    assert counts(read_folder(tmp_path).cases) == {"train": 8, "validation": 4}


def test_an_id_in_two_splits_is_an_error_that_names_it(tmp_path: Path) -> None:
    official(tmp_path)
    with (tmp_path / "Bone Age Training Set" / "train.csv").open("a") as table:
        table.write("\n4361,120,True")

    with pytest.raises(DataError, match=r"the id 4361 is in two splits, train .*train\.csv.* and test .*truth\.xlsx"):
        read_folder(tmp_path)


def test_a_training_row_never_gets_an_image_from_the_test_folder(tmp_path: Path) -> None:
    kaggle(tmp_path)
    with (tmp_path / "boneage-training-dataset.csv").open("a") as table:
        table.write("\n4361,120,True")

    [problem] = read_folder(tmp_path).problems

    assert problem.id == "4361"
    assert problem.reason.startswith("missing: ")


def test_what_is_not_data_is_passed_over(tmp_path: Path) -> None:
    """macOS's shadows of files, version control, a prepared store, other programs' tables."""
    kaggle(tmp_path)
    shadow = tmp_path / "__MACOSX" / "boneage-training-dataset"
    save(shadow, TRAIN)
    (tmp_path / "._boneage-training-dataset.csv").write_bytes(b"\0\0")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "train.csv").write_text("id,boneage,male\n1,1,M\n")
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "store.json").write_text('{"digest": "0123"}')
    (tmp_path / "prepared" / "cases.csv").write_text("id,age_months,male,split\n1,1,True,train\n")
    (tmp_path / "history.csv").write_text("epoch,loss\n1,2\n")

    assert counts(read_folder(tmp_path).cases) == {"train": 12}


def test_two_images_of_one_name_are_ambiguous(tmp_path: Path) -> None:
    kaggle(tmp_path)
    save(tmp_path / "boneage-training-dataset" / "more", TRAIN[:1])

    found = read_folder(tmp_path)

    assert len(found.cases) == 11
    assert found.problems[0].reason.startswith("ambiguous: 2 images have this name")


def test_a_copy_of_a_table_is_no_second_data_set_and_another_table_is(tmp_path: Path) -> None:
    kaggle(tmp_path)
    text = (tmp_path / "boneage-training-dataset.csv").read_text()
    copy = tmp_path / "boneage-training-dataset" / "train.csv"
    copy.write_text(text)
    assert counts(read_folder(tmp_path).cases) == {"train": 12}

    copy.write_text(text.rpartition("\n")[0])
    with pytest.raises(DataError, match="has 2 train tables"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "has no table of cases"),
        ({"train.csv": "id,boneage\n1377,12\n"}, r"train\.csv lacks the column 'male'.*this one has id, boneage"),
        ({"train.csv": "epoch,loss\n1,2\n"}, "lacks the column 'id'"),
        ({"train.csv": "id,male\n1377,True\n"}, "has no bone ages"),
        ({"train.csv": "id,boneage,male\n9999,12,True\n"}, "has 1 case and none can be used.*no image 9999"),
        ({"train.csv": "id,boneage,male\n../../etc/passwd,12,True\n"}, "no image passwd"),
        (
            {"a.csv": "id,boneage,male\n1377,1,M\n", "train.csv": "id,boneage,male\n1378,1,M\n"},
            "beside a training table",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path, files: dict[str, str], says: str) -> None:
    save(tmp_path / "boneage-training-dataset", TRAIN)
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(DataError, match=says):
        read_folder(tmp_path)


def test_splits_that_are_missing_are_taken_from_the_training_cases_and_none_other() -> None:
    splits = ["train"] * 300 + ["validation"] * 100
    cases = pd.DataFrame({"id": [str(n) for n in range(400)], "split": splits, "male": True, "age_months": 90.0})

    completed, said = complete_splits(cases, 0.15, 0.2)

    assert set(completed["split"][300:]) == {"validation"}
    assert set(completed["split"][:300]) == {"train", "test"}
    assert said == ("the data have no test split: 20% of the training cases, alike in sex and age, become one",)


@pytest.mark.parametrize(
    ("name", "count"), [("rsna100", 12_611), ("rsna360", 600), ("originals", 60)], ids=lambda value: str(value)
)
def test_real_folders_are_found_whole(name: str, count: int) -> None:
    if not RADIOGRAPHS.is_dir():
        pytest.skip("the RSNA radiographs are not here")

    found = read_folder(RADIOGRAPHS / name)

    assert len(found.cases) == count
    assert not found.problems
    assert found.cases["age_months"].between(1, 228).all()


def test_a_folder_of_several_data_sets_and_one_of_tables_alone_are_refused() -> None:
    if not RADIOGRAPHS.is_dir():
        pytest.skip("the RSNA radiographs are not here")

    with pytest.raises(DataError, match="has 3 train tables"):
        read_folder(RADIOGRAPHS)
    with pytest.raises(DataError, match="has 1,425 cases and none can be used"):
        read_folder(RADIOGRAPHS / "formats")


def in_folders(
    root: Path, folders: tuple[str, ...], heading: str = "id,boneage,male", cells: str = "{id},{age},{male}"
) -> Path:
    """One table, and the images of its 24 cases in these folders, as many in each."""
    cases = numbered(1377, HANDS)
    share = len(cases) // len(folders)
    rows = []
    for n, (id, case) in enumerate(cases):
        save(root / folders[n // share], [(id, case)])
        split = folders[n // share]
        rows.append(cells.format(id=id, age=round(case.age_months), male=case.male, folder=split))
    (root / "labels.csv").write_text("\n".join([heading, *rows]))
    return root


def linked_folders(root: Path, link: Callable[[Path, Path], None]) -> Path:
    """Folders of splits whose files are links to a pool."""
    in_folders(root, ("train", "test"))
    (root / "pool").mkdir()
    for path in [*(root / "train").iterdir(), *(root / "test").iterdir()]:
        pooled = path.rename(root / "pool" / path.name)
        link(path, pooled)
    return root


FOLDERS_OF_SPLITS: dict[str, Callable[[Path], Path]] = {
    "train and test": lambda root: in_folders(root, ("train", "test")),
    "named in words": lambda root: in_folders(root, ("Training set", "my Test images/a")),
    "ids with folders": lambda root: in_folders(root, ("train", "test"), cells="{folder}/{id}.png,{age},{male}"),
    "symbolic links to a pool": lambda root: linked_folders(root, lambda path, pooled: path.symlink_to(pooled)),
    "hard links to a pool": lambda root: linked_folders(root, lambda path, pooled: path.hardlink_to(pooled)),
}


@pytest.mark.parametrize("how", FOLDERS_OF_SPLITS)
def test_folders_of_splits_beside_one_table_are_the_splits(tmp_path: Path, how: str) -> None:
    found = read_folder(FOLDERS_OF_SPLITS[how](tmp_path))

    ids = [id for id, _ in numbered(1377, HANDS)]
    assert dict(zip(found.cases["id"], found.cases["split"], strict=True)) == {
        **dict.fromkeys(ids[:12], "train"),
        **dict.fromkeys(ids[12:], "test"),
    }


def test_all_three_splits_may_be_folders(tmp_path: Path) -> None:
    assert counts(read_folder(in_folders(tmp_path, ("train", "val", "test"))).cases) == {
        "train": 8,
        "validation": 8,
        "test": 8,
    }


def test_an_id_that_is_written_with_the_folder_of_its_split_is_of_that_split_wherever_its_image_is(
    tmp_path: Path,
) -> None:
    in_folders(tmp_path, ("train", "test"), cells="C:\\data\\{folder}\\{id}.png,{age},{male}")
    (tmp_path / "images").mkdir()
    for path in [*(tmp_path / "train").iterdir(), *(tmp_path / "test").iterdir()]:
        path.rename(tmp_path / "images" / path.name)

    assert counts(read_folder(tmp_path).cases) == {"train": 12, "test": 12}


@pytest.mark.parametrize("folders", [("boneage-training-dataset",), ("images", "boneage-training-dataset"), ("test",)])
def test_folders_that_name_one_split_cut_nothing(tmp_path: Path, folders: tuple[str, ...]) -> None:
    assert counts(read_folder(in_folders(tmp_path, folders)).cases) == {"": 24}


@pytest.mark.parametrize(
    ("folders", "split"),
    [
        (("Trainingsdaten", "Testdaten"), "test"),
        (("Training", "Validierung"), "validation"),
        (("entrenamiento", "prueba"), "test"),
        (("treino", "teste"), "test"),
        (("entraînement", "validation"), "validation"),
        (("addestramento", "convalida"), "validation"),
        (("trainImages", "testImages"), "test"),
    ],
)
def test_folders_of_splits_are_known_in_other_languages(tmp_path: Path, folders: tuple[str, str], split: str) -> None:
    assert counts(read_folder(in_folders(tmp_path, folders)).cases) == {"train": 12, split: 12}


@pytest.mark.parametrize("other", ["extern", "holdback", "evaluation", "."])
def test_a_folder_that_nobody_knows_beside_that_of_one_split_is_a_worry(tmp_path: Path, other: str) -> None:
    found = read_folder(in_folders(tmp_path, ("train", other)))

    assert counts(found.cases) == {"": 24}
    assert found.worries[0].startswith(
        "12 of 24 images lie in folders of train, and the others in folders that name no"
    )
    assert "column `split`" in found.worries[0]


def test_folders_that_name_no_split_are_said_and_no_worry(tmp_path: Path) -> None:
    found = read_folder(in_folders(tmp_path, ("aprendizaje", "examen")))

    assert "the images lie in 2 folders, aprendizaje (12) and examen (12), and none is taken as a split" in found.said
    assert not found.worries


def test_a_folder_for_each_patient_is_not_counted(tmp_path: Path) -> None:
    found = read_folder(in_folders(tmp_path, tuple(f"p{n}" for n in range(8))))

    assert not any("folders" in sentence for sentence in found.said)


def renamed_cases(root: Path, name: Callable[[int], str], heading: str = "id,boneage,male", cells: str = "") -> Path:
    """24 cases, whose ids and images are called by their number."""
    rows = []
    for n, case in enumerate(HANDS[:24]):
        save(root / "images", [(name(n), case)])
        rows.append(f"{name(n)},{round(case.age_months)},{case.male}{cells}")
    (root / "labels.csv").write_text("\n".join([heading, *rows]))
    return root


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (lambda n: f"{'train' if n < 16 else 'test'}_{n:03}", r"24 of 24 cases name a split \(16 train, 8 test; the first of test: test_016\)"),
        (lambda n: f"{n:03}-{'val' if n > 20 else 'training'}", "the first of validation: 021-val"),
        (lambda n: f"prueba{n}" if n > 20 else f"{n + 1377}", r"the ids of 3 of 24 cases name a split \(3 test"),
        (lambda n: f"TestSet {n}" if n > 20 else f"hand {n}", "the first of test: TestSet 21"),
    ],
)  # fmt: skip
def test_splits_that_ids_name_and_no_table_does_are_refused(
    tmp_path: Path, name: Callable[[int], str], says: str
) -> None:
    with pytest.raises(DataError, match=rf"{says}.*add a column `split`"):
        read_folder(renamed_cases(tmp_path / "a", name))

    told = renamed_cases(tmp_path / "b", name, "id,boneage,male,split", ",train")
    assert counts(read_folder(told).cases) == {"train": 24}
    assert len(read_folder(tmp_path / "a", to_train=False).cases) == 24


@pytest.mark.parametrize(
    "name",
    [
        lambda n: f"test_{n:03}",
        lambda n: f"training{n}",
        lambda n: "test" if n == 3 else f"hand{n}",
        lambda n: f"{'latest' if n % 2 else 'trainee'}{n}",
    ],
)
def test_ids_with_one_word_for_all_or_other_words_name_no_splits(tmp_path: Path, name: Callable[[int], str]) -> None:
    assert counts(read_folder(renamed_cases(tmp_path, name)).cases) == {"": 24}


def test_an_image_in_none_of_the_folders_of_splits_is_refused_with_what_to_do(tmp_path: Path) -> None:
    in_folders(tmp_path, ("train", "test", "more"))

    with pytest.raises(DataError, match=r"8 of 24 cases have theirs in none of these .*more/1393\.png.*column `split`"):
        read_folder(tmp_path)
    assert counts(read_folder(tmp_path, to_train=False).cases) == {"": 24}


def test_an_image_in_the_folders_of_two_splits_is_refused(tmp_path: Path) -> None:
    in_folders(tmp_path, ("train", "test"))
    (tmp_path / "test" / "1377.png").symlink_to(tmp_path / "train" / "1377.png")

    with pytest.raises(DataError, match=r"the image of 1377, .* lies in folders of test and train"):
        read_folder(tmp_path)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("held", ["val", "test"])
def test_folders_of_folds_that_link_to_a_pool_cut_nothing_and_are_a_worry(
    tmp_path: Path, hard: bool, held: str
) -> None:
    pooled = sorted((in_folders(tmp_path, ("all",)) / "all").iterdir())
    for fold in range(5):
        for n, path in enumerate(pooled):
            at = tmp_path / f"fold{fold}" / (held if n % 5 == fold else "train") / path.name
            at.parent.mkdir(parents=True, exist_ok=True)
            at.hardlink_to(path) if hard else at.symlink_to(path)

    found = read_folder(tmp_path)

    assert counts(found.cases) == {"": 24}
    assert found.worries[0].startswith("24 of 24 images lie in folders of several splits (1377 in those of t")


def test_splits_of_the_table_hold_and_folders_that_contradict_them_are_a_worry(tmp_path: Path) -> None:
    in_folders(tmp_path / "a", ("train", "test"), "id,boneage,male,split", "{id},{age},{male},{folder}")
    table = tmp_path / "a" / "labels.csv"
    table.write_text(table.read_text().replace("True,train", "True,test", 1))

    found = read_folder(tmp_path / "a")
    agreeing = read_folder(
        in_folders(tmp_path / "b", ("train", "test"), "id,boneage,male,split", "{id},{age},{male},{folder}")
    )

    assert counts(found.cases) == {"train": 11, "test": 13}
    assert found.worries[0].startswith("1 image lies in a folder of another split than the table's, which is taken (13")
    assert not agreeing.worries
