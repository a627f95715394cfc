"""What TensorFlow asks NVIDIA's driver, and who asks: with a stand-in for the driver in C, in place of its libraries; where there is a compiler."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.training.cards import HIDING

SOURCE = Path(__file__).with_name("driver_stand_in.c")
# Those that TensorFlow opens before it lists a card.
LIBRARIES = (
    *("cuda.so.1", "cudart.so.12", "nvidia-ml.so.1", "cublas.so.12", "cublasLt.so.12", "cufft.so.11"),
    *("cusolver.so.11", "cusparse.so.12", "cudnn.so.9", "cupti.so.12", "nccl.so.2"),
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("gcc"), reason="no compiler")]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driver")
    first, *others = (folder / f"lib{name}" for name in LIBRARIES)
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", str(first), str(SOURCE)], check=True)
    for other in others:
        shutil.copy(first, other)
    return folder


def told(libraries: Path, calls: Path, code: str, cards: str, visible: str, **settings: str) -> Any:
    """What the code prints as JSON on a machine with these cards."""
    own = os.environ | {"LD_LIBRARY_PATH": str(libraries), "STAND_IN_CARDS": cards, "STAND_IN_CALLS": str(calls)}
    said = subprocess.run(
        [sys.executable, "-c", f"import json, os\nfrom pathlib import Path\n{code}"],
        env=own | {HIDING: visible} | settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(said.stdout)


def test_the_server_of_the_workers_asks_the_driver_nothing_and_each_worker_sees_its_own_card_alone(
    libraries: Path, tmp_path: Path
) -> None:
    """A process that is forked from one that has called cuInit can use no card."""
    calls = tmp_path / "calls"
    code = (
        "from search.workers.local import asked_of_a_worker\nfrom search.machine.on_a_gpu import gpus_seen\n"
        f"forked, calls = asked_of_a_worker(os.getpid), Path({str(calls)!r})\n"  # the server has imported all
        "before = calls.exists()\nsaid = [asked_of_a_worker(gpus_seen, card) for card in ('0', '1')]\n"
        "print(json.dumps([forked is None, before, *said]))"
    )

    assert told(libraries, calls, code, "8.0,7.0", "0,1") == [False, False, 1, 1]
    inits = [line.split() for line in calls.read_text().splitlines()]
    assert [visible for _, _, visible in inits] == ["0", "1"]
    assert len({process for process, _, _ in inits}) == 2


def test_cards_are_seen_with_their_precision_and_whether_there_is_code_for_them(
    libraries: Path, tmp_path: Path
) -> None:
    code = (
        "from dataclasses import asdict\nfrom search.machine.devices import seen\n"
        "print(json.dumps(asdict(seen('auto', False))))"
    )

    found = told(libraries, tmp_path / "calls", code, "7.0,8.6,9.0,12.0,5.2", "4,3,2,1,0")

    assert found["gpus"] == ["Card 4", "Card 3", "Card 2", "Card 1", "Card 0"]
    assert found["each"] == ["float32", *["mixed_bfloat16"] * 3, "mixed_float16"]
    assert (found["precision"], found["xla"]) == ("float32", True)
    newer, older = found["without_code"]
    assert newer.startswith("Card 3 is newer than TensorFlow's package")
    assert older.startswith("Card 4 is older than TensorFlow's package")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"STAND_IN_FULL": "1"}, "other processes have taken its memory: "),
        ({}, "cudaGetDevice() failed. Status: unknown error"),
    ],
    ids=["full", "broken"],
)
def test_a_card_that_does_not_begin_says_nothing_of_the_network(
    settings: dict[str, str], says: str, libraries: Path, tmp_path: Path
) -> None:
    """The reason is one after which a trial is tried again, and the search stops; a network that needs too much would have failed."""
    code = (
        "from search.workers import worker\nfrom search.workers.job import Job\n"
        "from models.architecture import Architecture\nfrom models.training.settings import Training\n"
        "job = Job(0, Architecture(), Training(), 0, Path('none'), '', 40, Path('none'), gpu='1')\n"
        "worker.use_devices(job)\nended = worker.outcome(job, lambda message: None)\n"
        "print(json.dumps([ended.reason, ended.detail]))"
    )

    reason, detail = told(libraries, tmp_path / "calls", code, "8.0,8.0", "0,1", **settings)

    assert reason == "device_error"
    assert detail.startswith(says)
