"""What a search leaves for the dashboard: notes, pictures and plots, by formula; looked at in test_dashboard.py."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import numpy as np
import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from optuna.artifacts import get_all_artifact_meta
from optuna.storages import RDBStorage
from optuna_dashboard import get_note, save_note
from PIL import Image
from searched import a_run, one_fails, search

from data.store.disk import Store, open_store
from models.architecture import Architecture, Blocks
from models.cells import cells
from models.cost import cost
from models.training.settings import Training
from search.apply import maps
from search.leader.engine import run_study
from search.output.notices import SYNTHETIC
from search.output.sentence import sentence
from search.show import svg as drawings
from search.show.overlay import GAP_PX, LINE_PX
from search.storage.copy import copy_storage
from search.storage.opening import open_storage
from search.storage.records import load, seen
from search.storage.sqlite import sqlite_url
from search.watch.dashboard import artifact_store, noted
from search.workers.job import Job
from search.workers.left.best import MAPS
from studies.order import STUDIES


class Mapping(FormulaExecutor):
    """Its trials leave maps, as real ones do: of the first cell of each image."""

    def start(self, job: Job) -> None:
        super().start(job)
        assert job.maps
        rows = open_store(job.store).split("validation").rows[:6]
        across = cells(job.architecture, job.image_px).across
        months = np.zeros((len(rows), across, across), np.float32)
        months[:, 0, 0] = 10.0
        job.folder.mkdir(parents=True, exist_ok=True)
        np.savez(job.folder / MAPS, rows=rows, months=months, prediction_months=months.sum((1, 2)) + 100)


def plain(study: optuna.Study) -> str:
    """Its name without the run's id."""
    return study.study_name.partition(" [")[0]


def study_of(storage: RDBStorage, name: str) -> optuna.Study:
    study = load(storage, name)
    assert study is not None
    return study


def notes(storage: RDBStorage, name: str) -> dict[int, str]:
    """Of every trial of a study, by number."""
    study = study_of(storage, name)
    return {trial.number: get_note(optuna.trial.Trial(study, trial._trial_id)) for trial in study.trials}


def everything_left(folder: Path) -> list[object]:
    """Artifacts, whose ids are random, under what they are."""
    storage = open_storage(sqlite_url(folder / "studies.db"))
    studies = [(study, storage.get_all_trials(study._study_id)) for study in storage.get_all_studies()]
    attributes = [
        (plain(study), study.system_attrs, [trial.system_attrs for trial in trials]) for study, trials in studies
    ]
    names = {
        meta.artifact_id: f"{plain(study)} {trial.number} {meta.filename}"
        for study, trials in studies
        for trial in trials
        for meta in get_all_artifact_meta(trial, storage=storage)
    }
    told = json.dumps(attributes, sort_keys=True)
    for artifact_id, name in names.items():
        told = told.replace(artifact_id, name)
    files = {path.name: path.read_bytes() for path in (folder / "artifacts").iterdir()}
    assert len(set(names.values())) == len(names) == len(files)
    return [json.loads(told), {names[artifact_id]: content for artifact_id, content in files.items()}]


@pytest.mark.slow
def test_ids_of_artifacts_cannot_be_guessed(tmp_path: Path, tiny_store: Store) -> None:
    """Of two searches that are alike in everything else, none is the same."""
    ids = []
    for name in ("one", "other"):
        run = search(a_run(tmp_path / name, tiny_store), tiny_store, Mapping(), studies=1)
        ids.append({path.name for path in (run.folder / "artifacts").iterdir()})

    assert len(ids[0]) == len(ids[1]) > 0
    assert not ids[0] & ids[1]
    assert all(UUID(artifact_id).version == 4 for artifact_id in ids[0] | ids[1])


def test_a_leader_that_nobody_listens_to_finds_the_same_and_leaves_nothing_for_the_dashboard(
    tmp_path: Path, tiny_store: Store
) -> None:
    """The dashboard is told of a search, and has no part in it."""
    found = []
    for name, progress in (("watched", noted(silent())), ("alone", silent())):
        run = a_run(tmp_path / name, tiny_store)
        decision = run_study(run, tiny_store, "ablation", FormulaExecutor, progress)
        study = study_of(open_storage(run.storage), "ablation")
        trials = [(trial.number, trial.values, trial.params, trial.user_attrs) for trial in study.trials]
        found.append((decision, trials))
        assert (run.folder / "artifacts").exists() == (name == "watched")
        assert bool(get_note(study)) == (name == "watched")

    assert found[0] == found[1]


