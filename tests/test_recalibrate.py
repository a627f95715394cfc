"""A model corrected by a part of a labelled set: the line, the parts, and that whoever opens the new folder has the correction."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import tiny_model_in
from hypothesis import given
from hypothesis import strategies as st

from data.store.disk import Store
from search.cli import main
from search.evaluate.evaluation import evaluated
from search.evaluate.labelled import Labelled, opened
from search.evaluate.parts import parted
from search.evaluate.recalibrate import Correction, Fitted, fit, recalibrated
from search.trained.folder import ModelFolder, open_folder
from search.trained.left.known import known_to
from search.trained.predictor import Model, open_model
from search.trained.predictor import predict as predict_images
from studies.preset import StudyError

pytestmark = pytest.mark.slow

MONTHS = st.floats(0, 228).map(lambda value: round(value, 1))


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """This file's own, as other models are made beside it."""
    return tiny_model_in(tmp_path_factory.mktemp("own"), tiny_store)


@pytest.fixture(scope="module")
def corrected(labelled: Labelled, tiny_model: Path) -> ModelFolder:
    return recalibrated(labelled, open_folder(tiny_model), 120.0, 0.5, "corrected")


def refitted(kind: str, predicted: np.ndarray, age_months: np.ndarray) -> Correction:
    if kind == "none":
        return Correction(0.0, 1.0, kind)
    if kind == "offset":
        return Correction(float((age_months - predicted).mean()), 1.0, kind)
    slope, offset = np.polyfit(predicted, age_months, 1)
    return Correction(float(offset), float(slope), kind)


@given(
    st.lists(st.tuples(MONTHS, MONTHS), min_size=5, max_size=12, unique_by=lambda pair: pair[0]),
    st.none() | st.lists(st.integers(0, 3), min_size=8, max_size=8),
)
def test_what_is_said_of_a_case_left_out_is_what_the_other_patients_say(
    pairs: list[tuple[float, float]], films: list[int] | None
) -> None:
    predicted, age_months = np.array(pairs).T
    patients = np.arange(len(pairs)) if films is None else np.array([0, 0, 1, 2, *films])[: len(pairs)]
    found = fit(predicted, age_months, None if films is None else patients)
    by_others = [
        refitted(found.correction.kind, predicted[patients != n], age_months[patients != n]).of(predicted[[place]])[0]
        for place, n in enumerate(patients)
    ]

    np.testing.assert_allclose(found.left_out, by_others, atol=1e-5, rtol=1e-5)
    whole = refitted(found.correction.kind, predicted, age_months)
    np.testing.assert_allclose(found.correction.of(predicted), whole.of(predicted), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("offset", "slope", "kinds"),
    [
        (0.0, 1.0, {"none", "offset", "offset and slope"}),  # of the others the least chance is left, which is none
        (22.0, 1.0, {"offset"}),
        (-30.0, 1.4, {"offset and slope"}),
    ],
)
def test_a_known_distortion_is_found(offset: float, slope: float, kinds: set[str]) -> None:
    random = np.random.default_rng(4)
    predicted = random.uniform(20, 200, 400)
    found = fit(predicted, offset + slope * predicted + random.normal(0, 5, 400)).correction

    assert found.of(np.array([60.0, 150.0])) == pytest.approx(offset + slope * np.array([60.0, 150.0]), abs=1.5)
    assert found.kind in kinds


@pytest.mark.parametrize("months", [100.0, 100.1])
def test_predictions_that_are_all_alike_have_no_slope(months: float) -> None:
    found = fit(np.full(30, months), np.full(30, 110.0)).correction
    assert found.kind == "offset"
    assert found.of(np.array([months])) == pytest.approx([110.0])


def test_of_one_patient_alone_nothing_is_corrected() -> None:
    predicted, age_months = np.linspace(50, 150, 30), np.linspace(90, 190, 30)
    assert fit(predicted, age_months, np.zeros(30, int)).correction == Correction(0.0, 1.0, "none")


def test_films_of_one_patient_do_not_vouch_for_each_other() -> None:
    """Ten patients, each wrong by months of their own in every film: over films alone, a line would look better than it is."""
    random = np.random.default_rng(2)
    patients = np.repeat(np.arange(10), 12)
    predicted = random.uniform(60, 180, 10)[patients] + random.normal(0, 1, 120)
    age_months = predicted + random.normal(0, 12, 10)[patients] + random.normal(0, 1, 120)

    def error(fitted: Fitted) -> float:
        return float(np.abs(age_months - fitted.left_out).mean())

    assert error(fit(predicted, age_months, patients)) > error(fit(predicted, age_months))


@pytest.mark.parametrize("share", [0.4, 0.5, 0.8])
def test_the_parts_are_disjoint_of_the_share_and_keep_patients_together(labelled: Labelled, share: float) -> None:
    cases = labelled.cases.assign(patient=[f"patient {n // 3}" for n in range(len(labelled.cases))])
    fitted, reported = parted(replace(labelled, cases=cases), share)

    assert sorted([*fitted.index, *reported.index]) == sorted(cases.index)
    assert not set(fitted["patient"]) & set(reported["patient"])
    assert abs(len(fitted) / len(cases) - share) < 0.07
    assert abs(fitted["male"].mean() - reported["male"].mean()) < 0.3


