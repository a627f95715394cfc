"""A disk that cannot read one file, and a share that is away: the first is the file's fault, the second nobody's."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.films.images import decode
from data.preparation import DataError, Preparation
from data.store.prepare import prepare
from data.tables.sheets import bytes_of
from search.cli import main

Write = Callable[..., Path]
SETTINGS = Preparation(image_px=32, fit="squash", validation_fraction=0.3, test_fraction=0.2)


class Unread(io.RawIOBase):
    """An open file of which the disk says this number. As the system's own, its errors have no file's name."""

    def __init__(self, number: int) -> None:
        self.number = number

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Of files of this name, whoever opens them reads no byte."""
    opened = Path.open

    def install(name: str, number: int) -> None:
        def one(path: Path, *how: Any, **more: Any) -> Any:
            return io.BufferedReader(Unread(number)) if path.name == name else opened(path, *how, **more)

        monkeypatch.setattr(Path, "open", one)

    return install


def test_a_film_on_a_bad_sector_is_left_out_with_its_name_and_the_others_are_prepared(
    rsna_folder: Write, tmp_path: Path, unread: Callable[[str, int], None]
) -> None:
    folder = rsna_folder(20)
    unread("1380.png", errno.EIO)
    store = prepare(str(folder), SETTINGS, tmp_path / "store")

    [problem] = store.problems.itertuples()
    assert (problem.id, problem.kind) == ("1380", "unreadable")
    assert "1380.png cannot be read (Input/output error)" in problem.reason
    assert len(store.cases) == 19


def test_a_table_on_a_bad_sector_is_named(tmp_path: Path, unread: Callable[[str, int], None]) -> None:
    (tmp_path / "train.csv").touch()
    unread("train.csv", errno.EIO)

    with pytest.raises(DataError, match=r"train\.csv cannot be read \(Input/output error\)"):
        bytes_of(tmp_path / "train.csv")


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.ETIMEDOUT])
def test_a_share_that_is_away_is_no_films_fault_and_ends_with_a_sentence(
    number: int, rsna_folder: Write, tmp_path: Path, unread: Callable[[str, int], None], capsys: Any
) -> None:
    folder = rsna_folder(20)
    unread("1380.png", number)
    [film] = folder.rglob("1380.png")

    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        decode(film, SETTINGS)
    assert raised.value.filename == str(film)
    assert main(["prepare", str(folder), "--run-dir", str(tmp_path / "run")]) == 2
    assert (
        f"{film} can no longer be reached ({os.strerror(number)}): its disk or share may be away"
        in capsys.readouterr().err
    )
