"""`boneage-search plan`: what a search would cost, without training."""

import argparse
from typing import TYPE_CHECKING, Any

from data.counted import counted
from data.written import gmacs, millions
from search.commands.arguments import add_anyway, add_stage_options, open_the_run
from search.commands.general.help import Subparsers, command
from search.machine.devices import choose_device, refuse_idle, seen
from search.output.terminal import say, show_json
from search.output.time_words import duration
from search.planning import images as images_known
from search.planning.images import Images, images_of
from search.planning.plan import (
    ASSUMED,
    ASSUMED_MACS_PER_SECOND,
    CHECKPOINT_BYTES,
    CHECKPOINTS,
    MEASURED,
    TIMED,
    Plan,
    Rate,
    assumed,
    plan,
)
from search.run import Run
from search.storage.status import has_begun
from search.workers.at_once import workers_here
from search.workers.executor import trains_here

if TYPE_CHECKING:
    from search.leader.budget_kept import SoFar


def run_plan(arguments: argparse.Namespace) -> int:
    choose_device(arguments.device, arguments.executor)  # before workers are counted
    run = open_the_run(arguments, arguments.data, bool(arguments.budget))
    if run.wanted and not arguments.budget:
        from search.leader.budget_kept import without_budget  # brings Optuna

        run = without_budget(run)
    workers = workers_here(arguments.workers)
    images = images_of(run)
    done = done_of(run)
    if trains_here(arguments.executor):
        asked = run.preset.training.precision, run.deterministic
        refuse_idle(lambda: seen(*asked) if times_steps(arguments, run, workers) else None)
    if arguments.budget:
        from search.leader.budget_kept import KeptBudget  # brings Optuna

        # As `run` does: hours that are only assumed would refuse a budget that is enough here.
        by_epochs = arguments.budget.unit == "epochs"
        timed = of_steps(run, images, workers) if arguments.time_a_step and by_epochs else None
        _, chosen = KeptBudget(arguments.budget, run, workers, run.deterministic, rate=timed).planned()
        found = chosen.plan
    else:
        chosen = None
        parts = images, rate_of(run, images, workers, arguments.time_a_step), workers, run.deterministic
        found = done.left(run.preset, *parts) if done else plan(run.preset, *parts)
    stands_on = [*said(found), *said_measured(run, found)]
    if arguments.json:
        show_json(
            {"preset": run.preset.name, "data": run.data}
            | found.to_dict()
            | {"done": done.to_dict() if done else {}}
            | {"says": [*said_done(done), *stands_on]}
            | {"budget": chosen.to_dict() if chosen else None}
        )
        return 0
    from search.show import tables  # brings rich

    what = "what is left of the search" if done else "the whole search"
    tables.show(f"{what}, preset {run.preset.name}, at most", rows(found))
    for sentence in [*said_done(done), *(chosen.sentences if chosen else ()), *stands_on]:
        say(sentence)
    return 0


def done_of(run: Run) -> "SoFar | None":
    """None where nothing has begun."""
    if not has_begun(run):
        return None
    from search.leader.budget_kept import so_far  # brings Optuna

    done = so_far(run)
    return done if done.begun else None


def said_done(done: "SoFar | None") -> list[str]:
    if done is None:
        return []
    studies = [
        f"{name} {counted(count, 'trial')}{', decided' * study['decided']}"
        for name, study in done.to_dict().items()
        for count in [study["trials"]]
    ]
    return [f"Done: {'; '.join(studies)}. The figures are for the rest of the search."]


def times_steps(arguments: argparse.Namespace, run: Run, workers: int) -> bool:
    """Whether steps are timed here: where that is asked for, and for a budget of time as long as the run has measured nothing."""
    if not arguments.budget or arguments.budget.unit == "epochs":
        return bool(arguments.time_a_step)
    from search.leader.timings import measured  # brings Optuna

    return not measured(run, workers)


def rate_of(run: Run, images: Images, workers: int, time_a_step: bool) -> Rate:
    """What the run has measured with as many workers, unless a step is to be timed; where there is neither, an assumption."""
    if time_a_step:
        return of_steps(run, images, workers)
    if has_begun(run):
        from search.leader.timings import measured  # brings Optuna

        return measured(run, workers) or assumed(images)
    return assumed(images)


def of_steps(run: Run, images: Images, workers: int) -> Rate:
    from search.workers.step_time import rate_of_steps  # brings what begins processes

    return rate_of_steps(run, images, workers)


def rows(found: Plan) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = [
        {
            "study": study.study,
            "trials": study.trials,
            "epochs": f"{study.epochs:,}",
            "largest network": f"{millions(study.largest_params)}, {gmacs(study.largest_macs)} GMACs",
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
        images_known.PREPARED_ONCE: "as prepared",
        images_known.NAMED: "before any is left out",
        images_known.ASSUMED: f"ASSUMED to be {images.total:,} in all; prepare the data, and they are counted",
    }
    hours = {
        MEASURED: "Times are predicted from the epochs that this run has measured.",
        TIMED: "Times are predicted from steps that were timed here just now.",
        ASSUMED: f"Times ASSUME {ASSUMED_MACS_PER_SECOND / 1e9:.0f} GMACs a second for each worker, about what one CPU core does; a GPU "
        "does far more. --time-a-step measures it here.",
    }
    return [
        f"Trials are the most trainings that the studies' rules allow; most searches end sooner. A result that is taken over from another "
        f"study is a trial too, but costs nothing and is not counted. {counted(found.workers, 'trial')} at once.",
        *(
            [f"Most networks are not the dearest: {duration(found.likely_seconds)} are likely for the search."]
            if found.studies
            else []
        ),
        hours[found.rate.source],
        f"Images: {images.train:,} to train on, {images.validation:,} to validate, {images.test:,} to test ({many[images.known]}). "
        f"The prepared store has {size(images.store_bytes)}. Checkpoints take up to {size(found.checkpoint_bytes)} more: {CHECKPOINTS} for each "
        f"trial at once, of {CHECKPOINT_BYTES} bytes a parameter.",
        f"The training that needs most memory takes about {size(found.memory_bytes)} ({millions(found.memory_params)} parameters; by "
        f"arithmetic, without the libraries' own), and {size(found.resident_bytes)} for the images, which stay on the device.",
    ]


def said_measured(run: Run, found: Plan) -> list[str]:
    """By what the hours would not be assumed: the run's epochs count for as many workers alone."""
    if found.rate.source != ASSUMED or not has_begun(run):
        return []
    from search.leader.timings import last_workers  # brings Optuna

    workers = last_workers(run)
    return (
        [f"This run has measured epochs with {counted(workers, 'trial')} at once: --workers {workers} plans by them."]
        if workers
        else []
    )


def size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def build(commands: Subparsers) -> None:
    plan = command(
        commands,
        "plan",
        run_plan,
        "what a search would cost: trials, epochs, hours and memory, without training; takes the options of run, and counts on the workers and the device that they name",
        "boneage-search plan --preset paper --seeds 6 --data ~/rsna",
    )
    add_stage_options(plan, json="print the plan as JSON")
    add_anyway(plan)
    plan.add_argument(
        "--time-a-step",
        action="store_true",
        help="time training steps of two networks first, which takes about half a minute; with a --budget of time this is done until the run has measured epochs",
    )