def test_what_the_model_was_trained_on_is_in_neither_part_and_too_few_are_refused(labelled: Labelled) -> None:
    seen = labelled.cases.assign(known_by=["case", "", "", ""] * 15)
    fitted, reported = parted(replace(labelled, cases=seen), 0.5)
    assert len(fitted) + len(reported) == 45
    assert not fitted["known_by"].any()

    with pytest.raises(StudyError, match="give more cases, or another --share"):
        parted(replace(labelled, cases=labelled.cases.iloc[:24]), 0.5)


def test_whoever_opens_the_new_folder_has_the_correction(
    corrected: ModelFolder, model: Model, tiny_model: Path, tiny_store: object
) -> None:
    from search.apply.explain import Shown, explained

    made = corrected.about["recalibration"]
    images = np.random.default_rng(0).integers(0, 255, (6, 40, 40)).astype(np.uint8)
    male = np.array([True, False] * 3)
    before = predict_images(model, images, male).months
    after = predict_images(open_model(corrected.path), images, male).months

    np.testing.assert_allclose(after, made["offset_months"] + made["slope"] * before, rtol=1e-4)
    shown = [Shown(str(n), image, image, bool(sex)) for n, (image, sex) in enumerate(zip(images, male, strict=True))]
    for case, months in zip(explained(corrected, shown).cases, after, strict=True):
        assert case.prediction_months == pytest.approx(months, rel=1e-4)
        assert case.months.sum() + case.elsewhere_months == pytest.approx(months, rel=1e-4)
    assert corrected.path.parent == tiny_model.parent
    assert open_folder(tiny_model).about["name"] == "tiny"


def test_the_report_is_of_the_part_that_nothing_was_fitted_on(corrected: ModelFolder, labelled: Labelled) -> None:
    about = corrected.about
    told = pd.read_csv(corrected.path / "predictions_test.csv", dtype={"id": str})
    fitted, reported = parted(labelled, 0.5)
    made = about["recalibration"]
    predicted = made["offset_months"] + made["slope"] * reported["predicted_months"]

    assert set(told["id"]) == set(reported["id"])
    assert about["test"]["mae"] == pytest.approx(float((predicted - reported["age_months"]).abs().mean()), abs=1e-3)
    assert (about["validation"]["n"], about["test"]["n"]) == (len(fitted), len(reported))
    inside = (told["low"] - 0.01 <= told["age_months"]) & (told["age_months"] <= told["high"].fillna(np.inf) + 0.01)
    assert about["conformal"]["coverage"]["share"] == pytest.approx(inside.mean(), abs=0.02)
    assert "Recalibrated on" in (corrected.path / "report.html").read_text()


def test_a_set_that_corrected_a_model_does_not_judge_it_unseen(corrected: ModelFolder, labelled: Labelled) -> None:
    fitted, _ = parted(labelled, 0.5)
    model = open_model(corrected.path)
    again = opened(labelled.source, model, corrected, Path("none"), model.preparation, lambda *_: None)

    assert set(again.cases["id"][again.cases["known_by"] != ""]) == set(fitted["id"])


def test_a_set_that_corrected_a_model_is_known_by_its_pictures_under_other_names(
    corrected: ModelFolder, labelled: Labelled, tmp_path: Path
) -> None:
    fitted, _ = parted(labelled, 0.5)
    renamed = tmp_path / "renamed"
    shutil.copytree(labelled.source, renamed)
    for path in renamed.rglob("*.png"):
        path.rename(path.with_stem(f"scan {path.stem}"))
    cases = pd.read_csv(renamed / "train.csv")
    cases.assign(id=[f"scan {id}" for id in cases["id"]]).to_csv(renamed / "train.csv", index=False)
    model = open_model(corrected.path)
    again = opened(str(renamed), model, corrected, Path("none"), model.preparation, lambda *_: None)
    found = evaluated(again, corrected, model.looks)

    assert set(again.cases["id"][again.cases["known_by"] == "picture"]) == {f"scan {id}" for id in fitted["id"]}
    assert found.to_dict()["known_by"] == {"picture": 30, "case": 0, "patient": 0}
    assert found.figures["unseen"]["n"] == 30
    worry = next(words for level, words in found.said if level == "worry" and "was trained on" in words)
    assert "30 of these 60 images" in worry
    assert "(recognised 30 by the picture)" in worry
    with pytest.raises(StudyError, match="30 cases that the model does not know, beside 30 that it knows"):
        parted(again, 0.5)


def test_the_command_leaves_a_model_beside_the_old_one_once(
    labelled: Labelled, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", labelled.source, "--model", str(tiny_model), "--to", str(tmp_path), "--recalibrate"]
    command += ["--name", "by command", "--json"]
    assert main(command) == 0
    made = json.loads(capsys.readouterr().out)["made"]
    assert main(command) == 2

    assert "holds a model already" in capsys.readouterr().err
    assert Path(made["model"]) == tiny_model.with_name("by-command")
    assert made["test"]["n"] == made["recalibration"]["reported_on"]


def test_a_corrected_model_that_is_passed_on_alone_knows_the_films_that_made_the_first(
    corrected: ModelFolder, tiny_model: Path, tmp_path: Path
) -> None:
    first = known_to(open_folder(tiny_model), Path("none")).films
    alone = open_folder(shutil.copytree(corrected.path, tmp_path / "alone" / corrected.path.name))

    films = known_to(alone, Path("none")).films

    assert len(films) > len(first) > 0
    of_first = first.merge(films, on=["case", "male", "checksum", "patient"], suffixes=("", "_again"))
    assert len(of_first) == len(first)
    np.testing.assert_allclose(of_first["step"], of_first["step_again"])  # as its table writes ages, not both tables
