"""The searches that the staged strategy is measured against, on the same joint space and under the same cap, by name.

None of them pays for a network over the cap, nor for one it has had already: what they propose of that kind they are
made to propose again, as the staged strategy's sampler is. So what is compared is how they choose.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from search.compare.replay import Rival
from search.compare.rivals.enumerated import CompoundScaling, GridSearch, RandomFeasible, RandomWidest
from search.compare.rivals.fresh import Fresh
from search.compare.rivals.sampled import gp, tpe_asha, tpe_from_the_reference
from search.compare.staged import Staged
from studies.preset import Preset, StudyError


def keras_random(preset: Preset, seed: int) -> Rival:
    from search.compare.rivals.keras_tuner import random_search  # brings TensorFlow

    return random_search(preset, Fresh(preset), seed)


def keras_hyperband(preset: Preset, seed: int) -> Rival:
    from search.compare.rivals.keras_tuner import hyperband

    return hyperband(preset, Fresh(preset), seed)


STAGED = "staged"  # the strategy of this program, which is told the constant predictor's MAE
RIVALS: Mapping[str, Callable[[Preset, int], Rival]] = {
    "random": RandomFeasible,
    "random among the widest": RandomWidest,
    "grid": GridSearch,
    "compound scaling": CompoundScaling,
    "KerasTuner RandomSearch": keras_random,
    "KerasTuner Hyperband": keras_hyperband,
    "Optuna TPE + ASHA": tpe_asha,
    "Optuna TPE from the reference": tpe_from_the_reference,
    "Optuna GP": gp,
}
NEEDS: Mapping[str, tuple[str, str]] = {  # a package of an extra that has it
    "Optuna GP": ("torch", "gp"),
}


def make(name: str, preset: Preset, constant_mae: float, seed: int, most_seeds: int = 0) -> Rival:
    """`most_seeds`: with which one network can be had; 0: with any number. The rivals have one of each."""
    return Staged(preset, constant_mae, seed, most_seeds) if name == STAGED else RIVALS[name](preset, seed)


def lacking(name: str) -> str:
    """Why this rival cannot be had here, as a sentence's end; empty where it can."""
    if name not in NEEDS:
        return ""
    package, extra = NEEDS[name]
    return "" if find_spec(package) else f"needs {package}: pip install '.[{extra}]'"


INSTALLED = tuple(name for name in RIVALS if not lacking(name))  # what `all` means here


def chosen_rivals(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rivals that `text` names, and a sentence for each that is left out of `all`, as a package of it is not installed.

    Raises StudyError where a name is none of them, or where one that is named cannot be had.
    """
    if text == "all":
        skipped = tuple(f"{name} is left out: it {why}" for name in RIVALS if (why := lacking(name)))
        return INSTALLED, skipped
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in RIVALS]
    if unknown or not names:
        raise StudyError(f"--rivals are among {', '.join(RIVALS)}; got {', '.join(unknown) or repr(text)}")
    if missing := [f"{name} {why}" for name in names if (why := lacking(name))]:
        raise StudyError("; ".join(missing))
    return names, ()
