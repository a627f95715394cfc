"""Folders that once failed, each with a README that says what is right, through the real command line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from data.store.disk import Store, open_store
from search.cli import main

CASES = Path(__file__).parents[2] / "shared" / "cases"


def all_found(store: Store, printed: str) -> None:
    assert list(store.cases["id"]) == [str(id) for id in range(1377, 1389)]
    assert not len(store.problems)


def others_said(store: Store, printed: str) -> None:
    all_found(store, printed)
    assert "log.csv cannot be read" in printed
    assert "passed over, as no table of cases: notizen.csv" in printed


def blank_rows_are_none(store: Store, printed: str) -> None:
    all_found(store, printed)
    assert "train.csv: 12 train cases" in printed
    assert "left out" not in printed


def patients_stay_together(store: Store, printed: str) -> None:
    patient = store.cases["id"].str.split("_").str[0]
    assert len(store.cases) == 24
    assert store.cases.groupby(patient)["split"].nunique().max() == 1


RIGHT: dict[str, Callable[[Store, str], None]] = {
    "01_excel_lock": all_found,
    "02_unrelated_csv": others_said,
    "03_symlinked_folder": all_found,
    "06_deeper_than_five": all_found,
    "07_blank_excel_rows": blank_rows_are_none,
    "09_patient_twice": patients_stay_together,
}


def folder_of(case: str, tmp_path: Path) -> Path:
    """The case's folder, where a copy has turned links into files of their text with the links again."""
    if not (CASES / case).is_dir():
        pytest.skip("the given cases are not here")
    folder = tmp_path / case
    shutil.copytree(CASES / case, folder, symlinks=True)
    for path in (folder / "in").iterdir():
        if path.suffix == "" and path.is_file() and not path.is_symlink():
            target = path.read_text()
            path.parent.chmod(0o755)
            path.unlink()
            path.symlink_to(target)
    return folder / "in"


@pytest.mark.parametrize("case", RIGHT)
def test_a_given_folder_is_prepared_as_its_readme_says(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(case, tmp_path)
    command = ["prepare", str(folder), "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--image-px", "48"]

    assert main([*command, "--strict"]) == 0
    printed = capsys.readouterr()

    RIGHT[case](open_store(tmp_path / "run" / "prepared"), printed.out)
    assert "Traceback" not in printed.err


def test_every_given_case_is_named_by_a_test() -> None:
    if not CASES.is_dir():
        pytest.skip("the given cases are not here")
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    assert [
        case.name for case in sorted(CASES.iterdir()) if f'{case.name}"' not in tests and f"{case.name}/" not in tests
    ] == []
