"""Do variants that inherit the trained reference's weights show sooner which of them is better? `python tests/morphism.py RUN_DIR EPOCHS [SEEDS]`

Of a finished ablation on the CPU: its reference is trained once more, with a seed of its own. Each of its networks then starts
from those weights, wherever it has a layer of the same stage and shape, and is trained for EPOCHS epochs from a quarter of the
learning rate. Printed for each: the ablation's mean validation MAE (its seeds, trained from scratch in full), the inherited
one's mean, months, and the share of parameters that were inherited; at last their rank agreement, and that of the ablation's
own trainings at the same number of epochs.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from data.store.disk import Store
from models.architecture import Architecture
from models.network import ByStage
from models.training.fit import Trainer, new_trainer
from models.training.settings import Training
from search.prepared import prepared
from search.run import open_run
from search.show.progress import preparing
from search.storage.opening import open_storage
from search.storage.records import given, load, trials_of
from studies import ablation
from studies.study import Trial

FRESH_SEED = 5000  # of no study
Weights = dict[str, tuple[list[np.ndarray], ...]]


def networks(folder: Path) -> tuple[dict[Architecture, list[Trial]], Training, Store]:
    """The ablation's complete trials by network, the reference's first."""
    run = open_run(folder, None, {}, None, None)
    study = load(open_storage(run.storage), "ablation", run.folder)
    assert study is not None, f"{folder} has no ablation"
    start = given(run, study)
    found: dict[Architecture, list[Trial]] = {start.preset.reference: []}
    for trial in trials_of(study):
        if trial.state == "complete":
            found.setdefault(ablation.architecture(start, trial.point), []).append(trial)
    with preparing() as shown:
        return found, run.preset.training, prepared(run, shown)


def inherit(by_stage: ByStage, weights: Weights) -> int:
    """How many parameters of a new network were set to those of the trained one."""
    taken = 0
    for stage, layers in by_stage.items():
        for layer, values in zip(layers, weights.get(stage, ()), strict=False):
            if [value.shape for value in values] == [tuple(weight.shape) for weight in layer.weights]:
                layer.set_weights(values)
                taken += sum(value.size for value in values)
    return taken


def lowest(trainer: Trainer, store: Store, seed: int) -> float:
    return min(epoch.validation_mae for epoch in trainer.epochs(store.split("train"), store.split("validation"), seed))


def main(folder: str, epochs: str, seeds: str = "1") -> None:
    found, training, store = networks(Path(folder))
    examples, by_stage = store.split("train"), ByStage()
    reference = next(iter(found))
    trainer = new_trainer(reference, training, examples, store.image_px, FRESH_SEED, False, by_stage)
    print(f"the reference, seed {FRESH_SEED}: {lowest(trainer, store, FRESH_SEED):.2f} months", flush=True)
    weights: Weights = {stage: tuple(layer.get_weights() for layer in layers) for stage, layers in by_stage.items()}
    briefly = replace(training, epochs=int(epochs), learning_rate=training.learning_rate / 4, warmup_epochs=0.0)
    scratch, early, inherited = [], [], []
    for network, trials in found.items():
        scratch.append(float(np.mean([trial.error for trial in trials])))
        early.append(float(np.mean([min(trial.validation_mae_by_epoch[: int(epochs)]) for trial in trials])))
        maes, share = [], 0.0
        for seed in range(FRESH_SEED, FRESH_SEED + int(seeds)):
            stages = ByStage()
            variant = new_trainer(network, briefly, examples, store.image_px, seed, False, stages)
            share = inherit(stages, weights) / variant.model.count_params()
            maes.append(lowest(variant, store, seed))
        inherited.append(float(np.mean(maes)))
        print(f"{scratch[-1]:6.2f} {inherited[-1]:6.2f} {share:5.0%}  {network}", flush=True)
    print(
        f"Spearman's rank correlation with {len(scratch)} means of trainings from scratch: inherited, {epochs} epochs each"
    )
    print(
        f"{spearmanr(scratch, inherited).statistic:.2f}; the ablation's own after as many {spearmanr(scratch, early).statistic:.2f}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
