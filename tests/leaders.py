"""Leaders in processes of their own, which race for studies, fall asleep and are taken over; trials by formula.

As a program it is one leader: FOLDER STORE URL SECONDS TAKE_OVER RACES. Where it RACES it says that it is ready, and begins with
the first line of its input. It runs the ablation with trials of so many seconds, prints a line for every trial that it begins, and
ends with the command line's exit codes.
"""

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import sqlalchemy
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from optuna.trial import TrialState

from data.store.disk import Store, open_store
from search.leader.engine import run_study
from search.leader.progress import Terms
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import load
from search.workers.job import Job, Message

ROOT = Path(__file__).parents[1]


class Lasting(FormulaExecutor):
    """Trials that take their time, during which the leader is quiet."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.each = seconds

    def start(self, job: Job) -> None:
        super().start(job)
        print(f"trial {job.number}", flush=True)

    def wait(self, seconds: float) -> list[Message]:
        time.sleep(self.each)
        return super().wait(seconds)


def a_run(folder: Path, store: Store, url: str) -> Run:
    return Run(folder, tiny_preset(), {}, str(store.path), url)


def main(folder: str, store: str, url: str, seconds: str, take_over: str, races: str) -> int:
    opened = open_store(Path(store))
    if races == "1":
        print("ready", flush=True)
        sys.stdin.readline()
    executor = Lasting(float(seconds))
    try:
        terms = Terms(take_over=take_over == "1")
        run_study(a_run(Path(folder), opened, url), opened, "ablation", lambda: executor, silent(), terms)
    except ValueError as error:  # as search/cli.py does
        print(error, file=sys.stderr)
        return 2
    return 0


def leader(
    folder: Path, store: Store, url: str, seconds: float = 0.0, take_over: bool = False, races: bool = False
) -> subprocess.Popen[str]:
    arguments = [str(folder), str(store.path), url, str(seconds), str(int(take_over)), str(int(races))]
    return subprocess.Popen(
        [sys.executable, __file__, *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE if races else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def put_to_sleep(process: subprocess.Popen[str], url: str) -> None:
    """Between two writes. A leader that sleeps while it holds the lock keeps all others from writing (test_lock_holder.py)."""
    time.sleep(0.3)
    while True:
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        if not url.startswith("sqlite") or can_be_written(Path(sqlalchemy.make_url(url).database or "")):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.2)


def can_be_written(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def race(folders: list[Path], store: Store, url: str, take_over: bool = False) -> list[tuple[int, str]]:
    """Leaders that begin at one moment, each with one of the folders: their exit codes and what they said."""
    open_storage(url)
    with ExitStack() as ends:
        racing = [ends.enter_context(leader(folder, store, url, 0.2, take_over, races=True)) for folder in folders]
        for process in racing:
            ends.callback(process.kill)  # of one that has ended it does nothing
        ready = [process.stdout.readline() for process in racing if process.stdout]  # all have imported what they need
        assert ready == ["ready\n"] * len(racing)
        for process in racing:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=240)[1] for process in racing]
        return [(process.returncode, text) for process, text in zip(racing, said, strict=True)]


def states(folder: Path, url: str) -> Counter[TrialState]:
    study = load(open_storage(url), "ablation", folder)
    assert study is not None
    return Counter(trial.state for trial in study.trials)


def sleeps_and_is_taken_over(folder: Path, store: Store, url: str) -> None:
    """The first leader falls asleep in its second trial; another takes over and ends the study; then the first wakes."""
    with leader(folder, store, url, seconds=5.0) as old:
        try:
            assert old.stdout is not None
            ended, running = (old.stdout.readline().strip() for _ in range(2))
            put_to_sleep(old, url)
            with leader(folder, store, url) as refused:
                assert "--take-over" in refused.communicate(timeout=120)[1]
            assert refused.returncode == 2
            with leader(folder, store, url, seconds=0.1, take_over=True) as new:
                began, said = new.communicate(timeout=120)
            assert new.returncode == 0, said
            before = everything(folder, url)
            old.send_signal(signal.SIGCONT)
            rest, said = old.communicate(timeout=120)
        finally:
            old.kill()
    assert old.returncode == 2, said
    assert "taken over by process" in said or "no longer held by this process" in said
    assert "Traceback" not in said
    assert rest == ""  # it began nothing more
    assert began.splitlines()[0] == running  # adopted under its number
    assert ended not in began.splitlines()
    assert everything(folder, url) == before
    assert set(states(folder, url)) == {TrialState.COMPLETE}


def everything(folder: Path, url: str) -> list[object]:
    storage = open_storage(url)
    study = load(storage, "ablation", folder)
    assert study is not None
    files = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file() and ".db" not in path.name)
    attrs = (study.user_attrs, storage.get_study_system_attrs(study._study_id))
    return [files, attrs, [(t.number, t.state, t.values, t.user_attrs, t.system_attrs) for t in study.trials]]


def two_folders_get_a_study_each(place: Path, store: Store, url: str) -> None:
    folders = [place / str(number) for number in range(3)]
    said = race(folders, store, url)
    assert [code for code, _ in said] == [0, 0, 0], said
    counted = [states(folder, url) for folder in folders]
    assert counted == [Counter({TrialState.COMPLETE: counted[0].total()})] * 3
    assert len(open_storage(url).get_all_studies()) == 3


def one_folder_is_one_leaders(place: Path, store: Store, url: str) -> None:
    said = race([place / "run"] * 4, store, url)
    assert sorted(code for code, _ in said) == [0, 2, 2, 2], said
    assert all("is being run by" in text for code, text in said if code)
    assert len(open_storage(url).get_all_studies()) == 1
    assert set(states(place / "run", url)) == {TrialState.COMPLETE}


def copies_of_a_folder_are_one_leaders(place: Path, store: Store, url: str) -> None:
    """Of one id, with a lease each: the database decides. Whoever comes after the end finds it decided."""
    folders = [place / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
        (folder / "run.json").write_text('{"id": "0123abcd"}')
    said = race(folders, store, url)
    codes = sorted(code for code, _ in said)
    assert codes == [0, 2, 2], said
    assert all("is being run by" in text for code, text in said if code)
    assert set(states(folders[0], url)) == {TrialState.COMPLETE}


def takers_over_at_one_moment_leave_one(place: Path, store: Store, url: str) -> None:
    """Each takes from the one before; whoever was last ends the study, and nobody ends with anything but a sentence."""
    said = race([place / "run"] * 4, store, url, take_over=True)
    assert sorted({code for code, _ in said}) == [0, 2], said
    assert not any("Traceback" in text for _, text in said)
    assert set(states(place / "run", url)) == {TrialState.COMPLETE}


RACES = [
    sleeps_and_is_taken_over,
    two_folders_get_a_study_each,
    one_folder_is_one_leaders,
    copies_of_a_folder_are_one_leaders,
    takers_over_at_one_moment_leave_one,
]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
