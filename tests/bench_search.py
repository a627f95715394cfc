"""A search of 12 trials, all at full length, against KerasTuner, against Optuna with Keras, and one worker against two.

A part of `make bench`. Ours is `boneage-search depth` told to begin with these 12 networks, of a run whose ablation and width are decided: the width study
would end before it has trained all. Optuna's script prunes, and so trains fewer epochs; it is not made to train them all.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
from bench_command import command
from bench_peers import BATCH, BLOCKS, FACTORS, networks
from bench_rounds import HEADINGS, ratio_rows
from bench_whole import Whole, chosen_sizes, in_turns, whole, whole_rows
from growth import show
from optuna.trial import TrialState

from data.preparation import Preparation
from data.store.disk import Store
from data.store.prepare import prepare

TESTS = Path(__file__).parent
OURS, ONE, TUNER, OPTUNA = "`depth`", "`depth --workers 1`", "KerasTuner RandomSearch", "Optuna and Keras, pruning"
AIMS = {TUNER: "<= 0.25", OPTUNA: "<= 0.7"}  # of the wall time
TRIALS = len(FACTORS)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def drawn_cases(folder: Path, image_px: int, train: int, held_out: int) -> Store:
    """A store of drawn hands, and the same arrays as `cases.npz`."""
    settings = Preparation(image_px=image_px, validation_fraction=held_out / (train + held_out), test_fraction=0.0)
    store = prepare(f"phantom:{train + held_out}", settings, folder / "store")
    arrays = {name: store.cases[name].to_numpy(np.float32) for name in ("male", "age_months")}
    np.savez(folder / "cases.npz", images=store.images, held_out=store.cases["split"] == "validation", **arrays)
    return store


def peer(folder: Path, name: str, epochs: int, beta: float) -> Callable[[], Whole]:
    """Each time in an empty folder."""
    words = [sys.executable, str(TESTS / "bench_peers.py"), name, str(folder / "cases.npz"), str(epochs), str(beta)]

    def run() -> Whole:
        here = folder / name
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        return whole(["env", "-C", str(here), *words], folder / f"{name}.log")

    return run


def begun(folder: Path, words: str) -> Path:
    """A run that has decided its ablation and width by as few trainings as there can be."""
    run_dir = folder / "begun"
    for study in ("ablate", "width"):
        whole(command(study, *words.split(), "--width-factors", "1", "--run-dir", str(run_dir)), folder / "begun.log")
    return run_dir


def ours(folder: Path, words: str, begun: Path) -> Callable[[], Whole]:
    """Each time with a copy of the run that was begun."""
    run_dir = folder / "run"

    def run() -> Whole:
        shutil.rmtree(run_dir, ignore_errors=True)
        shutil.copytree(begun, run_dir)
        return whole(command(*words.split(), "--run-dir", str(run_dir)), folder / "ours.log")

    return run


def trained(run_dir: Path) -> int:
    """How many trials the depth study has trained to their end; one that ends early has trained less than its peers."""
    storage = f"sqlite:///{run_dir / 'studies.db'}"
    [depth] = [name for name in optuna.get_all_study_names(storage) if "depth" in name]
    trials = optuna.load_study(study_name=depth, storage=storage).get_trials(states=(TrialState.COMPLETE,))
    return sum("copied_from" not in trial.user_attrs for trial in trials)


def settings(store: Store, epochs: int, beta: float) -> str:
    """Of a search around `beta`. Its reference is a little wider, so that the run knows no network that is timed."""
    return (
        f"--preset cpu --blocks {BLOCKS} --data {store.path} --image-px {store.image_px} --batch {BATCH} --learning-rate 1e-3 --epochs {epochs} --fc-choices none "
        f"--beta {1.05 * beta:.4g}"
    )


def main() -> None:
    chosen = chosen_sizes(epochs=3, images=400, image_px=64, beta=0.125)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = drawn_cases(folder, chosen.image_px, chosen.images, 100)
        start = ";".join(f"{network.beta}:{network.blocks}" for network in networks(chosen.beta))
        words = settings(store, chosen.epochs, chosen.beta)
        search = f"depth {words} --trials {TRIALS} --depth-start {start} --no-prune"
        run = begun(folder, words)
        measured = in_turns(
            {
                OURS: ours(folder, search, run),
                ONE: ours(folder, f"{search} --workers 1", run),
                TUNER: peer(folder, "keras_tuner", chosen.epochs, chosen.beta),
                OPTUNA: peer(folder, "optuna_keras", chosen.epochs, chosen.beta),
            },
            chosen.rounds,
        )
        assert trained(folder / "run") == TRIALS
    print(f"\n## A search of {TRIALS} trials\n")
    print(
        f"InceptionV3 with {BLOCKS} of {TRIALS} widths around β {chosen.beta:g}, {chosen.images} images of {chosen.image_px} px, {chosen.epochs} epochs: from the command's start "
        f"to its end, on {os.cpu_count()} cores, medians of {chosen.rounds} rounds. Memory is the most of all processes together, shared pages counted once. "
        f"Of {TRIALS * chosen.epochs} epochs Optuna's script trained {measured[OPTUNA].said.split()[0]}.\n"
    )
    print(HEADINGS)
    for name in (TUNER, OPTUNA):
        whole_rows({each: measured[each] for each in (OURS, name)}, name, AIMS[name], "<= 1.0")
    hourly = {name: TRIALS * 3600 / measured[name].seconds for name in (OURS, ONE)}
    ratio_rows("two workers", ONE, hourly, ">= 1.7", "trials per hour")
    show("real-workers", "workers", "s", {"the search": [(1, measured[ONE].seconds), (2, measured[OURS].seconds)]})


if __name__ == "__main__":
    main()
