"""How long `make search` takes where all is installed: to its first decided study, and to its end; a part of `make bench`."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_whole import chosen_sizes

ROOT = Path(__file__).resolve().parents[1]
FIRST = "1 ablation decided:"  # how the line begins that says it


def searched() -> tuple[float, float]:
    """Seconds until the first study has decided, and until the command ends."""
    with tempfile.TemporaryDirectory() as scratch:
        words = ["make", "--no-print-directory", "search", f"RUN_DIR={scratch}/demo"]
        began, first = time.perf_counter(), 0.0
        with subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as search:
            assert search.stderr is not None
            for line in search.stderr:
                if line.startswith(FIRST):
                    first = time.perf_counter() - began
        if search.returncode or not first:
            sys.exit(f"{' '.join(words)} ended with {search.returncode}, and said no line that begins with {FIRST!r}")
        return first, time.perf_counter() - began


def main() -> None:
    rounds = chosen_sizes(rounds=1).rounds
    measured = [searched() for _ in range(rounds)]
    print(f"\n## `make search`\n\nWithout the install. Rounds: {rounds}.\n\n| s | aim | until |\n|---|---|---|")
    for until, aim, seconds in zip(
        ("the first study has decided", "its end"), ("<= 120", "<= 300"), zip(*measured, strict=True), strict=True
    ):
        print(f"| {statistics.median(seconds):.0f} | {aim} | {until} |")


if __name__ == "__main__":
    main()
