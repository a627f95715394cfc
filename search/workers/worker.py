"""The worker's side of one trial: train, checkpoint and report every epoch, leave the best epoch's predictions.

Runs in a process of its own, forked from a server that has imported this module, and with it TensorFlow, but touched
no device: so a trial starts at once, and the device's memory is given back however it ends. It never opens the database.
"""

import os
import resource
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from models.backend import keras, tf

import numpy as np

from data.cases import spread_cases
from data.preparation import DISK_FULL, DataError, no_space
from data.store.disk import Store, open_store
from models import saved
from models.cam import maps_of
from models.cost import cost, training_bytes
from models.network import ByStage
from models.pretrained.file import digest
from models.pretrained.start import start as begin
from models.training import energy
from models.training.cards import HIDING
from models.training.device_errors import at_fault, cause
from models.training.feed import feed
from models.training.fit import CountMismatch, new_trainer
from models.training.settings import Precision, TrainingError
from search.lease import LOOK_SECONDS, Fenced, superseded
from search.output.files import trouble
from search.output.time_words import duration
from search.workers.job import (
    NOT_FINITE,
    STOP,
    Crashed,
    EpochDone,
    Failed,
    Finished,
    Halted,
    Job,
    Message,
    Paused,
    Remark,
    Resumed,
    best_of,
    fingerprint,
)
from search.workers.left import checkpoint
from search.workers.left.best import (
    MAPS,
    MODEL,
    TEST,
    VALIDATION,
    begin_afresh,
    forget,
    leave,
    save_maps,
    save_predictions,
    settle,
)
from search.workers.left.checkpoint import Checkpoint

MAPPED_IMAGES = 6
FIRST_WORD_SECONDS, WORD_SECONDS = (
    10.0,
    30.0,
)  # of the first epoch's progress: when it is first told, and how often then

OF_ANOTHER = "its checkpoints are of another training (other settings, seed or data, or --deterministic added or left out): it starts again, and they are deleted"


MOST_CHARACTERS = 300  # of an error
# Kinds of errors in which TensorFlow passes on what CUDA and its libraries say. Others are bugs of ours, whatever they say.
OF_A_DEVICE = (
    tf.errors.InternalError,
    tf.errors.UnknownError,
    tf.errors.FailedPreconditionError,
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.NotFoundError,
    RuntimeError,  # where a device does not begin
)


def main(job: Job, connection: Connection) -> None:
    """In the worker process, once it has begun: train, and say how it ended."""
    stopping = threading.Event()
    threading.Thread(target=listen, args=(job, connection, stopping), daemon=True).start()
    connection.send(outcome(job, connection.send, stopping.is_set))


def listen(job: Job, connection: Connection, stopping: threading.Event) -> None:
    """Take the leader's order; end at once when the leader is gone, however it went: nobody would read the result.

    So does one whose leader sleeps, and has lost its work to another.
    """
    try:
        while True:
            if connection.poll(LOOK_SECONDS):
                if connection.recv() == STOP:
                    stopping.set()
            elif superseded(job.lease, job.token):
                os._exit(1)
    except (EOFError, OSError):
        os._exit(1)


def use_devices(job: Job) -> None:
    if job.gpu:
        os.environ[HIDING] = job.gpu
    if job.threads:
        tf.config.threading.set_intra_op_parallelism_threads(job.threads)
        tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if job.gpu and not gpus:  # it would train on the CPU, for days, and beside others that do not
        raise RuntimeError(
            f"TensorFlow sees no GPU {job.gpu}: name those that it sees with {HIDING}, lower --workers, or take --device cpu"
        )


