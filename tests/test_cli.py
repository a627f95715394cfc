"""The command line as people use it: the real program in a process of its own."""

import ast
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from typed_commands import boneage_search, refused, refused_here

from data.store.disk import Store, open_store
from search.cli import main, parser
from search.leader.engine import run_study
from search.output.typed import typed
from search.prepared import prepared
from search.run import Run, open_run, record
from search.storage.sqlite import sqlite_url
from search.storage.status import next_command, status
from studies.order import STUDIES

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """A run whose four studies are decided, and that has nothing to do after them; read only."""
    folder = tmp_path_factory.mktemp("decided")
    run = Run(
        folder,
        replace(tiny_preset(), confirm=0),
        {"confirm": 0},
        str(tiny_store.path),
        sqlite_url(folder / "studies.db"),
    )
    for name in STUDIES:
        run_study(run, tiny_store, name, FormulaExecutor, silent())
    return folder


def test_count_gives_the_papers_final_network() -> None:
    ended = boneage_search("count", "--beta", "1.4", "--blocks", "4/3/3", "--fc", "3072", "--json")

    counted = json.loads(ended.stdout)
    assert counted["params"] == 78_314_075
    assert {"params", "trainable_params", "macs", "gap_channels"} <= set(counted)


def test_table1_matches_in_nine_of_ten_rows() -> None:
    rows = json.loads(boneage_search("count", "--table1", "--json").stdout)

    differing = [row for row in rows if row["params"] // 1_000_000 != row["paper_millions"]]
    assert len(rows) == 10
    assert [(row["name"], row["params"]) for row in differing] == [("Baseline", 21_804_353)]


def test_count_and_help_and_status_load_no_tensorflow(tmp_path: Path) -> None:
    record(open_run(tmp_path, "demo", {}, None, None))
    for arguments in (["count"], ["--help"], ["status", "--run-dir", str(tmp_path)], ["count", "--table1"]):
        script = (
            "import sys; from search.cli import main\n"
            f"try: main({arguments!r})\nexcept SystemExit: pass\n"
            "print([name for name in ('tensorflow', 'keras') if name in sys.modules], file=sys.stderr)"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
        assert ended.stderr.strip().endswith("[]")


@pytest.mark.slow
def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    names = re.findall(r"^    (\w+)(?: |$)", boneage_search("--help").stdout, flags=re.MULTILINE)

    assert {
        "prepare",
        "audit",
        "baseline",
        "ablate",
        "width",
        "depth",
        "refine",
        "resolution",
        "run",
        "train",
        "predict",
        "evaluate",
        "explain",
        "export",
        "compare",
        "record",
        "plan",
        "status",
        "report",
        "count",
        "storage",
        "dashboard",
        "doctor",
        "presets",
    } == set(names)
    for name in names:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"example: boneage-search {name}" in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_the_commands_of_the_readme_are_commands() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    typed = re.findall(r"^boneage-search ([^#\n]+)", readme, flags=re.MULTILINE)

    assert len(typed) > 8
    for line in typed:
        parser().parse_args(line.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--preset", "papre"], "unknown preset 'papre'; there are default, paper, cpu, demo"),
        (["run", "--data", "no/such/folder"], "no/such/folder is not a folder"),
        (["run", "--data", "~nosuchuser/x"], "~nosuchuser/x begins with ~, and this machine knows no such home folder"),
        (
            ["plan", "--data", "~nosuchuser/x"],
            "~nosuchuser/x begins with ~, and this machine knows no such home folder",
        ),
        (["run", "--weights", "~nosuchuser/x"], "~nosuchuser/x begins with ~, and this machine knows no such home"),
        (["run"], "no data: give --data"),
        (["run", "--data", "phantom:none"], "phantom:N"),
        (
            ["prepare", "phantom:40", "--image-px", "7"],
            "argument --image-px: expected a whole number from 32 to 2,048; got '7'",
        ),
        (
            ["run", "--data", "phantom:40", "--epochs", "0"],
            "argument --epochs: expected a whole number from 1 to 100,000; got '0'",
        ),
        (["run", "--data", "phantom:40", "--workers", "-1"], "--workers"),
        (["width", "--data", "phantom:40", "--preset", "demo"], "run `boneage-search ablate` first"),
        (
            ["ablate", "--data", "phantom:40", "--preset", "demo", "--max-params", "10k"],
            "no point of ablation fits 10,000",
        ),
        (["ablate", "--data", "phantom:40", "--preset", "demo", "--storage", "not a url"], "SQLAlchemy URL"),
        (["depth", "--max-params", "70X"], "argument --max-params"),
        (["count", "--blocks", "4/3"], "argument --blocks"),
        (["count", "--beta", "0"], "argument --beta: expected a number from 0.03125 to 8; got '0'"),
        (["count", "--image-px", "40"], "an image of 40 px is too small: nothing of it is left after"),
        (["dashboard"], "runs/main holds no run: begin one with `boneage-search run --preset NAME`"),
        (["refine", "--preset", "demo"], "run `boneage-search depth` first"),
        (
            ["ablate", "--data", "phantom:40", "--preset", "demo", "--max-params", "50k"],
            "the reference, with which the ablation compares, does not fit 50,000 parameters",
        ),
    ],
)
def test_bad_input_ends_with_exit_code_2_says_what_to_do_and_leaves_nothing(
    tmp_path: Path,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refused_here(capsys, *arguments)
    assert not list(tmp_path.iterdir())


def test_a_cap_that_an_architecture_breaks_is_exit_code_2() -> None:
    ended = boneage_search("count", "--beta", "1.4", "--blocks", "4/3/3", "--fc", "3072", "--max-params", "70M")

    assert ended.returncode == 2
    assert "over the cap of 70,000,000" in ended.stderr


@pytest.mark.slow
def test_a_missing_column_and_a_corrupt_image_name_the_file(tmp_path: Path, rsna_folder: Write) -> None:
    folder = rsna_folder(20)
    options = ["--preset", "demo", "--run-dir", tmp_path / "run"]
    (folder / "boneage-training-dataset" / "1380.png").write_bytes(b"\x89PNG broken")
    said = refused("prepare", folder, "--strict", *options)
    assert "1 of 20 cases cannot be used, the first: 1380, unreadable:" in said
    [listed] = re.findall(r"listed in (\S+);", said)
    assert "1380.png" in Path(listed).read_text()

    left_out = boneage_search("prepare", folder, *options)
    assert left_out.returncode == 0
    assert "left out 1 of 20 cases:" in left_out.stdout

    (folder / "train.csv").write_text("id,boneage\n1377,12\n")
    assert "train.csv lacks the column 'male'" in refused("prepare", folder, *options)


@pytest.mark.slow
def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()
    before = path.read_bytes()

    said = refused("ablate", "--preset", "demo", "--data", "phantom:60", "--storage", f"sqlite:///{path}", cwd=tmp_path)

    assert "the database of another program" in said
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_run_goes_on_with_the_preset_and_fields_it_was_begun_with(tmp_path: Path) -> None:
    begun = boneage_search(
        "prepare", "phantom:40", "--preset", "demo", "--image-px", "48", "--run-dir", tmp_path / "run"
    )
    assert begun.returncode == 0, begun.stderr
    assert "48 px" in begun.stdout
    assert "say nothing about patients" in begun.stdout

    said = refused("ablate", "--preset", "paper", "--run-dir", tmp_path / "run")

    assert "was begun with preset demo, now paper" in said
    recorded = json.loads((tmp_path / "run" / "run.json").read_text())
    assert recorded["overrides"] == {"image_px": 48}


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--learning-rate", "0.5"], ["--image-px", "48"], ["--data", "phantom:61"]])
def test_settings_that_were_refused_are_not_remembered_and_change_nothing(tmp_path: Path, options: list[str]) -> None:
    """A run goes on as it was after a command that asked for what its trials were not made with."""
    folder = tmp_path / "run"
    overrides = {"image_px": 40, "stem_pools": (False, False), "beta": 0.0625}
    run = open_run(folder, "demo", overrides, "phantom:60", None)
    store = prepared(run, lambda done, total: None)
    run_study(run, store, "ablation", FormulaExecutor, silent())
    before = (folder / "run.json").read_text()

    said = refused("ablate", "--run-dir", folder, *options)

    assert "use another --run-dir" in said
    assert (folder / "run.json").read_text() == before
    assert open_store(folder / "prepared").digest == store.digest


@pytest.mark.slow
def test_status_tells_studies_decisions_and_what_comes_next(decided: Path) -> None:
    statuses = json.loads(boneage_search("status", "--run-dir", decided, "--json").stdout)

    assert [study["name"] for study in statuses] == ["ablation", "width", "depth", "refinement"]
    for study in statuses:
        assert {"name", "state", "trials", "best_value", "best_params", "decision"} <= set(study)
        assert study["state"] == "decided"
    people = boneage_search("status", "--run-dir", decided).stdout
    assert "all four studies are decided" in people
    assert "say nothing about patients" in people


@pytest.mark.parametrize(
    "reading",
    [
        ["status"],
        ["status", "--json"],
        ["status", "--watch"],
        ["report"],
        ["dashboard"],
        ["audit"],
        ["predict", "hand.png"],
        ["evaluate", "hands"],
        ["explain", "hand.png"],
        ["explain", "--sheet", "3"],
        ["export", "--format", "keras"],
    ],
    ids=" ".join,
)
def test_a_command_that_reads_a_run_refuses_one_that_is_not_there_and_makes_nothing(
    tmp_path: Path, reading: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path / "no run's", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)

        assert main([*reading, "--run-dir", str(folder)]) == 2

        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert "`boneage-search " in said.err or "--run-dir" in said.err
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty"]


@pytest.mark.parametrize("name", ["run", "my run", "it's", "-run", "$HOME;ls", "a\x1b[31m\nb", "händ \udcff"])
def test_a_command_that_we_tell_is_read_back_by_a_shell_as_it_was_meant(tmp_path: Path, name: str) -> None:
    command = typed("ablate", Path(name)).replace(
        "boneage-search", f"{sys.executable} -c 'import os, sys; print(sys.argv[1:])'", 1
    )
    ended = subprocess.run(["bash", "-c", os.fsencode(command)], capture_output=True, check=True, timeout=60)

    words = ast.literal_eval(ended.stdout.decode())
    assert "\x1b" not in command
    assert parser().parse_args(words).run_dir == Path(name)


def test_what_comes_next_is_told_with_the_runs_folder_and_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where no other run is, as there may be beside these tests
    run = open_run(tmp_path / "my run", "demo", {}, "phantom:60", None)
    record(run)
    elsewhere = replace(run, storage=f"sqlite:///{tmp_path}/other.db")

    assert boneage_search("status", "--run-dir", run.folder).stdout.splitlines()[-1] == (
        f"next: boneage-search ablate --run-dir '{run.folder}'"
    )
    assert next_command(elsewhere, status(elsewhere)) == (
        f"boneage-search ablate --run-dir '{run.folder}' --storage {elsewhere.storage}"
    )
    record(elsewhere)
    assert next_command(elsewhere, status(elsewhere)) == f"boneage-search ablate --run-dir '{run.folder}'"
    assert typed("width", Path("runs/main")) == "boneage-search width"


def test_count_imports_nothing_slow() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "search.cli", "count", "--table1"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stderr

    assert not {"pandas", "numpy", "optuna", "sqlalchemy", "PIL"} & set(
        re.findall(r"\| +([a-zA-Z_]+)$", loaded, re.MULTILINE)
    )


@pytest.mark.slow
def test_the_dashboard_is_not_exposed_by_accident(decided: Path) -> None:
    said = refused("dashboard", "--run-dir", decided, "--host", "0.0.0.0")

    assert "has no login" in said
    assert "add --expose" in said


@pytest.mark.slow
@pytest.mark.parametrize("command", ["ablate", "run", "train --beta 0.1", "compare", "record --out table.csv"])
def test_an_unknown_executor_is_refused_before_anything_is_prepared(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused_here(capsys, *command.split(), "--data", "phantom:40", "--executor", "slurm")

    assert "--executor is local, ray, ray://auto or ray://HOST:PORT; got 'slurm'" in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_storage_is_copied_whole_by_one_command(decided: Path, tmp_path: Path) -> None:
    source, target = (sqlite_url(folder / "studies.db") for folder in (decided, tmp_path))
    ended = boneage_search("storage", "copy", "--from", source, "--to", target)

    assert ended.returncode == 0, ended.stderr
    status = json.loads(boneage_search("status", "--run-dir", decided, "--storage", target, "--json").stdout)
    assert [study["state"] for study in status] == ["decided"] * 4
    assert "already" in refused("storage", "copy", "--from", source, "--to", target)
