"""The Optuna dashboard on a run: the real command, looked at with a real browser."""

import contextlib
import json
import multiprocessing
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from playwright.sync_api import Browser, Page, expect
from ports import free_port

from data.store.disk import Store
from search.leader.engine import run_study
from search.report.words import asked
from search.run import Run, record
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.sqlite import sqlite_url
from search.watch.dashboard import noted
from studies.order import STUDIES

pytestmark = pytest.mark.slow

EPOCHS = 30
NAMES = ["1 ablation", "2 width", "3 depth", "4 refinement"]


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """A run whose four studies are decided, of trials with many epochs."""
    folder = tmp_path_factory.mktemp("decided")
    preset = replace(tiny_preset(), strategy="paper")  # its points are known beforehand
    preset = replace(preset, training=replace(preset.training, epochs=EPOCHS))
    run = Run(folder, preset, {}, str(tiny_store.path), sqlite_url(folder / "studies.db"))
    for name in STUDIES:
        run_study(run, tiny_store, name, FormulaExecutor, noted(silent()))
    record(run)
    return folder


def command(folder: Path, port: int) -> list[str]:
    return [
        str(Path(sys.executable).with_name("boneage-search")),
        "dashboard",
        "--run-dir",
        str(folder),
        "--port",
        str(port),
    ]


def wait_for(server: subprocess.Popen[Any], address: str) -> None:
    """Until it answers; half a minute at most."""
    for _ in range(300):
        assert server.poll() is None, "the dashboard has ended"
        try:
            get(f"{address}/api/studies")
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("the dashboard does not answer")


@pytest.fixture(scope="module")
def printed(decided: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that the dashboard of that run prints, while it answers there."""
    port = free_port()
    log = tmp_path_factory.mktemp("dashboard") / "stderr.txt"
    with log.open("w") as stderr:
        server = subprocess.Popen(command(decided, port), stdout=subprocess.DEVNULL, stderr=stderr)
        try:
            wait_for(server, f"http://127.0.0.1:{port}")
            yield log.read_text().split()[0]
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="module")
def address(printed: str) -> str:
    return printed[: printed.index("/dashboard")]


def get(url: str) -> Any:
    """What the address answers, which must be 200."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.status == 200
        return json.load(answer)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    yield opened
    opened.close()


def test_the_printed_address_lists_the_four_studies_in_order(printed: str, page: Page) -> None:
    page.goto(printed)
    expect(page.get_by_text(NAMES[0])).to_be_visible(timeout=30_000)

    text = page.inner_text("body")
    assert re.findall("|".join(NAMES), text) == NAMES


def test_a_study_and_its_trials_can_be_opened_and_tell_what_they_were(printed: str, page: Page) -> None:
    """By clicking, from the list to a trial of the width study."""
    page.goto(printed)
    page.get_by_text("2 width").click(timeout=30_000)
    expect(page.get_by_text("Study User Attributes")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("3 of 3 configurations fit 100,000 parameters")).to_be_visible()
    for axis in ("parameters, millions", "GMACs of one image", "months worse (left of 0: better)"):
        expect(page.get_by_text(axis).first).to_be_attached(timeout=30_000)
    page.get_by_role("link", name="Note").click()
    expect(page.get_by_text(asked("width"))).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Trials (List)").click()
    page.get_by_text("Trial 1", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile(r"Trial 1 \(")).first).to_be_visible(timeout=30_000)

    for picture in ("learning_curve.svg", "network.svg"):
        page.wait_for_function(
            f"[...document.images].some(image => image.alt === '{picture}' && image.naturalWidth > 600)"
        )
    text = page.inner_text("body")
    assert f"months validation MAE in epoch {EPOCHS}" in text
    shown = dict(re.findall(r"^(\w+) (\S+)$", text, flags=re.MULTILINE))
    wanted = {"beta": "0.0875", "n5": "1", "n7": "0", "n9": "1", "best_epoch": str(EPOCHS), "exit_reason": "completed"}
    assert shown.items() >= wanted.items()
    assert {"params_m", "gmacs", "seed", "seconds"} <= set(shown)


