"""Layouts of other programs and other hands: splits, tables and numbers as they come, read whole, doubted or refused. No pictures are decoded."""

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from openpyxl import Workbook
from PIL import Image

from data.preparation import DataError, Preparation
from data.tables.layouts import Found, read_folder

NUMBERS = list(range(1377, 1437))
TRAIN, TEST = NUMBERS[:50], NUMBERS[50:]
AGES = [24 + 3 * n for n in range(60)]
TEST_IDS = "\n".join(map(str, TEST))


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (48, 48), 90).save(buffer, "PNG")
    return buffer.getvalue()


PNG = picture()


def table(ages: str = "boneage", **more: Sequence[object]) -> str:
    columns = {"id": NUMBERS, ages: AGES, "male": ["True", "False"] * 30, **more}
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


def laid_out(folder: Path, files: Mapping[str, str], images: Sequence[str] = ()) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for name in images or [f"images/{number}.png" for number in NUMBERS]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PNG)
    return folder


def splits(found: Found) -> dict[str, int]:
    return {str(name): int(count) for name, count in found.cases["split"].value_counts().items()}


LABELS = {"labels.csv": table()}


@pytest.mark.parametrize(
    "name",
    ["test_df.csv", "X_test.csv", "test_final.csv", "test_v2.txt", "my_test_list.txt", "fold0_val.csv", "ids.test", "eval.txt", "dev.txt", "tuning.csv"],
)  # fmt: skip
def test_ids_under_a_name_with_more_words_than_a_splits_are_a_worry(tmp_path: Path, name: str) -> None:
    [worry] = read_folder(laid_out(tmp_path, LABELS | {name: f"id\n{TEST_IDS}"})).worries

    assert f"{name} lists 10 of 60 cases (1427, ...), and its name may mean a split" in worry
    assert "column `split`" in worry
    told = laid_out(tmp_path, {"labels.csv": table(split=["train"] * 50 + ["test"] * 10)})
    assert not read_folder(told).worries


@pytest.mark.parametrize("name", ["heights.csv", "kids.txt", "bmi_of_some.csv"])
def test_ids_under_other_names_are_no_worry(tmp_path: Path, name: str) -> None:
    assert not read_folder(laid_out(tmp_path, LABELS | {name: f"id\n{TEST_IDS}"})).worries


