"""The README and docs/: their commands are commands, their links lead somewhere, the scripts in them do what they say."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.commands.parser import parser
from search.workers import supervisor
from search.workers.supervisor import stop_on_signals
from studies.presets import PRESETS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def fenced(page: Path) -> list[str]:
    """Lines of the page's code blocks, continued ones joined."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


COMMANDS = [
    pytest.param(line, id=f"{page.name}: {line[:50]}")
    for page in PAGES
    for line in fenced(page)
    if line.startswith("boneage-search ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_a_page_is_one(line: str) -> None:
    parser().parse_args(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_search_whose_network_a_command_of_a_page_takes_is_begun_by_one_above_it(page: Path) -> None:
    begun: set[Path] = set()
    for line in fenced(page):
        if not line.startswith("boneage-search "):
            continue
        words = shlex.split(line, comments=True)[1:]
        asked = parser().parse_args(words)
        searched = getattr(asked, "network_of", None)
        assert searched is None or searched in begun, line
        if words[0] == "run" and asked.run_dir:
            begun.add(asked.run_dir)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_make_commands_of_the_pages_are_rules() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for line in fenced(page):
            if line.startswith("make "):
                assert re.search(rf"^{line.split()[1]}:", makefile, flags=re.MULTILINE), line


def test_the_readme_is_short_and_names_every_preset_and_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 80, "shorten the README, or move something into docs/"
    unlisted = [name for name in PRESETS if f"| `{name}` |" not in text]
    assert not unlisted, "its table of presets has no row for these; `plan --preset NAME --workers 2` computes one"
    unnamed = [page.name for page in PAGES if page.parent.name == "docs" and f"docs/{page.name}" not in text]
    assert not unnamed, "the section More links to none of these"


def test_every_file_that_the_container_copies_exists() -> None:
    copied = re.findall(r"^COPY (.*) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)

    names = [name for line in copied for name in line.split()]
    assert "constraints.txt" in names
    assert all((ROOT / name).exists() for name in names)


def job_in(folder: Path, search: str) -> "subprocess.Popen[bytes]":
    """The page's script in a process group of its own, with stand-ins for SLURM and the search; who does something says so in `said`."""
    page = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
    [script] = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    (folder / "search.sh").write_text(script)
    (folder / "said").touch()
    for name, does in {
        ".venv/bin/boneage-search": search,
        "bin/scontrol": '#!/bin/bash\necho "$1 $2" >> said\n',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(does)
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "SLURM_JOB_ID": "7", "HOME": str(folder)}
    return subprocess.Popen(["bash", "search.sh"], cwd=folder, env=environment, start_new_session=True)


def process_of_the_search(folder: Path) -> int:
    """Once it has begun."""
    deadline = time.monotonic() + 200
    while not (folder / "begun").exists() or not (folder / "begun").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int((folder / "begun").read_text())


@pytest.mark.parametrize("code", [0, 2])
def test_a_search_that_ended_otherwise_after_the_signal_is_not_put_back_in_the_queue(tmp_path: Path, code: int) -> None:
    """It was over, or an error would come again."""
    job = job_in(
        tmp_path, f"#!/bin/bash\ntrap 'exit {code}' TERM\necho $$ > begun\nfor _ in $(seq 100); do sleep 0.05; done\n"
    )
    process_of_the_search(tmp_path)
    job.terminate()

    assert job.wait(30) == code
    assert (tmp_path / "said").read_text() == ""


@pytest.mark.parametrize(("preempted", "code", "ends"), [(True, 143, 0), (False, 2, 2), (False, 0, 0)])
def test_the_script_for_slurm_is_put_back_in_the_queue_when_it_is_stopped(
    tmp_path: Path, preempted: bool, code: int, ends: int
) -> None:
    """The search is told to stop, has ended before, and nothing else is queued again."""
    search = "trap 'sleep 0.2; echo saved >> said; exit 143' TERM\necho $$ > begun\nfor _ in $(seq 100); do sleep 0.05; done\n"
    search = search if preempted else f"exit {code}\n"

    job = job_in(tmp_path, f"#!/bin/bash\n{search}")
    if preempted:
        process_of_the_search(tmp_path)
        job.terminate()

    assert job.wait(30) == ends
    said = (tmp_path / "said").read_text()
    assert said == ("saved\nrequeue 7\n" if preempted else "")


@pytest.mark.slow
def test_the_script_for_slurm_waits_for_the_search_however_often_it_is_told(tmp_path: Path) -> None:
    search = (
        "trap 'sleep 1; echo saved >> said; exit 143' TERM\necho $$ > begun\nfor _ in $(seq 100); do sleep 0.05; done\n"
    )
    job = job_in(tmp_path, f"#!/bin/bash\n{search}")
    process_of_the_search(tmp_path)
    for _ in range(4):
        job.terminate()
        time.sleep(0.15)

    assert job.wait(30) == 0
    assert (tmp_path / "said").read_text() == "saved\nrequeue 7\n"


STOPPABLE = f"""#!{sys.executable}
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from search.workers.supervisor import stop_on_signals

def say(word):
    with open("said", "a") as file:
        print(word, file=file)

try:
    with stop_on_signals() as stop:
        with open("begun", "w") as file:
            print(os.getpid(), file=file)
        while not stop.signal:
            time.sleep(0.02)
        time.sleep(1)
        say("saved")
except KeyboardInterrupt:
    say("ended in the middle of its epoch")
sys.exit(143)
"""


@pytest.mark.parametrize("reached", ["the search alone", "both"])
def test_the_script_for_slurm_is_put_back_once_the_epoch_is_over_whoever_the_signal_reaches(
    tmp_path: Path, reached: str
) -> None:
    """With the program's own handling of signals in the search's place."""
    job = job_in(tmp_path, STOPPABLE)
    search = process_of_the_search(tmp_path)
    if reached == "both":
        os.killpg(job.pid, signal.SIGTERM)
    else:
        os.kill(search, signal.SIGTERM)

    assert job.wait(60) == 0
    assert (tmp_path / "said").read_text() == "saved\nrequeue 7\n"


def test_a_second_sigterm_is_the_same_request_for_some_seconds_and_ctrl_c_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with stop_on_signals() as stop:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(supervisor, "SAME_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    with stop_on_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
