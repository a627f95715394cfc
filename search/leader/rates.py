"""Seconds of an epoch before a search is planned: as the run has measured them, as steps take that are timed here, or assumed."""

from models.cost import cost
from search.output.terminal import log
from search.planning.epoch_seconds import Timed, line
from search.planning.images import Images
from search.planning.plan import MEASURED, TIMED, Rate, assumed, smallest_and_largest
from search.run import Run
from search.storage.status import storage_exists
from search.workers.local import threads_of
from search.workers.step_time import step_times


def rate_of(run: Run, images: Images, workers: int, time_a_step: bool) -> Rate:
    """What the run has measured with as many workers, unless a step is to be timed; where there is neither, an assumption."""
    return (timed(run, images, workers) if time_a_step else measured(run, workers)) or assumed(images)


def measured(run: Run, workers: int) -> Rate | None:
    """None where no trial has ended yet with so many workers."""
    if not storage_exists(run):
        return None
    from search.leader.timings import history  # brings Optuna
    from search.storage.opening import open_storage

    past = history(open_storage(run.storage), run.folder)
    alike = next((one.alike for one in reversed(past) if one.workers == workers), None)
    fitted = line(past, alike) if alike else None
    return Rate(fitted, MEASURED) if fitted else None


def timed(run: Run, images: Images, workers: int) -> Rate:
    training, image_px = run.preset.training, run.preset.preparation.image_px
    log("timing steps of the smallest and the largest network of the first study")
    networks = smallest_and_largest(run.preset)
    took = []
    for network, step in zip(networks, step_times(networks, training, image_px, threads_of(workers)), strict=True):
        batches = images.train // training.batch, -(-images.validation // training.batch)
        epoch = batches[0] * step.train + batches[1] * step.validate
        # As in trials that have ended, an epoch has its share of what comes before the first.
        took.append(Timed(cost(network, image_px).macs, epoch + step.begin / training.epochs))
    fitted = line(took, took[0].alike)
    assert fitted is not None
    return Rate(fitted, TIMED)
