"""`presets`, --config, --version and --help: what there is to set, and settings from a file."""

import argparse
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.cli import main
from search.commands import options
from search.commands.general.help import Parser
from search.commands.general.presets import read_config, toml
from search.commands.parser import parser
from search.storage.settings import flat
from studies.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_written_as_toml_is_read_as_the_same_preset(name: str, tmp_path: Path) -> None:
    preset = PRESETS[name]()
    file = tmp_path / "run.toml"
    file.write_text("\n".join(toml(preset)), encoding="utf-8")

    read = read_config(file)

    assert read.pop("preset") == name
    assert read.pop("data", "") == preset.data
    assert read == {field: flat(preset)[field] for field in options.OPTIONS}


def test_every_field_of_every_preset_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert everything.keys() == PRESETS.keys()
    assert all(options.OPTIONS.keys() <= fields.keys() for fields in everything.values())
    assert main(["presets"]) == 0
    assert all(name in capsys.readouterr().out for name in ["paper"])
    assert main(["presets", "paper"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("learning_rate", "loss", "epochs", "flip_horizontal"))


@pytest.mark.slow
def test_an_option_on_the_command_line_wins_over_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.toml"
    file.write_text('preset = "demo"\ndata = "phantom:60"\nblocks = "2/1/2"\nmax_params = "1.5M"\nepochs = 7\n')
    plan = ["plan", "--run-dir", str(tmp_path / "run"), "--config", str(file), "--json"]

    assert main(plan) == 0
    seven = json.loads(capsys.readouterr().out)
    assert main([*plan, "--epochs", "14"]) == 0
    fourteen = json.loads(capsys.readouterr().out)

    assert (seven["preset"], seven["data"]) == ("demo", "phantom:60")
    assert fourteen["epochs"] == 2 * seven["epochs"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "'epoch' is no field"),
        ("epochs = ", "is not valid TOML"),
        ("preset = 3", "preset is a text"),
        ('max_params = "many"', "max_params: "),
        ('blocks = "9"', "blocks: "),
        ("epochs = -1", "epochs must be"),
        ("epochs = 1.5", "epochs must be"),
        ('data = "a\\u0000b"', "data is a text"),
        ('weights = "a\\u0000b"', "weights must be a text"),
        ('epochs = "ten"', "epochs must be"),
        ("seed = " + "[" * 5_000 + "]" * 5_000, "is not valid TOML"),
        ("seed = " + "[" * 400 + "]" * 400, "nests values more than 20 deep"),
        ("seed" + ".a" * 5_000 + " = 1", "nests values more than 20 deep"),
        ("[training]\nepochs = 3", "'training' is no field"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)

    assert main(["plan", "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--config", str(file)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_whole_numbers_may_be_written_with_an_exponent(tmp_path: Path) -> None:
    """As the options' own help has them; TOML takes such numbers for fractions."""
    (tmp_path / "run.toml").write_text("epochs = 1e1\nmax_params = 70e6\nmax_macs = 1.5e9\nbeta = 1.0\n")
    found = read_config(tmp_path / "run.toml")

    assert found == {"epochs": 10, "max_params": 70_000_000, "max_macs": 1_500_000_000, "beta": 1.0}
    assert [type(value) for value in found.values()] == [int, int, int, float]


@given(text=st.text(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_no_text_is_a_crash(text: str, tmp_path: Path) -> None:
    (tmp_path / "any.toml").write_text(text, encoding="utf-8", errors="replace")
    try:
        assert isinstance(read_config(tmp_path / "any.toml"), dict)
    except ValueError as error:
        said = str(error)
    else:
        return
    assert "any.toml" in said


def parsers(top: Parser, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Parser]]:
    below = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    found = [(words, top)]
    for action in below:
        for name, command in action.choices.items():
            found += parsers(command, (*words, name))
    return found


@pytest.mark.parametrize(
    ("words", "command"), [pytest.param(*one, id=" ".join(one[0]) or "top") for one in parsers(parser())]
)
def test_help_is_a_page_and_help_all_has_every_option(words: tuple[str, ...], command: Parser) -> None:
    """The common options fit on a screen; none is lost; and asking for help changes nothing."""
    everything = command.format_all_help()
    short = command.format_help()

    assert command.format_all_help() == everything
    for action in command._actions:
        assert all(option in everything for option in action.option_strings), words
    listed = [line for line in short.splitlines() if line.startswith("  -")]
    assert len(listed) <= 22, short
    assert " X " not in everything


def test_a_command_shows_its_own_fields() -> None:
    found = {" ".join(words): command.format_help() for words, command in parsers(parser())}

    assert "--depth-patience" in found["depth"]
    assert "--depth-patience" not in found["ablate"]
    assert "--resolve" in found["ablate"]
    assert "--help-all shows" in found["run"]
    assert all("shows 1 more options" not in text for text in found.values())
    assert found["status"].endswith("shows 1 more option.\n")


def test_the_version_is_said_with_those_it_stands_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert "tensorflow" in capsys.readouterr().out


def test_an_unknown_preset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "none"]) == 2
    assert "there are default, paper, cpu" in capsys.readouterr().err
    assert main(["presets", "--toml"]) == 2
