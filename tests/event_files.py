"""TensorBoard's event files, by TensorBoard's own reader."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from search.watch.tensorboard import FOLDER


def logs_of(run_folder: Path) -> list[EventAccumulator]:
    """The trials' logs, by their folders' names."""
    folders = sorted({path.parent for path in (run_folder / FOLDER).rglob("*tfevents*")})
    return [EventAccumulator(str(folder)).Reload() for folder in folders]