@pytest.mark.slow
def test_every_study_and_every_trial_has_a_note(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store, FormulaExecutor(one_fails))
    storage = open_storage(run.storage)
    for name in STUDIES:
        study = study_of(storage, name)
        said = get_note(study)
        assert STUDIES[name].QUESTION[1:] in said
        assert study.user_attrs["summary"][1:] in said
        assert SYNTHETIC[1:] in said
        assert "Networks had at most 100,000 parameters." in said
        for trial in study.trials:
            told = notes(storage, name)[trial.number]
            assert f"trials/{trial.user_attrs['folder']}" in told
            assert (f"**{trial.value:.2f} months**" if trial.value else "not_finite") in told


@pytest.mark.slow
def test_every_picture_is_in_the_artifact_store_and_in_the_note(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store, Mapping(), studies=2)
    storage, store = open_storage(run.storage), artifact_store(run.folder)
    study = study_of(storage, "width")

    for trial in study.trials:
        metas = get_all_artifact_meta(trial, storage=storage)
        kinds = {meta.filename: meta.mimetype for meta in metas}
        drawing = "image/svg+xml"
        assert kinds == {"learning_curve.svg": drawing, "network.svg": drawing, "cam_sheet.png": "image/png"}
        for meta in metas:
            with store.open_reader(meta.artifact_id) as file:
                if meta.mimetype == drawing:
                    assert ElementTree.parse(file).getroot().tag.endswith("svg")
                else:
                    assert Image.open(file).format == "PNG"
            assert (
                f"/artifacts/{study._study_id}/{trial._trial_id}/{meta.artifact_id}"
                in notes(storage, "width")[trial.number]
            )


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [0, pytest.param(4, marks=pytest.mark.slow)])
def test_a_search_that_was_stopped_leaves_what_one_that_was_not_leaves(
    tmp_path: Path, tiny_store: Store, stop_after: int
) -> None:
    search(a_run(tmp_path / "whole", tiny_store), tiny_store, Mapping(), studies=2)
    run = a_run(tmp_path / "stopped", tiny_store)
    for _ in range(20):
        try:
            search(run, tiny_store, Mapping(stop_after=stop_after), studies=2)
            break
        except KeyboardInterrupt:
            continue
    else:
        search(run, tiny_store, Mapping(), studies=2)
    search(run, tiny_store, studies=2)  # a decided one decides again

    assert everything_left(tmp_path / "stopped") == everything_left(tmp_path / "whole")