PARTS = ["train"] * 50 + ["test"] * 10
MONAI = {"training": [{"image": f"images/{n}.png"} for n in TRAIN], "test": [f"images/{n}.png" for n in TEST]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dataset.json", json.dumps(MONAI, indent=1)),
        ("datalist.json", json.dumps(MONAI)),
        ("meta.json", json.dumps([{"file": f"{n}.png", "split": "test" if n in TEST else "train"} for n in NUMBERS])),
        ("config.yaml", f"seed: 1\ntest_ids: [{', '.join(map(str, TEST))}]\n"),
        ("data.toml", f"test = {TEST}\n"),
        ("test.lst", "".join(f"{n}\t120\timages/{number}.png\n" for n, number in enumerate(TEST))),
        (
            "a.json",
            json.dumps(
                {
                    "id": {str(n): number for n, number in enumerate(NUMBERS)},
                    "split": {str(n): PARTS[n] for n in range(60)},
                }
            ),
        ),
        ("b.json", json.dumps({"id": NUMBERS, "split": PARTS})),
        (
            "c.json",
            json.dumps(
                {"columns": ["id", "split"], "index": NUMBERS, "data": [*map(list, zip(NUMBERS, PARTS, strict=True))]}
            ),
        ),
    ],
)
def test_lists_by_split_are_found_whatever_the_file_is_called(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(DataError, match=rf"{name} says which cases are in which split \(1427 is test\)"):
        read_folder(laid_out(tmp_path, LABELS | {name: text}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("validation.csv", "epoch,mae\n1,9\n2,8\n"),
        ("test.csv", "step,loss\n1,9\n"),
        ("split_readme.txt", "train: 10088\nvalidation: 2523\n"),
        ("package.json", json.dumps({"name": "x", "version": "1.2", "size": 1400})),
    ],
)
def test_logs_and_counts_are_no_lists(tmp_path: Path, name: str, text: str) -> None:
    assert splits(read_folder(laid_out(tmp_path, LABELS | {name: text}))) == {"": 60}


def test_a_file_for_each_image_is_not_searched_for_splits(tmp_path: Path) -> None:
    notes = {f"images/{n}.json": json.dumps({"test": [n, n + 1]}) for n in NUMBERS}

    assert splits(read_folder(laid_out(tmp_path, LABELS | notes))) == {"": 60}


@pytest.mark.parametrize(
    "cells",
    [
        ["derivation"] * 50 + ["validation"] * 10,
        ["development"] * 50 + ["test"] * 10,
        ["training"] * 50 + ["tuning"] * 10,
        ["Train"] * 50 + ["Evaluation"] * 10,
        ["0", "1", "2", "3", "4"] * 10 + ["test"] * 10,
        ["Trainingskohorte"] * 50 + ["Testkohorte"] * 10,
        ["Testset"] * 10 + ["schlechte Qualität"] * 5 + [""] * 45,
    ],
)
def test_a_word_for_a_split_beside_others_in_a_column_is_refused(tmp_path: Path, cells: list[str]) -> None:
    with pytest.raises(DataError, match=r"has a column cohort that may put cases into .*--split-column"):
        read_folder(laid_out(tmp_path, {"labels.csv": table(cohort=cells)}))


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("GH test", ["yes", "no"] * 30),
        ("ACTH test", ["yes", "no"] * 30),
        ("test_result", ["0", "1"] * 30),
        ("valid", ["yes", "no"] * 30),
        ("is_valid", ["True", "False"] * 30),
        ("valid_image", ["1", "0"] * 30),
        ("data valid", ["yes", "no"] * 30),
        ("IGF1 test", ["yes", "no"] * 30),
        ("site", ["VAL", "MAD", "BCN"] * 20),
        ("rater", ["training", "expert"] * 30),
        ("quality", ["valid", "invalid", "poor"] * 20),
        ("comment", ["repeat test"] * 5 + [""] * 55),
        ("comment", ["validation by MJ"] * 5 + [""] * 55),
    ],
)
def test_tests_of_a_clinic_and_checks_are_no_splits(tmp_path: Path, heading: str, cells: list[str]) -> None:
    assert splits(read_folder(laid_out(tmp_path, {"labels.csv": table(**{heading: cells})}))) == {"": 60}


@pytest.mark.parametrize(
    "heading",
    ["is_test", "used for training", "in the test set", "heldout", "test set", "is_external_test", "in_test_cohort", "final_test", "val_subset",
     "reserved_for_testing", "included_in_training", "training (1=yes)", "excluded_from_training", "Testgruppe", "testing_phase", "eval_set", "external cohort"],
)  # fmt: skip
def test_yes_and_no_under_a_split_are_refused(tmp_path: Path, heading: str) -> None:
    with pytest.raises(DataError, match="may put cases into"):
        read_folder(laid_out(tmp_path, {"labels.csv": table(**{heading: ["yes"] * 10 + ["no"] * 50})}))


@pytest.mark.parametrize(
    "cells",
    [
        ["train", *[""] * 39, "validation", *[""] * 9, "test", *[""] * 9],
        ["training (n=40)", *[""] * 39, "test (n=20)", *[""] * 19],
        ["train", "train", *[""] * 38, "test", "test", *[""] * 18],
        ["validation", *[""] * 29, "test", *[""] * 29],
    ],
)
def test_a_split_that_is_written_once_for_the_rows_below_is_refused(tmp_path: Path, cells: list[str]) -> None:
    with pytest.raises(
        DataError, match=r"under split in row 2, and row [34] and others below such cells are blank: if a cell"
    ):
        read_folder(laid_out(tmp_path, {"labels.csv": table(split=cells)}))


