"""Bone ages of files: every file has its row, whatever it holds. The network is real and knows nothing."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import write as write_dicom
from PIL import Image
from rounding import likely, summed

from data.csv_text import guarded
from data.films.images import decode
from data.phantom.hand import draw, phantom_cases
from data.store.disk import Store
from search.apply.predict import Wanted, files_of, rows_of, sex_of, years_and_months
from search.cli import main
from search.trained.conformal import intervals
from search.trained.folder import newest, read_about
from search.trained.predictor import BATCH, Model, months_of, open_model
from search.trained.predictor import predict as predict_images

TENTH = 0.1001  # by which two answers that are rounded to a tenth differ at most, where rounding decides which tenth


def rounded(model: Model, images: np.ndarray, male: np.ndarray) -> float:
    """Months by which two computations of these answers may differ."""
    inputs = {"image": images[..., None], "male": np.asarray(male, np.float32)[:, None]}
    return likely(model.network) * float(summed(model.network, inputs).max())


@pytest.fixture
def hands(tmp_path: Path) -> Path:
    """A folder of four drawn hands."""
    folder = tmp_path / "hands"
    folder.mkdir()
    for number, case in enumerate(phantom_cases(4)):
        Image.fromarray(draw(case, 80)).save(folder / f"{number}.png")
    return folder


def strict(model: Model) -> Model:
    """The same, refusing everything."""
    return replace(model, looks=replace(model.looks, refuse_below=np.inf))


@pytest.mark.slow
def test_the_loaded_network_gives_the_predictions_that_were_evaluated(
    model: Model, tiny_model: Path, tiny_store: Store
) -> None:
    examples = tiny_store.split("validation")
    left = np.load(tiny_model / "predictions.npy")
    images = tiny_store.images[examples.rows]
    found = predict_images(model, images, examples.male)

    off = rounded(model, images, examples.male)
    np.testing.assert_allclose(found.months, left, rtol=0, atol=off)
    low, high = intervals(model.about["conformal"], left, examples.male)
    np.testing.assert_allclose([found.low, found.high], [low, high], rtol=0, atol=off)


def test_an_answer_does_not_depend_on_the_others_of_its_batch(model: Model, tiny_store: Store) -> None:
    images, male = tiny_store.images[: BATCH + 5], tiny_store.cases["male"].to_numpy()[: BATCH + 5]
    together = months_of(model.network, images, male)
    alone = [float(months_of(model.network, images[[row]], male[[row]])[0]) for row in (0, BATCH, BATCH + 4)]

    np.testing.assert_allclose(together[[0, BATCH, BATCH + 4]], alone, rtol=0, atol=rounded(model, images, male))
    assert len(months_of(model.network, images[:0], male[:0])) == 0


class Watched:
    """A network that counts what it computes at once, and how often TensorFlow traces it."""

    def __init__(self, network: Any) -> None:
        self.network, self.inputs = network, network.inputs
        self.sizes: list[int] = []
        self.traces = 0
        step = network.predict_step

        def traced(data: Any) -> Any:
            self.traces += 1
            return step(data)

        network.predict_step = traced

    def predict_on_batch(self, inputs: dict[str, Any]) -> Any:
        self.sizes.append(len(inputs["image"]))
        return self.network.predict_on_batch(inputs)


def test_one_film_costs_one_a_few_cost_eight_and_the_network_is_traced_twice(
    tiny_model: Path, tiny_store: Store
) -> None:
    watched = Watched(open_model(tiny_model).network)
    computed = {}
    for count in (1, 2, 8, 9, BATCH, BATCH + 1):
        watched.sizes.clear()
        months_of(watched, tiny_store.images[:count], np.ones(count))
        computed[count] = list(watched.sizes)

    assert computed == {1: [1], 2: [8], 8: [8], 9: [32], 32: [32], 33: [32, 1]}
    assert watched.traces <= 2


def test_flip_is_the_mean_of_the_image_and_its_mirror(model: Model, tiny_store: Store) -> None:
    images, male = tiny_store.images[:6], np.ones(6)
    mirrored = images[:, :, ::-1]
    both = (months_of(model.network, images, male) + months_of(model.network, mirrored, male)) / 2

    off = rounded(model, images, male)
    np.testing.assert_allclose(months_of(model.network, images, male, flip=True), both, rtol=0, atol=off)
    np.testing.assert_allclose(months_of(model.network, mirrored, male, flip=True), both, rtol=0, atol=off)


def test_a_model_with_the_sex_is_not_asked_without_it(model: Model, tiny_store: Store) -> None:
    with pytest.raises(ValueError, match="needs the sex"):
        predict_images(model, tiny_store.images[:1], None)


def test_files_are_prepared_as_the_models_images_were(model: Model, hands: Path) -> None:
    files = files_of([hands])
    rows = list(rows_of(model, files, Wanted(male=True)))
    images = np.array([decode(path, model.preparation).pixels for path in files])

    assert images.shape[1:] == (40, 40)
    expected = predict_images(model, images, np.ones(4)).months
    assert [row["predicted_months"] for row in rows] == pytest.approx(expected.tolist(), abs=TENTH / 2)
    assert {row["sex"] for row in rows} == {"M"}


def test_bad_files_have_a_row_with_the_reason_and_the_others_are_answered(model: Model, hands: Path) -> None:
    whole = (hands / "0.png").read_bytes()
    (hands / "empty.png").write_bytes(b"")
    (hands / "text.png").write_text("not an image")
    (hands / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.new("L", (50, 50), 9).save(hands / "blank.png")
    Image.new("L", (9000, 9000)).save(hands / "huge.png")
    Image.fromarray(np.asarray(Image.open(hands / "1.png"), np.uint16) * 200).save(hands / "deep.png")
    Image.open(hands / "1.png").convert("RGB").save(hands / "colour.png")
    Image.open(hands / "1.png").resize((5, 5)).save(hands / "small.png")
    files = [*files_of([hands]), hands / "none.png"]
    rows = {Path(row["file"]).stem: row for row in rows_of(model, files, Wanted(male=False))}

    assert [Path(row).stem for row in map(str, files)] == list(rows)
    unanswered = {name: row["note"] for name, row in rows.items() if row["predicted_months"] is None}
    assert set(unanswered) == {"empty", "text", "cut", "blank", "huge", "small", "none"}
    assert all(str(hands / f"{name}.png") in note for name, note in unanswered.items())
    assert rows["colour"]["predicted_months"] == pytest.approx(rows["1"]["predicted_months"], abs=TENTH)
    assert rows["deep"]["predicted_months"] == pytest.approx(rows["1"]["predicted_months"], abs=0.3)


def test_dicom_says_the_sex_and_what_was_asked_comes_first(model: Model, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "hand.dcm", PatientSex="F")
    unsaid = write_dicom(tmp_path / "unsaid.dcm", PatientSex="O")

    assert sex_of(path, Wanted()) == (False, "")
    assert sex_of(path, Wanted(male=True)) == (True, "the file says sex F")
    assert sex_of(path, Wanted(table={path: True})) == (True, "the file says sex F")
    assert sex_of(unsaid, Wanted()) == (None, "")
    [row] = rows_of(model, [path], Wanted(force=True))
    assert row["sex"] == "F"
    assert row["predicted_months"] is not None


def test_an_unknown_sex_has_both_answers_and_an_interval_over_both(model: Model, hands: Path) -> None:
    file = hands / "0.png"
    [row] = rows_of(model, [file], Wanted())
    alone = {male: next(rows_of(model, [file], Wanted(male=male))) for male in (False, True)}

    assert row["sex"] == "unknown"
    assert row["if_female_months"] == pytest.approx(alone[False]["predicted_months"], abs=TENTH)
    assert row["if_male_months"] == pytest.approx(alone[True]["predicted_months"], abs=TENTH)
    assert row["predicted_months"] == pytest.approx((row["if_female_months"] + row["if_male_months"]) / 2, abs=TENTH)
    assert row["low"] == pytest.approx(min(one["low"] for one in alone.values()), abs=TENTH)
    assert "sex unknown" in row["note"]


def test_what_does_not_look_like_a_hand_is_refused_unless_forced(model: Model, hands: Path) -> None:
    files = files_of([hands])
    refused = list(rows_of(strict(model), files, Wanted(male=True)))
    forced = list(rows_of(strict(model), files, Wanted(male=True, force=True)))

    assert {row["predicted_months"] for row in refused} == {None}
    assert all("does not look like" in row["note"] for row in refused)
    assert all(
        guarded(row["note"]) == row["note"] for row in refused
    )  # a spreadsheet takes no part of it for a formula
    plain = [row["predicted_months"] for row in rows_of(model, files, Wanted(male=True))]
    assert [row["predicted_months"] for row in forced] == pytest.approx(plain, abs=TENTH)
    assert all("does not look like" in row["note"] for row in forced)


@pytest.mark.parametrize("name", ["a.png", "a.dcm", "IM000001"])
def test_a_pipe_is_not_waited_for(model: Model, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)

    (row,) = rows_of(model, [tmp_path / name], Wanted())

    assert row["predicted_months"] is None
    assert "is not a regular file" in row["note"]


def test_ages_are_said_in_years_and_months() -> None:
    assert [years_and_months(months) for months in (0, 11.4, 11.6, 123, -3)] == [
        "0 y 0 m", "0 y 11 m", "1 y 0 m", "10 y 3 m", "0 y 0 m",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_command_answers_as_csv_and_as_json(
    tiny_model: Path, hands: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (hands / "broken.png").write_text("")
    run = ["--run-dir", str(tiny_model.parents[1])]
    assert main(["predict", str(hands), "--sex", "F", *run]) == 2
    printed = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    assert main(["predict", str(hands), "--sex", "F", "--model", str(tiny_model), "--json"]) == 2
    same = json.loads(capsys.readouterr().out)
    (hands / "broken.png").unlink()
    assert main(["predict", str(hands / "0.png"), "--sex", "F", *run]) == 0

    assert [row["file"] for row in rows] == [row["file"] for row in same]
    assert [row["predicted_months"] for row in rows] == [str(row["predicted_months"] or "") for row in same]
    assert "broken.png is empty" in printed.err
    assert "s per image" in printed.err
    assert "constant" in printed.err
    assert "not a medical device" in printed.err


def test_figures_on_labels_say_how_many_of_the_images_the_model_knows(
    tiny_model: Path, tiny_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, folder = tiny_store.cases[tiny_store.cases["split"] == "train"].iloc[:3], tmp_path / "films"
    folder.mkdir()
    rows = ["id,boneage,male"]
    for id, case in zip(["strange", *own["id"]], phantom_cases(120)[60:], strict=False):
        Image.fromarray(draw(case, 80)).save(folder / f"{id}.png")
        known = own[own["id"] == id]
        age_months, male = known[["age_months", "male"]].iloc[0] if len(known) else (case.age_months, case.male)
        rows.append(f"{id},{age_months},{male}")
    (tmp_path / "ages.csv").write_text("\n".join(rows) + "\n")
    asked = ["predict", str(folder), "--model", str(tiny_model), "--force", "--table", str(tmp_path / "ages.csv")]
    assert main(asked) == 0
    said = capsys.readouterr()
    for id in own["id"]:
        (folder / f"{id}.png").unlink()
    assert main(asked) == 0

    assert "The model knows 3 of these 4 images (recognised 3 by id, sex and age)" in said.err
    assert "film" not in next(csv.reader(io.StringIO(said.out)))
    assert "The model knows" not in capsys.readouterr().err


def test_a_run_without_a_model_and_a_damaged_model_are_refused(
    tiny_model: Path, hands: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(hands), "--run-dir", str(tmp_path / "none")]) == 2
    assert "boneage-search train" in capsys.readouterr().err
    damaged = shutil.copytree(tiny_model, tmp_path / "models" / "damaged")
    (damaged / "model.keras").write_bytes(b"PK")
    assert main(["predict", str(hands), "--model", str(damaged)]) == 2
    assert "model.keras is damaged" in capsys.readouterr().err
    assert newest(tmp_path) == damaged
    assert read_about(damaged)["name"] == "tiny"


@pytest.mark.slow
def test_a_reader_that_has_enough_ends_it_quietly(tiny_model: Path, hands: Path) -> None:
    command = [sys.executable, "-m", "search.cli", "predict", str(hands), "--sex", "F", "--model", str(tiny_model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stderr
        program.stdout.close()
        said = program.stderr.read()

    assert program.returncode == 128 + signal.SIGPIPE
    assert "Traceback" not in said
