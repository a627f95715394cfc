"""The given DICOM files that were once shown wrong, or not found; skipped where they are not at hand."""

from pathlib import Path

import numpy as np
import pytest

from data.films import dicom
from data.films.images import decode
from data.preparation import Preparation
from search.cli import main

CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the given cases are not here")

RAMP = "16_dicom_without_extension"  # 12 bits, MONOCHROME2
SAME = ("10_dicom_rgb16", "13_dicom_no_preamble")  # the same ramp, stored otherwise
PADDED = "12_dicom_padding_range"
SETTINGS = Preparation(image_px=48, fit="squash")


def file_of(case: str) -> Path:
    (path,) = (CASES / case / "in").iterdir()
    return path


def shown(case: str) -> np.ndarray:
    """Grey levels, 48×48."""
    return decode(file_of(case), SETTINGS).pixels.astype(int)


@pytest.mark.parametrize("case", SAME)
def test_a_ramp_is_the_same_picture_however_it_is_stored(case: str) -> None:
    assert np.abs(shown(case) - shown(RAMP)).max() <= 1
    assert np.ptp(shown(case)) > 200


def test_a_range_of_padding_values_is_black_and_sets_no_contrast() -> None:
    picture = shown(PADDED)

    assert not picture[:, :19].any()  # columns 0 to 14 hold 4050, 15 to 19 hold 4095
    assert picture[:, 22:].max() > 200


def test_dicom_without_an_ending_is_found_in_its_folder() -> None:
    path = file_of(RAMP)

    assert path.suffix == ""
    assert dicom.is_dicom(path)


@pytest.mark.slow
def test_predict_answers_for_every_given_dicom_file(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = (RAMP, *SAME, PADDED)
    folders, files = [str(CASES / case / "in") for case in cases], [str(file_of(case)) for case in cases]
    for asked in (folders, files):
        assert main(["predict", *asked, "--model", str(tiny_model), "--sex", "F", "--force"]) == 0
        said = capsys.readouterr()
        assert all(file_of(case).name in said.out for case in cases)
        assert "Traceback" not in said.err
