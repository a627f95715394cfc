"""One trial against the same network in a plain Keras script; a part of `make bench`.

Ours is `boneage-search depth --trials 1` of a run whose ablation and width are decided: leader, worker, database,
a checkpoint every epoch, and the decision. The script saves its best epoch.
"""

import os
import tempfile
from pathlib import Path

from bench_peers import BLOCKS
from bench_rounds import HEADINGS
from bench_search import begun, drawn_cases, ours, peer, settings, trained
from bench_whole import chosen_sizes, in_turns, whole_rows

IMAGE_PX = 96
SCRIPT = "a Keras script"


def main() -> None:
    chosen = chosen_sizes(epochs=10, images=2_000, beta=0.25)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = drawn_cases(folder, IMAGE_PX, chosen.images, 200)
        words = settings(store, chosen.epochs, chosen.beta)
        trial = f"depth {words} --trials 1 --depth-start {chosen.beta}:{BLOCKS} --workers 1"
        measured = in_turns(
            {
                "one trial": ours(folder, trial, begun(folder, words)),
                SCRIPT: peer(folder, "plain_keras", chosen.epochs, chosen.beta),
            },
            chosen.rounds,
        )
        assert trained(folder / "run") == 1
    print("\n## One trial\n")
    print(
        f"InceptionV3 of β {chosen.beta:g} with {BLOCKS}, {chosen.epochs} epochs of {chosen.images:,} images of {IMAGE_PX} px and 200 held out: from the command's start "
        f"to its end, on {os.cpu_count()} cores, medians of {chosen.rounds} rounds.\n\n{HEADINGS}"
    )
    whole_rows(measured, SCRIPT, "<= 1.05", "none")


if __name__ == "__main__":
    main()
