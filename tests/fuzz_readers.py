"""What the fuzzing reads: for each reader some whole files, made here, and how the program reads them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from conftest import tiny_model_in, tiny_preset
from dicom_files import RAMP, bits, colour, made
from formula import FormulaExecutor, silent
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from data.films.images import decode
from data.preparation import Preparation
from data.store.disk import open_store, verify
from data.store.prepare import prepare
from data.tables.dicom_cases import header
from data.tables.layouts import read_folder
from data.tables.rows import read_table
from search.compare.curves import Curve
from search.compare.curves import read as read_curves
from search.compare.curves import write as write_curves
from search.leader.engine import run_study
from search.report.read import read as read_report
from search.run import Run, open_run, record
from search.storage import status
from search.storage.sqlite import own_url
from search.workers.job import EpochDone
from search.workers.left import checkpoint
from studies.order import STUDIES
from studies.preset import StudyError

SETTINGS = Preparation(image_px=32, fit="crop_pad")
PICTURE = Image.fromarray((RAMP / 4000 * 255).astype(np.uint8))
TABLE = pd.DataFrame(
    {
        "id": [str(n) for n in range(1377, 1389)],
        "boneage": np.linspace(12, 210, 12).round(1),
        "male": [True, False] * 6,
        "patient_id": [f"p{n // 2}" for n in range(12)],
    }
)


@dataclass(frozen=True)
class Reader:
    """`files` are whole ones by name; `read` gets a folder in which the named file has been damaged."""

    files: dict[str, bytes]
    read: Callable[[Path], Any]
    around: Path | None = None  # a folder whose files lie beside the damaged one
    seconds: float = 10.0  # that one input may take


def pictures() -> dict[str, bytes]:
    def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
        file = BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    rgba = Image.merge("RGBA", [PICTURE] * 4)
    return {
        "grey.png": saved(PICTURE, "PNG"),
        "sixteen.png": saved(Image.fromarray(RAMP), "PNG"),
        "palette.png": saved(PICTURE.convert("P"), "PNG", transparency=3),
        "colour.png": saved(rgba, "PNG"),
        "grey.jpg": saved(PICTURE, "JPEG"),
        "colour.jpg": saved(
            rgba.convert("RGB"), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\3\0\0\0\0\0\0"
        ),
        "progressive.jpg": saved(PICTURE, "JPEG", progressive=True),
        "cmyk.jpg": saved(rgba.convert("CMYK"), "JPEG"),
    }


def dicoms() -> dict[str, bytes]:
    rgb = np.stack([np.asarray(PICTURE)] * 3, axis=-1)
    found = {
        "explicit.dcm": made(Path("a"), WindowCenter=2000, WindowWidth=4000, RescaleSlope=1, RescaleIntercept=0),
        "implicit.dcm": made(Path("a"), syntax=ImplicitVRLittleEndian, PatientSex="F", PatientAge="012Y"),
        "deflated.dcm": made(Path("a"), syntax=DeflatedExplicitVRLittleEndian),
        "colour.dcm": made(Path("a"), rgb, **bits(8) | colour("RGB", 0)),
        "IM000001": made(Path("a"), PixelPaddingValue=0, PixelPaddingRangeLimit=9),
    }
    for name, syntax in (("rle.dcm", RLELossless), ("jpegls.dcm", JPEGLSLossless), ("jpeg2000.dcm", JPEG2000Lossless)):
        found[name] = made(Path("a"))
        found[name].compress(syntax)
    files = {}
    for name, dataset in found.items():
        file = BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        files[name] = file.getvalue()
    return files


def tables() -> dict[str, bytes]:
    book = BytesIO()
    TABLE.to_excel(book, index=False)
    semicolons = TABLE.to_csv(index=False, sep=";", decimal=",")
    return {
        "train.csv": TABLE.to_csv(index=False).encode(),
        "german.csv": f"sep=;\n{semicolons}".encode("cp1252"),
        "wide.csv": TABLE.to_csv(index=False).encode("utf-16"),
        "train.xlsx": book.getvalue(),
    }


def beside_its_images(folder: Path) -> None:
    for id in TABLE["id"]:
        PICTURE.save(folder / f"{id}.png")


def image(folder: Path) -> None:
    (path,) = folder.iterdir()
    decode(path, SETTINGS)


def dicom(folder: Path) -> None:
    (path,) = folder.iterdir()
    header(path)
    decode(path, SETTINGS)


def table(folder: Path) -> None:
    path = next(path for path in folder.iterdir() if path.suffix != ".png")
    read_table(path)
    read_folder(folder, SETTINGS)


def run_of(folder: Path) -> Run:
    return open_run(folder, None, {}, None, None)


def a_run(folder: Path) -> None:
    run = run_of(folder)
    status.status(run)
    read_report(run)


def a_store(folder: Path) -> None:
    store = open_store(folder)
    verify(store)


def a_checkpoint(folder: Path) -> None:
    """A trial begins anew where it has none that can be read, and says why."""
    said: list[str] = []
    if checkpoint.latest(folder, "training", said.append) is None:
        raise StudyError("; ".join(said))


def recorded(folder: Path) -> None:
    (path,) = folder.iterdir()
    read_curves(path)


def a_model(folder: Path) -> None:
    from search.trained.folder import open_folder

    open_folder(folder)


def a_network(folder: Path) -> None:
    from search.trained.predictor import open_model

    open_model(folder)


def bytes_of(folder: Path, *names: str) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names}


def of_tables(scratch: Path) -> Reader:
    images = scratch / "images"
    images.mkdir()
    beside_its_images(images)
    return Reader(tables(), table, images)


def of_a_store(scratch: Path) -> Reader:
    folder = prepare("phantom:60", tiny_preset().preparation, scratch / "prepared").path
    return Reader(bytes_of(folder, *(path.name for path in folder.iterdir())), a_store, folder)


def of_a_run(file: str, scratch: Path) -> Reader:
    store = prepare("phantom:60", tiny_preset().preparation, scratch / "prepared")
    run = Run(scratch / "run", tiny_preset(), {}, str(store.path), own_url(scratch / "run"))
    run.folder.mkdir()
    record(run)
    executor = FormulaExecutor()
    for name in list(STUDIES)[:2]:
        run_study(run, store, name, lambda: executor, silent())
    settled(run.folder / "studies.db")
    return Reader(bytes_of(run.folder, file), a_run, run.folder)


def of_curves(scratch: Path) -> Reader:
    points = [({"beta": beta, "mixed5": 1}, 0, Curve((9.0, 8.0), (9.0, 8.0), (1.0, 1.0), 8.5)) for beta in (0.1, 0.2)]
    about = {
        "preset": "miniature",
        "space": {"beta": [0.1, 0.2], "mixed5": [1]},
        "epochs": 2,
        "max_params": 500_000,
        "constant_mae": 32.5,
        "synthetic": True,
    }
    write_curves(scratch / "curves.csv", about, points)
    return Reader(bytes_of(scratch, "curves.csv"), recorded)


def of_a_checkpoint(scratch: Path) -> Reader:
    epoch = EpochDone(0, 1, 20.0, 21.0, 1.0, 100.0)
    arrays = [np.arange(6, dtype=np.float32), np.ones((3, 3), np.float32)]
    checkpoint.save(scratch, "training", checkpoint.Checkpoint((epoch,), arrays[0], arrays, "float32"))
    return Reader(bytes_of(scratch, "epoch-0001.npz"), a_checkpoint)


def of_a_model(file: str, read: Callable[[Path], Any], seconds: float, scratch: Path) -> Reader:
    store = prepare("phantom:60", tiny_preset().preparation, scratch / "modelled-data")
    folder = tiny_model_in(scratch / "modelled", store)
    about = json.loads((folder / "model.json").read_text())
    for digests in (
        "checksum",
        "digests",
    ):  # as models of earlier versions: or every change would be found by them, and no deeper
        del about[digests]
    (folder / "model.json").write_text(json.dumps(about, indent=1))
    return Reader(bytes_of(folder, file), read, folder, seconds)


# What each reader reads, made in a scratch folder when it is needed.
READERS: dict[str, Callable[[Path], Reader]] = {
    "image": lambda scratch: Reader(pictures(), image),
    "dicom": lambda scratch: Reader(dicoms(), dicom),
    "table": of_tables,
    "store": of_a_store,
    "run.json": partial(of_a_run, "run.json"),
    "studies.db": partial(of_a_run, "studies.db"),
    "checkpoint": of_a_checkpoint,
    "curves": of_curves,
    "model.json": partial(of_a_model, "model.json", a_model, 10.0),
    "model.keras": partial(of_a_model, "model.keras", a_network, 60.0),
}


def settled(database: Path) -> None:
    """Without a write-ahead log beside it: all is in the file that is damaged."""
    import gc
    import sqlite3

    gc.collect()  # storages that a search has left in cycles, whose connections still read

    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def laid_out(reader: Reader, name: str, damaged: bytes, folder: Path) -> Path:
    """The folder with the damaged file, and what lies around it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if reader.around:
        for path in reader.around.iterdir():
            if path.name != name and path.is_file():
                (folder / path.name).symlink_to(path)
    (folder / name).write_bytes(damaged)
    return folder
