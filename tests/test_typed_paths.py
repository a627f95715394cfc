"""Paths as they are typed: ~ is the home folder wherever a path stands, as a shell expands it only where a word begins with it."""

import argparse
from pathlib import Path

import pandas as pd
import pytest
from typed_commands import boneage_search, commands, valued

from data.csv_text import read_csv, write_csv
from data.named_source import expanded
from search.commands.general.presets import read_config
from search.commands.parser import parser
from search.run import open_run

TOP = parser()
TYPED = "~/somewhere/it"
# Of texts that may hold ~, and are no paths or are expanded where they are opened: what help calls them.
NO_PATHS = {
    "NAME",
    "NAMES",
    "HEADING",
    "STUDY:NUMBER",
    "WHERE",  # an executor
    "ADDRESS",
    "WHAT",  # objectives
}
OPENED_LATER = {"DATA"}  # a source: phantom:N is none either


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_every_path_of_every_command_takes_the_tilde_for_the_home_folder(home: Path) -> None:
    paths = 0
    for words, action in ((words, action) for words, command in commands(TOP) for action in valued(command)):
        if action.choices or action.type is None:
            continue
        read = argparse.ArgumentParser()._get_value
        try:
            value = read(action, TYPED)  # type: ignore[arg-type]
        except argparse.ArgumentError:
            continue  # a number
        called = str(action.metavar or "NAME")
        if isinstance(value, Path) or called in ("FILE", "DIR", "FOLDER", "CSV", "TOML", "IMAGE"):
            assert Path(value) == home / "somewhere" / "it", (words, action.dest)
            paths += 1
        elif called == "URL":
            assert read(action, f"sqlite:///{TYPED}?timeout=3") == f"sqlite:///{home}/somewhere/it?timeout=3", words
            assert read(action, "postgresql://me@host/a~b") == "postgresql://me@host/a~b"
        else:
            assert called in NO_PATHS | OPENED_LATER, (words, action.dest, called)
    assert paths > 40


def test_a_tilde_is_expanded_behind_an_equals_sign_and_in_quotes(home: Path) -> None:
    parsed = TOP.parse_args(["evaluate", "~/set", "--to=~/out", "--model", "~/m"])
    assert (parsed.to, parsed.model) == (home / "out", home / "m")
    assert TOP.parse_args(["predict", "~/a.png", "b.png"]).paths == [home / "a.png", Path("b.png")]


def test_prepare_leaves_everything_in_the_home_folder_and_none_called_tilde(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = tmp_path_factory.mktemp("here")
    ended = boneage_search("prepare", "phantom:20", "--preset", "demo", "--run-dir=~/run", cwd=here)
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0, ended.stderr
    assert (home / "run" / "prepared" / "cases.csv").is_file()
    assert list(here.iterdir()) == []


def test_a_folder_that_is_called_tilde_is_named_with_a_dot_before_it(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    assert expanded("./~") == here / "~"
    assert expanded("./~nosuchuser/x") == here / "~nosuchuser" / "x"
    assert expanded(str(expanded("./~"))) == here / "~"
    (here / "~").mkdir()
    table = pd.DataFrame({"id": ["a"]})
    write_csv(table, Path("~/table.csv"))
    assert (here / "~" / "table.csv").is_file()
    assert read_csv(Path("~/table.csv")).equals(table)


def test_a_config_file_and_a_caller_in_python_may_write_a_tilde_too(home: Path) -> None:
    config = home / "fields.toml"
    config.write_text('weights = "~/w.h5"\ndata = "~/hands"\n')
    found = read_config(config)
    assert found["weights"] == str(home / "w.h5")
    run = open_run(Path("~/run"), "demo", {}, found["data"], None)
    assert (run.folder, run.data) == (home / "run", str(home / "hands"))
