"""The command finds its own packages, whatever else is called `search`, `studies`, `models` or `data`."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from boneage_search import OURS, PACKAGES

ROOT = Path(__file__).parents[1]
CASE = ROOT.parent / "shared/cases/20_shadowed_packages/in"
NOT_OURS = "raise SystemExit('another package was imported')\n"


def project(folder: Path, kind: str) -> Path:
    """Somebody's own project, whose modules or packages have our names."""
    for name in PACKAGES:
        match kind:
            case "modules":
                (folder / f"{name}.py").write_text(NOT_OURS)
            case "packages":
                (folder / name).mkdir()
                (folder / name / "__init__.py").write_text(NOT_OURS)
            case "folders":
                (folder / name / "deeper").mkdir(parents=True)
    return folder


def python(*arguments: str, cwd: Path, path: str = f".{os.pathsep}{ROOT}") -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("kind", ["modules", "packages", "folders"])
def test_the_command_runs_in_a_project_that_has_packages_of_our_names(tmp_path: Path, kind: str) -> None:
    done = python("-m", "boneage_search", "count", "--beta", "0.5", "--json", cwd=project(tmp_path, kind))

    assert (done.returncode, done.stderr) == (0, "")
    assert '"params"' in done.stdout


def test_a_checkout_runs_its_own_code_where_another_one_is_installed(tmp_path: Path) -> None:
    (tmp_path / "boneage_search.py").write_text(NOT_OURS)
    done = python("-m", "boneage_search", "presets", cwd=ROOT, path=str(tmp_path))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not CASE.exists(), reason="the case is not here")
def test_the_case_of_a_project_with_models_data_and_search(tmp_path: Path) -> None:
    folder = shutil.copytree(CASE, tmp_path / "in")

    assert python("-m", "boneage_search", "count", cwd=folder).returncode == 0


@pytest.mark.parametrize("preload", [["boneage_search", "search.workers.starting"], ["boneage_search"]])
def test_workers_find_our_packages_there_too(tmp_path: Path, preload: list[str]) -> None:
    """Their server looks in the working directory before anywhere else."""
    script = (
        "import boneage_search\n"
        "from multiprocessing import get_context\n"
        "from search.workers.local import scriptless\n"
        f"context = get_context('forkserver')\ncontext.set_forkserver_preload({preload})\n"
        "from search.workers.starting import log_bytes\n"  # a function of ours, pickled by its name
        "tell = 'import data, models, studies, search; print(*(m.__file__ for m in (data, models, studies, search)))'\n"
        "with scriptless():\n"
        "    first = context.Process(target=exec, args=(tell,)); first.start(); first.join()\n"
        "    second = context.Process(target=log_bytes, args=(boneage_search.HOME,)); second.start(); second.join()\n"
        "raise SystemExit(first.exitcode or second.exitcode)\n"
    )
    done = python("-c", script, cwd=project(tmp_path, "modules"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(ROOT / name / "__init__.py") for name in ("data", "models", "studies", "search")]


def test_the_leader_has_its_workers_import_the_entry_point_first() -> None:
    """Or the server's first import might be of another `search`."""
    script = (
        "from multiprocessing.forkserver import _forkserver\n"
        "from search.workers.local import LocalProcesses\n"
        "LocalProcesses(1)\nprint(_forkserver._preload_modules)"
    )
    done = python("-c", script, cwd=ROOT)

    assert done.stdout.strip() == "['boneage_search', 'search.workers.preload']", done.stderr


# Of Python's own library and of packages that are used: what somebody may have called a file of theirs.
OTHERS = (
    "random",
    "token",
    "queue",
    "email",
    "json",
    "sqlite3",
    "statistics",
    "rich",
    "numpy",
    "PIL",
    "h5py",
    "optuna",
)


@pytest.mark.slow
@pytest.mark.parametrize("path", [f".{os.pathsep}{ROOT}", str(ROOT)])
def test_files_of_the_working_directory_that_are_called_like_modules_are_not_imported(
    tmp_path: Path, path: str
) -> None:
    for name in OTHERS:
        (tmp_path / f"{name}.py").write_text(NOT_OURS)
    drawn = python("-m", "boneage_search", "prepare", "phantom:12", "--preset", "demo", cwd=tmp_path, path=path)
    assert drawn.returncode == 0, drawn.stderr

    told = python("-m", "boneage_search", "status", cwd=tmp_path, path=path)
    assert told.returncode == 0, told.stderr


@pytest.mark.slow
@pytest.mark.parametrize("path", [f".{os.pathsep}{ROOT}", f"{os.pathsep}{ROOT}", str(ROOT)])
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_nor_are_they_by_workers(tmp_path: Path, path: str, method: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("random", "token", "queue", "pickle", "threading", "h5py"):
        (project / f"{name}.py").write_text(NOT_OURS)
    script = (
        "import boneage_search; boneage_search.here_last()\n"
        "from multiprocessing import get_context\n"
        "from search.workers.local import scriptless\n"
        f"context = get_context({method!r})\n"
        "if context.get_start_method() == 'forkserver': context.set_forkserver_preload(['boneage_search'])\n"
        "before = __import__('os').environ.copy()\n"
        "with scriptless():\n"
        "    one = context.Process(target=exec, args=('import random, h5py; print(random.random() < 1, h5py.__version__)',))\n"
        "    one.start()\n"
        "one.join()\n"
        "assert __import__('os').environ.copy() == before\n"
        "raise SystemExit(one.exitcode)\n"
    )
    (project / "script.py").write_text(script)
    done = python("-P", "script.py", cwd=project, path=path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True ")


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("instead", ["another", "nothing"])
def test_a_package_that_was_installed_over_ours_is_named_in_one_sentence(
    tmp_path: Path, name: str, instead: str
) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    if instead == "nothing":
        shutil.rmtree(tmp_path / name)
    else:
        (tmp_path / name / "__init__.py").write_text(NOT_OURS)
    shutil.copy(ROOT / "boneage_search.py", tmp_path)
    done = python("-m", "boneage_search", "count", cwd=tmp_path, path="")

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"boneage-search: its package `{name}` is not its own")
    assert "pipx" in done.stderr


def test_another_package_that_is_loaded_already_is_named(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("")
    done = python("-c", "import models, boneage_search; raise SystemExit(boneage_search.main())", cwd=tmp_path)

    assert done.returncode == 2
    assert f"in its place is {tmp_path / 'models.py'}" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_package_is_marked_as_ours_is_typed_and_is_packed() -> None:
    """With every file that is no program, but the documents for those who develop it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]

    assert settings["py-modules"] == ["boneage_search"]
    assert settings["packages"]["find"]["include"] == [pattern for name in PACKAGES for pattern in (name, f"{name}.*")]
    for name in PACKAGES:
        first, _, _ = (ROOT / name / "__init__.py").read_bytes().partition(b"\n")
        assert OURS in first
        assert (ROOT / name / "py.typed").exists()
        inside = [folder for folder in (ROOT / name).rglob("*") if any(folder.glob("*.py"))]
        assert all((folder / "__init__.py").exists() for folder in inside)