def test_a_patient_who_is_written_once_for_the_rows_below_is_refused(tmp_path: Path) -> None:
    cells = [f"P{n // 4}" if n % 4 == 0 else "" for n in range(60)]

    with pytest.raises(DataError, match=r"'P0' under patient_id in row 2, and row 3 .* write unknown"):
        read_folder(laid_out(tmp_path, {"labels.csv": table(patient_id=cells)}))
    unknown = [cell or "unknown" for cell in cells]
    assert len(read_folder(laid_out(tmp_path, {"labels.csv": table(patient_id=unknown)})).cases) == 60


@pytest.mark.parametrize(
    "cells",
    [
        ["test" if n % 7 == 0 else "" for n in range(60)],
        ["test" if n % 7 == 0 else "val" if n % 7 == 1 else "" for n in range(60)],
        ["train" if n < 50 else "" for n in range(60)],
    ],
)
def test_rows_whose_held_out_cases_alone_are_ticked_are_read(tmp_path: Path, cells: list[str]) -> None:
    found = read_folder(laid_out(tmp_path, {"labels.csv": table(split=cells)}))

    assert splits(found).get("test", 0) == cells.count("test")
    assert any("rows name no split and count as train" in sentence for sentence in found.said)


def test_a_patient_who_is_written_once_is_refused_where_many_have_one_image(tmp_path: Path) -> None:
    cells = [cell for n in range(30) for cell in ([f"P{n}", "", ""] if n % 3 == 0 else [f"P{n}"])][:50]
    cells += [f"R{n}" for n in range(60 - len(cells))]

    with pytest.raises(DataError, match=r"'P0' under patient_id in row 2"):
        read_folder(laid_out(tmp_path, {"labels.csv": table(patient_id=cells)}))


@pytest.mark.parametrize(
    "cells",
    [
        [f"P{n // 2}" if n > 40 else "" for n in range(60)],
        [f"P{n}" for n in range(60)],
        ["P1", "P1", *[""] * 20, *(f"P{n}" for n in range(38))],
    ],
)
def test_patients_of_whom_some_are_not_known_are_read(tmp_path: Path, cells: list[str]) -> None:
    assert len(read_folder(laid_out(tmp_path, {"labels.csv": table(patient_id=cells)})).cases) == 60


def test_rows_without_a_split_are_counted(tmp_path: Path) -> None:
    found = read_folder(laid_out(tmp_path, {"labels.csv": table(split=["train"] * 50 + ["test"] * 3 + [""] * 7)}))

    assert "labels.csv: 7 of 60 rows name no split and count as train" in found.said


@pytest.mark.parametrize(
    ("sheet", "lines"),
    [
        ("Test", [["id"], *([n] for n in TEST)]),
        ("hold-out", [["Image"], *([n] for n in TEST)]),
        ("Test set", [[n] for n in TEST]),
        ("Testset", [["id", "sex"], *([n, "M"] for n in TEST)]),
    ],
)
def test_a_sheet_that_lists_a_split_is_refused_by_its_name(
    tmp_path: Path, sheet: str, lines: list[list[object]]
) -> None:
    laid_out(tmp_path, {})
    book = Workbook()
    assert book.active is not None
    book.active.title = "cases"
    for line in table().splitlines():
        book.active.append(line.split(","))
    more = book.create_sheet(sheet)
    for cells in lines:
        more.append(cells)
    book.save(tmp_path / "labels.xlsx")

    with pytest.raises(DataError, match=rf"sheet {sheet}, says which cases are in which split \(1427 is test\)"):
        read_folder(tmp_path)


def test_a_column_that_lists_the_ids_of_a_split_is_refused(tmp_path: Path) -> None:
    files = {"labels.csv": table(**{"test ids": [*TEST, *[""] * 50]})}

    with pytest.raises(DataError, match=r"column test ids, says which cases are in which split \(1427 is test\)"):
        read_folder(laid_out(tmp_path, files))


