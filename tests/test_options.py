"""Numbers and other values of options, and of a run.json edited by hand: what is taken, and what is said to the rest."""

import argparse
import ast
import json
import math
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typed_commands import commands, valued

from data import preparation
from data.preparation import Preparation
from data.ranges import Range, kinds, whole
from models import architecture
from models.architecture import Architecture
from models.cost import PARAMS, parse_params
from models.training import settings as training
from models.training.settings import Training
from search.cli import main
from search.commands import options
from search.commands.general.refused import RULES, Excludes, refuse_without_effect
from search.commands.parser import parser
from search.commands.values import Written
from search.evaluate import fine_tune
from search.run import open_run, record, settings_in_full
from search.storage.settings import EDITION_KEPT, begun_preset, derive
from studies import preset
from studies.preset import Preset, StudyError
from studies.presets import PRESETS, demo
from studies.presets.earlier import EARLIER, EDITION

GOLDEN = Path(__file__).parent / "golden"
PARTS: dict[type, dict[str, Range]] = {
    Preparation: preparation.RANGES,
    Training: training.RANGES,
    Architecture: architecture.RANGES,
    Preset: preset.RANGES,
}
HOSTILE = (
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e20",
    "-1e20",
    "1e999",
    "9" * 30,
    "9" * 5000,
    "0.5",
    "",
    " ",
    "many",
    "\x1b[31m",
)


def needed(command: argparse.ArgumentParser, but: argparse.Action) -> list[str]:
    """Values for what a command cannot do without, except for one argument."""
    words: list[str] = []
    for action in command._actions:
        if action.required and action is not but:
            words += [*action.option_strings[:1], next(iter(action.choices)) if action.choices else "x"]
    return words


TOP = parser()
ALL = [(words, command, action) for words, command in commands(TOP) for action in valued(command)]


