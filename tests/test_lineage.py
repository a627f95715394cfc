"""What a model says of all that made it: every set of data, the weights it started from, and what its validation cases did."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import tiny_model_in, tiny_preset
from labelled_sets import lay_out

from data.phantom.hand import phantom_cases
from data.store.disk import Store
from data.store.prepare import prepare
from models.architecture import Architecture
from models.pretrained.kernels import started
from search.apply.model_card import beside, card
from search.cli import main
from search.evaluate.labelled import Labelled, opened
from search.evaluate.recalibrate import recalibrated
from search.output.notices import KNOWS_DRAWN, SYNTHETIC
from search.trained.about import digest_of_about
from search.trained.folder import ModelFolder, ancestry, open_folder, store_of
from search.trained.made_of import (
    drawn_alone,
    gone_on,
    lineage,
    lineage_words,
    tuned_words,
    validation_role,
)
from search.trained.page import about_section, intervals_section, measures_section
from search.trained.predictor import open_model
from search.trained.table import show_model

pytestmark = pytest.mark.slow

RADIOGRAPHS = {"source": "/home/somebody/hospital", "digest": "d1", "counts": {"train": 900}, "synthetic": False}
DRAWN = {"source": "phantom:60", "digest": "d2", "counts": {"train": 60}, "synthetic": True}
WEIGHTS = {"file": "inception_v3_notop.h5", "digest": "abc", "taken": ["stem"], "sentence": "stem start from the file"}


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """This file's own, as other models are made beside it."""
    return tiny_model_in(tmp_path_factory.mktemp("own"), tiny_store)


@pytest.fixture(scope="module")
def corrected(labelled: Labelled, tiny_model: Path) -> ModelFolder:
    return recalibrated(labelled, open_folder(tiny_model), 120.0, 0.6, "corrected")


def made_of(*data: dict[str, Any]) -> dict[str, Any]:
    """model.json of a model that was trained on the first of these, and further trained on the others."""
    about: dict[str, Any] = {"lineage": [{"how": "trained", **data[0]}]}
    for one in data[1:]:
        about = gone_on(about, "fine-tuned", one)
    return about


def carded(folder: Path, about: dict[str, Any]) -> str:
    model = open_folder(folder)
    return card(ModelFolder(folder, model.about | about), "keras", "x.keras", "")


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


# all data of a model


@pytest.mark.parametrize("data", [(RADIOGRAPHS, DRAWN), (DRAWN, RADIOGRAPHS), (DRAWN, RADIOGRAPHS, DRAWN)])
def test_one_set_of_radiographs_anywhere_in_the_chain_has_its_terms_and_its_patients(
    data: tuple[dict[str, Any], ...], tiny_model: Path
) -> None:
    text = carded(tiny_model, made_of(*data))

    assert not drawn_alone(made_of(*data))
    assert "no data licence" not in text
    assert "seen no patient" not in text
    assert "radiographs, folder `hospital`" in section(text, "Licence of the data")
    assert "no passing on of images" in text
    assert section(text, "Training data").count("cases:") == len(data)
    assert "/home" not in text
    assert ("Its figures are of drawn hands" in text) == (data[-1] is DRAWN)


def test_drawn_hands_alone_have_no_licence_to_keep(tiny_model: Path) -> None:
    text = carded(tiny_model, made_of(DRAWN, DRAWN | {"source": "phantom:90"}))

    assert "no data licence to keep" in text
    assert "it has seen no patient" in text
    assert "`phantom:60`" in section(text, "Training data")
    assert "`phantom:90`" in section(text, "Training data")


