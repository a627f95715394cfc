"""What the leader leaves for the Optuna dashboard: notes on studies and trials, pictures of trials, plots of studies.

All of it may be left again by the next leader after a kill: it then replaces itself. Of a trial it is left before its end is
told, so that no finished trial lacks it.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from optuna.artifacts import ArtifactMeta, FileSystemArtifactStore, get_all_artifact_meta
from optuna_dashboard import save_note, save_plotly_graph_object
from optuna_dashboard.artifact import get_artifact_path

from data.written import yardstick
from search.apply import maps
from search.leader.opened import Ending, OpenStudy
from search.leader.progress import Progress
from search.output.confirmed import confirmed_words
from search.output.files import write_bytes
from search.output.notices import NO_DEVICE, SYNTHETIC
from search.output.sentence import sentence
from search.report.cards.verdict import verdict_sentence
from search.report.read import Recorded, StudyReport, recorded
from search.report.words import asked, trial_words
from search.run import TRIALS
from search.show import svg as drawings
from search.show.html import GREY
from search.storage.copy import ARTIFACTS
from search.storage.keys import note_of, note_version, storage_of, study_key, trial_key
from search.storage.records import STATES, left_out, note, seen
from search.storage.stored import meaning
from search.storage.told import sound
from search.watch.machine import described
from studies.caps import said
from studies.findings import Compared
from studies.order import EVERY
from studies.study import Decision, Given, Trial

WRITTEN = "boneage_search:note_ver"  # of a study: the last version of its note that is ours
# The dashboard may be light or dark, and does not tell a figure which.
AXIS = {"gridcolor": "rgba(128,128,128,0.25)", "zerolinecolor": "rgba(128,128,128,0.25)"}
EITHER_SCHEME = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": GREY},
    "xaxis": AXIS,
    "yaxis": AXIS,
}
METRIC_NAMES = "study:metric_names"  # a study's system attribute, which Optuna's plots and its dashboard read
MEASURES = {"mae": "validation MAE, months", "macs": "MACs of one image", "params": "parameters"}
MIME_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
MOST_NETWORKS = 200  # in a plot that is kept in the database


def noted(progress: Progress) -> Progress:
    """The same progress, which also leaves what the dashboard shows."""

    def opened(one: OpenStudy) -> None:
        begin(one.study, one.name, one.module.objectives(one.given))
        progress.opened(one)

    def set_aside(one: OpenStudy, trial_id: int, why: str) -> None:
        write_trial_note(one.study, trial_id, sentence(why))
        progress.set_aside(one, trial_id, why)

    def ending(one: OpenStudy, trial: Ending) -> None:
        end(one, trial)
        progress.ending(one, trial)

    def concluded(one: OpenStudy, decision: Decision) -> None:
        decide(one.study, one.name, one.given, decision)
        progress.concluded(one, decision)

    return replace(progress, opened=opened, set_aside=set_aside, ending=ending, concluded=concluded)


def begin(study: optuna.Study, name: str, objectives: Sequence[str]) -> None:
    """What is asked and measured, and on which machines; a study that goes on elsewhere names all of them."""
    # `Study.set_metric_names` does this, with a warning that it is experimental.
    storage_of(study).set_study_system_attr(study_key(study), METRIC_NAMES, [MEASURES[name] for name in objectives])
    known = study.user_attrs.get("machines", "").splitlines()
    note(study, "machines", "\n".join(dict.fromkeys([*known, described()])))
    if "decision" not in study.user_attrs:
        write_note(study, f"**{asked(name)}**\n\nNot decided yet.")


def decide(study: optuna.Study, name: str, given: Given, decision: Decision) -> None:
    """What was decided, and on what evidence."""
    rows = decision.findings.compared
    evidence = "\n".join(f"- {verdict_sentence(row)}" for row in rows)
    lines = [
        f"**{asked(name)}**",
        sentence(decision.summary),
        *confirmed_words(decision.to_dict(), None),
        evidence,
        f"Always answering the training median scores {yardstick(given.constant_mae)} months. Networks had at most "
        f"{said(given.caps(EVERY[name].max_params(given)))}.",
        sentence(SYNTHETIC if study.user_attrs["synthetic"] else NO_DEVICE),
        "Report: `report.html` in the run's folder, which the command `report` makes.",
    ]
    if left := left_out(study, meaning(EVERY[name], given)):
        lines.append(
            sentence(f"left out, as somebody else has ended or changed them: {'; '.join(one.sentence for one in left)}")
        )
    write_note(study, "\n\n".join(filter(None, lines)))
    plot(study, name, given, rows)


def write_note(study: optuna.Study, body: str) -> None:
    """A note that somebody has edited in the dashboard stays as it is."""
    attrs = storage_of(study).get_study_system_attrs(study_key(study))
    version, ours = attrs.get(note_version(None), 0), attrs.get(WRITTEN, 0)
    if version > ours or all(attrs.get(key) == part for key, part in note_of(body, None).items()):
        return
    storage_of(study).set_study_system_attr(study_key(study), WRITTEN, version + 1)
    save_note(study, body)


def plot(study: optuna.Study, name: str, given: Given, rows: Sequence[Compared]) -> None:
    from search.report.sections import sized
    from search.show import figures  # with the plots comes plotly

    report = StudyReport(name, {"decision": None}, recorded(study, means=meaning(EVERY[name], given)), given=given)
    networks = sorted(sized(report), key=lambda network: (not network.on_front, network.mae))[:MOST_NETWORKS]
    for measure in ("params", "macs") if networks else ():  # none where it decided for a network of another study's
        drawn = figures.pareto(networks, measure, [report.cap()] if measure == "params" else [])
        save_plotly_graph_object(study, drawn.update_layout(EITHER_SCHEME), graph_object_id=f"error-against-{measure}")
    if any(row.change is not None for row in rows):
        drawn = figures.forest(rows, given.preset.equivalence_months).update_layout(EITHER_SCHEME)
        save_plotly_graph_object(study, drawn, graph_object_id="changes")


def end(one: OpenStudy, ending: Ending) -> None:
    """A trial's note and pictures, from what is recorded of it and left in its folder."""
    study, given, folder = one.study, one.given, one.run.folder
    trial, architecture = ending.trial, ending.architecture
    frozen = storage_of(study).get_trial(trial_key(trial))
    ended = replace(seen(frozen), state=STATES[ending.state], validation_mae=ending.validation_mae)
    drawn = {"network.svg": drawings.network(architecture, given.cost(architecture)).encode()}
    if ended.validation_mae_by_epoch:
        curves = (ended.train_mae, ended.validation_mae_by_epoch)
        drawn = {"learning_curve.svg": drawings.learning_curve(*curves, given.constant_mae).encode()} | drawn
    if sheet := maps.sheet_of(folder / TRIALS / ended.folder, one.store, architecture, ended.best_epoch):
        drawn["cam_sheet.png"] = sheet
    shown = [
        f"![{name}]({get_artifact_path(trial, artifact)})"
        for name, artifact in leave(trial, folder, ended, drawn).items()
    ]
    lines = [trial_words(Recorded(ended, sound(frozen.user_attrs), None, None), given), *shown]
    if study.user_attrs["synthetic"]:
        lines.append(sentence(SYNTHETIC))
    write_trial_note(study, trial_key(trial), "\n\n".join(lines))