def test_nnunets_folders_are_splits_and_a_negated_word_is_none(tmp_path: Path) -> None:
    nnunet = [f"imagesTr/{n}.png" for n in TRAIN] + [f"imagesTs/{n}.png" for n in TEST]
    negated = [f"train/{n}.png" for n in TRAIN] + [f"not_train/{n}.png" for n in TEST]

    assert splits(read_folder(laid_out(tmp_path / "a", LABELS, nnunet))) == {"train": 50, "test": 10}
    found = read_folder(laid_out(tmp_path / "b", LABELS, negated))
    assert splits(found) == {"": 60}
    assert "50 of 60 images lie in folders of train, and the others" in found.worries[0]


def test_folders_of_patients_are_counted_where_they_part(tmp_path: Path) -> None:
    images = [f"egitim/P{n % 9}/{n}.png" for n in TRAIN] + [f"sinama/Q{n}/{n}.png" for n in TEST]

    said = read_folder(laid_out(tmp_path, LABELS, images)).said

    assert "the images lie in 2 folders, egitim (50) and sinama (10), and none is taken as a split" in said


def test_a_single_table_may_be_called_the_ground_truth(tmp_path: Path) -> None:
    truth = {"ground_truth.csv": table()}
    images = [f"train/{n}.png" for n in TRAIN] + [f"test/{n}.png" for n in TEST]

    assert splits(read_folder(laid_out(tmp_path / "a", truth))) == {"": 60}
    assert splits(read_folder(laid_out(tmp_path / "b", truth, images))) == {"train": 50, "test": 10}


def test_the_ground_truth_of_a_folder_of_tests_is_of_the_test(tmp_path: Path) -> None:
    files = {"test/ground_truth.csv": table(), "train/labels.parquet": "PAR1"}
    images = [f"train/{n}x.png" for n in TRAIN] + [f"test/{n}.png" for n in NUMBERS]

    with pytest.raises(DataError, match=r"labels\.parquet is not read: .* by its name it is the train table"):
        read_folder(laid_out(tmp_path, files, images))
    (tmp_path / "train" / "labels.parquet").unlink()
    with pytest.raises(DataError, match=r"all cases are held out: .*ground_truth\.csv \(test, by its name"):
        read_folder(tmp_path)


def test_rsnas_test_table_alone_holds_tests(tmp_path: Path) -> None:
    truth = table().replace("id,boneage,male", "Case ID,Ground truth bone age (months),Sex")
    truth = truth.replace("True", "M").replace("False", "F")

    with pytest.raises(DataError, match="all cases are held out"):
        read_folder(laid_out(tmp_path, {"ground_truth.csv": truth}))


def test_a_list_that_is_too_large_to_read_is_passed_over(tmp_path: Path) -> None:
    laid_out(tmp_path, LABELS)
    for name in ("test_list.txt", "patients.txt", "split.json"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(200_000_000)

    assert splits(read_folder(tmp_path)) == {"": 60}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("folds.csv", "id,fold\n" + "".join(f"{n},{n % 5}\n" for n in NUMBERS)),
        ("cv_predictions.csv", "id,prediction\n" + "".join(f"{n},9\n" for n in NUMBERS)),
        ("runs/training_log.csv", "step,train_loss,val_loss\n" + "".join(f"{n},1,2\n" for n in TEST)),
        ("images_test_sizes.csv", "width,height\n" + "".join(f"{n},{n + 40}\n" for n in TEST)),
        ("logs/val.log", "step 1380 val loss 0.3\n"),
        ("tests/test_loader.py", "assert ids == ['1377', '1378']\n"),
    ],
)
def test_what_names_all_cases_or_numbers_that_may_be_none_is_no_worry(tmp_path: Path, name: str, text: str) -> None:
    assert not read_folder(laid_out(tmp_path, LABELS | {name: text})).worries