def test_a_model_trained_on_radiographs_and_further_on_drawn_hands_says_both(tmp_path: Path) -> None:
    """By the commands, from the folder of radiographs on; then recalibrated, and found again."""
    clinic = lay_out(tmp_path / "clinic", [str(n) for n in range(60)])
    store = prepare(str(clinic), tiny_preset().preparation, tmp_path / "run" / "prepared")
    first = tiny_model_in(tmp_path / "run", store)
    evaluate = ["evaluate", "phantom:70", "--to", str(tmp_path / "out"), "--share", "0.6"]
    assert main([*evaluate, "--model", str(first), "--fine-tune", "1", "--name", "tuned"]) == 0
    tuned = open_folder(first.with_name("tuned"), whole=True)

    assert [(one["how"], one["synthetic"]) for one in tuned.about["lineage"]] == [
        ("trained", False),
        ("fine-tuned", True),
    ]
    assert tuned.about["lineage"][0]["counts"] == open_folder(first).about["data"]["counts"]
    assert not tuned.synthetic
    assert not tuned.about["synthetic"]
    text = card(tuned, "keras", "x.keras", "")
    assert "folder `clinic`" in text
    assert "`phantom:70`" in text
    assert "seen no patient" not in text
    told = beside(tuned, "keras", "x.keras")
    assert [one["source"] for one in told["lineage"]] == ["clinic", "phantom:70"]
    page = (tuned.path / "report.html").read_text()
    assert str(clinic) in page
    assert "figures are of drawn hands" in page

    # The new model has no data of its own beside it: they are the ones it was made from.
    others = phantom_cases(60, seed=1)
    evaluate[1] = str(lay_out(tmp_path / "other", [str(n) for n in range(100, 160)], hands=others))
    assert main([*evaluate, "--model", str(tuned.path), "--recalibrate", "--name", "tuned-corrected"]) == 0
    last = open_folder(first.with_name("tuned-corrected"), whole=True)
    assert [one["how"] for one in last.about["lineage"]] == ["trained", "fine-tuned", "recalibrated"]
    found = store_of(last, Path("none"))
    assert found is not None
    assert found.path == tuned.path / "prepared"
    of_training = " ".join(words for _, words in tuned_words(last.about["fine_tuning"], last.about))
    assert "test images of that set" in of_training
    own, before = tuned.about["validation"]["mae"], tuned.about["fine_tuning"]["validation_mae_before"]
    assert ("did not help" in of_training) == (own >= before)


def test_a_model_of_before_says_its_own_data_and_that_earlier_ones_are_not_known(tiny_model: Path) -> None:
    about = open_folder(tiny_model, whole=True).about | {"lineage": None}
    assert [one["how"] for one in lineage(about)] == ["trained"]
    assert drawn_alone(about)

    tuned = about | {"made_from": {"name": "parent"}, "fine_tuning": None}
    assert [one["how"] for one in lineage(tuned)] == ["not known", "trained"]
    text = carded(tiny_model, tuned)
    assert "Made from the model `parent`; the data of that model are not recorded here" in text
    assert "no data licence" not in text
    assert "seen no patient" not in text
    assert "ask who made it" in section(text, "Licence of the data")


def test_a_model_file_of_before_opens_and_a_lineage_of_another_kind_is_refused(
    tiny_model: Path, tmp_path: Path
) -> None:
    from data.preparation import DataError
    from search.trained.about import read

    said = json.loads((tiny_model / "model.json").read_text())

    def left(about: dict[str, Any]) -> Path:
        about = {name: value for name, value in about.items() if name != "checksum"}
        (tmp_path / "model.json").write_text(json.dumps(about | {"checksum": digest_of_about(about)}))
        return tmp_path

    assert read(left({name: value for name, value in said.items() if name != "lineage"}), whole=True)["lineage"] is None
    for wrong in ("phantom:60", [3], [{"how": "trained"}], [DRAWN | {"how": "trained", "counts": {"train": "many"}}]):
        with pytest.raises(DataError, match="lineage"):
            read(left(said | {"lineage": wrong}))


# recalibrated


