"""Ctrl-C before a command has begun: real processes that get the signal while they import their modules."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The signal comes where this module is looked for.
AT = """
import os, runpy, signal, sys
entry, at, *sys.argv[1:] = sys.argv[1:]
sys.modules.pop(at, None)
class Interrupting:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == at:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
runpy.run_module(entry, run_name="__main__")
"""
# Says that the entry point has begun.
TELLING = """
import os, sys
sys.modules.pop("pathlib", None)
class Telling:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "pathlib":
            os.write(1, b"x")
sys.meta_path.insert(0, Telling)
import boneage_search
sys.exit(boneage_search.main())
"""
# In the order in which they are imported: for the entry point, for the command line, and by the command itself.
MODULES = (
    "pathlib",
    "typing",
    "search.cli",
    "argparse",
    "data.named_source",
    "models.architecture",
    "studies.preset",
    "search.commands.parser",
    "search.output.streams",
    "search.commands.general.presets",
    "search.show.tables",
)


def is_stopped(code: int, said: str) -> None:
    assert "Traceback" not in said
    assert said.strip() == "stopped; run the same command again to continue"
    assert code == 130


@pytest.mark.parametrize(
    ("entry", "module"),
    [(entry, module) for entry in ("boneage_search", "search.cli") for module in MODULES if module != entry],
)
def test_ctrl_c_while_a_module_is_imported_is_the_sentence_of_every_stop(entry: str, module: str) -> None:
    command = [sys.executable, "-c", AT, entry, module, "presets"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert ended.stdout == ""
    is_stopped(ended.returncode, ended.stderr)


@pytest.mark.parametrize("milliseconds", [0, 10, 20, 40, 80, 160, 320])
def test_ctrl_c_at_any_moment_after_the_entry_point_has_begun_is_no_traceback(milliseconds: int) -> None:
    """The command ends soon by itself, as there is no such run, and may have done so before."""
    command = [sys.executable, "-c", TELLING, "status", "--run-dir", "/nonesuch"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(1) == b"x"
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        code = process.wait(60)
    if "holds no run" in said:
        assert code in (2, -signal.SIGINT)  # the latter where nothing was left but Python's own end
    else:
        is_stopped(code, said)


def test_a_command_that_is_started_without_ctrl_c_does_not_take_it_on() -> None:
    """As a shell starts what goes on in the background."""
    command = [sys.executable, "-c", AT, "boneage_search", "search.cli", "presets"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
