"""An id is text, byte for byte, from the table it came in to the last CSV that names it."""

import io
import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from PIL import Image

from data.csv_text import read_csv, write_csv
from data.preparation import Preparation
from data.problems import Problem, problems_table, read_problems
from data.store.disk import open_store
from data.store.prepare import prepare
from data.tables.rows import TO_ANSWER, read_table
from search.trained.conformal import calibrate
from search.trained.keep import write_predictions
from search.trained.page import read_predictions

PROJECT = Path(__file__).parents[1]
SETTINGS = Preparation(image_px=32, fit="squash", stretch=False)
TREACHEROUS = (
    *("NA", "N/A", "#N/A", "null", "NULL", "None", "nan", "NaN", "-nan", "<NA>", "NaT", "inf", "-", "'", '"', "()"),
    *("007", "7", "1e5", "1E5", "1.0", "1.", "0x1F", "1_000", "+1", "-0", "٣", "½", "True", "false"),
    *("2020-01-01", "12:30", "=1+1", "@a", "#comment", "a,b", "a;b", "a b", "a'b", "é", "e\u0301", "腕", "a\u2028b", "a\u00a0b"),
)  # fmt: skip
# What a file can be named by, without what makes it a path, a hidden file or another ending.
letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters='/\\~"')
words = st.text(letters, min_size=1, max_size=20)
ids = st.one_of(st.sampled_from([id for id in TREACHEROUS if "/" not in id]), words).filter(
    lambda id: id == id.strip() and not id.startswith((".", "__")) and not re.search(r"\.\w+$", id)
)


def distinct(found: list[str]) -> bool:
    return len({unicodedata.normalize("NFC", id).casefold() for id in found}) == len(found)


some_ids = st.lists(ids, min_size=4, max_size=8, unique=True).filter(distinct)


def save(folder: Path, found: list[str]) -> None:
    (folder / "img").mkdir(parents=True)
    draw = np.random.default_rng(0)
    for id in found:
        Image.fromarray(draw.integers(0, 255, (32, 32), dtype=np.uint8)).save(folder / "img" / f"{id}.png")


def rows_of(found: list[str]) -> pd.DataFrame:
    """The last two are validation and test, the others training."""
    splits = ["train"] * (len(found) - 2) + ["validation", "test"]
    males = [number % 2 == 0 for number in range(len(found))]
    return pd.DataFrame({"id": found, "boneage": 100, "male": males, "split": splits})


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(found=some_ids)
def test_any_ids_are_in_the_store_and_in_the_predictions_what_they_were_in_the_table(
    tmp_path_factory: pytest.TempPathFactory, found: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    save(folder, found)
    rows_of(found).to_csv(folder / "train.csv", index=False)

    prepare(str(folder), SETTINGS, folder / "store", strict=True)
    store = open_store(folder / "store")
    for split in ("validation", "test"):
        np.save(folder / {"validation": "predictions.npy", "test": "test_predictions.npy"}[split], [90.0])
    conformal = calibrate(np.array([90.0]), np.array([100.0]), None)
    about = {"architecture": {"sex_units": 0}, "conformal": conformal, "validation": {}, "test": {}}
    write_predictions(folder, store, about)

    assert sorted(store.cases["id"]) == sorted(found)
    predicted = [read_predictions(folder, split) for split in ("validation", "test")]
    assert [list(table["id"]) for table in predicted] == [[found[-2]], [found[-1]]]


@settings(max_examples=200, deadline=None)
@given(found=st.lists(st.one_of(st.sampled_from(TREACHEROUS), st.text(letters)), min_size=1, max_size=20))
def test_what_we_write_as_csv_we_read_as_it_was(found: list[str]) -> None:
    table = pd.DataFrame({"id": found, "age_months": np.linspace(0, 1 / 3, len(found)), "male": True})

    written = io.StringIO()
    write_csv(table, written)
    again = read_csv(io.StringIO(written.getvalue()), {"age_months": "float", "male": "bool"})

    assert list(again["id"]) == found
    assert again.astype({"id": object}).equals(table.astype({"id": object}))


def test_problems_keep_their_ids(tmp_path: Path) -> None:
    found = [Problem(id, f"{id}.png", "duplicate", "the same image", duplicate_of="NA") for id in TREACHEROUS]
    write_csv(problems_table(found), tmp_path / "problems.csv")

    again = read_problems(tmp_path / "problems.csv")

    assert list(again["id"]) == list(TREACHEROUS)
    assert set(again["duplicate_of"]) == {"NA"}


def test_a_table_of_sexes_keeps_its_ids(tmp_path: Path) -> None:
    pd.DataFrame({"id": TREACHEROUS, "sex": "F"}).to_csv(tmp_path / "sexes.csv", index=False)

    assert ids_in(tmp_path / "sexes.csv") == list(TREACHEROUS)


def ids_in(path: Path) -> list[str]:
    table = read_table(path, needed=TO_ANSWER)
    assert table is not None
    return list(table.cases["id"])


def test_excel_shows_a_number_without_a_point_and_keeps_text_as_it_is(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "sex"])
    for value in (7.0, 8, 12345678901, "007", "7.0", "NA", "1e5", 1.5):
        sheet.append([value, "F"])
    book.save(tmp_path / "sexes.xlsx")

    assert ids_in(tmp_path / "sexes.xlsx") == ["7", "8", "12345678901", "007", "7.0", "NA", "1e5", "1.5"]


def test_one_file_alone_calls_pandas_readers() -> None:
    files = [path for folder in ("data", "models", "studies", "search") for path in (PROJECT / folder).rglob("*.py")]
    readers = re.compile(r"\bread_(csv|excel|table|fwf)\(")
    callers = {path.name for path in files if re.search(r"\bpd\." + readers.pattern.lstrip(r"\b"), path.read_text())}

    assert len(files) > 50
    assert callers == {"csv_text.py"}
