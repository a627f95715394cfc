"""Kills a deterministic search at random moments and shows that its result does not change: `make torture`.

A whole search of four studies runs once undisturbed. Then the same search runs again; at a random moment the leader, one
of its workers, or both get SIGKILL, and the same command is given again, until the search has been killed KILLS times
and has ended. Trials, decisions, predictions, notes and pictures of the two must be equal, bit for bit.

    python tests/torture.py [--kills 50] [--seed 0] [--hosts same|change]

With `--hosts change` every leader has another host name, as a container or a requeued job has: in a UTS namespace of its own.
"""

import argparse
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count, repeat
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import TrialState

from search.storage.copy import ARTIFACTS
from search.storage.opening import open_storage
from search.storage.records import decisions, load
from search.storage.sqlite import sqlite_url
from studies.order import STUDIES

ROOT = Path(__file__).parents[1]
OPTIONS = shlex.split(
    "run --deterministic --workers 2 --preset demo --data phantom:160 --image-px 40 --stem-pools none --epochs 5 --batch 8 "
    "--beta 0.0625 --blocks mixed0=0,mixed1=0,mixed4=0,mixed5=1,mixed7=1,mixed9=1 --width-factors 0.7,1,1.4 "
    "--depth-trials 4 --depth-extra 1 --fc-choices 16 --dropouts 0.3,0.5"
)
LONGEST_LIFE_SECONDS = 14.0  # of a search before it is killed; the first seconds load TensorFlow


def begin(run: Path, log: Path, host: str = "") -> subprocess.Popen[bytes]:
    """Of this host name; empty is the machine's own."""
    command = [sys.executable, "-m", "search.cli", *OPTIONS, "--run-dir", str(run)]
    if host:
        user = [] if os.getuid() == 0 else ["--map-root-user"]
        command = [
            "unshare",
            *user,
            "--uts",
            "sh",
            "-c",
            f'hostname {host} && exec "$@"',
            "sh",
            *command,
        ]  # of one process id
    with log.open("ab") as file:
        return subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)


def workers_of(leader: int) -> list[int]:
    """Processes forked by the server of worker processes that this leader has started."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    children = [child for child, parent in parents.items() if parent == leader]
    return [child for child, parent in parents.items() if parent in children]


def kill(process: int) -> bool:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def killed_until_done(run: Path, log: Path, kills: int, chance: random.Random, hosts: Iterator[str]) -> Counter[str]:
    """How often whom. The last leader is left to end by itself."""
    done: Counter[str] = Counter()
    while True:
        with begin(run, log, next(hosts)) as leader:
            while done.total() < kills:
                try:
                    leader.wait(chance.uniform(0.1, LONGEST_LIFE_SECONDS))
                    break
                except subprocess.TimeoutExpired:
                    pass
                victims = chance.choice(("leader", "worker", "both"))
                workers = workers_of(leader.pid) if victims != "leader" else []
                if workers and kill(chance.choice(workers)):
                    done["worker"] += 1
                if victims != "worker":
                    kill(leader.pid)
                    done["leader"] += 1
                    break
            code = leader.wait()
        if code == 0:
            return done
        assert code == -signal.SIGKILL, f"the search ended with exit code {code}; its log is {log}"


def result(run: Path) -> dict[str, Any]:
    """Everything a search has found that is no measurement of time."""
    storage = open_storage(sqlite_url(run / "studies.db"))
    timed = {"seconds", "energy_joules", "images_per_second", "peak_memory_mb"}
    found: dict[str, Any] = {name: decision.to_dict() for name, decision in decisions(storage).items()}
    for name in STUDIES:
        study = load(storage, name)
        assert study is not None, f"the study {name} is missing"
        found[f"{name} trials"] = [
            {
                "number": trial.number,
                "state": trial.state.name,
                "params": trial.params,
                "value": trial.value,
                "epochs": trial.intermediate_values,
                "attrs": {key: value for key, value in trial.user_attrs.items() if key not in timed},
                "pictures": sorted(
                    any_id(value) for key, value in trial.system_attrs.items() if key.startswith("artifacts:")
                ),
            }
            for trial in study.get_trials(deepcopy=False)
        ]
        shown = storage.get_study_system_attrs(study._study_id)
        found[f"{name} dashboard"] = {
            key: any_id(value) for key, value in shown.items() if key.startswith("dashboard:")
        }
    for path in sorted((run / "trials").rglob("predictions.npy")):
        found[str(path.relative_to(run))] = np.load(path, allow_pickle=False).tobytes().hex()
    found["pictures"] = sorted(path.read_bytes().hex() for path in (run / ARTIFACTS).iterdir())
    found["left behind"] = sorted(str(path.relative_to(run)) for path in (run / "trials").rglob("epoch-*"))
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def any_id(value: Any) -> Any:
    """With the same for every artifact's id, which is random."""
    return (
        re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "an artifact", value) if isinstance(value, str) else value
    )


def zombies(run: Path) -> int:
    storage = open_storage(sqlite_url(run / "studies.db"))
    unfinished = (TrialState.RUNNING, TrialState.WAITING)
    return sum(
        len(study.get_trials(deepcopy=False, states=unfinished)) for name in STUDIES if (study := load(storage, name))
    )


def main(kills: int, seed: int, change_hosts: bool) -> None:
    chance = random.Random(seed)
    hosts = (f"torture-{number}" for number in count()) if change_hosts else repeat("")
    done: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        whole, log = Path(folder) / "whole", Path(folder) / "log"
        with begin(whole, log) as leader:
            assert leader.wait() == 0, log.read_text()
        expected, undisturbed = result(whole), time.monotonic() - began
        trials = sum(len(expected[f"{name} trials"]) for name in STUDIES)
        print(f"undisturbed: {trials} trials, {undisturbed:.0f} s", flush=True)
        searches = wrong = 0
        while done.total() < kills:  # a search may end before it has been killed so often
            searches += 1
            killed = Path(folder) / f"killed-{searches}"
            done += killed_until_done(killed, log, kills - done.total(), chance, hosts)
            found = result(killed)
            differing = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
            wrong += len(differing) + zombies(killed)
            for name in differing:
                print(f"{name}\n  undisturbed {expected.get(name)}\n  killed      {found.get(name)}")
        print(
            f"{done.total()} kills{', another host name after each' if change_hosts else ''} (leader {done['leader']}, worker {done['worker']}) of {searches} searches with {trials} trials "
            f"each: {wrong} of {searches * len(expected)} results differ or were left unfinished; "
            f"{time.monotonic() - began - undisturbed:.0f} s"
        )
        if wrong:
            print(log.read_text()[-4000:])
            sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hosts", choices=("same", "change"), default="same")
    arguments = parser.parse_args()
    main(arguments.kills, arguments.seed, arguments.hosts == "change")
