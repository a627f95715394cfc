"""Links that lead to nothing, or upward: what they were by their names is said, and a split's is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.preparation import DataError
from data.tables.folders import files_below
from data.tables.layouts import read_folder
from search.apply.predict import files_of

COUNT = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve cases, train.csv and img/."""
    folder = tmp_path / "data"
    (folder / "img").mkdir(parents=True)
    for n in range(COUNT):
        pixels = np.random.default_rng(n).integers(0, 255, (40, 40), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "img" / f"{1377 + n}.png")
    rows = [f"{1377 + n},{60 + n},{n % 2 == 0}\n" for n in range(COUNT)]
    (folder / "train.csv").write_text("id,boneage,male\n" + "".join(rows))
    return folder


@pytest.mark.parametrize(
    "name",
    ["test.csv", "Test.xlsx", "val_ids.txt", "test.parquet", "testset.json", "test", "Test Set Images", "validation"],
)
def test_a_link_to_nothing_that_is_a_splits_by_its_name_is_refused(folder: Path, name: str) -> None:
    (folder / name).symlink_to("../annex/gone")

    with pytest.raises(
        DataError, match=rf"{re.escape(name)} is a link to nothing.* by its name|its name says that it holds"
    ):
        read_folder(folder)


def test_a_link_to_nothing_that_says_the_splits_is_refused(folder: Path) -> None:
    (folder / "splits.json").symlink_to("gone.json")

    with pytest.raises(
        DataError, match=r"splits\.json is a link to nothing, and its name says that it says the splits; mend"
    ):
        read_folder(folder)


@pytest.mark.parametrize("name", ["README.md", "notes.csv", "more", "test_notes.txt", "test_results.json"])
def test_any_other_link_to_nothing_is_said(folder: Path, name: str) -> None:
    (folder / name).symlink_to("gone")
    found = read_folder(folder)

    assert len(found.cases) == COUNT
    assert [said for said in found.said if name in said and "nothing" in said]


def test_a_table_that_is_a_link_to_nothing_is_named_where_there_is_no_other(folder: Path) -> None:
    (folder / "train.csv").unlink()
    (folder / "train.csv").symlink_to("../annex/train.csv")

    with pytest.raises(DataError, match=r"train\.csv is a link to nothing"):
        read_folder(folder)


@pytest.mark.parametrize("target", ["../annex/img", ".."])
@pytest.mark.parametrize("lost", [COUNT, COUNT // 2])
def test_a_folder_of_images_that_a_link_does_not_lead_to_is_the_reason_that_is_given(
    folder: Path, target: str, lost: int
) -> None:
    """Not the column of ids."""
    for n in range(lost):
        (folder / "img" / f"{1377 + n}.png").unlink()
    (folder / "images").symlink_to(target)

    with pytest.raises(DataError, match=r"(nothing|the data lie in): images") as refused:
        read_folder(folder)
    assert "--id-column" not in str(refused.value)


def test_a_link_to_a_folder_above_is_said_and_refused_where_its_name_says_a_split(folder: Path) -> None:
    (folder / "up").symlink_to("..")
    assert "passed over, as a link to a folder that the data lie in: up" in read_folder(folder).said

    (folder / "test").symlink_to("..")
    with pytest.raises(
        DataError, match=r"test is a link to a folder that the data lie in, and not followed, and its name"
    ):
        read_folder(folder)


def test_a_link_to_itself_is_one_to_nothing(folder: Path) -> None:
    (folder / "more.csv").symlink_to("more.csv")
    (folder / "more").symlink_to("more")
    said = " ".join(read_folder(folder).said)

    assert "a link leads to nothing: more" in said
    assert "more.csv cannot be read (Too many levels of symbolic links)" in said


def test_a_folder_of_films_that_a_link_does_not_lead_to_has_a_row_among_the_answers(folder: Path) -> None:
    (folder / "more").symlink_to("gone")
    (folder / "notes.md").symlink_to("gone")

    assert files_of([folder]) == [*files_below(folder).images, folder / "more"]


def test_a_link_that_became_a_file_when_it_was_copied_is_the_reason_that_is_given(folder: Path) -> None:
    (folder / "img").rename(folder.parent / "pool")
    (folder / "images").write_text("../pool")

    with pytest.raises(
        DataError, match=r"a link to a folder became a small file when it was copied, images"
    ) as refused:
        read_folder(folder)
    assert "--id-column" not in str(refused.value)
