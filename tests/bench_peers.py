"""The peers of the benches of whole commands: scripts as people write them, with this program's networks in them.

`bench_peers.py NAME CASES.npz EPOCHS β`, in the folder where they may write; CASES.npz holds the arrays of a prepared store.
"""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.architecture import Architecture, Blocks
from studies.presets import cpu

BATCH = 32
BLOCKS = Blocks(0, 0, 0, 0, 0, 1)  # tracing the stock network 12 times would be most of what is measured
FACTORS = tuple(round(0.5 + step / 10, 1) for step in range(12))
TRAINING = replace(cpu().training, batch=BATCH)


def reference(beta: float) -> Architecture:
    return Architecture(beta=beta, blocks=BLOCKS, stem_pools=(False, True))


def networks(beta: float) -> list[Architecture]:
    """The widths that the width study trains."""
    return [replace(reference(beta), beta=round(beta * factor, 4)) for factor in FACTORS]


def read(path: str) -> tuple[dict[str, np.ndarray], np.ndarray, tuple[dict[str, np.ndarray], np.ndarray]]:
    cases = np.load(path)
    image, male, age = (
        cases["images"][..., np.newaxis],
        cases["male"][:, np.newaxis],
        cases["age_months"][:, np.newaxis],
    )
    held = cases["held_out"]
    return (
        {"image": image[~held], "male": male[~held]},
        age[~held],
        ({"image": image[held], "male": male[held]}, age[held]),
    )


def plain_keras(path: str, epochs: int, beta: float) -> None:
    from models.backend import keras

    from models.network import build

    x, y, held_out = read(path)
    model = build(reference(beta), x["image"].shape[1], TRAINING, float(y.mean()))
    steps = epochs * (len(y) // BATCH)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)), "mse", metrics=["mae"])
    best = keras.callbacks.ModelCheckpoint("best.keras", monitor="val_mae", save_best_only=True)
    history = model.fit(
        x, y, batch_size=BATCH, epochs=epochs, validation_data=held_out, callbacks=[best], verbose=2
    ).history
    print(epochs, min(history["val_mae"]))


def optuna_keras(path: str, epochs: int, beta: float) -> None:
    from models.backend import keras

    import optuna
    from optuna_integration import KerasPruningCallback

    from models.network import build

    x, y, held_out = read(path)
    choices = networks(beta)

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        architecture = choices[trial.suggest_int("network", 0, len(choices) - 1)]
        model = build(architecture, x["image"].shape[1], TRAINING, float(y.mean()))
        model.compile(keras.optimizers.Adam(1e-3), "mse", metrics=["mae"])
        history = model.fit(
            x,
            y,
            batch_size=BATCH,
            epochs=epochs,
            validation_data=held_out,
            callbacks=[KerasPruningCallback(trial, "val_mae")],
            verbose=0,
        ).history
        return float(min(history["val_mae"]))

    study = optuna.create_study(
        storage="sqlite:///optuna.db", sampler=optuna.samplers.GridSampler({"network": range(len(choices))}, seed=0)
    )
    study.optimize(objective)
    print(sum(len(trial.intermediate_values) for trial in study.trials), study.best_value)


def keras_tuner(path: str, epochs: int, beta: float) -> None:
    from models.backend import keras

    from keras_tuner import HyperParameters, Objective, RandomSearch

    from models.network import build

    x, y, held_out = read(path)
    choices = networks(beta)

    def model_of(hp: HyperParameters) -> keras.Model:
        architecture = choices[hp.Choice("network", list(range(len(choices))))]
        model = build(architecture, x["image"].shape[1], TRAINING, float(y.mean()))
        model.compile(keras.optimizers.Adam(1e-3), "mse", metrics=["mae"])
        return model

    tuner = RandomSearch(model_of, Objective("val_mae", "min"), max_trials=len(choices), seed=1, directory=".")
    tuner.oracle._max_collisions = 1_000  # it would give up before it has drawn all of them
    tuner.search(x, y, batch_size=BATCH, epochs=epochs, validation_data=held_out, verbose=0)
    trials = tuner.oracle.get_best_trials(len(choices))
    print(epochs * len(trials), trials[0].score)


PEERS: dict[str, Callable[[str, int, float], None]] = {
    "plain_keras": plain_keras,
    "optuna_keras": optuna_keras,
    "keras_tuner": keras_tuner,
}

if __name__ == "__main__":
    name, path, epochs, beta = sys.argv[1:]
    PEERS[name](path, int(epochs), float(beta))