def write_trial_note(study: optuna.Study, trial_id: int, body: str) -> None:
    """What `save_note` writes, which reads the notes of all other trials twice: 75 ms from some hundreds of them on."""
    attributes: dict[str, Any] = {note_version(trial_id): 1, **note_of(body, trial_id)}
    for key, value in attributes.items():
        storage_of(study).set_study_system_attr(study_key(study), key, value)


def leave(trial: optuna.trial.Trial, folder: Path, ended: Trial, drawn: dict[str, bytes]) -> dict[str, str]:
    """Drawings in the trial's folder and as artifacts, whose ids these are by name.

    As Optuna's `upload_artifact` does it, but a drawing that an earlier leader has named keeps its id, so that nothing is left
    twice. Ids are random: whoever could guess one could ask the dashboard for it.
    """
    store, place = artifact_store(folder), folder / TRIALS / ended.folder
    place.mkdir(parents=True, exist_ok=True)
    known = {meta.filename: meta.artifact_id for meta in get_all_artifact_meta(trial)}
    ids = {name: known.get(name) or str(uuid4()) for name in drawn}
    for name, drawing in drawn.items():
        write_bytes(place / name, drawing)
        meta = ArtifactMeta(ids[name], name, MIME_TYPES[Path(name).suffix], None)
        # First, so that no file is left that nobody knows the id of.
        trial.storage.set_trial_system_attr(trial_key(trial), f"artifacts:{ids[name]}", json.dumps(asdict(meta)))
        store.write(ids[name], BytesIO(drawing))
    return ids


def artifact_store(folder: Path) -> FileSystemArtifactStore:
    """That of the run in `folder`."""
    place = folder / ARTIFACTS
    if os.access(folder, os.W_OK):  # of a run that can only be read there may be none
        place.mkdir(exist_ok=True)
    return FileSystemArtifactStore(place)