def refused(typed: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said where the parser does not take the arguments; empty where it does."""
    try:
        TOP.parse_args(typed)
    except SystemExit as ended:
        code = ended.code
    else:
        return ""
    assert code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:9]))
def test_every_option_takes_only_what_it_can_use_and_names_itself_otherwise(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, command, action in ALL:
        given = [f"{action.option_strings[0]}={text}"] if action.option_strings else ["--", text]
        typed = [*words, *needed(command, action), *given]
        if said := refused(typed, capsys):
            assert said.count("\n") == 1
            assert "\x1b" not in said
            assert str(action.option_strings[0] if action.option_strings else action.metavar) in said
            continue
        value = getattr(TOP.parse_args(typed), action.dest)
        values = value if isinstance(value, (tuple, list)) else [value]
        assert not any(isinstance(one, float) and not math.isfinite(one) for one in values)
        if action.dest in options.RANGES:
            assert all(one in options.RANGES[action.dest] for one in values)


def test_an_option_whose_value_is_the_mark_of_the_options_end_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words, command, action in ALL:
        if action.option_strings and action.nargs is None:
            said = refused([*words, *needed(command, action), f"{action.option_strings[0]}=--"], capsys)
            assert "expected a value; got '--'" in said, (words, action.dest)


def test_every_argument_says_which_forms_it_takes() -> None:
    """Otherwise argparse says the name of a function of ours."""
    for words, _, action in ALL:
        assert action.choices or isinstance(action.type, Written), (words, action.dest)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_number_of_a_frozen_value_has_a_range(part: type) -> None:
    def numeric(kind: Any) -> bool:
        return kind in (int, float) or (get_origin(kind) is tuple and get_args(kind)[0] in (int, float))

    assert {name for name, kind in kinds(part).items() if numeric(kind)} == set(PARTS[part])


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, ranges in PARTS.items() for name in ranges], ids=str)
def test_no_frozen_value_holds_a_number_out_of_its_range(part: type, name: str) -> None:
    needed = {"name": "made"} if part is Preset else {}
    for value in (math.nan, math.inf, -math.inf, -1, 10**400, -(10**400), 1e20, "3", None, True, [1], (math.nan,)):
        with pytest.raises(ValueError, match=name):
            part(**needed | {name: value})


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_no_frozen_value_holds_a_word_for_a_yes_or_a_word_that_is_no_choice(part: type) -> None:
    needed = {"name": "made"} if part is Preset else {}
    for name, kind in kinds(part).items():
        if name not in PARTS[part] and kind not in (Preparation, Training, Architecture):
            with pytest.raises(ValueError, match=name):
                part(**needed | {name: 7})


@given(st.floats() | st.integers() | st.text(max_size=8) | st.booleans() | st.none())
@settings(deadline=None)
def test_a_range_holds_what_its_words_say(value: object) -> None:
    half_open, counts = Range(0, 1, below=True), whole(1, 5)

    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    assert (value in half_open) == (number and 0 <= value < 1)  # type: ignore[operator]
    assert (value in counts) == (number and isinstance(value, int) and 1 <= value <= 5)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("70M", 70_000_000),
        ("70m", 70_000_000),
        ("70 M", 70_000_000),
        ("7e7", 70_000_000),
        ("7E7", 70_000_000),
        ("7e+7", 70_000_000),
        ("70_000_000", 70_000_000),
        ("70,000,000", 70_000_000),
        ("0.5M", 500_000),
        ("1.5e6", 1_500_000),
        ("800k", 800_000),
        ("0.07G", 70_000_000),
    ],
)
def test_a_number_of_parameters_is_read_in_every_clear_form(text: str, params: int) -> None:
    assert parse_params(text) == params


@pytest.mark.parametrize(
    "text", ["70MB", "70,5M", "7,00", "1,0000", "70.000.000", "7e7M", "-7", "nan", "1e99", "7e-3", "seventy", "", "0"]
)
def test_a_number_of_parameters_that_is_not_clear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a number of parameters is"):
        parse_params(text)


@given(st.integers(1, int(PARAMS.high)))
@settings(deadline=None)
def test_a_whole_number_of_parameters_is_read_to_the_last_digit(params: int) -> None:
    assert {parse_params(written) for written in (f"{params}", f"{params:,}", f"{params:_}")} == {params}


def edited(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"preset": "demo", "overrides": {}, "data": "phantom:60"} | changes))
    return folder


@pytest.mark.parametrize("value", [math.nan, "x", {}, [[]], None, 1e20], ids=str)
def test_a_field_edited_by_hand_is_refused_with_the_file_and_its_name(tmp_path: Path, value: Any) -> None:
    of_numbers_and_words = [name for name in options.OPTIONS if not (options.KINDS[name] is str and value == "x")]
    for name in of_numbers_and_words:
        folder = edited(tmp_path / name, overrides={name: value})

        with pytest.raises(StudyError, match=name) as refused:
            open_run(folder, None, {}, None, None)

        assert str(folder / "run.json") in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"preset": 3},
        {"preset": ""},
        {"overrides": []},
        {"overrides": {"epoch": 3}},
        {"data": 5},
        {"storage": ["x"]},
        {"edition": 0},
        {"edition": 99},
        {"edition": "2"},
        {"edition": True},
        {"deterministic": "yes"},
    ],
    ids=str,
)
def test_settings_edited_by_hand_are_refused_with_the_file(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = edited(tmp_path / "run", **changes)

    with pytest.raises(StudyError, match=r"run\.json cannot be used"):
        open_run(folder, None, {}, None, None)


def test_a_run_of_an_earlier_edition_goes_on_with_the_values_that_its_preset_had(tmp_path: Path) -> None:
    """15 epochs of warming up were fewer than all of its 20, and are more than today's 14."""
    begun = open_run(edited(tmp_path / "run", overrides={"warmup_epochs": 15}), None, {}, None, None)

    assert (begun.preset.training.epochs, begun.preset.training.warmup_epochs) == (20, 15)
    record(begun)
    assert open_run(begun.folder, None, {}, None, None).preset == begun.preset
    record(open_run(tmp_path / "new", "demo", {}, "phantom:60", None))
    assert open_run(tmp_path / "new", None, {}, None, None).preset == demo()


@pytest.mark.parametrize(("name", "edition"), EARLIER)
def test_a_run_keeps_what_its_preset_had_in_its_own_edition(name: str, edition: int, tmp_path: Path) -> None:
    begun = open_run(edited(tmp_path / "run", preset=name, edition=edition), None, {}, None, None)

    kept, today = settings_in_full(begun.preset), settings_in_full(PRESETS[name]())
    assert EARLIER[name, edition]
    for field, value in EARLIER[name, edition].items():
        assert kept[field] == json.loads(json.dumps(value)) != today[field]


def test_what_the_presets_had_in_edition_4_is_kept_for_good() -> None:
    """Whoever changes a value raises EDITION and writes down in EARLIER what it was: both in studies/presets/earlier.py."""
    assert all(edition < EDITION for _, edition in EARLIER), "EARLIER tells of earlier editions: raise EDITION"
    for name, had in json.loads((GOLDEN / "presets_of_edition_4.json").read_text(encoding="utf-8")).items():
        kept = json.loads(json.dumps(settings_in_full(begun_preset(name, {"preset": name, EDITION_KEPT: 4}))))
        changed = {field: value for field, value in had.items() if kept[field] != value}
        assert not changed, f"runs that began with {name} had these values: raise EDITION, and write them in EARLIER"


@pytest.mark.parametrize("text", ["[]", "3", "null", "{", "[" * 100_000, "\ud800".encode("utf-16", "surrogatepass")])
def test_a_run_json_that_is_none_is_refused(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(StudyError, match=r"run\.json cannot be"):
        open_run(tmp_path, None, {}, None, None)


@pytest.mark.parametrize(
    "typed",
    [
        "--seed=-1",
        "--seed=1e20",
        f"--seed={10**20}",
        "--l2=nan",
        "--margin-months=nan",
        "--learning-rate=inf",
        "--warmup-epochs=99",
    ],
)
def test_a_refused_number_leaves_nothing_behind(tmp_path: Path, typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["ablate", "--preset", "demo", "--data", "phantom:60", "--run-dir", str(tmp_path / "run"), typed]
    try:
        code = main(arguments)
    except SystemExit as refused:
        code = int(str(refused.code))

    assert code == 2
    name = typed.partition("=")[0].strip("-")
    assert name in capsys.readouterr().err.replace("_", "-")
    assert not (tmp_path / "run").exists()


def test_the_same_widths_twice_and_widths_that_no_network_has_are_refused() -> None:
    for factors in ((1.0, 1.0001), (1.0, 256.0), (0.1, 1.0)):
        with pytest.raises(StudyError, match="width_factors"):
            replace(demo(), width_factors=factors)


def test_a_list_that_may_be_empty_is_emptied_by_none(tmp_path: Path) -> None:
    """Also one that an earlier command of the run has set."""
    names = {"fc_choices", "dropouts", "px_choices", "se_choices", "families", "depth_start", "group_betas"}
    typed = [text for name in sorted(names) for text in (f"--{name.replace('_', '-')}", "none")]
    chosen = options.chosen(parser().parse_args(["run", *typed]))
    record(open_run(tmp_path, "demo", {"px_choices": (40,), "families": ("xception",)}, None, None))

    assert chosen == dict.fromkeys(names, ())
    assert open_run(tmp_path, None, chosen, None, None).preset == derive(demo(), chosen)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--epochs 1", "warmup_epochs must be below epochs (1), got 1: lower --warmup-epochs, or raise --epochs"),
        ("--learning-rate 1e-6", "lower --final-learning-rate, or raise --learning-rate"),
        ("--gamma 0.5", "set --gamma to one of these"),
        ("--seeds 9 --baseline-seeds 2", "raise --baseline-seeds, or lower --seeds"),
        ("--seeds 9 --resolve 8", "raise --resolve, or lower --seeds"),
        ("--validation-fraction 0.6 --test-fraction 0.5", "lower --validation-fraction, or --test-fraction"),
    ],
)
def test_fields_that_do_not_go_together_are_refused_by_the_options_that_a_person_types(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    run = ["--preset", "demo", "--data", "phantom:60", "--run-dir", str(tmp_path / "run")]
    assert main(["run", *run, *arguments.split()]) == 2
    assert said in capsys.readouterr().err


def test_every_field_with_an_option_is_one_of_a_preset() -> None:
    known = {field.name for part in PARTS for field in fields(part)}

    assert set(options.OPTIONS) <= known


UNITS_OF = {
    "px": "PX",
    "months": "MONTHS",
    "fraction": "SHARE",
    "degrees": "DEGREES",
    "epochs": "EPOCHS",
    "rate": "RATE",
}


@pytest.mark.parametrize(
    ("words", "command"), list(commands(TOP)), ids=lambda given: " ".join(given) if type(given) is tuple else ""
)
def test_help_says_every_default_and_in_which_unit_a_value_is(words: tuple[str, ...], command: Any) -> None:
    formatter = command._get_formatter()
    for action in valued(command):
        if not action.option_strings:
            continue
        said = formatter._expand_help(action)
        assert action.required or "(default" in said, (words, action.dest)
        assert "==SUPPRESS==" not in said
        unit = UNITS_OF.get(action.dest.rpartition("_")[2])
        assert unit is None or action.metavar in (unit, f"{unit},{unit}"), (words, action.dest)
        assert action.metavar or action.choices or action.dest in ("name", "port"), (words, action.dest)


def test_a_default_that_help_says_is_one_that_the_option_takes(tmp_path: Path) -> None:
    """Where there is none, or it is yes or no, help says it in a word."""
    shown: dict[str, str] = {}
    for words, command, action in ALL:
        said = re.findall(r"\(default:? ([^()]*)\)", command._get_formatter()._expand_help(action))
        assert len(said) <= 1, (words, action.dest)
        of_the_preset = re.fullmatch("the preset's; (.*) in default", said[0]) if said else None
        if words == ("run",) and of_the_preset and of_the_preset[1] not in ("none", "yes", "no"):
            shown[action.option_strings[0]] = of_the_preset[1]

    typed = TOP.parse_args(["run", *(f"{option}={value}" for option, value in shown.items())])
    assert {"--blocks", "--stem-pools", "--max-params"} <= set(shown)
    run = open_run(tmp_path, "default", options.chosen(typed), "phantom:60", storage=None)
    assert run.preset == PRESETS["default"]()


def test_only_a_command_that_takes_a_preset_says_that_a_default_is_the_presets() -> None:
    without = {words for words, command in commands(TOP) if "preset" not in {one.dest for one in command._actions}}
    said = {
        (*words, action.dest): command._get_formatter()._expand_help(action)
        for words, command in commands(TOP)
        for action in command._actions
        if action.option_strings and action.help
    }

    assert ("evaluate",) in without
    assert not [place for place, text in said.items() if place[:-1] in without and "the preset's" in text]
    assert said["evaluate", "learning_rate"].endswith("(default: a tenth of the model's own)")
    assert fine_tune.SLOWER == 10
    assert said["evaluate", "age_unit"].endswith(f"(default: {Preparation.age_unit})")
    assert said["evaluate", "accept_losses"].endswith("(default: no)")
    assert all(said["explain", name].endswith("(default: the run's own)") for name in preparation.PIXELS)


def test_help_of_train_says_its_own_epochs_and_seed() -> None:
    [command] = [command for words, command in commands(TOP) if words == ("train",)]

    said = " ".join(command.format_all_help().split())
    assert f"full_epochs; {PRESETS['default']().full_epochs} in default" in said
    assert "epochs of every trial" not in said
    assert "neither the search nor its confirmation has used" in said


Known = dict[str, list[ast.FunctionDef]]
# A line of `run` can be planned as it stands; what plan says of these is that they change no cost.
OF_RUN_ALONE = {"plan": {"anyway", "take_over", "tensorboard", "trial_timeout"}}


def read_of(name: str, known: Known, seen: set[str]) -> set[str]:
    """The options that functions of this name read of their `arguments`, and those that they hand them to."""
    seen.add(name)
    found: set[str] = set()
    for node in (node for function in known[name] for node in ast.walk(function)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "arguments":
            found.add(node.attr)
        if isinstance(node, ast.Call) and any(isinstance(one, ast.Name) and one.id == "arguments" for one in node.args):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "getattr" and isinstance(node.args[1], ast.Constant):
                found.add(str(node.args[1].value))
            elif called == "vars":
                found |= set(options.OPTIONS)
            elif called in known and called not in seen:
                found |= read_of(called, known, seen)
    return found


def test_no_command_takes_an_option_that_it_does_not_read() -> None:
    known: Known = {}
    for path in (Path(__file__).parents[1] / "search").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(one.arg == "arguments" for one in node.args.args):
                known.setdefault(node.name, []).append(node)
    unread = {}
    for words, command in commands(TOP):
        taken = {action.dest for action in command._actions} - {"help", "help_all", "config", "run_dir"}
        function = command.get_default("command").__name__
        if left := taken - read_of(function, known, set()) - OF_RUN_ALONE.get(words[0], set()):
            unread[words] = sorted(left)

    assert unread == {}


WITHOUT_EFFECT = [  # a line, the option that would change nothing, and the one that makes it so
    (["compare", "--replay", "t.csv", "--workers", "4"], "--workers", "--replay"),
    (["compare", "--replay", "t.csv", "--executor", "ray"], "--executor", "--replay"),
    (["compare", "--replay", "t.csv", "--deterministic"], "--deterministic", "--replay"),
    (["compare", "--replay", "t.csv", "--device", "cpu"], "--device", "--replay"),
    (["compare", "--replay", "t.csv", "--data", "phantom:9"], "--data", "--replay"),
    (["compare", "--simulate-workers", "1,4"], "--simulate-workers", "--replay FILE"),
    (["dashboard", "--expose"], "--expose", "--host ADDRESS"),
    (["count", "--table1", "--max-params", "1"], "--max-params", "--table1"),
    (["count", "--table1", "--beta", "1.4"], "--beta", "--table1"),
    (["count", "--batch", "8"], "--batch", "--max-memory BYTES"),
    (["predict", "hand.png", "--age-unit", "years"], "--age-unit", "--table CSV"),
    (["predict", "hand.png", "--sex-column", "sex"], "--sex-column", "--table CSV"),
    (["predict", "hand.png", "--json", "--out", "a.csv"], "--json", "--out"),
    (["explain", "hand.png", "--split", "test"], "--split", "--sheet N"),
    (["explain", "hand.png", "--data", "phantom:9", "--run-dir", "x"], "--data", "--sheet N"),
    (["explain", "hand.png", "--storage", "sqlite:///x.db"], "--storage", "--sheet N"),
    (["explain", "hand.png", "--preset", "paper"], "--preset", "--sheet N"),
    (["explain", "hand.png", "--id-column", "Nr"], "--id-column", "--table CSV"),
    (["explain", "--sheet", "3", "--sex", "F"], "--sex", "--sheet"),
    (["explain", "--sheet", "3", "--force"], "--force", "--sheet"),
    (["evaluate", "hands", "--share", "0.3"], "--share", "--recalibrate or --fine-tune EPOCHS"),
    (["evaluate", "hands", "--recalibrate", "--learning-rate", "0.1"], "--learning-rate", "--fine-tune EPOCHS"),
    (["evaluate", "hands", "--deterministic"], "--deterministic", "--fine-tune EPOCHS"),
]


@pytest.mark.parametrize(("line", "idle", "other"), WITHOUT_EFFECT, ids=lambda value: str(value))
def test_an_option_without_effect_is_refused_with_the_one_that_makes_it_so(
    line: list[str],
    idle: str,
    other: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert re.search(rf"{idle} (needs|has no effect with) {re.escape(other)}: ", said.err)
    assert list(tmp_path.iterdir()) == []


def test_every_rule_on_options_is_of_options_that_its_command_has() -> None:
    known = {words[-1]: {action.dest for action in command._actions} for words, command in commands(TOP)}
    for name, rules in RULES.items():
        for rule in rules:
            named = (rule.option,) if isinstance(rule, Excludes) else rule.one_of
            assert {*named, *rule.options} <= known[name]
            assert len({line[0] for line, *_ in WITHOUT_EFFECT} & {name}) == 1


def test_what_is_needed_is_no_obstacle_and_defaults_are_nothing_given() -> None:
    for line in (
        ["count", "--table1", "--json"],
        ["count", "--max-memory", "8G", "--batch", "8"],
        ["count", "--table1", "--image-px", "300"],
        ["compare", "--replay", "t.csv", "--simulate-workers", "1,4", "--repetitions", "2", "--epochs", "3"],
        ["compare", "--workers", "4", "--deterministic"],
        ["explain", "--sheet", "3", "--split", "test", "--data", "phantom:9"],
        ["evaluate", "hands", "--recalibrate", "--share", "0.3", "--name", "x"],
        ["evaluate", "hands", "--fine-tune", "3", "--learning-rate", "0.1", "--device", "cpu"],
        ["predict", "hand.png", "--table", "a.csv", "--age-unit", "years"],
    ):
        refuse_without_effect(TOP.parse_args(line))


@pytest.mark.parametrize("command", ["status", "report", "dashboard"])
def test_a_command_that_only_reads_a_run_takes_no_data(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--data" in refused([command, "--data", "phantom:9"], capsys)


def test_only_what_may_begin_an_ablation_takes_the_option_to_train_it_with_too_few_seeds() -> None:
    taking = {
        words[0] for words, command in commands(TOP) if any(action.dest == "anyway" for action in command._actions)
    }

    assert taking == {"ablate", "run", "plan"}
