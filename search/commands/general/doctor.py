"""`boneage-search doctor`: one page of truth about this machine."""

import argparse
from pathlib import Path

from search.commands import values
from search.commands.general.help import Subparsers, command
from search.output.terminal import say, show_json
from studies.preset import StudyError
from studies.presets import PRESETS


def run_doctor(arguments: argparse.Namespace) -> int:
    from search.machine.doctor import facts

    if arguments.preset not in PRESETS:
        raise StudyError(f"unknown preset {arguments.preset!r}; there are {', '.join(PRESETS)}")
    found = facts(PRESETS[arguments.preset](), Path(), arguments.storage or "")
    if arguments.json:
        show_json(found)
        return 0
    for name, value in found.items():
        shown = ", ".join(f"{key} {number}" for key, number in value.items()) if isinstance(value, dict) else value
        shown = None if shown == "" else shown
        text = ", ".join(map(str, shown)) or "none" if isinstance(shown, list) else shown
        say(f"{name.replace('_', ' '):<24} {'none' if text is None else text}")
    return 0


def build(commands: Subparsers) -> None:
    doctor = command(
        commands,
        "doctor",
        run_doctor,
        "this machine as a search sees it: device, driver, precision, a timed step, memory, disk, storage, extras, and what to do",
        "boneage-search doctor --json",
    )
    doctor.add_argument(
        "--preset",
        type=values.TEXT,
        default="demo",
        metavar="NAME",
        help="whose reference and precision are looked at (default demo)",
    )
    doctor.add_argument(
        "--storage",
        type=values.URL,
        metavar="URL",
        help="SQLAlchemy URL where studies would be kept (default: SQLite in a run's folder, tried here)",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
