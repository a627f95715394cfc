"""Folders as people have them: what lies beside the data, how things are named, what is away. Drawn hands, no network."""

import errno
import gzip
import os
import shutil
import socket
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest
from conftest import drawn
from dicom_files import write as write_dicom
from openpyxl import Workbook
from PIL import Image

from data.phantom.hand import phantom_cases
from data.preparation import DataError, Preparation
from data.tables.folders import files_below
from data.tables.layouts import Found, read_folder
from search.cli import main

HANDS = phantom_cases(12)
IDS = [str(1377 + number) for number in range(12)]
HEADING = "id,boneage,male"


def rows(ids: list[str] = IDS, heading: str = HEADING) -> str:
    lines = [f"{id},{60 + 10 * (number % 12)},{number % 2 == 0}" for number, id in enumerate(ids)]
    return "\n".join([heading, *lines]) + "\n"


def save(folder: Path, names: list[str], ending: str = ".png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        picture = Image.fromarray(drawn(HANDS[number % 12], 32))
        picture.save(folder / f"{name}{ending}", format="PNG" if ending.lower() == ".png" else None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train.csv and img/ with twelve hands."""
    made = tmp_path / "data"
    save(made / "img", IDS)
    (made / "train.csv").write_text(rows())
    return made


def ids_of(found: Found) -> list[str]:
    return list(found.cases["id"])


def workbook(path: Path, table: list[list[object]]) -> None:
    book = Workbook()
    assert book.active is not None
    for cells in table:
        book.active.append(cells)
    book.save(path)


def deep(folder: Path) -> None:
    below = folder.joinpath(*"abcdefghijkl")
    below.mkdir(parents=True)
    (folder / "img").rename(below / "img")


def excel_open(folder: Path) -> None:
    workbook(folder / "train.xlsx", [line.split(",") for line in rows().splitlines()])
    (folder / "train.csv").unlink()
    (folder / "~$train.xlsx").write_bytes(b"\x05owner".ljust(165, b"\0"))


def linked(folder: Path) -> None:
    (folder / "img").rename(folder.parent / "elsewhere")
    (folder / "boneage-training-dataset").symlink_to("../elsewhere")


def circle(folder: Path) -> None:
    (folder / "img" / "again").symlink_to(folder)
    (folder / "img" / "self").symlink_to(".")
    (folder / "twice").symlink_to("img")


def linked_table(folder: Path) -> None:
    (folder / "train.csv").rename(folder.parent / "labels.csv")
    (folder / "train.csv").symlink_to("../labels.csv")


def pipes(folder: Path) -> None:
    os.mkfifo(folder / "img" / "1400.png")
    os.mkfifo(folder / "labels.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "img" / "1401.dcm"))


def beside(folder: Path) -> None:
    (folder / "notizen.csv").write_bytes("Größe\n12".encode("cp1252"))
    (folder / "log.csv").write_bytes(b"")
    (folder / "broken.xlsx").write_bytes(b"PK no workbook")
    (folder / "history.csv").write_text("epoch,loss\n1,2\n")
    (folder / "weights.csv").write_text("id,sex\n1377,M\n")  # a list without ages
    (folder / "empty.csv").write_text(HEADING + "\n")
    (folder / "README.txt").write_text("hands")


def systems(folder: Path) -> None:
    of_a_nas = ("@eaDir", "#recycle", "@Recycle", "#snapshot")
    for name in ("lost+found", "$Recycle.Bin", "RECYCLER", "System Volume Information", "__MACOSX", ".git", *of_a_nas):
        save(folder / name, IDS)
        (folder / name / "train.csv").write_text(rows()[:-20])
    (folder / "img" / "._1377.png").write_bytes(b"\0\5")
    (folder / "Thumbs.db").write_bytes(b"\0")


def ours(folder: Path) -> None:
    """A run and a model that were left beside the data."""
    save(folder / "runs" / "main" / "trials" / "1", ["cam_sheet", "1377"])
    (folder / "runs" / "main" / "run.json").write_text('{"preset": "demo"}')
    (folder / "runs" / "main" / "predictions.csv").write_text("id,male,age_months\n1377,True,9\n")
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text('{"architecture": {}}')
    (folder / "model" / "predictions_test.csv").write_text("id,male,age_months\n1377,True,9\n")


def others_json(folder: Path) -> None:
    """Of other programs, which call their files as we do, beside the images."""
    for name, text in (
        ("model.json", "{}"),
        ("run.json", "[1]"),
        ("request.json", "no JSON"),
        ("store.json", '{"a": "digest"}'),
    ):
        (folder / "img" / name).write_text(text)


def endings(folder: Path) -> None:
    shutil.rmtree(folder / "img")
    save(folder / "img", IDS, ".PNG")
    (folder / "train.csv").write_text(rows([f"{id}.Png" for id in IDS]))


def jpegs(folder: Path) -> None:
    """As browsers on Windows save them."""
    shutil.rmtree(folder / "img")
    save(folder / "img", IDS, ".jfif")


def of_scanners(folder: Path) -> None:
    """DICOM under the endings of its makers, without a number of the patient."""
    shutil.rmtree(folder / "img")
    (folder / "img").mkdir()
    for number, id in enumerate(IDS):
        write_dicom(folder / "img" / f"{id}.{('ima', 'IMA', 'dc3')[number % 3]}", PatientSex="M")


def paths(folder: Path) -> None:
    (folder / "train.csv").write_text(rows([rf"C:\studie\img\{id}.png" for id in IDS]))


def windows(folder: Path) -> None:
    (folder / "train.csv").write_bytes(b"\xef\xbb\xbf" + rows().replace("\n", "\r\n").encode())


def blank_rows(folder: Path) -> None:
    (folder / "train.csv").write_text(rows() + ",,\n" * 200 + " , ,\n")


def german(folder: Path) -> None:
    lines = [f"{id};{60 + n},5;{'w' if n % 2 else 'm'}" for n, id in enumerate(IDS)]
    (folder / "train.csv").write_bytes("\r\n".join(["sep=;", "id;bone_age;Sex", *lines]).encode("utf-16"))


def title(folder: Path) -> None:
    (folder / "train.csv").write_text("Klinik Nord,,\n,,\n" + rows())


def lost_zeros(folder: Path) -> None:
    """Excel has taken the zeros from 0001377."""
    shutil.rmtree(folder / "img")
    save(folder / "img", [f"000{id}" for id in IDS])


def lettered_images(folder: Path) -> None:
    shutil.rmtree(folder / "img")
    save(folder / "img", [f"hand_{id}" for id in IDS])


def floats(folder: Path) -> None:
    """pandas has written ids as 1377.0."""
    (folder / "train.csv").write_text(rows([f"{id}.0" for id in IDS]))


def outward(folder: Path) -> None:
    """Links that lead out of the data, into other data and to the whole disk."""
    save(folder.parent / "other", IDS)
    (folder.parent / "other" / "train.csv").write_text(rows()[:-30])
    (folder / "up").symlink_to("..")
    (folder / "disk").symlink_to("/")


def devices(folder: Path) -> None:
    (folder / "img" / "1400.png").symlink_to("/dev/zero")
    (folder / "more.csv").symlink_to("/dev/zero")


def german_truth(folder: Path) -> None:
    (folder / "train.csv").write_text(rows().replace("True", "WAHR").replace("False", "FALSCH").replace(",", ";"))


def renamed_workbook(folder: Path) -> None:
    workbook(folder / "train.xlsx", [line.split(",") for line in rows().splitlines()])
    (folder / "train.xlsx").rename(folder / "train.csv")


def zeros(folder: Path) -> None:
    """A machine that was lost has left zeros at the file's end."""
    (folder / "train.csv").write_bytes(rows().encode() + bytes(5000))


def repeated(folder: Path) -> None:
    """A query has given each row twice."""
    (folder / "train.csv").write_text(rows() + rows().partition("\n")[2])


def copies(folder: Path) -> None:
    (folder / "backup").mkdir()
    shutil.copy(folder / "train.csv", folder / "backup" / "train (copy).csv")


def of_originals(folder: Path) -> None:
    """The table names files that were converted since."""
    (folder / "train.csv").write_text(rows([f"{id}{('.tif', '.TIFF', '.bmp')[n % 3]}" for n, id in enumerate(IDS)]))


def converted(folder: Path) -> None:
    """A program has left the old ending in front of its own."""
    shutil.rmtree(folder / "img")
    for n, id in enumerate(IDS):
        save(folder / "img", [f"{id}{('.dcm', '.png', '.tif')[n % 3]}"])


def converted_and_named(folder: Path) -> None:
    converted(folder)
    (folder / "train.csv").write_text(rows([f"{id}.dcm" for id in IDS]))


# Every one of the twelve is found, whatever lies about them.
WHOLE: dict[str, tuple[Callable[[Path], object], str]] = {  # how it comes about, what is said of it
    "images a dozen folders down": (deep, ""),
    "a workbook that is open in Excel": (excel_open, ""),
    "files of other programs that are called like ours": (others_json, ""),
    "a linked folder": (linked, ""),
    "links in a circle": (circle, ""),
    "a linked table": (linked_table, ""),
    "pipes and sockets": (pipes, "no regular file (a pipe, a socket or a device): labels.csv, img/1400.png, img/1401.dcm"),
    "other tables": (beside, "passed over, as no table of cases: history.csv, notizen.csv, weights.csv"),
    "unreadable tables": (beside, "broken.xlsx cannot be read as an Excel workbook"),
    "folders of the system": (systems, ""),
    "a run and a model of ours": (ours, ""),
    "endings in capitals": (endings, ""),
    "JPEGs of Windows": (jpegs, ""),
    "DICOM with other endings": (of_scanners, "12 ids differ a little from their images' names, as 1377 and 1377.ima"),
    "ids as paths of Windows": (paths, ""),
    "Windows' line ends and mark": (windows, ""),
    "blank rows": (blank_rows, "train.csv: 12 train cases"),
    "Excel's German CSV in UTF-16": (german, ""),
    "a title above the headings": (title, ""),
    "leading zeros lost": (lost_zeros, "12 ids differ a little from their images' names, as 1377 and 0001377.png"),
    "images with letters": (lettered_images, ""),
    "ids as floats": (floats, "12 ids differ a little from their images' names, as 1377.0 and 1377.png"),
    "a copy of the table": (copies, ""),
    "ids with the ending of the originals": (of_originals, ""),
    "files with two endings": (converted, "12 ids differ a little from their images' names, as 1377 and 1377.dcm.png"),
    "files with two endings whose first the table has": (converted_and_named, ""),
    "every row twice": (repeated, "12 rows of train.csv repeat other rows and are left out (the first: row 14)"),
    "links out of the data": (outward, ""),
    "links to devices": (devices, "no regular file (a pipe, a socket or a device): more.csv, img/1400.png"),
    "True in German": (german_truth, ""),
    "a workbook named CSV": (renamed_workbook, ""),
    "zeros at the table's end": (zeros, "train.csv: 12 train cases"),
    "an archive beside": (lambda f: (f / "more.zip").touch(), "1 .zip file is not read and passed over: unpack"),
    "other kinds of images": (lambda f: [(f / f"{n}.tif").touch() for n in range(3)], "3 .tif files are not read and passed over: save as PNG"),
    "packed images": (lambda f: [(f / f"{n}{packed}").touch() for n, packed in ((1, ".png.gz"), (2, ".png.gz"), (3, ".dcm.gz"))], "1 .dcm.gz file is not read and passed over: unpack | 2 .png.gz files are not read and passed over: unpack"),
    "names of Windows": (lambda f: shutil.copy(f / "img" / "1377.png", f / "more\\1400.png"), "1 file has a folder in the name (more\\1400.png)"),
    "pictures without an ending": (lambda f: shutil.copy(f / "img" / "1377.png", f / "img" / "1400"), "1 picture without an ending is passed over (img/1400): name them .png or .jpg"),
    "a link to nowhere": (lambda f: (f / "img" / "1399.png").symlink_to("gone"), "a link leads to nothing: img/1399.png"),
    "a text of another name": (lambda f: (f / "latest.txt").write_text(rows()), ""),
    "notes on the test set": (lambda f: (f / "test notes.txt").write_text("read me,\nplease,a,b\n"), "no table of cases: test notes.txt"),
    "results on a test set": (lambda f: (f / "test_results.csv").write_text("model,mae\na,9\n"), "no table of cases: test_results.csv"),
    "answers for a test set": (lambda f: (f / "test_submission.csv").write_text("id,prediction\n1,9\n"), "no table of cases: test_submission.csv"),
    "a log of another training": (lambda f: ((f / "train.csv").rename(f / "labels.csv"), (f / "train log.csv").write_text("epoch,loss\n1,2\n")), "no table of cases: train log.csv"),
    "a log that is still empty": (lambda f: ((f / "train.csv").rename(f / "labels.csv"), (f / "training_log.csv").touch()), "passed over: "),
    "an empty log in a folder of a split": (lambda f: ((f / "train.csv").rename(f / "labels.csv"), (f / "test").mkdir(), (f / "test" / "log.csv").touch()), "log.csv cannot be read as CSV: it is empty"),
    "empty minutes of a test": (lambda f: (f / "test_protokoll.csv").write_text("\n\n"), "test_protokoll.csv cannot be read as CSV: it is empty"),
    "an empty workbook of results": (lambda f: Workbook().save(f / "val_ergebnisse.xlsx"), "val_ergebnisse.xlsx cannot be read"),
    "a damaged log beside all cases": (lambda f: ((f / "train.csv").rename(f / "labels.csv"), (f / "train_log.csv").write_text('epoch,loss\n"1,2\n')), "train_log.csv cannot be read as CSV"),
}  # fmt: skip


@pytest.mark.parametrize("found_so", WHOLE)
def test_a_folder_as_people_have_it_is_read_whole(folder: Path, found_so: str) -> None:
    make, says = WHOLE[found_so]
    make(folder)

    found = read_folder(folder)

    assert sorted(id.removesuffix(".0") for id in ids_of(found)) == IDS
    assert not found.problems
    assert len(set(found.cases["path"])) == 12
    assert says in " | ".join(found.said)


def held_out(folder: Path, images: str, name: str = "test.csv", ids: list[str] | None = None) -> None:
    """A table of four more cases, with their images in a folder."""
    ids = ids or ["4360", "4361", "4362", "4363"]
    (folder / name).write_text(rows(ids))
    if images:
        save(folder / images, ids)


def merged(folder: Path) -> None:
    save(folder / "img", [str(4360 + number) for number in range(3)])
    (folder / "train.csv").write_text(rows([*IDS, "4360", "4361", "4362"]))


def split_column(folder: Path, split: str) -> None:
    save(folder / "img", ["4360"])
    (folder / "train.csv").write_text(
        "\n".join([f"{HEADING},split", *(f"{line},train" for line in rows().splitlines()[1:]), f"4360,99,True,{split}"])
    )


def mostly_missing(folder: Path) -> None:
    for id in IDS[:3]:
        (folder / "img" / f"{id}.png").unlink()


def held_out_mostly_missing(folder: Path, split: str = "test") -> None:
    """Three of ten, which are less than a fifth of all cases."""
    ids = [str(2000 + number) for number in range(10)]
    held_out(folder, split, f"{split}.csv", ids)
    for id in ids[:3]:
        (folder / split / f"{id}.png").unlink()


def split_column_mostly_unreadable(folder: Path) -> None:
    """Two of five validation cases of a `split` column have no age that can be read."""
    lines = [f"{line},{'val' if n < 5 else 'train'}" for n, line in enumerate(rows().splitlines()[1:])]
    lines[:2] = [line.replace(line.split(",")[1], "?", 1) for line in lines[:2]]
    (folder / "train.csv").write_text("\n".join([f"{HEADING},split", *lines]))


def packed(path: Path, name: str) -> None:
    with ZipFile(path, "w") as archive:
        archive.writestr(name, "id")


@pytest.mark.parametrize(
    "ending",
    [
        "xlsb",
        "json",
        "tab",
        "dat",
        "ods",
        "parquet",
        "feather",
        "jsonl",
        "rds",
        "sqlite",
        "csv.zip",
        "txt.bz2",
        "TSV.GZ",
    ],
)
def test_a_test_table_of_any_kind_that_is_not_read_is_refused(folder: Path, ending: str) -> None:
    (folder / f"test.{ending}").write_bytes(b"\x89")

    with pytest.raises(DataError, match=r"is not read: (save as CSV or xlsx|unpack); by its name it is the test table"):
        read_folder(folder)


@pytest.mark.parametrize(
    "name", ["test_ids.npy", "val_index.pkl", "test-patients.parquet", "test_idx.pt", "testlist.mat"]
)
def test_a_list_of_a_split_in_a_format_that_is_not_read_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x89\0")

    with pytest.raises(
        DataError, match=r"is not read: save as CSV or xlsx; by its name it is the (test|validation) table"
    ):
        read_folder(folder)


@pytest.mark.parametrize("name", ["splits.pkl", "data_split.parquet", "partition.mat", "split.rds", "split_ids.npz"])
def test_splits_in_a_format_that_is_not_read_are_refused_where_no_table_has_any(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x89\0")
    assert ids_of(read_folder(folder)) == IDS  # train.csv says what its cases are for

    (folder / "train.csv").rename(folder / "labels.csv")
    with pytest.raises(DataError, match=r"is not read: save as CSV or xlsx; by its name it says splits"):
        read_folder(folder)


@pytest.mark.parametrize(
    "name", ["test_config.json", "labels.json", "settings.dat", "train.csv.gz", "test_results.parquet"]
)
def test_a_file_of_any_kind_whose_name_is_no_missing_splits_is_passed_over(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x89")

    assert ids_of(read_folder(folder)) == IDS


@pytest.mark.parametrize(
    "name",
    [
        *(
            "test.npz",
            "test.mat",
            "test.npy",
            "test_images.h5",
            "val.hdf5",
            "cache/test.pkl",
            "test.pickle",
            "test.pt",
            "val.tfrecord",
        ),
        *("test_images.json", "test-images.dat", "test.tar.xz", "boneage-test-dataset.tar.bz2", "test.txz"),
    ],
)
def test_arrays_and_packed_images_that_are_named_as_a_split_are_no_tables(folder: Path, name: str) -> None:
    (folder / "cache").mkdir()
    (folder / name).write_bytes(b"\x89")

    assert ids_of(read_folder(folder)) == IDS


@pytest.mark.parametrize("name", ["test_images.csv.gz", "test.csv.tar.xz", "test.xls"])
def test_tables_that_are_packed_stay_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x89")

    with pytest.raises(DataError, match="by its name it is the test table"):
        read_folder(folder)


@pytest.mark.parametrize("by", ["column", "folders"])
def test_annotations_of_a_split_that_rows_or_folders_have_are_passed_over(folder: Path, by: str) -> None:
    of = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    (folder / "train.csv").unlink()
    lines = rows().splitlines()
    if by == "column":
        lines = [f"{line},{split}" for line, split in zip(lines, ["split", *of], strict=True)]
    else:
        for id, split in zip(IDS, of, strict=True):
            (folder / split).mkdir(exist_ok=True)
            (folder / "img" / f"{id}.png").rename(folder / split / f"{id}.png")
    (folder / "labels.csv").write_text("\n".join(lines))
    for name in ("test.json", "val.json", "train.parquet", "test.sav"):
        (folder / name).write_text("{}")
    packed(folder / "dataset_test.zip", "labels.csv")

    found = read_folder(folder)

    assert dict(found.cases["split"].value_counts()) == {"train": 6, "validation": 3, "test": 3}
    assert any(".zip file is not read" in said for said in found.said)
    assert len(read_folder(folder, to_train=False).cases) == 12


def test_a_test_table_that_is_not_read_is_refused_where_only_unused_images_lie_in_its_folder(folder: Path) -> None:
    (folder / "train.csv").rename(folder / "labels.csv")
    (folder / "img").rename(folder / "train")
    save(folder / "test", ["4360", "4361"])
    (folder / "test.parquet").write_bytes(b"\x89")

    with pytest.raises(DataError, match="by its name it is the test table"):
        read_folder(folder)


def test_images_that_were_left_packed_are_no_table(folder: Path) -> None:
    packed(folder / "boneage-test-dataset.zip", "boneage-test-dataset/4360.png")

    assert "1 .zip file is not read and passed over: unpack" in read_folder(folder).said


def two_sheets(path: Path) -> None:
    lines = [line.split(",") for line in rows().splitlines()]
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, half in (("girls", lines[1:7]), ("boys", lines[7:])):
        sheet = book.create_sheet(name)
        for cells in (lines[0], *half):
            sheet.append(cells)
    book.save(path)


def composed_and_not(folder: Path) -> None:
    """The same name as two systems write it, in the tables of two splits."""
    held_out(folder, "test", ids=[unicodedata.normalize("NFD", "José"), "4361"])
    (folder / "train.csv").write_text(rows([*IDS[:-1], unicodedata.normalize("NFC", "José")]))


def validation_in_years(folder: Path) -> None:
    ids = [f"9{number}" for number in range(10)]
    save(folder / "val", ids)
    (folder / "val.csv").write_text("\n".join([HEADING, *(f"{id},{n + 5}.5,True" for n, id in enumerate(ids))]))


def split_in_years(folder: Path, by: str = "column") -> None:
    """A fifth of the cases is another clinic's, in years, which is less than half of all."""
    ids = [str(1377 + n) for n in range(40)]
    save(folder / "img", ids)
    lines = [
        f"{id},{n / 4 + 1.5 if n >= 32 else 90 + n},True,{'test' if n >= 32 else 'train'}" for n, id in enumerate(ids)
    ]
    if by == "column":
        (folder / "train.csv").write_text("\n".join([f"{HEADING},split", *lines]))
        return
    (folder / "train.csv").unlink()
    (folder / "labels.csv").write_text("\n".join([HEADING, *(line.rpartition(",")[0] for line in lines)]))
    for n, id in enumerate(ids):
        at = folder / ("test" if n >= 32 else "train") / f"{id}.png"
        at.parent.mkdir(exist_ok=True)
        (folder / "img" / f"{id}.png").rename(at)


def merged_with_foreign(folder: Path) -> None:
    """RSNA's cases with the clinic's own five among a hundred."""
    ids = [*map(str, range(1377, 1469)), "4360", "4361", "4362", "KH001", "KH002", "KH003", "KH004", "99"]
    shutil.rmtree(folder / "img")
    save(folder / "img", ids)
    (folder / "train.csv").write_text(rows(ids))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "test images away": (lambda f: held_out(f, ""), r"test\.csv names test cases, and .* has no image of any of them"),
    "validation images away": (lambda f: held_out(f, "", "val.csv"), "names validation cases"),
    "test cases merged into train.csv": (merged, "3 cases with ids of RSNA's official test set .*4360.* column `split`"),
    "test cases merged with foreign ones": (merged_with_foreign, "3 cases with ids of RSNA's official test set .*4360"),
    "a damaged test table": (lambda f: (f / "test.xlsx").write_bytes(b"PK"), "by its name it is the test table"),
    "a test table with one foreign heading": (lambda f: (f / "test.csv").write_text(rows(["9"], "id,boneage,geschlecht")), "lacks the column 'male'.*by its name it is the test table"),
    "a test table with foreign headings": (lambda f: (f / "val.csv").write_text(rows(["9"], "bild,alter,geschlecht")), "by its name it is the validation table"),
    "a test table that is named by its folder": (lambda f: ((f / "test").mkdir(), (f / "test" / "labels.csv").write_text(rows(["9"], "bild,boneage,male"))), "lacks the column 'id'.*the test table"),
    "a test table of many words": (lambda f: (f / "boneage_test_dataset.csv").write_text(rows(["9"], "bild,alter,geschlecht")), "by its name it is the test table"),
    "a table of the truth of old Excel": (lambda f: (f / "Bone age ground truth.xls").write_bytes(b"\xd0\xcf"), "by its name it is the test table"),
    "a test table that is packed": (lambda f: (f / "test.csv.gz").write_bytes(gzip.compress(rows(["9"]).encode())), r"test\.csv\.gz is not read: unpack; by its name it is the test table"),
    "a test table in an archive": (lambda f: packed(f / "boneage-test-dataset.zip", "ground truth.xlsx"), r"zip is not read: unpack; by its name it is the test table"),
    "a packed test table that is named by its folder": (lambda f: ((f / "val").mkdir(), (f / "val" / "labels.csv.xz").write_bytes(b"\xfd7z")), r"labels\.csv\.xz is not read: unpack; by its name it is the validation table"),
    "a table of results that has cases": (lambda f: (f / "test_results.csv").write_text(rows(["9"], "id,boneage,geschlecht")), "by its name it is the test table"),
    "sexes in an encoding of old Macintoshes": (
        lambda f: (f / "train.csv").write_bytes(rows(heading="id,boneage,sex").replace("True", "männlich").replace("False", "weiblich").encode("mac_roman")),
        r"6 of 12 cases .*train\.csv is not UTF-8, read as Windows-1252"),
    "a test table of old Excel": (lambda f: (f / "test.xls").write_bytes(b"\xd0\xcf"), r"test\.xls is not read: save as CSV or xlsx; by its name it is the test table"),
    "girls and boys on two sheets": (
        lambda f: ((f / "train.csv").unlink(), two_sheets(f / "train.xlsx")), "has 2 sheets of cases, girls, boys"),
    "days that are no days": (lambda f: (f / "train.csv").write_text(rows().replace("0,T", ",T").replace("0,F", ",F")), "read with --age-unit days, .* below a month"),
    "an empty test table in its folder": (lambda f: ((f / "test").mkdir(), (f / "test" / "labels.csv").touch()), "by its name it is the test table"),
    "an empty test table": (lambda f: (f / "test.csv").touch(), "by its name it is the test table"),
    "two tables of one split": (lambda f: (f / "train2.csv").write_text(rows(IDS[:-1])), "has 2 train tables"),
    "a quarter of the images away": (mostly_missing, r"3 of 12 cases .*\(3 missing\), more than a fifth.*--accept-losses"),
    "three of ten test images away": (held_out_mostly_missing, r"3 of 10 test cases .*\(3 missing\), more than a fifth.*--accept-losses"),
    "three of ten validation images away": (lambda f: held_out_mostly_missing(f, "val"), "3 of 10 validation cases"),
    "two of five validation ages unreadable": (split_column_mostly_unreadable, r"2 of 5 validation cases .*\(2 age\)"),
    "an id in two splits in two notations": (composed_and_not, "is in two splits"),
    "years": (lambda f: (f / "train.csv").write_text(rows().replace("0,T", ",T").replace("0,F", ",F")), "--age-unit years"),
    "years in one of two tables": (validation_in_years, r"val\.csv look like years"),
    "years in the test cases of one table": (split_in_years, r"bone ages of the test cases of .* look like years, and those of the others like months: of 8"),
    "years in the folder of the test": (lambda f: split_in_years(f, "folder"), r"bone ages of the test cases of .* look like years, and those of the others like months: of 8"),
    "images that are still packed": (
        lambda f: (shutil.rmtree(f / "img"), (f / "img.zip").touch()),
        "1 .zip file is not read and passed over: unpack",
    ),
    "ids in another column": (
        lambda f: (f / "train.csv").write_text(rows(["a" + id for id in "bcdefghijklm"])),
        "if the images' names are in another column, say --id-column",
    ),
    "nothing but other images": (
        lambda f: (shutil.rmtree(f / "img"), (f / "img").mkdir(), [(f / "img" / f"{id}.tif").touch() for id in IDS]),
        "12 .tif files are not read and passed over: save as PNG",
    ),
    "a quarter of the images in an archive": (
        lambda f: (packed(f / "rest.zip", "1.png"), mostly_missing(f)), r"3 of 12 cases .*1 \.zip file is not read and passed over: unpack",
    ),
    "images in folders that are called like the ids": (
        lambda f: [((f / id).mkdir(), (f / "img" / f"{id}.png").rename(f / id / "hand.png")) for id in IDS],
        r"none can be used.*12 images lie in folders called like an id \(1377/hand\.png, .*give it that of its folder$",
    ),
    "a table that ends in .txt": (lambda f: (f / "train.csv").rename(f / "labels.csv.txt"), r"labels\.csv\.txt is one: give it the ending \.csv"),
    "a table with tabs that ends in .txt": (
        lambda f: ((f / "train.csv").unlink(), (f / "labels.txt").write_text(rows().replace(",", "\t")), (f / "log.csv").write_text("a,b\n1,2\n")),
        r"labels\.txt is one: give it the ending \.csv",
    ),
    "a table of another program alone": (
        lambda f: (f / "train.csv").rename(f / "labels.xlsb"), r"has no table of cases .*labels\.xlsb is not read: save as CSV or xlsx",
    ),
    "names of rows by R": (
        lambda f: (f / "train.csv").write_text("\n".join(f"{n},{line}" if n else line for n, line in enumerate(rows().splitlines()))),
        r"row 2 has 4 cells under 3 headings.*as R writes it, say row\.names=FALSE",
    ),
    "foreign headings": (
        lambda f: (f / "train.csv").write_text(rows(heading="Aufnahme,Alter,Geschlecht")),
        r"lacks the column 'id'.*this one has Aufnahme, Alter, Geschlecht; known headings are id, image id.*--id-column",
    ),
    "no sexes": (
        lambda f: (f / "train.csv").write_text(rows(heading="id,boneage,Geschlecht")),
        r"lacks the column 'male'.*known headings are male, sex, gender; .* --sex-column",
    ),
    "no ages": (lambda f: (f / "train.csv").write_text(rows(heading="id,Alter,male")), "--age-column"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_would_train_and_mean_something_else_is_refused_with_what_to_do(folder: Path, wrong: str) -> None:
    make, says = REFUSED[wrong]
    make(folder)

    with pytest.raises(DataError, match=says):
        read_folder(folder, Preparation(age_unit="days") if "days" in wrong else Preparation())


def test_the_truth_of_the_validation_set_is_no_test_set(folder: Path) -> None:
    held_out(folder, "img", "validation_ground_truth.csv", ["9001", "9002"])
    held_out(folder, "img", "test.csv")

    assert read_folder(folder).cases["split"].value_counts().to_dict() == {"train": 12, "test": 4, "validation": 2}


def test_a_test_table_named_txt_is_the_test_table(folder: Path) -> None:
    held_out(folder, "img", "test.txt")

    assert read_folder(folder).cases["split"].value_counts().to_dict() == {"train": 12, "test": 4}


def test_the_letters_of_one_file_that_is_left_are_part_of_its_name(folder: Path) -> None:
    (folder / "img" / f"{IDS[3]}.png").rename(folder / "img" / f"foot{IDS[3]}.png")

    found = read_folder(folder)

    assert ids_of(found) == [id for id in IDS if id != IDS[3]]
    assert [problem.reason.partition(":")[0] for problem in found.problems] == ["missing"]


@pytest.mark.parametrize(("ids", "files"), [("train_", "test_"), ("L", "R"), ("left-", "right-"), ("hand", "foot")])
def test_ids_and_files_of_one_number_whose_letters_differ_are_no_match(folder: Path, ids: str, files: str) -> None:
    shutil.rmtree(folder / "img")
    save(folder / "img", [f"{files}{id}" for id in IDS])
    (folder / "train.csv").write_text(rows([f"{ids}{id}" for id in IDS]))

    with pytest.raises(DataError, match=f"12 cases and none can be used.*no image {ids}1377"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("ids", "files"), [("B", "b0"), ("hand", "hand_"), ("Hand-", "hand_00"), ("", "b0"), ("b", "")]
)
def test_letters_may_be_missing_on_one_side_and_be_written_otherwise(folder: Path, ids: str, files: str) -> None:
    shutil.rmtree(folder / "img")
    save(folder / "img", [f"{files}{id}" for id in IDS])
    (folder / "train.csv").write_text(rows([f"{ids}{id}" for id in IDS]))

    found = read_folder(folder)

    assert [Path(path).stem for path in found.cases["path"]] == [f"{files}{id}" for id in IDS]


def test_letters_that_all_files_share_are_said(folder: Path) -> None:
    lettered_images(folder)

    assert "12 ids differ a little from their images' names, as 1377 and hand_1377.png" in read_folder(folder).said


def test_a_file_whose_header_names_two_cases_is_neithers(folder: Path) -> None:
    dicom_folder(folder)
    write_dicom(folder / "img" / "IM000099", PatientID="2099", AccessionNumber="2011", PatientSex="M")
    (folder / "train.csv").write_text(rows([*(f"P{number:03}" for number in range(12)), "2011", "2099"]))

    found = read_folder(folder)

    assert ids_of(found) == [f"P{number:03}" for number in range(12)]
    assert [(problem.id, problem.kind) for problem in found.problems] == [("2011", "ambiguous"), ("2099", "ambiguous")]
    assert "IM000099 may be its image, or the image of 2099" in found.problems[0].reason


def test_a_file_whose_header_names_a_case_of_another_table_is_neithers(folder: Path) -> None:
    dicom_folder(folder)
    write_dicom(folder / "img" / "IM000099", PatientID="2099", AccessionNumber="2011", PatientSex="M")
    write_dicom(folder / "img" / "2098.dcm", PatientID="2098", PatientSex="M")
    (folder / "train.csv").write_text(rows([*(f"P{number:03}" for number in range(12)), "2011"]))
    (folder / "test.csv").write_text(rows(["2098", "2099"]))

    found = read_folder(folder, Preparation(accept_losses=True))

    assert [(problem.id, problem.kind) for problem in found.problems] == [("2011", "ambiguous"), ("2099", "ambiguous")]


def test_what_was_refused_is_taken_where_somebody_says_that_it_is_meant(folder: Path) -> None:
    mostly_missing(folder)
    assert len(read_folder(folder, Preparation(accept_losses=True)).cases) == 9

    (folder / "train.csv").write_text(
        "\n".join(["Aufnahme,Alter (J),Geschlecht", *(f"{id},{n + 4}.5,w" for n, id in enumerate(IDS))])
    )
    named = {"id_column": "aufnahme", "age_column": "Alter (J)", "sex_column": " Geschlecht "}
    with pytest.raises(DataError, match="look like years"):
        read_folder(folder, Preparation(accept_losses=True, **named))  # type: ignore[arg-type]
    years = read_folder(folder, Preparation(accept_losses=True, age_unit="years", **named))  # type: ignore[arg-type]
    months = read_folder(folder, Preparation(accept_losses=True, age_unit="months", **named))  # type: ignore[arg-type]

    assert list(years.cases["age_months"]) == [12 * age for age in months.cases["age_months"]]
    assert not years.cases["male"].any()


def test_a_column_that_was_named_and_is_not_there_is_an_error_whatever_others_are(folder: Path) -> None:
    with pytest.raises(DataError, match="no column 'Nummer', as --id-column asks: its columns are id, boneage, male"):
        read_folder(folder, Preparation(id_column="Nummer"))


def test_an_official_test_case_in_a_split_column_is_what_that_says(folder: Path) -> None:
    for split, expected in (("test", "test"), ("train", "train")):
        split_column(folder, split)
        cases = read_folder(folder).cases.set_index("id")
        assert cases["split"]["4360"] == expected


@pytest.mark.parametrize("images", ["test", "training/img", "img"])
def test_test_images_are_found_in_their_folder_and_in_that_of_training(folder: Path, images: str) -> None:
    held_out(folder, images)

    found = read_folder(folder)

    assert found.cases["split"].value_counts().to_dict() == {"train": 12, "test": 4}
    assert ("among the training images" in " ".join(found.said)) == (images == "training/img")


def test_a_name_in_one_notation_finds_its_file_in_another_and_stays_as_it_is(folder: Path) -> None:
    """macOS writes é as two letters into file names, Excel as one into tables; NFD of both systems' Korean likewise."""
    names = ["José", "Zoë", "한국", "Ångström"]
    for ours, theirs in (("NFC", "NFD"), ("NFD", "NFC")):
        shutil.rmtree(folder / "img")
        save(folder / "img", [unicodedata.normalize(theirs, name) for name in names])
        ids = [unicodedata.normalize(ours, name) for name in names]
        (folder / "train.csv").write_text(rows(ids))
        found = read_folder(folder)
        assert ids_of(found) == ids
        assert [unicodedata.normalize(ours, Path(path).stem) for path in found.cases["path"]] == ids


def of_splits(folder: Path, names: tuple[str, str]) -> Found:
    """Files that are numbered anew in each split, in one folder; the second are one more than the first."""
    shutil.rmtree(folder / "img")
    for table, name, count in zip(("train.csv", "val.csv"), names, (8, 9), strict=True):
        files = [f"{name}{number}" for number in range(count)]
        save(folder / "img", files)
        (folder / table).write_text(rows([f"{file}.png" for file in files]))
    return read_folder(folder)


@pytest.mark.parametrize(
    "names", [("trainset", "testset"), ("train", "holdout"), ("training", "held_out"), ("trainingset", "heldout")]
)
def test_folders_name_splits_in_joined_words_too(folder: Path, names: tuple[str, str]) -> None:
    shutil.rmtree(folder / "img")
    for name, ids in zip(names, (range(6), range(6, 8)), strict=True):
        save(folder / name, [str(id) for id in ids])
    (folder / "train.csv").unlink()
    (folder / "labels.csv").write_text(rows([str(id) for id in range(8)]))

    assert read_folder(folder).cases["split"].value_counts().to_dict() == {"train": 6, "test": 2}


@pytest.mark.parametrize("names", [("train_", "val_"), ("img-tr", "img-va"), ("Training", "Validierung")])
def test_files_that_are_numbered_anew_in_each_split_are_different_cases(folder: Path, names: tuple[str, str]) -> None:
    found = of_splits(folder, names)

    assert ids_of(found) == [f"{names[0]}{n}" for n in range(8)] + [f"{names[1]}{n}" for n in range(9)]
    assert [Path(path).stem for path in found.cases["path"]] == ids_of(found)
    assert found.cases["split"].value_counts().to_dict() == {"train": 8, "validation": 9}


@pytest.mark.parametrize("names", [("b", "b"), ("b", "")])
def test_one_number_under_the_letters_that_all_files_share_is_one_case(folder: Path, names: tuple[str, str]) -> None:
    with pytest.raises(DataError, match="the id 0 is in two splits"):
        of_splits(folder, names)


def test_a_near_name_is_never_preferred_to_the_name_itself(folder: Path) -> None:
    shutil.rmtree(folder / "img")
    save(folder / "img", ["7", "007", "a1", "A1", "8", "b9", "c9"])
    (folder / "train.csv").write_text(rows(["7", "007", "A1", "a1", "08", "9"]))

    found = read_folder(folder, Preparation(accept_losses=True))

    assert {row.id: Path(str(row.path)).stem for row in found.cases.itertuples()} == {
        "7": "7",
        "007": "007",
        "A1": "A1",
        "a1": "a1",
        "08": "8",
    }
    assert [problem.id for problem in found.problems] == ["9"]


def test_files_of_one_name_are_told_apart_by_the_folders_in_their_ids(folder: Path) -> None:
    shutil.rmtree(folder / "img")
    for patient in ("p1", "p2", "p3"):
        save(folder / "img" / patient, ["left", "right"])
    ids = [f"{patient}/{side}" for patient in ("p1", "p2", "p3") for side in ("left", "right")]
    (folder / "train.csv").write_text(rows([f"{id}.png" for id in ids]))

    found = read_folder(folder)

    assert ids_of(found) == ids
    assert [str(Path(path).relative_to(folder / "img").with_suffix("")) for path in found.cases["path"]] == ids


def forbidden(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A folder that this user may not read, also where the user is root."""
    real = os.scandir

    def scandir(at: str | Path) -> Iterator[os.DirEntry[str]]:
        if Path(at).name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(at))
        return real(at)  # type: ignore[return-value]

    monkeypatch.setattr("data.tables.folders.os.scandir", scandir)


def test_a_folder_that_may_not_be_read_is_passed_over_and_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "private").mkdir()
    forbidden(monkeypatch, "private")

    found = read_folder(folder)

    assert len(found.cases) == 12
    assert "passed over, as this user may not read it: private" in found.said


def test_a_folder_that_may_not_be_read_and_names_a_split_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "validation set").mkdir()
    forbidden(monkeypatch, "validation set")

    with pytest.raises(DataError, match="and its name says that it holds validation cases"):
        read_folder(folder)


def test_a_folder_of_more_files_than_any_data_set_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.tables.folders.MAX_ENTRIES", 10)

    with pytest.raises(DataError, match="holds more than 10 files"):
        files_below(folder)


# DICOM


def dicom_folder(folder: Path, **elements: str) -> Path:
    shutil.rmtree(folder / "img")
    (folder / "img").mkdir()
    for number in range(12):
        write_dicom(
            folder / "img" / f"IM{number:06}",
            PatientID=f"P{number:03}",
            PatientSex="FM"[number % 2],
            PatientAge=f"{number + 4:03}Y",
            **elements,
        )
    return folder


def test_sexes_that_no_table_has_are_those_of_the_dicom_files(folder: Path) -> None:
    dicom_folder(folder)
    (folder / "train.csv").write_text(
        "\n".join(["id,boneage", *(f"IM{number:06},{60 + number}" for number in range(12))])
    )

    assert list(read_folder(folder).cases["male"]) == [number % 2 == 1 for number in range(12)]


def test_a_list_of_answers_beside_dicom_files_is_no_second_table_of_cases(folder: Path) -> None:
    dicom_folder(folder)
    names = [f"IM{number:06}" for number in range(12)]
    (folder / "train.csv").write_text(rows(names))
    (folder / "sample_submission.csv").write_text("\n".join(["id,boneage", *(f"{name},120" for name in names)]))

    found = read_folder(folder)

    assert list(found.cases["age_months"]) == [60 + 10 * number for number in range(12)]
    assert "passed over, as no table of cases: sample_submission.csv" in found.said


def test_a_table_may_name_dicom_files_by_what_their_headers_say(folder: Path) -> None:
    dicom_folder(folder)
    (folder / "train.csv").write_text(rows([f"P{number:03}" for number in range(12)]))

    found = read_folder(folder)

    assert ids_of(found) == [f"P{number:03}" for number in range(12)]
    assert [Path(path).name for path in found.cases["path"]] == [f"IM{number:06}" for number in range(12)]


def test_ages_since_birth_are_no_labels_unless_somebody_asks_for_them(folder: Path) -> None:
    dicom_folder(folder)
    (folder / "train.csv").unlink()

    with pytest.raises(
        DataError, match=r"PatientAge, which is the age since birth and not the bone age.*--age-column PatientAge"
    ):
        read_folder(folder)
    found = read_folder(folder, Preparation(age_column="PatientAge"))

    assert list(found.cases["age_months"]) == [12 * (number + 4) + 6 for number in range(12)]  # of whole years
    assert any("they are not bone ages" in sentence for sentence in found.said)


def test_a_list_of_sexes_and_ages_since_birth_can_be_joined(folder: Path) -> None:
    dicom_folder(folder)
    frame = pd.DataFrame({"id": [f"IM{number:06}" for number in range(12)], "sex": "F"})
    frame.to_csv(folder / "train.csv", index=False)

    cases = read_folder(folder, Preparation(age_column="PatientAge")).cases

    assert not cases["male"].any()
    assert cases["age_months"].min() == 54


@pytest.mark.parametrize("command", ["prepare", "ablate", "audit"])
@pytest.mark.parametrize("data", ["nowhere", "empty"])
def test_data_that_are_not_there_leave_no_run_folder(command: str, data: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    source = [str(tmp_path / data)] if command == "prepare" else ["--data", str(tmp_path / data)]

    assert main([command, *source, "--preset", "demo", "--run-dir", str(tmp_path / "run")]) == 2
    assert not (tmp_path / "run").exists()


def test_of_a_table_whose_rows_cannot_be_used_the_reason_is_said_and_not_that_images_are_missing(folder: Path) -> None:
    save(folder / "img", ["90", "91"])
    (folder / "test.csv").write_text("id,boneage,sex\n90,100,Erkek\n91,120,Kad\u0131n\n", encoding="utf-8")

    with pytest.raises(
        DataError, match=r"none of the 2 test cases of .*test\.csv can be used; the first: .* row 2, sex: .*Erkek"
    ):
        read_folder(folder)


@pytest.mark.parametrize("others", [["M"] * 12, ["M"] * 6 + [""] * 6])
def test_m_alone_under_sexo_may_be_mujer_and_is_not_read(folder: Path, others: list[str]) -> None:
    lines = [f"{id},{60 + n},{sex}" for n, (id, sex) in enumerate(zip(IDS, others, strict=True))]
    (folder / "train.csv").write_text("\n".join(["id,boneage,sexo", *lines]) + "\n")

    with pytest.raises(DataError, match=r"M may mean a woman \(mujer\)"):
        read_folder(folder, Preparation(sex_column="sexo"))


def test_m_beside_f_under_sexo_is_a_boy(folder: Path) -> None:
    lines = [f"{id},{60 + n},{'MF'[n % 2]}" for n, id in enumerate(IDS)]
    (folder / "train.csv").write_text("\n".join(["id,boneage,sexo", *lines]) + "\n")

    assert list(read_folder(folder, Preparation(sex_column="sexo")).cases["male"]) == [True, False] * 6


def test_files_whose_names_are_paths_of_windows_are_named_where_they_belong_to_no_case(folder: Path) -> None:
    for path in (folder / "img").iterdir():
        path.rename(folder / f"img\\{path.name}")

    with pytest.raises(
        DataError, match=r"12 files have a folder in the name \(img\\1377\.png, .*: unpack it with another"
    ) as said:
        read_folder(folder)
    assert "--id-column" not in str(said.value)
