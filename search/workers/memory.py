"""What to say of a network that did not fit the device: never done silently, since another batch is another experiment."""

from models.cost import cost, training_bytes
from models.training.settings import Precision
from search.workers.job import Job


def what_would_fit(job: Job, precision: Precision) -> str:
    """The estimated need at the job's batch and at smaller ones, in the precision that it was trained in."""
    counted = cost(job.architecture, job.image_px)
    half = precision in ("mixed_float16", "mixed_bfloat16")
    batches = [job.training.batch // divisor for divisor in (1, 2, 4, 8) if job.training.batch >= divisor]
    needs = ", ".join(f"{training_bytes(counted, batch, half) / 1e9:.1f} GB at batch {batch}" for batch in batches)
    return f"by estimate it needs {needs}; --batch changes the experiment, so it is for you to choose, for all trials alike"