def test_trials_are_a_table_of_low_rows_which_a_click_sorts(address: str, page: Page) -> None:
    page.goto(f"{address}/dashboard/studies/2/smartSelection")
    expect(page.get_by_role("columnheader", name="UserAttribute params_m")).to_be_attached(timeout=30_000)
    names = [header.splitlines()[0] for header in page.get_by_role("columnheader").all_inner_texts()]
    rows = page.locator("tbody tr")

    assert rows.count() == 3
    assert all(100 > (box["height"] if (box := row.bounding_box()) else 0) > 0 for row in rows.all())
    for name in ("Value", "UserAttribute params_m", "UserAttribute gmacs"):
        orders = []
        for _ in range(2):
            page.get_by_role("columnheader", name=name).get_by_role("button").first.click()
            cells = page.locator(f"tbody tr td:nth-child({names.index(name) + 1})")
            orders.append([float(text) for text in cells.all_inner_texts()])
        assert orders[0] != orders[1]
        assert {tuple(order) for order in orders} == {tuple(sorted(orders[0])), tuple(sorted(orders[0])[::-1])}


def test_the_dashboard_is_reached_from_this_machine_alone(address: str) -> None:
    """It has no login, and can delete studies. A server bound to every address would answer at 127.0.0.2 too."""
    port = int(address.rpartition(":")[2])
    others = ["127.0.0.2"]
    with contextlib.suppress(socket.gaierror):  # of a machine whose name no service knows
        others.append(socket.gethostbyname(socket.gethostname()))

    for other in others:
        if other != "127.0.0.1":
            with socket.socket() as asking, pytest.raises(ConnectionRefusedError):
                asking.connect((other, port))


def write_trials(url: str, started: Event, ended: Event) -> None:
    """A process of its own, as a search is: adds trials until it is told to end."""
    study = load(open_storage(url), "refinement")
    assert study is not None
    while not ended.is_set():
        for _ in range(20):
            study.add_trial(optuna.create_trial(value=99.0, user_attrs={"beta": 1.0}))
        started.set()


def test_the_dashboard_answers_while_a_search_writes(address: str, decided: Path) -> None:
    def written() -> int:
        return len(get(f"{address}/api/studies/4")["trials"])

    context = multiprocessing.get_context("spawn")
    started, ended = context.Event(), context.Event()
    url = sqlite_url(decided / "studies.db")
    writer = context.Process(target=write_trials, args=(url, started, ended), daemon=True)
    writer.start()
    try:
        assert started.wait(60)
        before = written()
        waited = []
        until = time.monotonic() + 60  # a slow disk writes a trial in the time of many answers
        while len(waited) < 20 or (written() == before and time.monotonic() < until):
            asked = time.monotonic()
            studies = get(f"{address}/api/studies")["study_summaries"]  # anything but 200 raises
            waited.append(time.monotonic() - asked)
            assert [study["study_name"].partition(" [")[0] for study in studies] == NAMES
        after = written()
    finally:
        ended.set()
        writer.join(60)

    assert writer.exitcode == 0
    assert after > before
    assert median(waited) < 5  # one of twenty may meet a busy machine; waiting for the lock would slow them all


def test_a_taken_port_ends_with_exit_code_2_and_says_what_to_do(address: str, decided: Path) -> None:
    port = int(address.rpartition(":")[2])
    ended = subprocess.run(command(decided, port), capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2, ended.stderr
    assert f"{port}" in ended.stderr.splitlines()[-1]
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_refused(decided: Path, port: int) -> None:
    ended = subprocess.run(command(decided, port), capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2, ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_ctrl_c_ends_the_dashboard_quietly_while_it_answers(decided: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    ended = threading.Event()

    def browse() -> None:
        with contextlib.suppress(OSError):  # the connection that the end cuts
            while not ended.is_set():
                get(f"{address}/api/studies")

    server = subprocess.Popen(command(decided, port), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with server, ThreadPoolExecutor(4) as browsers:
        try:
            wait_for(server, address)
            for _ in range(4):
                browsers.submit(browse)
            time.sleep(0.5)
            server.send_signal(signal.SIGINT)
            said = server.communicate(timeout=30)[1]
        finally:
            ended.set()
            server.kill()

    assert server.returncode == 0
    assert len(said.splitlines()) == 1, "it says its address, and nothing once it is told to end"


def test_an_idle_connection_holds_up_nobody(address: str) -> None:
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))):
        assert get(f"{address}/api/studies")