def test_held_out_cases_alone_are_refused_with_the_name_that_says_so(tmp_path: Path) -> None:
    files = {"BoneXpert_validation_study.csv": table()}

    with pytest.raises(DataError, match=r"all cases are held out: .*validation_study\.csv \(validation, by its name"):
        read_folder(laid_out(tmp_path, files))
    assert len(read_folder(tmp_path, to_train=False).cases) == 60


def metadata(count: int, first: int) -> str:
    rows = [f"{n:04}.png,{AGES[first + n]},{n % 3 == 0}" for n in range(count)]
    return "\n".join(["file_name,boneage,male", *rows])


def test_splits_that_number_their_images_alike_are_read_from_their_own_folders(tmp_path: Path) -> None:
    images = [f"train/{n:04}.png" for n in range(50)] + [f"test/{n:04}.png" for n in range(10)]
    files = {"train/metadata.csv": metadata(50, 0), "test/metadata.csv": metadata(10, 30)}

    found = read_folder(laid_out(tmp_path / "a", files, images))
    cases = found.cases

    assert "the splits count their images alike, so the ids have the split before them, as train/0000" in found.said
    assert list(cases["id"][:2]) == ["train/0000", "train/0001"]
    for id, path, age in zip(cases["id"], cases["path"], cases["age_months"], strict=True):
        split, name = id.split("/")
        assert path == tmp_path / "a" / split / f"{name}.png"
        assert age == AGES[int(name) + (30 if split == "test" else 0)]

    away = [name for name in images if name != "test/0007.png"]
    with pytest.raises(DataError, match="is in two splits"):  # a case without its image would get the other's
        read_folder(laid_out(tmp_path / "d", files, away))
    second = "\n".join(
        line if n == 0 else line.replace(f",{AGES[n - 1]},", f",{AGES[n - 1] + 4},")
        for n, line in enumerate(metadata(10, 0).splitlines())
    )
    reader = {"train/metadata.csv": metadata(50, 0), "test/metadata.csv": second}
    with pytest.raises(DataError, match="is in two splits"):  # another reading of the same hands
        read_folder(laid_out(tmp_path / "e", reader, images))
    ids = {
        f"{split}/metadata.csv": "\n".join(
            ["id,boneage,male", *(f"{n},{age + first},True" for n, age in zip(NUMBERS[:20], AGES, strict=False))]
        )
        for split, first in (("train", 0), ("test", 50))
    }
    with pytest.raises(DataError, match="is in two splits"):  # RSNA's ids count nothing
        read_folder(
            laid_out(tmp_path / "f", ids, [f"{split}/{n}.png" for split in ("train", "test") for n in NUMBERS[:20]])
        )
    same = {"train/metadata.csv": metadata(50, 0), "test/metadata.csv": metadata(10, 0)}
    with pytest.raises(DataError, match="is in two splits"):  # as their labels are, the cases are the same
        read_folder(laid_out(tmp_path / "b", same, images))
    one = metadata(10, 30).replace("0000.png", "0049.png").replace("000", "009")
    few = {"train/metadata.csv": metadata(50, 0), "test/metadata.csv": one}
    with pytest.raises(DataError, match="is in two splits"):  # one id of ten is no numbering
        read_folder(laid_out(tmp_path / "c", few, [*images, *(f"test/009{n}.png" for n in range(1, 10))]))


def test_programs_beside_the_data_are_passed_over(tmp_path: Path) -> None:
    files = {"venv/pyvenv.cfg": "", "venv/x/tests/test.csv": "a,b\n1,2\n", "lib/site-packages/test.csv": "a,b\n1,2\n"}

    assert len(read_folder(laid_out(tmp_path, LABELS | files)).cases) == 60


