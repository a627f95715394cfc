"""An existing model on a labelled set: the figures are those of its predictions, and what it was trained on is told apart."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write as write_dicom
from labelled_sets import HANDS, lay_out
from PIL import Image

from data.films.images import decode
from data.preparation import DataError
from data.store.disk import Store
from data.store.prepare import prepare
from search.cli import main
from search.evaluate.accounted import accounted
from search.evaluate.evaluation import Evaluation, evaluated
from search.evaluate.labelled import Labelled, opened
from search.evaluate.page import evaluation_page
from search.trained.folder import open_folder
from search.trained.measures import metrics
from search.trained.predictor import Model
from search.trained.predictor import predict as predict_images

pytestmark = pytest.mark.slow


def asked(source: Path, model: Model, folder: Path, run: Path = Path("none")) -> tuple[Labelled, Evaluation]:
    """`run` has the data that the model was trained on."""
    labelled = opened(str(source), model, open_folder(folder), run, model.preparation, lambda *_: None)
    return labelled, evaluated(labelled, open_folder(folder), model.looks)


def test_the_figures_are_those_of_the_predictions(model: Model, tiny_model: Path, tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "clinic", [str(n) for n in range(1, 31)])
    labelled, found = asked(folder, model, tiny_model)
    images = np.stack(
        [decode(folder / "boneage-training-dataset" / f"{n}.png", model.preparation).pixels for n in range(1, 31)]
    )
    male = np.array([hand.male for hand in HANDS[:30]])
    ages = np.array([hand.age_months for hand in HANDS[:30]])
    answers = predict_images(model, images, male)
    constant = model.about["training_median_months"]

    assert list(labelled.cases["id"]) == [str(n) for n in range(1, 31)]
    np.testing.assert_allclose(labelled.cases["predicted_months"], answers.months, atol=1e-3)
    assert found.figures["evaluated"]["mae"] == pytest.approx(float(np.abs(answers.months - ages).mean()), abs=1e-3)
    predicted = labelled.cases["predicted_months"].to_numpy()
    assert found.figures["evaluated"] == metrics(predicted, ages, male.astype(np.float32), constant)
    assert found.figures["validation"] == model.about["validation"]
    inside = (answers.low <= ages) & (ages <= answers.high)
    assert found.coverage["share"] == pytest.approx(inside.mean(), abs=1e-4)
    assert sum(band["n"] for band in found.coverage["by_true_age"]) == 30
    assert "unseen" not in found.figures
    assert not found.official


def test_the_hands_that_a_model_was_trained_on_are_told_apart(
    model: Model, tiny_model: Path, tiny_store: Store
) -> None:
    labelled, found = asked(tiny_store.path, model, tiny_model, tiny_store.path.parent)
    splits = tiny_store.cases["split"]

    assert list(labelled.cases["known_by"] != "") == list(splits != "test")
    assert found.main == "unseen"
    assert found.figures["unseen"]["mae"] == pytest.approx(model.about["test"]["mae"], abs=1e-3)
    # The store has its ages in 32 bits.
    assert found.figures["unseen"]["constant_mae"] == pytest.approx(model.about["test"]["constant_mae"], rel=1e-6)
    assert any(level == "worry" and "was trained on" in words for level, words in found.said)


def test_an_id_alone_does_not_make_a_hand_the_same(
    model: Model, tiny_model: Path, tiny_store: Store, tmp_path: Path
) -> None:
    ids = list(tiny_store.split("train").ids[:10])
    labelled, _ = asked(lay_out(tmp_path / "other", ids), model, tiny_model, tiny_store.path.parent)
    trained = tiny_store.cases.set_index("id").loc[ids]
    same = [
        (round(hand.age_months, 2), hand.male) == (round(float(age_months), 2), bool(male))
        for hand, age_months, male in zip(HANDS, trained["age_months"], trained["male"], strict=False)
    ]

    assert labelled.known.complete
    assert list(labelled.cases["known_by"] == "case") == same


def test_rsnas_official_test_cases_are_known_and_need_no_split(model: Model, tiny_model: Path, tmp_path: Path) -> None:
    official = lay_out(tmp_path / "official", [str(n) for n in range(4360, 4380)])
    with pytest.raises(DataError, match="official test set"):
        prepare(str(official), model.preparation, tmp_path / "store")

    _, found = asked(official, model, tiny_model)

    assert found.official == 20
    assert "20 of the 200" in " ".join(words for _, words in found.said)


def test_files_without_an_answer_are_counted_and_the_others_answered(
    model: Model, tiny_model: Path, tmp_path: Path
) -> None:
    folder = lay_out(tmp_path / "clinic", [str(n) for n in range(1, 13)])
    (folder / "boneage-training-dataset" / "3.png").write_bytes(b"")
    labelled, found = asked(folder, model, tiny_model)

    assert len(labelled.cases) == 11
    assert [problem.id for problem in labelled.problems] == ["3"]
    assert found.to_dict()["without_answer"] == 1
    assert found.to_dict()["without_answer_by_kind"] == {labelled.problems[0].kind: 1}
    assert (
        "The set has 12 cases: 11 have an answer, 1 has none (1 with an unreadable image)" in found.accounted.sentence
    )
    assert found.accounted.sentence in evaluation_page(found)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no image of them can be read"):
        asked(folder, model, tiny_model)


def test_patients_of_a_prepared_store_are_those_of_its_folder(model: Model, tiny_model: Path, tmp_path: Path) -> None:
    """A store has hashes of their numbers, as a model's own films have. Hashed once more, none would be known again."""
    folder = lay_out(tmp_path / "clinic", [str(n) for n in range(1, 31)])
    heading, *rows = (folder / "train.csv").read_text().splitlines()
    numbered = [f"{heading},patient_id", *(f"{row},P{place // 2}" for place, row in enumerate(rows))]
    (folder / "train.csv").write_text("\n".join(numbered) + "\n")
    (folder / "boneage-training-dataset" / "30.png").unlink()
    store = prepare(str(folder), replace(model.preparation, images=0), tmp_path / "store")

    labelled, found = zip(*(asked(source, model, tiny_model) for source in (store.path, folder)), strict=True)
    of_store, of_folder = (of.cases.set_index("id")["patient"] for of in labelled)

    assert [of.figures["evaluated"]["patients"] for of in found] == [15, 15]
    assert [accounted(of).without for of in labelled] == [{"missing": 1}, {"missing": 1}]
    assert of_store.nunique() == 15
    assert of_store.to_dict() == {id: of_folder[id] for id in of_store.index}


