"""The finer map, the hand that a map is clipped to, and what `explain` asks before it draws one."""

import csv
from pathlib import Path

import numpy as np
import pytest
from labelled_sets import HANDS, lay_out
from scipy import ndimage

from data.films.images import to_bytes
from data.phantom.hand import anatomy, draw, phantom_cases
from data.preparation import DataError
from search.apply import explain
from search.apply.explain import FINE, explained, of_files, on_the_hand, outside_shares, spread_all
from search.apply.hand_mask import hand_of
from search.apply.occlusion import occluded, places
from search.apply.predict import Wanted
from search.cli import main
from search.trained.folder import open_folder
from search.trained.predictor import open_model
from search.trained.predictor import predict as predict_images
from studies.preset import StudyError


def test_the_mask_finds_drawn_hands() -> None:
    overlaps = []
    for case in phantom_cases(24, seed=3):
        true, found = anatomy(case, 120).hand, hand_of(to_bytes(draw(case, 120), True))
        if found is not None:
            overlaps.append((true & found).sum() / true.sum())

    assert len(overlaps) >= 20
    assert np.median(overlaps) > 0.9


@pytest.mark.parametrize("grey", [np.zeros((60, 60), np.uint8), np.full((60, 60), 9, np.uint8)])
def test_where_nothing_is_brighter_there_is_no_hand(grey: np.ndarray) -> None:
    assert hand_of(grey) is None


@pytest.mark.parametrize("image_px", [32, 40, 100, 299])
def test_windows_lie_in_the_image_and_cover_all_but_a_rest(image_px: int) -> None:
    where, window = places(image_px)
    end = (where.across - 1) * where.step_px + window

    assert image_px - where.step_px < end <= image_px
    assert where.first_px == (window - 1) / 2


def test_a_place_is_worth_what_the_prediction_loses_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that sums one corner of the image: only windows there matter, and by what blurring takes away."""
    corner = slice(0, 10), slice(30, 40)

    def summed(network: object, images: np.ndarray, male: np.ndarray) -> np.ndarray:
        return images[:, *corner].sum((1, 2)).astype(np.float32)

    monkeypatch.setattr("search.apply.occlusion.months_of", summed)
    image = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8)
    months, predicted = occluded(None, image, True)
    where, window = places(40)
    soft = np.rint(ndimage.gaussian_filter(image.astype(np.float32), 2.4)).astype(np.uint8)

    assert predicted == image[corner].sum()
    for row, column in np.ndindex(months.shape):
        changed = image.copy()
        here = (
            slice(round(row * where.step_px), round(row * where.step_px) + window),
            slice(round(column * where.step_px), round(column * where.step_px) + window),
        )
        changed[here] = soft[here]
        assert months[row, column] == predicted - changed[corner].sum()


@pytest.mark.slow
def test_files_have_the_sexes_of_a_table_and_maps_lie_on_the_hand(tiny_model: Path, tmp_path: Path) -> None:
    folder, model = lay_out(tmp_path / "set", ["1", "2", "3"]), open_folder(tiny_model)
    files = sorted(folder.rglob("*.png"))
    shown = of_files(files, Wanted(table=dict(zip(files, (True, False, True), strict=True))), model)
    found = explained(model, shown, fine=True)
    images = np.stack([case.seen for case in shown])
    expected = predict_images(open_model(tiny_model), images, np.array([True, False, True])).months

    assert found.method == FINE
    assert [case.prediction_months for case in found.cases] == pytest.approx(expected.tolist(), abs=0.01)
    for case, clipped, whole, share in zip(
        found.cases, on_the_hand(found), spread_all(found, found.cases), outside_shares(found), strict=True
    ):
        hand = case.shown.hand
        assert hand is not None
        assert not clipped[~hand].any()
        np.testing.assert_array_equal(clipped[hand], whole[hand])
        assert share == pytest.approx(np.abs(whole[~hand]).sum() / max(np.abs(whole).sum(), 1e-9), rel=1e-3)
    with pytest.raises(StudyError, match="is not known: say --sex"):
        of_files(files, Wanted(table={files[0]: True}), model)


def test_what_the_hand_check_refuses_is_not_explained_unless_forced(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    read = explain.looks_in
    monkeypatch.setattr(explain, "looks_in", lambda model: replace(read(model), refuse_below=np.inf))
    files = sorted(lay_out(tmp_path / "set", ["1"]).rglob("*.png"))
    model = open_folder(tiny_model)

    with pytest.raises(DataError, match=r"refused: .* does not look like .*--force"):
        of_files(files, Wanted(male=True), model)
    [shown] = of_files(files, Wanted(male=True, force=True), model)
    assert any("does not look like" in note for note in shown.notes)


@pytest.mark.slow
def test_the_command_takes_a_table_and_tells_the_share_outside(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    folder = lay_out(tmp_path / "set", ["1", "2"])
    files = [str(path) for path in sorted(folder.rglob("*.png"))]
    command = [
        "explain",
        *files,
        "--table",
        str(folder / "train.csv"),
        "--model",
        str(tiny_model),
        "--to",
        str(tmp_path),
    ]
    assert main([*command, "--fine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    sexes = {row["id"]: row["male"] for row in csv.DictReader((folder / "train.csv").read_text().splitlines())}
    assert [case["sex"] for case in told["cases"]] == ["M" if sexes[n] == "True" else "F" for n in ("1", "2")]
    assert [case["sex"] for case in told["cases"]] == ["M" if hand.male else "F" for hand in HANDS[:2]]
    assert all(0 <= case["outside_hand_share"] <= 1 for case in told["cases"])
    page = Path(told["page"]).read_text()
    assert "of the map lies outside the hand" in page
    assert "occlusion" in page
