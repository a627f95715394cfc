"""By how many other models test images were opened before: models that were tested on these very cases, and no others."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import leave_untrained, tiny_model_in, tiny_preset
from formula import silent
from hypothesis import given, settings
from hypothesis import strategies as st

from data.cases import hundredths
from data.store.disk import Store
from search.evaluate.fine_tune import fine_tuned
from search.evaluate.labelled import Labelled
from search.evaluate.recalibrate import recalibrated
from search.leader.progress import Terms
from search.run import Run
from search.storage.sqlite import sqlite_url
from search.trained.choose import Chosen
from search.trained.folder import (
    case_texts,
    digest_of_cases,
    digest_of_texts,
    open_folder,
    opened_before,
    read_about,
)
from search.trained.left.looked import looks_before
from search.trained.made_of import TESTED
from search.trained.train import Order, job_of
from search.workers.local import InProcess

CASES = st.lists(st.tuples(st.text(max_size=5), st.floats(0, 228), st.booleans()), min_size=1, max_size=6, unique=True)


@settings(max_examples=25)
@given(CASES, st.randoms())
def test_the_same_cases_in_another_order_have_the_same_digest_and_fewer_have_another(
    cases: list[tuple[str, float, bool]], random: object
) -> None:
    shuffled = list(cases)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def digest(of: list[tuple[str, float, bool]]) -> str:
        return digest_of_cases([c[0] for c in of], [c[1] for c in of], [c[2] for c in of])

    assert digest(shuffled) == digest(cases) != digest(cases[1:])
    assert digest([(id, float(np.float32(hundredths(age))), male) for id, age, male in cases]) == digest(cases)


def laid(tiny_model: Path, place: Path, tested: str | None, table: bool = False) -> Path:
    """A model's folder with a model.json alone, of a model tested on the cases of this digest; of before, where it is None."""
    about = json.loads((tiny_model / "model.json").read_text())
    del about["checksum"], about["digests"]
    about.pop("test_of", None)
    place.mkdir(parents=True, exist_ok=True)
    (place / "model.json").write_text(json.dumps(about | ({"test_of": tested} if tested else {})))
    if table:
        (place / "predictions_test.csv").write_bytes((tiny_model / "predictions_test.csv").read_bytes())
    return place


def test_models_and_ensembles_are_counted_and_an_ensemble_with_its_members_is_one(
    tiny_model: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    for name in ("one", "two"):
        laid(tiny_model, models / name, "ours")
    laid(tiny_model, models / "of-another-set", "others")
    for seed in (7, 8):
        laid(tiny_model, models / "three" / "members" / f"seed-{seed}", "ours")
    laid(tiny_model, models / "three", "ours")
    laid(tiny_model, models / "three" / "members" / "corrected", "ours")

    assert opened_before(models / "new", "ours") == 4  # one, two, three, and what was made from a member
    assert opened_before(models / "one", "ours") == 3
    assert opened_before(models / "three", "ours") == 3
    assert opened_before(models / "three" / "members" / "seed-9", "ours") == 3
    assert opened_before(models / "three" / "members" / "corrected", "ours") == 3
    assert opened_before(models / "new", "others") == 1


def test_a_model_of_before_is_known_by_its_table_of_predictions(
    tiny_model: Path, tiny_store: Store, tmp_path: Path
) -> None:
    test = tiny_store.split("test")
    tested = digest_of_cases(test.ids, test.age_months, test.male)
    laid(tiny_model, tmp_path / "with", None, table=True)
    laid(tiny_model, tmp_path / "without", None)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "model.json").write_text("{")

    assert read_about(tmp_path / "with").get("test_of") is None
    assert open_folder(tiny_model).about["test_of"] == tested
    assert opened_before(tmp_path / "new", tested) == 1


def test_a_test_on_some_of_the_cases_of_another_models_test_is_not_the_first(
    tiny_model: Path, tiny_store: Store, tmp_path: Path
) -> None:
    """A model's further training on a set that has corrected it, or a correction by another share, is tested on other parts."""
    test = tiny_store.split("test")
    cases = case_texts(test.ids, test.age_months, test.male)
    laid(tiny_model, tmp_path / "of-all", digest_of_texts(cases), table=True)

    assert opened_before(tmp_path / "new", digest_of_texts(cases[1:]), cases[1:]) == 1
    assert opened_before(tmp_path / "new", digest_of_texts(["another 7.00 True"]), ["another 7.00 True"]) == 0


def test_another_network_of_the_same_folder_is_a_further_look_at_its_test_and_the_same_one_is_none(
    tiny_model: Path,
) -> None:
    before = read_about(tiny_model)
    other = before | {"best_epoch": before["best_epoch"] + 1}

    assert looks_before(before, other) == {TESTED: 1}
    assert looks_before(before | {TESTED: 2}, other | {TESTED: 4}) == {TESTED: 5}
    assert looks_before(before | {TESTED: 2}, before | {"test_flipped": before["test"]}) == {TESTED: 2}
    assert looks_before(None, other) == looks_before(before | {"test": None}, other) == {}


@pytest.mark.slow
def test_a_correction_on_another_set_has_not_opened_the_test_of_the_run_and_a_second_on_that_set_is_told_of_the_first(
    tiny_store: Store, labelled: Labelled, tmp_path: Path
) -> None:
    first = tiny_model_in(tmp_path, tiny_store)
    old = open_folder(first)
    corrected = recalibrated(labelled, old, 120.0, 0.5, "corrected")
    again = recalibrated(labelled, old, 120.0, 0.5, "again")
    training = replace(tiny_preset().training, epochs=1)
    tuned = fine_tuned(
        labelled, old, 120.0, 0.5, "tuned", training, InProcess, lambda *_: None, silent(), Terms(deterministic=True)
    )
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    job = job_of(run, tiny_store, Order(Chosen(run.preset.reference, "by hand"), {}, "second"), deterministic=False)
    leave_untrained(job, tiny_store)
    member = replace(job, folder=tmp_path / "models" / "three" / "members" / "seed-7")
    leave_untrained(member, tiny_store)

    told = [read_about(one)["tests_opened_before"] for one in (first, corrected.path, again.path, tuned.path)]
    assert told == [0, 0, 1, 2]
    assert read_about(job.folder)["tests_opened_before"] == 1
    assert read_about(member.folder)["tests_opened_before"] == 2
    assert "by 1 other model of this run" in (job.folder / "report.html").read_text()
    assert corrected.about["test_of"] == again.about["test_of"] == tuned.about["test_of"] != old.about["test_of"]