def test_a_drawn_model_recalibrated_on_a_clinics_films_has_seen_patients(corrected: ModelFolder) -> None:
    text = card(corrected, "keras", "x.keras", "")

    assert not corrected.synthetic
    assert "seen no patient" not in text
    assert "Synthetic phantom images" not in text
    assert "Then recalibrated on radiographs, folder `clinic`" in text
    assert "radiographs, folder `clinic`" in section(text, "Licence of the data")


def test_a_recalibrated_models_figures_and_counts_and_constant_are_of_the_same_cases(
    corrected: ModelFolder, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about, before = corrected.about, open_folder(tiny_model).about
    text = card(corrected, "keras", "x.keras", "")
    constant = about["validation"]["constant_mae"]

    assert about["constant_mae"] == constant
    assert about["constant_mae"] != before["constant_mae"]
    assert f"Always answering the training median: {constant:.1f} on validation" in text
    assert f"{before['constant_mae']:.1f}" not in section(text, "Figures")
    assert f"{about['validation']['n']} fitted on, as validation, {about['test']['n']} reported on, as test" in text
    assert f"| validation | {about['validation']['n']} |" in text
    assert "Recalibrated on clinic: corrected = " in text
    assert about["test_films"] == []  # both parts are of the same films
    show_model(about, corrected.path)
    assert f"scores {constant:.1f}." in capsys.readouterr().out


def test_only_the_cases_of_a_training_are_said_to_have_chosen_the_epoch(
    corrected: ModelFolder, tiny_model: Path
) -> None:
    for model, chose in ((corrected, False), (open_folder(tiny_model, whole=True), True)):
        shown = [card(model, "keras", "x.keras", "")]
        shown += [str(part(model.about)) for part in (measures_section, intervals_section)]
        for text in shown:
            assert bool(re.search(r"images have (also )?chosen the epoch", text)) == chose
            assert (
                "the correction and the intervals were fitted on" in text or "the correction was fitted on" in text
            ) != chose
    assert "the epoch" not in validation_role(corrected.about).short


def test_the_learning_curve_of_a_recalibrated_model_keeps_its_own_constant(
    corrected: ModelFolder, labelled: Labelled, tiny_model: Path
) -> None:
    from search.trained.page import learning

    before = open_folder(tiny_model).about
    twice = recalibrated(labelled, corrected, 120.0, 0.5, "corrected-twice")

    for about in (corrected.about, twice.about):
        [constant] = [line.y for line in learning(about).data if line.name == "constant"]
        assert set(constant) == {before["constant_mae"]}
    assert [one["how"] for one in twice.about["lineage"]] == ["trained", "recalibrated", "recalibrated"]


def test_where_the_training_median_is_not_known_the_constant_is_the_sets(labelled: Labelled, tiny_model: Path) -> None:
    made = recalibrated(
        replace(labelled, training_median_months=None), open_folder(tiny_model), 120.0, 0.5, "of-unknown-median"
    )

    assert "Always answering the median of the set that it was recalibrated on" in card(made, "keras", "x.keras", "")


# weights that it started from


def test_the_file_of_weights_is_named_with_its_groups_and_its_licence(tiny_model: Path) -> None:
    about = {"lineage": [{"how": "trained", **DRAWN, "weights": WEIGHTS}]}
    text = carded(tiny_model, about)
    model = ModelFolder(tiny_model, open_folder(tiny_model, whole=True).about | about)

    assert "`inception_v3_notop.h5`" in section(text, "Training data")
    assert "stem start from the file" in section(text, "Training data")
    assert "`inception_v3_notop.h5`" in section(text, "Licence of the data")
    assert "seen no patient" not in text
    assert beside(model, "keras", "x")["lineage"][0]["weights"] == WEIGHTS
    assert "inception_v3_notop.h5" in str(about_section(model.about)).replace("<wbr>", "")
    further = gone_on(model.about, "fine-tuned", RADIOGRAPHS)
    assert any("inception_v3_notop.h5" in words for words in lineage_words(further))


def test_a_network_that_took_nothing_of_the_file_keeps_none_of_its_licence(tiny_model: Path) -> None:
    about = {"lineage": [{"how": "trained", **DRAWN, "weights": WEIGHTS | {"taken": []}}]}

    assert "inception_v3_notop.h5" not in section(carded(tiny_model, about), "Licence of the data")


def test_model_json_says_which_groups_started_from_the_file(tiny_store: Store, tmp_path: Path) -> None:
    from conftest import leave_untrained

    from models.training.settings import Training
    from search.workers.job import Job

    architecture: Architecture = tiny_preset().reference
    job = Job(
        number=0,
        architecture=architecture,
        training=replace(tiny_preset().training, weights="/somewhere/file.h5"),
        seed=1,
        store=tiny_store.path,
        data=tiny_store.digest,
        image_px=tiny_store.image_px,
        folder=tmp_path / "models" / "started",
        weights_digest="abc",
        test=True,
    )
    assert isinstance(job.training, Training)
    leave_untrained(job, tiny_store)
    about = open_folder(job.folder, whole=True).about

    sentence = started(architecture).sentence
    assert about["weights"] == about["lineage"][0]["weights"]
    assert about["weights"]["file"] == "file.h5"
    assert about["weights"]["sentence"] == sentence
    assert sentence in (job.folder / "report.html").read_text()
    of_before = about | {"lineage": None, "weights": {"file": "file.h5", "digest": "abc"}}
    assert any("file.h5" in words for words in lineage_words(of_before))


# data of the models that it was made from


@pytest.mark.parametrize("named", ["itself", "each other", "gone"])
def test_a_chain_of_models_ends_whatever_they_say(named: str, tiny_model: Path, tmp_path: Path) -> None:
    from shutil import copytree

    def left(name: str, before: str) -> Path:
        folder = copytree(tiny_model, tmp_path / name)
        about = json.loads((folder / "model.json").read_text())
        about.pop("checksum")
        about["made_from"] = {"name": before}
        (folder / "model.json").write_text(json.dumps(about | {"checksum": digest_of_about(about)}))
        return folder

    first = left("a", {"itself": "a", "each other": "b"}.get(named, named))
    expected = [first] + ([left("b", "a")] if named == "each other" else [])

    found, sure = ancestry(open_folder(first))
    assert ([one.path for one in found], sure) == (expected, False)


# where the page of an evaluation is


@pytest.fixture
def evaluate(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def done(folder: Path, *more: str) -> dict[str, Any]:
        command = ["evaluate", str(folder), "--model", str(tiny_model), "--json", "--to", str(tmp_path / "out"), *more]
        code = main(command)
        said = capsys.readouterr()
        return json.loads(said.out) if code == 0 else {"code": code, "said": said.err}

    return done


@pytest.mark.parametrize(
    ("name", "page"),
    [("клиника", "клиника"), ("病院", "病院"), ("Größe 7", "Größe-7"), ("!!!", None), ("手" * 60, "手" * 33)],
)
def test_a_set_may_have_any_folders_name(
    name: str, page: str | None, evaluate: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    found = evaluate(lay_out(tmp_path / name, [str(n) for n in range(12)]))

    assert Path(found["page"]).is_file()
    assert Path(found["predictions"]).name == f"predictions_{Path(found['page']).stem}.csv"
    if page:
        assert Path(found["page"]).stem == page
    else:
        assert re.fullmatch(r"set-[0-9a-f]{8}", Path(found["page"]).stem)


def test_sets_of_one_folders_name_have_pages_of_their_own(
    evaluate: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    first, second = (lay_out(tmp_path / parent / "clinic", [str(n) for n in range(12)]) for parent in ("a", "b"))
    pages = [evaluate(folder)["page"] for folder in (first, second, first, second)]

    assert pages[0] == pages[2] != pages[1] == pages[3]
    assert str(first) in Path(pages[0]).read_text()
    assert str(second) in Path(pages[1]).read_text()


@pytest.mark.parametrize("name", ["клиника", "tiny"])
def test_a_name_that_cannot_be_is_refused_before_anything_is_predicted(
    name: str, evaluate: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import search.evaluate.labelled as of_sets

    def never(*_: Any) -> None:
        raise AssertionError("it has begun to predict")

    monkeypatch.setattr(of_sets, "opened", never)
    found = evaluate(lay_out(tmp_path / "clinic", ["1", "2"]), "--recalibrate", "--name", name)

    assert found["code"] == 2
    assert ("Latin letter" if name == "клиника" else "another --name") in found["said"]


def test_the_evaluated_set_being_drawn_is_said_of_the_figures(labelled: Labelled, tiny_model: Path) -> None:
    from search.evaluate.evaluation import evaluated

    model = open_model(tiny_model)
    folder = ModelFolder(tiny_model, model.about | made_of(RADIOGRAPHS))
    drawn = opened("phantom:20", model, folder, Path("none"), model.preparation, lambda *_: None)

    assert evaluated(drawn, folder, model.looks).drawn_words == SYNTHETIC
    assert evaluated(labelled, folder, model.looks).drawn_words == ""


def test_of_radiographs_it_is_said_that_the_model_knows_drawn_hands_alone(labelled: Labelled, tiny_model: Path) -> None:
    """The cases are no phantoms, so nothing says that they are."""
    from search.evaluate.evaluation import evaluated
    from search.evaluate.page import evaluation_page

    folder = ModelFolder(tiny_model, open_model(tiny_model).about)
    found = evaluated(labelled, folder, open_model(tiny_model).looks)

    assert found.drawn_words == KNOWS_DRAWN
    assert SYNTHETIC[1:] not in evaluation_page(found)
    assert KNOWS_DRAWN[1:] in evaluation_page(found)


def test_a_network_that_a_search_kept_names_the_file_that_the_search_started_from(
    tiny_store: Store, tiny_model: Path, tmp_path: Path
) -> None:
    from shutil import copy

    from search.leader import kept
    from search.run import Run, record
    from search.storage.sqlite import sqlite_url
    from search.trained.keep import describe_kept
    from search.workers.job import EpochDone, Job, job_dict

    preset = tiny_preset()
    run = Run(tmp_path / "run", preset, {"weights": "/a/file.h5"}, str(tiny_store.path), sqlite_url(tmp_path / "s.db"))
    folder = run.folder / "trials" / "depth" / "0004"
    folder.mkdir(parents=True)
    record(run)
    for name in ("model.keras", "predictions.npy"):
        copy(tiny_model / name, folder / name)
    trial = Job(4, preset.reference, preset.training, 0, tiny_store.path, tiny_store.digest, 40, folder, keep=True)
    trial = replace(trial, weights_digest="abc")
    (folder / "job.json").write_text(json.dumps(job_dict(trial)))
    kept.note(trial, [EpochDone(4, 1, 40.0, 39.0, 1.0, 1.0)], "depth")
    [one] = kept.kept(run.folder)

    about = describe_kept(run.folder, one)

    assert (about["weights"]["file"], about["weights"]["digest"]) == ("file.h5", "abc")
    assert about["lineage"][0]["weights"] == about["weights"]


def test_a_prepared_store_is_named_by_what_it_was_prepared_from(
    labelled: Labelled, tiny_model: Path, tmp_path: Path
) -> None:
    model = open_model(tiny_model)
    store = prepare(labelled.source, model.preparation, tmp_path / "prepared")
    of_its = opened(str(store.path), model, open_folder(tiny_model), Path("none"), model.preparation, lambda *_: None)

    made = recalibrated(of_its, open_folder(tiny_model), 120.0, 0.6, "from-a-store")

    assert made.about["lineage"][-1]["source"] == labelled.source
    assert not made.synthetic
