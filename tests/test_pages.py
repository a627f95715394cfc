"""The README and docs/: their commands are commands, their links lead somewhere, the scripts in them do what they say."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from search.commands.parser import parser
from studies.preset import PRESETS

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

    assert len(text.splitlines()) <= 95
    assert all(f"| `{name}` |" in text for name in PRESETS)
    assert all(f"docs/{page.name}" in text for page in PAGES if page.parent.name == "docs")


def test_every_file_that_the_container_copies_exists() -> None:
    copied = re.findall(r"^COPY (.*) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)

    names = [name for line in copied for name in line.split()]
    assert "constraints.txt" in names
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.parametrize(("preempted", "code", "ends"), [(True, 143, 0), (False, 2, 2), (False, 0, 0)])
def test_the_script_for_slurm_is_put_back_in_the_queue_when_it_is_stopped(
    tmp_path: Path, preempted: bool, code: int, ends: int
) -> None:
    """With stand-ins for SLURM and the search: the search is told to stop, has ended before, and nothing else is queued again."""
    page = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
    [script] = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "search.sh").write_text(script)
    search = (
        "trap 'sleep 0.2; echo saved >> said; exit 143' TERM\ntouch begun\nfor _ in $(seq 100); do sleep 0.05; done\n"
    )
    search = search if preempted else f"exit {code}\n"
    for name, does in {".venv/bin/boneage-search": search, "bin/scontrol": 'echo "$1 $2" >> said\n'}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/bash\n{does}")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "SLURM_JOB_ID": "7", "HOME": str(tmp_path)}

    job = subprocess.Popen(["bash", "search.sh"], cwd=tmp_path, env=environment)
    if preempted:
        import time

        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        job.terminate()

    assert job.wait(30) == ends
    said = (tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""
    assert said == ("saved\nrequeue 7\n" if preempted else "")
