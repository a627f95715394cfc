"""What there is and what it is set to: `presets`, and settings read from a file."""

import argparse
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from data.preparation import DataError
from data.ranges import is_text
from data.shown import shown
from search.commands import options, values
from search.commands.general.help import Subparsers, command
from search.output.terminal import say, show_json
from search.run import settings_in_full
from search.storage.settings import from_json
from studies.preset import Preset, StudyError
from studies.presets import PRESETS

ABOUT_RUN = ("preset", "data")  # of a file of settings, beside the fields


def run_presets(arguments: argparse.Namespace) -> int:
    from search.show import tables

    if arguments.name is None:
        if arguments.toml:
            raise StudyError(f"--toml writes one preset: name it, {', '.join(PRESETS)}")
        if arguments.json:
            show_json({name: plain(make()) for name, make in PRESETS.items()})
            return 0
        tables.show("presets", [row(name) for name in PRESETS], "boneage-search presets NAME shows every field")
        return 0
    if arguments.name not in PRESETS:
        raise StudyError(f"unknown preset {shown(arguments.name)}; there are {', '.join(PRESETS)}")
    preset = PRESETS[arguments.name]()
    if arguments.toml:
        for line in toml(preset):
            say(line)
    elif arguments.json:
        show_json(plain(preset))
    else:
        fields = [
            {"field": name, "value": written(value), "what": options.OPTIONS[name]}
            for name, value in plain(preset).items()
            if name in options.OPTIONS
        ]
        tables.show(f"preset {preset.name}", fields, first_sentence(preset.name))
    return 0


def row(name: str) -> dict[str, Any]:
    preset = PRESETS[name]()
    return {
        "preset": name,
        "images": f"{preset.preparation.image_px} px",
        "epochs": preset.training.epochs,
        "reference": f"β {preset.reference.beta:g}",
        "cap": f"{preset.max_params / 1e6:g}M",
        "what for": first_sentence(name),
    }


def first_sentence(name: str) -> str:
    """Up to its colon or full stop, which white space follows; that of 0.25 is none."""
    return re.split(r"[:.](?:\s|$)", PRESETS[name].__doc__ or "", maxsplit=1)[0]


def plain(preset: Preset) -> dict[str, Any]:
    """Every field by name, as JSON and TOML hold them."""
    about = {"preset": preset.name} | ({"data": preset.data} if preset.data else {})
    fields = settings_in_full(preset)
    return about | {name: fields[name] for name in options.OPTIONS}


def written(value: Any) -> str:
    """As a value of TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


def toml(preset: Preset) -> list[str]:
    lines = [f"# boneage-search run --config FILE; fields that are left out are those of the preset {preset.name}"]
    for name, value in plain(preset).items():
        if says := options.OPTIONS.get(name):
            lines.append(f"# {says}")
        lines.append(f"{name} = {written(value)}")
    return lines


MOST_NESTED = 20  # levels; a list of lists of numbers has three


def read_config(path: Path) -> dict[str, Any]:
    """Preset, data and fields of a TOML file. Raises StudyError where it holds anything else, DataError where it cannot be read."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # no TOML, or no UTF-8, or nested beyond what can be read
        raise DataError(f"{path} is not valid TOML: {error}") from None
    if nested_beyond(found, MOST_NESTED):
        raise StudyError(f"{path} nests values more than {MOST_NESTED} deep; no field does")
    if unknown := sorted(found.keys() - options.OPTIONS.keys() - set(ABOUT_RUN)):
        raise StudyError(
            f"{path}: {shown(', '.join(unknown))} is no field; `boneage-search presets demo --toml` writes all there are"
        )
    for name in ABOUT_RUN:
        if not is_text(found.get(name, "")):
            raise StudyError(f"{path}: {name} is a text that may name a file; it has {shown(found[name])}")
    return {name: one_value(path, name, value) for name, value in from_json(found).items()}


def nested_beyond(value: Any, depth: int) -> bool:
    """Looked at level by level, as the values may be nested deeper than functions can be."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def one_value(path: Path, name: str, value: Any) -> Any:
    """A text is read as the option of that name reads it: blocks = "4/3/3". So is 70e6, which TOML takes for no whole number."""
    reader = options.WRITTEN.get(name)
    if isinstance(value, float) and value.is_integer() and options.KINDS.get(name) is int:
        return int(value)
    if reader is None or not isinstance(value, str):
        return value
    try:
        return reader(value)
    except argparse.ArgumentTypeError as error:
        raise StudyError(f"{path}: {name}: {error}") from None


def settle_config(arguments: argparse.Namespace) -> None:
    """What the file of --config says, where the command line says nothing."""
    for name, value in read_config(arguments.config).items():
        place = "source" if name == "data" and hasattr(arguments, "source") else name
        if getattr(arguments, place, None) is None:
            setattr(arguments, place, value)


def build(commands: Subparsers) -> None:
    presets = command(
        commands,
        "presets",
        run_presets,
        "presets and every field of one, as a table, JSON, or a TOML file for --config",
        "boneage-search presets demo --toml",
    )
    presets.add_argument("name", nargs="?", type=values.TEXT, metavar="NAME", help="one preset, with all its fields")
    shown_as = presets.add_mutually_exclusive_group()
    shown_as.add_argument("--toml", action="store_true", help="print a file that --config reads")
    shown_as.add_argument("--json", action="store_true", help="print JSON")
