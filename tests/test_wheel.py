"""The wheel, installed in an environment of its own away from the checkout, beside a project with packages of our names."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from boneage_search import PACKAGES
from models.architecture import Architecture
from models.cost import cost

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as setuptools leaves its folders beside the sources; by what is installed here, so without a network."""
    pytest.importorskip("wheel", reason="a wheel is built by setuptools and wheel, which are not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("boneage_search.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / "source" / name)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder)]
    pip("wheel", *options, str(folder / "source"))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`boneage-search` of an environment with the wheel; what it depends on is taken from this one."""
    environment = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(environment, with_pip=False)
    there = environment / "bin/python"
    pip("--python", str(there), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    [packages] = (environment / "lib").glob("python*/site-packages")
    # Of a folder named in a .pth file, Python reads no further .pth files: the checkout is not found through it.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin/boneage-search"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Where the command is run: each of our names is another's there."""
    for name in PACKAGES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('another package was imported')\n")
    return tmp_path


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=True, cwd="/")


def run(command: Path, *arguments: str, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONPATH": "."}
    done = subprocess.run([command, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_holds_the_packages_their_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}

    tables = {f"studies/miniature{which}.csv" for which in ("", "_96px", "_mixed0", "_48px")}
    assert names == sources | tables | {"boneage_search.py", *(f"{name}/py.typed" for name in PACKAGES)}


def test_installed_it_counts_audits_and_replays(command: Path, project: Path) -> None:
    counted = json.loads(run(command, "count", "--json", cwd=project))
    assert counted["params"] == cost(Architecture(), 300).params

    audited = json.loads(run(command, "audit", "--data", "phantom:40", "--image-px", "40", "--json", cwd=project))
    assert audited
    assert (project / "runs/main/audit.html").exists()

    replay = ("compare", "--replay", "studies/miniature.csv", "--repetitions", "2", "--rivals", "random", "--json")
    assert json.loads(run(command, *replay, "--run-dir", "replayed", cwd=project))


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_installed_its_workers_train(command: Path, project: Path, executor: str) -> None:
    if executor == "ray":
        pytest.importorskip("ray")
    tiny = "--data phantom:24 --image-px 80 --beta 0.0625 --blocks 0/0/1 --epochs 2 --batch 8 --name tiny --json"
    run(command, "train", *tiny.split(), "--executor", executor, cwd=project)

    assert (project / "runs/main/models/tiny/model.keras").exists()
