"""One trial against the same network in a plain Keras script; a part of `make bench`.

Ours is `boneage-search depth --trials 1` of a run whose ablation and width are decided: leader, worker, database,
a checkpoint every epoch, and the decision. The script saves its best epoch.
"""

import argparse
import os
import tempfile
from pathlib import Path

from bench_peers import BLOCKS
from bench_rounds import HEADINGS, ROUNDS, ratio_rows
from bench_search import begun, drawn_cases, ours, peer, settings
from bench_whole import in_turns

IMAGE_PX = 96


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--beta", type=float, default=0.25)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = drawn_cases(folder, IMAGE_PX, chosen.images, 200)
        trial = f"depth {settings(store.path, chosen.epochs, chosen.beta)} --trials 1 --workers 1"
        measured = in_turns(
            {
                "one trial": ours(folder, trial, begun(folder, chosen.beta, IMAGE_PX, ["ablate", "width"])),
                "a Keras script": peer(folder, "plain_keras", chosen.epochs, chosen.beta),
            },
            chosen.rounds,
        )
    print("\n## One trial\n")
    print(
        f"InceptionV3 of β {chosen.beta:g} with {BLOCKS}, {chosen.epochs} epochs of {chosen.images:,} images of {IMAGE_PX} px and 200 held out: from the command's start "
        f"to its end, on {os.cpu_count()} cores, medians of {chosen.rounds} rounds.\n\n{HEADINGS}"
    )
    peer_name = "a Keras script"
    ratio_rows("wall time", peer_name, {name: of.seconds for name, of in measured.items()}, "<= 1.05")
    ratio_rows("peak memory", peer_name, {name: of.peak_mb for name, of in measured.items()}, "none", "MB")
    ratio_rows("computing", peer_name, {name: of.cpu_seconds for name, of in measured.items()}, "none", "CPU s")


if __name__ == "__main__":
    main()
