"""Executors by name: the dict of them is all that `--executor` knows, in every command that trains."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data.store.disk import Store
from search.cli import main
from search.workers.executor import EXECUTORS, Executor, Kind, executor_of, forms
from studies.preset import StudyError

FORMS = ["local", "ray", "ray://auto", "ray://HOST:PORT"]


def test_every_form_that_is_listed_can_be_named() -> None:
    pytest.importorskip("ray")

    assert forms() == FORMS
    assert all(callable(executor_of(form.replace("HOST:PORT", "10.0.0.1:6379"))) for form in forms())


@pytest.mark.parametrize(
    "where", ["", "Local", "local://", "local://here", "ray://", "ray:auto", "://", "slurm://auto"]
)
def test_other_names_are_refused_with_those_that_there_are(where: str) -> None:
    said = f"--executor is {', '.join(FORMS[:-1])} or {FORMS[-1]}; got "
    with pytest.raises(StudyError, match=said):
        executor_of(where)


SMALL = (
    "--preset",
    "miniature",
    "--image-px",
    "40",
    "--stem-pools",
    "none",
    "--blocks",
    "mixed9=1",
    "--beta",
    "0.0625",
)
COMMANDS = {
    "ablate": ("--workers", "3", *SMALL),
    "compare": ("--workers", "3", *SMALL),
    "record": (
        "--workers",
        "3",
        "--out",
        "table.csv",
        *SMALL,
        "--width-factors",
        "1",
        "--depth-extra",
        "0",
        "--fc-choices",
        "8",
    ),
    "train": ("--batch", "8", *SMALL),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_another_executor_is_a_line_of_the_dict_and_reaches_every_command(
    command: str, tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mine(address: str, workers: int) -> Callable[[], Executor]:
        def made() -> Executor:
            raise StudyError(f"{workers} workers at {address} were asked for")

        return made

    monkeypatch.setitem(EXECUTORS, "mine", Kind(mine, ("HOST",)))
    code = main(
        [
            command,
            "--run-dir",
            str(tmp_path),
            "--data",
            str(tiny_store.path),
            "--executor",
            "mine://there",
            *COMMANDS[command],
        ]
    )

    workers = 1 if command == "train" else 3
    assert code == 2
    assert f"{workers} workers at there were asked for" in capsys.readouterr().err
