"""What long studies take, in time and memory; a part of `make bench`, without TensorFlow, as the leader is."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import sqlalchemy
from growth import show

from search.leader.sampler import FeasibleSampler
from search.leader.schedule import suggest
from search.run import Run
from search.storage.copy import TABLES, TRIALS
from search.storage.opening import open_storage
from search.storage.sqlite import own_url
from search.storage.status import status
from studies.order import study_name
from studies.presets import demo
from studies.study import points

SIZES = (10, 100, 1_000, 10_000)
REPORTED = (1, 50, 500)  # proposals after which memory is looked at
EPOCHS = 20
SPACE = {
    "beta": tuple(round(0.5 + 0.02 * n, 2) for n in range(60)),
    "mixed5": tuple(range(1, 9)),
    "mixed7": tuple(range(1, 9)),
    "mixed9": tuple(range(1, 9)),
}


def sampler() -> FeasibleSampler:
    return FeasibleSampler(SPACE, list(points(SPACE)), seed=0)


def make_study(folder: Path, trials: int) -> None:
    """In the run's own database a study of so many finished trials, each with what the engine keeps of one."""
    storage = open_storage(own_url(folder))
    study = optuna.create_study(study_name=study_name("depth"), storage=storage)
    study.set_user_attr("settings", "{}")
    random = np.random.default_rng(0)
    grid = list(points(SPACE))
    chosen = [grid[place] for place in random.permutation(len(grid))[:trials]]
    curve = random.uniform(8, 40, EPOCHS).tolist()
    attributes = {f"attribute_{number}": 12.5 for number in range(20)} | {
        "network": "0" * 40,
        "exit_reason": "completed",
        "train_mae_by_epoch": " ".join(f"{mae:.4f}" for mae in curve),
    }
    finished = optuna.create_trial(
        params=dict(chosen[0]),
        distributions=sampler().distributions,
        value=min(curve),
        user_attrs=attributes,
        intermediate_values=dict(enumerate(curve, 1)),
    )
    study.add_trial(finished)
    with storage.engine.begin() as connection:  # one by one, Optuna would take minutes
        for table in TABLES:
            if "trial_id" not in table.columns:
                continue
            rows = [dict(row) for row in connection.execute(sqlalchemy.select(table)).mappings()]
            [key] = table.primary_key.columns
            copies = [row | {"trial_id": 1 + number} for number in range(1, trials) for row in rows]
            for copy in copies:
                number = copy["trial_id"] - 1
                if table is TRIALS:
                    copy["number"] = number
                else:
                    del copy[key.name]
                if table.name == "trial_params":  # all numeric here, and so kept as they are
                    copy["param_value"] = chosen[number][copy["param_name"]]
                if table.name == "trial_values":
                    copy["value"] = float(random.uniform(8, 40))
            if copies:
                connection.execute(table.insert(), copies)


def propose(study: optuna.Study, sampler: FeasibleSampler) -> optuna.trial.Trial:
    trial = study.ask()
    for name, choices in sampler.distributions.items():
        suggest(trial, name, choices)
    return trial


def megabytes(field: str) -> int:
    """Of this process: VmRSS, what is resident now, or VmHWM, the most that ever was."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024)


def status_bench(folder: Path) -> dict[str, float | str]:
    run = Run(folder, demo(), {}, "", own_url(folder))
    before = megabytes("VmRSS")
    took = statistics.median(seconds(lambda: status(run)) for _ in range(5))
    return {"`status`": took, "`status`, most memory": f"{megabytes('VmHWM')} MB ({before} MB of imports)"}


def leader_bench(folder: Path) -> dict[str, float | str]:
    """What proposing and being told again and again takes, as a leader does that has just been started."""
    proposing = sampler()
    study = optuna.load_study(study_name=study_name("depth"), storage=open_storage(own_url(folder)), sampler=proposing)
    said: dict[str, float | str] = {"reading the study": seconds(lambda: study.get_trials(deepcopy=False))}
    took = []
    for number in range(1, max(REPORTED) + 1):
        began = time.perf_counter()
        trial = propose(study, proposing)
        took.append(time.perf_counter() - began)
        study.tell(trial, 20.0)
        if number in REPORTED:
            said[f"memory after {number} proposals"] = f"{megabytes('VmRSS')} MB, at most {megabytes('VmHWM')} MB"
    return {"the next proposal": statistics.median(took[:50])} | said


def seconds(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


BENCHES = {"status": status_bench, "leader": leader_bench}


def long_studies() -> None:
    """Each in a process of its own, so that memory is that of nothing else."""
    print("\n## Long studies\n")
    print(
        f"Every trial with {EPOCHS} epochs' reports and 22 attributes, in SQLite; memory is that of a fresh process.\n"
    )
    print("| finished trials | what | |\n|---|---|---|")
    growths: dict[str, list[tuple[float, float]]] = {}
    for trials in SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            make_study(Path(scratch), trials)
            for bench in BENCHES:
                command = [sys.executable, __file__, bench, scratch]
                said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
                for what, value in said.items():
                    timed = isinstance(value, float)
                    print(f"| {trials:,} | {what} | {f'{value:.3f} s' if timed else value} |", flush=True)
                    if timed:
                        growths.setdefault(what, []).append((trials, value))
    show("trials", "finished trials", "s", growths)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(BENCHES[sys.argv[1]](Path(sys.argv[2]))))
    else:
        long_studies()
