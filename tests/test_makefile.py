"""`make install` by what it would do: extras are remembered, and asking for others installs."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def would_do(folder: Path, *arguments: str) -> str:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (folder / name).exists() or (folder / name).write_text((ROOT / name).read_text(encoding="utf-8"))
    return subprocess.run(
        ["make", "-n", "install", *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    ("installed", "arguments", "installs"),
    [
        ("", (), "'.[dev]'"),
        ("", ("EXTRAS=dev,gpu",), "'.[dev,gpu]'"),
        ("dev", ("EXTRAS=dev,gpu",), "'.[dev,gpu]'"),
        ("dev,gpu", ("EXTRAS=dev",), "'.[dev]'"),
        ("dev", (), ""),
        ("dev,gpu", (), ""),
        ("dev,gpu", ("EXTRAS=dev,gpu",), ""),
    ],
)
def test_extras_are_installed_when_they_are_not_those_of_last_time(
    tmp_path: Path, installed: str, arguments: tuple[str, ...], installs: str
) -> None:
    would_do(tmp_path)
    if installed:
        (tmp_path / ".venv").mkdir()
        (tmp_path / f".venv/installed-{installed}").touch()

    said = would_do(tmp_path, *arguments)

    assert (installs in said) if installs else ("pip install" not in said)


def test_changed_constraints_install_the_extras_of_last_time_again(tmp_path: Path) -> None:
    would_do(tmp_path)
    (tmp_path / ".venv").mkdir()
    stamp = tmp_path / ".venv/installed-dev,gpu"
    stamp.touch()
    os.utime(stamp, (1, 1))

    assert "'.[dev,gpu]'" in would_do(tmp_path)


def test_a_python_that_is_too_old_ends_the_install_with_a_sentence_before_anything_is_made(tmp_path: Path) -> None:
    would_do(tmp_path)
    old = tmp_path / "python3.10"
    as_old = "import sys; sys.version_info, sys.version = (3, 10, 12), '3.10.12 (main)'; exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{as_old}" "$2"\n', encoding="utf-8")
    old.chmod(0o755)

    made = subprocess.run(["make", "search", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True)

    assert made.returncode == 2
    assert (
        f"needs Python 3.11 or later, and {sys.executable} is 3.10.12: name another, as in make search PYTHON="
        in made.stderr
    )
    assert not (tmp_path / ".venv").exists()


def test_every_wheel_of_cuda_that_tensorflow_and_the_extra_ask_for_is_pinned() -> None:
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = [Requirement(line) for line in project["optional-dependencies"]["gpu"] if line.startswith("nvidia-")]
    asked = [*own, *(Requirement(line) for line in requires("tensorflow") or () if "and-cuda" in line)]
    pinned = [line.partition(" #")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]
    pins = {
        name.lower(): version for name, separator, version in (line.partition("==") for line in pinned) if separator
    }

    assert asked
    for wheel in asked:
        assert pins[wheel.name] in wheel.specifier, wheel
