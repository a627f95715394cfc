"""What the storage holds of a trial beside its point and result: flat scalars, which the dashboard shows as columns."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from models.cost import Cost
from search.storage.checked.trained import network_attributes
from search.workers.job import EpochDone, Finished, Job, best_of, fingerprint

RESULT_ATTRIBUTES = (
    "best_epoch",
    "train_mae",
    "final_train_mae",
    "final_validation_mae",
    "train_mae_by_epoch",
    "seconds",
    "energy_joules",
    "images_per_second",
    "peak_memory_mb",
    "conditions",
    "folder",
    "exit_reason",
)


def description(job: Job, cost: Cost) -> dict[str, Any]:
    """What the trial is; known before it begins."""
    return network_attributes(job.architecture, cost) | {
        "params_m": round(cost.params / 1e6, 3),
        "gmacs": round(cost.macs / 1e9, 4),
        "gap_channels": cost.gap_channels,
        "seed": job.seed,
        "network": fingerprint(job),
    }


def results(epochs: Sequence[EpochDone], finished: Finished, workers: int) -> dict[str, Any]:
    """How it went, once it has trained to its end."""
    best = best_of(epochs)
    found = {
        "best_epoch": best.epoch,
        "train_mae": round(best.train_mae, 4),
        "final_train_mae": round(epochs[-1].train_mae, 4),
        "final_validation_mae": round(epochs[-1].validation_mae, 4),
        "train_mae_by_epoch": listed(epoch.train_mae for epoch in epochs),
        "seconds": round(sum(epoch.seconds for epoch in epochs), 1),
        "workers": workers,
        "images_per_second": round(statistics.median(epoch.images_per_second for epoch in epochs), 1),
        "peak_memory_mb": finished.peak_memory_mb,
        "conditions": ", then ".join(dict.fromkeys(epoch.conditions for epoch in epochs)),
        "exit_reason": "completed",
    }
    joules = [epoch.energy_joules for epoch in epochs if epoch.energy_joules is not None]
    if len(joules) == len(epochs):
        found["energy_joules"] = round(sum(joules))
    return found


def listed(maes: Iterable[float]) -> str:
    """As an attribute of a trial: without spaces, at which the dashboard's table of trials would break it into lines."""
    return ",".join(f"{mae:.4f}" for mae in maes)
