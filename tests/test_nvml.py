"""The reader of NVIDIA's management library through that library's own Python package, against a stand-in in C; where there are a compiler and the package."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from models.training.cards import HIDING

SOURCE = Path(__file__).with_name("nvml_stand_in.c")
ASKED = (
    "import json; from pathlib import Path; from models.training.energy import counter_joules, meter; "
    "from search.machine.card import cards, driver_version, own_card; used = meter(); own = own_card(); "
    "print(json.dumps([[str(card) for card in cards() or []], driver_version(Path('/none')), own and own.name, used(), counter_joules()]))"
)
FIRST, SECOND = "NVIDIA Stand-in 0", "NVIDIA Stand-in 1"

pytestmark = [
    pytest.mark.skipif(not shutil.which("gcc"), reason="no compiler"),
    pytest.mark.skipif(not find_spec("pynvml"), reason="nvidia-ml-py is not installed"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(made), str(SOURCE)], check=True)
    return made.parent


def told(library: Path, visible: str | None, **settings: str) -> list[Any]:
    """The cards, the driver's version, the process' own card, joules since the counter was asked before, and the counter."""
    own = {name: value for name, value in os.environ.items() if name != HIDING}
    named = {} if visible is None else {HIDING: visible}
    said = subprocess.run(
        [sys.executable, "-c", ASKED],
        env=own | named | settings | {"LD_LIBRARY_PATH": str(library)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[Any] = json.loads(said.stdout)
    return found


def test_all_cards_are_named_with_their_memory_and_the_drivers_version(library: Path) -> None:
    cards, driver, own, used, counter = told(library, None)

    assert cards == [f"{FIRST}, 24.0 GB, of which 20.0 GB are free", f"{SECOND}, 24.0 GB, of which 19.0 GB are free"]
    assert (driver, own, used, counter) == ("570.86.15", FIRST, 0.25, 1.75)


@pytest.mark.parametrize(
    ("visible", "own"),
    [
        ("0", FIRST),
        ("1,0", SECOND),
        (" 1", SECOND),
        ("GPU-5a2c0000-0000-4000-8000-000000000001", SECOND),
        ("GPU-5a2c", SECOND),  # CUDA, too, takes the beginning of a UUID
        ("GPU-5a2d", None),
        ("MIG-41b3", None),
        ("2", None),
        ("-1", None),
        ("", None),
    ],
)
def test_the_card_of_a_process_is_that_which_cuda_gives_it(library: Path, visible: str, own: str | None) -> None:
    _, _, found, used, _ = told(library, visible)

    assert found == own
    assert used == (0.25 if own else None)


def test_what_a_card_or_its_driver_does_not_tell_is_missing_and_the_rest_is_there(library: Path) -> None:
    assert told(library, "0", STAND_IN_WITHOUT_ENERGY="1")[2:] == [FIRST, None, None]
    assert told(library, "0", STAND_IN_WITHOUT_MEMORY="1") == [[], "570.86.15", None, 0.25, 1.75]
    assert told(library, "0", STAND_IN_WITHOUT_DRIVER="1") == [[], None, None, None, None]
