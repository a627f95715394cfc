"""A pool of images and folders of links to it: one file is one image, by whatever names it is reached."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_files import write as write_dicom
from PIL import Image

from data.preparation import Preparation
from data.store.prepare import prepare
from data.tables.layouts import Found, read_folder

COUNT = 12
Link = Callable[[Path, Path], None]
LINKS: dict[str, Link] = {
    "symbolic": lambda link, file: link.symlink_to(file),
    "relative": lambda link, file: link.symlink_to(Path("..") / file.relative_to(link.parents[1])),
    "hard": lambda link, file: link.hardlink_to(file),
    "of a link": lambda link, file: (
        link.with_suffix(".link").symlink_to(file),
        link.symlink_to(link.with_suffix(".link")),
    )[1],
}


def pool(folder: Path, name: str = "all") -> list[Path]:
    (folder / name).mkdir()
    files = [folder / name / f"{1377 + n}.png" for n in range(COUNT)]
    for n, path in enumerate(files):
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (40, 40), dtype=np.uint8)).save(path)
    return files


def tables(folder: Path, first: int = COUNT - 4) -> None:
    rows = [f"{1377 + n},{60 + n},{n % 2 == 0}\n" for n in range(COUNT)]
    (folder / "train.csv").write_text("id,boneage,male\n" + "".join(rows[:first]))
    (folder / "val.csv").write_text("id,boneage,male\n" + "".join(rows[first:]))


def whole(found: Found) -> bool:
    return len(found.cases) == COUNT and not found.problems and not any("not used" in said for said in found.said)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("name", ["all", "train", "zz"])
def test_a_pool_and_split_folders_of_links_to_it_are_one_image_each(tmp_path: Path, link: str, name: str) -> None:
    files = pool(tmp_path, name)
    tables(tmp_path)
    for n, file in enumerate(files):
        at = tmp_path / ("train" if n < COUNT - 4 else "val")
        at.mkdir(exist_ok=True)
        if at.name != name:
            LINKS[link](at / file.name, file)

    assert whole(read_folder(tmp_path))


def test_links_of_other_names_than_their_files_are_found_by_their_own(tmp_path: Path) -> None:
    """A pool whose files are named by their contents."""
    files = pool(tmp_path)
    tables(tmp_path)
    for n, file in enumerate(files):
        at = tmp_path / ("train" if n < COUNT - 4 else "val")
        at.mkdir(exist_ok=True)
        (at / file.name).symlink_to(file.rename(file.with_name(f"{n:032x}.png")))

    assert whole(read_folder(tmp_path))


def test_linked_dicom_files_are_found_by_their_headers(tmp_path: Path) -> None:
    tables(tmp_path)
    (tmp_path / "all").mkdir()
    (tmp_path / "more").mkdir()
    for n in range(COUNT):
        write_dicom(tmp_path / "all" / f"IM{n:06}", AccessionNumber=str(1377 + n))
        (tmp_path / "more" / f"IM{n:06}").hardlink_to(tmp_path / "all" / f"IM{n:06}")

    assert whole(read_folder(tmp_path))


def test_copies_and_other_pictures_of_one_name_are_ambiguous_as_before(tmp_path: Path) -> None:
    files = pool(tmp_path)
    tables(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / files[0].name).write_bytes(files[1].read_bytes())
    (tmp_path / "more" / files[2].name).symlink_to(files[2])
    found = read_folder(tmp_path)

    assert [problem.id for problem in found.problems] == ["1377"]
    assert "2 images have this name, all/1377.png and more/1377.png" in found.problems[0].reason


def test_links_that_come_later_change_nothing_of_what_was_prepared(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    files = pool(tmp_path / "data")
    tables(tmp_path / "data")
    settings = Preparation(image_px=32)
    before = prepare(str(tmp_path / "data"), settings, tmp_path / "store")
    (tmp_path / "data" / "train").mkdir()
    (tmp_path / "data" / "train" / files[0].name).symlink_to(files[0])

    assert prepare(str(tmp_path / "data"), settings, tmp_path / "store", trained_on=True).digest == before.digest
