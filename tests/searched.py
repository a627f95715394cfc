"""Searches by formula, small ones, for what is read from a run afterwards."""

from dataclasses import replace
from pathlib import Path

from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent

from data.store.disk import Store
from models.architecture import Architecture
from search.leader.engine import run_study
from search.run import Run, record
from search.storage.sqlite import sqlite_url
from search.watch.dashboard import noted
from search.workers.job import Job
from studies.order import STUDIES
from studies.preset import Preset


def a_run(folder: Path, store: Store, preset: Preset | None = None) -> Run:
    """By default one that has nothing to do after its four studies."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(
        folder, preset or replace(tiny_preset(), confirm=0), {}, str(store.path), sqlite_url(folder / "studies.db")
    )
    record(run)
    return run


def search(run: Run, store: Store, executor: FormulaExecutor | None = None, studies: int = 4) -> Run:
    used = executor or FormulaExecutor()
    for name in list(STUDIES)[:studies]:
        run_study(run, store, name, lambda: used, noted(silent()))
    return run


def with_seeds(job: Job) -> float:
    return deeper_is_better(job.architecture) + 0.1 * (job.seed % 3)


def one_fails(architecture: Architecture) -> float:
    return float("inf") if architecture.blocks.mixed1 == 0 else deeper_is_better(architecture)
