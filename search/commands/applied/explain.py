"""`explain`: where in the radiograph a model's prediction comes from."""

import argparse

from data.preparation import PIXELS
from data.ranges import whole
from search.commands import options, values
from search.commands.arguments import add_columns, add_model_option, add_run_options, columns_asked, open_the_run
from search.commands.general import refused
from search.commands.general.help import Subparsers, command
from search.output.notices import notice
from search.output.terminal import log, say, show_json
from studies.preset import StudyError


def add_explain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=values.PATH, metavar="IMAGE", help="a radiograph: PNG, JPEG or DICOM")
    sexes = parser.add_mutually_exclusive_group()
    sexes.add_argument("--sex", choices=("F", "M"), help="sex of all these images (default: what the DICOM files say)")
    sexes.add_argument("--table", type=values.PATH, metavar="CSV", help="a table with ids (the files' names) and sexes")
    add_columns(parser, refused.OF_A_TABLE_OF_SEXES)
    parser.add_argument(
        "--fine", action="store_true", help="a finer map, by blurring small windows one after another; takes longer"
    )
    parser.add_argument("--force", action="store_true", help="explain also what does not look like a hand radiograph")
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
    parser.set_defaults(only_reads=True)
    options.add(
        parser,
        PIXELS,
        "of --sheet: how the run's data are prepared, where that is not how they are now",
        default=lambda name: "the run's own",
    )
    parser.add_argument(
        "--to", type=values.PATH, metavar="DIR", help="where to write both (default: explained/ in the model's folder)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_explain(arguments: argparse.Namespace) -> int:
    from search.apply.explain import explained, of_files, of_store, outside_shares, region_rows
    from search.apply.explain_page import FOLDER, name_of, write
    from search.apply.labels import Labels, sexes_of
    from search.apply.predict import Wanted
    from search.prepared import prepared
    from search.show.progress import preparing
    from search.trained.folder import open_folder
    from search.trained.keep import usable
    from search.trained.made_of import note_of

    if bool(arguments.files) == bool(arguments.sheet):
        raise StudyError("say which radiographs: name image files, or --sheet N for N cases of the run's data")
    used = usable(arguments.run_dir, arguments.model)
    model = open_folder(used.folder)
    if note := note_of(model.about, arguments.run_dir):
        log(note)
    if arguments.files:
        known = sexes_of(arguments.table, arguments.files, columns_asked(arguments)) if arguments.table else Labels()
        for said in known.said:
            log(said)
        wanted = Wanted(
            None if arguments.sex is None else arguments.sex == "M",
            known.male,
            force=arguments.force,
            verb="explains it",
        )
        shown, of_what = of_files(arguments.files, wanted, model), ""
    else:
        with preparing() as progress:
            store = prepared(open_the_run(arguments, arguments.data), progress)
        shown, of_what = of_store(store, arguments.split, arguments.sheet, model), arguments.split
    found = explained(model, shown, arguments.fine)
    picture, page = write(found, arguments.to or used.own / FOLDER, name_of(found, of_what))
    if arguments.json:
        cases = [
            case.to_dict(arguments.fine) | {"outside_hand_share": share}
            for case, share in zip(found.cases, outside_shares(found), strict=True)
        ]
        noted = {"model_note": note} if note else {}
        files = {"picture": str(picture), "page": str(page)}
        show_json({"method": found.method, "cases": cases, "regions": region_rows(found), **files} | noted)
        return 0
    say(picture)
    say(page)
    say(notice(found.drawn_words))
    return 0


def build(commands: Subparsers) -> None:
    explain = command(
        commands,
        "explain",
        run_explain,
        "where in the radiograph a trained model's prediction comes from, as a picture and a page",
        "boneage-search explain hand.png --sex F, or: boneage-search explain --sheet 12",
    )
    add_explain_options(explain)
