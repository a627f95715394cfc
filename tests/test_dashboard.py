"""The Optuna dashboard on a run of ours, in a real browser."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent

from data.store import Store
from search.engine import STUDIES, load, run_study
from search.run import Run, record
from search.storage import open_storage, sqlite_url

pytestmark = pytest.mark.slow
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def run(tmp_path: Path, tiny_store: Store) -> Run:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    for name in STUDIES:
        run_study(run, tiny_store, name, FormulaExecutor, silent())
    record(run)
    return run


def answer(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as response:
        return int(response.status)


@pytest.fixture
def dashboard(run: Run) -> Iterator[str]:
    """The address of the real command, running on this run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "search.cli", "dashboard", "--run-dir", str(run.folder), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, "the dashboard ended"
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_the_dashboard_lists_the_four_studies_and_a_trials_attributes(run: Run, dashboard: str) -> None:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    study = load(open_storage(run.storage), "depth")
    assert study is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{dashboard}/dashboard/")
        for name in ("1 ablation", "2 width", "3 depth", "4 refinement"):
            expect(page.get_by_text(name, exact=False).first).to_be_visible(timeout=30_000)
        page.goto(f"{dashboard}/dashboard/studies/{study._study_id}/trials?numbers=0")
        for attribute in ("params_m", "gmacs", "best_epoch", "exit_reason", "n5"):
            expect(page.get_by_text(attribute, exact=False).first).to_be_visible(timeout=30_000)
        browser.close()


def test_the_dashboard_answers_while_the_search_writes(run: Run, dashboard: str) -> None:
    study = load(open_storage(run.storage), "depth")
    assert study is not None
    answers = []
    for _ in range(20):
        trial = study.ask()
        trial.set_user_attr("params_m", 1.0)
        answers.append(answer(f"{dashboard}/api/studies"))
        study.tell(trial, 20.0)

    assert answers == [200] * 20


def test_the_dashboard_is_reachable_from_this_machine_only(dashboard: str) -> None:
    """Connecting to another address of this machine, where it has one, is refused."""
    port = int(dashboard.rsplit(":", 1)[1])
    bound = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {fields[1] for fields in bound if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port}

    assert listening == {f"0100007F:{port:04X}"}
