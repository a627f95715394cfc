"""`boneage-search plan`: what a search would cost, without training."""

import argparse
from typing import Any

from models.cost import cost
from search.commands import options
from search.commands.arguments import Subparsers, add_stage_options, command
from search.output.terminal import log, say, show_json
from search.output.time_words import duration
from search.planning import images as counted
from search.planning.epoch_seconds import Timed, line
from search.planning.images import Images, images_of
from search.planning.plan import (
    ASSUMED,
    ASSUMED_MACS_PER_SECOND,
    MEASURED,
    TIMED,
    Plan,
    Rate,
    assumed,
    plan,
    smallest_and_largest,
)
from search.run import Run, open_run
from search.storage.status import storage_exists
from search.workers.local import threads_of, workers_here


def run_plan(arguments: argparse.Namespace) -> int:
    run = open_run(arguments.run_dir, arguments.preset, options.chosen(arguments), arguments.data, arguments.storage)
    workers = workers_here(arguments.workers)
    images = images_of(run)
    found = plan(
        run.preset, images, rate_of(run, images, workers, arguments.time_a_step), workers, arguments.deterministic
    )
    if arguments.json:
        show_json({"preset": run.preset.name, "data": run.data} | found.to_dict() | {"says": said(found)})
        return 0
    from search.show import tables  # brings rich

    tables.show(f"the whole search, preset {run.preset.name}, at most", rows(found))
    for sentence in said(found):
        say(sentence)
    return 0


def rate_of(run: Run, images: Images, workers: int, time_a_step: bool) -> Rate:
    """A timed step where that was asked for; else what the run has measured with as many workers; else an assumption."""
    if time_a_step:
        return timed(run, images, workers)
    if storage_exists(run):
        from search.leader.timings import history  # brings Optuna
        from search.storage.opening import open_storage

        measured = history(open_storage(run.storage), run.folder)
        alike = next((one.alike for one in reversed(measured) if one.workers == workers), None)
        fitted = line(measured, alike) if alike else None
        if fitted:
            return Rate(fitted, MEASURED)
    return assumed(images)


def timed(run: Run, images: Images, workers: int) -> Rate:
    from search.workers.step_time import step_times

    training, image_px = run.preset.training, run.preset.preparation.image_px
    networks = smallest_and_largest(run.preset)
    log("timing steps of the smallest and the largest network of the first study")
    batch = training.batch
    took = [
        Timed(
            cost(network, image_px).macs,
            images.train // batch * step.train - (-images.validation // batch) * step.validate,
        )
        for network, step in zip(networks, step_times(networks, training, image_px, threads_of(workers)), strict=True)
    ]
    fitted = line(took, took[0].alike)
    assert fitted is not None
    return Rate(fitted, TIMED)


def rows(found: Plan) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = [
        {
            "study": study.study,
            "trials": study.trials,
            "epochs": f"{study.epochs:,}",
            "largest network": f"{study.largest_params / 1e6:.2f}M, {study.largest_macs / 1e9:.2f} GMACs",
            "time": duration(study.seconds),
        }
        for study in found.studies
    ]
    total = {
        "study": "all",
        "trials": found.trials,
        "epochs": f"{found.epochs:,}",
        "time": duration(found.seconds),
    }
    final = {
        "study": "train, after it",
        "trials": 1,
        "epochs": f"{found.full_epochs:,}",
        "time": duration(found.full_seconds),
    }
    return [*table, total, final]


def said(found: Plan) -> list[str]:
    """What the figures stand on, a sentence each; what is assumed says so."""
    images = found.images
    many = {
        counted.PREPARED_ONCE: "as prepared",
        counted.NAMED: "before any is left out",
        counted.ASSUMED: f"ASSUMED to be {images.total:,} in all; prepare the data, and they are counted",
    }
    hours = {
        MEASURED: "Times are predicted from the epochs that this run has measured.",
        TIMED: "Times are predicted from steps that were timed here, by one worker alone; several may slow each other down.",
        ASSUMED: f"Times ASSUME {ASSUMED_MACS_PER_SECOND / 1e9:.0f} GMACs a second for each worker, about what one CPU core does; a GPU "
        "does far more. --time-a-step measures it here.",
    }
    return [
        f"Trials are the most that the studies' own rules allow; most searches end sooner, and no network is trained twice. "
        f"{found.workers} at once.",
        hours[found.rate.source],
        f"Images: {images.train:,} to train on, {images.validation:,} to validate, {images.test:,} to test ({many[images.known]}). "
        f"The prepared store has {size(images.store_bytes)}.",
        f"The training that needs most memory takes about {size(found.memory_bytes)} ({found.memory_params / 1e6:.2f}M parameters; by "
        "arithmetic, without the libraries' own).",
    ]


def size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def build(commands: Subparsers) -> None:
    plan = command(
        commands,
        "plan",
        run_plan,
        "what a search would cost: trials, epochs, hours and memory, without training; takes the options of run",
        "boneage-search plan --preset paper --seeds 6 --data ~/rsna",
    )
    add_stage_options(plan)
    plan.add_argument(
        "--time-a-step",
        action="store_true",
        help="time training steps of two networks first, which takes about half a minute",
    )
