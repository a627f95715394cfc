"""What nobody has seen on a GPU yet, tried on the one that is here: each part with a finding of its own."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.architecture import Architecture
from models.training.cards import HIDING, visible_gpus
from models.training.device_errors import named
from models.training.settings import Precision, Training
from search.machine.card import own_card
from search.workers.local import asked_of_a_worker

NO_GPU = "no GPU here"
STEPS = 4
MOST_CHARACTERS = 300  # of an error


@dataclass(frozen=True)
class Tried:
    """What a few steps on the first GPU have shown, in half precision if the card has it in hardware."""

    precision: Precision
    capability: tuple[int, int]
    finite: bool  # the errors of all steps
    xla: bool
    joules: float | None  # None where the card has no counter, or its library is not installed
    free_bytes: int | None  # of the card, before and with this process on it
    free_with_it_bytes: int | None


def findings(
    architecture: Architecture,
    training: Training,
    image_px: int,
    gpus: Sequence[str],
    seconds: float,
) -> dict[str, str]:
    """By name; steps are trained only where there is a GPU, and for no longer than this."""
    if not gpus:
        return dict.fromkeys(said(None, {}), NO_GPU)
    at_best = replace(training, precision="auto", weights="")
    tried = asked_of_a_worker(steps_tried, architecture, at_best, image_px, seconds=seconds)
    return said(tried, {gpu: asked_of_a_worker(gpus_seen, gpu) for gpu in visible_gpus()})


def said(tried: Tried | str | None, alone: Mapping[str, int | None]) -> dict[str, str]:
    """A sentence for each part. `alone`: how many GPUs a worker sees that is given this one."""
    if not isinstance(tried, Tried):
        failed = f"not tried: {tried or 'the process that was to try it ended, or took too long'}"
        return dict.fromkeys(("gpu_precision", "gpu_xla", "gpu_memory_growth", "gpu_energy"), failed) | {
            "gpu_for_each_worker": one_each(alone)
        }
    errors = "finite" if tried.finite else "NOT FINITE"
    return {
        "gpu_precision": f"{tried.precision}, by compute capability {tried.capability[0]}.{tried.capability[1]}; the errors of {STEPS} steps are {errors}",
        "gpu_xla": f"{STEPS} compiled steps ran" if tried.xla else "the steps were not compiled",
        "gpu_memory_growth": memory_words(tried),
        "gpu_energy": f"{tried.joules:.1f} J for {STEPS} steps, and what their first needed"
        if tried.joules is not None
        else "the card has no counter, or nvidia-ml-py is not installed",
        "gpu_for_each_worker": one_each(alone),
    }


def memory_words(tried: Tried) -> str:
    if tried.free_bytes is None or tried.free_with_it_bytes is None:
        return "NVIDIA's library does not tell; `make install EXTRAS=dev,gpu` brings its package"
    took = tried.free_bytes - tried.free_with_it_bytes
    return f"{STEPS} steps took {took / 1e9:.1f} of the {tried.free_bytes / 1e9:.1f} GB that were free"


def one_each(alone: Mapping[str, int | None]) -> str:
    others = {gpu: count for gpu, count in alone.items() if count != 1}
    if others:
        counts = ", ".join(f"given {gpu} sees {count or 'nothing'}" for gpu, count in others.items())
        return f"NOT SO: a worker {counts}"
    return f"a worker that is given one of {', '.join(alone)} sees one GPU"


def steps_tried(architecture: Architecture, training: Training, image_px: int) -> Tried | str:
    """In a worker. What goes wrong is told in the words of TensorFlow or CUDA, whatever it is."""
    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.backend import tf

    import numpy as np

    from models.training.energy import meter
    from models.training.feed import feed
    from models.training.fit import compiled, new_trainer
    from models.training.precision import automatic, capability
    from search.workers.step_time import of_noise

    try:
        gpus, free, since = tf.config.list_physical_devices("GPU"), free_bytes(), meter()
        examples = of_noise(training.batch, image_px)
        trainer, rows = new_trainer(architecture, training, examples, image_px, 0), np.arange(training.batch)
        errors = []
        for _ in range(STEPS):
            for tensors, chosen in feed(examples).steps(training.batch, rows):
                trainer.train_step(tensors, chosen)
            errors.append(float(trainer.error_sum))
        able = capability(gpus[0]) if gpus else (0, 0)
        return Tried(automatic(), able, bool(np.isfinite(errors).all()), compiled(), since(), free, free_bytes())
    except Exception as error:
        return named(error, MOST_CHARACTERS)


def free_bytes() -> int | None:
    """Of the first card that this process may see."""
    here = own_card()
    return here.free_bytes if here else None


def gpus_seen(gpu: str) -> int:
    """In a worker that is given this one, as a trial is."""
    os.environ[HIDING] = gpu
    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.backend import tf

    return len(tf.config.list_physical_devices("GPU"))