def outcome(
    job: Job, send: Callable[[Message], None], stopping: Callable[[], bool] = lambda: False
) -> Finished | Failed | Paused | Halted | Crashed:
    """Train to the end and say how it ended; only bugs of ours become Crashed."""
    if refused := device_refused():
        return Failed(job.number, "device_error", refused)
    try:
        whole = run(job, send, stopping)
    except tf.errors.ResourceExhaustedError as error:
        return out_of_memory(job, error)
    except OF_A_DEVICE as error:
        match at_fault(str(error)):
            case "out_of_memory":
                return out_of_memory(job, error)
            case "device_error":
                return Failed(job.number, "device_error", cause(str(error), MOST_CHARACTERS))
        return Crashed(job.number, traceback.format_exc())
    except FloatingPointError as error:
        return Failed(job.number, NOT_FINITE, str(error))
    except CountMismatch as error:
        return Failed(job.number, "count_mismatch", str(error))
    except (DataError, Fenced, TrainingError) as error:
        return Halted(job.number, str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return Halted(job.number, no_space(job.folder, error))
        if isinstance(error, OSError) and (said := trouble(error, (job.folder, job.store))):
            return Halted(job.number, said)
        return Crashed(job.number, traceback.format_exc())
    if not whole:
        return Paused(job.number)
    return Finished(job.number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def device_refused() -> str:
    """Why this process' devices do not begin, which says nothing of a network; empty where they do."""
    try:
        tf.config.list_logical_devices()
    except Exception as error:
        said = cause(str(error), MOST_CHARACTERS)
        return f"other processes have taken its memory: {said}" if at_fault(said) == "out_of_memory" else said
    return ""


def out_of_memory(job: Job, error: Exception) -> Failed:
    return Failed(
        job.number, "out_of_memory", f"{what_would_fit(job, computed_in())}. {cause(str(error), MOST_CHARACTERS)}"
    )


def run(job: Job, send: Callable[[Message], None], stopping: Callable[[], bool]) -> bool:
    """Train from where the trial's checkpoint is; whether it came to the last epoch."""
    store = open_store(job.store)
    if store.digest != job.data:
        raise DataError(
            f"{job.store} has changed since the search began: put the same data back, or use another --run-dir"
        )
    validation, examples = store.split("validation"), store.split("train")
    test = feed(store.split("test")) if job.test else None
    seen = mapped(store) if job.maps else None
    training = fingerprint(job)
    damaged: list[str] = []
    before = checkpoint.latest(job.folder, training, damaged.append)
    for sentence in damaged:
        on = f"it resumes after epoch {len(before.epochs)}" if before else "it starts again"
        send(Remark(job.number, f"{sentence}; {on}"))
    if not before and checkpoint.another(job.folder, training):
        send(Remark(job.number, OF_ANOTHER))
    settings = replace(job.training, precision=before.precision) if before else job.training
    stages: ByStage = {}
    trainer = new_trainer(job.architecture, settings, examples, store.image_px, job.seed, job.deterministic, stages)
    epochs: list[EpochDone] = []
    predictions = np.empty(0, np.float32)
    if before:
        trainer.restore(before.variables)
        epochs, predictions = list(before.epochs), before.predictions
        save_predictions(job.folder / VALIDATION, predictions)  # those on disk may be of an epoch that is trained anew
        send(Resumed(job.number, before.epochs))
    elif job.start:
        trainer.model.set_weights(saved.load(job.start).get_weights())
    elif job.weights_digest:
        send(Remark(job.number, from_weights(job, stages)))
    if job.afresh and not before:
        begin_afresh(job.folder)
    for name in (TEST, MAPS, MODEL):
        forget(job.folder, name, len(epochs))
    joules, on_gpu = energy.meter(), bool(tf.config.list_physical_devices("GPU"))
    told = first_steps(job, len(epochs) + 1, send)
    remaining = (
        ()
        if out_of_patience(epochs, job.patience)
        else trainer.epochs(examples, validation, job.seed, len(epochs), told, job.epochs_before)
    )
    with checkpoint.in_background() as writing:
        for epoch in remaining:
            writing.wait()  # what follows takes the place of files that belong to the checkpoint before
            refuse_superseded(job)
            done = EpochDone(
                job.number,
                epoch.epoch,
                epoch.train_mae,
                epoch.validation_mae,
                epoch.seconds,
                epoch.images_per_second,
                conditions(job, trainer.batch),
                epoch.loss,
                epoch.learning_rate,
                joules() if on_gpu else None,
            )
            if not epochs or epoch.validation_mae < min(earlier.validation_mae for earlier in epochs):
                predictions = epoch.predictions.astype(np.float32)
                save_predictions(job.folder / VALIDATION, predictions)
                if test is not None:
                    leave(job.folder, TEST, epoch.epoch, partial(save_predictions, predictions=trainer.predict(test)))
                if seen is not None:
                    maps = maps_of(trainer.model, epoch.features(seen), validation.male[seen])
                    leave(job.folder, MAPS, epoch.epoch, partial(save_maps, rows=validation.rows[seen], maps=maps))
                if job.keep and epoch.validation_mae < job.keep_below:
                    leave(job.folder, MODEL, epoch.epoch, partial(saved.save, trainer.model))
            epochs.append(done)
            # The checkpoint has no name here, which would keep it until the next one: 0.9 GB of 78M parameters.
            writing.begin(
                partial(
                    save_and_tell,
                    job,
                    training,
                    Checkpoint(tuple(epochs), predictions, trainer.variables(), computed_in()),
                    send,
                )
            )
            if out_of_patience(epochs, job.patience):
                break
            if (stopping() or epoch.epoch == job.until) and epoch.epoch < job.training.epochs:
                return False
    best = best_of(epochs).epoch
    for name in (TEST, MAPS, MODEL):
        settle(job.folder, name, best)
    return True


def save_and_tell(job: Job, training: str, state: Checkpoint, send: Callable[[Message], None]) -> None:
    """The leader hears of an epoch once it is safe; meanwhile the next one trains.

    In a thread of its own. The other one sends nothing meanwhile: only of a leg's first epoch, before there is anything to save.
    """
    refuse_superseded(job)
    checkpoint.save(job.folder, training, state)
    send(state.epochs[-1])


def refuse_superseded(job: Job) -> None:
    if superseded(job.lease, job.token):
        raise Fenced("another process has taken over what this trial is part of")


def from_weights(job: Job, by_stage: ByStage) -> str:
    """Start the network from the file of weights that its settings name; which of it starts so."""
    path = Path(job.training.weights)
    if digest(path) != job.weights_digest:
        raise DataError(f"{path} has changed since the search began: put the same file back, or use another --run-dir")
    return begin(by_stage, job.architecture, path).sentence


def first_steps(job: Job, epoch: int, send: Callable[[Message], None]) -> Callable[[int, int], None]:
    """Says how far the first epoch is, for somebody who waits for this one network; a search has others to tell of."""
    started, next_at = time.monotonic(), [FIRST_WORD_SECONDS]

    def told(done: int, steps: int) -> None:
        passed = time.monotonic() - started
        if not job.tells_steps or done == steps or passed < next_at[0]:
            return
        next_at[0] = passed + WORD_SECONDS
        left = duration(passed / done * (steps - done))
        send(
            Remark(
                job.number,
                f"epoch {epoch} of {job.training.epochs}: step {done:,} of {steps:,}, about {left} left of it",
            )
        )

    return told


def out_of_patience(epochs: Sequence[EpochDone], patience: int) -> bool:
    """Whether the last `patience` epochs were none better than the best before them; never where that is 0."""
    if not patience or not epochs:
        return False
    best = best_of(epochs).epoch
    return epochs[-1].epoch - best >= patience


def conditions(job: Job, batch: int) -> str:
    """What may differ between trials of a study, and with it their numbers: such trials make no pair."""
    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return f"{device}, {computed_in()}, batch {batch}" + (", deterministic" if job.deterministic else "")


def computed_in() -> Precision:
    """The precision of this process' network."""
    precision: Precision = keras.mixed_precision.dtype_policy().name
    return precision


def what_would_fit(job: Job, precision: Precision) -> str:
    """Of a network that did not fit the device: the estimated need at the job's batch and at smaller ones, in this precision.

    A smaller batch is never taken silently, since it is another experiment.
    """
    counted = cost(job.architecture, job.image_px)
    half = precision in ("mixed_float16", "mixed_bfloat16")
    batches = [job.training.batch // divisor for divisor in (1, 2, 4, 8) if job.training.batch >= divisor]
    needs = ", ".join(f"{training_bytes(counted, batch, half) / 1e9:.1f} GB at batch {batch}" for batch in batches)
    return f"it is estimated to need {needs}; another --batch is another experiment, so choose one for all trials"


def mapped(store: Store) -> np.ndarray:
    """Positions of the validation cases whose maps are left: half of them girls, spread evenly over the ages."""
    validation = store.cases[store.cases["split"] == "validation"].reset_index(drop=True)
    return spread_cases(validation, MAPPED_IMAGES).index.to_numpy(int)