def test_a_sheet_shows_each_image_beside_its_map_and_says_what_it_is(tmp_path: Path, tiny_store: Store) -> None:
    folder, reference = tmp_path / "1-ablation" / "0000", tiny_preset().reference
    Mapping().start(Job(0, reference, Training(), 0, tiny_store.path, "", tiny_store.image_px, folder, maps=True))
    png = maps.sheet_of(folder, tiny_store, reference, 2)

    assert png is not None
    assert len(png) < 250_000
    picture = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)
    coloured = np.ptp(picture, axis=2) > 60
    side, left, top = maps.SIDE_PX, 3 * GAP_PX, 2 * GAP_PX + LINE_PX
    seen, over = (coloured[top : top + side, x : x + side] for x in (left, left + side + GAP_PX))
    assert not seen.any()
    assert over[: side // 8, : side // 8].all()  # where the months are
    assert not over[-side // 8 :, -side // 8 :].any()
    assert maps.sheet_of(folder, tiny_store, reference, None) is None
    assert maps.sheet_of(tmp_path, tiny_store, reference, 2) is None


@pytest.mark.slow
def test_studies_name_what_they_measure_with_its_unit(tmp_path: Path, tiny_store: Store) -> None:
    preset = replace(tiny_preset(), objective=("mae", "macs"))
    run = search(a_run(tmp_path / "run", tiny_store, preset), tiny_store)
    named = [study_of(open_storage(run.storage), name).metric_names for name in STUDIES]

    mae, macs = "validation MAE, months", "MACs of one image"
    assert named == [[mae], [mae], [mae, macs], [mae]]


def test_training_errors_are_read_back_also_as_earlier_versions_wrote_them(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store, studies=1)
    trial = study_of(open_storage(run.storage), "ablation").trials[0]
    epochs = len(trial.intermediate_values)
    now = seen(trial).train_mae
    trial.user_attrs["train_mae_by_epoch"] = " ".join(f"{mae:.4f}" for mae in now)

    assert len(now) == epochs
    assert seen(trial).train_mae == now


def test_a_note_that_somebody_has_edited_stays(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store, studies=1)
    study = study_of(open_storage(run.storage), "ablation")
    save_note(study, "Seen by me.")
    search(run, tiny_store, studies=1)

    assert get_note(study) == "Seen by me."


@pytest.mark.slow
def test_a_copied_storage_has_each_note_at_its_trial(tmp_path: Path, tiny_store: Store) -> None:
    """In a database where other trials have taken the keys."""
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store, studies=2)
    target = open_storage(sqlite_url(tmp_path / "copy.db"))
    optuna.create_study(storage=target, study_name="another").add_trials([optuna.create_trial(value=1.0)] * 3)
    copy_storage(run.storage, target.url, lambda table, rows: None)

    def without_links(storage: RDBStorage) -> dict[int, list[str]]:
        return {
            n: [line for line in said.splitlines() if not line.startswith("![")]
            for n, said in notes(storage, "width").items()
        }

    assert without_links(target) == without_links(open_storage(run.storage))
    copied = study_of(target, "width")
    for trial in copied.trials:
        for meta in get_all_artifact_meta(trial, storage=target):
            assert (
                f"/artifacts/{copied._study_id}/{trial._trial_id}/{meta.artifact_id}"
                in notes(target, "width")[trial.number]
            )


def test_plots_are_small_and_bring_no_template(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path / "run", tiny_store), tiny_store, studies=1)
    storage = open_storage(run.storage)
    attrs = storage.get_study_system_attrs(study_of(storage, "ablation")._study_id)
    kept: dict[str, str] = {}
    for key, value in sorted(attrs.items(), key=lambda item: (len(item[0]), item[0])):
        if key.startswith("dashboard:plot_data:"):
            kept[key.split(":")[2]] = kept.get(key.split(":")[2], "") + value

    assert set(kept) == {"error-against-params", "error-against-macs", "changes"}
    for text in kept.values():
        assert len(text) < 10_000
        assert len(json.dumps(json.loads(text)["layout"].get("template", {}))) < 100


@pytest.mark.slow
def test_a_study_that_has_nothing_to_train_ends_with_a_note_and_no_plot_of_networks(
    tmp_path: Path, tiny_store: Store
) -> None:
    """As that of the network without the sex, where the decided one does not use it."""
    preset = replace(tiny_preset(), confirm=0, without_sex=True, depth_trials=1, refine_trials=1)
    sexless = replace(preset, reference=replace(preset.reference, sex_units=0))
    run = search(a_run(tmp_path / "run", tiny_store, sexless), tiny_store)

    decision = run_study(run, tiny_store, "sex", FormulaExecutor, noted(silent()))

    storage = open_storage(run.storage)
    study = study_of(storage, "sex")
    assert not study.trials
    assert sentence(decision.summary) in get_note(study)
    attrs = storage.get_study_system_attrs(study._study_id)
    assert not [key for key in attrs if key.startswith("dashboard:plot_data:")]


def test_a_learning_curve_is_drawn_within_its_picture_and_not_where_it_is_infinite() -> None:
    root = ElementTree.fromstring(drawings.learning_curve([30.0, 20.0], [float("inf"), 25.0, 18.5], 33.0))
    lines = [line.get("points", "").split() for line in root if line.tag.endswith("polyline")]

    assert [len(line) for line in lines] == [3, 2, 2]  # constant, training, validation
    for corner in (corner for line in lines for corner in line):
        x, y = map(float, corner.split(","))
        assert 0 <= x <= drawings.WIDTH
        assert 0 <= y <= drawings.HEIGHT


def test_a_network_is_drawn_with_every_group_and_what_is_left_out() -> None:
    architecture = Architecture(1.4, Blocks(mixed0=0, mixed5=4, mixed7=3, mixed9=3), fc_units=3072)
    said = "".join(ElementTree.fromstring(drawings.network(architecture, cost(architecture, 300))).itertext())

    assert said.count("left out") == 1
    assert "mixed5 × 4" in said
    assert "FC 3072" in said
    assert said.index("mixed3") < said.index("mixed4") < said.index("mixed8") < said.index("head")
