"""A whole command, from its start to its end: seconds, and the most memory of all its processes together.

Memory is the sum of their proportional set sizes: pages that forked workers share count once. A quarter of a second lies
between looks; the same for all contenders.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_rounds import ROUNDS, ratio_rows

LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Whole:
    seconds: float
    peak_mb: float
    cpu_seconds: float  # of all processes, as last seen; what a busy machine changes least
    said: str  # the last line on stdout


def whole(command: Sequence[str], log: Path) -> Whole:
    """Run it in a session of its own, by which its processes are known; what it says goes to `log`."""
    began = time.perf_counter()
    peak_mb, cpu_seconds = 0.0, {}
    with log.open("w") as said, log.with_suffix(".err").open("w") as chatter:
        process = subprocess.Popen(command, stdout=said, stderr=chatter, start_new_session=True)
        while True:
            try:
                process.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                members = session(process.pid)
                cpu_seconds |= members
                peak_mb = max(peak_mb, sum(proportional_mb(member) for member in members))
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {log.with_suffix('.err').read_text()[-2000:]}")
    last = log.read_text().splitlines()[-1:]
    return Whole(seconds, peak_mb, sum(cpu_seconds.values()), last[0] if last else "")


def session(leader: int) -> dict[int, float]:
    """The session's processes, with the seconds each has computed."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[3]) == leader:
            found[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def proportional_mb(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def chosen_sizes(**defaults: float) -> argparse.Namespace:
    """`--rounds` and these sizes, from the command line; smaller ones while a bench is written."""
    parser = argparse.ArgumentParser()
    for name, default in ({"rounds": ROUNDS} | defaults).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    return parser.parse_args()


def whole_rows(measured: Mapping[str, Whole], peer: str, seconds_aim: str, memory_aim: str) -> None:
    """Wall time, memory and computing of each against the peer's."""
    ratio_rows("wall time", peer, {name: of.seconds for name, of in measured.items()}, seconds_aim)
    ratio_rows("peak memory", peer, {name: of.peak_mb for name, of in measured.items()}, memory_aim, "MB")
    ratio_rows("computing", peer, {name: of.cpu_seconds for name, of in measured.items()}, "none", "CPU s")


def in_turns(contenders: Mapping[str, Callable[[], Whole]], rounds: int) -> dict[str, Whole]:
    """Of each contender the medians, of rounds in which each has its turn."""
    taken: dict[str, list[Whole]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            taken[name].append(run())
            print(f"{name}: {taken[name][-1]}", file=sys.stderr, flush=True)
    return {
        name: Whole(
            statistics.median(each.seconds for each in wholes),
            statistics.median(each.peak_mb for each in wholes),
            statistics.median(each.cpu_seconds for each in wholes),
            wholes[-1].said,
        )
        for name, wholes in taken.items()
    }
