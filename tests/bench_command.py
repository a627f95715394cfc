"""What a person waits for who asks for help, a count or the status, against `import optuna`; a part of `make bench`."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench_rounds import HEADINGS, medians, ratio_rows

from studies.order import STUDIES

OPTUNA = "python -c 'import optuna'"
# A finished run: every study decided, one trial of few steps each.
FINISHED = (
    "run --preset demo --data phantom:60 --epochs 1 --warmup-epochs 0 --blocks mixed9=1 --width-factors 1 --depth-trials 1 "
    "--dropouts 0.3 --fc-choices 8 --beta 0.05 --workers 2"
)


# As on a user's machine from the second call on: Python has kept what it compiled, as an installer has of Optuna.
KEEPING = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def command(*words: str) -> list[str]:
    """As the installed script does it, but of this source tree."""
    return [sys.executable, "-c", "import sys; from boneage_search import main; sys.exit(main())", *words]


def waited(words: Sequence[str]) -> Callable[[], float]:
    def measure() -> float:
        began = time.perf_counter()
        subprocess.run(words, env=KEEPING, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began

    return measure


def main() -> None:
    print(f"\n## Commands\n\n`status` is asked of a finished run of {len(STUDIES)} studies.\n\n{HEADINGS}")
    with tempfile.TemporaryDirectory() as scratch:
        run_dir = str(Path(scratch) / "run")
        subprocess.run(
            command(*FINISHED.split(), "--run-dir", run_dir),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        turns = {
            OPTUNA: waited([sys.executable, "-c", "import optuna"]),
            "`--help`": waited(command("--help")),
            "`count`": waited(command("count", "--beta", "1.4", "--blocks", "4/3/3", "--fc", "3072")),
            "`plan`": waited(command("plan", "--preset", "default", "--run-dir", str(Path(scratch) / "none"))),
            "`status`": waited(command("status", "--run-dir", run_dir)),
        }
        ratio_rows("boneage-search", OPTUNA, medians(turns, rounds=7), "<= 1")


if __name__ == "__main__":
    main()
