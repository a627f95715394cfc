"""`doctor` says what this machine trains on, and what to do where something is amiss."""

import json

import pytest

from search.cli import main
from search.machine.doctor import to_do


def test_what_to_do_follows_from_what_is_seen() -> None:
    assert to_do("", ()) == "nothing"
    assert to_do("NVIDIA's driver", ("A100",)) == "nothing"
    assert "EXTRAS=dev,gpu" in to_do("NVIDIA's driver for WSL2", ())
    assert "install the program again" in to_do("", None)


def test_another_preset_than_there_is_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--preset", "none"]) == 2
    assert "unknown preset 'none'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_facts_are_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["train_step_seconds"] > 0
    assert found["memory_gb"] > 0.5
    assert found["xla"] == bool(found["tensorflow_sees"])
    assert found["versions"]["tensorflow"]
    assert found["to_do"]
