"""Groups of arguments that commands have, and what the program says to arguments that it does not take."""

import argparse
import sys
from typing import NoReturn

from data.preparation import Preparation
from data.ranges import whole
from models.architecture import BETA, RANGES, UNITS, Architecture
from models.training.settings import Training
from search.commands import options, values
from search.output.terminal import log
from search.output.typed import DEFAULT_RUN
from studies.preset import PRESETS

WORKERS = whole(0, 4096)  # at once


class Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong, instead of after all options there are."""

    def error(self, message: str) -> NoReturn:
        log(f"{self.prog}: {message}; see {self.prog} --help")
        sys.exit(2)


def add_run_options(parser: argparse.ArgumentParser, with_data: bool = True) -> None:
    parser.add_argument(
        "--run-dir",
        type=values.PATH,
        default=DEFAULT_RUN,
        metavar="DIR",
        help=f"the run's folder (default {DEFAULT_RUN})",
    )
    parser.add_argument(
        "--preset",
        type=values.TEXT,
        metavar="NAME",
        help=f"{', '.join(PRESETS)} (default: the run's own, else default)",
    )
    parser.add_argument(
        "--storage",
        type=values.TEXT,
        metavar="URL",
        help="SQLAlchemy URL of the studies (default: SQLite in the run's folder)",
    )
    if with_data:
        parser.add_argument(
            "--data", type=values.TEXT, metavar="DATA", help="folder of radiographs, phantom:N, or a prepared store"
        )


def add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=values.number(WORKERS),
        default=0,
        metavar="N",
        help="trials at once (default: one per GPU, else per core)",
    )


def add_deterministic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="the same numbers every time on this machine with as many --workers, at some cost in speed",
    )


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    add_workers(parser)
    add_execution_options(parser)
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="go on with a study whose owner cannot be seen to be gone: it sleeps, or was on another machine; should it wake, "
        "it stops before it writes anything",
    )
    parser.add_argument("--json", action="store_true", help="print the decisions as JSON")
    options.add(parser)


def add_executor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--executor",
        type=values.TEXT,
        default="local",
        metavar="WHERE",
        help="local; ray for a Ray of its own; ray://auto or ray://HOST:PORT for a cluster (default: local)",
    )


def add_execution_options(parser: argparse.ArgumentParser) -> None:
    add_executor(parser)
    parser.add_argument(
        "--trial-timeout",
        type=values.SECONDS,
        default=0.0,
        metavar="TIME",
        help="a trial that takes longer has failed: 90s, 45m or 12h (default: no limit)",
    )
    add_deterministic(parser)
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="leave each trial's epochs in the run's tensorboard/, for `tensorboard --logdir`",
    )


def add_train_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        "--trial",
        type=values.TEXT,
        metavar="STUDY:NUMBER",
        help="this trial's network, as depth:4 (default: the winner)",
    )
    parser.add_argument("--name", type=values.TEXT, help="of the model's folder (default: after the architecture)")
    parser.add_argument("--flip", action="store_true", help="also test the mean of each image and its mirror")
    add_execution_options(parser)
    parser.add_argument("--json", action="store_true", help="print the model's model.json")
    by_hand, training, preparation = (options.names_of(part) for part in (Architecture, Training, Preparation))
    options.add(parser, by_hand, "an architecture by hand; what is not given is as in the preset's reference")
    options.add(parser, [*training, "seed"], "how this network is trained (default: as the run's trials)")
    options.add(parser, preparation, "how data are prepared that were not yet")


def add_predict_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Bone ages of radiographs by a trained model, as CSV: months, years and months, and the ends of a 90 % interval. "
        "A file that cannot be read, or does not look like an upright hand radiograph, gets no answer but a note, and exit "
        "code 2. That check knows noise, text, most photographs, negatives and hands upside down; it cannot tell a foot "
        "from a hand, nor a healthy hand from another. Research software, not a medical device."
    )
    parser.add_argument("paths", nargs="+", type=values.PATH, metavar="FILE", help="radiographs, or folders of them")
    sexes = parser.add_mutually_exclusive_group()
    sexes.add_argument("--sex", choices=("F", "M"), help="of all these files (default: as DICOM files say)")
    sexes.add_argument("--table", type=values.PATH, metavar="CSV", help="a table with ids (the files' names) and sexes")
    for column in ("id_column", "sex_column"):
        flag = f"--{column.replace('_', '-')}"
        parser.add_argument(flag, type=values.TEXT, metavar="HEADING", help=options.OPTIONS[column])
    parser.add_argument(
        "--model", type=values.PATH, metavar="FOLDER", help="a trained model (default: the run's newest)"
    )
    parser.add_argument(
        "--run-dir",
        type=values.PATH,
        default=DEFAULT_RUN,
        metavar="DIR",
        help=f"the run's folder (default {DEFAULT_RUN})",
    )
    parser.add_argument("--flip", action="store_true", help="answer the mean of each image and its mirror")
    parser.add_argument(
        "--force", action="store_true", help="answer also for what does not look like a hand radiograph"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_explain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=values.PATH, metavar="IMAGE", help="a radiograph: PNG, JPEG or DICOM")
    parser.add_argument("--sex", choices=("F", "M"), help="sex of the images")
    parser.add_argument(
        "--sheet",
        type=values.number(whole(1, 10_000)),
        default=0,
        metavar="N",
        help="N cases of the run's data instead, spread over sex and age",
    )
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="validation", help="of --sheet (default validation)"
    )
    add_model_option(parser)
    add_run_options(parser)
    parser.add_argument(
        "--to", type=values.PATH, metavar="DIR", help="where to leave both (default: the model's folder)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    add_workers(parser)
    add_executor(parser)
    add_deterministic(parser)
    parser.add_argument(
        "--replay", type=values.PATH, metavar="FILE", help="on recorded trainings, in seconds; see `record`"
    )
    parser.add_argument(
        "--repetitions",
        type=values.number(whole(1, 100_000)),
        default=0,
        metavar="S",
        help="of every search (default: 3; 100 of recorded trainings)",
    )
    parser.add_argument(
        "--rivals",
        type=values.TEXT,
        default="all",
        metavar="NAMES",
        help="separated by commas: random, random among the widest, grid, compound scaling, KerasTuner RandomSearch, "
        "KerasTuner Hyperband, Optuna TPE + ASHA, Optuna TPE from the reference, Optuna GP (needs the extra [gp]; default: all)",
    )
    parser.add_argument(
        "--budget",
        type=values.number(whole(1, 10**9)),
        default=0,
        metavar="EPOCHS",
        help="of every search (default: what the staged one spends itself)",
    )
    parser.add_argument(
        "--simulate-workers",
        type=values.numbers(whole(1, 100_000), "1,16,256"),
        default=(1,),
        metavar="W",
        help="with --replay: 1,4,16,64,256 workers",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add(parser)


def add_model_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=values.PATH, metavar="FOLDER", help="a trained model (default: the run's newest)"
    )


def add_count_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--beta", type=values.number(BETA), default=1.0, metavar="β", help="width (default 1)")
    parser.add_argument(
        "--blocks",
        type=values.BLOCKS,
        default=Architecture().blocks,
        metavar="B",
        help="4/3/3 (n5/n7/n9) or mixed0=1,mixed5=4",
    )
    parser.add_argument(
        "--fc", type=values.number(UNITS), default=0, metavar="N", help="units of the additional fully connected layer"
    )
    parser.add_argument(
        "--sex-units",
        type=values.number(UNITS),
        default=32,
        metavar="N",
        help="units of the layer on sex; 0 leaves sex out",
    )
    parser.add_argument(
        "--stem-pools", type=values.STEM_POOLS, default=(True, True), metavar="P", help="both, first, second or none"
    )
    parser.add_argument(
        "--channel-multiple",
        type=values.number(RANGES["channel_multiple"]),
        default=1,
        metavar="N",
        help="round filter counts to multiples of N (default 1)",
    )
    parser.add_argument(
        "--image-px",
        type=values.number(whole(1, 65_536)),
        default=300,
        metavar="PX",
        help="side of the image, for the MACs (default 300)",
    )
    parser.add_argument(
        "--max-params", type=values.PARAMS, metavar="N", help="say whether it fits this cap; exit 2 if not"
    )
    parser.add_argument("--table1", action="store_true", help="the paper's Table 1 beside our counts")
    parser.add_argument("--json", action="store_true", help="print JSON")
