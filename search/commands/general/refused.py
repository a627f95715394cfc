"""Options that have no effect without another, or beside one: a command that is given such says so, and does nothing.

A value that is the option's default counts as not given.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.preparation import PIXELS
from studies.preset import StudyError


@dataclass(frozen=True)
class Needs:
    """These options have an effect only with one of those."""

    options: tuple[str, ...]  # by destination, as the others
    one_of: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Excludes:
    """Beside the first option these have no effect."""

    option: str
    options: tuple[str, ...]
    why: str


HOW_TRAININGS_RUN = ("workers", "executor", "device", "deterministic")
OF_A_NETWORK = ("family", "beta", "blocks", "fc", "sex_units", "input_px", "se_ratio", "stem_pools", "channel_multiple")
CAPS = ("max_params", "max_macs", "max_memory")
OF_A_TABLE_OF_SEXES = ("id_column", "sex_column")
OF_A_TABLE = (*OF_A_TABLE_OF_SEXES, "age_column", "age_unit")
RULES: Mapping[str, Sequence[Needs | Excludes]] = {  # by command
    "compare": (
        Needs(("simulate_workers",), ("replay",), "simulated workers need recorded trainings"),
        Excludes("replay", (*HOW_TRAININGS_RUN, "data"), "it reads recorded trainings and runs none"),
    ),
    "dashboard": (Needs(("expose",), ("host",), "without an address only this machine reaches the dashboard"),),
    "count": (
        Excludes("table1", (*OF_A_NETWORK, "image_px", *CAPS, "batch"), "the table's networks are the paper's"),
        Needs(("batch",), ("max_memory",), "it changes only the memory of a training"),
    ),
    "predict": (
        Needs(OF_A_TABLE, ("table",), "it says how that table is read"),
        Excludes("out", ("json",), "--out writes a file in the format of its ending, and nothing is printed"),
    ),
    "explain": (
        Needs(("split",), ("sheet",), "images that are named belong to no split"),
        Needs(
            ("data", "storage", "preset"),
            ("sheet",),
            "images that are named need a model alone, of --run-dir or --model",
        ),
        Needs(PIXELS, ("sheet",), "images that are named are prepared as the model's were"),
        Needs(OF_A_TABLE_OF_SEXES, ("table",), "it says how that table is read"),
        Excludes("sheet", ("sex", "table", "force"), "the sexes of the run's cases are known, and all are shown"),
    ),
    "evaluate": (
        Needs(("share", "name"), ("recalibrate", "fine_tune"), "otherwise no new model is made"),
        Needs(("learning_rate", "executor", "device", "deterministic"), ("fine_tune",), "otherwise nothing is trained"),
    ),
}


def refuse_without_effect(arguments: argparse.Namespace) -> None:
    """Raises StudyError for the first option that this command would take and not use."""
    typed: argparse.ArgumentParser | None = getattr(arguments, "typed", None)
    if typed is None:
        return
    given = set(given_of(arguments, typed))
    for rule in RULES.get(typed.prog.split()[-1], ()):
        if isinstance(rule, Needs) and not given & set(rule.one_of):
            for name in sorted(given & set(rule.options)):
                needed = " or ".join(written(typed, one, with_value=True) for one in rule.one_of)
                raise StudyError(f"{written(typed, name)} needs {needed}: {rule.why}")
        if isinstance(rule, Excludes) and rule.option in given:
            for name in sorted(given & set(rule.options)):
                raise StudyError(
                    f"{written(typed, name)} has no effect with {written(typed, rule.option)}: {rule.why}; leave one of them out"
                )


def given_of(arguments: argparse.Namespace, typed: argparse.ArgumentParser) -> Iterator[str]:
    for action in typed._actions:
        if hasattr(arguments, action.dest) and getattr(arguments, action.dest) != action.default:
            yield action.dest


def written(typed: argparse.ArgumentParser, name: str, with_value: bool = False) -> str:
    """As it is typed: --replay FILE."""
    action = next(action for action in typed._actions if action.dest == name)
    value = f" {action.metavar}" if with_value and isinstance(action.metavar, str) else ""
    return action.option_strings[0] + value
