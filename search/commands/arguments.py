"""What several commands share: groups of arguments, a run opened by them, and what is said to arguments that no command takes."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from data.preparation import Preparation
from data.ranges import whole
from search.commands import options, values
from search.output.terminal import log
from search.output.typed import DEFAULT_RUN, RUNS
from search.run import open_run
from search.workers.executor import help_text
from studies.presets import PRESETS

if TYPE_CHECKING:
    from models.training.settings import Precision
    from search.leader.progress import Progress
    from search.run import Run
    from search.workers.executor import Make

WORKERS = whole(0, 4096)  # at once


def add_run_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run-dir",
        type=values.PATH,
        metavar="DIR",
        help=f"the run's folder (default: the only or the latest run below {RUNS}/, else {DEFAULT_RUN})",
    )
    parser.set_defaults(works_on_a_run=True)


def add_model_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=values.PATH,
        metavar="FOLDER",
        help="a trained model (default: the run's newest; predict and explain take the search's best network where none is trained)",
    )


def add_run_options(parser: argparse.ArgumentParser, with_data: bool = True) -> None:
    add_run_dir(parser)
    parser.add_argument(
        "--preset",
        type=values.TEXT,
        metavar="NAME",
        help=f"{', '.join(PRESETS)} (default: the run's own, else default)",
    )
    parser.add_argument(
        "--storage",
        type=values.URL,
        metavar="URL",
        help="SQLAlchemy URL of the studies (default: SQLite in the run's folder)",
    )
    if with_data:
        parser.add_argument(
            "--data",
            type=values.TEXT,
            metavar="DATA",
            help="folder of radiographs, phantom:N, or a prepared store (default: the run's own, else the preset's)",
        )


def add_reader_options(parser: argparse.ArgumentParser) -> None:
    """Of a command that reads a run, and begins none."""
    add_run_options(parser, with_data=False)
    parser.set_defaults(only_reads=True)


def add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=values.number(WORKERS),
        default=0,
        metavar="N",
        help="trials at once (default: one per GPU; without one, one per core, at most 4)",
    )


def add_deterministic(parser: argparse.ArgumentParser, otherwise: str = "as the run, which begins without") -> None:
    parser.add_argument(
        "--deterministic",
        action=argparse.BooleanOptionalAction,
        help=f"the same numbers every time on this machine with as many workers; training is somewhat slower (default: {otherwise})",
    )


def add_stage_options(
    parser: argparse.ArgumentParser, near: str = "nothing", json: str = "print the decisions as JSON"
) -> None:
    add_run_options(parser)
    add_workers(parser)
    add_execution_options(parser)
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="continue a study whose owner may still be there, asleep or on another machine; if that owner wakes, it stops "
        "before it writes anything",
    )
    parser.add_argument(
        "--budget",
        type=values.BUDGET,
        metavar="B",
        help="limit for the whole search and the winner's training: 24h, 90m or 600epochs; seeds and trials are planned to fit it, and "
        "planned again before each study (default: no limit, the preset's seeds and trials)",
    )
    parser.add_argument("--json", action="store_true", help=json)
    options.add(parser, near=near)


def add_anyway(parser: argparse.ArgumentParser) -> None:
    """Of a command that may begin an ablation."""
    parser.add_argument(
        "--anyway", action="store_true", help="ablation: train even if the seeds are too few for any verdict"
    )


def add_executor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--executor",
        type=values.TEXT,
        default="local",
        metavar="WHERE",
        help=f"{help_text()} (default: local)",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu"),
        default="auto",
        help="auto uses the GPUs, and stops if TensorFlow does not see the machine's NVIDIA card; cpu uses no GPU (default: auto)",
    )


def announcing(make: "Make", arguments: argparse.Namespace, precision: "Precision", deterministic: bool) -> "Make":
    """The executor with the line that every training begins with: device, precision, workers, XLA."""
    from search.machine import devices

    return devices.announcing(make, arguments.device, arguments.executor, precision, deterministic)


def add_execution_options(parser: argparse.ArgumentParser) -> None:
    add_executor(parser)
    parser.add_argument(
        "--trial-timeout",
        type=values.SECONDS,
        default=0.0,
        metavar="TIME",
        help="a trial that takes longer counts as failed: 90s, 45m or 12h (default: no limit)",
    )
    add_deterministic(parser)
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="write each trial's epochs to the run's tensorboard/, for `tensorboard --logdir`",
    )


def add_columns(parser: argparse.ArgumentParser, fields: Iterable[str]) -> None:
    """Of a table with --table. Absent where they are not given: in a command that opens a run, what is there is a field of it."""
    for field in fields:
        flag, said = f"--{field.replace('_', '-')}", f"{options.OPTIONS[field]} (default: none)"
        parser.add_argument(flag, type=values.TEXT, metavar="HEADING", default=argparse.SUPPRESS, help=said)


def columns_asked(arguments: argparse.Namespace) -> dict[str, str]:
    """Our name of a column to the heading that was named for it."""
    chosen = options.chosen(arguments)
    return Preparation(**{name: chosen[name] for name in options.names_of(Preparation) if name in chosen}).columns


def open_the_run(arguments: argparse.Namespace, data: str | None, budgeted: bool = False) -> "Run":
    chosen = options.chosen(arguments)
    deterministic = getattr(arguments, "deterministic", None)  # a command that does not train has it not
    return open_run(arguments.run_dir, arguments.preset, chosen, data, arguments.storage, budgeted, deterministic)


def also_logged(watching: "Progress", folder: Path, wanted: bool) -> "Progress":
    if not wanted:
        return watching
    from search.leader.progress import Progress, observed
    from search.watch.tensorboard import FOLDER, logged

    log(f"tensorboard --logdir {folder / FOLDER}")
    return observed(watching, logged(Progress(), folder / FOLDER), "TensorBoard's log")
