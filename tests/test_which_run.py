"""Commands find their run: the only one below runs/, the latest of several, another one where preset or data say so."""

import json
import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.cli import main
from search.commands.general.which_run import found
from search.output.typed import DEFAULT_RUN, runs_here, typed
from studies.preset import StudyError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begun(name: str, seconds: int, preset: str = "demo", data: str = "phantom:60") -> Path:
    """A run's settings, written so many seconds after 1970."""
    folder = Path("runs") / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"preset": preset, "strategy": "paper", "overrides": {}, "data": data}))
    os.utime(folder / "run.json", (seconds, seconds))
    return folder


def test_the_only_run_is_taken_and_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun("demo", 1)

    assert main(["status", "--json"]) == 0

    shown = capsys.readouterr()
    assert [study["state"] for study in json.loads(shown.out)] == ["not begun"] * 4
    assert shown.err == "run: runs/demo, the only one below runs/\n"


def test_of_several_runs_the_latest_is_taken_and_the_others_are_listed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seconds in (("a", 1), ("b", 3), ("c", 2)):
        begun(name, seconds)

    assert main(["status"]) == 0

    shown = capsys.readouterr()
    assert shown.err == "run: runs/b, the latest of 3 below runs/; choose another with --run-dir: runs/c, runs/a\n"
    assert "boneage-search ablate --run-dir runs/b" in shown.out


@pytest.mark.parametrize("words", [["evaluate", "phantom:40"], ["predict", "."], ["export", "--format", "keras"]])
def test_what_a_model_is_to_answer_does_not_say_which_run_it_is_of(
    here: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    begun("a", 1)
    begun("b", 2)
    (here / "hand.png").write_bytes(b"a picture")

    assert main(words) == 2
    assert capsys.readouterr().err.startswith("run: runs/b, the latest of 2 below runs/")


def test_what_is_said_to_begin_a_run_begins_none_before_a_preset_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ordinary preset may take a year on a machine without a GPU."""
    begun("main", 1)
    assert main(["status", "--run-dir", "runs/cpu"]) == 2
    said = capsys.readouterr().err
    assert "or name another folder, as runs/main" in said

    advice = shlex.split(said.split("`")[1])
    assert advice == ["boneage-search", "run", "--run-dir", "runs/cpu", "--preset", "NAME"]
    assert main(advice[1:]) == 2
    assert "unknown preset 'NAME'; there are default, paper, cpu" in capsys.readouterr().err
    assert not (here / "runs" / "cpu").exists()


def test_a_run_that_is_named_is_not_looked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun("a", 1)
    begun("b", 3)

    assert main(["status", "--run-dir", "runs/a", "--json"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("preset", "data", "folder"),
    [
        (None, None, "runs/new"),
        ("demo", None, "runs/new"),
        ("cpu", None, "runs/old"),
        (None, "phantom:80", "runs/old"),
        ("demo", "phantom:60", "runs/new"),
        ("paper", None, "runs/paper"),
        (None, "rsna", "runs/main"),
        ("paper", "rsna", "runs/paper"),
    ],
)
def test_preset_and_data_say_which_run_is_meant(here: Path, preset: str, data: str, folder: str) -> None:
    begun("old", 1, "cpu", "phantom:80")
    begun("new", 2)

    assert found(preset, data, runs_here())[0] == Path(folder)


def test_a_new_run_never_begins_in_the_folder_of_another(here: Path) -> None:
    begun("paper", 1)  # by its name one thing, by its settings another

    with pytest.raises(StudyError, match="runs/paper is another run: name a new folder with --run-dir"):
        found("paper", None, runs_here())


@pytest.mark.parametrize("command", ["status", "report", "dashboard"])
def test_a_command_that_begins_no_run_says_which_there_are(
    here: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begun("old", 1)
    begun("new", 2)
    assert main([command, "--preset", "cpu"]) == 2
    said = capsys.readouterr().err
    assert (
        said
        == "boneage-search: no run below runs/ has preset 'cpu'; there are runs/new, runs/old; choose a run with --run-dir\n"
    )


def test_where_there_is_no_run_one_begins_in_the_default_folder(here: Path) -> None:
    assert found("demo", "phantom:60", runs_here()) == (DEFAULT_RUN, "")
    Path("runs/empty").mkdir(parents=True)
    assert runs_here() == []


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["main", "demo", "a", "-x", "a b"]), st.integers(1, 9), max_size=4))
def test_a_command_that_is_told_to_be_typed_finds_the_run_it_was_told_of(times: dict[str, int]) -> None:
    """Whatever other runs there are."""
    import shlex
    import tempfile

    from search.commands.general.which_run import settle_run
    from search.commands.parser import parser

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            runs = [begun(name, seconds) for name, seconds in times.items()]
            for run in runs:
                arguments = parser().parse_args(shlex.split(typed("status", run))[1:])
                settle_run(arguments)
                assert arguments.run_dir == run
        finally:
            os.chdir(before)


def test_a_model_of_a_run_says_which_run_it_is_of(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun("a", 1)
    begun("b", 2)

    assert main(["export", "--format", "keras", "--model", "runs/a/models/small"]) == 2
    assert "run: " not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--preset", "paper"], "preset 'paper'"),
        (["--data", "phantom:9"], "data 'phantom:9'"),
        (["--preset", "paper", "--data", "phantom:9"], "preset 'paper' and data 'phantom:9'"),
    ],
)
def test_explain_begins_no_run_that_could_have_no_model(
    here: Path, words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begun("a", 1)

    assert main(["explain", "--sheet", "3", *words]) == 2
    said = capsys.readouterr().err
    assert said == f"boneage-search: no run below runs/ has {named}; there is runs/a; choose a run with --run-dir\n"
