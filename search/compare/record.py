"""Recording every network of a small joint space: the table that rival searches are then compared on, in seconds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.cases import constant_mae
from data.store.disk import Store, split_counts
from search.audit.said import say_worries
from search.compare.curves import Curve, Request, read, write
from search.compare.learner import Trainings, underway
from search.compare.usable import fixed
from search.prepared import prepared
from search.run import Run
from search.show.progress import preparing
from search.workers.executor import Executor
from studies import joint
from studies.caps import caps, unmet
from studies.preset import StudyError
from studies.study import Point, points

MOST = 20_000  # trainings; beyond it is a mistake


def requests(run: Run) -> list[Request]:
    """Every network of the joint space that meets the cap, with every seed; one seed of all before the next.

    Raises StudyError where there are too many to train them all.
    """
    preset = run.preset
    size = 1
    for values in joint.space(preset).values():
        size *= len(values)
    if size > MOST:
        raise StudyError(
            f"the joint space of preset {preset.name} has {size:,} networks, and recording trains them all: "
            "use --preset miniature, or narrow the space"
        )
    feasible = [point for point in points(joint.space(preset)) if joint.fits(preset, point)]
    if not feasible:
        raise StudyError(unmet("network of the joint space", caps(preset, preset.max_params)))
    seeds = range(preset.seed, preset.seed + preset.seeds)
    return [Request(point, seed, preset.training.epochs) for seed in seeds for point in feasible]


def recorded(
    run: Run,
    path: Path,
    make_executor: Callable[[], Executor],
    remembered: Run | None = None,
) -> int:
    """Prepare the run's data, train every network and leave the table at `path`; how many trainings it has.

    `remembered` is the run as later commands are to find it (None: as it is now): the seeds of a table are none of its searches.
    Raises StudyError where the space is too large, before anything is prepared; Stopped on Ctrl-C. Continued by the same call.
    """
    requests(run)
    before = recorded_at(path)
    with preparing() as progress:
        store = prepared(run, progress)
    if before is not None and before != json.loads(json.dumps(about(run, store))):
        raise StudyError(
            f"{path} holds trainings of other data or settings, so it is not replaced: move it away, or name another --out"
        )
    say_worries(run.folder, store)
    with underway(run, store, "trainings", make_executor, remembered) as (trainings, count):
        return record(run, store, trainings, path, count)


def recorded_at(path: Path) -> dict[str, Any] | None:
    """What the table there is of; None where nothing is there. Raises StudyError where it is something else."""
    if not path.exists():
        return None
    try:
        return dict(read(path).about)
    except (StudyError, OSError):
        raise StudyError(
            f"{path} is not a table of recorded trainings, so it is not replaced: move it away, or name another --out"
        ) from None


def record(run: Run, store: Store, trainings: Trainings, path: Path, progress: Callable[[int, int], None]) -> int:
    """Train what is not known yet, and write the table; how many trainings it has."""
    wanted = requests(run)
    for request in wanted:
        if trainings.known(request) is None:
            trainings.want(request)
    rows: list[tuple[Point, int, Curve]] = []
    while True:
        rows = [(request.point, request.seed, curve) for request in wanted if (curve := trainings.known(request))]
        progress(len(rows), len(wanted))
        if len(rows) == len(wanted):
            break
        trainings.wait()
    write(path, about(run, store), rows)
    return len(rows)


def about(run: Run, store: Store) -> dict[str, Any]:
    preset = run.preset
    return {
        "command": f"boneage-search record --preset {preset.name} --seeds {preset.seeds}",
        "preset": preset.name,
        "space": {name: list(values) for name, values in joint.space(preset).items()},
        "max_params": preset.max_params,
        "epochs": preset.training.epochs,
        "reference": fixed(preset),
        "training": preset.training.to_dict(),
        "images": split_counts(store.cases),
        "image_px": store.image_px,
        "synthetic": store.synthetic,
        "constant_mae": constant_mae(store.cases),
    }
