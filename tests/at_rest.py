"""A finished run's folder that no connection of this process has open, and commands on one that they may not write to."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def at_rest(folder: Path) -> Path:
    """A copy beside the folder, its database without log and shared memory.

    SQLite's locks are the process's: a test that reads or copies a database's files while a forgotten connection of its own process
    has them open drops that connection's locks. The next process then takes itself for the first, truncates the shared memory, and the
    connection that is closed at last, by the garbage collector, ends this process with SIGBUS.
    """
    with sqlite3.connect(folder / "studies.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return shutil.copytree(folder, folder.with_name("ended"), ignore=shutil.ignore_patterns("*.db-*"))


def in_one_process(calls: list[list[str]], prefix: Sequence[str] = (), **options: Any) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of each call, made one after the other."""
    script = (
        "import contextlib, io, json, sys, traceback\n"
        "from search.cli import main\n"
        f"for call in {calls!r}:\n"
        "    out, err = io.StringIO(), io.StringIO()\n"
        "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):\n"
        "        try: code = main(call)\n"
        "        except SystemExit as error: code = error.code\n"
        "        except BaseException: code = 1; traceback.print_exc()\n"
        "    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    call = [*prefix, sys.executable, "-c", script]
    ended = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=250, check=False, **options)
    assert ended.returncode == 0, ended.stderr
    return [tuple(json.loads(line)) for line in ended.stdout.splitlines()]


def as_somebody() -> list[str]:
    """How a process is begun whom permissions bind; root they do not."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root, and no setpriv")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


def only_readable(folder: Path, yes: bool = True) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222 if yes else path.stat().st_mode | 0o200)
