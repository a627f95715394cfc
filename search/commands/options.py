"""The command-line options that set fields of a preset: one table, from which the options of every stage are made.

What an option takes follows from its field: yes or no, one of its words, or a number of its range.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Literal, get_args, get_origin

from data import preparation
from data.preparation import Preparation
from data.ranges import Range, kinds
from models import architecture
from models.architecture import Architecture
from models.families import FAMILIES
from models.training import settings as training
from models.training.settings import Training
from search.commands import values
from search.commands.general.help import Parser
from search.commands.values import Written, or_none
from search.run import settings_in_full
from studies import preset
from studies.preset import Preset
from studies.presets import PRESETS

OPTIONS: dict[str, str] = {
    # data
    "image_px": "side of the square images the network sees",
    "fit": "how an image becomes a square",
    "stretch": "stretch each image's greys, 1st to 99th percentile, from black to white",
    "stretch_field": "stretch by the greys inside the exposed field only, without black surrounds and white letters",
    "shrink": "how files that are larger than the images are made smaller; nearest for a network that learns from files which somebody has made small by nearest neighbour",
    "images": "how many cases to use, chosen by id; 0 is all",
    "validation_fraction": "share of the cases for validation, if the data come without splits",
    "test_fraction": "share of the cases set aside for the test, which no search reads",
    "age_unit": "unit of the bone ages; auto is months, and refuses labels that look like years",
    "id_column": "the table's heading of the ids, if it is not a known one",
    "age_column": "the table's heading of the bone ages; PatientAge takes the age since birth of DICOM headers",
    "sex_column": "the table's heading of the sexes",
    "patient_column": "the table's heading of the patients: all images of a patient stay in one split",
    "split_column": "the table's heading of the splits: train, validation, test",
    "accept_losses": "continue even if more than a fifth of the cases cannot be used",
    # training
    "epochs": "epochs of every trial",
    "batch": "images per step",
    "learning_rate": "Adam's highest learning rate",
    "final_learning_rate": "learning rate at the end of the schedule",
    "schedule": "how the learning rate falls; step is the paper's",
    "warmup_epochs": "epochs of linear warm-up (cosine schedule)",
    "loss": "loss in months",
    "l2": "L2 on the output layer's weights",
    "start_at_mean": "start the output bias at the training mean",
    "bn_momentum": "BatchNorm momentum; lower it for short runs",
    "flip_horizontal": "augment by horizontal flips",
    "flip_vertical": "augment by vertical flips, as the paper does",
    "zoom": "augment by zooming up to this fraction",
    "rotation_degrees": "augment by rotating up to this angle",
    "translation": "augment by shifting up to this fraction of the side",
    "resampling": "augment by shrinking by up to this fraction and enlarging again, by random filters",
    "blur_px": "augment by Gaussian blur up to this standard deviation in pixels",
    "sharpness": "augment by unsharp masking up to this strength",
    "gamma": "augment by raising greys to a power between 1/X and X; 0 is off",
    "contrast": "augment by changing contrast and brightness by up to this fraction",
    "noise": "augment by noise up to this fraction of the grey range",
    "erased_border": "augment by painting a strip along each side, up to this fraction of it, in one grey",
    "precision": "number format; auto is half precision where the GPU or CPU computes it in hardware: bfloat16, or float16 on older GPUs",
    "weights": "start the stock parts of a network from your file of keras.applications weights (.h5, .weights.h5, .keras); without one all weights start fresh",
    # the reference architecture, from which the ablation starts
    "family": "table of layers that the networks are made from",
    "beta": "reference width: multiplier of every filter count, as 1.2; groups may have a factor on it, as mixed9=0.7 or 1.2,mixed9=0.7",
    "group_betas": "block groups that are wider or narrower than β, each with a factor on it: mixed9=0.7",
    "blocks": "reference repeats: n5/n7/n9 as 2/1/2, or by group, as mixed0=1,mixed5=2; a group that is not named has its stock count",
    "se_ratio": "reference squeeze-and-excitation after every block group: its units as a share of the channels, as 0.0625; 0 is none",
    "input_px": "reference resolution: the network's front shrinks the images to this side; 0 leaves them as they are",
    "even_detail": "soften every film, in training and prediction, until its fine detail is at most this share of its contrast; 0 leaves films as they are",
    "even_tone": "give every film, in training and prediction, the gamma at which a fifth of it is brighter than this grey (black 0, white 1); 0 leaves films as they are",
    "stem_pools": "which stem poolings are present: both, first, second or none",
    "channel_multiple": "round every filter count to a multiple of this; tensor cores and AVX compute multiples of 8 faster; 1 is the paper's rule",
    "sex_units": "units of the layer on sex; 0 leaves sex out",
    "fc_units": "units of the reference's additional fully connected layer; 0 is none",
    "dropout": "dropout rate of the reference",
    # the studies
    "families": "families for the baseline study to compare, before all other studies: inception_v3,xception,densenet121",
    "strategy": "how width, depth and refinement propose and decide: one surrogate of all trainings, or the paper's procedure",
    "full_epochs": "epochs of the network that `train` trains in full; 0 means as many as a trial",
    "seed": "seed of initial weights, batch order, augmentation and sampler",
    "seeds": "seeds of every point of ablation, width and refinement",
    "baseline_seeds": "seeds of the reference that variants are compared with; 0 chooses the best number: for nine variants three times as many",
    "confirm": "after the search, train this many of its best networks again with fresh seeds; 0 trains none",
    "confirm_seeds": "fresh seeds of each network that is confirmed",
    "ablate_winner": "after the search, lower each block group of the decided network too: which of them does it need?",
    "keep_networks": "keep the trained networks of this many of the best trials, so that predict works before train; 0 keeps none",
    "drop_useless": "ablation: drop every block group that is no key group and whose lowering was seen to cost at most --margin-months, whatever the verdict, and spend its parameters elsewhere",
    "resolve": "ablation: add seeds to variants whose verdict is open, up to this many; 0 adds none",
    "prune": "end trials of depth and refinement early if they have fallen behind the others",
    "without_sex": "after the search, train the decided network without the sex too: what is the sex worth?",
    "max_params": "cap on parameters, for every trial: 70M, 1.5M or 70000000",
    "max_macs": "cap on multiply-accumulates of one image, forward, for every trial: 5G, 800M; 0 is none",
    "max_memory": "cap on the computed bytes that training needs, for every trial; give the device's memory: 8G; 0 is none",
    "refine_max_params": "another cap for the refinement alone; 0 is the same as --max-params",
    "margin_months": "validation MAEs closer than this are a tie",
    "equivalence_months": "a change that is surely smaller than this does not matter",
    "seed_sd_months": "standard deviation between seeds to plan with until the run has measured it",
    "width_factors": "widths to sweep, as multiples of the reference's: 0.7,1,1.4",
    "objective": "depth: mae; mae,macs or mae,params search the trade-off",
    "width_trials": "width: trainings that the surrogate proposes, times the seeds",
    "depth_trials": "depth: at most this many trials",
    "refine_trials": "refinement: trainings that the surrogate proposes, times the seeds",
    "depth_patience": "depth: end after this many trials without a better one",
    "depth_extra": "depth: repeat a block group up to this many steps more than the reference does; by the paper's strategy only key groups, else as far as there are not too many networks around the decided one (a step is 1, or the family's own for long groups)",
    "depth_start": "depth: points to try first, as 1.2:4/3/3;1.4:4/3/3",
    "fc_choices": "refinement: units of the fully connected layer to try, as width and depth do, too: 1024,3072",
    "px_choices": "resolution: sides in pixels to compare with the network's own, rising: 100,150; refinement may then revise the choice",
    "se_choices": "refinement: squeeze-and-excitation ratios to try, rising: 0.0625,0.25",
    "widths_by_group": "refinement: also try each block group one step of the widths narrower, or each key group one step wider; not in compare",
    "dropouts": "refinement: dropout rates to try, rising: 0.2,0.4,0.6",
}
RANGES: dict[str, Range] = {**preparation.RANGES, **training.RANGES, **architecture.RANGES, **preset.RANGES}
KINDS: dict[str, Any] = {**kinds(Preparation), **kinds(Training), **kinds(Architecture), **kinds(Preset)}
WRITTEN: dict[str, Written] = {  # of fields that are no single number, or have more than one way to write it
    "beta": values.BETAS,
    "group_betas": or_none(values.GROUP_BETAS),
    "blocks": values.BLOCKS,
    "stem_pools": values.STEM_POOLS,
    "families": or_none(values.FAMILY_NAMES),
    "weights": values.FILE,
    "max_params": values.PARAMS,
    "max_macs": values.AMOUNT_OR_0,
    "max_memory": values.AMOUNT_OR_0,
    "refine_max_params": values.PARAMS_OR_0,
    "width_factors": values.numbers(RANGES["width_factors"], "0.7,1,1.4"),
    "objective": values.OBJECTIVE,
    "depth_start": or_none(values.START_POINTS),
    "fc_choices": or_none(values.numbers(RANGES["fc_choices"], "1024,3072")),
    "px_choices": or_none(values.numbers(RANGES["px_choices"], "100,150")),
    "se_choices": or_none(values.numbers(RANGES["se_choices"], "0.0625,0.25")),
    "dropouts": or_none(values.numbers(RANGES["dropouts"], "0.2,0.4,0.6")),
}
WORDS: dict[str, Callable[[Any], str]] = {  # of the reference's fields that are not typed part by part
    "blocks": str,
    "stem_pools": lambda pools: next(word for word, meant in values.POOLS.items() if meant == pools),
}
CHOICES = {"family": tuple(FAMILIES)}  # of texts that are one of a few
ALIASES = {"depth_trials": "--trials", "fc_units": "--fc"}


COMMON = {"image_px", "images", "epochs", "max_params", "seeds"}  # shown by `--help`
METAVARS = {  # what a value is; of the others a number
    "image_px": "PX",
    "input_px": "PX",
    "blur_px": "PX",
    "images": "CASES",
    "batch": "IMAGES",
    "resampling": "SHARE",
    "contrast": "SHARE",
    "noise": "SHARE",
    "erased_border": "SHARE",
    "even_detail": "SHARE",
    "even_tone": "GREY",
    "sharpness": "STRENGTH",
    "gamma": "POWER",
    "l2": "WEIGHT",
    "group_betas": "GROUP=FACTOR",
    "se_ratio": "RATIO",
    "se_choices": "RATIO,RATIO",
    "families": "FAMILY,FAMILY",
    "max_macs": "MACS",
    "max_memory": "BYTES",
    "seeds": "SEEDS",
    "baseline_seeds": "SEEDS",
    "confirm_seeds": "SEEDS",
    "resolve": "SEEDS",
    "confirm": "NETWORKS",
    "keep_networks": "NETWORKS",
    "width_trials": "TRIALS",
    "depth_trials": "TRIALS",
    "refine_trials": "TRIALS",
    "depth_patience": "TRIALS",
    "depth_extra": "STEPS",
    "weights": "FILE",
    "rotation_degrees": "DEGREES",
    "learning_rate": "RATE",
    "final_learning_rate": "RATE",
    "dropout": "RATE",
    "dropouts": "RATE,RATE",
    "bn_momentum": "SHARE",
    "beta": "β",
    "blocks": "COUNTS",
    "stem_pools": "WHICH",
    "max_params": "PARAMS",
    "refine_max_params": "PARAMS",
    "width_factors": "FACTOR,FACTOR",
    "objective": "WHAT",
    "depth_start": "β:COUNTS",
    "fc_choices": "UNITS,UNITS",
    "px_choices": "PX,PX",
    "fc_units": "UNITS",
    "sex_units": "UNITS",
    "margin_months": "MONTHS",
    "equivalence_months": "MONTHS",
    "seed_sd_months": "MONTHS",
    "validation_fraction": "SHARE",
    "test_fraction": "SHARE",
    "zoom": "SHARE",
    "translation": "SHARE",
    "epochs": "EPOCHS",
    "full_epochs": "EPOCHS",
    "warmup_epochs": "EPOCHS",
}


def add(
    parser: argparse.ArgumentParser,
    names: Sequence[str] | None = None,
    title: str = "fields of the preset (each overrides the preset's value, which `presets NAME` shows)",
    near: str = "nothing",
    otherwise: Mapping[str, str] | None = None,
    default: Callable[[str], str] | None = None,
) -> None:
    """Options for these fields (default: all of them); one that is not given leaves no trace in the namespace.

    `--help` shows the common ones, and those whose description begins with `near`. `otherwise` has the help of fields that mean
    something else to this command; `default` says what holds where a field is not given, if that is not the preset's value.
    """
    group = parser.add_argument_group(title)
    if names is None:
        parser.add_argument(
            "--config",
            type=values.PATH,
            metavar="TOML",
            help="read preset, data and fields from a file; options given here win",
        )
    if isinstance(parser, Parser):
        parser.rare |= {name for name in OPTIONS if name not in COMMON and not OPTIONS[name].startswith(near)}
    for name, says in OPTIONS.items():
        if names is not None and name not in names:
            continue
        flags = [f"--{name.replace('_', '-')}", *([ALIASES[name]] if name in ALIASES else [])]
        shared: dict[str, Any] = {
            "dest": name,
            "default": argparse.SUPPRESS,
            "help": (otherwise or {}).get(name) or f"{says} (default: {(default or of_the_preset)(name)})",
        }
        if KINDS[name] is bool:
            group.add_argument(*flags, action=argparse.BooleanOptionalAction, **shared)
        elif choices := CHOICES.get(name) or get_args(KINDS[name]) * (get_origin(KINDS[name]) is Literal):
            group.add_argument(*flags, choices=choices, **shared)
        elif KINDS[name] is str:
            written = WRITTEN.get(name) or values.TEXT
            group.add_argument(*flags, type=written, metavar=METAVARS.get(name, "HEADING"), **shared)
        else:
            written = WRITTEN.get(name) or values.number(RANGES[name])
            group.add_argument(*flags, type=written, metavar=METAVARS.get(name, "N"), **shared)


def of_the_preset(name: str) -> str:
    return f"the preset's; {ordinary(name)} in default"


def ordinary(name: str) -> str:
    """A field's value in the preset `default`, as help says it and the option takes it; none and no are words."""
    preset, settings = ordinary_preset()
    if name in WORDS:
        return WORDS[name](getattr(preset.reference, name))
    return said(settings[name]).replace("%", "%%")


@cache
def ordinary_preset() -> tuple[Preset, Mapping[str, Any]]:
    """Made once: every command asks for it a hundred times."""
    preset = PRESETS["default"]()
    return preset, settings_in_full(preset)


def said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(map(said, value)) or "none"
    if isinstance(value, dict):
        return ",".join(f"{key}={said(one)}" for key, one in value.items()) or "none"
    if isinstance(value, int) and value >= 10**6:
        return f"{value / 1e6:g}M"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields that were set on the command line."""
    found = {name: value for name, value in vars(arguments).items() if name in OPTIONS}
    return found | values.widths(found.pop("beta")) if "beta" in found else found


def names_of(part: type) -> list[str]:
    """The fields of a part of a preset that have an option."""
    return [field.name for field in fields(part) if field.name in OPTIONS]
