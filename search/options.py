"""The command-line options that set fields of a preset: one table, from which the options of every stage are made."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from models.architecture import parse_blocks
from models.cost import parse_params


class Option(NamedTuple):
    parse: Callable[[str], Any] | type[bool]  # bool makes a --yes/--no-yes pair
    help: str
    choices: tuple[str, ...] | None = None


UNITS = {"s": 1, "m": 60, "h": 3600}


def numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def widths(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def seconds(text: str) -> float:
    """90s, 45m, 12h; a plain number is seconds."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    if not float(number) > 0:
        raise ValueError
    return float(number) * UNITS[unit]


def stem_pools(text: str) -> tuple[bool, bool]:
    chosen = {"both": (True, True), "first": (True, False), "second": (False, True), "none": (False, False)}
    if text not in chosen:
        raise ValueError
    return chosen[text]


def objectives(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def start_points(text: str) -> tuple[tuple[float, Any], ...]:
    pairs = [part.split(":", 1) for part in text.split(";")]
    return tuple((float(beta), parse_blocks(blocks)) for beta, blocks in pairs)


OPTIONS: dict[str, Option] = {
    # data
    "image_px": Option(int, "side of the square images the network sees"),
    "fit": Option(str, "how an image becomes a square", ("squash", "crop_pad")),
    "stretch": Option(bool, "stretch each image's greys, 1st to 99th percentile, from black to white"),
    "images": Option(int, "how many cases to use, chosen by id; 0 is all"),
    "validation_fraction": Option(float, "share of the cases for validation, where the data come without splits"),
    "test_fraction": Option(float, "share of the cases set aside for the test, which no search reads"),
    # training
    "epochs": Option(int, "epochs of every trial"),
    "batch": Option(int, "images per step"),
    "learning_rate": Option(float, "Adam's highest learning rate"),
    "final_learning_rate": Option(float, "learning rate at the end of the schedule"),
    "schedule": Option(str, "how the learning rate falls; step is the paper's", ("constant", "step", "cosine")),
    "warmup_epochs": Option(float, "epochs of linear warm-up (cosine schedule)"),
    "loss": Option(str, "loss in months", ("mse", "mae", "huber")),
    "l2": Option(float, "L2 on the output layer's weights"),
    "start_at_mean": Option(bool, "start the output bias at the training mean"),
    "bn_momentum": Option(float, "BatchNorm momentum; lower it for short runs"),
    "flip_horizontal": Option(bool, "augment by horizontal flips"),
    "flip_vertical": Option(bool, "augment by vertical flips, as the paper does"),
    "zoom": Option(float, "augment by zooming up to this fraction"),
    "rotation_degrees": Option(float, "augment by rotating up to this angle"),
    "translation": Option(float, "augment by shifting up to this fraction of the side"),
    "precision": Option(
        str,
        "number format; auto is half precision where the GPU or CPU computes it in hardware: bfloat16, or float16 on older GPUs",
        ("auto", "float32", "mixed_float16", "mixed_bfloat16"),
    ),
    # the reference architecture, from which the ablation starts
    "beta": Option(float, "reference width: multiplier of every filter count"),
    "blocks": Option(parse_blocks, "reference repeats: n5/n7/n9 as 2/1/2, or mixed0=1,mixed5=2"),
    "stem_pools": Option(stem_pools, "which stem poolings are present: both, first, second or none"),
    "channel_multiple": Option(
        int,
        "round every filter count to a multiple, as 8, which tensor cores and AVX compute faster; 1 is the paper's rule",
    ),
    "sex_units": Option(int, "units of the layer on sex; 0 leaves sex out"),
    "fc_units": Option(int, "units of the reference's additional fully connected layer; 0 is none"),
    "dropout": Option(float, "dropout rate of the reference"),
    # the studies
    "full_epochs": Option(int, "epochs of the network that `train` trains in full; 0 is those of a trial"),
    "seed": Option(int, "seed of initial weights, batch order, augmentation and sampler"),
    "seeds": Option(int, "seeds of every point of ablation, width and refinement"),
    "drop_useless": Option(
        bool, "ablation: go on without the block groups that do not matter, their parameters spent elsewhere"
    ),
    "resolve": Option(int, "ablation: add seeds where a verdict is open, up to so many; 0 adds none"),
    "prune": Option(bool, "end trials of depth and refinement early that others have left behind"),
    "without_sex": Option(bool, "refinement: also train the decided network without the sex"),
    "max_params": Option(parse_params, "cap on parameters, for every trial: 70M, 1.5M or 70000000"),
    "refine_max_params": Option(parse_params, "another cap for the refinement alone"),
    "margin_months": Option(float, "validation MAEs closer than this are a tie"),
    "width_factors": Option(numbers, "widths to sweep, as multiples of the reference's: 0.7,1,1.4"),
    "objective": Option(objectives, "depth: mae; mae,macs or mae,params search the trade-off"),
    "depth_trials": Option(int, "depth: at most so many trials"),
    "depth_patience": Option(int, "depth: end after so many trials without a better one"),
    "depth_extra": Option(int, "depth: repeat a key group up to so many times more"),
    "depth_start": Option(start_points, "depth: points to try first, as 1.2:4/3/3;1.4:4/3/3"),
    "fc_choices": Option(widths, "refinement: widths of the fully connected layer to try: 1024,3072"),
    "dropouts": Option(numbers, "refinement: dropout rates to try, rising: 0.2,0.4,0.6"),
}
ALIASES = {"depth_trials": "--trials", "fc_units": "--fc"}


def add(
    parser: argparse.ArgumentParser,
    names: Sequence[str] | None = None,
    title: str = "fields of the preset (each overrides the preset's value)",
) -> None:
    """Options for these fields (default: all of them); one that is not given leaves no trace in the namespace."""
    group = parser.add_argument_group(title)
    for name, option in OPTIONS.items():
        if names is not None and name not in names:
            continue
        flags = [f"--{name.replace('_', '-')}", *([ALIASES[name]] if name in ALIASES else [])]
        shared: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS, "help": option.help}
        if option.parse is bool:
            group.add_argument(*flags, action=argparse.BooleanOptionalAction, **shared)
        else:
            group.add_argument(
                *flags, type=option.parse, choices=option.choices, metavar=None if option.choices else "X", **shared
            )


def chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields that were set on the command line."""
    return {name: value for name, value in vars(arguments).items() if name in OPTIONS}


def names_of(part: type) -> list[str]:
    """The fields of a part of a preset that have an option."""
    return [field.name for field in fields(part) if field.name in OPTIONS]
