"""`evaluate`: an existing model on a labelled set, and its correction by a part of it."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from data.counted import counted
from data.preparation import Preparation
from data.ranges import Range, whole
from models.training.settings import EPOCHS
from search.commands import options, values
from search.commands.arguments import add_deterministic, add_executor, add_model_option, add_run_dir, announcing
from search.commands.general.help import Subparsers, command
from search.output.notices import notice
from search.output.sentence import sentence
from search.output.terminal import log, say, show_json

SHARE = Range(0, 1, above=True, below=True)

if TYPE_CHECKING:
    from models.training.settings import Training
    from search.evaluate.evaluation import Evaluation
    from search.trained.folder import ModelFolder
    from search.workers.executor import Make

OF_THE_TABLE = (
    "age_unit",
    "id_column",
    "age_column",
    "sex_column",
    "patient_column",
    "split_column",
    "accept_losses",
)  # not of the pixels, which are the model's


def add_evaluate_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Measures an existing model on a labelled set that it was not made from, in every layout that `prepare` reads: MAE, bias, "
        "bands, coverage and agreement, beside the model's validation figures and the constant. Trains only if --fine-tune asks "
        "for it. Research software, not a medical device."
    )
    parser.add_argument(
        "labelled",  # not `source`, by which a run is found that has these data
        type=values.TEXT,
        metavar="DATA",
        help="a folder of radiographs with a table, a prepared store, or phantom:N",
    )
    add_model_option(parser)
    add_run_dir(parser)
    parser.add_argument(
        "--to",
        type=values.PATH,
        metavar="DIR",
        help="where to write the page (default: evaluated/ in the model's folder)",
    )
    changes = parser.add_mutually_exclusive_group()
    changes.add_argument(
        "--recalibrate",
        action="store_true",
        help="fit offset, slope and intervals on a part of the set, report on the rest, and leave a new model beside the old",
    )
    changes.add_argument(
        "--fine-tune",
        type=values.number(whole(1, EPOCHS)),
        default=0,
        metavar="EPOCHS",
        help="go on training on a part of the set, report on the rest, and leave a new model beside the old",
    )
    parser.add_argument(
        "--share",
        type=values.number(SHARE),
        default=0.5,
        metavar="SHARE",
        help="share of the cases to fit on (default 0.5)",
    )
    parser.add_argument(
        "--name", type=values.TEXT, help="name of the new model's folder (default: made from the old one's)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    # No preset reads the set: what is not given is as a preparation has it by itself.
    options.add(
        parser,
        OF_THE_TABLE,
        "how to read the set's table",
        default=lambda name: options.said(getattr(Preparation, name)),
    )
    options.add(parser, ["learning_rate"], "how --fine-tune trains", default=lambda name: "a tenth of the model's own")
    add_executor(parser)
    add_deterministic(parser, otherwise="no")


def run_evaluate(arguments: argparse.Namespace) -> int:
    from search.evaluate.evaluation import evaluated
    from search.evaluate.labelled import opened
    from search.evaluate.page import FOLDER, places, write
    from search.show.progress import preparing
    from search.trained.folder import newest, open_folder
    from search.trained.predictor import model_in
    from search.trained.table import show_model

    folder = open_folder(arguments.model or newest(arguments.run_dir), whole=True)
    page, listed = places(arguments.labelled, folder, arguments.to or folder.path / FOLDER)
    new_name = name_of_new(arguments, folder)
    set_here = options.chosen(arguments)
    learning_rate = set_here.pop("learning_rate", None)
    further = further_training(arguments, folder, learning_rate)
    model = model_in(folder)
    settings: Preparation = replace(model.preparation, **set_here)
    with preparing() as progress:
        labelled = opened(arguments.labelled, model, folder, arguments.run_dir, settings, progress)
    found = evaluated(labelled, folder, model.looks)
    write(found, page, listed)
    made = changed(arguments, found, new_name, further)
    if arguments.json:
        show_json(found.to_dict() | {"page": str(page), "predictions": str(listed), "made": made and made_from(made)})
        return 0
    show_evaluation(found)
    for path in (page, listed):
        say(path)
    if made:
        show_model(made.about, made.path)
        return 0
    say(sentence(notice(found.drawn_words)))
    return 0


def name_of_new(arguments: argparse.Namespace, model: "ModelFolder") -> str:
    """Of the new model, where one is asked for; known to be free before anything is predicted."""
    from search.evaluate.recalibrate import free_beside

    ends = {"recalibrated": arguments.recalibrate, "fine-tuned": arguments.fine_tune}
    ending = next((ending for ending, asked in ends.items() if asked), "")
    if not ending:
        return ""
    name = arguments.name or f"{model.name}-{ending}"
    free_beside(model, name)
    return name


def further_training(
    arguments: argparse.Namespace, model: "ModelFolder", learning_rate: float | None
) -> "tuple[Training, Make] | None":
    """Where one is asked for. A card that lies idle is refused before any image of the set is read."""
    if not arguments.fine_tune:
        return None
    from search.evaluate.fine_tune import training_of
    from search.workers.executor import executor_of

    training = training_of(model, arguments.fine_tune, learning_rate)
    make_executor = executor_of(arguments.executor, 1)
    return training, announcing(make_executor, arguments, training.precision, bool(arguments.deterministic))


def changed(
    arguments: argparse.Namespace, found: "Evaluation", name: str, further: "tuple[Training, Make] | None"
) -> "ModelFolder | None":
    """The new model, where one was asked for."""
    common = found.labelled, found.model, found.constant_months, arguments.share, name
    if arguments.recalibrate:
        from search.evaluate.recalibrate import recalibrated

        return recalibrated(*common)
    if further is None:
        return None
    from search.evaluate.fine_tune import fine_tuned
    from search.leader.progress import Terms
    from search.show.progress import preparing, showing
    from search.workers.supervisor import stop_on_signals

    training, make_executor = further
    with (
        preparing() as images,
        showing(found.figures[found.main]["constant_mae"]) as watching,
        stop_on_signals() as stop,
    ):
        terms = Terms(bool(arguments.deterministic), stop=stop)
        return fine_tuned(*common, training, make_executor, images, watching, terms)


def made_from(made: "ModelFolder") -> dict[str, Any]:
    """The new model: its figures are of the part that it was not fitted on."""
    about = made.about
    keys = ("name", "validation", "test", "recalibration", "fine_tuning", "best_epoch")
    return {"model": str(made.path), "coverage": about["conformal"]["coverage"]} | {key: about.get(key) for key in keys}


def show_evaluation(found: "Evaluation") -> None:
    from search.show import tables
    from search.trained.table import IMAGES, band_name, figures_of, measures_rows

    for words in found.labelled.read.said:
        log(words)
    say(found.accounted.sentence)
    tables.show(f"{found.model.name} on {found.labelled.source}", measures_rows(found.figures))
    own = found.figures[found.main]
    covered = found.coverage
    shares = {band["from_months"]: band["share"] for band in covered["by_true_age"]}
    rows = [
        {"group": group.get("sex") or band_name(group)}
        | figures_of(group)
        | {"labels inside": f"{shares[group['from_months']]:.0%}" if "from_months" in group else None}
        for group in (*own["by_sex"], *own["by_age"])
    ]
    tables.show("by sex and label age", rows)
    say(
        f"{covered['level']:.0%} intervals hold {covered['share']:.1%} of {counted(covered['n'], 'label')} ({IMAGES[found.main]})."
    )
    for level, words in found.said:
        say(f"{level}: {words}")


def build(commands: Subparsers) -> None:
    evaluate = command(
        commands,
        "evaluate",
        run_evaluate,
        "how a trained model does on another labelled set, and its correction by a part of that set",
        "boneage-search evaluate ~/our-hospital --model runs/main/models/b1.4-4-3-3",
    )
    add_evaluate_options(evaluate)