@pytest.mark.parametrize(
    "heading",
    ["BoneXpert", "atlas", "KA", "FELS", "Rad1", "R1", "expert1", "Gutachter 1", "estimate", "kemik yaşı", "骨龄", "костный возраст"],
)  # fmt: skip
def test_readings_in_other_words_beside_age_months_are_refused(tmp_path: Path, heading: str) -> None:
    files = {"labels.csv": table("age_months", **{heading: [age + 9 + n % 5 for n, age in enumerate(AGES)]})}

    with pytest.raises(DataError, match="has ages under age months"):
        read_folder(laid_out(tmp_path, files))
    assert len(read_folder(tmp_path, Preparation(age_column="age_months")).cases) == 60


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("mean_intensity", [30 + 37 * n % 80 for n in range(60)]),
        ("reading_room", [n % 12 for n in range(60)]),
        ("label", [n % 20 for n in range(60)]),
        ("reading", [200 - age for age in AGES]),
        ("consensus", [n + 1 for n in range(60)]),
        ("label", [age // 24 for age in AGES]),  # grades
        ("bone age category", [n // 5 for n in range(60)]),
    ],
)
def test_numbers_that_do_not_rise_with_the_ages_or_are_of_another_size_are_no_readings(
    tmp_path: Path, heading: str, cells: list[int]
) -> None:
    files = {"labels.csv": table("age_months", **{heading: cells})}

    assert len(read_folder(laid_out(tmp_path, files)).cases) == 60


@pytest.mark.parametrize(("apart_years", "refused"), [(0, False), (0.04, False), (0.25, True), (1, True)])
def test_readings_in_years_are_other_ages_where_they_differ_by_more_than_a_decimal(
    tmp_path: Path, apart_years: float, refused: bool
) -> None:
    cells = [f"{age / 12 + apart_years * (-1) ** n:.3f}" for n, age in enumerate(AGES)]
    laid_out(tmp_path, {"labels.csv": table("age_months", reading=cells)})

    with pytest.raises(DataError, match="others under reading") if refused else nullcontext():
        read_folder(tmp_path)


def test_the_mean_of_its_readings_is_the_label(tmp_path: Path) -> None:
    readings = {"reader 1": [age - 3 for age in AGES], "reader 2": [age + 3 for age in AGES]}

    assert len(read_folder(laid_out(tmp_path, {"labels.csv": table("age_months", **readings)})).cases) == 60


def test_ids_of_valencia_are_no_validation(tmp_path: Path) -> None:
    names = [f"{'VAL' if n < 20 else 'MAD'}{n:03}" for n in range(60)]
    text = "\n".join(["id,boneage,male", *(f"{name},{age},True" for name, age in zip(names, AGES, strict=True))])

    found = read_folder(laid_out(tmp_path, {"labels.csv": text}, [f"images/{name}.png" for name in names]))

    assert splits(found) == {"": 60}


def test_a_second_table_beside_the_training_table_may_be_renamed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"eval\.csv beside a training table: remove one of the two, or rename it"):
        read_folder(laid_out(tmp_path, {"train.csv": table(), "eval.csv": table()}))


TICKED = ",,FALSE,\n" * 40  # boxes of rows that nobody has filled in yet


@pytest.mark.parametrize(
    ("heading", "cells"),
    [("patient_id", [f"P{n}" for n in NUMBERS]), ("split", ["train"] * 50 + ["test"] * 10)],
)
def test_rows_that_were_ticked_beforehand_are_no_rows_below_a_split_or_a_patient(
    tmp_path: Path, heading: str, cells: list[str]
) -> None:
    found = read_folder(laid_out(tmp_path, {"labels.csv": table(**{heading: cells}) + TICKED}))

    assert len(found.cases) == 60
    assert "40 rows of labels.csv have neither id nor age and are not cases (the first: row 62)" in " ".join(found.said)


@pytest.mark.parametrize(
    ("heading", "cells", "says"),
    [
        ("split", ["test"] * 10 + [""] * 50, "labels.csv: 50 of 60 rows name no split and count as train"),
        ("patient_id", [""] + [f"P{n // 2}" for n in range(59)], "labels.csv: 1 of 60 rows names no patient"),
    ],
)
def test_rows_without_a_split_or_a_patient_are_counted_among_those_of_cases(
    tmp_path: Path, heading: str, cells: list[str], says: str
) -> None:
    found = read_folder(laid_out(tmp_path, {"labels.csv": table(**{heading: cells}) + ",,FALSE,\n" * 5}))

    assert says in " ".join(found.said)


def test_columns_that_are_doubted_are_those_of_cases_whatever_was_ticked_beforehand(tmp_path: Path) -> None:
    """Groups of a few among sixty rows are not few among a thousand."""
    groups = [f"B{n // 2:03}" if n < 8 else f"B{n:03}" for n in range(60)]
    found = read_folder(laid_out(tmp_path, {"labels.csv": table(code=groups) + ",,FALSE,\n" * 1000}))

    assert "HAS NO KNOWN HEADING OF PATIENTS" in " ".join(found.said)


def test_a_split_in_a_row_of_its_own_above_those_of_its_cases_is_refused(tmp_path: Path) -> None:
    """Such a row has neither id nor age, too."""
    head, *rows = table(split=[""] * 60).splitlines()
    text = "\n".join([head, ",,,train", *rows[:50], ",,,test", *rows[50:]]) + "\n"

    with pytest.raises(
        DataError, match="'train' under split in row 2, and row 3 and others below such cells are blank"
    ):
        read_folder(laid_out(tmp_path, {"labels.csv": text}))


CHECKED = {n: "valid" if n % 3 else "invalid" for n in NUMBERS}
BY_MARK = {mark: [n for n in NUMBERS if CHECKED[n] == mark] for mark in ("valid", "invalid")}
MARKS = {
    "quality.json": json.dumps(CHECKED),
    "checks.json": json.dumps(BY_MARK),
    "flags.json": json.dumps({n: {"valid": mark == "valid"} for n, mark in CHECKED.items()}),
    "quality.yaml": "".join(f"{n}: {mark}\n" for n, mark in CHECKED.items()),
    "checks.yaml": "".join(f"{mark}:\n" + "".join(f"  - {n}\n" for n in ids) for mark, ids in BY_MARK.items()),
    "quality.txt": "".join(f"{n} {mark}\n" for n, mark in CHECKED.items()),
}


@pytest.mark.parametrize("name", MARKS)
def test_marks_of_a_check_in_a_text_are_no_splits(tmp_path: Path, name: str) -> None:
    assert splits(read_folder(laid_out(tmp_path, LABELS | {name: MARKS[name]}))) == {"": 60}


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("quality.json", ["train"] * 50 + ["valid"] * 10),
        ("cases.yaml", ["train"] * 50 + ["valid"] * 10),
        ("splits.json", ["valid"] * 10),
        ("data_split.yaml", ["valid"] * 10),
    ],
)
def test_valid_beside_train_or_in_a_file_of_splits_is_one(tmp_path: Path, name: str, marks: list[str]) -> None:
    said = dict(zip(map(str, reversed(NUMBERS)), reversed(marks), strict=False))
    text = json.dumps(said) if name.endswith("json") else "".join(f"{n}: {mark}\n" for n, mark in said.items())

    with pytest.raises(DataError, match="says which cases are in which split"):
        read_folder(laid_out(tmp_path, LABELS | {name: text}))


@pytest.mark.parametrize("heading", ["PatID", "ptid", "SUBJID", "USUBJID", "pt_id"])
def test_short_headings_that_surely_mean_patients_are_taken(tmp_path: Path, heading: str) -> None:
    found = read_folder(laid_out(tmp_path, {"labels.csv": table(**{heading: [n // 2 for n in range(60)]})}))

    assert found.cases["patient"].nunique() == 30


@pytest.mark.parametrize("heading", ["pid", "PID", "PtNo", "pt code", "subjectkey", "participantkey", "childid"])
def test_numbers_under_short_headings_that_may_mean_patients_are_a_worry(tmp_path: Path, heading: str) -> None:
    found = read_folder(laid_out(tmp_path, {"labels.csv": table(**{heading: [n // 2 for n in range(60)]})}))

    assert f"HAS NO KNOWN HEADING OF PATIENTS: images of one patient may be in two splits; if {heading}" in " ".join(
        found.said
    )