def test_a_store_that_was_prepared_otherwise_is_refused(model: Model, tiny_model: Path, tmp_path: Path) -> None:
    other = prepare("phantom:30", replace(model.preparation, image_px=32), tmp_path / "store")

    with pytest.raises(DataError, match="image_px 32, the model needs 40"):
        asked(other.path, model, tiny_model)


def test_what_is_off_is_said(model: Model, tiny_model: Path, tmp_path: Path) -> None:
    labelled, found = asked(lay_out(tmp_path / "clinic", [str(n) for n in range(1, 31)]), model, tiny_model)
    error = labelled.cases["predicted_months"] - labelled.cases["age_months"]
    words = " ".join(said for _, said in found.said)

    # The network knows nothing: it answers the training mean.
    assert ("no better than a constant" in words) == (
        found.figures["evaluated"]["mae"] >= found.figures["evaluated"]["constant_mae"]
    )
    assert ("on average" in words) == (abs(error.mean()) > max(2, 1.96 * error.std() / len(error) ** 0.5))


def test_a_set_of_other_films_is_told_and_one_of_the_same_is_not(
    model: Model, tiny_model: Path, tiny_store: Store, tmp_path: Path
) -> None:
    """Blurred films at four times the size: the set differs as a whole, and every film by itself."""
    folder = lay_out(tmp_path / "clinic", [str(n) for n in range(1, 31)])
    for path in folder.rglob("*.png"):
        smooth = (
            Image.open(path).resize((12, 12), Image.Resampling.LANCZOS).resize((192, 192), Image.Resampling.BICUBIC)
        )
        smooth.save(path)

    said = {
        source: asked(path, model, tiny_model)[1].said
        for source, path in (("same", tiny_store.path), ("other", folder))
    }
    worry = [words for level, words in said["other"] if level == "worry" and "of another kind" in words]

    assert not any("of another kind" in words for _, words in said["same"])
    assert "longer side: 100%" in worry[0]
    assert "smoother, which a network may read as younger" in worry[0]
    assert any("30 of 30 films lie beyond the training films; the first, 1: " in words for _, words in said["other"])
    # The training's films were drawn at the network's size.
    assert ["100% of these films are shrunk" in words for _, words in said["other"]].count(True) == 1
    assert not any("--shrink nearest" in words for _, words in said["same"])


def test_years_among_months_and_films_of_other_parts_are_worries_here_too(
    model: Model, tiny_model: Path, tmp_path: Path
) -> None:
    folder = lay_out(tmp_path / "clinic", [str(n) for n in range(1, 31)])
    clean = " ".join(words for _, words in asked(folder, model, tiny_model)[1].said)
    table = folder / "train.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    for n, cells in enumerate(rows[1:]):
        cells[1] = str(5 + n) if n < 8 else str(80 + 4 * n)
    table.write_text("\n".join(map(",".join, rows)))
    for n in range(1, 4):
        (folder / "boneage-training-dataset" / f"{n}.png").unlink()
        write_dicom(folder / "boneage-training-dataset" / f"{n}.dcm", BodyPartExamined="FOOT", PatientSex="M")

    said = " ".join(words for level, words in asked(folder, model, tiny_model)[1].said if level == "worry")

    assert "8 labels are at most 21 months and half are above" in said
    assert "3 of 30 files say that they show another part than a hand (3 FOOT; 1, 2, 3)" in said
    assert "labels are at most" not in clean
    assert "another part" not in clean


@pytest.mark.parametrize("layout", [("train.csv", "images/images"), ("boneage-test-dataset.csv", "test")])
def test_the_command_leaves_a_page_and_a_table(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], layout: tuple[str, str]
) -> None:
    folder = lay_out(tmp_path / "clinic", [str(n) for n in range(1, 11)], *layout)
    assert main(["evaluate", str(folder), "--model", str(tiny_model), "--json", "--to", str(tmp_path / "out")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(folder), "--model", str(tiny_model), "--to", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out

    assert found["cases"] == 10
    table = pd.read_csv(found["predictions"])
    assert table["id"].tolist() == list(range(1, 11))
    off = (table["predicted_months"] - table["age_months"]).abs().mean()
    assert found["figures"]["evaluated"]["mae"] == pytest.approx(off, abs=0.01)
    page = Path(found["page"]).read_text()
    assert all(heading in page for heading in ("How good is it here?", "Limits of agreement", "By sex and age"))
    assert "Predicted age by label, images of this set (10)." in page
    assert "this set" in shown
    assert "not a medical device" in shown.lower()
