"""`train --seeds K`: one architecture, trained with K seeds and left as one model, whose answer is the mean of theirs.

`models/<name>/members/seed-<n>/` are models like any other, each with its checkpoints while it trains: so a stop goes on with the
network that was training, those that are whole are not trained again, and more seeds are added to those that are there. Beside
them the folder has what every model's has: `model.keras` is one network with the members inside, and intervals are made for it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from data.store.disk import Store
from search.leader.progress import Progress, Terms
from search.lease import held
from search.run import MODELS, Run, record_beside
from search.trained.about import ABOUT, DIGESTS, OWN, refuse_changed
from search.trained.choose import name_of, seed_of, seed_words
from search.trained.folder import MEMBERS, ModelFolder, load_network, open_folder, read_about
from search.trained.left.added import kept_in, others_opened, settle_within, take_over
from search.trained.left.begun import begun, begun_seed
from search.trained.left.finish import Origin, finish
from search.trained.made_of import ENDED, TESTED
from search.trained.measures import as_ages
from search.trained.train import Order, carried_out, job_of, room_in, safe
from search.workers.executor import Make
from search.workers.job import Job
from search.workers.left.best import MODEL, TEST, VALIDATION, load_predictions, save_predictions
from studies.preset import StudyError


def train_ensemble(run: Run, store: Store, order: Order, make_executor: Make, progress: Progress, terms: Terms) -> Path:
    """The folder of the ensemble, whose members are trained one after another; raises as `train` does."""
    if order.keep_best:
        raise StudyError(
            "--keep-best is for one network, and --seeds trains several: leave out --keep-best or --seeds. The same command "
            "continues a stopped ensemble"
        )
    folder = run.folder / MODELS / safe(order.name or f"{name_of(order.chosen.architecture)}-ensemble")
    jobs = jobs_of(run, store, order, folder, terms.deterministic)
    members: list[ModelFolder] = []
    for place, job in enumerate(jobs, 1):
        said = f"network {place} of {len(jobs)}: {seed_words(run, [job.seed])}"

        def begin(said: str = said) -> None:
            if alone := record_beside(run):
                progress.said(alone)
            progress.said(said)

        carried_out(job, store, Origin(order.chosen.origin), False, begin, make_executor, progress, terms)
        members.append(open_folder(job.folder, whole=True))
    with held(folder.parent, folder.name, kind="training") as lease, room_in(folder):
        settle_within(folder)
        flip = order.flip or was_flipped(folder)
        if not is_of(folder, members, flip):
            lease.check()
            combine(replace(jobs[0], folder=folder), store, replace(order, flip=flip), members)
    return folder


def jobs_of(run: Run, store: Store, order: Order, folder: Path, deterministic: bool) -> list[Job]:
    """Of each member. Raises StudyError where the folder holds something else."""
    if ((folder / ABOUT).exists() or begun(folder) is not None) and not (folder / MEMBERS).is_dir():
        raise StudyError(f"{folder} holds a model of one network: give a --name, or remove it")
    there = sorted(seed for path in (folder / MEMBERS).glob("seed-*") if (seed := seed_in(path)) is not None)
    first = order.changes.get("seed", there[0] if there else seed_of(run, folder))
    seeds = range(first, first + order.seeds)
    if others := [seed for seed in there if seed not in seeds]:
        raise StudyError(
            f"{folder} holds networks of the seeds {', '.join(map(str, there))}, and the {order.seeds} seeds from {first} on do not "
            f"include {', '.join(map(str, others))}: raise --seeds, give a --name, or remove it"
        )
    one = job_of(run, store, replace(order, name=folder.name, changes={**order.changes, "seed": first}), deterministic)
    return [replace(one, seed=seed, folder=folder / MEMBERS / f"seed-{seed}") for seed in seeds]


def seed_in(path: Path) -> int | None:
    """Of a member's folder; None where it is something else, as a model that was made from a member."""
    return begun_seed(path) if re.fullmatch(r"seed-\d+", path.name) else None


def is_of(folder: Path, members: Sequence[ModelFolder], flip: bool) -> bool:
    """Whether the folder holds the whole ensemble of these members. Raises DataError where it is damaged."""
    if not (folder / ABOUT).exists():
        return False
    about = read_about(folder, whole=True)
    known = [member.get("model") for member in (about["ensemble"] or {}).get("members", [])]
    if known != [member.about.get(OWN) for member in members] or (flip and not about["conformal_flipped"]):
        return False
    for name in about.get(DIGESTS, {}):
        refuse_changed(folder, about, name)
    return True


def was_flipped(folder: Path) -> bool:
    """Whether the ensemble that is there was tested with mirror images: one of more members, or more epochs, is so too."""
    return (folder / ABOUT).exists() and bool(read_about(folder, whole=True)["conformal_flipped"])


def combine(job: Job, store: Store, order: Order, members: Sequence[ModelFolder]) -> None:
    """Everything of the folder, from the members'. It is made within the folder: until then the ensemble that may be there is the model."""
    folder, part = job.folder, kept_in(job.folder)
    before = read_about(folder, whole=True) if (folder / ABOUT).exists() else None
    part.mkdir()
    networks = [load_network(member) for member in members]
    from models.network import mean_of  # after TensorFlow was loaded without its chatter
    from models.saved import save

    save(mean_of(networks), part / MODEL)
    predicted = {
        name: np.stack([load_predictions(member.path / name) for member in members])
        for name in (VALIDATION, *([TEST] if job.test else []))
    }
    for name, months in predicted.items():
        save_predictions(part / name, months.mean(axis=0))
    first = members[0].about
    shortest = min((member.about for member in members), key=lambda about: len(about["history"]))
    facts = {
        "name": folder.name,
        TESTED: others_opened(folder, store) if job.test else 0,
        ENDED: shortest.get(ENDED),
        "params": first["params"] * len(members),
        "macs": first["macs"] * len(members),
        "ensemble": {
            "members": [told(member) for member in members],
            "validation": gain(predicted[VALIDATION], store.split("validation").age_months),
            "test": gain(predicted[TEST], store.split("test").age_months) if job.test else None,
        },
    }
    words = f"{order.chosen.origin}, mean of {len(members)} networks"
    origin = Origin(words, members[0], facts, before=before)
    finish(replace(job, folder=part), store, origin, mean_history(members), order.flip)
    take_over(part)


def told(member: ModelFolder) -> dict[str, Any]:
    about = member.about
    return {
        "name": member.path.name,
        "model": about.get(OWN),
        "seed": about["seed"],
        "best_epoch": about["best_epoch"],
        **{f"{split}_mae": about[split] and about[split]["mae"] for split in ("validation", "test")},
    }


def gain(predicted: np.ndarray, age_months: np.ndarray) -> dict[str, float]:
    """MAE of the members' mean, and the mean of their MAEs; `predicted` is (members, images)."""
    mae = float(np.abs(as_ages(predicted.mean(axis=0, dtype=float)) - age_months).mean())
    return {"mae": mae, "members_mae": float(np.abs(as_ages(predicted) - age_months).mean())}


def mean_history(members: Sequence[ModelFolder]) -> list[dict[str, Any]]:
    """Of the epochs that all members have; their seconds in sum, those of longer members' other epochs left out."""
    histories = [member.about["history"] for member in members]
    return [
        {"epoch": epochs[0]["epoch"]}
        | {name: fmean(epoch[name] for epoch in epochs) for name in ("train_mae", "validation_mae")}
        | {"seconds": sum(epoch["seconds"] for epoch in epochs)}
        for epochs in zip(*histories, strict=False)
    ]
